/* test_future.c: a value that comes once, also from other threads. */
#include "sys.h"
#include "tasks.h"

static struct bide_future future;

static void fresh_future(void)
{
    future = (struct bide_future){0};
    clear_journal();
}

static intptr_t await_future(void *unused)
{
    (void)unused;
    return bide_future_wait(&future);
}

/* ---- The value ---------------------------------------------------------- */

VIRTUAL_TEST(all_who_wait_get_the_value_and_so_do_later_ones)
{
    bide_task *waiters[5];
    for (int i = 0; i < 5; i++)
        waiters[i] = spawn(await_future, NULL);
    turns(1);
    ck_assert(!bide_future_done(&future));
    ck_assert_int_eq(bide_future_trywait(&future), -EAGAIN);
    ck_assert_int_eq(bide_future_set(&future, 42), 0);
    ck_assert(bide_future_done(&future));
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(result_of(waiters[i]), 42);
    ck_assert_int_eq(await_future(NULL), 42);
    ck_assert_int_eq(bide_future_trywait(&future), 42);
    return 0;
}

VIRTUAL_TEST(a_future_that_is_set_again_keeps_its_first_value)
{
    ck_assert_int_eq(bide_future_set(&future, 1), 0);
    ck_assert_int_eq(bide_future_set(&future, 2), -EALREADY);
    ck_assert(!bide_future_cancel(&future));
    ck_assert(!bide_future_cancelled(&future));
    ck_assert_int_eq(await_future(NULL), 1);
    return 0;
}

VIRTUAL_TEST(an_error_is_a_value_too_but_for_the_waiters_own_code)
{
    ck_assert_int_eq(bide_future_set(&future, -EIO), 0);
    ck_assert_int_eq(await_future(NULL), -EIO);
    fresh_future();
    ck_assert_int_eq(bide_future_set(&future, -ECANCELED), 0);
    ck_assert_int_eq(await_future(NULL), -ECHILD);
    ck_assert_int_eq(bide_future_trywait(&future), -ECHILD);
    return 0;
}

VIRTUAL_TEST(a_cancelled_future_wakes_all_and_a_second_cancel_says_no)
{
    bide_task *a = spawn(await_future, NULL), *b = spawn(await_future, NULL);
    turns(1);
    ck_assert(bide_future_cancel(&future));
    ck_assert(!bide_future_cancel(&future));
    ck_assert_int_eq(result_of(a), -ECHILD);
    ck_assert_int_eq(result_of(b), -ECHILD);
    ck_assert(bide_future_done(&future) && bide_future_cancelled(&future));
    ck_assert_int_eq(bide_future_set(&future, 1), -EALREADY);
    ck_assert_int_eq(await_future(NULL), -ECHILD);
    return 0;
}

/* ---- Cancels of the waiter ---------------------------------------------- */

VIRTUAL_TEST(a_waiter_cancelled_before_the_value_leaves_the_future_alone)
{
    bide_task *a = spawn(await_future, NULL), *b = spawn(await_future, NULL);
    turns(1);
    bide_cancel(a);
    ck_assert_int_eq(bide_future_set(&future, 7), 0);
    ck_assert_int_eq(result_of(a), -ECANCELED);
    ck_assert_int_eq(result_of(b), 7);
    return 0;
}

VIRTUAL_TEST(a_waiter_cancelled_after_the_value_has_it)
{
    bide_task *a = spawn(await_future, NULL);
    turns(1);
    ck_assert_int_eq(bide_future_set(&future, 7), 0);
    bide_cancel(a);
    return result_of(a) - 7;
}

VIRTUAL_TEST(a_fired_scope_refuses_the_wait_for_a_future_that_is_done)
{
    struct bide_scope s;
    ck_assert_int_eq(bide_future_set(&future, 7), 0);
    bide_scope_open(&s, 0);
    ck_assert_int_eq(await_future(NULL), -ETIMEDOUT);
    ck_assert_int_eq(bide_future_trywait(&future), 7);
    bide_scope_close(&s, 0);
    return 0;
}

VIRTUAL_TEST(a_deadline_ends_the_wait_and_not_the_future)
{
    struct bide_scope s;
    bide_scope_open(&s, bide_after(BIDE_MS(1)));
    ck_assert_int_eq(await_future(NULL), -ETIMEDOUT);
    bide_scope_close(&s, 0);
    ck_assert_int_eq(bide_future_set(&future, 7), 0);
    return await_future(NULL) - 7;
}

/* ---- Callbacks ---------------------------------------------------------- */

static void note_call(void *letter)
{
    note((char)VALUE(letter));
}

VIRTUAL_TEST(callbacks_run_on_the_next_turn_in_order)
{
    struct bide_callback a = {note_call, NUM('a'), {0}};
    struct bide_callback b = {note_call, NUM('b'), {0}};
    bide_future_then(&future, &a);
    bide_future_then(&future, &b);
    turns(300);
    expect_journal("");
    ck_assert_int_eq(bide_future_set(&future, 1), 0);
    expect_journal("");
    ck_assert_int_eq(bide_sleep(1), 0);
    expect_journal("ab");
    return 0;
}

