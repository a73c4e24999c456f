/* test_connection.c: accepting, connecting, and how connections end. */
#include "annotate.h"
#include "doors.h"

#include <netinet/in.h>
#include <sys/resource.h>

static char block[64];

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
    const struct sockaddr *to = (const struct sockaddr *)addr;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(connect(fd, to, sizeof *addr), 0);
    return fd;
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
    char buf[8] = "";
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

REAL_TEST(accept_without_a_free_descriptor_pauses_the_next)
{
    struct sockaddr_in addr;
    struct rlimit limit, low;
    if (bi_annotate_serialises() && backend_is("io_uring")) {
        leave_out(__func__, "the ring does not see the limit");
        return 0;
    }
    int listener = open_listener(&addr, 0), clients[5];
    for (int i = 0; i < 5; i++)
        clients[i] = dial(&addr);
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
    int fd = bide_accept(listener, NULL, NULL); /* the pause is not over */
    ck_assert_int_ge(fd, 0);
    ck_assert_int_ge(bide_now() - before, BIDE_MS(190));
    bide_close(fd);
    before = bide_now();
    fd = bide_accept(listener, NULL, NULL);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_lt(bide_now() - before, BIDE_MS(80));
    bide_close(fd);
    for (int i = 0; i < 5; i++)
        close(clients[i]);
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
    ck_assert_int_eq(bide_connect(fd, (struct sockaddr *)&addr, 8), -EINVAL);
    close(fd);
    return 0;
}

/* A Unix listener whose queue is full. */
static int open_full(struct sockaddr_un *addr, int *client)
{
    char path[64] = "";
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    *addr = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(addr->sun_path, fresh_path(path), sizeof path);
    struct sockaddr *to = (struct sockaddr *)addr;
    ck_assert_int_eq(bind(fd, to, sizeof *addr), 0);
    ck_assert_int_eq(listen(fd, 0), 0);
    *client = socket(AF_UNIX, SOCK_STREAM, 0);
    ck_assert_int_eq(connect(*client, to, sizeof *addr), 0);
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

Suite *suite_connection(void)
{
    Suite *s = suite_create("connection");
    TCase *t = tcase_create("connections");
    tcase_add_test(t, half_closed_the_peer_sees_the_end_and_can_answer);
    tcase_add_test(t, shutdown_wakes_who_reads_and_who_writes);
    tcase_add_test(t, a_reset_is_told_to_who_waits);
    tcase_add_test(t, accept_waits_and_tells_the_peer);
    tcase_add_test(t, acceptors_share_a_listener);
    tcase_add_test(t, accept_where_nobody_listens_is_refused);
    tcase_add_test(t, accept_without_a_free_descriptor_pauses_the_next);
    tcase_add_test(t, connect_comes_about_or_is_refused);
    tcase_add_test(t, connect_to_a_bad_address_is_refused);
    tcase_add_test(t, connect_waits_for_a_place_in_a_full_queue);
    suite_add_tcase(s, t);
    return s;
}
