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

/* ---- Turns by the clock ------------------------------------------------- */

void bi_sched_note_name(struct bi_run *run, const struct bi_task *task)
{
    char *noted = run->watchdog.turn.name;
    const char *name = bi_task_name(task, noted);
    if (name != noted)
        memcpy(noted, name, sizeof task->name);
}

void bi_sched_begin_timing(struct bi_run *run, const struct bi_task *task)
{
    struct bi_watchdog *dog = &run->watchdog;
    if (bi_likely(!dog->slow_turn))
        return;
    bi_sched_note_name(run, task);
    dog->turn.site = task->site;
    dog->turn.began = bi_sys.now();
}

void bi_sched_end_timing(const struct bi_run *run)
{
    const struct bi_watchdog *dog = &run->watchdog;
    if (bi_likely(!dog->slow_turn))
        return;
    bide_time span = bi_sys.now() - dog->turn.began;
    if (span >= dog->slow_turn)
        dog->tell_turn(run, span);
}

/* ---- Turns -------------------------------------------------------------- */

/* Whether there is somebody to run before the loop has to begin the closing. */
static bool go_on(const struct bi_run *run)
{
    return !bi_list_empty(&run->ready) && (!run->main->ended || run->closing);
}

static struct bi_task *choose(struct bi_run *run)
{
    struct bi_schedule *s = run->schedule;
    struct bi_list *first = bi_list_first(&run->ready);
    struct bi_task *next = s ? s->choose(s, run)
                             : bi_container_of(first, struct bi_task, ready);
    bi_list_remove(&next->ready);
    return next;
}

/* Let `next` run until it leaves, which it does to the loop.  Whether the loop
 * is to have a turn: somebody has set the tick to 1. */
static bool run_alone(struct bi_run *run, struct bi_task *next)
{
    bi_sched_begin_timing(run, next);
    struct bi_coro *to = bi_sched_enter(run, next);
    run->tick = 0;
    if (run->schedule)
        run->budget = 1;
    bi_coro_switch(&run->loop, to);
    bi_sched_end_timing(run);
    return run->tick >= 0;
}

/* The turn where there is something to do after each suspension: ask the
 * schedule of a test, look at the clock. */
static void turn_by_steps(struct bi_run *run)
{
    struct bi_schedule *s = run->schedule;
    bool wanted = false;
    for (int n = run->tick; n > 0 && !wanted && go_on(run); n--) {
        struct bi_task *next = choose(run);
        uint64_t ends = run->ends;
        wanted = run_alone(run, next);
        if (s && s->left)
            s->left(s, run->ends == ends ? next : NULL);
    }
    run->tick = BI_TICKS;
}

void bi_sched_turn(struct bi_run *run)
{
    bi_assert(run->current == NULL);
    if (bi_unlikely(run->schedule || run->watchdog.slow_turn)) {
        turn_by_steps(run);
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
    bi_sched_end_timing(run);
    bi_sched_begin_timing(run, next);
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
