/* test_scope.c: deadlines, cancels, shields: who is refused, and whose verdict
 * it was.
 */
#include "tasks.h"

/* ---- Deadlines ---------------------------------------------------------- */

VIRTUAL_TEST(scope_deadline_ends_a_sleep)
{
    struct bide_scope s;
    bide_scope_open(&s, bide_after(BIDE_MS(100)));
    int rc = bide_sleep(BIDE_SEC(10));
    ck_assert_int_eq(rc, -ETIMEDOUT);
    ck_assert_int_eq(bide_scope_close(&s, rc), -ETIMEDOUT);
    ck_assert(bide_scope_fired(&s));
    ck_assert_int_eq(clock_ms(), 100);
    return 0;
}

VIRTUAL_TEST(work_that_ends_in_time_leaves_no_trace_of_its_deadline)
{
    struct bide_scope s;
    bide_scope_open(&s, bide_after(BIDE_SEC(1)));
    int rc = bide_sleep(BIDE_MS(10));
    ck_assert_int_eq(bide_scope_close(&s, rc), 0);
    ck_assert(!bide_scope_fired(&s));
    ck_assert(no_timer_left());
    return 0;
}

VIRTUAL_TEST(every_wait_past_a_deadline_is_refused_not_just_the_first)
{
    struct bide_scope s;
    bide_scope_open(&s, bide_after(BIDE_MS(1)));
    ck_assert_int_eq(bide_sleep(BIDE_SEC(1)), -ETIMEDOUT);
    ck_assert_int_eq(bide_sleep(BIDE_SEC(1)), -ETIMEDOUT);
    ck_assert_int_eq(bide_yield(), -ETIMEDOUT);
    ck_assert_int_eq(bide_scope_close(&s, 7), 7);
    ck_assert(bide_scope_fired(&s));
    ck_assert_int_eq(bide_yield(), 0);
    ck_assert_int_eq(clock_ms(), 1);
    return 0;
}

VIRTUAL_TEST(a_deadline_of_now_or_long_past_refuses_the_first_wait)
{
    bide_time past[] = {bide_now(), bide_now() - 1, 0, -1, INT64_MIN};
    for (size_t i = 0; i < LENGTH(past); i++) {
        struct bide_scope s;
        bide_scope_open(&s, past[i]);
        ck_assert_int_eq(bide_yield(), -ETIMEDOUT);
        ck_assert_int_eq(bide_scope_close(&s, 0), 0);
        ck_assert(bide_scope_fired(&s));
    }
    return 0;
}

VIRTUAL_TEST(a_deadline_that_passed_without_a_wait_is_fired_but_no_error)
{
    struct bide_scope s;
    bide_scope_open(&s, bide_after(BIDE_MS(1)));
    compute(BIDE_MS(2));
    ck_assert(bide_scope_fired(&s));
    ck_assert_int_eq(bide_scope_close(&s, 5), 5);
    ck_assert(bide_scope_fired(&s));
    return 0;
}

VIRTUAL_TEST(computing_past_a_deadline_is_seen_at_the_next_wait)
{
    struct bide_scope s;
    bide_scope_open(&s, bide_after(BIDE_MS(1)));
    compute(BIDE_MS(1));
    ck_assert_int_eq(bide_cancel_code(), -ETIMEDOUT);
    ck_assert_int_eq(bide_sleep(BIDE_MS(1)), -ETIMEDOUT);
    bide_scope_close(&s, 0);
    return 0;
}

VIRTUAL_TEST(whether_it_fired_is_decided_at_close)
{
    struct bide_scope s;
    bide_scope_open(&s, bide_after(BIDE_MS(1)));
    bide_scope_close(&s, 0);
    compute(BIDE_MS(5));
    ck_assert(!bide_scope_fired(&s));
    return 0;
}

