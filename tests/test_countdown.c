/* test_countdown.c: waiting until nothing is left to be done. */
#include "tasks.h"

static struct bide_countdown countdown;

static void fresh_countdown(void)
{
    countdown = (struct bide_countdown){0};
    clear_journal();
}

static void done(void)
{
    ck_assert_int_eq(bide_countdown_done(&countdown), 0);
}

static intptr_t wait_and_note(void *letter)
{
    int rc = bide_countdown_wait(&countdown);
    if (rc == 0)
        note((char)VALUE(letter));
    return rc;
}

static size_t waiters(void)
{
    struct bide_lock_info info;
    bide_countdown_info(&countdown, &info);
    ck_assert(!info.owner && info.holders == 0);
    return info.waiters;
}

VIRTUAL_TEST(where_nothing_is_to_be_done_nobody_waits)
{
    spawn(note_it, NUM('x'));
    ck_assert_int_eq(bide_countdown_wait(&countdown), 0);
    expect_journal("");
    return 0;
}

VIRTUAL_TEST(all_waiters_go_on_when_the_last_thing_is_done)
{
    countdown.count = 2;
    for (char letter = 'a'; letter <= 'c'; letter++)
        spawn(wait_and_note, NUM(letter));
    turns(1);
    ck_assert_uint_eq(waiters(), 3);
    done();
    turns(1);
    expect_journal("");
    done();
    turns(1);
    expect_journal("abc");
    ck_assert_uint_eq(waiters(), 0);
    return 0;
}

VIRTUAL_TEST(waiters_go_on_also_if_more_is_added_at_once)
{
    bide_countdown_add(&countdown, 1);
    spawn(wait_and_note, NUM('a'));
    turns(1);
    done();
    ck_assert_int_eq(bide_countdown_add(&countdown, 1), 0);
    spawn(wait_and_note, NUM('b'));
    turns(1);
    expect_journal("a");
    done();
    turns(1);
    expect_journal("ab");
    return 0;
}

VIRTUAL_TEST(to_be_done_too_often_is_out_of_range)
{
    ck_assert_int_eq(bide_countdown_done(&countdown), -ERANGE);
    ck_assert_int_eq(bide_countdown_add(&countdown, 1), 0);
    done();
    ck_assert_int_eq(bide_countdown_done(&countdown), -ERANGE);
    return 0;
}

VIRTUAL_TEST(more_than_can_be_counted_is_refused)
{
    countdown.count = UINT32_MAX - 1;
    ck_assert_int_eq(bide_countdown_add(&countdown, 2), -EOVERFLOW);
    ck_assert_int_eq(bide_countdown_add(&countdown, 1), 0);
    ck_assert_int_eq(bide_countdown_add(&countdown, 0), 0);
    ck_assert_uint_eq(countdown.count, UINT32_MAX);
    return 0;
}

VIRTUAL_TEST(a_cancelled_scope_refuses_the_wait_for_nothing)
{
    struct bide_scope s;
    bide_scope_open(&s, 0);
    ck_assert_int_eq(bide_countdown_wait(&countdown), -ETIMEDOUT);
    bide_scope_close(&s, 0);
    return 0;
}

VIRTUAL_TEST(a_cancelled_waiter_leaves_and_the_others_keep_their_place)
{
    countdown.count = 1;
    spawn(wait_and_note, NUM('a'));
    bide_task *second = spawn(wait_and_note, NUM('b'));
    spawn(wait_and_note, NUM('c'));
    turns(1);
    bide_cancel(second);
    done();
    ck_assert_int_eq(result_of(second), -ECANCELED);
    expect_journal("ac");
    return 0;
}

VIRTUAL_TEST(a_waiter_cancelled_after_the_last_thing_goes_on)
{
    countdown.count = 1;
    bide_task *waiter = spawn(wait_and_note, NUM('a'));
    turns(1);
    done();
    bide_cancel(waiter);
    return result_of(waiter);
}

Suite *suite_countdown(void)
{
    Suite *suite = suite_create("countdown");
    TCase *t = tcase_create("countdown");
    tcase_add_checked_fixture(t, fresh_countdown, NULL);
    tcase_add_test(t, where_nothing_is_to_be_done_nobody_waits);
    tcase_add_test(t, all_waiters_go_on_when_the_last_thing_is_done);
    tcase_add_test(t, waiters_go_on_also_if_more_is_added_at_once);
    tcase_add_test(t, to_be_done_too_often_is_out_of_range);
    tcase_add_test(t, more_than_can_be_counted_is_refused);
    tcase_add_test(t, a_cancelled_scope_refuses_the_wait_for_nothing);
    tcase_add_test(
        t, a_cancelled_waiter_leaves_and_the_others_keep_their_place);
    tcase_add_test(t, a_waiter_cancelled_after_the_last_thing_goes_on);
    suite_add_tcase(suite, t);
    return suite;
}
