/* test_race.c: staggered races and hedged calls. */
#include "tasks.h"

static struct bide_call call(bide_fn *fn, intptr_t value)
{
    return (struct bide_call){fn, NUM(value), 1234};
}

/* ---- Staggered ---------------------------------------------------------- */

/* Behaviour 58. */
VIRTUAL_TEST(a_first_entry_that_fails_at_once_lets_the_second_start_at_once)
{
    struct bide_call calls[] = {call(give, -EIO), call(sleep_ms, 5)};
    ck_assert_int_eq(bide_race_staggered(calls, 2, BIDE_SEC(10)), 1);
    ck_assert_int_eq(clock_ms(), 5);
    ck_assert_int_eq(calls[0].result, -EIO);
    ck_assert_int_eq(calls[1].result, 5);
    return 0;
}

VIRTUAL_TEST(each_entry_starts_a_delay_after_the_one_before)
{
    struct bide_call calls[] = {call(sleep_ms, 100), call(sleep_ms, 90),
                                call(sleep_ms, 20), call(note_it, 'x')};
    ck_assert_int_eq(bide_race_staggered(calls, 4, BIDE_MS(30)), 2);
    ck_assert_int_eq(clock_ms(), 80);
    ck_assert_int_eq(calls[0].result, -ECANCELED);
    ck_assert_int_eq(calls[3].result, -ECANCELED);
    expect_journal(""); /* the last was never started */
    return 0;
}

VIRTUAL_TEST(two_failures_of_one_moment_start_two_entries)
{
    struct bide_call calls[] = {call(fail_after_ms, 20),
                                call(fail_after_ms, 10), call(sleep_ms, 50),
                                call(sleep_ms, 7)};
    ck_assert_int_eq(bide_race_staggered(calls, 4, BIDE_MS(10)), 3);
    ck_assert_int_eq(clock_ms(), 27);
    return 0;
}

VIRTUAL_TEST(a_success_before_the_delay_starts_no_other)
{
    struct bide_call calls[] = {call(sleep_ms, 5), call(note_it, 'x')};
    ck_assert_int_eq(bide_race_staggered(calls, 2, BIDE_FOREVER), 0);
    ck_assert_int_eq(clock_ms(), 5);
    expect_journal("");
    return 0;
}

VIRTUAL_TEST(a_staggered_race_that_all_fail_tells_the_first_failure)
{
    struct bide_call calls[] = {call(give, -EPROTO), call(give, -EIO)};
    ck_assert_int_eq(bide_race_staggered(calls, 2, BIDE_FOREVER), -EPROTO);
    return 0;
}

VIRTUAL_TEST(without_a_delay_all_start_at_once)
{
    struct bide_call calls[] = {call(sleep_ms, 20), call(sleep_ms, 10)};
    ck_assert_int_eq(bide_race_staggered(calls, 2, 0), 1);
    ck_assert_int_eq(clock_ms(), 10);
    return 0;
}

VIRTUAL_TEST(a_late_staggered_race_has_ended_what_it_started)
{
    struct bide_call calls[] = {call(end_slowly, 3), call(sleep_for_ever, 0),
                                call(note_it, 'x')};
    struct bide_scope s;
    bide_scope_open(&s, bide_after(BIDE_MS(15)));
    ck_assert_int_eq(bide_race_staggered(calls, 3, BIDE_MS(10)), -ETIMEDOUT);
    ck_assert_int_eq(bide_race_staggered(calls, 3, BIDE_MS(10)), -ETIMEDOUT);
    bide_scope_close(&s, 0);
    ck_assert_int_eq(clock_ms(), 18);
    expect_journal("");
    return 0;
}

VIRTUAL_TEST(a_staggered_race_of_nothing_is_refused)
{
    struct bide_call calls[] = {call(give, 0), call(NULL, 0)};
    ck_assert_int_eq(bide_race_staggered(calls, 0, 0), -EINVAL);
    ck_assert_int_eq(bide_race_staggered(calls, 2, 0), -EINVAL);
    ck_assert_int_eq(bide_race_staggered(calls, 1, -1), -EINVAL);
    return 0;
}

/* ---- Hedged ------------------------------------------------------------- */

/* How each attempt fares: so many ms, then a result. */
static struct plan {
    intptr_t ms, result;
} plan[4];
static int begun, alive;

static intptr_t follow_plan(void *unused)
{
    struct plan *p = &plan[begun++];
    (void)unused;
    alive++;
    int rc = bide_sleep(BIDE_MS(p->ms));
    alive--;
    return rc < 0 ? rc : p->result;
}

static void forget(void)
{
    clear_journal();
    memset(plan, 0, sizeof plan);
    begun = alive = 0;
}

VIRTUAL_TEST(a_call_that_answers_in_time_is_made_once)
{
    plan[0] = (struct plan){5, 42};
    ck_assert_int_eq(bide_hedge(follow_plan, NULL, 3, BIDE_MS(10)), 42);
    ck_assert_int_eq(begun, 1);
    ck_assert_int_eq(clock_ms(), 5);
    return 0;
}

VIRTUAL_TEST(a_slow_call_is_made_again_and_the_first_answer_counts)
{
    plan[0] = (struct plan){100, 1};
    plan[1] = (struct plan){20, 2};
    plan[2] = (struct plan){15, 3};
    ck_assert_int_eq(bide_hedge(follow_plan, NULL, 3, BIDE_MS(10)), 2);
    ck_assert_int_eq(clock_ms(), 30);
    ck_assert_int_eq(begun, 3);
    ck_assert_int_eq(alive, 0); /* the others have ended */
    return 0;
}

