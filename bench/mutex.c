/* mutex.c: what does a lock cost?
 *
 * One task locks and unlocks; or N tasks lock, yield and unlock in turn, so
 * that each unlock finds waiters.
 */
#include "questions.h"

#include <bide.h>

struct shared {
    struct bide_mutex lock;
    long each;
    bool wanted; /* by others too */
};

static intptr_t locker(void *arg)
{
    struct shared *s = arg;
    int rc = 0;
    for (long i = 0; i < s->each && rc == 0; i++) {
        rc = bide_mutex_lock(&s->lock);
        if (s->wanted)
            bide_yield();
        bide_mutex_unlock(&s->lock);
    }
    return rc;
}

double ask_mutex(long n)
{
    struct bide_group g;
    struct shared s = {.each = BENCH_LOCKS / n, .wanted = n > 1};
    bide_group_open(&g, BIDE_FAIL_FAST);
    int64_t began = bench_cpu();
    for (long i = 0; i < n; i++)
        bench_check(bide_group_spawn(&g, locker, &s) == 0, "spawn");
    bench_check(bide_group_close(&g, 0) == 0, "mutex");
    return (double)(bench_cpu() - began) / (double)(s.each * n);
}
