/* test_group.c: groups: who is awaited, who fails, what close returns. */
#include "children.h"

/* ---- All goes well ------------------------------------------------------ */

VIRTUAL_TEST(close_returns_after_the_slowest_child)
{
    struct bide_group g;
    bide_group_open(&g, BIDE_FAIL_FAST);
    bide_task *fast = child(&g, sleep_ms, NUM(10));
    bide_task *slow = child(&g, sleep_ms, NUM(30));
    ck_assert_int_eq(bide_group_close(&g, 5), 5);
    ck_assert_int_eq(clock_ms(), 30);
    ck_assert_int_eq(bide_await(fast), 10);
    ck_assert_int_eq(bide_await(slow), 30);
    ck_assert(!bide_group_cancelled(&g));
    ck_assert_uint_eq(bide_group_errors(&g, NULL, 0), 0);
    return 0;
}

VIRTUAL_TEST(an_empty_group_closes_with_its_bodys_result)
{
    enum bide_policy policies[] = {BIDE_FAIL_FAST, BIDE_COLLECT};
    for (size_t i = 0; i < LENGTH(policies); i++) {
        struct bide_group g;
        bide_group_open(&g, policies[i]);
        ck_assert_int_eq(bide_group_close(&g, 8), 8);
        bide_group_open(&g, policies[i]); /* the storage serves again */
        ck_assert_int_eq(bide_group_close(&g, -EIO), -EIO);
    }
    return 0;
}

static intptr_t count_up(void *n)
{
    return ++*(int *)n;
}

VIRTUAL_TEST(empty_groups_in_a_row_let_the_others_run)
{
    struct bide_group g;
    int n = 0;
    bide_release(spawn(count_up, &n));
    for (int i = 0; i < 1000000 && n == 0; i++) {
        bide_group_open(&g, BIDE_FAIL_FAST);
        ck_assert_int_eq(bide_group_close(&g, 0), 0);
    }
    ck_assert_int_eq(n, 1);
    return 0;
}

static intptr_t add_sibling_late(void *group)
{
    turns(2);
    add(group, sleep_ms, NUM(10));
    return 0;
}

VIRTUAL_TEST(a_child_may_add_siblings_while_the_group_is_closing)
{
    struct bide_group g;
    bide_group_open(&g, BIDE_FAIL_FAST);
    add(&g, add_sibling_late, &g);
    ck_assert_int_eq(close_well(&g), 0);
    ck_assert_int_eq(clock_ms(), 10);
    return 0;
}

struct late {
    struct bide_group *group;
    bide_task *task;
    int rc;
};

static intptr_t add_when_task_has_ended(void *arg)
{
    struct late *late = arg;
    bide_await(late->task);
    late->rc = bide_group_spawn(late->group, sleep_ms, NUM(10));
    return 0;
}

VIRTUAL_TEST(a_child_added_as_the_last_one_ends_is_awaited_too)
{
    struct bide_group g;
    bide_group_open(&g, BIDE_FAIL_FAST);
    struct late late = {&g, child(&g, sleep_ms, NUM(5)), 1};
    spawn(add_when_task_has_ended, &late);
    ck_assert_int_eq(close_well(&g), 0);
    ck_assert_int_eq(late.rc, 0);
    ck_assert_int_eq(clock_ms(), 15);
    return 0;
}

static intptr_t respawn(void *group)
{
    int rc = bide_yield();
    if (rc == 0)
        rc = bide_group_spawn(group, respawn, group);
    return rc < 0 ? rc : 0;
}

VIRTUAL_TEST(children_that_respawn_for_ever_stop_with_their_group)
{
    struct bide_group g;
    bide_group_open(&g, BIDE_FAIL_FAST);
    for (int i = 0; i < 8; i++)
        add(&g, respawn, &g);
    turns(100);
    bide_group_cancel(&g);
    ck_assert_int_eq(close_well(&g), 0);
    return 0;
}

VIRTUAL_TEST(another_task_may_add_children)
{
    struct bide_group g;
    bide_group_open(&g, BIDE_FAIL_FAST);
    spawn(add_sibling_late, &g);
    ck_assert_int_eq(bide_sleep(BIDE_MS(1)), 0);
    ck_assert_int_eq(close_well(&g), 0);
    ck_assert_int_eq(clock_ms(), 10);
    return 0;
}

VIRTUAL_TEST(stacks_of_ended_children_are_used_again_before_the_close)
{
    struct bide_stats before, after;
    struct bide_group g;
    bide_group_open(&g, BIDE_FAIL_FAST);
    add(&g, give, NULL);
    turns(1);
    bide_stats(&before);
    for (int i = 0; i < 1000; i++) {
        add(&g, give, NULL);
        turns(1);
    }
    bide_stats(&after);
    ck_assert_uint_eq(after.stacks, before.stacks);
    return close_well(&g);
}

