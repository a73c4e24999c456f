/* from_thread.c: a thread asks a task, a signal sends word, a read is broken.
 *
 *     make examples && build/examples/from_thread
 */
#include "expect.h"
#include <bide.h>
#include <errno.h>
#include <signal.h>
#include <threads.h>
#include <unistd.h>

static bide_loop *loop;

/* ---- A thread that needs something done in the loop --------------------- */

static intptr_t sleep_and_double(void *n)
{
    int rc = bide_sleep(BIDE_MS(1)); /* a task: it may wait */
    return rc < 0 ? rc : 2 * (intptr_t)n;
}

static int thread_of_a_library(void *done)
{
    intptr_t n = bide_call_from_thread(loop, sleep_and_double, (void *)21);
    return bide_future_post(loop, done, n) < 0 ? 1 : 0;
}

static void be_asked(void)
{
    struct bide_future done = {0};
    thrd_t thread;
    expect(thrd_create(&thread, thread_of_a_library, &done) == thrd_success &&
               bide_future_wait(&done) == 42,
           "a thread got the result of a task");
    thrd_join(thread, NULL);
}

/* ---- A signal handler --------------------------------------------------- */

static void set(void *event)
{
    bide_event_set(event);
}

static struct bide_event alarmed;
static struct bide_async word = {.fn = set, .arg = &alarmed};

static void on_alarm(int number)
{
    (void)number;
    bide_async_send(loop, &word); /* once for all that are sent until then */
}

static void be_alarmed(void)
{
    signal(SIGALRM, on_alarm);
    ualarm(1000, 0);
    expect(bide_event_wait(&alarmed) == 0, "a signal woke a task");
    expect(bide_async_send(loop, &word) == 0 && bide_async_cancel(&word),
           "what was sent can be taken back");
}

/* ---- A pool, and a job that a cancel gets out of its system call -------- */

struct reading {
    int ends[2];
    struct bide_scope scope;
};

static void had_enough(void *reading)
{
    bide_scope_cancel(&((struct reading *)reading)->scope);
}

static intptr_t read_blocking(void *arg)
{
    struct reading *r = arg;
    char byte;
    ssize_t n = bide_post(loop, had_enough, r) < 0 ? 0 : -1;
    while (n < 0 && !bide_thread_cancelled())
        n = read(r->ends[0], &byte, 1); /* nobody will ever write */
    return n < 0 ? -EINTR : n;
}

static void break_a_read(void)
{
    struct reading r = {0};
    bide_threads *pool = NULL;
    expect(pipe(r.ends) == 0 && bide_threads_open(&pool, 2) == 0,
           "a pool of two threads is open");
    struct bide_thread_options opt = {.pool = pool, .signal = SIGUSR1};
    bide_scope_open(&r.scope, BIDE_FOREVER);
    intptr_t rc = bide_to_thread_with(read_blocking, &r, &opt);
    expect(rc == -EINTR, "a read that would block for ever was broken");
    expect(bide_scope_close(&r.scope, rc) == rc, "and its result came back");
    expect(bide_threads_close(pool) == 0, "the threads have ended");
    close(r.ends[0]);
    close(r.ends[1]);
}

static intptr_t run(void *arg)
{
    (void)arg;
    loop = bide_loop_ref();
    be_asked();
    be_alarmed();
    break_a_read();
    bide_loop_unref(loop);
    return 0;
}

int main(void)
{
    return bide_run(run, NULL, NULL) == 0 ? 0 : 1;
}
