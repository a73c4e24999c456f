/* once.c: something that is to be done once.
 *
 * Only success counts: a run that fails, or is cut by a cancel, is told to the
 * one who made it, and hands the place of the runner to the first waiter, as a
 * mutex is handed over.  A waiter that has the place runs its own function,
 * cancelled or not: its waits are refused, it fails, and the next one tries.
 *
 * Rejected: to remember the failure, as Go does.  The one whose cancel cut the
 * run is often not the one who needs what it makes.
 */
#include "waitq.h"

/* What the wake-up of a waiter tells. */
enum { IS_DONE, IS_YOURS };

static struct bi_task *runner(const struct bi_wait *wait,
                              const struct bi_task *after)
{
    const struct bide_once *o = wait->on;
    return after ? NULL : (struct bi_task *)o->_runner;
}

/* The run of `result` is over. */
static void settle(struct bide_once *o, intptr_t result)
{
    o->_runner = NULL;
    if (result >= 0) {
        o->_done = true;
        o->_result = result;
        bi_waitq_wake_all(&o->_q, IS_DONE);
        return;
    }
    struct bi_wait *next = bi_waitq_pop(&o->_q);
    if (!next)
        return;
    o->_runner = (bide_task *)next->task;
    bi_wake(next, IS_YOURS);
}

/* Become the runner: IS_YOURS, IS_DONE, or why not. */
static int apply(struct bide_once *o, struct bi_task *self)
{
    int rc = bi_park_check(self);
    if (rc)
        return rc;
    if (o->_done)
        return IS_DONE;
    if (o->_runner == (bide_task *)self)
        return -EDEADLK;
    if (!o->_runner) {
        o->_runner = (bide_task *)self;
        return IS_YOURS;
    }
    struct bi_wait wait = bi_wait_make(self, "once", o, bi_wait_unlink);
    wait.blocker = runner;
    return (int)bi_waitq_park(&o->_q, &wait);
}

intptr_t bide_once(struct bide_once *o, bide_fn *fn, void *arg)
{
    struct bi_task *self = bi_current_in(__func__);
    if (!fn)
        return -EINVAL;
    int rc = apply(o, self);
    if (rc < 0)
        return rc;
    if (rc == IS_DONE)
        return o->_result;
    intptr_t result = fn(arg);
    settle(o, result);
    return result;
}

void bide_once_info(const struct bide_once *o, struct bide_lock_info *out)
{
    bi_current_in(__func__);
    struct bi_task *task = (struct bi_task *)o->_runner;
    bi_waitq_tell(&o->_q, task, task != NULL, out);
}
