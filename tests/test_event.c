/* test_event.c: something that happens, once or again. */
#include "tasks.h"

static struct bide_event event;

static void fresh_event(void)
{
    event = (struct bide_event){0};
    clear_journal();
}

static intptr_t wait_and_note(void *letter)
{
    int rc = bide_event_wait(&event);
    if (rc == 0)
        note((char)VALUE(letter));
    return rc;
}

VIRTUAL_TEST(all_present_waiters_wake_in_the_order_in_which_they_came)
{
    for (char letter = 'a'; letter <= 'e'; letter++)
        spawn(wait_and_note, NUM(letter));
    turns(1);
    expect_journal("");
    bide_event_set(&event);
    turns(1);
    expect_journal("abcde");
    return 0;
}

VIRTUAL_TEST(once_set_no_wait_for_it_waits)
{
    ck_assert(!bide_event_is_set(&event));
    bide_event_set(&event);
    bide_event_set(&event);
    spawn(note_it, NUM('x'));
    ck_assert_int_eq(bide_event_wait(&event), 0);
    ck_assert(bide_event_is_set(&event));
    expect_journal(""); /* nobody else has run */
    return 0;
}

VIRTUAL_TEST(waiters_wake_also_if_it_is_cleared_at_once)
{
    spawn(wait_and_note, NUM('a'));
    spawn(wait_and_note, NUM('b'));
    turns(1);
    bide_event_set(&event);
    bide_event_clear(&event);
    spawn(wait_and_note, NUM('c'));
    turns(2);
    ck_assert(!bide_event_is_set(&event));
    expect_journal("ab");
    bide_event_set(&event);
    turns(1);
    expect_journal("abc");
    return 0;
}

VIRTUAL_TEST(a_deadline_ends_the_wait_for_an_event)
{
    struct bide_scope s;
    bide_task *waiter = spawn(wait_and_note, NUM('a'));
    bide_scope_open(&s, bide_after(BIDE_MS(5)));
    ck_assert_int_eq(bide_event_wait(&event), -ETIMEDOUT);
    bide_scope_close(&s, 0);
    bide_event_set(&event);
    return bide_await(waiter);
}

VIRTUAL_TEST(a_cancelled_scope_refuses_the_wait_for_a_set_event)
{
    struct bide_scope s;
    bide_event_set(&event);
    bide_scope_open(&s, 0);
    ck_assert_int_eq(bide_event_wait(&event), -ETIMEDOUT);
    bide_scope_close(&s, 0);
    return 0;
}

VIRTUAL_TEST(a_waiter_cancelled_before_the_set_is_refused_and_after_it_is_not)
{
    bide_task *before = spawn(wait_and_note, NUM('b'));
    bide_task *after = spawn(wait_and_note, NUM('a'));
    turns(1);
    bide_cancel(before);
    bide_event_set(&event);
    bide_cancel(after);
    ck_assert_int_eq(result_of(before), -ECANCELED);
    ck_assert_int_eq(result_of(after), 0);
    expect_journal("a");
    return 0;
}

VIRTUAL_TEST(setting_and_clearing_work_in_a_cancelled_scope)
{
    struct bide_scope s;
    bide_task *waiter = spawn(wait_and_note, NUM('a'));
    turns(1);
    bide_scope_open(&s, 0);
    bide_event_set(&event);
    bide_event_clear(&event);
    bide_scope_close(&s, 0);
    return bide_await(waiter);
}

static intptr_t wait_for_it(void *unused)
{
    (void)unused;
    return bide_event_wait(&event);
}

static intptr_t set_it(void *unused)
{
    (void)unused;
    bide_event_set(&event);
    return 0;
}

VIRTUAL_TEST(ten_thousand_waiters_wake_from_one_set)
{
    static struct bide_call calls[MANY_TASKS + 1];
    for (int i = 0; i < MANY_TASKS; i++)
        calls[i].fn = wait_for_it;
    calls[MANY_TASKS].fn = set_it;
    return bide_gather(calls, MANY_TASKS + 1, BIDE_FAIL_FAST);
}

Suite *suite_event(void)
{
    Suite *suite = suite_create("event");
    TCase *t = tcase_create("event");
    tcase_add_checked_fixture(t, fresh_event, NULL);
    tcase_add_test(t, all_present_waiters_wake_in_the_order_in_which_they_came);
    tcase_add_test(t, once_set_no_wait_for_it_waits);
    tcase_add_test(t, waiters_wake_also_if_it_is_cleared_at_once);
    tcase_add_test(t, a_deadline_ends_the_wait_for_an_event);
    tcase_add_test(t, a_cancelled_scope_refuses_the_wait_for_a_set_event);
    tcase_add_test(
        t, a_waiter_cancelled_before_the_set_is_refused_and_after_it_is_not);
    tcase_add_test(t, setting_and_clearing_work_in_a_cancelled_scope);
    tcase_add_test(t, ten_thousand_waiters_wake_from_one_set);
    suite_add_tcase(suite, t);
    return suite;
}
