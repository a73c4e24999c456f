/* test_group_start.c: bide_group_start() and bide_ready(). */
#include "tasks.h"

static intptr_t ready_after_ms(void *ms)
{
    int rc = bide_sleep(BIDE_MS(VALUE(ms)));
    if (rc < 0)
        return rc;
    bide_ready(VALUE(ms));
    bide_ready(VALUE(ms) + 1); /* nobody waits for a second one */
    return bide_sleep(BIDE_MS(100));
}

VIRTUAL_TEST(start_returns_when_the_child_is_ready_and_the_child_runs_on)
{
    struct bide_group g;
    bide_group_open(&g, BIDE_FAIL_FAST);
    ck_assert_int_eq(bide_group_start(&g, ready_after_ms, NUM(10)), 10);
    ck_assert_int_eq(clock_ms(), 10);
    ck_assert_int_eq(bide_group_close(&g, 0), 0);
    ck_assert_int_eq(clock_ms(), 110);
    return 0;
}

static intptr_t ready_at_once(void *value)
{
    bide_ready(VALUE(value));
    return 0;
}

VIRTUAL_TEST(a_child_may_be_ready_and_end_in_one_go)
{
    intptr_t values[] = {0, 1, INTPTR_MAX};
    struct bide_group g;
    bide_group_open(&g, BIDE_FAIL_FAST);
    for (size_t i = 0; i < LENGTH(values); i++)
        ck_assert_int_eq(bide_group_start(&g, ready_at_once, NUM(values[i])),
                         values[i]);
    return bide_group_close(&g, 0);
}

VIRTUAL_TEST(ready_does_nothing_where_no_start_waits)
{
    struct bide_group g;
    bide_ready(1);
    bide_group_open(&g, BIDE_FAIL_FAST);
    ck_assert_int_eq(bide_group_spawn(&g, ready_at_once, NUM(5)), 0);
    return bide_group_close(&g, 0);
}

VIRTUAL_TEST(a_child_that_fails_before_it_is_ready_fails_the_start_alone)
{
    struct bide_group g;
    bide_group_open(&g, BIDE_FAIL_FAST);
    ck_assert_int_eq(bide_group_start(&g, fail_after_ms, NUM(5)), -EIO);
    ck_assert(!bide_group_cancelled(&g));
    ck_assert_uint_eq(bide_group_errors(&g, NULL, 0), 0);
    ck_assert_int_eq(bide_group_close(&g, 0), 0);
    ck_assert_uint_eq(heard.count, 0);
    return 0;
}

static intptr_t ready_then_fail(void *unused)
{
    (void)unused;
    bide_ready(3);
    return bide_yield() < 0 ? -EPROTO : -EIO;
}

VIRTUAL_TEST(a_child_that_fails_once_it_is_ready_fails_the_group)
{
    struct bide_group g;
    bide_group_open(&g, BIDE_FAIL_FAST);
    ck_assert_int_eq(bide_group_start(&g, ready_then_fail, NULL), 3);
    ck_assert_int_eq(bide_group_close(&g, 0), -EIO);
    return 0;
}

VIRTUAL_TEST(a_child_that_returns_without_being_ready_broke_the_protocol)
{
    struct bide_group g;
    bide_group_open(&g, BIDE_FAIL_FAST);
    ck_assert_int_eq(bide_group_start(&g, give, NUM(7)), -EPROTO);
    ck_assert_int_eq(bide_group_start(&g, sleep_ms, NUM(7)), -EPROTO);
    return bide_group_close(&g, 0);
}

VIRTUAL_TEST(a_start_that_makes_no_sense_or_comes_too_late_is_refused)
{
    struct bide_group g;
    bide_group_open(&g, BIDE_FAIL_FAST);
    ck_assert_int_eq(bide_group_start(&g, NULL, NULL), -EINVAL);
    bide_group_cancel(&g);
    ck_assert_int_eq(bide_group_start(&g, note_it, NUM('x')), -ECANCELED);
    ck_assert_int_eq(bide_group_close(&g, 0), 0);
    ck_assert_int_eq(bide_group_start(&g, note_it, NUM('x')), -ESHUTDOWN);
    expect_journal("");
    return 0;
}

VIRTUAL_TEST(a_cancelled_start_cancels_its_child_and_waits_for_its_end)
{
    struct bide_scope s;
    struct bide_group g;
    bide_group_open(&g, BIDE_FAIL_FAST);
    bide_scope_open(&s, bide_after(BIDE_MS(10)));
    ck_assert_int_eq(bide_group_start(&g, end_slowly, NUM(20)), -ETIMEDOUT);
    ck_assert_int_eq(clock_ms(), 30);
    bide_scope_close(&s, 0);
    ck_assert_int_eq(bide_yield(), 0);
    ck_assert_int_eq(bide_group_close(&g, 0), 0);
    return 0;
}

static intptr_t ready_when_cancelled(void *unused)
{
    struct bide_scope shield;
    (void)unused;
    bide_sleep_until(BIDE_FOREVER);
    bide_ready(5);
    note('r');
    bide_shield_open(&shield, BIDE_FOREVER);
    int rc = bide_sleep(BIDE_MS(5));
    bide_scope_close(&shield, rc);
    note('e');
    return 5;
}

VIRTUAL_TEST(to_be_ready_after_the_start_was_cancelled_is_too_late)
{
    struct bide_scope s;
    struct bide_group g;
    bide_group_open(&g, BIDE_FAIL_FAST);
    bide_scope_open(&s, bide_after(BIDE_MS(10)));
    ck_assert_int_eq(bide_group_start(&g, ready_when_cancelled, NULL),
                     -ETIMEDOUT);
    expect_journal("re");
    bide_scope_close(&s, 0);
    return bide_group_close(&g, 0);
}

