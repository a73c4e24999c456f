/* chan.c: items of one size, handed from task to task.
 *
 * An item goes straight from the sender's storage to a waiting receiver's, or
 * through the caller's buffer: a ring, unless a queue keeps it in another
 * order.  Senders wait only while the buffer is full, receivers only while it
 * is empty; whoever makes room or brings an item serves the first waiter of the
 * other side on the spot.  So an item has exactly one place, and a waiter that
 * was woken has dealt, cancelled or not.  There are never waiters on both
 * sides, but for those of one select that would send as well as receive here,
 * and that one looks for partners only before it waits, never at itself.
 *
 * Rejected: running the receiver at once when it is handed an item.  That saves
 * nothing, since each of the two still leaves once for every two items, and a
 * pair would keep all others from their turn.
 */
#include "chan.h"

#include <string.h>

static struct bi_side *first_at(const struct bide_waitq *q)
{
    struct bi_list *link = bi_list_first(bi_waitq_list(q));
    return link ? bi_container_of(link, struct bi_side, link) : NULL;
}

/* Take down every side of the meeting that `side` is one of. */
static void take_down(struct bi_side *side)
{
    struct bi_side *s = side;
    do {
        bi_list_remove(&s->link);
        s = s->next;
    } while (s != side);
}

bool bi_meeting_withdraw(struct bi_wait *wait)
{
    take_down(bi_container_of(wait, struct bi_meeting, wait)->side);
    return true;
}

/* The wait of `side` is over, with the result of its call. */
static void serve(struct bi_side *side, int result)
{
    take_down(side);
    side->meeting->side = side;
    bi_wake(&side->meeting->wait, result);
}

static void serve_all(struct bide_waitq *q, int result)
{
    struct bi_side *side;
    while ((side = first_at(q)))
        serve(side, result);
}

/* ---- The buffer --------------------------------------------------------- */

/* Sizes that are a move or two are not worth a call. */
static inline void copy(const struct bide_chan *c, void *to, const void *from)
{
    switch (c->_n[BI_CHAN_ITEM_BYTES]) {
    case 0: break;
    case 1: memcpy(to, from, 1); break;
    case 2: memcpy(to, from, 2); break;
    case 4: memcpy(to, from, 4); break;
    case 8: memcpy(to, from, 8); break;
    case 16: memcpy(to, from, 16); break;
    default: memcpy(to, from, c->_n[BI_CHAN_ITEM_BYTES]);
    }
}

/* The place `i` after the oldest item. */
static inline char *place(const struct bide_chan *c, size_t i)
{
    size_t at = c->_n[BI_CHAN_FIRST] + i;
    if (at >= c->_n[BI_CHAN_CAPACITY])
        at -= c->_n[BI_CHAN_CAPACITY];
    return c->_buf + at * c->_n[BI_CHAN_ITEM_BYTES];
}

static inline void put(struct bide_chan *c, const void *item)
{
    const struct bi_order *order = c->_order;
    if (bi_unlikely(order))
        order->put(c, item);
    else
        copy(c, place(c, c->_n[BI_CHAN_COUNT]), item);
    c->_n[BI_CHAN_COUNT]++;
    c->_n[BI_CHAN_SENT]++;
}

/* Take the next item out; where it lies until the next put. */
static inline const void *take(struct bide_chan *c)
{
    const struct bi_order *order = c->_order;
    c->_n[BI_CHAN_COUNT]--;
    if (bi_unlikely(order))
        return order->take(c);
    const void *item = place(c, 0);
    size_t next = c->_n[BI_CHAN_FIRST] + 1;
    c->_n[BI_CHAN_FIRST] = next == c->_n[BI_CHAN_CAPACITY] ? 0 : next;
    return item;
}

void bide_chan_init(struct bide_chan *c, void *buf, size_t item_bytes,
                    size_t capacity)
{
    size_t bytes;
    BI_CONTRACT(!__builtin_mul_overflow(item_bytes, capacity, &bytes), __func__,
                "was given a capacity that no memory holds");
    BI_CONTRACT(buf || !bytes, __func__,
                "was given no buffer for its capacity");
    *c = (struct bide_chan){._buf = buf, ._n = {item_bytes, capacity}};
}

/* ---- Sending and receiving ---------------------------------------------- */

static inline int try_send(struct bide_chan *c, const void *item)
{
    if (bi_unlikely(c->_closed))
        return -EPIPE;
    struct bi_side *receiver = first_at(&c->_r);
    if (receiver) {
        copy(c, receiver->item, item);
        c->_n[BI_CHAN_SENT]++;
        serve(receiver, 1);
        return 0;
    }
    if (c->_n[BI_CHAN_COUNT] == c->_n[BI_CHAN_CAPACITY])
        return -EAGAIN;
    put(c, item);
    return 0;
}

