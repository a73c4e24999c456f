/* bide.h: tasks, groups, deadlines and blocking-looking calls for Linux.
 *
 *   Results   >= 0 is success; < 0 is a negated errno.
 *   Time      bide_time: nanoseconds on CLOCK_MONOTONIC.  A `deadline` is a
 *             point, a `span` a length.
 *   Sizes     bytes.
 *   [waits]   may suspend the task; on every call it can return -ECANCELED
 *             (a scope in force is cancelled) or -ETIMEDOUT (its deadline has
 *             passed).  Then the call did nothing, unless it says otherwise.
 *   [any]     callable from any thread.  All others: from a task.
 *   Storage   `struct bide_x` is yours and {0} is its valid start;
 *             `bide_x *` (typedef, opaque) is the library's.
 *   Misuse    a broken contract (a call outside a task, a handle used after
 *             its end) stops the program with one sentence on stderr.
 *
 *    1 Running                         8 Files and sockets
 *    2 Tasks                           9 Names, connections, servers
 *    3 Scopes                         10 Threads
 *    4 Groups                         11 Programs
 *    5 Locks and their kin            12 Signals
 *    6 Channels and queues            13 Pools of processes
 *    7 Futures, locals, generators    14 Seeing what happens
 *
 * A run is one bide_run(): a thread, and the tasks that it runs.  A task is a
 * function on a stack of its own.  <bide/coro.h> has coroutines without a run,
 * <bide/test.h> schedules that replay.  Fields that begin with _ are the
 * implementation's.
 */
#ifndef BIDE_H
#define BIDE_H

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BIDE_VERSION "0.1.0"

#define BIDE_API __attribute__((visibility("default")))
#define BIDE_CHECK __attribute__((warn_unused_result))

/* ---- 1. Running --------------------------------------------------------- */

/* What a task runs.  It returns a result of yours, or a negated errno. */
typedef intptr_t bide_fn(void *arg);

typedef int64_t bide_time;
#define BIDE_FOREVER INT64_MAX
#define BIDE_US(n) ((bide_time)(n) * 1000)
#define BIDE_MS(n) ((bide_time)(n) * 1000000)
#define BIDE_SEC(n) ((bide_time)(n) * 1000000000)

/* An error and the task it came from. */
struct bide_error {
    const char *task;  /* its name */
    intptr_t code;     /* its negative result */
    const char *where; /* its spawn site, as module+offset for addr2line(1) */
};

enum bide_backend { BIDE_AUTO, BIDE_URING, BIDE_EPOLL };

/* How a run is set up; a zeroed struct, or NULL for it, means the defaults. */
struct bide_options {
    enum bide_backend backend; /* BIDE_BACKEND=uring|epoll outside wins */
    size_t stack_bytes;        /* without the guard; 0: 64 KiB */
    unsigned ring_entries;     /* of io_uring's submission queue; 0: 256 */
    unsigned thread_limit;     /* of bide_to_thread(); 0: 32.  Also of the
                                  library's own, for files; 0: 4 */
    unsigned task_limit;       /* alive at once; 0: none */
    bide_time shutdown_grace;  /* then the tasks that refuse to end are named;
                                  the run goes on waiting; 0: 5 seconds */
    void (*on_error)(const struct bide_error *e); /* an error that nobody read;
                                  must not wait; NULL: one line on stderr */
    bide_time timer_slack;     /* so much later than due may one wake-up come
                                  to serve several sleepers: a microsecond for
                                  each deadline set, at most this; 0: 200 us,
                                  1: none to speak of */
    bide_time slow_turn;       /* a task, or a posted function, that has run so
                                  long without a wait is named on stderr when
                                  that is over; 0: turns are not timed */
    bide_time slow_cancel;     /* a task that so long after a cancel is still in
                                  what was cancelled is named on stderr, once,
                                  with what it waits for; 0: none is, but see
                                  shutdown_grace */
};

/* Run `fn(arg)` as the main task, with all the tasks it starts, to the end.
 *
 * Every task has ended when it returns: those left over when `fn` returns are
 * cancelled and awaited.  A run belongs to the calling thread.  On the main
 * thread, and where SIGINT has its default action, the first SIGINT cancels
 * the main task and the second kills the process.
 *
 *   opt   may be NULL
 * Returns what `fn` returned.
 *   -EINVAL    `fn` is NULL, an option is out of range, or BIDE_BACKEND names
 *              no backend
 *   -EDEADLK   called from a task; or every task waited for another, with
 *              nothing left that could wake one: they were listed on stderr
 *              and cancelled
 *   -EINTR     SIGINT cancelled the main task
 *   -ENOMEM, -EMFILE, ...  what the run needs could not be had
 *   -ENOTSUP   the program is built with -fsanitize=thread, and bide is not
 *   -ENOSYS    a backend that was demanded by name is refused by this kernel;
 *              the sentence on stderr says why
 */
BIDE_API intptr_t bide_run(bide_fn *fn, void *arg,
                           const struct bide_options *opt);

/* A run, as other threads address it. */
typedef struct bide_loop bide_loop;

/* Hold the current run: something may still come from outside.
 *
 * While it is held the run is never taken for deadlocked.
 * Returns its handle, which may be used after the run has ended.
 */
BIDE_API bide_loop *bide_loop_ref(void);

/* Give back a handle of bide_loop_ref().                              [any] */
BIDE_API void bide_loop_unref(bide_loop *loop);

/* What this machine offered; every string is static or the thread's own. */
struct bide_info {
    const char *backend;        /* "io_uring" or "epoll"; "none": neither */
    const char *backend_reason; /* why not the other */
    const char *guard;          /* "kernel" (MADV_GUARD_INSTALL), "mprotect" */
    const char *guard_reason;   /* why not the other */
    const char *arch;           /* "x86_64", "aarch64" or "ucontext" */
    const char *stack_reason;   /* why this thread's last spawn got no stack,
                                   or "" */
};

/* Tell which backend, guard and switch are in use, and why.           [any]
 *
 * Outside a run: which ones a run with default options would get.
 */
BIDE_API void bide_info(struct bide_info *out);

/* ---- 2. Tasks ----------------------------------------------------------- */

typedef struct bide_task bide_task;

struct bide_spawn_options {
    const char *name;   /* copied, 31 bytes; NULL: "task-N" */
    size_t stack_bytes; /* without the guard; 0: the run's; at least 16 KiB */
    unsigned flags;     /* BIDE_EAGER */
};
#define BIDE_EAGER 1u /* run it now, up to its first wait */

/* Start `fn(arg)` as a task of the run.  It first runs at the caller's next
 * wait.
 *
 * It does not inherit the spawner's scopes, and is cancelled and awaited when
 * the main task returns.
 *
 *   out   the handle, yours until bide_release(); NULL: none is wanted
 * Returns 0; then `fn` will be called in every case.
 *   -EINVAL     `fn` is NULL
 *   -ENOMEM     no guarded stack could be had, and bide_info() says why; or a
 *               local could not be copied
 *   -EAGAIN     as many tasks as options.task_limit are alive
 *   -ESHUTDOWN  the main task has returned
 */
BIDE_API BIDE_CHECK int bide_spawn(bide_task **out, bide_fn *fn, void *arg);

/* Like bide_spawn(), with a name, a stack size or BIDE_EAGER.
 *
 *   -EINVAL     as above, or a stack size below 16 KiB or above 1 GiB, or an
 *               unknown flag
 */
BIDE_API BIDE_CHECK int bide_spawn_with(bide_task **out, bide_fn *fn, void *arg,
                                        const struct bide_spawn_options *opt);

/* Wait until `t` has ended.                                           [waits]
 *
 * Does not consume the handle.
 * Returns its result.
 *   -ECHILD   it was cancelled
 *   -EDEADLK  `t` is the caller
 * Cancelled: `t` runs on.
 */
BIDE_API intptr_t bide_await(bide_task *t);

/* Wait until `t` has ended and put its result, as it was, in `*result`. [waits]
 *
 *   result   may be NULL; a failure counts as read all the same
 * Returns 0: unlike bide_await() it tells the wait's own failure from `t`'s.
 *   -EDEADLK  `t` is the caller
 * Cancelled: `t` runs on and `*result` is untouched.
 */
BIDE_API int bide_join(bide_task *t, intptr_t *result);

/* Cancel `t`: every wait of it is refused from now on.
 *
 * Returns false if it had ended.
 */
BIDE_API bool bide_cancel(bide_task *t);

/* Give the handle back; the task runs on.
 *
 * An error of `t` that nobody has read goes to options.on_error.
 */
BIDE_API void bide_release(bide_task *t);

/* The calling task, borrowed: never to be released.  NULL outside.    [any] */
BIDE_API bide_task *bide_self(void);

/* Let every other ready task run once.                                [waits]
 *
 * Returns 0.
 * Cancelled: refused at once.
 */
BIDE_API int bide_yield(void);

/* The present time.                                                   [any] */
BIDE_API bide_time bide_now(void);

/* The deadline that lies `span` from now.  Saturates at BIDE_FOREVER. [any] */
BIDE_API bide_time bide_after(bide_time span);

/* Sleep for `span`.                                                   [waits]
 *
 * Where many sleep, it may be a little longer (`timer_slack` of bide_options).
 * Returns 0; a span of 0 is a bide_yield().
 *   -EINVAL  `span` is negative
 * Cancelled: the rest is not slept.
 */
BIDE_API int bide_sleep(bide_time span);

/* Sleep until `deadline`; BIDE_FOREVER: until cancelled.              [waits]
 *
 * Sleepers of one deadline wake in the order in which they began.
 * Returns 0.
 * Cancelled: the rest is not slept.
 */
BIDE_API int bide_sleep_until(bide_time deadline);

/* Name the calling task in every report; 31 bytes are copied. */
BIDE_API void bide_set_name(const char *name);

/* Whether `t` has ended. */
BIDE_API bool bide_task_done(const bide_task *t);

/* ---- 3. Scopes: deadlines and cancellation ------------------------------ */

/* Code between open and close, cancellable as one; scopes nest. */
struct bide_scope {
    void *_p[14];
    bide_time _t[2];
    uint32_t _f[4];
};

/* Open `s` around what follows, until `deadline` (BIDE_FOREVER: none).
 *
 * Past the deadline every wait inside is refused with -ETIMEDOUT.  The storage
 * must stay where it is until bide_scope_close().
 */
BIDE_API void bide_scope_open(struct bide_scope *s, bide_time deadline);

/* Open `s` as a shield: cancels from outside do not reach what follows.
 *
 *   grace   how long the code inside may go on after the moment a cancel would
 *           have been seen; then its waits are refused with -ETIMEDOUT.
 *           BIDE_FOREVER: for as long as it takes
 */
BIDE_API void bide_shield_open(struct bide_scope *s, bide_time grace);

