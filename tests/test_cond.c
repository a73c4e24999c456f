/* test_cond.c: waiting without the lock, and having it afterwards. */
#include "tasks.h"

static struct bide_cond cond;
static struct bide_mutex mutex;
static int stock;

static void fresh_cond(void)
{
    cond = (struct bide_cond){0};
    mutex = (struct bide_mutex){0};
    stock = 0;
    clear_journal();
}

static void lock(void)
{
    ck_assert_int_eq(bide_mutex_lock(&mutex), 0);
}

static void unlock(void)
{
    ck_assert_int_eq(bide_mutex_unlock(&mutex), 0);
}

static size_t waiters(void)
{
    struct bide_lock_info info;
    bide_cond_info(&cond, &info);
    ck_assert(!info.owner && info.holders == 0);
    return info.waiters;
}

/* Wait once, note the letter, return what the wait did. */
static intptr_t wait_and_note(void *letter)
{
    lock();
    int rc = bide_cond_wait(&cond, &mutex);
    note((char)VALUE(letter));
    unlock();
    return rc;
}

VIRTUAL_TEST(a_condition_wait_without_the_lock_is_refused)
{
    ck_assert_int_eq(bide_cond_wait(&cond, &mutex), -EPERM);
    bide_task *waiter = spawn(wait_and_note, NUM('a'));
    turns(1);
    ck_assert_int_eq(bide_cond_wait(&cond, &mutex), -EPERM);
    bide_cond_signal(&cond);
    return bide_await(waiter);
}

/* Deliberately different from asyncio: one thread, so there is no race. */
VIRTUAL_TEST(a_signal_without_the_lock_is_allowed)
{
    bide_task *waiter = spawn(wait_and_note, NUM('a'));
    turns(1);
    bide_cond_signal(&cond);
    return bide_await(waiter);
}

VIRTUAL_TEST(a_signal_goes_to_the_first_waiter_and_a_broadcast_to_all)
{
    for (char letter = 'a'; letter <= 'e'; letter++)
        spawn(wait_and_note, NUM(letter));
    turns(1);
    ck_assert_uint_eq(waiters(), 5);
    bide_cond_signal(&cond);
    turns(1);
    expect_journal("a");
    bide_cond_broadcast(&cond);
    ck_assert_uint_eq(waiters(), 0);
    turns(5);
    expect_journal("abcde");
    return 0;
}

VIRTUAL_TEST(signals_are_not_kept_where_nobody_waits)
{
    bide_cond_signal(&cond);
    bide_cond_broadcast(&cond);
    spawn(wait_and_note, NUM('a'));
    turns(3);
    expect_journal("");
    for (int i = 0; i < 5; i++)
        bide_cond_signal(&cond);
    spawn(wait_and_note, NUM('b'));
    turns(3);
    expect_journal("a");
    bide_cond_signal(&cond);
    turns(1);
    return 0;
}

VIRTUAL_TEST(the_waiter_has_the_lock_when_it_goes_on)
{
    spawn(wait_and_note, NUM('a'));
    turns(1);
    lock();
    bide_cond_signal(&cond);
    turns(3);
    expect_journal(""); /* it waits for the lock now */
    unlock();
    ck_assert_int_eq(bide_mutex_trylock(&mutex), -EAGAIN);
    turns(1);
    expect_journal("a");
    return bide_mutex_trylock(&mutex);
}

VIRTUAL_TEST(waiting_for_a_signal_hands_the_lock_to_its_first_waiter)
{
    lock();
    spawn(wait_and_note, NUM('a'));
    spawn(wait_and_note, NUM('b'));
    turns(1);
    struct bide_scope s;
    bide_scope_open(&s, bide_after(BIDE_MS(1)));
    ck_assert_int_eq(bide_cond_wait(&cond, &mutex), -ETIMEDOUT);
    bide_scope_close(&s, 0);
    ck_assert_uint_eq(waiters(), 2);
    bide_cond_broadcast(&cond);
    unlock();
    turns(2);
    expect_journal("ab");
    return 0;
}

