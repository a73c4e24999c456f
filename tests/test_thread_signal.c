/* test_thread_signal.c: jobs whose system calls a cancel breaks by a signal. */
#include "tasks.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

static atomic_int at_work;

static intptr_t block_in_a_read(void *fd)
{
    char byte;
    atomic_fetch_add(&at_work, 1);
    while (!bide_thread_cancelled()) {
        ssize_t n = read((int)VALUE(fd), &byte, 1);
        if (n >= 0 || errno != EINTR)
            return -EPROTO;
    }
    return -EINTR;
}

/* ---- Tasks -------------------------------------------------------------- */

/* Let time pass until `n` jobs have been at work. */
static void wait_at_work(int n)
{
    while (atomic_load(&at_work) < n)
        ck_assert_int_eq(bide_sleep(BIDE_US(100)), 0);
}

/* ---- The signal --------------------------------------------------------- */

static struct sigaction action_for(int number)
{
    struct sigaction now;
    sigaction(number, NULL, &now);
    return now;
}

REAL_TEST(a_signal_breaks_the_call_in_which_a_job_blocks)
{
    int fds[2];
    ck_assert_int_eq(pipe(fds), 0);
    struct bide_thread_options opt = {.signal = SIGRTMIN + 3};
    struct thread_job job = {block_in_a_read, NUM(fds[0]), &opt};
    for (int i = 0; i < 20; i++) {
        bide_task *task = spawn(run_on_thread, &job);
        if (i % 2)
            wait_at_work(i + 1);
        else
            while (atomic_load(&at_work) < i + 1)
                bide_yield();
        ck_assert(bide_cancel(task));
        ck_assert_int_eq(result_of(task), -EINTR);
    }
    ck_assert(action_for(SIGRTMIN + 3).sa_handler != SIG_DFL);
    ck_assert(!(action_for(SIGRTMIN + 3).sa_flags & SA_RESTART));
    close(fds[0]);
    close(fds[1]);
    return 0;
}

static atomic_int knocks;

static void count_knock(int number)
{
    (void)number;
    atomic_fetch_add(&knocks, 1);
}

/* The first signal comes before the read does. */
static intptr_t block_after_a_knock(void *fd)
{
    char byte;
    atomic_fetch_add(&at_work, 1);
    while (atomic_load(&knocks) == 0)
        usleep(100);
    return read((int)VALUE(fd), &byte, 1) < 0 ? -errno : 0;
}

REAL_TEST(a_signal_that_came_before_the_call_is_sent_again)
{
    int fds[2];
    ck_assert_int_eq(pipe(fds), 0);
    struct sigaction action = {.sa_handler = count_knock};
    sigaction(SIGUSR1, &action, NULL);
    struct bide_thread_options opt = {.signal = SIGUSR1};
    struct thread_job job = {block_after_a_knock, NUM(fds[0]), &opt};
    bide_task *task = spawn(run_on_thread, &job);
    wait_at_work(1);
    bide_cancel(task);
    ck_assert_int_eq(result_of(task), -EINTR);
    ck_assert_int_ge(knocks, 2);
    close(fds[0]);
    close(fds[1]);
    return 0;
}

static intptr_t look_at_mask(void *number)
{
    sigset_t mask;
    pthread_sigmask(SIG_BLOCK, NULL, &mask);
    int open = 0;
    for (int i = 1; i < 32; i++)
        if (i != SIGKILL && i != SIGSTOP && !sigismember(&mask, i))
            open += i == VALUE(number) ? 1 : 100;
    return open;
}

REAL_TEST(all_signals_are_blocked_in_a_job_but_the_one_that_was_asked_for)
{
    struct bide_thread_options opt = {.signal = SIGUSR1};
    void *number = NUM(SIGUSR1);
    ck_assert_int_eq(bide_to_thread(look_at_mask, number), 0);
    ck_assert(action_for(SIGUSR1).sa_handler == SIG_DFL);
    ck_assert_int_eq(bide_to_thread_with(look_at_mask, number, &opt), 1);
    ck_assert_int_eq(bide_to_thread(look_at_mask, number), 0);
    return 0;
}

static void own_handler(int number)
{
    (void)number;
}

REAL_TEST(a_handler_of_the_program_stays_and_a_wrong_signal_is_refused)
{
    struct bide_thread_options opt = {.signal = SIGUSR2};
    signal(SIGUSR2, own_handler);
    ck_assert_int_eq(bide_to_thread_with(give, NUM(1), &opt), 1);
    ck_assert(action_for(SIGUSR2).sa_handler == own_handler);
    opt.signal = SIGKILL;
    ck_assert_int_eq(bide_to_thread_with(give, NUM(1), &opt), -EINVAL);
    opt.signal = 10000;
    ck_assert_int_eq(bide_to_thread_with(give, NUM(1), &opt), -EINVAL);
    return 0;
}

Suite *suite_thread_signal(void)
{
    Suite *s = suite_create("thread_signal");
    TCase *t = tcase_create("signals");
    tcase_set_timeout(t, 20);
    tcase_add_test(t, a_signal_breaks_the_call_in_which_a_job_blocks);
    tcase_add_test(t, a_signal_that_came_before_the_call_is_sent_again);
    tcase_add_test(
        t, all_signals_are_blocked_in_a_job_but_the_one_that_was_asked_for);
    tcase_add_test(
        t, a_handler_of_the_program_stays_and_a_wrong_signal_is_refused);
    suite_add_tcase(s, t);
    return s;
}
