/* io.c: blocking-looking calls on bytes, connections and files.
 *
 * Each describes one operation and runs it, in its turn (turn.h); what is here
 * is what POSIX leaves to the caller: how much was moved, when to pause.
 */
#include "io.h"

#include "sys.h"
#include "turn.h"

#include <limits.h>

/* The pause before an accept after one that found no free descriptor. */
#define ACCEPT_PAUSE BIDE_MS(100)

/* How a call begins that goes on in one piece. */
static int enter(int fd, const char *func)
{
    struct bi_task *self = bi_current_in(func);
    return bi_turn_check(self, bi_turn_file(fd));
}

/* ---- Sockets are quicker by their own calls ----------------------------- */

static bool is_socket(struct bi_fd *e, int fd)
{
    if (!e)
        return false;
    enum bi_fd_kind kind = e->kind ? e->kind : bi_fd_learn(e, fd);
    return kind == BI_FD_STREAM || kind == BI_FD_TCP || kind == BI_FD_DGRAM;
}

/* One read or write, `op` filled but for its kind.  A note that says "socket"
 * may be wrong: then the kernel says so. */
static intptr_t move_once(struct bi_op *op, enum bi_op_kind file_kind,
                          enum bi_op_kind socket_kind,
                          intptr_t (*run)(struct bi_op *op))
{
    struct bi_file f = bi_turn_file(op->fd);
    op->kind = is_socket(f.e, op->fd) ? socket_kind : file_kind;
    intptr_t rc = run(op);
    if (rc != -ENOTSOCK || op->kind == file_kind)
        return rc;
    rc = bi_turn_check(bi_current(), f);
    if (rc < 0)
        return rc;
    bi_fd_learn(f.e, op->fd);
    op->kind = file_kind;
    return run(op);
}

static intptr_t read_once(int fd, void *buf, size_t len)
{
    struct bi_op op;
    bi_op_transfer(&op, fd, buf, bi_io_clamp(len));
    return move_once(&op, BI_OP_READ, BI_OP_RECV, bi_turn_receive);
}

/* In the caller's turn. */
static intptr_t run_plain(struct bi_op *op)
{
    return bi_reactor_run(bi_reactor_here(), op);
}

static intptr_t write_once(int fd, const void *buf, size_t len)
{
    struct bi_op op;
    bi_op_transfer(&op, fd, buf, bi_io_clamp(len));
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
    int rc = enter(fd, __func__);
    if (rc < 0)
        return rc;
    return len ? read_once(fd, buf, len) : none_of(fd);
}

ssize_t bide_read_all(int fd, void *buf, size_t len)
{
    struct bi_task *self = bi_current_in(__func__);
    struct bi_file f = bi_turn_file(fd);
    struct bi_reading reading;
    size_t moved = 0;
    intptr_t n = bi_turn_check(self, f);
    if (n < 0)
        return n;
    n = len ? bi_turn_read_begin(&reading, self, fd, f.e) : none_of(fd);
    if (n < 0 || len == 0)
        return n;
    while (n == 0 && moved < len) {
        n = read_once(fd, (char *)buf + moved, len - moved);
        if (n <= 0)
            break;
        moved += (size_t)n;
        n = moved < len ? bi_turn_check(self, f) : 0;
    }
    bi_turn_read_end(&reading);
    return moved ? (ssize_t)moved : n;
}

ssize_t bide_write(int fd, const void *buf, size_t len)
{
    struct bi_task *self = bi_current_in(__func__);
    struct bi_turn turn;
    intptr_t rc = bi_turn_check(self, bi_turn_file(fd));
    if (rc < 0)
        return rc;
    rc = bi_turn_take(&turn, self, fd);
    if (rc == 0)
        rc = write_once(fd, buf, len);
    bi_turn_end(&turn);
    return rc;
}

ssize_t bide_write_all(int fd, const void *buf, size_t len)
{
    struct bi_task *self = bi_current_in(__func__);
    struct bi_file f = bi_turn_file(fd);
    struct bi_turn turn;
    size_t moved = 0;
    intptr_t n = bi_turn_check(self, f);
    if (n < 0)
        return n;
    n = bi_turn_take(&turn, self, fd);
    if (n == 0 && len == 0)
        n = none_of(fd);
    while (n == 0 && moved < len) {
        n = write_once(fd, (const char *)buf + moved, len - moved);
        if (n < 0)
            break;
        moved += (size_t)n;
        n = moved < len ? bi_turn_check(self, f) : 0;
    }
    bi_turn_end(&turn);
    return moved ? (ssize_t)moved : n;
}

static bool bad_vector(const struct iovec *iov, int n)
{
    return n < 0 || n > IOV_MAX || (n > 0 && !iov);
}

