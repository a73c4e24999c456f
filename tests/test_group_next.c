/* test_group_next.c: the ends of a group's children, one by one. */
#include "tasks.h"

static struct bide_group group;

static void open_group_of_sleepers(size_t n, const intptr_t *ms)
{
    bide_group_open(&group, BIDE_COLLECT);
    for (size_t i = 0; i < n; i++)
        ck_assert_int_eq(bide_group_spawn(&group, sleep_ms, NUM(ms[i])), 0);
}

/* The next end must be that of the sleeper of `ms`. */
static void expect_next(intptr_t ms)
{
    void *arg;
    intptr_t result;
    ck_assert_int_eq(bide_group_next(&group, &arg, &result), 1);
    ck_assert_int_eq(VALUE(arg), ms);
    ck_assert_int_eq(result, ms);
}

VIRTUAL_TEST(ends_come_in_the_order_in_which_they_happen)
{
    open_group_of_sleepers(3, (intptr_t[]){30, 10, 20});
    for (int ms = 10; ms <= 30; ms += 10) {
        expect_next(ms);
        ck_assert_int_eq(clock_ms(), ms);
    }
    ck_assert_int_eq(bide_group_next(&group, NULL, NULL), 0);
    ck_assert_int_eq(bide_group_next(&group, NULL, NULL), 0);
    return bide_group_close(&group, 0);
}

VIRTUAL_TEST(ends_of_one_moment_come_in_the_order_of_spawning)
{
    open_group_of_sleepers(3, (intptr_t[]){10, 10, 10});
    for (int i = 0; i < 3; i++)
        expect_next(10);
    return bide_group_close(&group, 0);
}

VIRTUAL_TEST(ends_that_nobody_asked_for_yet_are_kept)
{
    open_group_of_sleepers(3, (intptr_t[]){3, 1, 2});
    ck_assert_int_eq(bide_sleep(BIDE_MS(50)), 0);
    for (int ms = 1; ms <= 3; ms++)
        expect_next(ms);
    ck_assert_int_eq(clock_ms(), 50);
    return bide_group_close(&group, 0);
}

VIRTUAL_TEST(an_empty_group_has_no_next)
{
    open_group_of_sleepers(0, NULL);
    ck_assert_int_eq(bide_group_next(&group, NULL, NULL), 0);
    return bide_group_close(&group, 0);
}

VIRTUAL_TEST(argument_and_result_need_not_be_wanted)
{
    open_group_of_sleepers(3, (intptr_t[]){1, 2, 3});
    void *given;
    intptr_t result;
    ck_assert_int_eq(bide_group_next(&group, NULL, NULL), 1);
    ck_assert_int_eq(bide_group_next(&group, &given, NULL), 1);
    ck_assert_int_eq(VALUE(given), 2);
    ck_assert_int_eq(bide_group_next(&group, NULL, &result), 1);
    ck_assert_int_eq(result, 3);
    return bide_group_close(&group, 0);
}

VIRTUAL_TEST(failures_and_cancels_are_ends_too)
{
    intptr_t result;
    bide_task *task;
    bide_group_open(&group, BIDE_COLLECT);
    ck_assert_int_eq(bide_group_spawn(&group, give, NUM(-EIO)), 0);
    ck_assert_int_eq(bide_group_spawn_with(&group, &task, sleep_for_ever, NULL,
                                           NULL), 0);
    ck_assert_int_eq(bide_group_next(&group, NULL, &result), 1);
    ck_assert_int_eq(result, -EIO);
    bide_cancel(task);
    ck_assert_int_eq(bide_group_next(&group, NULL, &result), 1);
    ck_assert_int_eq(result, -ECANCELED);
    return bide_group_close(&group, 0);
}

VIRTUAL_TEST(a_deadline_while_asking_loses_no_end)
{
    struct bide_scope s;
    open_group_of_sleepers(2, (intptr_t[]){10, 30});
    bide_scope_open(&s, bide_after(BIDE_MS(20)));
    expect_next(10);
    ck_assert_int_eq(bide_group_next(&group, NULL, NULL), -ETIMEDOUT);
    bide_scope_close(&s, 0);
    expect_next(30);
    return bide_group_close(&group, 0);
}

VIRTUAL_TEST(a_failure_of_the_group_refuses_the_one_who_asks)
{
    bide_group_open(&group, BIDE_FAIL_FAST);
    ck_assert_int_eq(bide_group_spawn(&group, fail_after_ms, NUM(5)), 0);
    ck_assert_int_eq(bide_group_spawn(&group, end_slowly, NUM(5)), 0);
    int rc = bide_group_next(&group, NULL, NULL);
    ck_assert_int_eq(rc, -ECANCELED);
    ck_assert_int_eq(bide_group_close(&group, rc), -EIO);
    return 0;
}

static intptr_t take_and_note(void *letter)
{
    intptr_t result;
    int rc = bide_group_next(&group, NULL, &result);
    if (rc == 1)
        note((char)('0' + result));
    note((char)VALUE(letter));
    return rc;
}

