/* bodies_pool.c: calls in worker processes: a job is made or it is not, and its
 * neighbours are; a map takes results in order; a pool ends whoever is told. */
#include "cancel.h"

#include <errno.h>
#include <string.h>

static intptr_t twice(const void *in, size_t in_bytes, void *out,
                      size_t *out_bytes)
{
    int n;
    memcpy(&n, in, in_bytes);
    *out_bytes = 0;
    (void)out;
    return 2 * n;
}

static intptr_t call(bide_pool *p, int n)
{
    struct bide_job job = {.fn = twice, .in = &n, .in_bytes = sizeof n};
    return bide_pool_call(p, &job);
}

static intptr_t call_in_danger(void *pool)
{
    for (int i = 1; i <= 3; i++) {
        intptr_t rc = call(pool, i);
        if (rc < 0)
            return stopped(rc);
        equal(rc, 2 * i, "a call has its own result");
    }
    return 0;
}

static intptr_t neighbour(void *pool)
{
    for (int i = 10; i <= 12; i++)
        equal(call(pool, i), 2 * i, "a neighbour's call is made");
    return 0;
}

/* choice.call: enum bide_pool_cancel.  The neighbour's job may be the one that
 * has begun: a kill must not cost it. */
static void calling(const struct choice *choice)
{
    bide_pool *p;
    struct bide_group g = {0};
    struct bide_pool_options opt = {
        .workers = 1, .on_cancel = (enum bide_pool_cancel)choice->call,
    };
    equal(bide_pool_open(&p, &opt), 0, "a pool is opened");
    bide_group_open(&g, BIDE_FAIL_FAST);
    beside(&g, neighbour, p);
    endanger(call_in_danger, p);
    all_ended(&g);
    equal(call(p, 5), 10, "the pool works on");
    equal(bide_pool_close(p), 0, "the pool is closed");
}

/* ---- A map -------------------------------------------------------------- */

#define ITEMS 7

struct source {
    bide_pool *pool;
    int drawn, taken;
};

static int draw(void *arg, void *item)
{
    struct source *s = arg;
    if (s->drawn == ITEMS)
        return 0;
    memcpy(item, &s->drawn, sizeof s->drawn);
    s->drawn++;
    return 1;
}

static int take(void *arg, intptr_t result, const void *out, size_t bytes)
{
    struct source *s = arg;
    (void)out, (void)bytes;
    if (result >= 0)
        equal(result, 2 * s->taken, "the results come in order, each once");
    s->taken += result >= 0;
    return 0;
}

static intptr_t map_in_danger(void *arg)
{
    struct source *s = arg;
    struct bide_pool_items items = {.fn = twice, .draw = draw, .take = take,
                                    .arg = s, .item_bytes = sizeof(int),
                                    .chunk = 2};
    intptr_t rc = bide_pool_map(s->pool, &items);
    if (rc < 0)
        return stopped(rc);
    holds(rc == ITEMS && s->taken == ITEMS, "a map that ends has taken all");
    return 0;
}

static void mapping(const struct choice *choice)
{
    struct source s = {0};
    struct bide_pool_options opt = {
        .workers = 1, .on_cancel = (enum bide_pool_cancel)choice->call,
    };
    equal(bide_pool_open(&s.pool, &opt), 0, "a pool is opened");
    endanger(map_in_danger, &s);
    equal(call(s.pool, 5), 10, "the pool works on");
    equal(bide_pool_close(s.pool), 0, "the pool is closed");
}

/* ---- The end ------------------------------------------------------------ */

static intptr_t shut_in_danger(void *pool)
{
    int rc = bide_pool_shutdown(pool, BIDE_POOL_END_ALL);
    return rc < 0 ? stopped(rc) : 0;
}

static bool called;

static intptr_t last_call(void *pool)
{
    intptr_t rc = call(pool, 7);
    called = true;
    holds(rc == 14 || (rc == -ESHUTDOWN && was_struck()),
          "a call before the end is made, or told of it");
    return 0;
}

static void shutting(const struct choice *unused)
{
    bide_pool *p;
    struct bide_pool_stats stats = {0};
    struct bide_group g = {0};
    (void)unused;
    struct bide_pool_options opt = {.workers = 1, .kill_grace = BIDE_MS(50)};
    equal(bide_pool_open(&p, &opt), 0, "a pool is opened");
    bide_group_open(&g, BIDE_FAIL_FAST);
    beside(&g, last_call, p);
    called = false;
    while (stats.calls == 0 && !called) {
        turn();
        bide_pool_stats(p, &stats);
    }
    endanger(shut_in_danger, p);
    all_ended(&g);
}

void pool_bodies(void)
{
    add_body("pool.map.wait", mapping, (struct choice){.call = BIDE_POOL_WAIT});
    add_body("pool.map.kill", mapping, (struct choice){.call = BIDE_POOL_KILL});
    add_body("pool.shutdown", shutting, (struct choice){0});
    add_body("pool.wait", calling, (struct choice){.call = BIDE_POOL_WAIT});
    add_body("pool.kill", calling, (struct choice){.call = BIDE_POOL_KILL});
}
