/* ended.h: the ends of tasks that nobody has asked for yet, oldest first. */
#ifndef BI_ENDED_H
#define BI_ENDED_H

#include "core.h"

struct bi_ended {
    void *arg;
    intptr_t result;
};

/* The places that their owner has for the first of them. */
#define BI_ENDED_OWN 8

struct bi_ends {
    struct bi_ended *ring;
    size_t room; /* places in it, a power of two; BI_ENDED_OWN: the owner's */
    size_t first, count;
    bool dropped; /* the oldest, for the ring had its full size; not yet told */
};

static inline void bi_ended_open(struct bi_ends *e,
                                 struct bi_ended own[BI_ENDED_OWN])
{
    *e = (struct bi_ends){.ring = own, .room = BI_ENDED_OWN};
}

/* Nobody will ask any more. */
void bi_ended_close(struct bi_ends *e, struct bi_run *run);

/* bi_ended_reserve() where the ring is full. */
int bi_ended_grow(struct bi_ends *e, struct bi_run *run);

/* Have room for one more end than `alive` tasks will bring: 0 or -ENOMEM. */
static inline int bi_ended_reserve(struct bi_ends *e, size_t alive,
                                   struct bi_run *run)
{
    return bi_likely(e->count + alive < e->room) ? 0 : bi_ended_grow(e, run);
}

static inline struct bi_ended *bi_ended_at(const struct bi_ends *e, size_t i)
{
    return &e->ring[(e->first + i) & (e->room - 1)];
}

/* Take the oldest out; there is one.  `arg` and `result` may be NULL. */
static inline void bi_ended_take(struct bi_ends *e, void **arg,
                                 intptr_t *result)
{
    const struct bi_ended *oldest = bi_ended_at(e, 0);
    if (arg)
        *arg = oldest->arg;
    if (result)
        *result = oldest->result;
    e->first++;
    e->count--;
}

static inline void bi_ended_put(struct bi_ends *e, const struct bi_task *task)
{
    if (e->count == e->room) {
        bi_ended_take(e, NULL, NULL);
        e->dropped = true;
    }
    *bi_ended_at(e, e->count++) = (struct bi_ended){task->arg, task->result};
}

/* The run ends: give back what is kept for the next. */
void bi_ended_end_run(struct bi_run *run);

#endif
