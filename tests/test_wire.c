/* test_wire.c: stream pairs in memory, with limits, delays and resets. */
#include "explored.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

static int a, b; /* the two ends */

static void begin_pair(struct bide_test_link link)
{
    int fds[2];
    ck_assert_int_eq(bide_test_pair(fds, &link), 0);
    a = fds[0];
    b = fds[1];
}

static void end_pair(void)
{
    ck_assert_int_eq(bide_close(a), 0);
    ck_assert_int_eq(bide_close(b), 0);
}

static char buffer[64];

static ssize_t read_some(void)
{
    memset(buffer, 0, sizeof buffer);
    return bide_read(b, buffer, sizeof buffer - 1);
}

/* ---- Bytes -------------------------------------------------------------- */

VIRTUAL_TEST(what_one_end_writes_the_other_reads)
{
    begin_pair((struct bide_test_link){0});
    ck_assert_int_eq(bide_write(a, "hello", 5), 5);
    ck_assert_int_eq(bide_send(a, " you", 4, MSG_NOSIGNAL), 4);
    ck_assert_int_eq(read_some(), 9);
    ck_assert_str_eq(buffer, "hello you");
    char first[] = "ab", second[] = "cde";
    struct iovec two[] = {{first, 2}, {second, 3}};
    ck_assert_int_eq(bide_writev(b, two, 2), 5);
    char x[3], y[2];
    struct iovec parts[] = {{x, 3}, {y, 2}};
    ck_assert_int_eq(bide_readv(a, parts, 2), 5);
    ck_assert_mem_eq(x, "abc", 3);
    ck_assert_mem_eq(y, "de", 2);
    end_pair();
    return 0;
}

static intptr_t read_ten(void *unused)
{
    (void)unused;
    return bide_read_all(b, buffer, 10);
}

VIRTUAL_TEST(a_reader_waits_until_all_has_been_written)
{
    begin_pair((struct bide_test_link){0});
    bide_task *reader = spawn(read_ten, NULL);
    turns(1);
    ck_assert_int_eq(bide_write_all(a, "01234", 5), 5);
    turns(1);
    ck_assert(!bide_task_done(reader));
    ck_assert_int_eq(bide_write_all(a, "56789", 5), 5);
    ck_assert_int_eq(result_of(reader), 10);
    ck_assert_mem_eq(buffer, "0123456789", 10);
    end_pair();
    return 0;
}

static intptr_t write_ten(void *unused)
{
    (void)unused;
    return bide_write_all(a, "0123456789", 10);
}

VIRTUAL_TEST(a_writer_waits_while_the_link_is_full)
{
    begin_pair((struct bide_test_link){.capacity = 4});
    bide_task *writer = spawn(write_ten, NULL);
    turns(2);
    ck_assert(!bide_task_done(writer));
    ck_assert_int_eq(read_some(), 4);
    ck_assert_str_eq(buffer, "0123");
    turns(1);
    ck_assert(!bide_task_done(writer));
    ck_assert_int_eq(bide_read_all(b, buffer, 6), 6);
    ck_assert_mem_eq(buffer, "456789", 6);
    ck_assert_int_eq(result_of(writer), 10);
    end_pair();
    return 0;
}

VIRTUAL_TEST(no_call_moves_more_than_it_may)
{
    begin_pair((struct bide_test_link){.most_bytes = 3});
    size_t got = 0, calls = 0;
    spawn(write_ten, NULL);
    while (got < 10) {
        ssize_t n = read_some();
        ck_assert_int_ge(n, 1);
        ck_assert_int_le(n, 3);
        ck_assert_mem_eq(buffer, &"0123456789"[got], (size_t)n);
        got += (size_t)n;
        calls++;
    }
    ck_assert_uint_ge(calls, 4);
    end_pair();
    return 0;
}

/* ---- Without waiting ---------------------------------------------------- */