/* End the scope `s` around work that came to `result`, and return the verdict.
 *
 * If `s` itself ended the work, -ETIMEDOUT (its deadline) or -ECANCELED (its
 * cancel) stops here and is returned; an outer cancel passes on as `result`.
 * Scopes close in reverse order, in the task that opened them.
 */
BIDE_API intptr_t bide_scope_close(struct bide_scope *s, intptr_t result);

/* Cancel `s`: every wait inside is refused with -ECANCELED from now on.
 *
 * Before open: the first wait after it is refused.  After close: nothing.
 */
BIDE_API void bide_scope_cancel(struct bide_scope *s);

/* Move the deadline of `s`.  One that has fired stays fired.
 *
 * Returns 0.
 *   -EINVAL  `s` is not open
 */
BIDE_API int bide_scope_set_deadline(struct bide_scope *s, bide_time deadline);

/* Whether `s` was cancelled, before it was opened too, or its deadline had
 * passed; decided at close. */
BIDE_API bool bide_scope_fired(const struct bide_scope *s);

/* 0, or the code that the next wait would return. */
BIDE_API int bide_cancel_code(void);

/* The nearest deadline in force; 0 where a cancel is; BIDE_FOREVER: none. */
BIDE_API bide_time bide_deadline(void);

/* ---- 4. Groups ---------------------------------------------------------- */

enum bide_policy {
    BIDE_FAIL_FAST, /* the first failure cancels the others */
    BIDE_COLLECT    /* one failure does not stop the others */
};

/* Tasks that end before the group's close returns. */
struct bide_group {
    struct bide_scope _scope;
    void *_p[10];
    size_t _n[4];
    uint32_t _f[4];
    struct {
        void *arg;
        intptr_t result;
    } _ended[8];
    struct {
        intptr_t code;
        char task[32], where[48];
    } _errors[8];
};

/* Open `g`: a scope of the caller, in which children can be started. */
BIDE_API void bide_group_open(struct bide_group *g, enum bide_policy policy);

/* Start `fn(arg)` as a task of `g`.  It first runs at the caller's next wait.
 *
 * Any task of the run may call it, a child of `g` too, until the last one has
 * ended.  Its negative result cancels its siblings and becomes the group's
 * result (BIDE_FAIL_FAST); but not where it was cancelled.
 * Returns 0.
 *   -EINVAL     `fn` is NULL
 *   -ENOMEM     as bide_spawn()
 *   -EAGAIN     as many tasks as options.task_limit are alive
 *   -ECANCELED  `g` is cancelled
 *   -ESHUTDOWN  `g` is closed
 * On an error `fn` is not called and `arg` stays the caller's.
 */
BIDE_API BIDE_CHECK int bide_group_spawn(struct bide_group *g, bide_fn *fn,
                                         void *arg);

/* Like bide_group_spawn(), with a handle and the options of bide_spawn_with().
 *
 *   out   the handle, yours until bide_release(); NULL: none is wanted
 */
BIDE_API BIDE_CHECK int
bide_group_spawn_with(struct bide_group *g, bide_task **out, bide_fn *fn,
                      void *arg, const struct bide_spawn_options *opt);

/* Start `fn(arg)` in `g` and wait until it calls bide_ready().        [waits]
 *
 * Returns the value it is ready with.  A child that fails before it is ready
 * fails this call, not the group.
 *   -EPROTO  it returned without having said that it is ready
 *   and those of bide_group_spawn()
 * Cancelled: the child was cancelled too, and has ended.
 */
BIDE_API BIDE_CHECK intptr_t bide_group_start(struct bide_group *g, bide_fn *fn,
                                              void *arg);

/* Tell the bide_group_start() that waits for this task that it is ready.
 *
 *   value   >= 0
 * Does nothing where no start waits.
 */
BIDE_API void bide_ready(intptr_t value);

/* Wait for the next child of `g` to end, in the order in which they do. [waits]
 *
 *   arg, result   what it was given and what it returned; each may be NULL
 * Returns 1; 0 when none is left.
 *   -EOVERFLOW  more than 65,536 ends were never asked for: the oldest are
 *               forgotten.  Told once
 * Cancelled: no end was taken.
 */
BIDE_API int bide_group_next(struct bide_group *g, void **arg,
                             intptr_t *result);

/* Cancel the body and the children of `g`.
 *
 * A body that ends with the -ECANCELED it gets closes the group with 0. */
BIDE_API void bide_group_cancel(struct bide_group *g);

/* Wait until every task of `g` has ended, then end `g`.               [waits]
 *
 * `result` is how the body went; a negative one cancels the children.
 * Returns the first failure by time (BIDE_FAIL_FAST), else `result`.
 *   -ECHILD     that failure was a -ECANCELED that nobody had asked for
 *   -ECANCELED  only where the closer itself is cancelled
 *   -ETIMEDOUT  the closer itself is late, or a failure was this one
 * Cancelled: all tasks were cancelled, and HAVE ended.  This call never returns
 * while one is alive.
 */
BIDE_API intptr_t bide_group_close(struct bide_group *g, intptr_t result);

/* Whether `g` was cancelled, by a failure, by its owner or from outside. */
BIDE_API bool bide_group_cancelled(const struct bide_group *g);

/* Copy up to `n` failures of `g`, the first by time first, to `out`.
 *
 * The strings live in `g`, also after its close.
 * Returns how many there were; the first eight are kept.
 */
BIDE_API size_t bide_group_errors(const struct bide_group *g,
                                  struct bide_error *out, size_t n);

/* A call to be made, and what it came to. */
struct bide_call {
    bide_fn *fn;
    void *arg;
    intptr_t result;
};

/* Make `n` calls at once, a task each, and wait for all.              [waits]
 *
 * Every slot holds its own result; one that was never started holds
 * -ECANCELED, or why it could not be (-ENOMEM, -EAGAIN).
 * Returns 0; under BIDE_FAIL_FAST the first failure, after the others were
 * cancelled and have ended.
 *   -EINVAL  an fn is NULL, or `policy` is none: nothing was started
 *   -ECHILD  the first failure was a call cancelled by someone else
 *   -ENOMEM, -EAGAIN  a call could not be started: the others were cancelled
 *                     (under BIDE_COLLECT only its slot says so)
 * Cancelled: every call was cancelled and has ended; the slots can be read: one
 * whose waits were refused by a deadline of the caller's holds -ETIMEDOUT.
 */
BIDE_API BIDE_CHECK intptr_t bide_gather(struct bide_call *calls, size_t n,
                                         enum bide_policy policy);

/* Like bide_gather(), with at most `at_once` calls running.           [waits]
 *
 *   -EINVAL  `at_once` is 0
 * Cancelled: as bide_gather().
 */
BIDE_API BIDE_CHECK intptr_t bide_gather_bounded(struct bide_call *calls,
                                                 size_t n, size_t at_once,
                                                 enum bide_policy policy);

/* Make `n` calls at once; the first success cancels the rest.         [waits]
 *
 * Returns the index of the first success, or the first failure if all failed.
 *   -EINVAL  `n` is 0, or an fn is NULL
 *   -ECHILD  the first failure was a call cancelled by someone else
 *   -ENOMEM, -EAGAIN  a call could not be started: the others were cancelled
 * Cancelled: every call was cancelled and has ended.
 */
BIDE_API BIDE_CHECK intptr_t bide_race(struct bide_call *calls, size_t n);

/* Like bide_race(), with the calls begun one after the other.         [waits]
 *
 * The next begins `delay` after the one before, or as soon as one has failed.
 *
 *   delay   BIDE_FOREVER: only when one has failed
 * Returns as bide_race(); a call that never began holds -ECANCELED.
 *   -EINVAL  also where `delay` is negative
 * Cancelled: every call was cancelled and has ended.
 */
BIDE_API BIDE_CHECK intptr_t bide_race_staggered(struct bide_call *calls,
                                                 size_t n, bide_time delay);

/* Call `fn(arg)`, and again while it has no answer: hedge it.         [waits]
 *
 * Another attempt begins `delay` after the one before, or as soon as one has
 * failed, until there are `attempts`; the first success cancels the others,
 * which have ended when this returns.  For calls that may be made twice.
 * Returns the result of the first success, or the first failure if all failed.
 *   -EINVAL  `fn` is NULL, `attempts` is 0, or `delay` is negative
 *   -ECHILD, -ENOMEM, -EAGAIN  as bide_race()
 * Cancelled: every attempt was cancelled and has ended.
 */
BIDE_API BIDE_CHECK intptr_t bide_hedge(bide_fn *fn, void *arg, size_t attempts,
                                        bide_time delay);

/* Wait for `n` tasks that have another owner.                         [waits]
 *
 *   results   one a task, in order; NULL: not wanted, and the failures that
 *             are not told count as unread.  Those of tasks that have not
 *             ended are left alone
 * Returns 0 when all have ended; under BIDE_FAIL_FAST the first failure, at
 * once, with the others left running (-ECHILD: a task was cancelled).
 *   -EDEADLK  the caller is among them
 *   -EINVAL   `policy` is none
 * Cancelled: the tasks run on.
 */
BIDE_API BIDE_CHECK intptr_t bide_gather_tasks(bide_task **tasks, size_t n,
                                               intptr_t *results,
                                               enum bide_policy policy);

enum bide_wait_mode {
    BIDE_ALL_COMPLETED,
    BIDE_FIRST_COMPLETED,
    BIDE_FIRST_ERROR
};

/* Wait until all, one, or one with an error of `n` tasks have ended.  [waits]
 *
 * A task that was cancelled does not count as an error.
 * Returns how many have ended, a task counted for each place it stands in.
 *   -EDEADLK  the caller is among them
 *   -EINVAL   `mode` is none
 * Cancelled: the tasks run on.
 */
BIDE_API BIDE_CHECK int bide_wait_tasks(bide_task **tasks, size_t n,
                                        enum bide_wait_mode mode);

/* ---- 5. Locks and their kin --------------------------------------------- */

/* Those who wait, in order: a part of what follows. */
struct bide_waitq {
    void *_p[2];
};

/* What a bide_x_info() tells, as of now. */
struct bide_lock_info {
    bide_task *owner;    /* the task that holds it, borrowed: good until it
                            ends.  Of several readers the first; NULL: none */
    char owner_name[32]; /* "": none */
    size_t holders;      /* tasks that hold it; 0 where nobody can */
    size_t waiters;      /* tasks that wait for it */
};

/* Each of these is valid when zeroed, allocates nothing, and must stay where it
 * is, and alive, as long as anybody waits for it or holds it.  Setting it to
 * {0} again makes it new: nobody may wait for it then.  A task whose function
 * returns while another waits for one on its stack, or while it holds one there
 * itself, is misuse, and told. */

/* A lock with an owner; waiters get it in the order in which they came. */
struct bide_mutex {
    bide_task *_owner;
    struct bide_waitq _q;
    void *_held[3];
};

