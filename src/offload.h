/* offload.h: threads for what would block the run's own.
 *
 * A job's `work` runs on one of them, with every signal blocked; then its
 * `done` runs on the run's thread, by way of the inbox.  Threads are started on
 * demand up to a limit, and end when they have been idle for some seconds, or
 * when the pool is closed.
 */
#ifndef BI_OFFLOAD_H
#define BI_OFFLOAD_H

#include "inbox.h"

/* The submitter's, until `done` is called. */
struct bi_job {
    struct bi_letter letter; /* on its way back */
    struct bi_job *next;     /* queued */
    void (*work)(struct bi_job *job);
    void (*done)(struct bi_job *job);
    /* On the thread, in place of `done`: the pool has been closed meanwhile.
     * NULL: it will not be, somebody waits for the job. */
    void (*orphaned)(struct bi_job *job);
};

struct bi_offload;

/* A pool of at most `limit` threads; none is started yet.  NULL: no memory. */
struct bi_offload *bi_offload_open(struct bi_inbox *inbox, unsigned limit);

/* Join the threads.  Only jobs that can be orphaned may be under way, and none
 * may be queued. */
void bi_offload_close(struct bi_offload *o);

/* Queue a job.  0, or -EAGAIN: there is no thread and none can be started. */
int bi_offload_submit(struct bi_offload *o, struct bi_job *job);

/* Take a job back.  False: it has begun, and `done` will be called. */
bool bi_offload_withdraw(struct bi_offload *o, struct bi_job *job);

/* How long a thread is idle before it retires; for tests to shorten. */
extern bide_time bi_offload_patience;

#endif
