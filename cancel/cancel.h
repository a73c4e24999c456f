/* cancel.h: the words in which the bodies of the cancel sweep are written.
 *
 * A body is a small concurrent program whose every byte, item, permit and
 * connection is accounted for.  One of its tasks is endangered: the sweep runs
 * the body again and again, and each time cancels that task at one more moment,
 * until there is no such moment left.  Whatever was cancelled, the accounts
 * must agree.
 */
#ifndef CANCEL_H
#define CANCEL_H

#include "core.h"

/* Who cancels. */
enum way {
    BY_TASK,     /* bide_cancel() */
    BY_SCOPE,    /* bide_scope_cancel() of a scope around the task's work */
    BY_DEADLINE, /* the deadline of that scope passes */
    BY_FAILURE,  /* a sibling in the task's group fails */
    WAYS
};

/* When: at the nth time that ... */
enum moment {
    BEFORE,    /* the task is about to wait */
    PARKED,    /* it has just parked: the kernel was told nothing yet */
    IN_KERNEL, /* it has been parked for two turns of the loop */
    AMID,      /* another task waits, and may just have done something for it */
    WOKEN,     /* its wait was completed, and it has not run yet */
    MOMENTS
};

/* One run of one body. */
struct point {
    unsigned body; /* its index */
    enum bide_backend backend;
    enum way way;
    enum moment moment;
    unsigned n; /* from 1; 0: nothing is cancelled */
};

/* What a body works on; each body says what the numbers mean to it. */
struct choice {
    int medium, call;
    bool nonblocking;
};

struct body {
    char name[40];
    void (*run)(const struct choice *choice); /* as a task */
    struct choice choice;
};

/* The bodies of each file.  They are all added before the first runs. */
void stream_bodies(void);
void turn_bodies(void);
void connection_bodies(void);
void file_bodies(void);
void task_bodies(void);
void sync_bodies(void);
void lock_bodies(void);
void gen_bodies(void);
void queue_bodies(void);
void process_bodies(void);
void signal_bodies(void);
void pool_bodies(void);
void thread_bodies(void);
void names_bodies(void);
void canary_bodies(void);

void add_body(const char *name, void (*run)(const struct choice *choice),
              struct choice choice);

/* ---- In a body ---------------------------------------------------------- */

/* Run `fn(arg)` as the endangered task, to its end. */
void endanger(bide_fn *fn, void *arg);

/* What the endangered task says of a result < 0 that stops it: it must be the
 * cancel that was dealt.  Returns it. */
intptr_t stopped(intptr_t result);

/* Whether the endangered task has ended, or has been cancelled. */
bool danger_is_over(void);
bool was_struck(void);

/* Note a broken law, in words; the run goes on. */
void broken(const char *law, long got, long wanted);

static inline void equal(long got, long wanted, const char *law)
{
    if (got != wanted)
        broken(law, got, wanted);
}

static inline void holds(bool yes, const char *law)
{
    equal(yes, true, law);
}

/* Start a task beside the endangered one, in `g`. */
void beside(struct bide_group *g, bide_fn *fn, void *arg);

/* Close `g`, whose tasks must all have ended well. */
void all_ended(struct bide_group *g);

/* Let everybody have a turn, and the loop one: what is begun gets to the
 * kernel, and what the kernel has finished is taken in. */
void turn(void);

/* The same, and give threads and the network 100 us of real time. */
void a_while(void);

/* ---- In the machinery --------------------------------------------------- */

/* Run `body` with a cancel at `point`. */
struct verdict {
    bool reached;     /* there was such a moment */
    bool struck;      /* and the cancel was dealt at it */
    unsigned waits;   /* times that the endangered task parked */
};
struct verdict run_point(const struct body *body, const struct point *point);

/* How often broken() was called. */
extern unsigned laws_broken;

/* What the process holds, to be compared before and after a run. */
struct books {
    uint64_t open; /* descriptors 0 to 63, a bit each */
    size_t heap;   /* bytes in use */
    size_t mappings;
};
struct books take_stock(void);

/* What a run holds when only its main task is left. */
void audit_run(void);

#endif
