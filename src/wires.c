/* wires.c: stream pairs in memory, for tests.
 *
 * The two ends of a wire have a descriptor each: a socket that is connected to
 * nothing and only keeps the number.  The wires of a run are a backend that
 * stands before the run's own: an operation on an end is done here and all
 * others are passed on.  So every call on descriptors works as on a socket,
 * with its turns, its cancels and its close, and production pays nothing: it
 * has no such backend.
 *
 * The operations that wait stand on their descriptor's list, as everywhere;
 * whoever changes something serves the two ends again.  They are not counted as
 * in flight, for no kernel is behind them: a run that waits for nothing else is
 * deadlocked, and its virtual clock jumps.
 *
 * Rejected: a kernel's socketpair with limits (when its bytes come is the
 * kernel's to decide, and no seed replays it); a kind of descriptor that each
 * call looks at (a branch on every production path).
 */
#include "wires.h"

#include "io.h"
#include "sys.h"
#include "timer.h"
#include "wire.h"

/* Of the test run of this thread, or NULL.  Not told by the reactor: a fault
 * sweep stands before this backend in turn. */
static _Thread_local struct bi_wires *here;

static struct bi_end *end_at(int fd)
{
    BI_LIST_EACH(it, &here->wires) {
        struct bi_wire *wire = bi_container_of(it, struct bi_wire, link);
        for (int i = 0; i < 2; i++)
            if (fd >= 0 && wire->ends[i].fd == fd)
                return &wire->ends[i];
    }
    return NULL;
}

/* ---- Those who wait ----------------------------------------------------- */

static void serve_later(struct bi_timer *timer);

/* End what can end of the operations that wait at `end`; whether any did. */
static bool serve(struct bi_reactor *r, struct bi_end *end)
{
    struct bi_fd *e = bi_fd_find(&r->fds, end->fd);
    struct bi_list *next, *link = e ? bi_list_first(&e->ops) : NULL;
    bool any = false;
    for (; link && link != &e->ops; link = next) {
        next = link->next;
        struct bi_op *op = bi_container_of(
            bi_container_of(link, struct bi_wait, link), struct bi_op, wait);
        intptr_t rc = bi_wire_attempt(end, op);
        if (rc == -EAGAIN)
            continue;
        r->in_flight++; /* for the books, which did not know it */
        bi_op_done(r, op, rc);
        any = true;
    }
    bide_time due = bi_wire_due(end);
    bi_timer_disarm(r->run, &end->timer);
    if (due != BIDE_FOREVER)
        bi_timer_arm(r->run, &end->timer, due, serve_later);
    return any;
}

/* Something has happened on `wire`: what one end does may be what the other
 * one waits for. */
static void serve_both(struct bi_reactor *r, struct bi_wire *wire)
{
    for (bool any = true; any;) {
        any = serve(r, &wire->ends[0]);
        any = serve(r, &wire->ends[1]) || any;
    }
}

static void serve_later(struct bi_timer *timer)
{
    struct bi_end *end = bi_container_of(timer, struct bi_end, timer);
    serve_both(bi_reactor_here(), end->wire);
}

/* ---- The backend -------------------------------------------------------- */

static bool try_first(struct bi_reactor *r, const struct bi_op *op,
                      const struct bi_fd *e)
{
    return !end_at(op->fd) && here->real->try_first(r, op, e);
}

static intptr_t try_now(struct bi_reactor *r, struct bi_op *op)
{
    struct bi_end *end = end_at(op->fd);
    if (!end)
        return bi_op_try(op);
    intptr_t rc = bi_wire_attempt(end, op);
    serve_both(r, end->wire);
    return rc;
}

/* The kernel is asked for all, and corrected for the ends. */
static int poll_now(struct pollfd *fds, nfds_t n)
{
    int ready = bi_sys_poll(fds, n, 0);
    if (ready < 0)
        return ready;
    ready = 0;
    for (nfds_t i = 0; i < n; i++) {
        const struct bi_end *end = end_at(fds[i].fd);
        short wanted = (short)(fds[i].events | POLLERR | POLLHUP);
        if (end)
            fds[i].revents = (short)(bi_wire_events(end) & wanted);
        ready += fds[i].revents != 0;
    }
    return ready;
}

static void start(struct bi_reactor *r, struct bi_op *op, struct bi_fd *e)
{
    struct bi_end *end = end_at(op->fd);
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

static void free_wire(struct bi_wire *wire, struct bi_run *run)
{
    bi_timer_disarm(run, &wire->ends[0].timer);
    bi_timer_disarm(run, &wire->ends[1].timer);
    bi_list_remove(&wire->link);
    bi_wire_free(wire);
}

static void let_go(struct bi_reactor *r, int fd, struct bi_fd *e)
{
    struct bi_end *end = end_at(fd);
    if (!end) {
        here->real->let_go(r, fd, e);
        return;
    }
    bi_wire_shut_out(end);
    bi_wire_shut_in(end);
    end->fd = -1;
    if (bi_wire_other(end)->fd < 0)
        free_wire(end->wire, r->run);
    else
        serve_both(r, end->wire);
}

static int shut_down(struct bi_reactor *r, int fd, int how)
{
    struct bi_end *end = end_at(fd);
    if (!end)
        return bi_sys_shutdown(fd, how);
    if (how != SHUT_RD && how != SHUT_WR && how != SHUT_RDWR)
        return -EINVAL;
    if (how != SHUT_RD)
        bi_wire_shut_out(end);
    if (how != SHUT_WR)
        bi_wire_shut_in(end);
    serve_both(r, end->wire);
    return 0;
}

void bi_wires_open(struct bi_wires *w, struct bi_reactor *r)
{
    w->real = r->backend;
    w->face = *w->real;
    w->face.try_first = try_first;
    w->face.try_now = try_now;
    w->face.poll_now = poll_now;
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
        struct bi_wire *wire = bi_container_of(link, struct bi_wire, link);
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
static int name_end(struct bi_reactor *r, struct bi_end *end)
{
    int fd = bi_sys_socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && !bi_fd_get(&r->fds, fd)) {
        bi_sys_close(fd);
        fd = -ENOMEM;
    }
    end->fd = bi_io_adopt(fd, BI_FD_STREAM);
    return fd < 0 ? fd : 0;
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
    struct bi_wire *wire = bi_wire_make(link, &here->random);
    if (!wire)
        return -ENOMEM;
    int rc = name_end(r, &wire->ends[0]);
    if (rc == 0)
        rc = name_end(r, &wire->ends[1]);
    if (rc < 0) {
        if (wire->ends[0].fd >= 0)
            bi_sys_close(wire->ends[0].fd);
        bi_wire_free(wire);
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
    struct bi_end *end = end_at(fd);
    if (!end)
        return -EBADF;
    bi_wire_reset(end->wire);
    serve_both(r, end->wire);
    return 0;
}
