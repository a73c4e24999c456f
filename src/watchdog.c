/* watchdog.c: who takes too long: over a turn, to end after a cancel, or to end
 * when the main task has returned.
 *
 * Turns are timed where they are taken, one look at the clock each (sched.c).
 * For the other two the loop wakes now and then and looks at all tasks: nothing
 * is set up for a cancel that is heeded at once, as nearly all of them are.
 */
#include "watchdog.h"

#include "dump.h"
#include "task.h"

/* Looks in the time that a cancelled task has: it is named that much late. */
#define LOOKS 4

/* ---- A turn ------------------------------------------------------------- */

static void tell_turn(const char *name, const void *site, bide_time span)
{
    char where[48];
    bi_task_site(site, where);
    bi_say("task '%s', from %s, ran for %lld.%03d s without a wait: all others "
           "waited for it (see bide_to_thread(), bide_pool_call(), "
           "bide_yield())", name, where, (long long)(span / BIDE_SEC(1)),
           (int)(span % BIDE_SEC(1) / BIDE_MS(1)));
}

/* ---- After a cancel ----------------------------------------------------- */

/* When `task` was cancelled, be it in a shield; BIDE_FOREVER: it was not. */
static bide_time cancelled_at(const struct bi_task *task)
{
    bide_time at = BIDE_FOREVER;
    for (const struct bi_scope *s = task->scope; s; s = s->parent)
        if (s->code)
            at = bi_earlier(at, s->fired_at);
    return at;
}

static void look_for_cancelled(struct bi_run *run)
{
    bide_time now = run->now, patience = run->watchdog.patience;
    bool any = false, told = false;
    BI_LIST_EACH(it, &run->tasks) {
        struct bi_task *task = bi_container_of(it, struct bi_task, all);
        bide_time at = task->ended ? BIDE_FOREVER : cancelled_at(task);
        any |= at != BIDE_FOREVER;
        if (now < at || now - at < patience || task->late_since == at)
            continue;
        if (!told)
            bi_say("a cancel has not ended what it was for:");
        task->late_since = at;
        told = true;
        bi_dump_task(2, task, now);
    }
    run->watchdog.at = any ? bide_after(run->watchdog.pause) : BIDE_FOREVER;
}

/* ---- At the end --------------------------------------------------------- */

/* Some tasks do not end: name them, and again after twice the time. */
static void name_stragglers(struct bi_run *run)
{
    uint64_t alive = bi_run_alive(run);
    bi_say("the main task has returned, but %llu %s to end:",
           (unsigned long long)alive,
           alive == 1 ? "task refuses" : "tasks refuse");
    bi_dump_tasks(2, run, true);
    run->watchdog.pause *= 2;
    run->watchdog.at = bide_after(run->watchdog.pause);
}

void bi_watchdog_closing(struct bi_run *run, bide_time grace)
{
    run->watchdog.look = name_stragglers;
    run->watchdog.pause = grace;
    run->watchdog.at = bide_after(grace);
}

void bi_watchdog_begin(struct bi_run *run, bide_time slow_turn,
                    bide_time slow_cancel)
{
    run->watchdog = (struct bi_watchdog){
        .at = BIDE_FOREVER,
        .look = look_for_cancelled,
        .pause = slow_cancel / LOOKS + (slow_cancel % LOOKS != 0),
        .patience = slow_cancel,
        .slow_turn = slow_turn,
        .told = tell_turn,
    };
}
