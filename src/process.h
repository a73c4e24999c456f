/* process.h: what communicate.c needs of process.c. */
#ifndef BI_PROCESS_H
#define BI_PROCESS_H

#include "base.h"

/* End a program and take its status: TERM, the grace, KILL.  Waits, and is not
 * to be cancelled. */
void bi_process_end(struct bide_proc *p, bide_time grace);

#endif
