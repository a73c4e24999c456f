/* gather.c: many calls or tasks at once.
 *
 * Calls are children of a group that lives for as long as the combinator; tasks
 * have another owner and are only looked at.  Waiting for tasks takes no memory
 * for each: one record joins the first that has not ended, and is told of
 * every end, or failure, that the mode asks for.
 */
#include "gather.h"

#include "group.h"
#include "park.h"
#include "task.h"

/* ---- Calls -------------------------------------------------------------- */

static intptr_t make_call(void *arg)
{
    struct bide_call *call = arg;
    return call->result = call->fn(call->arg);
}

int bi_gather_check(struct bide_call *calls, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!calls[i].fn)
            return -EINVAL;
    for (size_t i = 0; i < n; i++)
        calls[i].result = -ECANCELED;
    return bi_park_check(bi_current());
}

/* Start the calls, at most `at_once` alive.  0, or what stopped it. */
static int start_calls(struct bide_group *g, struct bide_call *calls, size_t n,
                       size_t at_once, enum bide_policy policy,
                       const void *site)
{
    for (size_t i = 0; i < n; i++) {
        int rc = bi_group_wait_below(g, at_once, "gather");
        if (rc < 0)
            return rc;
        rc = bi_group_add(g, NULL, make_call, &calls[i], NULL, site);
        if (rc == -ECANCELED)
            return rc;
        if (rc < 0)
            calls[i].result = rc;
        if (rc < 0 && policy == BIDE_FAIL_FAST)
            return rc;
    }
    return 0;
}

static intptr_t gather(struct bide_call *calls, size_t n, size_t at_once,
                       enum bide_policy policy, const void *site,
                       const char *func)
{
    if (!bi_group_knows(policy))
        return -EINVAL;
    int rc = bi_gather_check(calls, n);
    if (rc < 0)
        return rc;
    struct bide_group g;
    bi_group_enter(&g, policy, policy == BIDE_FAIL_FAST, func);
    rc = start_calls(&g, calls, n, at_once, policy, site);
    return bi_group_leave(&g, rc, func);
}

intptr_t bide_gather(struct bide_call *calls, size_t n, enum bide_policy policy)
{
    bi_current_in(__func__);
    return gather(calls, n, SIZE_MAX, policy, __builtin_return_address(0),
                  __func__);
}

intptr_t bide_gather_bounded(struct bide_call *calls, size_t n, size_t at_once,
                             enum bide_policy policy)
{
    bi_current_in(__func__);
    if (at_once == 0)
        return -EINVAL;
    return gather(calls, n, at_once, policy, __builtin_return_address(0),
                  __func__);
}

/* ---- Tasks of others ---------------------------------------------------- */

static int check_tasks(bide_task **tasks, size_t n, const char *func)
{
    struct bi_task *self = bi_current_in(func);
    for (size_t i = 0; i < n; i++)
        if (bi_task_of(tasks[i], func) == self)
            return -EDEADLK;
    return bi_park_check(self);
}

static size_t count_ended(bide_task **tasks, size_t n, const char *func)
{
    size_t ended = 0;
    for (size_t i = 0; i < n; i++)
        ended += bi_task_of(tasks[i], func)->ended;
    return ended;
}

/* The failure that came first by time, or NULL. */
static struct bi_task *first_failure(const struct bi_watch *watch,
                                     bide_task **tasks, size_t n,
                                     const char *func)
{
    struct bi_task *first = NULL;
    for (size_t i = 0; i < n; i++) {
        struct bi_task *task = bi_task_of(tasks[i], func);
        if (bi_watch_failed(watch, task) &&
            (!first || task->end_order < first->end_order))
            first = task;
    }
    return first;
}

static void mark(bide_task **tasks, size_t n, int step, const char *func)
{
    for (size_t i = 0; i < n; i++)
        bi_task_of(tasks[i], func)->watchers += (uint32_t)step;
}

/* Whether the tasks look as `watch` wants them, as far as its awaited one. */
static bool seen_enough(const struct bi_watch *watch, bide_task **tasks,
                        size_t n, const char *func)
{
    return watch->awaited->ended ||
           (watch->any && count_ended(tasks, n, func)) ||
           (watch->failures && first_failure(watch, tasks, n, func));
}

/* Park until an end that `watch` asks for. */
static int watch_once(struct bi_watch *watch)
{
    struct bi_task *self = bi_current();
    watch->wait = bi_wait_make(self, "wait tasks", NULL, bi_wait_unlink);
    bi_list_push_back(&self->run->watchers, &watch->wait.link);
    return (int)bi_park(&watch->wait);
}

/* Wait until all have ended, or an end came that counts; the caller has done
 * bi_park_check().  That may let others run, and the end that is waited for may
 * come right then: between it and the wait lies a look.  0 or the refusal. */
static int watch_tasks(struct bi_watch *watch, bide_task **tasks, size_t n,
                       const char *func)
{
    int rc = 0;
    bool checked = true;
    mark(tasks, n, 1, func);
    for (size_t i = 0; i < n && rc == 0; i++) {
        watch->awaited = bi_task_of(tasks[i], func);
        while (rc == 0 && !seen_enough(watch, tasks, n, func)) {
            rc = checked ? watch_once(watch) : bi_park_check(bi_current());
            checked = !checked;
        }
        if (rc == 0 && !watch->awaited->ended)
            break;
    }
    mark(tasks, n, -1, func);
    return rc;
}

intptr_t bide_gather_tasks(bide_task **tasks, size_t n, intptr_t *results,
                           enum bide_policy policy)
{
    struct bi_watch watch = {.failures = policy == BIDE_FAIL_FAST,
                             .cancels = true};
    bi_current_in(__func__);
    if (!bi_group_knows(policy))
        return -EINVAL;
    int rc = check_tasks(tasks, n, __func__);
    if (rc == 0)
        rc = watch_tasks(&watch, tasks, n, __func__);
    if (rc < 0)
        return rc;
    struct bi_task *failed = NULL;
    if (watch.failures)
        failed = first_failure(&watch, tasks, n, __func__);
    for (size_t i = 0; i < n; i++) {
        struct bi_task *task = bi_task_of(tasks[i], __func__);
        if (!results || !task->ended)
            continue;
        results[i] = task->result;
        task->read = true;
    }
    return failed ? bi_task_outcome(failed) : 0;
}

int bide_wait_tasks(bide_task **tasks, size_t n, enum bide_wait_mode mode)
{
    struct bi_watch watch = {.any = mode == BIDE_FIRST_COMPLETED,
                             .failures = mode == BIDE_FIRST_ERROR};
    bi_current_in(__func__);
    if (!watch.any && !watch.failures && mode != BIDE_ALL_COMPLETED)
        return -EINVAL;
    int rc = check_tasks(tasks, n, __func__);
    if (rc == 0)
        rc = watch_tasks(&watch, tasks, n, __func__);
    return rc < 0 ? rc : (int)count_ended(tasks, n, __func__);
}
