/* test_virtual.c: the clock of test runs, and waiting until all others wait. */
#include "tasks.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

/* ---- The clock ---------------------------------------------------------- */

VIRTUAL_TEST(time_stands_still_while_anybody_can_run)
{
    bide_time begin = bide_now();
    ck_assert_int_eq(begin, BIDE_SEC(1));
    turns(1000);
    ck_assert_int_eq(bide_now(), begin);
    return 0;
}

VIRTUAL_TEST(time_jumps_to_the_next_deadline)
{
    ck_assert_int_eq(bide_sleep(BIDE_SEC(3600)), 0);
    ck_assert_int_eq(bide_now(), BIDE_SEC(3601));
    return 0;
}

static intptr_t sleep_hourly(void *hours)
{
    for (intptr_t i = 0; i < VALUE(hours); i++)
        ck_assert_int_eq(bide_sleep(BIDE_SEC(3600)), 0);
    return 0;
}

VIRTUAL_TEST(a_year_passes_in_no_time)
{
    struct bide_call calls[10];
    for (int i = 0; i < 10; i++)
        calls[i] = (struct bide_call){sleep_hourly, NUM(8760), 0};
    ck_assert_int_eq(bide_gather(calls, 10, BIDE_FAIL_FAST), 0);
    ck_assert_int_eq(bide_now(), BIDE_SEC(1) + 8760 * BIDE_SEC(3600));
    return 0;
}

VIRTUAL_TEST(computing_moves_the_clock_and_saturates)
{
    bide_test_advance(BIDE_MS(7));
    ck_assert_int_eq(clock_ms(), 7);
    bide_test_advance(BIDE_FOREVER);
    ck_assert_int_eq(bide_now(), BIDE_FOREVER);
    return 0;
}

static intptr_t advance(void *span)
{
    bide_test_advance(VALUE(span));
    return 0;
}

static intptr_t advance_backwards(void *arg)
{
    (void)arg;
    bide_test_run(advance, NUM(-1), NULL);
    return 0;
}

static void go_back(void)
{
    advance_backwards(NULL);
}

START_TEST(only_the_clock_of_a_test_moves_and_only_forward)
{
    char text[1024];
    expect_contract(advance, "bide_test_advance", "no test run", NULL);
    ck_assert_int_ne(in_child(go_back, text, sizeof text), 0);
    ck_assert_ptr_nonnull(strstr(text, "moved the clock back"));
}
END_TEST

/* A thread that holds the run until it is told to end. */
struct holder {
    bide_loop *loop;
    bide_time begin, end; /* the real time, as the thread sees it */
    atomic_bool over;
};

static void *hold(void *arg)
{
    struct holder *h = (struct holder *)arg;
    h->begin = bide_now();
    while (!atomic_load(&h->over))
        sched_yield();
    h->end = bide_now();
    bide_loop_unref(h->loop);
    return NULL;
}

VIRTUAL_TEST(time_does_not_jump_while_a_thread_works)
{
    struct holder h = {.loop = bide_loop_ref()};
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, hold, &h), 0);
    ck_assert_int_eq(bide_sleep(BIDE_MS(20)), 0);
    atomic_store(&h.over, true);
    ck_assert_int_eq(bide_sleep(365 * 24 * BIDE_SEC(3600)), 0);
    pthread_join(thread, NULL);
    /* The thread began a little later than the sleep. */
    ck_assert_int_ge(h.end - h.begin, BIDE_MS(5));
    return 0;
}

/* Behaviour 203, of a process; test_to_thread.c has it of a job on a thread. */
VIRTUAL_TEST(time_does_not_jump_while_a_process_works)
{
    char name[] = "sleep", span[] = "0.02", *argv[] = {name, span, NULL};
    bide_task *sleeper = spawn(sleep_ms, NUM(3600 * 1000));
    ck_assert_int_eq(bide_proc_run(argv, NULL, NULL, 0, NULL, NULL), 0);
    ck_assert(!bide_task_done(sleeper));
    ck_assert_int_eq(bide_await(sleeper), 3600 * 1000); /* and then it does */
    bide_release(sleeper);
    return 0;
}

VIRTUAL_TEST(time_goes_on_really_while_the_kernel_is_waited_for)
{
    int fds[2];
    char byte;
    struct bide_scope scope = {0};
    ck_assert_int_eq(pipe(fds), 0);
    bide_scope_open(&scope, bide_after(BIDE_MS(20)));
    ssize_t n = bide_read(fds[0], &byte, 1);
    ck_assert_int_eq(bide_scope_close(&scope, n), -ETIMEDOUT);
    ck_assert_int_ge(clock_ms(), 20);
    ck_assert_int_lt(clock_ms(), 3600 * 1000);
    bide_close(fds[0]);
    bide_close(fds[1]);
    return 0;
}

static void *run_a_year(void *arg)
{
    struct bide_call *call = (struct bide_call *)arg;
    call->result = bide_test_run(call->fn, call->arg, NULL);
    return NULL;
}

START_TEST(each_thread_that_tests_has_a_clock_of_its_own)
{
    struct bide_call call = {sleep_hourly, NUM(8760), 0};
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, run_a_year, &call), 0);
    bide_time begin = bide_now();
    ck_assert_int_eq(bide_test_run(sleep_hourly, NUM(100), NULL), 0);
    pthread_join(thread, NULL);
    ck_assert_int_eq(call.result, 0);
    ck_assert_int_lt(bide_now() - begin, BIDE_SEC(3600));
}
END_TEST

/* ---- Settling ----------------------------------------------------------- */