/* Lock `m`.                                                           [waits]
 *
 * Returns 0.
 *   -EDEADLK     the caller holds it
 *   -EOWNERDEAD  not taken: its owner ended holding it.  Set it to {0} again
 *                when what it guards is mended
 * Cancelled: it is not taken.
 */
BIDE_API BIDE_CHECK int bide_mutex_lock(struct bide_mutex *m);

/* Lock `m` if that needs no wait.
 *
 * Returns 0.
 *   -EAGAIN      someone holds it
 *   -EDEADLK, -EOWNERDEAD  as bide_mutex_lock()
 */
BIDE_API BIDE_CHECK int bide_mutex_trylock(struct bide_mutex *m);

/* Unlock `m`: the first waiter holds it when this returns.
 *
 * Returns 0.
 *   -EPERM  the caller does not hold it
 */
BIDE_API int bide_mutex_unlock(struct bide_mutex *m);

/* Tell who holds `m` and how many wait for it. */
BIDE_API void bide_mutex_info(const struct bide_mutex *m,
                              struct bide_lock_info *out);

/* A lock for one writer or several readers.  The order of asking is kept:
 * readers do not pass a writer that waits, so that neither side starves. */
struct bide_rwlock {
    struct bide_mutex _w;
    struct bide_waitq _readers;
    size_t _strangers;
};

/* Lock `l` to read.                                                   [waits]
 *
 * A task that reads `l` may lock it to read again, past waiting writers too,
 * and unlocks it as often.  A reader that ends gives up its part.  Both hold
 * for the first four locks that a task reads at once; beyond them readers are
 * counted but not known, and locking again waits behind a writer.
 * Returns 0.
 *   -EDEADLK     the caller holds it to write
 *   -EOWNERDEAD  not taken: a writer ended holding it.  Set it to {0} again
 *                when what it guards is mended
 * Cancelled: it is not taken.
 */
BIDE_API BIDE_CHECK int bide_rwlock_rdlock(struct bide_rwlock *l);

/* Lock `l` to write.                                                  [waits]
 *
 * Returns 0.
 *   -EDEADLK     the caller holds it, to read or to write
 *   -EOWNERDEAD  as bide_rwlock_rdlock()
 * Cancelled: it is not taken.
 */
BIDE_API BIDE_CHECK int bide_rwlock_wrlock(struct bide_rwlock *l);

/* Lock `l` to read if that needs no wait.
 *
 * Returns 0.
 *   -EAGAIN  a writer holds it, or somebody waits for it
 *   -EDEADLK, -EOWNERDEAD  as bide_rwlock_rdlock()
 */
BIDE_API BIDE_CHECK int bide_rwlock_tryrdlock(struct bide_rwlock *l);

/* Lock `l` to write if that needs no wait.
 *
 * Returns 0.
 *   -EAGAIN  someone holds it
 *   -EDEADLK, -EOWNERDEAD  as bide_rwlock_wrlock()
 */
BIDE_API BIDE_CHECK int bide_rwlock_trywrlock(struct bide_rwlock *l);

/* Unlock `l`: those who may come in next hold it when this returns.
 *
 * Returns 0.
 *   -EPERM  the caller does not hold it
 */
BIDE_API int bide_rwlock_unlock(struct bide_rwlock *l);

/* Tell who holds `l`, a writer or readers, and how many wait for it. */
BIDE_API void bide_rwlock_info(const struct bide_rwlock *l,
                               struct bide_lock_info *out);

/* What is waited for, without the lock that guards it, until it may have
 * changed. */
struct bide_cond {
    struct bide_waitq _q;
};

/* Unlock `m`, wait for a signal of `c`, and lock `m` again.           [waits]
 *
 * No wake-up is spurious, but others may have had `m` in between, so that what
 * is waited for is looked at again:
 *
 *     while (rc == 0 && !there_is_work)
 *         rc = bide_cond_wait(&c, &m);
 *
 * Returns 0.
 *   -EPERM       the caller does not hold `m`
 *   -EOWNERDEAD  `m` is not held: its owner ended holding it meanwhile
 * Cancelled: `m` is held again, for as long as that took.  A signal meant for
 * this wait went to the next one.
 */
BIDE_API BIDE_CHECK int bide_cond_wait(struct bide_cond *c,
                                       struct bide_mutex *m);

/* Signal `c`: the first waiter goes on as soon as it has its mutex.
 *
 * Whether the caller holds the mutex is all the same.  Where nobody waits,
 * nothing is kept.
 */
BIDE_API void bide_cond_signal(struct bide_cond *c);

/* Signal `c` for all present waiters, in the order in which they came. */
BIDE_API void bide_cond_broadcast(struct bide_cond *c);

/* Tell how many wait for a signal of `c`; those that have one wait for the
 * mutex. */
BIDE_API void bide_cond_info(const struct bide_cond *c,
                             struct bide_lock_info *out);

/* Something that happens: once set, no wait for it waits. */
struct bide_event {
    struct bide_waitq _q;
    bool _set;
};

/* Wait until `e` is set.                                              [waits]
 *
 * Returns 0.
 * Cancelled: whether `e` is set is not told.
 */
BIDE_API BIDE_CHECK int bide_event_wait(struct bide_event *e);

/* Set `e`: all present waiters go on, also if it is cleared at once. */
BIDE_API void bide_event_set(struct bide_event *e);

/* Clear `e`: later waits wait again. */
BIDE_API void bide_event_clear(struct bide_event *e);

/* Whether `e` is set. */
BIDE_API bool bide_event_is_set(const struct bide_event *e);

/* Tell how many wait for `e`. */
BIDE_API void bide_event_info(const struct bide_event *e,
                              struct bide_lock_info *out);

/* A number of permits: {.count = 3} has three.  With a limit there are never
 * more than that. */
struct bide_sem {
    struct bide_waitq _q;
    uint32_t count; /* permits that nobody has */
    uint32_t limit; /* 0: none */
};

/* Take `permits` permits of `s`, all at once.                         [waits]
 *
 * In the order of asking: nobody passes a waiter that wants more.
 * Returns 0.
 *   -EINVAL  `permits` is 0, or more than the limit; or `count` is
 * Cancelled: none was taken.
 */
BIDE_API BIDE_CHECK int bide_sem_acquire(struct bide_sem *s, unsigned permits);

/* Take `permits` permits of `s` if that needs no wait.
 *
 * Returns 0.
 *   -EAGAIN  there are not so many, or somebody waits for some
 *   -EINVAL  as bide_sem_acquire()
 */
BIDE_API BIDE_CHECK int bide_sem_tryacquire(struct bide_sem *s,
                                            unsigned permits);

/* Give `permits` permits to `s`: waiters have them when this returns.
 *
 * Any task may, whether it has taken them or not.
 * Returns 0.
 *   -EOVERFLOW  there would be more than the limit, or than 2^32 - 1: none was
 *               given
 *   -EINVAL     `permits` is 0
 */
BIDE_API int bide_sem_release(struct bide_sem *s, unsigned permits);

/* Tell how many wait for permits of `s`. */
BIDE_API void bide_sem_info(const struct bide_sem *s,
                            struct bide_lock_info *out);

/* A place where `count` tasks wait for each other, again and again. */
struct bide_barrier {
    struct bide_waitq _q;
    uint32_t count;
    uint32_t _n[3];
};

/* Wait until `count` tasks have arrived at `b`.                       [waits]
 *
 * Returns an index from 0 to count - 1, to each another one; the last to arrive
 * gets count - 1.
 *   -ENOTRECOVERABLE  `b` was reset meanwhile, or is aborted
 *   -EINVAL           its count is 0
 * Cancelled: the caller counts as not arrived.
 */
BIDE_API BIDE_CHECK int bide_barrier_wait(struct bide_barrier *b);

/* Send those who wait at `b` away, with -ENOTRECOVERABLE; `b` begins anew. */
BIDE_API void bide_barrier_reset(struct bide_barrier *b);

/* Send away those who wait at `b`, and all who come, until it is reset. */
BIDE_API void bide_barrier_abort(struct bide_barrier *b);

/* Tell how many wait at `b`. */
BIDE_API void bide_barrier_info(const struct bide_barrier *b,
                                struct bide_lock_info *out);

/* Something that is to be done once. */
struct bide_once {
    struct bide_waitq _q;
    bide_task *_runner;
    intptr_t _result;
    bool _done;
};

/* Make sure that `fn(arg)` has succeeded once.                        [waits]
 *
 * The first to come runs its function, in its own task; the others wait.  A
 * negative result does not count: the first waiter then runs its own.
 * Returns the result of the run that succeeded; the caller's own failure.
 *   -EDEADLK  called from the function itself
 *   -EINVAL   `fn` is NULL
 * Cancelled: the caller's function did not run, or returned this code.
 */
BIDE_API BIDE_CHECK intptr_t bide_once(struct bide_once *o, bide_fn *fn,
                                       void *arg);

/* Tell which task runs the function of `o`, and how many wait for that. */
BIDE_API void bide_once_info(const struct bide_once *o,
                             struct bide_lock_info *out);

/* A number of things still to be done: {.count = 3}, or added one by one. */
struct bide_countdown {
    struct bide_waitq _q;
    uint32_t count;
};

/* Add `n` things to be done to `c`.
 *
 * Returns 0.
 *   -EOVERFLOW  there would be more than 2^32 - 1: nothing was added
 */
BIDE_API int bide_countdown_add(struct bide_countdown *c, unsigned n);

/* Tell `c` that one thing is done.  At the last one all present waiters go on.
 *
 * Returns 0.
 *   -ERANGE  nothing was to be done
 */
BIDE_API int bide_countdown_done(struct bide_countdown *c);

/* Wait until nothing is left to be done in `c`.                       [waits]
 *
 * Returns 0.
 * Cancelled: what is left to be done is not told.
 */
BIDE_API BIDE_CHECK int bide_countdown_wait(struct bide_countdown *c);

/* Tell how many wait for `c`. */
BIDE_API void bide_countdown_info(const struct bide_countdown *c,
                                  struct bide_lock_info *out);

/* So many tasks at once, a number that can be changed meanwhile. */
struct bide_limiter {
    struct bide_waitq _q;
    size_t total; /* {.total = 5} at the start; then bide_limiter_resize() */
    size_t _lent;
};

/* What a task borrows of a limiter; its own storage. */
struct bide_token {
    void *_p[5];
};

/* Borrow from `l`, in the order in which the tasks came.              [waits]
 *
 *   t   stays where it is until bide_limiter_release(), or until the task ends,
 *       which gives it back as well: but not from the stack of that task
 * Returns 0.
 *   -EDEADLK  the caller has borrowed from `l` already
 * Cancelled: nothing was borrowed.
 */
