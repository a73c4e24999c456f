/* reactor.h: how tasks wait for the kernel: one face, two backends.
 *
 * A backend is a table of functions, chosen at run time.  All of them run on
 * the run's thread, `start` and `cancel` on whichever stack calls, `wait` on
 * the loop's.
 *
 * An operation is begun with `start`, and ends exactly once with bi_op_done().
 * Until then its record, and every buffer it names, stay where they are: the
 * task is parked.  `cancel` asks for an early end; only the kernel's own
 * completion (or the certainty that the kernel never had it) ends it.
 */
#ifndef BI_REACTOR_H
#define BI_REACTOR_H

#include "fdtable.h"
#include "inbox.h"
#include "op.h"
#include "survey.h"

struct bi_reactor;

struct bi_backend {
    const char *name; /* "io_uring", "epoll" */

    /* Set up r->state.  0, or a negated errno with r->reason told: what was
     * refused, and what to do about it. */
    int (*open)(struct bi_reactor *r, unsigned entries);

    /* Take everything down.  No operation is in flight. */
    void (*close)(struct bi_reactor *r);

    /* Whether to make the call at once before waiting for it (or else to leave
     * it to `start`).  `e` is the descriptor's entry, or NULL. */
    bool (*try_first)(struct bi_reactor *r, const struct bi_op *op,
                      const struct bi_fd *e);

    /* Begin `op`; e is its descriptor's entry, NULL if it has none.  Ends in
     * bi_op_done(), maybe before `start` returns, with the call's result or
     * with BI_AGAIN: it should be tried now. */
    void (*start)(struct bi_reactor *r, struct bi_op *op, struct bi_fd *e);

    /* Ask for the end of `op`.  True: it is over, the kernel has nothing of it,
     * and bi_op_done() will not be called.  False: bi_op_done() will be. */
    bool (*cancel)(struct bi_reactor *r, struct bi_op *op);

    /* Those parked on `fd` have waited for some time.  End those whose file is
     * not the one of that number any more. */
    void (*ask)(struct bi_reactor *r, int fd, struct bi_fd *e);

    /* Hand over what was begun and take in what has ended, waiting up to `span`
     * (ns; 0: not at all; BIDE_FOREVER: until something happens) for a first
     * end or for r->inbox.wake_fd.  Spurious returns are allowed. */
    void (*wait)(struct bi_reactor *r, bide_time span);

    /* The descriptor is about to be closed, after `cancel` was called for what
     * waits on it (op->closing is set): make the kernel let go of the file, so
     * that its peer sees the end as soon as it is closed.  Never blocks. */
    void (*let_go)(struct bi_reactor *r, int fd, struct bi_fd *e);

    /* What a test has in the place of the kernel; NULL: the kernel's own. */
    intptr_t (*try_now)(struct bi_reactor *r, struct bi_op *op); /* -EAGAIN */
    int (*poll_now)(struct pollfd *fds, nfds_t n);
    int (*shut_down)(struct bi_reactor *r, int fd, int how);

    /* In a forked child: drop what is its own, touch nothing shared. */
    void (*abandon)(struct bi_reactor *r);
};

extern const struct bi_backend bi_backend_uring, bi_backend_epoll;

struct bi_reactor {
    const struct bi_backend *backend;
    void *state; /* the backend's */
    struct bi_run *run;
    struct bi_fdtable fds;
    struct bi_survey survey;
    struct bi_inbox *inbox;     /* the run handle's */
    struct bi_offload *offload; /* NULL until it is needed */
    unsigned offload_limit;
    size_t in_flight;           /* operations between start and done */
    uint64_t submits, wakeups;  /* for bide_stats() */
    bool resting;               /* quiet, and giving unused stacks back */
    bide_time accept_pause;     /* no accept before this time: EMFILE */
    char reason[200];           /* why not the other backend, or why none */
};

/* Choose a backend and set it up.  `wish` is already merged with the
 * environment.  0 or a negated errno with r->reason told. */
int bi_reactor_open(struct bi_reactor *r, struct bi_run *run,
                    struct bi_inbox *inbox, enum bide_backend wish,
                    unsigned entries, unsigned threads);
void bi_reactor_close(struct bi_reactor *r);

/* Make the call that `op` describes, waiting as long as it takes; the caller
 * has done bi_park_check().  Returns its result or the refusal. */
intptr_t bi_reactor_run(struct bi_reactor *r, struct bi_op *op);

/* The same, without waiting: its result, or -EAGAIN. */
intptr_t bi_reactor_try(struct bi_reactor *r, struct bi_op *op);

/* poll(2) that does not wait. */
int bi_reactor_poll(struct bi_reactor *r, struct pollfd *fds, nfds_t n);

/* The two halves of it, for one who waits for several: begin an operation that
 * ends in op->done(), and ask for its end (true: it is over already). */
void bi_reactor_begin(struct bi_reactor *r, struct bi_op *op);
bool bi_reactor_cancel(struct bi_reactor *r, struct bi_op *op);

/* One round of the loop: letters, timers, completions.  Sleeps only if no task
 * is ready.  False: no task is ready and nothing could wake one. */
bool bi_reactor_turn(struct bi_reactor *r);

/* The file of `op` is not, or will not be, the one of its number: end it with
 * -EBADF, unless a result comes first. */
void bi_reactor_strand(struct bi_reactor *r, struct bi_op *op);

/* Take back what waits on `fd` and close it. */
int bi_reactor_close_fd(struct bi_reactor *r, int fd);

/* Give `op` to a thread of the offload pool; ends in bi_op_done(). */
void bi_reactor_offload(struct bi_reactor *r, struct bi_op *op);

/* The end of `op`: `result`, or BI_AGAIN.  For backends. */
void bi_op_done(struct bi_reactor *r, struct bi_op *op, intptr_t result);

/* The reactor of this thread's run, which exists. */
static inline struct bi_reactor *bi_reactor_here(void)
{
    return bi_here->reactor;
}

/* The entry of `fd` there, made if need be; NULL: no memory, or fd < 0. */
static inline struct bi_fd *bi_reactor_entry(int fd)
{
    return bi_fd_get(&bi_reactor_here()->fds, fd);
}

#endif
