/* test_wait_tasks.c: waiting for tasks that have another owner. */
#include "tasks.h"

/* ---- gather_tasks ------------------------------------------------------- */

VIRTUAL_TEST(results_of_tasks_stand_in_the_order_of_the_tasks)
{
    intptr_t results[3];
    bide_task *tasks[] = {spawn(sleep_ms, NUM(20)), spawn(sleep_ms, NUM(10)),
                          spawn(give, NUM(5))};
    ck_assert_int_eq(bide_gather_tasks(tasks, 3, results, BIDE_FAIL_FAST), 0);
    ck_assert_int_eq(clock_ms(), 20);
    ck_assert_int_eq(results[0], 20);
    ck_assert_int_eq(results[1], 10);
    ck_assert_int_eq(results[2], 5);
    ck_assert_int_eq(bide_gather_tasks(tasks, 3, NULL, BIDE_COLLECT), 0);
    return 0;
}

VIRTUAL_TEST(one_task_in_two_places_runs_once_and_fills_both)
{
    intptr_t results[2];
    bide_task *task = spawn(note_it, NUM('x')), *tasks[] = {task, task};
    ck_assert_int_eq(bide_gather_tasks(tasks, 2, results, BIDE_FAIL_FAST), 0);
    ck_assert_int_eq(results[0], results[1]);
    expect_journal("x");
    return 0;
}

VIRTUAL_TEST(no_tasks_are_done_at_once_but_may_be_refused)
{
    struct bide_scope s;
    ck_assert_int_eq(bide_gather_tasks(NULL, 0, NULL, BIDE_FAIL_FAST), 0);
    ck_assert_int_eq(bide_wait_tasks(NULL, 0, BIDE_ALL_COMPLETED), 0);
    ck_assert_int_eq(bide_wait_tasks(NULL, 0, BIDE_FIRST_COMPLETED), 0);
    ck_assert_int_eq(bide_wait_tasks(NULL, 0, BIDE_FIRST_ERROR), 0);
    bide_scope_open(&s, 0);
    ck_assert_int_eq(bide_wait_tasks(NULL, 0, BIDE_FIRST_ERROR), -ETIMEDOUT);
    ck_assert_int_eq(bide_gather_tasks(NULL, 0, NULL, BIDE_COLLECT),
                     -ETIMEDOUT);
    bide_scope_close(&s, 0);
    return 0;
}

VIRTUAL_TEST(a_policy_or_mode_that_there_is_not_is_refused_without_a_wait)
{
    bide_task *task = spawn(give, NUM(1));
    ck_assert_int_eq(bide_gather_tasks(&task, 1, NULL, (enum bide_policy)2),
                     -EINVAL);
    ck_assert_int_eq(bide_wait_tasks(&task, 1, (enum bide_wait_mode)3),
                     -EINVAL);
    ck_assert(!bide_task_done(task));
    return result_of(task) == 1 ? 0 : -EBADMSG;
}

VIRTUAL_TEST(the_first_failure_is_told_at_once_and_the_others_run_on)
{
    intptr_t results[] = {1234, 1234, 1234};
    bide_task *tasks[] = {spawn(sleep_ms, NUM(30)),
                          spawn(fail_after_ms, NUM(10)),
                          spawn(sleep_ms, NUM(5))};
    ck_assert_int_eq(bide_gather_tasks(tasks, 3, results, BIDE_FAIL_FAST),
                     -EIO);
    ck_assert_int_eq(clock_ms(), 10);
    ck_assert_int_eq(results[0], 1234);
    ck_assert_int_eq(results[1], -EIO);
    ck_assert_int_eq(results[2], 5);
    ck_assert_int_eq(bide_await(tasks[0]), 30);
    return 0;
}

VIRTUAL_TEST(of_failures_that_were_there_already_the_first_by_time_is_told)
{
    bide_task *tasks[] = {spawn(fail_after_ms, NUM(2)),
                          spawn(sleep_for_ever, NULL), spawn(give, NUM(-1))};
    ck_assert_int_eq(bide_sleep(BIDE_MS(5)), 0);
    ck_assert_int_eq(bide_gather_tasks(tasks, 3, NULL, BIDE_FAIL_FAST), -1);
    return 0;
}

VIRTUAL_TEST(collecting_tasks_waits_for_all_whatever_they_return)
{
    intptr_t results[2];
    bide_task *tasks[] = {spawn(fail_after_ms, NUM(5)),
                          spawn(sleep_ms, NUM(10))};
    ck_assert_int_eq(bide_gather_tasks(tasks, 2, results, BIDE_COLLECT), 0);
    ck_assert_int_eq(results[0], -EIO);
    ck_assert_int_eq(results[1], 10);
    return 0;
}

