/* test_sem.c: permits, in the order of asking. */
#include "tasks.h"

static struct bide_sem sem;

static void fresh_sem(void)
{
    sem = (struct bide_sem){0};
    clear_journal();
}

static void give_back(unsigned permits)
{
    ck_assert_int_eq(bide_sem_release(&sem, permits), 0);
}

static size_t waiters(void)
{
    struct bide_lock_info info;
    bide_sem_info(&sem, &info);
    ck_assert(!info.owner && info.holders == 0);
    return info.waiters;
}

/* Take as many permits as the digit says, and note it. */
static intptr_t take(void *digit)
{
    int rc = bide_sem_acquire(&sem, (unsigned)(VALUE(digit) - '0'));
    if (rc == 0)
        note((char)VALUE(digit));
    return rc;
}

static bide_task *taker(char digit)
{
    bide_task *t = spawn(take, NUM(digit));
    turns(1);
    return t;
}

VIRTUAL_TEST(permits_are_taken_and_given)
{
    sem.count = 3;
    ck_assert_int_eq(bide_sem_acquire(&sem, 2), 0);
    ck_assert_int_eq(bide_sem_tryacquire(&sem, 2), -EAGAIN);
    ck_assert_int_eq(bide_sem_tryacquire(&sem, 1), 0);
    ck_assert_uint_eq(sem.count, 0);
    give_back(3);
    ck_assert_uint_eq(sem.count, 3);
    return 0;
}

static intptr_t use_twice(void *letter)
{
    for (int i = 0; i < 2; i++) {
        int rc = bide_sem_acquire(&sem, 1);
        if (rc < 0)
            return rc;
        note((char)VALUE(letter));
        turns(1);
        give_back(1);
    }
    return 0;
}

VIRTUAL_TEST(three_users_of_one_permit_take_turns)
{
    struct bide_call calls[] = {{use_twice, NUM('a'), 0},
                                {use_twice, NUM('b'), 0},
                                {use_twice, NUM('c'), 0}};
    sem.count = 1;
    ck_assert_int_eq(bide_gather(calls, 3, BIDE_FAIL_FAST), 0);
    expect_journal("abcabc");
    return 0;
}

VIRTUAL_TEST(release_hands_over_so_that_nobody_can_barge_in)
{
    taker('1');
    give_back(1);
    ck_assert_int_eq(bide_sem_tryacquire(&sem, 1), -EAGAIN);
    ck_assert_uint_eq(sem.count, 0);
    turns(1);
    expect_journal("1");
    return 0;
}

VIRTUAL_TEST(a_large_request_is_not_starved_by_small_ones)
{
    taker('5');
    taker('1');
    for (int i = 0; i < 4; i++) {
        give_back(1);
        turns(1);
        expect_journal("");
        ck_assert_int_eq(bide_sem_tryacquire(&sem, 1), -EAGAIN);
    }
    ck_assert_uint_eq(waiters(), 2);
    give_back(2);
    turns(1);
    expect_journal("51");
    ck_assert_uint_eq(waiters(), 0);
    return 0;
}

VIRTUAL_TEST(one_release_serves_as_many_as_it_can)
{
    taker('1');
    taker('2');
    taker('3');
    give_back(5);
    turns(1);
    expect_journal("12");
    ck_assert_uint_eq(sem.count, 2);
    give_back(1);
    turns(1);
    expect_journal("123");
    return 0;
}

VIRTUAL_TEST(a_bounded_semaphore_refuses_what_is_beyond_its_limit)
{
    sem.count = sem.limit = 2;
    ck_assert_int_eq(bide_sem_release(&sem, 1), -EOVERFLOW);
    ck_assert_int_eq(bide_sem_acquire(&sem, 1), 0);
    ck_assert_int_eq(bide_sem_release(&sem, 2), -EOVERFLOW);
    ck_assert_uint_eq(sem.count, 1);
    give_back(1);
    ck_assert_int_eq(bide_sem_acquire(&sem, 3), -EINVAL);
    ck_assert_int_eq(bide_sem_tryacquire(&sem, 3), -EINVAL);
    return 0;
}

VIRTUAL_TEST(a_semaphore_of_more_permits_than_its_limit_gives_none)
{
    sem.count = 3;
    sem.limit = 2;
    ck_assert_int_eq(bide_sem_acquire(&sem, 1), -EINVAL);
    ck_assert_int_eq(bide_sem_tryacquire(&sem, 1), -EINVAL);
    ck_assert_int_eq(bide_sem_release(&sem, 1), -EOVERFLOW);
    ck_assert_uint_eq(sem.count, 3);
    return 0;
}

