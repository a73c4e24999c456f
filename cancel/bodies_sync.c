/* bodies_sync.c: locks, events and channels, each with rivals. */
#include "cancel.h"

#include <string.h>

#define ROUNDS 3

/* ---- A lock ------------------------------------------------------------- */

struct room {
    struct bide_mutex lock;
    int inside;
    unsigned visits; /* begun and ended, of everybody */
};

static void visit(struct room *room)
{
    equal(++room->inside, 1, "one is in the room at a time");
    turn();
    room->inside--;
    room->visits++;
    equal(bide_mutex_unlock(&room->lock), 0, "who is in can leave");
}

static intptr_t visit_in_danger(void *arg)
{
    struct room *room = arg;
    for (int i = 0; i < ROUNDS; i++) {
        int rc = bide_mutex_lock(&room->lock);
        if (rc < 0) {
            equal(bide_mutex_unlock(&room->lock), -EPERM,
                  "who was refused the lock does not hold it");
            return stopped(rc);
        }
        visit(room);
    }
    return 0;
}

static intptr_t visit_safely(void *arg)
{
    struct room *room = arg;
    for (int i = 0; i < ROUNDS; i++) {
        equal(bide_mutex_lock(&room->lock), 0, "rivals get the lock");
        visit(room);
        turn();
    }
    return 0;
}

static void lock_among_rivals(const struct choice *unused)
{
    (void)unused;
    struct room room = {0};
    struct bide_group g = {0};
    bide_group_open(&g, BIDE_FAIL_FAST);
    beside(&g, visit_safely, &room);
    beside(&g, visit_safely, &room);
    endanger(visit_in_danger, &room);
    all_ended(&g);
    holds(room.visits >= 2 * ROUNDS, "no rival was kept out");
    equal(bide_mutex_trylock(&room.lock), 0, "nobody holds the lock at last");
    bide_mutex_unlock(&room.lock);
}

/* ---- An event ----------------------------------------------------------- */

struct bell {
    struct bide_event rings;
    unsigned rung, heard;
};

static intptr_t listen_in_danger(void *arg)
{
    struct bell *bell = arg;
    for (int i = 0; i < ROUNDS; i++) {
        int rc = bide_event_wait(&bell->rings);
        if (rc < 0)
            return stopped(rc);
        holds(++bell->heard <= bell->rung, "what was heard was rung");
        bide_event_clear(&bell->rings);
    }
    return 0;
}

static intptr_t ring(void *arg)
{
    struct bell *bell = arg;
    while (!danger_is_over()) {
        bell->rung++;
        bide_event_set(&bell->rings);
        turn();
        turn();
    }
    return 0;
}

static void event_that_rings(const struct choice *unused)
{
    (void)unused;
    struct bell bell = {0};
    struct bide_group g = {0};
    bide_group_open(&g, BIDE_FAIL_FAST);
    beside(&g, ring, &bell);
    endanger(listen_in_danger, &bell);
    all_ended(&g);
    equal(bell.heard == ROUNDS, !was_struck() || bell.heard == ROUNDS,
          "every ring is heard");
}

/* ---- A channel ---------------------------------------------------------- */

#define ITEMS 8
#define CAPACITY_MOST 4

struct line {
    struct bide_chan chan;
    int places[CAPACITY_MOST];
    unsigned given;           /* the last number that someone gave out */
    unsigned sent, received;
    unsigned char seen[1024]; /* by number: how often it was received */
};

static void open_line(struct line *line, int capacity)
{
    memset(line, 0, sizeof *line);
    bide_chan_init(&line->chan, capacity ? line->places : NULL, sizeof(int),
                   (size_t)capacity);
}

static void note_item(struct line *line, int item)
{
    line->received++;
    holds(item > 0 && (unsigned)item <= line->given, "an item is one given");
    equal(++line->seen[item & 1023], 1, "an item is received once");
}

static int send_next(struct line *line)
{
    int item = (int)++line->given;
    int rc = bide_chan_send(&line->chan, &item);
    if (rc == 0)
        line->sent++;
    else
        line->seen[item & 1023]++; /* it must not come */
    return rc;
}

static intptr_t send_in_danger(void *arg)
{
    struct line *line = arg;
    for (int i = 0; i < ITEMS; i++) {
        int rc = send_next(line);
        if (rc < 0)
            return stopped(rc);
    }
    return 0;
}

static intptr_t receive_in_danger(void *arg)
{
    struct line *line = arg;
    for (int i = 0; i < ITEMS; i++) {
        int item = 0;
        int rc = bide_chan_recv(&line->chan, &item);
        if (rc < 0)
            return stopped(rc);
        equal(rc, 1, "an open channel has a next item");
        note_item(line, item);
    }
    return 0;
}

static intptr_t send_until_closed(void *arg)
{
    struct line *line = arg;
    int rc = 0;
    for (; rc == 0; turn())
        rc = send_next(line);
    equal(rc, -EPIPE, "a sender is stopped by the close alone");
    return 0;
}

static intptr_t receive_until_closed(void *arg)
{
    struct line *line = arg;
    int rc, item;
    while ((rc = bide_chan_recv(&line->chan, &item)) == 1) {
        note_item(line, item);
        turn();
    }
    equal(rc, 0, "a receiver is stopped by the close alone");
    return 0;
}

/* Close the line, let the others end, and count. */
static void settle_line(struct line *line, struct bide_group *g)
{
    int item;
    bide_chan_close(&line->chan);
    all_ended(g);
    while (bide_chan_tryrecv(&line->chan, &item) == 1)
        note_item(line, item);
    equal(line->received, line->sent, "what was sent was received");
}

static void channel_sender(const struct choice *c)
{
    struct line line;
    struct bide_group g = {0};
    open_line(&line, c->medium);
    bide_group_open(&g, BIDE_FAIL_FAST);
    beside(&g, receive_until_closed, &line);
    endanger(send_in_danger, &line);
    settle_line(&line, &g);
}

static void channel_receiver(const struct choice *c)
{
    struct line line;
    struct bide_group g = {0};
    open_line(&line, c->medium);
    bide_group_open(&g, BIDE_FAIL_FAST);
    beside(&g, send_until_closed, &line);
    endanger(receive_in_danger, &line);
    settle_line(&line, &g);
}

/* The endangered task is one of two on its side. */
static void channel_of_many(const struct choice *c)
{
    struct line line;
    struct bide_group g = {0};
    bide_fn *fn = c->call ? receive_in_danger : send_in_danger;
    open_line(&line, c->medium);
    bide_group_open(&g, BIDE_FAIL_FAST);
    beside(&g, receive_until_closed, &line);
    beside(&g, send_until_closed, &line);
    endanger(fn, &line);
    settle_line(&line, &g);
}

void sync_bodies(void)
{
    add_body("mutex", lock_among_rivals, (struct choice){0});
    add_body("event", event_that_rings, (struct choice){0});
    add_body("chan.send.unbuffered", channel_sender, (struct choice){0});
    add_body("chan.send.buffered", channel_sender, (struct choice){2, 0, 0});
    add_body("chan.recv.unbuffered", channel_receiver, (struct choice){0});
    add_body("chan.recv.buffered", channel_receiver, (struct choice){2, 0, 0});
    add_body("chan.many.send", channel_of_many, (struct choice){1, 0, 0});
    add_body("chan.many.recv", channel_of_many, (struct choice){1, 1, 0});
}
