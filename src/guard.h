/* guard.h: pages that stop the program that touches them. */
#ifndef BI_GUARD_H
#define BI_GUARD_H

#include "base.h"

/* How guards are made here; probed once a process. */
struct bi_guard {
    const char *name;   /* "kernel" or "mprotect" */
    const char *reason; /* why not the other */
    size_t bytes;       /* of one guard: whole pages */
    bool kernel;
};

const struct bi_guard *bi_guard(void);

/* Make guards of bi_guard()->bytes at `at`, `at - step`, ..., `count` of them:
 * whole pages of a private mapping, and what they held is lost.
 *
 * Returns how many were made, from the first on and at least one; or the
 * negated errno of mprotect(2) where neither kind of guard can be had. */
int bi_guard_install(char *at, size_t step, int count);

#endif
