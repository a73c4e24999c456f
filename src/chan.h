/* chan.h: how tasks meet at a channel; what select and queue are made of.
 *
 * A task that waits puts up a side at each channel it would deal with: on the
 * channel's _s to send, on its _r to receive.  A plain send or receive has one
 * side, a select one a case.  The sides of one wait form a ring, and whoever
 * serves one of them takes them all down.
 */
#ifndef BI_CHAN_H
#define BI_CHAN_H

#include "waitq.h"

/* What bide.h's _n[] are. */
enum {
    BI_CHAN_ITEM_BYTES,
    BI_CHAN_CAPACITY,
    BI_CHAN_FIRST,     /* the place of the oldest item in the ring */
    BI_CHAN_COUNT,     /* of the items in the buffer */
    BI_CHAN_SENT,      /* of the items accepted since the start */
    BI_CHAN_PRODUCERS, /* who have not said that they are done */
    BI_CHAN_NUMBERS
};

static_assert(sizeof((struct bide_chan *)0)->_n ==
                  BI_CHAN_NUMBERS * sizeof(size_t),
              "struct bide_chan holds that many numbers");

/* How the buffer is kept where it is not a ring; bide.h's _order. */
struct bi_order {
    /* Put a copy of `item` into the buffer, which has room. */
    void (*put)(struct bide_chan *c, const void *item);
    /* Take the next item out; it lies there until the next put. */
    void *(*take)(struct bide_chan *c);
};

/* One wait for the first of its sides. */
struct bi_meeting {
    struct bi_wait wait;
    struct bi_side *side; /* any of them; after a wake-up the one served */
};

/* In struct bide_chan_case, or on the waiter's stack. */
struct bi_side {
    struct bi_list link; /* on the channel's _s or _r while it waits */
    struct bi_side *next; /* in the ring of the meeting's sides */
    struct bi_meeting *meeting;
    void *item; /* where to take it from, or put it to */
};

static inline struct bi_meeting bi_meeting_make(struct bi_task *self,
                                                const char *what,
                                                const void *on,
                                                bool (*withdraw)(
                                                    struct bi_wait *))
{
    return (struct bi_meeting){
        .wait = bi_wait_make(self, what, on, withdraw)};
}

/* Put up one more side of `m`, at `q`. */
static inline void bi_meeting_add(struct bi_meeting *m, struct bi_side *side,
                                  struct bide_waitq *q, void *item)
{
    struct bi_side *last = m->side ? m->side : side;
    side->meeting = m;
    side->item = item;
    side->next = m->side ? last->next : side;
    last->next = m->side = side;
    bi_waitq_borrow(q, &m->wait);
    bi_list_push_back(bi_waitq_list(q), &side->link);
}

/* The withdraw of a meeting's wait: takes all its sides down. */
bool bi_meeting_withdraw(struct bi_wait *wait);

/* Send without waiting: 0, -EAGAIN or -EPIPE. */
int bi_chan_try_send(struct bide_chan *c, const void *item);

/* Receive without waiting: 1, 0 at the end, or -EAGAIN. */
int bi_chan_try_recv(struct bide_chan *c, void *item);

/* What a send or receive that would not go through does next: wait at `q`, one
 * of the two of `c`, until somebody deals with `item`.  The call's result. */
int bi_chan_wait(struct bi_task *self, const char *what, struct bide_chan *c,
                 struct bide_waitq *q, const void *item);

#endif
