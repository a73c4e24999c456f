/* action.h: the actions for signals, which are the process's: taken and given
 * back by several threads and several files.
 */
#ifndef BI_ACTION_H
#define BI_ACTION_H

#include "base.h"

#include <signal.h>

typedef void bi_handler(int number, siginfo_t *info, void *context);

/* Whether `action` is a handler of ours, and this one. */
bool bi_action_is(const struct sigaction *action, bi_handler *ours);

/* Give `number` its action of `before` back; but if somebody has set another
 * than `ours` meanwhile, that stays. */
void bi_action_put_back(int number, bi_handler *ours,
                        const struct sigaction *before);

/* Hold the lock under which they change.  Held for a few calls, when runs and
 * receivers begin and end, so that whoever finds it taken spins.  A handler
 * must not take it. */
void bi_action_lock(void);

/* Let it go; in a forked child, whoever may have held it. */
void bi_action_unlock(void);

#endif