BIDE_API BIDE_CHECK int bide_limiter_acquire(struct bide_limiter *l,
                                             struct bide_token *t);

/* Borrow if that needs no wait.
 *
 * Returns 0.
 *   -EAGAIN   all is lent, or somebody waits
 *   -EDEADLK  the caller has borrowed from `l` already
 */
BIDE_API BIDE_CHECK int bide_limiter_tryacquire(struct bide_limiter *l,
                                                struct bide_token *t);

/* Give back what was borrowed: the first waiter has it when this returns.
 *
 * Returns 0.
 *   -EPERM  the caller has not borrowed `t` from `l`
 */
BIDE_API int bide_limiter_release(struct bide_limiter *l, struct bide_token *t);

/* Let `total` tasks borrow from `l`.
 *
 * With more than before, waiters go on at once; with fewer than have borrowed,
 * those keep what they have and the next one waits until enough is back.
 */
BIDE_API void bide_limiter_resize(struct bide_limiter *l, size_t total);

/* Tell how many have borrowed from `l` and how many wait; no owner. */
BIDE_API void bide_limiter_info(const struct bide_limiter *l,
                                struct bide_lock_info *out);

/* ---- 6. Channels and queues --------------------------------------------- */

/* Each of these is valid when zeroed, allocates nothing, and must stay where it
 * is, and alive, as long as anybody waits for it.  A task whose function
 * returns while another waits for one on its stack is misuse, and told. */

/* Items of one size, handed from task to task in order. */
struct bide_chan {
    struct bide_waitq _s, _r;
    char *_buf;
    size_t _n[6];
    const void *_order;
    bool _closed;
};

/* Prepare `c` for items of `item_bytes`, with room for `capacity` of them.
 *
 *   buf       item_bytes * capacity bytes, yours for as long as `c` is in use;
 *             NULL where capacity is 0: each send then waits for its receiver
 *   A zeroed channel is one with capacity 0 and items of 0 bytes: a signal.
 */
BIDE_API void bide_chan_init(struct bide_chan *c, void *buf, size_t item_bytes,
                             size_t capacity);

/* Send a copy of `*item`.                                             [waits]
 *
 * Returns 0: it was received, or has its place in the buffer.
 *   -EPIPE  `c` is closed
 * Cancelled: the item was not sent.
 */
BIDE_API BIDE_CHECK int bide_chan_send(struct bide_chan *c, const void *item);

/* Receive the next item into `*item`.                                 [waits]
 *
 * Returns 1; 0 when `c` is closed and drained.
 * Cancelled: no item was taken.
 */
BIDE_API BIDE_CHECK int bide_chan_recv(struct bide_chan *c, void *item);

/* Send if that needs no wait.
 *
 * Returns 0.
 *   -EAGAIN  there is neither room nor a receiver
 *   -EPIPE   `c` is closed
 */
BIDE_API BIDE_CHECK int bide_chan_trysend(struct bide_chan *c,
                                          const void *item);

/* Receive if that needs no wait.
 *
 * Returns 1; 0 when `c` is closed and drained.
 *   -EAGAIN  there is no item
 */
BIDE_API BIDE_CHECK int bide_chan_tryrecv(struct bide_chan *c, void *item);

/* Close `c`: sends are refused, receivers drain it and then get 0.
 *
 * Those who wait to send get -EPIPE.  Closing twice is allowed.
 */
BIDE_API void bide_chan_close(struct bide_chan *c);

/* Close `c` and empty it: each item left is handed to `drop(item, arg)`.
 *
 * Those who wait to send get -EPIPE and keep their items, receivers get 0.
 *
 *   drop   frees what the item holds; must not wait; NULL: nothing to free
 */
BIDE_API void bide_chan_abort(struct bide_chan *c,
                              void (*drop)(void *item, void *arg), void *arg);

/* Count `n` producers more, each of which will say when it is done.
 *
 * Returns 0.
 *   -EPIPE  `c` is closed
 */
BIDE_API BIDE_CHECK int bide_chan_add_producers(struct bide_chan *c, size_t n);

/* One producer is done; the last one closes `c`.
 *
 * Returns 0.
 *   -ERANGE  all producers that were counted are done
 */
BIDE_API int bide_chan_producer_done(struct bide_chan *c);

/* How many items are in the buffer of `c`. */
BIDE_API size_t bide_chan_len(const struct bide_chan *c);

/* For how many there is room. */
BIDE_API size_t bide_chan_capacity(const struct bide_chan *c);

/* Whether `c` is closed; items may be left in it. */
BIDE_API bool bide_chan_closed(const struct bide_chan *c);

struct bide_chan_stats {
    size_t items;     /* in the buffer */
    size_t senders;   /* who wait; a select counts for each of its cases */
    size_t receivers; /* likewise */
    size_t producers; /* counted, and not done */
    size_t sent;      /* items accepted since the start */
};

/* Count what is in `c` and who waits at it. */
BIDE_API void bide_chan_stats(const struct bide_chan *c,
                              struct bide_chan_stats *out);

/* One send or receive of a select: exactly one of `recv` and `send` is set.
 * With items of 0 bytes neither means a receive, any `send` a send. */
struct bide_chan_case {
    struct bide_chan *chan;
    void *recv;       /* where to put the item */
    const void *send; /* where to take it from */
    int result;       /* of the case that went through */
    void *_side[5];
};

/* Do one of `n` sends and receives, the first that can be done.       [waits]
 *
 * Of several that can be done at once each gets its turn.  One channel may
 * stand in several cases; a select never deals with itself.  The cases are the
 * call's until it returns.
 * Returns the index of the one that was done; its `result` is what the call
 * alone would have returned: 0 or -EPIPE of a send, 1 or 0 of a receive.
 *   -EINVAL  `n` is 0, a channel is NULL, or a case is not one of the two
 * Cancelled: none was done.
 */
BIDE_API BIDE_CHECK int bide_chan_select(struct bide_chan_case *cases,
                                         size_t n);

/* Do one of `n` sends and receives if that needs no wait.
 *
 * Returns as bide_chan_select().
 *   -EAGAIN  none of them can be done now
 *   -EINVAL  as bide_chan_select()
 */
BIDE_API BIDE_CHECK int bide_chan_tryselect(struct bide_chan_case *cases,
                                            size_t n);

/* Work that tasks put in, get out in an order, and finish.
 *
 * `chan` may stand in a select and be asked what is in it. */
struct bide_queue {
    struct bide_chan chan;
    struct bide_waitq _q;
    bool (*_before)(const void *a, const void *b);
    size_t _done;
};

/* Prepare `q`: first in, first out, with room for `capacity` items.
 *
 *   buf   as for bide_chan_init(); with capacity 0 each put waits for its get
 */
BIDE_API void bide_queue_init(struct bide_queue *q, void *buf,
                              size_t item_bytes, size_t capacity);

/* Prepare `q`: last in, first out. */
BIDE_API void bide_queue_init_lifo(struct bide_queue *q, void *buf,
                                   size_t item_bytes, size_t capacity);

/* What a queue by priority needs for each item: 8 bytes and a round number. */
#define BIDE_PRIORITY_BYTES(item_bytes, capacity) \
    ((((size_t)(item_bytes) + 7) / 8 * 8 + 8) * (capacity))

/* Prepare `q`: in the order of `before`, equals in the order of arrival.
 *
 *   buf      BIDE_PRIORITY_BYTES(item_bytes, capacity), at a multiple of 8
 *   before   whether item `a` comes out before item `b`; must not wait
 */
BIDE_API void bide_queue_init_priority(struct bide_queue *q, void *buf,
                                       size_t item_bytes, size_t capacity,
                                       bool (*before)(const void *a,
                                                      const void *b));

/* Put a copy of `*item` in.                                           [waits]
 *
 * Those who wait for room get it in the order in which they came.
 * Returns 0.
 *   -ESHUTDOWN  `q` is shut down
 * Cancelled: the item was not put in.
 */
BIDE_API BIDE_CHECK int bide_queue_put(struct bide_queue *q, const void *item);

/* Get the next item into `*item`.                                     [waits]
 *
 * Returns 1; 0 when `q` is shut down and empty.
 * Cancelled: no item was taken.
 */
BIDE_API BIDE_CHECK int bide_queue_get(struct bide_queue *q, void *item);

/* Put if that needs no wait.
 *
 * Returns 0.
 *   -EAGAIN     there is neither room nor somebody who waits for an item
 *   -ESHUTDOWN  `q` is shut down
 */
BIDE_API BIDE_CHECK int bide_queue_tryput(struct bide_queue *q,
                                          const void *item);

/* Get if that needs no wait.
 *
 * Returns 1; 0 when `q` is shut down and empty.
 *   -EAGAIN  there is no item
 */
BIDE_API BIDE_CHECK int bide_queue_tryget(struct bide_queue *q, void *item);

/* What was got is finished: to be called once an item.
 *
 * Returns 0.
 *   -ERANGE  everything that was put in is finished already
 */
BIDE_API int bide_queue_task_done(struct bide_queue *q);

/* How many items were put in and are not finished. */
BIDE_API size_t bide_queue_unfinished(const struct bide_queue *q);

/* Wait until everything that was put in is finished.                  [waits]
 *
 * Returns 0.
 * Cancelled: how much is unfinished is not told.
 */
BIDE_API BIDE_CHECK int bide_queue_join(struct bide_queue *q);

/* Refuse what is put from now on; what is in can be got, then gets give 0.
 *
 * Those who wait to put get -ESHUTDOWN.  Shutting down twice is allowed.
 */
BIDE_API void bide_queue_shutdown(struct bide_queue *q);

/* Shut `q` down and empty it: each item left is handed to `drop(item, arg)`
 * and counts as finished.
 *
 *   drop   frees what the item holds; must not wait; NULL: nothing to free
 */
BIDE_API void bide_queue_shutdown_now(struct bide_queue *q,
                                      void (*drop)(void *item, void *arg),
                                      void *arg);

/* ---- 7. Futures, locals, generators ------------------------------------- */

/* A value that comes once, from a task or from another thread. */
struct bide_future {
    struct bide_waitq _q, _c;
    intptr_t _v;
    void *_p[2];
    uint32_t _f[2];
};

/* Set `f` to `value`: all who wait get it.
 *
 * Returns 0.
 *   -EALREADY  it was set or cancelled before; its first value is kept
 */
BIDE_API int bide_future_set(struct bide_future *f, intptr_t value);

/* Set `f` from another thread.                                        [any]
 *
 * Allocates nothing.  From the moment when it returns 0, `f` can no longer be
 * set or cancelled, and it is done soon after, at a turn of its run.
 *
 *   loop   the run of those who wait, held by bide_loop_ref()
 *   f      stays where it is until it is done
 * Returns 0.
 *   -EALREADY   it was set, posted or cancelled before
 *   -ESHUTDOWN  the run has ended
 */
