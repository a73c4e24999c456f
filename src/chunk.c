/* chunk.c: a map: one call for each item of a source, in chunks.
 *
 * A chunk is drawn, made by a task of its own, and its results are taken in the
 * order of drawing.  The chunks stand in a ring: the oldest is waited for, its
 * results are taken, and only then is its place drawn into again.  So no more
 * is drawn than the ring holds, however long the source is.
 */
#include "dispatch.h"
#include "park.h"
#include "pool.h"

#include <stdlib.h>

struct chunk {
    _Alignas(16) struct map *map;
    char *in, *out;
    size_t count;    /* items in it */
    intptr_t result; /* of the call */
    struct bide_event made;
};

struct map {
    const struct bide_pool_items *m;
    bide_pool *pool;
    struct bide_group group;
    struct chunk *ring;
    size_t ahead;       /* chunks of the ring */
    size_t drawn, made; /* chunks, ever */
    intptr_t taken;     /* results */
    int stop;           /* 0; 1: the source has ended; or its error */
};

static intptr_t make_chunk(void *arg)
{
    struct chunk *k = arg;
    const struct bide_pool_items *m = k->map->m;
    struct bi_call c = {
        .request = {.fn = m->fn, .in = k->in, .in_bytes = m->item_bytes,
                    .room = m->out_bytes, .count = k->count},
        .out = k->out,
    };
    k->result = bi_pool_make(k->map->pool, &c, "bide_pool_map");
    bide_event_set(&k->made);
    return 0;
}

/* Draw the next chunk and have it made. */
static int draw(struct map *map)
{
    struct chunk *k = &map->ring[map->drawn % map->ahead];
    k->count = 0;
    bide_event_clear(&k->made);
    while (k->count < map->m->chunk && !map->stop) {
        int rc = map->m->draw(map->m->arg,
                              k->in + k->count * map->m->item_bytes);
        k->count += rc > 0;
        map->stop = rc < 0 ? rc : rc == 0;
    }
    if (k->count == 0)
        return 0;
    map->drawn++;
    int rc = bide_group_spawn(&map->group, make_chunk, k);
    return rc == -ECANCELED ? bide_cancel_code() : rc; /* or it is late */
}

static int take_item(struct map *map, const struct chunk *k, size_t i)
{
    const struct bide_pool_items *m = map->m;
    const struct bi_item *item = (const struct bi_item *)k->out + i;
    const char *out = k->out + bi_aligned(k->count * sizeof *item) +
                      i * bi_item_stride(m->out_bytes);
    intptr_t result = k->result < 0 ? k->result : (intptr_t)item->result;
    size_t bytes = k->result < 0 ? 0 : item->bytes;
    if (bytes > m->out_bytes)
        result = -EMSGSIZE;
    map->taken++;
    return m->take(m->arg, result, out, bytes);
}

/* Whether it failed for what holds for all the others as well. */
static bool ends_all(intptr_t result)
{
    return result < 0 && result != -ECHILD && result != -EBADMSG;
}

/* Wait for the oldest chunk and hand on its results. */
static int take(struct map *map)
{
    const struct chunk *k = &map->ring[map->made++ % map->ahead];
    int rc = bide_event_wait(&map->ring[(map->made - 1) % map->ahead].made);
    if (rc == 0 && ends_all(k->result))
        rc = (int)k->result;
    for (size_t i = 0; i < k->count && rc == 0; i++)
        rc = take_item(map, k, i);
    return rc;
}

static int run(struct map *map)
{
    int rc = 0;
    while (rc == 0) {
        while (rc == 0 && !map->stop && map->drawn - map->made < map->ahead)
            rc = draw(map);
        if (rc < 0 || map->made == map->drawn)
            break;
        rc = take(map);
    }
    return rc;
}

/* What `ahead` chunks take, each rounded for what lies in it.  False: more than
 * there is. */
static bool measure(const struct map *map, size_t *in, size_t *out)
{
    const struct bide_pool_items *m = map->m;
    size_t each, all;
    if (m->item_bytes > SIZE_MAX / 4 || m->out_bytes > SIZE_MAX / 4 ||
        __builtin_mul_overflow(m->chunk, m->item_bytes, in) ||
        __builtin_mul_overflow(m->chunk, bi_item_stride(m->out_bytes) +
                                         sizeof(struct bi_item), out) ||
        *in > SIZE_MAX / 4 || *out > SIZE_MAX / 4)
        return false;
    *in = bi_aligned(*in);
    *out = bi_aligned(*out + BI_LINE);
    each = sizeof(struct chunk) + *in + *out;
    return !__builtin_mul_overflow(each, map->ahead, &all);
}

static int open_ring(struct map *map)
{
    size_t in, out;
    if (!map->ahead)
        map->ahead = 2 * (size_t)map->pool->options.workers;
    if (!measure(map, &in, &out))
        return -EINVAL;
    map->ring = calloc(map->ahead, sizeof *map->ring + in + out);
    if (!map->ring)
        return -ENOMEM;
    char *data = (char *)(map->ring + map->ahead);
    for (size_t i = 0; i < map->ahead; i++) {
        struct chunk *k = &map->ring[i];
        k->map = map;
        k->in = data + i * (in + out);
        k->out = k->in + in;
    }
    return 0;
}

intptr_t bide_pool_map(bide_pool *p, const struct bide_pool_items *m)
{
    bi_pool_check(p, __func__);
    int rc = bi_park_check(bi_current());
    if (rc < 0)
        return rc;
    if (!m->fn || !m->draw || !m->take || m->chunk < 1)
        return -EINVAL;
    struct map map = {.m = m, .pool = p, .ahead = m->ahead};
    rc = open_ring(&map);
    if (rc < 0)
        return rc;
    bide_group_open(&map.group, BIDE_COLLECT);
    rc = run(&map);
    if (rc != 0)
        bide_group_cancel(&map.group);
    bide_group_close(&map.group, 0);
    free(map.ring);
    if (rc == 0 && map.stop < 0)
        rc = map.stop;
    return rc ? rc : map.taken;
}
