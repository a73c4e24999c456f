/* pool.h: the end of a run, as its pools of processes see it. */
#ifndef BI_POOL_H
#define BI_POOL_H

#include "worker.h"

/* That `p` is open in the caller's run is `func`'s contract. */
void bi_pool_check(const bide_pool *p, const char *func);

/* Make the call of `c`, whose request is filled in, for the public `func`.
 * Returns its result or the refusal. */
intptr_t bi_pool_make(bide_pool *p, struct bi_call *c, const char *func);

/* Every task has ended: close the pools that are still open. */
void bi_pool_end_run(struct bi_run *run);

#endif
