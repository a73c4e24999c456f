/* bodies_queue.c: selects, queues and futures, each with rivals. */
#include "cancel.h"

#include <string.h>

#define ROUNDS 8

/* Numbered items, each to be received once if it was sent. */
struct books_of_items {
    unsigned given, sent, received;
    unsigned char seen[1024];
};

static void note_item(struct books_of_items *b, int item)
{
    b->received++;
    holds(item > 0 && (unsigned)item <= b->given, "an item is one given");
    equal(++b->seen[item & 1023], 1, "an item is received once");
}

static void note_sent(struct books_of_items *b, int item, bool sent)
{
    if (sent)
        b->sent++;
    else
        b->seen[item & 1023]++; /* it must not come */
}

/* ---- Select ------------------------------------------------------------- */

struct desk {
    struct bide_chan chans[2];
    int places[2][2];
    bool sends, receives; /* what the endangered task does */
    struct books_of_items books;
};

/* Select over what is asked for at both channels: as bide_chan_select(), but
 * 0 when a channel was found closed. */
static int deal(struct desk *d, bool sends, bool receives)
{
    struct bide_chan_case cases[4];
    size_t n = 0;
    int item = sends ? (int)++d->books.given : 0, got = 0;
    for (int i = 0; i < 2; i++) {
        if (sends)
            cases[n++] = (struct bide_chan_case){.chan = &d->chans[i],
                                                 .send = &item};
        if (receives)
            cases[n++] = (struct bide_chan_case){.chan = &d->chans[i],
                                                 .recv = &got};
    }
    int i = bide_chan_select(cases, n);
    bool sent = i >= 0 && cases[i].send && cases[i].result == 0;
    bool received = i >= 0 && cases[i].recv && cases[i].result == 1;
    if (sends)
        note_sent(&d->books, item, sent);
    if (received)
        note_item(&d->books, got);
    return i < 0 ? i : sent || received;
}

static intptr_t deal_in_danger(void *arg)
{
    struct desk *d = arg;
    for (int i = 0; i < ROUNDS; i++) {
        int rc = deal(d, d->sends, d->receives);
        if (rc < 0)
            return stopped(rc);
        equal(rc, 1, "an open channel deals");
    }
    return 0;
}

static intptr_t send_until_closed(void *arg)
{
    int rc;
    while ((rc = deal(arg, true, false)) == 1)
        turn();
    equal(rc, 0, "a sender is stopped by the close alone");
    return 0;
}

static intptr_t receive_until_closed(void *arg)
{
    int rc;
    while ((rc = deal(arg, false, true)) == 1)
        turn();
    equal(rc, 0, "a receiver is stopped by the close alone");
    return 0;
}

static void select_among_rivals(const struct choice *c)
{
    static struct desk d;
    struct bide_group g = {0};
    int item;
    memset(&d, 0, sizeof d);
    d.sends = c->call != 1;
    d.receives = c->call != 0;
    for (int i = 0; i < 2; i++)
        bide_chan_init(&d.chans[i], c->medium ? d.places[i] : NULL,
                       sizeof(int), (size_t)c->medium);
    bide_group_open(&g, BIDE_FAIL_FAST);
    beside(&g, receive_until_closed, &d);
    beside(&g, send_until_closed, &d);
    endanger(deal_in_danger, &d);
    bide_chan_close(&d.chans[0]);
    bide_chan_close(&d.chans[1]);
    all_ended(&g);
    for (int i = 0; i < 2; i++) {
        struct bide_chan_stats s;
        while (bide_chan_tryrecv(&d.chans[i], &item) == 1)
            note_item(&d.books, item);
        bide_chan_stats(&d.chans[i], &s);
        equal((long)(s.senders + s.receivers), 0, "nobody is left waiting");
    }
    equal(d.books.received, d.books.sent, "what was sent was received");
}

/* ---- Queues ------------------------------------------------------------- */

struct work {
    struct bide_queue queue;
    uint64_t room[BIDE_PRIORITY_BYTES(sizeof(int), 2) / 8];
    struct books_of_items books;
};

static bool smaller(const void *a, const void *b)
{
    return *(const int *)a < *(const int *)b;
}

static int put_next(struct work *w)
{
    int item = (int)++w->books.given;
    int rc = bide_queue_put(&w->queue, &item);
    note_sent(&w->books, item, rc == 0);
    return rc;
}

static int get_next(struct work *w)
{
    int item;
    int rc = bide_queue_get(&w->queue, &item);
    if (rc != 1)
        return rc;
    note_item(&w->books, item);
    equal(bide_queue_task_done(&w->queue), 0, "what was got can be finished");
    return 1;
}

