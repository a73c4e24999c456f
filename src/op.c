/* op.c: how to make a call without blocking, and how to make it on a thread.
 *
 * No descriptor's flags are changed: others may share them.  So a call that
 * must not block says so itself (MSG_DONTWAIT, RWF_NOWAIT), and where neither
 * serves the descriptor's own O_NONBLOCK is asked for; if that is not set, the
 * call is one for a thread.  There poll(2) comes first, so that a thread is
 * only caught where somebody else takes away what was ready.
 */
#include "op.h"

#include "annotate.h"
#include "sys.h"

#include <limits.h>

/* How long a thread waits before a Unix connect is tried again whose listener's
 * queue is full, or the open of a FIFO that has no other side yet: the kernel
 * has no event for it. */
#define PAUSE BIDE_MS(2)

static const char *const names[] = {
    [BI_OP_READ] = "read",       [BI_OP_WRITE] = "write",
    [BI_OP_READV] = "readv",     [BI_OP_WRITEV] = "writev",
    [BI_OP_RECV] = "recv",       [BI_OP_SEND] = "send",
    [BI_OP_RECVMSG] = "recvmsg", [BI_OP_SENDMSG] = "sendmsg",
    [BI_OP_ACCEPT] = "accept",   [BI_OP_CONNECT] = "connect",
    [BI_OP_POLL] = "poll",       [BI_OP_OPEN] = "open",
    [BI_OP_FSYNC] = "fsync",
};

const char *bi_op_name(const struct bi_op *op)
{
    return names[op->kind];
}

short bi_op_events(const struct bi_op *op)
{
    switch (op->kind) {
    case BI_OP_READ:
    case BI_OP_READV:
    case BI_OP_RECV:
    case BI_OP_RECVMSG:
    case BI_OP_ACCEPT:
        return POLLIN;
    case BI_OP_POLL:
        return (short)op->flags;
    default:
        return POLLOUT;
    }
}

static bool reads(const struct bi_op *op)
{
    return op->kind == BI_OP_READ || op->kind == BI_OP_READV;
}

size_t bi_op_bytes(const struct bi_op *op)
{
    size_t bytes = 0;
    if (op->kind != BI_OP_READV && op->kind != BI_OP_WRITEV)
        return op->len;
    for (size_t i = 0; i < op->len; i++)
        bytes += op->iov[i].iov_len;
    return bytes;
}

/* read(2) and its family, refusing to wait. */
static intptr_t transfer_now(struct bi_op *op)
{
    struct iovec one = {op->buf, op->len}, *iov = &one;
    int n = 1;
    if (op->kind == BI_OP_READV || op->kind == BI_OP_WRITEV) {
        iov = op->iov;
        n = (int)op->len;
    }
    if (reads(op))
        return bi_sys_preadv2(op->fd, iov, n, op->at, RWF_NOWAIT);
    return bi_sys_pwritev2(op->fd, iov, n, op->at, RWF_NOWAIT);
}

/* The same as they are, which any kernel has. */
static intptr_t transfer(struct bi_op *op)
{
    if (op->kind == BI_OP_READV || op->kind == BI_OP_WRITEV)
        return bi_sys_vector(reads(op), op->fd, op->iov, (int)op->len);
    if (op->at >= 0)
        return bi_sys_at(reads(op), op->fd, op->buf, op->len, op->at);
    return reads(op) ? bi_sys_read(op->fd, op->buf, op->len)
                     : bi_sys_write(op->fd, op->buf, op->len);
}

/* Whether O_NONBLOCK holds for this descriptor: 1, 0 or a negated errno. */
static int nonblocking(const struct bi_op *op)
{
    int type = bi_sys_file_type(op->fd);
    if (type == S_IFREG || type == S_IFBLK)
        return 0;
    int flags = bi_sys_getfl(op->fd);
    return flags < 0 ? flags : (flags & O_NONBLOCK) != 0;
}

/* Without RWF_NOWAIT: what ends at once all the same, or -EAGAIN, and a thread
 * is needed.  Of a descriptor that was not opened for this, poll(2) would never
 * say that it is ready. */
static intptr_t try_plainly(struct bi_op *op)
{
    int may = nonblocking(op);
    if (may < 0)
        return may;
    if (may > 0 || bi_op_bytes(op) == 0)
        return transfer(op);
    int way = bi_sys_getfl(op->fd) & O_ACCMODE;
    if (way != O_RDWR && way != (reads(op) ? O_RDONLY : O_WRONLY))
        return -EBADF;
    op->refuses_nowait = true;
    return -EAGAIN;
}

static intptr_t try_transfer(struct bi_op *op)
{
    intptr_t n = -EOPNOTSUPP;
    if (!op->refuses_nowait)
        n = transfer_now(op);
    return n == -EOPNOTSUPP || n == -ENOSYS ? try_plainly(op) : n;
}

