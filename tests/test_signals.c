/* test_signals.c: signals that tasks wait for.
 *
 * A signal that is raised by the run's own thread is caught before raise(3)
 * returns, so that most of these tests depend on no other thread.
 */
#include "sys.h"
#include "tasks.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define SET(...) (const int[]){__VA_ARGS__}, LENGTH(((int[]){__VA_ARGS__}))

static struct sigaction action_of(int number)
{
    struct sigaction now;
    ck_assert_int_eq(sigaction(number, NULL, &now), 0);
    return now;
}

static volatile sig_atomic_t caught;

static void catch_it(int number)
{
    caught = number;
}

static bide_signals *receive(const int *signals, size_t n)
{
    bide_signals *r = NULL;
    ck_assert_int_eq(bide_signals_open(&r, signals, n), 0);
    return r;
}

/* What `r` has, without a wait: a code if that would be one. */
static int next_now(bide_signals *r, siginfo_t *info)
{
    struct bide_scope s = {0};
    bide_scope_open(&s, bide_after(BIDE_MS(1)));
    return (int)bide_scope_close(&s, bide_signals_next(r, info));
}

static int wait_now(const int *signals, size_t n)
{
    struct bide_scope s = {0};
    bide_scope_open(&s, bide_after(BIDE_MS(1)));
    return (int)bide_scope_close(&s, bide_signal_wait(signals, n));
}

/* ---- bide_signal_wait --------------------------------------------------- */

static void *alarm_later(void *unused)
{
    usleep(5000);
    kill(getpid(), SIGALRM);
    return unused;
}

REAL_TEST(a_signal_wakes_a_loop_that_sleeps)
{
    pthread_t thread;
    bide_signals *armed = receive(SET(SIGALRM));
    ck_assert_int_eq(wait_now(SET(SIGALRM)), -ETIMEDOUT); /* from now on kept */
    ck_assert_int_eq(pthread_create(&thread, NULL, alarm_later, NULL), 0);
    ck_assert_int_eq(bide_signal_wait(SET(SIGALRM)), SIGALRM);
    pthread_join(thread, NULL);
    ck_assert_int_eq(bide_signals_next(armed, NULL), SIGALRM);
    return 0;
}

VIRTUAL_TEST(none_is_lost_between_two_waits)
{
    ck_assert_int_eq(wait_now(SET(SIGUSR1, SIGHUP)), -ETIMEDOUT);
    for (int i = 0; i < 3; i++) {
        raise(SIGUSR1);
        bide_sleep(BIDE_MS(5));
        ck_assert_int_eq(bide_signal_wait(SET(SIGUSR1)), SIGUSR1);
    }
    ck_assert_int_eq(wait_now(SET(SIGUSR1)), -ETIMEDOUT);
    return 0;
}

VIRTUAL_TEST(two_signals_always_pending_are_both_seen_in_turn)
{
    int seen[2] = {0};
    bide_signals *r = receive(SET(SIGUSR1, SIGUSR2));
    for (int i = 0; i < 10; i++) {
        raise(SIGUSR1);
        raise(SIGUSR2);
        int own = wait_now(SET(SIGUSR1, SIGUSR2));
        if (i > 0) /* the first one made them the run's */
            seen[own == SIGUSR2]++;
        ck_assert_int_eq(next_now(r, NULL), i % 2 ? SIGUSR2 : SIGUSR1);
    }
    ck_assert_int_ge(seen[0], 4);
    ck_assert_int_ge(seen[1], 4);
    while (next_now(r, NULL) > 0)
        ;
    while (wait_now(SET(SIGUSR1, SIGUSR2)) > 0)
        ;
    return 0;
}

static intptr_t wait_for_usr1(void *unused)
{
    (void)unused;
    return bide_signal_wait(SET(SIGUSR1));
}

