/* test_resolve.c: names that are looked up, and look-ups that are left behind.
 */
#include "names.h"

#include "doors.h"
#include "sys.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

#define PLACES 16 /* look-ups at once, as bide.h says */

/* An address as text: "127.0.0.1:80", "[::1]:80". */
static const char *text_of(const struct bide_address *a)
{
    static char text[80];
    char host[64];
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)&a->any;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&a->any;
    bool four = a->any.sa_family == AF_INET;
    ck_assert_uint_eq(a->len, four ? sizeof *v4 : sizeof *v6);
    inet_ntop(a->any.sa_family,
              four ? (const void *)&v4->sin_addr : &v6->sin6_addr, host,
              sizeof host);
    snprintf(text, sizeof text, four ? "%s:%d" : "[%s]:%d", host,
             ntohs(four ? v4->sin_port : v6->sin6_port));
    return text;
}

static int resolve(const char *host, const char *service)
{
    struct bide_address a[2];
    return bide_resolve(host, service, a, 2);
}

static intptr_t resolve_it(void *host)
{
    return resolve(host, "80");
}

/* ---- What is found ------------------------------------------------------ */

REAL_TEST(numeric_addresses_are_told_without_a_look_up)
{
    struct bide_address a;
    ck_assert_int_eq(bide_resolve("127.0.0.1", "80", &a, 1), 1);
    ck_assert_str_eq(text_of(&a), "127.0.0.1:80");
    ck_assert_int_eq(bide_resolve("::1", "65535", &a, 1), 1);
    ck_assert_str_eq(text_of(&a), "[::1]:65535");
    ck_assert_int_eq(bide_resolve("unix:/tmp/x", NULL, &a, 1), 1);
    ck_assert_int_eq(a.any.sa_family, AF_UNIX);
    ck_assert_uint_eq(names_asked(), 0);
    return 0;
}

REAL_TEST(a_name_has_its_addresses_in_order)
{
    struct bide_address a[4];
    name_is("three", "127.0.0.3 ::1 127.0.0.2");
    ck_assert_int_eq(bide_resolve("three", "80", a, 4), 3);
    ck_assert_str_eq(text_of(&a[0]), "127.0.0.3:80");
    ck_assert_str_eq(text_of(&a[1]), "[::1]:80");
    ck_assert_str_eq(text_of(&a[2]), "127.0.0.2:80");
    return 0;
}

REAL_TEST(no_more_addresses_are_stored_than_there_is_room_for)
{
    struct bide_address a[2] = {{.len = 0}, {.len = 77}};
    name_is("three", "127.0.0.3 ::1 127.0.0.2");
    ck_assert_int_eq(bide_resolve("three", "80", a, 1), 3);
    ck_assert_str_eq(text_of(&a[0]), "127.0.0.3:80");
    ck_assert_uint_eq(a[1].len, 77);
    ck_assert_int_eq(bide_resolve("three", "80", NULL, 0), 3);
    return 0;
}

REAL_TEST(of_a_name_with_too_many_addresses_the_first_are_told)
{
    static struct bide_address a[100];
    static char addresses[100 * 10 + 1];
    for (int i = 0; i < 100; i++)
        memcpy(addresses + i * 10, "127.0.0.1 ", 10);
    name_is("hundred", addresses);
    ck_assert_int_eq(bide_resolve("hundred", "80", a, 100), 64);
    ck_assert_str_eq(text_of(&a[63]), "127.0.0.1:80");
    return 0;
}

REAL_TEST(each_failure_of_a_look_up_has_its_code)
{
    static const int codes[] = {-ENOENT, -ENONET, -EREMOTEIO, -EINVAL, -ENOMEM};
    static const char *const hosts[] = {"a", "b", "c", "d", "e"};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        name_fails(hosts[i], codes[i]);
        ck_assert_int_eq(resolve(hosts[i], "80"), codes[i]);
    }
    name_is("empty", "");
    ck_assert_int_eq(resolve("empty", "80"), -ENOENT);
    ck_assert_int_eq(resolve("no-such-name", "80"), -ENOENT);
    return 0;
}

