/* spawn.c: what does it cost to start a task and to hear of its end?
 *
 *   spawn       one after the other: each gets the stack of the last one
 *   cold_spawn  all at once, in a fresh process: each gets a stack of its own,
 *               mapped, guarded and touched for the first time
 */
#include "questions.h"

#include <bide.h>

static intptr_t nothing(void *arg)
{
    (void)arg;
    return 0;
}

double ask_spawn(long n)
{
    (void)n;
    int64_t began = bench_cpu();
    for (long i = 0; i < BENCH_SPAWNS; i++) {
        bide_task *t;
        bench_check(bide_spawn(&t, nothing, NULL) == 0, "spawn");
        bench_check(bide_await(t) == 0, "await");
        bide_release(t);
    }
    return (double)(bench_cpu() - began) / BENCH_SPAWNS;
}

double ask_cold_spawn(long n)
{
    (void)n;
    struct bide_group g;
    bide_group_open(&g, BIDE_FAIL_FAST);
    int64_t began = bench_cpu();
    for (long i = 0; i < BENCH_COLD_SPAWNS; i++)
        bench_check(bide_group_spawn(&g, nothing, NULL) == 0, "spawn");
    int64_t ended = bench_cpu();
    bench_check(bide_group_close(&g, 0) == 0, "close");
    return (double)(ended - began) / BENCH_COLD_SPAWNS;
}
