/* tasks.h: what the tasks of the tests do, and the journal they write.
 *
 * The bodies return what refused them, as a well-behaved task does.  Order is
 * tested by letters: each task notes one, the test reads the word.
 */
#ifndef TASKS_H
#define TASKS_H

#include "annotate.h"
#include "harness.h"

/* A number as the argument of a task, and an argument as a number. */
#define NUM(n) ((void *)(intptr_t)(n))
#define VALUE(arg) ((intptr_t)(arg))

/* Ten thousand tasks; the thread sanitizer of gcc 12 ends at 8,128. */
#ifdef BI_TSAN
enum { MANY_TASKS = 2000 };
#else
enum { MANY_TASKS = 10000 };
#endif

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

/* ---- Bodies ------------------------------------------------------------- */

/* Return the argument. */
intptr_t give(void *value);

/* Let the others run, then return the argument. */
intptr_t give_late(void *value);

/* Sleep for so many milliseconds and return their number. */
intptr_t sleep_ms(void *ms);

/* Sleep for so many milliseconds, then fail with -EIO. */
intptr_t fail_after_ms(void *ms);

/* Sleep until cancelled. */
intptr_t sleep_for_ever(void *unused);

/* Sleep until cancelled, then clean up for so many milliseconds. */
intptr_t end_slowly(void *ms);

/* Sleep until cancelled, then fail with -EPROTO instead of the cancel. */
intptr_t fail_when_cancelled(void *unused);

/* Sleep until cancelled, and make nothing of it. */
intptr_t swallow_cancel(void *value);

/* Await the task that is the argument. */
intptr_t await_it(void *task);

/* Run a job on a thread and wait for it; without options in the run's pool. */
struct thread_job {
    bide_fn *fn;
    void *arg;
    const struct bide_thread_options *opt;
};
intptr_t run_on_thread(void *thread_job);

/* Start `fn(arg)`, which must succeed. */
bide_task *spawn(bide_fn *fn, void *arg);

/* The same, under a name. */
bide_task *spawn_as(const char *name, bide_fn *fn, void *arg);

/* The result of `task`, which has ended or will. */
intptr_t result_of(bide_task *task);

/* Let every other ready task run, `n` times. */
void turns(unsigned n);

/* ---- The journal -------------------------------------------------------- */

extern char journal[64];

/* Append a letter. */
void note(char letter);

/* A task that notes its letter. */
intptr_t note_it(void *letter);

/* A fixture: forget it. */
void clear_journal(void);

#define expect_journal(word) ck_assert_str_eq(journal, word)

/* ---- The dump ----------------------------------------------------------- */

/* What bide_dump() says now. */
const char *dump(void);

/* The line of the last dump that has `name`, in which `word` must be. */
void expect_line(const char *name, const char *word);

/* ---- The virtual clock -------------------------------------------------- */

/* Keep the thread for `span`: time goes on and nobody else runs. */
void compute(bide_time span);

/* Milliseconds since the virtual clock began. */
intptr_t clock_ms(void);

/* Nothing is on the run's heap of timers. */
bool no_timer_left(void);

#endif
