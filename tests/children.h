/* children.h: groups and their children, for tests of groups. */
#ifndef CHILDREN_H
#define CHILDREN_H

#include "tasks.h"

/* Close `g` after a good body. */
intptr_t close_well(struct bide_group *g);

/* Start a child; it must be possible. */
void add(struct bide_group *g, bide_fn *fn, void *arg);

/* The same with a handle. */
bide_task *child(struct bide_group *g, bide_fn *fn, void *arg);

#endif
