/* thread.c: functions that would block the run's thread, on others.
 *
 * A job lies on the stack of the task that waits for it, so the wait ends when
 * the job has: a job that has not begun is withdrawn by a cancel, one that has
 * is told, and waited for.
 *
 * Telling can include a signal, which breaks the system call that the job is
 * in.  The hard part is its moment: sent before the job enters the call it is
 * lost, so it is sent again and again until the job has ended; sent after the
 * end it would hit the thread's next job, so sender and thread agree by `door`:
 *
 *     SHUT -> OPEN            the thread, before the job
 *     OPEN -> KNOCK -> OPEN   the run, around each signal
 *     OPEN -> SHUT            the thread, after the job, once nobody knocks
 *
 * A signal that has knocked but not been delivered stays with the thread, and
 * is delivered when it next opens, before the job there.
 *
 * Rejected: leaving a cancelled job behind: it would go on writing to what its
 * argument points to, which is mostly the stack of a task that has ended.
 */
#include "thread.h"

#include "park.h"
#include "reactor.h"
#include "sys.h"
#include "timer.h"

#include <stdlib.h>
#include <unistd.h>

/* Of the run's own pool: jobs block, so there may be more than processors. */
#define DEFAULT_LIMIT 32
#define MOST_THREADS 1024

/* Between two signals to a job that has not ended. */
#define KNOCK_AGAIN BIDE_MS(10)

struct bide_threads {
    struct bide_threads *next; /* of the run's pools */
    struct bi_offload *offload;
    size_t jobs; /* that tasks wait for */
};

enum door { SHUT, OPEN, KNOCK };

/* On the stack of the task that waits for it. */
struct job {
    struct bi_wait wait;
    struct bi_job job;
    struct bide_threads *pool;
    bide_fn *fn;
    void *arg;
    intptr_t result;
    atomic_bool cancelled;
    /* Where a signal is to break its calls: */
    int signal; /* or 0 */
    struct bi_timer again;
    _Atomic int door;
    int thread; /* its kernel id, when the door is not shut */
};

/* The job that this thread makes, or NULL. */
static _Thread_local struct job *here;

/* ---- On the thread ------------------------------------------------------ */

static void mask(int how, int number)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, number);
    pthread_sigmask(how, &set, NULL);
}

static void open_door(struct job *job)
{
    job->thread = bi_sys_thread_id();
    mask(SIG_UNBLOCK, job->signal);
    atomic_store(&job->door, OPEN);
}

static void shut_door(struct job *job)
{
    int open = OPEN;
    while (!atomic_compare_exchange_weak(&job->door, &open, SHUT))
        open = OPEN;
    mask(SIG_BLOCK, job->signal);
}

static void work(struct bi_job *j)
{
    struct job *job = bi_container_of(j, struct job, job);
    unsigned forks = bi_inbox_forks();
    here = job;
    bi_waiter = job->wait.task;
    if (job->signal)
        open_door(job);
    job->result = job->fn(job->arg);
    BI_CONTRACT(forks == bi_inbox_forks(), "a job of bide_to_thread()",
                "returned in a forked child");
    if (job->signal)
        shut_door(job);
    bi_waiter = NULL;
    here = NULL;
}

bool bide_thread_cancelled(void)
{
    return here && atomic_load_explicit(&here->cancelled,
                                        memory_order_relaxed);
}

/* ---- The signal --------------------------------------------------------- */

static void ignore(int number)
{
    (void)number;
}

/* See that `number` breaks system calls and does no harm.  A handler of the
 * program's own stays.  0 or a negated errno. */
static int prepare_signal(int number)
{
    struct sigaction now, ours = {.sa_handler = ignore};
    int rc = bi_sys_sigaction(number, NULL, &now);
    if (rc < 0)
        return rc;
    bool free = !(now.sa_flags & SA_SIGINFO) &&
                (now.sa_handler == SIG_DFL || now.sa_handler == SIG_IGN);
    return free ? bi_sys_sigaction(number, &ours, NULL) : 0;
}

static void knock(struct job *job)
{
    int open = OPEN;
    if (!atomic_compare_exchange_strong(&job->door, &open, KNOCK))
        return;
    BI_CALL(SYS_tgkill, getpid(), job->thread, job->signal, 0, 0, 0);
    atomic_store(&job->door, OPEN);
}

static void knock_again(struct bi_timer *timer)
{
    struct job *job = bi_container_of(timer, struct job, again);
    knock(job);
    bi_timer_arm(job->wait.task->run, timer, bide_after(KNOCK_AGAIN),
                 knock_again);
}

