/* test_once.c: something that is done once. */
#include "tasks.h"

static struct bide_once once;
static int runs;

static void fresh_once(void)
{
    once = (struct bide_once){0};
    runs = 0;
    clear_journal();
}

/* A function to be run once: it waits, and gives the argument. */
static intptr_t begin(void *value)
{
    runs++;
    int rc = bide_sleep(BIDE_MS(10));
    return rc < 0 ? rc : VALUE(value);
}

static intptr_t ask(void *value)
{
    return bide_once(&once, begin, value);
}

static bide_task *asker(intptr_t value)
{
    bide_task *t = spawn(ask, NUM(value));
    turns(1);
    return t;
}

VIRTUAL_TEST(one_runs_and_the_others_wait_for_it)
{
    bide_task *first = asker(1);
    bide_task *second = asker(2);
    ck_assert_int_eq(bide_once(&once, begin, NUM(3)), 1);
    ck_assert_int_eq(bide_await(first), 1);
    ck_assert_int_eq(bide_await(second), 1);
    ck_assert_int_eq(bide_once(&once, begin, NUM(4)), 1);
    ck_assert_int_eq(runs, 1);
    return 0;
}

VIRTUAL_TEST(what_is_done_needs_no_wait)
{
    ck_assert_int_eq(bide_once(&once, give, NUM(7)), 7);
    spawn(note_it, NUM('x'));
    ck_assert_int_eq(bide_once(&once, give, NUM(8)), 7);
    expect_journal("");
    return 0;
}

VIRTUAL_TEST(a_failure_is_the_runners_own_and_the_next_one_tries)
{
    bide_task *first = asker(-EIO);
    bide_task *second = asker(-EPROTO);
    bide_task *third = asker(3);
    bide_task *fourth = asker(4);
    ck_assert_int_eq(bide_await(first), -EIO);
    ck_assert_int_eq(bide_await(second), -EPROTO);
    ck_assert_int_eq(bide_await(third), 3);
    ck_assert_int_eq(bide_await(fourth), 3);
    ck_assert_int_eq(runs, 3);
    return 0;
}

VIRTUAL_TEST(a_failure_with_nobody_waiting_leaves_it_to_the_next_call)
{
    ck_assert_int_eq(bide_once(&once, begin, NUM(-EIO)), -EIO);
    return bide_once(&once, begin, NUM(0));
}

static intptr_t ask_again(void *unused)
{
    (void)unused;
    return bide_once(&once, begin, NULL);
}

VIRTUAL_TEST(the_function_that_asks_again_is_told_of_the_deadlock)
{
    ck_assert_int_eq(bide_once(&once, ask_again, NULL), -EDEADLK);
    return bide_once(&once, begin, NULL);
}

VIRTUAL_TEST(no_function_is_refused)
{
    ck_assert_int_eq(bide_once(&once, NULL, NULL), -EINVAL);
    return 0;
}

/* ---- Cancelled ---------------------------------------------------------- */

VIRTUAL_TEST(a_cancelled_runner_leaves_it_to_the_first_waiter)
{
    bide_task *first = asker(1);
    bide_task *second = asker(2);
    bide_cancel(first);
    ck_assert_int_eq(bide_await(second), 2);
    ck_assert_int_eq(result_of(first), -ECANCELED);
    ck_assert_int_eq(runs, 2);
    return 0;
}

VIRTUAL_TEST(a_cancelled_waiter_leaves_and_the_runner_goes_on)
{
    bide_task *first = asker(1);
    bide_task *second = asker(2);
    bide_cancel(second);
    ck_assert_int_eq(result_of(second), -ECANCELED);
    return bide_await(first) - 1;
}

VIRTUAL_TEST(a_waiter_cancelled_when_its_turn_has_come_leaves_it_to_the_next)
{
    bide_task *first = asker(-EIO);
    bide_task *second = asker(2);
    bide_task *third = asker(3);
    ck_assert_int_eq(result_of(first), -EIO);
    bide_cancel(second);
    ck_assert_int_eq(bide_await(third), 3);
    ck_assert_int_eq(result_of(second), -ECANCELED);
    return 0;
}

VIRTUAL_TEST(a_waiter_cancelled_when_it_is_done_has_the_result)
{
    bide_task *first = asker(1);
    bide_task *second = asker(2);
    ck_assert_int_eq(result_of(first), 1);
    bide_cancel(second);
    ck_assert_int_eq(result_of(second), 1);
    return 0;
}

VIRTUAL_TEST(a_cancelled_scope_refuses_even_what_is_done)
{
    struct bide_scope s;
    ck_assert_int_eq(bide_once(&once, give, NUM(1)), 1);
    bide_scope_open(&s, 0);
    ck_assert_int_eq(bide_once(&once, begin, NULL), -ETIMEDOUT);
    bide_scope_close(&s, 0);
    ck_assert_int_eq(runs, 0);
    return 0;
}

VIRTUAL_TEST(it_tells_who_runs_it)
{
    struct bide_lock_info info;
    bide_once_info(&once, &info);
    ck_assert(!info.owner && info.holders == 0 && info.waiters == 0);
    bide_task *first = spawn_as("first", ask, NUM(1));
    turns(1);
    bide_task *second = asker(2);
    bide_once_info(&once, &info);
    ck_assert_ptr_eq(info.owner, first);
    ck_assert_str_eq(info.owner_name, "first");
    ck_assert(info.holders == 1 && info.waiters == 1);
    ck_assert_int_eq(bide_await(second), 1);
    bide_once_info(&once, &info);
    ck_assert(!info.owner && info.holders == 0 && info.waiters == 0);
    return 0;
}

Suite *suite_once(void)
{
    Suite *suite = suite_create("once");
    TCase *t = tcase_create("once");
    tcase_add_checked_fixture(t, fresh_once, NULL);
    tcase_add_test(t, one_runs_and_the_others_wait_for_it);
    tcase_add_test(t, what_is_done_needs_no_wait);
    tcase_add_test(t, a_failure_is_the_runners_own_and_the_next_one_tries);
    tcase_add_test(t, a_failure_with_nobody_waiting_leaves_it_to_the_next_call);
    tcase_add_test(t, the_function_that_asks_again_is_told_of_the_deadlock);
    tcase_add_test(t, no_function_is_refused);
    tcase_add_test(t, a_cancelled_runner_leaves_it_to_the_first_waiter);
    tcase_add_test(t, a_cancelled_waiter_leaves_and_the_runner_goes_on);
    tcase_add_test(
        t, a_waiter_cancelled_when_its_turn_has_come_leaves_it_to_the_next);
    tcase_add_test(t, a_waiter_cancelled_when_it_is_done_has_the_result);
    tcase_add_test(t, a_cancelled_scope_refuses_even_what_is_done);
    tcase_add_test(t, it_tells_who_runs_it);
    suite_add_tcase(suite, t);
    return suite;
}
