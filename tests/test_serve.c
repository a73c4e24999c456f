/* test_serve.c: a task a client: how many at once, and how a server ends. */
#include "names.h"

#include "annotate.h"
#include "pair.h"
#include "tasks.h"

#include <stdio.h>
#include <sys/resource.h>

static char port[8];

/* A server, as the argument of a task. */
struct serving {
    int listener;
    bide_serve_fn *handler;
    void *arg;
    struct bide_serve_options opt;
};

static intptr_t serve(void *arg)
{
    struct serving *s = arg;
    return bide_serve(s->listener, s->handler, s->arg, &s->opt);
}

static bide_task *start_server(struct serving *s)
{
    *port = '\0';
    s->listener = listen_at("127.0.0.1", port);
    return start(serve, s);
}

static int dial(void)
{
    int fd = bide_dial("127.0.0.1", port);
    ck_assert_int_ge(fd, 0);
    return fd;
}

/* ---- Handlers ----------------------------------------------------------- */

static intptr_t echo(int fd, void *unused)
{
    char buf[64];
    ssize_t n, sent = 0;
    (void)unused;
    while (sent >= 0 && (n = bide_read(fd, buf, sizeof buf)) > 0)
        sent = bide_write_all(fd, buf, (size_t)n);
    return n < 0 ? n : 0;
}

static void check_echo(int fd)
{
    char back[6] = "";
    ck_assert_int_eq(bide_write_all(fd, "hello", 5), 5);
    ck_assert_int_eq(bide_read_all(fd, back, 5), 5);
    ck_assert_str_eq(back, "hello");
}

/* What clients were told when they ended, and how many there were. */
static intptr_t verdict;
static unsigned now, most, ended;

static intptr_t wait_for_event(int fd, void *event)
{
    (void)fd;
    now++;
    most = now > most ? now : most;
    verdict = bide_event_wait(event);
    now--;
    ended++;
    return verdict;
}

static intptr_t fail_with(int fd, void *code)
{
    (void)fd;
    return (intptr_t)code;
}

static void until(const unsigned *number, unsigned n)
{
    while (*number < n)
        ck_assert_int_eq(bide_sleep(BIDE_US(100)), 0);
}

/* Whether the other side has closed. */
static bool is_closed(int fd)
{
    char c;
    return bide_read(fd, &c, 1) == 0;
}

/* ---- Serving ------------------------------------------------------------ */

REAL_TEST(each_client_has_a_task_and_its_descriptor_is_closed_behind_it)
{
    struct bide_server server = {0};
    struct serving s = {.handler = echo, .opt = {.server = &server}};
    bide_task *task = start_server(&s);
    int one = dial(), two = dial();
    check_echo(two);
    check_echo(one);
    check_echo(two);
    bide_shutdown(one, SHUT_WR);
    ck_assert(is_closed(one));
    bide_close(one);
    bide_close(two);
    bide_server_stop(&server, BIDE_FOREVER);
    ck_assert_int_eq(end_of(task), 0);
    ck_assert_uint_eq(heard.count, 0);
    return 0;
}

static intptr_t ask_and_leave(void *unused)
{
    (void)unused;
    int fd = dial();
    check_echo(fd);
    bide_close(fd);
    return 0;
}

enum { BOUND = 100 };

/* The first wait until there are as many as may be. */
static intptr_t echo_when_full(int fd, void *full)
{
    now++;
    most = now > most ? now : most;
    if (now == BOUND)
        bide_event_set(full);
    intptr_t rc = bide_event_wait(full);
    rc = rc < 0 ? rc : echo(fd, NULL);
    now--;
    ended++;
    return rc;
}

REAL_TEST(two_thousand_clients_at_a_bound_of_a_hundred)
{
    enum { CLIENTS = 2000 };
    static struct bide_call calls[CLIENTS];
    struct bide_server server = {0};
    struct bide_event full = {0};
    struct serving s = {.handler = echo_when_full, .arg = &full,
                        .opt = {.server = &server, .client_limit = BOUND}};
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    size_t fit = limit.rlim_max / 2 < CLIENTS ? limit.rlim_max / 2 : CLIENTS;
    bide_task *task = start_server(&s);
    for (size_t i = 0; i < fit; i++)
        calls[i] = (struct bide_call){ask_and_leave, NULL, 0};
    ck_assert_int_eq(bide_gather(calls, fit, BIDE_FAIL_FAST), 0);
    ck_assert_uint_eq(most, BOUND);
    bide_server_stop(&server, BIDE_FOREVER);
    ck_assert_int_eq(end_of(task), 0);
    ck_assert_uint_eq(ended, fit);
    return 0;
}

