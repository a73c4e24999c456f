/* dispatch.c: which worker makes which call.
 *
 * A call goes to a worker that is idle, else to a new one if there may be one
 * more, else behind the jobs of the least busy, up to the look-ahead: then a
 * worker finds its next job there when it has passed one.  So that nothing
 * waits behind a long job while somebody is free, what was not begun is taken
 * back from the busy and handed out again.
 *
 * A worker that dies costs the one job it had begun.  If workers die and none
 * of them brings anything to its end, another one would not either: the pool
 * gives up.
 */
#include "dispatch.h"

#include "park.h"

/* So many deaths in a row, and one for each place, are borne. */
#define DEATHS 8

static bool exhausted(const struct bide_pool *p, const struct bi_worker *w)
{
    unsigned most = p->options.max_jobs_per_worker;
    return most && w->given >= most;
}

static bool usable(const struct bide_pool *p, const struct bi_worker *w)
{
    return w->alive && !w->ending && !w->broken && !exhausted(p, w);
}

/* ---- Ends --------------------------------------------------------------- */

void bi_dispatch_end(struct bide_pool *p, struct bi_worker *w, int code)
{
    bi_worker_end(w, p->options.kill_grace, code, &p->queue);
}

void bi_dispatch_mourn(struct bide_pool *p, struct bi_worker *w)
{
    bi_dispatch_end(p, w, -ECHILD);
    p->died++;
    p->deaths++;
    if (p->verdict < 0)
        return;
    if (w->init_code < 0)
        p->verdict = w->init_code;
    else if (p->deaths > DEATHS + p->options.workers)
        p->verdict = -ENOTRECOVERABLE;
}

static void collect(struct bide_pool *p)
{
    for (unsigned i = 0; i < p->options.workers; i++) {
        struct bi_worker *w = &p->workers[i];
        unsigned ended = w->alive && !w->ending ? bi_worker_collect(w) : 0;
        p->ended += ended;
        if (ended)
            p->deaths = 0;
    }
}

/* End those that have made all their jobs, or cannot be trusted. */
static void replace(struct bide_pool *p)
{
    for (unsigned i = 0; i < p->options.workers; i++) {
        struct bi_worker *w = &p->workers[i];
        bool used_up = exhausted(p, w) && bi_worker_load(w) == 0;
        if (w->alive && !w->ending && (w->broken || used_up))
            bi_dispatch_end(p, w, -EBADMSG);
    }
}

/* ---- Handing out -------------------------------------------------------- */

/* A place for one more, or NULL. */
static struct bi_worker *vacancy(struct bide_pool *p)
{
    for (unsigned i = 0; i < p->options.workers; i++)
        if (!p->workers[i].alive)
            return &p->workers[i];
    return NULL;
}

/* The one with the least to do, if it can take `r` as well. */
static struct bi_worker *least_busy(struct bide_pool *p,
                                    const struct bi_request *r)
{
    struct bi_worker *best = NULL;
    for (unsigned i = 0; i < p->options.workers; i++) {
        struct bi_worker *w = &p->workers[i];
        if (usable(p, w) && bi_worker_load(w) <= p->options.look_ahead &&
            bi_worker_fits(w, r) &&
            (!best || bi_worker_load(w) < bi_worker_load(best)))
            best = w;
    }
    return best;
}

/* Who is to have it.  NULL: nobody can now; *error, if a new one was needed and
 * could not be started. */
static struct bi_worker *choose(struct bide_pool *p, const struct bi_request *r,
                                int *error)
{
    struct bi_worker *best = least_busy(p, r);
    struct bi_worker *place = vacancy(p);
    if (!place || *error || (best && bi_worker_load(best) == 0))
        return best;
    *error = bi_worker_start(place, &p->start);
    if (*error < 0)
        return best;
    p->started++;
    return place;
}

static bool any_alive(const struct bide_pool *p)
{
    for (unsigned i = 0; i < p->options.workers; i++)
        if (p->workers[i].alive)
            return true;
    return false;
}

/* Hand out the queue as far as it goes. */
static void hand_out(struct bide_pool *p, int *error)
{
    struct bi_list *link;
    while ((link = bi_list_first(&p->queue))) {
        struct bi_call *c = bi_container_of(link, struct bi_call, queued);
        int rc = p->verdict;
        struct bi_worker *w = rc < 0 ? NULL : choose(p, &c->request, error);
        if (!w && rc == 0) {
            if (!*error || any_alive(p))
                return;
            rc = *error;
        }
        bi_list_remove(link);
        if (w)
            rc = bi_worker_give(w, c, &p->modules);
        if (rc < 0)
            bi_call_settle(c, rc);
    }
}

/* Take a call back that has not begun; its reader must stay. */
static bool take_back(struct bide_pool *p, struct bi_worker *w)
{
    for (uint32_t turn = w->heard + 1; turn - w->heard < bi_worker_load(w);
         turn++) {
        struct bi_call *c = w->calls[turn % BI_SLOTS];
        if (c && c != w->reader && bi_worker_withdraw(w, c)) {
            bi_list_push_back(&p->queue, &c->queued);
            return true;
        }
    }
    return false;
}

/* Whether somebody could begin a job at once. */
static bool anyone_free(struct bide_pool *p, int error)
{
    static const struct bi_request small;
    struct bi_worker *w = least_busy(p, &small);
    return (w && bi_worker_load(w) == 0) || (!error && vacancy(p));
}

/* Queue a call that waits behind another while somebody is free. */
static bool relieve(struct bide_pool *p, int error)
{
    if (p->verdict < 0 || !bi_list_empty(&p->queue) || !anyone_free(p, error))
        return false;
    for (unsigned i = 0; i < p->options.workers; i++) {
        struct bi_worker *w = &p->workers[i];
        if (w->alive && !w->ending && bi_worker_load(w) > 1 && take_back(p, w))
            return true;
    }
    return false;
}

/* See that each worker with calls has a reader: wake the oldest of them, unless
 * it is awake and will see for itself. */
static void appoint(struct bide_pool *p)
{
    for (unsigned i = 0; i < p->options.workers; i++) {
        struct bi_worker *w = &p->workers[i];
        if (!w->alive || w->ending || w->reader)
            continue;
        struct bi_call *oldest = NULL;
        for (uint32_t turn = w->heard; turn != w->sent && !oldest; turn++)
            oldest = w->calls[turn % BI_SLOTS];
        if (oldest && oldest->parked) {
            oldest->parked = false;
            bi_wake(&oldest->wait, 0);
        }
    }
}

void bi_dispatch(struct bide_pool *p)
{
    int error = 0;
    collect(p);
    replace(p);
    do
        hand_out(p, &error);
    while (relieve(p, error));
    appoint(p);
}
