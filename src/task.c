/* task.c: a task's life.
 *
 *     made -> READY <-> RUNNING <-> PARKED
 *                          |
 *                        ENDED -> read, or reported -> given back
 *
 * The control block outlives the function for as long as a handle is out.  The
 * hard transition is the last one: a task gives back the stack it runs on and
 * then leaves it for good.  That is safe because nothing else runs in between:
 * the stack is taken again by a spawn at the earliest, after the last switch.
 */
#include "task.h"

#include "defer.h"
#include "local.h"
#include "park.h"
#include "sched.h"
#include "scope.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

static_assert(sizeof(struct bi_task) % BI_LINE == 0,
              "the stack pool wants whole lines");

/* ---- Handles ------------------------------------------------------------ */

#define LOW_BITS 6
#define ADDRESS_BITS 48

static inline bide_task *make_handle(const struct bi_task *task,
                                     const struct bi_run *run)
{
    uintptr_t generation = run->era + task->stack->generation;
    uintptr_t word = (uintptr_t)task | (generation & (BI_LINE - 1));
#if UINTPTR_MAX > UINT32_MAX
    word |= generation >> LOW_BITS << ADDRESS_BITS;
#endif
    return (bide_task *)word;
}

bide_task *bi_task_handle(struct bi_task *task)
{
    return task->self;
}

static inline struct bi_task *task_of(const bide_task *handle,
                                      const char *func)
{
    struct bi_run *run = bi_current_in(func)->run;
    uintptr_t word = (uintptr_t)handle & ~(uintptr_t)(BI_LINE - 1);
#if UINTPTR_MAX > UINT32_MAX
    word &= ((uintptr_t)1 << ADDRESS_BITS) - 1;
#endif
    struct bi_task *task = (struct bi_task *)word;
    BI_CONTRACT(handle, func, "was given NULL for a task");
    bool good = bi_stack_is_head(&run->stacks, task) && task->self == handle;
    BI_CONTRACT(good, func, "used the handle of a task that is gone");
    return task;
}

struct bi_task *bi_task_of(const bide_task *handle, const char *func)
{
    return task_of(handle, func);
}

/* ---- Errors that nobody reads ------------------------------------------- */

#define WHERE_BYTES 48

void bi_task_site(const void *site, char *where)
{
    Dl_info info;
    const char *file = NULL;
    uintptr_t offset = (uintptr_t)site;
    if (site && dladdr(site, &info) && info.dli_fname) {
        const char *slash = strrchr(info.dli_fname, '/');
        file = slash ? slash + 1 : info.dli_fname;
        offset -= (uintptr_t)info.dli_fbase;
    }
    snprintf(where, WHERE_BYTES, "%.28s+0x%lx", file ? file : "?",
             (unsigned long)offset);
}

struct bide_error bi_task_error(const struct bi_task *task, char *name,
                                char *where)
{
    bi_task_site(task->site, where);
    return (struct bide_error){bi_task_name(task, name), task->result, where};
}

void bi_task_report(struct bi_task *task, intptr_t code)
{
    char name[32], where[WHERE_BYTES];
    struct bide_error e = bi_task_error(task, name, where);
    e.code = code;
    if (task->run->on_error)
        task->run->on_error(&e);
    else
        bi_say("task '%s', spawned at %s, ended with %ld (%s) and nobody "
               "read it", e.task, e.where, (long)e.code,
               e.code > -4096 ? strerror((int)-e.code) : "a result of its own");
}

/* ---- The end ------------------------------------------------------------ */

/* A wait for the end of a task; the task may be gone when its waiter runs. */
struct join {
    struct bi_wait wait;
    intptr_t result;
    bool cut;
};

static void note(struct join *join, struct bi_task *task)
{
    join->result = task->result;
    join->cut = task->cut;
    task->read = true;
}

static void tell_joiners(struct bi_task *task)
{
    struct bi_list *link;
    while ((link = bi_list_pop(&task->joiners))) {
        struct bi_wait *wait = bi_container_of(link, struct bi_wait, link);
        note(bi_container_of(wait, struct join, wait), task);
        bi_wake(wait, 0);
    }
}

