/* watchdog.c: who takes too long: over a turn, to end after a cancel, or to end
 * when the main task has returned.
 *
 * Turns are timed where they are taken (sched.c).  For the other two the loop
 * looks at all tasks: first when the time of the first cancel is up, and from
 * then on when that of the next task is that was found cancelled.  So nothing
 * is set up for a cancel that is heeded at once, as nearly all of them are, and
 * the loop sleeps on where all are named.
 */
#include "watchdog.h"

#include "dump.h"
#include "task.h"

/* Looks in the time that a cancelled task has, at most: where each has another
 * end, it is named up to that part of it late. */
#define LOOKS 4

/* ---- A turn ------------------------------------------------------------- */

static void tell_turn(const struct bi_run *run, bide_time span)
{
    const char *name = run->watchdog.turn.name;
    bool short_one = span < BIDE_MS(10);
    bide_time unit = short_one ? BIDE_MS(1) : BIDE_SEC(1);
    char where[48];
    bi_task_site(run->watchdog.turn.site, where);
    bi_say("task '%s', from %s, ran for %lld.%03d %s without a wait: all "
           "others waited for it (see bide_to_thread(), bide_pool_call(), "
           "bide_yield())", name, where, (long long)(span / unit),
           (int)(span % unit / (unit / 1000)), short_one ? "ms" : "s");
}

/* ---- After a cancel ----------------------------------------------------- */

/* When the first cancel that counts reached `task`, be it in a shield;
 * BIDE_FOREVER: there is none. */
static bide_time cancelled_at(const struct bi_task *task)
{
    bide_time at = BIDE_FOREVER;
    for (const struct bi_scope *s = task->scope; s; s = s->parent)
        if (s->code && s->fired_at > task->blameless)
            at = bi_earlier(at, s->fired_at);
    return task->ended ? BIDE_FOREVER : at;
}

/* Name those whose time is up.  Returns when to look again. */
static bide_time look_for_cancelled(struct bi_run *run)
{
    bide_time now = run->now, patience = run->watchdog.patience;
    bide_time next = BIDE_FOREVER, earliest = bide_after(patience / LOOKS);
    bool told = false;
    BI_LIST_EACH(it, &run->tasks) {
        struct bi_task *task = bi_container_of(it, struct bi_task, all);
        bide_time at = cancelled_at(task);
        if (now < at || now - at < patience) {
            at += bi_earlier(patience, BIDE_FOREVER - at);
            next = bi_earlier(next, at);
            continue;
        }
        if (!told)
            bi_say("a cancel has not ended what it was for:");
        told = true;
        task->blameless = now;
        bi_dump_task(2, task, now);
    }
    return next < earliest ? earliest : next;
}

/* ---- At the end --------------------------------------------------------- */

/* Some tasks do not end: name them, and again after twice the time. */
static void name_stragglers(struct bi_run *run)
{
    struct bi_watchdog *dog = &run->watchdog;
    uint64_t alive = bi_run_alive(run);
    bi_say("the main task has returned, but %llu %s to end:",
           (unsigned long long)alive,
           alive == 1 ? "task refuses" : "tasks refuse");
    bi_dump_tasks(2, run, true);
    dog->grace += bi_earlier(dog->grace, BIDE_FOREVER - dog->grace);
    dog->grace_ends = bide_after(dog->grace);
}

void bi_watchdog_closing(struct bi_run *run)
{
    struct bi_watchdog *dog = &run->watchdog;
    dog->grace_ends = bide_after(dog->grace);
    dog->at = bi_earlier(dog->at, dog->grace_ends);
}

/* ---- Both --------------------------------------------------------------- */

static void look(struct bi_run *run)
{
    struct bi_watchdog *dog = &run->watchdog;
    bide_time next = dog->patience ? look_for_cancelled(run) : BIDE_FOREVER;
    if (run->now >= dog->grace_ends)
        name_stragglers(run);
    dog->at = bi_earlier(next, dog->grace_ends);
}

void bi_watchdog_begin(struct bi_run *run, const struct bide_options *o)
{
    run->watchdog = (struct bi_watchdog){
        .at = BIDE_FOREVER,
        .look = look,
        .patience = o->slow_cancel,
        .grace = o->shutdown_grace,
        .grace_ends = BIDE_FOREVER,
        .slow_turn = o->slow_turn,
        .tell_turn = tell_turn,
    };
}
