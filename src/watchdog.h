/* watchdog.h: who takes too long (core.h has what it keeps). */
#ifndef BI_WATCHDOG_H
#define BI_WATCHDOG_H

#include "core.h"

/* Watch `run`, which begins: name the turns that take `slow_turn`, and the
 * tasks that are alive `slow_cancel` after a cancel; 0: do not. */
void bi_watchdog_begin(struct bi_run *run, bide_time slow_turn,
                    bide_time slow_cancel);

/* The main task has returned: from now on name those who are left, first after
 * `grace`. */
void bi_watchdog_closing(struct bi_run *run, bide_time grace);

#endif
