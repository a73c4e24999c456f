/* cancelsweep.c: a cancel at each moment of an endangered task.
 *
 * The moments of such a task are the turns of its schedule: it is about to
 * wait, it waits, its wait was ended and it has not run yet.  Under a schedule
 * every [waits] call first gives its turn up, so that the loop comes by at each
 * of them, and can cancel from there as a timer does.
 *
 * Rejected: a cancel from within the wake-up, where lists are being walked and
 * no program could cancel.
 */
#include "moments.h"
#include "scope.h"
#include "task.h"

/* What bi_task.danger says. */
enum { SAFE, ENDANGERED, WAITING };

struct sweep {
    struct bi_moments m;
    /* What stood in the schedule before. */
    struct bi_task *(*choose)(struct bi_schedule *s, struct bi_run *run);
    void (*left)(struct bi_schedule *s, struct bi_task *task);
};

static struct sweep *sweep_of(struct bi_schedule *schedule)
{
    struct bi_strategist *s =
        bi_container_of(schedule, struct bi_strategist, schedule);
    struct bi_testrun *t =
        bi_container_of(s, struct bi_testrun, strategist);
    struct bi_moments *m = bi_container_of(t, struct bi_moments, t);
    return bi_container_of(m, struct sweep, m);
}

/* One more moment of `task`: it is about to wait, waits or was woken. */
static void pass(struct sweep *s, struct bi_task *task, const char *when)
{
    char name[32];
    if (!bi_moments_pass(&s->m))
        return;
    bi_moments_strike(&s->m, "'%s' %s%s", bi_task_name(task, name), when,
                      task->wait ? task->wait->what : "");
    bi_scope_fire(&task->root, task->run, -ECANCELED);
}

static void left(struct bi_schedule *schedule, struct bi_task *task)
{
    struct sweep *s = sweep_of(schedule);
    if (s->left)
        s->left(schedule, task);
    if (bi_likely(!task || task->danger == SAFE))
        return;
    task->danger = task->wait ? WAITING : ENDANGERED;
    pass(s, task, task->wait ? "waits: " : "is about to wait");
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
    struct bi_schedule *schedule = &t->strategist.schedule;
    struct sweep *s = sweep_of(schedule);
    s->choose = schedule->choose;
    s->left = schedule->left;
    schedule->choose = choose;
    schedule->left = left;
}

void bide_test_endanger(bide_task *task)
{
    struct bi_task *t = bi_task_of(task, __func__);
    if (t->danger == SAFE)
        t->danger = ENDANGERED;
}

/* ---- The sweep ---------------------------------------------------------- */

static intptr_t once(struct bi_moments *m)
{
    bi_moments_begin(m);
    return bi_testrun_once(&m->t, &m->t.seed, m->fn, m->arg);
}

intptr_t bide_cancel_sweep(bide_fn *fn, void *arg,
                           const struct bide_test_options *opt)
{
    if (bi_here)
        return -EDEADLK;
    if (!fn)
        return -EINVAL;
    struct sweep s = {.m = {.word = "cancel", .variable = "BIDE_CANCEL",
                            .none = "the cancel sweep had nobody to cancel: no "
                                    "task that waits was given to "
                                    "bide_test_endanger()",
                            .once = once, .fn = fn, .arg = arg}};
    int rc = bi_testrun_open(&s.m.t, opt);
    if (rc < 0)
        return rc;
    s.m.t.began = stand_before;
    intptr_t result = bi_moments_sweep(&s.m);
    bi_testrun_close(&s.m.t);
    return result;
}
