/* interrupt.h: SIGINT, for the run on the main thread. */
#ifndef BI_INTERRUPT_H
#define BI_INTERRUPT_H

#include "inbox.h"

/* Catch SIGINT for the run that sleeps on `inbox`: on the main thread, and
 * where SIGINT has its default action, else nothing happens. */
void bi_interrupt_catch(struct bi_inbox *inbox);

/* Whether one has come since last asked. */
bool bi_interrupt_taken(struct bi_inbox *inbox);

/* Put the action back, if it is still ours.  When it returns no handler holds
 * `inbox` any more; in a forked child none can. */
void bi_interrupt_release(struct bi_inbox *inbox, bool forked);

#endif