VIRTUAL_TEST(a_cancelled_task_fails_a_strict_gather_of_tasks)
{
    intptr_t results[] = {0, 0};
    bide_task *tasks[] = {spawn(sleep_ms, NUM(10)),
                          spawn(sleep_for_ever, NULL)};
    turns(1);
    bide_cancel(tasks[1]);
    ck_assert_int_eq(bide_gather_tasks(tasks, 2, results, BIDE_FAIL_FAST),
                     -ECHILD);
    ck_assert_int_eq(results[1], -ECANCELED);
    ck_assert_int_eq(clock_ms(), 0);
    return 0;
}

VIRTUAL_TEST(a_deadline_on_a_gather_of_tasks_leaves_them_running)
{
    struct bide_scope s;
    intptr_t results[] = {1234, 1234};
    bide_task *tasks[] = {spawn(sleep_ms, NUM(10)), spawn(sleep_ms, NUM(30))};
    bide_scope_open(&s, bide_after(BIDE_MS(20)));
    ck_assert_int_eq(bide_gather_tasks(tasks, 2, results, BIDE_FAIL_FAST),
                     -ETIMEDOUT);
    bide_scope_close(&s, 0);
    ck_assert_int_eq(bide_await(tasks[1]), 30);
    return 0;
}

VIRTUAL_TEST(nobody_can_wait_for_tasks_and_be_among_them)
{
    bide_task *tasks[] = {spawn(give, NULL), bide_self()};
    ck_assert_int_eq(bide_gather_tasks(tasks, 2, NULL, BIDE_FAIL_FAST),
                     -EDEADLK);
    ck_assert_int_eq(bide_wait_tasks(tasks, 2, BIDE_FIRST_COMPLETED), -EDEADLK);
    return 0;
}

/* ---- wait_tasks --------------------------------------------------------- */

VIRTUAL_TEST(waiting_for_all_returns_with_the_last)
{
    bide_task *tasks[] = {spawn(sleep_ms, NUM(15)),
                          spawn(fail_after_ms, NUM(10)), spawn(give, NULL)};
    ck_assert_int_eq(bide_wait_tasks(tasks, 3, BIDE_ALL_COMPLETED), 3);
    ck_assert_int_eq(clock_ms(), 15);
    return 0;
}

VIRTUAL_TEST(waiting_for_the_first_leaves_the_others_alone)
{
    bide_task *tasks[] = {spawn(sleep_ms, NUM(20)), spawn(sleep_ms, NUM(10))};
    ck_assert_int_eq(bide_wait_tasks(tasks, 2, BIDE_FIRST_COMPLETED), 1);
    ck_assert_int_eq(clock_ms(), 10);
    ck_assert(!bide_task_done(tasks[0]) && bide_task_done(tasks[1]));
    ck_assert_int_eq(bide_wait_tasks(tasks, 2, BIDE_FIRST_COMPLETED), 1);
    ck_assert_int_eq(clock_ms(), 10);
    ck_assert_int_eq(bide_await(tasks[0]), 20);
    return 0;
}

VIRTUAL_TEST(two_that_end_in_one_turn_have_both_ended)
{
    bide_task *tasks[] = {spawn(sleep_ms, NUM(10)), spawn(sleep_ms, NUM(10)),
                          spawn(sleep_ms, NUM(20))};
    ck_assert_int_eq(bide_wait_tasks(tasks, 3, BIDE_FIRST_COMPLETED), 2);
    return 0;
}

VIRTUAL_TEST(a_task_counts_once_for_each_place_it_stands_in)
{
    bide_task *task = spawn(give, NULL), *other = spawn(sleep_for_ever, NULL);
    bide_task *tasks[] = {task, other, task};
    ck_assert_int_eq(bide_wait_tasks(tasks, 3, BIDE_FIRST_COMPLETED), 2);
    return 0;
}

VIRTUAL_TEST(waiting_for_an_error_passes_over_successes_and_cancels)
{
    bide_task *tasks[] = {spawn(sleep_ms, NUM(5)), spawn(sleep_for_ever, NULL),
                          spawn(fail_after_ms, NUM(20)),
                          spawn(sleep_ms, NUM(30))};
    turns(1);
    bide_cancel(tasks[1]);
    ck_assert_int_eq(bide_wait_tasks(tasks, 4, BIDE_FIRST_ERROR), 3);
    ck_assert_int_eq(clock_ms(), 20);
    return 0;
}

