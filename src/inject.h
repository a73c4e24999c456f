/* inject.h: calls that fail because a test wants them to. */
#ifndef BI_INJECT_H
#define BI_INJECT_H

#include "calls.h"
#include "reactor.h"

/* What stands between the tasks of one test run and the kernel. */
struct bi_injector {
    /* The running task makes `call`, or comes to a point of its own: 0, or the
     * outcome that it shall have; a short one only where it `divides`. */
    int (*pass)(struct bi_injector *in, const struct bi_call *call,
                bool divides);
    struct bi_backend face; /* stands before the run's own, */
    const struct bi_backend *real;
    int due;       /* what the operation that is begun next shall come to */
    bool threaded; /* the run has asked for a thread */
};

/* Stand between, on this thread, and get out of the way. */
void bi_inject_begin(struct bi_injector *in, struct bi_reactor *r);
void bi_inject_end(struct bi_injector *in, struct bi_reactor *r);

#endif
