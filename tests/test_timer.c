/* test_timer.c: sleeping, and the order in which deadlines come. */
#include "tasks.h"

#include "seed.h"
#include "sys.h"
#include "uring_abi.h"

static intptr_t sleep_and_note(void *letter_and_ms)
{
    const char *text = letter_and_ms;
    int rc = bide_sleep(BIDE_MS(atoi(text + 1)));
    if (rc == 0)
        note(text[0]);
    return rc;
}

/* Start a sleeper, as "letter, milliseconds". */
static bide_task *sleeper(const char *text)
{
    return spawn(sleep_and_note, (void *)(uintptr_t)text);
}

VIRTUAL_TEST(sleepers_wake_in_the_order_of_their_deadlines)
{
    sleeper("c30"), sleeper("a10"), sleeper("d40"), sleeper("b20");
    ck_assert_int_eq(bide_sleep(BIDE_MS(100)), 0);
    expect_journal("abcd");
    return 0;
}

VIRTUAL_TEST(sleepers_of_one_deadline_wake_in_the_order_in_which_they_began)
{
    sleeper("a5"), sleeper("b5"), sleeper("c5"), sleeper("d5"), sleeper("e5");
    ck_assert_int_eq(bide_sleep(BIDE_MS(100)), 0);
    expect_journal("abcde");
    return 0;
}

VIRTUAL_TEST(a_sleep_takes_just_as_long_as_it_should)
{
    bide_time spans[] = {1, BIDE_US(1), BIDE_MS(1), BIDE_SEC(1),
                         BIDE_SEC(100000)};
    for (size_t i = 0; i < LENGTH(spans); i++) {
        bide_time before = bide_now();
        ck_assert_int_eq(bide_sleep(spans[i]), 0);
        ck_assert_int_eq(bide_now() - before, spans[i]);
    }
    return 0;
}

VIRTUAL_TEST(a_sleep_of_nothing_lets_the_others_run_once)
{
    spawn(note_it, NUM('a'));
    spawn(note_it, NUM('b'));
    ck_assert_int_eq(bide_sleep(0), 0);
    expect_journal("ab");
    ck_assert_int_eq(clock_ms(), 0);
    return 0;
}

VIRTUAL_TEST(a_negative_span_is_refused)
{
    ck_assert_int_eq(bide_sleep(-1), -EINVAL);
    ck_assert_int_eq(bide_sleep(INT64_MIN), -EINVAL);
    return 0;
}

VIRTUAL_TEST(a_deadline_of_now_or_of_the_past_is_no_sleep)
{
    bide_time past[] = {bide_now(), bide_now() - 1, 0, -1, INT64_MIN};
    for (size_t i = 0; i < LENGTH(past); i++)
        ck_assert_int_eq(bide_sleep_until(past[i]), 0);
    ck_assert_int_eq(clock_ms(), 0);
    return 0;
}

VIRTUAL_TEST(a_deadline_is_computed_without_overflow)
{
    bide_time now = bide_now();
    ck_assert_int_eq(bide_after(0), now);
    ck_assert_int_eq(bide_after(5), now + 5);
    ck_assert_int_eq(bide_after(-5), now - 5);
    ck_assert_int_eq(bide_after(BIDE_FOREVER), BIDE_FOREVER);
    ck_assert_int_eq(bide_after(BIDE_FOREVER - now), BIDE_FOREVER);
    ck_assert_int_eq(bide_after(BIDE_FOREVER - now - 1), BIDE_FOREVER - 1);
    return 0;
}

VIRTUAL_TEST(an_endless_sleep_ends_with_a_cancel)
{
    bide_task *tasks[] = {spawn(sleep_for_ever, NULL),
                          spawn(sleep_ms, NUM(BIDE_FOREVER / 1000000))};
    ck_assert_int_eq(bide_sleep(BIDE_SEC(1000)), 0);
    for (size_t i = 0; i < LENGTH(tasks); i++) {
        bide_cancel(tasks[i]);
        ck_assert_int_eq(bide_await(tasks[i]), -ECHILD);
    }
    ck_assert(no_timer_left());
    return 0;
}

VIRTUAL_TEST(ten_thousand_cancelled_sleepers_leave_no_timer)
{
    static bide_task *tasks[MANY_TASKS];
    for (int i = 0; i < MANY_TASKS; i++)
        tasks[i] = spawn(sleep_ms, NUM(1000 + i % 777));
    turns(1);
    for (int i = MANY_TASKS; i-- > 0;)
        bide_cancel(tasks[i]);
    turns(1);
    ck_assert(no_timer_left());
    ck_assert_int_eq(clock_ms(), 0);
    return 0;
}

