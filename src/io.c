/* io.c: blocking-looking calls.
 *
 * Each describes one operation and runs it; what is here is what POSIX leaves
 * to the caller: whose turn it is on a stream, how much was moved, when to
 * pause.
 *
 * A stream has one reader at a time (a second is refused: the bytes would go to
 * either) and its writers take turns for whole calls.  Who reads and whose turn
 * it is stands in the descriptor's entry for as long as the call lasts.
 */
#include "io.h"

#include "park.h"
#include "sys.h"
#include "timer.h"

#include <limits.h>
#include <string.h>

/* What the kernel moves at most in one call (MAX_RW_COUNT, read(2)). */
#define MOST_BYTES ((size_t)0x7ffff000)

/* The pause before an accept after one that found no free descriptor. */
#define ACCEPT_PAUSE BIDE_MS(100)

static size_t clamp(size_t len)
{
    return len < MOST_BYTES ? len : MOST_BYTES;
}

static struct bi_fd *entry(int fd)
{
    return bi_fd_get(&bi_reactor_here()->fds, fd);
}

/* ---- Which file it is --------------------------------------------------- */

/* What a number stood for when a call began. */
struct file {
    struct bi_fd *e;
    uint32_t life;
};

static struct file file_of(int fd)
{
    struct bi_fd *e = entry(fd);
    return (struct file){e, e ? e->life : 0};
}

/* 0, or -EBADF: bide_close() has closed it, the number may be another's. */
static int still(struct file f)
{
    return f.e && bi_unlikely(f.e->life != f.life) ? -EBADF : 0;
}

/* How each call begins and goes on: the others may get a turn, and close it. */
static int check(struct bi_task *self, struct file f)
{
    int rc = bi_park_check(self);
    return rc < 0 ? rc : still(f);
}

/* ---- Whose turn it is --------------------------------------------------- */

/* Whether the descriptor is a stream, whose bytes must not be torn apart. */
static bool is_stream(struct bi_fd *e, int fd)
{
    enum bi_fd_kind kind = bi_fd_learn(e, fd);
    return kind == BI_FD_STREAM || kind == BI_FD_PIPE || kind == BI_FD_TTY;
}

/* Run one receiving operation. */
static intptr_t receive(struct bi_op *op)
{
    struct bi_fd *e = entry(op->fd);
    if (e && bi_unlikely(e->reader) && is_stream(e, op->fd))
        return -EBUSY;
    bool mine = e && !e->reader;
    if (mine)
        e->reader = op;
    intptr_t rc = bi_reactor_run(bi_reactor_here(), op);
    if (mine && e->reader == op)
        e->reader = NULL;
    if (e && rc >= 0)
        e->drained = (size_t)rc < op->len && !op->more;
    return rc;
}

/* A place in the row of those who write to a stream. */
struct turn {
    struct bi_wait wait;
    struct bi_fd *e;
};

/* Wait for the turn to write to `fd`.  0 or the refusal. */
static int take_turn(struct turn *turn, struct bi_task *self, int fd)
{
    struct bi_fd *e = turn->e = entry(fd);
    if (!e)
        return 0;
    if (bi_likely(!e->writer)) {
        e->writer = turn;
        return 0;
    }
    if (!is_stream(e, fd))
        return 0;
    turn->wait = bi_wait_make(self, "turn to write", NULL, bi_wait_unlink);
    turn->wait.fd = fd;
    bi_list_push_back(&e->writers, &turn->wait.link);
    struct file f = {e, e->life};
    int rc = (int)bi_park(&turn->wait);
    return rc < 0 ? rc : still(f);
}

/* Hand the turn to the next in the row. */
static void end_turn(struct turn *turn)
{
    struct bi_fd *e = turn->e;
    if (!e || e->writer != turn)
        return;
    struct bi_list *link = bi_list_pop(&e->writers);
    e->writer = NULL;
    if (!link)
        return;
    struct bi_wait *next = bi_container_of(link, struct bi_wait, link);
    e->writer = bi_container_of(next, struct turn, wait);
    bi_wake(next, 0);
}

