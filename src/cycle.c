/* cycle.c: tasks that wait for each other in a cycle.
 *
 * A wait may name the tasks without which it cannot end (wait->blocker).  From
 * each task the search goes on to the first of them, and so on, depth first; a
 * task found on its own path closes a cycle, in which nobody can go on unless
 * a cancel or a deadline ends one of the waits.  Each wait is looked at once.
 *
 * The search has no memory of its own, for a run that is stuck may be out of
 * it: a task on the path knows who is before it (task->via), and where to go on
 * after one of its blockers is asked of the wait.
 */
#include "cycle.h"

/* The search has come back from this task for good. */
#define LEFT ((struct bi_task *)(uintptr_t)1)

static struct bi_task *blocker(const struct bi_task *task,
                               const struct bi_task *after)
{
    const struct bi_wait *wait = task->wait;
    return wait && wait->blocker ? wait->blocker(wait, after) : NULL;
}

struct bi_task *bi_cycle_next(const struct bi_task *task,
                              struct bi_task *first, struct bi_task *last)
{
    if (task == last)
        return first;
    struct bi_task *next = last;
    while (next->via != task)
        next = next->via;
    return next;
}

static void search(struct bi_task *root,
                   void (*tell)(void *arg, struct bi_task *first,
                                struct bi_task *last),
                   void *arg)
{
    struct bi_task *task = root, *after = NULL;
    root->via = root;
    for (;;) {
        struct bi_task *next = blocker(task, after);
        if (next && !next->via) {
            next->via = task;
            task = next;
            after = NULL;
        } else if (next) {
            if (next->via != LEFT)
                tell(arg, next, task);
            after = next;
        } else {
            after = task;
            task = task->via;
            after->via = LEFT;
            if (after == root)
                return;
        }
    }
}

void bi_cycle_each(struct bi_run *run,
                   void (*tell)(void *arg, struct bi_task *first,
                                struct bi_task *last),
                   void *arg)
{
    BI_LIST_EACH(it, &run->tasks) {
        bi_container_of(it, struct bi_task, all)->via = NULL;
    }
    BI_LIST_EACH(it, &run->tasks) {
        struct bi_task *task = bi_container_of(it, struct bi_task, all);
        if (!task->via)
            search(task, tell, arg);
    }
}
