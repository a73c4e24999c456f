/* ticker.c: points in time at equal distances.
 *
 * A ticker holds nothing but the time of its next tick: it arms no timer while
 * nobody waits, and needs no end.
 */
#include "base.h"

/* `count` periods after `from`, at most for ever. */
static bide_time later(bide_time from, int64_t count, bide_time period)
{
    bide_time span;
    if (__builtin_mul_overflow(count, period, &span) ||
        __builtin_add_overflow(from, span, &span))
        return BIDE_FOREVER;
    return span;
}

int bide_ticker_init(struct bide_ticker *t, bide_time period,
                     enum bide_missed missed)
{
    if (period <= 0 || (unsigned)missed > BIDE_MISSED_DELAY)
        return -EINVAL;
    *t = (struct bide_ticker){._next = bide_after(period), ._period = period,
                              ._missed = missed};
    return 0;
}

int64_t bide_ticker_wait(struct bide_ticker *t)
{
    BI_CONTRACT(t->_period > 0, __func__, "waited for a ticker without period");
    int rc = bide_sleep_until(t->_next);
    if (rc < 0)
        return rc;
    bide_time now = bide_now();
    int64_t missed = (now - t->_next) / t->_period;
    if (t->_missed == BIDE_MISSED_DELAY && missed > 0)
        t->_next = later(now, 1, t->_period);
    else if (t->_missed == BIDE_MISSED_SKIP)
        t->_next = later(t->_next, missed + 1, t->_period);
    else
        t->_next = later(t->_next, 1, t->_period);
    return missed;
}
