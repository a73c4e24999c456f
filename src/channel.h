/* channel.h: the memory that a pool and one of its workers share.
 *
 *     head | modules | slots | the argument and result of one large job
 *
 * Jobs take the slots in turn.  The parent fills a slot and counts it in
 * `sent`; the worker makes the job in place and counts it in `passed`.  Who may
 * touch a slot is its state:
 *
 *     FREE -> SENT            the parent, filled
 *     SENT -> WITHDRAWN       the parent: it will not be made
 *     SENT -> BEGUN           the worker
 *     BEGUN -> DONE           the worker, with the result
 *     any but SENT -> FREE    the parent, once it was passed or the worker died
 *
 * What the worker has finished is there even if it died a moment later, and of
 * what it has not, the state says whether it was begun: so a death costs the
 * one job it came from.
 *
 * Bytes in two pipes are the bells: each side rings only if the other says that
 * it sleeps, or is about to.  The parent's death closes one, the worker's the
 * other.
 */
#ifndef BI_CHANNEL_H
#define BI_CHANNEL_H

#include "module.h"

#include <stdatomic.h>

#define BI_SLOTS 32
#define BI_SLOT_BYTES 16384
#define BI_SLOT_MARK 0x62695374u

/* The worker's descriptors. */
enum { BI_BELL_IN = 3, BI_BELL_OUT, BI_SHARED };

enum bi_slot_state { BI_FREE, BI_SENT, BI_WITHDRAWN, BI_BEGUN, BI_DONE };

struct bi_slot {
    _Atomic uint32_t state; /* enum bi_slot_state */
    uint32_t mark;          /* BI_SLOT_MARK: nobody wrote over it */
    struct bi_place fn;
    uint64_t in_bytes;  /* of each item */
    uint64_t room;      /* likewise */
    uint64_t count;     /* items, for a map; 0: it is one plain job */
    uint64_t large;     /* bytes of the large part that it uses, or 0 */
    uint64_t out_bytes; /* of a plain job */
    int64_t result;     /* likewise */
    _Alignas(BI_LINE) char data[];
};

/* What came of an item of a map; the results follow the last one. */
struct bi_item {
    int64_t result;
    uint64_t bytes;
};

struct bi_head {
    /* The parent's line. */
    _Alignas(BI_LINE) _Atomic uint32_t sent;
    _Atomic uint32_t parent_sleeps;
    struct bi_place init, init_arg; /* init.module 0: none */
    uint32_t modules;
    /* The worker's. */
    _Alignas(BI_LINE) _Atomic uint32_t passed;
    _Atomic uint32_t worker_sleeps;
    _Atomic int32_t init_code; /* what the initializer has returned, if < 0 */
};

struct bi_channel {
    struct bi_head head;
    struct bi_module modules[BI_MODULES];
    _Alignas(4096) char slots[BI_SLOTS][BI_SLOT_BYTES];
};

static_assert(sizeof(struct bi_channel) % 4096 == 0, "large is mapped alone");

static inline struct bi_slot *bi_slot_at(struct bi_channel *c, uint32_t n)
{
    return (struct bi_slot *)c->slots[n % BI_SLOTS];
}

/* So that what a result begins with is aligned for everything. */
static inline size_t bi_aligned(size_t bytes)
{
    return (bytes + BI_LINE - 1) & ~(size_t)(BI_LINE - 1);
}

/* How far apart the results of a map lie. */
static inline size_t bi_item_stride(size_t room)
{
    return (room + 15) & ~(size_t)15;
}

/* Map the channel, or its large part of `bytes`.  NULL, and *error. */
struct bi_channel *bi_channel_map(int fd, int *error);
char *bi_channel_map_large(int fd, size_t bytes, int *error);

#endif
