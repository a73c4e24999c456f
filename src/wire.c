/* wire.c: stream pairs in memory, for tests.
 *
 * A wire has two ends, each with a descriptor of its own: a socket that is
 * connected to nothing and only keeps the number.  The wires of a run are a
 * backend that stands before the run's own: an operation on an end is done here
 * and all others are passed on.  So every call on descriptors works as on a
 * socket, with its turns, its cancels and its close, and production pays
 * nothing: it has no such backend.
 *
 * What an end has written lies in packets on its way to the other one.  The
 * operations that wait stand on their descriptor's list, as everywhere; whoever
 * changes something serves the two ends again.  They are not counted as in
 * flight, for no kernel is behind them: a run that waits for nothing else is
 * deadlocked, and its virtual clock jumps.
 *
 * Rejected: a kernel's socketpair with limits (when its bytes come is the
 * kernel's to decide, and no seed replays it); a kind of descriptor that each
 * call looks at (a branch on every production path).
 */
#include "wire.h"

#include "io.h"
#include "seed.h"
#include "sys.h"
#include "timer.h"

#include <bide/test.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY 65536

struct packet {
    struct bi_list link; /* on the end's `coming` */
    bide_time due;
    size_t at, len; /* the bytes before `at` have been read */
    char bytes[];
};

struct end {
    struct wire *wire;
    int fd;                /* -1: closed */
    struct bi_list coming; /* packets, in order */
    size_t bytes;          /* in them, not yet read */
    bide_time last;        /* when the end of the stream comes; or FOREVER */
    struct bi_timer timer; /* of the first that is not due yet */
    bool deaf;             /* it reads no more: it was shut down, or closed */
    bool told;             /* of the reset */
};

struct wire {
    struct bi_list link; /* on the run's `wires` */
    struct end ends[2];
    struct bide_test_link how;
    uint64_t moved; /* bytes written, both ways */
    bool reset;
};

static struct end *other(struct end *end)
{
    return &end->wire->ends[end == &end->wire->ends[0]];
}

/* Of the test run of this thread, or NULL.  Not told by the reactor: a fault
 * sweep stands before this backend in turn. */
static _Thread_local struct bi_wires *here;

static struct end *end_at(int fd)
{
    BI_LIST_EACH(it, &here->wires) {
        struct wire *wire = bi_container_of(it, struct wire, link);
        for (int i = 0; i < 2; i++)
            if (wire->ends[i].fd == fd)
                return &wire->ends[i];
    }
    return NULL;
}