REAL_TEST(what_can_be_no_name_asks_nobody)
{
    static const char *const hosts[] = {
        "",      "1.2.3.256", "1.2.3.4.5", "host.7", "7.",   ":::1",
        "[::1]", "127.0.0.1 ", "a b",      "a/b",    "::g", "host:80"};
    static char longest[256];
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++)
        ck_assert_msg(resolve(hosts[i], "80") == -EINVAL, "%s", hosts[i]);
    ck_assert_int_eq(resolve(NULL, "80"), -EINVAL);
    ck_assert_int_eq(resolve("name", NULL), -EINVAL);
    ck_assert_int_eq(resolve("name", "65536"), -EINVAL);
    ck_assert_int_eq(resolve("name", "a b"), -EINVAL);
    memset(longest, 'n', 254);
    ck_assert_int_eq(resolve(longest, "80"), -ENAMETOOLONG);
    ck_assert_uint_eq(names_asked(), 0);
    longest[253] = '\0';
    ck_assert_int_eq(resolve(longest, "80"), -ENOENT);
    ck_assert_uint_eq(names_asked(), 1);
    return 0;
}

REAL_TEST(names_may_hold_marks_and_letters_of_other_scripts)
{
    static const char *const hosts[] = {"a-b_c.d", "3com.", "b\303\274cher",
                                        "7.a", "x1"};
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        name_is(hosts[i], "127.0.0.1");
        ck_assert_msg(resolve(hosts[i], "80") == 1, "%s", hosts[i]);
    }
    return 0;
}

REAL_TEST(errno_is_left_alone_by_a_look_up)
{
    errno = ELOOP;
    ck_assert_int_eq(resolve("no-such-name", "80"), -ENOENT);
    ck_assert_int_eq(errno, ELOOP);
    return 0;
}

REAL_TEST(the_resolver_of_the_system_knows_localhost)
{
    struct bide_address a[8];
    names_end();
    int n = bide_resolve("localhost", "80", a, 8);
    ck_assert_int_ge(n, 1);
    for (int i = 0; i < n && i < 8; i++)
        ck_assert(strcmp(text_of(&a[i]), "127.0.0.1:80") == 0 ||
                  strcmp(text_of(&a[i]), "[::1]:80") == 0);
    ck_assert_int_eq(resolve("localhost", "no-such-service"), -EINVAL);
    return 0;
}

/* ---- Threads ------------------------------------------------------------ */

static int refuse_thread(thrd_t *t, int (*run)(void *), void *arg)
{
    (void)t;
    (void)run;
    (void)arg;
    return -EAGAIN;
}

REAL_TEST(a_look_up_that_gets_no_thread_is_out_of_memory)
{
    name_is("one", "127.0.0.1");
    bi_sys.thread_start = refuse_thread;
    ck_assert_int_eq(resolve("one", "80"), -ENOMEM);
    names_end();
    names_begin();
    name_is("one", "127.0.0.1");
    ck_assert_int_eq(resolve("one", "80"), 1);
    return 0;
}

static intptr_t give_seven(void *unused)
{
    (void)unused;
    return 7;
}

REAL_TEST(look_ups_that_hang_hold_up_nothing_else)
{
    static bide_task *tasks[PLACES];
    char host[] = "one", path[64], c;
    name_is("one", "127.0.0.1");
    names_hang();
    for (int i = 0; i < PLACES; i++)
        tasks[i] = start(resolve_it, host);
    until_begun(PLACES);
    ck_assert_int_eq(bide_to_thread(give_seven, NULL), 7);
    int fd = bide_open(fresh_path(path), O_RDWR | O_CREAT, 0600);
    ck_assert_int_eq(bide_write(fd, "x", 1), 1);
    ck_assert_int_eq(bide_fsync(fd), 0);
    ck_assert_int_eq(bide_pread(fd, &c, 1, 0), 1);
    bide_close(fd);
    unlink(path);
    names_let_go(PLACES);
    for (int i = 0; i < PLACES; i++)
        ck_assert_int_eq(end_of(tasks[i]), 1);
    return 0;
}

REAL_TEST(a_look_up_that_found_no_place_is_taken_back)
{
    static bide_task *tasks[PLACES + 1];
    char host[] = "one";
    name_is("one", "127.0.0.1");
    names_hang();
    for (int i = 0; i < PLACES; i++)
        tasks[i] = start(resolve_it, host);
    until_begun(PLACES);
    ck_assert_int_eq(within(BIDE_MS(1), resolve_it, host), -ETIMEDOUT);
    names_let_go(PLACES);
    for (int i = 0; i < PLACES; i++)
        ck_assert_int_eq(end_of(tasks[i]), 1);
    ck_assert_uint_eq(names_asked(), PLACES);
    return 0;
}

/* ---- Look-ups that are left behind -------------------------------------- */

