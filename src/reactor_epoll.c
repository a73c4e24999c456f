/* reactor_epoll.c: waiting for the kernel by readiness.
 *
 * A call is tried first, unless it is known to find nothing; only one that
 * would have blocked is started here.  It waits on its descriptor's list until
 * an event says that trying again is worth while, and ends with BI_AGAIN: the
 * task makes the call itself.  So the kernel never has a buffer of ours, and to
 * cancel is to leave the list.  POLL ends with the events; what cannot be tried
 * without blocking goes to a thread once it is ready; files that epoll refuses
 * (EPERM: regular ones) go there at once.
 *
 * How descriptors are registered was measured, on TCP, a request of recv, wait,
 * recv, send (medians, 1 / 8 / 64 ready at a time):
 *
 *     once, edge-triggered      6.4 / 6.0 / 6.6 us
 *     EPOLL_CTL_MOD a wait     +0.3 to 0.4 us, lost in the noise at 64
 *     ADD and DEL a wait       +1.7 / 2.1 / 2.0 us
 *
 *   ours     what bide made is added once, for everything, edge-triggered, and
 *            then waited for without a system call.  The attempt has just said
 *            that it would block, so what is to come is an edge
 *   foreign  each wait asks anew by MOD, one-shot, so that a number that was
 *            closed or replaced is found out by the next wait on it
 *
 * The hard transition is the wake-up of one of many.  Those that only look
 * (POLL) are all woken; of those that take (accept, datagrams), the first, lest
 * a hundred run for one connection.  But it may take less than there is, or be
 * cancelled before it takes anything, and no new edge would come for the rest.
 * Therefore, where others stay behind, a MOD follows the event: it makes the
 * kernel report again whatever is still ready then.  A MOD always does that,
 * which is also what makes every other wrong belief harmless.
 *
 * A belief is wrong when foreign code closed or replaced a descriptor: then no
 * event comes, or those of the old file, where a duplicate lives on.  So events
 * carry the number and its round, which changes with each ADD; and what has
 * been parked for a while is asked about (survey.h).  Where the file turns out
 * to be gone, a wait for it ends with -EBADF rather than with the data of what
 * somebody else put in its place.
 *
 * Rejected: level-triggered events (they need a MOD or a DEL as soon as nobody
 * waits); a note of edges that nobody waited for (the attempt before each wait
 * tells the truth); waking all (quadratic for many acceptors); waking one, and
 * the next from it (it may have been cancelled).
 */
#include "reactor.h"
#include "sys.h"

#include <stdlib.h>
#include <string.h>

#define EVENTS 256

/* What ours are registered for: whatever a POLL may ask. */
#define EVERYTHING                                                    \
    (EPOLLIN | EPOLLRDNORM | EPOLLRDBAND | EPOLLPRI | EPOLLMSG |      \
     EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND | EPOLLRDHUP | EPOLLET)
#define TROUBLE (EPOLLERR | EPOLLHUP)

/* Where a receive stops short, though there is more to be told. */
#define MARKS (TROUBLE | EPOLLRDHUP | EPOLLPRI)

static_assert(EPOLLIN == POLLIN && EPOLLOUT == POLLOUT && EPOLLPRI == POLLPRI &&
                  EPOLLERR == POLLERR && EPOLLHUP == POLLHUP &&
                  EPOLLRDHUP == POLLRDHUP,
              "epoll speaks the language of poll");

/* The data of the inbox's event; no descriptor has this number. */
#define INBOX_KEY UINT64_MAX

/* r->state */
struct epoll {
    int fd;
    struct epoll_event events[EVENTS];
};

static struct bi_op *op_of(struct bi_list *link)
{
    return bi_container_of(link, struct bi_op, wait.link);
}

static uint64_t key_of(int fd, const struct bi_fd *e)
{
    return (uint64_t)e->round << 32 | (uint32_t)fd;
}

static uint32_t events_of(const struct bi_op *op)
{
    return (uint16_t)bi_op_events(op);
}

/* ---- Telling the kernel ------------------------------------------------- */

/* End those but `op` that were parked on `e` by `until`: their file is gone. */
static void strand(struct bi_reactor *r, struct bi_fd *e,
                   const struct bi_op *op, bide_time until)
{
    struct bi_list *next, *link = bi_list_first(&e->ops);
    for (; link && link != &e->ops; link = next) {
        next = link->next;
        struct bi_op *other = op_of(link);
        bool later = other->wait.task->parked_at > until;
        if (other != op && !other->offloaded && !later)
            bi_op_done(r, other, -EBADF);
    }
}