VIRTUAL_TEST(a_callback_added_to_a_future_that_is_done_runs_on_the_next_turn)
{
    struct bide_callback a = {note_call, NUM('a'), {0}};
    ck_assert(bide_future_cancel(&future));
    bide_future_then(&future, &a);
    expect_journal("");
    ck_assert_int_eq(bide_sleep(1), 0);
    expect_journal("a");
    bide_future_then(&future, &a); /* it may be used again */
    ck_assert_int_eq(bide_sleep(1), 0);
    expect_journal("aa");
    return 0;
}

VIRTUAL_TEST(a_callback_that_was_removed_is_not_called)
{
    struct bide_callback a = {note_call, NUM('a'), {0}};
    struct bide_callback b = {note_call, NUM('b'), {0}};
    ck_assert(!bide_callback_remove(&a));
    bide_future_then(&future, &a);
    bide_future_then(&future, &b);
    ck_assert(bide_callback_remove(&a));
    ck_assert(!bide_callback_remove(&a));
    ck_assert_int_eq(bide_future_set(&future, 1), 0);
    ck_assert(bide_callback_remove(&b)); /* also when it is due */
    ck_assert_int_eq(bide_sleep(1), 0);
    expect_journal("");
    bide_future_then(&future, &b);
    ck_assert_int_eq(bide_sleep(1), 0);
    ck_assert(!bide_callback_remove(&b));
    expect_journal("b");
    return 0;
}

static struct bide_callback again;

static void set_the_other(void *other)
{
    ck_assert_int_eq(bide_future_set(other, 5), 0);
    note('s');
    bide_future_then(&future, &again);
}

VIRTUAL_TEST(a_callback_may_set_a_future_and_add_a_callback)
{
    struct bide_future other = {0};
    struct bide_callback set = {set_the_other, &other, {0}};
    again = (struct bide_callback){note_call, NUM('x'), {0}};
    bide_future_then(&future, &set);
    ck_assert_int_eq(bide_future_set(&future, 1), 0);
    ck_assert_int_eq(bide_future_wait(&other), 5);
    ck_assert_int_eq(bide_sleep(1), 0);
    expect_journal("sx");
    return 0;
}

VIRTUAL_TEST(a_future_may_go_when_it_is_done_and_its_callbacks_later)
{
    struct bide_callback kept = {note_call, NUM('a'), {0}};
    struct bide_callback gone = {note_call, NUM('b'), {0}};
    struct bide_future *own = calloc(1, sizeof *own);
    bide_future_then(own, &gone);
    bide_future_then(own, &kept);
    ck_assert_int_eq(bide_future_set(own, 1), 0);
    memset(own, 0xff, sizeof *own);
    free(own);
    ck_assert(bide_callback_remove(&gone));
    turns(1);
    expect_journal("a");
    return 0;
}

VIRTUAL_TEST(a_yield_is_a_turn_for_each_generation_of_callbacks)
{
    struct bide_future other = {0};
    struct bide_callback set = {set_the_other, &other, {0}};
    again = (struct bide_callback){note_call, NUM('x'), {0}};
    bide_future_then(&future, &set);
    ck_assert_int_eq(bide_future_set(&future, 1), 0);
    turns(1);
    expect_journal("s");
    turns(1);
    expect_journal("sx");
    return 0;
}

/* ---- Other threads ------------------------------------------------------ */

enum { POSTERS = 4, FUTURES = 500 };

static struct bide_future many[FUTURES];
static bide_loop *loop;
static _Atomic int won, lost;

/* Post to all; each future is won by one thread. */
static int post_all(void *number)
{
    for (int i = 0; i < FUTURES; i++) {
        int rc = bide_future_post(loop, &many[i], VALUE(number));
        ck_assert_msg(rc == 0 || rc == -EALREADY, "post said %d", rc);
        rc == 0 ? won++ : lost++;
    }
    return 0;
}

REAL_TEST(of_threads_that_post_at_once_one_wins)
{
    thrd_t threads[POSTERS];
    memset(many, 0, sizeof many);
    loop = bide_loop_ref();
    for (intptr_t i = 0; i < POSTERS; i++)
        ck_assert_int_eq(
            bi_sys.thread_start(&threads[i], post_all, NUM(i + 1)), 0);
    for (int i = 0; i < FUTURES; i++) {
        intptr_t value = bide_future_wait(&many[i]);
        ck_assert(value >= 1 && value <= POSTERS);
        ck_assert_int_eq(bide_future_set(&many[i], 9), -EALREADY);
        ck_assert(!bide_future_cancel(&many[i]));
        ck_assert_int_eq(bide_future_trywait(&many[i]), value);
    }
    for (int i = 0; i < POSTERS; i++)
        bi_sys_thread_join(threads[i]);
    ck_assert_int_eq(won, FUTURES);
    ck_assert_int_eq(lost, FUTURES * (POSTERS - 1));
    bide_loop_unref(loop);
    return 0;
}

