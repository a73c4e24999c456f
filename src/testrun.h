/* testrun.h: a body under the virtual clock and a schedule, once or often. */
#ifndef BI_TESTRUN_H
#define BI_TESTRUN_H

#include "runtime.h"
#include "strategy.h"
#include "wires.h"

#include <bide/test.h>

struct bi_testrun {
    struct bi_runtime runtime;
    struct bi_strategist strategist;
    struct bi_wires wires;
    struct bide_test_options options;
    bide_time now;        /* the virtual clock */
    intptr_t unread;      /* the first result that nobody read, or 0 */
    bool seeded;          /* the environment or the options give a seed, */
    struct bi_seed seed;  /* this one */
    void (*began)(struct bi_testrun *t); /* NULL, or told of each schedule */
    char also[32];        /* what replays it beside the seed: "BIDE_X=3 " */
};

/* Set up `t`; `opt` may be NULL.  0, or why it cannot start, told. */
int bi_testrun_open(struct bi_testrun *t, const struct bide_test_options *opt);

/* Run `fn(arg)` under the schedule of `seed`, or, NULL, in the order of
 * production; its result, or what else the schedule came to. */
intptr_t bi_testrun_once(struct bi_testrun *t, const struct bi_seed *seed,
                         bide_fn *fn, void *arg);

void bi_testrun_close(struct bi_testrun *t);

/* How to see the schedule of `seed` again, on stderr. */
void bi_testrun_tell_replay(const struct bi_testrun *t,
                            const struct bi_seed *seed);

#endif
