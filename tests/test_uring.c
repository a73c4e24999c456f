/* test_uring.c: operations under io_uring, where they differ from readiness:
 * the kernel has a record of each, so that full rings, cancels at every moment
 * and stacks that are used again are what can go wrong.
 */
#include "ring.h"

#include "harness.h"
#include "sys.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Far more operations than submissions, and than completions: 8 and 128. */
enum { ENTRIES = 8, MANY = 200 };

static struct bi_sys real;
static int pairs[MANY][2];

/* A task that receives into its own stack. */
struct receiver {
    int fd;    /* or -1: see that the stack stays as it is, for a moment */
    bide_task *task;
    char *buf; /* where, while it runs */
};

static const struct bide_spawn_options eager = {.flags = BIDE_EAGER};

static void set_up(void)
{
    real = bi_sys;
    unsetenv("BIDE_BACKEND");
}

static void tear_down(void)
{
    bi_sys = real;
}

/* Run `fn` as the main task, on a small ring. */
static void run(bide_fn *fn)
{
    struct bide_options opt = {.backend = BIDE_URING, .ring_entries = ENTRIES};
    ck_assert_int_eq(bide_run(fn, NULL, &opt), 0);
}

static void connect_pairs(int n)
{
    for (int i = 0; i < n; i++)
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pairs[i]), 0);
}

static void close_pairs(int n)
{
    for (int i = 0; i < n; i++) {
        ck_assert_int_eq(bide_close(pairs[i][0]), 0);
        ck_assert_int_eq(bide_close(pairs[i][1]), 0);
    }
}

static uint64_t submits(void)
{
    struct bide_stats stats;
    bide_stats(&stats);
    return stats.submits;
}

static void spawn(bide_task **out, bide_fn *fn, void *arg)
{
    ck_assert_int_eq(bide_spawn_with(out, fn, arg, &eager), 0);
}

static intptr_t result_of(bide_task *task)
{
    intptr_t result = -1;
    ck_assert_int_eq(bide_join(task, &result), 0);
    bide_release(task);
    return result;
}

/* The two uses share a frame, so that on one stack they share the bytes. */
static intptr_t receive(void *arg)
{
    struct receiver *r = arg;
    char buf[64] = "untouched";
    r->buf = buf;
    if (r->fd >= 0)
        return bide_recv(r->fd, buf, sizeof buf, 0);
    int rc = bide_sleep(BIDE_US(100));
    ck_assert_str_eq(buf, "untouched");
    return rc;
}

static void start_receiving(struct receiver *r, int fd)
{
    r->fd = fd;
    spawn(&r->task, receive, r);
    ck_assert(!bide_task_done(r->task));
}

/* The bytes that lie in the socket. */
static ssize_t left_in(int fd)
{
    char buf[64];
    return recv(fd, buf, sizeof buf, MSG_DONTWAIT);
}

/* ---- Rings that are full ---- */

static intptr_t receive_on_many(void *arg)
{
    (void)arg;
    static struct receiver receivers[MANY];
    connect_pairs(MANY);
    for (int i = 0; i < MANY; i++)
        start_receiving(&receivers[i], pairs[i][0]);
    for (int i = 0; i < MANY; i++)
        ck_assert_int_eq(write(pairs[i][1], "0123456789", 1 + i % 10),
                         1 + i % 10);
    for (int i = 0; i < MANY; i++)
        ck_assert_int_eq(result_of(receivers[i].task), 1 + i % 10);
    close_pairs(MANY);
    return 0;
}

START_TEST(more_receives_than_the_ring_has_entries_all_end)
{
    run(receive_on_many);
}
END_TEST

static intptr_t cancel_many(void *arg)
{
    (void)arg;
    static struct receiver receivers[MANY];
    connect_pairs(MANY);
    for (int i = 0; i < MANY; i++)
        start_receiving(&receivers[i], pairs[i][0]);
    ck_assert_int_eq(bide_sleep(BIDE_MS(1)), 0);
    for (int i = 0; i < MANY; i++)
        ck_assert(bide_cancel(receivers[i].task));
    for (int i = 0; i < MANY; i++)
        ck_assert_int_eq(result_of(receivers[i].task), -ECANCELED);
    close_pairs(MANY);
    return 0;
}

START_TEST(more_cancels_than_the_ring_has_entries_all_reach)
{
    run(cancel_many);
}
END_TEST

static intptr_t send_one(void *arg)
{
    return bide_send(*(int *)arg, "x", 1, 0);
}

static int sendto_calls;

static long count_sendto(long number, long a, long b, long c, long d, long e,
                         long f)
{
    sendto_calls += number == SYS_sendto;
    return real.call(number, a, b, c, d, e, f);
}

