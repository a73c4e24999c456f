/* reactor_uring.c: waiting for the kernel by io_uring.
 *
 * An operation is one submission, which carries the address of its record; it
 * ends when the completion with that address is taken in.  Between the two the
 * kernel may read and write the record's buffers, which lie on the stack of a
 * parked task: so nothing but that completion ever ends an operation.
 *
 * The hard transition is the cancel.  It is one more submission, with a
 * completion of its own, and the operation ends when both have landed: so a
 * cancel can never meet a later operation at the same address.  What became of
 * the operation, its own completion tells; bytes that were moved count.  The
 * cancel's tells whether it has to be repeated: an operation that the kernel is
 * just about to try once more is not found, and would then wait for ever; a
 * thread of the kernel that has only just taken it up may forget the signal.
 *
 * One system call a round hands over all that was begun and waits.  The kernel
 * shows completions some twenty at a time, and no more are asked for while they
 * have made a task ready: what it does next finds the socket in the cache.  (Of
 * 1,000 busy connections all at once, a request took 1.2 times as long.)
 *
 * A few files know of no wait that leaves the thread alone (a blocking tty may
 * stop its writer half way, whatever the ring asks for).  The kernel moves
 * those calls to threads of its own, which, unlike ours, a cancel gets back.
 *
 * Rejected: multishot receives (the kernel would read ahead what foreign code
 * on the same descriptor expects); cancelling "all on this descriptor" (it
 * hits duplicates and misses what was replaced).
 */
#include "annotate.h"
#include "reactor.h"
#include "ring.h"
#include "sys.h"

#include <stdlib.h>
#include <string.h>

#define NAP BIDE_MS(1)

/* bi_op.stage: what the kernel has of it, besides or in place of the call. */
enum {
    POLLED = 1,  /* it waits for readiness in place of the call */
    CHASED = 2,  /* a cancel is under way, */
    LANDED = 4,  /* and op->result is there */
};

/* A completion carries its operation's address; a cancel's has this bit set
 * besides.  That of the poll on the inbox is the state's, that of a pause 0. */
#define CANCEL_TAG ((uintptr_t)1)

/* r->state. */
struct uring {
    struct bi_ring ring;
    bool watching; /* the inbox's eventfd is polled */
};

static const uint8_t opcode_of[] = {
    [BI_OP_READ] = BI_URING_READ,       [BI_OP_WRITE] = BI_URING_WRITE,
    [BI_OP_READV] = BI_URING_READV,     [BI_OP_WRITEV] = BI_URING_WRITEV,
    [BI_OP_RECV] = BI_URING_RECV,       [BI_OP_SEND] = BI_URING_SEND,
    [BI_OP_RECVMSG] = BI_URING_RECVMSG, [BI_OP_SENDMSG] = BI_URING_SENDMSG,
    [BI_OP_ACCEPT] = BI_URING_ACCEPT,   [BI_OP_CONNECT] = BI_URING_CONNECT,
    [BI_OP_POLL] = BI_URING_POLL_ADD,   [BI_OP_OPEN] = BI_URING_OPENAT,
    [BI_OP_FSYNC] = BI_URING_FSYNC,
};

static struct bi_ring *ring_of(const struct bi_reactor *r)
{
    return &((struct uring *)r->state)->ring;
}

/* ---- Entering ----------------------------------------------------------- */

/* The ring is lost, and with it what is in flight: the kernel may still write
 * to stacks that nobody can wait for. */
_Noreturn __attribute__((cold)) static void lost(const char *what, int error)
{
    bi_say("%s: %s: the operations in flight are lost", what, strerror(-error));
    abort();
}

/* Errors that leave the ring as it was, to be entered again. */
static bool passes(int rc)
{
    switch (-rc) {
    case 0:
    case ETIME:  /* the span is over */
    case EINTR:  /* a signal */
    case EAGAIN: /* no memory for a request, for now */
    case ENOMEM:
    case EBUSY: /* more completions are kept than there is room for */
        return true;
    default:
        return false;
    }
}