static intptr_t put_in_danger(void *arg)
{
    int rc = 0;
    for (int i = 0; i < ROUNDS && rc == 0; i++)
        rc = put_next(arg);
    return rc < 0 ? stopped(rc) : 0;
}

static intptr_t get_in_danger(void *arg)
{
    int rc = 1;
    for (int i = 0; i < ROUNDS && rc == 1; i++)
        rc = get_next(arg);
    return rc < 0 ? stopped(rc) : 0;
}

static intptr_t join_in_danger(void *arg)
{
    struct work *w = arg;
    int item = (int)++w->books.given;
    int rc = bide_queue_tryput(&w->queue, &item);
    note_sent(&w->books, item, rc == 0);
    rc = bide_queue_join(&w->queue);
    if (rc < 0)
        return stopped(rc);
    return 0;
}

static intptr_t put_until_shutdown(void *arg)
{
    int rc;
    while ((rc = put_next(arg)) == 0) {
        turn();
        turn();
    }
    equal(rc, -ESHUTDOWN, "who puts is stopped by the shutdown alone");
    return 0;
}

static intptr_t get_until_shutdown(void *arg)
{
    int rc;
    while ((rc = get_next(arg)) == 1)
        turn();
    equal(rc, 0, "who gets is stopped by the shutdown alone");
    return 0;
}

static void queue_among_rivals(const struct choice *c)
{
    static bide_fn *const fns[] = {put_in_danger, get_in_danger,
                                   join_in_danger};
    static struct work w;
    struct bide_group g = {0};
    memset(&w, 0, sizeof w);
    bide_queue_init_priority(&w.queue, w.room, sizeof(int), (size_t)c->medium,
                             smaller);
    bide_group_open(&g, BIDE_FAIL_FAST);
    beside(&g, get_until_shutdown, &w);
    beside(&g, put_until_shutdown, &w);
    endanger(fns[c->call], &w);
    bide_queue_shutdown(&w.queue);
    all_ended(&g);
    while (get_next(&w) == 1)
        ;
    equal(w.books.received, w.books.sent, "what was put was got");
    equal(bide_queue_join(&w.queue), 0, "and all of it is finished");
}

/* ---- Futures ------------------------------------------------------------ */

static struct bide_future futures[ROUNDS];

static intptr_t await_in_danger(void *unused)
{
    (void)unused;
    for (int i = 0; i < ROUNDS; i++) {
        intptr_t rc = bide_future_wait(&futures[i]);
        if (rc < 0)
            return stopped(rc);
        equal(rc, i + 1, "a future has its value");
    }
    return 0;
}

static intptr_t await_safely(void *unused)
{
    (void)unused;
    for (int i = 0; i < ROUNDS; i++)
        equal(bide_future_wait(&futures[i]), i + 1, "and others get it too");
    return 0;
}

static intptr_t set_all(void *unused)
{
    (void)unused;
    for (int i = 0; i < ROUNDS; i++) {
        turn();
        equal(bide_future_set(&futures[i], i + 1), 0, "it is set once");
    }
    return 0;
}

static void futures_among_rivals(const struct choice *unused)
{
    (void)unused;
    struct bide_group g = {0};
    memset(futures, 0, sizeof futures);
    bide_group_open(&g, BIDE_FAIL_FAST);
    beside(&g, await_safely, NULL);
    beside(&g, set_all, NULL);
    endanger(await_in_danger, NULL);
    all_ended(&g);
}

void queue_bodies(void)
{
    add_body("select.send.unbuffered", select_among_rivals,
             (struct choice){0, 0, 0});
    add_body("select.recv.unbuffered", select_among_rivals,
             (struct choice){0, 1, 0});
    add_body("select.both.unbuffered", select_among_rivals,
             (struct choice){0, 2, 0});
    add_body("select.send.buffered", select_among_rivals,
             (struct choice){1, 0, 0});
    add_body("select.recv.buffered", select_among_rivals,
             (struct choice){1, 1, 0});
    add_body("select.both.buffered", select_among_rivals,
             (struct choice){1, 2, 0});
    add_body("queue.put", queue_among_rivals, (struct choice){1, 0, 0});
    add_body("queue.get", queue_among_rivals, (struct choice){2, 1, 0});
    add_body("queue.join", queue_among_rivals, (struct choice){2, 2, 0});
    add_body("future", futures_among_rivals, (struct choice){0});
}
