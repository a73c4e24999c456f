/* children.c: start children that must start. */
#include "children.h"

intptr_t close_well(struct bide_group *g)
{
    return bide_group_close(g, 0);
}

void add(struct bide_group *g, bide_fn *fn, void *arg)
{
    ck_assert_int_eq(bide_group_spawn(g, fn, arg), 0);
}

bide_task *child(struct bide_group *g, bide_fn *fn, void *arg)
{
    bide_task *task;
    ck_assert_int_eq(bide_group_spawn_with(g, &task, fn, arg, NULL), 0);
    return task;
}