static int entered(struct bi_reactor *r, int rc)
{
    if (bi_unlikely(!passes(rc)))
        lost("io_uring_enter", rc);
    r->submits++;
    return rc;
}

/* Have room for `n` submissions, which then go together.  The kernel can only
 * lack the memory for a request, which is waited for, as for a page. */
static void make_room(struct bi_reactor *r, unsigned n)
{
    while (bi_ring_room(ring_of(r)) < n)
        if (entered(r, bi_ring_submit(ring_of(r))) < 0)
            bi_sys_poll(NULL, 0, BIDE_MS(1));
}

static struct bi_sqe *next(struct bi_reactor *r)
{
    struct bi_sqe *sqe = bi_ring_next(ring_of(r));
    if (bi_unlikely(!sqe)) {
        make_room(r, 1);
        sqe = bi_ring_next(ring_of(r));
    }
    return sqe;
}

/* ---- Beginning ---------------------------------------------------------- */

static uint32_t poll_mask(short events)
{
    uint32_t mask = (uint16_t)events;
    bool halves_swapped = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
    return halves_swapped ? mask << 16 : mask;
}

/* A poll for POLLPRI alone sleeps through urgent data: the kernel drops that
 * bit when it matches a wake-up.  Sockets set POLLRDBAND beside it. */
static short poll_events(const struct bi_op *op)
{
    return (short)(op->flags & POLLPRI ? op->flags | POLLRDBAND : op->flags);
}

static void fill(struct bi_sqe *sqe, const struct bi_op *op,
                 const struct bi_fd *e)
{
    sqe->opcode = opcode_of[op->kind];
    sqe->fd = op->fd;
    sqe->addr = (uintptr_t)op->buf; /* or what else is in its place */
    sqe->user_data = (uintptr_t)op;

    switch (op->kind) {
    case BI_OP_READ:
    case BI_OP_WRITE:
    case BI_OP_READV:
    case BI_OP_WRITEV:
        sqe->len = (uint32_t)op->len;
        sqe->off = (uint64_t)op->at;
        sqe->flags = op->refuses_nowait ? BI_SQE_ASYNC : 0;
        break;
    case BI_OP_RECV:
    case BI_OP_RECVMSG:
        sqe->len = op->kind == BI_OP_RECV ? (uint32_t)op->len : 1;
        sqe->op_flags = (uint32_t)op->flags;
        sqe->prio = e && e->drained ? BI_RECV_POLL_FIRST : 0;
        break;
    case BI_OP_SEND:
    case BI_OP_SENDMSG:
        sqe->len = op->kind == BI_OP_SEND ? (uint32_t)op->len : 1;
        sqe->op_flags = (uint32_t)op->flags | MSG_NOSIGNAL;
        break;
    case BI_OP_ACCEPT:
        sqe->off = (uintptr_t)op->addr_bytes;
        sqe->op_flags = SOCK_CLOEXEC;
        break;
    case BI_OP_CONNECT:
        sqe->off = op->len;
        break;
    case BI_OP_POLL:
        sqe->addr = 0;
        sqe->op_flags = poll_mask(poll_events(op));
        break;
    case BI_OP_OPEN:
        sqe->fd = AT_FDCWD;
        sqe->flags = BI_SQE_ASYNC;
        sqe->len = op->mode;
        sqe->op_flags = (uint32_t)op->flags;
        break;
    case BI_OP_FSYNC:
        sqe->addr = 0;
        sqe->op_flags = op->flags ? BI_FSYNC_DATA_ONLY : 0;
        break;
    }
}

static void start(struct bi_reactor *r, struct bi_op *op, struct bi_fd *e)
{
    bi_assert(op->kind < sizeof opcode_of && op->stage == 0);
    if (e)
        bi_survey_expect(&r->survey, op->fd, r->run->now);
    fill(next(r), op, e);
}

