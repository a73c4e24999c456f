/* defer.c: calls to be made at the end of a task.
 *
 * They are made by the task itself, when its function has returned and its
 * result is decided, and before anybody hears of its end: a group that closes,
 * or who joins it, finds the work done.  So a deferred call may wait, under the
 * rule that holds for all: a cancelled task is refused, unless in a shield.
 *
 * A deferred call may defer another, which is made next, and may look at the
 * locals, for they are dropped last.
 *
 * Rejected: calls at the end of a block, as in Go's cousins: C has no blocks
 * that a library could see the end of.
 */
#include "defer.h"

#include "local.h"

static void call_last(struct bi_task *task)
{
    struct bi_cell *cell = bi_cell_pop(&task->deferred);
    void (*fn)(void *) = cell->fn;
    void *arg = cell->value;
    bi_cell_give(&task->run->cells, cell);
    fn(arg);
    BI_CONTRACT(task->scope == &task->root, "a deferred call",
                "returned with a scope or group left open");
}

void bi_defer_finish(struct bi_task *task)
{
    /* What drops a local may defer a call once more, or set another. */
    while (bi_defer_pending(task)) {
        while (task->deferred)
            call_last(task);
        if (task->locals)
            bi_local_drop_last(task->run, &task->locals);
    }
}

int bide_defer(void (*fn)(void *arg), void *arg)
{
    struct bi_task *self = bi_current_in(__func__);
    if (!fn)
        return -EINVAL;
    struct bi_cell *cell = bi_cell_take(&self->run->cells);
    if (!cell)
        return -ENOMEM;
    *cell = (struct bi_cell){.fn = fn, .value = arg};
    bi_cell_push(&self->deferred, cell);
    return 0;
}
