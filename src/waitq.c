/* waitq.c: a look at a wait queue.  Nothing is counted while it is used: those
 * who ask pay for the answer. */
#include "waitq.h"

#include "task.h"

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
    out->owner = bi_task_handle(owner);
    snprintf(out->owner_name, sizeof name, "%s", bi_task_name(owner, name));
}
