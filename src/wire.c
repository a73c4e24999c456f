/* wire.c: a stream in memory, between two ends.
 *
 * What an end has written lies in packets on its way to the other one, each
 * with the time at which it has come.  Nothing is done here but on demand: an
 * attempt moves what can be moved now, and wires.c knows whom that lets go on.
 */
#include "wire.h"

#include "seed.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY 65536

struct packet {
    struct bi_list link; /* on the end's `coming` */
    bide_time due;
    size_t at, len; /* the bytes before `at` have been read */
    char bytes[];
};

static struct packet *packet_of(struct bi_list *link)
{
    return bi_container_of(link, struct packet, link);
}

static struct packet *first_packet(const struct bi_end *end)
{
    struct bi_list *link = bi_list_first(&end->coming);
    return link ? packet_of(link) : NULL;
}

struct bi_wire *bi_wire_make(const struct bide_test_link *link,
                             uint64_t *random)
{
    struct bi_wire *wire = calloc(1, sizeof *wire);
    if (!wire)
        return NULL;
    if (link)
        wire->how = *link;
    if (!wire->how.capacity)
        wire->how.capacity = CAPACITY;
    wire->random = random;
    for (int i = 0; i < 2; i++) {
        wire->ends[i].wire = wire;
        wire->ends[i].last = BIDE_FOREVER;
    }
    return wire;
}

static void drop_packets(struct bi_end *end)
{
    struct bi_list *link;
    while ((link = bi_list_pop(&end->coming)))
        free(packet_of(link));
    end->bytes = 0;
}

void bi_wire_free(struct bi_wire *wire)
{
    drop_packets(&wire->ends[0]);
    drop_packets(&wire->ends[1]);
    free(wire);
}

