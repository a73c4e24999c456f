/* bodies_pool.c: calls in worker processes: a job is made or it is not, and its
 * neighbours are. */
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

void pool_bodies(void)
{
    add_body("pool.wait", calling, (struct choice){.call = BIDE_POOL_WAIT});
    add_body("pool.kill", calling, (struct choice){.call = BIDE_POOL_KILL});
}
