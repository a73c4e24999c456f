/* test_signal_close.c: what becomes of signals, actions, masks and children
 * when receivers come and go.
 *
 * Most cases run in a process of its own, whose exit status tells.
 */
#include "sys.h"
#include "tasks.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGV(...) ((char *const *)(const char *[]){__VA_ARGS__, NULL})
#define ONE(number) (const int[]){number}, 1

static void (*handler_of(int number))(int)
{
    struct sigaction now;
    ck_assert_int_eq(sigaction(number, NULL, &now), 0);
    return now.sa_handler;
}

static int times;
static siginfo_t last;

static void count(int number)
{
    (void)number;
    times++;
}

static void note_info(int number, siginfo_t *info, void *context)
{
    (void)number, (void)context;
    last = *info;
    times++;
}

static bide_signals *receive(int number)
{
    bide_signals *r = NULL;
    ck_assert_int_eq(bide_signals_open(&r, ONE(number)), 0);
    return r;
}

static void set_info_handler(int number)
{
    struct sigaction action = {.sa_sigaction = note_info,
                               .sa_flags = SA_SIGINFO};
    sigaction(number, &action, NULL);
}

/* ---- What was not taken ------------------------------------------------- */

VIRTUAL_TEST(what_was_not_taken_goes_to_the_handler_of_before)
{
    union sigval value = {.sival_int = 42};
    set_info_handler(SIGRTMIN);
    bide_signals *r = receive(SIGRTMIN);
    for (int i = 0; i < 3; i++)
        sigqueue(getpid(), SIGRTMIN, value);
    let_signals_come();
    ck_assert_int_eq(bide_signals_next(r, NULL), SIGRTMIN);
    ck_assert_int_eq(times, 0);
    bide_signals_close(r);
    let_signals_come();
    ck_assert_int_eq(times, 2);
    ck_assert_int_eq(last.si_value.sival_int, 42);
    ck_assert_int_eq(last.si_code, SI_QUEUE);
    return 0;
}

VIRTUAL_TEST(what_another_receiver_got_is_not_sent_again)
{
    signal(SIGUSR1, count);
    bide_signals *a = receive(SIGUSR1), *b = receive(SIGUSR1);
    raise(SIGUSR1);
    bide_signals_close(a);
    ck_assert_int_eq(bide_signals_next(b, NULL), SIGUSR1);
    bide_signals_close(b);
    ck_assert_int_eq(times, 0);
    return 0;
}

static intptr_t die_of_it(void *unused)
{
    (void)unused;
    signal(SIGTERM, SIG_DFL);
    bide_signals *r = receive(SIGTERM);
    raise(SIGTERM);
    bide_signals_close(r);
    return 0;
}

/* A wait that is refused does not make the signal the run's. */
static intptr_t die_after_a_refused_wait(void *unused)
{
    (void)unused;
    signal(SIGTERM, SIG_DFL);
    bide_cancel(bide_self());
    raise(bide_signal_wait(ONE(SIGTERM)) == -ECANCELED ? SIGTERM : SIGKILL);
    return 0;
}

static bide_fn *fatal;

static void run_fatal(void)
{
    run_task(fatal, NULL);
}

static int end_of(bide_fn *fn)
{
    char text[512];
    fatal = fn;
    return in_child(run_fatal, text, sizeof text);
}

START_TEST(it_may_be_fatal)
{
    int status = end_of(die_of_it);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    status = end_of(die_after_a_refused_wait);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
}
END_TEST

static intptr_t leave_two_pending(void *unused)
{
    struct bide_scope s = {0};
    (void)unused;
    receive(SIGUSR1);
    bide_scope_open(&s, bide_after(BIDE_MS(1)));
    int rc = bide_signal_wait(ONE(SIGUSR2));
    ck_assert_int_eq(bide_scope_close(&s, rc), -ETIMEDOUT);
    raise(SIGUSR1);
    raise(SIGUSR2);
    return times;
}

START_TEST(the_end_of_a_run_closes_its_receivers)
{
    signal(SIGUSR1, count);
    signal(SIGUSR2, count);
    ck_assert_int_eq(run_virtual(leave_two_pending, NULL), 0);
    ck_assert_int_eq(times, 2);
    ck_assert(handler_of(SIGUSR1) == count);
    ck_assert(handler_of(SIGUSR2) == count);
}
END_TEST

/* ---- Actions ------------------------------------------------------------ */

VIRTUAL_TEST(an_action_that_was_set_meanwhile_stays)
{
    bide_signals *r = receive(SIGUSR1);
    signal(SIGUSR1, count);
    bide_signals_close(r);
    ck_assert(handler_of(SIGUSR1) == count);
    return 0;
}

