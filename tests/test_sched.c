/* test_sched.c: whose turn it is, and whose errno. */
#include "tasks.h"

/* ---- Order -------------------------------------------------------------- */

VIRTUAL_TEST(tasks_begin_in_the_order_of_spawning_and_not_before_a_wait)
{
    for (char letter = 'a'; letter <= 'e'; letter++)
        spawn(note_it, NUM(letter));
    expect_journal("");
    turns(1);
    expect_journal("abcde");
    return 0;
}

static intptr_t note_three_times(void *letter)
{
    for (int i = 0; i < 3; i++) {
        note((char)VALUE(letter));
        turns(1);
    }
    return 0;
}

VIRTUAL_TEST(tasks_that_yield_take_turns)
{
    spawn(note_three_times, NUM('a'));
    spawn(note_three_times, NUM('b'));
    bide_task *last = spawn(note_three_times, NUM('c'));
    ck_assert_int_eq(bide_await(last), 0);
    expect_journal("abcabcabc");
    return 0;
}

static struct bide_event events[3];

static intptr_t wait_for_event(void *number)
{
    int rc = bide_event_wait(&events[VALUE(number)]);
    note((char)('0' + VALUE(number)));
    return rc;
}

VIRTUAL_TEST(woken_tasks_run_in_the_order_of_waking)
{
    memset(events, 0, sizeof events);
    for (int i = 0; i < 3; i++)
        spawn(wait_for_event, NUM(i));
    turns(1);
    bide_event_set(&events[2]);
    bide_event_set(&events[0]);
    bide_event_set(&events[1]);
    turns(1);
    expect_journal("201");
    return 0;
}

/* ---- Eager starts ------------------------------------------------------- */

static const struct bide_spawn_options eager = {.flags = BIDE_EAGER};

static bide_task *spawn_eagerly(bide_fn *fn, void *arg)
{
    bide_task *task;
    ck_assert_int_eq(bide_spawn_with(&task, fn, arg, &eager), 0);
    return task;
}

VIRTUAL_TEST(an_eager_task_runs_at_once_up_to_its_first_wait)
{
    spawn(note_it, NUM('z'));
    bide_task *task = spawn_eagerly(note_three_times, NUM('a'));
    expect_journal("a");
    ck_assert_int_eq(bide_await(task), 0);
    expect_journal("azaa");
    return 0;
}

VIRTUAL_TEST(an_eager_task_that_never_waits_has_ended_when_spawn_returns)
{
    bide_task *task = spawn_eagerly(give, NUM(5));
    ck_assert(bide_task_done(task));
    ck_assert_int_eq(bide_await(task), 5);
    ck_assert_int_eq(bide_spawn_with(NULL, note_it, NUM('x'), &eager), 0);
    expect_journal("x");
    return 0;
}

static intptr_t spawn_next_eagerly(void *depth)
{
    if (VALUE(depth) == 0)
        return 0;
    ck_assert_int_eq(bide_spawn_with(NULL, spawn_next_eagerly,
                                     NUM(VALUE(depth) - 1), &eager), 0);
    note((char)('0' + VALUE(depth)));
    return 0;
}

VIRTUAL_TEST(eager_tasks_may_start_eager_tasks)
{
    ck_assert_int_eq(spawn_next_eagerly(NUM(4)), 0);
    expect_journal("1234");
    return 0;
}

VIRTUAL_TEST(an_eager_start_is_no_wait_and_works_in_a_cancelled_scope)
{
    struct bide_scope s;
    bide_scope_open(&s, 0);
    bide_task *task = spawn_eagerly(give_late, NUM(5));
    bide_scope_close(&s, 0);
    ck_assert_int_eq(bide_await(task), 5);
    return 0;
}

static intptr_t cancel_it(void *task)
{
    return bide_cancel(task);
}

VIRTUAL_TEST(an_eager_task_may_cancel_its_spawner)
{
    bide_task *task = spawn_eagerly(cancel_it, bide_self());
    ck_assert(bide_task_done(task));
    ck_assert_int_eq(bide_yield(), -ECANCELED);
    return 0;
}

/* ---- Fairness ----------------------------------------------------------- */

static bool stop;

/* Calls that never have to wait, until the others have had their turn. */
static intptr_t lock_without_end(void *unused)
{
    struct bide_mutex m = {0};
    (void)unused;
    for (int i = 0; i < 100000 && !stop; i++) {
        ck_assert_int_eq(bide_mutex_lock(&m), 0);
        ck_assert_int_eq(bide_mutex_unlock(&m), 0);
    }
    return stop;
}

static intptr_t stop_it(void *unused)
{
    (void)unused;
    stop = true;
    return 0;
}

VIRTUAL_TEST(calls_that_never_wait_let_the_others_have_their_turn)
{
    stop = false;
    spawn(stop_it, NULL);
    ck_assert_int_eq(lock_without_end(NULL), 1);
    return 0;
}

VIRTUAL_TEST(refused_waits_let_the_others_have_their_turn)
{
    struct bide_scope s;
    stop = false;
    spawn(stop_it, NULL);
    bide_scope_open(&s, 0);
    for (int i = 0; i < 100000 && !stop; i++)
        ck_assert_int_eq(bide_sleep(1), -ETIMEDOUT);
    bide_scope_close(&s, 0);
    ck_assert(stop);
    return 0;
}

