/* memory.c: what does a parked task hold?
 *
 *   memory    bytes of RSS and page tables a task, with N of them parked
 *   mappings  how many mappings the whole process has then
 */
#include "questions.h"

#include <bide.h>

static intptr_t park(void *arg)
{
    return bide_event_wait(arg);
}

/* Let `measure` look while `n` tasks are parked. */
static size_t while_parked(long n, size_t (*measure)(void))
{
    struct bide_group g;
    struct bide_event gate = {0};
    bide_group_open(&g, BIDE_FAIL_FAST);
    for (long i = 0; i < n; i++)
        bench_check(bide_group_spawn(&g, park, &gate) == 0, "spawn");
    bide_sleep(BIDE_MS(1)); /* everybody has parked */
    size_t seen = measure();
    bide_event_set(&gate);
    bench_check(bide_group_close(&g, 0) == 0, "park");
    return seen;
}

double ask_memory(long n)
{
    size_t before = bench_memory();
    return (double)(while_parked(n, bench_memory) - before) / (double)n;
}

double ask_mappings(long n)
{
    return (double)while_parked(n, bench_mappings);
}
