/* dary.h: the heap of many: an implicit 4-ary heap of keys.
 *
 * Johnson, "Priority queues with update and finding minimum spanning trees",
 * Information Processing Letters 4 (1975).  Four children are as quick to look
 * through as one, for they lie in one cache line, and the way down is half as
 * long as with two.
 *
 * To be taken back, an entry must be found.  Entries move, so each has a seat,
 * which does not: a seat that was left empties its entry, and empty entries go
 * when they come to the top, or when there are as many of them as of others.
 * Rejected: to keep in its seat where an entry is, a store for every step.
 */
#ifndef BI_DARY_H
#define BI_DARY_H

#include "base.h"

struct bi_dary_entry {
    bide_time key;
    uint32_t order; /* equal keys come out in it; it may wrap around */
    uint32_t seat;
};

union bi_dary_seat {
    void *owner;   /* NULL: it was taken back */
    uint32_t next; /* of those that are free; 0: none */
};

/* Zeroed, an empty one. */
struct bi_dary {
    struct bi_dary_entry *entries; /* behind them, in one mapping, the seats */
    union bi_dary_seat *seats;     /* seat 0 is nobody's */
    uint32_t room, count, empty;   /* entries there may be, are, are empty */
    uint32_t free, cut;            /* seats [1, cut] were taken at least once */
};

/* Returns the seat, or 0: no memory. */
uint32_t bi_dary_insert(struct bi_dary *d, bide_time key, uint32_t order,
                        void *owner);

void bi_dary_remove(struct bi_dary *d, uint32_t seat);

/* The owner of the least key, or NULL, and the key. */
void *bi_dary_first(const struct bi_dary *d, bide_time *key);

/* Give the memory back. */
void bi_dary_end(struct bi_dary *d);

#endif