REAL_TEST(beyond_the_bound_nobody_is_accepted_until_one_has_ended)
{
    struct bide_server server = {0};
    struct bide_event event = {0};
    struct serving s = {.handler = wait_for_event, .arg = &event,
                        .opt = {.server = &server, .client_limit = 2}};
    bide_task *task = start_server(&s);
    int fds[3] = {dial(), dial(), dial()};
    until(&now, 2);
    ck_assert_int_eq(bide_sleep(BIDE_MS(2)), 0);
    ck_assert_uint_eq(now, 2);
    bide_event_set(&event);
    until(&ended, 3);
    ck_assert_uint_eq(most, 2);
    bide_server_stop(&server, 0);
    ck_assert_int_eq(end_of(task), 0);
    for (int i = 0; i < 3; i++)
        bide_close(fds[i]);
    return 0;
}

/* For the pause of 100 ms nothing is accepted; then it goes on. */
REAL_TEST(a_server_without_descriptors_goes_on_when_there_are_some)
{
    struct bide_server server = {0};
    struct serving s = {.handler = echo, .opt = {.server = &server}};
    struct rlimit limit, low;
    bide_task *task = start_server(&s);
    int fd = foreign_dial(atoi(port));
    getrlimit(RLIMIT_NOFILE, &limit);
    low = limit;
    low.rlim_cur = (rlim_t)fd + 1;
    setrlimit(RLIMIT_NOFILE, &low);
    settle();
    setrlimit(RLIMIT_NOFILE, &limit);
    check_echo(fd);
    bide_close(fd);
    bide_server_stop(&server, BIDE_FOREVER);
    ck_assert_int_eq(end_of(task), 0);
    return 0;
}

/* ---- Stopping ----------------------------------------------------------- */

REAL_TEST(a_stop_lets_nobody_in_and_those_inside_finish)
{
    struct bide_server server = {0};
    struct serving s = {.handler = echo, .opt = {.server = &server}};
    bide_task *task = start_server(&s);
    int fd = dial();
    check_echo(fd);
    ck_assert(!bide_server_stopping(&server));
    bide_server_stop(&server, BIDE_FOREVER);
    ck_assert(bide_server_stopping(&server));
    settle();
    ck_assert_int_eq(bide_dial("127.0.0.1", port), -ECONNREFUSED);
    check_echo(fd);
    ck_assert(!bide_task_done(task));
    bide_close(fd);
    ck_assert_int_eq(end_of(task), 0);
    return 0;
}

REAL_TEST(a_stop_without_a_grace_cancels_the_clients)
{
    struct bide_server server = {0};
    struct bide_event never = {0};
    struct serving s = {.handler = wait_for_event, .arg = &never,
                        .opt = {.server = &server}};
    bide_task *task = start_server(&s);
    int fd = dial();
    until(&now, 1);
    bide_server_stop(&server, 0);
    ck_assert_int_eq(end_of(task), 0);
    ck_assert_int_eq(verdict, -ETIMEDOUT);
    ck_assert(is_closed(fd));
    ck_assert_uint_eq(heard.count, 0);
    bide_close(fd);
    return 0;
}

REAL_TEST(when_the_grace_is_over_the_clients_are_cancelled)
{
    struct bide_server server = {0};
    struct bide_event never = {0};
    struct serving s = {.handler = wait_for_event, .arg = &never,
                        .opt = {.server = &server}};
    bide_task *task = start_server(&s);
    int fd = dial();
    until(&now, 1);
    bide_server_stop(&server, BIDE_SEC(1000));
    settle();
    ck_assert_uint_eq(now, 1);
    bide_server_stop(&server, BIDE_MS(1)); /* moves its end */
    ck_assert_int_eq(end_of(task), 0);
    ck_assert_int_eq(verdict, -ETIMEDOUT);
    bide_close(fd);
    return 0;
}

REAL_TEST(a_server_that_was_stopped_before_does_not_begin)
{
    struct bide_server server = {0};
    struct serving s = {.handler = echo, .opt = {.server = &server}};
    bide_server_stop(&server, 0);
    ck_assert_int_eq(end_of(start_server(&s)), 0);
    ck_assert_int_eq(bide_dial("127.0.0.1", port), -ECONNREFUSED);
    bide_server_stop(&server, 0); /* and after its end that does nothing */
    return 0;
}

