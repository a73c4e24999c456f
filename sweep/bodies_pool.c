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

const struct body bodies_pool[] = {
    {"pool_call_small", call_twice, SMALL, INSIDE},
    {"pool_call_large", call_twice, LARGE, INSIDE},
    {"pool_worker_dies", call_and_die, 0, INSIDE},
    {"pool_call_cancelled", call_and_cancel, 0, INSIDE},
    {0},
};