VIRTUAL_TEST(every_task_that_waits_gets_the_signal)
{
    bide_task *first = spawn(wait_for_usr1, NULL);
    bide_task *second = spawn(wait_for_usr1, NULL);
    turns(1);
    raise(SIGUSR1);
    /* Before the letter is delivered: this one joins them. */
    ck_assert_int_eq(bide_signal_wait(SET(SIGUSR1, SIGUSR2)), SIGUSR1);
    ck_assert_int_eq(result_of(first), SIGUSR1);
    ck_assert_int_eq(result_of(second), SIGUSR1);
    ck_assert_int_eq(wait_now(SET(SIGUSR1)), -ETIMEDOUT);
    return 0;
}

VIRTUAL_TEST(a_signal_that_nobody_waits_for_is_kept_beside_those_that_are)
{
    ck_assert_int_eq(wait_now(SET(SIGUSR1, SIGUSR2)), -ETIMEDOUT);
    bide_task *waiter = spawn(wait_for_usr1, NULL);
    turns(1);
    raise(SIGUSR2);
    raise(SIGUSR1);
    ck_assert_int_eq(result_of(waiter), SIGUSR1);
    ck_assert_int_eq(bide_signal_wait(SET(SIGUSR2)), SIGUSR2);
    return 0;
}

VIRTUAL_TEST(a_cancelled_wait_takes_no_signal)
{
    ck_assert_int_eq(wait_now(SET(SIGUSR1)), -ETIMEDOUT);
    raise(SIGUSR1);
    bide_cancel(bide_self());
    ck_assert_int_eq(bide_signal_wait(SET(SIGUSR1)), -ECANCELED);
    struct bide_scope shield = {0};
    bide_shield_open(&shield, BIDE_FOREVER);
    ck_assert_int_eq(bide_signal_wait(SET(SIGUSR1)), SIGUSR1);
    bide_scope_close(&shield, 0);
    return 0;
}

/* ---- What can be received ----------------------------------------------- */

static const int refused[] = {SIGKILL, SIGSTOP, 0, -1, 10000, 65, 32, SIGSEGV,
                              SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS};

VIRTUAL_TEST(a_signal_that_cannot_be_received_is_invalid)
{
    bide_signals *r = NULL;
    for (size_t i = 0; i < LENGTH(refused); i++) {
        ck_assert_int_eq(bide_signals_open(&r, &refused[i], 1), -EINVAL);
        ck_assert_int_eq(bide_signal_wait(&refused[i], 1), -EINVAL);
    }
    ck_assert_int_eq(bide_signals_open(&r, refused, 0), -EINVAL);
    ck_assert_int_eq(bide_signal_wait(NULL, 1), -EINVAL);
    ck_assert_ptr_null(r);
    return 0;
}

VIRTUAL_TEST(with_one_bad_number_none_of_the_set_stays_changed)
{
    bide_signals *r;
    signal(SIGUSR1, catch_it);
    for (size_t i = 0; i < LENGTH(refused); i++) {
        int set[] = {SIGUSR1, refused[i], SIGUSR2};
        ck_assert_int_eq(bide_signals_open(&r, set, 3), -EINVAL);
        ck_assert_int_eq(bide_signal_wait(set, 3), -EINVAL);
        ck_assert(action_of(SIGUSR1).sa_handler == catch_it);
        ck_assert(action_of(SIGUSR2).sa_handler == SIG_DFL);
    }
    return 0;
}

/* Emulators keep some of the last for themselves. */
static bool arrives(int number)
{
    struct sigaction ours = {.sa_handler = catch_it}, before;
    caught = 0;
    if (sigaction(number, &ours, &before) < 0)
        return false;
    raise(number);
    sigaction(number, &before, NULL);
    return caught == number;
}

