/* wire.h: a stream in memory, between two ends, for tests. */
#ifndef BI_WIRE_H
#define BI_WIRE_H

#include "op.h"

#include <bide/test.h>

struct bi_end {
    struct bi_wire *wire;
    int fd;                /* -1: closed */
    struct bi_list coming; /* packets, in order */
    size_t bytes;          /* in them, not yet read */
    bide_time last;        /* when the end of the stream comes; or FOREVER */
    struct bi_timer timer; /* of the first that is not due yet */
    bool deaf;             /* it reads no more: it was shut down, or closed */
    bool told;             /* of the reset */
};

struct bi_wire {
    struct bi_list link; /* on the run's `wires` */
    struct bi_end ends[2];
    struct bide_test_link how;
    uint64_t *random; /* the state of the run's lots */
    uint64_t moved;   /* bytes written, both ways */
    bool reset;
};

/* A wire whose ends have no number yet; NULL: no memory.  To be freed once
 * their timers are disarmed. */
struct bi_wire *bi_wire_make(const struct bide_test_link *link,
                             uint64_t *random);
void bi_wire_free(struct bi_wire *wire);

static inline struct bi_end *bi_wire_other(const struct bi_end *end)
{
    struct bi_wire *wire = end->wire;
    return &wire->ends[end == &wire->ends[0]];
}

/* The result of `op` at `end` now, or -EAGAIN: it must wait. */
intptr_t bi_wire_attempt(struct bi_end *end, struct bi_op *op);

/* What poll(2) would see at `end`. */
short bi_wire_events(const struct bi_end *end);

/* When the first that has not come yet will, or BIDE_FOREVER. */
bide_time bi_wire_due(const struct bi_end *end);

/* The end writes no more; reads no more; both are cut off. */
void bi_wire_shut_out(struct bi_end *end);
void bi_wire_shut_in(struct bi_end *end);
void bi_wire_reset(struct bi_wire *wire);

#endif