bool bi_watch_failed(const struct bi_watch *watch, const struct bi_task *task)
{
    return task->ended && task->result < 0 && (watch->cancels || !task->cut);
}

static void tell_watchers(struct bi_task *task)
{
    struct bi_list *next, *link = bi_list_first(&task->run->watchers);
    for (; link && link != &task->run->watchers; link = next) {
        next = link->next;
        struct bi_wait *wait = bi_container_of(link, struct bi_wait, link);
        struct bi_watch *watch = bi_container_of(wait, struct bi_watch, wait);
        if (watch->any || watch->awaited == task ||
            (watch->failures && bi_watch_failed(watch, task))) {
            bi_list_remove(link);
            bi_wake(wait, 0);
        }
    }
}

/* What is on the stack below the head goes when the task's function returns. */
static void check_kept(const struct bi_task *task, const void *held)
{
    const char *low = task->stack->low, *head = (const char *)task, *at = held;
    BI_CONTRACT(at < low || at >= head, "the task's function",
                "returned holding a lock or a token on its stack, at %p: "
                "release it before", held);
}

/* No address is followed before it has been looked at. */
static void check_held(const struct bi_task *task)
{
    if (bi_list_empty(&task->held))
        return;
    BI_LIST_EACH(it, &task->held)
        check_kept(task, it);
    for (unsigned i = 0; i < BI_SHARES; i++)
        if (task->shares[i].depth)
            check_kept(task, task->shares[i].lock);
}

static inline void tell_held(struct bi_task *task)
{
    while (bi_unlikely(!bi_list_empty(&task->held))) {
        struct bi_list *link = bi_list_take(&task->held);
        struct bi_held *held = bi_container_of(link, struct bi_held, link);
        held->owner_ended(held);
    }
}

/* Report it if it ended in an error that nobody will read any more.  A group
 * tells those of its children, bide_run() main's. */
static void report_lost(struct bi_task *task)
{
    if (bi_likely(task->result >= 0) || task->cut || task->read)
        return;
    if (!task->group && task != task->run->main)
        bi_task_report(task, task->result);
}

static inline void give_back(struct bi_task *task)
{
    report_lost(task);
    task->self = NULL;
    task->group = NULL;
    bi_list_remove(&task->all);
    bi_stack_give(&task->run->stacks, task->stack);
}

void bi_task_end_all(struct bi_run *run)
{
    struct bi_list *link;
    while ((link = bi_list_first(&run->tasks)))
        give_back(bi_container_of(link, struct bi_task, all));
}

/* Somebody waits for what was on the stack of `task`. */
static _Noreturn void blame_waiter(const struct bi_task *task)
{
    char name[32];
    BI_LIST_EACH(it, &task->run->tasks) {
        struct bi_task *other = bi_container_of(it, struct bi_task, all);
        const struct bi_wait *wait = other->wait;
        BI_CONTRACT(!wait || wait->lender != task, "the task's function",
                    "returned while '%s' waits for the %s at %p, on its stack",
                    bi_task_name(other, name), wait->what, wait->on);
    }
    abort();
}

/* Inline, like what it calls last: frames that are never returned from spoil
 * the processor's prediction of returns for whoever runs next. */
static inline void end(struct bi_task *task, intptr_t result)
{
    struct bi_run *run = task->run;
    BI_CONTRACT(bi_here == run, "the task's function",
                "returned in a forked child");
    BI_CONTRACT(task->scope == &task->root, "the task's function",
                "returned with a scope or group left open");
    check_held(task);
    task->result = result;
    task->cut = task->root.verdict && bi_scope_told(&task->root, result);
    if (bi_unlikely(bi_defer_pending(task))) {
        bi_defer_finish(task);
        check_held(task);
    }
    BI_CONTRACT(bi_list_empty(&task->root.children), "the task's function",
                "returned with a generator left open");
    task->ended = true;
    task->end_order = ++run->ends;
    bi_list_remove(&task->root.sibling);
    tell_held(task);
    tell_joiners(task);
    if (task->watchers)
        tell_watchers(task);
    if (task->on_end) {
        task->on_end(task);
        task->on_end = NULL;
    }
    if (bi_unlikely(task->lent))
        blame_waiter(task);
    if (task->handle)
        bi_stack_keep(&run->stacks, task->stack);
    else
        give_back(task);
    bi_sched_finish(run, task);
}

