/* test_interrupt.c: the first SIGINT cancels main, the second kills.
 *
 * A signal comes from a thread of its own, a while after the run has begun, so
 * that it finds the loop asleep in the kernel.
 */
#include "sys.h"
#include "tasks.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <threads.h>
#include <unistd.h>

static void (*disposition(void))(int)
{
    struct sigaction now;
    ck_assert_int_eq(sigaction(SIGINT, NULL, &now), 0);
    return now.sa_handler;
}

/* Once the run is ready for it: until then SIGINT would kill. */
static int send_signal(void *unused)
{
    struct timespec span = {.tv_nsec = 20000000};
    (void)unused;
    while (disposition() == SIG_DFL)
        thrd_yield();
    thrd_sleep(&span, NULL);
    return kill(getpid(), SIGINT);
}

/* A shell may have started us with SIGINT ignored. */
static void set_default(void)
{
    signal(SIGINT, SIG_DFL);
}

/* A run of `fn` under one signal. */
static intptr_t run_under_signal(bide_fn *fn)
{
    thrd_t thread;
    ck_assert_int_eq(bi_sys.thread_start(&thread, send_signal, NULL), 0);
    intptr_t result = run_task(fn, NULL);
    bi_sys_thread_join(thread);
    return result;
}

START_TEST(a_sigint_wakes_main_from_a_blocked_loop_and_the_run_is_interrupted)
{
    ck_assert_int_eq(run_under_signal(sleep_for_ever), -EINTR);
    ck_assert(disposition() == SIG_DFL);
}
END_TEST

static intptr_t interrupt_itself(void *unused)
{
    (void)unused;
    ck_assert_int_eq(raise(SIGINT), 0);
    int rc = bide_sleep(BIDE_SEC(10));
    ck_assert_int_eq(bide_yield(), -ECANCELED);
    return rc;
}

START_TEST(each_run_has_a_first_sigint_of_its_own)
{
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(run_task(interrupt_itself, NULL), -EINTR);
    ck_assert(disposition() == SIG_DFL);
}
END_TEST

static intptr_t swallow_the_interrupt(void *unused)
{
    (void)unused;
    return swallow_cancel(NUM(42));
}

START_TEST(a_main_that_swallows_the_interrupt_returns_its_value)
{
    ck_assert_int_eq(run_under_signal(swallow_the_interrupt), 42);
}
END_TEST

static intptr_t fail_on_the_interrupt(void *unused)
{
    return fail_when_cancelled(unused);
}

START_TEST(a_main_that_answers_the_interrupt_with_an_error_returns_that)
{
    ck_assert_int_eq(run_under_signal(fail_on_the_interrupt), -EPROTO);
}
END_TEST

static intptr_t cancel_then_interrupt_itself(void *unused)
{
    (void)unused;
    bide_cancel(bide_self());
    raise(SIGINT);
    return bide_sleep(BIDE_SEC(10));
}

START_TEST(a_main_that_the_program_cancelled_is_not_interrupted)
{
    ck_assert_int_eq(run_task(cancel_then_interrupt_itself, NULL), -ECANCELED);
}
END_TEST

static intptr_t leave_children_on_interrupt(void *unused)
{
    struct bide_call calls[] = {{sleep_for_ever, NULL, 0},
                                {end_slowly, NUM(5), 0}};
    (void)unused;
    raise(SIGINT);
    intptr_t rc = bide_gather(calls, 2, BIDE_FAIL_FAST);
    ck_assert_int_eq(calls[0].result, -ECANCELED);
    return rc;
}

START_TEST(an_interrupt_reaches_the_groups_of_main)
{
    ck_assert_int_eq(run_virtual(leave_children_on_interrupt, NULL), -EINTR);
}
END_TEST

static int jobs_pipe[2];
static atomic_int reading, broken;

/* A byte; or what a signal did to the read. */
static intptr_t read_a_byte(void *unused)
{
    char byte;
    (void)unused;
    atomic_fetch_add(&reading, 1);
    ssize_t n = read(jobs_pipe[0], &byte, 1);
    if (n != 1 || bide_thread_cancelled())
        atomic_fetch_add(&broken, 1);
    return n;
}

static intptr_t send_read(void *unused)
{
    return bide_to_thread(read_a_byte, unused);
}

static intptr_t be_interrupted_beside_jobs(void *unused)
{
    bide_task *tasks[3];
    struct bide_scope shield;
    (void)unused;
    for (int i = 0; i < 3; i++)
        tasks[i] = spawn(send_read, NULL);
    int rc = bide_sleep(BIDE_SEC(60));
    ck_assert_int_eq(rc, -ECANCELED);
    bide_shield_open(&shield, BIDE_FOREVER);
    ck_assert_int_eq(write(jobs_pipe[1], "abc", 3), 3);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(result_of(tasks[i]), 1);
    bide_scope_close(&shield, 0);
    return rc;
}

/* Once all three jobs are in their reads. */
static int signal_when_reading(void *unused)
{
    while (atomic_load(&reading) < 3)
        thrd_yield();
    return send_signal(unused);
}