/* ---- Cancelled ---------------------------------------------------------- */

REAL_TEST(a_cancelled_server_gives_its_clients_their_grace)
{
    struct bide_event event = {0};
    struct serving s = {.handler = wait_for_event, .arg = &event,
                        .opt = {.grace = BIDE_SEC(1000)}};
    bide_task *task = start_server(&s);
    int fd = dial();
    until(&now, 1);
    bide_cancel(task);
    settle();
    ck_assert_uint_eq(now, 1);
    ck_assert_int_eq(bide_dial("127.0.0.1", port), -ECONNREFUSED);
    bide_event_set(&event);
    ck_assert_int_eq(end_of(task), -ECANCELED);
    ck_assert_int_eq(verdict, 0);
    bide_close(fd);
    return 0;
}

REAL_TEST(without_a_grace_a_cancel_reaches_the_clients)
{
    struct bide_event never = {0};
    struct serving s = {.handler = wait_for_event, .arg = &never};
    bide_task *task = start_server(&s);
    int fd = dial();
    until(&now, 1);
    bide_cancel(task);
    ck_assert_int_eq(end_of(task), -ECANCELED);
    ck_assert_uint_eq(ended, 1);
    ck_assert_int_lt(verdict, 0);
    ck_assert_uint_eq(heard.count, 0);
    bide_close(fd);
    return 0;
}

REAL_TEST(a_deadline_ends_a_server)
{
    struct serving s = {.handler = echo};
    *port = '\0';
    s.listener = listen_at("127.0.0.1", port);
    ck_assert_int_eq(within(BIDE_MS(1), serve, &s), -ETIMEDOUT);
    ck_assert_int_eq(bide_dial("127.0.0.1", port), -ECONNREFUSED);
    return 0;
}

/* The harness sees that the listener is closed. */
REAL_TEST(a_server_that_is_refused_closes_its_listener)
{
    struct serving s = {.handler = echo};
    *port = '\0';
    s.listener = listen_at("127.0.0.1", port);
    ck_assert_int_eq(refused(serve, &s), -ECANCELED);
    *port = '\0';
    s.listener = listen_at("127.0.0.1", port);
    s.handler = NULL;
    ck_assert_int_eq(serve(&s), -EINVAL);
    *port = '\0';
    s = (struct serving){.handler = echo, .opt = {.grace = -1}};
    s.listener = listen_at("127.0.0.1", port);
    ck_assert_int_eq(serve(&s), -EINVAL);
    return 0;
}

/* ---- Errors ------------------------------------------------------------- */

REAL_TEST(the_error_of_a_handler_is_heard_and_the_server_goes_on)
{
    struct bide_server server = {0};
    struct serving s = {.handler = fail_with, .arg = NUM(-EPROTO),
                        .opt = {.server = &server}};
    bide_task *task = start_server(&s);
    for (unsigned i = 1; i <= 3; i++) {
        int fd = dial();
        ck_assert(is_closed(fd));
        ck_assert_uint_eq(heard.count, i);
        ck_assert_int_eq(heard.code, -EPROTO);
        bide_close(fd);
    }
    bide_server_stop(&server, 0);
    ck_assert_int_eq(end_of(task), 0);
    return 0;
}

static intptr_t cancel_oneself(int fd, void *unused)
{
    char c;
    (void)unused;
    bide_cancel(bide_self());
    return bide_read(fd, &c, 1);
}

REAL_TEST(a_handler_that_was_cancelled_is_no_error)
{
    struct bide_server server = {0};
    struct serving s = {.handler = cancel_oneself, .opt = {.server = &server}};
    bide_task *task = start_server(&s);
    int fd = dial();
    ck_assert(is_closed(fd));
    bide_close(fd);
    ck_assert_uint_eq(heard.count, 0);
    bide_server_stop(&server, 0);
    ck_assert_int_eq(end_of(task), 0);
    return 0;
}

REAL_TEST(an_accept_that_fails_for_good_ends_the_server)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(bide_serve(fd, echo, NULL, NULL), -EINVAL);
    ck_assert_int_eq(bide_serve(-1, echo, NULL, NULL), -EBADF);
    return 0;
}

