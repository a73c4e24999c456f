/* sem.c: a number of permits.
 *
 * Permits are moved, never raced for: release gives them to the waiters, in the
 * order in which they came, before it returns.  The first waiter is served
 * before all others, however much it wants, and nobody passes it; so a large
 * request is not starved by small ones.  What the first cannot take yet stays
 * in `count`.
 *
 * The hard transition is a waiter that leaves by a cancel: if it was the first,
 * there may be enough for the next.
 */
#include "waitq.h"

struct taker {
    struct bi_wait wait;
    unsigned permits;
};

/* Give the first waiters what there is. */
static void serve(struct bide_sem *s)
{
    struct bi_wait *first;
    while ((first = bi_waitq_first(&s->_q))) {
        unsigned permits = bi_container_of(first, struct taker, wait)->permits;
        if (permits > s->count)
            return;
        s->count -= permits;
        bi_list_remove(&first->link);
        bi_wake(first, 0);
    }
}

static bool withdraw(struct bi_wait *wait)
{
    bi_list_remove(&wait->link);
    serve((struct bide_sem *)(uintptr_t)wait->on);
    return true;
}

/* Acquire without waiting: 0 or -EAGAIN. */
static int try(struct bide_sem *s, unsigned permits)
{
    if (permits > s->count || bi_waitq_first(&s->_q))
        return -EAGAIN;
    s->count -= permits;
    return 0;
}

/* Whether so many permits can ever be there, in a semaphore that can be. */
static bool possible(const struct bide_sem *s, unsigned permits)
{
    uint32_t limit = s->limit ? s->limit : UINT32_MAX;
    return permits > 0 && permits <= limit && s->count <= limit;
}

int bide_sem_acquire(struct bide_sem *s, unsigned permits)
{
    struct bi_task *self = bi_current_in(__func__);
    if (!possible(s, permits))
        return -EINVAL;
    int rc = bi_park_check(self);
    if (rc == 0)
        rc = try(s, permits);
    if (rc != -EAGAIN)
        return rc;
    struct taker taker = {
        .wait = bi_wait_make(self, "semaphore", s, withdraw),
        .permits = permits,
    };
    return (int)bi_waitq_park(&s->_q, &taker.wait);
}

int bide_sem_tryacquire(struct bide_sem *s, unsigned permits)
{
    bi_current_in(__func__);
    return possible(s, permits) ? try(s, permits) : -EINVAL;
}

int bide_sem_release(struct bide_sem *s, unsigned permits)
{
    bi_current_in(__func__);
    if (permits == 0)
        return -EINVAL;
    uint32_t limit = s->limit ? s->limit : UINT32_MAX;
    if (s->count > limit || permits > limit - s->count)
        return -EOVERFLOW;
    s->count += permits;
    serve(s);
    return 0;
}

void bide_sem_info(const struct bide_sem *s, struct bide_lock_info *out)
{
    bi_current_in(__func__);
    bi_waitq_tell(&s->_q, NULL, 0, out);
}