/* 1 to `most`, by lot; SIZE_MAX where there is no limit. */
static size_t lot(const struct bi_wire *wire)
{
    if (!wire->how.most_bytes)
        return SIZE_MAX;
    return 1 + (size_t)(bi_seed_draw(wire->random) % wire->how.most_bytes);
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* ---- What an end can do ------------------------------------------------- */

/* A packet is there. */
static bool has_bytes(const struct bi_end *end)
{
    const struct packet *p = first_packet(end);
    return p && p->due <= bide_now();
}

/* Nothing more will come. */
static bool has_ended(const struct bi_end *end)
{
    return !first_packet(end) && end->last <= bide_now();
}

/* Nothing stands before the reset. */
static bool is_reset(const struct bi_end *end)
{
    return end->wire->reset && !first_packet(end);
}

static bool reads_now(const struct bi_end *end)
{
    return end->deaf || has_bytes(end) || has_ended(end) || is_reset(end);
}

/* Nobody will read what it writes. */
static bool is_shut_out(const struct bi_end *end)
{
    const struct bi_end *to = bi_wire_other(end);
    return to->last != BIDE_FOREVER || to->deaf;
}

static bool writes_now(const struct bi_end *end)
{
    return end->wire->reset || is_shut_out(end) ||
           bi_wire_other(end)->bytes < end->wire->how.capacity;
}

short bi_wire_events(const struct bi_end *end)
{
    bool over = end->deaf || end->last <= bide_now() || is_reset(end);
    int events = 0;
    if (reads_now(end))
        events |= POLLIN | POLLRDNORM;
    if (writes_now(end))
        events |= POLLOUT | POLLWRNORM;
    if (over)
        events |= POLLRDHUP;
    if (over && (end->wire->reset || is_shut_out(end)))
        events |= POLLHUP;
    if (end->wire->reset && !end->told)
        events |= POLLERR;
    return (short)events;
}

bide_time bi_wire_due(const struct bi_end *end)
{
    const struct packet *p = first_packet(end);
    bide_time due = p ? p->due : end->last;
    return due > bide_now() ? due : BIDE_FOREVER;
}

/* ---- Bytes -------------------------------------------------------------- */

/* The buffers of an operation. */
struct buffers {
    const struct iovec *iov;
    size_t n;
    struct iovec one;
};

/* False: it is none that a stream in memory knows. */
static bool find_buffers(struct bi_op *op, struct buffers *b)
{
    b->one = (struct iovec){op->buf, op->len};
    b->iov = &b->one;
    b->n = 1;
    switch (op->kind) {
    case BI_OP_READ: case BI_OP_WRITE: case BI_OP_RECV: case BI_OP_SEND:
        break;
    case BI_OP_READV: case BI_OP_WRITEV:
        b->iov = op->iov;
        b->n = op->len;
        break;
    case BI_OP_RECVMSG: case BI_OP_SENDMSG:
        b->iov = op->msg->msg_iov;
        b->n = op->msg->msg_iovlen;
        break;
    default:
        return false;
    }
    return !(op->flags & ~(MSG_NOSIGNAL | MSG_DONTWAIT | MSG_PEEK));
}

static size_t room_of(const struct buffers *b)
{
    size_t room = 0;
    for (size_t i = 0; i < b->n; i++)
        room += b->iov[i].iov_len;
    return room;
}

/* Copy `len` bytes between `bytes` and the buffers from their byte `at` on. */
static void copy(const struct iovec *iov, size_t at, char *bytes, size_t len,
                 bool out)
{
    for (; len; iov++) {
        size_t n = at < iov->iov_len ? smaller(len, iov->iov_len - at) : 0;
        char *base = (char *)iov->iov_base + (n ? at : 0);
        if (n)
            memcpy(out ? base : bytes, out ? bytes : base, n);
        at -= n ? at : iov->iov_len;
        bytes += n;
        len -= n;
    }
}

/* The next `n` bytes of `p` have been read. */
static void consume(struct bi_end *end, struct packet *p, size_t n)
{
    p->at += n;
    end->bytes -= n;
    if (p->at < p->len)
        return;
    bi_list_remove(&p->link);
    free(p);
}

/* Read up to `len` bytes of what has come; how many.  A peek leaves them. */
static size_t take(struct bi_end *end, const struct buffers *b, size_t len,
                   bool peek)
{
    struct bi_list *next, *link = bi_list_first(&end->coming);
    size_t moved = 0;
    for (; link && link != &end->coming && moved < len; link = next) {
        struct packet *p = packet_of(link);
        size_t n = smaller(len - moved, p->len - p->at);
        next = link->next;
        if (p->due > bide_now())
            break;
        copy(b->iov, moved, p->bytes + p->at, n, true);
        moved += n;
        if (!peek)
            consume(end, p, n);
    }
    return moved;
}

/* Send `len` bytes to `to`. */
static intptr_t post(struct bi_end *to, const struct buffers *b, size_t len)
{
    struct packet *p = malloc(sizeof *p + len);
    if (!p)
        return -ENOMEM;
    *p = (struct packet){.due = bide_after(to->wire->how.delay), .len = len};
    copy(b->iov, 0, p->bytes, len, false);
    bi_list_push_back(&to->coming, &p->link);
    to->bytes += len;
    to->wire->moved += len;
    return (intptr_t)len;
}

/* ---- Operations --------------------------------------------------------- */

/* What is left to say once the wire is reset: that, and then the end. */
static intptr_t tell_reset(struct bi_end *end, intptr_t after)
{
    bool first = !end->told;
    end->told = true;
    return first ? -ECONNRESET : after;
}

static intptr_t read_end(struct bi_end *end, const struct buffers *b, bool peek)
{
    size_t room = room_of(b);
    if (room == 0 || end->deaf)
        return 0;
    if (has_bytes(end))
        return (intptr_t)take(end, b, smaller(room, lot(end->wire)), peek);
    if (!reads_now(end))
        return -EAGAIN;
    return end->wire->reset ? tell_reset(end, 0) : 0;
}

static intptr_t write_end(struct bi_end *end, const struct buffers *b)
{
    struct bi_wire *wire = end->wire;
    struct bi_end *to = bi_wire_other(end);
    size_t len = room_of(b);
    if (wire->reset)
        return tell_reset(end, -EPIPE);
    if (is_shut_out(end))
        return -EPIPE;
    if (len == 0)
        return 0;
    if (!writes_now(end))
        return -EAGAIN;
    len = smaller(len, wire->how.capacity - to->bytes);
    len = smaller(len, lot(wire));
    if (wire->how.reset_after)
        len = smaller(len, (size_t)(wire->how.reset_after - wire->moved));
    intptr_t rc = post(to, b, len);
    if (wire->how.reset_after && wire->moved == wire->how.reset_after)
        wire->reset = true;
    return rc;
}

static intptr_t poll_end(const struct bi_end *end, int wanted)
{
    int events = bi_wire_events(end) & (wanted | POLLERR | POLLHUP);
    return events ? events : -EAGAIN;
}

intptr_t bi_wire_attempt(struct bi_end *end, struct bi_op *op)
{
    struct buffers b;
    if (op->kind == BI_OP_POLL)
        return poll_end(end, op->flags);
    if (!find_buffers(op, &b))
        return -EOPNOTSUPP;
    if (bi_op_events(op) == POLLOUT)
        return write_end(end, &b);
    intptr_t rc = read_end(end, &b, op->flags & MSG_PEEK);
    if (rc >= 0 && op->kind == BI_OP_RECVMSG) {
        op->msg->msg_namelen = 0;
        op->msg->msg_controllen = 0;
        op->msg->msg_flags = 0;
    }
    return rc;
}

/* ---- Ends --------------------------------------------------------------- */

void bi_wire_shut_out(struct bi_end *end)
{
    struct bi_end *to = bi_wire_other(end);
    if (to->last == BIDE_FOREVER)
        to->last = bide_after(end->wire->how.delay);
}

void bi_wire_shut_in(struct bi_end *end)
{
    drop_packets(end);
    end->deaf = true;
}

void bi_wire_reset(struct bi_wire *wire)
{
    wire->reset = true;
    drop_packets(&wire->ends[0]);
    drop_packets(&wire->ends[1]);
}
