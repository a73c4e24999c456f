/* strategy.h: who runs next, decided by a seed. */
#ifndef BI_STRATEGY_H
#define BI_STRATEGY_H

#include "sched.h"
#include "seed.h"
#include "steps.h"
#include "trace.h"

#define BI_CHANGES 4 /* of priorities, at most */

struct bi_strategist {
    struct bi_schedule schedule; /* first: it is what the scheduler calls */
    struct bi_seed seed;
    struct bi_trace trace;
    struct bi_steps steps; /* told to the test */
    uint64_t step_limit;
    bool stuck;            /* it was passed */
    uint64_t random;       /* the state of the generator */
    uint64_t changes[BI_CHANGES]; /* PCT: the steps at which one is made */
    int64_t lowest;        /* the lowest priority that was given */
    struct bi_task *last;  /* who ran before, */
    uint64_t ends;         /* unless more tasks than these have ended since */
    unsigned streak;       /* turns of `last` in a row, ended or given up */
};

/* Begin the schedule of `seed` for `run`, whose tasks it will choose from. */
void bi_strategy_begin(struct bi_strategist *s, struct bi_run *run,
                       const struct bi_seed *seed,
                       const struct bide_test_options *opt);

#endif
