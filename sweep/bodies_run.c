/* bodies_run.c: how a run begins and ends, and what can be asked about it. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1 /* before the first header */
#endif
#include "body.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static intptr_t nothing(void *unused)
{
    (void)unused;
    return 0;
}

static intptr_t run_in_a_run(void *unused)
{
    EXPECT(bide_run(nothing, unused, &body_options) == -EDEADLK);
    return 0;
}

static intptr_t run_defaults(void *unused)
{
    return bide_run(nothing, unused, NULL);
}

/* Where io_uring is refused epoll takes its place, and says why. */
static intptr_t look_at_backend(void *unused)
{
    struct bide_info info;
    (void)unused;
    bide_info(&info);
    EXPECT(strcmp(info.backend, "io_uring") == 0 ||
           strstr(info.backend_reason, "io_uring"));
    return 0;
}

static intptr_t fall_back(void *unused)
{
    char wish[16];
    snprintf(wish, sizeof wish, "%s", getenv("BIDE_BACKEND"));
    setenv("BIDE_BACKEND", "auto", 1);
    intptr_t rc = bide_run(look_at_backend, unused, &body_options);
    setenv("BIDE_BACKEND", wish, 1);
    return rc;
}

static intptr_t bad_options(void *unused)
{
    struct bide_options opt = {.stack_bytes = 1};
    EXPECT(bide_run(nothing, unused, &opt) == -EINVAL);
    EXPECT(bide_run(NULL, unused, NULL) == -EINVAL);
    return 0;
}

/* ---- The end ------------------------------------------------------------ */

static int ended;

static intptr_t end_when_cancelled(void *unused)
{
    intptr_t rc = sleep_for_ever(unused);
    ended++;
    return rc;
}

static intptr_t read_for_ever(void *ends)
{
    char c;
    intptr_t rc = bide_read(((struct ends *)ends)->out, &c, 1);
    ended++;
    return rc;
}

static struct ends ends;

/* Tasks that are left over are cancelled and awaited. */
static intptr_t leave_tasks(void *unused)
{
    (void)unused;
    intptr_t rc = bide_spawn(NULL, end_when_cancelled, NULL);
    ended -= rc == 0;
    if (rc == 0)
        rc = bide_spawn(NULL, read_for_ever, &ends);
    ended -= rc == 0;
    bide_yield();
    return rc;
}

static intptr_t tasks_left_over(void *unused)
{
    ended = 0;
    ends = open_ends(PIPE);
    intptr_t rc = bide_run(leave_tasks, unused, &body_options);
    EXPECT(ended == 0);
    return rc;
}

/* A deadlock is found, told and undone. */
static intptr_t wait_in_vain(void *unused)
{
    struct bide_event never = {0};
    (void)unused;
    return bide_event_wait(&never);
}

static intptr_t deadlock(void *unused)
{
    intptr_t rc = bide_run(wait_in_vain, unused, &body_options);
    EXPECT(rc < 0);
    return rc == -EDEADLK ? 0 : rc;
}

static intptr_t interrupt_self(void *unused)
{
    raise(SIGINT);
    return sleep_for_ever(unused);
}

static intptr_t interrupted(void *unused)
{
    intptr_t rc = bide_run(interrupt_self, unused, &body_options);
    EXPECT(rc < 0);
    return rc == -EINTR ? 0 : rc;
}

/* ---- Other threads ------------------------------------------------------ */

static void *unref(void *loop)
{
    usleep(200);
    bide_loop_unref(loop);
    return NULL;
}

/* While another thread holds the run it waits; then it is a deadlock. */
static intptr_t hold_the_run(void *unused)
{
    pthread_t t;
    bide_loop *loop = bide_loop_ref();
    EXPECT(pthread_create(&t, NULL, unref, loop) == 0);
    intptr_t rc = wait_in_vain(unused);
    pthread_join(t, NULL);
    return rc;
}

static intptr_t held_from_outside(void *unused)
{
    intptr_t rc = bide_run(hold_the_run, unused, &body_options);
    EXPECT(rc < 0);
    return rc == -EDEADLK ? 0 : rc;
}

/* A handle that outlives its run. */
static bide_loop *kept;

static intptr_t keep_handle(void *unused)
{
    (void)unused;
    kept = bide_loop_ref();
    return 0;
}

static intptr_t handle_outlives_run(void *unused)
{
    kept = NULL;
    intptr_t rc = bide_run(keep_handle, unused, &body_options);
    if (kept)
        bide_loop_unref(kept);
    return rc;
}

/* ---- Asking ------------------------------------------------------------- */

static intptr_t look_around(void *unused)
{
    (void)unused;
    struct bide_info info;
    struct bide_stats stats;
    struct ends dump = open_ends(PIPE);
    bide_info(&info);
    bide_stats(&stats);
    bide_set_name("the one who looks");
    bide_dump(dump.in);
    EXPECT(info.backend[0] && info.backend_reason[0] && info.guard_reason[0]);
    EXPECT(stats.alive == 1 && stats.spawned >= 1 && stats.stacks >= 1);
    return 0;
}

static intptr_t look_outside(void *unused)
{
    (void)unused;
    struct bide_info info;
    struct bide_stats stats;
    bide_info(&info);
    bide_stats(&stats);
    EXPECT(info.backend[0] && info.backend_reason[0]);
    EXPECT(stats.alive == 0 && stats.stacks == 0);
    bide_dump(2);
    return 0;
}

/* The first run of a process finds out what there is. */
static intptr_t first_run(void *unused)
{
    struct bide_info info;
    bide_info(&info);
    EXPECT(info.guard[0] && info.guard_reason[0]);
    return bide_run(nothing, unused, &body_options);
}

const struct body bodies_run[] = {
    {"nothing", nothing, 0, INSIDE},
    {"run_in_a_run", run_in_a_run, 0, INSIDE},
    {"run_defaults", run_defaults, 0, OUTSIDE},
    {"fall_back", fall_back, 0, OUTSIDE},
    {"bad_options", bad_options, 0, OUTSIDE},
    {"tasks_left_over", tasks_left_over, 0, OUTSIDE},
    {"deadlock", deadlock, 0, OUTSIDE},
    {"interrupted", interrupted, 0, OUTSIDE},
    {"held_from_outside", held_from_outside, 0, OUTSIDE},
    {"handle_outlives_run", handle_outlives_run, 0, OUTSIDE},
    {"look_around", look_around, 0, INSIDE},
    {"look_outside", look_outside, 0, OUTSIDE},
    {"first_run", first_run, 0, FIRST_USE},
    {0},
};
