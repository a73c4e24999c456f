/* barrier.c: a place where a number of tasks wait for each other.
 *
 * The last to arrive sends all the others on before it goes on itself, so that
 * a round has no time in which it drains: who arrives next is in the next one.
 * Each gets its index when it is sent on, not when it arrives: a waiter that a
 * cancel takes leaves no gap.
 */
#include "waitq.h"

/* What bide.h's _n[] are. */
enum { ARRIVED, ABORTED };

static bool withdraw(struct bi_wait *wait)
{
    struct bide_barrier *b = (struct bide_barrier *)(uintptr_t)wait->on;
    b->_n[ARRIVED]--;
    return bi_wait_unlink(wait);
}

/* Send all who wait on; returns how many there were. */
static int send_on(struct bide_barrier *b)
{
    struct bi_wait *wait;
    int index = 0;
    while ((wait = bi_waitq_pop(&b->_q)))
        bi_wake(wait, index++);
    b->_n[ARRIVED] = 0;
    return index;
}

static void dismiss(struct bide_barrier *b)
{
    bi_waitq_wake_all(&b->_q, -ENOTRECOVERABLE);
    b->_n[ARRIVED] = 0;
}

int bide_barrier_wait(struct bide_barrier *b)
{
    struct bi_task *self = bi_current_in(__func__);
    if (b->count == 0)
        return -EINVAL;
    int rc = bi_park_check(self);
    if (rc)
        return rc;
    if (b->_n[ABORTED])
        return -ENOTRECOVERABLE;
    if (b->_n[ARRIVED] + 1 >= b->count)
        return send_on(b);
    b->_n[ARRIVED]++;
    struct bi_wait wait = bi_wait_make(self, "barrier", b, withdraw);
    return (int)bi_waitq_park(&b->_q, &wait);
}

void bide_barrier_reset(struct bide_barrier *b)
{
    bi_current_in(__func__);
    b->_n[ABORTED] = false;
    dismiss(b);
}

void bide_barrier_abort(struct bide_barrier *b)
{
    bi_current_in(__func__);
    b->_n[ABORTED] = true;
    dismiss(b);
}

void bide_barrier_info(const struct bide_barrier *b, struct bide_lock_info *out)
{
    bi_current_in(__func__);
    bi_waitq_tell(&b->_q, NULL, 0, out);
}