VIRTUAL_TEST(every_other_signal_can_be_received)
{
    bide_signals *r;
    int set[64], n = 0;
    void (*before)(int) = action_of(SIGTERM).sa_handler; /* Check's */
    for (int number = 1; number <= SIGRTMAX; number++) {
        bool bad = number >= 32 && number < SIGRTMIN;
        for (size_t i = 0; i < LENGTH(refused); i++)
            bad |= number == refused[i];
        if (!bad && (number < SIGRTMIN || arrives(number)))
            set[n++] = number;
    }
    ck_assert_int_ge(n, SIGRTMIN);
    r = receive(set, (size_t)n);
    for (int i = 0; i < n; i++)
        raise(set[i]);
    for (int i = 0; i < n; i++)
        ck_assert_int_eq(bide_signals_next(r, NULL), set[i]);
    bide_signals_close(r);
    ck_assert(action_of(SIGTERM).sa_handler == before);
    return 0;
}

/* ---- Receivers ---------------------------------------------------------- */

VIRTUAL_TEST(signals_come_in_order_with_what_the_kernel_told)
{
    siginfo_t info;
    bide_signals *r = receive(SET(SIGUSR1, SIGRTMIN, SIGRTMIN + 1));
    union sigval value = {.sival_int = 7};
    for (; value.sival_int < 10; value.sival_int++) {
        sigqueue(getpid(), SIGRTMIN + 1, value);
        let_signals_come();
    }
    for (int i = 0; i < 2; i++) {
        kill(getpid(), SIGUSR1);
        let_signals_come();
    }
    kill(getpid(), SIGRTMIN);
    let_signals_come();
    for (int n = 7; n < 10; n++) {
        ck_assert_int_eq(bide_signals_next(r, &info), SIGRTMIN + 1);
        ck_assert_int_eq(info.si_value.sival_int, n);
        ck_assert_int_eq(info.si_code, SI_QUEUE);
    }
    ck_assert_int_eq(bide_signals_next(r, &info), SIGUSR1);
    ck_assert_int_eq(info.si_pid, getpid());
    ck_assert_int_eq(bide_signals_next(r, NULL), SIGRTMIN);
    ck_assert_int_eq(next_now(r, &info), -ETIMEDOUT);
    bide_signals_close(r);
    return 0;
}

static intptr_t next_of(void *r)
{
    return bide_signals_next(r, NULL);
}

VIRTUAL_TEST(every_receiver_gets_it_and_of_its_tasks_the_first)
{
    bide_signals *a = receive(SET(SIGUSR1)), *b = receive(SET(SIGUSR1, SIGHUP));
    bide_task *first = spawn(next_of, a), *second = spawn(next_of, a);
    turns(1);
    raise(SIGUSR1);
    ck_assert_int_eq(result_of(first), SIGUSR1);
    ck_assert_int_eq(bide_signals_next(b, NULL), SIGUSR1);
    turns(2);
    ck_assert(!bide_task_done(second));
    raise(SIGUSR1);
    ck_assert_int_eq(result_of(second), SIGUSR1);
    bide_signals_close(a);
    ck_assert_int_eq(bide_signals_next(b, NULL), SIGUSR1);
    raise(SIGUSR1); /* still caught */
    ck_assert_int_eq(bide_signals_next(b, NULL), SIGUSR1);
    bide_signals_close(b);
    return 0;
}

VIRTUAL_TEST(a_task_that_waits_when_it_is_closed_is_told)
{
    bide_signals *r = receive(SET(SIGUSR1));
    bide_task *waiter = spawn(next_of, r);
    turns(1);
    bide_signals_close(r);
    ck_assert_int_eq(result_of(waiter), -ESHUTDOWN);
    return 0;
}

VIRTUAL_TEST(a_close_with_the_letter_on_its_way_harms_nobody)
{
    bide_signals *r = receive(SET(SIGUSR1));
    signal(SIGUSR2, SIG_IGN);
    raise(SIGUSR1);
    ck_assert_int_eq(bide_signals_next(r, NULL), SIGUSR1);
    bide_signals_close(r);
    bide_sleep(BIDE_MS(1));
    return 0;
}