VIRTUAL_TEST(an_error_that_was_there_already_is_enough)
{
    bide_task *tasks[] = {spawn(sleep_ms, NUM(5)), spawn(give, NUM(-EIO))};
    turns(1);
    ck_assert_int_eq(bide_wait_tasks(tasks, 2, BIDE_FIRST_ERROR), 1);
    ck_assert_int_eq(clock_ms(), 0);
    return 0;
}

VIRTUAL_TEST(without_any_error_the_first_error_is_waited_for_to_the_end)
{
    bide_task *tasks[] = {spawn(sleep_ms, NUM(5)), spawn(sleep_ms, NUM(10))};
    ck_assert_int_eq(bide_wait_tasks(tasks, 2, BIDE_FIRST_ERROR), 2);
    ck_assert_int_eq(clock_ms(), 10);
    return 0;
}

VIRTUAL_TEST(a_deadline_on_a_wait_cancels_nothing)
{
    struct bide_scope s;
    bide_task *tasks[] = {spawn(sleep_ms, NUM(10)), spawn(sleep_ms, NUM(15))};
    bide_scope_open(&s, bide_after(BIDE_MS(11)));
    ck_assert_int_eq(bide_wait_tasks(tasks, 2, BIDE_ALL_COMPLETED), -ETIMEDOUT);
    bide_scope_close(&s, 0);
    ck_assert(bide_task_done(tasks[0]) && !bide_task_done(tasks[1]));
    ck_assert_int_eq(bide_await(tasks[1]), 15);
    return 0;
}

VIRTUAL_TEST(to_wait_for_a_task_is_not_to_read_its_failure)
{
    bide_task *task = spawn(give, NUM(-EIO));
    ck_assert_int_eq(bide_wait_tasks(&task, 1, BIDE_ALL_COMPLETED), 1);
    bide_release(task);
    ck_assert_uint_eq(heard.count, 1);
    return 0;
}

VIRTUAL_TEST(a_gather_of_tasks_has_read_just_the_failures_that_it_tells)
{
    intptr_t result;
    bide_task *tasks[] = {spawn(give, NUM(-EIO)), spawn(give, NUM(-EPROTO))};
    ck_assert_int_eq(bide_gather_tasks(tasks, 2, NULL, BIDE_FAIL_FAST), -EIO);
    turns(1);
    ck_assert_int_eq(bide_gather_tasks(tasks, 2, NULL, BIDE_COLLECT), 0);
    bide_release(tasks[0]);
    ck_assert_uint_eq(heard.count, 0);
    bide_release(tasks[1]);
    ck_assert_uint_eq(heard.count, 1);
    ck_assert_int_eq(heard.code, -EPROTO);
    bide_task *told = spawn(give, NUM(-EIO));
    ck_assert_int_eq(bide_gather_tasks(&told, 1, &result, BIDE_COLLECT), 0);
    ck_assert_int_eq(result, -EIO);
    bide_release(told);
    ck_assert_uint_eq(heard.count, 1);
    return 0;
}

/* ---- Woken for less than was wanted ------------------------------------- */

struct waiting {
    bide_task *tasks[2];
    enum bide_wait_mode mode;
};

static intptr_t wait_for_two(void *arg)
{
    struct waiting *waiting = arg;
    return bide_wait_tasks(waiting->tasks, 2, waiting->mode);
}

VIRTUAL_TEST(a_waiter_cancelled_as_one_of_its_tasks_ends_is_refused)
{
    struct waiting all = {.mode = BIDE_ALL_COMPLETED};
    all.tasks[0] = spawn(give_late, NULL);
    all.tasks[1] = spawn(sleep_ms, NUM(50));
    bide_task *waiter = spawn(wait_for_two, &all);
    turns(2);
    ck_assert(bide_task_done(all.tasks[0]));
    bide_cancel(waiter);
    ck_assert_int_eq(result_of(waiter), -ECANCELED);
    ck_assert_int_eq(clock_ms(), 0);
    return 0;
}

VIRTUAL_TEST(a_waiter_cancelled_as_a_task_of_another_waiter_ends_is_refused)
{
    bide_task *sleeper = spawn(sleep_ms, NUM(50));
    struct waiting first = {{sleeper, sleeper}, BIDE_FIRST_COMPLETED};
    struct waiting other = {.mode = BIDE_ALL_COMPLETED};
    bide_task *waiter = spawn(wait_for_two, &first);
    other.tasks[0] = other.tasks[1] = spawn(give_late, NULL);
    spawn(wait_for_two, &other);
    turns(2);
    ck_assert(bide_task_done(other.tasks[0]));
    bide_cancel(waiter);
    ck_assert_int_eq(result_of(waiter), -ECANCELED);
    ck_assert_int_eq(clock_ms(), 0);
    return 0;
}

