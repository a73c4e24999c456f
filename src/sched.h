/* sched.h: the run queue.  It knows no descriptor, and looks at a clock only
 * where turns are timed (watchdog.c says what is told of them). */
#ifndef BI_SCHED_H
#define BI_SCHED_H

#include "core.h"

/* Fast calls that a task may make in a row before the others get a turn. */
#define BI_BUDGET 256

void bi_sched_init(struct bi_run *run);

/* Who decides, in a test, which ready task is next (run->schedule).  While one
 * is set, every suspension comes back to the loop, for which the tick is kept
 * at 0, and every [waits] call ends its task's turn first: the budget, at 1. */
struct bi_schedule {
    /* One of run->ready, which is not empty; its first while any is owed. */
    struct bi_task *(*choose)(struct bi_schedule *s, struct bi_run *run);
    /* NULL, or called when a step is over: `task` has come back, or, NULL, the
     * one that ran has ended. */
    void (*left)(struct bi_schedule *s, struct bi_task *task);
    /* NULL, or called when a task has just given way to `next`, which begins:
     * a step like any other, but not chosen. */
    void (*jumped)(struct bi_schedule *s, struct bi_task *next);
    unsigned owed;  /* so many at the head of run->ready were promised to be
                       next: `choose` counts them down */
    bool preempted; /* the last turn was ended, not given up */
};

/* Append a task that was not ready. */
static inline void bi_sched_ready(struct bi_run *run, struct bi_task *task)
{
    bi_assert(!bi_list_linked(&task->ready) && !task->ended);
    bi_list_push_back(&run->ready, &task->ready);
}

/* Make `next` (NULL: the loop) the running one; returns its coroutine. */
static inline struct bi_coro *bi_sched_enter(struct bi_run *run,
                                             struct bi_task *next)
{
    run->switches++;
    run->current = next;
    run->budget = BI_BUDGET;
    return next ? &next->coro : &run->loop;
}

/* Take the next ready task off the queue; NULL: it is the loop's turn. */
static inline struct bi_task *bi_sched_pick(struct bi_run *run)
{
    if (bi_unlikely(--run->tick <= 0 || bi_list_empty(&run->ready)))
        return NULL;
    return bi_container_of(bi_list_pop(&run->ready), struct bi_task, ready);
}

/* Suspend `task`, which runs, in favour of the next ready one, or the loop.
 * Inline: every frame between a wait and the switch costs a mispredicted
 * return when tasks of different waits alternate. */
static inline void bi_sched_leave(struct bi_run *run, struct bi_task *task)
{
    bi_assert(run->current == task);
    bi_coro_switch(&task->coro,
                   bi_sched_enter(run, bi_sched_pick(run)));
}

/* As bi_sched_leave(), for good; to be called last. */
static inline void bi_sched_finish(struct bi_run *run, struct bi_task *task)
{
    bi_assert(run->current == task && task->ended);
    bi_coro_finish(&task->coro, bi_sched_enter(run, bi_sched_pick(run)));
}

/* From the loop: run ready tasks until it is the loop's turn again. */
void bi_sched_turn(struct bi_run *run);

/* Where turns are timed: `task` runs from here on; it has run, which is told if
 * it took long. */
void bi_sched_begin_timing(struct bi_run *run, const struct bi_task *task);
void bi_sched_end_timing(const struct bi_run *run);

/* The running `task` has another name: its turn is told by that one. */
void bi_sched_note_name(struct bi_run *run, const struct bi_task *task);

/* Suspend `task`, ready before all others, and run `next`, which is not on the
 * queue, now. */
void bi_sched_jump(struct bi_run *run, struct bi_task *task,
                   struct bi_task *next);

#endif
