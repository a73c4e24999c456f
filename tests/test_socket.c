/* test_socket.c: the calls that only sockets have. */
#include "doors.h"

#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/stat.h>

static char block[1 << 20];

/* A UDP socket at a port of its own, and its address. */
static int open_udp(struct sockaddr_in *addr)
{
    socklen_t len = sizeof *addr;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    *addr = (struct sockaddr_in){.sin_family = AF_INET,
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    ck_assert_int_eq(bind(fd, (struct sockaddr *)addr, len), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)addr, &len), 0);
    return fd;
}

/* A listening TCP socket and its address. */
static int open_listener(struct sockaddr_in *addr, int flags)
{
    socklen_t len = sizeof *addr;
    int fd = socket(AF_INET, SOCK_STREAM | flags, 0);
    *addr = (struct sockaddr_in){.sin_family = AF_INET,
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    ck_assert_int_eq(bind(fd, (struct sockaddr *)addr, len), 0);
    ck_assert_int_eq(listen(fd, 16), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)addr, &len), 0);
    return fd;
}

static int dial(const struct sockaddr_in *addr)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(connect(fd, (const struct sockaddr *)addr, sizeof *addr), 0);
    return fd;
}

/* ---- Flags -------------------------------------------------------------- */

REAL_TEST(dontwait_tells_eagain_in_place_of_a_wait)
{
    enum ends_kind kinds[] = {UNIX, SEQPACKET, TCP, DGRAM};
    for (size_t k = 0; k < 4; k++) {
        char buf[8];
        struct ends ends = open_ends(kinds[k], 0);
        struct io io = {ends.out, buf, 8, MSG_DONTWAIT};
        ck_assert_int_eq(io_recv(&io), -EAGAIN);
        ck_assert_int_eq(io_recvfrom(&io), -EAGAIN);
        ck_assert_int_eq(io_recvmsg(&io), -EAGAIN);
        put(ends.in, "abc");
        ck_assert_int_eq(io_recv(&io), 3);
        fill(ends.in);
        io.fd = ends.in;
        ck_assert_int_eq(io_send(&io), -EAGAIN);
        ck_assert_int_eq(io_sendto(&io), -EAGAIN);
        ck_assert_int_eq(io_sendmsg(&io), -EAGAIN);
        close_ends(ends);
    }
    return 0;
}

REAL_TEST(dontwait_does_not_take_what_another_reads)
{
    char buf[8], other[8];
    struct ends ends = open_ends(UNIX, 0);
    struct io io = {ends.out, buf, 8, 0}, now = {ends.out, other, 8, MSG_DONTWAIT};
    bide_task *reader = park(io_read_all, &io);
    put(ends.in, "1234");
    ck_assert_int_eq(io_recv(&now), -EBUSY);
    ck_assert_int_eq(io_recvfrom(&now), -EBUSY);
    ck_assert_int_eq(io_recvmsg(&now), -EBUSY);
    put(ends.in, "5678");
    ck_assert_int_eq(end_of(reader), 8);
    ck_assert_mem_eq(buf, "12345678", 8);
    close_ends(ends);
    return 0;
}

REAL_TEST(dontwait_does_not_write_amid_what_another_writes)
{
    struct ends ends = open_ends(UNIX, 0);
    char byte = 'x';
    memset(block, 'a', sizeof block);
    struct io all = {ends.in, block, sizeof block, 0};
    struct io now = {ends.in, &byte, 1, MSG_DONTWAIT};
    bide_task *writer = park(io_write_all, &all);
    size_t taken = drain(ends.out);
    ck_assert_int_eq(io_send(&now), -EAGAIN);
    ck_assert_int_eq(io_sendto(&now), -EAGAIN);
    ck_assert_int_eq(io_sendmsg(&now), -EAGAIN);
    while (taken < sizeof block) {
        bide_sleep(BIDE_US(200));
        taken += drain(ends.out);
    }
    ck_assert_int_eq(end_of(writer), sizeof block);
    ck_assert_int_eq(io_send(&now), 1);
    expect(ends.out, "x");
    close_ends(ends);
    return 0;
}