BIDE_API BIDE_CHECK int bide_future_post(bide_loop *loop,
                                         struct bide_future *f, intptr_t value);

/* Wait for the value of `f`, as often and by as many as there are.    [waits]
 *
 * Returns it.
 *   -ECHILD  `f` was cancelled, or set to -ECANCELED
 * Cancelled: only this wait is; `f` is not.
 */
BIDE_API BIDE_CHECK intptr_t bide_future_wait(struct bide_future *f);

/* The value of `f` if it is there.
 *
 * Returns as bide_future_wait().
 *   -EAGAIN  it is not done; or that is its value (ask bide_future_done())
 */
BIDE_API BIDE_CHECK intptr_t bide_future_trywait(struct bide_future *f);

/* Cancel `f`: all who wait get -ECHILD.
 *
 * Returns false if it was set, posted or cancelled before.
 */
BIDE_API bool bide_future_cancel(struct bide_future *f);

/* Whether `f` has its value or was cancelled: no wait for it will wait. */
BIDE_API bool bide_future_done(const struct bide_future *f);

/* Whether `f` was cancelled: what it is for is not needed any more.   [any] */
BIDE_API bool bide_future_cancelled(const struct bide_future *f);

/* Something to be called when a future is done; {0} but for what is set. */
struct bide_callback {
    void (*fn)(void *arg); /* must not wait, as in bide_post() */
    void *arg;
    void *_p[2];
};

/* Have `call` made at the turn of the loop after `f` is done, in order.
 *
 * `f` stays where it is until it is done, `call` until it is made.  That is at
 * the next turn, if `f` is done; and never, if `f` never is.  A bide_yield() is
 * a turn.
 */
BIDE_API void bide_future_then(struct bide_future *f,
                               struct bide_callback *call);

/* Take `call` back.
 *
 * Returns false if it has been made, or waits for no future.
 */
BIDE_API bool bide_callback_remove(struct bide_callback *call);

/* A variable of which every task has a value of its own, NULL at first.
 *
 * It has static storage.  A task that is spawned inherits the spawner's value:
 * a plain pointer as it is; one with `drop` only where `copy` makes the child
 * its own.  Neither of the two may wait or set a local that is inherited.
 */
struct bide_local {
    void *(*copy)(void *value); /* at a spawn; NULL returned: it is refused */
    void (*drop)(void *value);  /* at the task's end, or when it is replaced */
};

/* The value that the calling task has for `l`, or NULL. */
BIDE_API void *bide_local_get(struct bide_local *l);

/* Set the value that the calling task has for `l`; NULL: none.
 *
 * With `drop` it is the task's from now on: its former value is dropped at
 * once, the last at the task's end, after all deferred calls, the local that
 * was set last first.
 * Returns 0.
 *   -ENOMEM  there is no memory to keep it in; the value stays the caller's
 */
BIDE_API BIDE_CHECK int bide_local_set(struct bide_local *l, void *value);

/* Have `fn(arg)` called at the end of the calling task, last in first out.
 *
 * It is called by the task itself, when its function has returned and before
 * anybody hears of its end.  It may wait, under the rules that hold for the
 * task: where that is cancelled, in a shield.  The task's result stands.
 * Returns 0.
 *   -EINVAL  `fn` is NULL
 *   -ENOMEM  there is no memory to keep it in: it will not be called
 */
BIDE_API BIDE_CHECK int bide_defer(void (*fn)(void *arg), void *arg);

/* What becomes of the ticks that passed while nobody waited. */
enum bide_missed {
    BIDE_MISSED_BURST, /* each comes, at once, until it is caught up with */
    BIDE_MISSED_SKIP,  /* they are left out; the next comes when it would */
    BIDE_MISSED_DELAY  /* they are left out; the next comes a period later */
};

/* Points in time at equal distances. */
struct bide_ticker {
    bide_time _next, _period;
    uint32_t _missed;
};

/* Let `t` tick every `period` from now on, the first time a period later. [any]
 *
 * It is plain memory and needs no end.
 * Returns 0.
 *   -EINVAL  `period` is not positive, or `missed` is no policy
 */
BIDE_API BIDE_CHECK int bide_ticker_init(struct bide_ticker *t,
                                         bide_time period,
                                         enum bide_missed missed);

/* Wait for the next tick of `t`.                                      [waits]
 *
 * Returns how many further ticks have passed already: 0 in time.
 * Cancelled: the tick is still to come.
 */
BIDE_API BIDE_CHECK int64_t bide_ticker_wait(struct bide_ticker *t);

/* A function that gives its values one by one, each when it is asked for. */
struct bide_gen {
    void *_p[6];
    intptr_t _r;
    uint32_t _f[2];
};

/* Open `g`: `fn(arg)` will give values, each by bide_gen_yield().
 *
 * It is a task of its own below the scope that the caller is in, and begins
 * with the first bide_gen_next().  It must be closed in that scope: one that is
 * left alive there stops the program.
 * Returns 0; then `fn` will be called in every case.
 *   -EINVAL  `fn` is NULL
 *   -ENOMEM, -EAGAIN  as bide_spawn()
 */
BIDE_API BIDE_CHECK int bide_gen_open(struct bide_gen *g, bide_fn *fn,
                                      void *arg);

/* Let `g` go on to its next yield and take the value.                 [waits]
 *
 *   value   may be NULL: it is not wanted
 * Returns 1; 0 when `g` has ended; or the error that it has ended with.
 *   -ECHILD   it was cancelled, by another than the caller
 *   -EBUSY    another task is asking
 *   -EDEADLK  the caller is the generator itself
 * Cancelled: no value was taken; `g` goes on, and what it yields is there for
 * the next call.
 */
BIDE_API BIDE_CHECK int bide_gen_next(struct bide_gen *g, void **value);

/* Give `value` to the one who asks, and wait to be asked again.       [waits]
 *
 * In a generator only.  What `value` points to must stay until this returns.
 * Returns 0: it was taken.
 * Cancelled: it was not taken.  When the generator is being closed, every yield
 * from the next one on is refused with -ECANCELED.
 */
BIDE_API BIDE_CHECK int bide_gen_yield(void *value);

/* Close `g`: cancel it, unless it has ended, and wait for its end.    [waits]
 *
 * One that was not asked yet is run, cancelled, to free what it was given.  It
 * may be called by any task but the generator, and once only.
 * Returns its result, 0 where it was cancelled.
 *   -EDEADLK  the caller is the generator itself
 * Cancelled: never refused; `g` has ended.
 */
BIDE_API intptr_t bide_gen_close(struct bide_gen *g);

/* ---- 8. Files and sockets ----------------------------------------------- */

/* For all: the descriptor need not be non-blocking, and its flags are never
 * changed.  -EBADF: it is closed, or bide_close() closed it meanwhile.  (Where
 * close(2) or dup2(2) did, whoever waits hears of it within a second or two, or
 * at the next call on that number.)  What the kernel finds wrong comes back as
 * its negated errno, but for EINTR and EAGAIN, which are never shown.  No call
 * raises SIGPIPE. */

/* Open `path` like open(2), close-on-exec.                            [waits]
 *
 * Returns the descriptor.
 * Cancelled: nothing is left open.
 */
BIDE_API BIDE_CHECK int bide_open(const char *path, int flags, mode_t mode);

/* Read up to `len` bytes from `fd` into `buf`, waiting for one.       [waits]
 *
 * Returns the bytes read; 0 at end of stream, or for a `len` of 0.
 *   -EBUSY  another task is already reading this stream
 * Cancelled: nothing was taken from `fd`.
 */
BIDE_API BIDE_CHECK ssize_t bide_read(int fd, void *buf, size_t len);

/* Write up to `len` bytes of `buf` to `fd`, waiting for room for one. [waits]
 *
 * Writers of one stream queue.
 * Returns the bytes written.
 *   -EPIPE  nobody can read them any more
 * Cancelled: nothing was written.
 */
BIDE_API BIDE_CHECK ssize_t bide_write(int fd, const void *buf, size_t len);

/* Like bide_read(), into `n` buffers (at most 1,024).                 [waits]
 *
 * Cancelled: nothing was taken from `fd`.
 */
BIDE_API BIDE_CHECK ssize_t bide_readv(int fd, const struct iovec *iov, int n);

/* Like bide_write(), from `n` buffers (at most 1,024).                [waits]
 *
 * Cancelled: nothing was written.
 */
BIDE_API BIDE_CHECK ssize_t bide_writev(int fd, const struct iovec *iov, int n);

/* Like bide_read(), at the offset `at` of a file.                     [waits]
 *
 * Cancelled: as pread(2) not called; a disk read that has begun is waited for.
 */
BIDE_API BIDE_CHECK ssize_t bide_pread(int fd, void *buf, size_t len, off_t at);

/* Like bide_write(), at the offset `at` of a file.                    [waits]
 *
 * Cancelled: nothing was written; a disk write that has begun is waited for.
 */
BIDE_API BIDE_CHECK ssize_t bide_pwrite(int fd, const void *buf, size_t len,
                                        off_t at);

/* Read `len` bytes, or as many as the stream has.                     [waits]
 *
 * Returns the bytes moved: fewer than `len` where the stream ended, or where
 * something stopped it after some; the next call tells what.
 *   -EBUSY  another task is already reading this stream
 * Cancelled: nothing was taken, unless a count says so.
 */
BIDE_API BIDE_CHECK ssize_t bide_read_all(int fd, void *buf, size_t len);

/* Write all `len` bytes of `buf` to `fd`.                             [waits]
 *
 * Writers of one stream queue: two calls never mix their bytes.
 * Returns the bytes moved: `len`, or fewer if something stopped it after some.
 * Cancelled: nothing was written, unless a count says so.
 */
BIDE_API BIDE_CHECK ssize_t bide_write_all(int fd, const void *buf, size_t len);

/* Receive like recv(2).                                               [waits]
 *
 *   flags   those of recv(2); with MSG_DONTWAIT: -EAGAIN instead of a wait
 * Returns the bytes received; 0 at end of stream.
 *   -EBUSY  another task is already reading this stream
 * Cancelled: nothing was taken from `fd`.
 */
BIDE_API BIDE_CHECK ssize_t bide_recv(int fd, void *buf, size_t len, int flags);

/* Send like send(2).                                                  [waits]
 *
 *   flags   those of send(2); with MSG_DONTWAIT: -EAGAIN instead of a wait
 * Returns the bytes sent.
 *   -EPIPE  the other side is gone
 * Cancelled: nothing was sent.
 */
BIDE_API BIDE_CHECK ssize_t bide_send(int fd, const void *buf, size_t len,
                                      int flags);

/* Receive like recvfrom(2).                                           [waits]
 *
 *   from, from_bytes   where it came from; both may be NULL
 * Returns the bytes received.
 *   -EBUSY  another task is already reading this stream
 * Cancelled: nothing was taken from `fd`.
 */
