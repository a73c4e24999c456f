/* child.h: what a worker process does; nothing to be called.
 *
 * child.c is linked into every program that opens a pool, by this name. */
#ifndef BI_CHILD_H
#define BI_CHILD_H

#include "channel.h"

/* How the program is executed once more. */
extern const char bi_child_program[];

#endif