static uint32_t interest(const struct bi_fd *e)
{
    if (e->ours)
        return EVERYTHING;
    uint32_t events = EPOLLONESHOT;
    BI_LIST_EACH(it, &e->ops)
        if (!op_of(it)->offloaded)
            events |= events_of(op_of(it));
    return events;
}

static int control(struct bi_reactor *r, int how, int fd, struct bi_fd *e)
{
    struct epoll *s = r->state;
    struct epoll_event event = {.events = interest(e),
                                .data.u64 = key_of(fd, e)};
    r->submits++;
    return bi_sys_epoll_ctl(s->fd, how, fd, &event);
}

/* Have the kernel report what is ready now, or will be, of what is waited for
 * on `fd`, for `op` (or NULL) and the others.
 *
 * If it does not know the file by this number, that is a new one.  Those who
 * were parked when it last knew it wait for the old one.  Those who came later
 * may mean the new one: their wait began without a question. */
static int ask(struct bi_reactor *r, int fd, struct bi_fd *e,
               const struct bi_op *op)
{
    bide_time known = e->registered ? e->asked : BIDE_FOREVER;
    int rc = -ENOENT;
    e->asked = r->run->now;
    if (e->registered) {
        rc = control(r, EPOLL_CTL_MOD, fd, e);
        e->ours &= rc != -ENOENT;
    }
    if (rc == -ENOENT) {
        e->round++;
        rc = control(r, EPOLL_CTL_ADD, fd, e);
        if (rc == -EEXIST) /* a former life of this number */
            rc = control(r, EPOLL_CTL_MOD, fd, e);
        if (rc == 0)
            strand(r, e, op, known);
        e->registered = rc == 0;
    }
    if (rc == -EBADF) {
        e->registered = false;
        strand(r, e, op, BIDE_FOREVER);
    }
    return rc;
}

/* No event tells when these could go on. */
static bool needs_thread(const struct bi_op *op)
{
    return op->kind == BI_OP_OPEN || op->kind == BI_OP_FSYNC ||
           (op->kind == BI_OP_CONNECT && op->refuses_nowait);
}

static void start(struct bi_reactor *r, struct bi_op *op, struct bi_fd *e)
{
    if (!e || needs_thread(op)) {
        bi_reactor_offload(r, op);
        return;
    }
    bi_survey_expect(&r->survey, op->fd, r->run->now);
    if (e->ours && e->registered && !op->refuses_nowait)
        return; /* it was tried: what it waits for is to come */
    int rc = ask(r, op->fd, e, op);
    if (rc == -EPERM && op->kind != BI_OP_POLL)
        bi_reactor_offload(r, op);
    else if (rc < 0 && rc != -EPERM) /* what such a file has, POLL was told */
        bi_op_done(r, op, rc);
}

static bool cancel(struct bi_reactor *r, struct bi_op *op)
{
    if (!op->offloaded || bi_offload_withdraw(r->offload, &op->job))
        return true;
    if (op->kind == BI_OP_CONNECT) {
        bi_sys_shutdown(op->fd, SHUT_RDWR); /* gets it out of the thread */
        op->broken_off = true;
    }
    return false;
}

static void let_go(struct bi_reactor *r, int fd, struct bi_fd *e)
{
    struct epoll *s = r->state;
    if (e->registered) {
        bi_sys_epoll_ctl(s->fd, EPOLL_CTL_DEL, fd, NULL);
        e->registered = false;
    }
}

/* ---- Events ------------------------------------------------------------- */

/* What `op` waits for is there. */
static void proceed(struct bi_reactor *r, struct bi_op *op, uint32_t seen)
{
    if (op->kind == BI_OP_POLL)
        bi_op_done(r, op, seen);
    else if (op->refuses_nowait)
        bi_reactor_offload(r, op);
    else
        bi_op_done(r, op, BI_AGAIN);
}

/* Let go on whoever can by what was `seen`.  True: the kernel is to be asked
 * again for those who stay. */