/* Run one sending operation, in its turn. */
static intptr_t transmit(struct bi_op *op, struct bi_task *self)
{
    struct turn turn;
    intptr_t rc = take_turn(&turn, self, op->fd);
    if (rc == 0)
        rc = bi_reactor_run(bi_reactor_here(), op);
    end_turn(&turn);
    return rc;
}

/* ---- Sockets are quicker by their own calls ----------------------------- */

static bool is_socket(int fd)
{
    struct bi_fd *e = entry(fd);
    if (!e)
        return false;
    enum bi_fd_kind kind = e->kind ? e->kind : bi_fd_learn(e, fd);
    return kind == BI_FD_STREAM || kind == BI_FD_DGRAM;
}

/* One read or write, `op` filled but for its kind.  A note that says "socket"
 * may be wrong: then the kernel says so. */
static intptr_t move_once(struct bi_op *op, enum bi_op_kind file_kind,
                          enum bi_op_kind socket_kind,
                          intptr_t (*run)(struct bi_op *op))
{
    op->kind = is_socket(op->fd) ? socket_kind : file_kind;
    intptr_t rc = run(op);
    if (rc != -ENOTSOCK || op->kind == file_kind)
        return rc;
    bi_fd_learn(entry(op->fd), op->fd);
    op->kind = file_kind;
    return run(op);
}

static intptr_t read_once(int fd, void *buf, size_t len)
{
    struct bi_op op = {.fd = fd, .buf = buf, .len = clamp(len), .at = -1};
    return move_once(&op, BI_OP_READ, BI_OP_RECV, receive);
}

/* In the caller's turn. */
static intptr_t run_plain(struct bi_op *op)
{
    return bi_reactor_run(bi_reactor_here(), op);
}

static intptr_t write_once(int fd, const void *buf, size_t len)
{
    struct bi_op op = {.fd = fd, .buf = (void *)(uintptr_t)buf,
                       .len = clamp(len), .at = -1};
    return move_once(&op, BI_OP_WRITE, BI_OP_SEND, run_plain);
}

/* ---- Bytes -------------------------------------------------------------- */

/* What a call for no bytes comes to: nothing, if the descriptor is open. */
static int none_of(int fd)
{
    int flags = bi_sys_getfl(fd);
    return flags < 0 ? flags : 0;
}

ssize_t bide_read(int fd, void *buf, size_t len)
{
    int rc = check(bi_current_in(__func__), file_of(fd));
    if (rc < 0)
        return rc;
    return len ? read_once(fd, buf, len) : none_of(fd);
}

ssize_t bide_read_all(int fd, void *buf, size_t len)
{
    struct bi_task *self = bi_current_in(__func__);
    struct file f = file_of(fd);
    size_t moved = 0;
    intptr_t n = check(self, f);
    if (n == 0 && len == 0)
        n = none_of(fd);
    while (n == 0 && moved < len) {
        n = read_once(fd, (char *)buf + moved, len - moved);
        if (n <= 0)
            break;
        moved += (size_t)n;
        n = check(self, f);
    }
    return moved ? (ssize_t)moved : n;
}

ssize_t bide_write(int fd, const void *buf, size_t len)
{
    struct bi_task *self = bi_current_in(__func__);
    struct turn turn;
    intptr_t rc = check(self, file_of(fd));
    if (rc < 0)
        return rc;
    rc = take_turn(&turn, self, fd);
    if (rc == 0)
        rc = write_once(fd, buf, len);
    end_turn(&turn);
    return rc;
}