static inline int try_recv(struct bide_chan *c, void *item)
{
    bool buffered = c->_n[BI_CHAN_COUNT] > 0;
    if (buffered)
        copy(c, item, take(c));
    struct bi_side *sender = first_at(&c->_s);
    if (!sender)
        return buffered ? 1 : c->_closed ? 0 : -EAGAIN;
    if (buffered) {
        put(c, sender->item);
    } else {
        copy(c, item, sender->item);
        c->_n[BI_CHAN_SENT]++;
    }
    serve(sender, 0);
    return 1;
}

int bi_chan_try_send(struct bide_chan *c, const void *item)
{
    return try_send(c, item);
}

int bi_chan_try_recv(struct bide_chan *c, void *item)
{
    return try_recv(c, item);
}

int bi_chan_wait(struct bi_task *self, const char *what, struct bide_chan *c,
                 struct bide_waitq *q, const void *item)
{
    struct bi_side side;
    struct bi_meeting m = bi_meeting_make(self, what, c, bi_meeting_withdraw);
    bi_meeting_add(&m, &side, q, (void *)(uintptr_t)item);
    return (int)bi_park(&m.wait);
}

int bide_chan_send(struct bide_chan *c, const void *item)
{
    struct bi_task *self = bi_current_in(__func__);
    int rc = bi_park_check(self);
    if (rc == 0)
        rc = try_send(c, item);
    if (rc != -EAGAIN)
        return rc;
    return bi_chan_wait(self, "channel send", c, &c->_s, item);
}

int bide_chan_recv(struct bide_chan *c, void *item)
{
    struct bi_task *self = bi_current_in(__func__);
    int rc = bi_park_check(self);
    if (rc == 0)
        rc = try_recv(c, item);
    if (rc != -EAGAIN)
        return rc;
    return bi_chan_wait(self, "channel receive", c, &c->_r, item);
}

int bide_chan_trysend(struct bide_chan *c, const void *item)
{
    bi_current_in(__func__);
    return try_send(c, item);
}

int bide_chan_tryrecv(struct bide_chan *c, void *item)
{
    bi_current_in(__func__);
    return try_recv(c, item);
}

/* ---- The end ------------------------------------------------------------ */

void bide_chan_close(struct bide_chan *c)
{
    bi_current_in(__func__);
    c->_closed = true;
    serve_all(&c->_s, -EPIPE);
    serve_all(&c->_r, 0);
}

void bide_chan_abort(struct bide_chan *c, void (*drop)(void *item, void *arg),
                     void *arg)
{
    bi_current_in(__func__);
    bide_chan_close(c);
    while (c->_n[BI_CHAN_COUNT] > 0) {
        const void *item = take(c);
        if (drop)
            drop((void *)(uintptr_t)item, arg);
    }
}

int bide_chan_add_producers(struct bide_chan *c, size_t n)
{
    bi_current_in(__func__);
    if (c->_closed)
        return -EPIPE;
    c->_n[BI_CHAN_PRODUCERS] += n;
    return 0;
}

int bide_chan_producer_done(struct bide_chan *c)
{
    bi_current_in(__func__);
    if (c->_n[BI_CHAN_PRODUCERS] == 0)
        return -ERANGE;
    if (--c->_n[BI_CHAN_PRODUCERS] == 0)
        bide_chan_close(c);
    return 0;
}

/* ---- Seeing it ---------------------------------------------------------- */

static size_t count_at(const struct bide_waitq *q)
{
    size_t n = 0;
    BI_LIST_EACH(link, bi_waitq_list(q))
        n++;
    return n;
}

size_t bide_chan_len(const struct bide_chan *c)
{
    return c->_n[BI_CHAN_COUNT];
}

size_t bide_chan_capacity(const struct bide_chan *c)
{
    return c->_n[BI_CHAN_CAPACITY];
}

bool bide_chan_closed(const struct bide_chan *c)
{
    return c->_closed;
}

void bide_chan_stats(const struct bide_chan *c, struct bide_chan_stats *out)
{
    *out = (struct bide_chan_stats){
        .items = c->_n[BI_CHAN_COUNT],
        .senders = count_at(&c->_s),
        .receivers = count_at(&c->_r),
        .producers = c->_n[BI_CHAN_PRODUCERS],
        .sent = c->_n[BI_CHAN_SENT],
    };
}
