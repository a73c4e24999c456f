/* offload.c: a few threads for what the kernel cannot do without blocking.
 *
 * One queue of jobs, first in, first out, behind one lock; threads that find it
 * empty wait on a futex word that counts the calls for them.  Only the run's
 * thread submits, withdraws and closes, so that how many threads there are is
 * its own to know.
 *
 * A job belongs to the submitter until it is queued, then to whoever takes it
 * off the queue, under the lock: a thread, which makes it and posts its letter,
 * or bi_offload_withdraw().  Hence "not begun" is "still queued", and a job
 * that was posted is not touched again.  A withdrawal looks through the queue:
 * cancels come in about the order of the jobs, so that it finds its own mostly
 * in front.
 *
 * The wake-up not to be lost: a thread reads `calls` under the lock, with
 * the queue empty, and waits only while it is unchanged; a submitter changes it
 * under the lock, with the job queued.  So either the thread sees the job, or
 * the wait sees the change.
 *
 * The lock is the second mutex of U. Drepper, "Futexes are tricky" (2011).  The
 * run's thread takes it too, for a few instructions.  Not a mutex of libc: a
 * porting layer gives programs its own, and must not find itself beneath.
 * Rejected: a queue without a lock (to withdraw from its middle is the hard
 * part, and a job costs microseconds anyway); a thread for each job.
 */
#include "offload.h"

#include "sys.h"

#include <stdlib.h>

/* A word that threads wait on. */
typedef _Atomic uint32_t futex;
static_assert(sizeof(futex) == sizeof(uint32_t), "a futex word is 32 bits");

struct bi_offload {
    struct bi_inbox *inbox;
    futex lock;  /* 0: free, 1: held, 2: held, and somebody may wait for it */
    futex calls; /* one more for each job, and one for the end */
    /* Behind the lock: */
    struct bi_job *first, **last; /* the queue; `last` is where to append */
    size_t queued;
    unsigned idle; /* threads that wait for a call */
    bool closing;
    /* The run's thread alone: */
    unsigned limit, started;
    thrd_t threads[]; /* as many as started, room for `limit` */
};

static void futex_lock(futex *word)
{
    uint32_t seen = 0;
    if (atomic_compare_exchange_strong(word, &seen, 1))
        return;
    /* 2 from here on: whether others wait is not known, so the unlock wakes. */
    while (atomic_exchange(word, 2) != 0)
        bi_sys_futex_wait((uint32_t *)word, 2, BIDE_FOREVER);
}

static void futex_unlock(futex *word)
{
    if (atomic_exchange(word, 0) == 2)
        bi_sys_futex_wake((uint32_t *)word, 1);
}

/* Put `job` at the end of the queue; under the lock. */
static void append(struct bi_offload *o, struct bi_job *job)
{
    job->next = NULL;
    *o->last = job;
    o->last = &job->next;
    o->queued++;
    atomic_fetch_add(&o->calls, 1);
}

/* Take the job at `*place` off the queue; under the lock. */
static struct bi_job *unqueue(struct bi_offload *o, struct bi_job **place)
{
    struct bi_job *job = *place;
    *place = job->next;
    if (o->last == &job->next)
        o->last = place;
    o->queued--;
    return job;
}

/* Wait for a job; NULL: the pool closes. */
static struct bi_job *take(struct bi_offload *o)
{
    futex_lock(&o->lock);
    while (!o->first && !o->closing) {
        uint32_t seen = atomic_load(&o->calls);
        o->idle++;
        futex_unlock(&o->lock);
        bi_sys_futex_wait((uint32_t *)&o->calls, seen, BIDE_FOREVER);
        futex_lock(&o->lock);
        o->idle--;
    }
    struct bi_job *job = o->first ? unqueue(o, &o->first) : NULL;
    futex_unlock(&o->lock);
    return job;
}

static int serve(void *arg)
{
    struct bi_offload *o = arg;
    for (struct bi_job *job; (job = take(o)) != NULL;) {
        job->work(job);
        if (bi_inbox_post(o->inbox, &job->letter) < 0 && job->orphaned)
            job->orphaned(job);
    }
    return 0;
}

/* On the run's thread: the job is back. */
static void come_back(struct bi_letter *letter)
{
    struct bi_job *job = bi_container_of(letter, struct bi_job, letter);
    job->done(job);
}

/* One more thread; false: there is none to be had.  Signals are for the
 * program's own threads: it begins with all of them blocked. */
static bool start_thread(struct bi_offload *o)
{
    sigset_t before;
    if (bi_sys_mask_all(&before) < 0)
        return false;
    int rc = bi_sys.thread_start(&o->threads[o->started], serve, o);
    bi_sys_mask_restore(&before);
    if (rc == 0)
        o->started++;
    return rc == 0;
}

struct bi_offload *bi_offload_open(struct bi_inbox *inbox, unsigned limit)
{
    bi_assert(limit > 0);
    struct bi_offload *o = calloc(1, sizeof *o + limit * sizeof o->threads[0]);
    if (!o)
        return NULL;
    o->inbox = inbox;
    o->last = &o->first;
    o->limit = limit;
    return o;
}

void bi_offload_close(struct bi_offload *o)
{
    futex_lock(&o->lock);
    bi_assert(!o->first);
    o->closing = true;
    atomic_fetch_add(&o->calls, 1);
    futex_unlock(&o->lock);
    bi_sys_futex_wake((uint32_t *)&o->calls, INT32_MAX);
    for (unsigned i = 0; i < o->started; i++)
        bi_sys_thread_join(o->threads[i]);
    free(o);
}

int bi_offload_submit(struct bi_offload *o, struct bi_job *job)
{
    bi_assert(job->work && job->done);
    job->letter.deliver = come_back;
    futex_lock(&o->lock);
    append(o, job);
    unsigned idle = o->idle;
    bool served = idle >= o->queued;
    futex_unlock(&o->lock);
    if (idle > 0)
        bi_sys_futex_wake((uint32_t *)&o->calls, 1);
    if (!served && o->started < o->limit)
        start_thread(o);
    if (o->started > 0)
        return 0; /* if no thread came, one of the others will take it */
    bool back = bi_offload_withdraw(o, job);
    bi_assert(back);
    return back ? -EAGAIN : 0;
}

bool bi_offload_withdraw(struct bi_offload *o, struct bi_job *job)
{
    futex_lock(&o->lock);
    struct bi_job **place = &o->first;
    while (*place && *place != job)
        place = &(*place)->next;
    bool queued = *place != NULL;
    if (queued)
        unqueue(o, place);
    futex_unlock(&o->lock);
    return queued;
}
