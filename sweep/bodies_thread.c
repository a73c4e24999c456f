/* bodies_thread.c: jobs on threads, pools of them, and calls that come back. */
#include "body.h"

#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

/* That no thread can be had is said with a code which other calls never show:
 * here with the one that the table knows for it. */
static intptr_t told(intptr_t rc)
{
    return rc == -EAGAIN ? -ENOMEM : rc;
}

/* ---- Jobs --------------------------------------------------------------- */

static intptr_t give_seven(void *unused)
{
    return bide_self() ? -EPROTO : (intptr_t)unused + 7;
}

static intptr_t send_job(void *pool)
{
    struct bide_thread_options opt = {.pool = pool};
    intptr_t rc = bide_to_thread_with(give_seven, NULL, &opt);
    EXPECT(rc == 7 || rc < 0);
    return rc < 0 ? told(rc) : 0;
}

static intptr_t jobs_queue(void *n)
{
    struct bide_group g = {0};
    intptr_t rc = 0;
    bide_group_open(&g, BIDE_FAIL_FAST);
    for (intptr_t i = 0; i < (intptr_t)n && rc == 0; i++)
        rc = bide_group_spawn(&g, send_job, NULL);
    return bide_group_close(&g, rc == -ECANCELED ? 0 : rc);
}

static intptr_t until_cancelled(void *unused)
{
    (void)unused;
    while (!bide_thread_cancelled())
        usleep(50);
    return 7;
}

static intptr_t send_endless_job(void *unused)
{
    return bide_to_thread(until_cancelled, unused);
}

/* It has begun, or was never begun; nothing else. */
static intptr_t job_is_late(void *unused)
{
    intptr_t rc = within(BIDE_MS(1), send_endless_job, unused);
    EXPECT(rc == 7 || rc < 0);
    return rc == 7 || rc == -ETIMEDOUT ? 0 : told(rc);
}

static intptr_t read_until_cancelled(void *fd)
{
    char byte;
    while (!bide_thread_cancelled())
        if (read((int)(intptr_t)fd, &byte, 1) >= 0 || errno != EINTR)
            return -EPROTO;
    return 7;
}

static intptr_t send_read(void *fd)
{
    struct bide_thread_options opt = {.signal = SIGUSR1};
    return bide_to_thread_with(read_until_cancelled, fd, &opt);
}

static intptr_t job_is_broken(void *unused)
{
    struct ends ends = open_ends(PIPE);
    (void)unused;
    intptr_t rc = within(BIDE_MS(1), send_read, NUM(ends.out));
    EXPECT(rc == 7 || (rc < 0 && rc != -EPROTO));
    return rc == 7 || rc == -ETIMEDOUT ? 0 : told(rc);
}

/* ---- Pools -------------------------------------------------------------- */

static intptr_t pool_of_one(void *close)
{
    bide_threads *pool;
    int rc = bide_threads_open(&pool, 1);
    if (rc < 0)
        return rc;
    intptr_t got = beside(send_job, send_job, pool);
    if (close)
        EXPECT(bide_threads_close(pool) == 0);
    return got;
}

/* ---- Calls that come back ----------------------------------------------- */

static bide_loop *loop;
static int posted, sent;
static struct bide_async async;

static void count_up(void *n)
{
    ++*(int *)n;
}

/* What was posted before a job's end is called before its task goes on. */
static intptr_t post_and_send(void *unused)
{
    (void)unused;
    for (int i = 0; i < 3; i++) {
        int rc = bide_post(loop, count_up, &posted);
        if (rc == 0)
            rc = bide_async_send(loop, &async);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static intptr_t job_posts(void *unused)
{
    posted = sent = 0;
    async = (struct bide_async){.fn = count_up, .arg = &sent};
    loop = bide_loop_ref();
    intptr_t rc = bide_to_thread(post_and_send, unused);
    if (bide_async_cancel(&async)) /* sent by a job that then failed */
        bide_yield();
    bide_loop_unref(loop);
    EXPECT(rc < 0 || (posted == 3 && sent >= 1 && sent <= 3));
    return told(rc);
}

static intptr_t sleep_and_give(void *value)
{
    int rc = bide_sleep(BIDE_MS(1));
    return rc < 0 ? rc : (intptr_t)value;
}

static intptr_t call_back(void *unused)
{
    (void)unused;
    intptr_t rc = bide_call_from_thread(loop, sleep_and_give, NUM(7));
    return rc < 0 ? rc : rc == 7 ? 0 : -EPROTO;
}

static intptr_t job_calls_back(void *unused)
{
    loop = bide_loop_ref();
    intptr_t rc = bide_to_thread(call_back, unused);
    bide_loop_unref(loop);
    EXPECT(rc != -EPROTO);
    return told(rc);
}

/* ---- After the run ------------------------------------------------------ */

static intptr_t hold_and_post(void *unused)
{
    (void)unused;
    loop = bide_loop_ref();
    return bide_post(loop, count_up, &posted);
}

static intptr_t posts_at_the_end(void *unused)
{
    posted = 0;
    loop = NULL;
    intptr_t rc = bide_run(hold_and_post, unused, &body_options);
    if (!loop)
        return rc;
    EXPECT(rc < 0 || posted == 1);
    EXPECT(bide_post(loop, count_up, &posted) < 0);
    EXPECT(bide_call_from_thread(loop, give, NUM(1)) == -ESHUTDOWN);
    bide_loop_unref(loop);
    return rc;
}

const struct body bodies_thread[] = {
    {"jobs_queue", jobs_queue, 4, INSIDE},
    {"job_is_late", job_is_late, 0, INSIDE},
    {"job_is_broken", job_is_broken, 0, INSIDE},
    {"pool_is_closed", pool_of_one, 1, INSIDE},
    {"pool_is_left_open", pool_of_one, 0, INSIDE},
    {"job_posts", job_posts, 0, INSIDE},
    {"job_calls_back", job_calls_back, 0, INSIDE},
    {"posts_at_the_end", posts_at_the_end, 0, OUTSIDE},
    {0},
};
