/* test_signal.c: SIGINT cancels the main task once, and whose handler it is.
 *
 * Each case runs in a process of its own, whose exit status tells.
 */
#include "doors.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

static void (*child)(void);

/* Check has handlers of its own, which a child would inherit. */
static void run_with_defaults(void)
{
    for (int number = 1; number < 32; number++)
        signal(number, SIG_DFL);
    child();
}

/* How a child that runs `fn` ends. */
static int end_of_child(void (*fn)(void))
{
    char text[2048];
    child = fn;
    return in_child(run_with_defaults, text, sizeof text);
}

static void expect_exit(void (*fn)(void), int code)
{
    int status = end_of_child(fn);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == code,
                  "it ended with %#x", (unsigned)status);
}

static void expect_death(void (*fn)(void), int number)
{
    int status = end_of_child(fn);
    ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == number,
                  "it ended with %#x", (unsigned)status);
}

static void *interrupt(void *arg)
{
    usleep(5000);
    kill(getpid(), SIGINT);
    return arg;
}

/* Have SIGINT sent in a moment; from within the run, whose handler is there. */
static void interrupt_soon(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, interrupt, NULL);
    pthread_detach(thread);
}

enum { WELL = 10, OTHERWISE }; /* for _exit() */

static void tell(bool well)
{
    _exit(well ? WELL : OTHERWISE);
}

/* ---- The first ---------------------------------------------------------- */

static intptr_t sleep_for_ever(void *arg)
{
    (void)arg;
    return bide_sleep_until(BIDE_FOREVER);
}

static intptr_t be_interrupted(void *arg)
{
    interrupt_soon();
    return sleep_for_ever(arg);
}

static void interrupt_a_sleep(void)
{
    tell(bide_run(be_interrupted, NULL, NULL) == -EINTR);
}

START_TEST(sigint_ends_a_run_that_sleeps_in_the_kernel)
{
    expect_exit(interrupt_a_sleep, WELL);
}
END_TEST

static intptr_t read_for_ever(void *arg)
{
    char buf[8];
    struct ends pipe = open_ends(PIPE, 0);
    (void)arg;
    interrupt_soon();
    return bide_read(pipe.out, buf, 8);
}

static void interrupt_a_read(void)
{
    tell(bide_run(read_for_ever, NULL, NULL) == -EINTR);
}

START_TEST(sigint_ends_a_run_that_reads)
{
    expect_exit(interrupt_a_read, WELL);
}
END_TEST

static intptr_t compute(void *arg)
{
    (void)arg;
    raise(SIGINT);
    return bide_yield() < 0 ? -EIO : bide_sleep(BIDE_SEC(30));
}

static void interrupt_a_computation(void)
{
    intptr_t rc = bide_run(compute, NULL, NULL);
    tell(rc == -EINTR || rc == -EIO);
}

START_TEST(sigint_in_a_task_shows_at_a_wait_soon_after)
{
    expect_exit(interrupt_a_computation, WELL);
}
END_TEST

static intptr_t swallow(void *arg)
{
    intptr_t rc = be_interrupted(arg);
    return rc == -ECANCELED ? 77 : -EIO;
}

static void interrupt_and_swallow(void)
{
    tell(bide_run(swallow, NULL, NULL) == 77);
}

START_TEST(main_may_swallow_it_and_return_a_value)
{
    expect_exit(interrupt_and_swallow, WELL);
}
END_TEST

static int cleaned;

static intptr_t clean_up(void *arg)
{
    struct bide_scope shield = {0};
    intptr_t rc = sleep_for_ever(arg);
    bide_shield_open(&shield, BIDE_FOREVER);
    cleaned += bide_sleep(BIDE_MS(1)) == 0;
    bide_scope_close(&shield, 0);
    return rc;
}

static intptr_t main_with_child(void *arg)
{
    (void)arg;
    struct bide_group group = {0};
    bide_group_open(&group, BIDE_FAIL_FAST);
    ck_assert_int_eq(bide_group_spawn(&group, clean_up, NULL), 0);
    interrupt_soon();
    return bide_group_close(&group, clean_up(NULL));
}

static void interrupt_a_family(void)
{
    intptr_t rc = bide_run(main_with_child, NULL, NULL);
    tell(rc == -EINTR && cleaned == 2);
}

START_TEST(the_children_are_cancelled_and_can_clean_up)
{
    expect_exit(interrupt_a_family, WELL);
}
END_TEST