REAL_TEST(a_cancel_or_a_set_and_a_post_never_both_win)
{
    thrd_t thread;
    int taken = 0;
    won = lost = 0;
    memset(many, 0, sizeof many);
    loop = bide_loop_ref();
    ck_assert_int_eq(bi_sys.thread_start(&thread, post_all, NUM(1)), 0);
    for (int i = FUTURES - 1; i >= 0; i--) {
        bool mine = i % 2 ? bide_future_cancel(&many[i])
                          : bide_future_set(&many[i], 2) == 0;
        intptr_t value = bide_future_wait(&many[i]);
        ck_assert_int_eq(value, !mine ? 1 : i % 2 ? -ECHILD : 2);
        ck_assert(bide_future_cancelled(&many[i]) == (mine && i % 2));
        taken += mine;
    }
    bi_sys_thread_join(thread);
    ck_assert_int_eq(taken + won, FUTURES);
    ck_assert_int_eq(taken, lost);
    bide_loop_unref(loop);
    return 0;
}

REAL_TEST(a_posted_future_calls_back)
{
    thrd_t thread;
    struct bide_callback a = {note_call, NUM('a'), {0}};
    won = lost = 0;
    memset(many, 0, sizeof many);
    loop = bide_loop_ref();
    bide_future_then(&many[0], &a);
    ck_assert_int_eq(bi_sys.thread_start(&thread, post_all, NUM(1)), 0);
    ck_assert_int_eq(bide_future_wait(&many[0]), 1);
    expect_journal("a");
    for (int i = 1; i < FUTURES; i++)
        ck_assert_int_eq(bide_future_wait(&many[i]), 1);
    bi_sys_thread_join(thread);
    bide_loop_unref(loop);
    return 0;
}

/* The run's own task may post, as any thread; it is done a turn later. */
REAL_TEST(a_future_that_was_posted_can_no_longer_be_set_or_cancelled)
{
    loop = bide_loop_ref();
    ck_assert_int_eq(bide_future_post(loop, &future, 3), 0);
    ck_assert_int_eq(bide_future_set(&future, 4), -EALREADY);
    ck_assert_int_eq(bide_future_post(loop, &future, 5), -EALREADY);
    ck_assert(!bide_future_cancel(&future));
    ck_assert(!bide_future_done(&future));
    ck_assert_int_eq(bide_future_wait(&future), 3);
    bide_loop_unref(loop);
    return 0;
}

static intptr_t keep_the_loop(void *unused)
{
    (void)unused;
    loop = bide_loop_ref();
    return 0;
}

START_TEST(a_post_to_a_run_that_has_ended_is_refused)
{
    ck_assert_int_eq(run_task(keep_the_loop, NULL), 0);
    ck_assert_int_eq(bide_future_post(loop, &future, 3), -ESHUTDOWN);
    ck_assert_int_eq(bide_future_post(loop, &future, 3), -ESHUTDOWN);
    ck_assert(!bide_future_done(&future));
    bide_loop_unref(loop);
}
END_TEST

Suite *suite_future(void)
{
    Suite *suite = suite_create("future");
    TCase *t = tcase_create("value and callbacks");
    tcase_add_checked_fixture(t, fresh_future, NULL);
    tcase_add_test(t, all_who_wait_get_the_value_and_so_do_later_ones);
    tcase_add_test(t, a_future_that_is_set_again_keeps_its_first_value);
    tcase_add_test(t, an_error_is_a_value_too_but_for_the_waiters_own_code);
    tcase_add_test(t, a_cancelled_future_wakes_all_and_a_second_cancel_says_no);
    tcase_add_test(
        t, a_waiter_cancelled_before_the_value_leaves_the_future_alone);
    tcase_add_test(t, a_waiter_cancelled_after_the_value_has_it);
    tcase_add_test(t,
                   a_fired_scope_refuses_the_wait_for_a_future_that_is_done);
    tcase_add_test(t, a_deadline_ends_the_wait_and_not_the_future);
    tcase_add_test(t, callbacks_run_on_the_next_turn_in_order);
    tcase_add_test(
        t, a_callback_added_to_a_future_that_is_done_runs_on_the_next_turn);
    tcase_add_test(t, a_callback_that_was_removed_is_not_called);
    tcase_add_test(t, a_callback_may_set_a_future_and_add_a_callback);
    tcase_add_test(t, a_future_may_go_when_it_is_done_and_its_callbacks_later);
    tcase_add_test(t, a_yield_is_a_turn_for_each_generation_of_callbacks);
    suite_add_tcase(suite, t);

    t = tcase_create("other threads");
    tcase_add_checked_fixture(t, fresh_future, NULL);
    tcase_add_test(t, of_threads_that_post_at_once_one_wins);
    tcase_add_test(t, a_cancel_or_a_set_and_a_post_never_both_win);
    tcase_add_test(t, a_posted_future_calls_back);
    tcase_add_test(
        t, a_future_that_was_posted_can_no_longer_be_set_or_cancelled);
    tcase_add_test(t, a_post_to_a_run_that_has_ended_is_refused);
    suite_add_tcase(suite, t);
    return suite;
}
