/* scope.h: the cancel tree. */
#ifndef BI_SCOPE_H
#define BI_SCOPE_H

#include "core.h"

static inline struct bi_scope *bi_scope_of(const struct bide_scope *s)
{
    return (struct bi_scope *)(uintptr_t)s;
}

/* Move the deadline of `s` alone. */
void bi_scope_arm(struct bi_scope *s, struct bi_run *run, bide_time deadline);

/* That `s`, which has a deadline, is over: whether it fired. */
bool bi_scope_late(struct bi_scope *s, struct bi_run *run);

/* Tell `s`, which is open and has no code yet, that it was cancelled early. */
void bi_scope_begin_fired(struct bi_scope *s, struct bi_run *run);

/* Open `s` around code of `task`, below `parent`. */
static inline void bi_scope_link(struct bi_scope *s, struct bi_scope *parent,
                                 struct bi_task *task, bide_time deadline)
{
    bool early = s->state == BI_SCOPE_EARLY;
    s->parent = parent;
    s->task = task;
    s->children.next = NULL;
    s->state = BI_SCOPE_OPEN;
    s->code = 0;
    s->shield = s->grace_runs = s->fired = false;
    s->timer.armed = false;
    s->timer.deadline = deadline;
    s->nearest = deadline;
    s->verdict = NULL;
    if (!parent)
        return;
    if (bi_unlikely(early))
        bi_scope_begin_fired(s, task->run);
    bi_list_push_back(&parent->children, &s->sibling);
    if (bi_unlikely(parent->verdict != NULL))
        s->verdict = parent->verdict;
    s->nearest = bi_earlier(parent->nearest, deadline);
    if (bi_unlikely(deadline != BIDE_FOREVER))
        bi_scope_arm(s, task->run, deadline);
}

/* Open `s`, the own scope of the new `task`, below `parent`.  It has no
 * deadline but those around it. */
static inline void bi_scope_hang(struct bi_scope *s, struct bi_scope *parent,
                                 struct bi_task *task)
{
    s->verdict = parent->verdict;
    s->nearest = parent->nearest;
    s->parent = parent;
    s->task = task;
    s->children.next = NULL;
    s->state = BI_SCOPE_OPEN;
    s->code = 0;
    s->shield = s->grace_runs = s->fired = false;
    s->timer.armed = false;
    s->timer.deadline = BIDE_FOREVER;
    bi_list_push_back(&parent->children, &s->sibling);
}

/* Open `s` in the running task, and close it there, for the public `func`. */
struct bi_scope *bi_scope_enter(struct bide_scope *s, bide_time deadline,
                                const char *func);
struct bi_task *bi_scope_leave(struct bide_scope *s, const char *func);

/* That `s` is the one to be closed next by `task` is `func`'s contract. */
void bi_scope_check_innermost(const struct bi_scope *s,
                              const struct bi_task *task, const char *func);

/* Take it out of the tree and decide whether it fired. */
static inline void bi_scope_unlink(struct bi_scope *s, struct bi_run *run)
{
    bi_assert(s->state == BI_SCOPE_OPEN && bi_list_empty(&s->children));
    bi_list_remove(&s->sibling);
    s->state = BI_SCOPE_CLOSED;
    s->fired = bi_likely(s->timer.deadline == BIDE_FOREVER)
                   ? s->code != 0
                   : bi_scope_late(s, run);
}

/* That `s`, which is open, is of `run` is `func`'s contract. */
static inline void bi_scope_check_run(const struct bi_scope *s,
                                      const struct bi_run *run,
                                      const char *func)
{
    BI_CONTRACT(s->task->run == run, func,
                "used a scope or group of another run");
}

/* bide_scope_cancel(), for the public `func`. */
void bi_scope_cancel(struct bide_scope *s, const char *func);

/* Fire `s` with `code`: refuse every wait inside, and end those under way. */
void bi_scope_fire(struct bi_scope *s, struct bi_run *run, int code);

/* Whether `result` is one of the codes that a scope fires with: what a refused
 * wait returns, though it may have come from elsewhere. */
static inline bool bi_scope_is_code(intptr_t result)
{
    return result == -ECANCELED || result == -ETIMEDOUT;
}

/* End every wait of the run that can be taken back, shields or not. */
void bi_scope_force(struct bi_run *run);

/* What a wait at `s` would be refused with now, or 0; looks at the clock where
 * a deadline is in force. */
int bi_scope_code(struct bi_scope *s, struct bi_run *run);

/* Whether `result` passes on what a cancel in force at `s` has told; a refused
 * spawn tells -ECANCELED whatever the verdict is. */
bool bi_scope_told(const struct bi_scope *s, intptr_t result);

/* As far as it has been noticed: without a look at the clock. */
static inline int bi_scope_noticed(const struct bi_scope *s)
{
    return s->verdict ? s->verdict->code : 0;
}

#endif
