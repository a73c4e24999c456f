/* waitq.c: where a wait queue is, and who stands in it.
 *
 * A queue that is on a task's stack must not outlive its task.  So each wait
 * in one is counted by the task that lends it, and what ends the wait counts it
 * off; a select that waits on several tasks' stacks, by the first of them.  A
 * queue that a living task's function leaves behind, or that is freed, nobody
 * can see: that is for the sanitizers.
 *
 * Waiters are not counted while the queue is used: those who ask pay for it.
 */
#include "waitq.h"

#include "task.h"

void bi_waitq_borrow(const struct bide_waitq *q, struct bi_wait *wait)
{
    const struct bi_stack_pool *stacks = &wait->task->run->stacks;
    struct bi_stack *stack = bi_stack_around(stacks, q);
    if (bi_likely(!stack || stack == wait->task->stack))
        return;
    struct bi_task *lender = bi_stack_head(stacks, stack);
    BI_CONTRACT(!lender->ended, "a wait", "waits for the %s at %p, on the "
                "stack of a task that has ended", wait->what, wait->on);
    if (wait->lender)
        return;
    wait->lender = lender;
    lender->lent++;
}

void bi_waitq_tell(const struct bide_waitq *q, struct bi_task *owner,
                   size_t holders, struct bide_lock_info *out)
{
    char name[sizeof out->owner_name];
    *out = (struct bide_lock_info){.holders = holders};
    BI_LIST_EACH(it, bi_waitq_list(q)) {
        out->waiters++;
    }
    if (!owner)
        return;
    if (owner->stack) /* a posted function is no task with a handle */
        out->owner = bi_task_handle(owner);
    snprintf(out->owner_name, sizeof name, "%s", bi_task_name(owner, name));
}
