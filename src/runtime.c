/* runtime.c: bide_run(): set up, run, close, take down.
 *
 * The loop lives on the caller's stack.  It gives the ready tasks their turn,
 * then the reactor its own, until no task is alive.  When the main task has
 * returned the run closes: the tasks left over are cancelled and awaited; those
 * that refuse to end are named (watchdog.c).
 */
#include "action.h"
#include "catch.h"
#include "dump.h"
#include "ended.h"
#include "fault.h"
#include "interrupt.h"
#include "loop.h"
#include "park.h"
#include "pool.h"
#include "resolve.h"
#include "runtime.h"
#include "sched.h"
#include "scope.h"
#include "signal.h"
#include "sys.h"
#include "task.h"
#include "thread.h"
#include "timer.h"
#include "watchdog.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_ENTRIES 256
#define FILE_THREADS 4
#define DEFAULT_GRACE BIDE_SEC(5)
#define DEFAULT_SLACK BIDE_US(200)

/* Kept for bide_info(), also when the run is over. */
static _Thread_local struct {
    char backend_reason[200];
    char stack_reason[160];
} told;

static struct bi_runtime *runtime_of(struct bi_run *run)
{
    return bi_container_of(run, struct bi_runtime, run);
}

/* ---- Options ------------------------------------------------------------ */

/* BIDE_BACKEND outside wins over `wish`. */
static int choose_backend(enum bide_backend *wish)
{
    const char *name = getenv("BIDE_BACKEND");
    if (!name || !*name || strcmp(name, "auto") == 0)
        return 0;
    if (strcmp(name, "uring") == 0 || strcmp(name, "io_uring") == 0) {
        *wish = BIDE_URING;
    } else if (strcmp(name, "epoll") == 0) {
        *wish = BIDE_EPOLL;
    } else {
        bi_say("BIDE_BACKEND is '%s'; it can be uring, epoll or auto", name);
        return -EINVAL;
    }
    return 0;
}

static bool out_of_range(const struct bide_options *o)
{
    return (unsigned)o->backend > BIDE_EPOLL || o->shutdown_grace < 0 ||
           o->timer_slack < 0 || o->slow_turn < 0 || o->slow_cancel < 0 ||
           (o->stack_bytes &&
            (o->stack_bytes < BI_STACK_MIN || o->stack_bytes > BI_STACK_MAX)) ||
           o->ring_entries > 32768 || o->thread_limit > 1024;
}

static int fill_options(struct bide_options *o, const struct bide_options *opt)
{
    if (opt)
        *o = *opt;
    if (out_of_range(o))
        return -EINVAL;
    if (!o->stack_bytes)
        o->stack_bytes = BI_STACK_DEFAULT;
    if (!o->ring_entries)
        o->ring_entries = DEFAULT_ENTRIES;
    if (!o->shutdown_grace)
        o->shutdown_grace = DEFAULT_GRACE;
    if (!o->timer_slack)
        o->timer_slack = DEFAULT_SLACK;
    return choose_backend(&o->backend);
}

/* ---- Fork --------------------------------------------------------------- */

/* A signal that is sent to a child at once waits until the child has the
 * actions from before the run: what came of it by ours would be lost. */
static _Thread_local sigset_t mask_of_forker;

static void before_fork(void)
{
    bi_sys_mask_all(&mask_of_forker);
}

static void in_parent(void)
{
    bi_sys_mask_restore(&mask_of_forker);
}

/* In a forked child there is no run: what the parent shares is let go. */
static void in_child(void)
{
    struct bi_run *run = bi_here;
    const sigset_t *mask = &mask_of_forker;
    bi_inbox_forked();
    bi_action_unlock(); /* whoever had the lock is not here */
    bi_catch_forked();
    if (run) {
        struct bi_runtime *rt = runtime_of(run);
        mask = &rt->mask;
        bi_interrupt_release(&run->handle->inbox, true);
        bi_fault_remove();
        rt->reactor.backend->abandon(&rt->reactor);
        bi_inbox_close(&run->handle->inbox);
        bi_here = NULL;
    }
    bi_sys_mask_restore(mask);
}

static void watch_forks(void)
{
    static atomic_flag done = ATOMIC_FLAG_INIT;
    if (!atomic_flag_test_and_set(&done))
        pthread_atfork(before_fork, in_parent, in_child);
}

/* ---- Set-up and take-down ----------------------------------------------- */