VIRTUAL_TEST(a_peek_leaves_what_it_has_seen)
{
    char seen[8];
    begin_pair((struct bide_test_link){0});
    ck_assert_int_eq(bide_write(a, "one", 3), 3);
    ck_assert_int_eq(bide_write(a, "two", 3), 3);
    ck_assert_int_eq(bide_recv(b, seen, 5, MSG_PEEK), 5);
    ck_assert_mem_eq(seen, "onetw", 5);
    ck_assert_int_eq(bide_recv(b, seen, 8, MSG_PEEK | MSG_DONTWAIT), 6);
    ck_assert_int_eq(read_some(), 6);
    ck_assert_str_eq(buffer, "onetwo");
    end_pair();
    return 0;
}

VIRTUAL_TEST(a_call_that_must_not_wait_is_tried_once)
{
    begin_pair((struct bide_test_link){.capacity = 4});
    bide_task *reader = spawn(read_ten, NULL);
    turns(1);
    ck_assert_int_eq(bide_send(a, "01234", 5, MSG_DONTWAIT), 4);
    ck_assert_int_eq(bide_send(a, "4567", 4, MSG_DONTWAIT), 4);
    turns(1);
    ck_assert_int_eq(bide_send(a, "89", 2, MSG_DONTWAIT), 2);
    ck_assert_int_eq(result_of(reader), 10);
    ck_assert_mem_eq(buffer, "0123456789", 10);
    ck_assert_int_eq(bide_recv(b, buffer, 1, MSG_DONTWAIT), -EAGAIN);
    ck_assert_int_eq(bide_send(a, "full", 4, MSG_DONTWAIT), 4);
    ck_assert_int_eq(bide_send(a, "x", 1, MSG_DONTWAIT), -EAGAIN);
    end_pair();
    return 0;
}

VIRTUAL_TEST(a_message_has_no_sender_and_nothing_beside_it)
{
    struct sockaddr_storage from;
    char beside[64];
    struct iovec one = {buffer, sizeof buffer};
    struct msghdr msg = {.msg_name = &from, .msg_namelen = sizeof from,
                         .msg_iov = &one, .msg_iovlen = 1,
                         .msg_control = beside,
                         .msg_controllen = sizeof beside, .msg_flags = -1};
    begin_pair((struct bide_test_link){0});
    ck_assert_int_eq(bide_write(a, "x", 1), 1);
    ck_assert_int_eq(bide_recvmsg(b, &msg, 0), 1);
    ck_assert_uint_eq(msg.msg_namelen, 0);
    ck_assert_uint_eq(msg.msg_controllen, 0);
    ck_assert_int_eq(msg.msg_flags, 0);
    end_pair();
    return 0;
}

/* What bide_poll() finds at `fd`; 0: nothing yet. */
static short look(int fd, short events)
{
    struct pollfd p = {.fd = fd, .events = events};
    struct bide_scope now;
    bide_scope_open(&now, bide_now() + 1);
    int rc = bide_poll(&p, 1);
    bide_scope_close(&now, rc);
    ck_assert_int_eq(rc, p.revents ? 1 : -ETIMEDOUT);
    return p.revents;
}

VIRTUAL_TEST(poll_sees_what_an_end_can_do)
{
    begin_pair((struct bide_test_link){.capacity = 2});
    ck_assert_int_eq(look(a, POLLIN), 0);
    ck_assert_int_eq(look(a, POLLIN | POLLOUT), POLLOUT);
    ck_assert_int_eq(bide_write(a, "ab", 2), 2);
    ck_assert_int_eq(look(a, POLLOUT), 0);
    ck_assert_int_eq(look(b, POLLIN | POLLOUT), POLLIN | POLLOUT);
    ck_assert_int_eq(bide_shutdown(a, SHUT_WR), 0);
    ck_assert_int_eq(look(b, POLLRDHUP), POLLRDHUP);
    ck_assert_int_eq(bide_close(a), 0);
    ck_assert_int_eq(look(b, POLLIN), POLLIN | POLLHUP);
    ck_assert_int_eq(bide_close(b), 0);
    ck_assert_int_eq(look(b, POLLIN), POLLNVAL);
    return 0;
}

VIRTUAL_TEST(poll_sees_a_reset_until_it_is_told)
{
    begin_pair((struct bide_test_link){0});
    ck_assert_int_eq(bide_test_reset(a), 0);
    ck_assert_int_eq(look(a, 0), POLLERR | POLLHUP);
    ck_assert_int_eq(bide_read(a, buffer, 1), -ECONNRESET);
    ck_assert_int_eq(look(a, 0), POLLHUP);
    end_pair();
    return 0;
}