ssize_t bide_write_all(int fd, const void *buf, size_t len)
{
    struct bi_task *self = bi_current_in(__func__);
    struct file f = file_of(fd);
    struct turn turn;
    size_t moved = 0;
    intptr_t n = check(self, f);
    if (n < 0)
        return n;
    n = take_turn(&turn, self, fd);
    if (n == 0 && len == 0)
        n = none_of(fd);
    while (n == 0 && moved < len) {
        n = write_once(fd, (const char *)buf + moved, len - moved);
        if (n < 0)
            break;
        moved += (size_t)n;
        n = moved < len ? check(self, f) : 0;
    }
    end_turn(&turn);
    return moved ? (ssize_t)moved : n;
}

static bool bad_vector(const struct iovec *iov, int n)
{
    return n < 0 || n > IOV_MAX || (n > 0 && !iov);
}

ssize_t bide_readv(int fd, const struct iovec *iov, int n)
{
    int rc = check(bi_current_in(__func__), file_of(fd));
    if (rc < 0 || bad_vector(iov, n))
        return rc < 0 ? rc : -EINVAL;
    struct bi_op op = {.kind = BI_OP_READV, .fd = fd,
                       .iov = (struct iovec *)(uintptr_t)iov,
                       .len = (size_t)n, .at = -1};
    return n ? receive(&op) : none_of(fd);
}

ssize_t bide_writev(int fd, const struct iovec *iov, int n)
{
    struct bi_task *self = bi_current_in(__func__);
    int rc = check(self, file_of(fd));
    if (rc < 0 || bad_vector(iov, n))
        return rc < 0 ? rc : -EINVAL;
    struct bi_op op = {.kind = BI_OP_WRITEV, .fd = fd,
                       .iov = (struct iovec *)(uintptr_t)iov,
                       .len = (size_t)n, .at = -1};
    return n ? transmit(&op, self) : none_of(fd);
}

/* A stream has no offsets, which io_uring would overlook. */
static bool has_offsets(int fd)
{
    struct bi_fd *e = entry(fd);
    bool stream = e && (e->kind == BI_FD_STREAM || e->kind == BI_FD_PIPE);
    return !stream || !is_stream(e, fd);
}

/* A call at an offset: nobody's turn is at stake. */
static intptr_t run_at(enum bi_op_kind kind, int fd, const void *buf, size_t len,
                       off_t at)
{
    struct bi_op op = {.kind = kind, .fd = fd, .buf = (void *)(uintptr_t)buf,
                       .len = clamp(len), .at = at};
    if (at < 0)
        return -EINVAL;
    if (!has_offsets(fd))
        return -ESPIPE;
    return len ? run_plain(&op) : none_of(fd);
}

ssize_t bide_pread(int fd, void *buf, size_t len, off_t at)
{
    int rc = check(bi_current_in(__func__), file_of(fd));
    return rc < 0 ? rc : run_at(BI_OP_READ, fd, buf, len, at);
}

ssize_t bide_pwrite(int fd, const void *buf, size_t len, off_t at)
{
    int rc = check(bi_current_in(__func__), file_of(fd));
    return rc < 0 ? rc : run_at(BI_OP_WRITE, fd, buf, len, at);
}

/* ---- Messages ----------------------------------------------------------- */

/* What MSG_DONTWAIT comes to where another task's call is under way: -EBUSY,
 * or -EAGAIN where there is a turn to wait for; 0 where nobody is. */
static int others_turn(int fd, bool in)
{
    struct bi_fd *e = entry(fd);
    if (!e || !(in ? e->reader : e->writer) || !is_stream(e, fd))
        return 0;
    return in ? -EBUSY : -EAGAIN;
}

/* Run a socket call; with MSG_DONTWAIT it is tried once. */
static intptr_t run_or_try(struct bi_op *op, struct bi_task *self, bool in)
{
    if (op->flags & MSG_DONTWAIT) {
        int rc = others_turn(op->fd, in);
        return rc < 0 ? rc : bi_op_try(op);
    }
    return in ? receive(op) : transmit(op, self);
}

/* Whether a receive is to go on until all is there: messages have bounds. */
static bool gathers(int fd, int flags)
{
    int type = 0;
    socklen_t len = sizeof type;
    if (!(flags & MSG_WAITALL) || flags & (MSG_PEEK | MSG_DONTWAIT | MSG_OOB))
        return false;
    return bi_sys_getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 &&
           type == SOCK_STREAM;
}

