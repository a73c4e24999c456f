/* test_epoll_wake.c: the epoll backend: whom of many waiters an event wakes.
 *
 * The clock stands still, so that the sweep, which would find a lost wake-up in
 * the end, never comes: what is lost here hangs.
 */
#include "base.h"
#include "harness.h"
#include "pair.h"
#include "sys.h"

#include <unistd.h>

enum { TAKERS = 10 };

static struct bi_sys real;
static char fifo[] = "/tmp/bide-fifo-XXXXXX";

static bide_time standing_clock(void)
{
    return BIDE_SEC(1);
}

static void set_up(void)
{
    setenv("BIDE_BACKEND", "epoll", 1);
    real = bi_sys;
    bi_sys.now = standing_clock;
}

static void tear_down(void)
{
    bi_sys = real;
}

REAL_TEST(many_acceptors_get_a_connection_each_without_a_stampede)
{
    int fd = bide_listen("127.0.0.1", "0", TAKERS);
    int clients[TAKERS], port = listener_port(fd);
    bide_task *tasks[TAKERS];
    for (int i = 0; i < TAKERS; i++)
        tasks[i] = start(accept_one, fd_arg(fd));
    settle();
    uint64_t before = count_wakeups();
    for (int i = 0; i < TAKERS; i++) {
        clients[i] = foreign_dial(port);
        if (i < TAKERS / 2)
            settle(); /* the other half comes at once */
    }
    for (int i = 0; i < TAKERS; i++) {
        ck_assert_int_eq(end_of(tasks[i]), 0);
        close(clients[i]);
    }
    ck_assert_uint_lt(count_wakeups() - before, 3 * TAKERS); /* not squared */
    return bide_close(fd);
}

REAL_TEST(a_wake_up_is_not_lost_when_the_woken_one_is_cancelled)
{
    int fd = bide_listen("127.0.0.1", "0", 1);
    bide_task *first = start(accept_one, fd_arg(fd));
    bide_task *second = start(accept_one, fd_arg(fd));
    settle();
    uint64_t before = count_wakeups();
    int client = foreign_dial(listener_port(fd));
    while (count_wakeups() == before)
        bide_yield();
    bide_cancel(first); /* it was woken, and has not run yet */
    ck_assert_int_eq(end_of(first), -ECANCELED);
    ck_assert_int_eq(end_of(second), 0);
    close(client);
    return bide_close(fd);
}

static intptr_t receive_one(void *fd)
{
    char byte;
    return bide_recv(arg_fd(fd), &byte, 1, 0);
}

REAL_TEST(datagrams_that_come_at_once_wake_as_many_receivers)
{
    int fds[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds), 0);
    bide_task *tasks[TAKERS];
    for (int i = 0; i < TAKERS; i++)
        tasks[i] = start(receive_one, fd_arg(fds[0]));
    settle();
    for (int i = 0; i < TAKERS; i++)
        put(fds[1], "x");
    for (int i = 0; i < TAKERS; i++)
        ck_assert_int_eq(end_of(tasks[i]), 1);
    close(fds[1]);
    return bide_close(fds[0]);
}

static intptr_t look(void *fd)
{
    struct pollfd p = {.fd = arg_fd(fd), .events = POLLIN | POLLRDHUP};
    int n = bide_poll(&p, 1);
    return n < 0 ? n : p.revents;
}

static void look_and_take(struct pair p)
{
    bide_task *one = start(look, fd_arg(p.fd));
    bide_task *two = start(look, fd_arg(p.fd));
    bide_task *reader = start_reader(p.fd);
    shutdown(p.peer, SHUT_WR);
    ck_assert_int_eq(end_of(reader), 0);
    ck_assert_int_eq(end_of(one), POLLIN | POLLRDHUP);
    ck_assert_int_eq(end_of(two), POLLIN | POLLRDHUP);
    bide_close(p.fd);
    close(p.peer);
}

REAL_TEST(all_who_poll_are_woken_beside_the_one_who_reads)
{
    look_and_take(foreign_pair());
    look_and_take(ours_pair());
    return 0;
}

static char filler[1 << 16];

static intptr_t fill_up(void *fd)
{
    ssize_t n;
    while ((n = bide_send(arg_fd(fd), filler, sizeof filler, 0)) > 0)
        ;
    return n;
}

static void read_and_write(struct pair p)
{
    bide_task *reader = start_reader(p.fd);
    bide_task *writer = start(fill_up, fd_arg(p.fd));
    settle();
    while (recv(p.peer, filler, sizeof filler, MSG_DONTWAIT) > 0)
        ; /* there is room: it goes on */
    settle();
    bide_cancel(writer);
    ck_assert_int_eq(end_of(writer), -ECANCELED);
    ck_assert(!bide_task_done(reader)); /* the events were not its own */
    put(p.peer, "x");
    ck_assert_int_eq(end_of(reader), 1);
    while (recv(p.peer, filler, sizeof filler, MSG_DONTWAIT) > 0)
        ;
    ck_assert_int_eq(bide_send(p.fd, "y", 1, 0), 1);
    bide_close(p.fd);
    close(p.peer);
}

REAL_TEST(a_reader_and_a_writer_share_a_descriptor)
{
    read_and_write(foreign_pair());
    read_and_write(ours_pair());
    return 0;
}

static intptr_t look_for_room(void *fd)
{
    struct pollfd p = {.fd = arg_fd(fd), .events = POLLOUT};
    int n = bide_poll(&p, 1);
    return n < 0 ? n : p.revents;
}

