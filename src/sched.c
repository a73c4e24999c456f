/* sched.c: the run queue.
 *
 * A task that leaves switches straight to the next ready one.  The loop, which
 * runs on the thread's own stack, gets a turn when nobody is ready, and every
 * BI_TICKS switches, so that timers and completions are seen while tasks keep
 * each other busy.  Order is first in, first out.
 *
 * The queue is the intrusive list through the control blocks.  Rejected: a ring
 * of pointers, denser but in need of memory when a task becomes ready, which
 * must never fail; a loop between any two tasks, which doubles the switches.
 */
#include "sched.h"

#include <string.h>

/* A poll of the reactor costs about 200 ns, a switch about 5: with 128 of them
 * between two polls it adds a third at the most. */
#define BI_TICKS 128

_Thread_local struct bi_run *bi_here;
_Thread_local struct bi_task *bi_waiter;

const char *bi_task_name(const struct bi_task *task, char *buf)
{
    if (task->name[0])
        return task->name;
    /* By hand: the report of an overflow is made in a signal handler. */
    char *at = buf + sizeof task->name - 1;
    uint64_t id = task->id;
    *at = '\0';
    do
        *--at = (char)('0' + id % 10);
    while (id /= 10);
    memcpy(buf, "task-", 5);
    memmove(buf + 5, at, strlen(at) + 1);
    return buf;
}

static const char *running_name(void)
{
    static _Thread_local char buf[32];
    struct bi_task *task = bi_current();
    return task ? bi_task_name(task, buf) : NULL;
}

void bi_sched_init(struct bi_run *run)
{
    bi_list_init(&run->ready);
    bi_coro_adopt(&run->loop);
    run->error = &errno;
    run->tick = BI_TICKS;
    bi_running_name = running_name;
}

/* The turn in a test: after each suspension the schedule is asked. */
static void turn_by_choice(struct bi_run *run)
{
    for (unsigned n = BI_TICKS; n && !bi_list_empty(&run->ready); n--) {
        if (run->main->ended && !run->closing)
            return;
        struct bi_task *next = run->schedule->choose(run->schedule, run);
        bi_list_remove(&next->ready);
        struct bi_coro *to = bi_sched_enter(run, next);
        run->tick = run->budget = 1;
        uint64_t ends = run->ends;
        bi_coro_switch(&run->loop, to);
        if (run->schedule->left)
            run->schedule->left(run->schedule,
                                run->ends == ends ? next : NULL);
    }
}

void bi_sched_turn(struct bi_run *run)
{
    bi_assert(run->current == NULL);
    if (bi_unlikely(run->schedule != NULL)) {
        turn_by_choice(run);
        return;
    }
    if (bi_list_empty(&run->ready))
        return;
    run->tick++; /* the first switch is the loop's own */
    bi_coro_switch(&run->loop, bi_sched_enter(run, bi_sched_pick(run)));
    run->tick = BI_TICKS;
}

void bi_sched_jump(struct bi_run *run, struct bi_task *task,
                   struct bi_task *next)
{
    bi_assert(run->current == task);
    bi_list_push_front(&run->ready, &task->ready);
    struct bi_coro *to = bi_sched_enter(run, next);
    if (bi_unlikely(run->schedule != NULL)) {
        run->schedule->owed++;
        run->budget = 1;
        if (run->schedule->jumped)
            run->schedule->jumped(run->schedule, next);
    }
    bi_coro_switch(&task->coro, to);
}
