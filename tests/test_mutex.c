/* test_mutex.c: who gets the lock, in which order, and who does not. */
#include "tasks.h"

static struct bide_mutex mutex;

static void fresh_mutex(void)
{
    mutex = (struct bide_mutex){0};
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

/* Lock, note the letter, let the others run, unlock. */
static intptr_t lock_and_note(void *letter)
{
    int rc = bide_mutex_lock(&mutex);
    if (rc < 0)
        return rc;
    note((char)VALUE(letter));
    turns(1);
    return bide_mutex_unlock(&mutex);
}

VIRTUAL_TEST(a_lock_is_granted_in_the_order_of_asking)
{
    lock();
    for (char letter = 'a'; letter <= 'e'; letter++)
        spawn(lock_and_note, NUM(letter));
    turns(1);
    unlock();
    turns(12);
    expect_journal("abcde");
    return 0;
}

VIRTUAL_TEST(unlock_hands_over_so_that_nobody_can_barge_in)
{
    lock();
    bide_task *waiter = spawn(lock_and_note, NUM('w'));
    turns(1);
    unlock();
    ck_assert_int_eq(bide_mutex_trylock(&mutex), -EAGAIN);
    ck_assert_int_eq(bide_mutex_unlock(&mutex), -EPERM);
    lock(); /* behind the waiter */
    expect_journal("w");
    unlock();
    return bide_await(waiter);
}

VIRTUAL_TEST(a_lock_knows_its_owner)
{
    ck_assert_int_eq(bide_mutex_unlock(&mutex), -EPERM);
    lock();
    ck_assert_int_eq(bide_mutex_lock(&mutex), -EDEADLK);
    ck_assert_int_eq(bide_mutex_trylock(&mutex), -EDEADLK);
    unlock();
    ck_assert_int_eq(bide_mutex_unlock(&mutex), -EPERM);
    ck_assert_int_eq(bide_mutex_trylock(&mutex), 0);
    unlock();
    return 0;
}

static intptr_t try_foreign(void *unused)
{
    (void)unused;
    ck_assert_int_eq(bide_mutex_trylock(&mutex), -EAGAIN);
    ck_assert_int_eq(bide_mutex_unlock(&mutex), -EPERM);
    return 0;
}

static void lock_in_post(void *told)
{
    ck_assert_int_eq(bide_mutex_trylock(&mutex), 0);
    bide_mutex_info(&mutex, told);
    unlock();
}

VIRTUAL_TEST(a_posted_function_is_known_by_its_name_alone)
{
    struct bide_lock_info told = {0};
    bide_loop *loop = bide_loop_ref();
    ck_assert_int_eq(bide_post(loop, lock_in_post, &told), 0);
    turns(1);
    ck_assert_uint_eq(told.holders, 1);
    ck_assert_ptr_null(told.owner);
    ck_assert_str_eq(told.owner_name, "post");
    bide_loop_unref(loop);
    return 0;
}

VIRTUAL_TEST(what_another_task_holds_cannot_be_taken_or_unlocked)
{
    lock();
    ck_assert_int_eq(bide_await(spawn(try_foreign, NULL)), 0);
    unlock();
    return 0;
}

VIRTUAL_TEST(a_cancelled_scope_refuses_even_a_free_lock)
{
    struct bide_scope s;
    bide_scope_open(&s, 0);
    ck_assert_int_eq(bide_mutex_lock(&mutex), -ETIMEDOUT);
    ck_assert_int_eq(bide_mutex_unlock(&mutex), -EPERM);
    ck_assert_int_eq(bide_mutex_trylock(&mutex), 0); /* it never waits */
    unlock();
    bide_scope_close(&s, 0);
    return 0;
}

VIRTUAL_TEST(unlocking_works_in_a_cancelled_scope)
{
    struct bide_scope s;
    lock();
    bide_scope_open(&s, 0);
    unlock();
    bide_scope_close(&s, 0);
    return bide_mutex_trylock(&mutex);
}

static intptr_t lock_and_sleep(void *ms)
{
    lock();
    intptr_t rc = sleep_ms(ms);
    unlock();
    return rc;
}

VIRTUAL_TEST(a_deadline_ends_the_wait_for_a_lock)
{
    struct bide_scope s;
    bide_task *holder = spawn(lock_and_sleep, NUM(50));
    turns(1);
    bide_scope_open(&s, bide_after(BIDE_MS(10)));
    ck_assert_int_eq(bide_mutex_lock(&mutex), -ETIMEDOUT);
    bide_scope_close(&s, 0);
    ck_assert_int_eq(bide_await(holder), 50);
    ck_assert_int_eq(bide_mutex_trylock(&mutex), 0);
    unlock();
    return 0;
}

VIRTUAL_TEST(a_cancelled_waiter_leaves_and_the_others_keep_their_place)
{
    bide_task *waiters[3];
    lock();
    for (int i = 0; i < 3; i++)
        waiters[i] = spawn(lock_and_note, NUM('a' + i));
    turns(1);
    bide_cancel(waiters[1]);
    unlock();
    ck_assert_int_eq(bide_await(waiters[2]), 0);
    ck_assert_int_eq(result_of(waiters[1]), -ECANCELED);
    expect_journal("ac");
    return 0;
}

VIRTUAL_TEST(a_waiter_cancelled_before_the_unlock_leaves_it_to_the_next)
{
    lock();
    bide_task *first = spawn(lock_and_note, NUM('a'));
    bide_task *second = spawn(lock_and_note, NUM('b'));
    turns(1);
    bide_cancel(first);
    unlock();
    ck_assert_int_eq(bide_await(second), 0);
    ck_assert_int_eq(result_of(first), -ECANCELED);
    expect_journal("b");
    return 0;
}

static intptr_t lock_then_be_refused(void *unused)
{
    (void)unused;
    lock();
    int rc = bide_yield();
    unlock();
    return rc;
}

VIRTUAL_TEST(a_waiter_cancelled_after_the_unlock_has_the_lock)
{
    lock();
    bide_task *first = spawn(lock_then_be_refused, NULL);
    bide_task *second = spawn(lock_and_note, NUM('b'));
    turns(1);
    unlock();
    bide_cancel(first);
    ck_assert_int_eq(bide_await(second), 0);
    ck_assert_int_eq(result_of(first), -ECANCELED);
    expect_journal("b");
    return 0;
}

/* ---- The owner ends ----------------------------------------------------- */

static intptr_t end_holding_it(void *unused)
{
    (void)unused;
    lock();
    turns(2);
    return 0;
}

VIRTUAL_TEST(a_lock_whose_owner_ended_is_dead_until_it_is_made_anew)
{
    bide_task *owner = spawn(end_holding_it, NULL);
    bide_task *waiter = spawn(lock_and_note, NUM('w'));
    ck_assert_int_eq(bide_await(owner), 0);
    ck_assert_int_eq(bide_await(waiter), -EOWNERDEAD);
    ck_assert_int_eq(bide_mutex_lock(&mutex), -EOWNERDEAD);
    ck_assert_int_eq(bide_mutex_trylock(&mutex), -EOWNERDEAD);
    ck_assert_int_eq(bide_mutex_unlock(&mutex), -EPERM);
    mutex = (struct bide_mutex){0};
    lock();
    unlock();
    expect_journal("");
    return 0;
}

VIRTUAL_TEST(a_waiter_that_was_handed_the_lock_and_ended_with_it_was_its_owner)
{
    lock();
    bide_task *waiter = spawn(end_holding_it, NULL);
    turns(1);
    unlock();
    ck_assert_int_eq(bide_await(waiter), 0);
    ck_assert_int_eq(bide_mutex_lock(&mutex), -EOWNERDEAD);
    return 0;
}

static struct bide_mutex three[3];

static intptr_t end_holding_two_of_three(void *unused)
{
    (void)unused;
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(bide_mutex_lock(&three[i]), 0);
    return bide_mutex_unlock(&three[1]);
}

VIRTUAL_TEST(an_owner_that_ends_leaves_dead_just_what_it_holds)
{
    memset(three, 0, sizeof three);
    ck_assert_int_eq(bide_await(spawn(end_holding_two_of_three, NULL)), 0);
    ck_assert_int_eq(bide_mutex_lock(&three[0]), -EOWNERDEAD);
    ck_assert_int_eq(bide_mutex_lock(&three[1]), 0);
    ck_assert_int_eq(bide_mutex_lock(&three[2]), -EOWNERDEAD);
    return bide_mutex_unlock(&three[1]);
}

static int inside, sum;

static intptr_t add_under_lock(void *times)
{
    for (intptr_t i = 0; i < VALUE(times); i++) {
        lock();
        ck_assert_int_eq(inside++, 0);
        int old = sum;
        turns(1);
        sum = old + 1;
        inside--;
        unlock();
    }
    return 0;
}

VIRTUAL_TEST(a_thousand_contenders_are_never_inside_together)
{
    inside = sum = 0;
    static struct bide_call calls[1000];
    for (int i = 0; i < 1000; i++)
        calls[i] = (struct bide_call){add_under_lock, NUM(5), 0};
    ck_assert_int_eq(bide_gather(calls, 1000, BIDE_FAIL_FAST), 0);
    ck_assert_int_eq(sum, 5000);
    return 0;
}

Suite *suite_mutex(void)
{
    Suite *suite = suite_create("mutex");
    TCase *t = tcase_create("mutex");
    tcase_add_checked_fixture(t, fresh_mutex, NULL);
    tcase_add_test(t, a_lock_is_granted_in_the_order_of_asking);
    tcase_add_test(t, unlock_hands_over_so_that_nobody_can_barge_in);
    tcase_add_test(t, a_lock_knows_its_owner);
    tcase_add_test(t, a_posted_function_is_known_by_its_name_alone);
    tcase_add_test(t, what_another_task_holds_cannot_be_taken_or_unlocked);
    tcase_add_test(t, a_cancelled_scope_refuses_even_a_free_lock);
    tcase_add_test(t, unlocking_works_in_a_cancelled_scope);
    tcase_add_test(t, a_deadline_ends_the_wait_for_a_lock);
    tcase_add_test(
        t, a_cancelled_waiter_leaves_and_the_others_keep_their_place);
    tcase_add_test(
        t, a_waiter_cancelled_before_the_unlock_leaves_it_to_the_next);
    tcase_add_test(
        t, a_waiter_cancelled_after_the_unlock_has_the_lock);
    tcase_add_test(t, a_lock_whose_owner_ended_is_dead_until_it_is_made_anew);
    tcase_add_test(
        t, a_waiter_that_was_handed_the_lock_and_ended_with_it_was_its_owner);
    tcase_add_test(t, an_owner_that_ends_leaves_dead_just_what_it_holds);
    tcase_add_test(t, a_thousand_contenders_are_never_inside_together);
    suite_add_tcase(suite, t);
    return suite;
}