START_TEST(a_sigint_reaches_main_alone_while_jobs_are_on_threads)
{
    thrd_t thread;
    ck_assert_int_eq(pipe(jobs_pipe), 0);
    ck_assert_int_eq(
        bi_sys.thread_start(&thread, signal_when_reading, NULL), 0);
    ck_assert_int_eq(run_task(be_interrupted_beside_jobs, NULL), -EINTR);
    bi_sys_thread_join(thread);
    ck_assert_int_eq(reading, 3);
    ck_assert_int_eq(broken, 0);
}
END_TEST

static atomic_bool interrupted;

static intptr_t outlive_an_interrupt(void *unused)
{
    struct bide_scope shield;
    (void)unused;
    ck_assert_int_eq(bide_sleep(BIDE_SEC(60)), -ECANCELED);
    atomic_store(&interrupted, true);
    bide_shield_open(&shield, BIDE_FOREVER);
    int rc = bide_sleep(BIDE_SEC(10));
    bide_scope_close(&shield, rc);
    return rc;
}

/* Two that come at once may be one. */
static int send_two_signals(void *unused)
{
    send_signal(unused);
    while (!atomic_load(&interrupted))
        thrd_yield();
    return send_signal(unused);
}

static void run_under_two_signals(void)
{
    thrd_t thread;
    bi_sys.thread_start(&thread, send_two_signals, NULL);
    run_task(outlive_an_interrupt, NULL);
}

START_TEST(a_second_sigint_kills_at_once)
{
    char said[256];
    int status = in_child(run_under_two_signals, said, sizeof said);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
}
END_TEST

/* ---- Where bide keeps out ----------------------------------------------- */

static volatile sig_atomic_t caught;

static void catch_it(int number)
{
    (void)number;
    caught++;
}

static intptr_t sleep_through_the_signal(void *unused)
{
    (void)unused;
    return bide_sleep(BIDE_MS(60));
}

START_TEST(a_handler_that_was_there_before_is_left_alone)
{
    caught = 0;
    signal(SIGINT, catch_it);
    ck_assert_int_eq(run_under_signal(sleep_through_the_signal), 0);
    ck_assert_int_eq(caught, 1);
    ck_assert(disposition() == catch_it);
}
END_TEST

START_TEST(an_ignored_sigint_stays_ignored)
{
    signal(SIGINT, SIG_IGN);
    ck_assert_int_eq(run_under_signal(sleep_through_the_signal), 0);
    ck_assert(disposition() == SIG_IGN);
}
END_TEST

static intptr_t replace_handler(void *unused)
{
    (void)unused;
    signal(SIGINT, catch_it);
    return bide_yield();
}

START_TEST(a_handler_that_was_put_in_meanwhile_is_not_taken_out)
{
    ck_assert_int_eq(run_task(replace_handler, NULL), 0);
    ck_assert(disposition() == catch_it);
}
END_TEST

static intptr_t ask_for_default(void *unused)
{
    (void)unused;
    return disposition() == SIG_DFL;
}

static int run_on_a_thread(void *was_default)
{
    *(intptr_t *)was_default = run_task(ask_for_default, NULL);
    return 0;
}

START_TEST(a_run_off_the_main_thread_installs_no_handler)
{
    thrd_t thread;
    intptr_t was_default = 0;
    ck_assert_int_eq(
        bi_sys.thread_start(&thread, run_on_a_thread, &was_default), 0);
    bi_sys_thread_join(thread);
    ck_assert_int_eq(was_default, 1);
    ck_assert_int_eq(run_task(ask_for_default, NULL), 0);
}
END_TEST

Suite *suite_interrupt(void)
{
    Suite *suite = suite_create("interrupt");
    TCase *t = tcase_create("interrupt");
    tcase_add_checked_fixture(t, set_default, NULL);
    tcase_add_test(
        t, a_sigint_wakes_main_from_a_blocked_loop_and_the_run_is_interrupted);
    tcase_add_test(t, each_run_has_a_first_sigint_of_its_own);
    tcase_add_test(t, a_main_that_swallows_the_interrupt_returns_its_value);
    tcase_add_test(
        t, a_main_that_answers_the_interrupt_with_an_error_returns_that);
    tcase_add_test(t, a_main_that_the_program_cancelled_is_not_interrupted);
    tcase_add_test(t, an_interrupt_reaches_the_groups_of_main);
    tcase_add_test(t, a_sigint_reaches_main_alone_while_jobs_are_on_threads);
    tcase_add_test(t, a_second_sigint_kills_at_once);
    suite_add_tcase(suite, t);

    t = tcase_create("none of ours");
    tcase_add_checked_fixture(t, set_default, set_default);
    tcase_add_test(t, a_handler_that_was_there_before_is_left_alone);
    tcase_add_test(t, an_ignored_sigint_stays_ignored);
    tcase_add_test(t, a_handler_that_was_put_in_meanwhile_is_not_taken_out);
    tcase_add_test(t, a_run_off_the_main_thread_installs_no_handler);
    suite_add_tcase(suite, t);
    return suite;
}