VIRTUAL_TEST(who_waits_gets_what_came_before_the_close)
{
    bide_signals *r = receive(SET(SIGUSR1));
    bide_task *first = spawn(next_of, r), *second = spawn(next_of, r);
    turns(1);
    raise(SIGUSR1);
    let_signals_come();
    bide_signals_close(r);
    ck_assert_int_eq(result_of(first), SIGUSR1);
    ck_assert_int_eq(result_of(second), -ESHUTDOWN);
    return 0;
}

static intptr_t use_closed(void *unused)
{
    (void)unused;
    bide_signals *r = receive(SET(SIGUSR1));
    bide_signals_close(r);
    return bide_signals_next(r, NULL);
}

static intptr_t close_closed(void *unused)
{
    (void)unused;
    bide_signals *r = receive(SET(SIGUSR1)), *other = receive(SET(SIGUSR1));
    bide_signals_close(r);
    bide_signals_close(r);
    return bide_signals_next(other, NULL);
}

START_TEST(a_receiver_that_was_closed_is_misuse)
{
    expect_contract(use_closed, "bide_signals_next", "receiver", NULL);
    expect_contract(close_closed, "bide_signals_close", "receiver", NULL);
}
END_TEST

static intptr_t wait_for_ever(void *r)
{
    return bide_signals_next(r, NULL);
}

REAL_TEST(a_run_that_waits_for_a_signal_is_not_deadlocked)
{
    pthread_t thread;
    bide_signals *r = receive(SET(SIGALRM));
    bide_task *waiter = spawn(wait_for_ever, r);
    ck_assert_int_eq(pthread_create(&thread, NULL, alarm_later, NULL), 0);
    ck_assert_int_eq(bide_await(waiter), SIGALRM);
    pthread_join(thread, NULL);
    bide_release(waiter);
    return 0;
}

static intptr_t join_itself_about(void *r)
{
    struct bide_event never = {0};
    (void)r;
    receive(SET(SIGUSR1));
    return bide_event_wait(&never);
}

START_TEST(a_receiver_that_nobody_waits_at_wakes_nobody)
{
    ck_assert_int_eq(run_task(join_itself_about, NULL), -EDEADLK);
}
END_TEST

Suite *suite_signals(void)
{
    Suite *s = suite_create("signals");
    TCase *t = tcase_create("wait");
    tcase_add_test(t, a_signal_wakes_a_loop_that_sleeps);
    tcase_add_test(t, none_is_lost_between_two_waits);
    tcase_add_test(t, two_signals_always_pending_are_both_seen_in_turn);
    tcase_add_test(t, every_task_that_waits_gets_the_signal);
    tcase_add_test(
        t, a_signal_that_nobody_waits_for_is_kept_beside_those_that_are);
    tcase_add_test(t, a_cancelled_wait_takes_no_signal);
    suite_add_tcase(s, t);
    t = tcase_create("which");
    tcase_add_test(t, a_signal_that_cannot_be_received_is_invalid);
    tcase_add_test(t, with_one_bad_number_none_of_the_set_stays_changed);
    tcase_add_test(t, every_other_signal_can_be_received);
    suite_add_tcase(s, t);
    t = tcase_create("receivers");
    tcase_add_test(t, signals_come_in_order_with_what_the_kernel_told);
    tcase_add_test(t, every_receiver_gets_it_and_of_its_tasks_the_first);
    tcase_add_test(t, a_task_that_waits_when_it_is_closed_is_told);
    tcase_add_test(t, a_close_with_the_letter_on_its_way_harms_nobody);
    tcase_add_test(t, who_waits_gets_what_came_before_the_close);
    tcase_add_test(t, a_receiver_that_was_closed_is_misuse);
    tcase_add_test(t, a_run_that_waits_for_a_signal_is_not_deadlocked);
    tcase_add_test(t, a_receiver_that_nobody_waits_at_wakes_nobody);
    suite_add_tcase(s, t);
    return s;
}
