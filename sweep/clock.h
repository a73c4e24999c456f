/* clock.h: time that is skipped instead of slept away.
 *
 * A wait with a limit takes at most a moment of real time; if nothing has come
 * by then, the clock goes forward by the rest of the limit.
 */
#ifndef SWEEP_CLOCK_H
#define SWEEP_CLOCK_H

#include "sys.h"

/* CLOCK_MONOTONIC and all that was skipped. */
bide_time clock_now(void);

/* Make the system call `number`; if it waits with a limit, as said above. */
long clock_call(const struct bi_sys *real, long number, const long args[6]);

#endif