ssize_t bide_recv(int fd, void *buf, size_t len, int flags)
{
    struct bi_task *self = bi_current_in(__func__);
    struct file f = file_of(fd);
    intptr_t n = check(self, f);
    size_t moved = 0;
    while (n == 0) {
        struct bi_op op = {.kind = BI_OP_RECV, .fd = fd,
                           .flags = flags & ~MSG_WAITALL,
                           .buf = (char *)buf + moved,
                           .len = clamp(len - moved)};
        n = run_or_try(&op, self, true);
        if (n <= 0)
            break;
        moved += (size_t)n;
        if (moved >= len || !gathers(fd, flags))
            break;
        n = check(self, f);
    }
    return moved ? (ssize_t)moved : n;
}

ssize_t bide_send(int fd, const void *buf, size_t len, int flags)
{
    struct bi_task *self = bi_current_in(__func__);
    int rc = check(self, file_of(fd));
    struct bi_op op = {.kind = BI_OP_SEND, .fd = fd, .flags = flags,
                       .buf = (void *)(uintptr_t)buf, .len = clamp(len)};
    return rc < 0 ? rc : run_or_try(&op, self, false);
}

static intptr_t receive_message(int fd, struct file f, struct msghdr *msg,
                                int flags)
{
    struct bi_task *self = bi_current();
    int rc = check(self, f);
    struct bi_op op = {.kind = BI_OP_RECVMSG, .fd = fd,
                       .flags = flags & ~MSG_WAITALL, .msg = msg};
    return rc < 0 ? rc : run_or_try(&op, self, true);
}

/* Fill the buffers of `msg` behind the first `moved` bytes; all that are moved.
 * `room` is for ancillary data, which ends it: it tells of a border. */
static size_t fill_up(int fd, struct file f, struct msghdr *msg, int flags,
                      size_t room, size_t moved)
{
    size_t end = 0;
    for (size_t i = 0; i < msg->msg_iovlen; i++) {
        end += msg->msg_iov[i].iov_len;
        while (moved < end && !msg->msg_controllen) {
            size_t left = end - moved;
            struct iovec rest = {(char *)msg->msg_iov[i].iov_base +
                                     (msg->msg_iov[i].iov_len - left), left};
            struct msghdr part = {.msg_iov = &rest, .msg_iovlen = 1,
                                  .msg_control = msg->msg_control,
                                  .msg_controllen = room};
            intptr_t n = receive_message(fd, f, &part, flags);
            if (n <= 0)
                return moved;
            moved += (size_t)n;
            msg->msg_controllen = part.msg_controllen;
            msg->msg_flags |= part.msg_flags;
        }
    }
    return moved;
}

ssize_t bide_recvmsg(int fd, struct msghdr *msg, int flags)
{
    bi_current_in(__func__);
    struct file f = file_of(fd);
    size_t room = flags & MSG_WAITALL && msg ? msg->msg_controllen : 0;
    intptr_t n = receive_message(fd, f, msg, flags);
    if (n <= 0 || !gathers(fd, flags))
        return n;
    return (ssize_t)fill_up(fd, f, msg, flags, room, (size_t)n);
}

ssize_t bide_sendmsg(int fd, const struct msghdr *msg, int flags)
{
    struct bi_task *self = bi_current_in(__func__);
    int rc = check(self, file_of(fd));
    struct bi_op op = {.kind = BI_OP_SENDMSG, .fd = fd, .flags = flags,
                       .msg = (struct msghdr *)(uintptr_t)msg};
    return rc < 0 ? rc : run_or_try(&op, self, false);
}

