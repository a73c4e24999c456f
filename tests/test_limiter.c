/* test_limiter.c: so many tasks at once, a number that can be changed. */
#include "tasks.h"

static struct bide_limiter limiter;
static int inside, most;

static void fresh(void)
{
    limiter = (struct bide_limiter){.total = 2};
    inside = most = 0;
    clear_journal();
}

static void expect_counts(size_t lent, size_t waiting)
{
    struct bide_lock_info info;
    bide_limiter_info(&limiter, &info);
    ck_assert_uint_eq(info.holders, lent);
    ck_assert_uint_eq(info.waiters, waiting);
    ck_assert_ptr_null(info.owner);
}

/* Borrow for 10 ms. */
static intptr_t borrow(void *letter)
{
    struct bide_token token = {0};
    int rc = bide_limiter_acquire(&limiter, &token);
    if (rc < 0)
        return rc;
    note((char)VALUE(letter));
    most = ++inside > most ? inside : most;
    rc = bide_sleep(BIDE_MS(10));
    inside--;
    ck_assert_int_eq(bide_limiter_release(&limiter, &token), 0);
    return rc;
}

static bide_task *tasks[5];

static void start_five(void)
{
    for (int i = 0; i < 5; i++)
        tasks[i] = spawn(borrow, NUM('a' + i));
    turns(1);
}

VIRTUAL_TEST(as_many_as_the_total_borrow_and_the_others_follow_in_order)
{
    start_five();
    expect_journal("ab");
    expect_counts(2, 3);
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(result_of(tasks[i]), 0);
    expect_journal("abcde");
    ck_assert_int_eq(most, 2);
    ck_assert_int_eq(clock_ms(), 30);
    expect_counts(0, 0);
    return 0;
}

VIRTUAL_TEST(a_larger_total_lets_waiters_go_on_at_once)
{
    start_five();
    bide_limiter_resize(&limiter, 4);
    expect_counts(4, 1); /* they have it already */
    turns(1);
    expect_journal("abcd");
    bide_limiter_resize(&limiter, SIZE_MAX);
    turns(1);
    expect_journal("abcde");
    return 0;
}

VIRTUAL_TEST(a_smaller_total_disturbs_nobody_and_holds_for_those_who_come)
{
    start_five();
    bide_limiter_resize(&limiter, 1);
    expect_counts(2, 3);
    ck_assert_int_eq(bide_sleep(BIDE_MS(15)), 0);
    expect_journal("abc");
    expect_counts(1, 2);
    bide_limiter_resize(&limiter, 0);
    ck_assert_int_eq(bide_sleep(BIDE_MS(100)), 0);
    expect_journal("abc");
    bide_limiter_resize(&limiter, 2);
    ck_assert_int_eq(result_of(tasks[4]), 0);
    return 0;
}

VIRTUAL_TEST(who_has_borrowed_cannot_borrow_again)
{
    struct bide_token a = {0}, b = {0};
    ck_assert_int_eq(bide_limiter_acquire(&limiter, &a), 0);
    ck_assert_int_eq(bide_limiter_acquire(&limiter, &a), -EDEADLK);
    ck_assert_int_eq(bide_limiter_acquire(&limiter, &b), -EDEADLK);
    ck_assert_int_eq(bide_limiter_tryacquire(&limiter, &b), -EDEADLK);
    ck_assert_int_eq(bide_limiter_release(&limiter, &a), 0);
    ck_assert_int_eq(bide_limiter_tryacquire(&limiter, &b), 0);
    return bide_limiter_release(&limiter, &b);
}

static intptr_t give_back(void *token)
{
    return bide_limiter_release(&limiter, token);
}

VIRTUAL_TEST(only_who_has_borrowed_can_give_back_and_only_once)
{
    struct bide_limiter other = {.total = 1};
    struct bide_token token = {0};
    ck_assert_int_eq(bide_limiter_release(&limiter, &token), -EPERM);
    ck_assert_int_eq(bide_limiter_acquire(&limiter, &token), 0);
    ck_assert_int_eq(result_of(spawn(give_back, &token)), -EPERM);
    ck_assert_int_eq(bide_limiter_release(&other, &token), -EPERM);
    ck_assert_int_eq(bide_limiter_release(&limiter, &token), 0);
    ck_assert_int_eq(bide_limiter_release(&limiter, &token), -EPERM);
    return 0;
}

VIRTUAL_TEST(a_try_does_not_pass_those_who_wait)
{
    struct bide_token token = {0};
    ck_assert_int_eq(bide_limiter_tryacquire(&limiter, &token), 0);
    start_five();
    expect_journal("a");
    ck_assert_int_eq(bide_limiter_release(&limiter, &token), 0);
    ck_assert_int_eq(bide_limiter_tryacquire(&limiter, &token), -EAGAIN);
    turns(1);
    expect_journal("ab");
    return 0;
}

