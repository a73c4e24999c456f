/* test_socket.c: the calls that only sockets have: flags and messages. */
#include "doors.h"

#include <netinet/in.h>

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
    struct io io = {ends.out, buf, 8, 0};
    struct io now = {ends.out, other, 8, MSG_DONTWAIT};
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
        intptr_t fd = waits ? end_of(receiver) : receive_descriptor(&ends.out);
        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(fcntl((int)fd, F_GETFD), FD_CLOEXEC);
        put((int)fd, "through");
        expect(pipe.out, "through");
        close((int)fd);
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
    struct io out = {pipe.out, block, 4, 0}, in = {pipe.in, block, 4, 0};
    for (size_t i = 0; i < 4; i++)
        ck_assert_int_eq(ways[i](&out), -ENOTSOCK);
    bide_fn *sends[] = {io_send, io_sendto, io_sendmsg};
    for (size_t i = 0; i < 3; i++)
        ck_assert_int_eq(sends[i](&in), -ENOTSOCK);
    ck_assert_int_eq(bide_shutdown(pipe.in, SHUT_RD), -ENOTSOCK);
    struct sockaddr_in addr = {.sin_family = AF_INET};
    struct sockaddr *to = (struct sockaddr *)&addr;
    ck_assert_int_eq(bide_connect(pipe.in, to, sizeof addr), -ENOTSOCK);
    close_ends(pipe);
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
    return s;
}