VIRTUAL_TEST(several_tasks_may_ask_and_each_end_goes_to_one)
{
    open_group_of_sleepers(2, (intptr_t[]){1, 2});
    for (char letter = 'a'; letter <= 'c'; letter++)
        spawn(take_and_note, NUM(letter));
    ck_assert_int_eq(bide_sleep(BIDE_MS(5)), 0);
    expect_journal("1a2bc"); /* the third was told that none is left */
    return bide_group_close(&group, 0);
}

VIRTUAL_TEST(those_who_ask_while_the_group_closes_are_told_before_it_has)
{
    open_group_of_sleepers(1, (intptr_t[]){5});
    bide_task *a = spawn(take_and_note, NUM('a'));
    bide_task *b = spawn(take_and_note, NUM('b'));
    turns(1);
    ck_assert_int_eq(bide_group_close(&group, 0), 0);
    ck_assert_int_eq(result_of(a) + result_of(b), 1);
    return 0;
}

static struct bide_group *lent;

static intptr_t ask_lent(void *unused)
{
    (void)unused;
    return bide_group_next(lent, NULL, NULL);
}

static intptr_t ask_of_a_group_that_goes(void *unused)
{
    (void)unused;
    struct bide_group g;
    lent = &g;
    bide_group_open(&g, BIDE_FAIL_FAST);
    int rc = bide_group_spawn(&g, sleep_ms, NUM(5));
    bide_task *a = spawn(ask_lent, NULL), *b = spawn(ask_lent, NULL);
    if (rc == 0)
        rc = bide_sleep(BIDE_MS(1));
    if (bide_group_close(&g, rc) < 0)
        return -EPROTO;
    memset(&g, 0xff, sizeof g);
    return result_of(a) + result_of(b) == 1 ? 0 : -EPROTO;
}

START_TEST(who_asks_has_its_answer_though_the_group_is_gone)
{
    ck_assert_int_eq(bide_explore(100, ask_of_a_group_that_goes), 0);
}
END_TEST

static intptr_t spawn_batches(intptr_t count)
{
    for (intptr_t i = 0; i < count; i++) {
        ck_assert_int_eq(bide_group_spawn(&group, give, NUM(i)), 0);
        if (i % 1000 == 0)
            turns(1);
    }
    return bide_yield();
}

VIRTUAL_TEST(of_too_many_ends_the_oldest_are_forgotten_which_is_told_once)
{
    enum { KEPT = 65536, MORE = 3 };
    bide_group_open(&group, BIDE_COLLECT);
    ck_assert_int_eq(spawn_batches(KEPT + MORE), 0);
    ck_assert_int_eq(bide_group_next(&group, NULL, NULL), -EOVERFLOW);
    for (intptr_t i = MORE; i < KEPT + MORE; i++)
        expect_next(i);
    ck_assert_int_eq(bide_group_next(&group, NULL, NULL), 0);
    return bide_group_close(&group, 0);
}

VIRTUAL_TEST(many_ends_taken_in_turn_with_spawns_keep_their_order)
{
    intptr_t next = 0;
    bide_group_open(&group, BIDE_COLLECT);
    for (intptr_t i = 0; i < 3000; i++) {
        ck_assert_int_eq(bide_group_spawn(&group, give, NUM(i)), 0);
        if (i % 3 == 2)
            expect_next(next++);
    }
    while (next < 3000)
        expect_next(next++);
    return bide_group_close(&group, 0);
}

Suite *suite_group_next(void)
{
    Suite *suite = suite_create("group_next");
    TCase *t = tcase_create("next");
    tcase_add_checked_fixture(t, clear_journal, NULL);
    tcase_add_test(t, ends_come_in_the_order_in_which_they_happen);
    tcase_add_test(t, ends_of_one_moment_come_in_the_order_of_spawning);
    tcase_add_test(t, ends_that_nobody_asked_for_yet_are_kept);
    tcase_add_test(t, an_empty_group_has_no_next);
    tcase_add_test(t, argument_and_result_need_not_be_wanted);
    tcase_add_test(t, failures_and_cancels_are_ends_too);
    tcase_add_test(t, a_deadline_while_asking_loses_no_end);
    tcase_add_test(t, a_failure_of_the_group_refuses_the_one_who_asks);
    tcase_add_test(t, several_tasks_may_ask_and_each_end_goes_to_one);
    tcase_add_test(t,
                   those_who_ask_while_the_group_closes_are_told_before_it_has);
    tcase_add_test(t, who_asks_has_its_answer_though_the_group_is_gone);
    tcase_add_test(
        t, of_too_many_ends_the_oldest_are_forgotten_which_is_told_once);
    tcase_add_test(t, many_ends_taken_in_turn_with_spawns_keep_their_order);
    suite_add_tcase(suite, t);
    return suite;
}