VIRTUAL_TEST(a_child_that_answers_the_cancelled_start_with_an_error_tells_it)
{
    struct bide_scope s;
    struct bide_group g;
    bide_group_open(&g, BIDE_FAIL_FAST);
    bide_scope_open(&s, bide_after(BIDE_MS(10)));
    ck_assert_int_eq(bide_group_start(&g, fail_when_cancelled, NULL), -EPROTO);
    ck_assert_int_eq(bide_yield(), -ETIMEDOUT);
    bide_scope_close(&s, 0);
    ck_assert_int_eq(bide_group_close(&g, 0), 0);
    return 0;
}

static bide_task *starter;

static intptr_t ready_and_cancel_the_starter(void *unused)
{
    (void)unused;
    bide_ready(8);
    bide_cancel(starter);
    return 0;
}

static intptr_t start_one_who_cancels(void *unused)
{
    struct bide_group g;
    (void)unused;
    bide_group_open(&g, BIDE_FAIL_FAST);
    ck_assert_int_eq(bide_group_start(&g, ready_and_cancel_the_starter, NULL),
                     8);
    return bide_group_close(&g, bide_yield());
}

VIRTUAL_TEST(a_start_cancelled_once_the_child_was_ready_has_succeeded)
{
    starter = spawn(start_one_who_cancels, NULL);
    ck_assert_int_eq(result_of(starter), -ECANCELED);
    return 0;
}

static bide_task *started;

static intptr_t tell_self_and_sleep(void *unused)
{
    (void)unused;
    started = bide_self();
    return sleep_for_ever(NULL);
}

static intptr_t cancel_started(void *unused)
{
    (void)unused;
    turns(2);
    return bide_cancel(started);
}

VIRTUAL_TEST(a_start_whose_child_someone_else_cancelled_is_not_cancelled_itself)
{
    struct bide_group g;
    bide_group_open(&g, BIDE_FAIL_FAST);
    spawn(cancel_started, NULL);
    ck_assert_int_eq(bide_group_start(&g, tell_self_and_sleep, NULL), -ECHILD);
    return bide_group_close(&g, 0);
}

static intptr_t start_in_group(void *group)
{
    return bide_group_start(group, ready_after_ms, NUM(10));
}

VIRTUAL_TEST(a_closing_group_waits_for_the_start_of_another_task)
{
    struct bide_group g;
    bide_group_open(&g, BIDE_FAIL_FAST);
    bide_task *task = spawn(start_in_group, &g);
    turns(1);
    ck_assert_int_eq(bide_group_close(&g, 0), 0);
    ck_assert_int_eq(clock_ms(), 110);
    ck_assert_int_eq(bide_await(task), 10);
    return 0;
}

VIRTUAL_TEST(a_group_that_fails_ends_the_starts_of_other_tasks)
{
    struct bide_group g;
    bide_group_open(&g, BIDE_FAIL_FAST);
    bide_task *task = spawn(start_in_group, &g);
    ck_assert_int_eq(bide_group_spawn(&g, fail_after_ms, NUM(5)), 0);
    ck_assert_int_eq(bide_group_close(&g, 0), -EIO);
    ck_assert_int_eq(result_of(task), -ECHILD);
    ck_assert_int_eq(clock_ms(), 5);
    return 0;
}

/* Each start waits for a child that starts the next. */
static intptr_t start_next(void *depth)
{
    struct bide_group g;
    if (VALUE(depth) == 0)
        return sleep_for_ever(NULL);
    bide_group_open(&g, BIDE_FAIL_FAST);
    intptr_t rc = bide_group_start(&g, start_next, NUM(VALUE(depth) - 1));
    return bide_group_close(&g, rc);
}

VIRTUAL_TEST(a_thousand_starts_that_wait_for_each_other_can_be_cancelled)
{
    bide_task *task = spawn(start_next, NUM(1000));
    ck_assert_int_eq(bide_sleep(BIDE_MS(1)), 0);
    bide_cancel(task);
    ck_assert_int_eq(result_of(task), -ECANCELED);
    return 0;
}

Suite *suite_group_start(void)
{
    Suite *suite = suite_create("group_start");
    TCase *t = tcase_create("start");
    tcase_add_checked_fixture(t, clear_journal, NULL);
    tcase_add_test(t,
                   start_returns_when_the_child_is_ready_and_the_child_runs_on);
    tcase_add_test(t, a_child_may_be_ready_and_end_in_one_go);
    tcase_add_test(t, ready_does_nothing_where_no_start_waits);
    tcase_add_test(t,
                   a_child_that_fails_before_it_is_ready_fails_the_start_alone);
    tcase_add_test(t, a_child_that_fails_once_it_is_ready_fails_the_group);
    tcase_add_test(t,
                   a_child_that_returns_without_being_ready_broke_the_protocol);
    tcase_add_test(t, a_start_that_makes_no_sense_or_comes_too_late_is_refused);
    tcase_add_test(t,
                   a_cancelled_start_cancels_its_child_and_waits_for_its_end);
    tcase_add_test(t, to_be_ready_after_the_start_was_cancelled_is_too_late);
    tcase_add_test(
        t, a_child_that_answers_the_cancelled_start_with_an_error_tells_it);
    tcase_add_test(t, a_start_cancelled_once_the_child_was_ready_has_succeeded);
    tcase_add_test(
        t, a_start_whose_child_someone_else_cancelled_is_not_cancelled_itself);
    tcase_add_test(t, a_closing_group_waits_for_the_start_of_another_task);
    tcase_add_test(t, a_group_that_fails_ends_the_starts_of_other_tasks);
    tcase_add_test(t,
                   a_thousand_starts_that_wait_for_each_other_can_be_cancelled);
    suite_add_tcase(suite, t);
    return suite;
}