VIRTUAL_TEST(another_error_than_the_refusal_leaves_a_fired_scope)
{
    struct bide_scope s;
    bide_scope_open(&s, bide_after(BIDE_MS(1)));
    ck_assert_int_eq(bide_sleep(BIDE_SEC(1)), -ETIMEDOUT);
    ck_assert_int_eq(bide_scope_close(&s, -EIO), -EIO);
    ck_assert(bide_scope_fired(&s));
    return 0;
}

VIRTUAL_TEST(a_sleep_until_the_deadline_itself_is_refused)
{
    struct bide_scope s;
    bide_time deadline = bide_after(BIDE_MS(10));
    bide_scope_open(&s, deadline);
    ck_assert_int_eq(bide_sleep_until(deadline), -ETIMEDOUT);
    bide_scope_close(&s, 0);
    return 0;
}

/* ---- Nested deadlines --------------------------------------------------- */

VIRTUAL_TEST(an_inner_deadline_leaves_the_outer_one_running)
{
    struct bide_scope outer, inner;
    bide_scope_open(&outer, bide_after(BIDE_MS(20)));
    bide_scope_open(&inner, bide_after(BIDE_MS(10)));
    int rc = bide_sleep(BIDE_SEC(1));
    ck_assert_int_eq(bide_scope_close(&inner, rc), -ETIMEDOUT);
    ck_assert(!bide_scope_fired(&outer));
    ck_assert_int_eq(bide_sleep(BIDE_SEC(1)), -ETIMEDOUT);
    ck_assert_int_eq(clock_ms(), 20);
    bide_scope_close(&outer, 0);
    return 0;
}

VIRTUAL_TEST(an_outer_deadline_cuts_the_inner_scope_which_claims_nothing)
{
    struct bide_scope outer, inner;
    bide_scope_open(&outer, bide_after(BIDE_MS(10)));
    bide_scope_open(&inner, bide_after(BIDE_MS(20)));
    int rc = bide_sleep(BIDE_SEC(1));
    ck_assert_int_eq(bide_scope_close(&inner, rc), -ETIMEDOUT);
    ck_assert(!bide_scope_fired(&inner));
    ck_assert_int_eq(bide_yield(), -ETIMEDOUT);
    bide_scope_close(&outer, rc);
    ck_assert(bide_scope_fired(&outer));
    return 0;
}

VIRTUAL_TEST(of_two_deadlines_computed_past_the_outer_one_speaks)
{
    struct bide_scope outer, inner;
    bide_scope_open(&outer, bide_after(BIDE_MS(20)));
    bide_scope_open(&inner, bide_after(BIDE_MS(10)));
    compute(BIDE_MS(30));
    int rc = bide_yield();
    bide_scope_close(&inner, rc);
    ck_assert_int_eq(bide_yield(), -ETIMEDOUT); /* the outer one is still on */
    ck_assert_int_eq(bide_scope_close(&outer, rc), -ETIMEDOUT);
    ck_assert_int_eq(bide_yield(), 0);
    return 0;
}

VIRTUAL_TEST(an_outer_deadline_computed_past_speaks_before_an_inner_cancel)
{
    struct bide_scope outer, inner;
    bide_scope_open(&outer, bide_after(BIDE_MS(5)));
    bide_scope_open(&inner, BIDE_FOREVER);
    bide_scope_cancel(&inner);
    ck_assert_int_eq(bide_yield(), -ECANCELED);
    compute(BIDE_MS(9));
    ck_assert_int_eq(bide_cancel_code(), -ETIMEDOUT);
    ck_assert_int_eq(bide_yield(), -ETIMEDOUT);
    bide_scope_close(&inner, 0);
    ck_assert_int_eq(bide_yield(), -ETIMEDOUT);
    bide_scope_close(&outer, 0);
    ck_assert_int_eq(bide_yield(), 0);
    return 0;
}

