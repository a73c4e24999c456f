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

#include "sys.h"

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

void bi_sched_took(const struct bi_run *run, const char *name,
                   const void *site, bide_time began)
{
    bide_time span = bi_sys.now() - began;
    if (span >= run->watchdog.slow_turn)
        run->watchdog.told(name, site, span);
}

/* Let `next` run until it leaves, which it does to the loop. */
static void run_alone(struct bi_run *run, struct bi_task *next)
{
    struct bi_coro *to = bi_sched_enter(run, next);
    run->tick = 1;
    if (run->schedule)
        run->budget = 1;
    bi_coro_switch(&run->loop, to);
}

/* The same by the clock.  Who has ended cannot be asked its name any more. */
static void run_timed(struct bi_run *run, struct bi_task *next)
{
    char name[sizeof next->name];
    const void *site = next->site;
    memmove(name, bi_task_name(next, name), sizeof name);
    bide_time began = bi_sys.now();
    run_alone(run, next);
    bi_sched_took(run, name, site, began);
}

static void take_turn(struct bi_run *run, struct bi_task *next)
{
    if (run->watchdog.slow_turn)
        run_timed(run, next);
    else
        run_alone(run, next);
}

/* Whether there is somebody to run before the loop has to begin the closing. */
static bool go_on(const struct bi_run *run)
{
    return !bi_list_empty(&run->ready) && (!run->main->ended || run->closing);
}

/* The turn in a test: after each suspension the schedule is asked. */
static void turn_by_choice(struct bi_run *run)
{
    for (unsigned n = BI_TICKS; n && go_on(run); n--) {
        struct bi_task *next = run->schedule->choose(run->schedule, run);
        bi_list_remove(&next->ready);
        uint64_t ends = run->ends;
        take_turn(run, next);
        if (run->schedule->left)
            run->schedule->left(run->schedule,
                                run->ends == ends ? next : NULL);
    }
}

/* The turn of a run that times them. */
static void turn_by_clock(struct bi_run *run)
{
    for (unsigned n = BI_TICKS; n && go_on(run); n--)
        take_turn(run, bi_container_of(bi_list_pop(&run->ready),
                                       struct bi_task, ready));
    run->tick = BI_TICKS;
}

void bi_sched_turn(struct bi_run *run)
{
    bi_assert(run->current == NULL);
    if (bi_unlikely(run->schedule != NULL)) {
        turn_by_choice(run);
    } else if (bi_unlikely(run->watchdog.slow_turn > 0)) {
        turn_by_clock(run);
    } else if (!bi_list_empty(&run->ready)) {
        run->tick++; /* the first switch is the loop's own */
        bi_coro_switch(&run->loop, bi_sched_enter(run, bi_sched_pick(run)));
        run->tick = BI_TICKS;
    }
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
