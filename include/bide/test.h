/* test.h: schedules that replay, for tests of programs that use bide.
 *
 *   Schedule  the order in which ready tasks get their turns.  In a test it is
 *             decided by a seed, and each [waits] call lets the others in first
 *             if the seed says so, also where it need not wait.
 *   Seed      a strategy, a number and what else decides, as a short text:
 *             "random.17".  One seed is one schedule, in every process.
 *   Clock     virtual: it begins at one second, stands still while any task
 *             can run, and jumps to the next deadline when all wait.  While a
 *             thread, a process or the kernel works for the run it goes on as
 *             the real one does.
 *
 * Variables outside, which only test runs look at: BIDE_SEED names the one
 * schedule to run, BIDE_TRACE=1 tells its steps on stderr, and BIDE_CANCEL or
 * BIDE_FAULT is the one moment of such a sweep to run.
 */
#ifndef BIDE_TEST_H
#define BIDE_TEST_H

#include <bide.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- 1. Test runs ------------------------------------------------------- */

/* The strategies, for `strategies`. */
enum bide_strategy {
    BIDE_FIRST_IN = 1 << 0, /* who has been ready longest */
    BIDE_LAST_IN = 1 << 1,  /* who became ready last */
    BIDE_RANDOM = 1 << 2,   /* any, by lot */
    BIDE_PCT_1 = 1 << 3,    /* priorities by lot that hold: bugs of depth 1 */
    BIDE_PCT_2 = 1 << 4,    /* ... one of which changes on the way: depth 2 */
    BIDE_PCT_3 = 1 << 5,    /* ... and so on, */
    BIDE_PCT_4 = 1 << 6,
    BIDE_PCT_5 = 1 << 7     /* four changes: depth 5 */
};

/* What is told of a task, for `on_step`: the first two, then begin and end (and
 * ready again) as often as it runs, and the last. */
enum bide_step {
    BIDE_STEP_SPAWN, /* it was made, */
    BIDE_STEP_READY, /* and can run */
    BIDE_STEP_BEGIN, /* its turn begins */
    BIDE_STEP_END,   /* and is over: it waits, lets others in, or has ended */
    BIDE_STEP_EXIT   /* it has ended */
};

/* How a test runs; a zeroed struct, or NULL for it, means the defaults. */
struct bide_test_options {
    struct bide_options run; /* as for bide_run(); NULL for on_error: an error
                                that nobody read is the result of the schedule,
                                unless its body itself failed */
    const char *seed;        /* run this schedule; BIDE_SEED outside wins */
    bool trace;              /* tell each step; so does BIDE_TRACE=1 outside */
    unsigned strategies;     /* to explore with, added up; 0: all */
    uint64_t first;          /* the number of the first schedule */
    uint64_t step_limit;     /* a schedule of more steps is stuck; 0: 1000000 */
    /* NULL, or told of all that becomes of every task, between the steps: what
     * a step did to others is told when it is over.  It may call what is [any].
     * bide_test_run() without a seed takes that of first in.  `task` counts up
     * in the order of spawning, from 1 for the main one. */
    void (*on_step)(void *arg, enum bide_step what, uint64_t task,
                    const char *name);
    void *step_arg;
};

/* As bide_run(), under the virtual clock and, where there is a seed, under its
 * schedule.
 *
 * Without a seed tasks run in the order of production.  It may be called by
 * several threads, each of which has a clock of its own; other threads, those
 * of the offload pool among them, keep the real one.
 *
 *   opt   may be NULL
 * Returns as bide_run() does.
 *   -EINVAL  ... or the seed is none: a sentence says what seeds look like
 *   -ELOOP   the step limit was passed: the tasks keep each other busy, or the
 *            limit is too low; all waits were refused from there on
 */
BIDE_API intptr_t bide_test_run(bide_fn *fn, void *arg,
                                const struct bide_test_options *opt);