VIRTUAL_TEST(the_nearest_deadline_in_force_is_told)
{
    struct bide_scope outer, inner, shield;
    bide_time five = bide_after(BIDE_SEC(5)), ten = bide_after(BIDE_SEC(10));
    ck_assert_int_eq(bide_deadline(), BIDE_FOREVER);
    bide_scope_open(&outer, five);
    bide_scope_open(&inner, ten);
    ck_assert_int_eq(bide_deadline(), five);
    bide_shield_open(&shield, BIDE_FOREVER);
    ck_assert_int_eq(bide_deadline(), BIDE_FOREVER);
    ck_assert_int_eq(bide_scope_set_deadline(&shield, ten), 0);
    ck_assert_int_eq(bide_deadline(), ten);
    bide_scope_close(&shield, 0);
    bide_scope_cancel(&outer);
    ck_assert_int_eq(bide_deadline(), 0);
    bide_scope_close(&inner, 0);
    bide_scope_close(&outer, 0);
    ck_assert_int_eq(bide_deadline(), BIDE_FOREVER);
    return 0;
}

/* ---- Moving a deadline -------------------------------------------------- */

VIRTUAL_TEST(a_deadline_can_be_moved_nearer_and_farther)
{
    struct bide_scope s;
    bide_scope_open(&s, bide_after(BIDE_MS(10)));
    ck_assert_int_eq(bide_scope_set_deadline(&s, bide_after(BIDE_MS(50))), 0);
    ck_assert_int_eq(bide_sleep(BIDE_MS(30)), 0);
    ck_assert_int_eq(bide_scope_set_deadline(&s, bide_after(BIDE_MS(5))), 0);
    ck_assert_int_eq(bide_sleep(BIDE_MS(30)), -ETIMEDOUT);
    ck_assert_int_eq(clock_ms(), 35);
    bide_scope_close(&s, 0);
    return 0;
}

VIRTUAL_TEST(a_deadline_moved_to_the_past_refuses_the_next_wait)
{
    struct bide_scope s;
    bide_scope_open(&s, BIDE_FOREVER);
    ck_assert_int_eq(bide_yield(), 0);
    ck_assert_int_eq(bide_scope_set_deadline(&s, 0), 0);
    ck_assert_int_eq(bide_yield(), -ETIMEDOUT);
    bide_scope_close(&s, 0);
    return 0;
}

VIRTUAL_TEST(a_deadline_that_was_taken_away_never_comes)
{
    struct bide_scope s;
    bide_scope_open(&s, bide_after(BIDE_MS(1)));
    ck_assert_int_eq(bide_scope_set_deadline(&s, BIDE_FOREVER), 0);
    ck_assert(no_timer_left());
    ck_assert_int_eq(bide_sleep(BIDE_SEC(1)), 0);
    ck_assert_int_eq(bide_scope_close(&s, 0), 0);
    ck_assert(!bide_scope_fired(&s));
    return 0;
}

VIRTUAL_TEST(a_fired_deadline_that_is_moved_stays_fired)
{
    struct bide_scope s;
    bide_scope_open(&s, bide_after(BIDE_MS(1)));
    ck_assert_int_eq(bide_sleep(BIDE_SEC(1)), -ETIMEDOUT);
    ck_assert_int_eq(bide_scope_set_deadline(&s, bide_after(BIDE_SEC(9))), 0);
    ck_assert_int_eq(bide_yield(), -ETIMEDOUT);
    bide_scope_close(&s, 0);
    ck_assert(bide_scope_fired(&s));
    return 0;
}

VIRTUAL_TEST(a_deadline_moves_only_while_its_scope_is_open)
{
    struct bide_scope s = {0};
    ck_assert_int_eq(bide_scope_set_deadline(&s, 1), -EINVAL);
    bide_scope_open(&s, BIDE_FOREVER);
    bide_scope_close(&s, 0);
    ck_assert_int_eq(bide_scope_set_deadline(&s, 1), -EINVAL);
    return 0;
}

static struct bide_scope around_sleeper;

static intptr_t sleep_in_a_scope(void *unused)
{
    (void)unused;
    bide_scope_open(&around_sleeper, bide_after(BIDE_SEC(9)));
    return bide_scope_close(&around_sleeper, bide_sleep_until(BIDE_FOREVER));
}