REAL_TEST(a_look_up_is_refused_in_a_cancelled_scope)
{
    char host[] = "one", numeric[] = "127.0.0.1";
    ck_assert_int_eq(refused(resolve_it, host), -ECANCELED);
    ck_assert_int_eq(refused(resolve_it, numeric), -ECANCELED);
    ck_assert_uint_eq(names_asked(), 0);
    return 0;
}

static intptr_t resolve_in_scope(void *scope)
{
    bide_scope_open(scope, BIDE_FOREVER);
    return bide_scope_close(scope, resolve("one", "80"));
}

REAL_TEST(a_deadline_ends_a_look_up_that_hangs)
{
    struct bide_scope scope = {0};
    names_hang();
    bide_task *task = start(resolve_in_scope, &scope);
    until_begun(1);
    bide_scope_set_deadline(&scope, bide_now());
    ck_assert_int_eq(end_of(task), -ETIMEDOUT);
    names_let_go(1);
    until_ended(1);
    return 0;
}

REAL_TEST(an_abandoned_look_up_works_on_its_own_memory)
{
    char host[] = "abandoned";
    names_hang();
    bide_task *task = start(resolve_it, host);
    until_begun(1);
    bide_cancel(task);
    ck_assert_int_eq(end_of(task), -ECANCELED);
    memset(host, 'x', sizeof host - 1);
    names_let_go(1);
    until_ended(1);
    ck_assert_str_eq(name_asked(), "abandoned");
    return 0;
}

static intptr_t abandon_one(void *host)
{
    names_hang();
    bide_task *task = start(resolve_it, host);
    until_begun(1);
    bide_cancel(task);
    ck_assert_int_eq(end_of(task), -ECANCELED);
    return 0;
}

static intptr_t wait_for_its_end(void *unused)
{
    (void)unused;
    until_ended(1);
    return 0;
}

START_TEST(the_end_of_a_run_does_not_wait_for_a_look_up_that_hangs)
{
    char host[] = "one";
    ck_assert_int_eq(run_task(abandon_one, host), 0);
    names_let_go(1);
    ck_assert_int_eq(run_task(wait_for_its_end, NULL), 0);
}
END_TEST

static intptr_t resolve_in_child(void *unused)
{
    (void)unused;
    return resolve("one", "80");
}

START_TEST(a_task_that_waits_for_a_look_up_is_no_deadlock)
{
    name_is("one", "127.0.0.1");
    ck_assert_int_eq(run_virtual(resolve_in_child, NULL), 1);
}
END_TEST

Suite *suite_resolve(void)
{
    Suite *s = suite_create("resolve");
    TCase *t = tcase_create("found");
    tcase_add_checked_fixture(t, names_begin, names_end);
    tcase_add_test(t, numeric_addresses_are_told_without_a_look_up);
    tcase_add_test(t, a_name_has_its_addresses_in_order);
    tcase_add_test(t, no_more_addresses_are_stored_than_there_is_room_for);
    tcase_add_test(t, of_a_name_with_too_many_addresses_the_first_are_told);
    tcase_add_test(t, each_failure_of_a_look_up_has_its_code);
    tcase_add_test(t, what_can_be_no_name_asks_nobody);
    tcase_add_test(t, names_may_hold_marks_and_letters_of_other_scripts);
    tcase_add_test(t, errno_is_left_alone_by_a_look_up);
    tcase_add_test(t, the_resolver_of_the_system_knows_localhost);
    suite_add_tcase(s, t);
    t = tcase_create("threads");
    tcase_add_checked_fixture(t, names_begin, names_end);
    tcase_add_test(t, a_look_up_that_gets_no_thread_is_out_of_memory);
    tcase_add_test(t, look_ups_that_hang_hold_up_nothing_else);
    tcase_add_test(t, a_look_up_that_found_no_place_is_taken_back);
    suite_add_tcase(s, t);
    t = tcase_create("left behind");
    tcase_add_checked_fixture(t, names_begin, names_end);
    tcase_add_test(t, a_look_up_is_refused_in_a_cancelled_scope);
    tcase_add_test(t, a_deadline_ends_a_look_up_that_hangs);
    tcase_add_test(t, an_abandoned_look_up_works_on_its_own_memory);
    tcase_add_test(t,
                   the_end_of_a_run_does_not_wait_for_a_look_up_that_hangs);
    tcase_add_test(t, a_task_that_waits_for_a_look_up_is_no_deadlock);
    suite_add_tcase(s, t);
    return s;
}