/* Wait until every other task of the run waits, and nothing could go on but by
 * the passing of time, for as long as `cushion`.                      [waits]
 *
 * For tests that want to look at tasks that have come to rest.  Waits for the
 * kernel or for threads count as waits.  Works in every run.  Of several
 * tasks that settle at once the one with the smallest cushion is first.
 * Returns 0.
 *   -EINVAL  `cushion` is negative
 * Cancelled: the others may be anywhere.
 */
BIDE_API BIDE_CHECK int bide_test_settle(bide_time cushion);

/* Move the virtual clock of this test run on by `span`, as a task does that
 * computes for so long: deadlines pass, and nobody is woken before the next
 * wait. */
BIDE_API void bide_test_advance(bide_time span);

/* The seed of the schedule under way on this thread, or of the last one; "" if
 * it had none.                                                          [any]
 *
 * After bide_explore() has found a schedule that breaks the body: its seed.
 * Returns a string that holds until the next test run of this thread.
 */
BIDE_API const char *bide_test_seed(void);

/* A hash of all steps of the same schedule: who ran, when, and what the one
 * before had come to.                                                   [any]
 *
 * Returns equal numbers for equal courses; 0 if there was no seed.
 */
BIDE_API uint64_t bide_test_hash(void);

/* ---- 2. Streams in memory ----------------------------------------------- */

/* How a pair behaves; a zeroed struct, or NULL for it, means a stream that
 * moves all it can at once. */
struct bide_test_link {
    size_t capacity;      /* bytes on their way, each way; 0: 65536 */
    size_t most_bytes;    /* that one read or write moves: from 1 to so many, by
                             the seed; 0: no limit */
    bide_time delay;      /* until bytes, and their end, have come */
    uint64_t reset_after; /* bytes, both ways together, and the link is reset;
                             0: never */
};

/* Make a pair of connected stream sockets that exist in memory only.
 *
 * For calls on bytes and messages, bide_poll(), shutdown and close they are as
 * a pair of socketpair(2), but what a call moves, and when, is decided by the
 * seed and the virtual clock.  When the link is reset, what was written before
 * comes, and then each end hears -ECONNRESET once.  In a test run only, where
 * those left open are closed at its end.
 *
 *   link   may be NULL
 * Returns 0, and `fds` are the caller's, to be closed by bide_close().
 *   -EINVAL  `link` has a negative delay
 *   -EMFILE, -ENFILE, -ENOMEM  no descriptor or no memory is left
 */
BIDE_API BIDE_CHECK int bide_test_pair(int fds[2],
                                       const struct bide_test_link *link);

/* Reset the link of `fd`, one of such a pair, now: what is on its way is lost.
 *
 * Returns 0.
 *   -EBADF  it is none
 */
BIDE_API int bide_test_reset(int fd);

/* ---- 3. Exploring ------------------------------------------------------- */

/* Run `fn(NULL)` as a main task under `n` schedules, until one breaks it.
 *
 * A schedule breaks the body if it returns a negative number, deadlocks, takes
 * too many steps, leaves an error that nobody reads, or stops the program: the
 * seed is printed, and how to replay it.  Each schedule is a run of its own:
 * tasks that are left over are cancelled and awaited, and clock and task ids
 * begin anew.  What the body keeps in statics it must set itself.
 *
 * If BIDE_SEED is set it runs that schedule alone.  Now and then a schedule is
 * run twice: if it takes another course then, a sentence says that the body is
 * not deterministic, for no seed can be trusted to replay.
 *
 * Returns 0: no schedule broke it; else the result of the one that did.
 *   -EDEADLK  ... or called from a task
 *   -EINVAL   ... or `fn` is NULL, an option is out of range, or BIDE_SEED is
 *             no seed
 *   -ELOOP    as bide_test_run()
 *   -ENOMEM, -EMFILE, ...  what a run needs could not be had
 */
BIDE_API BIDE_CHECK intptr_t bide_explore(uint64_t n, bide_fn *fn);

/* The same with an argument and options, both of which may be NULL. */
BIDE_API BIDE_CHECK intptr_t
bide_explore_with(uint64_t n, bide_fn *fn, void *arg,
                  const struct bide_test_options *opt);

