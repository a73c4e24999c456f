/* locals.c: what a task carries with it, and what it does at its end.
 *
 *     make examples && build/examples/locals
 *
 * The number of a request is set once and found by every task that works for
 * it; a budget is each task's own.  Deferred calls are made at the end, last in
 * first out, however the task ends.
 */
#include "expect.h"
#include <bide.h>
#include <errno.h>
#include <string.h>

static char journal[64];

static void note(void *word)
{
    strncat(journal, word, sizeof journal - strlen(journal) - 1);
}

/* A plain pointer: the tasks that are spawned have it too. */
static struct bide_local request;

/* One that is owned: a copy is made for each, and dropped at its end. */
static void *copy_budget(void *budget)
{
    int *copy = malloc(sizeof *copy);
    if (copy)
        *copy = *(int *)budget / 2;
    return copy; /* NULL refuses the spawn */
}
static struct bide_local budget = {copy_budget, free};

static intptr_t query(void *arg)
{
    static char close[] = " closed", flush[] = " flushed";
    if (bide_defer(note, close) < 0 || bide_defer(note, flush) < 0)
        return -ENOMEM;
    note(bide_local_get(&request));
    *(int *)bide_local_get(&budget) -= 1; /* its own */
    return (intptr_t)arg;
}

static intptr_t run(void *arg)
{
    (void)arg;
    static char number[] = "request 7";
    struct bide_call calls[] = {{query, NULL, 0}};
    int *mine = malloc(sizeof *mine);
    if (!mine)
        return 1;
    *mine = 100;
    expect(bide_local_set(&request, number) == 0 &&
               bide_local_set(&budget, mine) == 0,
           "two locals of the main task");
    expect(bide_gather(calls, 1, BIDE_FAIL_FAST) == 0, "a call, in a task");
    expect(strcmp(journal, "request 7 flushed closed") == 0,
           "it found the request, and cleaned up in reverse order");
    expect(*mine == 100, "it spent of its own budget");
    return 0;
}

int main(void)
{
    return bide_run(run, NULL, NULL) == 0 ? 0 : 1;
}
