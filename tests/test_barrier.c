/* test_barrier.c: tasks that wait for each other at one place. */
#include "tasks.h"

static struct bide_barrier barrier;

static void fresh_barrier(void)
{
    barrier = (struct bide_barrier){.count = 3};
    clear_journal();
}

static intptr_t arrive(void *unused)
{
    (void)unused;
    return bide_barrier_wait(&barrier);
}

static bide_task *arrival(void)
{
    bide_task *t = spawn(arrive, NULL);
    turns(1);
    return t;
}

static size_t waiters(void)
{
    struct bide_lock_info info;
    bide_barrier_info(&barrier, &info);
    ck_assert(!info.owner && info.holders == 0);
    return info.waiters;
}

VIRTUAL_TEST(all_go_on_and_each_has_another_index)
{
    bide_task *tasks[4];
    intptr_t results[4];
    barrier.count = 5;
    for (int i = 0; i < 4; i++)
        tasks[i] = arrival();
    ck_assert_uint_eq(waiters(), 4);
    ck_assert_int_eq(bide_barrier_wait(&barrier), 4);
    ck_assert_int_eq(bide_gather_tasks(tasks, 4, results, BIDE_COLLECT), 0);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(results[i], i);
    return 0;
}

VIRTUAL_TEST(a_barrier_of_one_never_waits)
{
    barrier.count = 1;
    spawn(note_it, NUM('x'));
    ck_assert_int_eq(bide_barrier_wait(&barrier), 0);
    ck_assert_int_eq(bide_barrier_wait(&barrier), 0);
    expect_journal("");
    return 0;
}

VIRTUAL_TEST(a_barrier_of_none_is_refused)
{
    barrier.count = 0;
    ck_assert_int_eq(bide_barrier_wait(&barrier), -EINVAL);
    return 0;
}

VIRTUAL_TEST(who_arrives_while_the_others_leave_is_in_the_next_round)
{
    bide_task *a = arrival();
    bide_task *b = arrival();
    ck_assert_int_eq(bide_barrier_wait(&barrier), 2);
    bide_task *next = arrival(); /* a and b have been sent on */
    ck_assert_int_eq(bide_await(a), 0);
    ck_assert_int_eq(bide_await(b), 1);
    ck_assert(!bide_task_done(next));
    ck_assert_uint_eq(waiters(), 1);
    bide_task *second = arrival();
    ck_assert_int_eq(bide_barrier_wait(&barrier), 2);
    ck_assert_int_eq(bide_await(next), 0);
    return bide_await(second) - 1;
}

static intptr_t laps(void *letter)
{
    for (int i = 0; i < 5; i++) {
        note((char)VALUE(letter));
        int rc = bide_barrier_wait(&barrier);
        if (rc < 0)
            return rc;
    }
    return 0;
}

VIRTUAL_TEST(nobody_is_a_round_ahead)
{
    struct bide_call calls[] = {
        {laps, NUM('a'), 0}, {laps, NUM('b'), 0}, {laps, NUM('c'), 0}};
    ck_assert_int_eq(bide_gather(calls, 3, BIDE_FAIL_FAST), 0);
    for (int round = 0; round < 5; round++) {
        const char *part = journal + 3 * round;
        ck_assert(memchr(part, 'a', 3) && memchr(part, 'b', 3) &&
                  memchr(part, 'c', 3));
    }
    return 0;
}

/* ---- Cancelled ---------------------------------------------------------- */

VIRTUAL_TEST(a_cancelled_waiter_counts_as_not_arrived)
{
    bide_task *first = arrival();
    bide_task *second = arrival();
    bide_cancel(first);
    ck_assert_uint_eq(waiters(), 1);
    bide_task *third = arrival();
    ck_assert(!bide_task_done(second) && !bide_task_done(third));
    ck_assert_int_eq(bide_barrier_wait(&barrier), 2);
    ck_assert_int_eq(result_of(first), -ECANCELED);
    ck_assert_int_eq(bide_await(second), 0);
    return bide_await(third) - 1;
}

VIRTUAL_TEST(a_waiter_cancelled_after_the_last_arrival_goes_on)
{
    bide_task *first = arrival();
    bide_task *second = arrival();
    ck_assert_int_eq(bide_barrier_wait(&barrier), 2);
    bide_cancel(first);
    ck_assert_int_eq(result_of(first), 0);
    return bide_await(second) - 1;
}