/* ---- 4. Sweeps ---------------------------------------------------------- */

/* From here on the cancel sweep may cancel `task`.  Nothing in other runs. */
BIDE_API void bide_test_endanger(bide_task *task);

/* Run `fn(arg)` as a main task again and again, each time with a cancel at one
 * more moment of an endangered task, until there is no such moment left.
 *
 * The moments: such a task is about to wait, it waits, it was woken and has not
 * run yet.  It is cancelled there as by bide_cancel().  The body gives the
 * tasks to bide_test_endanger(), and returns a negative number if its accounts
 * do not agree in the end: something lost, held or done twice.  A deadlock and
 * what else breaks a schedule count as well; the moment is printed, and how to
 * replay it.  BIDE_CANCEL=n outside runs it alone, and then this returns 0 if
 * the body is not broken.
 *
 *   opt   may be NULL; the schedule is `seed`, or BIDE_SEED, or first in
 * Returns the number of moments, with a cancel at each; or the result that
 * broke the body.
 *   -EDEADLK  ... or called from a task
 *   -EINVAL   ... or `fn` is NULL, or an option is out of range
 *   -ENOENT   ... or there was no such moment
 */
BIDE_API BIDE_CHECK intptr_t
bide_cancel_sweep(bide_fn *fn, void *arg, const struct bide_test_options *opt);

/* A place where the program itself can fail: 0, or in one run of a fault sweep
 * `code`, as if what follows had failed with it.                        [any]
 *
 * `if ((rc = bide_fault_point("journal.write", -ENOSPC)) < 0)` stands before
 * what the sweep cannot make fail: malloc(3), a library's call.  The code is
 * the caller's to choose, who knows what can come there.  It costs next to
 * nothing where no sweep is, and on other threads than the sweep's it is 0.
 *
 *   name  a string literal; points of one name are one kind
 *   code  a negated errno
 * Returns 0 or `code`.
 */
BIDE_API BIDE_CHECK int bide_fault_point(const char *name, int code);

/* Run `fn(arg)` as a main task again and again, each time with one more of its
 * calls failing, until there is none left.
 *
 * The moments: each way in which the nth call of a task can fail.  These are
 * reads, writes and the like on any descriptor, of bide_test_pair() too; accept
 * and connect; open, fsync and close; the making of sockets, pipes, programs, a
 * first thread, and of stacks where they must be mapped; and the fault points.
 * A call fails with each code that it can really give, once and then from there
 * on, without having done anything (but for close, which closes); a read or
 * write of bytes may also be short.  Not counted are bide_poll(), MSG_DONTWAIT,
 * names that are looked up, and what other threads do.
 *
 * The body returns a negative number if its accounts do not agree in the end:
 * something lost, held or done twice.  That a call failed is no reason, so a
 * code that was passed on is not returned.  A deadlock, what else breaks a
 * schedule, and a descriptor left open count as well; the moment is printed,
 * and how to replay it.  BIDE_FAULT=n outside runs it alone, and then this
 * returns 0 if the body is not broken.  The body first runs untouched.  One
 * that waits for the kernel does so under a deadline: the fault may be the end
 * of what it waits for.
 *
 *   opt   may be NULL; the schedule is `seed`, or BIDE_SEED, or first in
 * Returns the number of moments, with a fault at each; or the result that broke
 * the body.
 *   -EDEADLK  ... or called from a task
 *   -EINVAL   ... or `fn` is NULL, or an option is out of range
 *   -ENOENT   ... or there was no such moment
 *   -EMFILE   ... or the body left a descriptor open, which is told
 *   -EBADF    ... or it closed one that was open before, which is told
 *   -ENOMEM, ...  what a run needs could not be had: no fault, but the truth
 */
BIDE_API BIDE_CHECK intptr_t
bide_fault_sweep(bide_fn *fn, void *arg, const struct bide_test_options *opt);

#ifdef __cplusplus
}
#endif

#endif
