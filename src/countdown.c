/* countdown.c: a number of things to be done, and those who wait for the last.
 *
 * As with an event, all who wait when it comes to nothing go on, also if it is
 * raised again at once.
 */
#include "waitq.h"

int bide_countdown_add(struct bide_countdown *c, unsigned n)
{
    bi_current_in(__func__);
    if (n > UINT32_MAX - c->count)
        return -EOVERFLOW;
    c->count += n;
    return 0;
}

int bide_countdown_done(struct bide_countdown *c)
{
    bi_current_in(__func__);
    if (c->count == 0)
        return -ERANGE;
    if (--c->count == 0)
        bi_waitq_wake_all(&c->_q, 0);
    return 0;
}

int bide_countdown_wait(struct bide_countdown *c)
{
    struct bi_task *self = bi_current_in(__func__);
    int rc = bi_park_check(self);
    if (rc || c->count == 0)
        return rc;
    struct bi_wait wait = bi_wait_make(self, "countdown", c, bi_wait_unlink);
    return (int)bi_waitq_park(&c->_q, &wait);
}

void bide_countdown_info(const struct bide_countdown *c,
                         struct bide_lock_info *out)
{
    bi_current_in(__func__);
    bi_waitq_tell(&c->_q, NULL, 0, out);
}