static intptr_t take_one(void *letter)
{
    int rc = 0;
    lock();
    while (rc == 0 && stock == 0)
        rc = bide_cond_wait(&cond, &mutex);
    if (rc == 0)
        stock--;
    note((char)VALUE(letter));
    unlock();
    return rc;
}

VIRTUAL_TEST(a_predicate_that_is_true_needs_no_wait)
{
    stock = 1;
    spawn(note_it, NUM('x'));
    ck_assert_int_eq(take_one(NUM('a')), 0);
    expect_journal("a");
    return 0;
}

VIRTUAL_TEST(what_was_waited_for_may_be_gone_again)
{
    bide_task *late = spawn(take_one, NUM('l'));
    turns(1);
    stock = 1;
    bide_cond_signal(&cond);
    stock = 0;
    turns(3);
    expect_journal("");
    stock = 1;
    bide_cond_signal(&cond);
    return bide_await(late);
}

/* ---- Cancelled ---------------------------------------------------------- */

VIRTUAL_TEST(a_cancelled_scope_refuses_the_wait_and_keeps_the_lock)
{
    struct bide_scope s;
    bide_scope_open(&s, 0);
    ck_assert_int_eq(bide_mutex_trylock(&mutex), 0);
    ck_assert_int_eq(bide_cond_wait(&cond, &mutex), -ETIMEDOUT);
    unlock();
    bide_scope_close(&s, 0);
    return 0;
}

VIRTUAL_TEST(a_timed_condition_wait_ends_with_the_lock_held)
{
    struct bide_scope s;
    bide_scope_open(&s, bide_after(BIDE_MS(5)));
    lock();
    ck_assert_int_eq(bide_cond_wait(&cond, &mutex), -ETIMEDOUT);
    unlock();
    ck_assert_int_eq(clock_ms(), 5);
    ck_assert_uint_eq(waiters(), 0);
    bide_scope_close(&s, 0);
    return 0;
}

VIRTUAL_TEST(a_cancelled_waiter_has_the_lock_before_it_is_told)
{
    bide_task *waiter = spawn(wait_and_note, NUM('a'));
    turns(1);
    lock();
    bide_cancel(waiter);
    turns(3);
    expect_journal("");
    ck_assert(!bide_task_done(waiter));
    unlock();
    ck_assert_int_eq(result_of(waiter), -ECANCELED);
    expect_journal("a");
    return 0;
}

static intptr_t wait_five_ms(void *unused)
{
    struct bide_scope s;
    (void)unused;
    bide_scope_open(&s, bide_after(BIDE_MS(5)));
    int rc = (int)wait_and_note(NUM('a'));
    bide_scope_close(&s, 0);
    return rc;
}

VIRTUAL_TEST(a_second_cancel_does_not_end_the_way_back_to_the_lock)
{
    bide_task *waiter = spawn(wait_five_ms, NULL);
    turns(1);
    lock();
    ck_assert_int_eq(bide_sleep(BIDE_MS(7)), 0);
    bide_cancel(waiter);
    turns(2);
    ck_assert(!bide_task_done(waiter));
    unlock();
    ck_assert_int_eq(result_of(waiter), -ECANCELED); /* the outer one */
    expect_journal("a");
    return 0;
}

VIRTUAL_TEST(a_waiter_that_was_signalled_and_is_cancelled_has_its_signal)
{
    bide_task *first = spawn(wait_and_note, NUM('a'));
    bide_task *second = spawn(wait_and_note, NUM('b'));
    turns(1);
    lock();
    bide_cond_signal(&cond);
    bide_cancel(first);
    unlock();
    turns(2);
    expect_journal("a");
    ck_assert_int_eq(result_of(first), 0);
    bide_cond_signal(&cond);
    return bide_await(second);
}