REAL_TEST(peek_leaves_what_it_sees)
{
    enum ends_kind kinds[] = {UNIX, SEQPACKET, TCP, DGRAM};
    for (size_t k = 0; k < 4; k++) {
        char buf[8];
        struct ends ends = open_ends(kinds[k], 0);
        struct io io = {ends.out, buf, 8, MSG_PEEK};
        bide_task *peeker = park(io_recv, &io);
        put(ends.in, "abc");
        ck_assert_int_eq(end_of(peeker), 3);
        ck_assert_mem_eq(buf, "abc", 3);
        ck_assert_int_eq(io_recvmsg(&io), 3);
        ck_assert_int_eq(bide_recv(ends.out, buf, 8, 0), 3);
        io.flags = MSG_PEEK | MSG_DONTWAIT;
        ck_assert_int_eq(io_recv(&io), -EAGAIN);
        close_ends(ends);
    }
    return 0;
}

/* Send "ab", "cd", "ef" while `receiver` waits. */
static intptr_t receive_pieces(enum ends_kind kind, bide_fn *receive,
                               char *buf, size_t len, int flags)
{
    struct ends ends = open_ends(kind, 0);
    struct io io = {ends.out, buf, len, flags};
    bide_task *task = park(receive, &io);
    for (int i = 0; i < 3; i++) {
        put(ends.in, (const char *[]){"ab", "cd", "ef"}[i]);
        bide_sleep(BIDE_MS(1));
    }
    close(ends.in);
    intptr_t n = end_of(task);
    close(ends.out);
    return n;
}

REAL_TEST(waitall_waits_for_all)
{
    bide_fn *ways[] = {io_recv, io_recvfrom, io_recvmsg};
    enum ends_kind kinds[] = {UNIX, TCP};
    for (size_t i = 0; i < 6; i++) {
        char buf[8];
        intptr_t n = receive_pieces(kinds[i % 2], ways[i / 2], buf, 5,
                                    MSG_WAITALL);
        ck_assert_int_eq(n, 5);
        ck_assert_mem_eq(buf, "abcde", 5);
    }
    return 0;
}

REAL_TEST(waitall_takes_less_at_the_end_of_the_stream)
{
    bide_fn *ways[] = {io_recv, io_recvfrom, io_recvmsg};
    for (size_t i = 0; i < 3; i++) {
        char buf[8];
        ck_assert_int_eq(receive_pieces(UNIX, ways[i], buf, 8, MSG_WAITALL), 6);
        ck_assert_mem_eq(buf, "abcdef", 6);
    }
    return 0;
}

REAL_TEST(waitall_takes_one_message_where_there_are_messages)
{
    bide_fn *ways[] = {io_recv, io_recvfrom, io_recvmsg};
    enum ends_kind kinds[] = {DGRAM, SEQPACKET};
    for (size_t i = 0; i < 6; i++) {
        char buf[8];
        intptr_t n = receive_pieces(kinds[i % 2], ways[i / 2], buf, 8,
                                    MSG_WAITALL);
        ck_assert_int_eq(n, 2);
        ck_assert_mem_eq(buf, "ab", 2);
    }
    return 0;
}

REAL_TEST(waitall_cut_after_some_bytes_tells_how_many)
{
    bide_fn *ways[] = {io_recv, io_recvfrom, io_recvmsg};
    for (size_t i = 0; i < 3; i++) {
        char buf[8];
        struct ends ends = open_ends(UNIX, 0);
        struct io io = {ends.out, buf, 8, MSG_WAITALL};
        bide_task *task = park(ways[i], &io);
        put(ends.in, "abc");
        bide_sleep(BIDE_MS(1));
        ck_assert(!bide_task_done(task));
        bide_cancel(task);
        ck_assert_int_eq(end_of(task), 3);
        ck_assert_mem_eq(buf, "abc", 3);
        close_ends(ends);
    }
    return 0;
}

REAL_TEST(waitall_fills_many_buffers)
{
    struct ends ends = open_ends(UNIX, 0);
    char a[2], b[3], c[4], control[64];
    struct iovec iov[] = {{a, 2}, {b, 3}, {c, 4}};
    struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 3,
                         .msg_control = control, .msg_controllen = 64};
    put(ends.in, "abc");
    struct io rest = {ends.in, (char[]){"defghi"}, 6, 0};
    bide_task *sender = start(io_send, &rest);
    ck_assert_int_eq(bide_recvmsg(ends.out, &msg, MSG_WAITALL), 9);
    ck_assert_int_eq(end_of(sender), 6);
    ck_assert_mem_eq(a, "ab", 2);
    ck_assert_mem_eq(b, "cde", 3);
    ck_assert_mem_eq(c, "fghi", 4);
    ck_assert_uint_eq(msg.msg_iovlen, 3);
    ck_assert_uint_eq(iov[1].iov_len, 3);
    close_ends(ends);
    return 0;
}