ssize_t bide_recvfrom(int fd, void *buf, size_t len, int flags,
                      struct sockaddr *from, socklen_t *from_bytes)
{
    struct iovec iov = {buf, clamp(len)};
    struct msghdr msg = {.msg_name = from,
                         .msg_namelen = from && from_bytes ? *from_bytes : 0,
                         .msg_iov = &iov, .msg_iovlen = 1};
    bi_current_in(__func__);
    ssize_t n = bide_recvmsg(fd, &msg, flags);
    if (n >= 0 && from && from_bytes)
        *from_bytes = msg.msg_namelen;
    return n;
}

ssize_t bide_sendto(int fd, const void *buf, size_t len, int flags,
                    const struct sockaddr *to, socklen_t to_bytes)
{
    struct iovec iov = {(void *)(uintptr_t)buf, clamp(len)};
    struct msghdr msg = {.msg_name = (void *)(uintptr_t)to,
                         .msg_namelen = to ? to_bytes : 0,
                         .msg_iov = &iov, .msg_iovlen = 1};
    bi_current_in(__func__);
    return bide_sendmsg(fd, &msg, flags);
}

/* ---- Connections -------------------------------------------------------- */

/* After an accept that found no free descriptor the next one pauses. */
static int pause_accept(struct bi_reactor *r)
{
    if (bi_likely(!r->accept_pause))
        return 0;
    int rc = bide_sleep_until(r->accept_pause);
    if (rc == 0)
        r->accept_pause = 0;
    return rc;
}

int bi_io_adopt(int fd, enum bi_fd_kind kind)
{
    struct bi_fd *e = fd >= 0 ? entry(fd) : NULL;
    if (e)
        bi_fd_renew(e, kind, true);
    return fd;
}

int bide_accept(int fd, struct sockaddr *addr, socklen_t *len)
{
    struct bi_task *self = bi_current_in(__func__);
    struct bi_reactor *r = bi_reactor_here();
    struct file f = file_of(fd);
    int rc = check(self, f);
    if (rc == 0)
        rc = pause_accept(r);
    if (rc == 0)
        rc = still(f);
    if (rc < 0)
        return rc;
    struct bi_op op = {.kind = BI_OP_ACCEPT, .fd = fd, .addr = addr,
                       .addr_bytes = len};
    int client = (int)run_plain(&op);
    if (client == -EMFILE || client == -ENFILE)
        r->accept_pause = bide_after(ACCEPT_PAUSE);
    return bi_io_adopt(client, BI_FD_STREAM);
}

int bide_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
    int rc = check(bi_current_in(__func__), file_of(fd));
    struct bi_op op = {.kind = BI_OP_CONNECT, .fd = fd,
                       .addr = (struct sockaddr *)(uintptr_t)addr, .len = len};
    return rc < 0 ? rc : !addr ? -EFAULT : (int)run_plain(&op);
}

int bide_shutdown(int fd, int how)
{
    bi_current_in(__func__);
    return bi_sys_shutdown(fd, how);
}

int bide_close(int fd)
{
    bi_current_in(__func__);
    return bi_reactor_close_fd(bi_reactor_here(), fd);
}

/* ---- Files -------------------------------------------------------------- */

int bide_open(const char *path, int flags, mode_t mode)
{
    int rc = bi_park_check(bi_current_in(__func__));
    struct bi_op op = {.kind = BI_OP_OPEN, .fd = -1, .path = path,
                       .flags = flags | O_CLOEXEC, .mode = mode};
    if (rc < 0 || !path)
        return rc < 0 ? rc : -EFAULT;
    return bi_io_adopt((int)run_plain(&op), BI_FD_UNKNOWN);
}

static int sync_file(int fd, bool data_only, const char *func)
{
    int rc = check(bi_current_in(func), file_of(fd));
    struct bi_op op = {.kind = BI_OP_FSYNC, .fd = fd, .flags = data_only};
    return rc < 0 ? rc : (int)run_plain(&op);
}

int bide_fsync(int fd)
{
    return sync_file(fd, false, __func__);
}

int bide_fdatasync(int fd)
{
    return sync_file(fd, true, __func__);
}
