/* signal.h: the end of a run, as its receivers of signals see it. */
#ifndef BI_SIGNAL_H
#define BI_SIGNAL_H

#include "core.h"

/* Every task has ended: close what is still open.  The inbox is to be shut
 * after this. */
void bi_signal_end_run(struct bi_run *run);

#endif
