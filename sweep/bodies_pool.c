/* bodies_pool.c: calls in worker processes. */
#include "body.h"

#include <stdlib.h>

enum { SMALL = 600, LARGE = 40000 };

static intptr_t copy(const void *in, size_t in_bytes, void *out,
                     size_t *out_bytes)
{
    memcpy(out, in, in_bytes);
    *out_bytes = in_bytes;
    return 0;
}

static intptr_t die(const void *in, size_t in_bytes, void *out,
                    size_t *out_bytes)
{
    (void)in, (void)in_bytes, (void)out, (void)out_bytes;
    abort();
}

static intptr_t hang(const void *in, size_t in_bytes, void *out,
                     size_t *out_bytes)
{
    (void)in, (void)in_bytes, (void)out, (void)out_bytes;
    for (volatile int late = 0; !late;)
        ;
    return 0;
}

static intptr_t call(bide_pool *p, size_t bytes)
{
    static char in[LARGE], out[LARGE];
    struct bide_job job = {.fn = copy, .in = in, .in_bytes = bytes, .out = out,
                           .out_bytes = bytes};
    pattern(in, bytes);
    memset(out, 0, bytes);
    intptr_t rc = bide_pool_call(p, &job);
    EXPECT(rc < 0 || (rc == 0 && job.out_bytes == bytes &&
                      is_pattern(out, bytes)));
    return rc;
}

static intptr_t call_twice(void *bytes)
{
    bide_pool *p;
    struct bide_pool_options opt = {.workers = 1};
    int rc = bide_pool_open(&p, &opt);
    if (rc < 0)
        return rc;
    intptr_t first = call(p, (size_t)bytes), second = call(p, (size_t)bytes);
    rc = bide_pool_close(p);
    return first < 0 ? first : second < 0 ? second : rc;
}

static intptr_t call_and_die(void *unused)
{
    bide_pool *p;
    struct bide_pool_options opt = {.workers = 1};
    struct bide_job job = {.fn = die};
    (void)unused;
    int rc = bide_pool_open(&p, &opt);
    if (rc < 0)
        return rc;
    intptr_t death = bide_pool_call(p, &job);
    EXPECT(death < 0);
    intptr_t after = call(p, SMALL);
    rc = bide_pool_close(p);
    return death != -ECHILD ? death : after < 0 ? after : rc;
}

static intptr_t call_hanging(void *pool)
{
    struct bide_job job = {.fn = hang};
    return bide_pool_call(pool, &job);
}

static intptr_t call_and_cancel(void *unused)
{
    bide_pool *p;
    struct bide_pool_options opt = {.workers = 1, .on_cancel = BIDE_POOL_KILL};
    (void)unused;
    int rc = bide_pool_open(&p, &opt);
    if (rc < 0)
        return rc;
    intptr_t late = within(BIDE_MS(5), call_hanging, p);
    EXPECT(late < 0);
    rc = bide_pool_close(p);
    return late != -ETIMEDOUT ? late : rc;
}

/* ---- A map, and the end of a pool --------------------------------------- */

enum { ITEMS = 5 };

static int drawn, taken;
static bool wrong_order;

static int draw(void *unused, void *item)
{
    (void)unused;
    if (drawn == ITEMS)
        return 0;
    memcpy(item, &drawn, sizeof drawn);
    drawn++;
    return 1;
}

static int take(void *unused, intptr_t result, const void *out, size_t bytes)
{
    int item;
    (void)unused;
    if (result < 0)
        return (int)result;
    memcpy(&item, out, sizeof item);
    wrong_order |= bytes != sizeof item || item != taken;
    taken++;
    return 0;
}

static intptr_t map(void *unused)
{
    bide_pool *p;
    struct bide_pool_options opt = {.workers = 1};
    struct bide_pool_items items = {.fn = copy, .draw = draw, .take = take,
                                    .item_bytes = sizeof(int),
                                    .out_bytes = sizeof(int), .chunk = 2};
    (void)unused;
    drawn = taken = 0;
    wrong_order = false;
    int rc = bide_pool_open(&p, &opt);
    if (rc < 0)
        return rc;
    intptr_t n = bide_pool_map(p, &items);
    rc = bide_pool_close(p);
    EXPECT(!wrong_order && (n < 0 || (n == ITEMS && taken == ITEMS)));
    return n < 0 ? n : rc;
}

static intptr_t shut_down(void *how)
{
    bide_pool *p;
    struct bide_pool_stats stats;
    struct bide_pool_options opt = {.workers = 1};
    int rc = bide_pool_open(&p, &opt);
    if (rc < 0)
        return rc;
    intptr_t n = call(p, SMALL);
    bide_pool_stats(p, &stats);
    EXPECT(n < 0 || (stats.ended == 1 && stats.calls == 0));
    rc = bide_pool_shutdown(p, (enum bide_pool_end)(intptr_t)how);
    return n < 0 ? n : rc;
}

const struct body bodies_pool[] = {
    {"pool_call_small", call_twice, SMALL, INSIDE},
    {"pool_call_large", call_twice, LARGE, INSIDE},
    {"pool_worker_dies", call_and_die, 0, INSIDE},
    {"pool_maps", map, 0, INSIDE},
    {"pool_is_shut_down", shut_down, BIDE_POOL_END_ALL, INSIDE},
    {"pool_call_cancelled", call_and_cancel, 0, INSIDE},
    {0},
};
