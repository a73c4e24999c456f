/* yield.c: what does a task pay to let the next one run?
 *
 * N tasks yield in a circle.  All have begun when the clock starts, so that
 * the first touch of their stacks is not counted.
 */
#include "questions.h"

#include <bide.h>

static intptr_t yielder(void *arg)
{
    for (long left = *(const long *)arg; left > 0; left--)
        bide_yield();
    return 0;
}

double ask_yield(long n)
{
    struct bide_group g;
    long each = BENCH_YIELDS / n;
    bide_group_open(&g, BIDE_FAIL_FAST);
    for (long i = 0; i < n; i++)
        bench_check(bide_group_spawn(&g, yielder, &each) == 0, "spawn");
    bide_yield();
    int64_t began = bench_cpu();
    bench_check(bide_group_close(&g, 0) == 0, "yield");
    return (double)(bench_cpu() - began) / (double)((each - 1) * n);
}
