/* pool.c: calls in other processes.
 *
 * A call is queued, is given to a worker (dispatch.c), is begun there, and is
 * over.  Its task meanwhile listens to its worker, if nobody else does, or is
 * parked.  What was settled is woken, and what stands first at a worker without
 * a reader is woken to be one; so every wake-up means "look again".
 *
 * A job works on memory of its own.  So a cancelled call could leave its job
 * behind; but then the next one would wait for a worker that nobody knows to be
 * busy.  It waits, or the worker is ended, as the pool's options say.
 */
#include "pool.h"

#include "dispatch.h"
#include "park.h"
#include "sys.h"

#include <stdlib.h>
#include <sys/auxv.h>

#define MOST_WORKERS 1024
#define DEFAULT_GRACE BIDE_SEC(5)

static struct bide_pool **place_of(struct bi_run *run, const bide_pool *p,
                                   const char *func)
{
    struct bide_pool **place = &run->crews;
    while (*place && *place != p)
        place = &(*place)->next;
    BI_CONTRACT(*place, func, "was given a pool that this run does not have "
                "open");
    return place;
}

void bi_pool_check(const bide_pool *p, const char *func)
{
    place_of(bi_current_in(func)->run, p, func);
}

/* ---- Opening ------------------------------------------------------------ */

static int fill_options(struct bide_pool_options *o)
{
    if (o->workers > MOST_WORKERS || o->look_ahead >= BI_SLOTS ||
        (unsigned)o->on_cancel > BIDE_POOL_KILL || o->kill_grace < 0)
        return -EINVAL;
    if (!o->workers)
        o->workers = bi_sys_processors();
    if (!o->look_ahead)
        o->look_ahead = BI_SLOTS - 1;
    if (!o->kill_grace)
        o->kill_grace = DEFAULT_GRACE;
    return 0;
}

/* An initializer's argument may point to something static, or be a number. */
static int place_init(struct bide_pool *p)
{
    const struct bide_pool_options *o = &p->options;
    p->start.modules = &p->modules;
    if (!o->init)
        return 0;
    int rc = bi_module_place(&p->modules, (const void *)(uintptr_t)o->init,
                             &p->start.init);
    if (rc == 0)
        rc = bi_module_place(&p->modules, o->init_arg, &p->start.init_arg);
    else
        return -ELIBACC;
    if (rc == -ENOENT)
        p->start.init_arg.offset = (uintptr_t)o->init_arg;
    return rc == -ENOENT ? 0 : rc;
}

int bide_pool_open(bide_pool **out, const struct bide_pool_options *opt)
{
    struct bi_run *run = bi_current_in(__func__)->run;
    struct bide_pool_options o = {0};
    if (opt)
        o = *opt;
    int rc = fill_options(&o);
    if (rc == 0 && getauxval(AT_SECURE))
        rc = -EPERM;
    if (rc < 0)
        return rc;
    struct bide_pool *p =
        calloc(1, sizeof *p + o.workers * sizeof p->workers[0]);
    if (!p)
        return -ENOMEM;
    p->options = o;
    bi_list_init(&p->queue);
    rc = place_init(p);
    if (rc < 0) {
        free(p);
        return rc;
    }
    p->next = run->crews;
    run->crews = p;
    *out = p;
    return 0;
}

/* ---- A call ------------------------------------------------------------- */

static bool unpark(struct bi_wait *wait)
{
    bi_container_of(wait, struct bi_call, wait)->parked = false;
    return true;
}

static int park(struct bi_call *c, struct bi_task *self, const bide_pool *p)
{
    const char *what = c->with ? "job of a pool" : "worker of a pool";
    c->wait = bi_wait_make(self, what, p, unpark);
    c->parked = true;
    return (int)bi_park(&c->wait);
}

/* Wait for something to happen to the call. */
static int step(bide_pool *p, struct bi_call *c, struct bi_task *self)
{
    int rc = bi_park_check(self);
    struct bi_worker *w = c->with;
    if (rc < 0 || c->over)
        return rc;
    if (!w || w->ending || w->reader)
        return park(c, self, p);
    rc = bi_worker_listen(w, c);
    if (rc == -EPIPE && !w->ending)
        bi_dispatch_mourn(p, w);
    bi_dispatch(p);
    return rc == -EPIPE ? 0 : rc;
}

/* The call is refused with `code`.  False: its job has begun, and is to be
 * waited for. */
static bool give_up(bide_pool *p, struct bi_call *c, int code, bool patient)
{
    struct bi_worker *w = c->with;
    if (!w) {
        bi_list_remove(&c->queued);
        bi_call_settle(c, code);
    } else if (bi_worker_withdraw(w, c)) {
        bi_call_settle(c, code);
    } else if (patient) { /* the run is forced to its end */
        bi_worker_forget(w, c);
        bi_call_settle(c, code);
    } else if (w->ending ||
               (bi_scope_is_code(code) &&
                p->options.on_cancel == BIDE_POOL_WAIT)) {
        return false;
    } else {
        bi_dispatch_end(p, w, code);
    }
    bi_dispatch(p);
    return true;
}

static void wait_for(bide_pool *p, struct bi_call *c, struct bi_task *self)
{
    struct bide_scope shield = {0};
    bool patient = false;
    while (!c->over) {
        int rc = step(p, c, self);
        if (rc >= 0 || c->over || give_up(p, c, rc, patient))
            continue;
        bide_shield_open(&shield, BIDE_FOREVER);
        patient = true;
    }
    if (patient)
        bide_scope_close(&shield, 0);
}

/* Nobody is in a call any more.  The closer, if one waits, is told once; one
 * whose wait a cancel has ended is not. */