static intptr_t send_on_many(void *arg)
{
    (void)arg;
    static bide_task *senders[MANY];
    connect_pairs(MANY);
    bi_sys.call = count_sendto;
    uint64_t before = submits();
    for (int i = 0; i < MANY; i++)
        ck_assert_int_eq(bide_spawn(&senders[i], send_one, &pairs[i][0]), 0);
    for (int i = 0; i < MANY; i++)
        ck_assert_int_eq(result_of(senders[i]), 1);
    ck_assert_uint_le(submits() - before, 2 * MANY / ENTRIES);
    ck_assert_int_le(sendto_calls, 1); /* of the last one that was ready */
    for (int i = 0; i < MANY; i++)
        ck_assert_int_eq(left_in(pairs[i][1]), 1);
    close_pairs(MANY);
    return 0;
}

START_TEST(sends_of_many_tasks_share_system_calls)
{
    run(send_on_many);
}
END_TEST

static intptr_t turn_idly(void *arg)
{
    (void)arg;
    struct receiver r;
    connect_pairs(1);
    start_receiving(&r, pairs[0][0]);
    ck_assert_int_eq(bide_sleep(BIDE_MS(1)), 0);
    uint64_t before = submits();
    for (int i = 0; i < 10000; i++)
        ck_assert_int_eq(bide_yield(), 0);
    ck_assert_uint_eq(submits(), before);
    bide_cancel(r.task);
    ck_assert_int_eq(result_of(r.task), -ECANCELED);
    close_pairs(1);
    return 0;
}

START_TEST(turns_with_nothing_to_hand_over_make_no_system_call)
{
    run(turn_idly);
}
END_TEST

/* ---- Cancels, at every moment ---- */

/* A cancelled receive takes nothing of what comes later. */
static void nothing_is_taken(struct receiver *r)
{
    ck_assert(bide_cancel(r->task));
    ck_assert_int_eq(result_of(r->task), -ECANCELED);
    ck_assert_int_eq(write(pairs[0][1], "hello", 5), 5);
    ck_assert_int_eq(bide_sleep(BIDE_US(100)), 0);
    ck_assert_int_eq(left_in(pairs[0][0]), 5);
}

static intptr_t cancel_early(void *arg)
{
    (void)arg;
    struct receiver r;
    connect_pairs(1);
    uint64_t before = submits();
    start_receiving(&r, pairs[0][0]);
    ck_assert_uint_eq(submits(), before);
    nothing_is_taken(&r);
    close_pairs(1);
    return 0;
}

START_TEST(a_cancel_before_the_operation_is_submitted_ends_it)
{
    run(cancel_early);
}
END_TEST

static intptr_t cancel_in_flight(void *arg)
{
    (void)arg;
    struct receiver r;
    connect_pairs(1);
    start_receiving(&r, pairs[0][0]);
    ck_assert_int_eq(bide_sleep(BIDE_MS(1)), 0);
    nothing_is_taken(&r);
    close_pairs(1);
    return 0;
}

START_TEST(a_cancel_of_an_operation_in_flight_ends_it)
{
    run(cancel_in_flight);
}
END_TEST

static intptr_t cancel_late(void *arg)
{
    (void)arg;
    struct receiver r;
    connect_pairs(1);
    for (int i = 0; i < 100; i++) {
        start_receiving(&r, pairs[0][0]);
        if (i % 2)
            ck_assert_int_eq(bide_sleep(BIDE_US(100)), 0);
        ck_assert_int_eq(write(pairs[0][1], "hello", 5), 5);
        ck_assert(bide_cancel(r.task));
        intptr_t n = result_of(r.task);
        if (n == -ECANCELED)
            n = left_in(pairs[0][0]);
        ck_assert_int_eq(n, 5);
    }
    close_pairs(1);
    return 0;
}

START_TEST(a_cancel_after_the_data_came_loses_nothing)
{
    run(cancel_late);
}
END_TEST

static intptr_t reuse_stacks(void *arg)
{
    (void)arg;
    struct receiver r, guard;
    int reused = 0;
    connect_pairs(1);
    for (int i = 0; i < 100; i++) {
        start_receiving(&r, pairs[0][0]);
        if (i % 2)
            ck_assert_int_eq(bide_sleep(BIDE_US(100)), 0);
        ck_assert(bide_cancel(r.task));
        ck_assert_int_eq(result_of(r.task), -ECANCELED);
        start_receiving(&guard, -1);
        reused += guard.buf == r.buf;
        ck_assert_int_eq(write(pairs[0][1], "overwritten", 11), 11);
        ck_assert_int_eq(result_of(guard.task), 0);
        ck_assert_int_eq(left_in(pairs[0][0]), 11);
    }
    ck_assert_int_gt(reused, 0);
    close_pairs(1);
    return 0;
}

