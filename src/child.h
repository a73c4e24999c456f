/* child.h: what a worker process does; nothing to be called.
 *
 * child.c is linked into every program that opens a pool, by this name. */
#ifndef BI_CHILD_H
#define BI_CHILD_H

#include "channel.h"

/* The environment of a worker has it, with the parent's pid. */
extern const char bi_child_mark[];

#endif