VIRTUAL_TEST(a_receiver_takes_over_what_was_set_meanwhile)
{
    bide_signals *a = receive(SIGUSR1);
    signal(SIGUSR1, count);
    bide_signals *b = receive(SIGUSR1);
    raise(SIGUSR1);
    ck_assert_int_eq(bide_signals_next(a, NULL), SIGUSR1);
    ck_assert_int_eq(bide_signals_next(b, NULL), SIGUSR1);
    bide_signals_close(b);
    bide_signals_close(a);
    ck_assert(handler_of(SIGUSR1) == count);
    return 0;
}

VIRTUAL_TEST(the_handler_restarts_calls_and_runs_on_its_own_stack)
{
    struct sigaction now;
    bide_signals *r = receive(SIGUSR1);
    sigaction(SIGUSR1, NULL, &now);
    ck_assert((now.sa_flags & (SA_RESTART | SA_ONSTACK)) ==
              (SA_RESTART | SA_ONSTACK));
    errno = 5;
    raise(SIGUSR1);
    ck_assert_int_eq(errno, 5);
    ck_assert_int_eq(bide_signals_next(r, NULL), SIGUSR1);
    bide_signals_close(r);
    return 0;
}

/* ---- SIGINT and SIGPIPE ------------------------------------------------- */

static intptr_t take_sigint(void *unused)
{
    (void)unused;
    bide_signals *r = receive(SIGINT);
    for (int i = 0; i < 3; i++) {
        raise(SIGINT);
        ck_assert_int_eq(bide_signals_next(r, NULL), SIGINT);
    }
    bide_signals_close(r);
    raise(SIGINT);
    return bide_sleep(BIDE_SEC(10));
}

START_TEST(a_receiver_of_sigint_wins_while_it_is_open)
{
    signal(SIGINT, SIG_DFL);
    ck_assert_int_eq(run_virtual(take_sigint, NULL), -EINTR);
    ck_assert(handler_of(SIGINT) == SIG_DFL);
}
END_TEST

static intptr_t leave_sigint(void *unused)
{
    (void)unused;
    receive(SIGINT);
    return 0;
}

START_TEST(a_receiver_of_sigint_that_ends_with_the_run_leaves_the_default)
{
    signal(SIGINT, SIG_DFL);
    ck_assert_int_eq(run_virtual(leave_sigint, NULL), 0);
    ck_assert(handler_of(SIGINT) == SIG_DFL);
}
END_TEST

REAL_TEST(a_receiver_of_sigpipe_hears_of_a_write)
{
    int ends[2];
    bide_signals *r = receive(SIGPIPE);
    /* Else the write may be made on a thread, and the signal is that one's. */
    ck_assert_int_eq(pipe2(ends, O_NONBLOCK), 0);
    close(ends[0]);
    ck_assert_int_eq(bide_write(ends[1], "x", 1), -EPIPE);
    ck_assert_int_eq(bide_signals_next(r, NULL), SIGPIPE);
    ck_assert_int_eq(bide_write(ends[1], "x", 1), -EPIPE);
    bide_signals_close(r); /* and is not killed by the second */
    ck_assert_int_eq(bide_write(ends[1], "x", 1), -EPIPE);
    bide_close(ends[1]);
    return 0;
}

/* ---- Masks -------------------------------------------------------------- */

static bool is_blocked(int number)
{
    sigset_t now;
    pthread_sigmask(SIG_BLOCK, NULL, &now);
    return sigismember(&now, number) == 1;
}

static void block(int number)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, number);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

VIRTUAL_TEST(a_blocked_signal_is_unblocked_while_somebody_receives_it)
{
    block(SIGUSR1);
    raise(SIGUSR1); /* pending, and comes when it is unblocked */
    bide_signals *a = receive(SIGUSR1), *b = receive(SIGUSR1);
    ck_assert_int_eq(bide_signals_next(a, NULL), SIGUSR1);
    ck_assert(!is_blocked(SIGUSR1));
    bide_signals_close(a);
    ck_assert(!is_blocked(SIGUSR1));
    bide_signals_close(b);
    ck_assert(is_blocked(SIGUSR1));
    bide_signals_close(receive(SIGUSR2));
    ck_assert(!is_blocked(SIGUSR2));
    return 0;
}

static intptr_t ask_mask(void *unused)
{
    (void)unused;
    return is_blocked(SIGUSR1);
}

