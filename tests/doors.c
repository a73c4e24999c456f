/* doors.c: ends, and calls that a task of their own makes. */
#include "doors.h"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>

/* ---- Ends --------------------------------------------------------------- */

const char *fresh_path(char *path)
{
    static int count;
    snprintf(path, 64, "%s/bide-%d-%d", P_tmpdir, (int)getpid(), count++);
    unlink(path);
    return path;
}

static struct ends open_fifo(void)
{
    char path[64];
    struct ends ends;
    ck_assert_int_eq(mkfifo(fresh_path(path), 0600), 0);
    ends.in = open(path, O_RDWR | O_CLOEXEC);
    ends.out = open(path, O_RDONLY | O_CLOEXEC);
    int in = open(path, O_WRONLY | O_CLOEXEC);
    close(ends.in); /* which was only there so that no open had to wait */
    ends.in = in;
    unlink(path);
    return ends;
}

static struct ends open_tcp(void)
{
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr *any = (struct sockaddr *)&addr;
    socklen_t len = sizeof addr;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct ends ends = {.in = socket(AF_INET, SOCK_STREAM, 0)};
    ck_assert_int_eq(bind(listener, any, len), 0);
    ck_assert_int_eq(listen(listener, 1), 0);
    ck_assert_int_eq(getsockname(listener, any, &len), 0);
    ck_assert_int_eq(connect(ends.in, any, len), 0);
    ends.out = accept(listener, NULL, NULL);
    close(listener);
    return ends;
}

/* A terminal that passes every byte on as it is. */
static struct ends open_pty(void)
{
    struct termios raw = {.c_cflag = CREAD | CS8, .c_cc[VMIN] = 1};
    struct ends ends;
    ck_assert_int_eq(openpty(&ends.in, &ends.out, NULL, &raw, NULL), 0);
    return ends;
}

static struct ends open_sockets(int type)
{
    int fds[2];
    ck_assert_int_eq(socketpair(AF_UNIX, type, 0, fds), 0);
    return (struct ends){fds[0], fds[1]};
}

static struct ends open_pipe(void)
{
    int fds[2];
    ck_assert_int_eq(pipe(fds), 0);
    return (struct ends){fds[0], fds[1]};
}

static void set_nonblocking(int fd)
{
    ck_assert_int_eq(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK), 0);
}

static struct ends open_kind(enum ends_kind kind)
{
    switch (kind) {
    case PIPE:
        return open_pipe();
    case FIFO:
        return open_fifo();
    case TCP:
        return open_tcp();
    case PTY:
        return open_pty();
    case UNIX:
        return open_sockets(SOCK_STREAM);
    case SEQPACKET:
        return open_sockets(SOCK_SEQPACKET);
    default:
        return open_sockets(SOCK_DGRAM);
    }
}

struct ends open_ends(enum ends_kind kind, int flags)
{
    struct ends ends = open_kind(kind);
    ck_assert_int_ge(ends.in, 0);
    ck_assert_int_ge(ends.out, 0);
    if (flags & O_NONBLOCK) {
        set_nonblocking(ends.in);
        set_nonblocking(ends.out);
    }
    return ends;
}

void close_ends(struct ends ends)
{
    ck_assert_int_eq(close(ends.in), 0);
    ck_assert_int_eq(close(ends.out), 0);
}

bool both_ways(enum ends_kind kind)
{
    return kind != PIPE && kind != FIFO;
}

