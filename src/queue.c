/* queue.c: work that is put in, taken out in an order, and finished.
 *
 * A queue is a channel that may keep its buffer as a stack or as a heap, and
 * that knows how much of what was put has been finished.  That number is not
 * kept: it is what the channel has accepted, less what was called done.  So an
 * item counts from the moment in which it is accepted, though the task that
 * put it may have waited for room and not run since.
 *
 * The heap is the binary one of J. W. J. Williams, "Algorithm 232: Heapsort",
 * CACM 7 (1964), in the caller's buffer.  Equals come out in the order of their
 * arrival, by a number behind each item, since a heap is not stable by itself.
 * Rejected: a sorted array, which is stable but moves half of all items for
 * each put.
 */
#include "chan.h"

#include <string.h>

static struct bide_queue *queue_of(struct bide_chan *c)
{
    return bi_container_of(c, struct bide_queue, chan);
}

static void store(const struct bide_chan *c, char *to, const void *item)
{
    if (c->_n[BI_CHAN_ITEM_BYTES])
        memcpy(to, item, c->_n[BI_CHAN_ITEM_BYTES]);
}

/* ---- Last in, first out ------------------------------------------------- */

static char *top(const struct bide_chan *c)
{
    return c->_buf + c->_n[BI_CHAN_COUNT] * c->_n[BI_CHAN_ITEM_BYTES];
}

static void stack_put(struct bide_chan *c, const void *item)
{
    store(c, top(c), item);
}

static void *stack_take(struct bide_chan *c)
{
    return top(c);
}

static const struct bi_order stack_order = {stack_put, stack_take};

/* ---- By priority -------------------------------------------------------- */

static size_t slot_bytes(const struct bide_chan *c)
{
    return BIDE_PRIORITY_BYTES(c->_n[BI_CHAN_ITEM_BYTES], 1);
}

static char *slot(const struct bide_chan *c, size_t i)
{
    return c->_buf + i * slot_bytes(c);
}

/* The number of arrival is the last word of a slot. */
static uint64_t *arrival(const struct bide_chan *c, size_t i)
{
    return (uint64_t *)(void *)(slot(c, i + 1) - sizeof(uint64_t));
}

static bool precedes(struct bide_chan *c, size_t i, size_t j)
{
    struct bide_queue *q = queue_of(c);
    uint64_t a, b;
    if (q->_before(slot(c, i), slot(c, j)))
        return true;
    if (q->_before(slot(c, j), slot(c, i)))
        return false;
    memcpy(&a, arrival(c, i), sizeof a);
    memcpy(&b, arrival(c, j), sizeof b);
    return a < b;
}

static void exchange(struct bide_chan *c, size_t i, size_t j)
{
    char *a = slot(c, i), *b = slot(c, j);
    uint64_t word;
    for (char *end = a + slot_bytes(c); a < end; a += sizeof word) {
        memcpy(&word, a, sizeof word);
        memcpy(a, b, sizeof word);
        memcpy(b, &word, sizeof word);
        b += sizeof word;
    }
}

static void heap_put(struct bide_chan *c, const void *item)
{
    size_t i = c->_n[BI_CHAN_COUNT];
    uint64_t number = c->_n[BI_CHAN_SENT];
    store(c, slot(c, i), item);
    memcpy(arrival(c, i), &number, sizeof number);
    for (; i > 0 && precedes(c, i, (i - 1) / 2); i = (i - 1) / 2)
        exchange(c, i, (i - 1) / 2);
}

/* The first goes behind the last, which finds its place from above. */
static void *heap_take(struct bide_chan *c)
{
    size_t n = c->_n[BI_CHAN_COUNT], i = 0, child;
    exchange(c, 0, n);
    while ((child = 2 * i + 1) < n) {
        if (child + 1 < n && precedes(c, child + 1, child))
            child++;
        if (!precedes(c, child, i))
            break;
        exchange(c, i, child);
        i = child;
    }
    return slot(c, n);
}

static const struct bi_order heap_order = {heap_put, heap_take};

/* ---- Set-up ------------------------------------------------------------- */

static void init(struct bide_queue *q, void *buf, size_t item_bytes,
                 size_t capacity, const char *func)
{
    BI_CONTRACT(buf || !capacity || !item_bytes, func,
                "was given no buffer for its capacity");
    *q = (struct bide_queue){0};
    bide_chan_init(&q->chan, buf, item_bytes, capacity);
}

