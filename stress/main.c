/* main.c: every lock, channel and combinator under many schedules.
 *
 *     stress               100,000 schedules a body, on each backend
 *     stress N             N of them
 *     stress N NAME        of one body; with BIDE_SEED one schedule of it
 *
 * A line a body and backend: how many schedules it has passed, and how many in
 * a second.  The last line counts these lines.
 */
#include "stress.h"

#include "../tests/backends.h"

#include <stdio.h>
#include <stdlib.h>

static const struct body *const files[] = {lock_bodies,  meet_bodies,
                                           try_bodies,   chan_bodies,
                                           group_bodies, task_bodies};
static bool broken;
static unsigned long long schedules;

void must(bool holds, const char *sentence)
{
    if (!holds && !broken)
        fprintf(stderr, "stress: it does not hold that %s\n", sentence);
    broken = broken || !holds;
}

int breathe(void)
{
    static struct bide_event set = {._set = true};
    return bide_event_wait(&set);
}

static intptr_t strike(void *task)
{
    bide_cancel((bide_task *)task);
    return 0;
}

void strike_first(struct bide_call *calls, size_t n)
{
    bide_task *tasks[8], *striker;
    must(n <= LENGTH(tasks), "there is room for all");
    for (size_t i = 0; i < n; i++)
        must(bide_spawn(&tasks[i], calls[i].fn, calls[i].arg) == 0,
             "a task can be spawned");
    must(bide_spawn(&striker, strike, tasks[0]) == 0,
         "a task can be spawned");
    for (size_t i = 0; i < n; i++)
        must(bide_join(tasks[i], &calls[i].result) == 0, "a join succeeds");
    must(bide_join(striker, NULL) == 0, "a join succeeds");
    for (size_t i = 0; i < n; i++)
        bide_release(tasks[i]);
    bide_release(striker);
}

/* The body, and the verdict of what it has said with must(). */
static intptr_t judge(void *arg)
{
    const struct body *body = (const struct body *)arg;
    broken = false;
    intptr_t rc = body->fn(NULL);
    return broken ? -EPROTO : rc;
}

static bool passes(const struct body *body, uint64_t n,
                   enum bide_backend backend)
{
    struct bide_test_options opt = {.run = {.backend = backend}};
    bide_time begin = bide_now();
    intptr_t rc = bide_explore_with(n, judge, (void *)(uintptr_t)body, &opt);
    double seconds = (double)(bide_now() - begin) / 1e9;
    printf("%-18s %-6s ", body->name, backend_names[backend]);
    if (rc < 0)
        printf("broken by %s\n", bide_test_seed());
    else
        printf("%10llu schedules %10.0f a second\n", (unsigned long long)n,
               (double)n / seconds);
    fflush(stdout);
    schedules += rc < 0 ? 0 : n;
    return rc >= 0;
}

int main(int argc, char **argv)
{
    uint64_t n = argc > 1 ? strtoull(argv[1], NULL, 10) : 100000;
    unsigned passed = 0, failed = 0;
    for (enum bide_backend k = BIDE_URING; k <= BIDE_EPOLL; k++) {
        if (!backend_offered(k))
            continue;
        for (size_t i = 0; i < LENGTH(files); i++)
            for (const struct body *b = files[i]; b->name; b++)
                if (argc < 3 || strcmp(argv[2], b->name) == 0)
                    *(passes(b, n, k) ? &passed : &failed) += 1;
    }
    printf("%llu schedules\n%u passed, %u failed\n", schedules, passed, failed);
    return failed || !passed;
}