static void call_closer(bide_pool *p)
{
    struct bi_wait *closer = p->closer;
    p->closer = NULL;
    if (closer)
        bi_wake(closer, 0);
}

intptr_t bi_pool_make(bide_pool *p, struct bi_call *c, const char *func)
{
    struct bi_task *self = bi_current_in(func);
    bi_pool_check(p, func);
    int rc = bi_park_check(self);
    const struct bi_request *r = &c->request;
    if (rc < 0)
        return rc;
    if (p->closing || p->verdict < 0)
        return p->closing ? -ESHUTDOWN : p->verdict;
    if (!r->fn || (r->in_bytes && !r->in) || (r->room && !c->out))
        return -EINVAL;
    p->inside++;
    bi_list_push_back(&p->queue, &c->queued);
    bi_dispatch(p);
    wait_for(p, c, self);
    if (--p->inside == 0)
        call_closer(p);
    return c->result;
}

intptr_t bide_pool_call(bide_pool *p, struct bide_job *job)
{
    bi_current_in(__func__);
    struct bi_call c = {
        .request = {.fn = job->fn, .in = job->in, .in_bytes = job->in_bytes,
                    .room = job->out_bytes},
        .out = job->out,
    };
    intptr_t result = bi_pool_make(p, &c, __func__);
    job->out_bytes = c.out_bytes;
    job->death = c.death;
    return result;
}

/* ---- Closing ------------------------------------------------------------ */

static struct bi_worker *any_worker(bide_pool *p)
{
    for (unsigned i = 0; i < p->options.workers; i++)
        if (p->workers[i].alive && !p->workers[i].ending)
            return &p->workers[i];
    return NULL;
}

/* Whatever has not begun will not. */
static void refuse_rest(bide_pool *p)
{
    p->verdict = -ESHUTDOWN;
    for (unsigned i = 0; i < p->options.workers; i++) {
        struct bi_worker *w = &p->workers[i];
        if (!w->alive || w->ending)
            continue;
        for (uint32_t turn = w->heard; turn != w->sent; turn++) {
            struct bi_call *c = w->calls[turn % BI_SLOTS];
            if (c && bi_worker_withdraw(w, c))
                bi_call_settle(c, -ESHUTDOWN);
        }
    }
    bi_dispatch(p);
}

static void end_workers(bide_pool *p, int sig)
{
    struct bi_worker *w;
    for (unsigned i = 0; i < p->options.workers; i++)
        if (p->workers[i].alive)
            bide_proc_kill(&p->workers[i].proc, sig);
    while ((w = any_worker(p)))
        bi_dispatch_end(p, w, -ESHUTDOWN);
    bi_dispatch(p);
}

struct closing {
    struct bi_wait wait;
    bide_pool *pool;
};

static bool unhook(struct bi_wait *wait)
{
    bi_container_of(wait, struct closing, wait)->pool->closer = NULL;
    return true;
}

/* Wait until no task is in a call.  The last one to leave wakes us, and as the
 * pool takes no more, none is there when we run. */
static int wait_for_calls(bide_pool *p, struct bi_task *self)
{
    int rc = bi_park_check(self);
    if (rc < 0 || p->inside == 0)
        return rc;
    struct closing c = {
        .wait = bi_wait_make(self, "calls of a pool", p, unhook),
        .pool = p,
    };
    p->closer = &c.wait;
    rc = (int)bi_park(&c.wait);
    bi_assert(rc < 0 || p->inside == 0);
    return rc;
}

/* End what is left, and wait for it in any case. */
static void end_all(bide_pool *p, struct bi_task *self, int sig)
{
    struct bide_scope shield = {0};
    bide_shield_open(&shield, BIDE_FOREVER);
    refuse_rest(p);
    end_workers(p, sig);
    while (p->inside > 0 && wait_for_calls(p, self) < 0)
        bi_park_yield(self); /* of a run that is forced to its end */
    end_workers(p, sig);
    bide_scope_close(&shield, 0);
}

int bide_pool_shutdown(bide_pool *p, enum bide_pool_end how)
{
    struct bi_task *self = bi_current_in(__func__);
    struct bi_run *run = self->run;
    bi_pool_check(p, __func__);
    if ((unsigned)how > BIDE_POOL_END_NOW)
        return -EINVAL;
    if (p->closing)
        return -EALREADY;
    p->closing = true;
    if (how == BIDE_POOL_END_BEGUN)
        refuse_rest(p);
    bool waits = how == BIDE_POOL_END_ALL || how == BIDE_POOL_END_BEGUN;
    int rc = waits ? wait_for_calls(p, self) : 0;
    end_all(p, self, how == BIDE_POOL_END_NOW ? SIGKILL : SIGTERM);
    *place_of(run, p, __func__) = p->next;
    free(p);
    return rc;
}

int bide_pool_close(bide_pool *p)
{
    bi_current_in(__func__);
    return bide_pool_shutdown(p, BIDE_POOL_END_BUSY);
}

void bi_pool_end_run(struct bi_run *run)
{
    struct bide_pool *p;
    while ((p = run->crews)) {
        run->crews = p->next;
        for (unsigned i = 0; i < p->options.workers; i++)
            bi_worker_drop(&p->workers[i]);
        free(p);
    }
}

/* ---- Looking ------------------------------------------------------------ */

void bide_pool_stats(bide_pool *p, struct bide_pool_stats *out)
{
    bi_pool_check(p, __func__);
    *out = (struct bide_pool_stats){.started = p->started, .died = p->died,
                                    .ended = p->ended, .calls = p->inside};
    for (unsigned i = 0; i < p->options.workers; i++) {
        const struct bi_worker *w = &p->workers[i];
        out->workers += w->alive;
        out->busy += w->alive && bi_worker_load(w) > 0;
    }
}