static int last_rank;

static intptr_t sleep_and_rank(void *rank)
{
    int i = (int)VALUE(rank), mine = i % 100 * 1000 + i / 100;
    int rc = bide_sleep(BIDE_MS(1 + i % 100));
    if (rc == 0) {
        ck_assert_int_gt(mine, last_rank);
        last_rank = mine;
    }
    return rc;
}

/* Of a thousand, each third cancelled, the others wake in their order: ten of
 * each deadline, in that of their sleeps. */
static void wake_a_thousand(void)
{
    static bide_task *tasks[1000];
    last_rank = -1;
    for (int i = 0; i < 1000; i++)
        tasks[i] = spawn(sleep_and_rank, NUM(i));
    turns(1);
    for (int i = 0; i < 1000; i += 3)
        bide_cancel(tasks[i]);
    for (int i = 0; i < 1000; i++) {
        ck_assert_int_eq(result_of(tasks[i]), i % 3 ? 0 : -ECANCELED);
        bide_release(tasks[i]);
    }
    ck_assert(no_timer_left());
}

VIRTUAL_TEST(a_thousand_sleepers_wake_in_the_order_of_their_deadlines)
{
    wake_a_thousand();
    wake_a_thousand();
    return 0;
}

static void *no_map(size_t bytes, int prot, int flags, int fd, off_t offset,
                    int *error)
{
    (void)bytes, (void)prot, (void)flags, (void)fd, (void)offset;
    *error = -ENOMEM;
    return NULL;
}

VIRTUAL_TEST(sleepers_wake_in_their_order_where_no_memory_is_left)
{
    void *(*map)(size_t, int, int, int, off_t, int *) = bi_sys.map;
    static bide_task *tasks[1000];
    for (int i = 0; i < 1000; i++)
        tasks[i] = spawn(sleep_ms, NUM(0));
    for (int i = 0; i < 1000; i++) {
        ck_assert_int_eq(result_of(tasks[i]), 0);
        bide_release(tasks[i]);
    }
    bi_sys.map = no_map; /* the stacks are there, nodes of timers are not */
    wake_a_thousand();
    bi_sys.map = map;
    return 0;
}

/* From a nanosecond to some thirteen days, as likely short as long. */
static bide_time any_span(uint64_t *lots)
{
    uint64_t lot = bi_seed_draw(lots);
    return 1 + (bide_time)(lot >> (14 + lot % 50));
}

static intptr_t sleep_often(void *seed)
{
    uint64_t lots = (uint64_t)VALUE(seed);
    for (int i = 0; i < 20; i++) {
        bide_time deadline = bide_after(any_span(&lots));
        int rc = bide_sleep_until(deadline);
        if (rc < 0)
            return rc;
        ck_assert_int_eq(bide_now(), deadline);
    }
    return 0;
}

VIRTUAL_TEST(sleeps_of_all_lengths_end_when_they_should)
{
    static bide_task *tasks[1000];
    uint64_t lots = 3;
    for (int i = 0; i < 1000; i++)
        tasks[i] = spawn(sleep_often, NUM(i + 1));
    for (int i = 0; i < 1000; i += 5) {
        ck_assert_int_eq(bide_sleep(any_span(&lots) >> 8), 0);
        bide_cancel(tasks[i]);
    }
    for (int i = 0; i < 1000; i++) {
        intptr_t rc = result_of(tasks[i]);
        ck_assert(rc == 0 || (i % 5 == 0 && rc == -ECANCELED));
        bide_release(tasks[i]);
    }
    ck_assert(no_timer_left());
    return 0;
}

VIRTUAL_TEST(computing_past_several_deadlines_wakes_the_earliest_first)
{
    sleeper("b20"), sleeper("a10"), sleeper("c30");
    turns(1);
    compute(BIDE_MS(50));
    ck_assert_int_eq(bide_sleep(BIDE_MS(1)), 0);
    expect_journal("abc");
    return 0;
}

/* Who wakes first: the sleeper or, its deadline set earlier, this task? */
static void meet_sleeper(bool moved)
{
    struct bide_scope s;
    bide_time deadline = bide_after(BIDE_MS(10));
    bide_scope_open(&s, deadline);
    sleeper("a10");
    turns(1);
    if (moved)
        ck_assert_int_eq(bide_scope_set_deadline(&s, deadline), 0);
    ck_assert_int_eq(bide_sleep_until(BIDE_FOREVER), -ETIMEDOUT);
    note('m');
    bide_scope_close(&s, 0);
    turns(1);
}

