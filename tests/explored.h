/* explored.h: explorations in a child process, and bodies for them.
 *
 * An exploration that finds something talks on stderr, and may stop the
 * program: it is made in a child, which tells what it found through memory that
 * it shares.
 */
#ifndef EXPLORED_H
#define EXPLORED_H

#include "tasks.h"

/* What the last exploration has found, and all that it said. */
struct found {
    intptr_t result;
    uint64_t hash;
    char seed[48];
};
extern struct found *found;
extern char said[8192];

/* The fixture around tests that explore; no seed is given from outside. */
void begin_explored(void);
void end_explored(void);

/* Explore in a child; its status as waitpid(2) has it. */
int explore(uint64_t n, bide_fn *fn, struct bide_test_options options);

/* The result of exploring with these strategies alone (0: all). */
intptr_t result_under(uint64_t n, bide_fn *fn, unsigned strategies);

/* The result of a fault sweep, in a child. */
intptr_t sweep_faults(bide_fn *fn);

/* For a body: append a letter to found->seed. */
void write_down(char letter);

/* The exploration has said `words`. */
void expect_said(const char *words);

/* A [waits] call that need not wait: the others may come in between. */
void let_others_in(void);

/* ---- Bodies ------------------------------------------------------------- */

/* Six tasks that sleep, and nothing wrong. */
intptr_t harmless(void *arg);

/* Two tasks read a number, let others in and write it: a bug of depth 2. */
intptr_t lost_update(void *arg);

/* What is spawned first is expected to run first: a bug of depth 1. */
intptr_t wrong_order(void *arg);

#endif