/* 1 to `most`, by lot; SIZE_MAX where there is no limit. */
static size_t lot(const struct wire *wire)
{
    if (!wire->how.most_bytes)
        return SIZE_MAX;
    uint64_t drawn = bi_seed_draw(&here->random);
    return 1 + (size_t)(drawn % wire->how.most_bytes);
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* ---- Bytes -------------------------------------------------------------- */

/* The buffers of an operation; false: it is none that a stream knows. */
static bool buffers_of(struct bi_op *op, struct iovec *one,
                       const struct iovec **iov, size_t *n)
{
    *one = (struct iovec){op->buf, op->len};
    *iov = one;
    *n = 1;
    switch (op->kind) {
    case BI_OP_READ: case BI_OP_WRITE: case BI_OP_RECV: case BI_OP_SEND:
        break;
    case BI_OP_READV: case BI_OP_WRITEV:
        *iov = op->iov;
        *n = op->len;
        break;
    case BI_OP_RECVMSG: case BI_OP_SENDMSG:
        *iov = op->msg->msg_iov;
        *n = op->msg->msg_iovlen;
        break;
    default:
        return false;
    }
    return !(op->flags & ~MSG_NOSIGNAL);
}

static size_t room_of(const struct iovec *iov, size_t n)
{
    size_t room = 0;
    for (size_t i = 0; i < n; i++)
        room += iov[i].iov_len;
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

static struct packet *first_packet(const struct end *end)
{
    struct bi_list *link = bi_list_first(&end->coming);
    return link ? bi_container_of(link, struct packet, link) : NULL;
}

/* Read up to `len` bytes of what has come; how many. */
static size_t take(struct end *end, const struct iovec *iov, size_t len)
{
    struct packet *p;
    size_t moved = 0;
    while (moved < len && (p = first_packet(end)) && p->due <= bide_now()) {
        size_t n = smaller(len - moved, p->len - p->at);
        copy(iov, moved, p->bytes + p->at, n, true);
        moved += n;
        p->at += n;
        if (p->at == p->len) {
            bi_list_remove(&p->link);
            free(p);
        }
    }
    end->bytes -= moved;
    return moved;
}

/* Send `len` bytes to `to`. */
static intptr_t post(struct end *to, const struct iovec *iov, size_t len)
{
    struct packet *p = malloc(sizeof *p + len);
    if (!p)
        return -ENOMEM;
    *p = (struct packet){.due = bide_after(to->wire->how.delay), .len = len};
    copy(iov, 0, p->bytes, len, false);
    bi_list_push_back(&to->coming, &p->link);
    to->bytes += len;
    to->wire->moved += len;
    return (intptr_t)len;
}

/* ---- Operations --------------------------------------------------------- */

/* What is left to say once the wire is reset: that, and then the end. */
static intptr_t tell_reset(struct end *end, intptr_t after)
{
    bool first = !end->told;
    end->told = true;
    return first ? -ECONNRESET : after;
}

static intptr_t read_end(struct end *end, const struct iovec *iov, size_t room)
{
    const struct packet *p = first_packet(end);
    if (room == 0 || end->deaf)
        return 0;
    if (p && p->due <= bide_now())
        return (intptr_t)take(end, iov, smaller(room, lot(end->wire)));
    if (!p && end->wire->reset)
        return tell_reset(end, 0);
    return !p && end->last <= bide_now() ? 0 : -EAGAIN;
}

static intptr_t write_end(struct end *end, const struct iovec *iov, size_t len)
{
    struct wire *wire = end->wire;
    struct end *to = other(end);
    if (wire->reset)
        return tell_reset(end, -EPIPE);
    if (to->last != BIDE_FOREVER || to->deaf)
        return -EPIPE;
    if (len == 0)
        return 0;
    if (to->bytes >= wire->how.capacity)
        return -EAGAIN;
    len = smaller(len, wire->how.capacity - to->bytes);
    len = smaller(len, lot(wire));
    if (wire->how.reset_after)
        len = smaller(len, (size_t)(wire->how.reset_after - wire->moved));
    intptr_t rc = post(to, iov, len);
    if (wire->how.reset_after && wire->moved == wire->how.reset_after)
        wire->reset = true;
    return rc;
}

/* The result of `op` now, or -EAGAIN: it must wait. */
static intptr_t attempt(struct end *end, struct bi_op *op)
{
    struct iovec one;
    const struct iovec *iov;
    size_t n;
    if (!buffers_of(op, &one, &iov, &n))
        return -EOPNOTSUPP;
    bool reads = bi_op_events(op) == POLLIN;
    return (reads ? read_end : write_end)(end, iov, room_of(iov, n));
}

static void serve_later(struct bi_timer *timer);

/* End what can end of the operations that wait at `end`; whether any did. */
static bool serve(struct bi_reactor *r, struct end *end)
{
    struct bi_fd *e = bi_fd_find(&r->fds, end->fd);
    struct bi_list *next, *link = e ? bi_list_first(&e->ops) : NULL;
    bool any = false;
    for (; link && link != &e->ops; link = next) {
        next = link->next;
        struct bi_op *op = bi_container_of(
            bi_container_of(link, struct bi_wait, link), struct bi_op, wait);
        intptr_t rc = attempt(end, op);
        if (rc == -EAGAIN)
            continue;
        r->in_flight++; /* for the books, which did not know it */
        bi_op_done(r, op, rc);
        any = true;
    }
    const struct packet *p = first_packet(end);
    bide_time due = p ? p->due : end->last;
    bi_timer_disarm(r->run, &end->timer);
    if (due > bide_now() && due != BIDE_FOREVER)
        bi_timer_arm(r->run, &end->timer, due, serve_later);
    return any;
}

/* Something has happened on `wire`: what one end does may be what the other
 * one waits for. */
static void serve_both(struct bi_reactor *r, struct wire *wire)
{
    for (bool any = true; any;) {
        any = serve(r, &wire->ends[0]);
        any = serve(r, &wire->ends[1]) || any;
    }
}

static void serve_later(struct bi_timer *timer)
{
    struct end *end = bi_container_of(timer, struct end, timer);
    serve_both(bi_reactor_here(), end->wire);
}

/* ---- The backend -------------------------------------------------------- */

static bool try_first(struct bi_reactor *r, const struct bi_op *op,
                      const struct bi_fd *e)
{
    return !end_at(op->fd) && here->real->try_first(r, op, e);
}

static void start(struct bi_reactor *r, struct bi_op *op, struct bi_fd *e)
{
    struct end *end = end_at(op->fd);
    if (!end) {
        here->real->start(r, op, e);
        return;
    }
    r->in_flight--;
    serve_both(r, end->wire);
}

static bool cancel(struct bi_reactor *r, struct bi_op *op)
{
    if (!end_at(op->fd))
        return here->real->cancel(r, op);
    r->in_flight++;
    return true;
}

/* The end writes no more. */
static void shut_out(struct end *end)
{
    struct end *to = other(end);
    if (to->last == BIDE_FOREVER)
        to->last = bide_after(end->wire->how.delay);
}

static void drop_packets(struct end *end)
{
    struct bi_list *link;
    while ((link = bi_list_pop(&end->coming)))
        free(bi_container_of(link, struct packet, link));
    end->bytes = 0;
}

static void shut_in(struct end *end)
{
    drop_packets(end);
    end->deaf = true;
}

static void free_wire(struct wire *wire, struct bi_run *run)
{
    for (int i = 0; i < 2; i++) {
        drop_packets(&wire->ends[i]);
        bi_timer_disarm(run, &wire->ends[i].timer);
    }
    bi_list_remove(&wire->link);
    free(wire);
}

static void let_go(struct bi_reactor *r, int fd, struct bi_fd *e)
{
    struct end *end = end_at(fd);
    if (!end) {
        here->real->let_go(r, fd, e);
        return;
    }
    shut_out(end);
    shut_in(end);
    end->fd = -1;
    if (other(end)->fd < 0)
        free_wire(end->wire, r->run);
    else
        serve_both(r, end->wire);
}

static int shut_down(struct bi_reactor *r, int fd, int how)
{
    struct end *end = end_at(fd);
    if (!end)
        return bi_sys_shutdown(fd, how);
    if (how != SHUT_RD && how != SHUT_WR && how != SHUT_RDWR)
        return -EINVAL;
    if (how != SHUT_RD)
        shut_out(end);
    if (how != SHUT_WR)
        shut_in(end);
    serve_both(r, end->wire);
    return 0;
}

void bi_wires_open(struct bi_wires *w, struct bi_reactor *r)
{
    w->real = r->backend;
    w->face = *w->real;
    w->face.try_first = try_first;
    w->face.start = start;
    w->face.cancel = cancel;
    w->face.let_go = let_go;
    w->face.shut_down = shut_down;
    bi_list_init(&w->wires);
    r->backend = &w->face;
    here = w;
}

void bi_wires_close(struct bi_wires *w, struct bi_reactor *r)
{
    r->backend = w->real;
    here = NULL;
}

void bi_wires_begin(struct bi_wires *w, uint64_t seed)
{
    w->random = seed;
}

void bi_wires_end(struct bi_wires *w, struct bi_reactor *r)
{
    struct bi_list *link;
    while ((link = bi_list_first(&w->wires))) {
        struct wire *wire = bi_container_of(link, struct wire, link);
        for (int i = 0; i < 2; i++) {
            struct bi_fd *e = bi_fd_find(&r->fds, wire->ends[i].fd);
            if (e)
                bi_fd_renew(e, BI_FD_UNKNOWN, false);
            if (e)
                bi_sys_close(wire->ends[i].fd);
        }
        free_wire(wire, r->run);
    }
}

/* ---- The public face ---------------------------------------------------- */

/* A number for the end, and its entry. */
static int name_end(struct bi_reactor *r, struct end *end)
{
    int fd = bi_sys_socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && !bi_fd_get(&r->fds, fd)) {
        bi_sys_close(fd);
        fd = -ENOMEM;
    }
    end->fd = bi_io_adopt(fd, BI_FD_STREAM);
    return fd < 0 ? fd : 0;
}

static struct wire *make_wire(const struct bide_test_link *link)
{
    struct wire *wire = calloc(1, sizeof *wire);
    if (!wire)
        return NULL;
    if (link)
        wire->how = *link;
    if (!wire->how.capacity)
        wire->how.capacity = CAPACITY;
    for (int i = 0; i < 2; i++) {
        wire->ends[i].wire = wire;
        wire->ends[i].last = BIDE_FOREVER;
    }
    return wire;
}

static struct bi_reactor *reactor_in(const char *func)
{
    bi_current_in(func);
    struct bi_reactor *r = bi_reactor_here();
    BI_CONTRACT(here, func, "was called in a run that is no test run");
    return r;
}

int bide_test_pair(int fds[2], const struct bide_test_link *link)
{
    struct bi_reactor *r = reactor_in(__func__);
    if (link && link->delay < 0)
        return -EINVAL;
    struct wire *wire = make_wire(link);
    if (!wire)
        return -ENOMEM;
    int rc = name_end(r, &wire->ends[0]);
    if (rc == 0)
        rc = name_end(r, &wire->ends[1]);
    if (rc < 0) {
        if (wire->ends[0].fd >= 0)
            bi_sys_close(wire->ends[0].fd);
        free(wire);
        return rc;
    }
    bi_list_push_back(&here->wires, &wire->link);
    fds[0] = wire->ends[0].fd;
    fds[1] = wire->ends[1].fd;
    return 0;
}

int bide_test_reset(int fd)
{
    struct bi_reactor *r = reactor_in(__func__);
    struct end *end = end_at(fd);
    if (!end)
        return -EBADF;
    end->wire->reset = true;
    drop_packets(end);
    drop_packets(other(end));
    serve_both(r, end->wire);
    return 0;
}