static intptr_t cancelled_main(void *arg)
{
    bide_cancel(bide_self());
    raise(SIGINT);
    return sleep_for_ever(arg);
}

static void interrupt_the_cancelled(void)
{
    tell(bide_run(cancelled_main, NULL, NULL) == -ECANCELED);
}

START_TEST(a_main_that_was_cancelled_before_is_told_as_cancelled)
{
    expect_exit(interrupt_the_cancelled, WELL);
}
END_TEST

static void interrupt_two_runs(void)
{
    bool first = bide_run(be_interrupted, NULL, NULL) == -EINTR;
    tell(first && bide_run(be_interrupted, NULL, NULL) == -EINTR);
}

START_TEST(the_next_run_has_a_first_sigint_again)
{
    expect_exit(interrupt_two_runs, WELL);
}
END_TEST

/* ---- The second --------------------------------------------------------- */

static intptr_t ignore_all(void *arg)
{
    (void)arg;
    raise(SIGINT);
    for (int i = 0; i < 3; i++)
        bide_sleep(BIDE_MS(1));
    raise(SIGINT);
    return 0;
}

static void interrupt_twice(void)
{
    bide_run(ignore_all, NULL, NULL);
    tell(false);
}

START_TEST(the_second_sigint_kills)
{
    expect_death(interrupt_twice, SIGINT);
}
END_TEST

static intptr_t stuck(void *arg)
{
    (void)arg;
    raise(SIGINT);
    interrupt_soon();
    for (int i = 0; i < 1000; i++) /* no wait, so it does not see the first */
        usleep(10000);
    return 0;
}

static void interrupt_the_stuck(void)
{
    bide_run(stuck, NULL, NULL);
    tell(false);
}

START_TEST(the_second_sigint_kills_a_task_that_never_waits)
{
    expect_death(interrupt_the_stuck, SIGINT);
}
END_TEST

static intptr_t refuse_to_end(void *arg)
{
    struct bide_scope shield = {0};
    be_interrupted(arg);
    bide_shield_open(&shield, BIDE_FOREVER);
    be_interrupted(arg);
    return bide_scope_close(&shield, 0);
}

static void interrupt_the_shielded(void)
{
    bide_run(refuse_to_end, NULL, NULL);
    tell(false);
}

START_TEST(the_second_sigint_kills_what_is_shielded)
{
    expect_death(interrupt_the_shielded, SIGINT);
}
END_TEST

/* ---- Whose handler it is ------------------------------------------------ */

static intptr_t raise_and_sleep(void *arg)
{
    (void)arg;
    raise(SIGINT);
    return bide_sleep(BIDE_MS(3));
}

static void run_with_ignored(void)
{
    struct sigaction after;
    signal(SIGINT, SIG_IGN);
    intptr_t rc = bide_run(raise_and_sleep, NULL, NULL);
    sigaction(SIGINT, NULL, &after);
    tell(rc == 0 && after.sa_handler == SIG_IGN);
}

START_TEST(an_ignored_sigint_stays_ignored)
{
    expect_exit(run_with_ignored, WELL);
}
END_TEST

static volatile sig_atomic_t seen;

static void count_signal(int number)
{
    (void)number;
    seen++;
}

static void run_with_handler(void)
{
    struct sigaction after;
    signal(SIGINT, count_signal);
    intptr_t rc = bide_run(raise_and_sleep, NULL, NULL);
    sigaction(SIGINT, NULL, &after);
    tell(rc == 0 && seen == 1 && after.sa_handler == count_signal);
}

START_TEST(a_handler_of_the_program_is_left_alone)
{
    expect_exit(run_with_handler, WELL);
}
END_TEST

static void count_info(int number, siginfo_t *info, void *context)
{
    (void)number, (void)info, (void)context;
    seen++;
}

static void run_with_info_handler(void)
{
    struct sigaction after, ours = {.sa_sigaction = count_info,
                                    .sa_flags = SA_SIGINFO};
    sigaction(SIGINT, &ours, NULL);
    intptr_t rc = bide_run(raise_and_sleep, NULL, NULL);
    sigaction(SIGINT, NULL, &after);
    tell(rc == 0 && seen == 1 && after.sa_sigaction == count_info);
}

START_TEST(a_handler_with_three_arguments_is_left_alone_too)
{
    expect_exit(run_with_info_handler, WELL);
}
END_TEST