VIRTUAL_TEST(another_task_may_move_the_deadline_of_one_that_waits)
{
    bide_task *sleeper = spawn(sleep_in_a_scope, NULL);
    turns(1);
    bide_time soon = bide_after(BIDE_MS(3));
    ck_assert_int_eq(bide_scope_set_deadline(&around_sleeper, soon), 0);
    ck_assert_int_eq(bide_await(sleeper), -ETIMEDOUT);
    ck_assert_int_eq(clock_ms(), 3);
    return 0;
}

static intptr_t sleep_ten_ms_in_a_scope(void *unused)
{
    (void)unused;
    bide_scope_open(&around_sleeper, BIDE_FOREVER);
    int first = bide_sleep(BIDE_MS(10)), second = bide_yield();
    bide_scope_close(&around_sleeper, second);
    return first == 0 ? second : -EPROTO;
}

VIRTUAL_TEST(a_sleep_that_is_over_when_an_equal_deadline_fires_has_succeeded)
{
    bide_task *sleeper = spawn(sleep_ten_ms_in_a_scope, NULL);
    turns(1);
    bide_scope_set_deadline(&around_sleeper, bide_after(BIDE_MS(10)));
    ck_assert_int_eq(result_of(sleeper), -ETIMEDOUT);
    return 0;
}

/* ---- Cancels ------------------------------------------------------------ */

VIRTUAL_TEST(a_cancelled_scope_refuses_every_wait_inside)
{
    struct bide_scope s;
    bide_scope_open(&s, BIDE_FOREVER);
    bide_scope_cancel(&s);
    bide_scope_cancel(&s);
    ck_assert_int_eq(bide_cancel_code(), -ECANCELED);
    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(bide_sleep(BIDE_SEC(1)), -ECANCELED);
    ck_assert_int_eq(bide_scope_close(&s, -ECANCELED), -ECANCELED);
    ck_assert_int_eq(bide_cancel_code(), 0);
    ck_assert_int_eq(bide_yield(), 0);
    return 0;
}

VIRTUAL_TEST(a_scope_cancelled_from_another_task_wakes_its_waiter_at_once)
{
    bide_task *sleeper = spawn(sleep_in_a_scope, NULL);
    turns(1);
    bide_scope_cancel(&around_sleeper);
    ck_assert_int_eq(bide_join(sleeper, NULL), 0);
    ck_assert_int_eq(clock_ms(), 0);
    ck_assert(no_timer_left());
    ck_assert_int_eq(result_of(sleeper), -ECANCELED);
    return 0;
}

VIRTUAL_TEST(a_scope_cancelled_before_it_was_opened_refuses_the_first_wait)
{
    struct bide_scope s = {0};
    bide_scope_cancel(&s);
    ck_assert(bide_scope_fired(&s));
    ck_assert_int_eq(bide_yield(), 0);
    bide_scope_open(&s, BIDE_FOREVER);
    ck_assert_int_eq(bide_yield(), -ECANCELED);
    bide_scope_close(&s, 0);
    ck_assert(bide_scope_fired(&s));
    ck_assert_int_eq(bide_yield(), 0);
    return 0;
}

VIRTUAL_TEST(a_scope_cancelled_after_its_close_is_as_good_as_new)
{
    struct bide_scope s;
    bide_scope_open(&s, BIDE_FOREVER);
    bide_scope_close(&s, 0);
    bide_scope_cancel(&s);
    ck_assert(!bide_scope_fired(&s));
    bide_scope_open(&s, BIDE_FOREVER);
    ck_assert_int_eq(bide_yield(), 0);
    bide_scope_close(&s, 0);
    return 0;
}

VIRTUAL_TEST(a_cancelled_scope_that_is_left_without_a_wait_refuses_nothing)
{
    struct bide_scope s;
    bide_scope_open(&s, BIDE_FOREVER);
    bide_scope_cancel(&s);
    ck_assert_int_eq(bide_scope_close(&s, 3), 3);
    ck_assert_int_eq(bide_yield(), 0);
    return 0;
}

