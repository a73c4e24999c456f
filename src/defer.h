/* defer.h: the end of a task that has something left to do. */
#ifndef BI_DEFER_H
#define BI_DEFER_H

#include "core.h"

/* Whether bi_defer_finish() would find something to do. */
static inline bool bi_defer_pending(const struct bi_task *task)
{
    return task->deferred || task->locals;
}

/* Make the deferred calls of `task`, which runs and whose function has
 * returned, and then drop its locals. */
void bi_defer_finish(struct bi_task *task);

#endif