static void entry(void *arg)
{
    struct bi_task *task = arg;
    bi_coro_began(&task->coro);
    end(task, task->fn(task->arg));
}

/* ---- The beginning ------------------------------------------------------ */

static void set_name(struct bi_task *task, const char *name)
{
    size_t len = name ? strnlen(name, sizeof task->name - 1) : 0;
    if (len)
        memcpy(task->name, name, len);
    task->name[len] = '\0';
}

/* Whether `task`, fresh or given back, waits nowhere, has nothing and is
 * nobody's; for an assertion. */
static __attribute__((unused)) bool at_rest(const struct bi_task *task)
{
    return !bi_list_linked(&task->ready) && !task->wait && !task->lent &&
           bi_list_empty(&task->joiners) && bi_list_empty(&task->held) &&
           !bi_defer_pending(task) && !task->starter && !task->on_end &&
           !task->group && !task->ready_told;
}

/* What is not so at rest is as the block's last owner left it. */
static inline void reset(struct bi_task *task, struct bi_run *run,
                         struct bi_stack *stack, const struct bi_spawn *how)
{
    task->run = run;
    task->stack = stack;
    task->self = make_handle(task, run);
    task->watchers = 0;
    task->handle = task->ended = task->cut = task->read = false;
    task->danger = 0;
    task->fn = how->fn;
    task->arg = how->arg;
    task->site = how->site;
    task->id = ++run->spawned;
    task->priority = 0;
    task->blameless = run->now - 1;
    set_name(task, how->opt ? how->opt->name : NULL);
    bi_scope_hang(&task->root, how->parent, task);
    task->scope = &task->root;
}

static size_t stack_wish(const struct bi_run *run,
                         const struct bide_spawn_options *opt)
{
    return opt && opt->stack_bytes ? opt->stack_bytes : run->stack_bytes;
}

BI_ALWAYS_INLINE int make(struct bi_run *run, const struct bi_spawn *how,
                          struct bi_task **out)
{
    const struct bide_spawn_options *opt = how->opt;
    size_t bytes = stack_wish(run, opt);
    if (!how->fn || (opt && opt->flags & ~BIDE_EAGER) ||
        bytes < BI_STACK_MIN || bytes > BI_STACK_MAX)
        return -EINVAL;
    if (run->task_limit && bi_run_alive(run) >= run->task_limit)
        return -EAGAIN;
    struct bi_stack *stack = bi_stack_take(&run->stacks, bytes);
    if (!stack)
        return -ENOMEM;
    struct bi_task *task = bi_stack_head(&run->stacks, stack);
    bi_assert(at_rest(task));
    if (bi_unlikely(run->current && run->current->locals) &&
        !bi_local_inherit(run, run->current->locals, &task->locals)) {
        bi_stack_give(&run->stacks, stack);
        return -ENOMEM;
    }
    reset(task, run, stack, how);
    bi_coro_make(&task->coro, stack->low, task, entry, task);
    bi_list_push_back(&run->tasks, &task->all);
    if (bi_run_alive(run) > run->alive_peak)
        run->alive_peak = bi_run_alive(run);
    *out = task;
    return 0;
}

int bi_task_make(struct bi_run *run, const struct bi_spawn *how,
                 struct bi_task **out)
{
    return make(run, how, out);
}

static inline void launch(struct bi_run *run, struct bi_task *task,
                          const struct bide_spawn_options *opt)
{
    if (opt && opt->flags & BIDE_EAGER && run->current && run->current->stack)
        bi_park_behind(run->current, task);
    else
        bi_sched_ready(run, task);
}

void bi_task_launch(struct bi_task *task, const struct bide_spawn_options *opt)
{
    launch(task->run, task, opt);
}

/* The guest has no place among the tasks of the run.  What ends with a task
 * ends with it; the first call that may wait finds its turn up. */