static intptr_t step_and_sleep(void *letter)
{
    for (int i = 0; i < 3; i++) {
        note((char)VALUE(letter));
        ck_assert_int_eq(bide_yield(), 0);
    }
    int rc = bide_sleep(BIDE_MS(10));
    note('!');
    return rc;
}

VIRTUAL_TEST(settling_lasts_until_all_others_wait)
{
    clear_journal();
    spawn(step_and_sleep, NUM('a'));
    spawn(step_and_sleep, NUM('b'));
    ck_assert_int_eq(bide_test_settle(0), 0);
    expect_journal("ababab");
    ck_assert_int_eq(clock_ms(), 0);
    return 0;
}

VIRTUAL_TEST(settling_with_nobody_else_ends)
{
    ck_assert_int_eq(bide_test_settle(0), 0);
    ck_assert_int_eq(bide_test_settle(BIDE_MS(3)), 0);
    ck_assert_int_eq(clock_ms(), 3);
    return 0;
}

VIRTUAL_TEST(a_cushion_wants_the_rest_to_last)
{
    clear_journal();
    spawn(step_and_sleep, NUM('a'));
    ck_assert_int_eq(bide_test_settle(BIDE_MS(9)), 0);
    expect_journal("aaa");
    ck_assert_int_eq(bide_test_settle(BIDE_MS(11)), 0);
    expect_journal("aaa!");
    ck_assert_int_eq(clock_ms(), 10 + 11);
    return 0;
}

static intptr_t settle_and_note(void *ms)
{
    int rc = bide_test_settle(BIDE_MS(VALUE(ms)));
    note((char)('0' + VALUE(ms)));
    return rc;
}

VIRTUAL_TEST(of_several_settlers_the_smallest_cushion_is_first)
{
    struct bide_call calls[] = {{settle_and_note, NUM(5), 0},
                                {settle_and_note, NUM(0), 0},
                                {settle_and_note, NUM(2), 0},
                                {settle_and_note, NUM(2), 0}};
    clear_journal();
    ck_assert_int_eq(bide_gather(calls, 4, BIDE_FAIL_FAST), 0);
    expect_journal("0225");
    return 0;
}

VIRTUAL_TEST(settling_can_be_cancelled_and_leaves_nothing)
{
    struct bide_scope scope = {0};
    spawn(sleep_for_ever, NULL);
    bide_scope_open(&scope, bide_after(BIDE_MS(5)));
    int rc = bide_test_settle(BIDE_SEC(1));
    ck_assert_int_eq(bide_scope_close(&scope, rc), -ETIMEDOUT);
    ck_assert_int_eq(clock_ms(), 5);
    ck_assert_int_eq(bide_test_settle(-1), -EINVAL);
    ck_assert_int_eq(bide_sleep(BIDE_MS(1)), 0);
    return 0;
}

static intptr_t echo(void *fds)
{
    char byte;
    int *fd = (int *)fds;
    ck_assert_int_eq(bide_read(fd[0], &byte, 1), 1);
    note(byte);
    return 0;
}

REAL_TEST(settling_takes_in_what_the_kernel_has_ready)
{
    int fds[2];
    clear_journal();
    ck_assert_int_eq(pipe(fds), 0);
    spawn(echo, fds);
    ck_assert_int_eq(bide_test_settle(0), 0);
    ck_assert_int_eq(bide_write(fds[1], "x", 1), 1);
    ck_assert_int_eq(bide_test_settle(BIDE_MS(1)), 0);
    expect_journal("x");
    bide_close(fds[0]);
    bide_close(fds[1]);
    return 0;
}

static intptr_t settle_among_others(void *arg)
{
    bool moved = false;
    bide_task *task;
    ck_assert_int_eq(bide_spawn(&task, give_late, NUM(3)), 0);
    ck_assert_int_eq(bide_test_settle(0), 0);
    moved = bide_task_done(task);
    bide_release(task);
    return moved ? VALUE(arg) : -EIO;
}

START_TEST(settling_holds_in_every_schedule)
{
    ck_assert_int_eq(bide_explore(1000, settle_among_others), 0);
}
END_TEST

static void add_clock_tests(TCase *t)
{
    tcase_add_test(t, time_stands_still_while_anybody_can_run);
    tcase_add_test(t, time_jumps_to_the_next_deadline);
    tcase_add_test(t, a_year_passes_in_no_time);
    tcase_add_test(t, computing_moves_the_clock_and_saturates);
    tcase_add_test(t, only_the_clock_of_a_test_moves_and_only_forward);
    tcase_add_test(t, time_does_not_jump_while_a_thread_works);
    tcase_add_test(t, time_does_not_jump_while_a_process_works);
    tcase_add_test(t, time_goes_on_really_while_the_kernel_is_waited_for);
    tcase_add_test(t, each_thread_that_tests_has_a_clock_of_its_own);
}

Suite *suite_virtual(void)
{
    Suite *suite = suite_create("virtual");
    TCase *t = tcase_create("virtual");
    add_clock_tests(t);
    tcase_add_test(t, settling_lasts_until_all_others_wait);
    tcase_add_test(t, settling_with_nobody_else_ends);
    tcase_add_test(t, a_cushion_wants_the_rest_to_last);
    tcase_add_test(t, of_several_settlers_the_smallest_cushion_is_first);
    tcase_add_test(t, settling_can_be_cancelled_and_leaves_nothing);
    tcase_add_test(t, settling_takes_in_what_the_kernel_has_ready);
    tcase_add_test(t, settling_holds_in_every_schedule);
    suite_add_tcase(suite, t);
    return suite;
}
