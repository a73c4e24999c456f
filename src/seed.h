/* seed.h: the name of a schedule, "random.17" or "pct3.17.120", and the lots
 * that its number stands for.
 */
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

/* The next lot of those that `state` stands for; any number is a good start. */
static inline uint64_t bi_seed_draw(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

#define BI_SEED_BYTES 48

/* Write it as text into `out`, of BI_SEED_BYTES. */
void bi_seed_write(const struct bi_seed *seed, char *out);

/* Read it; false: that is none. */
bool bi_seed_read(struct bi_seed *seed, const char *text);

#endif
