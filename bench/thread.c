/* thread.c: what does a call on another thread cost?
 *
 * N tasks call a function that does nothing on threads of the pool, each its
 * next one when the last is back.  By the clock: most of it is waiting for the
 * kernel to bring the other thread up.
 */
#include "questions.h"

#include <bide.h>

static intptr_t nothing(void *arg)
{
    (void)arg;
    return 0;
}

static intptr_t caller(void *arg)
{
    intptr_t rc = 0;
    for (long left = *(const long *)arg; left > 0 && rc == 0; left--)
        rc = bide_to_thread(nothing, NULL);
    return rc;
}

double ask_thread(long n)
{
    struct bide_group g = {0};
    long each = (n == 1 ? BENCH_JOBS / 10 : BENCH_JOBS) / n, warm = 10;
    bide_group_open(&g, BIDE_FAIL_FAST);
    for (long i = 0; i < n; i++)
        bench_check(bide_group_spawn(&g, caller, &warm) == 0, "spawn");
    bench_check(bide_group_close(&g, 0) == 0, "to_thread");
    int64_t began = bench_now();
    bide_group_open(&g, BIDE_FAIL_FAST);
    for (long i = 0; i < n; i++)
        bench_check(bide_group_spawn(&g, caller, &each) == 0, "spawn");
    bench_check(bide_group_close(&g, 0) == 0, "to_thread");
    return (double)(bench_now() - began) / (double)(each * n);
}