static intptr_t keep(void *token)
{
    return bide_limiter_acquire(&limiter, token);
}

VIRTUAL_TEST(a_task_that_ends_gives_back_what_it_borrowed)
{
    static struct bide_token tokens[2];
    result_of(spawn(keep, &tokens[0]));
    result_of(spawn(keep, &tokens[1]));
    expect_counts(0, 0);
    result_of(spawn(keep, &tokens[0])); /* the token is free again */
    return 0;
}

VIRTUAL_TEST(a_cancelled_waiter_borrows_nothing_and_the_others_keep_place)
{
    start_five();
    bide_cancel(tasks[2]);
    expect_counts(2, 2);
    ck_assert_int_eq(bide_sleep(BIDE_MS(15)), 0);
    expect_journal("abde");
    struct bide_scope s;
    struct bide_token token = {0};
    bide_scope_open(&s, 0);
    ck_assert_int_eq(bide_limiter_acquire(&limiter, &token), -ETIMEDOUT);
    bide_scope_close(&s, 0);
    ck_assert_int_eq(bide_limiter_release(&limiter, &token), -EPERM);
    return 0;
}

VIRTUAL_TEST(a_waiter_that_was_served_and_then_cancelled_has_borrowed)
{
    start_five();
    bide_limiter_resize(&limiter, 3);
    bide_cancel(tasks[2]);
    turns(2);
    expect_journal("abcd"); /* it did, was refused the sleep, and gave back */
    return 0;
}

static intptr_t share_a_token(void *unused)
{
    static struct bide_limiter other = {.total = 1};
    struct bide_token token = {0};
    (void)unused;
    ck_assert_int_eq(bide_limiter_acquire(&limiter, &token), 0);
    return bide_limiter_acquire(&other, &token);
}

START_TEST(a_token_in_use_is_no_other_limiters)
{
    expect_contract(share_a_token, "bide_limiter_acquire", "in use", NULL);
}
END_TEST

static struct bide_token shared;

static intptr_t wait_with_shared(void *unused)
{
    (void)unused;
    return bide_limiter_acquire(&limiter, &shared);
}

static intptr_t wait_with_one_token(void *unused)
{
    limiter.total = 0;
    spawn(wait_with_shared, unused);
    spawn_as("second", wait_with_shared, unused);
    return bide_sleep(1);
}

START_TEST(a_token_that_one_task_waits_with_is_no_others)
{
    expect_contract(wait_with_one_token, "bide_limiter_acquire", "'second'",
                    "in use", NULL);
}
END_TEST

VIRTUAL_TEST(a_token_of_a_cancelled_wait_can_be_used_again)
{
    limiter.total = 0;
    bide_task *waiter = spawn(wait_with_shared, NULL);
    turns(1);
    bide_cancel(waiter);
    ck_assert_int_eq(result_of(waiter), -ECANCELED);
    bide_limiter_resize(&limiter, 1);
    ck_assert_int_eq(bide_limiter_acquire(&limiter, &shared), 0);
    return bide_limiter_release(&limiter, &shared);
}

Suite *suite_limiter(void)
{
    Suite *suite = suite_create("limiter");
    TCase *t = tcase_create("limiter");
    tcase_add_checked_fixture(t, fresh, NULL);
    tcase_add_test(
        t, as_many_as_the_total_borrow_and_the_others_follow_in_order);
    tcase_add_test(t, a_larger_total_lets_waiters_go_on_at_once);
    tcase_add_test(
        t, a_smaller_total_disturbs_nobody_and_holds_for_those_who_come);
    tcase_add_test(t, who_has_borrowed_cannot_borrow_again);
    tcase_add_test(t, only_who_has_borrowed_can_give_back_and_only_once);
    tcase_add_test(t, a_try_does_not_pass_those_who_wait);
    tcase_add_test(t, a_task_that_ends_gives_back_what_it_borrowed);
    tcase_add_test(
        t, a_cancelled_waiter_borrows_nothing_and_the_others_keep_place);
    tcase_add_test(t, a_waiter_that_was_served_and_then_cancelled_has_borrowed);
    tcase_add_test(t, a_token_in_use_is_no_other_limiters);
    tcase_add_test(t, a_token_that_one_task_waits_with_is_no_others);
    tcase_add_test(t, a_token_of_a_cancelled_wait_can_be_used_again);
    suite_add_tcase(suite, t);
    return suite;
}