/* ---- On the run's thread ------------------------------------------------ */

/* It is back, or was never begun. */
static void end(struct job *job)
{
    struct bi_run *run = job->wait.task->run;
    bi_timer_disarm(run, &job->again);
    run->reactor->in_flight--;
    job->pool->jobs--;
}

static void done(struct bi_job *j)
{
    struct job *job = bi_container_of(j, struct job, job);
    end(job);
    bi_wake(&job->wait, job->result);
}

static bool withdraw(struct bi_wait *wait)
{
    struct job *job = bi_container_of(wait, struct job, wait);
    if (atomic_load_explicit(&job->cancelled, memory_order_relaxed))
        return false;
    if (bi_offload_withdraw(job->pool->offload, &job->job)) {
        end(job);
        return true;
    }
    atomic_store(&job->cancelled, true);
    if (job->signal)
        knock_again(&job->again);
    return false;
}

static struct bide_threads *make_pool(struct bi_run *run, unsigned limit)
{
    struct bide_threads *pool = calloc(1, sizeof *pool);
    if (!pool)
        return NULL;
    pool->offload = bi_offload_open(run->reactor->inbox, limit);
    if (!pool->offload) {
        free(pool);
        return NULL;
    }
    pool->next = run->pools;
    run->pools = pool;
    return pool;
}

static void end_pool(struct bide_threads *pool)
{
    bi_offload_close(pool->offload);
    free(pool);
}

void bi_thread_end_run(struct bi_run *run)
{
    struct bide_threads *pool;
    while ((pool = run->pools)) {
        run->pools = pool->next;
        end_pool(pool);
    }
    run->own_pool = NULL;
}

/* Where `pool` hangs among those of `run`. */
static struct bide_threads **place_of(bide_threads *pool, struct bi_run *run,
                                      const char *func)
{
    struct bide_threads **place = &run->pools;
    while (*place && *place != pool)
        place = &(*place)->next;
    BI_CONTRACT(*place, func,
                "was given a pool that this run does not have open");
    return place;
}

/* The run's own pool, or NULL: no memory. */
static struct bide_threads *own_pool(struct bi_run *run)
{
    unsigned limit = run->thread_limit ? run->thread_limit : DEFAULT_LIMIT;
    if (!run->own_pool)
        run->own_pool = make_pool(run, limit);
    return run->own_pool;
}

static intptr_t to_thread(bide_fn *fn, void *arg,
                          const struct bide_thread_options *opt,
                          const char *func)
{
    struct bi_task *self = bi_current_in(func);
    struct bi_run *run = self->run;
    int rc = bi_park_check(self);
    if (rc == 0 && !fn)
        rc = -EINVAL;
    if (rc == 0 && opt && opt->signal)
        rc = prepare_signal(opt->signal);
    if (rc < 0)
        return rc;
    struct job job = {
        .wait = bi_wait_make(self, "job", (const void *)(uintptr_t)fn,
                             withdraw),
        .job = {.work = work, .done = done},
        .pool = opt && opt->pool ? *place_of(opt->pool, run, func)
                                 : own_pool(run),
        .fn = fn, .arg = arg, .signal = opt ? opt->signal : 0,
    };
    if (!job.pool)
        return -ENOMEM;
    rc = bi_offload_submit(job.pool->offload, &job.job);
    if (rc < 0)
        return rc;
    job.pool->jobs++;
    run->reactor->in_flight++;
    return bi_park(&job.wait);
}

intptr_t bide_to_thread(bide_fn *fn, void *arg)
{
    return to_thread(fn, arg, NULL, __func__);
}

intptr_t bide_to_thread_with(bide_fn *fn, void *arg,
                             const struct bide_thread_options *opt)
{
    return to_thread(fn, arg, opt, __func__);
}

/* ---- Pools -------------------------------------------------------------- */

int bide_threads_open(bide_threads **out, unsigned limit)
{
    struct bi_run *run = bi_current_in(__func__)->run;
    if (limit == 0 || limit > MOST_THREADS)
        return -EINVAL;
    *out = make_pool(run, limit);
    return *out ? 0 : -ENOMEM;
}

int bide_threads_close(bide_threads *pool)
{
    struct bi_run *run = bi_current_in(__func__)->run;
    struct bide_threads **place = place_of(pool, run, __func__);
    if (pool->jobs > 0)
        return -EBUSY;
    *place = pool->next;
    end_pool(pool);
    return 0;
}