static intptr_t poll_both(void *pipe_end)
{
    struct pollfd two[] = {{.fd = VALUE(pipe_end), .events = POLLIN},
                           {.fd = b, .events = POLLIN}};
    int rc = bide_poll(two, 2);
    return rc < 0 ? rc : two[0].revents << 8 | two[1].revents;
}

VIRTUAL_TEST(poll_waits_for_ends_and_for_the_kernels_files_at_once)
{
    int fds[2];
    ck_assert_int_eq(pipe(fds), 0);
    begin_pair((struct bide_test_link){.delay = 1});
    bide_task *poller = spawn(poll_both, NUM(fds[0]));
    turns(1);
    ck_assert_int_eq(bide_write(a, "x", 1), 1);
    ck_assert_int_eq(result_of(poller), POLLIN);
    ck_assert_int_eq(read_some(), 1);
    poller = spawn(poll_both, NUM(fds[0]));
    turns(1);
    ck_assert_int_eq(bide_write(fds[1], "x", 1), 1);
    ck_assert_int_eq(result_of(poller), POLLIN << 8);
    ck_assert_int_eq(bide_close(fds[0]), 0);
    ck_assert_int_eq(bide_close(fds[1]), 0);
    end_pair();
    return 0;
}

/* ---- Time --------------------------------------------------------------- */

VIRTUAL_TEST(bytes_and_their_end_come_after_the_delay)
{
    begin_pair((struct bide_test_link){.delay = BIDE_SEC(3)});
    ck_assert_int_eq(bide_write(a, "late", 4), 4);
    ck_assert_int_eq(clock_ms(), 0);
    ck_assert_int_eq(bide_sleep(BIDE_SEC(1)), 0);
    ck_assert_int_eq(bide_shutdown(a, SHUT_WR), 0);
    ck_assert_int_eq(read_some(), 4);
    ck_assert_int_eq(clock_ms(), 3000);
    ck_assert_int_eq(read_some(), 0);
    ck_assert_int_eq(clock_ms(), 4000);
    end_pair();
    ck_assert(no_timer_left());
    return 0;
}

/* ---- Ends --------------------------------------------------------------- */

VIRTUAL_TEST(after_a_close_the_rest_is_read_and_then_the_end)
{
    begin_pair((struct bide_test_link){0});
    ck_assert_int_eq(bide_write(a, "rest", 4), 4);
    ck_assert_int_eq(bide_close(a), 0);
    ck_assert_int_eq(read_some(), 4);
    ck_assert_int_eq(read_some(), 0);
    ck_assert_int_eq(bide_write(b, "x", 1), -EPIPE);
    ck_assert_int_eq(bide_close(b), 0);
    ck_assert_int_eq(bide_read(b, buffer, 1), -EBADF);
    return 0;
}

VIRTUAL_TEST(one_direction_can_be_shut_down)
{
    begin_pair((struct bide_test_link){0});
    ck_assert_int_eq(bide_shutdown(a, SHUT_WR), 0);
    ck_assert_int_eq(bide_write(a, "x", 1), -EPIPE);
    ck_assert_int_eq(read_some(), 0);
    ck_assert_int_eq(bide_write(b, "back", 4), 4);
    ck_assert_int_eq(bide_read(a, buffer, 8), 4);
    ck_assert_int_eq(bide_shutdown(a, 77), -EINVAL);
    end_pair();
    return 0;
}

static intptr_t read_once(void *unused)
{
    (void)unused;
    return bide_read(b, buffer, sizeof buffer);
}

VIRTUAL_TEST(a_close_ends_the_waits_at_both_ends)
{
    begin_pair((struct bide_test_link){0});
    bide_task *reader = spawn(read_once, NULL);
    turns(1);
    ck_assert_int_eq(bide_close(a), 0);
    ck_assert_int_eq(result_of(reader), 0);
    ck_assert_int_eq(bide_close(b), 0);

    begin_pair((struct bide_test_link){0});
    reader = spawn(read_once, NULL);
    turns(1);
    ck_assert_int_eq(bide_close(b), 0);
    ck_assert_int_eq(result_of(reader), -EBADF);
    ck_assert_int_eq(bide_close(a), 0);
    return 0;
}

