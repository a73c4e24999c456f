/* test_gen.c: functions that give their values one by one. */
#include "tasks.h"

static struct bide_gen gen;

static void fresh(void)
{
    gen = (struct bide_gen){0};
    clear_journal();
}

/* Yield 1, 2, ... up to the argument and return that. */
static intptr_t count_to(void *n)
{
    for (intptr_t i = 1; i <= VALUE(n); i++) {
        int rc = bide_gen_yield(NUM(i));
        if (rc < 0)
            return rc;
    }
    return VALUE(n);
}

static void open_gen(bide_fn *fn, void *arg)
{
    ck_assert_int_eq(bide_gen_open(&gen, fn, arg), 0);
}

static void expect_value(intptr_t expected)
{
    void *value = NUM(-1);
    ck_assert_int_eq(bide_gen_next(&gen, &value), 1);
    ck_assert_int_eq(VALUE(value), expected);
}

/* ---- All goes well ------------------------------------------------------ */

VIRTUAL_TEST(values_come_in_order_and_then_the_end)
{
    void *value = NUM(77);
    open_gen(count_to, NUM(3));
    for (intptr_t i = 1; i <= 3; i++)
        expect_value(i);
    ck_assert_int_eq(bide_gen_next(&gen, &value), 0);
    ck_assert_int_eq(bide_gen_next(&gen, &value), 0);
    ck_assert_int_eq(VALUE(value), 77);
    ck_assert_int_eq(bide_gen_close(&gen), 3);
    return 0;
}

static intptr_t note_and_yield(void *unused)
{
    (void)unused;
    for (char letter = 'a';; letter++) {
        note(letter);
        int rc = bide_gen_yield(NULL);
        if (rc < 0)
            return rc;
        note('-');
    }
}

VIRTUAL_TEST(a_generator_runs_only_while_it_is_asked)
{
    open_gen(note_and_yield, NULL);
    turns(3);
    expect_journal("");
    ck_assert_int_eq(bide_gen_next(&gen, NULL), 1);
    turns(3);
    expect_journal("a");
    ck_assert_int_eq(bide_gen_next(&gen, NULL), 1);
    turns(3);
    expect_journal("a-b");
    return bide_gen_close(&gen);
}

static intptr_t sleep_and_yield(void *unused)
{
    (void)unused;
    int rc = 0;
    for (intptr_t i = 1; rc == 0; i++) {
        rc = bide_sleep(BIDE_MS(10));
        if (rc == 0)
            rc = bide_gen_yield(NUM(i));
    }
    return rc;
}

VIRTUAL_TEST(a_generator_may_wait_while_others_run)
{
    open_gen(sleep_and_yield, NULL);
    spawn(note_it, NUM('x'));
    expect_value(1);
    expect_journal("x");
    ck_assert_int_eq(clock_ms(), 10);
    expect_value(2);
    ck_assert_int_eq(clock_ms(), 20);
    return bide_gen_close(&gen);
}

static intptr_t yield_in_scopes(void *unused)
{
    struct bide_scope s;
    struct bide_group g;
    static struct bide_mutex m;
    (void)unused;
    bide_scope_open(&s, bide_after(BIDE_SEC(1)));
    bide_group_open(&g, BIDE_FAIL_FAST);
    intptr_t rc = bide_group_spawn(&g, sleep_for_ever, NULL);
    ck_assert_int_eq(bide_mutex_lock(&m), 0);
    for (intptr_t i = 1; i <= 2 && rc == 0; i++)
        rc = bide_gen_yield(NUM(i));
    ck_assert_int_eq(bide_mutex_unlock(&m), 0);
    bide_group_cancel(&g);
    rc = bide_group_close(&g, rc);
    return bide_scope_close(&s, rc);
}

VIRTUAL_TEST(a_generator_may_yield_with_scopes_groups_and_locks_open)
{
    struct bide_scope s;
    open_gen(yield_in_scopes, NULL);
    bide_scope_open(&s, bide_after(BIDE_SEC(9)));
    expect_value(1);
    bide_scope_close(&s, 0);
    expect_value(2);
    ck_assert_int_eq(bide_gen_next(&gen, NULL), 0);
    return bide_gen_close(&gen);
}