static intptr_t return_at_once(void *arg)
{
    (void)arg;
    return 5;
}

static void inspect_after(void)
{
    struct sigaction after;
    intptr_t rc = bide_run(return_at_once, NULL, NULL);
    sigaction(SIGINT, NULL, &after);
    bool first = rc == 5 && after.sa_handler == SIG_DFL;
    rc = bide_run(be_interrupted, NULL, NULL);
    sigaction(SIGINT, NULL, &after);
    tell(first && rc == -EINTR && after.sa_handler == SIG_DFL);
}

START_TEST(the_default_is_restored_after_the_run)
{
    expect_exit(inspect_after, WELL);
}
END_TEST

static void die_after(void)
{
    bide_run(return_at_once, NULL, NULL);
    raise(SIGINT);
    tell(false);
}

START_TEST(after_the_run_sigint_kills_again)
{
    expect_death(die_after, SIGINT);
}
END_TEST

static intptr_t install_handler(void *arg)
{
    (void)arg;
    signal(SIGINT, count_signal);
    raise(SIGINT);
    return bide_sleep(BIDE_MS(1));
}

static void install_during(void)
{
    struct sigaction after;
    intptr_t rc = bide_run(install_handler, NULL, NULL);
    sigaction(SIGINT, NULL, &after);
    tell(rc == 0 && seen == 1 && after.sa_handler == count_signal);
}

START_TEST(a_handler_installed_during_the_run_stays)
{
    expect_exit(install_during, WELL);
}
END_TEST

static void *run_elsewhere(void *arg)
{
    *(intptr_t *)arg = bide_run(sleep_for_ever, NULL, NULL);
    return NULL;
}

static void interrupt_a_thread(void)
{
    pthread_t thread;
    intptr_t result;
    pthread_create(&thread, NULL, run_elsewhere, &result);
    usleep(5000);
    raise(SIGINT);
    tell(false);
}

START_TEST(a_run_on_another_thread_leaves_sigint_alone)
{
    expect_death(interrupt_a_thread, SIGINT);
}
END_TEST

static intptr_t inspect_inside(void *arg)
{
    (void)arg;
    for (int number = 1; number < 32; number++) {
        struct sigaction action;
        bool ours = number == SIGINT || number == SIGSEGV || number == SIGBUS;
        sigaction(number, NULL, &action);
        if (!ours && action.sa_handler != SIG_DFL)
            return number;
    }
    return 0;
}

static void inspect_others(void)
{
    tell(bide_run(inspect_inside, NULL, NULL) == 0);
}

START_TEST(no_other_signal_is_touched)
{
    expect_exit(inspect_others, WELL);
}
END_TEST

Suite *suite_signal(void)
{
    Suite *s = suite_create("signal");
    TCase *t = tcase_create("the first");
    tcase_add_test(t, sigint_ends_a_run_that_sleeps_in_the_kernel);
    tcase_add_test(t, sigint_ends_a_run_that_reads);
    tcase_add_test(t, sigint_in_a_task_shows_at_a_wait_soon_after);
    tcase_add_test(t, main_may_swallow_it_and_return_a_value);
    tcase_add_test(t, the_children_are_cancelled_and_can_clean_up);
    tcase_add_test(t, a_main_that_was_cancelled_before_is_told_as_cancelled);
    tcase_add_test(t, the_next_run_has_a_first_sigint_again);
    suite_add_tcase(s, t);
    t = tcase_create("the second");
    tcase_add_test(t, the_second_sigint_kills);
    tcase_add_test(t, the_second_sigint_kills_a_task_that_never_waits);
    tcase_add_test(t, the_second_sigint_kills_what_is_shielded);
    suite_add_tcase(s, t);
    t = tcase_create("whose handler");
    tcase_add_test(t, an_ignored_sigint_stays_ignored);
    tcase_add_test(t, a_handler_of_the_program_is_left_alone);
    tcase_add_test(t, a_handler_with_three_arguments_is_left_alone_too);
    tcase_add_test(t, the_default_is_restored_after_the_run);
    tcase_add_test(t, after_the_run_sigint_kills_again);
    tcase_add_test(t, a_handler_installed_during_the_run_stays);
    tcase_add_test(t, a_run_on_another_thread_leaves_sigint_alone);
    tcase_add_test(t, no_other_signal_is_touched);
    suite_add_tcase(s, t);
    return s;
}