void bide_queue_init(struct bide_queue *q, void *buf, size_t item_bytes,
                     size_t capacity)
{
    init(q, buf, item_bytes, capacity, __func__);
}

void bide_queue_init_lifo(struct bide_queue *q, void *buf, size_t item_bytes,
                          size_t capacity)
{
    init(q, buf, item_bytes, capacity, __func__);
    q->chan._order = &stack_order;
}

void bide_queue_init_priority(struct bide_queue *q, void *buf,
                              size_t item_bytes, size_t capacity,
                              bool (*before)(const void *a, const void *b))
{
    BI_CONTRACT(before, __func__, "was given no comparison");
    BI_CONTRACT(buf || !capacity, __func__,
                "was given no buffer for its capacity");
    BI_CONTRACT((uintptr_t)buf % sizeof(uint64_t) == 0, __func__,
                "was given a buffer that is not at a multiple of 8");
    init(q, buf, item_bytes, capacity, __func__);
    q->chan._order = &heap_order;
    q->_before = before;
}

/* ---- Items -------------------------------------------------------------- */

/* What a channel says, in the words of a queue. */
static int told(int rc)
{
    return rc == -EPIPE ? -ESHUTDOWN : rc;
}

int bide_queue_put(struct bide_queue *q, const void *item)
{
    struct bi_task *self = bi_current_in(__func__);
    struct bide_chan *c = &q->chan;
    int rc = bi_park_check(self);
    if (rc == 0)
        rc = bi_chan_try_send(c, item);
    if (rc == -EAGAIN)
        rc = bi_chan_wait(self, "queue put", c, &c->_s, item);
    return told(rc);
}

int bide_queue_tryput(struct bide_queue *q, const void *item)
{
    bi_current_in(__func__);
    return told(bi_chan_try_send(&q->chan, item));
}

int bide_queue_get(struct bide_queue *q, void *item)
{
    struct bi_task *self = bi_current_in(__func__);
    struct bide_chan *c = &q->chan;
    int rc = bi_park_check(self);
    if (rc == 0)
        rc = bi_chan_try_recv(c, item);
    if (rc == -EAGAIN)
        rc = bi_chan_wait(self, "queue get", c, &c->_r, item);
    return rc;
}

int bide_queue_tryget(struct bide_queue *q, void *item)
{
    bi_current_in(__func__);
    return bi_chan_try_recv(&q->chan, item);
}

/* ---- Work --------------------------------------------------------------- */

size_t bide_queue_unfinished(const struct bide_queue *q)
{
    return q->chan._n[BI_CHAN_SENT] - q->_done;
}

int bide_queue_task_done(struct bide_queue *q)
{
    bi_current_in(__func__);
    if (bide_queue_unfinished(q) == 0)
        return -ERANGE;
    q->_done++;
    if (bide_queue_unfinished(q) == 0)
        bi_waitq_wake_all(&q->_q, 0);
    return 0;
}

int bide_queue_join(struct bide_queue *q)
{
    struct bi_task *self = bi_current_in(__func__);
    int rc = bi_park_check(self);
    if (rc || bide_queue_unfinished(q) == 0)
        return rc;
    struct bi_wait wait = bi_wait_make(self, "queue join", q, bi_wait_unlink);
    return (int)bi_waitq_park(&q->_q, &wait);
}

/* ---- The end ------------------------------------------------------------ */

void bide_queue_shutdown(struct bide_queue *q)
{
    bi_current_in(__func__);
    bide_chan_close(&q->chan);
}

/* What is dropped is done as well. */
struct dropping {
    struct bide_queue *q;
    void (*drop)(void *item, void *arg);
    void *arg;
};

static void drop_one(void *item, void *arg)
{
    struct dropping *d = arg;
    if (d->drop)
        d->drop(item, d->arg);
    bide_queue_task_done(d->q);
}

void bide_queue_shutdown_now(struct bide_queue *q,
                             void (*drop)(void *item, void *arg), void *arg)
{
    struct dropping d = {q, drop, arg};
    bi_current_in(__func__);
    bide_chan_abort(&q->chan, drop_one, &d);
}
