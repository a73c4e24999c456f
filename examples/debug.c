/* debug.c: who waits for what, and what is said when nothing can go on.
 *
 *     make examples && build/examples/debug
 *     build/examples/debug overflow       dies of a stack overflow, and says so
 *
 * The reports of the library go to stderr, what is expected of them to stdout.
 */
#include "expect.h"
#include <bide.h>
#include <errno.h>
#include <string.h>
#include <threads.h>
#include <unistd.h>

static intptr_t sleeper(void *arg)
{
    (void)arg;
    bide_set_name("sleeper");
    return bide_sleep(BIDE_SEC(60));
}

static intptr_t list_tasks(void *arg)
{
    (void)arg;
    int ends[2];
    char text[4096];
    expect(pipe(ends) == 0, "a pipe for the list");
    if (bide_spawn(NULL, sleeper, NULL) < 0 || bide_yield() < 0)
        return -EIO;
    bide_dump(ends[1]);
    ssize_t n = bide_read(ends[0], text, sizeof text - 1);
    text[n > 0 ? n : 0] = '\0';
    bide_close(ends[0]);
    bide_close(ends[1]);
    fputs(text, stderr);
    expect(strstr(text, "sleeper"), "bide_dump() lists the sleeping task");
    struct bide_stats stats;
    bide_stats(&stats);
    expect(stats.alive == 2 && stats.spawned == 2, "two tasks are alive");
    return 0;
}

/* Two locks, taken in opposite order by two tasks. */
struct locks {
    struct bide_mutex *first, *second;
};

static intptr_t take_both(void *arg)
{
    struct locks *locks = arg;
    int rc = bide_mutex_lock(locks->first);
    if (rc < 0)
        return rc;
    bide_yield();
    rc = bide_mutex_lock(locks->second);
    if (rc == 0)
        bide_mutex_unlock(locks->second);
    bide_mutex_unlock(locks->first);
    return rc;
}

static intptr_t deadlock(void *arg)
{
    (void)arg;
    struct bide_mutex a = {0}, b = {0};
    struct locks ab = {&a, &b}, ba = {&b, &a};
    struct bide_call calls[] = {{take_both, &ab, 0}, {take_both, &ba, 0}};
    return bide_gather(calls, 2, BIDE_FAIL_FAST);
}

/* As long as a thread holds the run, something may still come from it. */
static int let_go(void *loop)
{
    thrd_sleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    bide_loop_unref(loop);
    return 0;
}

static intptr_t wait_for_thread(void *arg)
{
    struct bide_event never = {0};
    if (thrd_create(arg, let_go, bide_loop_ref()) != thrd_success)
        return -EAGAIN;
    return bide_event_wait(&never);
}

/* Who blocks the thread holds up every task: `slow_turn` has it named. */
static intptr_t block(void *arg)
{
    (void)arg;
    thrd_sleep(&(struct timespec){.tv_nsec = 60000000}, NULL);
    return 0;
}

/* An error that no one asks for is not lost. */
static int unread_errors;

static void note(const struct bide_error *e)
{
    fprintf(stderr, "nobody read: %s of %s, started at %s\n",
            strerror((int)-e->code), e->task, e->where);
    unread_errors++;
}

static intptr_t fail(void *arg)
{
    (void)arg;
    return -EIO;
}

static intptr_t forget(void *arg)
{
    (void)arg;
    return bide_spawn(NULL, fail, NULL);
}

/* Each call has a frame of 1 KiB, and a stack has 64. */
static intptr_t overflow(void *arg)
{
    volatile char frame[1024];
    frame[0] = 1;
    return frame[0] ? overflow(arg) + frame[0] : 0;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "overflow") == 0)
        return (int)bide_run(overflow, NULL, NULL);
    expect(bide_run(list_tasks, NULL, NULL) == 0, "the list is right");
    expect(bide_run(deadlock, NULL, NULL) == -EDEADLK,
           "a deadlock is found, reported, and ends the run");
    thrd_t thread;
    bide_time start = bide_now();
    expect(bide_run(wait_for_thread, &thread, NULL) == -EDEADLK &&
               bide_now() - start >= BIDE_MS(20),
           "but not while a thread holds the run");
    thrd_join(thread, NULL);
    struct bide_options opt = {.on_error = note, .slow_turn = BIDE_MS(50)};
    expect(bide_run(block, NULL, &opt) == 0,
           "who blocks the thread is told on stderr, and goes on");
    expect(bide_run(forget, NULL, &opt) == 0 && unread_errors == 1,
           "an error that nobody read is told");
    return 0;
}
