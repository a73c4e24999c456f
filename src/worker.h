/* worker.h: a worker as its pool sees it: started, given calls, heard, ended.
 */
#ifndef BI_WORKER_H
#define BI_WORKER_H

#include "channel.h"
#include "core.h"

struct bi_call;

/* What is asked of a worker. */
struct bi_request {
    bide_job_fn *fn;
    const void *in;
    size_t in_bytes; /* of each item */
    size_t room;     /* likewise */
    size_t count;    /* items of a map; 0: one plain job */
};

/* A call of a pool, on the stack of the task that makes it. */
struct bi_call {
    struct bi_wait wait; /* while `parked` */
    struct bi_list queued;
    struct bi_request request;
    void *out;              /* where the result goes, */
    size_t out_bytes;       /* and its size, once over */
    struct bi_worker *with; /* NULL: it is queued, or over */
    uint32_t turn;          /* of the worker's slots */
    int death;
    intptr_t result;
    bool parked;
    bool over;
};

/* A place for a worker; zeroed, there is none. */
struct bi_worker {
    bool alive;
    bool ending;  /* a task sees to its end */
    bool broken;  /* it does not keep to the channel's rules */
    struct bide_proc proc;
    int bell_out, bell_in;
    int shared;
    struct bi_channel *channel;
    char *large;
    size_t large_bytes;
    struct bi_call *large_user;
    uint32_t sent, heard; /* turns */
    uint32_t given;       /* jobs, in its life */
    int init_code;        /* of its initializer, once it has ended */
    struct bi_call *reader; /* the call whose task waits for the bell */
    struct bi_call *calls[BI_SLOTS]; /* by turn; NULL: withdrawn */
};

/* What a worker is started with. */
struct bi_worker_start {
    struct bi_modules *modules;
    struct bi_place init, init_arg;
};

/* 0 or a negated errno. */
int bi_worker_start(struct bi_worker *w, const struct bi_worker_start *how);

/* Turns that were given and not heard of. */
static inline uint32_t bi_worker_load(const struct bi_worker *w)
{
    return w->sent - w->heard;
}

/* Whether it can take the call now. */
bool bi_worker_fits(const struct bi_worker *w, const struct bi_request *r);

/* Give it the call.  0; or why the call cannot be made at all. */
int bi_worker_give(struct bi_worker *w, struct bi_call *call,
                   struct bi_modules *modules);

/* Take the call back: false if the job was begun. */
bool bi_worker_withdraw(struct bi_worker *w, struct bi_call *call);

/* Wait, in the task of `call`, until the worker may have passed a job: 0; or
 * the refusal; -EPIPE: it has closed its bell. */
int bi_worker_listen(struct bi_worker *w, struct bi_call *call);

/* Settle what was passed.  Returns how many jobs have ended. */
unsigned bi_worker_collect(struct bi_worker *w);

/* End it and settle what it has begun with `code`; what it has not goes to the
 * front of `queue`.  Waits, and is not to be cancelled.  Returns its wait
 * status, -ECHILD where that is lost. */
int bi_worker_end(struct bi_worker *w, bide_time grace, int code,
                  struct bi_list *queue);

/* The run is over: end it at once, without a task. */
void bi_worker_drop(struct bi_worker *w);

/* Let it be: its result is not wanted any more. */
void bi_worker_forget(struct bi_worker *w, struct bi_call *call);

/* The call is over. */
void bi_call_settle(struct bi_call *call, intptr_t result);

#endif
