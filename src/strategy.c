/* strategy.c: who runs next, decided by a seed.
 *
 * A schedule is asked at every step: one of the ready tasks runs up to its next
 * [waits] call.  First in and last in are the two ends of the queue.  Random
 * draws lots: every order is possible, but one in which a task stays behind for
 * long is rare.  PCT (Burckhardt, Kothari, Musuvathi, Nagarakatte: A randomized
 * scheduler with probabilistic guarantees of finding bugs, ASPLOS 2010) gives
 * each task a priority by lot and always runs the highest; at d - 1 steps, also
 * drawn, the one that would run falls below all that began.  A bug that needs d
 * ordered steps among n tasks and k steps is found by one schedule with a
 * probability of at least 1 / (n * k^(d-1)).
 *
 * Every strategy is fair to those who give their turn up: a task that yields,
 * or that has made BI_BUDGET calls without a wait, comes after all others, as
 * it would in production, so that a loop that waits for a flag ends.
 */
#include "strategy.h"

#include "scope.h"

#include <stdlib.h>

#define STEP_LIMIT 1000000

/* ---- Lots --------------------------------------------------------------- */

static uint64_t draw(struct bi_strategist *s)
{
    return bi_seed_draw(&s->random);
}

/* One of 0 ... n-1; n is small. */
static uint32_t draw_below(struct bi_strategist *s, uint32_t n)
{
    return (uint32_t)((draw(s) >> 32) * n >> 32);
}

/* ---- The strategies ----------------------------------------------------- */

static struct bi_task *task_at(struct bi_list *link)
{
    return bi_container_of(link, struct bi_task, ready);
}

static struct bi_task *by_lot(struct bi_strategist *s, struct bi_run *run,
                              unsigned ready)
{
    struct bi_list *link = run->ready.next;
    for (uint32_t n = draw_below(s, ready); n; n--)
        link = link->next;
    return task_at(link);
}

/* What has not run yet draws its priority, above all that were lowered. */
static int64_t priority_of(struct bi_strategist *s, struct bi_task *task)
{
    if (!task->priority)
        task->priority = (int64_t)(draw(s) >> 2) + 1;
    return task->priority;
}

static struct bi_task *highest(struct bi_strategist *s, struct bi_run *run)
{
    struct bi_task *best = NULL;
    BI_LIST_EACH(link, &run->ready) {
        struct bi_task *task = task_at(link);
        int64_t priority = priority_of(s, task);
        if (!best || priority > best->priority)
            best = task;
    }
    return best;
}

static struct bi_task *by_priority(struct bi_strategist *s, struct bi_run *run)
{
    struct bi_task *best = highest(s, run);
    for (int i = 0; i < BI_CHANGES; i++)
        if (s->changes[i] == s->trace.steps + 1) {
            best->priority = -1 - i;
            best = highest(s, run);
        }
    return best;
}

/* `task` has given its turn up: it comes after all others. */
static void lower(struct bi_strategist *s, struct bi_run *run,
                  struct bi_task *task)
{
    if (s->seed.strategy == BI_LAST_IN) {
        bi_list_remove(&task->ready);
        bi_list_push_front(&run->ready, &task->ready);
    } else if (s->seed.strategy >= BI_PCT_1) {
        task->priority = --s->lowest;
    }
}

static struct bi_task *pick(struct bi_strategist *s, struct bi_run *run,
                            unsigned ready)
{
    if (s->schedule.owed > 0) {
        s->schedule.owed--;
        return task_at(run->ready.next);
    }
    switch (s->stuck ? BI_FIRST_IN : s->seed.strategy) {
    case BI_FIRST_IN:
        return task_at(run->ready.next);
    case BI_LAST_IN:
        return task_at(run->ready.prev);
    case BI_RANDOM:
        return by_lot(s, run, ready);
    default:
        return by_priority(s, run);
    }
}

/* ---- A step ------------------------------------------------------------- */

/* What the task that ran before has come to. */
static const char *fate_of_last(struct bi_strategist *s, struct bi_run *run)
{
    if (!s->last)
        return "begin";
    if (s->ends != run->ends)
        return "end";
    if (s->last->wait)
        return s->last->wait->what;
    if (s->schedule.owed > 0)
        return "lets one begin";
    bool preempted = s->schedule.preempted;
    if (!preempted || s->streak >= BI_BUDGET)
        lower(s, run, s->last);
    return preempted ? "may go on" : "yields";
}

/* More steps than a body that ends should need. */
static void stop(struct bi_strategist *s, struct bi_run *run)
{
    unsigned long long steps = s->trace.steps;
    if (!s->stuck) {
        bi_say("after %llu steps there is no end: the tasks keep each other "
               "busy, and are cancelled", steps);
        s->stuck = true;
        bi_scope_force(run);
    } else if (steps >= 2 * s->step_limit) {
        bi_say("after %llu steps there is still no end, though every wait is "
               "refused", steps);
        abort();
    }
}

static struct bi_task *choose(struct bi_schedule *schedule, struct bi_run *run)
{
    struct bi_strategist *s = (struct bi_strategist *)schedule;
    if (bi_unlikely(s->trace.steps >= s->step_limit))
        stop(s, run);
    const char *fate = fate_of_last(s, run);
    if (bi_unlikely(s->steps.tell != NULL))
        bi_steps_look(&s->steps, run);
    unsigned ready = 0;
    BI_LIST_EACH(link, &run->ready)
        ready++;
    struct bi_task *next = pick(s, run, ready);
    bi_trace_step(&s->trace, next, ready, fate);
    bool again = next == s->last && s->ends == run->ends;
    s->streak = again && schedule->preempted ? s->streak + 1 : 0;
    s->last = next;
    s->ends = run->ends;
    schedule->preempted = false;
    run->rotation = (uint32_t)draw(s); /* what a select begins with */
    if (bi_unlikely(s->steps.tell != NULL))
        bi_steps_begin(&s->steps, next);
    return next;
}

static void left(struct bi_schedule *schedule, struct bi_task *task)
{
    bi_steps_end(&((struct bi_strategist *)schedule)->steps, !task);
}

static void jumped(struct bi_schedule *schedule, struct bi_task *next)
{
    bi_steps_jump(&((struct bi_strategist *)schedule)->steps, next);
}

void bi_strategy_begin(struct bi_strategist *s, struct bi_run *run,
                       const struct bi_seed *seed,
                       const struct bide_test_options *opt)
{
    *s = (struct bi_strategist){
        .schedule = {.choose = choose},
        .steps = {.tell = opt->on_step, .arg = opt->step_arg},
        .seed = *seed,
        .step_limit = opt->step_limit ? opt->step_limit : STEP_LIMIT,
        .random = seed->number * BI_STRATEGIES + (uint64_t)seed->strategy,
        .lowest = -BI_CHANGES,
    };
    if (opt->on_step) {
        s->schedule.left = left;
        s->schedule.jumped = jumped;
    }
    bi_trace_begin(&s->trace, opt->trace);
    for (int i = 0; i < (int)seed->strategy - BI_PCT_1; i++)
        s->changes[i] = 1 + draw(s) % (seed->steps ? seed->steps : 1);
    run->schedule = &s->schedule;
}
