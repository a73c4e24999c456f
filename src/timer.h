/* timer.h: deadlines, earliest first, equal ones in the order of arming. */
#ifndef BI_TIMER_H
#define BI_TIMER_H

#include "core.h"

/* Call `fire(timer)` from the loop once `deadline` has passed. */
void bi_timer_arm(struct bi_run *run, struct bi_timer *timer,
                  bide_time deadline, void (*fire)(struct bi_timer *timer));

/* Take it back; nothing if it is not armed. */
void bi_timer_disarm(struct bi_run *run, struct bi_timer *timer);

/* The earliest deadline; false: no timer is armed. */
bool bi_timer_next(const struct bi_run *run, bide_time *deadline);

/* Give back what was lent; no timer is armed any more. */
void bi_timer_end(struct bi_run *run);

/* Fire what is due at `now`. */
void bi_timer_fire_due(struct bi_run *run, bide_time now);

#endif
