/* thread.h: the end of a run, as its pools of threads see it. */
#ifndef BI_THREAD_H
#define BI_THREAD_H

#include "core.h"

/* Every task has ended: close the pools that are still open. */
void bi_thread_end_run(struct bi_run *run);

#endif
