/* steps.c: what becomes of each task, told to a test step by step.
 *
 * It is told from the loop, where a schedule comes by after each step.  So a
 * spawn and a wake-up are told when the step is over in which they happened,
 * and no way that production takes knows of it; the order of what is told of
 * one task is that in which it came about.
 *
 * Rejected: hooks in spawn, wake-up and switch, which would cost a branch each
 * where nobody listens, and call the test's function in the middle of things.
 */
#include "steps.h"

#include <string.h>

static struct bi_task *task_at(struct bi_list *link)
{
    return bi_container_of(link, struct bi_task, all);
}

static void tell(struct bi_steps *s, enum bide_step what,
                 const struct bi_task *task)
{
    char buf[32];
    s->tell(s->arg, what, task->id, bi_task_name(task, buf));
}

static void tell_ready(struct bi_steps *s, struct bi_task *task)
{
    task->ready_told = true;
    tell(s, BIDE_STEP_READY, task);
}

/* The run's tasks stand in the order of their ids, and the new ones last. */
static void tell_spawned(struct bi_steps *s, struct bi_run *run)
{
    struct bi_list *link = run->tasks.prev;
    while (link != &run->tasks && task_at(link)->id > s->spawned)
        link = link->prev;
    for (link = link->next; link != &run->tasks; link = link->next) {
        s->spawned = task_at(link)->id;
        tell(s, BIDE_STEP_SPAWN, task_at(link));
    }
}

void bi_steps_look(struct bi_steps *s, struct bi_run *run)
{
    tell_spawned(s, run);
    BI_LIST_EACH(link, &run->ready) {
        struct bi_task *task = bi_container_of(link, struct bi_task, ready);
        if (!task->ready_told)
            tell_ready(s, task);
    }
}

void bi_steps_begin(struct bi_steps *s, struct bi_task *task)
{
    char buf[32];
    task->ready_told = false;
    s->running = task->id;
    snprintf(s->name, sizeof s->name, "%s", bi_task_name(task, buf));
    s->tell(s->arg, BIDE_STEP_BEGIN, s->running, s->name);
}

void bi_steps_end(struct bi_steps *s, bool ended)
{
    s->tell(s->arg, BIDE_STEP_END, s->running, s->name);
    if (ended)
        s->tell(s->arg, BIDE_STEP_EXIT, s->running, s->name);
}

void bi_steps_jump(struct bi_steps *s, struct bi_task *next)
{
    struct bi_run *run = next->run;
    run->current = NULL; /* the test's function is called by no task */
    bi_steps_end(s, false);
    bi_steps_look(s, run);
    tell_ready(s, next);
    bi_steps_begin(s, next);
    run->current = next;
}
