/* event.c: something that happens.
 *
 * Who waits when it is set goes on, also if it is cleared before that task has
 * run: a wake-up is the news itself, not a call to look again.
 */
#include "waitq.h"

int bide_event_wait(struct bide_event *e)
{
    struct bi_task *self = bi_current_in(__func__);
    int rc = bi_park_check(self);
    if (rc || e->_set)
        return rc;
    struct bi_wait wait = bi_wait_make(self, "event", e, bi_wait_unlink);
    return (int)bi_waitq_park(&e->_q, &wait);
}

void bide_event_set(struct bide_event *e)
{
    bi_current_in(__func__);
    e->_set = true;
    bi_waitq_wake_all(&e->_q, 0);
}

void bide_event_clear(struct bide_event *e)
{
    bi_current_in(__func__);
    e->_set = false;
}

bool bide_event_is_set(const struct bide_event *e)
{
    return e->_set;
}

void bide_event_info(const struct bide_event *e, struct bide_lock_info *out)
{
    bi_current_in(__func__);
    bi_waitq_tell(&e->_q, NULL, 0, out);
}
