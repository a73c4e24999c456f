/* audit.h: whether everything is back where it was.
 */
#ifndef AUDIT_H
#define AUDIT_H

#include "boundary.h"

#include <signal.h>

#define AUDIT_DESCRIPTORS 256

/* What a run must leave as it was. */
struct audit {
    struct ledger ledger;            /* the library's mappings and heap */
    bool open[AUDIT_DESCRIPTORS];    /* every descriptor of the process */
    long threads;                    /* as the kernel counts them */
    long mappings;                   /* likewise, with those of libc */
    sigset_t mask;
    bool handler_stack;              /* sigaltstack(2) */
    void (*handlers[3])(int);        /* of SIGSEGV, SIGBUS, SIGINT */
};

void audit_take(struct audit *a);

/* Write what is not as it was in `before` to `why`; false: all is. */
bool audit_differs(const struct audit *before, char *why, size_t room);

/* Inside a run, from its main task, which is alone: tasks, stacks, timers,
 * waits, operations.  Likewise. */
bool audit_run_differs(char *why, size_t room);

#endif