VIRTUAL_TEST(a_cancelled_scope_refuses_the_last_arrival)
{
    struct bide_scope s;
    bide_task *first = arrival();
    bide_task *second = arrival();
    bide_scope_open(&s, 0);
    ck_assert_int_eq(bide_barrier_wait(&barrier), -ETIMEDOUT);
    bide_scope_close(&s, 0);
    ck_assert_uint_eq(waiters(), 2);
    ck_assert_int_eq(bide_barrier_wait(&barrier), 2);
    ck_assert_int_eq(bide_await(first), 0);
    return bide_await(second) - 1;
}

VIRTUAL_TEST(a_deadline_ends_the_wait_at_a_barrier)
{
    struct bide_scope s;
    bide_scope_open(&s, bide_after(BIDE_MS(5)));
    ck_assert_int_eq(bide_barrier_wait(&barrier), -ETIMEDOUT);
    bide_scope_close(&s, 0);
    ck_assert_uint_eq(waiters(), 0);
    return 0;
}

/* ---- Broken ------------------------------------------------------------- */

VIRTUAL_TEST(a_reset_sends_the_present_away_and_begins_anew)
{
    bide_task *first = arrival();
    bide_task *second = arrival();
    bide_barrier_reset(&barrier);
    ck_assert_int_eq(bide_await(first), -ENOTRECOVERABLE);
    ck_assert_int_eq(bide_await(second), -ENOTRECOVERABLE);
    first = arrival();
    second = arrival();
    ck_assert_int_eq(bide_barrier_wait(&barrier), 2);
    ck_assert_int_eq(bide_await(first), 0);
    return bide_await(second) - 1;
}

VIRTUAL_TEST(an_aborted_barrier_sends_everybody_away_until_it_is_reset)
{
    bide_task *present = arrival();
    bide_barrier_abort(&barrier);
    ck_assert_int_eq(bide_await(present), -ENOTRECOVERABLE);
    ck_assert_int_eq(bide_barrier_wait(&barrier), -ENOTRECOVERABLE);
    ck_assert_int_eq(bide_barrier_wait(&barrier), -ENOTRECOVERABLE);
    bide_barrier_reset(&barrier);
    present = arrival();
    ck_assert(!bide_task_done(present));
    bide_barrier_reset(&barrier);
    ck_assert_int_eq(bide_await(present), -ENOTRECOVERABLE);
    return 0;
}

VIRTUAL_TEST(a_reset_and_a_cancel_in_one_turn_end_the_wait_once)
{
    bide_task *first = arrival();
    bide_barrier_reset(&barrier);
    bide_cancel(first);
    ck_assert_int_eq(result_of(first), -ENOTRECOVERABLE);
    bide_task *second = arrival();
    bide_cancel(second);
    bide_barrier_abort(&barrier);
    ck_assert_int_eq(result_of(second), -ECANCELED);
    return 0;
}

Suite *suite_barrier(void)
{
    Suite *suite = suite_create("barrier");
    TCase *t = tcase_create("barrier");
    tcase_add_checked_fixture(t, fresh_barrier, NULL);
    tcase_add_test(t, all_go_on_and_each_has_another_index);
    tcase_add_test(t, a_barrier_of_one_never_waits);
    tcase_add_test(t, a_barrier_of_none_is_refused);
    tcase_add_test(t, who_arrives_while_the_others_leave_is_in_the_next_round);
    tcase_add_test(t, nobody_is_a_round_ahead);
    tcase_add_test(t, a_cancelled_waiter_counts_as_not_arrived);
    tcase_add_test(t, a_waiter_cancelled_after_the_last_arrival_goes_on);
    tcase_add_test(t, a_cancelled_scope_refuses_the_last_arrival);
    tcase_add_test(t, a_deadline_ends_the_wait_at_a_barrier);
    tcase_add_test(t, a_reset_sends_the_present_away_and_begins_anew);
    tcase_add_test(
        t, an_aborted_barrier_sends_everybody_away_until_it_is_reset);
    tcase_add_test(t, a_reset_and_a_cancel_in_one_turn_end_the_wait_once);
    suite_add_tcase(suite, t);
    return suite;
}
