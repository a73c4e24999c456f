/* bodies_socket.c: messages, connections, and waiting for one of several. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1 /* before the first header */
#endif
#include "body.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/un.h>
#include <unistd.h>

/* The ends that a body and its peers share. */
static struct ends ends;

/* ---- Messages ----------------------------------------------------------- */

static intptr_t send_datagram(void *len)
{
    char buf[64];
    int rc = bide_yield();
    pattern(buf, sizeof buf);
    if (rc < 0)
        return rc;
    ssize_t n = bide_sendto(ends.in, buf, (size_t)len, 0, NULL, 0);
    if (n < 0)
        return n;
    EXPECT(n == (ssize_t)len);
    return 0;
}

static intptr_t receive_datagram(void *len)
{
    char buf[64];
    struct sockaddr_storage from;
    socklen_t bytes = sizeof from;
    ssize_t n = bide_recvfrom(ends.out, buf, sizeof buf, 0,
                              (struct sockaddr *)&from, &bytes);
    if (n < 0)
        return n;
    EXPECT(n == (ssize_t)len && is_pattern(buf, (size_t)n));
    return 0;
}

static intptr_t datagrams(void *kind)
{
    ends = open_ends((intptr_t)kind);
    return beside(send_datagram, receive_datagram, NUM(50));
}

static intptr_t empty_datagram(void *kind)
{
    ends = open_ends((intptr_t)kind);
    return beside(send_datagram, receive_datagram, NUM(0));
}

static intptr_t send_two(void *unused)
{
    (void)unused;
    char buf[200];
    pattern(buf, sizeof buf);
    ssize_t n = bide_send(ends.in, buf, 100, 0);
    int rc = n < 0 ? (int)n : bide_yield();
    if (rc < 0)
        return rc;
    for (size_t done = (size_t)n; done < sizeof buf; done += (size_t)n)
        if ((n = bide_send(ends.in, buf + done, sizeof buf - done, 0)) < 0)
            return n;
    return 0;
}

/* MSG_WAITALL gathers what comes in parts; less is told where it was stopped,
 * and the next call goes on behind it. */
static intptr_t receive_all(void *unused)
{
    (void)unused;
    char buf[200];
    for (size_t done = 0; done < sizeof buf;) {
        ssize_t n = bide_recv(ends.out, buf + done, sizeof buf - done,
                              MSG_WAITALL);
        if (n < 0)
            return n;
        EXPECT(n > 0);
        done += (size_t)n;
    }
    EXPECT(is_pattern(buf, sizeof buf));
    return 0;
}

static intptr_t wait_for_all(void *kind)
{
    ends = open_ends((intptr_t)kind);
    return beside(send_two, receive_all, NULL);
}

/* Refused at once, or done at once. */
static intptr_t dont_wait(void *kind)
{
    char c = 1;
    ends = open_ends((intptr_t)kind);
    ssize_t n = bide_recv(ends.out, &c, 1, MSG_DONTWAIT);
    EXPECT(n < 0);
    if (n != -EAGAIN)
        return n;
    n = bide_send(ends.in, &c, 1, MSG_DONTWAIT);
    if (n == 1)
        n = bide_recv(ends.out, &c, 1, MSG_DONTWAIT);
    return n == 1 || n == -EAGAIN ? 0 : n;
}

/* A message with a descriptor: it arrives as one, or not at all. */
union control {
    char room[CMSG_SPACE(sizeof(int))];
    struct cmsghdr head;
};

static intptr_t pass_descriptor(void *unused)
{
    (void)unused;
    union control control = {.room = {0}};
    struct iovec iov = {(char[]){'x'}, 1};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1,
                         .msg_control = &control,
                         .msg_controllen = sizeof control};
    control.head = (struct cmsghdr){CMSG_LEN(sizeof(int)), SOL_SOCKET,
                                    SCM_RIGHTS};
    memcpy(CMSG_DATA(&control.head), &ends.out, sizeof(int));
    int rc = bide_yield();
    ssize_t n = rc < 0 ? rc : bide_sendmsg(ends.in, &msg, 0);
    return n < 0 ? n : 0;
}

static intptr_t take_descriptor(void *unused)
{
    (void)unused;
    union control control;
    char c;
    int fd;
    struct iovec iov = {&c, 1};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1,
                         .msg_control = &control,
                         .msg_controllen = sizeof control};
    ssize_t n = bide_recvmsg(ends.out, &msg, MSG_CMSG_CLOEXEC);
    if (n < 0)
        return n;
    EXPECT(n == 1 && c == 'x' && msg.msg_controllen >= CMSG_LEN(sizeof(int)));
    memcpy(&fd, CMSG_DATA(&control.head), sizeof fd);
    EXPECT(fcntl(hold(fd), F_GETFD) == FD_CLOEXEC);
    return 0;
}