BIDE_API BIDE_CHECK ssize_t bide_recvfrom(int fd, void *buf, size_t len,
                                          int flags, struct sockaddr *from,
                                          socklen_t *from_bytes);

/* Send like sendto(2); a `len` of 0 is an empty datagram.             [waits]
 *
 * Returns the bytes sent.
 * Cancelled: nothing was sent.
 */
BIDE_API BIDE_CHECK ssize_t bide_sendto(int fd, const void *buf, size_t len,
                                        int flags, const struct sockaddr *to,
                                        socklen_t to_bytes);

/* Receive like recvmsg(2).                                            [waits]
 *
 * Returns the bytes received.
 *   -EBUSY  another task is already reading this stream
 * Cancelled: nothing was taken from `fd`.
 */
BIDE_API BIDE_CHECK ssize_t bide_recvmsg(int fd, struct msghdr *msg, int flags);

/* Send like sendmsg(2).                                               [waits]
 *
 * Returns the bytes sent.
 * Cancelled: nothing was sent.
 */
BIDE_API BIDE_CHECK ssize_t bide_sendmsg(int fd, const struct msghdr *msg,
                                         int flags);

/* Accept a connection, close-on-exec and blocking.                    [waits]
 *
 *   addr, len   the peer, as accept(2) gives it; both may be NULL
 * Returns its descriptor.
 *   -EMFILE, -ENFILE  no descriptor is free; the next accept of this run
 *                     pauses 100 ms first, so that a loop does not spin
 * Cancelled: no connection was taken.
 */
BIDE_API BIDE_CHECK int bide_accept(int fd, struct sockaddr *addr,
                                    socklen_t *len);

/* Connect `fd` like connect(2).                                       [waits]
 *
 * Returns 0.
 * Cancelled: the attempt may go on in the kernel; the socket is of no further
 * use.
 */
BIDE_API BIDE_CHECK int bide_connect(int fd, const struct sockaddr *addr,
                                     socklen_t len);

/* Wait until one of `n` descriptors is ready, like poll(2).           [waits]
 *
 * One that is not open is ready: with POLLNVAL, not with -EBADF.
 * Returns how many are; their `revents` tell for what.
 *   -ENOMEM  no memory for the list (more than eight descriptors)
 * Cancelled: `revents` are 0.
 */
BIDE_API BIDE_CHECK int bide_poll(struct pollfd *fds, nfds_t n);

/* Make what was written to `fd` durable, like fsync(2).               [waits]
 *
 * Returns 0.
 * Cancelled: it had not begun.  Once begun it is waited for.
 */
BIDE_API BIDE_CHECK int bide_fsync(int fd);

/* Like bide_fsync(), without the metadata that reading does not need. [waits]
 *
 * Returns 0.
 * Cancelled: it had not begun.  Once begun it is waited for.
 */
BIDE_API BIDE_CHECK int bide_fdatasync(int fd);

/* Shut down one or both directions of a connection, like shutdown(2).
 *
 * Returns 0.
 */
BIDE_API int bide_shutdown(int fd, int how);

/* Close `fd`.  Tasks that wait on it get -EBADF.
 *
 * Never suspends; the kernel has let go of the file when it returns, so that a
 * peer sees the end.  Close with it what bide calls have waited on.
 * Returns 0.
 *   -EBADF  it was not open
 */
BIDE_API int bide_close(int fd);

/* ---- 9. Names, connections, servers ------------------------------------- */

/* An address of a socket. */
struct bide_address {
    __extension__ union { /* unnamed: an extension to C99 */
        struct sockaddr any;
        struct sockaddr_storage storage;
    };
    socklen_t len; /* of what is used */
};

/* Look up where streams to `service` at `host` go.                    [waits]
 *
 * Names are looked up by the system's resolver, at most 16 at once, on threads
 * that do nothing else; numeric addresses and ports take no thread.
 *
 *   host      a name, "127.0.0.1", "::1", or "unix:/path" (then `service` is
 *             ignored; a path that begins with '@' is abstract)
 *   service   a port, or the name of one
 *   out       filled with up to `room` addresses, the best first
 * Returns how many there are, 64 at most.
 *   -ENOENT        there is no such name, or it has no address
 *   -ENONET        no name server has answered; it may do so later
 *   -EREMOTEIO     the resolver has failed
 *   -EINVAL        `host` can be no name and no address, or `service` is no
 *                  port and no known name of one
 *   -ENAMETOOLONG  the path does not fit a Unix address, or the name has more
 *                  than 253 bytes
 *   -ENOMEM        no memory, or no thread, for the look-up
 * Cancelled: at once.  A look-up that has begun is left behind, on memory of
 * its own; not even the end of the run waits for it.
 */
BIDE_API BIDE_CHECK int bide_resolve(const char *host, const char *service,
                                     struct bide_address *out, size_t room);

/* Connect to `service` at `host`, by TCP or to a Unix socket.         [waits]
 *
 * All addresses of a name are tried, families by turns: the next 250 ms after
 * the one before, or as soon as one has failed.  The first connection ends the
 * other attempts ("happy eyeballs", RFC 8305), which are tasks.
 *
 *   host, service   as bide_resolve()
 * Returns the connected descriptor, close-on-exec and non-blocking; or the
 * first failure, where all have failed.
 *   -ENOENT, ...   as bide_resolve()
 *   -ECONNREFUSED, -EHOSTUNREACH, ...  as connect(2)
 *   -ENOMEM, -EAGAIN  an attempt could not be started, as bide_spawn()
 * Cancelled: nothing is left open.
 */
BIDE_API BIDE_CHECK int bide_dial(const char *host, const char *service);

/* How a connection is made; a zeroed struct, or NULL for it: the defaults. */
struct bide_dial_options {
    const char *local_host;    /* where it comes from, as bide_resolve() takes
                                  it; NULL: the kernel chooses */
    const char *local_service; /* NULL: any port */
    bide_time attempt_delay;   /* BIDE_FOREVER: the next address is tried only
                                  when one has failed; 0: 250 ms */
};

/* Like bide_dial(), from an address of ours or with another delay.    [waits]
 *
 * Addresses of a family that `local_host` has no address of are not tried.
 *
 *   -EAFNOSUPPORT  all of them are
 *   -EADDRINUSE, -EADDRNOTAVAIL  as bind(2)
 *   -EINVAL        as bide_dial(), or the delay is negative
 * Cancelled: nothing is left open.
 */
BIDE_API BIDE_CHECK int bide_dial_with(const char *host, const char *service,
                                       const struct bide_dial_options *opt);

/* Listen at `host` for connections to `service`.                      [waits]
 *
 * Of the addresses of a name it is the first that this machine has.
 *
 *   host      as bide_resolve(); NULL: every address, of IPv6 and IPv4 where
 *             both are there
 *   service   as there; "0": a free port, to be asked for with getsockname(2)
 *   backlog   as listen(2); 0 or less: the system's limit
 * A stale socket file is replaced; any other file is refused.
 * Returns the descriptor, close-on-exec and non-blocking.
 *   -ENOENT, ...    as bide_resolve()
 *   -EADDRINUSE     someone listens there, or another kind of file is there
 *   -EADDRNOTAVAIL  no such address is this machine's
 * Cancelled: nothing is left open.
 */
BIDE_API BIDE_CHECK int bide_listen(const char *host, const char *service,
                                    int backlog);

/* How to listen; a zeroed struct, or NULL for it, means the defaults. */
struct bide_listen_options {
    int backlog;     /* as bide_listen() */
    bool exclusive;  /* no SO_REUSEADDR: a port that connections have just been
                        closed at is in use */
    bool reuse_port; /* SO_REUSEPORT: others that say so too may listen there,
                        and the kernel deals the connections out */
    bool v6_only;    /* IPv6 without IPv4's callers */
};

/* Like bide_listen(), with options.                                   [waits]
 *
 * Returns as bide_listen().
 * Cancelled: nothing is left open.
 */
BIDE_API BIDE_CHECK int bide_listen_with(const char *host, const char *service,
                                         const struct bide_listen_options *opt);

/* Listen at all addresses of `host`, or at none.                      [waits]
 *
 *   opt   may be NULL; `v6_only` holds in any case
 *   fds   filled with a descriptor for each, at most `room`
 * Returns how many there are.
 *   -ENOSPC  there are more than `room`
 *   and those of bide_listen(); then nothing is left open
 * Cancelled: nothing is left open.
 */
BIDE_API BIDE_CHECK int bide_listen_all(const char *host, const char *service,
                                        const struct bide_listen_options *opt,
                                        int *fds, size_t room);

/* What a server does with a client, in a task of its own; `fd` is connected and
 * closed when it returns.  An error is told to options.on_error, but for the
 * cancel that ended it. */
typedef intptr_t bide_serve_fn(int fd, void *arg);

/* A server, for whoever is to stop it.  One that was stopped is made new by
 * setting it to {0}. */
struct bide_server {
    void *_p;
    bool _stopped;
};

/* How clients are served; a zeroed struct, or NULL for it, means the defaults.
 */
struct bide_serve_options {
    struct bide_server *server; /* for bide_server_stop(); NULL: only a cancel
                                   stops it */
    size_t client_limit;        /* at once; others wait to be accepted until one
                                   of them has ended.  0: none */
    bide_time grace;            /* when serving is cancelled, or accepting has
                                   failed: for how long clients may go on; then
                                   they are cancelled */
};

/* Accept connections and call `handler(fd, arg)` for each, in a task. [waits]
 *
 * Goes on after what passes: a connection that was given up, or no descriptor
 * or memory left, after 100 ms.
 *
 *   listener   the server's from now on: it is closed, in every case, as soon
 *              as no more are accepted
 *   opt        may be NULL
 * Returns 0 once it was stopped and all clients have ended; or why accept(2)
 * has failed.
 *   -EINVAL  `handler` is NULL, or the grace is negative
 * Cancelled: no more were accepted; clients had their grace, and have ended.
 */
BIDE_API BIDE_CHECK intptr_t bide_serve(int listener, bide_serve_fn *handler,
                                        void *arg,
                                        const struct bide_serve_options *opt);

/* Stop the server `s`: no more clients; those that are there may go on for
 * `grace`, then they are cancelled.
 *
 * Its bide_serve() returns when they have ended.  One that is yet to begin
 * returns at once.  To stop it again moves the end of the grace.
 *
 *   grace   0: they are cancelled now; BIDE_FOREVER: never
 */
BIDE_API void bide_server_stop(struct bide_server *s, bide_time grace);

/* Whether `s` was stopped: a client that is idle should end now. */
BIDE_API bool bide_server_stopping(const struct bide_server *s);

