/* seed.h: the name of a schedule: "random.17", "pct3.17.120". */
#ifndef BI_SEED_H
#define BI_SEED_H

#include "base.h"

enum bi_strategy {
    BI_FIRST_IN,
    BI_LAST_IN,
    BI_RANDOM,
    BI_PCT_1, /* the depths follow each other */
    BI_PCT_5 = BI_PCT_1 + 4,
    BI_STRATEGIES,
};

struct bi_seed {
    enum bi_strategy strategy;
    uint64_t number;
    uint32_t steps; /* PCT: among so many lie the changes of priority */
};

#define BI_SEED_BYTES 48

/* Write it as text into `out`, of BI_SEED_BYTES. */
void bi_seed_write(const struct bi_seed *seed, char *out);

/* Read it; false: that is none. */
bool bi_seed_read(struct bi_seed *seed, const char *text);

#endif
