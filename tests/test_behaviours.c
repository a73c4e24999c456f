/* test_behaviours.c: what users of asyncio and Trio look for, where no single
 * noun is the subject, or where bide answers otherwise and says so.
 */
#include "tasks.h"

#include <pthread.h>
#include <unistd.h>

/* ---- Deadlines ---------------------------------------------------------- */

/* Deliberately different from asyncio's wait_for(): whoever waits for a task
 * of another owner just stops waiting.  Work that is to end with the wait is
 * called, or gathered. */
VIRTUAL_TEST(a_late_wait_leaves_a_task_alone_and_waits_for_a_calls_clean_up)
{
    struct bide_scope s;
    struct bide_call call = {end_slowly, NUM(7), 0};
    bide_task *task = spawn(end_slowly, NUM(7));
    bide_scope_open(&s, bide_after(BIDE_MS(3)));
    ck_assert_int_eq(bide_await(task), -ETIMEDOUT);
    bide_scope_close(&s, 0);
    ck_assert_int_eq(clock_ms(), 3);
    ck_assert(!bide_task_done(task));
    bide_scope_open(&s, bide_after(BIDE_MS(3)));
    ck_assert_int_eq(bide_gather(&call, 1, BIDE_FAIL_FAST), -ETIMEDOUT);
    bide_scope_close(&s, 0);
    ck_assert_int_eq(clock_ms(), 13);
    return 0;
}

VIRTUAL_TEST(work_that_answers_its_deadline_with_a_value_has_that_value)
{
    struct bide_scope s;
    bide_scope_open(&s, bide_after(BIDE_MS(3)));
    intptr_t result = swallow_cancel(NUM(9));
    ck_assert_int_eq(bide_scope_close(&s, result), 9);
    ck_assert(bide_scope_fired(&s)); /* that it was late is told by the scope */
    return 0;
}

VIRTUAL_TEST(after_a_scope_that_timed_out_the_task_waits_as_before)
{
    struct bide_scope s;
    for (int i = 1; i <= 3; i++) {
        bide_scope_open(&s, bide_after(BIDE_MS(2)));
        int rc = bide_sleep_until(BIDE_FOREVER);
        ck_assert_int_eq(bide_scope_close(&s, rc), -ETIMEDOUT);
        ck_assert_int_eq(bide_sleep(BIDE_MS(5)), 0);
        ck_assert_int_eq(clock_ms(), i * 7);
    }
    return 0;
}

/* Deliberately different from asyncio and Trio, where a result that is there is
 * had in time 0: a wait past a deadline is refused, whatever it is for. */
VIRTUAL_TEST(past_a_deadline_what_is_there_is_had_by_asking_not_by_waiting)
{
    struct bide_scope s;
    struct bide_future future = {0};
    struct bide_sem sem = {.count = 1};
    bide_future_set(&future, 5);
    bide_scope_open(&s, 0);
    ck_assert_int_eq(bide_future_wait(&future), -ETIMEDOUT);
    ck_assert_int_eq(bide_future_trywait(&future), 5);
    ck_assert_int_eq(bide_sem_acquire(&sem, 1), -ETIMEDOUT);
    ck_assert_int_eq(bide_sem_tryacquire(&sem, 1), 0);
    bide_scope_close(&s, 0);
    return 0;
}

/* Behaviour 202. */
VIRTUAL_TEST(a_day_of_sleep_is_exact_and_takes_no_time)
{
    ck_assert_int_eq(bide_sleep(BIDE_SEC(100000)), 0);
    ck_assert_int_eq(clock_ms(), 100000000);
    return 0;
}

/* ---- Groups ------------------------------------------------------------- */

static intptr_t fail_within_grace(void *unused)
{
    struct bide_scope shield;
    (void)unused;
    bide_sleep_until(BIDE_FOREVER);
    bide_shield_open(&shield, BIDE_MS(10));
    int rc = bide_sleep(BIDE_MS(4));
    bide_scope_close(&shield, rc);
    return rc == 0 ? -EPROTO : rc;
}