void put(int fd, const char *text)
{
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

void expect(int fd, const char *text)
{
    char buf[256];
    size_t len = strlen(text), n = 0;
    while (n < len) {
        ck_assert_msg(is_ready(fd, POLLIN), "only %zu bytes of '%s'", n, text);
        ssize_t more = read(fd, buf + n, len - n);
        ck_assert_int_gt(more, 0);
        n += (size_t)more;
    }
    ck_assert_mem_eq(buf, text, len);
}

bool is_ready(int fd, short events)
{
    struct pollfd p = {.fd = fd, .events = events};
    return poll(&p, 1, 0) == 1 && p.revents & (events | POLLHUP | POLLERR);
}

void until_taken(int fd)
{
    while (is_ready(fd, POLLIN))
        bide_sleep(BIDE_MS(1));
}

/* Whether bytes of a TCP stream are on their way, or not yet known to have
 * arrived: then there will be room again. */
static bool in_flight(int fd)
{
    int left = 0, unsent = 0;
    return ioctl(fd, SIOCOUTQ, &left) == 0 &&
           ioctl(fd, SIOCOUTQNSD, &unsent) == 0 && left > unsent;
}

static size_t fill_once(int fd)
{
    char block[4096];
    size_t moved = 0;
    ssize_t n;
    memset(block, 'f', sizeof block);
    for (size_t len = sizeof block; len > 0; len /= 2)
        while ((n = write(fd, block, len)) > 0)
            moved += (size_t)n;
    return moved;
}

size_t fill(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    size_t moved = fill_once(fd);
    for (int i = 0; i < 1000 && in_flight(fd); i++) {
        usleep(1000);
        moved += fill_once(fd);
    }
    fcntl(fd, F_SETFL, flags);
    return moved;
}

size_t drain(int fd)
{
    char block[4096];
    size_t moved = 0;
    ssize_t n;
    while (is_ready(fd, POLLIN) && (n = read(fd, block, sizeof block)) > 0)
        moved += (size_t)n;
    return moved;
}

void take_out(int fd, size_t bytes)
{
    char block[4096];
    while (bytes > 0) {
        while (!is_ready(fd, POLLIN))
            bide_sleep(BIDE_MS(1));
        ssize_t n = read(fd, block,
                         bytes < sizeof block ? bytes : sizeof block);
        ck_assert_int_gt(n, 0);
        bytes -= (size_t)n;
    }
}

int free_number(void)
{
    int fd = dup(0);
    ck_assert_int_ge(fd, 0);
    close(fd);
    return fd;
}

void move_to(int fd, int number)
{
    if (fd == number)
        return;
    ck_assert_int_eq(dup2(fd, number), number);
    close(fd);
}

/* ---- Calls -------------------------------------------------------------- */

intptr_t io_read(void *arg)
{
    struct io *io = arg;
    return bide_read(io->fd, io->buf, io->len);
}

intptr_t io_readv(void *arg)
{
    struct io *io = arg;
    struct iovec iov = {io->buf, io->len};
    return bide_readv(io->fd, &iov, 1);
}

intptr_t io_read_all(void *arg)
{
    struct io *io = arg;
    return bide_read_all(io->fd, io->buf, io->len);
}

intptr_t io_recv(void *arg)
{
    struct io *io = arg;
    return bide_recv(io->fd, io->buf, io->len, io->flags);
}

intptr_t io_recvfrom(void *arg)
{
    struct io *io = arg;
    return bide_recvfrom(io->fd, io->buf, io->len, io->flags, NULL, NULL);
}

intptr_t io_recvmsg(void *arg)
{
    struct io *io = arg;
    struct iovec iov = {io->buf, io->len};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    return bide_recvmsg(io->fd, &msg, io->flags);
}

intptr_t io_write(void *arg)
{
    struct io *io = arg;
    return bide_write(io->fd, io->buf, io->len);
}

intptr_t io_writev(void *arg)
{
    struct io *io = arg;
    struct iovec iov = {io->buf, io->len};
    return bide_writev(io->fd, &iov, 1);
}

intptr_t io_write_all(void *arg)
{
    struct io *io = arg;
    return bide_write_all(io->fd, io->buf, io->len);
}

intptr_t io_send(void *arg)
{
    struct io *io = arg;
    return bide_send(io->fd, io->buf, io->len, io->flags);
}

intptr_t io_sendto(void *arg)
{
    struct io *io = arg;
    return bide_sendto(io->fd, io->buf, io->len, io->flags, NULL, 0);
}

intptr_t io_sendmsg(void *arg)
{
    struct io *io = arg;
    struct iovec iov = {io->buf, io->len};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    return bide_sendmsg(io->fd, &msg, io->flags);
}

intptr_t io_accept(void *arg)
{
    struct io *io = arg;
    return bide_accept(io->fd, NULL, NULL);
}

intptr_t io_poll(void *arg)
{
    struct io *io = arg;
    struct pollfd p = {.fd = io->fd, .events = (short)io->flags};
    int n = bide_poll(&p, 1);
    return n < 0 ? n : p.revents;
}

intptr_t io_fsync(void *arg)
{
    struct io *io = arg;
    return bide_fsync(io->fd);
}

/* ---- Tasks -------------------------------------------------------------- */

bide_task *start(bide_fn *fn, void *arg)
{
    bide_task *task = NULL;
    ck_assert_int_eq(bide_spawn(&task, fn, arg), 0);
    return task;
}

bide_task *park(bide_fn *fn, void *arg)
{
    bide_task *task = start(fn, arg);
    bide_sleep(BIDE_MS(1));
    ck_assert_msg(!bide_task_done(task), "the call did not wait");
    return task;
}

intptr_t end_of(bide_task *task)
{
    intptr_t result = 0;
    ck_assert_int_eq(bide_join(task, &result), 0);
    bide_release(task);
    return result;
}

intptr_t within(bide_time span, bide_fn *fn, void *arg)
{
    struct bide_scope scope = {0};
    bide_scope_open(&scope, bide_after(span));
    intptr_t result = fn(arg);
    return bide_scope_close(&scope, result);
}

intptr_t refused(bide_fn *fn, void *arg)
{
    struct bide_scope scope = {0};
    bide_scope_cancel(&scope);
    bide_scope_open(&scope, BIDE_FOREVER);
    intptr_t result = fn(arg);
    bide_scope_close(&scope, 0);
    return result;
}
