/* race.h: attempts of which the first to succeed ends the others. */
#ifndef BI_RACE_H
#define BI_RACE_H

#include "group.h"

struct bi_race {
    struct bide_group group;
    struct bide_call *calls;
    bool same;       /* every attempt is calls[0] */
    size_t failed;   /* attempts that have failed, */
    size_t answered; /* and those in whose place another has begun */
    bool won;
    size_t winner;   /* its index, */
    intptr_t value;  /* and its result */
};

/* Make `n` attempts, each `delay` after the one before or, sooner, when one
 * has failed.  0: one has won; or what bide_race() returns. */
intptr_t bi_race_run(struct bi_race *race, size_t n, bide_time delay,
                     const void *site, const char *func);

#endif