VIRTUAL_TEST(a_failure_in_the_grace_after_a_cancel_is_the_groups)
{
    struct bide_scope s;
    struct bide_group g = {0};
    struct bide_error error;
    bide_scope_open(&s, bide_after(BIDE_MS(2)));
    bide_group_open(&g, BIDE_FAIL_FAST);
    ck_assert_int_eq(bide_group_spawn(&g, fail_within_grace, NULL), 0);
    ck_assert_int_eq(bide_group_spawn(&g, sleep_for_ever, NULL), 0);
    ck_assert_int_eq(bide_group_close(&g, 0), -EPROTO);
    ck_assert_int_eq(clock_ms(), 6);
    ck_assert_uint_eq(bide_group_errors(&g, &error, 1), 1);
    ck_assert_int_eq(bide_yield(), -ETIMEDOUT); /* and the cancel is not lost */
    bide_scope_close(&s, 0);
    return 0;
}

VIRTUAL_TEST(each_failure_tells_its_child_and_where_that_was_spawned)
{
    struct bide_group g = {0};
    struct bide_error errors[3];
    static const char *const names[] = {"later", "sooner"};
    bide_group_open(&g, BIDE_COLLECT);
    for (int i = 0; i < 2; i++) {
        struct bide_spawn_options opt = {.name = names[i]};
        ck_assert_int_eq(bide_group_spawn_with(&g, NULL, fail_after_ms,
                                               NUM(2 - i), &opt), 0);
    }
    ck_assert_int_eq(bide_sleep(BIDE_MS(3)), 0);
    ck_assert_int_eq(bide_group_close(&g, -EPROTO), -EPROTO);
    ck_assert_uint_eq(bide_group_errors(&g, errors, 3), 3);
    ck_assert_str_eq(errors[0].task, "sooner");
    ck_assert_str_eq(errors[1].task, "later");
    ck_assert_str_eq(errors[2].task, "main"); /* the body is one of them */
    for (int i = 0; i < 3; i++)
        ck_assert_ptr_nonnull(strchr(errors[i].where, '+'));
    return 0;
}

VIRTUAL_TEST(the_results_of_all_children_can_be_read_after_the_close)
{
    struct bide_group g = {0};
    bide_task *tasks[2];
    bide_group_open(&g, BIDE_FAIL_FAST);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(bide_group_spawn_with(&g, &tasks[i], sleep_ms,
                                               NUM(5 - i), NULL), 0);
    ck_assert_int_eq(bide_group_close(&g, 0), 0);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(bide_await(tasks[i]), 5 - i);
        bide_release(tasks[i]);
    }
    return 0;
}

/* asyncio loses the second one. */
VIRTUAL_TEST(a_failure_after_the_first_stands_in_its_slot)
{
    struct bide_call calls[] = {{fail_when_cancelled, NULL, 0},
                                {fail_after_ms, NUM(1), 0}};
    ck_assert_int_eq(bide_gather(calls, 2, BIDE_FAIL_FAST), -EIO);
    ck_assert_int_eq(calls[0].result, -EPROTO);
    ck_assert_uint_eq(heard.count, 0);
    return 0;
}

/* ---- The end of a run --------------------------------------------------- */

static intptr_t tidy_up_behind_a_shield(void *unused)
{
    struct bide_scope shield;
    int rc = bide_sleep_until(BIDE_FOREVER);
    (void)unused;
    bide_shield_open(&shield, BIDE_FOREVER);
    ck_assert_int_eq(bide_sleep(BIDE_MS(50)), 0);
    bide_scope_close(&shield, 0);
    note('t');
    return rc;
}

static intptr_t leave_one_behind_a_shield(void *unused)
{
    (void)unused;
    spawn(tidy_up_behind_a_shield, NULL);
    turns(1);
    return 3;
}

START_TEST(a_shield_holds_while_the_run_ends)
{
    ck_assert_int_eq(run_virtual(leave_one_behind_a_shield, NULL), 3);
    expect_journal("t");
}
END_TEST

/* ---- Others ------------------------------------------------------------- */

static struct bide_sem sem;

static intptr_t take_one(void *letter)
{
    ck_assert_int_eq(bide_sem_acquire(&sem, 1), 0);
    return note_it(letter);
}

VIRTUAL_TEST(of_ten_that_wait_the_first_three_go_and_then_the_rest_in_order)
{
    sem = (struct bide_sem){0};
    for (int i = 0; i < 10; i++)
        spawn(take_one, NUM('a' + i));
    turns(1);
    ck_assert_int_eq(bide_sem_release(&sem, 3), 0);
    turns(1);
    expect_journal("abc");
    ck_assert_int_eq(bide_sem_release(&sem, 7), 0);
    turns(1);
    expect_journal("abcdefghij");
    return 0;
}