ssize_t bide_readv(int fd, const struct iovec *iov, int n)
{
    int rc = enter(fd, __func__);
    if (rc < 0 || bad_vector(iov, n))
        return rc < 0 ? rc : -EINVAL;
    struct bi_op op = {.kind = BI_OP_READV, .fd = fd,
                       .iov = (struct iovec *)(uintptr_t)iov,
                       .len = (size_t)n, .at = -1};
    return n ? bi_turn_receive(&op) : none_of(fd);
}

ssize_t bide_writev(int fd, const struct iovec *iov, int n)
{
    struct bi_task *self = bi_current_in(__func__);
    int rc = bi_turn_check(self, bi_turn_file(fd));
    if (rc < 0 || bad_vector(iov, n))
        return rc < 0 ? rc : -EINVAL;
    struct bi_op op = {.kind = BI_OP_WRITEV, .fd = fd,
                       .iov = (struct iovec *)(uintptr_t)iov,
                       .len = (size_t)n, .at = -1};
    return n ? bi_turn_transmit(&op, self) : none_of(fd);
}

/* A stream has no offsets, which io_uring would overlook.  What is not known
 * yet is found out: a file may be one that bypasses the page cache. */
static bool has_offsets(int fd)
{
    struct bi_fd *e = bi_reactor_entry(fd);
    if (e && e->kind == BI_FD_UNKNOWN)
        bi_fd_learn(e, fd);
    bool stream = e && (e->kind == BI_FD_STREAM || e->kind == BI_FD_TCP ||
                        e->kind == BI_FD_PIPE);
    return !stream || !bi_turn_matters(e, fd);
}

/* A call at an offset: nobody's turn is at stake. */
static intptr_t run_at(enum bi_op_kind kind, int fd, const void *buf,
                       size_t len, off_t at)
{
    struct bi_op op = {.kind = kind, .fd = fd, .buf = (void *)(uintptr_t)buf,
                       .len = bi_io_clamp(len), .at = at};
    if (at < 0)
        return -EINVAL;
    if (!has_offsets(fd))
        return -ESPIPE;
    return len ? run_plain(&op) : none_of(fd);
}

ssize_t bide_pread(int fd, void *buf, size_t len, off_t at)
{
    int rc = enter(fd, __func__);
    return rc < 0 ? rc : run_at(BI_OP_READ, fd, buf, len, at);
}

ssize_t bide_pwrite(int fd, const void *buf, size_t len, off_t at)
{
    int rc = enter(fd, __func__);
    return rc < 0 ? rc : run_at(BI_OP_WRITE, fd, buf, len, at);
}

/* ---- Connections -------------------------------------------------------- */

/* After an accept that found no free descriptor the next one pauses. */
static int pause_accept(struct bi_reactor *r, struct bi_task *self,
                        struct bi_file f)
{
    if (bi_likely(!r->accept_pause))
        return 0;
    int rc = bide_sleep_until(r->accept_pause);
    if (rc < 0)
        return rc;
    r->accept_pause = 0;
    return bi_turn_check(self, f);
}

int bi_io_adopt(int fd, enum bi_fd_kind kind)
{
    struct bi_fd *e = fd >= 0 ? bi_reactor_entry(fd) : NULL;
    if (e)
        bi_fd_renew(e, kind, true);
    return fd;
}

void bi_io_close(int *fd)
{
    if (*fd >= 0)
        bide_close(*fd);
    *fd = -1;
}

int bide_accept(int fd, struct sockaddr *addr, socklen_t *len)
{
    struct bi_task *self = bi_current_in(__func__);
    struct bi_reactor *r = bi_reactor_here();
    struct bi_file f = bi_turn_file(fd);
    int rc = bi_turn_check(self, f);
    if (rc == 0)
        rc = pause_accept(r, self, f);
    if (rc < 0)
        return rc;
    struct bi_op op = {.kind = BI_OP_ACCEPT, .fd = fd, .addr = addr,
                       .addr_bytes = len};
    int client = (int)run_plain(&op);
    if (client == -EMFILE || client == -ENFILE)
        r->accept_pause = bide_after(ACCEPT_PAUSE);
    bool tcp = f.e && f.e->kind == BI_FD_TCP;
    bi_io_adopt(client, tcp ? BI_FD_TCP : BI_FD_STREAM);
    if (!tcp && client >= 0)
        bi_fd_learn(bi_reactor_entry(client), client);
    return client;
}

int bide_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
    int rc = enter(fd, __func__);
    struct bi_op op = {.kind = BI_OP_CONNECT, .fd = fd,
                       .addr = (struct sockaddr *)(uintptr_t)addr, .len = len};
    return rc < 0 ? rc : !addr ? -EFAULT : (int)run_plain(&op);
}

int bide_shutdown(int fd, int how)
{
    bi_current_in(__func__);
    struct bi_reactor *r = bi_reactor_here();
    if (r->backend->shut_down)
        return r->backend->shut_down(r, fd, how);
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
    int rc = enter(fd, func);
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
