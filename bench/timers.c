/* timers.c: what processor time do many sleepers take?
 *
 * N tasks sleep for 1 to 1000 ms each; microseconds of processor time a task,
 * from its spawn to its end.
 */
#include "questions.h"

#include <bide.h>

static intptr_t nap(void *arg)
{
    return bide_sleep(BIDE_MS((intptr_t)arg));
}

double ask_timers(long n)
{
    struct bide_group g;
    int64_t began = bench_cpu();
    bide_group_open(&g, BIDE_FAIL_FAST);
    for (long i = 0; i < n; i++) {
        void *ms = (void *)(intptr_t)bench_nap_ms(i);
        bench_check(bide_group_spawn(&g, nap, ms) == 0, "spawn");
    }
    bench_check(bide_group_close(&g, 0) == 0, "sleep");
    return (double)(bench_cpu() - began) / 1e3 / (double)n;
}
