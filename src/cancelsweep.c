/* cancelsweep.c: one body again and again, with a cancel at one more moment.
 *
 * The moments of an endangered task are the turns of its schedule: it is about
 * to wait, it waits, its wait was ended and it has not run yet.  Under a
 * schedule every [waits] call first gives its turn up, so that the loop comes
 * by at each of them, and can cancel from there as a timer does.
 *
 * Rejected: a cancel from within the wake-up, where lists are being walked and
 * no program could cancel.
 */
#include "explore.h"
#include "scope.h"
#include "task.h"
#include "testrun.h"

#include <stdlib.h>

/* What bi_task.danger says. */
enum { SAFE, ENDANGERED, WAITING };

struct sweep {
    struct bi_testrun t;
    struct bi_task *(*choose)(struct bi_schedule *s, struct bi_run *run);
    unsigned long wanted; /* the moment of the cancel */
    unsigned long seen;   /* moments so far */
    char at[64];          /* where it struck, in words */
};

static struct sweep *sweep_of(struct bi_schedule *schedule)
{
    struct bi_strategist *s =
        bi_container_of(schedule, struct bi_strategist, schedule);
    struct bi_testrun *t =
        bi_container_of(s, struct bi_testrun, strategist);
    return bi_container_of(t, struct sweep, t);
}

/* One more moment of `task`: it is about to wait, waits or was woken. */
static void pass(struct sweep *s, struct bi_task *task, const char *when)
{
    char name[32];
    if (++s->seen != s->wanted)
        return;
    snprintf(s->at, sizeof s->at, "'%s' %s%s", bi_task_name(task, name), when,
             task->wait ? task->wait->what : "");
    if (s->t.strategist.trace.told)
        bi_say("cancel %lu: %s", s->wanted, s->at);
    bi_scope_fire(&task->root, task->run, -ECANCELED);
}

/* `task` has come back from a step, and has not ended. */
static void left(struct bi_schedule *schedule, struct bi_task *task)
{
    if (bi_likely(task->danger == SAFE))
        return;
    task->danger = task->wait ? WAITING : ENDANGERED;
    pass(sweep_of(schedule), task, task->wait ? "waits: " : "is about to wait");
}

static struct bi_task *choose(struct bi_schedule *schedule, struct bi_run *run)
{
    struct sweep *s = sweep_of(schedule);
    struct bi_task *next = s->choose(schedule, run);
    if (next->danger == WAITING) {
        next->danger = ENDANGERED;
        pass(s, next, "was woken");
    }
    return next;
}

/* A schedule begins: stand before its strategy. */
static void stand_before(struct bi_testrun *t)
{
    struct sweep *s = bi_container_of(t, struct sweep, t);
    s->choose = t->strategist.schedule.choose;
    t->strategist.schedule.choose = choose;
    t->strategist.schedule.left = left;
}

void bide_test_endanger(bide_task *task)
{
    struct bi_task *t = bi_task_of(task, __func__);
    if (t->danger == SAFE)
        t->danger = ENDANGERED;
}

/* ---- The sweep ---------------------------------------------------------- */

static void tell(const struct sweep *s, unsigned long n, intptr_t result)
{
    char what[128];
    snprintf(what, sizeof what, s->at[0] ? "cancel %lu (%s)" : "cancel %lu", n,
             s->at);
    bi_explore_tell(what, result);
}

/* Run the body with its cancel at moment `n`. */
static intptr_t strike(struct sweep *s, unsigned long n, bide_fn *fn, void *arg)
{
    s->wanted = n;
    s->seen = 0;
    snprintf(s->t.also, sizeof s->t.also, "BIDE_CANCEL=%lu ", n);
    intptr_t result = bi_testrun_once(&s->t, &s->t.seed, fn, arg);
    if (result >= 0)
        return 0;
    tell(s, n, result);
    bi_testrun_tell_replay(&s->t, &s->t.seed);
    return result;
}

/* Whether BIDE_CANCEL names one moment, as `n`; 0: it is none, and told. */
static bool chosen(unsigned long *n)
{
    const char *outside = getenv("BIDE_CANCEL");
    if (!outside || !*outside)
        return false;
    char *end;
    errno = 0;
    bool number = *outside >= '0' && *outside <= '9';
    *n = number ? strtoul(outside, &end, 10) : 0;
    if (*n && (errno || *end))
        *n = 0;
    if (!*n)
        bi_say("BIDE_CANCEL is '%s'; a moment is a number, from 1", outside);
    return true;
}

/* Moment `n` alone, as BIDE_CANCEL asks for. */
static intptr_t replay(struct sweep *s, unsigned long n, bide_fn *fn, void *arg)
{
    intptr_t result = strike(s, n, fn, arg);
    if (result < 0)
        return result;
    if (s->seen < n) {
        bi_say("BIDE_CANCEL is %lu; the body has come to its end after %lu",
               n, s->seen);
        return -ENOENT;
    }
    tell(s, n, result);
    return 0;
}

static intptr_t sweep(struct sweep *s, bide_fn *fn, void *arg)
{
    unsigned long n = 0;
    if (chosen(&n))
        return n ? replay(s, n, fn, arg) : -EINVAL;
    do {
        s->at[0] = '\0';
        intptr_t result = strike(s, ++n, fn, arg);
        if (result < 0)
            return result;
    } while (s->seen >= n);
    if (n == 1)
        bi_say("the cancel sweep had nobody to cancel: no task that waits was "
               "given to bide_test_endanger()");
    return n > 1 ? (intptr_t)n - 1 : -ENOENT;
}

intptr_t bide_cancel_sweep(bide_fn *fn, void *arg,
                           const struct bide_test_options *opt)
{
    if (bi_here)
        return -EDEADLK;
    if (!fn)
        return -EINVAL;
    struct sweep s;
    int rc = bi_testrun_open(&s.t, opt);
    if (rc < 0)
        return rc;
    s.t.began = stand_before;
    s.at[0] = '\0';
    if (!s.t.seeded)
        s.t.seed = (struct bi_seed){BI_FIRST_IN, 0, 0};
    intptr_t result = sweep(&s, fn, arg);
    bi_testrun_close(&s.t);
    return result;
}