/* Where this run's handles begin to count: the stacks of the next run may lie
 * where these did.  The step is the golden section of what a handle holds. */
static uint32_t next_era(void)
{
    static atomic_uint era;
    return atomic_fetch_add(&era, 2592213);
}

static void init_run(struct bi_runtime *rt)
{
    struct bi_run *run = &rt->run;
    run->stack_bytes = rt->options.stack_bytes;
    run->task_limit = rt->options.task_limit;
    run->timer_slack = rt->options.timer_slack;
    run->on_error = rt->options.on_error;
    run->thread_limit = rt->options.thread_limit;
    run->reactor = &rt->reactor;
    run->era = next_era();
    run->exceptions = bi_exceptions_here();
    bi_list_init(&run->tasks);
    bi_list_init(&run->watchers);
    bi_stack_pool_init(&run->stacks, sizeof(struct bi_task));
    bi_sched_init(run);
}

/* What is counted and remembered in the course of a run begins anew. */
static void begin_run(struct bi_runtime *rt)
{
    struct bi_run *run = &rt->run;
    bi_assert(bi_list_empty(&run->ready) && bi_list_empty(&run->tasks) &&
              bi_list_empty(&run->watchers) && run->timers.count == 0);
    run->switches = run->timers.order = 0;
    run->spawned = run->alive_peak = run->ends = 0;
    run->closing = run->forced = run->interrupted = rt->deadlocked = false;
    run->now = bi_sys.now();
    bi_watchdog_begin(run, &rt->options);
    bi_scope_link(&run->root, NULL, NULL, BIDE_FOREVER);
    bi_inbox_open_again(&run->handle->inbox);
}

/* Open what can be refused.  0, or a negated errno; why, in told. */
static int open_run(struct bi_runtime *rt)
{
    const struct bide_options *o = &rt->options;
    const char *tool = bi_annotate_stranger();
    int error;
    if (tool) {
        snprintf(told.backend_reason, sizeof told.backend_reason,
                 "the program is built with %s, so the library has to be as "
                 "well: see TOOLS in bide(7)", tool);
        return -ENOTSUP;
    }
    rt->run.handle = bi_loop_make(&error);
    if (!rt->run.handle) {
        snprintf(told.backend_reason, sizeof told.backend_reason,
                 "no eventfd: %s", strerror(-error));
        return error;
    }
    error = bi_reactor_open(&rt->reactor, &rt->run, &rt->run.handle->inbox,
                            o->backend, o->ring_entries,
                            o->thread_limit ? o->thread_limit : FILE_THREADS);
    memcpy(told.backend_reason, rt->reactor.reason, sizeof told.backend_reason);
    if (error < 0)
        bi_loop_drop(rt->run.handle);
    return error < 0 && o->backend == BIDE_URING ? -ENOSYS : error;
}

static void close_run(struct bi_runtime *rt)
{
    bi_thread_end_run(&rt->run);
    bi_resolve_end_run(&rt->run);
    bi_pool_end_run(&rt->run);
    bi_ended_end_run(&rt->run);
    bi_reactor_close(&rt->reactor);
    bi_loop_drop(rt->run.handle);
    bi_coro_forget(&rt->run.loop);
    bi_stack_pool_end(&rt->run.stacks);
    bi_cell_pool_end(&rt->run.cells);
    bi_timer_end(&rt->run);
}

/* ---- The loop ----------------------------------------------------------- */

static void begin_closing(struct bi_runtime *rt)
{
    struct bi_run *run = &rt->run;
    run->closing = true;
    bi_watchdog_closing(run);
    bi_scope_fire(&run->root, run, -ECANCELED);
}

static void deadlock(struct bi_runtime *rt)
{
    bool again = rt->deadlocked;
    bi_say("deadlock%s: every task waits, and nothing is left that could wake "
           "one:", again ? " while ending" : "");
    bi_dump_tasks(2, &rt->run, true);
    if (again) {
        bi_say("the run cannot end: its tasks were cancelled and wait on");
        abort();
    }
    rt->deadlocked = true;
    bi_scope_force(&rt->run);
}

static void interrupt(struct bi_run *run)
{
    struct bi_task *main = run->main;
    if (main->ended || main->root.code)
        return;
    run->interrupted = true;
    bi_scope_fire(&main->root, run, -ECANCELED);
}