/* ---- Messages ----------------------------------------------------------- */

REAL_TEST(messages_keep_their_bounds)
{
    enum ends_kind kinds[] = {DGRAM, SEQPACKET};
    for (size_t k = 0; k < 2; k++) {
        char buf[8];
        struct ends ends = open_ends(kinds[k], 0);
        ck_assert_int_eq(bide_send(ends.in, "one", 3, 0), 3);
        ck_assert_int_eq(bide_write(ends.in, "three", 5), 5);
        ck_assert_int_eq(bide_recv(ends.out, buf, 8, 0), 3);
        ck_assert_int_eq(bide_read(ends.out, buf, 2), 2); /* the rest is lost */
        put(ends.in, "next");
        ck_assert_int_eq(bide_recv(ends.out, buf, 2, MSG_TRUNC), 4);
        struct io io = {ends.out, buf, 8, MSG_DONTWAIT};
        ck_assert_int_eq(io_recv(&io), -EAGAIN);
        close_ends(ends);
    }
    return 0;
}

REAL_TEST(an_empty_datagram_arrives_as_one)
{
    bide_fn *sends[] = {io_send, io_sendto, io_sendmsg, io_write};
    bide_fn *recvs[] = {io_recv, io_recvfrom, io_recvmsg, io_read};
    for (size_t i = 0; i < 4; i++) {
        char buf[8];
        struct ends ends = open_ends(DGRAM, 0);
        struct io out = {ends.in, buf, 0, 0}, in = {ends.out, buf, 8, 0};
        bide_task *reader = park(recvs[i], &in);
        ck_assert_int_eq(sends[i](&out), 0);
        ck_assert_int_eq(end_of(reader), 0);
        put(ends.in, "x");
        ck_assert_int_eq(recvs[i](&in), 1);
        close_ends(ends);
    }
    return 0;
}

REAL_TEST(datagrams_tell_where_they_came_from)
{
    struct sockaddr_in here, there, from = {0};
    socklen_t len = sizeof from;
    char buf[8];
    int a = open_udp(&here), b = open_udp(&there);
    struct sockaddr *to = (struct sockaddr *)&there;
    ck_assert_int_eq(bide_sendto(a, "abc", 3, 0, to, sizeof there), 3);
    ck_assert_int_eq(
        bide_recvfrom(b, buf, 8, 0, (struct sockaddr *)&from, &len), 3);
    ck_assert_uint_eq(len, sizeof from);
    ck_assert_int_eq(from.sin_port, here.sin_port);
    ck_assert_int_eq(bide_sendto(a, "", 0, 0, to, sizeof there), 0);
    ck_assert_int_eq(bide_recvfrom(b, buf, 8, 0, NULL, NULL), 0);
    ck_assert_int_eq(bide_sendto(a, "abc", 3, 0, NULL, 0), -EDESTADDRREQ);
    close(a);
    close(b);
    return 0;
}

REAL_TEST(a_waiting_recvfrom_gets_the_address_too)
{
    struct sockaddr_in here, there, from = {0};
    socklen_t len = sizeof from;
    char buf[8];
    int a = open_udp(&here), b = open_udp(&there);
    struct io io = {b, buf, 8, 0};
    ck_assert_int_eq(within(BIDE_MS(1), io_recvfrom, &io), -ETIMEDOUT);
    ck_assert_int_eq(sendto(a, "abc", 3, 0, (struct sockaddr *)&there,
                            sizeof there), 3);
    ck_assert_int_eq(
        bide_recvfrom(b, buf, 8, 0, (struct sockaddr *)&from, &len), 3);
    ck_assert_int_eq(from.sin_port, here.sin_port);
    close(a);
    close(b);
    return 0;
}