VIRTUAL_TEST(a_link_is_reset_after_so_many_bytes_and_each_end_hears_it_once)
{
    begin_pair((struct bide_test_link){.reset_after = 6});
    ck_assert_int_eq(bide_write_all(a, "0123456789", 10), 6);
    ck_assert_int_eq(bide_write(a, "x", 1), -EPIPE);
    ck_assert_int_eq(read_some(), 6);
    ck_assert_str_eq(buffer, "012345");
    ck_assert_int_eq(read_some(), -ECONNRESET);
    ck_assert_int_eq(read_some(), 0);
    end_pair();
    return 0;
}

VIRTUAL_TEST(a_reset_drops_what_is_on_its_way)
{
    begin_pair((struct bide_test_link){0});
    ck_assert_int_eq(bide_write(a, "lost", 4), 4);
    ck_assert_int_eq(bide_test_reset(b), 0);
    ck_assert_int_eq(read_some(), -ECONNRESET);
    ck_assert_int_eq(bide_write(a, "x", 1), -ECONNRESET);
    end_pair();
    ck_assert_int_eq(bide_test_reset(b), -EBADF);
    return 0;
}

/* ---- Waits -------------------------------------------------------------- */

VIRTUAL_TEST(a_read_is_cancelled_and_takes_nothing)
{
    struct bide_scope s;
    begin_pair((struct bide_test_link){0});
    bide_scope_open(&s, bide_after(BIDE_MS(5)));
    ck_assert_int_eq(read_some(), -ETIMEDOUT);
    bide_scope_close(&s, 0);
    ck_assert_int_eq(bide_write(a, "kept", 4), 4);
    ck_assert_int_eq(read_some(), 4);
    end_pair();
    return 0;
}

VIRTUAL_TEST(bytes_that_came_before_the_cancel_are_read)
{
    begin_pair((struct bide_test_link){0});
    bide_task *reader = spawn(read_once, NULL);
    turns(1);
    ck_assert_int_eq(bide_write(a, "won", 3), 3);
    ck_assert(bide_cancel(reader));
    ck_assert_int_eq(result_of(reader), 3);
    end_pair();
    return 0;
}

VIRTUAL_TEST(a_second_reader_is_refused_as_on_every_stream)
{
    begin_pair((struct bide_test_link){0});
    bide_task *reader = spawn(read_once, NULL);
    turns(1);
    ck_assert_int_eq(read_some(), -EBUSY);
    ck_assert_int_eq(bide_pread(b, buffer, 1, 0), -ESPIPE);
    bide_cancel(reader);
    end_pair();
    return 0;
}

VIRTUAL_TEST(ends_left_open_are_closed_with_the_run)
{
    begin_pair((struct bide_test_link){.delay = BIDE_SEC(1)});
    return bide_write(a, "never read", 10) == 10 ? 0 : -1;
}

static intptr_t read_from_nobody(void *unused)
{
    (void)unused;
    begin_pair((struct bide_test_link){0});
    return bide_read(b, buffer, 1);
}

START_TEST(a_read_that_nobody_will_answer_is_a_deadlock)
{
    ck_assert_int_eq(explore(1, read_from_nobody,
                             (struct bide_test_options){0}), 0);
    ck_assert_int_eq(found->result, -EDEADLK);
    expect_said("recv on descriptor");
}
END_TEST

static intptr_t make_a_pair(void *unused)
{
    int fds[2];
    (void)unused;
    return bide_test_pair(fds, NULL);
}

static intptr_t outside_a_test(void *unused)
{
    (void)unused;
    return make_a_pair(NULL);
}

static void run_outside(void)
{
    intptr_t rc = bide_run(outside_a_test, NULL, NULL);
    _Exit(rc == 0);
}

START_TEST(a_pair_in_a_run_that_is_no_test_is_misuse)
{
    in_child(run_outside, said, sizeof said);
    expect_said("no test run");
}
END_TEST