/* What waits for something else than what came is still waited for. */
static void wake_one_direction(struct pair p)
{
    while (send(p.fd, filler, sizeof filler, MSG_DONTWAIT) > 0)
        ;
    bide_task *reader = start_reader(p.fd);
    bide_task *looker = start(look_for_room, fd_arg(p.fd));
    settle();
    ck_assert(!bide_task_done(looker));
    while (recv(p.peer, filler, sizeof filler, MSG_DONTWAIT) > 0)
        ;
    ck_assert_int_eq(end_of(looker), POLLOUT);
    put(p.peer, "x");
    ck_assert_int_eq(end_of(reader), 1);
    bide_close(p.fd);
    close(p.peer);
}

REAL_TEST(an_event_for_one_leaves_the_others_waiting)
{
    wake_one_direction(foreign_pair());
    wake_one_direction(ours_pair());
    return 0;
}

static void cancel_and_read(struct pair p)
{
    bide_task *reader = start_reader(p.fd);
    put(p.peer, "kept");
    bide_cancel(reader); /* the event has not been seen yet */
    ck_assert_int_eq(end_of(reader), -ECANCELED);
    ck_assert_int_eq(bide_read(p.fd, got, sizeof got), 4);
    bide_close(p.fd);
    close(p.peer);
}

REAL_TEST(a_cancelled_read_leaves_the_data_to_the_next)
{
    cancel_and_read(foreign_pair());
    cancel_and_read(ours_pair());
    return 0;
}

/* Its calls are made on threads, untried: the rest of what one event brought
 * has no event of its own. */
REAL_TEST(what_cannot_be_tried_is_asked_about)
{
    ck_assert_ptr_nonnull(mkdtemp(fifo));
    ck_assert_int_eq(rmdir(fifo), 0);
    ck_assert_int_eq(mkfifo(fifo, 0600), 0);
    int fd = bide_open(fifo, O_RDWR, 0);
    unlink(fifo);
    bide_task *reader = start_reader(fd);
    put(fd, "abcdef");
    ck_assert_int_eq(end_of(reader), 6);
    put(fd, "abcdef");
    ck_assert_int_eq(bide_read(fd, got, 3), 3);
    ck_assert_int_eq(bide_read(fd, got, 3), 3);
    return bide_close(fd);
}

/* A receive that emptied a TCP stream is not followed by an attempt; so what
 * comes while nobody waits must be noted. */
REAL_TEST(what_comes_while_nobody_waits_is_found_by_the_next_receive)
{
    struct pair p = ours_pair();
    char buf[16];
    for (int i = 0; i < 3; i++) {
        bide_task *reader = start_reader(p.fd);
        put(p.peer, "abc");
        ck_assert_int_eq(end_of(reader), 3);
        put(p.peer, "defg");
        settle(); /* the event comes, and nobody waits for it */
        ck_assert_int_eq(bide_recv(p.fd, buf, sizeof buf, 0), 4);
    }
    close(p.peer);
    settle();
    ck_assert_int_eq(bide_read(p.fd, buf, sizeof buf), 0);
    ck_assert_int_eq(bide_read(p.fd, buf, sizeof buf), 0);
    return bide_close(p.fd);
}

REAL_TEST(a_peek_is_no_sign_that_a_stream_is_empty)
{
    struct pair p = ours_pair();
    char buf[16];
    bide_task *reader = start_reader(p.fd); /* it is watched from now on */
    put(p.peer, "abc");
    ck_assert_int_eq(end_of(reader), 3);
    put(p.peer, "xyz");
    ck_assert_int_eq(bide_recv(p.fd, buf, sizeof buf, MSG_PEEK), 3);
    ck_assert_int_eq(bide_recv(p.fd, buf, sizeof buf, 0), 3);
    close(p.peer);
    return bide_close(p.fd);
}

/* The event of the last bytes was the end's too: no other comes. */
REAL_TEST(the_end_behind_the_last_bytes_is_not_waited_for)
{
    char buf[64];
    struct pair p = ours_pair();
    bide_task *reader = start_reader(p.fd);
    put(p.peer, "abc");
    close(p.peer);
    ck_assert_int_eq(end_of(reader), 3);
    ck_assert_int_eq(bide_recv(p.fd, buf, sizeof buf, 0), 0);
    return bide_close(p.fd);
}

Suite *suite_epoll_wake(void)
{
    Suite *s = suite_create("epoll_wake");
    TCase *t = tcase_create("epoll_wake");
    tcase_set_timeout(t, 20);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, many_acceptors_get_a_connection_each_without_a_stampede);
    tcase_add_test(t, a_wake_up_is_not_lost_when_the_woken_one_is_cancelled);
    tcase_add_test(t, datagrams_that_come_at_once_wake_as_many_receivers);
    tcase_add_test(t, all_who_poll_are_woken_beside_the_one_who_reads);
    tcase_add_test(t, a_reader_and_a_writer_share_a_descriptor);
    tcase_add_test(t, an_event_for_one_leaves_the_others_waiting);
    tcase_add_test(t, a_cancelled_read_leaves_the_data_to_the_next);
    tcase_add_test(t, what_cannot_be_tried_is_asked_about);
    tcase_add_test(t,
                   what_comes_while_nobody_waits_is_found_by_the_next_receive);
    tcase_add_test(t, a_peek_is_no_sign_that_a_stream_is_empty);
    tcase_add_test(t, the_end_behind_the_last_bytes_is_not_waited_for);
    suite_add_tcase(s, t);
    return s;
}
