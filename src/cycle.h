/* cycle.h: tasks that wait for each other in a cycle. */
#ifndef BI_CYCLE_H
#define BI_CYCLE_H

#include "core.h"

/* Call `tell` for each cycle of waiting tasks in `run`, which it names by its
 * two ends: `last` waits for `first`. */
void bi_cycle_each(struct bi_run *run,
                   void (*tell)(void *arg, struct bi_task *first,
                                struct bi_task *last),
                   void *arg);

/* While a cycle is told: the task that `task` waits for in it. */
struct bi_task *bi_cycle_next(const struct bi_task *task,
                              struct bi_task *first, struct bi_task *last);

#endif
