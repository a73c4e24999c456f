/* test_defer.c: calls at the end of a task. */
#include "tasks.h"

static void note_letter(void *letter)
{
    note((char)VALUE(letter));
}

static struct bide_local local = {.drop = note_letter};

static intptr_t defer_three(void *result)
{
    ck_assert_int_eq(bide_defer(note_letter, NUM('1')), 0);
    ck_assert_int_eq(bide_defer(note_letter, NUM('2')), 0);
    ck_assert_int_eq(bide_defer(note_letter, NUM('3')), 0);
    note('f');
    return VALUE(result);
}

VIRTUAL_TEST(deferred_calls_are_made_at_the_end_last_in_first_out)
{
    ck_assert_int_eq(result_of(spawn(defer_three, NUM(7))), 7);
    expect_journal("f321");
    return 0;
}

VIRTUAL_TEST(a_task_that_fails_makes_its_deferred_calls_too)
{
    struct bide_call call = {defer_three, NUM(-EIO), 0};
    ck_assert_int_eq(bide_gather(&call, 1, BIDE_FAIL_FAST), -EIO);
    expect_journal("f321");
    return 0;
}

START_TEST(the_main_task_makes_its_deferred_calls_before_run_returns)
{
    ck_assert_int_eq(run_virtual(defer_three, NUM(7)), 7);
    expect_journal("f321");
}
END_TEST

static void defer_another(void *letter)
{
    note_letter(letter);
    ck_assert_int_eq(bide_defer(note_letter, NUM('x')), 0);
}

static intptr_t defer_a_deferrer(void *unused)
{
    (void)unused;
    ck_assert_int_eq(bide_local_set(&local, NUM('l')), 0);
    ck_assert_int_eq(bide_defer(note_letter, NUM('1')), 0);
    return bide_defer(defer_another, NUM('2'));
}

VIRTUAL_TEST(a_deferred_call_may_defer_and_locals_are_dropped_after_all)
{
    ck_assert_int_eq(result_of(spawn(defer_a_deferrer, NULL)), 0);
    expect_journal("2x1l");
    return 0;
}

static void look_at_local(void *letter)
{
    note_letter(bide_local_get(&local) ? letter : NUM('-'));
}

static void defer_a_look(void *letter)
{
    note_letter(letter);
    ck_assert_int_eq(bide_defer(look_at_local, NUM('d')), 0);
}

static intptr_t set_two_locals(void *unused)
{
    static struct bide_local last = {.drop = defer_a_look};
    (void)unused;
    ck_assert_int_eq(bide_local_set(&local, NUM('l')), 0);
    return bide_local_set(&last, NUM('z'));
}

VIRTUAL_TEST(a_drop_may_defer_a_call_that_still_finds_the_other_locals)
{
    ck_assert_int_eq(result_of(spawn(set_two_locals, NULL)), 0);
    expect_journal("zdl");
    return 0;
}

/* ---- Calls that wait ---------------------------------------------------- */

static void sleep_ten(void *unused)
{
    (void)unused;
    note(bide_sleep(BIDE_MS(10)) == 0 ? 's' : 'r');
}

static void sleep_ten_shielded(void *unused)
{
    struct bide_scope shield;
    bide_shield_open(&shield, BIDE_FOREVER);
    sleep_ten(unused);
    bide_scope_close(&shield, 0);
}

static intptr_t defer_and_end(void *fn)
{
    return bide_defer(*(void (**)(void *))fn, NULL);
}

VIRTUAL_TEST(a_deferred_call_may_wait_and_the_task_ends_after_it)
{
    void (*fn)(void *) = sleep_ten;
    bide_task *task = spawn(defer_and_end, &fn);
    turns(2);
    ck_assert(!bide_task_done(task));
    ck_assert_int_eq(result_of(task), 0);
    ck_assert_int_eq(clock_ms(), 10);
    expect_journal("s");
    return 0;
}

