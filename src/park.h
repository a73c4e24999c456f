/* park.h: THE one door that suspends a task.
 *
 * A wait goes like this:
 *
 *     int rc = bi_park_check(task);        refused?  or: its turn was up
 *     if (rc) return rc;
 *     ... take the fast way if there is one ...
 *     struct bi_wait wait = bi_wait_make(task, "what", object, withdraw);
 *     ... put &wait.link where the waker will find it ...
 *     rc = bi_park(&wait);                 the waker's value, or the refusal
 *
 * Whoever takes the wait off its queue wakes it, exactly once.  A cancel calls
 * `withdraw`; what was woken before is not withdrawn any more: success wins.
 */
#ifndef BI_PARK_H
#define BI_PARK_H

#include "scope.h"

static inline struct bi_wait bi_wait_make(struct bi_task *task,
                                          const char *what, const void *on,
                                          bool (*withdraw)(struct bi_wait *))
{
    return (struct bi_wait){.task = task, .withdraw = withdraw, .what = what,
                            .on = on, .fd = -1};
}

/* A withdraw for waits that only stand on a list. */
bool bi_wait_unlink(struct bi_wait *wait);

/* `task` has had its turn: let the others have theirs. */
void bi_park_end_turn(struct bi_task *task);

/* Count a call that need not wait: once in a while it lets the others run. */
static inline void bi_park_count(struct bi_task *task)
{
    if (bi_unlikely(--task->run->budget == 0))
        bi_park_end_turn(task);
}

/* 0, or the code that refuses a wait here.  Every [waits] call begins with it,
 * and it is counted. */
static inline int bi_park_check(struct bi_task *task)
{
    bi_park_count(task);
    struct bi_scope *s = task->scope;
    if (bi_likely(!s->verdict && s->nearest == BIDE_FOREVER))
        return 0;
    return bi_scope_code(s, task->run);
}

/* Suspend the running task until bi_wake() or a cancel ends `wait`.  Returns
 * the value of the wake-up, or -ECANCELED or -ETIMEDOUT. */
intptr_t bi_park(struct bi_wait *wait);

/* End `wait` with `value`: its task becomes ready. */
void bi_wake(struct bi_wait *wait, intptr_t value);

/* Stay ready but let every other ready task run. */
void bi_park_yield(struct bi_task *task);

/* Run `next`, which is fresh, at once; `task` goes on after its first wait. */
void bi_park_behind(struct bi_task *task, struct bi_task *next);

#endif
