/* loop.h: a run's handle, which other threads may hold. */
#ifndef BI_LOOP_H
#define BI_LOOP_H

#include "core.h"
#include "inbox.h"

/* Alive until the last reference is given back, the run's own included. */
struct bide_loop {
    struct bi_inbox inbox;
    atomic_uint refs;
    struct bi_list due;     /* callbacks of futures that are done (future.c), */
    struct bi_letter calls; /* the letter that has them called, */
    bool called;            /* and whether that is on its way */
};

/* NULL with *error set: no memory, or no descriptor. */
struct bide_loop *bi_loop_make(int *error);

/* Send `letter` to the run of `loop`: 0 or -ESHUTDOWN.  From its own thread the
 * loop gets its turn at the next suspension, so that one yield is enough. */
static inline int bi_loop_post(struct bide_loop *loop,
                               struct bi_letter *letter)
{
    int rc = bi_inbox_post(&loop->inbox, letter);
    if (bi_here && bi_here->handle == loop)
        bi_here->tick = 1;
    return rc;
}

/* Give back the run's own reference. */
void bi_loop_drop(struct bide_loop *loop);

#endif