static intptr_t socket_call(struct bi_op *op, int flags)
{
    switch (op->kind) {
    case BI_OP_RECV:
        return bi_sys_recvfrom(op->fd, op->buf, op->len, flags, NULL, NULL);
    case BI_OP_SEND:
        return bi_sys_sendto(op->fd, op->buf, op->len, flags | MSG_NOSIGNAL,
                             NULL, 0);
    case BI_OP_RECVMSG:
        return bi_sys_recvmsg(op->fd, op->msg, flags);
    default:
        return bi_sys_sendmsg(op->fd, op->msg, flags | MSG_NOSIGNAL);
    }
}

static intptr_t take_connection(const struct bi_op *op)
{
    return bi_sys_accept4(op->fd, op->addr, op->addr_bytes, SOCK_CLOEXEC);
}

/* Where nobody listens accept(2) fails at once; no event would ever come.  What
 * cannot be asked may listen, and then accept(2) would block. */
static bool listens(int fd)
{
    int yes = 0;
    socklen_t len = sizeof yes;
    int rc = bi_sys_getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &yes, &len);
    return rc == 0 ? yes : rc != -ENOTSOCK && rc != -EBADF;
}

static intptr_t try_accept(struct bi_op *op)
{
    int may = nonblocking(op);
    if (may < 0)
        return may;
    if (may || !listens(op->fd))
        return take_connection(op);
    op->refuses_nowait = true;
    return -EAGAIN;
}

/* A connect under way is asked for by connecting again: EALREADY while it is,
 * EISCONN once it came about. */
static intptr_t connect_result(struct bi_op *op, int rc)
{
    bool begun = op->mode;
    if (rc == -EISCONN && begun)
        return 0;
    if (rc == -EINPROGRESS || (rc == -EALREADY && begun)) {
        op->mode = 1;
        return -EAGAIN;
    }
    return rc;
}

static intptr_t try_connect(struct bi_op *op)
{
    int may = nonblocking(op);
    if (may < 0)
        return may;
    int rc = -EAGAIN;
    if (may)
        rc = bi_sys_connect(op->fd, op->addr, (socklen_t)op->len);
    op->refuses_nowait = rc == -EAGAIN;
    return connect_result(op, rc);
}

static intptr_t events_now(const struct bi_op *op)
{
    struct pollfd p = {.fd = op->fd, .events = bi_op_events(op)};
    int n = bi_sys_poll(&p, 1, 0);
    return n > 0 ? p.revents : n == 0 ? -EAGAIN : n;
}

static intptr_t try_once(struct bi_op *op)
{
    switch (op->kind) {
    case BI_OP_READ:
    case BI_OP_WRITE:
    case BI_OP_READV:
    case BI_OP_WRITEV:
        return try_transfer(op);
    case BI_OP_RECV:
    case BI_OP_SEND:
    case BI_OP_RECVMSG:
    case BI_OP_SENDMSG:
        return socket_call(op, op->flags | MSG_DONTWAIT);
    case BI_OP_ACCEPT:
        return try_accept(op);
    case BI_OP_CONNECT:
        return try_connect(op);
    case BI_OP_POLL:
        return events_now(op);
    default:
        return -EAGAIN;
    }
}

intptr_t bi_op_try(struct bi_op *op)
{
    intptr_t rc;
    do
        rc = try_once(op);
    while (rc == -EINTR);
    return rc;
}

/* Have sends, and so connect(2), give up after `span`; the span before. */
static struct timeval send_timeout(int fd, struct timeval span)
{
    struct timeval before = {0};
    socklen_t len = sizeof before;
    bi_sys_getsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &before, &len);
    bi_sys_setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &span, sizeof span);
    return before;
}

/* A Unix connect waits for a place in the listener's queue, and nothing but its
 * own time limit gets it out of there. */
static int connect_unix(const struct bi_op *op)
{
    struct timeval pause = {0, PAUSE / 1000};
    struct timeval before = send_timeout(op->fd, pause);
    int rc = bi_sys_connect(op->fd, op->addr, (socklen_t)op->len);
    send_timeout(op->fd, before);
    if (rc == -EAGAIN && nonblocking(op) > 0)
        bi_sys_poll(NULL, 0, PAUSE);
    return rc;
}

static intptr_t block_connect(struct bi_op *op)
{
    if (op->cancelled) /* before the shutdown could find it under way */
        return -ECANCELED;
    int domain = 0;
    socklen_t len = sizeof domain;
    bi_sys_getsockopt(op->fd, SOL_SOCKET, SO_DOMAIN, &domain, &len);
    if (domain == AF_UNIX)
        return connect_result(op, connect_unix(op));
    int rc = bi_sys_connect(op->fd, op->addr, (socklen_t)op->len);
    return connect_result(op, rc);
}

/* Whether it could keep its thread: poll(2) saw room for PIPE_BUF bytes, and a
 * longer write to a pipe is not over before all of it is in. */