/* Wait for readiness in place of the call, under the same address. */
static void start_poll(struct bi_reactor *r, struct bi_op *op)
{
    struct bi_sqe *sqe = next(r);
    sqe->opcode = BI_URING_POLL_ADD;
    sqe->fd = op->fd;
    sqe->op_flags = poll_mask(bi_op_events(op));
    sqe->user_data = (uintptr_t)op;
    op->stage = POLLED;
}

/* The poll on the inbox goes on by itself, one completion a write, since each
 * write is a new event; nobody has to read.  Only a poll that begins would see
 * what was written before, so that is read away first.  Whether there was
 * something: as a rule old, but the run has said that it sleeps, so that it may
 * be the wake-up for what has come since. */
static bool watch_inbox(struct bi_reactor *r)
{
    struct uring *u = r->state;
    uint64_t count;
    bool woken = bi_sys_read(r->inbox->wake_fd, &count, sizeof count) > 0;
    struct bi_sqe *sqe = next(r);
    sqe->opcode = BI_URING_POLL_ADD;
    sqe->fd = r->inbox->wake_fd;
    sqe->len = BI_POLL_MULTISHOT;
    sqe->op_flags = poll_mask(POLLIN);
    sqe->user_data = (uintptr_t)u;
    u->watching = true;
    return woken;
}

/* ---- Ending ------------------------------------------------------------- */

/* The kernel did not wait, though the ring did not tell it so: the file is
 * O_NONBLOCK and of a kind that knows no other way.  A poll helps, unless it
 * would call the file ready whatever comes: then a thread does. */
static void not_waited(struct bi_reactor *r, struct bi_op *op)
{
    const struct bi_fd *e = bi_fd_find(&r->fds, op->fd);
    unsigned kind = e ? e->kind : BI_FD_UNKNOWN;
    bool disk = kind == BI_FD_FILE || kind == BI_FD_DIRECT;
    if (kind == BI_FD_UNKNOWN || disk || op->kind > BI_OP_ACCEPT)
        bi_reactor_offload(r, op);
    else
        start_poll(r, op);
}

/* EINTR, or one of the codes ERESTARTSYS to ERESTART_RESTARTBLOCK: the kernel
 * keeps them to itself, but some opcodes let them out when they are cancelled
 * while they block. */
static bool interrupted(int res)
{
    return res == -EINTR || (res <= -512 && res >= -516);
}

static void end(struct bi_reactor *r, struct bi_op *op, intptr_t result)
{
    if (op->stage & CHASED) {
        op->stage |= LANDED;
        op->result = result;
    } else {
        bi_op_done(r, op, result);
    }
}

/* A completion is the end of its operation, unless it tells of nothing: an
 * interrupted call, one that did not wait, readiness in place of a call. */
static void op_landed(struct bi_reactor *r, struct bi_op *op,
                      const struct bi_cqe *cqe)
{
    int res = cqe->res;
    bool called_off = op->cancelled || op->closing;
    bool nothing = op->stage & POLLED || interrupted(res) || res == -EAGAIN;
    op->stage &= ~POLLED;
    op->more = cqe->flags & BI_CQE_SOCK_NONEMPTY;
    op->told = !nothing && op->kind == BI_OP_RECV;

    if (nothing && res == -EAGAIN && !called_off) {
        not_waited(r, op);
        return;
    }
    intptr_t result = res;
    if (nothing)
        result = called_off ? -ECANCELED : BI_AGAIN;
    else if (res >= 0)
        bi_op_wrote(op, (size_t)res);
    end(r, op, result);
}

static void chase(struct bi_reactor *r, struct bi_op *op)
{
    struct bi_sqe *sqe = next(r);
    sqe->opcode = BI_URING_CANCEL;
    sqe->fd = -1;
    sqe->addr = (uintptr_t)op;
    sqe->user_data = (uintptr_t)op | CANCEL_TAG;
    op->stage |= CHASED;
}

