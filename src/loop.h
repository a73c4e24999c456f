/* loop.h: a run's handle, which other threads may hold. */
#ifndef BI_LOOP_H
#define BI_LOOP_H

#include "inbox.h"

/* Alive until the last reference is given back, the run's own included. */
struct bide_loop {
    struct bi_inbox inbox;
    atomic_uint refs;
};

/* NULL with *error set: no memory, or no descriptor. */
struct bide_loop *bi_loop_make(int *error);

/* Give back the run's own reference. */
void bi_loop_drop(struct bide_loop *loop);

#endif
