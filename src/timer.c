/* timer.c: the run's deadlines.
 *
 * A timer lies in its owner: a sleeping task's stack, a scope.  The reactor
 * sleeps until the first of the run: a kernel timer each would cost a
 * microsecond where a heap costs some ten nanoseconds.
 *
 * Few timers are a heap of their own nodes: to take one back that is not due
 * for long, as most deadlines are, is then nearly nothing.  Of many, each on a
 * page of its own, a step of that heap would be a miss of every cache, so they
 * go to another one, whose entries lie side by side.  Where there is no memory
 * for it they stay with the few: to arm a timer cannot fail.
 *
 * Rejected: wheels, which round deadlines, or have to sort what they round, and
 * look at each timer anew whenever its wheel turns.
 */
#include "timer.h"

#include "sys.h"

#define FEW 64

static struct bi_timer *timer_of(const struct bi_heap_node *node)
{
    return bi_container_of(node, struct bi_timer, node);
}

static bool earlier(const struct bi_timer *a, const struct bi_timer *b)
{
    return a->deadline < b->deadline ||
           (a->deadline == b->deadline && a->order < b->order);
}

static bool before(const struct bi_heap_node *a, const struct bi_heap_node *b)
{
    return earlier(timer_of(a), timer_of(b));
}

void bi_timer_arm(struct bi_run *run, struct bi_timer *timer,
                  bide_time deadline, void (*fire)(struct bi_timer *timer))
{
    struct bi_timers *t = &run->timers;
    timer->deadline = deadline;
    timer->order = t->order++;
    timer->fire = fire;
    timer->armed = true;
    timer->seat = 0;
    if (t->count >= FEW)
        timer->seat = bi_dary_insert(&t->many, deadline,
                                     (uint32_t)timer->order, timer);
    if (!timer->seat)
        bi_heap_insert(&t->few, &timer->node, before);
    t->count++;
}

void bi_timer_disarm(struct bi_run *run, struct bi_timer *timer)
{
    struct bi_timers *t = &run->timers;
    if (!timer->armed)
        return;
    if (timer->seat)
        bi_dary_remove(&t->many, timer->seat);
    else
        bi_heap_remove(&t->few, &timer->node, before);
    timer->armed = false;
    t->count--;
}

/* The first to fire and its deadline, or NULL.  Looks at the timer itself, on
 * its cold page, only where another one has the same deadline. */
static struct bi_timer *first_of(const struct bi_timers *t, bide_time *deadline)
{
    struct bi_timer *few = t->few.root ? timer_of(t->few.root) : NULL;
    struct bi_timer *many = bi_dary_first(&t->many, deadline);
    if (!few || (many && (*deadline < few->deadline ||
                          (*deadline == few->deadline && earlier(many, few)))))
        return many;
    *deadline = few->deadline;
    return few;
}

bool bi_timer_next(const struct bi_run *run, bide_time *deadline)
{
    return first_of(&run->timers, deadline) != NULL;
}

void bi_timer_fire_due(struct bi_run *run, bide_time now)
{
    struct bi_timer *first;
    bide_time deadline;
    while ((first = first_of(&run->timers, &deadline)) && deadline <= now) {
        bi_timer_disarm(run, first);
        first->fire(first);
    }
}

void bi_timer_end(struct bi_run *run)
{
    bi_assert(run->timers.count == 0);
    bi_dary_end(&run->timers.many);
}
