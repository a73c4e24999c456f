/* ended.c: the ends of tasks that nobody has asked for yet.
 *
 * They stand in a ring, first of places in their owner, then of pages.  It
 * grows when a task is started, so that an end cannot fail, up to MOST ends: a
 * server that never asks must not grow for ever, so beyond that the oldest is
 * dropped, and that is told.
 *
 * The run keeps one ring of the smallest size for the next who needs it: to map
 * and unmap one would cost more than the tasks that it is for.
 */
#include "ended.h"

#include "sys.h"

#define FIRST ((size_t)256)
#define MOST ((size_t)65536)

static size_t bytes_of(size_t room)
{
    return room * sizeof(struct bi_ended);
}

static struct bi_ended *make(struct bi_run *run, size_t room)
{
    struct bi_ended *ring = run->spare_ring;
    if (!ring || room != FIRST)
        return bi_sys_pages(bytes_of(room));
    run->spare_ring = NULL;
    return ring;
}

void bi_ended_close(struct bi_ends *e, struct bi_run *run)
{
    if (e->room == BI_ENDED_OWN)
        return;
    if (e->room == FIRST && !run->spare_ring)
        run->spare_ring = e->ring;
    else
        bi_sys.unmap(e->ring, bytes_of(e->room));
}

int bi_ended_grow(struct bi_ends *e, struct bi_run *run)
{
    size_t room = e->room < FIRST ? FIRST : e->room * 2;
    if (e->room == MOST)
        return 0;
    struct bi_ended *ring = make(run, room);
    if (!ring)
        return -ENOMEM;
    for (size_t i = 0; i < e->count; i++)
        ring[i] = *bi_ended_at(e, i);
    bi_ended_close(e, run);
    e->ring = ring;
    e->first = 0;
    e->room = room;
    return 0;
}

void bi_ended_end_run(struct bi_run *run)
{
    if (run->spare_ring)
        bi_sys.unmap(run->spare_ring, bytes_of(FIRST));
    run->spare_ring = NULL;
}