void bi_task_visit(struct bi_run *run, void (*fn)(void *), void *arg)
{
    struct bi_task guest = {.run = run, .name = "post",
                            .site = (const void *)(uintptr_t)fn};
    bi_assert(!run->current);
    bi_scope_hang(&guest.root, &run->root, &guest);
    guest.scope = &guest.root;
    run->current = &guest;
    run->budget = 1;
    bi_sched_begin_timing(run, &guest);
    fn(arg);
    BI_CONTRACT(bi_here == run, "a posted function",
                "returned in a forked child");
    BI_CONTRACT(guest.scope == &guest.root, "a posted function",
                "returned with a scope or group left open");
    bi_defer_finish(&guest);
    tell_held(&guest);
    bi_scope_unlink(&guest.root, run);
    run->current = NULL;
    bi_sched_end_timing(run);
}

BI_ALWAYS_INLINE int spawn(bide_task **out, const struct bi_spawn *how,
                           const char *func)
{
    struct bi_run *run = bi_current_in(func)->run;
    struct bi_task *task;
    if (run->closing)
        return -ESHUTDOWN;
    int rc = make(run, how, &task);
    if (rc < 0)
        return rc;
    if (out) {
        task->handle = true;
        *out = task->self;
    }
    launch(run, task, how->opt);
    return 0;
}

int bide_spawn(bide_task **out, bide_fn *fn, void *arg)
{
    struct bi_run *run = bi_current_in(__func__)->run;
    struct bi_spawn how = {fn, arg, &run->root, __builtin_return_address(0),
                           NULL};
    return spawn(out, &how, __func__);
}

int bide_spawn_with(bide_task **out, bide_fn *fn, void *arg,
                    const struct bide_spawn_options *opt)
{
    struct bi_run *run = bi_current_in(__func__)->run;
    struct bi_spawn how = {fn, arg, &run->root, __builtin_return_address(0),
                           opt};
    return spawn(out, &how, __func__);
}

/* ---- Handles in use ----------------------------------------------------- */

static struct bi_task *joined(const struct bi_wait *wait,
                              const struct bi_task *after)
{
    return after ? NULL : (struct bi_task *)(uintptr_t)wait->on;
}

static inline int join(struct bi_task *task, struct join *join,
                       const char *func)
{
    struct bi_task *self = bi_current_in(func);
    if (task == self)
        return -EDEADLK;
    int rc = bi_park_check(self);
    if (rc)
        return rc;
    if (task->ended) {
        note(join, task);
        return 0;
    }
    join->wait = bi_wait_make(self, "join", task, bi_wait_unlink);
    join->wait.blocker = joined;
    bi_list_push_back(&task->joiners, &join->wait.link);
    return (int)bi_park(&join->wait);
}

/* What someone else is told: -ECANCELED is for one's own cancel alone. */
static intptr_t outcome(intptr_t result, bool cut)
{
    return cut || result == -ECANCELED ? -ECHILD : result;
}

intptr_t bi_task_outcome(struct bi_task *task)
{
    task->read = true;
    return outcome(task->result, task->cut);
}

intptr_t bide_await(bide_task *t)
{
    struct join j;
    int rc = join(task_of(t, __func__), &j, __func__);
    return rc < 0 ? rc : outcome(j.result, j.cut);
}

int bide_join(bide_task *t, intptr_t *result)
{
    struct join j;
    int rc = join(task_of(t, __func__), &j, __func__);
    if (rc == 0 && result)
        *result = j.result;
    return rc;
}

bool bide_cancel(bide_task *t)
{
    struct bi_task *task = task_of(t, __func__);
    if (task->ended)
        return false;
    bi_scope_fire(&task->root, task->run, -ECANCELED);
    return true;
}

void bide_release(bide_task *t)
{
    struct bi_task *task = task_of(t, __func__);
    BI_CONTRACT(task->handle && task != task->run->main, __func__,
                "released a handle that is not its own");
    task->handle = false;
    if (task->ended)
        give_back(task);
}

bide_task *bide_self(void)
{
    struct bi_task *task = bi_current();
    return task ? task->self : NULL;
}

bool bide_task_done(const bide_task *t)
{
    return task_of(t, __func__)->ended;
}

void bide_set_name(const char *name)
{
    struct bi_task *self = bi_current_in(__func__);
    set_name(self, name);
    bi_sched_note_name(self->run, self);
}