static intptr_t descriptors(void *kind)
{
    ends = open_ends((intptr_t)kind);
    return beside(pass_descriptor, take_descriptor, NULL);
}

/* ---- Connections -------------------------------------------------------- */

static int listener;
static char host[128], port[8];

static intptr_t listen_there(intptr_t family)
{
    struct sockaddr_in6 addr;
    socklen_t len = sizeof addr;
    if (family == AF_UNIX)
        snprintf(host, sizeof host, "unix:%s", scratch("socket"));
    else
        strcpy(host, family == AF_INET ? "127.0.0.1" : "::1");
    listener = hold(bide_listen(host, "0", 8));
    if (listener < 0)
        return listener;
    getsockname(listener, (struct sockaddr *)&addr, &len);
    snprintf(port, sizeof port, "%d", ntohs(addr.sin6_port)); /* IPv4's too */
    return 0;
}

static intptr_t call_and_say(void *unused)
{
    (void)unused;
    int fd = hold(bide_dial(host, port));
    if (fd < 0)
        return fd;
    EXPECT(fcntl(fd, F_GETFD) == FD_CLOEXEC);
    intptr_t rc = write_pattern(fd, 100);
    return rc < 0 ? rc : bide_shutdown(fd, SHUT_WR);
}

static intptr_t answer(void *unused)
{
    (void)unused;
    struct sockaddr_storage from;
    socklen_t len = sizeof from;
    char c;
    int fd = hold(bide_accept(listener, (struct sockaddr *)&from, &len));
    if (fd < 0)
        return fd;
    EXPECT(fcntl(fd, F_GETFD) == FD_CLOEXEC);
    intptr_t rc = read_pattern(fd, 100);
    ssize_t n = rc < 0 ? rc : bide_read(fd, &c, 1);
    EXPECT(n <= 0);
    return n;
}

static intptr_t dial_and_accept(void *family)
{
    intptr_t rc = listen_there((intptr_t)family);
    return rc < 0 ? rc : beside(call_and_say, answer, NULL);
}

/* The second listener finds the file of one that is gone, and replaces it; the
 * third finds somebody there. */
static intptr_t stale_socket_file(void *unused)
{
    (void)unused;
    intptr_t rc = listen_there(AF_UNIX);
    if (rc == 0)
        rc = drop(listener);
    if (rc == 0)
        rc = hold(bide_listen(host, NULL, 1));
    if (rc < 0)
        return rc;
    int third = hold(bide_listen(host, NULL, 1));
    EXPECT(third < 0);
    return third == -EADDRINUSE ? 0 : third;
}

static intptr_t listen_everywhere(void *unused)
{
    (void)unused;
    int fd = hold(bide_listen(NULL, "0", 0));
    return fd < 0 ? fd : drop(fd);
}

static intptr_t dial_nobody(void *family)
{
    intptr_t rc = listen_there((intptr_t)family);
    if (rc == 0)
        rc = drop(listener);
    if (rc < 0)
        return rc;
    int fd = hold(bide_dial(host, port));
    EXPECT(fd < 0);
    return fd == -ECONNREFUSED ? 0 : fd;
}

static intptr_t dial_nonsense(void *unused)
{
    (void)unused;
    EXPECT(bide_dial("1.2.3.256", "80") == -EINVAL);
    EXPECT(bide_dial("127.0.0.1", "ht tp") == -EINVAL);
    EXPECT(bide_listen("unix:", NULL, 1) == -EINVAL);
    return 0;
}

/* Sockets of others: with O_NONBLOCK or without it. */
static intptr_t connect_foreign(void *flags)
{
    struct sockaddr_in addr;
    socklen_t len = sizeof addr;
    intptr_t rc = listen_there(AF_INET);
    if (rc < 0)
        return rc;
    getsockname(listener, (struct sockaddr *)&addr, &len);
    int fd = hold(socket(AF_INET, SOCK_STREAM | (int)(intptr_t)flags, 0));
    rc = bide_connect(fd, (struct sockaddr *)&addr, len);
    if (rc < 0)
        return rc;
    EXPECT(getpeername(fd, (struct sockaddr *)&addr, &len) == 0);
    int peer = hold(accept4(listener, NULL, NULL, 0));
    EXPECT(peer >= 0);
    return 0;
}

static intptr_t accept_one(void *fd)
{
    return hold(bide_accept((int)(intptr_t)fd, NULL, NULL));
}

