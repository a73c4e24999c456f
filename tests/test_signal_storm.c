/* test_signal_storm.c: many signals, from other threads and processes: all are
 * received, or told as lost.
 */
#include "annotate.h"
#include "sigqueue.h"
#include "tasks.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#define ONE(number) (const int[]){number}, 1

enum { STORM = 10000 };

/* ---- The queue ---------------------------------------------------------- */

static void put(struct bi_sigqueue *q, int number, int value)
{
    siginfo_t info = {.si_signo = number};
    info.si_int = value;
    bi_sigqueue_put(q, &info);
}

START_TEST(what_finds_no_room_is_counted_and_told_once)
{
    struct bi_sigqueue q;
    siginfo_t info;
    int taken = 0;
    ck_assert_int_eq(bi_sigqueue_open(&q, ~UINT64_C(0)), 0);
    for (int i = 0; i < 3000; i++)
        put(&q, 34 + i % 3, i);
    for (int number = 1; number < BI_FIRST_QUEUED; number++)
        put(&q, number, 0); /* these find room in any case */
    ck_assert_int_eq(bi_sigqueue_take(&q, &info), -EOVERFLOW);
    int lost = info.si_int;
    ck_assert_int_gt(lost, 0);
    for (; taken < 3000 - lost; taken++) {
        ck_assert_int_eq(bi_sigqueue_take(&q, &info), 34 + taken % 3);
        ck_assert_int_eq(info.si_int, taken);
    }
    for (int number = 1; number < BI_FIRST_QUEUED; number++)
        ck_assert_int_eq(bi_sigqueue_take(&q, &info), number);
    ck_assert_int_eq(bi_sigqueue_take(&q, &info), 0);
    put(&q, 40, 1);
    ck_assert_int_eq(bi_sigqueue_take(&q, &info), 40);
    bi_sigqueue_close(&q);
}
END_TEST

START_TEST(a_standard_signal_is_there_once_until_it_is_taken)
{
    struct bi_sigqueue q;
    siginfo_t info;
    ck_assert_int_eq(bi_sigqueue_open(&q, 1), 0);
    for (int round = 0; round < 100; round++) {
        put(&q, 10, round);
        put(&q, 10, -1);
        ck_assert_int_eq(bi_sigqueue_take(&q, &info), 10);
        ck_assert_int_eq(info.si_int, round);
        ck_assert_int_eq(bi_sigqueue_take(&q, &info), 0);
    }
    bi_sigqueue_close(&q);
}
END_TEST

enum { PUTTERS = 4, PUTS = 5000 };

static void *put_many(void *queue)
{
    for (int i = 0; i < PUTS; i++)
        put(queue, 34 + i % 30, i);
    return NULL;
}

START_TEST(several_threads_put_and_all_is_taken_or_told_as_lost)
{
    struct bi_sigqueue q;
    siginfo_t info;
    pthread_t threads[PUTTERS];
    int rc, taken = 0, lost = 0;
    ck_assert_int_eq(bi_sigqueue_open(&q, ~UINT64_C(0)), 0);
    for (int i = 0; i < PUTTERS; i++)
        pthread_create(&threads[i], NULL, put_many, &q);
    while (taken + lost < PUTTERS * PUTS) {
        rc = bi_sigqueue_take(&q, &info);
        taken += rc > 0;
        lost += rc < 0 ? info.si_int : 0;
        ck_assert(rc <= 0 || rc == 34 + info.si_int % 30);
    }
    for (int i = 0; i < PUTTERS; i++)
        pthread_join(threads[i], NULL);
    ck_assert_int_eq(taken + lost, PUTTERS * PUTS);
    ck_assert_int_eq(bi_sigqueue_take(&q, &info), 0);
    bi_sigqueue_close(&q);
}
END_TEST

/* ---- Storms ------------------------------------------------------------- */

/* A receiver and what came of it. */
struct tally {
    bide_signals *r;
    int received, lost;
};

/* One signal is taken. */
static void take(struct tally *t, siginfo_t *info)
{
    int rc = bide_signals_next(t->r, info);
    ck_assert(rc == -EOVERFLOW || rc == SIGRTMIN);
    t->received += rc > 0;
    t->lost += rc < 0 ? info->si_int : 0;
}

static void send_queued(int value)
{
    union sigval v = {.sival_int = value};
    while (sigqueue(getpid(), SIGRTMIN, v) < 0)
        usleep(100); /* the kernel's own queue is full */
}

static void *send_many(void *unused)
{
    for (int i = 0; i < STORM; i++)
        send_queued(i);
    return unused;
}

REAL_TEST(real_time_signals_of_a_thread_all_come_or_are_told_as_lost)
{
    struct tally a = {0}, b = {0};
    siginfo_t info;
    pthread_t threads[2];
    ck_assert_int_eq(bide_signals_open(&a.r, ONE(SIGRTMIN)), 0);
    ck_assert_int_eq(bide_signals_open(&b.r, ONE(SIGRTMIN)), 0);
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, send_many, NULL);
    while (a.received + a.lost < 2 * STORM)
        take(&a, &info);
    while (b.received + b.lost < 2 * STORM)
        take(&b, &info);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    ck_assert_int_eq(a.lost + a.received, 2 * STORM);
    ck_assert_int_eq(b.lost + b.received, 2 * STORM);
    bide_signals_close(a.r);
    bide_signals_close(b.r);
    return 0;
}

REAL_TEST(real_time_signals_that_are_taken_in_time_come_in_order)
{
    struct tally t = {0};
    siginfo_t info;
    ck_assert_int_eq(bide_signals_open(&t.r, ONE(SIGRTMIN)), 0);
    for (int i = 0; i < STORM; i += 500) {
        for (int k = i; k < i + 500; k++)
            send_queued(k);
        for (int k = i; k < i + 500; k++) {
            take(&t, &info);
            ck_assert_int_eq(info.si_int, k);
        }
    }
    ck_assert_int_eq(t.lost, 0);
    bide_signals_close(t.r);
    return 0;
}