static intptr_t defer_and_sleep(void *fn)
{
    ck_assert_int_eq(bide_defer(*(void (**)(void *))fn, NULL), 0);
    return sleep_for_ever(NULL);
}

VIRTUAL_TEST(a_cancelled_task_waits_in_a_deferred_call_only_in_a_shield)
{
    void (*fns[])(void *) = {sleep_ten, sleep_ten_shielded};
    for (int i = 0; i < 2; i++) {
        bide_task *task = spawn(defer_and_sleep, &fns[i]);
        turns(1);
        bide_cancel(task);
        ck_assert_int_eq(bide_await(task), -ECHILD);
        bide_release(task);
        ck_assert_int_eq(clock_ms(), 10 * i);
    }
    expect_journal("rs");
    return 0;
}

VIRTUAL_TEST(a_cancel_during_the_deferred_calls_changes_no_result)
{
    void (*fn)(void *) = sleep_ten;
    bide_task *task = spawn(defer_and_end, &fn);
    turns(2);
    ck_assert(bide_cancel(task));
    ck_assert_int_eq(result_of(task), 0);
    expect_journal("r");
    return 0;
}

static void unlock(void *m)
{
    ck_assert_int_eq(bide_mutex_unlock(m), 0);
}

static intptr_t lock_and_end(void *m)
{
    ck_assert_int_eq(bide_mutex_lock(m), 0);
    return bide_defer(unlock, m);
}

VIRTUAL_TEST(a_deferred_unlock_comes_before_the_lock_is_given_up_for_dead)
{
    static struct bide_mutex m;
    result_of(spawn(lock_and_end, &m));
    ck_assert_int_eq(bide_mutex_lock(&m), 0);
    return bide_mutex_unlock(&m);
}

/* ---- Misuse ------------------------------------------------------------- */

static void leave_a_scope_open(void *scope)
{
    bide_scope_open(scope, BIDE_FOREVER);
}

static intptr_t defer_misuse(void *unused)
{
    static struct bide_scope scope;
    (void)unused;
    return bide_defer(leave_a_scope_open, &scope);
}

static void defer_outside(void)
{
    (void)!bide_defer(note_letter, NULL);
}

VIRTUAL_TEST(nothing_cannot_be_deferred)
{
    ck_assert_int_eq(bide_defer(NULL, NULL), -EINVAL);
    return 0;
}

START_TEST(misuse_of_defer_is_told)
{
    char text[512];
    in_child(defer_outside, text, sizeof text);
    ck_assert_ptr_nonnull(strstr(text, "bide_defer"));
    expect_contract(defer_misuse, "deferred call", "left open", NULL);
}
END_TEST

Suite *suite_defer(void)
{
    Suite *suite = suite_create("defer");
    TCase *t = tcase_create("defer");
    tcase_add_checked_fixture(t, clear_journal, NULL);
    tcase_add_test(t, deferred_calls_are_made_at_the_end_last_in_first_out);
    tcase_add_test(t, a_task_that_fails_makes_its_deferred_calls_too);
    tcase_add_test(
        t, the_main_task_makes_its_deferred_calls_before_run_returns);
    tcase_add_test(
        t, a_deferred_call_may_defer_and_locals_are_dropped_after_all);
    tcase_add_test(
        t, a_drop_may_defer_a_call_that_still_finds_the_other_locals);
    tcase_add_test(t, a_deferred_call_may_wait_and_the_task_ends_after_it);
    tcase_add_test(
        t, a_cancelled_task_waits_in_a_deferred_call_only_in_a_shield);
    tcase_add_test(t, a_cancel_during_the_deferred_calls_changes_no_result);
    tcase_add_test(
        t, a_deferred_unlock_comes_before_the_lock_is_given_up_for_dead);
    tcase_add_test(t, nothing_cannot_be_deferred);
    tcase_add_test(t, misuse_of_defer_is_told);
    suite_add_tcase(suite, t);
    return suite;
}
