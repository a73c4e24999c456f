/* test_group_cancel.c: groups cancelled by their owner, or from outside. */
#include "children.h"

/* ---- The group is cancelled --------------------------------------------- */

VIRTUAL_TEST(a_group_cancelled_by_its_owner_closes_without_error)
{
    intptr_t bodies[] = {0, 6, -ECANCELED}, told[] = {0, 6, 0};
    for (size_t i = 0; i < LENGTH(bodies); i++) {
        struct bide_group g;
        bide_group_open(&g, BIDE_FAIL_FAST);
        bide_task *sleeper = child(&g, sleep_for_ever, NULL);
        bide_group_cancel(&g);
        bide_group_cancel(&g);
        ck_assert_int_eq(bide_yield(), -ECANCELED);
        ck_assert(bide_group_cancelled(&g));
        ck_assert_int_eq(bide_group_close(&g, bodies[i]), told[i]);
        ck_assert(bide_group_cancelled(&g));
        ck_assert_int_eq(result_of(sleeper), -ECANCELED);
        ck_assert_uint_eq(bide_group_errors(&g, NULL, 0), 0);
    }
    return 0;
}

VIRTUAL_TEST(a_cancelled_group_takes_no_child)
{
    struct bide_group g;
    bide_group_open(&g, BIDE_FAIL_FAST);
    bide_group_cancel(&g);
    ck_assert_int_eq(bide_group_spawn(&g, note_it, NUM('x')), -ECANCELED);
    ck_assert_int_eq(close_well(&g), 0);
    expect_journal("");
    return 0;
}

VIRTUAL_TEST(a_closed_group_takes_no_child)
{
    struct bide_group g;
    bide_task *task;
    bide_group_open(&g, BIDE_FAIL_FAST);
    ck_assert_int_eq(bide_group_spawn(&g, NULL, NULL), -EINVAL);
    ck_assert_int_eq(close_well(&g), 0);
    ck_assert_int_eq(bide_group_spawn(&g, give, NULL), -ESHUTDOWN);
    ck_assert_int_eq(bide_group_spawn_with(&g, &task, give, NULL, NULL),
                     -ESHUTDOWN);
    ck_assert_int_eq(bide_group_start(&g, give, NULL), -ESHUTDOWN);
    bide_group_cancel(&g);
    ck_assert(!bide_group_cancelled(&g));
    return 0;
}

VIRTUAL_TEST(a_group_cancelled_before_it_was_opened_refuses_its_body)
{
    struct bide_group g = {0};
    ck_assert(!bide_group_cancelled(&g));
    bide_group_cancel(&g);
    ck_assert(bide_group_cancelled(&g));
    bide_group_open(&g, BIDE_FAIL_FAST);
    ck_assert_int_eq(bide_yield(), -ECANCELED);
    ck_assert_int_eq(bide_group_close(&g, -ECANCELED), 0);
    ck_assert_int_eq(bide_yield(), 0);
    return 0;
}

VIRTUAL_TEST(a_group_that_is_asked_has_seen_the_deadline_around_it)
{
    struct bide_scope s;
    struct bide_group g;
    bide_scope_open(&s, bide_after(BIDE_MS(5)));
    bide_group_open(&g, BIDE_FAIL_FAST);
    compute(BIDE_MS(4));
    ck_assert(!bide_group_cancelled(&g));
    compute(BIDE_MS(1));
    ck_assert(bide_group_cancelled(&g));
    ck_assert_int_eq(bide_group_close(&g, 0), -ETIMEDOUT);
    bide_scope_close(&s, 0);
    return 0;
}

static intptr_t run_group_of_sleepers(void *count)
{
    struct bide_group g;
    bide_group_open(&g, BIDE_FAIL_FAST);
    for (intptr_t i = 0; i < VALUE(count); i++)
        add(&g, sleep_for_ever, NULL);
    intptr_t rc = close_well(&g);
    ck_assert_uint_eq(bide_group_errors(&g, NULL, 0), 0);
    ck_assert_int_eq(bide_yield(), -ECANCELED);
    return rc;
}

VIRTUAL_TEST(a_cancel_from_outside_ends_all_children_and_is_no_error)
{
    bide_task *task = spawn(run_group_of_sleepers, NUM(5));
    turns(2);
    bide_cancel(task);
    ck_assert_int_eq(result_of(task), -ECANCELED);
    return 0;
}

VIRTUAL_TEST(an_empty_group_closes_with_the_cancel_from_outside)
{
    struct bide_scope s;
    struct bide_group g;
    bide_scope_open(&s, BIDE_FOREVER);
    bide_group_open(&g, BIDE_FAIL_FAST);
    bide_scope_cancel(&s);
    ck_assert_int_eq(bide_group_close(&g, 4), -ECANCELED);
    bide_scope_close(&s, 0);
    return 0;
}

struct killing {
    bide_task *first, *victim;
};

/* Cancel the victim as soon as the first has ended. */
static intptr_t kill_after(void *arg)
{
    struct killing *killing = arg;
    intptr_t rc = bide_await(killing->first);
    bide_cancel(killing->victim);
    return rc;
}

