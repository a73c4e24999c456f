/* pool.c: work in other processes: a call, a crash, a map, a deadline.
 *
 *     make examples && build/examples/pool
 */
#include "expect.h"
#include <bide.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

/* Jobs.  Any function can be one; it runs on memory of its own. */
static intptr_t count_primes(const void *in, size_t in_bytes, void *out,
                             size_t *out_bytes)
{
    int below, count = 0;
    memcpy(&below, in, in_bytes);
    for (int n = 2; n < below; n++) {
        int d = 2;
        while (d * d <= n && n % d)
            d++;
        count += d * d > n;
    }
    memcpy(out, &count, sizeof count);
    *out_bytes = sizeof count;
    return 0;
}

static intptr_t crash(const void *in, size_t in_bytes, void *out,
                      size_t *out_bytes)
{
    (void)in, (void)in_bytes, (void)out, (void)out_bytes;
    raise(SIGSEGV);
    return 0;
}

static intptr_t hang(const void *in, size_t in_bytes, void *out,
                     size_t *out_bytes)
{
    (void)in, (void)in_bytes, (void)out, (void)out_bytes;
    for (volatile bool late = false; !late;)
        ;
    return 0;
}

static void call(bide_pool *pool)
{
    int below = 100, count = 0;
    struct bide_job job = {.fn = count_primes, .in = &below,
                           .in_bytes = sizeof below, .out = &count,
                           .out_bytes = sizeof count};
    expect(bide_pool_call(pool, &job) == 0 && count == 25,
           "a function was called in another process");
    struct bide_job bad = {.fn = crash};
    expect(bide_pool_call(pool, &bad) == -ECHILD &&
               WTERMSIG(bad.death) == SIGSEGV,
           "one that crashes fails alone, and tells of what");
    expect(bide_pool_call(pool, &job) == 0, "and the pool goes on");
}

/* A source of numbers, and where the results go, in order. */
struct numbers {
    int next, sum;
};

static int draw(void *arg, void *item)
{
    struct numbers *n = arg;
    memcpy(item, &n->next, sizeof n->next);
    return n->next++ < 20;
}

static int take(void *arg, intptr_t result, const void *out, size_t bytes)
{
    struct numbers *n = arg;
    int count;
    memcpy(&count, out, bytes);
    n->sum += count;
    return result < 0 ? (int)result : 0;
}

static void map(bide_pool *pool)
{
    struct numbers n = {0};
    struct bide_pool_items items = {
        .fn = count_primes, .draw = draw, .take = take, .arg = &n,
        .item_bytes = sizeof(int), .out_bytes = sizeof(int), .chunk = 5,
    };
    expect(bide_pool_map(pool, &items) == 20 && n.sum == 75,
           "a function was mapped over twenty numbers, five at a time");
}

static void deadline(bide_pool *pool)
{
    struct bide_scope s = {0};
    struct bide_job job = {.fn = hang};
    bide_scope_open(&s, bide_after(BIDE_MS(50)));
    intptr_t rc = bide_pool_call(pool, &job);
    expect(bide_scope_close(&s, rc) == -ETIMEDOUT,
           "a job that takes too long was ended with its process");
}

static intptr_t run(void *unused)
{
    bide_pool *pool;
    struct bide_pool_options options = {.on_cancel = BIDE_POOL_KILL};
    struct bide_pool_stats stats;
    (void)unused;
    expect(bide_pool_open(&pool, &options) == 0, "a pool is open");
    call(pool);
    map(pool);
    deadline(pool);
    bide_pool_stats(pool, &stats);
    expect(stats.died == 1, "one worker died of itself in all that");
    expect(bide_pool_shutdown(pool, BIDE_POOL_END_ALL) == 0,
           "all calls have ended, and the workers too");
    return 0;
}

int main(void)
{
    return bide_run(run, NULL, NULL) == 0 ? 0 : 1;
}
