/* scope.c: the cancel tree.
 *
 * A scope is around code of one task.  Scopes opened by a task nest in one
 * another; the outermost is the task's own; that one hangs below its group's
 * scope or the run's root.  So everything that a cancel must reach is below
 * the scope that was cancelled.
 *
 * Each scope knows its verdict: the OUTERMOST scope that has fired on the way
 * out to the root, or to a shield.  A wait is refused with that scope's code.
 * The verdicts are kept true by settle(), which walks the tree below the scope
 * that fired, so that the check before each wait is one load.
 *
 * A deadline fires from the run's heap; a task that computes past it does not
 * let the heap see the time, so the check reads the clock where a deadline is
 * in force at all, and fires the outermost that has passed.
 *
 * Rejected: a counter of cancels to be balanced (asyncio's uncancel); a cancel
 * that is delivered once and lost by one unchecked result.
 */
#include "scope.h"

#include "sched.h"
#include "sys.h"
#include "timer.h"

static_assert(sizeof(struct bi_scope) <= sizeof(struct bide_scope),
              "struct bide_scope is too small in bide.h");

/* The next scope of the tree below `top`, parents first; NULL after the last.
 * Without recursion: scopes may nest a thousand deep. */
static struct bi_scope *next_below(struct bi_scope *top, struct bi_scope *s,
                                   bool into)
{
    struct bi_list *child = into ? bi_list_first(&s->children) : NULL;
    if (child)
        return bi_container_of(child, struct bi_scope, sibling);
    while (s != top) {
        if (s->sibling.next != &s->parent->children)
            return bi_container_of(s->sibling.next, struct bi_scope, sibling);
        s = s->parent;
    }
    return NULL;
}

/* The deadlines in force at `s` and below have changed. */
static void settle_deadlines(struct bi_scope *top)
{
    for (struct bi_scope *s = top; s; s = next_below(top, s, true)) {
        bool outer = s->parent && !s->shield;
        bide_time ahead = outer ? s->parent->nearest : BIDE_FOREVER;
        s->nearest = bi_earlier(ahead, s->timer.deadline);
    }
}

static void deadline_passed(struct bi_timer *timer)
{
    struct bi_scope *s = bi_container_of(timer, struct bi_scope, timer);
    bi_scope_fire(s, s->task->run, -ETIMEDOUT);
}

void bi_scope_arm(struct bi_scope *s, struct bi_run *run, bide_time deadline)
{
    bi_timer_disarm(run, &s->timer);
    s->timer.deadline = deadline;
    if (deadline != BIDE_FOREVER && s->code == 0)
        bi_timer_arm(run, &s->timer, deadline, deadline_passed);
}

/* A cancel has reached the shield `s` from outside: its grace begins. */
static void begin_grace(struct bi_scope *s, struct bi_run *run)
{
    if (s->grace_runs)
        return;
    s->grace_runs = true;
    if (s->grace == BIDE_FOREVER)
        return;
    bide_time now = bi_sys.now();
    bide_time room = BIDE_FOREVER - now;
    bide_time end = s->grace > room ? BIDE_FOREVER : now + s->grace;
    bi_scope_arm(s, run, bi_earlier(s->timer.deadline, end));
    settle_deadlines(s);
}

/* The outer verdict that holds at `s`, or NULL. */
static struct bi_scope *verdict_from_outside(struct bi_scope *s,
                                             struct bi_run *run)
{
    struct bi_scope *outer = s->parent ? s->parent->verdict : NULL;
    if (!outer || !s->shield || run->forced)
        return outer;
    begin_grace(s, run);
    return NULL;
}

/* End the wait of `task`, if it is in one that can be taken back. */
static void take_back(struct bi_task *task, struct bi_run *run)
{
    struct bi_wait *wait = task->wait;
    if (!wait || !wait->withdraw || !wait->withdraw(wait))
        return;
    wait->withdrawn = true;
    bi_wait_give_back(wait);
    task->wait = NULL;
    bi_sched_ready(run, task);
}

/* Something has fired at `top`: bring the verdicts below it up to date and end
 * the waits that they refuse. */
