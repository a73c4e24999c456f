/* gather.h: calls, as the other combinators begin with them. */
#ifndef BI_GATHER_H
#define BI_GATHER_H

#include "core.h"

/* Every fn is there, and the running task may wait: 0, and each result says
 * that its call was not made; or -EINVAL, or the refusal. */
int bi_gather_check(struct bide_call *calls, size_t n);

#endif
