/* timer.c: the run's deadlines, in one heap.
 *
 * A timer lies in its owner: a sleeping task's stack, a scope.  There is one
 * heap a run, and the reactor sleeps until its first: a kernel timer each would
 * cost a microsecond where a node costs some ten nanoseconds.
 */
#include "timer.h"

static struct bi_timer *timer_of(const struct bi_heap_node *node)
{
    return bi_container_of(node, struct bi_timer, node);
}

static bool earlier(const struct bi_heap_node *a, const struct bi_heap_node *b)
{
    const struct bi_timer *s = timer_of(a), *t = timer_of(b);
    return s->deadline < t->deadline ||
           (s->deadline == t->deadline && s->order < t->order);
}

void bi_timer_arm(struct bi_run *run, struct bi_timer *timer,
                  bide_time deadline, void (*fire)(struct bi_timer *timer))
{
    timer->deadline = deadline;
    timer->order = run->timer_order++;
    timer->fire = fire;
    timer->armed = true;
    bi_heap_insert(&run->timers, &timer->node, earlier);
}

void bi_timer_disarm(struct bi_run *run, struct bi_timer *timer)
{
    if (!timer->armed)
        return;
    timer->armed = false;
    bi_heap_remove(&run->timers, &timer->node, earlier);
}

bool bi_timer_next(const struct bi_run *run, bide_time *deadline)
{
    if (!run->timers.root)
        return false;
    *deadline = timer_of(run->timers.root)->deadline;
    return true;
}

void bi_timer_fire_due(struct bi_run *run, bide_time now)
{
    while (run->timers.root) {
        struct bi_timer *timer = timer_of(run->timers.root);
        if (timer->deadline > now)
            return;
        bi_timer_disarm(run, timer);
        timer->fire(timer);
    }
}