static void settle(struct bi_scope *top, struct bi_run *run)
{
    bool into;
    for (struct bi_scope *s = top; s; s = next_below(top, s, into)) {
        struct bi_scope *outer = verdict_from_outside(s, run);
        struct bi_scope *verdict = outer ? outer : s->code ? s : NULL;
        into = verdict != s->verdict || run->forced;
        s->verdict = verdict;
        if (into && verdict && s->task && s->task->scope == s)
            take_back(s->task, run);
    }
}

bool bi_scope_late(struct bi_scope *s, struct bi_run *run)
{
    bi_timer_disarm(run, &s->timer);
    return s->code || bi_sys.now() >= s->timer.deadline;
}

/* Those inside will be looked for when they have had their time to end.  Not
 * the run's clock: the turn that cancels may be a long one. */
static void watch(struct bi_scope *s, struct bi_watchdog *dog)
{
    bide_time now = bi_sys.now();
    s->fired_at = now;
    dog->at = bi_earlier(
        dog->at, now + bi_earlier(dog->patience, BIDE_FOREVER - now));
}

static void give_code(struct bi_scope *s, struct bi_run *run, int code)
{
    s->code = (int16_t)code;
    if (bi_unlikely(run->watchdog.patience > 0))
        watch(s, &run->watchdog);
}

void bi_scope_begin_fired(struct bi_scope *s, struct bi_run *run)
{
    give_code(s, run, -ECANCELED);
    s->verdict = s;
}

void bi_scope_fire(struct bi_scope *s, struct bi_run *run, int code)
{
    bi_assert(bi_scope_is_code(code));
    if (s->code)
        return;
    give_code(s, run, code);
    bi_timer_disarm(run, &s->timer);
    settle(s, run);
}

void bi_scope_force(struct bi_run *run)
{
    run->forced = true;
    give_code(&run->root, run, -ECANCELED);
    settle(&run->root, run);
}

int bi_scope_code(struct bi_scope *s, struct bi_run *run)
{
    if (s->nearest == BIDE_FOREVER)
        return bi_scope_noticed(s);
    bide_time now = bi_sys.now();
    if (now < s->nearest)
        return bi_scope_noticed(s);
    struct bi_scope *passed = NULL;
    for (struct bi_scope *o = s; o; o = o->shield ? NULL : o->parent)
        if (!o->code && now >= o->timer.deadline)
            passed = o;
    bi_assert(passed || s->verdict);
    if (passed)
        bi_scope_fire(passed, run, -ETIMEDOUT);
    return bi_scope_noticed(s);
}

bool bi_scope_told(const struct bi_scope *s, intptr_t result)
{
    if (!s->verdict)
        return false;
    if (result == -ECANCELED)
        return true;
    /* Not the verdict alone: it may have changed since it was told. */
    for (; s; s = s->shield ? NULL : s->parent)
        if (s->code && s->code == result)
            return true;
    return false;
}

/* ---- The public face ---------------------------------------------------- */

/* Whether the running task is inside `s` already. */
static bool inside(const struct bi_task *task, const struct bi_scope *s)
{
    for (const struct bi_scope *o = task->scope; o; o = o->parent)
        if (o == s)
            return true;
    return false;
}

static inline struct bi_scope *enter(struct bide_scope *scope,
                                     bide_time deadline, const char *func)
{
    struct bi_task *task = bi_current_in(func);
    struct bi_scope *s = bi_scope_of(scope);
    bi_annotate_defined(&s->state, sizeof s->state);
    BI_CONTRACT(s->state != BI_SCOPE_OPEN || !inside(task, s), func,
                "opened what it has open already");
    bi_scope_link(s, task->scope, task, deadline);
    task->scope = s;
    return s;
}

struct bi_scope *bi_scope_enter(struct bide_scope *scope, bide_time deadline,
                                const char *func)
{
    return enter(scope, deadline, func);
}

