/* stacks.h: one pool of stacks, without a run, for tests of floor 1. */
#ifndef STACKS_H
#define STACKS_H

#include "stack.h"

#include <check.h>

enum { HEAD = 704 };

extern struct bi_stack_pool pool;

/* What bi_sys was when the test began. */
extern struct bi_sys real;

/* A fixture: an empty pool, and bi_sys as it was at the end. */
void stacks_begin(void);
void stacks_end(void);

/* A stack of the pool; there must be one. */
struct bi_stack *take(size_t bytes);

#endif
