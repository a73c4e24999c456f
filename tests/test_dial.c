/* test_dial.c: a host with several addresses, of which not all answer. */
#include "names.h"

#include "pair.h"
#include "sys.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

/* Only a failure starts the next attempt. */
static const struct bide_dial_options patient = {.attempt_delay = BIDE_FOREVER};
/* The next attempt starts at once, or almost. */
static const struct bide_dial_options hasty = {.attempt_delay = BIDE_MS(1)};

/* The peer's, or with `own` this side's, IPv4 address. */
static const char *address_of(int fd, bool own)
{
    static char text[INET_ADDRSTRLEN];
    struct sockaddr_in addr;
    socklen_t len = sizeof addr;
    int rc = own ? getsockname(fd, (struct sockaddr *)&addr, &len)
                 : getpeername(fd, (struct sockaddr *)&addr, &len);
    ck_assert_int_eq(rc, 0);
    return inet_ntop(AF_INET, &addr.sin_addr, text, sizeof text);
}

static void check_dial(const char *host, const char *port,
                       const struct bide_dial_options *opt, const char *peer)
{
    int fd = bide_dial_with(host, port, opt);
    ck_assert_msg(fd >= 0, "%s", strerrorname_np(-fd));
    ck_assert_str_eq(address_of(fd, false), peer);
    ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
    ck_assert(fcntl(fd, F_GETFL) & O_NONBLOCK);
    bide_close(fd);
}

/* A listener at `host` that is there but lets nobody in, until it is closed:
 * its queue is full. */
struct deaf {
    int listener, callers[2];
};

static struct deaf listen_deaf(const char *host, char port[8])
{
    struct deaf d = {.listener = bide_listen(host, "0", 1)};
    ck_assert_int_ge(d.listener, 0);
    snprintf(port, 8, "%d", listener_port(d.listener));
    for (int i = 0; i < 2; i++)
        ck_assert_int_ge(d.callers[i] = bide_dial(host, port), 0);
    return d;
}

static void close_deaf(struct deaf d)
{
    bide_close(d.callers[0]);
    bide_close(d.callers[1]);
    bide_close(d.listener);
}

/* ---- One after the other ------------------------------------------------ */

REAL_TEST(a_name_is_dialled)
{
    char port[8] = "";
    int listener = listen_at("127.0.0.1", port);
    name_is("one", "127.0.0.1");
    check_dial("one", port, NULL, "127.0.0.1");
    bide_close(listener);
    return 0;
}

REAL_TEST(a_name_that_nobody_knows_is_not_dialled)
{
    name_fails("later", -ENONET);
    ck_assert_int_eq(bide_dial("nobody", "80"), -ENOENT);
    ck_assert_int_eq(bide_dial("later", "80"), -ENONET);
    return 0;
}

REAL_TEST(an_address_that_fails_starts_the_next_at_once)
{
    char port[8] = "";
    int listener = listen_at("127.0.0.4", port);
    name_is("four", "127.0.0.1 127.0.0.2 127.0.0.3 127.0.0.4");
    check_dial("four", port, &patient, "127.0.0.4");
    bide_close(listener);
    return 0;
}

REAL_TEST(the_first_address_that_answers_is_taken)
{
    char port[8] = "";
    int first = listen_at("127.0.0.1", port);
    int second = listen_at("127.0.0.2", port);
    name_is("two", "127.0.0.1 127.0.0.2");
    check_dial("two", port, &patient, "127.0.0.1");
    ck_assert(!is_ready(second, POLLIN));
    bide_close(first);
    bide_close(second);
    return 0;
}

REAL_TEST(an_address_that_hangs_is_overtaken_by_the_next)
{
    char port[8];
    struct deaf deaf = listen_deaf("127.0.0.1", port);
    int listener = listen_at("127.0.0.2", port);
    name_is("two", "127.0.0.1 127.0.0.2");
    check_dial("two", port, &hasty, "127.0.0.2");
    bide_close(listener);
    close_deaf(deaf);
    return 0;
}

REAL_TEST(where_all_fail_the_first_failure_is_told)
{
    char port[8] = "";
    int listener = listen_at("127.0.0.1", port);
    bide_close(listener);
    name_is("two", "127.0.0.1 127.0.0.2");
    ck_assert_int_eq(bide_dial_with("two", port, &patient), -ECONNREFUSED);
    ck_assert_int_eq(bide_dial_with("two", port, &hasty), -ECONNREFUSED);
    return 0;
}

static intptr_t dial_two(void *port)
{
    return bide_dial_with("two", port, &hasty);
}

/* The harness sees that no descriptor is left. */
REAL_TEST(a_dial_that_is_cancelled_leaves_no_attempt_open)
{
    char port[8];
    struct deaf deaf = listen_deaf("127.0.0.1", port);
    name_is("two", "127.0.0.1 127.0.0.1");
    ck_assert_int_eq(within(BIDE_MS(5), dial_two, port), -ETIMEDOUT);
    close_deaf(deaf);
    return 0;
}

static intptr_t dial_at_once(void *host)
{
    static const struct bide_dial_options at_once = {.attempt_delay = 1};
    return bide_dial_with(host, "0", &at_once);
}

/* Both wait for a place in the queue, and get one.  The harness sees that no
 * descriptor is left. */