static intptr_t close_as_the_last_child_ends(void *unused)
{
    struct bide_group g;
    (void)unused;
    bide_group_open(&g, BIDE_FAIL_FAST);
    struct killing killing = {child(&g, sleep_ms, NUM(5)), bide_self()};
    spawn(kill_after, &killing);
    ck_assert_int_eq(bide_group_close(&g, 2), 2);
    return bide_yield();
}

VIRTUAL_TEST(a_closer_cancelled_after_the_last_end_has_closed_well)
{
    intptr_t result = result_of(spawn(close_as_the_last_child_ends, NULL));
    ck_assert_int_eq(result, -ECANCELED);
    return 0;
}

VIRTUAL_TEST(failures_during_a_cancel_from_outside_win_over_it)
{
    struct bide_scope s;
    struct bide_group g;
    bide_scope_open(&s, bide_after(BIDE_MS(10)));
    bide_group_open(&g, BIDE_FAIL_FAST);
    add(&g, fail_when_cancelled, NULL);
    ck_assert_int_eq(close_well(&g), -EPROTO);
    ck_assert_int_eq(bide_yield(), -ETIMEDOUT); /* the cancel is not lost */
    bide_scope_close(&s, -EPROTO);
    return 0;
}

VIRTUAL_TEST(a_body_that_answers_a_cancel_with_an_error_has_failed_with_it)
{
    enum bide_policy policies[] = {BIDE_FAIL_FAST, BIDE_COLLECT};
    for (size_t i = 0; i < LENGTH(policies); i++) {
        struct bide_scope s;
        struct bide_group g;
        bide_scope_open(&s, BIDE_FOREVER);
        bide_group_open(&g, policies[i]);
        bide_scope_cancel(&s);
        ck_assert_int_eq(bide_yield(), -ECANCELED);
        ck_assert_int_eq(bide_group_close(&g, -EPERM), -EPERM);
        bide_scope_close(&s, 0);
    }
    return 0;
}

/* ---- Two verdicts at once ----------------------------------------------- */

VIRTUAL_TEST(a_deadline_around_a_group_is_told_as_such)
{
    struct bide_scope s;
    struct bide_group g;
    bide_scope_open(&s, bide_after(BIDE_MS(10)));
    bide_group_open(&g, BIDE_FAIL_FAST);
    add(&g, sleep_for_ever, NULL);
    int rc = bide_sleep_until(BIDE_FOREVER);
    ck_assert_int_eq(bide_group_close(&g, rc), -ETIMEDOUT);
    ck_assert_uint_eq(bide_group_errors(&g, NULL, 0), 0);
    ck_assert_int_eq(bide_scope_close(&s, -ETIMEDOUT), -ETIMEDOUT);
    ck_assert(bide_scope_fired(&s));
    return 0;
}

VIRTUAL_TEST(a_deadline_during_the_clean_up_of_a_cancelled_group_is_told)
{
    struct bide_scope s;
    struct bide_group g;
    bide_scope_open(&s, bide_after(BIDE_MS(10)));
    bide_group_open(&g, BIDE_FAIL_FAST);
    add(&g, end_slowly, NUM(50));
    ck_assert_int_eq(bide_yield(), 0);
    bide_group_cancel(&g);
    ck_assert_int_eq(bide_group_close(&g, -ECANCELED), -ETIMEDOUT);
    ck_assert_uint_eq(bide_group_errors(&g, NULL, 0), 0);
    bide_scope_close(&s, 0);
    return 0;
}

VIRTUAL_TEST(a_cancel_during_the_clean_up_after_a_deadline_is_told)
{
    struct bide_scope outer, inner;
    struct bide_group g;
    bide_scope_open(&outer, bide_after(BIDE_MS(20)));
    bide_scope_open(&inner, bide_after(BIDE_MS(10)));
    bide_group_open(&g, BIDE_FAIL_FAST);
    add(&g, end_slowly, NUM(5));
    int refusal = bide_sleep(BIDE_SEC(1));
    ck_assert_int_eq(refusal, -ETIMEDOUT);
    bide_scope_cancel(&outer);
    ck_assert_int_eq(bide_yield(), -ECANCELED);
    ck_assert_int_eq(bide_group_close(&g, refusal), -ECANCELED);
    ck_assert_uint_eq(bide_group_errors(&g, NULL, 0), 0);
    bide_scope_close(&inner, 0);
    bide_scope_close(&outer, 0);
    return 0;
}

VIRTUAL_TEST(a_refused_spawn_may_be_passed_on_as_the_bodys_result)
{
    struct bide_scope s;
    struct bide_group g;
    bide_scope_open(&s, 0);
    bide_group_open(&g, BIDE_FAIL_FAST);
    int rc = bide_group_spawn(&g, give, NULL);
    ck_assert_int_eq(rc, -ECANCELED);
    ck_assert_int_eq(bide_group_close(&g, rc), -ETIMEDOUT);
    ck_assert_uint_eq(bide_group_errors(&g, NULL, 0), 0);
    bide_scope_close(&s, 0);
    return 0;
}

