/* inject.h: one run of one body in one world, with or without a fault, and the
 * judgement of what came of it.
 */
#ifndef INJECT_H
#define INJECT_H

#include "body.h"
#include "fault.h"

/* What the library finds around it. */
struct world {
    const char *name;
    const char *backend, *guard; /* as BIDE_BACKEND and BIDE_GUARD have them */
    bool older; /* a kernel without what came after Linux 4.5 */
};

/* Enter `world`, in a process of its own, and take the books over. */
void inject_enter(const struct world *world);

/* Run `body` once.  What must be as before is that of the first call, so that
 * the first fault comes after a run without one. */
struct judgement {
    unsigned struck; /* how often the fault did */
    intptr_t result;
    char why[256]; /* what is wrong, or "" */
};
void inject(const struct body *body, const struct fault *fault, int shown,
            struct trace *trace, struct judgement *out);

#endif
