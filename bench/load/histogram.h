/* histogram.h: how often each latency was seen, in a fixed piece of memory.
 *
 * The slots are linear within an octave and there are as many in each octave,
 * so the width of a slot is a fixed share of the values in it: below 512 ns it
 * is one value, from there at most 1/256 of them.  The idea is that of
 * HdrHistogram (Gil Tene, hdrhistogram.org).  Count, sum, least and greatest
 * are exact.
 *
 * A zeroed histogram is an empty one.  Recording allocates nothing and touches
 * one slot.
 */
#ifndef LOAD_HISTOGRAM_H
#define LOAD_HISTOGRAM_H

#include <stdint.h>

/* The octaves are divided into 256; values end at 2^40 ns, some 18 minutes. */
#define LOAD_SUB_BITS 8
#define LOAD_VALUE_BITS 40
#define LOAD_VALUE_MAX (((uint64_t)1 << LOAD_VALUE_BITS) - 1)
#define LOAD_SLOTS ((LOAD_VALUE_BITS - LOAD_SUB_BITS + 1) << LOAD_SUB_BITS)

struct load_histogram {
    uint64_t count, sum, least, greatest;
    uint64_t slots[LOAD_SLOTS];
};

/* Count `value`; one above LOAD_VALUE_MAX counts as that in the slots. */
void load_histogram_record(struct load_histogram *h, uint64_t value);

/* Add all that `from` has counted to `into`. */
void load_histogram_merge(struct load_histogram *into,
                          const struct load_histogram *from);

/* The smallest value that at least `parts` of 10,000 values do not exceed: for
 * p99.9 it is 9,990.  At most 1/256 too great, never too small; 0 if empty. */
uint64_t load_histogram_at(const struct load_histogram *h, unsigned parts);

/* The mean, or 0 if empty. */
double load_histogram_mean(const struct load_histogram *h);

/* Which slot a value falls into, and the greatest value that does. */
unsigned load_histogram_slot(uint64_t value);
uint64_t load_histogram_top(unsigned slot);

#endif