VIRTUAL_TEST(a_call_that_fails_is_made_again_at_once)
{
    plan[0] = (struct plan){1, -EIO};
    plan[1] = (struct plan){1, -EPROTO};
    plan[2] = (struct plan){1, 7};
    ck_assert_int_eq(bide_hedge(follow_plan, NULL, 3, BIDE_SEC(1)), 7);
    ck_assert_int_eq(clock_ms(), 3);
    begun = 0;
    ck_assert_int_eq(bide_hedge(follow_plan, NULL, 2, BIDE_SEC(1)), -EIO);
    return 0;
}

VIRTUAL_TEST(a_late_hedge_has_ended_its_attempts)
{
    struct bide_scope s;
    plan[0] = plan[1] = (struct plan){100, 1};
    bide_scope_open(&s, bide_after(BIDE_MS(15)));
    ck_assert_int_eq(bide_hedge(follow_plan, NULL, 2, BIDE_MS(10)), -ETIMEDOUT);
    bide_scope_close(&s, 0);
    ck_assert_int_eq(begun, 2);
    ck_assert_int_eq(alive, 0);
    return 0;
}

VIRTUAL_TEST(a_hedge_of_nothing_is_refused)
{
    ck_assert_int_eq(bide_hedge(NULL, NULL, 1, 0), -EINVAL);
    ck_assert_int_eq(bide_hedge(follow_plan, NULL, 0, 0), -EINVAL);
    ck_assert_int_eq(bide_hedge(follow_plan, NULL, 1, -1), -EINVAL);
    return 0;
}

/* ---- In order of completion --------------------------------------------- */

static void open_three(struct bide_group *g)
{
    bide_group_open(g, BIDE_FAIL_FAST);
    for (intptr_t ms = 30; ms > 0; ms -= 10)
        ck_assert_int_eq(bide_group_spawn(g, sleep_ms, NUM(ms)), 0);
}

/* Behaviour 54. */
VIRTUAL_TEST(an_iteration_that_times_out_leaves_the_rest_alive)
{
    struct bide_group g;
    struct bide_scope s;
    intptr_t result = 0;
    open_three(&g);
    bide_scope_open(&s, bide_after(BIDE_MS(15)));
    ck_assert_int_eq(bide_group_next(&g, NULL, &result), 1);
    ck_assert_int_eq(result, 10);
    ck_assert_int_eq(bide_group_next(&g, NULL, &result), -ETIMEDOUT);
    ck_assert_int_eq(bide_group_next(&g, NULL, &result), -ETIMEDOUT);
    bide_scope_close(&s, 0);
    ck_assert_int_eq(bide_group_close(&g, 0), 0);
    ck_assert_int_eq(clock_ms(), 30);
    return 0;
}

/* Behaviour 55. */
VIRTUAL_TEST(an_iteration_that_is_resumed_has_lost_and_repeats_nothing)
{
    struct bide_group g;
    intptr_t result = 0;
    open_three(&g);
    ck_assert_int_eq(bide_group_next(&g, NULL, &result), 1);
    ck_assert_int_eq(bide_sleep(BIDE_MS(15)), 0); /* one ends meanwhile */
    for (intptr_t ms = 20; ms <= 30; ms += 10) {
        ck_assert_int_eq(bide_group_next(&g, NULL, &result), 1);
        ck_assert_int_eq(result, ms);
    }
    ck_assert_int_eq(bide_group_next(&g, NULL, &result), 0);
    return bide_group_close(&g, 0);
}

/* asyncio lets the rest run on without an owner; here the group decides. */
VIRTUAL_TEST(an_iteration_that_is_left_early_may_cancel_the_rest)
{
    struct bide_group g;
    open_three(&g);
    ck_assert_int_eq(bide_group_next(&g, NULL, NULL), 1);
    bide_group_cancel(&g);
    ck_assert_int_eq(bide_group_close(&g, 0), 0);
    ck_assert_int_eq(clock_ms(), 10);
    return 0;
}

Suite *suite_race(void)
{
    Suite *suite = suite_create("race");
    TCase *t = tcase_create("race");
    tcase_add_checked_fixture(t, forget, NULL);
    tcase_add_test(
        t, a_first_entry_that_fails_at_once_lets_the_second_start_at_once);
    tcase_add_test(t, each_entry_starts_a_delay_after_the_one_before);
    tcase_add_test(t, two_failures_of_one_moment_start_two_entries);
    tcase_add_test(t, a_success_before_the_delay_starts_no_other);
    tcase_add_test(t, a_staggered_race_that_all_fail_tells_the_first_failure);
    tcase_add_test(t, without_a_delay_all_start_at_once);
    tcase_add_test(t, a_late_staggered_race_has_ended_what_it_started);
    tcase_add_test(t, a_staggered_race_of_nothing_is_refused);
    tcase_add_test(t, a_call_that_answers_in_time_is_made_once);
    tcase_add_test(t, a_slow_call_is_made_again_and_the_first_answer_counts);
    tcase_add_test(t, a_call_that_fails_is_made_again_at_once);
    tcase_add_test(t, a_late_hedge_has_ended_its_attempts);
    tcase_add_test(t, a_hedge_of_nothing_is_refused);
    tcase_add_test(t, an_iteration_that_times_out_leaves_the_rest_alive);
    tcase_add_test(
        t, an_iteration_that_is_resumed_has_lost_and_repeats_nothing);
    tcase_add_test(t, an_iteration_that_is_left_early_may_cancel_the_rest);
    suite_add_tcase(suite, t);
    return suite;
}