REAL_TEST(datagram_errors_are_told)
{
    struct sockaddr_in here, there;
    int a = open_udp(&here), b = open_udp(&there);
    close(b);
    ck_assert_int_eq(connect(a, (struct sockaddr *)&there, sizeof there), 0);
    ck_assert_int_eq(bide_send(a, block, sizeof block, 0), -EMSGSIZE);
    ck_assert_int_eq(bide_send(a, "x", 1, 0), 1);
    char buf[8];
    ck_assert_int_eq(bide_recv(a, buf, 8, 0), -ECONNREFUSED);
    close(a);
    return 0;
}

REAL_TEST(many_may_receive_from_one_datagram_socket)
{
    char bufs[3][8];
    struct io io[3];
    bide_task *readers[3];
    struct ends ends = open_ends(DGRAM, 0);
    for (int i = 0; i < 3; i++) {
        io[i] = (struct io){ends.out, bufs[i], 8, 0};
        readers[i] = park(i ? io_recv : io_read, &io[i]);
    }
    for (int i = 0; i < 3; i++)
        put(ends.in, "abc");
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(end_of(readers[i]), 3);
    close_ends(ends);
    return 0;
}

/* ---- recvmsg and sendmsg ------------------------------------------------ */

/* A message of one byte that carries the descriptor `fd`. */
static ssize_t send_descriptor(int to, int fd)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = {0};
    struct iovec iov = {(char[]){"!"}, 1};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1,
                         .msg_control = &control,
                         .msg_controllen = sizeof control};
    struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
    *c = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof fd),
                          .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(c), &fd, sizeof fd);
    return bide_sendmsg(to, &msg, 0);
}

static intptr_t receive_descriptor(void *from)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    char byte;
    struct iovec iov = {&byte, 1};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1,
                         .msg_control = &control,
                         .msg_controllen = sizeof control};
    ssize_t n = bide_recvmsg(*(int *)from, &msg, MSG_CMSG_CLOEXEC);
    struct cmsghdr *c = n == 1 ? CMSG_FIRSTHDR(&msg) : NULL;
    if (!c || c->cmsg_type != SCM_RIGHTS)
        return n < 0 ? n : -EPROTO;
    int fd;
    memcpy(&fd, CMSG_DATA(c), sizeof fd);
    return fd;
}

REAL_TEST(descriptors_pass_through_sendmsg_and_recvmsg)
{
    struct ends ends = open_ends(UNIX, 0), pipe = open_ends(PIPE, 0);
    for (int waits = 0; waits < 2; waits++) {
        bide_task *receiver = NULL;
        if (waits)
            receiver = park(receive_descriptor, &ends.out);
        ck_assert_int_eq(send_descriptor(ends.in, pipe.in), 1);
        int fd = (int)(waits ? end_of(receiver) : receive_descriptor(&ends.out));
        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
        put(fd, "through");
        expect(pipe.out, "through");
        close(fd);
    }
    close_ends(ends);
    close_ends(pipe);
    return 0;
}

REAL_TEST(a_cancelled_recvmsg_loses_no_descriptor)
{
    struct ends ends = open_ends(UNIX, 0);
    int before = open_descriptors();
    for (int i = 0; i < 200; i++) {
        bide_task *receiver = start(receive_descriptor, &ends.out);
        bide_yield();
        ck_assert_int_eq(send_descriptor(ends.in, 0), 1);
        if (i % 2)
            bide_yield();
        bide_cancel(receiver);
        intptr_t fd = end_of(receiver);
        if (fd == -ECANCELED)
            fd = receive_descriptor(&ends.out);
        ck_assert_int_ge(fd, 0);
        close((int)fd);
    }
    ck_assert_int_eq(open_descriptors(), before);
    close_ends(ends);
    return 0;
}

REAL_TEST(recvmsg_fills_every_field)
{
    struct sockaddr_in here, there, from = {0};
    int a = open_udp(&here), b = open_udp(&there);
    char x[2], y[2];
    struct iovec iov[] = {{x, 2}, {y, 2}};
    struct msghdr msg = {.msg_name = &from, .msg_namelen = sizeof from,
                         .msg_iov = iov, .msg_iovlen = 2};
    ck_assert_int_eq(bide_sendto(a, "abcdef", 6, 0, (struct sockaddr *)&there,
                                 sizeof there), 6);
    ck_assert_int_eq(bide_recvmsg(b, &msg, 0), 4);
    ck_assert_mem_eq(y, "cd", 2);
    ck_assert_int_eq(msg.msg_flags & MSG_TRUNC, MSG_TRUNC);
    ck_assert_uint_eq(msg.msg_namelen, sizeof from);
    ck_assert_int_eq(from.sin_port, here.sin_port);
    ck_assert_uint_eq(msg.msg_controllen, 0);
    close(a);
    close(b);
    return 0;
}