static intptr_t sit_in_an_inner_group(void *sleeper)
{
    struct bide_group inner;
    bide_group_open(&inner, BIDE_FAIL_FAST);
    *(bide_task **)sleeper = child(&inner, sleep_for_ever, NULL);
    intptr_t rc = close_well(&inner);
    ck_assert_uint_eq(bide_group_errors(&inner, NULL, 0), 0);
    return rc;
}

VIRTUAL_TEST(an_outer_failure_cancels_the_children_of_inner_groups)
{
    struct bide_error error;
    struct bide_group outer;
    bide_task *sleeper;
    bide_group_open(&outer, BIDE_FAIL_FAST);
    add(&outer, sit_in_an_inner_group, &sleeper);
    add(&outer, fail_after_ms, NUM(10));
    ck_assert_int_eq(close_well(&outer), -EIO);
    ck_assert_uint_eq(bide_group_errors(&outer, &error, 1), 1);
    ck_assert_int_eq(error.code, -EIO);
    ck_assert_int_eq(result_of(sleeper), -ECANCELED);
    return 0;
}

VIRTUAL_TEST(two_nested_groups_that_fail_at_once_both_tell_it)
{
    struct bide_group outer, inner;
    bide_group_open(&outer, BIDE_FAIL_FAST);
    add(&outer, give, NUM(-EPERM));
    bide_group_open(&inner, BIDE_FAIL_FAST);
    add(&inner, give, NUM(-EIO));
    ck_assert_int_eq(close_well(&inner), -EIO);
    ck_assert_int_eq(bide_yield(), -ECANCELED);
    ck_assert_int_eq(close_well(&outer), -EPERM);
    ck_assert_int_eq(bide_yield(), 0);
    return 0;
}

static intptr_t cancel_own_scope(void *unused)
{
    struct bide_scope s;
    (void)unused;
    bide_scope_open(&s, BIDE_FOREVER);
    bide_scope_cancel(&s);
    ck_assert_int_eq(bide_yield(), -ECANCELED);
    bide_scope_close(&s, 0);
    return bide_yield();
}

VIRTUAL_TEST(a_child_is_under_its_groups_scopes_not_under_its_spawners)
{
    struct bide_scope s;
    struct bide_group g;
    bide_group_open(&g, BIDE_FAIL_FAST);
    bide_scope_open(&s, 0);
    ck_assert_int_eq(bide_yield(), -ETIMEDOUT);
    bide_task *task = child(&g, sleep_ms, NUM(2));
    bide_scope_close(&s, 0);
    ck_assert_int_eq(bide_await(task), 2);
    bide_release(task);
    ck_assert_int_eq(bide_group_close(&g, 0), 0);
    return 0;
}

VIRTUAL_TEST(a_scope_cancelled_in_one_child_does_not_touch_its_siblings)
{
    struct bide_group g;
    bide_group_open(&g, BIDE_FAIL_FAST);
    bide_task *sibling = child(&g, sleep_ms, NUM(10));
    add(&g, cancel_own_scope, NULL);
    ck_assert_int_eq(close_well(&g), 0);
    ck_assert_int_eq(bide_await(sibling), 10);
    return 0;
}

Suite *suite_group_cancel(void)
{
    Suite *suite = suite_create("group_cancel");
    TCase *t = tcase_create("cancels");
    tcase_add_checked_fixture(t, clear_journal, NULL);
    tcase_add_test(t, a_group_cancelled_by_its_owner_closes_without_error);
    tcase_add_test(t, a_cancelled_group_takes_no_child);
    tcase_add_test(t, a_closed_group_takes_no_child);
    tcase_add_test(t, a_group_cancelled_before_it_was_opened_refuses_its_body);
    tcase_add_test(t, a_group_that_is_asked_has_seen_the_deadline_around_it);
    tcase_add_test(t, a_cancel_from_outside_ends_all_children_and_is_no_error);
    tcase_add_test(t, an_empty_group_closes_with_the_cancel_from_outside);
    tcase_add_test(t, a_closer_cancelled_after_the_last_end_has_closed_well);
    tcase_add_test(t, failures_during_a_cancel_from_outside_win_over_it);
    tcase_add_test(
        t, a_body_that_answers_a_cancel_with_an_error_has_failed_with_it);
    suite_add_tcase(suite, t);

    t = tcase_create("two verdicts");
    tcase_add_test(t, a_deadline_around_a_group_is_told_as_such);
    tcase_add_test(t,
                   a_deadline_during_the_clean_up_of_a_cancelled_group_is_told);
    tcase_add_test(t, a_cancel_during_the_clean_up_after_a_deadline_is_told);
    tcase_add_test(t, a_refused_spawn_may_be_passed_on_as_the_bodys_result);
    tcase_add_test(t, an_outer_failure_cancels_the_children_of_inner_groups);
    tcase_add_test(t, two_nested_groups_that_fail_at_once_both_tell_it);
    tcase_add_test(
        t, a_child_is_under_its_groups_scopes_not_under_its_spawners);
    tcase_add_test(t,
                   a_scope_cancelled_in_one_child_does_not_touch_its_siblings);
    suite_add_tcase(suite, t);
    return suite;
}
