/* test_offload.c: the pool of threads: its limit, its order, its refusals. */
#include "offload.h"

#include "sys.h"

#include <check.h>
#include <malloc.h>
#include <stdlib.h>

struct errand {
    struct bi_job job;
    int number;
    thrd_t worker;
    sigset_t mask; /* of the thread that made it */
};

static struct bi_inbox inbox;
static struct bi_offload *pool;
static int ep;

static thrd_t loop;
static int done_count, done_last;      /* the loop's */
static atomic_int at_work, most_at_work; /* the threads' */
static atomic_int gate; /* blocked jobs end when it is set */
static int starts, start_failures; /* of threads, and how many are to fail */

static int (*true_start)(thrd_t *, int (*)(void *), void *);

static int counted_start(thrd_t *t, int (*run)(void *), void *arg)
{
    starts++;
    return start_failures-- > 0 ? -EAGAIN : true_start(t, run, arg);
}

static void open_pool(unsigned limit)
{
    loop = thrd_current();
    true_start = bi_sys.thread_start;
    bi_sys.thread_start = counted_start;
    ck_assert_int_eq(bi_inbox_open(&inbox), 0);
    ep = bi_sys_epoll_create();
    struct epoll_event edge = {.events = EPOLLIN | EPOLLET};
    bi_sys_epoll_ctl(ep, EPOLL_CTL_ADD, inbox.wake_fd, &edge);
    pool = bi_offload_open(&inbox, limit);
    ck_assert_ptr_nonnull(pool);
}

static void close_pool(void)
{
    bi_offload_close(pool);
    bi_inbox_close(&inbox);
    bi_sys_close(ep);
    bi_sys.thread_start = true_start;
}

/* The loop: until `count` jobs are done. */
static void turn_until(int count)
{
    while (done_count < count) {
        if (bi_inbox_deliver(&inbox) || !bi_inbox_sleep(&inbox))
            continue;
        struct epoll_event event;
        ck_assert_int_ne(bi_sys_epoll_wait(ep, &event, 1, BIDE_SEC(10)), 0);
        bi_inbox_awake(&inbox);
    }
}

static void work(struct bi_job *job)
{
    struct errand *e = bi_container_of(job, struct errand, job);
    e->worker = thrd_current();
    pthread_sigmask(SIG_BLOCK, NULL, &e->mask);
}

static void work_behind_gate(struct bi_job *job)
{
    work(job);
    int now = atomic_fetch_add(&at_work, 1) + 1;
    int most = atomic_load(&most_at_work);
    while (now > most &&
           !atomic_compare_exchange_weak(&most_at_work, &most, now))
        ;
    while (!atomic_load(&gate))
        thrd_yield();
    atomic_fetch_sub(&at_work, 1);
}

static void done(struct bi_job *job)
{
    struct errand *e = bi_container_of(job, struct errand, job);
    ck_assert(thrd_equal(thrd_current(), loop));
    ck_assert(!thrd_equal(e->worker, loop));
    done_count++;
    done_last = e->number;
}

static struct errand *errands(int n, void (*what)(struct bi_job *))
{
    struct errand *e = calloc((size_t)n, sizeof *e);
    for (int i = 0; i < n; i++) {
        e[i].job = (struct bi_job){.work = what, .done = done};
        e[i].number = i;
    }
    return e;
}

static void wait_at_work(int n)
{
    while (atomic_load(&at_work) < n)
        thrd_yield();
}

START_TEST(work_runs_on_a_thread_and_done_on_the_loop)
{
    open_pool(4);
    struct errand *e = errands(1, work);
    ck_assert_int_eq(bi_offload_submit(pool, &e->job), 0);
    turn_until(1);
    ck_assert_int_eq(starts, 1);
    close_pool();
    free(e);
}
END_TEST

START_TEST(no_thread_is_started_before_the_first_job)
{
    open_pool(4);
    ck_assert_int_eq(starts, 0);
    close_pool();
}
END_TEST

