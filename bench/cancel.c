/* cancel.c: how long does it take to cancel many sleepers?
 *
 * Milliseconds from the cancel of a group of N tasks, each asleep for good,
 * until the last one has ended and the group is closed.
 */
#include "questions.h"

#include <bide.h>

static intptr_t sleep_on(void *arg)
{
    (void)arg;
    return bide_sleep(BIDE_SEC(3600));
}

double ask_cancel(long n)
{
    struct bide_group g;
    bide_group_open(&g, BIDE_FAIL_FAST);
    for (long i = 0; i < n; i++)
        bench_check(bide_group_spawn(&g, sleep_on, NULL) == 0, "spawn");
    bide_sleep(BIDE_MS(1)); /* everybody is asleep */
    int64_t began = bench_cpu();
    bide_group_cancel(&g);
    bench_check(bide_group_close(&g, 0) == 0, "close");
    return (double)(bench_cpu() - began) / 1e6;
}