static intptr_t sum_of(void *unused)
{
    struct bide_gen inner = {0};
    void *value;
    intptr_t sum = 0;
    int rc = bide_gen_open(&inner, count_to, NUM(4));
    (void)unused;
    while (rc >= 0 && (rc = bide_gen_next(&inner, &value)) == 1) {
        sum += VALUE(value);
        rc = bide_gen_yield(NUM(sum));
    }
    bide_gen_close(&inner);
    return rc;
}

VIRTUAL_TEST(a_generator_may_draw_on_another)
{
    open_gen(sum_of, NULL);
    expect_value(1);
    expect_value(3);
    expect_value(6);
    ck_assert_int_eq(bide_gen_close(&gen), 0); /* in the middle of both */
    return 0;
}

static intptr_t ask_once(void *unused)
{
    void *value;
    (void)unused;
    int rc = bide_gen_next(&gen, &value);
    return rc == 1 ? VALUE(value) : rc;
}

VIRTUAL_TEST(any_task_may_ask_but_one_at_a_time)
{
    open_gen(sleep_and_yield, NULL);
    bide_task *a = spawn(ask_once, NULL), *b = spawn(ask_once, NULL);
    ck_assert_int_eq(result_of(b), -EBUSY);
    ck_assert_int_eq(result_of(a), 1);
    ck_assert_int_eq(result_of(spawn(ask_once, NULL)), 2);
    return bide_gen_close(&gen);
}

VIRTUAL_TEST(ten_thousand_generators_can_be_open)
{
    static struct bide_gen gens[MANY_TASKS];
    void *value;
    for (int i = 0; i < MANY_TASKS; i++)
        ck_assert_int_eq(bide_gen_open(&gens[i], count_to, NUM(3)), 0);
    for (int i = 0; i < MANY_TASKS; i++)
        ck_assert_int_eq(bide_gen_next(&gens[i], &value), 1);
    for (int i = 0; i < MANY_TASKS; i++)
        ck_assert_int_eq(bide_gen_close(&gens[i]), 0);
    return 0;
}

/* ---- Failures and cancels ----------------------------------------------- */

static intptr_t yield_and_fail(void *unused)
{
    (void)unused;
    int rc = bide_gen_yield(NUM(1));
    return rc < 0 ? rc : -EIO;
}

VIRTUAL_TEST(an_error_of_the_generator_comes_out_of_next_and_of_close)
{
    open_gen(yield_and_fail, NULL);
    expect_value(1);
    ck_assert_int_eq(bide_gen_next(&gen, NULL), -EIO);
    ck_assert_int_eq(bide_gen_next(&gen, NULL), -EIO);
    ck_assert_int_eq(bide_gen_close(&gen), -EIO);
    ck_assert_uint_eq(heard.count, 0);
    return 0;
}

VIRTUAL_TEST(a_next_that_is_late_loses_no_value)
{
    struct bide_scope s;
    open_gen(sleep_and_yield, NULL);
    bide_scope_open(&s, bide_after(BIDE_MS(4)));
    ck_assert_int_eq(bide_gen_next(&gen, NULL), -ETIMEDOUT);
    ck_assert_int_eq(bide_gen_next(&gen, NULL), -ETIMEDOUT);
    bide_scope_close(&s, 0);
    expect_value(1);
    ck_assert_int_eq(clock_ms(), 10);
    bide_scope_open(&s, bide_after(BIDE_MS(4)));
    ck_assert_int_eq(bide_gen_next(&gen, NULL), -ETIMEDOUT);
    bide_scope_close(&s, 0);
    ck_assert_int_eq(bide_sleep(BIDE_MS(50)), 0);
    expect_value(2); /* it was there */
    ck_assert_int_eq(clock_ms(), 64);
    expect_value(3);
    return bide_gen_close(&gen);
}

static intptr_t yield_until_refused(void *unused)
{
    int rc;
    (void)unused;
    while ((rc = bide_gen_yield(NUM(1))) == 0)
        note('t');
    note(rc == -ECANCELED ? 'c' : '?');
    ck_assert_int_eq(bide_sleep(1), -ECANCELED);
    return 5; /* it made something of it */
}

