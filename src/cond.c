/* cond.c: a condition: tasks that wait, without a lock, for what it guards.
 *
 * A waiter stands in the condition's queue, is moved to its mutex's queue by a
 * signal or by a cancel, and runs again when it has the lock: one switch, and
 * nobody is woken only to wait.  The hard transition is that move.  It is made
 * once: what moves the waiter first, signal or cancel, is what its wait
 * returns, and from then on a cancel does not end it.  So a signal never goes
 * to a waiter that a cancel has taken, and none is lost.
 */
#include "mutex.h"

struct sleeper {
    struct bi_wait wait;
    struct bide_mutex *mutex;
    bool refused; /* a cancel moved it */
};

static struct sleeper *sleeper_of(struct bi_wait *wait)
{
    return bi_container_of(wait, struct sleeper, wait);
}

/* A cancel: the wake-up will come, with the lock. */
static bool withdraw(struct bi_wait *wait)
{
    struct sleeper *sleeper = sleeper_of(wait);
    bi_list_remove(&wait->link);
    sleeper->refused = true;
    bi_mutex_await(sleeper->mutex, wait);
    return false;
}

int bide_cond_wait(struct bide_cond *c, struct bide_mutex *m)
{
    struct bi_task *self = bi_current_in(__func__);
    if (bi_mutex_owner(m) != self)
        return -EPERM;
    int rc = bi_park_check(self);
    if (rc)
        return rc;
    struct sleeper sleeper = {
        .wait = bi_wait_make(self, "condition", c, withdraw),
        .mutex = m,
    };
    bi_mutex_pass(m);
    rc = (int)bi_waitq_park(&c->_q, &sleeper.wait);
    return rc == 0 && sleeper.refused ? bi_scope_noticed(self->scope) : rc;
}

static bool signal_one(struct bide_cond *c)
{
    struct bi_wait *wait = bi_waitq_pop(&c->_q);
    if (wait)
        bi_mutex_await(sleeper_of(wait)->mutex, wait);
    return wait != NULL;
}

void bide_cond_signal(struct bide_cond *c)
{
    bi_current_in(__func__);
    signal_one(c);
}

void bide_cond_broadcast(struct bide_cond *c)
{
    bi_current_in(__func__);
    while (signal_one(c))
        ;
}

void bide_cond_info(const struct bide_cond *c, struct bide_lock_info *out)
{
    bi_current_in(__func__);
    bi_waitq_tell(&c->_q, NULL, 0, out);
}