static bool fills_pipe(const struct bi_op *op)
{
    if (reads(op) || op->at >= 0 || bi_op_bytes(op) <= PIPE_BUF)
        return false;
    int type = bi_sys_file_type(op->fd);
    return type < 0 || type == S_IFIFO;
}

/* As much of a long write as surely finds room. */
static intptr_t write_some(const struct bi_op *op)
{
    struct iovec first = {op->buf, op->len};
    for (size_t i = 0; op->kind == BI_OP_WRITEV; i++) {
        first = op->iov[i];
        if (first.iov_len > 0)
            break;
    }
    size_t len = first.iov_len < PIPE_BUF ? first.iov_len : PIPE_BUF;
    return bi_sys_write(op->fd, first.iov_base, len);
}

static intptr_t block_transfer(struct bi_op *op)
{
    intptr_t n = fills_pipe(op) ? write_some(op) : transfer(op);
    if (n == -EPIPE)
        bi_sys_sigpipe_drain();
    return n;
}

/* Whether anybody has the FIFO open for writing: else a copy of its first byte
 * would end at once, not wait. */
static bool has_writer(int fd)
{
    int scratch[2], rc = bi_sys_pipe(scratch);
    if (rc < 0)
        return true;
    ssize_t n = bi_sys_tee(fd, scratch[1], 1);
    bi_sys_close(scratch[0]);
    bi_sys_close(scratch[1]);
    return n != 0;
}

/* Open one side of a FIFO when the other is there.  Nothing gets a thread out
 * of open(2), so it does not go in. */
static int open_fifo(const struct bi_op *op)
{
    bool reads = (op->flags & O_ACCMODE) == O_RDONLY;
    int fd = -ENXIO;
    while (!op->cancelled) {
        if (fd == -ENXIO) /* a writer's, where nobody reads */
            fd = bi_sys_open(op->path, op->flags | O_NONBLOCK, op->mode);
        if (fd < 0 && fd != -ENXIO)
            return fd;
        if (fd >= 0 && (!reads || has_writer(fd))) {
            bi_sys_setfl(fd, op->flags);
            return fd;
        }
        bi_sys_poll(NULL, 0, PAUSE);
    }
    if (fd >= 0)
        bi_sys_close(fd);
    return -ECANCELED;
}

static int block_open(const struct bi_op *op)
{
    bool waits = (op->flags & O_ACCMODE) != O_RDWR &&
                 !(op->flags & (O_NONBLOCK | O_PATH));
    if (waits && bi_sys_path_type(op->path, true) == S_IFIFO)
        return open_fifo(op);
    return bi_sys_open(op->path, op->flags, op->mode);
}

static intptr_t block_once(struct bi_op *op)
{
    switch (op->kind) {
    case BI_OP_OPEN:
        return block_open(op);
    case BI_OP_FSYNC:
        return bi_sys_fsync(op->fd, op->flags != 0);
    case BI_OP_CONNECT:
        return block_connect(op);
    default:
        break;
    }
    intptr_t ready = events_now(op);
    if (ready < 0 || op->kind == BI_OP_POLL)
        return ready;
    if (op->kind == BI_OP_ACCEPT)
        return take_connection(op);
    if (op->kind <= BI_OP_WRITEV)
        return block_transfer(op);
    return socket_call(op, op->flags);
}

intptr_t bi_op_block(struct bi_op *op)
{
    intptr_t rc;
    do
        rc = block_once(op);
    while (rc == -EINTR);
    return rc;
}

/* ---- What the tools do not see ------------------------------------------- */

static void wrote_parts(const struct iovec *iov, size_t n, size_t bytes)
{
    for (size_t i = 0; i < n && bytes > 0; i++) {
        size_t part = bytes < iov[i].iov_len ? bytes : iov[i].iov_len;
        bi_annotate_defined(iov[i].iov_base, part);
        bytes -= part;
    }
}

void bi_op_tell_wrote(const struct bi_op *op, size_t bytes)
{
    switch (op->kind) {
    case BI_OP_READ:
    case BI_OP_RECV:
        bi_annotate_defined(op->buf, bytes < op->len ? bytes : op->len);
        break;
    case BI_OP_READV:
        wrote_parts(op->iov, op->len, bytes);
        break;
    case BI_OP_RECVMSG:
        wrote_parts(op->msg->msg_iov, op->msg->msg_iovlen, bytes);
        bi_annotate_defined(op->msg, sizeof *op->msg);
        bi_annotate_defined(op->msg->msg_name, op->msg->msg_namelen);
        bi_annotate_defined(op->msg->msg_control, op->msg->msg_controllen);
        break;
    case BI_OP_ACCEPT:
        if (op->addr_bytes) {
            bi_annotate_defined(op->addr_bytes, sizeof *op->addr_bytes);
            bi_annotate_defined(op->addr, *op->addr_bytes);
        }
        break;
    default:
        break;
    }
}