/* Stop with the sentence that says why `s` is not the one to be closed next. */
__attribute__((cold)) static void blame_close(const struct bi_scope *s,
                                              const struct bi_task *task,
                                              const char *func)
{
    char name[32];
    BI_CONTRACT(s->state == BI_SCOPE_OPEN, func, "closed what is not open");
    BI_CONTRACT(s->task == task, func, "closed what task '%s' has opened",
                bi_task_name(s->task, name));
    BI_CONTRACT(task->scope == s, func,
                "closed scope or group %p while %p inside it is still open",
                (const void *)s, (const void *)task->scope);
}

static inline void check_innermost(const struct bi_scope *s,
                                   const struct bi_task *task,
                                   const char *func)
{
    if (bi_unlikely(s->state != BI_SCOPE_OPEN || task->scope != s))
        blame_close(s, task, func);
}

void bi_scope_check_innermost(const struct bi_scope *s,
                              const struct bi_task *task, const char *func)
{
    check_innermost(s, task, func);
}

static inline struct bi_task *leave(struct bide_scope *scope, const char *func)
{
    struct bi_task *task = bi_current_in(func);
    struct bi_scope *s = bi_scope_of(scope);
    check_innermost(s, task, func);
    BI_CONTRACT(bi_list_empty(&s->children), func,
                "closed scope or group %p while a generator that was opened in "
                "it is still open", (const void *)s);
    bi_scope_unlink(s, task->run);
    task->scope = s->parent;
    return task;
}

struct bi_task *bi_scope_leave(struct bide_scope *scope, const char *func)
{
    return leave(scope, func);
}

void bide_scope_open(struct bide_scope *scope, bide_time deadline)
{
    enter(scope, deadline, __func__);
}

void bide_shield_open(struct bide_scope *scope, bide_time grace)
{
    struct bi_scope *s = enter(scope, BIDE_FOREVER, __func__);
    struct bi_run *run = s->task->run;
    s->shield = true;
    s->grace = grace < 0 ? 0 : grace;
    s->nearest = BIDE_FOREVER;
    if (s->verdict && s->verdict != s && !run->forced) {
        s->verdict = s->code ? s : NULL;
        begin_grace(s, run);
    }
}

intptr_t bide_scope_close(struct bide_scope *scope, intptr_t result)
{
    leave(scope, __func__);
    return result;
}

void bi_scope_cancel(struct bide_scope *scope, const char *func)
{
    struct bi_task *task = bi_current_in(func);
    struct bi_scope *s = bi_scope_of(scope);
    bi_annotate_defined(&s->state, sizeof s->state);
    if (s->state == BI_SCOPE_OPEN) {
        bi_scope_check_run(s, task->run, func);
        bi_scope_fire(s, task->run, -ECANCELED);
    } else if (s->state != BI_SCOPE_CLOSED) {
        s->state = BI_SCOPE_EARLY;
    }
}

void bide_scope_cancel(struct bide_scope *s)
{
    bi_scope_cancel(s, __func__);
}

int bide_scope_set_deadline(struct bide_scope *scope, bide_time deadline)
{
    struct bi_task *task = bi_current_in(__func__);
    struct bi_scope *s = bi_scope_of(scope);
    if (s->state != BI_SCOPE_OPEN)
        return -EINVAL;
    bi_scope_check_run(s, task->run, __func__);
    if (s->code)
        return 0;
    bi_scope_arm(s, task->run, deadline);
    settle_deadlines(s);
    return 0;
}

bool bide_scope_fired(const struct bide_scope *scope)
{
    const struct bi_scope *s = bi_scope_of(scope);
    if (s->state == BI_SCOPE_CLOSED)
        return s->fired;
    if (s->state != BI_SCOPE_OPEN)
        return s->state == BI_SCOPE_EARLY;
    return s->code || (s->timer.deadline != BIDE_FOREVER &&
                       bi_sys.now() >= s->timer.deadline);
}

int bide_cancel_code(void)
{
    struct bi_task *task = bi_current_in(__func__);
    return bi_scope_code(task->scope, task->run);
}

bide_time bide_deadline(void)
{
    struct bi_task *task = bi_current_in(__func__);
    return task->scope->verdict ? 0 : task->scope->nearest;
}
