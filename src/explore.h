/* explore.h: what became of a schedule, in words. */
#ifndef BI_EXPLORE_H
#define BI_EXPLORE_H

#include "base.h"

/* Tell on stderr that `what` has come to `result`. */
void bi_explore_tell(const char *what, intptr_t result);

#endif