VIRTUAL_TEST(a_signal_meant_for_a_cancelled_waiter_goes_to_the_next)
{
    bide_task *first = spawn(wait_and_note, NUM('a'));
    bide_task *second = spawn(wait_and_note, NUM('b'));
    turns(1);
    bide_cancel(first);
    bide_cond_signal(&cond);
    ck_assert_int_eq(bide_await(second), 0);
    ck_assert_int_eq(result_of(first), -ECANCELED);
    return 0;
}

/* ---- The owner ends ----------------------------------------------------- */

static intptr_t signal_and_end_holding_it(void *unused)
{
    (void)unused;
    lock();
    bide_cond_signal(&cond);
    return 0;
}

static intptr_t wait_for_dead(void *unused)
{
    (void)unused;
    lock();
    int rc = bide_cond_wait(&cond, &mutex);
    ck_assert_int_eq(bide_mutex_unlock(&mutex), -EPERM);
    return rc;
}

VIRTUAL_TEST(a_waiter_does_not_get_a_lock_whose_owner_ended)
{
    bide_task *signalled = spawn(wait_for_dead, NULL);
    bide_task *late = spawn(wait_for_dead, NULL);
    turns(1);
    ck_assert_int_eq(bide_await(spawn(signal_and_end_holding_it, NULL)), 0);
    ck_assert_int_eq(result_of(signalled), -EOWNERDEAD);
    bide_cond_signal(&cond);
    ck_assert_int_eq(result_of(late), -EOWNERDEAD);
    return 0;
}

static intptr_t take_some(void *n)
{
    for (intptr_t i = 0; i < VALUE(n); i++)
        ck_assert_int_eq(take_one(NUM('t')), 0);
    return 0;
}

static intptr_t give_some(void *n)
{
    clear_journal();
    for (intptr_t i = 0; i < VALUE(n); i++) {
        lock();
        stock++;
        bide_cond_signal(&cond);
        turns(i % 2);
        unlock();
        turns(1);
    }
    return 0;
}

VIRTUAL_TEST(as_much_is_taken_as_was_given)
{
    struct bide_call calls[] = {
        {take_some, NUM(10), 0}, {take_some, NUM(20), 0},
        {give_some, NUM(5), 0}, {give_some, NUM(25), 0},
    };
    ck_assert_int_eq(bide_gather(calls, LENGTH(calls), BIDE_FAIL_FAST), 0);
    ck_assert_int_eq(stock, 0);
    return 0;
}

Suite *suite_cond(void)
{
    Suite *suite = suite_create("cond");
    TCase *t = tcase_create("cond");
    tcase_add_checked_fixture(t, fresh_cond, NULL);
    tcase_add_test(t, a_condition_wait_without_the_lock_is_refused);
    tcase_add_test(t, a_signal_without_the_lock_is_allowed);
    tcase_add_test(t, a_signal_goes_to_the_first_waiter_and_a_broadcast_to_all);
    tcase_add_test(t, signals_are_not_kept_where_nobody_waits);
    tcase_add_test(t, the_waiter_has_the_lock_when_it_goes_on);
    tcase_add_test(t, waiting_for_a_signal_hands_the_lock_to_its_first_waiter);
    tcase_add_test(t, a_predicate_that_is_true_needs_no_wait);
    tcase_add_test(t, what_was_waited_for_may_be_gone_again);
    tcase_add_test(t, a_cancelled_scope_refuses_the_wait_and_keeps_the_lock);
    tcase_add_test(t, a_timed_condition_wait_ends_with_the_lock_held);
    tcase_add_test(t, a_cancelled_waiter_has_the_lock_before_it_is_told);
    tcase_add_test(t, a_second_cancel_does_not_end_the_way_back_to_the_lock);
    tcase_add_test(
        t, a_waiter_that_was_signalled_and_is_cancelled_has_its_signal);
    tcase_add_test(t, a_signal_meant_for_a_cancelled_waiter_goes_to_the_next);
    tcase_add_test(t, a_waiter_does_not_get_a_lock_whose_owner_ended);
    tcase_add_test(t, as_much_is_taken_as_was_given);
    suite_add_tcase(suite, t);
    return suite;
}