/* The same after a pause, which the kernel makes. */
static void chase_later(struct bi_reactor *r, struct bi_op *op)
{
    static const struct bi_uring_time pause = {0, BIDE_MS(1)};
    make_room(r, 2);
    struct bi_sqe *sqe = next(r);
    sqe->opcode = BI_URING_TIMEOUT;
    sqe->flags = BI_SQE_LINK;
    sqe->fd = -1;
    sqe->addr = (uintptr_t)&pause;
    sqe->len = 1;
    chase(r, op);
}

/* ENOENT, but the operation has not ended: it is between two attempts.
 * EALREADY: a thread of the kernel has it, and was told to stop. */
static void cancel_landed(struct bi_reactor *r, struct bi_op *op, int res)
{
    op->stage &= ~CHASED;
    if (op->stage & LANDED) {
        op->stage = 0;
        bi_op_done(r, op, op->result);
    } else if (res == -ENOENT) {
        chase(r, op);
    } else if (res == -EALREADY) {
        chase_later(r, op);
    }
}

static void inbox_polled(struct uring *u, const struct bi_cqe *cqe)
{
    if (cqe->res < 0 && cqe->res != -ECANCELED)
        lost("the eventfd of a run", cqe->res);
    u->watching = cqe->flags & BI_CQE_MORE;
}

static void take_in(struct bi_reactor *r, const struct bi_cqe *cqe)
{
    struct uring *u = r->state;
    uintptr_t who = (uintptr_t)cqe->user_data;
    if (who & CANCEL_TAG)
        cancel_landed(r, (struct bi_op *)(who & ~CANCEL_TAG), cqe->res);
    else if (who == (uintptr_t)u)
        inbox_polled(u, cqe);
    else if (who)
        op_landed(r, (struct bi_op *)who, cqe);
}

/* Take in every completion that shows.  Whether there was one. */
static bool drain(struct bi_reactor *r)
{
    struct bi_cqe cqe;
    bool any = false;
    for (; bi_ring_take(ring_of(r), &cqe); any = true)
        take_in(r, &cqe);
    return any;
}

/* Hand over and take in what shows.  Whether more is held back.  The kernel's
 * flag for that may be stale, and then stays: what brings nothing is the last.
 */
static bool exchange(struct bi_reactor *r, bide_time span)
{
    int rc = entered(r, bi_ring_enter(ring_of(r), span));
    return drain(r) && rc == 0 && bi_ring_stirs(ring_of(r));
}

static void go_round(struct bi_reactor *r, bide_time span)
{
    bool more = exchange(r, span);
    while (more && bi_list_empty(&r->run->ready))
        more = exchange(r, 0);
}

/* ---- The backend -------------------------------------------------------- */

static int open_uring(struct bi_reactor *r, unsigned entries)
{
    struct uring *u = calloc(1, sizeof *u);
    if (!u) {
        strcpy(r->reason, "io_uring: no memory");
        return -ENOMEM;
    }
    int rc = bi_ring_open(&u->ring, entries, r->reason, sizeof r->reason);
    if (rc < 0) {
        free(u);
        return rc;
    }
    r->state = u;
    return 0;
}

static void close_uring(struct bi_reactor *r)
{
    bi_ring_close(ring_of(r));
    free(r->state);
    r->state = NULL;
}

static void abandon(struct bi_reactor *r)
{
    bi_ring_abandon(ring_of(r));
    free(r->state);
    r->state = NULL;
}

/* A call of its own pays where it is likely to succeed at once: a receive that
 * has not just emptied the socket, a read from the page cache.  A send does
 * nearly always, but two or more of them are cheaper in one batch.  Of other
 * files the attempt finds out whether they can be asked without blocking. */
