/* dispatch.h: which worker makes which call. */
#ifndef BI_DISPATCH_H
#define BI_DISPATCH_H

#include "worker.h"

/* A pool, as it is inside. */
struct bide_pool {
    struct bide_pool *next; /* of the run's */
    struct bide_pool_options options; /* with the defaults filled in */
    struct bi_worker_start start;
    struct bi_modules modules;
    struct bi_list queue; /* bi_call.queued, the oldest first */
    size_t inside;        /* tasks that make a call */
    struct bi_wait *closer; /* parked until nobody is inside, or NULL */
    bool closing;
    int verdict;     /* < 0: no worker is given anything any more, and why */
    unsigned deaths; /* in a row */
    uint64_t started, died, ended; /* workers, workers, jobs */
    struct bi_worker workers[];    /* options.workers of them */
};

/* Do what can be done now: settle what was passed, end who is to be replaced,
 * hand out what is queued.  May wait, and is not to be cancelled. */
void bi_dispatch(struct bide_pool *p);

/* End a worker, whose begun job fails with `code`. */
void bi_dispatch_end(struct bide_pool *p, struct bi_worker *w, int code);

/* End a worker that has closed its bell. */
void bi_dispatch_mourn(struct bide_pool *p, struct bi_worker *w);

#endif
