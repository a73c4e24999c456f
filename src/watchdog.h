/* watchdog.h: who takes too long (core.h has what it keeps). */
#ifndef BI_WATCHDOG_H
#define BI_WATCHDOG_H

#include "core.h"

/* Watch `run`, which begins: name the turns that take o->slow_turn, and the
 * tasks that are alive o->slow_cancel after a cancel; 0: do not. */
void bi_watchdog_begin(struct bi_run *run, const struct bide_options *o);

/* The main task has returned: from now on name those who are left as well,
 * first after o->shutdown_grace. */
void bi_watchdog_closing(struct bi_run *run);

#endif