VIRTUAL_TEST(close_refuses_the_next_yield_and_returns_the_result)
{
    open_gen(yield_until_refused, NULL);
    expect_value(1);
    ck_assert_int_eq(bide_gen_close(&gen), 5);
    expect_journal("tc"); /* the value was taken, the next one was refused */
    return 0;
}

VIRTUAL_TEST(a_value_that_nobody_took_is_refused_at_close)
{
    struct bide_scope s;
    open_gen(yield_until_refused, NULL);
    bide_scope_open(&s, 0);
    ck_assert_int_eq(bide_gen_next(&gen, NULL), -ETIMEDOUT);
    bide_scope_close(&s, 0);
    ck_assert_int_eq(bide_gen_close(&gen), 5);
    expect_journal("c"); /* it ran, cancelled from the start */
    return 0;
}

static intptr_t yield_in_a_shield(void *unused)
{
    struct bide_scope s;
    bide_shield_open(&s, BIDE_FOREVER);
    do
        note('y');
    while (bide_gen_yield(unused) == 0);
    ck_assert_int_eq(bide_sleep(BIDE_MS(3)), 0);
    return bide_scope_close(&s, -ECANCELED);
}

VIRTUAL_TEST(close_reaches_a_yield_in_a_shield)
{
    open_gen(yield_in_a_shield, NULL);
    expect_value(0);
    expect_value(0);
    ck_assert_int_eq(bide_gen_close(&gen), 0);
    expect_journal("yyy");
    ck_assert_int_eq(clock_ms(), 3);
    return 0;
}

VIRTUAL_TEST(close_works_in_a_cancelled_scope_and_waits_for_the_end)
{
    struct bide_scope s;
    open_gen(end_slowly, NUM(20));
    bide_scope_open(&s, bide_after(BIDE_MS(5)));
    ck_assert_int_eq(bide_gen_next(&gen, NULL), -ETIMEDOUT);
    ck_assert_int_eq(bide_gen_close(&gen), 0);
    ck_assert_int_eq(clock_ms(), 25);
    bide_scope_close(&s, 0);
    return 0;
}

static intptr_t open_in_a_scope(void *unused)
{
    struct bide_scope s;
    (void)unused;
    bide_scope_open(&s, bide_after(BIDE_MS(5)));
    open_gen(sleep_for_ever, NULL);
    intptr_t rc = bide_gen_next(&gen, NULL);
    ck_assert_int_eq(rc, -ETIMEDOUT);
    ck_assert_int_eq(bide_gen_close(&gen), 0);
    return bide_scope_close(&s, rc);
}

VIRTUAL_TEST(a_deadline_reaches_the_generator_that_was_opened_under_it)
{
    ck_assert_int_eq(open_in_a_scope(NULL), -ETIMEDOUT);
    ck_assert_int_eq(clock_ms(), 5);
    return 0;
}

static bide_task *self_of_gen;

static intptr_t tell_self(void *unused)
{
    (void)unused;
    self_of_gen = bide_self();
    ck_assert_int_eq(bide_gen_next(&gen, NULL), -EDEADLK);
    ck_assert_int_eq(bide_gen_close(&gen), -EDEADLK);
    int rc = bide_gen_yield(NULL);
    return rc < 0 ? rc : sleep_for_ever(NULL);
}

static intptr_t cancel_it(void *unused)
{
    (void)unused;
    bide_cancel(self_of_gen);
    return 0;
}

VIRTUAL_TEST(a_generator_that_someone_else_cancelled_is_told_as_such)
{
    open_gen(tell_self, NULL);
    expect_value(0);
    spawn(cancel_it, NULL);
    ck_assert_int_eq(bide_gen_next(&gen, NULL), -ECHILD);
    ck_assert_int_eq(bide_gen_close(&gen), 0);
    return 0;
}

VIRTUAL_TEST(a_next_and_a_close_of_two_tasks_both_end)
{
    open_gen(sleep_for_ever, NULL);
    bide_task *asker = spawn(ask_once, NULL);
    turns(2);
    ck_assert_int_eq(bide_gen_close(&gen), 0);
    ck_assert_int_eq(result_of(asker), -ECHILD);
    return 0;
}

VIRTUAL_TEST(a_closed_generator_can_be_opened_again)
{
    open_gen(count_to, NUM(1));
    ck_assert_int_eq(bide_gen_close(&gen), 0);
    open_gen(count_to, NUM(1));
    expect_value(1);
    ck_assert_int_eq(bide_gen_next(&gen, NULL), 0);
    ck_assert_int_eq(bide_gen_close(&gen), 1);
    return 0;
}