static intptr_t nest(void *depth)
{
    struct bide_spawn_options eager = {.flags = BIDE_EAGER};
    struct bide_group g;
    if (VALUE(depth) == 0)
        return bide_yield();
    bide_group_open(&g, BIDE_FAIL_FAST);
    intptr_t rc = bide_group_spawn_with(&g, NULL, nest, NUM(VALUE(depth) - 1),
                                        &eager);
    return bide_group_close(&g, rc);
}

VIRTUAL_TEST(eager_children_may_nest_a_thousand_groups_deep)
{
    ck_assert_int_eq(nest(NUM(1000)), 0);
    return 0;
}

VIRTUAL_TEST(ten_thousand_children_end_before_close_returns)
{
    struct bide_stats stats;
    struct bide_group g;
    bide_group_open(&g, BIDE_FAIL_FAST);
    for (int i = 0; i < MANY_TASKS; i++)
        add(&g, sleep_ms, NUM(i % 100));
    ck_assert_int_eq(close_well(&g), 0);
    bide_stats(&stats);
    ck_assert_uint_eq(stats.alive, 1);
    return 0;
}

/* ---- A child fails ------------------------------------------------------ */

VIRTUAL_TEST(the_first_failure_cancels_the_siblings_and_is_returned)
{
    struct bide_group g;
    bide_group_open(&g, BIDE_FAIL_FAST);
    bide_task *sibling = child(&g, sleep_for_ever, NULL);
    add(&g, fail_after_ms, NUM(10));
    ck_assert_int_eq(close_well(&g), -EIO);
    ck_assert_int_eq(result_of(sibling), -ECANCELED);
    ck_assert(bide_group_cancelled(&g));
    ck_assert_int_eq(clock_ms(), 10);
    ck_assert_uint_eq(bide_group_errors(&g, NULL, 0), 1);
    ck_assert_int_eq(bide_yield(), 0);
    ck_assert_uint_eq(heard.count, 0);
    return 0;
}

VIRTUAL_TEST(a_failure_refuses_the_bodys_wait_at_once)
{
    struct bide_group g;
    bide_group_open(&g, BIDE_FAIL_FAST);
    add(&g, fail_after_ms, NUM(10));
    ck_assert_int_eq(bide_sleep(BIDE_SEC(9)), -ECANCELED);
    ck_assert_int_eq(clock_ms(), 10);
    ck_assert_int_eq(bide_group_close(&g, -ECANCELED), -EIO);
    return 0;
}

VIRTUAL_TEST(close_waits_for_siblings_that_end_slowly)
{
    struct bide_group g;
    bide_group_open(&g, BIDE_FAIL_FAST);
    add(&g, end_slowly, NUM(50));
    add(&g, fail_after_ms, NUM(10));
    ck_assert_int_eq(close_well(&g), -EIO);
    ck_assert_int_eq(clock_ms(), 60);
    return 0;
}

VIRTUAL_TEST(the_first_failure_by_time_is_the_groups)
{
    struct bide_error errors[4];
    struct bide_spawn_options first = {.name = "first"},
                              second = {.name = "second"};
    struct bide_group g;
    bide_group_open(&g, BIDE_FAIL_FAST);
    ck_assert_int_eq(bide_group_spawn_with(&g, NULL, fail_when_cancelled, NULL,
                                           &second), 0);
    ck_assert_int_eq(bide_group_spawn_with(&g, NULL, fail_after_ms, NUM(1),
                                           &first), 0);
    ck_assert_int_eq(close_well(&g), -EIO);
    ck_assert_uint_eq(bide_group_errors(&g, errors, LENGTH(errors)), 2);
    ck_assert_int_eq(errors[0].code, -EIO);
    ck_assert_str_eq(errors[0].task, "first");
    ck_assert_ptr_nonnull(strstr(errors[0].where, "+0x"));
    ck_assert_int_eq(errors[1].code, -EPROTO);
    ck_assert_str_eq(errors[1].task, "second");
    return 0;
}

VIRTUAL_TEST(eight_failures_are_kept_and_all_are_counted)
{
    struct bide_error errors[20] = {0};
    struct bide_group g;
    bide_group_open(&g, BIDE_COLLECT);
    for (intptr_t i = 1; i <= 20; i++)
        add(&g, give_late, NUM(-i));
    ck_assert_int_eq(close_well(&g), 0);
    ck_assert_uint_eq(bide_group_errors(&g, errors, 20), 20);
    for (int i = 0; i < 8; i++)
        ck_assert_int_eq(errors[i].code, -i - 1);
    ck_assert_ptr_null(errors[8].task);
    return 0;
}

VIRTUAL_TEST(a_collecting_group_goes_on_after_a_failure)
{
    struct bide_group g;
    bide_group_open(&g, BIDE_COLLECT);
    add(&g, fail_after_ms, NUM(1));
    bide_task *other = child(&g, sleep_ms, NUM(20));
    ck_assert_int_eq(bide_group_close(&g, 3), 3);
    ck_assert_int_eq(bide_await(other), 20);
    ck_assert(!bide_group_cancelled(&g));
    ck_assert_uint_eq(bide_group_errors(&g, NULL, 0), 1);
    return 0;
}

