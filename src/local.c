/* local.c: values that belong to a task.
 *
 * A local is known by its address.  A task keeps those that it has set in a
 * list, last set first, which is the order in which they are dropped; a task
 * that sets none, and whose spawner has none, pays for none.
 *
 * Rejected: numbers given to locals on first use, and an array by number: it
 * finds the hundredth local sooner, but every task would be given room for all
 * locals of the program, and they are a handful.
 */
#include "local.h"

/* Where the list of `task` points to the cell of `l`, or to its end. */
static struct bi_cell **find(struct bi_task *task, const struct bide_local *l)
{
    struct bi_cell **at = &task->locals;
    while (*at && (*at)->local != l)
        at = &(*at)->next;
    return at;
}

void bi_local_drop_last(struct bi_run *run, struct bi_cell **list)
{
    struct bi_cell *cell = bi_cell_pop(list);
    const struct bide_local *l = cell->local;
    void *value = cell->value;
    bi_cell_give(&run->cells, cell);
    if (l->drop)
        l->drop(value);
}

bool bi_local_inherit(struct bi_run *run, const struct bi_cell *from,
                      struct bi_cell **to)
{
    struct bi_cell **end = to;
    *to = NULL;
    for (; from; from = from->next) {
        const struct bide_local *l = from->local;
        if (l->drop && !l->copy)
            continue;
        struct bi_cell *cell = bi_cell_take(&run->cells);
        void *value = from->value;
        if (cell && l->copy)
            value = l->copy(value);
        if (cell && value) {
            *cell = (struct bi_cell){.local = l, .value = value};
            *end = cell;
            end = &cell->next;
            continue;
        }
        if (cell)
            bi_cell_give(&run->cells, cell);
        while (*to)
            bi_local_drop_last(run, to);
        return false;
    }
    return true;
}

void *bide_local_get(struct bide_local *l)
{
    struct bi_task *task = bi_waiter && !bi_here ? bi_waiter
                                                 : bi_current_in(__func__);
    struct bi_cell *cell = *find(task, l);
    return cell ? cell->value : NULL;
}

int bide_local_set(struct bide_local *l, void *value)
{
    struct bi_task *self = bi_current_in(__func__);
    BI_CONTRACT(l, __func__, "was given NULL for a local");
    struct bi_cell **at = find(self, l);
    struct bi_cell *cell = *at;
    void *former = cell ? cell->value : NULL;
    if (!cell && value)
        cell = bi_cell_take(&self->run->cells);
    else if (cell)
        *at = cell->next;
    if (value) {
        if (!cell)
            return -ENOMEM;
        *cell = (struct bi_cell){.local = l, .value = value};
        bi_cell_push(&self->locals, cell);
    } else if (cell) {
        bi_cell_give(&self->run->cells, cell);
    }
    if (former && former != value && l->drop)
        l->drop(former);
    return 0;
}
