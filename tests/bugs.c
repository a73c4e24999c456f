/* bugs.c: the faults, each by a task in a function whose name is looked for.
 *
 * What is wrong is wrong behind a volatile pointer: the compiler would see
 * through it, warn, and make something else of it.
 */
#include "bugs.h"

#include "annotate.h"
#include "tasks.h"

#include <limits.h>
#include <pthread.h>
#include <stdio.h>

#define NOT_INLINE __attribute__((noinline))

static char *volatile shown;

/* ---- The stack ---------------------------------------------------------- */

static NOT_INLINE int fall_down(int depth)
{
    volatile char frame[512];
    frame[0] = (char)depth;
    return shown ? 0 : fall_down(depth + 1) + frame[0];
}

static intptr_t overflow(void *arg)
{
    return fall_down((int)VALUE(arg));
}

static NOT_INLINE void write_past_the_array(size_t bytes)
{
    char array[16];
    shown = array;
    memset(shown, 'x', bytes);
}

static intptr_t overrun(void *unused)
{
    (void)unused;
    bide_yield();
    write_past_the_array(17);
    return 0;
}

static NOT_INLINE void write_after_the_scope(void)
{
    {
        char inner[16];
        shown = inner;
    }
    *shown = 'x';
}

static intptr_t outlive(void *unused)
{
    (void)unused;
    bide_yield();
    write_after_the_scope();
    return 0;
}

static NOT_INLINE void fill_the_stack(void)
{
    char bytes[4096];
    shown = bytes;
    memset(shown, 'x', sizeof bytes);
}

static intptr_t fill(void *unused)
{
    (void)unused;
    fill_the_stack();
    return 0;
}

static NOT_INLINE void branch_on_rubbish(void)
{
    char bytes[1024];
    shown = bytes;
    if (shown[512] == 'x')
        puts("what another task has left");
}

static intptr_t misread(void *unused)
{
    (void)unused;
    branch_on_rubbish();
    return 0;
}

static intptr_t run_another(bide_fn *fn)
{
    bide_task *task;
    int rc = bide_spawn(&task, fn, NULL);
    return rc < 0 ? rc : bide_await(task);
}

/* On a stack that another task has had: its bytes are not this one's. */
static intptr_t misread_what_is_left(void *unused)
{
    (void)unused;
    intptr_t rc = run_another(fill);
    return rc < 0 ? rc : run_another(misread);
}

/* ---- The heap ----------------------------------------------------------- */

static NOT_INLINE void lose_a_block(void)
{
    shown = malloc(1000);
    shown = NULL;
}

static intptr_t lose(void *unused)
{
    (void)unused;
    bide_yield();
    lose_a_block();
    return 0;
}

static NOT_INLINE int read_what_was_freed(void)
{
    shown = calloc(1, 16);
    free(shown);
    return shown[1];
}

static intptr_t stale(void *unused)
{
    (void)unused;
    bide_yield();
    return read_what_was_freed() != 0;
}

/* Only this frame knows the block while the task sleeps. */
static intptr_t keep(void *unused)
{
    char *volatile only = malloc(1000);
    (void)unused;
    bide_sleep(BIDE_MS(50));
    free(only);
    return 0;
}

static int keep_many(void)
{
    int rc = 0;
    for (int i = 0; i < 100 && rc == 0; i++) {
        bide_task *keeper;
        rc = bide_spawn(&keeper, keep, NULL);
        if (rc == 0)
            bide_release(keeper);
    }
    return rc < 0 ? rc : bide_sleep(BIDE_MS(1));
}

/* Blocks that are lost by now. */
static int count_lost(void)
{
#if defined(BI_ASAN)
    return __lsan_do_recoverable_leak_check();
#elif defined(BI_VALGRIND)
    unsigned long lost = 0, dubious = 0, reachable = 0, suppressed = 0;
    VALGRIND_DO_LEAK_CHECK;
    VALGRIND_COUNT_LEAKS(lost, dubious, reachable, suppressed);
    (void)reachable, (void)suppressed;
    return lost || dubious;
#else
    return 0;
#endif
}

/* Not a bug: what the stacks of tasks and of the loop hold is not lost, */
static intptr_t count(void *unused)
{
    (void)unused;
    int rc = keep_many();
    return rc < 0 ? rc : count_lost();
}

/* ... nor is it where a task ends the program. */
static intptr_t quit(void *unused)
{
    (void)unused;
    int rc = keep_many();
    exit(rc < 0);
}

/* ---- Threads ------------------------------------------------------------ */

static int contended;

static void *write_in_a_thread(void *unused)
{
    contended++;
    return unused;
}

static NOT_INLINE void write_in_a_task(void)
{
    contended++;
}

/* When the task wakes the thread has ended, but nothing told the task so. */
static intptr_t race(void *unused)
{
    pthread_t thread;
    int rc = pthread_create(&thread, NULL, write_in_a_thread, unused);
    if (rc != 0)
        return -rc;
    bide_sleep(BIDE_MS(20));
    write_in_a_task();
    return -pthread_join(thread, NULL);
}

static intptr_t write_in_a_job(void *unused)
{
    contended++;
    return VALUE(unused);
}

static intptr_t call_job(void *unused)
{
    return bide_to_thread(write_in_a_job, unused);
}

/* The task goes on while the job is on its thread. */
static intptr_t race_a_job(void *unused)
{
    bide_task *task;
    int rc = bide_spawn(&task, call_job, unused);
    if (rc < 0)
        return rc;
    bide_yield();
    write_in_a_task();
    rc = (int)bide_await(task);
    bide_release(task);
    return rc;
}

/* ---- Arithmetic --------------------------------------------------------- */

static volatile int most = INT_MAX;

static NOT_INLINE void count_beyond(void)
{
    most = most + 1;
}

static intptr_t exceed(void *unused)
{
    (void)unused;
    bide_yield();
    count_beyond();
    return 0;
}

/* ---- By name ------------------------------------------------------------ */

static const struct bug {
    const char *name;
    bide_fn *commit;
} bugs[] = {
    {"overflow", overflow},
    {"overrun", overrun},
    {"outlive", outlive},
    {"misread", misread_what_is_left},
    {"lose", lose},
    {"count", count},
    {"quit", quit},
    {"race", race},
    {"race a job", race_a_job},
    {"stale", stale},
    {"exceed", exceed},
};

int commit_bug(const char *name)
{
    for (size_t i = 0; i < LENGTH(bugs); i++)
        if (strcmp(name, bugs[i].name) == 0)
            return bide_run(bugs[i].commit, NULL, NULL) != 0;
    fprintf(stderr, "there is no bug '%s'\n", name);
    return 2;
}