REAL_TEST(socket_calls_on_a_pipe_are_refused)
{
    bide_fn *ways[] = {io_recv, io_recvfrom, io_recvmsg, io_accept};
    struct ends pipe = open_ends(PIPE, 0);
    for (size_t i = 0; i < 4; i++)
        ck_assert_int_eq(ways[i](&(struct io){pipe.out, block, 4, 0}), -ENOTSOCK);
    bide_fn *sends[] = {io_send, io_sendto, io_sendmsg};
    for (size_t i = 0; i < 3; i++)
        ck_assert_int_eq(sends[i](&(struct io){pipe.in, block, 4, 0}), -ENOTSOCK);
    ck_assert_int_eq(bide_shutdown(pipe.in, SHUT_RD), -ENOTSOCK);
    struct sockaddr_in addr = {.sin_family = AF_INET};
    ck_assert_int_eq(
        bide_connect(pipe.in, (struct sockaddr *)&addr, sizeof addr), -ENOTSOCK);
    close_ends(pipe);
    return 0;
}

/* ---- Half closed, reset ------------------------------------------------- */

REAL_TEST(half_closed_the_peer_sees_the_end_and_can_answer)
{
    enum ends_kind kinds[] = {UNIX, TCP};
    for (size_t k = 0; k < 2; k++) {
        char buf[8];
        struct ends ends = open_ends(kinds[k], 0);
        bide_task *peer = park(io_read, &(struct io){ends.out, buf, 8, 0});
        ck_assert_int_eq(bide_shutdown(ends.in, SHUT_WR), 0);
        ck_assert_int_eq(end_of(peer), 0);
        ck_assert_int_eq(bide_write(ends.out, "answer", 6), 6);
        ck_assert_int_eq(bide_read(ends.in, buf, 8), 6);
        ck_assert_int_eq(bide_send(ends.in, buf, 1, 0), -EPIPE);
        close_ends(ends);
    }
    return 0;
}

REAL_TEST(shutdown_wakes_who_reads_and_who_writes)
{
    char buf[8];
    struct ends ends = open_ends(UNIX, 0);
    fill(ends.out);
    bide_task *reader = park(io_read, &(struct io){ends.out, buf, 8, 0});
    bide_task *writer = park(io_send, &(struct io){ends.out, block, 8, 0});
    ck_assert_int_eq(bide_shutdown(ends.out, SHUT_RDWR), 0);
    ck_assert_int_eq(end_of(reader), 0);
    ck_assert_int_eq(end_of(writer), -EPIPE);
    ck_assert_int_eq(bide_shutdown(ends.out, 7), -EINVAL);
    close_ends(ends);
    return 0;
}