VIRTUAL_TEST(a_waiter_is_not_disturbed_by_the_tasks_of_others)
{
    bide_task *sleeper = spawn(sleep_ms, NUM(50));
    struct waiting first = {{sleeper, sleeper}, BIDE_FIRST_COMPLETED};
    bide_task *waiter = spawn(wait_for_two, &first);
    bide_task *many[20];
    for (int i = 0; i < 20; i++)
        many[i] = spawn(sleep_ms, NUM(i));
    ck_assert_int_eq(bide_wait_tasks(many, 20, BIDE_ALL_COMPLETED), 20);
    ck_assert(!bide_task_done(waiter));
    ck_assert_int_eq(bide_await(waiter), 2);
    ck_assert_int_eq(clock_ms(), 50);
    return 0;
}

/* ---- Under every schedule ------------------------------------------------ */

static intptr_t await_three(void *arg)
{
    bide_task *tasks[3];
    for (int i = 0; i < 3; i++)
        tasks[i] = spawn(give_late, NUM(i));
    int first = bide_wait_tasks(tasks, 3, BIDE_FIRST_COMPLETED);
    int all = bide_wait_tasks(tasks, 3, BIDE_ALL_COMPLETED);
    for (int i = 0; i < 3; i++)
        bide_release(tasks[i]);
    return first >= 1 && all == 3 ? VALUE(arg) : -EPROTO;
}

/* The waiter may give its turn up, and the last end may come right then. */
START_TEST(no_end_is_missed_between_the_look_and_the_wait)
{
    ck_assert_int_eq(bide_explore(2000, await_three), 0);
}
END_TEST

Suite *suite_wait_tasks(void)
{
    Suite *suite = suite_create("wait_tasks");
    TCase *t = tcase_create("gather_tasks");
    tcase_add_checked_fixture(t, clear_journal, NULL);
    tcase_add_test(t, results_of_tasks_stand_in_the_order_of_the_tasks);
    tcase_add_test(t, one_task_in_two_places_runs_once_and_fills_both);
    tcase_add_test(t, no_tasks_are_done_at_once_but_may_be_refused);
    tcase_add_test(
        t, a_policy_or_mode_that_there_is_not_is_refused_without_a_wait);
    tcase_add_test(t, the_first_failure_is_told_at_once_and_the_others_run_on);
    tcase_add_test(
        t, of_failures_that_were_there_already_the_first_by_time_is_told);
    tcase_add_test(t, collecting_tasks_waits_for_all_whatever_they_return);
    tcase_add_test(t, a_cancelled_task_fails_a_strict_gather_of_tasks);
    tcase_add_test(t, a_deadline_on_a_gather_of_tasks_leaves_them_running);
    tcase_add_test(t, nobody_can_wait_for_tasks_and_be_among_them);
    suite_add_tcase(suite, t);

    t = tcase_create("wait_tasks");
    tcase_add_test(t, waiting_for_all_returns_with_the_last);
    tcase_add_test(t, waiting_for_the_first_leaves_the_others_alone);
    tcase_add_test(t, two_that_end_in_one_turn_have_both_ended);
    tcase_add_test(t, a_task_counts_once_for_each_place_it_stands_in);
    tcase_add_test(t, waiting_for_an_error_passes_over_successes_and_cancels);
    tcase_add_test(t, an_error_that_was_there_already_is_enough);
    tcase_add_test(t,
                   without_any_error_the_first_error_is_waited_for_to_the_end);
    tcase_add_test(t, a_deadline_on_a_wait_cancels_nothing);
    tcase_add_test(t, to_wait_for_a_task_is_not_to_read_its_failure);
    tcase_add_test(t,
                   a_gather_of_tasks_has_read_just_the_failures_that_it_tells);
    tcase_add_test(t, a_waiter_cancelled_as_one_of_its_tasks_ends_is_refused);
    tcase_add_test(
        t, a_waiter_cancelled_as_a_task_of_another_waiter_ends_is_refused);
    tcase_add_test(t, a_waiter_is_not_disturbed_by_the_tasks_of_others);
    tcase_add_test(t, no_end_is_missed_between_the_look_and_the_wait);
    suite_add_tcase(suite, t);
    return suite;
}