VIRTUAL_TEST(an_inner_cancel_does_not_reach_the_outer_scope)
{
    struct bide_scope outer, inner;
    bide_scope_open(&outer, BIDE_FOREVER);
    bide_scope_open(&inner, BIDE_FOREVER);
    bide_scope_cancel(&inner);
    ck_assert_int_eq(bide_yield(), -ECANCELED);
    bide_scope_close(&inner, -ECANCELED);
    ck_assert_int_eq(bide_yield(), 0);
    ck_assert_int_eq(bide_scope_close(&outer, 0), 0);
    ck_assert(!bide_scope_fired(&outer));
    return 0;
}

VIRTUAL_TEST(an_outer_cancel_speaks_before_an_inner_deadline)
{
    struct bide_scope outer, inner;
    bide_scope_open(&outer, BIDE_FOREVER);
    bide_scope_open(&inner, bide_after(BIDE_MS(1)));
    ck_assert_int_eq(bide_sleep(BIDE_SEC(1)), -ETIMEDOUT);
    bide_scope_cancel(&outer);
    ck_assert_int_eq(bide_yield(), -ECANCELED);
    bide_scope_close(&inner, -ECANCELED);
    ck_assert_int_eq(bide_yield(), -ECANCELED);
    bide_scope_close(&outer, -ECANCELED);
    return 0;
}

VIRTUAL_TEST(an_outer_deadline_speaks_before_an_inner_cancel)
{
    struct bide_scope outer, inner;
    bide_scope_open(&outer, bide_after(BIDE_MS(1)));
    bide_scope_open(&inner, BIDE_FOREVER);
    bide_scope_cancel(&inner);
    compute(BIDE_MS(1));
    bide_scope_close(&inner, 0);
    ck_assert_int_eq(bide_yield(), -ETIMEDOUT);
    bide_scope_close(&outer, 0);
    return 0;
}

VIRTUAL_TEST(a_scope_opened_inside_a_cancelled_one_is_cancelled_too)
{
    struct bide_scope outer, inner;
    bide_scope_open(&outer, BIDE_FOREVER);
    bide_scope_cancel(&outer);
    bide_scope_open(&inner, bide_after(BIDE_SEC(1)));
    ck_assert_int_eq(bide_yield(), -ECANCELED);
    bide_scope_close(&inner, 0);
    ck_assert(!bide_scope_fired(&inner));
    bide_scope_close(&outer, 0);
    return 0;
}

VIRTUAL_TEST(a_cancel_from_outside_is_no_timeout_of_a_far_deadline)
{
    struct bide_scope s;
    bide_scope_open(&s, bide_after(BIDE_SEC(100)));
    bide_cancel(bide_self());
    int rc = bide_sleep(BIDE_SEC(1));
    ck_assert_int_eq(bide_scope_close(&s, rc), -ECANCELED);
    ck_assert(!bide_scope_fired(&s));
    return 0;
}

/* ---- Depth -------------------------------------------------------------- */

enum { DEEP = 1000 };
static struct bide_scope deep[DEEP];

static intptr_t wait_a_thousand_deep(void *unused)
{
    (void)unused;
    for (int i = 0; i < DEEP; i++)
        bide_scope_open(&deep[i], BIDE_FOREVER);
    int rc = bide_sleep_until(BIDE_FOREVER);
    for (int i = DEEP; i-- > 0;)
        bide_scope_close(&deep[i], rc);
    return rc;
}

VIRTUAL_TEST(a_cancel_at_the_root_reaches_a_wait_a_thousand_scopes_deep)
{
    bide_task *task = spawn(wait_a_thousand_deep, NULL);
    turns(1);
    bide_scope_cancel(&deep[0]);
    ck_assert_int_eq(result_of(task), -ECANCELED);
    ck_assert(bide_scope_fired(&deep[0]));
    ck_assert(!bide_scope_fired(&deep[DEEP - 1]));
    return 0;
}