/* Make a stdio stream of `fd`, whose reads and writes wait like bide_read() and
 * bide_write_all().
 *
 * For one task at a time: a FILE's lock is the thread's, which all tasks share.
 * It tells errors as stdio does: those of a cancel are ECANCELED and ETIMEDOUT
 * in errno, after as many bytes as were moved before.  Outside a task its calls
 * block.  fclose() writes what is left and closes `fd`, as bide_close().
 *
 *   mode   as fdopen(3); "a" too writes where `fd` stands
 * Returns NULL, with the reason in errno, where it cannot be made; `fd` stays
 * open.
 */
BIDE_API BIDE_CHECK FILE *bide_fdopen(int fd, const char *mode);

/* ---- 10. Threads -------------------------------------------------------- */

/* Run `fn(arg)` on a thread that may block, and wait for it.          [waits]
 *
 * Threads are started as they are needed, at most options.thread_limit, and
 * end when they have been idle for ten seconds; what finds none free queues in
 * order.  The thread has no run: of this library the job may call what is
 * marked [any], bide_local_get(), which finds the caller's values, and
 * bide_run().  All signals are blocked there.
 *
 * Returns what `fn` returned.
 *   -EINVAL  `fn` is NULL
 *   -ENOMEM  no memory for the pool
 *   -EAGAIN  there is no thread, and none can be started
 * Cancelled: not called if it had not begun; else it is told, by
 * bide_thread_cancelled(), and waited for, and its result returned.
 */
BIDE_API BIDE_CHECK intptr_t bide_to_thread(bide_fn *fn, void *arg);

/* A pool of threads beside the run's own. */
typedef struct bide_threads bide_threads;

/* How a job is run; a zeroed struct, or NULL for it, means the defaults. */
struct bide_thread_options {
    bide_threads *pool; /* NULL: the run's own */
    int signal;         /* breaks the job's system calls (EINTR) when it is
                           cancelled, again and again until it ends; 0: none.
                           Where the program has no handler for it, one that
                           does nothing is installed and stays */
};

/* Like bide_to_thread(), in a pool of its own or with a signal.       [waits]
 *
 *   -EINVAL  as above, or the signal cannot be caught
 * Cancelled: as bide_to_thread().
 */
BIDE_API BIDE_CHECK intptr_t
bide_to_thread_with(bide_fn *fn, void *arg,
                    const struct bide_thread_options *opt);

/* Whether the job that this thread runs has been cancelled: it should end
 * soon.  False outside a job.                                         [any] */
BIDE_API bool bide_thread_cancelled(void);

/* Open a pool of at most `limit` threads, for tasks of this run.
 *
 * It ends with the run, if it is not closed before.
 * Returns 0.
 *   -EINVAL  `limit` is 0 or above 1,024
 *   -ENOMEM  no memory for it
 */
BIDE_API BIDE_CHECK int bide_threads_open(bide_threads **out, unsigned limit);

/* Close `pool` and end its threads.
 *
 * Returns 0.
 *   -EBUSY  a job is queued or under way in it; it stays open
 */
BIDE_API int bide_threads_close(bide_threads *pool);

/* Have `fn(arg)` called on the thread of `loop`, after what was posted before.
 *                                                                      [any]
 * `fn` runs as a task of the loop's own and may make every call but those
 * marked [waits]; bide_self() is NULL in it, BIDE_EAGER without effect.
 *
 *   loop   held by bide_loop_ref(); it may have ended
 * Returns 0; then it will be called.
 *   -EINVAL     `fn` is NULL
 *   -ENOMEM     no memory to keep the call in
 *   -ESHUTDOWN  the run has ended, or is the parent process's
 */
BIDE_API BIDE_CHECK int bide_post(bide_loop *loop, void (*fn)(void *arg),
                                  void *arg);

/* A call that can be sent from a signal handler too, and that is made once
 * however often it was sent meanwhile. */
struct bide_async {
    void (*fn)(void *arg); /* as bide_post() calls it */
    void *arg;
    void *_p[2];
    uint32_t _f[2];
};

/* Have the call of `a` made on the thread of `loop`, if it is not on its way
 * already.  Async-signal-safe.                                         [any]
 *
 *   a   to stay where it is until it was called after the last send, or the
 *       run has ended
 * Returns 0.
 *   -EINVAL     its `fn` is NULL
 *   -ESHUTDOWN  as bide_post(); of several senders at that moment one is told
 */
BIDE_API int bide_async_send(bide_loop *loop, struct bide_async *a);

/* Take back what was sent: it is not called unless it is sent again.   [any]
 *
 * Returns false if it was not on its way.
 */
BIDE_API bool bide_async_cancel(struct bide_async *a);

/* Run `fn(arg)` as a task of `loop`, and block this thread until it has ended.
 *                                                                      [any]
 * For threads that have no run of their own: in a task of another run it would
 * hold up every task there.
 *
 *   loop   as in bide_post()
 * Returns its result, -ECANCELED too, if it was cancelled.
 *   -EINVAL     `fn` is NULL
 *   -EDEADLK    this is the thread of `loop`
 *   -ENOMEM, -EAGAIN  as bide_spawn()
 *   -ESHUTDOWN  as bide_post(), or the main task has returned
 */
BIDE_API BIDE_CHECK intptr_t bide_call_from_thread(bide_loop *loop,
                                                   bide_fn *fn, void *arg);

/* ---- 11. Programs ------------------------------------------------------- */

/* A program that was started.  Give it back with bide_proc_close(). */
struct bide_proc {
    pid_t pid;
    int pidfd; /* becomes readable when it ends; -1: this kernel has none */
    int in, out, err; /* our ends of its pipes, or -1; to close one early, use
                         bide_close() and put -1 here */
    bide_time _kill_grace;
    void *_orphan;
    int _status;
    bool _ended;
};

/* What a program's standard descriptors are; without a flag they are ours,
 * unless ours are close-on-exec. */
#define BIDE_PIPE_IN 1u
#define BIDE_PIPE_OUT 2u
#define BIDE_PIPE_ERR 4u
#define BIDE_NULL_IN 8u    /* /dev/null */
#define BIDE_NULL_OUT 16u
#define BIDE_NULL_ERR 32u
#define BIDE_ERR_TO_OUT 64u /* errors go where the output goes */

/* How a program is started; a zeroed struct, or NULL for it: the defaults. */
struct bide_proc_options {
    unsigned flags;           /* BIDE_PIPE_, BIDE_NULL_, BIDE_ERR_TO_OUT */
    char *const *environment; /* ends with NULL; NULL: ours */
    const char *directory;    /* where it starts; NULL: where we are */
    const int *fds;           /* what else it gets, as pairs ours, its; -1 ends;
                                 at most 60 */
    bool new_session;         /* setsid(2): no terminal, a group of its own */
    bide_time kill_grace;     /* a cancelled wait ends it: TERM, this span,
                                 KILL; 0: it runs on */
};

/* Start the program argv[0], found by PATH, with the arguments `argv`.
 *
 * Of our descriptors it gets the standard ones and those it is given, no other;
 * its signals are unblocked and have their default actions.  The thread waits
 * for the program to be loaded (a fraction of a millisecond).
 *
 *   p      filled in; after a failure there is nothing to close
 *   argv   ends with NULL
 * Returns 0.
 *   -EINVAL   no program, an unknown flag, two things for one descriptor, or
 *             more than 60 `fds`
 *   -ENOENT, -EACCES, ...  why it was not started, as execve(2)
 *   -EBADF    one of `fds` is not open
 *   -EAGAIN   no more processes are allowed
 */
BIDE_API BIDE_CHECK int bide_proc_spawn_with(
    struct bide_proc *p, char *const argv[],
    const struct bide_proc_options *opt);

/* As bide_proc_spawn_with(), with no more than flags. */
BIDE_API BIDE_CHECK int bide_proc_spawn(struct bide_proc *p,
                                        char *const argv[], unsigned flags);

/* Wait until the program has ended.                                   [waits]
 *
 * May be called again, and by several tasks.
 * Returns its wait status, for WIFEXITED() and the others of waitpid(2).
 *   -ECHILD  it has ended, but its status is lost: SIGCHLD is ignored, or
 *            someone else waited for it
 * Cancelled: it runs on and can be waited for again; but one started with a
 * `kill_grace` has been ended, and its status is there for the next call.
 */
BIDE_API BIDE_CHECK int bide_proc_wait(struct bide_proc *p);

/* Send a signal to the program; never to another that has its number.
 *
 * Returns 0.
 *   -ESRCH   it has ended
 *   -EINVAL  there is no such signal
 */
BIDE_API int bide_proc_kill(struct bide_proc *p, int sig);

/* Close the pipes and the pidfd.  A program that was not waited for runs on,
 * unwatched; once it has ended, the next start of a program reaps it. */
BIDE_API void bide_proc_close(struct bide_proc *p);

/* What a program wrote. */
struct bide_output {
    char *data;   /* out: yours to free(3), a NUL behind it; NULL: nothing */
    size_t bytes; /* out: without the NUL */
    size_t limit; /* in: most bytes that are taken; 0: any number */
};

/* Feed the program, take all that it writes, and wait until it ends, without
 * ever being stuck on a full pipe.                                    [waits]
 *
 *   in         what to feed it with; its input is closed behind that.  It need
 *              not take all
 *   out, err   where what it writes on its pipes goes; NULL: it is discarded
 * Returns its wait status, once nobody has its pipes open: not what it has
 * started, either.
 *   -EMSGSIZE  it wrote more than a limit; `data` holds as much.  As with every
 *              error but a cancel, it was ended: TERM, its `kill_grace` or 5
 *              seconds, KILL
 *   -ENOMEM    no memory for what it writes
 * Cancelled: `data` holds what came until then; for the program see
 * bide_proc_wait().
 */
BIDE_API BIDE_CHECK int bide_proc_communicate(struct bide_proc *p,
                                              const void *in, size_t in_bytes,
                                              struct bide_output *out,
                                              struct bide_output *err);

/* Run a program to its end: start it, bide_proc_communicate(), close. [waits]
 *
 *   opt   may be NULL
 *   in    NULL: it finds its input at the end
 *   out, err   NULL: it writes where we do
 * Returns its wait status, or why not, as the calls that this one consists of.
 * Cancelled: the program has been ended: TERM, its `kill_grace` or 5 seconds,
 * KILL.
 */
BIDE_API BIDE_CHECK int bide_proc_run(char *const argv[],
                                      const struct bide_proc_options *opt,
                                      const void *in, size_t in_bytes,
                                      struct bide_output *out,
                                      struct bide_output *err);

/* As bide_proc_run(), for a command that /bin/sh reads: a word from outside
 * that is put into it can do anything.                                [waits]
 *
 * Returns the shell's wait status; see bide_proc_run().
 *   -EINVAL  no command
 * Cancelled: as bide_proc_run().
 */
