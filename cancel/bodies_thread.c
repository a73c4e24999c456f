/* bodies_thread.c: jobs on threads: begun or withdrawn, told and waited for. */
#include "cancel.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#define JOBS 3

/* What the jobs of one body have done. */
static struct {
    atomic_int begun, ended;
    atomic_int out; /* inside a job at this moment */
} jobs;

static void begin_job(void)
{
    atomic_fetch_add(&jobs.begun, 1);
    atomic_fetch_add(&jobs.out, 1);
}

static intptr_t end_job(intptr_t value)
{
    atomic_fetch_add(&jobs.ended, 1);
    atomic_fetch_sub(&jobs.out, 1);
    return value;
}

static intptr_t short_job(void *value)
{
    begin_job();
    return end_job((intptr_t)value);
}

/* It goes on until it is told, or for a while. */
static intptr_t long_job(void *value)
{
    begin_job();
    for (int i = 0; i < 10 && !bide_thread_cancelled(); i++)
        usleep(20);
    return end_job((intptr_t)value);
}

/* It ends when a byte comes, or when it is told. */
static intptr_t reading_job(void *fd)
{
    char byte;
    begin_job();
    ssize_t n = -1;
    while (n < 0 && !bide_thread_cancelled())
        n = read((int)(intptr_t)fd, &byte, 1);
    return end_job(n);
}

/* ---- Jobs in a row ------------------------------------------------------ */

static intptr_t send_jobs_in_danger(void *is_long)
{
    bide_fn *fn = is_long ? long_job : short_job;
    for (intptr_t i = 1; i <= JOBS; i++) {
        int begun = jobs.begun;
        intptr_t rc = bide_to_thread(fn, (void *)i);
        if (rc < 0) {
            equal(jobs.begun, begun, "what was refused was never begun");
            return stopped(rc);
        }
        equal(rc, i, "a job's result comes back");
        equal(jobs.begun, begun + 1, "it was begun once");
        equal(jobs.out, 0, "and has ended");
    }
    return 0;
}

static void jobs_in_a_row(const struct choice *c)
{
    jobs.begun = jobs.ended = 0;
    endanger(send_jobs_in_danger, (void *)(intptr_t)c->call);
}

/* ---- More jobs than threads --------------------------------------------- */

static intptr_t send_jobs(void *pool)
{
    struct bide_thread_options opt = {.pool = pool};
    for (intptr_t i = 1; i <= JOBS; i++)
        equal(bide_to_thread_with(long_job, (void *)i, &opt), i,
              "the jobs of others are made");
    return 0;
}

static intptr_t queue_in_danger(void *pool)
{
    struct bide_thread_options opt = {.pool = pool};
    for (intptr_t i = 1; i <= JOBS; i++) {
        intptr_t rc = bide_to_thread_with(short_job, (void *)i, &opt);
        if (rc < 0)
            return stopped(rc);
        equal(rc, i, "a job that queued is made");
    }
    return 0;
}

static void pool_of_one(const struct choice *unused)
{
    struct bide_group g = {0};
    bide_threads *pool;
    (void)unused;
    jobs.begun = jobs.ended = 0;
    equal(bide_threads_open(&pool, 1), 0, "a pool opens");
    bide_group_open(&g, BIDE_FAIL_FAST);
    beside(&g, send_jobs, pool);
    endanger(queue_in_danger, pool);
    all_ended(&g);
    equal(jobs.ended, jobs.begun, "no job is under way");
    equal(bide_threads_close(pool), 0, "nothing is left in the pool");
}

/* ---- A job in a system call --------------------------------------------- */

static intptr_t read_in_danger(void *fd)
{
    struct bide_thread_options opt = {.signal = SIGUSR1};
    intptr_t rc = bide_to_thread_with(reading_job, fd, &opt);
    equal(jobs.out, 0, "the job has ended");
    if (rc == 1)
        return 0;
    if (jobs.begun == 0)
        return stopped(rc);
    holds(was_struck(), "only a cancel breaks the read");
    equal(rc, -1, "and the job says so");
    return rc;
}

static intptr_t write_a_byte(void *fd)
{
    a_while();
    equal(write((int)(intptr_t)fd, "x", 1), 1, "the pipe takes a byte");
    return 0;
}

static void job_that_blocks(const struct choice *unused)
{
    struct bide_group g = {0};
    int fds[2];
    (void)unused;
    jobs.begun = jobs.ended = 0;
    equal(pipe(fds), 0, "a pipe");
    bide_group_open(&g, BIDE_FAIL_FAST);
    beside(&g, write_a_byte, (void *)(intptr_t)fds[1]);
    endanger(read_in_danger, (void *)(intptr_t)fds[0]);
    all_ended(&g);
    close(fds[0]);
    close(fds[1]);
}

/* ---- A job that calls back ---------------------------------------------- */

static struct {
    bide_loop *loop;
    struct bide_async async;
    int called, posted, sent;
    atomic_int accepted;
} back;

static void count_up(void *n)
{
    ++*(int *)n;
}

static intptr_t be_called(void *value)
{
    back.called++;
    equal(bide_yield(), 0, "the callee is not cancelled with the caller");
    return (intptr_t)value;
}

static intptr_t calling_job(void *value)
{
    for (int i = 0; i < 3; i++) {
        if (bide_post(back.loop, count_up, &back.posted) == 0)
            atomic_fetch_add(&back.accepted, 1);
        bide_async_send(back.loop, &back.async);
    }
    return bide_call_from_thread(back.loop, be_called, value);
}

static intptr_t call_in_danger(void *unused)
{
    (void)unused;
    intptr_t rc = bide_to_thread(calling_job, (void *)5);
    if (rc < 0) {
        equal(back.called + back.accepted, 0, "what was refused did nothing");
        return stopped(rc);
    }
    equal(rc, 5, "the callee's result comes back");
    equal(back.called, 1, "it was called once");
    equal(back.posted, back.accepted, "all that was posted was called before");
    holds(back.sent >= 1 && back.sent <= 3, "what was sent was called");
    return 0;
}

static void job_that_calls_back(const struct choice *unused)
{
    (void)unused;
    memset(&back, 0, sizeof back);
    back.async = (struct bide_async){.fn = count_up, .arg = &back.sent};
    back.loop = bide_loop_ref();
    endanger(call_in_danger, NULL);
    bide_loop_unref(back.loop);
}

void thread_bodies(void)
{
    add_body("thread.short_jobs", jobs_in_a_row, (struct choice){0});
    add_body("thread.long_jobs", jobs_in_a_row, (struct choice){.call = 1});
    add_body("thread.pool_of_one", pool_of_one, (struct choice){0});
    add_body("thread.blocks", job_that_blocks, (struct choice){0});
    add_body("thread.calls_back", job_that_calls_back, (struct choice){0});
}