VIRTUAL_TEST(a_moved_deadline_takes_a_new_place_among_equals)
{
    meet_sleeper(false);
    expect_journal("ma");
    meet_sleeper(true);
    expect_journal("maam");
    return 0;
}

REAL_TEST(a_real_sleep_is_not_shorter_than_it_should_be)
{
    bide_time before = bide_now();
    ck_assert_int_eq(bide_sleep(BIDE_MS(20)), 0);
    ck_assert_int_ge(bide_now() - before, BIDE_MS(20));
    return 0;
}

/* ---- Many sleepers ------------------------------------------------------ */

static struct bi_sys real;
static bide_time latest_wake; /* that the kernel was asked for */

/* How long a call would wait, or 0: it is no wait for a time. */
static bide_time wait_of(long number, const long *args)
{
    if (number == SYS_epoll_pwait && args[3] > 0)
        return BIDE_MS(args[3]);
    const struct timespec *ts = NULL;
    if (number == SYS_epoll_pwait2)
        ts = (void *)(uintptr_t)args[3];
    if (number == SYS_io_uring_enter && args[4]) {
        const struct bi_uring_limit *limit = (void *)(uintptr_t)args[4];
        ts = (void *)(uintptr_t)limit->time;
    }
    return ts ? BIDE_SEC(ts->tv_sec) + ts->tv_nsec : 0;
}

static long watching_call(long number, long a, long b, long c, long d, long e,
                          long f)
{
    bide_time span = wait_of(number, (long[]){a, b, c, d, e, f});
    if (span > 0 && bide_now() + span > latest_wake)
        latest_wake = bide_now() + span;
    return real.call(number, a, b, c, d, e, f);
}

static void watch_calls(void)
{
    real = bi_sys;
    latest_wake = 0;
    bi_sys.call = watching_call;
}

static void watch_no_calls(void)
{
    bi_sys = real;
}

REAL_TEST(many_sleepers_are_woken_a_little_late_and_several_at_once)
{
    if (bi_annotate_serialises() && backend_is("io_uring")) {
        leave_out(__func__, "the loop waits in little pieces here");
        return 0;
    }
    bide_time deadline;
    bide_task *tasks[100];
    for (size_t i = 0; i < LENGTH(tasks); i++)
        tasks[i] = spawn(sleep_ms, NUM(1000));
    do {
        deadline = bide_after(BIDE_MS(5));
        ck_assert_int_eq(bide_sleep_until(deadline), 0);
    } while (latest_wake == 0); /* so slow that there was no need to wait */
    ck_assert_int_ge(latest_wake, deadline + BIDE_US(100));
    for (size_t i = 0; i < LENGTH(tasks); i++)
        bide_cancel(tasks[i]);
    return 0;
}

Suite *suite_timer(void)
{
    Suite *suite = suite_create("timer");
    TCase *t = tcase_create("timer");
    tcase_add_checked_fixture(t, clear_journal, NULL);
    tcase_add_test(t, sleepers_wake_in_the_order_of_their_deadlines);
    tcase_add_test(
        t, sleepers_of_one_deadline_wake_in_the_order_in_which_they_began);
    tcase_add_test(t, a_sleep_takes_just_as_long_as_it_should);
    tcase_add_test(t, a_sleep_of_nothing_lets_the_others_run_once);
    tcase_add_test(t, a_negative_span_is_refused);
    tcase_add_test(t, a_deadline_of_now_or_of_the_past_is_no_sleep);
    tcase_add_test(t, a_deadline_is_computed_without_overflow);
    tcase_add_test(t, an_endless_sleep_ends_with_a_cancel);
    tcase_add_test(t, ten_thousand_cancelled_sleepers_leave_no_timer);
    tcase_add_test(t, a_thousand_sleepers_wake_in_the_order_of_their_deadlines);
    tcase_add_test(t, sleepers_wake_in_their_order_where_no_memory_is_left);
    tcase_add_test(t, sleeps_of_all_lengths_end_when_they_should);
    tcase_add_test(t,
                   computing_past_several_deadlines_wakes_the_earliest_first);
    tcase_add_test(t, a_moved_deadline_takes_a_new_place_among_equals);
    tcase_add_test(t, a_real_sleep_is_not_shorter_than_it_should_be);
    suite_add_tcase(suite, t);
    t = tcase_create("many");
    tcase_add_checked_fixture(t, watch_calls, watch_no_calls);
    tcase_add_test(t,
                   many_sleepers_are_woken_a_little_late_and_several_at_once);
    suite_add_tcase(suite, t);
    return suite;
}
