/* fault.h: say so when a stack overflows. */
#ifndef BI_FAULT_H
#define BI_FAULT_H

#include "stack.h"

struct bi_task;

/* A run begins on this thread.  Until bi_fault_remove(), a task that touches a
 * guard of `pool` is named on stderr before the process dies.
 *
 *   running   where the pool's owner keeps who runs: a head of the pool, or
 *             NULL
 *   name      of the task with this head, in `buf` (32 bytes) where it has no
 *             name of its own; called in a signal handler
 * Returns 0, or the negated errno of what could not be had; the run can go on,
 * but an overflow is silent then. */
int bi_fault_install(const struct bi_stack_pool *pool,
                     struct bi_task *const *running,
                     const char *(*name)(const struct bi_task *task, char *buf));

/* The run has ended: the handlers and the signal stack of before are back. */
void bi_fault_remove(void);

#endif
