/* steps.h: what becomes of each task, told to a test step by step. */
#ifndef BI_STEPS_H
#define BI_STEPS_H

#include "core.h"

#include <bide/test.h>

struct bi_steps {
    /* The options' on_step, or NULL: then nothing here is to be called. */
    void (*tell)(void *arg, enum bide_step what, uint64_t task,
                 const char *name);
    void *arg;
    uint64_t spawned; /* the id of the last task that was told of */
    uint64_t running; /* whose step it is, */
    char name[32];    /* and its name: it may be gone when the step is over */
};

/* A choice is to be made: tell what is new and what has become ready. */
void bi_steps_look(struct bi_steps *s, struct bi_run *run);

/* A step of `task` begins; the one under way is over, and its task has ended or
 * not. */
void bi_steps_begin(struct bi_steps *s, struct bi_task *task);
void bi_steps_end(struct bi_steps *s, bool ended);

/* The running task's step is over, and that of `next` begins, which has never
 * been ready: an eager spawn. */
void bi_steps_jump(struct bi_steps *s, struct bi_task *next);

#endif
