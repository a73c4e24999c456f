/* group.c: tasks that end before the group's close returns.
 *
 * A group is a scope of its owner, with the children's own scopes below it: a
 * cancel of the group, or of anything around it, reaches the children by the
 * tree alone.  A child holds its group's address; the group stays where it is
 * because its close waits for the last child.
 *
 * What a child came to is kept until bide_group_next() asks for it (ended.c);
 * its stack is given back at its end.
 */
#include "group.h"

#include "park.h"
#include "task.h"

#include <string.h>

#define ERRORS_KEPT 8

static_assert(sizeof(struct bi_group) <= offsetof(struct bide_group, _ended),
              "struct bide_group is too small in bide.h");
static_assert(sizeof((struct bide_group *)0)->_ended ==
                  BI_ENDED_OWN * sizeof(struct bi_ended), "as in bide.h");

/* Who waits for an end: it is handed over, for the group may be closed before
 * its task runs. */
struct asker {
    struct bi_wait wait;
    struct bi_ended end;
};

/* ---- Failures ----------------------------------------------------------- */

/* `task` (a child or the body) has failed with `code`. */
static void fail(struct bide_group *group, const struct bi_task *task,
                 intptr_t code)
{
    struct bi_group *g = bi_group_of(group);
    if (g->error_count < ERRORS_KEPT) {
        char buf[32];
        size_t i = g->error_count;
        struct bide_error e = bi_task_error(task, buf, group->_errors[i].where);
        memcpy(group->_errors[i].task, e.task, strlen(e.task) + 1);
        group->_errors[i].code = code;
    }
    g->error_count++;
    if (!g->first_error)
        g->first_error = code;
    if (g->policy == BIDE_FAIL_FAST)
        bi_scope_fire(&g->scope, task->run, -ECANCELED);
}

/* How a child's end counts: 0, or its failure as others are told it. */
static intptr_t failure(const struct bi_group *g, const struct bi_task *task)
{
    if (task->result >= 0)
        return 0;
    if (task->cut) {
        bool alone = task->root.verdict == &task->root;
        return g->strict && alone ? -ECHILD : 0;
    }
    return task->result == -ECANCELED ? -ECHILD : task->result;
}

/* ---- Start and ready ---------------------------------------------------- */

/* A start that is cancelled goes on at once, cancels its child itself and waits
 * again, for the end.  To cancel the child where the start is taken back would
 * be a recursion as deep as starts wait for each other. */
struct start {
    struct bi_wait wait;
    struct bi_task *child; /* NULL once it has ended */
    intptr_t failure;      /* of a child that ended after the cancel */
    bool cancelled;        /* ready no longer counts: the end is awaited */
};

static struct bi_task *start_blocker(const struct bi_wait *wait,
                                     const struct bi_task *after)
{
    return after ? NULL : bi_container_of(wait, struct start, wait)->child;
}

static bool start_withdraw(struct bi_wait *wait)
{
    bi_container_of(wait, struct start, wait)->cancelled = true;
    return true;
}

/* A child ended whose start had not returned. */
static void start_ended(struct bi_task *child)
{
    struct start *start = bi_container_of(child->starter, struct start, wait);
    intptr_t code = child->result < 0 ? bi_task_outcome(child) : -EPROTO;
    start->child = NULL;
    child->starter = NULL;
    if (start->cancelled && child->result < 0 && !child->cut)
        start->failure = code;
    if (start->wait.task->wait == &start->wait)
        bi_wake(&start->wait, code);
}

/* What a cancelled start returns, its child having ended. */
static intptr_t await_end(struct start *start)
{
    struct bi_task *self = start->wait.task;
    if (start->child) {
        bi_scope_fire(&start->child->root, self->run, -ECANCELED);
        start->wait = bi_wait_make(self, "start", start->wait.on, NULL);
        start->wait.blocker = start_blocker;
        bi_park(&start->wait);
    }
    return start->failure ? start->failure : bi_scope_noticed(self->scope);
}

void bide_ready(intptr_t value)
{
    struct bi_task *task = bi_current_in(__func__);
    BI_CONTRACT(value >= 0, __func__, "gave a negative value");
    if (!task->starter)
        return;
    struct start *start = bi_container_of(task->starter, struct start, wait);
    if (start->cancelled)
        return;
    task->starter = NULL;
    bi_wake(&start->wait, value);
}

/* ---- Children ----------------------------------------------------------- */

/* Hand the end of `task` to the first who waits for one, or keep it. */
static void tell_end(struct bi_group *g, const struct bi_task *task)
{
    struct bi_list *link = bi_list_pop(&g->waiters);
    if (link) {
        struct asker *asker = bi_container_of(link, struct asker, wait.link);
        asker->end = (struct bi_ended){task->arg, task->result};
        bi_wake(&asker->wait, 1);
    } else if (!g->quiet) {
        bi_ended_put(&g->ends, task);
    }
}