REAL_TEST(of_two_connections_in_one_moment_one_is_closed)
{
    char host[] = "same", name[80] = "unix:", twice[200];
    int fds[4], listener;
    fresh_path(name + 5);
    snprintf(twice, sizeof twice, "%s %s", name, name);
    name_is(host, twice);
    for (int round = 0; round < 10; round++) {
        ck_assert_int_ge(listener = bide_listen(name, NULL, 1), 0);
        for (int i = 0; i < 2; i++)
            ck_assert_int_ge(fds[i] = bide_dial(name, NULL), 0);
        bide_task *task = start(dial_at_once, host);
        bide_sleep(BIDE_MS(2));
        for (int i = 0; i < 2; i++)
            ck_assert_int_ge(fds[2 + i] = accept(listener, NULL, NULL), 0);
        int fd = (int)end_of(task);
        ck_assert_int_ge(fd, 0);
        bide_close(fd);
        for (int i = 0; i < 4; i++)
            bide_close(fds[i]);
        bide_close(listener);
    }
    unlink(name + 5);
    return 0;
}

/* ---- The order ---------------------------------------------------------- */

static int families[16];
static unsigned family_count;
static long (*true_call)(long, long, long, long, long, long, long);

static long note_family(long number, long a, long b, long c, long d, long e,
                        long f)
{
    if (number == SYS_socket)
        families[family_count++] = (int)a;
    return true_call(number, a, b, c, d, e, f);
}

REAL_TEST(the_families_take_turns)
{
    static const int expected[] = {AF_INET, AF_INET6, AF_INET,
                                   AF_INET6, AF_INET, AF_INET};
    name_is("six", "127.0.0.1 127.0.0.1 127.0.0.1 127.0.0.1 ::1 ::1");
    true_call = bi_sys.call;
    bi_sys.call = note_family;
    ck_assert_int_lt(bide_dial_with("six", "1", &patient), 0);
    ck_assert_uint_eq(family_count, 6);
    for (unsigned i = 0; i < 6; i++)
        ck_assert_int_eq(families[i], expected[i]);
    return 0;
}

/* ---- The local address -------------------------------------------------- */

REAL_TEST(a_local_address_is_used)
{
    char port[8] = "";
    int listener = listen_at("127.0.0.1", port);
    struct bide_dial_options opt = {.local_host = "127.0.0.9"};
    int fd = bide_dial_with("127.0.0.1", port, &opt);
    ck_assert_int_ge(fd, 0);
    ck_assert_str_eq(address_of(fd, true), "127.0.0.9");
    bide_close(fd);
    bide_close(listener);
    return 0;
}

REAL_TEST(of_a_local_name_the_first_address_that_is_here_is_used)
{
    char port[8] = "";
    int listener = listen_at("127.0.0.1", port);
    struct bide_dial_options opt = {.local_host = "ours"};
    name_is("ours", "::1 203.0.113.1 127.0.0.9");
    int fd = bide_dial_with("127.0.0.1", port, &opt);
    ck_assert_int_ge(fd, 0);
    ck_assert_str_eq(address_of(fd, true), "127.0.0.9");
    bide_close(fd);
    bide_close(listener);
    return 0;
}

REAL_TEST(addresses_without_a_local_one_of_their_family_are_skipped)
{
    char port[8] = "";
    int listener = listen_at("127.0.0.1", port);
    struct bide_dial_options opt = patient;
    opt.local_host = "127.0.0.1";
    name_is("mixed", "::1 127.0.0.1");
    name_is("six", "::1 ::1");
    check_dial("mixed", port, &opt, "127.0.0.1");
    bide_close(listener);
    ck_assert_int_eq(bide_dial_with("mixed", port, &opt), -ECONNREFUSED);
    ck_assert_int_eq(bide_dial_with("six", port, &opt), -EAFNOSUPPORT);
    ck_assert_int_eq(bide_dial_with("::1", port, &opt), -EAFNOSUPPORT);
    return 0;
}

REAL_TEST(a_local_address_that_cannot_be_had_is_told)
{
    struct bide_dial_options opt = {.local_host = "203.0.113.1"};
    ck_assert_int_eq(bide_dial_with("127.0.0.1", "1", &opt), -EADDRNOTAVAIL);
    opt.local_host = "nobody";
    name_is("one", "127.0.0.1");
    ck_assert_int_eq(bide_dial_with("one", "1", &opt), -ENOENT);
    opt = (struct bide_dial_options){.attempt_delay = -1};
    ck_assert_int_eq(bide_dial_with("127.0.0.1", "1", &opt), -EINVAL);
    return 0;
}

Suite *suite_dial(void)
{
    Suite *s = suite_create("dial");
    TCase *t = tcase_create("addresses");
    tcase_add_checked_fixture(t, names_begin, names_end);
    tcase_add_test(t, a_name_is_dialled);
    tcase_add_test(t, a_name_that_nobody_knows_is_not_dialled);
    tcase_add_test(t, an_address_that_fails_starts_the_next_at_once);
    tcase_add_test(t, the_first_address_that_answers_is_taken);
    tcase_add_test(t, an_address_that_hangs_is_overtaken_by_the_next);
    tcase_add_test(t, where_all_fail_the_first_failure_is_told);
    tcase_add_test(t, a_dial_that_is_cancelled_leaves_no_attempt_open);
    tcase_add_test(t, of_two_connections_in_one_moment_one_is_closed);
    tcase_add_test(t, the_families_take_turns);
    suite_add_tcase(s, t);
    t = tcase_create("local");
    tcase_add_checked_fixture(t, names_begin, names_end);
    tcase_add_test(t, a_local_address_is_used);
    tcase_add_test(t, of_a_local_name_the_first_address_that_is_here_is_used);
    tcase_add_test(t,
                   addresses_without_a_local_one_of_their_family_are_skipped);
    tcase_add_test(t, a_local_address_that_cannot_be_had_is_told);
    suite_add_tcase(s, t);
    return s;
}
