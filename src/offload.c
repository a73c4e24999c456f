/* offload.c: threads for what would block the run's own.
 *
 * One queue of jobs, first in, first out, behind one lock.  A thread that finds
 * it empty lies down on top of a stack and sleeps on a word of its own; a
 * submitter calls the topmost, so that those below sleep on until they have
 * slept long enough, and retire.  Only the run's thread submits, withdraws and
 * closes.
 *
 * A job belongs to the submitter until it is queued, then to whoever takes it
 * off the queue, under the lock: a thread, which makes it and posts its letter,
 * or bi_offload_withdraw().  Hence "not begun" is "still queued", and a job
 * that was posted is not touched again.  A withdrawal looks through the queue:
 * cancels come in about the order of the jobs, so that it finds its own mostly
 * in front.
 *
 * To call is dear, and a thread that is up makes many short jobs before another
 * has come.  So one is called at a time: while it is `coming` nobody else is,
 * and it calls the next if it finds more than its own job queued.  Under the
 * lock it always holds that, where jobs are queued, somebody is coming or all
 * threads that there may be are up; and who is up looks at the queue before it
 * lies down, or retires.  No job is forgotten.
 *
 * The lock is the second mutex of U. Drepper, "Futexes are tricky" (2011).  The
 * run's thread takes it too, for a few instructions.  Not a mutex of libc: a
 * porting layer gives programs its own, and must not find itself beneath.
 * Rejected: a queue without a lock (to withdraw from its middle is the hard
 * part, and a job costs microseconds anyway); a thread for each job; one word
 * that all sleep on (the kernel wakes whoever has slept longest, and nobody
 * ever retires).
 */
#include "offload.h"

#include "sys.h"

#include <stdlib.h>

bide_time bi_offload_patience = BIDE_SEC(10);

/* A word that threads wait on. */
typedef _Atomic uint32_t futex;
static_assert(sizeof(futex) == sizeof(uint32_t), "a futex word is 32 bits");

enum call { NOT_CALLED, ASLEEP, CALLED };

enum state {
    FREE,
    ALIVE,
    LEFT,    /* behind: the pool was closed while it was at work */
    RETIRED, /* it has ended, and is to be joined */
};

/* A thread's place in the pool. */
struct worker {
    struct bi_offload *pool;
    thrd_t thread;
    futex call; /* enum call */
    /* Behind the lock: */
    struct worker *below; /* of those who lie down */
    enum state state;
    bool comes;  /* it is the one who was coming */
    bool orphan; /* its job may be left behind */
};