static void last_ended(struct bi_group *g, struct bi_run *run)
{
    g->cut = (int16_t)bi_scope_code(g->scope.parent, run);
    struct bi_list *link;
    while ((link = bi_list_pop(&g->waiters)))
        bi_wake(bi_container_of(link, struct bi_wait, link), 0);
    if (g->closer)
        bi_wake(g->closer, 0);
    g->closer = NULL;
}

static void child_ended(struct bi_task *task)
{
    struct bi_group *g = bi_group_of(task->group);
    g->alive--;
    if (task->starter) {
        start_ended(task);
    } else {
        intptr_t code = failure(g, task);
        if (code)
            fail(task->group, task, code);
        tell_end(g, task);
    }
    if (g->alive == 0)
        last_ended(g, task->run);
}

/* Whether `g` takes children now: 0 or the refusal. */
static int admits(struct bi_group *g, struct bi_run *run, const char *func)
{
    bi_annotate_defined(&g->scope.state, sizeof g->scope.state);
    if (g->scope.state == BI_SCOPE_CLOSED)
        return -ESHUTDOWN;
    BI_CONTRACT(g->scope.state == BI_SCOPE_OPEN, func,
                "used a group that was never opened");
    bi_scope_check_run(&g->scope, run, func);
    return bi_scope_code(&g->scope, run) ? -ECANCELED : 0;
}

static int add(struct bide_group *group, const struct bi_spawn *how,
               struct bi_task **out, const char *func)
{
    struct bi_run *run = bi_current_in(func)->run;
    struct bi_group *g = bi_group_of(group);
    int rc = admits(g, run, func);
    if (rc == 0 && !how->fn)
        rc = -EINVAL;
    if (rc == 0 && !g->quiet)
        rc = bi_ended_reserve(&g->ends, g->alive, run);
    if (rc == 0)
        rc = bi_task_make(run, how, out);
    if (rc < 0)
        return rc;
    (*out)->group = group;
    (*out)->on_end = child_ended;
    g->alive++;
    return 0;
}

int bi_group_add(struct bide_group *group, bide_task **out, bide_fn *fn,
                 void *arg, const struct bide_spawn_options *opt,
                 const void *site)
{
    struct bi_spawn how = {fn, arg, &bi_group_of(group)->scope, site, opt};
    struct bi_task *task;
    int rc = add(group, &how, &task, "bide_group_spawn");
    if (rc < 0)
        return rc;
    if (out) {
        task->handle = true;
        *out = bi_task_handle(task);
    }
    bi_task_launch(task, opt);
    return 0;
}

/* ---- The public face ---------------------------------------------------- */

static void enter(struct bide_group *group, enum bide_policy policy,
                  const char *func)
{
    struct bi_group *g = bi_group_of(group);
    bi_scope_enter(&group->_scope, BIDE_FOREVER, func);
    g->waiters = (struct bi_list){0};
    g->closer = NULL;
    bi_ended_open(&g->ends, (struct bi_ended *)group->_ended);
    g->alive = g->error_count = 0;
    g->first_error = 0;
    g->policy = policy;
    g->cut = 0;
    g->quiet = g->strict = g->was_cancelled = false;
}

void bide_group_open(struct bide_group *g, enum bide_policy policy)
{
    BI_CONTRACT(bi_group_knows(policy), __func__,
                "was given a policy that there is not");
    enter(g, policy, __func__);
}

void bi_group_enter(struct bide_group *group, enum bide_policy policy,
                    bool strict, const char *func)
{
    enter(group, policy, func);
    bi_group_of(group)->quiet = true;
    bi_group_of(group)->strict = strict;
}

int bide_group_spawn(struct bide_group *g, bide_fn *fn, void *arg)
{
    return bi_group_add(g, NULL, fn, arg, NULL, __builtin_return_address(0));
}

int bide_group_spawn_with(struct bide_group *g, bide_task **out, bide_fn *fn,
                          void *arg, const struct bide_spawn_options *opt)
{
    struct bi_run *run = bi_current_in(__func__)->run;
    int rc = admits(bi_group_of(g), run, __func__);
    if (rc < 0)
        return rc;
    return bi_group_add(g, out, fn, arg, opt, __builtin_return_address(0));
}

intptr_t bide_group_start(struct bide_group *group, bide_fn *fn, void *arg)
{
    struct bi_task *self = bi_current_in(__func__);
    struct bi_spawn how = {fn, arg, &bi_group_of(group)->scope,
                           __builtin_return_address(0), NULL};
    struct start start = {
        .wait = bi_wait_make(self, "start", group, start_withdraw),
    };
    int rc = bi_park_check(self);
    if (rc == 0)
        rc = add(group, &how, &start.child, __func__);
    if (rc < 0)
        return rc;
    start.wait.blocker = start_blocker;
    start.child->starter = &start.wait;
    bi_task_launch(start.child, NULL);
    intptr_t value = bi_park(&start.wait);
    return start.cancelled ? await_end(&start) : value;
}

/* Wait for one end: 1, 0 if none is left, or the refusal.  When it comes back
 * the group may be gone, but to those who are going to close it. */