VIRTUAL_TEST(a_failed_body_cancels_the_children_under_both_policies)
{
    enum bide_policy policies[] = {BIDE_FAIL_FAST, BIDE_COLLECT};
    for (size_t i = 0; i < LENGTH(policies); i++) {
        struct bide_error error;
        struct bide_group g;
        bide_group_open(&g, policies[i]);
        bide_task *sleeper = child(&g, sleep_for_ever, NULL);
        turns(1);
        ck_assert_int_eq(bide_group_close(&g, -EPERM), -EPERM);
        ck_assert_int_eq(result_of(sleeper), -ECANCELED);
        ck_assert_uint_eq(bide_group_errors(&g, &error, 1), 1);
        ck_assert_int_eq(error.code, -EPERM);
        ck_assert_str_eq(error.task, "main");
    }
    return 0;
}

VIRTUAL_TEST(a_child_that_someone_cancelled_is_no_failure_of_its_group)
{
    struct bide_group g;
    bide_group_open(&g, BIDE_FAIL_FAST);
    bide_task *cancelled = child(&g, sleep_for_ever, NULL);
    bide_task *sibling = child(&g, sleep_ms, NUM(10));
    turns(1);
    bide_cancel(cancelled);
    ck_assert_int_eq(close_well(&g), 0);
    ck_assert_int_eq(bide_await(cancelled), -ECHILD);
    ck_assert_int_eq(bide_await(sibling), 10);
    return 0;
}

VIRTUAL_TEST(a_cancel_that_nobody_asked_for_is_a_failure)
{
    struct bide_error error;
    struct bide_group g;
    bide_group_open(&g, BIDE_FAIL_FAST);
    add(&g, give, NUM(-ECANCELED));
    ck_assert_int_eq(close_well(&g), -ECHILD);
    ck_assert_uint_eq(bide_group_errors(&g, &error, 1), 1);
    ck_assert_int_eq(error.code, -ECHILD);
    return 0;
}

static intptr_t time_out_inside(void *ms)
{
    struct bide_scope s;
    bide_scope_open(&s, bide_after(BIDE_MS(VALUE(ms))));
    return bide_scope_close(&s, bide_sleep_until(BIDE_FOREVER));
}

VIRTUAL_TEST(a_childs_own_timeout_is_a_failure_like_any_other)
{
    struct bide_group g;
    bide_group_open(&g, BIDE_FAIL_FAST);
    add(&g, time_out_inside, NUM(5));
    add(&g, sleep_for_ever, NULL);
    ck_assert_int_eq(close_well(&g), -ETIMEDOUT);
    ck_assert_uint_eq(bide_group_errors(&g, NULL, 0), 1);
    return 0;
}

Suite *suite_group(void)
{
    Suite *suite = suite_create("group");
    TCase *t = tcase_create("well");
    tcase_add_test(t, close_returns_after_the_slowest_child);
    tcase_add_test(t, an_empty_group_closes_with_its_bodys_result);
    tcase_add_test(t, empty_groups_in_a_row_let_the_others_run);
    tcase_add_test(t, a_child_may_add_siblings_while_the_group_is_closing);
    tcase_add_test(t, a_child_added_as_the_last_one_ends_is_awaited_too);
    tcase_add_test(t, children_that_respawn_for_ever_stop_with_their_group);
    tcase_add_test(t, another_task_may_add_children);
    tcase_add_test(t, stacks_of_ended_children_are_used_again_before_the_close);
    tcase_add_test(t, eager_children_may_nest_a_thousand_groups_deep);
    tcase_add_test(t, ten_thousand_children_end_before_close_returns);
    suite_add_tcase(suite, t);

    t = tcase_create("failures");
    tcase_add_test(t, the_first_failure_cancels_the_siblings_and_is_returned);
    tcase_add_test(t, a_failure_refuses_the_bodys_wait_at_once);
    tcase_add_test(t, close_waits_for_siblings_that_end_slowly);
    tcase_add_test(t, the_first_failure_by_time_is_the_groups);
    tcase_add_test(t, eight_failures_are_kept_and_all_are_counted);
    tcase_add_test(t, a_collecting_group_goes_on_after_a_failure);
    tcase_add_test(t, a_failed_body_cancels_the_children_under_both_policies);
    tcase_add_test(t,
                   a_child_that_someone_cancelled_is_no_failure_of_its_group);
    tcase_add_test(t, a_cancel_that_nobody_asked_for_is_a_failure);
    tcase_add_test(t, a_childs_own_timeout_is_a_failure_like_any_other);
    suite_add_tcase(suite, t);

    return suite;
}
