/* stress.h: bodies for the explorer, each about one noun.
 *
 * A body sets what it keeps in statics, lets a few tasks loose on its noun, and
 * says with must() what holds at every moment.  One of the tasks is cancelled
 * by another, early or late as the schedule has it.
 */
#ifndef STRESS_H
#define STRESS_H

#include <bide/test.h>
#include <errno.h>
#include <string.h>

struct body {
    const char *name;
    bide_fn *fn;
};

/* The bodies of each file, up to one without a name. */
extern const struct body lock_bodies[], meet_bodies[], try_bodies[],
    chan_bodies[], group_bodies[], task_bodies[];

/* A number as the argument of a task, and an argument as a number. */
#define NUM(n) ((void *)(intptr_t)(n))
#define VALUE(arg) ((intptr_t)(arg))
#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

/* The schedule breaks the body unless `holds`. */
void must(bool holds, const char *sentence);

/* Let others in, if the schedule says so: 0 or the refusal. */
int breathe(void);

/* Make `n` calls at once, a task each, and cancel the first one some time.  All
 * have ended when it returns; their results are in the calls. */
void strike_first(struct bide_call *calls, size_t n);

#endif