static bool wake_some(struct bi_reactor *r, struct bi_fd *e, uint32_t seen)
{
    uint32_t taken = 0;
    bool again = false;
    struct bi_list *next, *link = bi_list_first(&e->ops);
    for (; link && link != &e->ops; link = next) {
        next = link->next;
        struct bi_op *op = op_of(link);
        if (op->offloaded)
            continue;
        bool takes = op->kind != BI_OP_POLL && !(seen & TROUBLE);
        uint32_t hit = seen & (events_of(op) | TROUBLE);
        if (!hit || (takes && (hit & taken))) {
            again |= hit || !e->ours; /* a one-shot is spent */
            continue;
        }
        if (takes)
            taken |= hit;
        proceed(r, op, hit);
    }
    return again;
}

static void dispatch(struct bi_reactor *r, const struct epoll_event *event)
{
    uint64_t key = event->data.u64;
    int fd = (int)(uint32_t)key;
    struct bi_fd *e = key == INBOX_KEY ? NULL : bi_fd_find(&r->fds, fd);
    if (!e || !e->registered || key != key_of(fd, e))
        return;
    if (event->events & ~(uint32_t)EPOLLOUT)
        e->drained = false;
    if (event->events & MARKS)
        e->marked = true;
    if (wake_some(r, e, event->events))
        ask(r, fd, e, NULL);
}

static void ask_again(struct bi_reactor *r, int fd, struct bi_fd *e)
{
    ask(r, fd, e, NULL);
}

static void wait_for_events(struct bi_reactor *r, bide_time span)
{
    struct epoll *s = r->state;
    if (span == 0 && r->in_flight == 0)
        return;
    r->submits++;
    int n = bi_sys_epoll_wait(s->fd, s->events, EVENTS, span);
    BI_CONTRACT(n != -EBADF && n != -EINVAL, "bide_run",
                "has lost its epoll descriptor: somebody closed it");
    for (int i = 0; i < n; i++)
        dispatch(r, &s->events[i]);
}

/* ---- Opening and closing ------------------------------------------------ */

/* The inbox's eventfd is never read: each write is an edge. */
static int watch_inbox(struct bi_reactor *r, int ep)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLET,
                                .data.u64 = INBOX_KEY};
    return bi_sys_epoll_ctl(ep, EPOLL_CTL_ADD, r->inbox->wake_fd, &event);
}

static int refuse(struct bi_reactor *r, const char *what, int error)
{
    snprintf(r->reason, sizeof r->reason, "epoll: %s: %s", what,
             strerror(-error));
    return error;
}

static int open_epoll(struct bi_reactor *r, unsigned entries)
{
    (void)entries;
    int ep = bi_sys_epoll_create();
    if (ep < 0)
        return refuse(r, "epoll_create1 failed", ep);
    int rc = watch_inbox(r, ep);
    struct epoll *s = rc < 0 ? NULL : malloc(sizeof *s);
    if (!s) {
        bi_sys_close(ep);
        return rc < 0 ? refuse(r, "the inbox could not be watched", rc)
                      : refuse(r, "no memory for the events", -ENOMEM);
    }
    s->fd = ep;
    r->state = s;
    return 0;
}

/* No EPOLL_CTL_DEL here: a child shares the epoll file with its parent, whose
 * registrations they are. */
static void abandon(struct bi_reactor *r)
{
    struct epoll *s = r->state;
    bi_sys_close(s->fd);
    free(s);
    r->state = NULL;
}

static void close_epoll(struct bi_reactor *r)
{
    bi_assert(r->in_flight == 0);
    abandon(r);
}

/* Not where the attempt would find nothing: the last receive on a TCP stream
 * left nothing, and no event came since.  (An end that came with the last bytes
 * was told in their event, and there is no other.)  Other streams may hold back
 * what a receive did not take at once: the next record, a passed descriptor.
 * Nor past the page cache, where even RWF_NOWAIT waits for the disk. */
static bool try_first(struct bi_reactor *r, const struct bi_op *op,
                      const struct bi_fd *e)
{
    (void)r;
    if (!e)
        return true;
    bool empty = op->kind == BI_OP_RECV && e->kind == BI_FD_TCP &&
                 e->registered && e->drained && !e->marked;
    return !empty && e->kind != BI_FD_DIRECT;
}

const struct bi_backend bi_backend_epoll = {
    .name = "epoll",
    .open = open_epoll,
    .close = close_epoll,
    .try_first = try_first,
    .start = start,
    .cancel = cancel,
    .ask = ask_again,
    .wait = wait_for_events,
    .let_go = let_go,
    .abandon = abandon,
};
