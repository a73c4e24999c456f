/* fault.h: say so when a stack overflows. */
#ifndef BI_FAULT_H
#define BI_FAULT_H

#include "stack.h"

struct bi_task;

/* The name of the task with this head, in `buf` (32 bytes) where it has none of
 * its own.  Called in a signal handler. */
typedef const char *bi_fault_name(const struct bi_task *task, char *buf);

/* A run begins on this thread.  Until bi_fault_remove(), a task that touches a
 * guard of `pool` is named on stderr before the process dies.
 *
 *   running   where the pool's owner keeps who runs: a head of the pool, or
 *             NULL
 * Returns 0, or the negated errno of what could not be had; the run can go on,
 * but an overflow is silent then. */
int bi_fault_install(const struct bi_stack_pool *pool,
                     struct bi_task *const *running, bi_fault_name *name);

/* The run has ended: the handlers and the signal stack of before are back. */
void bi_fault_remove(void);

#endif