/* ---- Under schedules ---------------------------------------------------- */

/* Fifty numbered bytes over a narrow, halting link, checked one by one. */
static intptr_t send_fifty(void *unused)
{
    (void)unused;
    char bytes[50];
    for (int i = 0; i < 50; i++)
        bytes[i] = (char)i;
    ssize_t n = bide_write_all(a, bytes, 50);
    bide_close(a);
    return n == 50 ? 0 : -EIO;
}

static intptr_t receive_fifty(void *unused)
{
    char byte, expected = 0;
    struct bide_test_link link = {.capacity = 7, .most_bytes = 5,
                                  .delay = BIDE_MS(2)};
    (void)unused;
    begin_pair(link);
    bide_task *writer = spawn(send_fifty, NULL);
    while (bide_read(b, &byte, 1) == 1)
        if (byte != expected++)
            return -EIO;
    bide_close(b);
    return expected == 50 ? result_of(writer) : -EIO;
}

START_TEST(no_byte_is_lost_or_moved_under_any_schedule)
{
    ck_assert_int_eq(result_under(500, receive_fifty, 0), 0);
}
END_TEST

/* The planted bug: a whole message is expected of one read. */
static intptr_t read_a_message_at_once(void *unused)
{
    (void)unused;
    begin_pair((struct bide_test_link){.most_bytes = 64});
    ck_assert_int_eq(bide_write_all(a, "a message", 9), 9);
    return read_some() == 9 ? 0 : -EPROTO;
}

START_TEST(a_program_that_takes_a_short_read_for_a_message_is_found)
{
    ck_assert_int_eq(result_under(50, read_a_message_at_once, 0), -EPROTO);
    expect_said("BIDE_SEED=");
}
END_TEST

Suite *suite_wire(void)
{
    Suite *suite = suite_create("wire");
    TCase *t = tcase_create("bytes");
    tcase_add_test(t, what_one_end_writes_the_other_reads);
    tcase_add_test(t, a_reader_waits_until_all_has_been_written);
    tcase_add_test(t, a_writer_waits_while_the_link_is_full);
    tcase_add_test(t, no_call_moves_more_than_it_may);
    tcase_add_test(t, a_peek_leaves_what_it_has_seen);
    tcase_add_test(t, a_call_that_must_not_wait_is_tried_once);
    tcase_add_test(t, a_message_has_no_sender_and_nothing_beside_it);
    tcase_add_test(t, poll_sees_what_an_end_can_do);
    tcase_add_test(t, poll_sees_a_reset_until_it_is_told);
    tcase_add_test(t, poll_waits_for_ends_and_for_the_kernels_files_at_once);
    tcase_add_test(t, bytes_and_their_end_come_after_the_delay);
    suite_add_tcase(suite, t);

    t = tcase_create("ends");
    tcase_add_test(t, after_a_close_the_rest_is_read_and_then_the_end);
    tcase_add_test(t, one_direction_can_be_shut_down);
    tcase_add_test(t, a_close_ends_the_waits_at_both_ends);
    tcase_add_test(
        t, a_link_is_reset_after_so_many_bytes_and_each_end_hears_it_once);
    tcase_add_test(t, a_reset_drops_what_is_on_its_way);
    tcase_add_test(t, ends_left_open_are_closed_with_the_run);
    suite_add_tcase(suite, t);

    t = tcase_create("waits");
    tcase_add_test(t, a_read_is_cancelled_and_takes_nothing);
    tcase_add_test(t, bytes_that_came_before_the_cancel_are_read);
    tcase_add_test(t, a_second_reader_is_refused_as_on_every_stream);
    suite_add_tcase(suite, t);

    t = tcase_create("explored");
    tcase_add_checked_fixture(t, begin_explored, end_explored);
    tcase_add_test(t, a_read_that_nobody_will_answer_is_a_deadlock);
    tcase_add_test(t, a_pair_in_a_run_that_is_no_test_is_misuse);
    tcase_add_test(t, no_byte_is_lost_or_moved_under_any_schedule);
    tcase_add_test(t, a_program_that_takes_a_short_read_for_a_message_is_found);
    suite_add_tcase(suite, t);
    return suite;
}