BIDE_API BIDE_CHECK int bide_proc_shell(const char *command,
                                        const struct bide_proc_options *opt,
                                        const void *in, size_t in_bytes,
                                        struct bide_output *out,
                                        struct bide_output *err);

/* ---- 12. Signals -------------------------------------------------------- */

/* Wait for one of `n` signals.                                        [waits]
 *
 * From the first call on a signal is the run's, until the run ends: no other
 * action is taken, and what comes between two calls is kept for the next.  A
 * call that is refused at once, in a scope that is over, is no such beginning.
 * Of tasks that wait for the same signal each gets it.  See
 * bide_signals_open().
 *
 * Returns the signal.
 *   -EINVAL     there is none, or one that cannot be received; the actions of
 *               the others are as before
 *   -ENOMEM     no memory for what will come
 *   -EOVERFLOW  once: real-time signals have been lost
 * Cancelled: no signal was taken.
 */
BIDE_API BIDE_CHECK int bide_signal_wait(const int *signals, size_t n);

/* A set of signals that are received. */
typedef struct bide_signals bide_signals;

/* Receive `n` signals, whatever thread they come to, until `r` is closed.
 *
 * Every receiver gets them, of other runs too, and no other action is taken,
 * that of SIGINT on a run included.  A standard signal is kept once, a
 * real-time signal as often as it comes, up to about a thousand.  They are
 * unblocked in this thread: a receiver of SIGPIPE gets that of a task's write,
 * where that is made in this thread.  A forked child has the former actions;
 * what came before the fork is the parent's.
 *
 *   r   ends with the run, if it is not closed before
 * Returns 0.
 *   -EINVAL  `n` is 0, or there is one that cannot be received: it does not
 *            exist; it cannot be caught (SIGKILL, SIGSTOP); or it tells a
 *            thread of its own fault (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP,
 *            SIGSYS), and to go on would be to make that again
 *   -ENOMEM  no memory for what will come
 */
BIDE_API BIDE_CHECK int bide_signals_open(bide_signals **r, const int *signals,
                                          size_t n);

#ifdef SI_USER /* a strict -std=c11 leaves siginfo_t out of <signal.h> */
/* Wait for the next signal of `r`.                                    [waits]
 *
 * They come in the order of their arrival; of tasks that wait, the first gets
 * it.
 *
 *   info   what the kernel told of it; may be NULL
 * Returns the signal.
 *   -EOVERFLOW  once: real-time signals came faster than they were taken, and
 *               info->si_int of them have been lost
 *   -ESHUTDOWN  `r` was closed meanwhile
 * Cancelled: no signal was taken.
 */
BIDE_API BIDE_CHECK int bide_signals_next(bide_signals *r, siginfo_t *info);
#endif

/* Close `r`: signals that nobody else receives have their former action, unless
 * another was set meanwhile, and those that came and were not taken are sent
 * to this process again. */
BIDE_API void bide_signals_close(bide_signals *r);

/* ---- 13. Pools of processes --------------------------------------------- */

/* A pool of worker processes.  A worker is this program, executed once more:
 * main() does not run in it, a job may crash alone, and all workers compute at
 * once.  They end with the pool, and with this process. */
typedef struct bide_pool bide_pool;

/* What a worker runs, on memory of its own.
 *
 *   out_bytes   in: the room at `out`; out: the size of the result.  One that
 *               does not fit is not written; say what it takes all the same
 * Returns a result of yours, or a negated errno.
 */
typedef intptr_t bide_job_fn(const void *in, size_t in_bytes, void *out,
                             size_t *out_bytes);

/* A call in a worker. */
struct bide_job {
    bide_job_fn *fn;
    const void *in; /* the worker gets a copy, aligned to 64 bytes */
    size_t in_bytes;
    void *out;
    size_t out_bytes; /* room before, size after */
    int death;        /* after -ECHILD: the worker's wait status, for
                         WIFSIGNALED() and the others of waitpid(2) */
};

enum bide_pool_cancel {
    BIDE_POOL_WAIT, /* a cancelled call waits for a job that has begun */
    BIDE_POOL_KILL  /* it ends the worker: TERM, the grace, KILL */
};

/* How a pool is set up; a zeroed struct, or NULL for it, means the defaults. */
struct bide_pool_options {
    unsigned workers;             /* at most; 0: one a processor */
    unsigned max_jobs_per_worker; /* then it is replaced; 0: never */
    int (*init)(void *arg);       /* in each worker before its first job;
                                     negative: the pool is of no use */
    void *init_arg; /* a number, or what points to something static: the worker
                       has it as the program's file does */
    enum bide_pool_cancel on_cancel;
    bide_time kill_grace; /* between TERM and KILL; 0: 5 seconds */
    unsigned look_ahead;  /* jobs that lie at a busy worker when all are busy,
                             at most 31; 0: as many */
};

/* Open a pool, for tasks of this run.  Workers are started as they are needed
 * (a fraction of a millisecond each, for which the thread waits).
 *
 * Where this library is not linked to the program but loaded by dlopen(3),
 * main() runs in each worker too, without arguments and up to that dlopen(3),
 * which does not return; a main() that does not come there makes every call
 * -ENOTRECOVERABLE, or lets it wait.
 *
 * It ends with the run, if it is not closed before.
 * Returns 0.
 *   -EINVAL   an option is out of range
 *   -ELIBACC  `init` is in no module that a worker could load
 *   -EPERM    this program runs with more rights than its caller's
 *   -ENOMEM   no memory for it
 */
BIDE_API BIDE_CHECK int bide_pool_open(bide_pool **out,
                                       const struct bide_pool_options *opt);

/* Run `job` in a worker, and wait for it.                             [waits]
 *
 * Any function of the program and of its shared libraries can be a job, static
 * ones too; a library that the worker does not have is loaded there.  A worker
 * has the standard output and error of this process, no other descriptor, and
 * an empty input.
 *
 * Returns what `fn` returned.
 *   -EINVAL     no function, or no memory where bytes are said to be
 *   -ECHILD     its worker died; `death` tells how.  Other jobs are unharmed
 *   -EMSGSIZE   the result is lost: it takes `out_bytes`
 *   -ELIBACC    `fn` is in no module that the worker can load
 *   -EBADMSG    the job has overwritten what it shares with us
 *   -ENOTRECOVERABLE  workers die one after the other, and no job ends
 *   -ESHUTDOWN  the pool is being closed
 *   -ENOMEM, -EAGAIN, -EMFILE, ...  there is no worker, and none can be started
 *   and what `init` returned, if that was negative
 * Cancelled: not made if it had not begun; else see BIDE_POOL_WAIT, which
 * returns its result, and BIDE_POOL_KILL.
 */
BIDE_API BIDE_CHECK intptr_t bide_pool_call(bide_pool *p, struct bide_job *job);

/* One call for each item of a source. */
struct bide_pool_items {
    bide_job_fn *fn;
    int (*draw)(void *arg, void *item); /* the next one, into `item`: 1; there
                                           is none: 0; stop: a negated errno */
    int (*take)(void *arg, intptr_t result, const void *out, size_t bytes);
                      /* the results in order, as a call's; 0: go on; else
                         the map ends with that */
    void *arg;        /* of `draw` and `take`, which may wait */
    size_t item_bytes;
    size_t out_bytes; /* the room for each result */
    size_t chunk;     /* items that go to a worker at once; at least 1 */
    size_t ahead;     /* chunks that are drawn before the result of the first
                         is taken; 0: twice as many as workers */
};

/* Map `m->fn` over a source, however long it is.                      [waits]
 *
 * A worker that dies costs its chunk: each of its items has -ECHILD.
 * Returns how many results were taken; or what `take` ended it with, or, after
 * the results of what was drawn before, the error of `draw`.
 *   -EINVAL  a function is missing, a chunk is below 1, or a chunk's bytes are
 *            beyond all memory
 *   -ENOMEM  no memory for the chunks
 *   and, for the pool as a whole, those of bide_pool_call()
 * Cancelled: the results before it have been taken; of the jobs under way see
 * bide_pool_call().
 */
BIDE_API BIDE_CHECK intptr_t bide_pool_map(bide_pool *p,
                                           const struct bide_pool_items *m);

/* What becomes of the calls when a pool is shut down. */
enum bide_pool_end {
    BIDE_POOL_END_ALL,   /* all are made */
    BIDE_POOL_END_BEGUN, /* those that have begun end, the others: -ESHUTDOWN */
    BIDE_POOL_END_BUSY,  /* -ESHUTDOWN; workers: TERM, the grace, KILL */
    BIDE_POOL_END_NOW    /* -ESHUTDOWN; workers: KILL */
};

/* Take no more calls, wait for those under way as `how` says, end the workers
 * and close the pool.                                                 [waits]
 *
 * Returns 0.
 *   -EINVAL    no such way; the pool is as it was
 *   -EALREADY  another task does it
 * Cancelled: the pool is closed all the same, as by bide_pool_close().
 */
BIDE_API int bide_pool_shutdown(bide_pool *p, enum bide_pool_end how);

/* Shut a pool down with BIDE_POOL_END_BUSY.                           [waits]
 *
 * Returns 0.
 *   -EALREADY  another task does it
 * Cancelled: not before it is closed.
 */
BIDE_API int bide_pool_close(bide_pool *p);

struct bide_pool_stats {
    unsigned workers; /* alive, */
    unsigned busy;    /* and with a job */
    uint64_t started; /* workers, ever */
    uint64_t died;    /* of themselves: not replaced, not ended by the pool */
    uint64_t ended;   /* jobs that came to their end */
    size_t calls;     /* queued or under way */
};

/* Count what the pool has done so far. */
BIDE_API void bide_pool_stats(bide_pool *p, struct bide_pool_stats *out);

/* ---- 14. Seeing what happens -------------------------------------------- */

struct bide_stats {
    uint64_t switches;   /* suspensions of a task */
    uint64_t spawned;    /* tasks, since the run began */
    uint64_t alive;      /* tasks that have not ended */
    uint64_t alive_peak; /* the most of them at once */
    uint64_t stacks;     /* mapped: in use and cached */
    uint64_t submits;    /* system calls of the reactor that wait or submit */
    uint64_t wakeups;    /* tasks made ready by the kernel */
    uint64_t ready;      /* tasks that could run now, but for the running one */
    uint64_t posts;      /* letters of other threads, not yet taken in */
    bide_time next_deadline; /* of a sleep or scope; BIDE_FOREVER: none ahead */
};

/* Count what this thread's run has done so far; zeros outside a run.  [any] */
BIDE_API void bide_stats(struct bide_stats *out);

/* Write to `fd` the tasks of this thread's run, what each waits for and since
 * when, a line each, and those that wait for each other in a cycle.   [any] */
BIDE_API void bide_dump(int fd);

#ifdef __cplusplus
}
#endif
#endif