REAL_TEST(a_reset_is_told_to_who_waits)
{
    struct linger hard = {1, 0};
    char buf[8];
    struct ends ends = open_ends(TCP, 0);
    bide_task *reader = park(io_read, &(struct io){ends.out, buf, 8, 0});
    setsockopt(ends.in, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close(ends.in);
    ck_assert_int_eq(end_of(reader), -ECONNRESET);
    ck_assert_int_eq(bide_send(ends.out, buf, 8, 0), -EPIPE);
    close(ends.out);
    return 0;
}

/* ---- Accepting ---------------------------------------------------------- */

REAL_TEST(accept_waits_and_tells_the_peer)
{
    for (int flags = 0; flags <= SOCK_NONBLOCK; flags += SOCK_NONBLOCK) {
        struct sockaddr_in addr, peer = {0}, own;
        socklen_t len = sizeof peer, own_len = sizeof own;
        int listener = open_listener(&addr, flags);
        bide_task *acceptor = park(io_accept, &(struct io){.fd = listener});
        int first = dial(&addr);
        int fd = (int)end_of(acceptor);
        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
        close(first);
        bide_close(fd);
        int second = dial(&addr);
        fd = bide_accept(listener, (struct sockaddr *)&peer, &len);
        ck_assert_int_ge(fd, 0);
        getsockname(second, (struct sockaddr *)&own, &own_len);
        ck_assert_int_eq(peer.sin_port, own.sin_port);
        ck_assert_uint_eq(len, sizeof peer);
        close(second);
        bide_close(fd);
        close(listener);
    }
    return 0;
}

REAL_TEST(acceptors_share_a_listener)
{
    for (int flags = 0; flags <= SOCK_NONBLOCK; flags += SOCK_NONBLOCK) {
        struct sockaddr_in addr;
        int listener = open_listener(&addr, flags), clients[3];
        struct io io = {.fd = listener};
        bide_task *acceptors[3];
        for (int i = 0; i < 3; i++)
            acceptors[i] = park(io_accept, &io);
        for (int i = 0; i < 3; i++)
            clients[i] = dial(&addr);
        for (int i = 0; i < 3; i++) {
            int fd = (int)end_of(acceptors[i]);
            ck_assert_int_ge(fd, 0);
            bide_close(fd);
            close(clients[i]);
        }
        close(listener);
    }
    return 0;
}

REAL_TEST(accept_where_nobody_listens_is_refused)
{
    struct ends ends = open_ends(UNIX, 0);
    ck_assert_int_eq(bide_accept(ends.in, NULL, NULL), -EINVAL);
    close_ends(ends);
    ends = open_ends(DGRAM, O_NONBLOCK);
    ck_assert_int_eq(bide_accept(ends.in, NULL, NULL), -EOPNOTSUPP);
    close_ends(ends);
    return 0;
}

REAL_TEST(accept_without_a_free_descriptor_is_told_and_pauses_the_next)
{
    struct sockaddr_in addr;
    struct rlimit limit, low;
    int listener = open_listener(&addr, 0), first = dial(&addr);
    bide_sleep(BIDE_MS(1));
    getrlimit(RLIMIT_NOFILE, &limit);
    low = limit;
    low.rlim_cur = (rlim_t)free_number();
    setrlimit(RLIMIT_NOFILE, &low);
    ck_assert_int_eq(bide_accept(listener, NULL, NULL), -EMFILE);
    bide_time before = bide_now();
    ck_assert_int_eq(bide_accept(listener, NULL, NULL), -EMFILE);
    ck_assert_int_ge(bide_now() - before, BIDE_MS(95));
    struct io io = {.fd = listener};
    ck_assert_int_eq(within(BIDE_MS(5), io_accept, &io), -ETIMEDOUT);
    setrlimit(RLIMIT_NOFILE, &limit);
    int fd = bide_accept(listener, NULL, NULL);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_ge(bide_now() - before, BIDE_MS(190));
    bide_close(fd);
    int second = dial(&addr);
    before = bide_now();
    fd = bide_accept(listener, NULL, NULL);
    ck_assert_int_lt(bide_now() - before, BIDE_MS(50));
    bide_close(fd);
    close(first);
    close(second);
    close(listener);
    return 0;
}

/* ---- Connecting --------------------------------------------------------- */

REAL_TEST(connect_comes_about_or_is_refused)
{
    for (int flags = 0; flags <= SOCK_NONBLOCK; flags += SOCK_NONBLOCK) {
        struct sockaddr_in addr;
        struct sockaddr *to = (struct sockaddr *)&addr;
        int listener = open_listener(&addr, 0);
        int fd = socket(AF_INET, SOCK_STREAM | flags, 0);
        ck_assert_int_eq(bide_connect(fd, to, sizeof addr), 0);
        ck_assert_int_eq(bide_connect(fd, to, sizeof addr), -EISCONN);
        close(fd);
        close(listener);
        fd = socket(AF_INET, SOCK_STREAM | flags, 0);
        ck_assert_int_eq(bide_connect(fd, to, sizeof addr), -ECONNREFUSED);
        close(fd);
    }
    return 0;
}

REAL_TEST(connect_to_a_bad_address_is_refused)
{
    struct sockaddr_in addr = {.sin_family = 77};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(bide_connect(fd, NULL, sizeof addr), -EFAULT);
    ck_assert_int_eq(bide_connect(fd, (struct sockaddr *)&addr, sizeof addr),
                     -EAFNOSUPPORT);
    ck_assert_int_eq(bide_connect(fd, (struct sockaddr *)&addr, 1), -EINVAL);
    close(fd);
    return 0;
}

/* A Unix listener whose queue is full. */
static int open_full(struct sockaddr_un *addr, int *client)
{
    char path[64];
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    *addr = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(addr->sun_path, fresh_path(path), sizeof path);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)addr, sizeof *addr), 0);
    ck_assert_int_eq(listen(fd, 0), 0);
    *client = socket(AF_UNIX, SOCK_STREAM, 0);
    ck_assert_int_eq(connect(*client, (struct sockaddr *)addr, sizeof *addr), 0);
    return fd;
}