struct bi_offload {
    struct bi_inbox *inbox;
    unsigned limit;
    futex lock; /* 0: free, 1: held, 2: held, and somebody may wait for it */
    /* Behind the lock: */
    struct bi_job *first, **last; /* the queue; `last` is where to append */
    struct worker *down;          /* the stack of those who lie down */
    unsigned alive;               /* threads */
    bool coming;                  /* one was called or started, and is not up */
    unsigned owners; /* once it closes: the closer, and threads left behind */
    struct worker workers[]; /* `limit` of them */
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

/* ---- The queue, and who waits for it; under the lock -------------------- */

static void append(struct bi_offload *o, struct bi_job *job)
{
    job->next = NULL;
    *o->last = job;
    o->last = &job->next;
}

/* Take the job at `*place` off the queue. */
static struct bi_job *unqueue(struct bi_offload *o, struct bi_job **place)
{
    struct bi_job *job = *place;
    *place = job->next;
    if (o->last == &job->next)
        o->last = place;
    return job;
}

static void lie_down(struct worker *w)
{
    atomic_store(&w->call, NOT_CALLED);
    w->below = w->pool->down;
    w->pool->down = w;
}

static void get_up(struct worker *w)
{
    struct worker **place = &w->pool->down;
    while (*place != w)
        place = &(*place)->below;
    *place = w->below;
}

/* Call the topmost; returns whom the kernel must wake, or NULL. */
static struct worker *call_topmost(struct bi_offload *o)
{
    struct worker *w = o->down;
    o->down = w->below;
    o->coming = true;
    return atomic_exchange(&w->call, CALLED) == ASLEEP ? w : NULL;
}

/* A place that no living thread has. */
static struct worker *free_place(struct bi_offload *o)
{
    for (unsigned i = 0; i < o->limit; i++)
        if (o->workers[i].state == FREE || o->workers[i].state == RETIRED)
            return &o->workers[i];
    return NULL;
}

static int serve(void *worker);

/* One more thread, if there is a place for it and it can be had.  Signals are
 * for the program's own threads: it begins with all of them blocked. */
static void start_one(struct bi_offload *o)
{
    sigset_t before;
    struct worker *w = free_place(o);
    if (!w)
        return;
    if (w->state == RETIRED) /* on its last instructions */
        bi_sys_thread_join(w->thread);
    w->pool = o;
    w->state = FREE;
    if (bi_sys_mask_all(&before) < 0)
        return;
    if (bi_sys_thread_start(&w->thread, serve, w) == 0) {
        w->state = ALIVE;
        o->alive++;
        o->coming = true;
    }
    bi_sys_mask_restore(&before);
}

/* See that somebody comes for what is queued; whom to wake, or NULL. */
static struct worker *call_for(struct bi_offload *o)
{
    if (!o->first || o->coming)
        return NULL;
    if (o->down)
        return call_topmost(o);
    start_one(o);
    return NULL;
}

static void wake(struct worker *w)
{
    if (w)
        bi_sys_futex_wake((uint32_t *)&w->call, 1);
}

/* ---- A thread ----------------------------------------------------------- */

/* Sleep until it is called, or for as long as that is worth while. */
static void sleep_for_call(struct worker *w)
{
    uint32_t seen = NOT_CALLED;
    if (!atomic_compare_exchange_strong(&w->call, &seen, ASLEEP))
        return;
    while (atomic_load(&w->call) == ASLEEP) {
        int rc = bi_sys_futex_wait((uint32_t *)&w->call, ASLEEP,
                                   bi_offload_patience);
        if (rc == -ETIMEDOUT)
            return;
    }
}

/* Wait for a job, under the lock; NULL: there is none for this thread. */
static struct bi_job *take(struct worker *w)
{
    struct bi_offload *o = w->pool;
    bool patient = true;
    while (!o->first && !o->owners && patient) {
        if (w->comes) /* too late: the others have made it all */
            w->comes = o->coming = false;
        lie_down(w);
        futex_unlock(&o->lock);
        sleep_for_call(w);
        futex_lock(&o->lock);
        patient = atomic_load(&w->call) == CALLED;
        if (patient)
            w->comes = true;
        else
            get_up(w);
    }
    return o->first ? unqueue(o, &o->first) : NULL;
}

/* It has come: the next one may be called.  Whom to wake, or NULL. */
static struct worker *arrive(struct worker *w)
{
    if (!w->comes)
        return NULL;
    w->comes = w->pool->coming = false;
    return call_for(w->pool);
}

/* Tell of the end of a job that the run's end does not wait for. */
static void end_orphan(struct worker *w, struct bi_job *job)
{
    futex_lock(&w->pool->lock);
    w->orphan = false;
    bool left = w->state == LEFT;
    if (!left) /* under the lock: the pool, and then the inbox, may close */
        left = bi_inbox_post(w->pool->inbox, &job->letter) < 0;
    futex_unlock(&w->pool->lock);
    if (left)
        job->orphaned(job);
}

static void make(struct worker *w, struct bi_job *job)
{
    bool orphan = job->orphaned != NULL;
    w->orphan = orphan;
    struct worker *next = arrive(w);
    futex_unlock(&w->pool->lock);
    wake(next);
    job->work(job);
    if (orphan)
        end_orphan(w, job);
    else
        bi_inbox_post(w->pool->inbox, &job->letter);
    futex_lock(&w->pool->lock);
}

/* One owner less, under the lock, which is let go. */
static void leave(struct bi_offload *o)
{
    bool last = --o->owners == 0;
    futex_unlock(&o->lock);
    if (last)
        free(o);
}

static int serve(void *arg)
{
    struct worker *w = arg;
    struct bi_offload *o = w->pool;
    futex_lock(&o->lock);
    w->comes = true;
    for (struct bi_job *job; (job = take(w)) != NULL;)
        make(w, job);
    o->alive--;
    if (w->state == LEFT) {
        leave(o);
    } else {
        w->state = RETIRED;
        futex_unlock(&o->lock);
    }
    return 0;
}

/* ---- The run's thread --------------------------------------------------- */

/* On the run's thread: the job is back. */
static void come_back(struct bi_letter *letter)
{
    struct bi_job *job = bi_container_of(letter, struct bi_job, letter);
    job->done(job);
}

struct bi_offload *bi_offload_open(struct bi_inbox *inbox, unsigned limit)
{
    bi_assert(limit > 0);
    struct bi_offload *o = calloc(1, sizeof *o + limit * sizeof o->workers[0]);
    if (!o)
        return NULL;
    o->inbox = inbox;
    o->last = &o->first;
    o->limit = limit;
    return o;
}

/* Whether the thread of this place is to be joined; else it is left behind, or
 * there is none. */
static bool part(struct bi_offload *o, struct worker *w)
{
    if (w->state == ALIVE && w->orphan) {
        w->state = LEFT;
        o->owners++;
        bi_sys_thread_detach(w->thread);
    }
    return w->state == ALIVE || w->state == RETIRED;
}

void bi_offload_close(struct bi_offload *o)
{
    futex_lock(&o->lock);
    bi_assert(!o->first);
    o->owners = 1;
    while (o->down)
        wake(call_topmost(o));
    for (unsigned i = 0; i < o->limit; i++) {
        bool join = part(o, &o->workers[i]);
        futex_unlock(&o->lock);
        if (join)
            bi_sys_thread_join(o->workers[i].thread);
        futex_lock(&o->lock);
    }
    leave(o);
}

int bi_offload_submit(struct bi_offload *o, struct bi_job *job)
{
    bi_assert(job->work && job->done);
    int rc = 0;
    job->letter.deliver = come_back;
    futex_lock(&o->lock);
    append(o, job);
    struct worker *called = call_for(o);
    /* If no thread came, one of the others will take it. */
    if (o->alive == 0) {
        unqueue(o, &o->first);
        rc = -EAGAIN;
    }
    futex_unlock(&o->lock);
    wake(called);
    return rc;
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
