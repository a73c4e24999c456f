/* test_ticker.c: points in time at equal distances. */
#include "tasks.h"

static struct bide_ticker ticker;

static void start(enum bide_missed missed)
{
    ck_assert_int_eq(bide_ticker_init(&ticker, BIDE_MS(10), missed), 0);
}

/* The next tick comes at `ms` and tells of so many missed. */
static void expect_tick(intptr_t ms, int64_t missed)
{
    ck_assert_int_eq(bide_ticker_wait(&ticker), missed);
    ck_assert_int_eq(clock_ms(), ms);
}

VIRTUAL_TEST(ticks_come_at_equal_distances)
{
    start(BIDE_MISSED_SKIP);
    for (intptr_t ms = 10; ms <= 50; ms += 10) {
        expect_tick(ms, 0);
        compute(BIDE_MS(7)); /* work between ticks moves none of them */
    }
    return 0;
}

VIRTUAL_TEST(in_a_burst_missed_ticks_come_at_once)
{
    start(BIDE_MISSED_BURST);
    compute(BIDE_MS(35));
    expect_tick(35, 2);
    expect_tick(35, 1);
    expect_tick(35, 0);
    expect_tick(40, 0);
    return 0;
}

VIRTUAL_TEST(skipped_ticks_are_left_out_and_the_next_comes_when_it_would)
{
    start(BIDE_MISSED_SKIP);
    compute(BIDE_MS(35));
    expect_tick(35, 2);
    expect_tick(40, 0);
    compute(BIDE_MS(10));
    expect_tick(50, 0); /* just in time */
    return 0;
}

VIRTUAL_TEST(after_a_delay_the_next_tick_comes_a_whole_period_later)
{
    start(BIDE_MISSED_DELAY);
    compute(BIDE_MS(35));
    expect_tick(35, 2);
    expect_tick(45, 0);
    return 0;
}

VIRTUAL_TEST(a_cancelled_wait_takes_no_tick)
{
    struct bide_scope s;
    start(BIDE_MISSED_BURST);
    bide_scope_open(&s, bide_after(BIDE_MS(4)));
    ck_assert_int_eq(bide_ticker_wait(&ticker), -ETIMEDOUT);
    bide_scope_close(&s, 0);
    expect_tick(10, 0);
    return 0;
}

VIRTUAL_TEST(a_period_of_for_ever_does_not_overflow)
{
    struct bide_scope s;
    ck_assert_int_eq(bide_ticker_init(&ticker, BIDE_FOREVER, 0), 0);
    bide_scope_open(&s, bide_after(BIDE_SEC(3600)));
    ck_assert_int_eq(bide_ticker_wait(&ticker), -ETIMEDOUT);
    bide_scope_close(&s, 0);
    return 0;
}

static intptr_t wait_for_nothing(void *unused)
{
    (void)unused;
    ticker = (struct bide_ticker){0};
    return bide_ticker_wait(&ticker) < 0;
}

START_TEST(a_ticker_without_a_period_is_refused)
{
    ck_assert_int_eq(bide_ticker_init(&ticker, 0, BIDE_MISSED_SKIP), -EINVAL);
    ck_assert_int_eq(bide_ticker_init(&ticker, -1, BIDE_MISSED_SKIP), -EINVAL);
    ck_assert_int_eq(bide_ticker_init(&ticker, 1, 3), -EINVAL);
    expect_contract(wait_for_nothing, "bide_ticker_wait", "period", NULL);
}
END_TEST

Suite *suite_ticker(void)
{
    Suite *suite = suite_create("ticker");
    TCase *t = tcase_create("ticker");
    tcase_add_test(t, ticks_come_at_equal_distances);
    tcase_add_test(t, in_a_burst_missed_ticks_come_at_once);
    tcase_add_test(
        t, skipped_ticks_are_left_out_and_the_next_comes_when_it_would);
    tcase_add_test(t, after_a_delay_the_next_tick_comes_a_whole_period_later);
    tcase_add_test(t, a_cancelled_wait_takes_no_tick);
    tcase_add_test(t, a_period_of_for_ever_does_not_overflow);
    tcase_add_test(t, a_ticker_without_a_period_is_refused);
    suite_add_tcase(suite, t);
    return suite;
}