REAL_TEST(threads_of_the_pool_take_no_signal)
{
    bide_signals *r = receive(SIGUSR1);
    ck_assert_int_eq(bide_to_thread(ask_mask, NULL), 1);
    bide_signals_close(r);
    return 0;
}

/* ---- Children ----------------------------------------------------------- */

REAL_TEST(a_program_that_is_started_has_the_defaults)
{
    bide_signals *r = receive(SIGUSR1);
    int status = bide_proc_run(ARGV("sh", "-c", "kill -USR1 $$; exit 3"), NULL,
                               NULL, 0, NULL, NULL);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGUSR1);
    bide_signals_close(r);
    return 0;
}

REAL_TEST(the_end_of_a_program_comes_as_sigchld_too)
{
    siginfo_t info;
    bide_signals *r = receive(SIGCHLD);
    ck_assert_int_eq(
        bide_proc_run(ARGV("true"), NULL, NULL, 0, NULL, NULL), 0);
    ck_assert_int_eq(bide_signals_next(r, &info), SIGCHLD);
    ck_assert_int_eq(info.si_code, CLD_EXITED);
    bide_signals_close(r);
    return 0;
}

REAL_TEST(a_forked_child_receives_nothing)
{
    signal(SIGUSR1, SIG_IGN);
    set_info_handler(SIGUSR2);
    bide_signals *a = receive(SIGUSR1), *b = receive(SIGUSR2);
    raise(SIGUSR1);
    pid_t pid = fork();
    if (pid == 0) {
        bool well = handler_of(SIGUSR1) == SIG_IGN;
        raise(SIGUSR2);
        _exit(well && times == 1 ? 0 : 1);
    }
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    ck_assert_int_eq(bide_signals_next(a, NULL), SIGUSR1);
    raise(SIGUSR2);
    ck_assert_int_eq(bide_signals_next(b, NULL), SIGUSR2);
    bide_signals_close(a);
    bide_signals_close(b);
    return 0;
}

/* Called in each child before the library looks after it: it was loaded before
 * the first run began. */
static int sent_at_once;

static void send_at_once(void)
{
    if (sent_at_once)
        raise(sent_at_once);
}

__attribute__((constructor)) static void watch_forks(void)
{
    pthread_atfork(NULL, NULL, send_at_once);
}

REAL_TEST(a_signal_that_a_child_gets_at_once_has_the_former_action)
{
    set_info_handler(SIGUSR1);
    bide_signals *r = receive(SIGUSR1);
    sent_at_once = SIGUSR1;
    pid_t pid = fork();
    if (pid == 0)
        _exit(times == 1 ? 0 : 1);
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    sent_at_once = 0;
    raise(SIGUSR1); /* the parent's mask is as it was */
    ck_assert_int_eq(bide_signals_next(r, NULL), SIGUSR1);
    bide_signals_close(r);
    return 0;
}

Suite *suite_signal_close(void)
{
    Suite *s = suite_create("signal_close");
    TCase *t = tcase_create("what was not taken");
    bool queued = signals_are_queued();
    add_if(queued, "of several signals a tool keeps one", t,
           what_was_not_taken_goes_to_the_handler_of_before);
    tcase_add_test(t, what_another_receiver_got_is_not_sent_again);
    tcase_add_test(t, it_may_be_fatal);
    tcase_add_test(t, the_end_of_a_run_closes_its_receivers);
    suite_add_tcase(s, t);
    t = tcase_create("actions");
    tcase_add_test(t, an_action_that_was_set_meanwhile_stays);
    tcase_add_test(t, a_receiver_takes_over_what_was_set_meanwhile);
    tcase_add_test(t, the_handler_restarts_calls_and_runs_on_its_own_stack);
    tcase_add_test(t, a_receiver_of_sigint_wins_while_it_is_open);
    tcase_add_test(
        t, a_receiver_of_sigint_that_ends_with_the_run_leaves_the_default);
    tcase_add_test(t, a_receiver_of_sigpipe_hears_of_a_write);
    suite_add_tcase(s, t);
    t = tcase_create("masks and children");
    tcase_add_test(t, a_blocked_signal_is_unblocked_while_somebody_receives_it);
    tcase_add_test(t, threads_of_the_pool_take_no_signal);
    tcase_add_test(t, a_program_that_is_started_has_the_defaults);
    tcase_add_test(t, the_end_of_a_program_comes_as_sigchld_too);
    const char *late = "in a forked child a tool calls no handler at once";
    add_if(queued, late, t, a_forked_child_receives_nothing);
    add_if(queued, late, t,
           a_signal_that_a_child_gets_at_once_has_the_former_action);
    suite_add_tcase(s, t);
    return s;
}
