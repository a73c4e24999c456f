/* histogram.c: how often each latency was seen, in a fixed piece of memory.
 *
 * A slot's number is the octave above its low bits, so finding it takes a count
 * of leading zeros and a shift.  The first two rows of 256 are exact: there
 * number and value are the same.
 *
 * What a percentile tells is the top of a slot, for it must not flatter; but
 * never more than the greatest value there was.
 */
#include "histogram.h"

#include <assert.h>

#define ROW (1u << LOAD_SUB_BITS)

unsigned load_histogram_slot(uint64_t value)
{
    if (value < 2 * ROW)
        return (unsigned)value;
    if (value > LOAD_VALUE_MAX)
        value = LOAD_VALUE_MAX;
    unsigned octave = 63 - (unsigned)__builtin_clzll(value) - LOAD_SUB_BITS;
    return octave * ROW + (unsigned)(value >> octave);
}

uint64_t load_histogram_top(unsigned slot)
{
    assert(slot < LOAD_SLOTS);
    if (slot < 2 * ROW)
        return slot;
    unsigned octave = slot / ROW - 1;
    uint64_t first = ROW + slot % ROW;
    return ((first + 1) << octave) - 1;
}

void load_histogram_record(struct load_histogram *h, uint64_t value)
{
    if (h->count == 0 || value < h->least)
        h->least = value;
    if (value > h->greatest)
        h->greatest = value;
    h->count++;
    h->sum += value;
    h->slots[load_histogram_slot(value)]++;
}

void load_histogram_merge(struct load_histogram *into,
                          const struct load_histogram *from)
{
    if (from->count == 0)
        return;
    if (into->count == 0 || from->least < into->least)
        into->least = from->least;
    if (from->greatest > into->greatest)
        into->greatest = from->greatest;
    into->count += from->count;
    into->sum += from->sum;
    for (unsigned i = 0; i < LOAD_SLOTS; i++)
        into->slots[i] += from->slots[i];
}

/* The last slot has no top: what was longer than it stands in `greatest`. */
static uint64_t told(const struct load_histogram *h, unsigned slot)
{
    uint64_t top = load_histogram_top(slot);
    return slot == LOAD_SLOTS - 1 || top > h->greatest ? h->greatest : top;
}

uint64_t load_histogram_at(const struct load_histogram *h, unsigned parts)
{
    assert(parts <= 10000);
    /* Taken apart, for count * parts could overflow. */
    uint64_t rank = h->count / 10000 * parts +
                    (h->count % 10000 * parts + 9999) / 10000;
    uint64_t seen = 0;
    for (unsigned i = 0; i < LOAD_SLOTS && h->count > 0; i++) {
        seen += h->slots[i];
        if (seen > 0 && seen >= rank)
            return told(h, i);
    }
    return 0;
}

double load_histogram_mean(const struct load_histogram *h)
{
    return h->count ? (double)h->sum / (double)h->count : 0;
}
