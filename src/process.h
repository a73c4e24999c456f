/* process.h: the end of a program, as other files bring it about. */
#ifndef BI_PROCESS_H
#define BI_PROCESS_H

#include "base.h"

/* End a program and take its status: TERM, the grace, KILL.  Waits, and is not
 * to be cancelled. */
void bi_process_end(struct bide_proc *p, bide_time grace);

/* The same at once and by force, where there is no task to wait: its run is
 * over.  It has no pipes. */
void bi_process_drop(struct bide_proc *p);

#endif
