/* task.h: a task's life: made, run, ended, read, given back.
 *
 * A handle, `bide_task *`, is the control block's address and the generation of
 * its stack in one word: the address is a multiple of 64 and uses 48 bits, so
 * 22 bits are free (on machines of 32 bits, six).  A handle whose generation
 * has passed is recognised; it never reaches the next task on that stack.
 */
#ifndef BI_TASK_H
#define BI_TASK_H

#include "core.h"

struct bi_spawn {
    bide_fn *fn;
    void *arg;
    struct bi_scope *parent; /* of the task's own scope */
    const void *site;        /* a return address */
    const struct bide_spawn_options *opt; /* or NULL */
};

/* Make a task, not yet ready.  0, -EINVAL, -EAGAIN or -ENOMEM. */
int bi_task_make(struct bi_run *run, const struct bi_spawn *how,
                 struct bi_task **out);

/* Let it run: behind the others or, BIDE_EAGER, at once. */
void bi_task_launch(struct bi_task *task, const struct bide_spawn_options *opt);

/* From the loop: call `fn(arg)` as a task that has no stack of its own, and so
 * must not wait. */
void bi_task_visit(struct bi_run *run, void (*fn)(void *), void *arg);

/* The run ends, and with it all handles: report what was not read by them, and
 * give back what they held. */
void bi_task_end_all(struct bi_run *run);

/* The handle of `task`; it is now held if `held`. */
bide_task *bi_task_handle(struct bi_task *task);

/* The task of a handle that must be good; `func` is the public function. */
struct bi_task *bi_task_of(const bide_task *handle, const char *func);

/* A bide_wait_tasks() under way: on run->watchers while it is parked. */
struct bi_watch {
    struct bi_wait wait;
    const struct bi_task *awaited; /* the end that it waits for in any case */
    bool any;                      /* every end counts, */
    bool failures;                 /* or every failure */
    bool cancels;                  /* a cancelled task is a failure as well */
};

/* Whether `task` has ended in what `watch` calls a failure. */
bool bi_watch_failed(const struct bi_watch *watch, const struct bi_task *task);

/* The result as someone else may tell it: a cancel of the task is -ECHILD. */
intptr_t bi_task_outcome(struct bi_task *task);

/* An address in code as module+offset; `where` has 48 bytes. */
void bi_task_site(const void *site, char *where);

/* Describe an error of `task`; `where` has 48 bytes. */
struct bide_error bi_task_error(const struct bi_task *task, char *name,
                                char *where);

/* Tell options.on_error that `task` failed with `code`, and nobody reads it. */
void bi_task_report(struct bi_task *task, intptr_t code);

#endif
