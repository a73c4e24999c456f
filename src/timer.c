/* timer.c: the run's deadlines, in one heap.
 *
 * A timer lies in its owner: a sleeping task's stack, a scope.  There is one
 * heap a run, and the reactor sleeps until its first: a kernel timer each would
 * cost a microsecond where a node costs some ten nanoseconds.
 *
 * A node of the heap lies in its timer while timers are few.  Of many, each on
 * a page of its own, a step of the heap would be a miss of every cache: further
 * nodes are lent by the run and lie side by side.  Where there is no memory for
 * one, the timer's own does: to arm a timer cannot fail.
 *
 * Rejected: wheels, which round deadlines, or have to sort what they round, and
 * look at each timer anew whenever its wheel turns.
 */
#include "timer.h"

#include "sys.h"

#define FEW 64 /* timers that need no node but their own */

#define CHUNK_FIRST ((size_t)64 << 10)
#define CHUNK_LAST ((size_t)4 << 20)

/* One mapping of nodes to be lent. */
struct bi_timer_chunk {
    struct bi_timer_chunk *next;
    size_t bytes;
    size_t cut; /* nodes [0, cut) have been lent at least once */
    struct bi_timer_node nodes[];
};

static struct bi_timer_node *node_of(const struct bi_heap_node *node)
{
    return bi_container_of(node, struct bi_timer_node, node);
}

static bool earlier(const struct bi_heap_node *a, const struct bi_heap_node *b)
{
    const struct bi_timer_node *s = node_of(a), *t = node_of(b);
    return s->deadline < t->deadline ||
           (s->deadline == t->deadline && s->order < t->order);
}

/* ---- Nodes -------------------------------------------------------------- */

static bool used_up(const struct bi_timer_chunk *chunk)
{
    size_t room = chunk->bytes - sizeof(*chunk);
    return chunk->cut == room / sizeof(struct bi_timer_node);
}

static struct bi_timer_chunk *grow(struct bi_timers *t)
{
    size_t bytes = t->chunks ? 2 * t->chunks->bytes : CHUNK_FIRST;
    if (bytes > CHUNK_LAST)
        bytes = CHUNK_LAST;
    struct bi_timer_chunk *chunk = bi_sys_pages(bytes);
    if (!chunk)
        return NULL;
    chunk->next = t->chunks;
    chunk->bytes = bytes;
    return t->chunks = chunk;
}

/* A node that is lent, or NULL. */
static struct bi_timer_node *borrow(struct bi_timers *t)
{
    if (t->free) {
        struct bi_heap_node *node = t->free;
        t->free = node->next;
        return node_of(node);
    }
    struct bi_timer_chunk *chunk = t->chunks;
    if (!chunk || used_up(chunk))
        chunk = grow(t);
    return chunk ? &chunk->nodes[chunk->cut++] : NULL;
}

static struct bi_timer_node *place(struct bi_timers *t, struct bi_timer *timer)
{
    struct bi_timer_node *lent = t->count < FEW ? NULL : borrow(t);
    return lent ? lent : &timer->own;
}

static void leave(struct bi_timers *t, struct bi_timer *timer)
{
    if (timer->at != &timer->own) {
        timer->at->node.next = t->free;
        t->free = &timer->at->node;
    }
    timer->at = NULL;
}

void bi_timer_end(struct bi_run *run)
{
    struct bi_timers *t = &run->timers;
    bi_assert(t->count == 0);
    while (t->chunks) {
        struct bi_timer_chunk *chunk = t->chunks;
        t->chunks = chunk->next;
        bi_sys.unmap(chunk, chunk->bytes);
    }
    t->free = NULL;
}

/* ---- Timers ------------------------------------------------------------- */

void bi_timer_arm(struct bi_run *run, struct bi_timer *timer,
                  bide_time deadline, void (*fire)(struct bi_timer *timer))
{
    struct bi_timers *t = &run->timers;
    struct bi_timer_node *at = place(t, timer);
    at->deadline = timer->own.deadline = deadline;
    at->order = t->order++;
    at->timer = timer;
    timer->at = at;
    timer->fire = fire;
    t->count++;
    bi_heap_insert(&t->heap, &at->node, earlier);
}

void bi_timer_disarm(struct bi_run *run, struct bi_timer *timer)
{
    struct bi_timers *t = &run->timers;
    if (!timer->at)
        return;
    bi_heap_remove(&t->heap, &timer->at->node, earlier);
    t->count--;
    leave(t, timer);
}

bool bi_timer_next(const struct bi_run *run, bide_time *deadline)
{
    const struct bi_heap_node *first = run->timers.heap.root;
    if (!first)
        return false;
    *deadline = node_of(first)->deadline;
    return true;
}

void bi_timer_fire_due(struct bi_run *run, bide_time now)
{
    struct bi_heap_node *first;
    while ((first = run->timers.heap.root)) {
        struct bi_timer *timer = node_of(first)->timer;
        if (node_of(first)->deadline > now)
            return;
        bi_timer_disarm(run, timer);
        timer->fire(timer);
    }
}