START_TEST(a_stack_that_is_used_again_is_never_written_to)
{
    run(reuse_stacks);
}
END_TEST

/* ---- Closing ---- */

static void close_under(struct receiver *r)
{
    ck_assert_int_eq(bide_close(pairs[0][0]), 0);
    ck_assert_int_eq(left_in(pairs[0][1]), 0); /* the end: nobody holds it */
    ck_assert_int_eq(result_of(r->task), -EBADF);
    ck_assert_int_eq(bide_close(pairs[0][1]), 0);
}

static intptr_t close_while_receiving(void *arg)
{
    (void)arg;
    struct receiver r;
    for (int i = 0; i < 20; i++) {
        connect_pairs(1);
        start_receiving(&r, pairs[0][0]);
        if (i % 2)
            ck_assert_int_eq(bide_sleep(BIDE_US(100)), 0);
        close_under(&r);
    }
    return 0;
}

START_TEST(a_peer_sees_the_end_as_soon_as_close_returns)
{
    run(close_while_receiving);
}
END_TEST

static intptr_t close_idle(void *arg)
{
    (void)arg;
    struct receiver r;
    connect_pairs(2);
    start_receiving(&r, pairs[1][0]);
    uint64_t before = submits();
    close_pairs(1);
    ck_assert_uint_eq(submits(), before);
    bide_cancel(r.task);
    ck_assert_int_eq(result_of(r.task), -ECANCELED);
    return 0;
}

START_TEST(a_close_where_nobody_waits_does_not_enter_the_ring)
{
    run(close_idle);
}
END_TEST

/* ---- The choice ---- */

static long forbid_uring(long number, long a, long b, long c, long d, long e,
                         long f)
{
    if (number == SYS_io_uring_setup)
        return -EPERM;
    return real.call(number, a, b, c, d, e, f);
}

static intptr_t expect_epoll(void *arg)
{
    (void)arg;
    struct bide_info info;
    bide_info(&info);
    ck_assert_str_eq(info.backend, "epoll");
    ck_assert_ptr_nonnull(strstr(info.backend_reason, "io_uring_setup"));
    return 0;
}

START_TEST(where_it_is_forbidden_epoll_is_taken_and_says_why)
{
    bi_sys.call = forbid_uring;
    ck_assert_int_eq(bide_run(expect_epoll, NULL, NULL), 0);
}
END_TEST

START_TEST(where_it_is_forbidden_to_demand_it_fails)
{
    bi_sys.call = forbid_uring;
    struct bide_options opt = {.backend = BIDE_URING};
    ck_assert_ptr_nonnull(freopen("/dev/null", "w", stderr));
    ck_assert_int_eq(bide_run(expect_epoll, NULL, &opt), -ENOSYS);
}
END_TEST

/* `why` there is no ring, if there is none. */
static void add_operations(TCase *t, bool ring, const char *why)
{
    add_if(ring, why, t, more_receives_than_the_ring_has_entries_all_end);
    add_if(ring, why, t, more_cancels_than_the_ring_has_entries_all_reach);
    add_if(ring, why, t, sends_of_many_tasks_share_system_calls);
    add_if(ring, why, t, turns_with_nothing_to_hand_over_make_no_system_call);
    add_if(ring, why, t, a_cancel_before_the_operation_is_submitted_ends_it);
    add_if(ring, why, t, a_cancel_of_an_operation_in_flight_ends_it);
    add_if(ring, why, t, a_cancel_after_the_data_came_loses_nothing);
    add_if(ring, why, t, a_stack_that_is_used_again_is_never_written_to);
    add_if(ring, why, t, a_peer_sees_the_end_as_soon_as_close_returns);
    add_if(ring, why, t, a_close_where_nobody_waits_does_not_enter_the_ring);
}

Suite *suite_uring(void)
{
    struct bi_ring ring;
    char why[200];
    Suite *s = suite_create("uring");
    TCase *t = tcase_create("uring");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_set_timeout(t, 20);
    tcase_add_test(t, where_it_is_forbidden_epoll_is_taken_and_says_why);
    tcase_add_test(t, where_it_is_forbidden_to_demand_it_fails);
    bool possible = bi_ring_open(&ring, ENTRIES, why, sizeof why) == 0;
    if (possible)
        bi_ring_close(&ring);
    add_operations(t, possible, why);
    suite_add_tcase(s, t);
    return s;
}