static struct sockaddr_un full_addr;

static intptr_t connect_to_full(void *fd)
{
    return bide_connect(*(int *)fd, (struct sockaddr *)&full_addr,
                        sizeof full_addr);
}

REAL_TEST(connect_waits_for_a_place_in_a_full_queue)
{
    for (int flags = 0; flags <= SOCK_NONBLOCK; flags += SOCK_NONBLOCK) {
        int client, listener = open_full(&full_addr, &client);
        int fd = socket(AF_UNIX, SOCK_STREAM | flags, 0);
        ck_assert_int_eq(within(BIDE_MS(4), connect_to_full, &fd), -ETIMEDOUT);
        close(fd);
        fd = socket(AF_UNIX, SOCK_STREAM | flags, 0);
        bide_task *dialler = park(connect_to_full, &fd);
        int accepted = bide_accept(listener, NULL, NULL);
        ck_assert_int_eq(end_of(dialler), 0);
        bide_close(accepted);
        close(fd);
        close(client);
        close(listener);
        unlink(full_addr.sun_path);
    }
    return 0;
}

Suite *suite_socket(void)
{
    Suite *s = suite_create("socket");
    TCase *t = tcase_create("flags");
    tcase_add_test(t, dontwait_tells_eagain_in_place_of_a_wait);
    tcase_add_test(t, dontwait_does_not_take_what_another_reads);
    tcase_add_test(t, dontwait_does_not_write_amid_what_another_writes);
    tcase_add_test(t, peek_leaves_what_it_sees);
    tcase_add_test(t, waitall_waits_for_all);
    tcase_add_test(t, waitall_takes_less_at_the_end_of_the_stream);
    tcase_add_test(t, waitall_takes_one_message_where_there_are_messages);
    tcase_add_test(t, waitall_cut_after_some_bytes_tells_how_many);
    tcase_add_test(t, waitall_fills_many_buffers);
    suite_add_tcase(s, t);
    t = tcase_create("messages");
    tcase_add_test(t, messages_keep_their_bounds);
    tcase_add_test(t, an_empty_datagram_arrives_as_one);
    tcase_add_test(t, datagrams_tell_where_they_came_from);
    tcase_add_test(t, a_waiting_recvfrom_gets_the_address_too);
    tcase_add_test(t, datagram_errors_are_told);
    tcase_add_test(t, many_may_receive_from_one_datagram_socket);
    tcase_add_test(t, descriptors_pass_through_sendmsg_and_recvmsg);
    tcase_add_test(t, a_cancelled_recvmsg_loses_no_descriptor);
    tcase_add_test(t, recvmsg_fills_every_field);
    tcase_add_test(t, socket_calls_on_a_pipe_are_refused);
    suite_add_tcase(s, t);
    t = tcase_create("connections");
    tcase_add_test(t, half_closed_the_peer_sees_the_end_and_can_answer);
    tcase_add_test(t, shutdown_wakes_who_reads_and_who_writes);
    tcase_add_test(t, a_reset_is_told_to_who_waits);
    tcase_add_test(t, accept_waits_and_tells_the_peer);
    tcase_add_test(t, acceptors_share_a_listener);
    tcase_add_test(t, accept_where_nobody_listens_is_refused);
    tcase_add_test(t,
                   accept_without_a_free_descriptor_is_told_and_pauses_the_next);
    tcase_add_test(t, connect_comes_about_or_is_refused);
    tcase_add_test(t, connect_to_a_bad_address_is_refused);
    tcase_add_test(t, connect_waits_for_a_place_in_a_full_queue);
    suite_add_tcase(s, t);
    return s;
}