VIRTUAL_TEST(an_unbounded_semaphore_refuses_what_it_cannot_count)
{
    sem.count = UINT32_MAX - 1;
    give_back(1);
    ck_assert_int_eq(bide_sem_release(&sem, 1), -EOVERFLOW);
    ck_assert_uint_eq(sem.count, UINT32_MAX);
    return 0;
}

VIRTUAL_TEST(no_permits_are_no_request)
{
    ck_assert_int_eq(bide_sem_acquire(&sem, 0), -EINVAL);
    ck_assert_int_eq(bide_sem_tryacquire(&sem, 0), -EINVAL);
    ck_assert_int_eq(bide_sem_release(&sem, 0), -EINVAL);
    return 0;
}

/* ---- Cancelled ---------------------------------------------------------- */

VIRTUAL_TEST(a_cancelled_scope_refuses_even_free_permits)
{
    struct bide_scope s;
    sem.count = 1;
    bide_scope_open(&s, 0);
    ck_assert_int_eq(bide_sem_acquire(&sem, 1), -ETIMEDOUT);
    ck_assert_int_eq(bide_sem_tryacquire(&sem, 1), 0);
    give_back(1);
    bide_scope_close(&s, 0);
    ck_assert_uint_eq(sem.count, 1);
    return 0;
}

VIRTUAL_TEST(a_deadline_ends_the_wait_for_permits)
{
    struct bide_scope s;
    bide_scope_open(&s, bide_after(BIDE_MS(5)));
    ck_assert_int_eq(bide_sem_acquire(&sem, 1), -ETIMEDOUT);
    bide_scope_close(&s, 0);
    ck_assert_uint_eq(waiters(), 0);
    give_back(1);
    ck_assert_uint_eq(sem.count, 1);
    return 0;
}

VIRTUAL_TEST(a_waiter_cancelled_before_the_release_leaves_it_to_the_next)
{
    bide_task *first = taker('1');
    bide_task *second = taker('1');
    bide_cancel(first);
    give_back(1);
    ck_assert_int_eq(bide_await(second), 0);
    ck_assert_int_eq(result_of(first), -ECANCELED);
    ck_assert_uint_eq(sem.count, 0);
    return 0;
}

VIRTUAL_TEST(a_waiter_cancelled_after_the_release_has_its_permit)
{
    bide_task *first = taker('1');
    bide_task *second = taker('1');
    give_back(1);
    bide_cancel(first);
    ck_assert_int_eq(result_of(first), 0);
    ck_assert_uint_eq(waiters(), 1);
    give_back(1);
    return bide_await(second);
}

VIRTUAL_TEST(those_behind_a_large_request_that_is_cancelled_are_served)
{
    sem.count = 2;
    bide_task *large = taker('9');
    bide_task *small = taker('1');
    bide_task *other = taker('2');
    bide_cancel(large);
    ck_assert_int_eq(bide_await(small), 0);
    ck_assert_int_eq(result_of(large), -ECANCELED);
    ck_assert_uint_eq(sem.count, 1);
    give_back(1);
    return bide_await(other);
}

Suite *suite_sem(void)
{
    Suite *suite = suite_create("sem");
    TCase *t = tcase_create("sem");
    tcase_add_checked_fixture(t, fresh_sem, NULL);
    tcase_add_test(t, permits_are_taken_and_given);
    tcase_add_test(t, three_users_of_one_permit_take_turns);
    tcase_add_test(t, release_hands_over_so_that_nobody_can_barge_in);
    tcase_add_test(t, a_large_request_is_not_starved_by_small_ones);
    tcase_add_test(t, one_release_serves_as_many_as_it_can);
    tcase_add_test(t, a_bounded_semaphore_refuses_what_is_beyond_its_limit);
    tcase_add_test(t, a_semaphore_of_more_permits_than_its_limit_gives_none);
    tcase_add_test(t, an_unbounded_semaphore_refuses_what_it_cannot_count);
    tcase_add_test(t, no_permits_are_no_request);
    tcase_add_test(t, a_cancelled_scope_refuses_even_free_permits);
    tcase_add_test(t, a_deadline_ends_the_wait_for_permits);
    tcase_add_test(
        t, a_waiter_cancelled_before_the_release_leaves_it_to_the_next);
    tcase_add_test(t, a_waiter_cancelled_after_the_release_has_its_permit);
    tcase_add_test(
        t, those_behind_a_large_request_that_is_cancelled_are_served);
    suite_add_tcase(suite, t);
    return suite;
}