static void loop(struct bi_runtime *rt)
{
    struct bi_run *run = &rt->run;
    while (bi_run_alive(run) > 0) {
        bi_sched_turn(run);
        if (run->main->ended && !run->closing)
            begin_closing(rt);
        if (bi_run_alive(run) > 0 && !bi_reactor_turn(&rt->reactor))
            deadlock(rt);
        if (bi_interrupt_taken(&run->handle->inbox))
            interrupt(run);
    }
}

/* The main task has ended: the loop, which begins the closing, is next. */
static void main_ended(struct bi_task *task)
{
    task->run->tick = 1;
}

static int spawn_main(struct bi_run *run, bide_fn *fn, void *arg)
{
    struct bide_spawn_options opt = {.name = "main"};
    const void *site = (const void *)(uintptr_t)fn;
    struct bi_spawn how = {fn, arg, &run->root, site, &opt};
    int rc = bi_task_make(run, &how, &run->main);
    if (rc < 0) {
        bi_say("the run cannot start: no stack for the main task: %s",
               run->stacks.reason);
        return rc;
    }
    run->main->handle = true;
    run->main->on_end = main_ended;
    bi_task_launch(run->main, NULL);
    return 0;
}

static intptr_t result_of(const struct bi_runtime *rt)
{
    const struct bi_task *main = rt->run.main;
    if (rt->deadlocked)
        return -EDEADLK;
    if (rt->run.interrupted && main->result == -ECANCELED)
        return -EINTR;
    return main->result;
}

int bi_runtime_open(struct bi_runtime *rt, const struct bide_options *opt)
{
    *rt = (struct bi_runtime){0};
    int rc = fill_options(&rt->options, opt);
    if (rc < 0)
        return rc;
    watch_forks();
    init_run(rt);
    rc = open_run(rt);
    if (rc < 0) {
        bi_say("the run cannot start: %s", told.backend_reason);
        return rc;
    }
    bi_sys_sigpipe_block(&rt->mask);
    bi_fault_install(&rt->run.stacks, &rt->run.current, bi_task_name);
    bi_interrupt_catch(&rt->run.handle->inbox);
    return 0;
}

intptr_t bi_runtime_run(struct bi_runtime *rt, bide_fn *fn, void *arg)
{
    begin_run(rt);
    struct bi_exceptions outer = bi_exceptions_take(rt->run.exceptions);
    bi_here = &rt->run;
    intptr_t result = spawn_main(&rt->run, fn, arg);
    if (result == 0) {
        loop(rt);
        bi_signal_end_run(&rt->run);
        bi_inbox_shut(&rt->run.handle->inbox);
        result = result_of(rt);
        bi_task_end_all(&rt->run);
    }
    memcpy(told.stack_reason, rt->run.stacks.reason, sizeof told.stack_reason);
    bi_here = NULL;
    bi_exceptions_put(rt->run.exceptions, outer);
    return result;
}

void bi_runtime_close(struct bi_runtime *rt)
{
    bi_interrupt_release(&rt->run.handle->inbox, false);
    bi_fault_remove();
    bi_sys_mask_restore(&rt->mask);
    close_run(rt);
}

intptr_t bide_run(bide_fn *fn, void *arg, const struct bide_options *opt)
{
    if (bi_here)
        return -EDEADLK;
    if (!fn)
        return -EINVAL;
    struct bi_runtime rt;
    int rc = bi_runtime_open(&rt, opt);
    if (rc < 0)
        return rc;
    intptr_t result = bi_runtime_run(&rt, fn, arg);
    bi_runtime_close(&rt);
    return result;
}

/* ---- What this machine offers ------------------------------------------- */

/* Find out which backend a run would get. */
static const char *probe_backend(void)
{
    struct bi_runtime rt = {0};
    if (fill_options(&rt.options, NULL) < 0)
        return "none";
    init_run(&rt);
    if (open_run(&rt) < 0)
        return "none";
    const char *name = rt.reactor.backend->name;
    close_run(&rt);
    return name;
}

void bide_info(struct bide_info *out)
{
    const struct bi_run *run = bi_here;
    if (run)
        memcpy(told.stack_reason, run->stacks.reason, sizeof told.stack_reason);
    out->backend = run ? run->reactor->backend->name : probe_backend();
    out->backend_reason = told.backend_reason;
    out->guard = bi_guard()->name;
    out->guard_reason = bi_guard()->reason;
    out->arch = bi_switch_name;
    out->stack_reason = told.stack_reason;
}
