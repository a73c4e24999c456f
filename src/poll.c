/* poll.c: waiting for one of several descriptors.
 *
 * poll(2) itself is asked first and last, without waiting: it fills `revents`.
 * In between each descriptor has an operation; the first that ends wakes the
 * task, which takes the others back and waits until the kernel has let go of
 * every one of them.
 */
#include "park.h"
#include "reactor.h"

#include <stdlib.h>

#define ON_STACK 8

struct set {
    struct bi_wait wait;
    struct member *members;
    nfds_t count;     /* operations begun */
    nfds_t remaining; /* of them, not ended */
    bool leaving;     /* all are to end; the last one wakes the task */
    int error;        /* of one that the kernel refused to wait for, or 0 */
};

/* An operation of a set. */
struct member {
    struct bi_op op;
    struct set *set;
    struct bi_fd *e;
    uint32_t life; /* of e, when the wait began */
};

static void member_done(struct bi_op *op)
{
    struct set *set = bi_container_of(op, struct member, op)->set;
    set->remaining--;
    /* A file that is closed is poll(2)'s to tell. */
    if (op->result < 0 && op->result != BI_AGAIN && op->result != -EBADF)
        set->error = (int)op->result;
    bool counts = !set->leaving || set->remaining == 0;
    if (counts && set->wait.task->wait == &set->wait)
        bi_wake(&set->wait, 0);
}

/* Ask for the end of all; true when all have ended. */
static bool take_back(struct set *set)
{
    set->leaving = true;
    for (nfds_t i = 0; i < set->count; i++) {
        struct bi_op *op = &set->members[i].op;
        if (!op->ended && bi_reactor_cancel(bi_reactor_here(), op))
            set->remaining--;
    }
    return set->remaining == 0;
}

static bool withdraw(struct bi_wait *wait)
{
    struct set *set = bi_container_of(wait, struct set, wait);
    if (set->leaving || take_back(set))
        return set->remaining == 0;
    wait->withdrawn = true;
    return false;
}

static int begin(struct set *set, const struct pollfd *fds, nfds_t n)
{
    struct bi_reactor *r = bi_reactor_here();
    for (nfds_t i = 0; i < n; i++) {
        if (fds[i].fd < 0)
            continue;
        struct bi_fd *e = bi_fd_get(&r->fds, fds[i].fd);
        if (!e)
            return -ENOMEM;
        struct member *m = &set->members[set->count++];
        *m = (struct member){.set = set, .e = e, .life = e->life,
                             .op = {.kind = BI_OP_POLL, .fd = fds[i].fd,
                                    .flags = fds[i].events,
                                    .done = member_done}};
        set->remaining++;
        bi_reactor_begin(r, &m->op);
    }
    return 0;
}

/* Wait until one is ready.  0, or why not. */
static int wait_for_one(struct member *room, const struct pollfd *fds, nfds_t n)
{
    struct set set = {.members = room};
    set.wait = bi_wait_make(bi_current(), "poll", fds, withdraw);
    int rc = begin(&set, fds, n);
    if (rc == 0 && set.count == 0)
        return bide_sleep_until(BIDE_FOREVER);
    if (rc == 0 && set.remaining == set.count)
        rc = (int)bi_park(&set.wait);
    if (set.remaining && !take_back(&set)) {
        set.wait.withdraw = NULL;
        bi_park(&set.wait);
    }
    return rc ? rc : set.error;
}

/* The numbers that bide_close() closed meanwhile may be other files' by now. */
static int tell_closed(const struct member *room, struct pollfd *fds, nfds_t n)
{
    int count = 0;
    for (nfds_t i = 0; i < n; i++) {
        if (fds[i].fd < 0)
            continue;
        bool closed = room->e->life != room->life;
        room++;
        fds[i].revents = closed ? POLLNVAL : 0;
        count += closed;
    }
    return count;
}

static int poll_set(struct bi_task *self, struct member *room,
                    struct pollfd *fds, nfds_t n)
{
    struct bi_reactor *r = bi_reactor_here();
    int ready = bi_reactor_poll(r, fds, n);
    while (ready == 0 || ready == -EINTR) {
        int rc = wait_for_one(room, fds, n);
        if (rc == 0)
            rc = tell_closed(room, fds, n);
        if (rc == 0)
            rc = bi_park_check(self);
        if (rc != 0)
            return rc;
        ready = bi_reactor_poll(r, fds, n);
    }
    return ready;
}

int bide_poll(struct pollfd *fds, nfds_t n)
{
    struct bi_task *self = bi_current_in(__func__);
    int rc = bi_park_check(self);
    if (rc < 0) {
        for (nfds_t i = 0; i < n; i++)
            fds[i].revents = 0;
        return rc;
    }
    if (n <= ON_STACK) {
        struct member room[ON_STACK];
        return poll_set(self, room, fds, n);
    }
    if (n > SIZE_MAX / sizeof(struct member))
        return -EINVAL;
    struct member *room = malloc(n * sizeof *room);
    if (!room)
        return -ENOMEM;
    rc = poll_set(self, room, fds, n);
    free(room);
    return rc;
}