START_TEST(there_are_never_more_threads_than_the_limit)
{
    enum { LIMIT = 3, JOBS = 20 };
    open_pool(LIMIT);
    struct errand *e = errands(JOBS, work_behind_gate);
    for (int i = 0; i < JOBS; i++)
        ck_assert_int_eq(bi_offload_submit(pool, &e[i].job), 0);
    wait_at_work(LIMIT);
    atomic_store(&gate, 1);
    turn_until(JOBS);
    ck_assert_int_eq(most_at_work, LIMIT);
    ck_assert_int_eq(starts, LIMIT);
    close_pool();
    free(e);
}
END_TEST

START_TEST(one_thread_makes_jobs_in_the_order_of_submission)
{
    enum { JOBS = 1000 };
    open_pool(1);
    struct errand *e = errands(JOBS, work);
    for (int i = 0; i < JOBS; i++)
        ck_assert_int_eq(bi_offload_submit(pool, &e[i].job), 0);
    for (int i = 0; i < JOBS; i++) {
        turn_until(i + 1);
        ck_assert_int_ge(done_last, i);
    }
    ck_assert_int_eq(done_last, JOBS - 1);
    close_pool();
    free(e);
}
END_TEST

START_TEST(many_rounds_lose_no_job_to_a_thread_that_falls_idle)
{
    enum { ROUNDS = 3000 };
    open_pool(2);
    struct errand *e = errands(2, work);
    for (int i = 0; i < ROUNDS; i++) {
        ck_assert_int_eq(bi_offload_submit(pool, &e[0].job), 0);
        ck_assert_int_eq(bi_offload_submit(pool, &e[1].job), 0);
        turn_until(2 * (i + 1));
    }
    ck_assert_int_le(starts, 2);
    close_pool();
    free(e);
}
END_TEST

START_TEST(a_queued_job_can_be_withdrawn_and_one_at_work_cannot)
{
    open_pool(1);
    struct errand *e = errands(4, work_behind_gate);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(bi_offload_submit(pool, &e[i].job), 0);
    wait_at_work(1);
    ck_assert(!bi_offload_withdraw(pool, &e[0].job));
    ck_assert(bi_offload_withdraw(pool, &e[3].job)); /* the last one, */
    ck_assert(bi_offload_withdraw(pool, &e[1].job)); /* and one before others */
    ck_assert(!bi_offload_withdraw(pool, &e[1].job));
    ck_assert_int_eq(bi_offload_submit(pool, &e[3].job), 0);
    atomic_store(&gate, 1);
    turn_until(3);
    ck_assert_int_eq(done_last, 3);
    ck_assert(!bi_offload_withdraw(pool, &e[2].job));
    close_pool();
    ck_assert_int_eq(done_count, 3);
    free(e);
}
END_TEST

START_TEST(without_any_thread_a_job_is_refused_and_stays_with_the_caller)
{
    open_pool(2);
    struct errand *e = errands(1, work);
    start_failures = 1;
    ck_assert_int_eq(bi_offload_submit(pool, &e->job), -EAGAIN);
    ck_assert(!bi_offload_withdraw(pool, &e->job));
    ck_assert_int_eq(bi_offload_submit(pool, &e->job), 0);
    turn_until(1);
    close_pool();
    free(e);
}
END_TEST

START_TEST(one_thread_does_it_all_when_no_second_can_be_had)
{
    open_pool(4);
    struct errand *e = errands(3, work_behind_gate);
    ck_assert_int_eq(bi_offload_submit(pool, &e[0].job), 0);
    wait_at_work(1);
    start_failures = 2;
    ck_assert_int_eq(bi_offload_submit(pool, &e[1].job), 0);
    ck_assert_int_eq(bi_offload_submit(pool, &e[2].job), 0);
    atomic_store(&gate, 1);
    turn_until(3);
    ck_assert(thrd_equal(e[0].worker, e[1].worker));
    ck_assert(thrd_equal(e[0].worker, e[2].worker));
    close_pool();
    free(e);
}
END_TEST