/* ---- Misuse ------------------------------------------------------------- */

static intptr_t close_twice(void *unused)
{
    (void)unused;
    open_gen(count_to, NUM(1));
    bide_gen_close(&gen);
    return bide_gen_close(&gen);
}

static intptr_t ask_before_open(void *unused)
{
    (void)unused;
    return bide_gen_next(&gen, NULL);
}

static intptr_t open_twice(void *unused)
{
    (void)unused;
    open_gen(count_to, NUM(1));
    open_gen(count_to, NUM(1));
    return 0;
}

static intptr_t leave_open(void *unused)
{
    (void)unused;
    open_gen(count_to, NUM(1));
    return 0;
}

static intptr_t leave_open_in_a_scope(void *unused)
{
    struct bide_scope s;
    (void)unused;
    bide_scope_open(&s, BIDE_FOREVER);
    open_gen(count_to, NUM(1));
    return bide_scope_close(&s, 0);
}

START_TEST(misuse_of_a_generator_is_told)
{
    expect_contract(close_twice, "bide_gen_close", "not open", NULL);
    expect_contract(ask_before_open, "bide_gen_next", "not open", NULL);
    expect_contract(open_twice, "bide_gen_open", "open already", NULL);
    expect_contract(leave_open, "generator left open", NULL);
    expect_contract(leave_open_in_a_scope, "bide_scope_close",
                    "generator that was opened in it", NULL);
    expect_contract(note_and_yield, "bide_gen_yield", "outside a generator",
                    NULL);
}
END_TEST

VIRTUAL_TEST(a_generator_of_nothing_is_refused)
{
    ck_assert_int_eq(bide_gen_open(&gen, NULL, NULL), -EINVAL);
    return 0;
}

static intptr_t be_alone(void *unused)
{
    (void)unused;
    ck_assert_int_eq(bide_gen_open(&gen, count_to, NUM(1)), -EAGAIN);
    return 0;
}

START_TEST(a_generator_counts_as_a_task)
{
    struct bide_options opt = {.task_limit = 1};
    ck_assert_int_eq(bide_run(be_alone, NULL, &opt), 0);
}
END_TEST

static void add_failures(TCase *t)
{
    tcase_add_test(t, an_error_of_the_generator_comes_out_of_next_and_of_close);
    tcase_add_test(t, a_next_that_is_late_loses_no_value);
    tcase_add_test(t, close_refuses_the_next_yield_and_returns_the_result);
    tcase_add_test(t, a_value_that_nobody_took_is_refused_at_close);
    tcase_add_test(t, close_reaches_a_yield_in_a_shield);
    tcase_add_test(t, close_works_in_a_cancelled_scope_and_waits_for_the_end);
    tcase_add_test(
        t, a_deadline_reaches_the_generator_that_was_opened_under_it);
    tcase_add_test(t, a_generator_that_someone_else_cancelled_is_told_as_such);
    tcase_add_test(t, a_next_and_a_close_of_two_tasks_both_end);
    tcase_add_test(t, a_closed_generator_can_be_opened_again);
    tcase_add_test(t, misuse_of_a_generator_is_told);
    tcase_add_test(t, a_generator_of_nothing_is_refused);
    tcase_add_test(t, a_generator_counts_as_a_task);
}

Suite *suite_gen(void)
{
    Suite *suite = suite_create("gen");
    TCase *t = tcase_create("gen");
    tcase_add_checked_fixture(t, fresh, NULL);
    tcase_add_test(t, values_come_in_order_and_then_the_end);
    tcase_add_test(t, a_generator_runs_only_while_it_is_asked);
    tcase_add_test(t, a_generator_may_wait_while_others_run);
    tcase_add_test(
        t, a_generator_may_yield_with_scopes_groups_and_locks_open);
    tcase_add_test(t, a_generator_may_draw_on_another);
    tcase_add_test(t, any_task_may_ask_but_one_at_a_time);
    tcase_add_test(t, ten_thousand_generators_can_be_open);
    add_failures(t);
    suite_add_tcase(suite, t);
    return suite;
}
