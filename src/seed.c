/* seed.c: the name of a schedule, to and from text; the lots are in seed.h.
 *
 *     STRATEGY.NUMBER          first, last, random, pct1
 *     STRATEGY.NUMBER.STEPS    pct2 ... pct5
 *
 * The text is the whole truth: a schedule needs nothing else to be replayed, in
 * another process and on another machine.  So PCT, which spreads its changes
 * over the length of a run, is told the length here and does not measure it.
 *
 * The lots are those of SplitMix64 (Steele, Lea, Flood: Fast splittable
 * pseudorandom number generators, OOPSLA 2014): eight bytes of state, and any
 * number is a good seed.
 */
#include "seed.h"

#include <stdio.h>
#include <string.h>

static const char *const names[BI_STRATEGIES] = {
    "first", "last", "random", "pct1", "pct2", "pct3", "pct4", "pct5",
};

/* Whether the strategy makes changes on its way. */
static bool takes_steps(enum bi_strategy s)
{
    return s > BI_PCT_1;
}

void bi_seed_write(const struct bi_seed *seed, char *out)
{
    const char *name = names[seed->strategy];
    unsigned long long number = seed->number;
    if (takes_steps(seed->strategy))
        snprintf(out, BI_SEED_BYTES, "%s.%llu.%u", name, number, seed->steps);
    else
        snprintf(out, BI_SEED_BYTES, "%s.%llu", name, number);
}

/* Read ".DIGITS" up to `limit`; NULL: it is not there. */
static const char *read_number(const char *text, uint64_t limit, uint64_t *out)
{
    if (!text || *text++ != '.' || *text < '0' || *text > '9')
        return NULL;
    uint64_t n = 0;
    for (; *text >= '0' && *text <= '9'; text++) {
        unsigned digit = (unsigned)(*text - '0');
        if (n > (limit - digit) / 10)
            return NULL;
        n = n * 10 + digit;
    }
    *out = n;
    return text;
}

bool bi_seed_read(struct bi_seed *seed, const char *text)
{
    size_t len = strcspn(text, ".");
    int s = 0;
    while (s < BI_STRATEGIES &&
           (strlen(names[s]) != len || memcmp(names[s], text, len) != 0))
        s++;
    if (s == BI_STRATEGIES)
        return false;
    uint64_t steps = 0;
    seed->strategy = (enum bi_strategy)s;
    text = read_number(text + len, UINT64_MAX, &seed->number);
    if (takes_steps(seed->strategy))
        text = read_number(text, UINT32_MAX, &steps);
    seed->steps = (uint32_t)steps;
    return text && !*text;
}
