/* dump.h: the list of tasks, for reports. */
#ifndef BI_DUMP_H
#define BI_DUMP_H

#include "core.h"

/* A line for `task`, as things are at `now`. */
void bi_dump_task(int fd, const struct bi_task *task, bide_time now);

/* A line for each task of `run`, or for those that have not ended, and the
 * cycles of those that wait for each other. */
void bi_dump_tasks(int fd, struct bi_run *run, bool alive_only);

#endif
