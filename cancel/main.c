/* main.c: the cancel sweep: every body, every way, every moment.
 *
 *     cancel-sweep              all of it; the last line is
 *                               `N passed, N failed`
 *     cancel-sweep BODY         one body, or all whose names begin so
 *     cancel-sweep BODY.BACKEND.WAY.MOMENT.N
 *                               one run, as the sweep names it
 *
 * A body is swept in a process of its own for each backend, which tells of its
 * progress in shared memory: where it dies or hangs, that point has failed, and
 * another process goes on with the next.
 */
#include "cancel.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define BODIES 160
#define POINTS_MOST 400  /* of one kind in one body: more never end */
#define CRASHES_MOST 3   /* of one body: the rest is left out */
#define SECONDS_A_RUN 10

static struct body bodies[BODIES];
static unsigned body_count;

static const char *const backends[] = {[BIDE_URING] = "uring",
                                       [BIDE_EPOLL] = "epoll"};
static const char *const ways[] = {"task", "scope", "deadline", "failure"};
static const char *const moments[] = {"before", "parked", "kernel", "amid",
                                      "woken"};

/* What a body's process tells, in shared memory. */
struct progress {
    struct point at;
    bool ended;
    unsigned waits, runs, strikes, failed;
};
static struct progress *progress;

void add_body(const char *name, void (*run)(const struct choice *choice),
              struct choice choice)
{
    bi_assert(body_count < BODIES);
    struct body *body = &bodies[body_count++];
    body->run = run;
    body->choice = choice;
    snprintf(body->name, sizeof body->name, "%s", name);
}

static void print_point(const struct point *p)
{
    printf("  failed: %s.%s.%s.%s.%u\n", bodies[p->body].name,
           backends[p->backend], ways[p->way], moments[p->moment], p->n);
}

/* ---- In a process of its own -------------------------------------------- */

static struct verdict run_once(const struct point *point,
                               const struct books *before)
{
    progress->at = *point;
    alarm(SECONDS_A_RUN);
    struct verdict v = run_point(&bodies[point->body], point);
    v.failures += audit_process(before);
    alarm(0);
    return v;
}

static void count(const struct point *point, const struct verdict *v)
{
    progress->runs++;
    progress->strikes += v->struck;
    if (v->waits > progress->waits && !v->struck)
        progress->waits = v->waits;
    if (!v->failures)
        return;
    progress->failed++;
    print_point(point);
}

/* Every n of one kind, until there is no such moment. */
static void sweep_kind(struct point *p, const struct books *before)
{
    struct verdict v;
    do {
        v = run_once(p, before);
        count(p, &v);
        p->n++;
    } while (v.reached && p->n < POINTS_MOST);
}

/* Go on from `from`, to the end of the body. */
static void sweep_body(const struct point *from)
{
    struct point p = *from;
    struct point untouched = {.body = p.body, .backend = p.backend};
    struct books before = take_stock();
    run_point(&bodies[p.body], &untouched); /* warms the C library up */
    before = take_stock();
    for (; p.way < WAYS; p.way++, p.moment = 0)
        for (; p.moment < MOMENTS; p.moment++, p.n = 1)
            sweep_kind(&p, &before);
    progress->ended = true;
}