static intptr_t accept_times_out(void *family)
{
    intptr_t rc = listen_there((intptr_t)family);
    if (rc == 0)
        rc = within(BIDE_MS(5), accept_one, NUM(listener));
    EXPECT(rc < 0);
    return rc == -ETIMEDOUT ? 0 : rc;
}

/* On a listener of others that blocks. */
static intptr_t accept_blocking(void *unused)
{
    (void)unused;
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof addr;
    listener = hold(socket(AF_INET, SOCK_STREAM, 0));
    EXPECT(bind(listener, (struct sockaddr *)&addr, len) == 0);
    EXPECT(listen(listener, 1) == 0);
    getsockname(listener, (struct sockaddr *)&addr, &len);
    strcpy(host, "127.0.0.1");
    snprintf(port, sizeof port, "%d", ntohs(addr.sin_port));
    return beside(call_and_say, answer, NULL);
}

/* ---- One of several ----------------------------------------------------- */

static intptr_t poll_ready(void *kind)
{
    ends = open_ends((intptr_t)kind);
    struct pollfd fds[2] = {{ends.out, POLLIN, 0}, {ends.in, POLLOUT, 0}};
    int n = bide_poll(fds, 2);
    if (n < 0)
        return n;
    EXPECT(n == 1 && !fds[0].revents && fds[1].revents == POLLOUT);
    return 0;
}

static intptr_t poll_for(void *count)
{
    struct pollfd fds[12];
    nfds_t n = (nfds_t)(intptr_t)count;
    for (nfds_t i = 0; i < n; i++)
        fds[i] = (struct pollfd){ends.out, POLLIN, 0};
    int ready = bide_poll(fds, n);
    if (ready < 0)
        return ready;
    EXPECT(ready == (int)n && fds[0].revents & POLLIN);
    return read_pattern(ends.out, 10);
}

static intptr_t write_ten(void *unused)
{
    (void)unused;
    int rc = bide_yield();
    return rc < 0 ? rc : write_pattern(ends.in, 10);
}

static intptr_t poll_waits(void *kind)
{
    ends = open_ends((intptr_t)kind);
    return beside(write_ten, poll_for, NUM(2));
}

static intptr_t poll_many(void *kind)
{
    ends = open_ends((intptr_t)kind);
    return beside(write_ten, poll_for, NUM(12));
}

/* Waiting in vain is no spinning. */
static intptr_t poll_times_out(void *kind)
{
    struct bide_stats before, after;
    ends = open_ends((intptr_t)kind);
    bide_stats(&before);
    intptr_t rc = within(BIDE_MS(5), poll_for, NUM(3));
    bide_stats(&after);
    EXPECT(rc < 0 && after.submits - before.submits < 100);
    return rc == -ETIMEDOUT ? 0 : rc;
}

const struct body bodies_socket[] = {
    {"datagrams", datagrams, DGRAM, INSIDE},
    {"datagrams_nb", datagrams, DGRAM | NONBLOCKING, INSIDE},
    {"empty_datagram", empty_datagram, DGRAM, INSIDE},
    {"wait_for_all_unix", wait_for_all, UNIX, INSIDE},
    {"wait_for_all_tcp_nb", wait_for_all, TCP | NONBLOCKING, INSIDE},
    {"dont_wait", dont_wait, UNIX, INSIDE},
    {"descriptors", descriptors, UNIX, INSIDE},
    {"dial_and_accept_unix", dial_and_accept, AF_UNIX, INSIDE},
    {"dial_and_accept_ipv4", dial_and_accept, AF_INET, INSIDE},
    {"stale_socket_file", stale_socket_file, 0, INSIDE},
    {"listen_everywhere", listen_everywhere, 0, INSIDE},
    {"dial_nobody_unix", dial_nobody, AF_UNIX, INSIDE},
    {"dial_nobody_ipv4", dial_nobody, AF_INET, INSIDE},
    {"dial_nonsense", dial_nonsense, 0, INSIDE},
    {"connect_foreign", connect_foreign, 0, INSIDE},
    {"connect_foreign_nb", connect_foreign, SOCK_NONBLOCK, INSIDE},
    {"accept_times_out", accept_times_out, AF_INET, INSIDE},
    {"accept_blocking", accept_blocking, 0, INSIDE},
    {"poll_ready", poll_ready, PIPE, INSIDE},
    {"poll_waits_pipe", poll_waits, PIPE, INSIDE},
    {"poll_waits_tcp_nb", poll_waits, TCP | NONBLOCKING, INSIDE},
    {"poll_many", poll_many, PIPE, INSIDE},
    {"poll_times_out", poll_times_out, UNIX, INSIDE},
    {0},
};