/* Another process sends SIGUSR1 and, last of all, SIGUSR2. */
REAL_TEST(after_a_storm_of_another_process_the_last_signal_comes)
{
    int set[] = {SIGUSR1, SIGUSR2}, rc, times = -1;
    siginfo_t info;
    bide_signals *r;
    ck_assert_int_eq(bide_signals_open(&r, set, 2), 0);
    pid_t pid = fork();
    if (pid == 0) {
        for (int i = 0; i < STORM; i++)
            kill(getppid(), SIGUSR1);
        kill(getppid(), SIGUSR2);
        _exit(0);
    }
    do {
        times++;
        rc = bide_signals_next(r, &info);
        ck_assert_int_eq(info.si_pid, pid);
    } while (rc == SIGUSR1);
    ck_assert_int_eq(rc, SIGUSR2);
    ck_assert_int_ge(times, 1);
    waitpid(pid, NULL, 0);
    bide_signals_close(r);
    return 0;
}

/* ---- Several runs ------------------------------------------------------- */

enum { RUNS = 4, ROUNDS = 300 };

static atomic_int opened, heard_it;

static intptr_t hear_one(void *unused)
{
    bide_signals *r;
    (void)unused;
    if (bide_signals_open(&r, ONE(SIGUSR1)) < 0)
        return -EIO;
    atomic_fetch_add(&opened, 1);
    int rc = bide_signals_next(r, NULL);
    atomic_fetch_add(&heard_it, rc == SIGUSR1);
    /* Those of the others are not to be lost by this close. */
    while (atomic_load(&heard_it) < RUNS)
        bide_sleep(BIDE_MS(1));
    bide_signals_close(r);
    return 0;
}

static void *run_hear_one(void *unused)
{
    (void)unused;
    return NUM(run_task(hear_one, NULL));
}

START_TEST(every_run_gets_a_signal_whatever_thread_it_comes_to)
{
    pthread_t threads[RUNS];
    void *result;
    for (int i = 0; i < RUNS; i++)
        pthread_create(&threads[i], NULL, run_hear_one, NULL);
    while (atomic_load(&opened) < RUNS)
        usleep(100);
    kill(getpid(), SIGUSR1);
    for (int i = 0; i < RUNS; i++) {
        pthread_join(threads[i], &result);
        ck_assert_int_eq(VALUE(result), 0);
    }
    ck_assert_int_eq(atomic_load(&heard_it), RUNS);
}
END_TEST

static atomic_bool done;
static atomic_int arrived; /* at a receiver, or at the handler */

static void count_handled(int number)
{
    (void)number;
    atomic_fetch_add(&arrived, 1);
}

static intptr_t open_and_close(void *unused)
{
    (void)unused;
    for (int i = 0; i < ROUNDS; i++) {
        bide_signals *r;
        if (bide_signals_open(&r, ONE(SIGRTMIN)) < 0)
            return -EIO;
        if (i % 3 == 0 && bide_signals_next(r, NULL) == SIGRTMIN)
            atomic_fetch_add(&arrived, 1);
        bide_signals_close(r);
    }
    return 0;
}

static void *run_open_and_close(void *unused)
{
    intptr_t rc = run_task(open_and_close, unused);
    atomic_store(&done, true);
    return NUM(rc);
}

/* What comes while a receiver opens or closes goes to it or to the handler. */
START_TEST(no_signal_is_lost_while_receivers_come_and_go)
{
    pthread_t thread;
    void *result;
    int sent = 0;
    signal(SIGRTMIN, count_handled);
    pthread_create(&thread, NULL, run_open_and_close, NULL);
    while (!atomic_load(&done))
        if (sent - atomic_load(&arrived) < 500) { /* a queue has room for all */
            send_queued(0);
            sent++;
        }
    pthread_join(thread, &result);
    ck_assert_int_eq(VALUE(result), 0);
    for (int i = 0; i < 2000 && atomic_load(&arrived) < sent; i++)
        usleep(1000);
    ck_assert_int_eq(atomic_load(&arrived), sent);
}
END_TEST

Suite *suite_signal_storm(void)
{
    Suite *s = suite_create("signal_storm");
    TCase *t = tcase_create("queue");
    tcase_add_test(t, what_finds_no_room_is_counted_and_told_once);
    tcase_add_test(t, a_standard_signal_is_there_once_until_it_is_taken);
    tcase_add_test(t, several_threads_put_and_all_is_taken_or_told_as_lost);
    suite_add_tcase(s, t);
    t = tcase_create("storms");
    tcase_set_timeout(t, 20);
    const char *kept = "of several signals a tool keeps one";
    bool queued = signals_are_queued();
    add_if(queued, kept, t,
           real_time_signals_of_a_thread_all_come_or_are_told_as_lost);
    add_if(queued, kept, t,
           real_time_signals_that_are_taken_in_time_come_in_order);
    if (emulated())
        leave_out("no_signal_is_lost_while_receivers_come_and_go",
                  "qemu takes a handler from one sigaction(2) and its flags "
                  "from another");
    else
        add_if(queued, kept, t, no_signal_is_lost_while_receivers_come_and_go);
    tcase_add_test(t, after_a_storm_of_another_process_the_last_signal_comes);
    suite_add_tcase(s, t);
    t = tcase_create("several runs");
    tcase_set_timeout(t, 20);
    tcase_add_test(t, every_run_gets_a_signal_whatever_thread_it_comes_to);
    suite_add_tcase(s, t);
    return s;
}
