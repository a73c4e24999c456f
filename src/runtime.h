/* runtime.h: what bide_run() is made of, for those who run one body often.
 *
 * Between open and close the reactor, the stacks and the signal handlers stay:
 * bi_runtime_run() begins each time with a clock, ids, scopes and tasks of its
 * own, and ends, like bide_run(), when every task has ended.
 */
#ifndef BI_RUNTIME_H
#define BI_RUNTIME_H

#include "reactor.h"

#include <signal.h>

struct bi_runtime {
    struct bi_run run;
    struct bi_reactor reactor;
    struct bide_options options; /* with the defaults filled in */
    sigset_t mask;               /* the thread's before */
    bool deadlocked;
};

/* Set up `rt`, whatever it held before.  0, or as bide_run() fails to start,
 * with a sentence on stderr; then there is nothing to close. */
int bi_runtime_open(struct bi_runtime *rt, const struct bide_options *opt);

/* Run `fn(arg)` as the main task; its result, as bide_run() returns it. */
intptr_t bi_runtime_run(struct bi_runtime *rt, bide_fn *fn, void *arg);

void bi_runtime_close(struct bi_runtime *rt);

#endif