static intptr_t stop_after_1_ms(void *unused)
{
    (void)unused;
    int rc = bide_sleep(BIDE_MS(1));
    stop = true;
    return rc;
}

/* Keep the run queue from ever being empty, for up to a second. */
static intptr_t yield_without_end(void *unused)
{
    (void)unused;
    for (int i = 0; i < 1000000 && !stop; i++) {
        compute(BIDE_US(1));
        ck_assert_int_eq(bide_yield(), 0);
    }
    return stop;
}

VIRTUAL_TEST(tasks_that_keep_each_other_busy_do_not_hold_up_the_timers)
{
    struct bide_call calls[] = {{stop_after_1_ms, NULL, 0},
                                {yield_without_end, NULL, 0},
                                {yield_without_end, NULL, 0}};
    stop = false;
    ck_assert_int_eq(bide_gather(calls, 3, BIDE_FAIL_FAST), 0);
    ck_assert_int_eq(calls[1].result, 1);
    ck_assert_int_lt(clock_ms(), 3);
    return 0;
}

VIRTUAL_TEST(one_task_that_yields_alone_does_not_hold_up_the_timers)
{
    stop = false;
    spawn(stop_after_1_ms, NULL);
    ck_assert_int_eq(yield_without_end(NULL), 1);
    ck_assert_int_lt(clock_ms(), 3);
    return 0;
}

VIRTUAL_TEST(calls_that_never_wait_do_not_hold_up_the_timers)
{
    struct bide_event set = {0};
    stop = false;
    bide_event_set(&set);
    spawn(stop_after_1_ms, NULL);
    turns(1);
    for (int i = 0; i < 1000000 && !stop; i++) {
        compute(BIDE_US(1));
        ck_assert_int_eq(bide_event_wait(&set), 0);
    }
    ck_assert_int_lt(clock_ms(), 3);
    return 0;
}

/* ---- errno -------------------------------------------------------------- */

/* Not inlined: compilers keep the address of errno over a switch. */
static __attribute__((noinline)) void set_errno(int value)
{
    errno = value;
}

static __attribute__((noinline)) int get_errno(void)
{
    return errno;
}

static intptr_t keep_errno(void *value)
{
    for (int i = 0; i < 5; i++) {
        set_errno((int)VALUE(value));
        ck_assert_int_eq(i % 2 ? bide_yield() : bide_sleep(BIDE_MS(1)), 0);
        ck_assert_int_eq(get_errno(), VALUE(value));
    }
    return 0;
}

VIRTUAL_TEST(each_task_finds_its_own_errno_after_a_wait)
{
    struct bide_call calls[] = {{keep_errno, NUM(1), 0},
                                {keep_errno, NUM(2), 0},
                                {keep_errno, NUM(3), 0}};
    return bide_gather(calls, 3, BIDE_FAIL_FAST);
}

static intptr_t spoil_errno(void *unused)
{
    (void)unused;
    set_errno(99);
    return 0;
}

VIRTUAL_TEST(errno_survives_an_eager_start_and_the_end_of_a_turn)
{
    set_errno(5);
    spawn_eagerly(spoil_errno, NULL);
    ck_assert_int_eq(get_errno(), 5);
    stop = false;
    spawn(spoil_errno, NULL);
    spawn(stop_it, NULL);
    set_errno(6);
    lock_without_end(NULL);
    ck_assert_int_eq(get_errno(), 6);
    return 0;
}

Suite *suite_sched(void)
{
    Suite *suite = suite_create("sched");
    TCase *t = tcase_create("order");
    tcase_add_checked_fixture(t, clear_journal, NULL);
    tcase_add_test(t,
                   tasks_begin_in_the_order_of_spawning_and_not_before_a_wait);
    tcase_add_test(t, tasks_that_yield_take_turns);
    tcase_add_test(t, woken_tasks_run_in_the_order_of_waking);
    tcase_add_test(t, an_eager_task_runs_at_once_up_to_its_first_wait);
    tcase_add_test(t,
                   an_eager_task_that_never_waits_has_ended_when_spawn_returns);
    tcase_add_test(t, eager_tasks_may_start_eager_tasks);
    tcase_add_test(t, an_eager_start_is_no_wait_and_works_in_a_cancelled_scope);
    tcase_add_test(t, an_eager_task_may_cancel_its_spawner);
    suite_add_tcase(suite, t);

    t = tcase_create("fairness");
    tcase_add_test(t, calls_that_never_wait_let_the_others_have_their_turn);
    tcase_add_test(t, refused_waits_let_the_others_have_their_turn);
    tcase_add_test(t,
                   tasks_that_keep_each_other_busy_do_not_hold_up_the_timers);
    tcase_add_test(t, one_task_that_yields_alone_does_not_hold_up_the_timers);
    tcase_add_test(t, calls_that_never_wait_do_not_hold_up_the_timers);
    suite_add_tcase(suite, t);

    t = tcase_create("errno");
    tcase_add_test(t, each_task_finds_its_own_errno_after_a_wait);
    tcase_add_test(t, errno_survives_an_eager_start_and_the_end_of_a_turn);
    suite_add_tcase(suite, t);
    return suite;
}
