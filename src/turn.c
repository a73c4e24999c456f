/* turn.c: one reader at a time, and a row of writers.
 *
 * The hard transition is the turn that is handed on: its new owner runs later,
 * and by then may have been cancelled or its descriptor closed.  It looks again
 * before it writes, and hands the turn on in every case.
 */
#include "turn.h"

#include "sys.h"

bool bi_turn_matters(struct bi_fd *e, int fd)
{
    enum bi_fd_kind kind = bi_fd_learn(e, fd);
    if (kind == BI_FD_UNKNOWN) /* what cannot be found out may be a stream */
        return bi_sys_getfl(fd) != -EBADF;
    return kind == BI_FD_STREAM || kind == BI_FD_TCP || kind == BI_FD_PIPE ||
           kind == BI_FD_TTY;
}

int bi_turn_read_begin(struct bi_reading *reading, struct bi_task *self, int fd,
                       struct bi_fd *e)
{
    *reading = (struct bi_reading){.self = self};
    bool taken = e && e->reader && e->reader != self;
    if (bi_unlikely(taken) && bi_turn_matters(e, fd))
        return -EBUSY;
    if (e && !e->reader) {
        e->reader = self;
        reading->e = e;
    }
    return 0;
}

void bi_turn_read_end(struct bi_reading *reading)
{
    if (reading->e && reading->e->reader == reading->self)
        reading->e->reader = NULL;
}

/* Whether a receive of `n` bytes left nothing.  The end of a stream stays to be
 * read; a peek leaves what it saw. */
static bool took_all(const struct bi_op *op, size_t n, const struct bi_fd *e)
{
    if (op->more || op->flags)
        return false;
    return n < bi_op_bytes(op) || (op->told && e->kind == BI_FD_TCP);
}

intptr_t bi_turn_receive(struct bi_op *op)
{
    struct bi_reading reading;
    struct bi_fd *e = bi_reactor_entry(op->fd);
    intptr_t rc = bi_turn_read_begin(&reading, bi_current(), op->fd, e);
    if (rc == 0)
        rc = bi_reactor_run(bi_reactor_here(), op);
    bi_turn_read_end(&reading);
    if (e)
        e->drained = rc > 0 && took_all(op, (size_t)rc, e);
    return rc;
}

int bi_turn_take(struct bi_turn *turn, struct bi_task *self, int fd)
{
    struct bi_file f = bi_turn_file(fd);
    struct bi_fd *e = turn->e = f.e;
    if (!e)
        return 0;
    if (bi_likely(!e->writer)) {
        e->writer = turn;
        return 0;
    }
    if (!bi_turn_matters(e, fd))
        return 0;
    turn->wait = bi_wait_make(self, "turn to write", NULL, bi_wait_unlink);
    turn->wait.fd = fd;
    bi_list_push_back(&e->writers, &turn->wait.link);
    int rc = (int)bi_park(&turn->wait);
    return rc < 0 ? rc : bi_turn_check(self, f);
}

void bi_turn_end(struct bi_turn *turn)
{
    struct bi_fd *e = turn->e;
    if (!e || e->writer != turn)
        return;
    struct bi_list *link = bi_list_pop(&e->writers);
    e->writer = NULL;
    if (!link)
        return;
    struct bi_wait *next = bi_container_of(link, struct bi_wait, link);
    e->writer = bi_container_of(next, struct bi_turn, wait);
    bi_wake(next, 0);
}

int bi_turn_of_others(int fd, bool reads)
{
    struct bi_fd *e = bi_reactor_entry(fd);
    if (!e || !(reads ? e->reader : e->writer) || !bi_turn_matters(e, fd))
        return 0;
    return reads ? -EBUSY : -EAGAIN;
}

intptr_t bi_turn_transmit(struct bi_op *op, struct bi_task *self)
{
    struct bi_turn turn;
    intptr_t rc = bi_turn_take(&turn, self, op->fd);
    if (rc == 0)
        rc = bi_reactor_run(bi_reactor_here(), op);
    bi_turn_end(&turn);
    return rc;
}