static intptr_t wait_for_all(void *task)
{
    bide_task *tasks[] = {task};
    return bide_wait_tasks(tasks, 1, BIDE_ALL_COMPLETED);
}

VIRTUAL_TEST(tasks_run_on_when_the_one_who_waits_for_them_is_cancelled)
{
    bide_task *task = spawn(sleep_ms, NUM(5));
    bide_task *waiter = spawn(wait_for_all, task);
    turns(1);
    bide_cancel(waiter);
    ck_assert_int_eq(result_of(waiter), -ECANCELED);
    ck_assert_int_eq(result_of(task), 5);
    ck_assert_int_eq(clock_ms(), 5);
    return 0;
}

struct outside {
    bide_loop *loop;
    struct bide_future future;
};

/* A thread of somebody else's, which stops when nobody wants its answer. */
static void *work_until_unwanted(void *arg)
{
    struct outside *o = arg;
    while (!bide_future_cancelled(&o->future))
        usleep(50);
    return NUM(bide_future_post(o->loop, &o->future, 1));
}

static void *give_up(void *arg)
{
    struct outside *o = arg;
    return NUM(bide_future_post(o->loop, &o->future, -ECANCELED));
}

REAL_TEST(a_cancel_on_either_side_of_a_threads_future_is_seen_on_the_other)
{
    struct outside o = {.loop = bide_loop_ref()};
    pthread_t thread;
    void *result;
    pthread_create(&thread, NULL, work_until_unwanted, &o);
    ck_assert(bide_future_cancel(&o.future));
    pthread_join(thread, &result);
    ck_assert_int_eq(VALUE(result), -EALREADY);
    o.future = (struct bide_future){0};
    pthread_create(&thread, NULL, give_up, &o);
    ck_assert_int_eq(bide_future_wait(&o.future), -ECHILD);
    pthread_join(thread, &result);
    ck_assert_int_eq(VALUE(result), 0);
    bide_loop_unref(o.loop);
    return 0;
}

/* Deliberately different from Trio, which closes the two ends one by one: a
 * channel has one close, for both, and for ever. */
VIRTUAL_TEST(a_closed_channel_stays_closed_on_both_sides)
{
    struct bide_chan chan = {0};
    bide_chan_close(&chan);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(bide_chan_send(&chan, NULL), -EPIPE);
        ck_assert_int_eq(bide_chan_recv(&chan, NULL), 0);
    }
    return 0;
}

Suite *suite_behaviours(void)
{
    Suite *suite = suite_create("behaviours");
    TCase *t = tcase_create("behaviours");
    tcase_add_checked_fixture(t, clear_journal, NULL);
    tcase_add_test(
        t, a_late_wait_leaves_a_task_alone_and_waits_for_a_calls_clean_up);
    tcase_add_test(t,
                   work_that_answers_its_deadline_with_a_value_has_that_value);
    tcase_add_test(t, after_a_scope_that_timed_out_the_task_waits_as_before);
    tcase_add_test(
        t, past_a_deadline_what_is_there_is_had_by_asking_not_by_waiting);
    tcase_add_test(t, a_day_of_sleep_is_exact_and_takes_no_time);
    tcase_add_test(t, a_failure_in_the_grace_after_a_cancel_is_the_groups);
    tcase_add_test(t, each_failure_tells_its_child_and_where_that_was_spawned);
    tcase_add_test(t, the_results_of_all_children_can_be_read_after_the_close);
    tcase_add_test(t, a_failure_after_the_first_stands_in_its_slot);
    tcase_add_test(t, a_shield_holds_while_the_run_ends);
    tcase_add_test(
        t, of_ten_that_wait_the_first_three_go_and_then_the_rest_in_order);
    tcase_add_test(t,
                   tasks_run_on_when_the_one_who_waits_for_them_is_cancelled);
    tcase_add_test(
        t, a_cancel_on_either_side_of_a_threads_future_is_seen_on_the_other);
    tcase_add_test(t, a_closed_channel_stays_closed_on_both_sides);
    suite_add_tcase(suite, t);
    return suite;
}