REAL_TEST(a_listener_that_is_closed_ends_the_server_and_its_clients)
{
    struct bide_event event = {0};
    struct serving s = {.handler = wait_for_event, .arg = &event,
                        .opt = {.grace = BIDE_SEC(1000)}};
    bide_task *task = start_server(&s);
    int fd = dial();
    until(&now, 1);
    bide_close(s.listener);
    settle();
    ck_assert(!bide_task_done(task));
    bide_event_set(&event);
    ck_assert_int_eq(end_of(task), -EBADF);
    ck_assert_int_eq(verdict, 0);
    bide_close(fd);
    return 0;
}

/* ---- Misuse ------------------------------------------------------------- */

static const char *const doors[] = {
    "bide_resolve",    "bide_dial",  "bide_dial_with",   "bide_listen",
    "bide_listen_with", "bide_listen_all", "bide_serve", "bide_server_stop",
    "bide_fdopen"};
static size_t door;

static void open_door(void)
{
    int fds[2];
    struct bide_address found;
    struct bide_server server = {0};
    switch (door) {
    case 0: (void)!bide_resolve("::1", "80", &found, 1); break;
    case 1: (void)!bide_dial("::1", "80"); break;
    case 2: (void)!bide_dial_with("::1", "80", NULL); break;
    case 3: (void)!bide_listen("::1", "0", 0); break;
    case 4: (void)!bide_listen_with("::1", "0", NULL); break;
    case 5: (void)!bide_listen_all("::1", "0", NULL, fds, 2); break;
    case 6: (void)!bide_serve(0, echo, NULL, NULL); break;
    case 7: bide_server_stop(&server, 0); break;
    case 8: (void)!bide_fdopen(0, "r"); break;
    }
}

START_TEST(a_door_that_is_used_outside_a_task_says_so)
{
    char text[512], sentence[80];
    door = (size_t)_i;
    snprintf(sentence, sizeof sentence, "%s was called outside a task",
             doors[door]);
    ck_assert_int_ne(in_child(open_door, text, sizeof text), 0);
    ck_assert_msg(strstr(text, sentence), "%s", text);
}
END_TEST

static intptr_t serve_twice(void *unused)
{
    struct bide_server server = {0};
    struct serving s = {.handler = echo, .opt = {.server = &server}};
    (void)unused;
    start_server(&s);
    bide_sleep(BIDE_MS(1));
    return serve(&s);
}

START_TEST(one_server_serves_once_at_a_time)
{
    expect_contract(serve_twice, "bide_serve", "serving already", NULL);
}
END_TEST

Suite *suite_serve(void)
{
    Suite *s = suite_create("serve");
    TCase *t = tcase_create("serving");
    tcase_add_test(
        t, each_client_has_a_task_and_its_descriptor_is_closed_behind_it);
    tcase_add_test(t, two_thousand_clients_at_a_bound_of_a_hundred);
    tcase_add_test(t, beyond_the_bound_nobody_is_accepted_until_one_has_ended);
    add_if(!bi_annotate_valgrind,
           "Valgrind accepts beyond the limit, and closes it", t,
           a_server_without_descriptors_goes_on_when_there_are_some);
    suite_add_tcase(s, t);
    t = tcase_create("stopping");
    tcase_add_test(t, a_stop_lets_nobody_in_and_those_inside_finish);
    tcase_add_test(t, a_stop_without_a_grace_cancels_the_clients);
    tcase_add_test(t, when_the_grace_is_over_the_clients_are_cancelled);
    tcase_add_test(t, a_server_that_was_stopped_before_does_not_begin);
    suite_add_tcase(s, t);
    t = tcase_create("cancelled");
    tcase_add_test(t, a_cancelled_server_gives_its_clients_their_grace);
    tcase_add_test(t, without_a_grace_a_cancel_reaches_the_clients);
    tcase_add_test(t, a_deadline_ends_a_server);
    tcase_add_test(t, a_server_that_is_refused_closes_its_listener);
    suite_add_tcase(s, t);
    t = tcase_create("errors");
    tcase_add_test(t, the_error_of_a_handler_is_heard_and_the_server_goes_on);
    tcase_add_test(t, a_handler_that_was_cancelled_is_no_error);
    tcase_add_test(t, an_accept_that_fails_for_good_ends_the_server);
    tcase_add_test(t,
                   a_listener_that_is_closed_ends_the_server_and_its_clients);
    suite_add_tcase(s, t);
    t = tcase_create("misuse");
    tcase_add_loop_test(t, a_door_that_is_used_outside_a_task_says_so, 0,
                        (int)LENGTH(doors));
    tcase_add_test(t, one_server_serves_once_at_a_time);
    suite_add_tcase(s, t);
    return s;
}
