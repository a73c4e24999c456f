/* chan.c: items of one size, handed from task to task.
 *
 * An item goes straight from the sender's storage to a waiting receiver's, or
 * through the ring of the caller's buffer.  Senders wait only while the ring is
 * full, receivers only while it is empty; whoever makes room or brings an item
 * serves the first waiter of the other side on the spot.  So there are never
 * waiters on both sides, an item has exactly one place, and a waiter that was
 * woken has its item, cancelled or not.
 */
#include "waitq.h"

#include <string.h>

/* What bide.h's _n[] are. */
enum { ITEM_BYTES, CAPACITY, FIRST, COUNT };

/* A task at one side; `item` is where to take from or put to. */
struct side {
    struct bi_wait wait;
    void *item;
};

static struct side *side_of(struct bi_wait *wait)
{
    return bi_container_of(wait, struct side, wait);
}

static void copy(const struct bide_chan *c, void *to, const void *from)
{
    if (c->_n[ITEM_BYTES])
        memcpy(to, from, c->_n[ITEM_BYTES]);
}

static char *place(const struct bide_chan *c, size_t i)
{
    size_t at = c->_n[FIRST] + i;
    if (at >= c->_n[CAPACITY])
        at -= c->_n[CAPACITY];
    return c->_buf + at * c->_n[ITEM_BYTES];
}

static void put(struct bide_chan *c, const void *item)
{
    copy(c, place(c, c->_n[COUNT]++), item);
}

static void take(struct bide_chan *c, void *item)
{
    copy(c, item, place(c, 0));
    c->_n[FIRST] = c->_n[FIRST] + 1 == c->_n[CAPACITY] ? 0 : c->_n[FIRST] + 1;
    c->_n[COUNT]--;
}

void bide_chan_init(struct bide_chan *c, void *buf, size_t item_bytes,
                    size_t capacity)
{
    BI_CONTRACT(buf || !capacity || !item_bytes, __func__,
                "was given no buffer for its capacity");
    *c = (struct bide_chan){._buf = buf, ._n = {item_bytes, capacity}};
}

/* Send without waiting: 0, -EAGAIN or -EPIPE. */
static int try_send(struct bide_chan *c, const void *item)
{
    if (c->_closed)
        return -EPIPE;
    struct bi_wait *receiver = bi_waitq_pop(&c->_r);
    if (receiver) {
        copy(c, side_of(receiver)->item, item);
        bi_wake(receiver, 1);
        return 0;
    }
    if (c->_n[COUNT] == c->_n[CAPACITY])
        return -EAGAIN;
    put(c, item);
    return 0;
}

/* Receive without waiting: 1, 0 at the end, or -EAGAIN. */
static int try_recv(struct bide_chan *c, void *item)
{
    bool buffered = c->_n[COUNT] > 0;
    if (buffered)
        take(c, item);
    struct bi_wait *sender = bi_waitq_pop(&c->_s);
    if (!sender)
        return buffered ? 1 : c->_closed ? 0 : -EAGAIN;
    if (buffered)
        put(c, side_of(sender)->item);
    else
        copy(c, item, side_of(sender)->item);
    bi_wake(sender, 0);
    return 1;
}

int bide_chan_send(struct bide_chan *c, const void *item)
{
    struct bi_task *self = bi_current_in(__func__);
    int rc = bi_park_check(self);
    if (rc == 0)
        rc = try_send(c, item);
    if (rc != -EAGAIN)
        return rc;
    struct side side = {
        .wait = bi_wait_make(self, "channel send", c, bi_wait_unlink),
        .item = (void *)(uintptr_t)item,
    };
    return (int)bi_waitq_park(&c->_s, &side.wait);
}

int bide_chan_recv(struct bide_chan *c, void *item)
{
    struct bi_task *self = bi_current_in(__func__);
    int rc = bi_park_check(self);
    if (rc == 0)
        rc = try_recv(c, item);
    if (rc != -EAGAIN)
        return rc;
    struct side side = {
        .wait = bi_wait_make(self, "channel receive", c, bi_wait_unlink),
        .item = item,
    };
    return (int)bi_waitq_park(&c->_r, &side.wait);
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

void bide_chan_close(struct bide_chan *c)
{
    bi_current_in(__func__);
    c->_closed = true;
    bi_waitq_wake_all(&c->_s, -EPIPE);
    bi_waitq_wake_all(&c->_r, 0);
}