START_TEST(threads_have_every_signal_blocked_and_the_loop_none_more)
{
    sigset_t before, after;
    pthread_sigmask(SIG_BLOCK, NULL, &before);
    open_pool(1);
    struct errand *e = errands(1, work);
    ck_assert_int_eq(bi_offload_submit(pool, &e->job), 0);
    turn_until(1);
    pthread_sigmask(SIG_BLOCK, NULL, &after);
    for (int number = 1; number < 32; number++) {
        ck_assert_int_eq(sigismember(&before, number),
                         sigismember(&after, number));
        if (number != SIGKILL && number != SIGSTOP)
            ck_assert(sigismember(&e->mask, number));
    }
    close_pool();
    free(e);
}
END_TEST

START_TEST(an_idle_thread_retires_and_another_takes_its_place)
{
    bi_offload_patience = 1;
    open_pool(1);
    struct errand *e = errands(50, work);
    for (int i = 0; i < 50; i++) {
        ck_assert_int_eq(bi_offload_submit(pool, &e[i].job), 0);
        turn_until(i + 1);
        for (int k = 0; k < 100; k++)
            thrd_yield();
    }
    ck_assert_int_gt(starts, 1);
    close_pool();
    free(e);
}
END_TEST

static atomic_int orphans;

static void orphaned(struct bi_job *job)
{
    (void)job;
    atomic_fetch_add(&orphans, 1);
}

START_TEST(a_pool_closes_at_once_and_leaves_a_job_behind_that_may_be)
{
    open_pool(2);
    struct errand *e = errands(2, work_behind_gate);
    e[0].job.orphaned = e[1].job.orphaned = orphaned;
    ck_assert_int_eq(bi_offload_submit(pool, &e[0].job), 0);
    wait_at_work(1);
    close_pool();
    ck_assert_int_eq(orphans, 0);
    atomic_store(&gate, 1);
    while (atomic_load(&orphans) == 0)
        thrd_yield();
    ck_assert_int_eq(done_count, 0);
    free(e);
}
END_TEST

/* The heap of the whole process, in use. */
static size_t heap_bytes(void)
{
    return mallinfo2().uordblks;
}

START_TEST(the_last_thread_that_was_left_behind_frees_its_pool)
{
    open_pool(1000);
    size_t pool_bytes = malloc_usable_size(pool);
    struct errand *e = errands(2, work_behind_gate);
    for (int i = 0; i < 2; i++) {
        e[i].job.orphaned = orphaned;
        ck_assert_int_eq(bi_offload_submit(pool, &e[i].job), 0);
    }
    wait_at_work(2);
    size_t before = heap_bytes();
    close_pool();
    ck_assert_uint_gt(heap_bytes() + pool_bytes / 2, before);
    atomic_store(&gate, 1);
    /* Some tools keep no such books; theirs tell of a leak instead. */
    while (before > 0 && heap_bytes() + pool_bytes / 2 > before)
        thrd_yield();
    while (atomic_load(&orphans) < 2)
        thrd_yield();
    free(e);
}
END_TEST

Suite *suite_offload(void)
{
    Suite *s = suite_create("offload");
    TCase *t = tcase_create("offload");
    tcase_set_timeout(t, 30);
    tcase_add_test(t, work_runs_on_a_thread_and_done_on_the_loop);
    tcase_add_test(t, no_thread_is_started_before_the_first_job);
    tcase_add_test(t, there_are_never_more_threads_than_the_limit);
    tcase_add_test(t, one_thread_makes_jobs_in_the_order_of_submission);
    tcase_add_test(t, many_rounds_lose_no_job_to_a_thread_that_falls_idle);
    tcase_add_test(t, a_queued_job_can_be_withdrawn_and_one_at_work_cannot);
    tcase_add_test(
        t, without_any_thread_a_job_is_refused_and_stays_with_the_caller);
    tcase_add_test(t, one_thread_does_it_all_when_no_second_can_be_had);
    tcase_add_test(t, threads_have_every_signal_blocked_and_the_loop_none_more);
    tcase_add_test(t, an_idle_thread_retires_and_another_takes_its_place);
    tcase_add_test(t,
                   a_pool_closes_at_once_and_leaves_a_job_behind_that_may_be);
    tcase_add_test(t, the_last_thread_that_was_left_behind_frees_its_pool);
    suite_add_tcase(s, t);
    return s;
}
