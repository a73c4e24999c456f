/* sigqueue.h: signals that have come and were not taken, with their siginfo.
 *
 * Put by handlers, on any thread; taken by one thread, in order of arrival.
 */
#ifndef BI_SIGQUEUE_H
#define BI_SIGQUEUE_H

#include "base.h"

#include <signal.h>
#include <stdatomic.h>

/* Signals are numbered from 1; a set of them has a bit for each. */
#define BI_SIGNALS 64
#define BI_SIGNAL_BIT(number) (UINT64_C(1) << ((number) - 1))

/* The first that is queued, not merged; some of them are libc's own. */
#define BI_FIRST_QUEUED 32

struct bi_sigcell {
    siginfo_t info;
    atomic_size_t ticket; /* one more than that of what was last put here */
};

struct bi_sigqueue {
    struct bi_sigcell *cells; /* a ring */
    size_t mask;              /* their number, a power of two, less 1 */
    size_t head;              /* the ticket to be taken next */
    atomic_size_t tail;       /* the next to be given out */
    atomic_uint merged;       /* the standard signals in it, a bit each */
    atomic_size_t queued;     /* the real-time signals in it */
    atomic_uint lost;         /* for which there was no room, not told yet */
};

/* Make room for the signals of `set`.  0 or -ENOMEM. */
int bi_sigqueue_open(struct bi_sigqueue *q, uint64_t set);
void bi_sigqueue_close(struct bi_sigqueue *q);

/* Put a signal in.  Async-signal-safe.                                [any] */
void bi_sigqueue_put(struct bi_sigqueue *q, const siginfo_t *info);

/* Take the oldest.  Returns its number; 0: there is none; -EOVERFLOW, once: so
 * many as info->si_int says have been lost. */
int bi_sigqueue_take(struct bi_sigqueue *q, siginfo_t *info);

#endif
