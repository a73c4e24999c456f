/* message.c: receiving and sending, with all that recv(2) and send(2) can say.
 *
 * To read(2) and its like a descriptor is a row of bytes (io.c); these calls
 * have flags, addresses and ancillary data.
 *
 * MSG_WAITALL is done here, one receive after the other: an attempt that must
 * not wait ignores it, and a cancel in the middle of it must lose no byte.
 */
#include "io.h"

#include "sys.h"
#include "turn.h"

/* Run a socket call; with MSG_DONTWAIT it is tried once. */
static intptr_t run_or_try(struct bi_op *op, struct bi_task *self, bool in)
{
    if (op->flags & MSG_DONTWAIT) {
        int rc = bi_turn_of_others(op->fd, in);
        return rc < 0 ? rc : bi_reactor_try(bi_reactor_here(), op);
    }
    return in ? bi_turn_receive(op) : bi_turn_transmit(op, self);
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
    struct bi_file f = bi_turn_file(fd);
    struct bi_reading reading = {0};
    intptr_t n = bi_turn_check(self, f);
    size_t moved = 0;
    if (n == 0 && flags & MSG_WAITALL)
        n = bi_turn_read_begin(&reading, self, fd, f.e);
    while (n == 0) {
        struct bi_op op = {.kind = BI_OP_RECV, .fd = fd,
                           .flags = flags & ~MSG_WAITALL,
                           .buf = (char *)buf + moved,
                           .len = bi_io_clamp(len - moved)};
        n = run_or_try(&op, self, true);
        if (n <= 0)
            break;
        moved += (size_t)n;
        if (moved >= len || !gathers(fd, flags))
            break;
        n = bi_turn_check(self, f);
    }
    bi_turn_read_end(&reading);
    return moved ? (ssize_t)moved : n;
}

ssize_t bide_send(int fd, const void *buf, size_t len, int flags)
{
    struct bi_task *self = bi_current_in(__func__);
    int rc = bi_turn_check(self, bi_turn_file(fd));
    struct bi_op op = {.kind = BI_OP_SEND, .fd = fd, .flags = flags,
                       .buf = (void *)(uintptr_t)buf, .len = bi_io_clamp(len)};
    return rc < 0 ? rc : run_or_try(&op, self, false);
}

static intptr_t receive_message(int fd, struct bi_file f, struct msghdr *msg,
                                int flags)
{
    struct bi_task *self = bi_current();
    int rc = bi_turn_check(self, f);
    struct bi_op op = {.kind = BI_OP_RECVMSG, .fd = fd,
                       .flags = flags & ~MSG_WAITALL, .msg = msg};
    return rc < 0 ? rc : run_or_try(&op, self, true);
}

/* Fill the buffers of `msg` behind the first `moved` bytes; all that are moved.
 * `room` is for ancillary data, which ends it: it tells of a border. */
static size_t fill_up(int fd, struct bi_file f, struct msghdr *msg, int flags,
                      size_t room, size_t moved)
{
    size_t end = 0;
    for (size_t i = 0; i < msg->msg_iovlen; i++) {
        end += msg->msg_iov[i].iov_len;
        while (moved < end && !msg->msg_controllen) {
            size_t left = end - moved;
            struct iovec rest = {(char *)msg->msg_iov[i].iov_base +
                                     (msg->msg_iov[i].iov_len - left),
                                 left};
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
    struct bi_file f = bi_turn_file(fd);
    struct bi_reading reading = {0};
    bool all = flags & MSG_WAITALL && msg;
    size_t room = all ? msg->msg_controllen : 0;
    intptr_t n = all ? bi_turn_read_begin(&reading, bi_current(), fd, f.e) : 0;
    if (n == 0)
        n = receive_message(fd, f, msg, flags);
    if (n > 0 && gathers(fd, flags))
        n = (intptr_t)fill_up(fd, f, msg, flags, room, (size_t)n);
    bi_turn_read_end(&reading);
    return n;
}

ssize_t bide_sendmsg(int fd, const struct msghdr *msg, int flags)
{
    struct bi_task *self = bi_current_in(__func__);
    int rc = bi_turn_check(self, bi_turn_file(fd));
    struct bi_op op = {.kind = BI_OP_SENDMSG, .fd = fd, .flags = flags,
                       .msg = (struct msghdr *)(uintptr_t)msg};
    return rc < 0 ? rc : run_or_try(&op, self, false);
}

ssize_t bide_recvfrom(int fd, void *buf, size_t len, int flags,
                      struct sockaddr *from, socklen_t *from_bytes)
{
    struct iovec iov = {buf, bi_io_clamp(len)};
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
    struct iovec iov = {(void *)(uintptr_t)buf, bi_io_clamp(len)};
    struct msghdr msg = {.msg_name = (void *)(uintptr_t)to,
                         .msg_namelen = to ? to_bytes : 0,
                         .msg_iov = &iov, .msg_iovlen = 1};
    bi_current_in(__func__);
    return bide_sendmsg(fd, &msg, flags);
}
