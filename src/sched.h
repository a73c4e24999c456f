/* sched.h: the run queue.  It knows no descriptor and no clock. */
#ifndef BI_SCHED_H
#define BI_SCHED_H

#include "core.h"

void bi_sched_init(struct bi_run *run);

/* Append a task that was not ready. */
void bi_sched_ready(struct bi_run *run, struct bi_task *task);

/* Suspend `task`, which runs, in favour of the next ready one, or the loop. */
void bi_sched_leave(struct bi_run *run, struct bi_task *task);

/* As bi_sched_leave(), for good. */
_Noreturn void bi_sched_finish(struct bi_run *run, struct bi_task *task);

/* From the loop: run ready tasks until it is the loop's turn again. */
void bi_sched_turn(struct bi_run *run);

/* Suspend `task`, ready before all others, and run `next`, which is not on the
 * queue, now. */
void bi_sched_jump(struct bi_run *run, struct bi_task *task, struct bi_task *next);

#endif