static int wait_for_end(struct bi_group *g, struct asker *asker,
                        const char *what)
{
    asker->wait = bi_wait_make(bi_current(), what, g, bi_wait_unlink);
    bi_list_push_back(&g->waiters, &asker->wait.link);
    return (int)bi_park(&asker->wait);
}

int bi_group_wait_below(struct bide_group *group, size_t n, const char *what)
{
    struct bi_group *g = bi_group_of(group);
    struct asker asker;
    int rc = 0;
    while (rc >= 0 && g->alive >= n)
        rc = wait_for_end(g, &asker, what);
    return rc < 0 ? rc : 0;
}

int bide_group_next(struct bide_group *group, void **arg, intptr_t *result)
{
    struct bi_task *self = bi_current_in(__func__);
    struct bi_group *g = bi_group_of(group);
    struct asker asker;
    int rc = bi_park_check(self);
    BI_CONTRACT(g->scope.state == BI_SCOPE_OPEN, __func__,
                "used a group that is not open");
    bi_scope_check_run(&g->scope, self->run, __func__);
    if (rc < 0)
        return rc;
    if (g->ends.dropped) {
        g->ends.dropped = false;
        return -EOVERFLOW;
    }
    if (g->ends.count) {
        bi_ended_take(&g->ends, &asker.end.arg, &asker.end.result);
        rc = 1;
    } else if (g->alive) {
        rc = wait_for_end(g, &asker, "group next");
    }
    if (rc == 1 && arg)
        *arg = asker.end.arg;
    if (rc == 1 && result)
        *result = asker.end.result;
    return rc;
}

void bide_group_cancel(struct bide_group *g)
{
    bi_scope_cancel(&g->_scope, __func__);
}

/* The body came to `result`, a negative one.  Returns what that is to others:
 * 0 where it is the group's own cancel. */
static intptr_t body_failed(struct bide_group *group, struct bi_task *self,
                            intptr_t result)
{
    struct bi_group *g = bi_group_of(group);
    if (bi_scope_told(&g->scope, result))
        return 0;
    intptr_t code = result == -ECANCELED ? -ECHILD : result;
    fail(group, self, code);
    bi_scope_fire(&g->scope, self->run, -ECANCELED);
    return code;
}

/* What close returns, all children having ended. */
static intptr_t verdict(const struct bi_group *g, intptr_t result)
{
    if (g->first_error && g->policy == BIDE_FAIL_FAST)
        return g->first_error;
    return g->cut && result >= 0 ? g->cut : result;
}

/* The child whose scope is this one or stands behind it in its row; others'
 * scopes, of the body and of generators, stand there too. */
static struct bi_task *child_from(const struct bi_group *g,
                                  const struct bi_list *link)
{
    for (; link && link != &g->scope.children; link = link->next) {
        struct bi_task *task =
            bi_container_of(link, struct bi_scope, sibling)->task;
        if (link == &task->root.sibling &&
            task->group == (const struct bide_group *)g)
            return task;
    }
    return NULL;
}

static struct bi_task *next_child(const struct bi_wait *wait,
                                  const struct bi_task *after)
{
    const struct bi_group *g = wait->on;
    return child_from(g, after ? after->root.sibling.next
                               : g->scope.children.next);
}

intptr_t bi_group_leave(struct bide_group *group, intptr_t result,
                        const char *func)
{
    struct bi_task *self = bi_current_in(func);
    struct bi_group *g = bi_group_of(group);
    bi_scope_check_innermost(&g->scope, self, func);
    if (result < 0)
        result = body_failed(group, self, result);
    if (!g->alive)
        bi_park_count(self);
    g->cut = (int16_t)bi_scope_code(g->scope.parent, self->run);
    /* Who was woken by the last end may have started another child. */
    while (g->alive) {
        struct bi_wait wait = bi_wait_make(self, "group close", g, NULL);
        wait.blocker = next_child;
        g->closer = &wait;
        bi_park(&wait);
    }
    g->was_cancelled = g->scope.verdict != NULL;
    bi_scope_leave(&group->_scope, func);
    bi_ended_close(&g->ends, self->run);
    return verdict(g, result);
}

intptr_t bide_group_close(struct bide_group *g, intptr_t result)
{
    return bi_group_leave(g, result, __func__);
}

bool bide_group_cancelled(const struct bide_group *group)
{
    struct bi_group *g = bi_group_of(group);
    if (g->scope.state == BI_SCOPE_OPEN)
        return bi_scope_code(&g->scope, g->scope.task->run) != 0;
    return g->scope.state == BI_SCOPE_CLOSED ? g->was_cancelled
                                             : bide_scope_fired(&group->_scope);
}

size_t bide_group_errors(const struct bide_group *group, struct bide_error *out,
                         size_t n)
{
    const struct bi_group *g = bi_group_of(group);
    size_t kept = g->error_count < ERRORS_KEPT ? g->error_count : ERRORS_KEPT;
    for (size_t i = 0; i < n && i < kept; i++)
        out[i] = (struct bide_error){group->_errors[i].task,
                                     group->_errors[i].code,
                                     group->_errors[i].where};
    return g->error_count;
}
