/* park.c: THE one door that suspends a task.
 *
 * The record of a wait lies on the waiter's stack.  While the task is parked it
 * belongs to whoever will end the wait, and there is exactly one end: a wake-up
 * by the one who took it off its queue, or a withdrawal by a cancel, which
 * takes it off itself.  Everything runs on one thread, so that "already woken"
 * is simply "no longer parked": what was woken is not withdrawn any more.
 *
 * errno belongs to the thread, but foreign code in a task must find its own
 * after a wait: it is kept here, the one place that switches a running task.  A
 * run keeps its address, which libc computes by a call.  After the switch it is
 * had by way of the thread, not of what the stack has to give back first: until
 * that is there, the processor goes on with what follows.
 *
 * So are the C++ exceptions that a task handles (exceptions.h), by a way of
 * their own: the usual one, without any, pays for a test.
 */
#include "park.h"

#include "sched.h"

/* ---- Leaving ------------------------------------------------------------ */

/* Suspend `task` while it handles exceptions, in favour of `next` or, where
 * that is NULL, of whoever is ready. */
static __attribute__((noinline)) void
leave_handling(struct bi_run *run, struct bi_task *task, struct bi_task *next)
{
    struct bi_exceptions kept = bi_exceptions_take(run->exceptions);
    if (next)
        bi_sched_jump(run, task, next);
    else
        bi_sched_leave(run, task);
    bi_exceptions_put(run->exceptions, kept);
}

static inline void leave(struct bi_run *run, struct bi_task *task)
{
    if (bi_exceptions_any(run->exceptions))
        leave_handling(run, task, NULL);
    else
        bi_sched_leave(run, task);
}

void bi_park_behind(struct bi_task *task, struct bi_task *next)
{
    struct bi_run *run = task->run;
    int saved = *run->error;
    if (bi_exceptions_any(run->exceptions))
        leave_handling(run, task, next);
    else
        bi_sched_jump(run, task, next);
    *bi_here->error = saved;
}

/* ---- Waiting ------------------------------------------------------------ */

bool bi_wait_unlink(struct bi_wait *wait)
{
    bi_list_remove(&wait->link);
    return true;
}

/* A posted function runs on the loop's stack, which cannot be left. */
static void check_stack(const struct bi_task *task)
{
    BI_CONTRACT(task->stack, "bide_post",
                "made a call that may wait; a posted function must not");
}

void bi_park_end_turn(struct bi_task *task)
{
    check_stack(task);
    /* The loop gets its turn too: what the others wait for may be there.  Not
     * in a schedule, which ends a turn before every call. */
    if (task->run->schedule)
        task->run->schedule->preempted = true;
    else
        task->run->tick = 1;
    bi_park_yield(task);
}

intptr_t bi_park(struct bi_wait *wait)
{
    struct bi_task *task = wait->task;
    struct bi_run *run = task->run;
    bi_assert(run->current == task && !task->wait);
    check_stack(task);
    int saved = *run->error;
    task->wait = wait;
    task->parked_at = run->now;
    leave(run, task);
    *bi_here->error = saved;
    bi_assert(!task->wait);
    return wait->withdrawn ? bi_scope_noticed(task->scope) : wait->value;
}

void bi_wake(struct bi_wait *wait, intptr_t value)
{
    struct bi_task *task = wait->task;
    BI_CONTRACT(task->run == bi_here, "a wake-up",
                "ended a wait of another run, for the %s at %p", wait->what,
                wait->on);
    bi_assert(task->wait == wait);
    wait->value = value;
    bi_wait_give_back(wait);
    task->wait = NULL;
    bi_sched_ready(task->run, task);
}

void bi_park_yield(struct bi_task *task)
{
    struct bi_run *run = task->run;
    if (bi_list_empty(&run->ready) && run->tick > 1) {
        run->tick--;
        run->budget = BI_BUDGET;
        return;
    }
    int saved = *run->error;
    bi_sched_ready(run, task);
    leave(run, task);
    *bi_here->error = saved;
}