VIRTUAL_TEST(a_deadline_at_the_root_reaches_a_wait_a_thousand_scopes_deep)
{
    bide_task *task = spawn(wait_a_thousand_deep, NULL);
    turns(1);
    bide_scope_set_deadline(&deep[0], bide_after(BIDE_MS(7)));
    ck_assert_int_eq(result_of(task), -ETIMEDOUT);
    ck_assert_int_eq(clock_ms(), 7);
    return 0;
}

Suite *suite_scope(void)
{
    Suite *suite = suite_create("scope");
    TCase *t = tcase_create("deadlines");
    tcase_add_test(t, scope_deadline_ends_a_sleep);
    tcase_add_test(t, work_that_ends_in_time_leaves_no_trace_of_its_deadline);
    tcase_add_test(t, every_wait_past_a_deadline_is_refused_not_just_the_first);
    tcase_add_test(t, a_deadline_of_now_or_long_past_refuses_the_first_wait);
    tcase_add_test(t,
                   a_deadline_that_passed_without_a_wait_is_fired_but_no_error);
    tcase_add_test(t, computing_past_a_deadline_is_seen_at_the_next_wait);
    tcase_add_test(t, whether_it_fired_is_decided_at_close);
    tcase_add_test(t, another_error_than_the_refusal_leaves_a_fired_scope);
    tcase_add_test(t, a_sleep_until_the_deadline_itself_is_refused);
    tcase_add_test(t, an_inner_deadline_leaves_the_outer_one_running);
    tcase_add_test(t,
                   an_outer_deadline_cuts_the_inner_scope_which_claims_nothing);
    tcase_add_test(t, of_two_deadlines_computed_past_the_outer_one_speaks);
    tcase_add_test(
        t, an_outer_deadline_computed_past_speaks_before_an_inner_cancel);
    tcase_add_test(t, the_nearest_deadline_in_force_is_told);
    tcase_add_test(t, a_deadline_can_be_moved_nearer_and_farther);
    tcase_add_test(t, a_deadline_moved_to_the_past_refuses_the_next_wait);
    tcase_add_test(t, a_deadline_that_was_taken_away_never_comes);
    tcase_add_test(t, a_fired_deadline_that_is_moved_stays_fired);
    tcase_add_test(t, a_deadline_moves_only_while_its_scope_is_open);
    tcase_add_test(t, another_task_may_move_the_deadline_of_one_that_waits);
    tcase_add_test(
        t, a_sleep_that_is_over_when_an_equal_deadline_fires_has_succeeded);
    suite_add_tcase(suite, t);

    t = tcase_create("cancels");
    tcase_add_test(t, a_cancelled_scope_refuses_every_wait_inside);
    tcase_add_test(
        t, a_scope_cancelled_from_another_task_wakes_its_waiter_at_once);
    tcase_add_test(
        t, a_scope_cancelled_before_it_was_opened_refuses_the_first_wait);
    tcase_add_test(t, a_scope_cancelled_after_its_close_is_as_good_as_new);
    tcase_add_test(
        t, a_cancelled_scope_that_is_left_without_a_wait_refuses_nothing);
    tcase_add_test(t, an_inner_cancel_does_not_reach_the_outer_scope);
    tcase_add_test(t, an_outer_cancel_speaks_before_an_inner_deadline);
    tcase_add_test(t, an_outer_deadline_speaks_before_an_inner_cancel);
    tcase_add_test(t, a_scope_opened_inside_a_cancelled_one_is_cancelled_too);
    tcase_add_test(t, a_cancel_from_outside_is_no_timeout_of_a_far_deadline);
    tcase_add_test(t,
                   a_cancel_at_the_root_reaches_a_wait_a_thousand_scopes_deep);
    tcase_add_test(
        t, a_deadline_at_the_root_reaches_a_wait_a_thousand_scopes_deep);
    suite_add_tcase(suite, t);
    return suite;
}