static bool try_first(struct bi_reactor *r, const struct bi_op *op,
                      const struct bi_fd *e)
{
    bool alone = bi_list_empty(&r->run->ready) &&
                 bi_ring_unsubmitted(ring_of(r)) == 0;
    unsigned kind = e ? e->kind : BI_FD_UNKNOWN;
    bool disk = kind == BI_FD_FILE || kind == BI_FD_DIRECT;
    bool queue = kind == BI_FD_STREAM || kind == BI_FD_TCP ||
                 kind == BI_FD_PIPE;
    switch (op->kind) {
    case BI_OP_READ:
    case BI_OP_READV:
        return disk ? kind == BI_FD_FILE : !queue || !e->drained;
    case BI_OP_WRITE:
    case BI_OP_WRITEV:
        return !disk && (!queue || alone);
    case BI_OP_RECV:
    case BI_OP_RECVMSG:
        return !e || !e->drained;
    case BI_OP_SEND:
    case BI_OP_SENDMSG:
        return alone;
    default:
        return false;
    }
}

static bool cancel(struct bi_reactor *r, struct bi_op *op)
{
    if (op->offloaded)
        return bi_offload_withdraw(r->offload, &op->job);
    chase(r, op);
    return false;
}

static bool same_file(const struct bi_file_id *a, const struct bi_file_id *b)
{
    return a->device == b->device && a->number == b->number;
}

/* An operation holds its own file, whatever became of the number.  It is for
 * the old one if another file was seen there before; those who came after that
 * look may mean either, and the next one tells.  Not found out: a file replaced
 * before the first look, and one by another that looks the same. */
static void ask(struct bi_reactor *r, int fd, struct bi_fd *e)
{
    struct bi_file_id file;
    struct bi_list *after, *link = bi_list_first(&e->ops);
    bide_time known = e->asked;
    int rc = bi_sys_file_id(fd, &file);
    if (rc < 0 && rc != -EBADF)
        return;
    bool new = rc < 0 || (e->file.number && !same_file(&file, &e->file));
    e->file = rc < 0 ? (struct bi_file_id){0} : file;
    e->asked = r->run->now;
    for (; link && link != &e->ops; link = after) {
        after = link->next;
        struct bi_op *op = bi_container_of(link, struct bi_op, wait.link);
        bool before = rc < 0 || op->wait.task->parked_at <= known;
        if (new && before && !op->offloaded)
            bi_reactor_strand(r, op);
    }
}

/* Wait outside of the ring, a little at a time, so that other threads run. */
static void nap(struct bi_reactor *r, bide_time span)
{
    go_round(r, 0);
    if (bi_list_empty(&r->run->ready)) {
        bi_sys_poll(NULL, 0, span < NAP ? span : NAP);
        go_round(r, 0);
    }
}

static void wait_for_ends(struct bi_reactor *r, bide_time span)
{
    const struct uring *u = r->state;
    if (!u->watching && watch_inbox(r))
        span = 0;
    if (span > 0 && bi_annotate_serialises())
        nap(r, span);
    else if (span > 0 || bi_ring_unsubmitted(&u->ring) ||
             bi_ring_stirs(&u->ring))
        go_round(r, span);
    else
        drain(r);
}

/* How many operations on `e` the kernel has, or is about to get. */
static size_t held(const struct bi_fd *e)
{
    size_t n = 0;
    BI_LIST_EACH(it, &e->ops)
        n += !bi_container_of(it, struct bi_op, wait.link)->offloaded;
    return n;
}

/* An operation holds the file until its end is taken in, and one that is not
 * submitted names a number that may be another file's by then.  Cancelled ones
 * end in the round that submits the cancel, except for those that are on a
 * thread of the kernel: they are not waited for. */
static void let_go(struct bi_reactor *r, int fd, struct bi_fd *e)
{
    (void)fd;
    size_t before, left = held(e);
    while (left > 0) {
        before = left;
        while (exchange(r, 0))
            continue;
        left = held(e);
        if (left == before)
            return;
    }
}

const struct bi_backend bi_backend_uring = {
    .name = "io_uring",
    .open = open_uring,
    .close = close_uring,
    .try_first = try_first,
    .start = start,
    .cancel = cancel,
    .ask = ask,
    .wait = wait_for_ends,
    .let_go = let_go,
    .abandon = abandon,
};
