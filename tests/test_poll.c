/* test_poll.c: waiting for one of several descriptors. */
#include "doors.h"

#include <sys/eventfd.h>

struct set {
    struct pollfd *fds;
    nfds_t n;
};

static intptr_t poll_set(void *arg)
{
    struct set *set = arg;
    return bide_poll(set->fds, set->n);
}

REAL_TEST(what_is_ready_is_told_at_once)
{
    for (int kind = 0; kind < ENDS_KINDS; kind++) {
        struct ends ends = open_ends(kind, 0);
        struct pollfd fds[] = {{.fd = ends.out, .events = POLLIN},
                               {.fd = ends.in, .events = POLLOUT}};
        ck_assert_int_eq(bide_poll(fds, 2), 1);
        ck_assert_int_eq(fds[0].revents, 0);
        ck_assert_int_eq(fds[1].revents, POLLOUT);
        put(ends.in, "x");
        ck_assert_int_eq(bide_poll(fds, 2), 2);
        ck_assert_int_eq(fds[0].revents, POLLIN);
        close_ends(ends);
    }
    return 0;
}

REAL_TEST(poll_waits_until_something_can_be_read)
{
    for (int i = 0; i < 2 * ENDS_KINDS; i++) {
        struct ends ends = open_ends(i / 2, i % 2 ? O_NONBLOCK : 0);
        struct io io = {.fd = ends.out, .flags = POLLIN};
        bide_task *poller = park(io_poll, &io);
        put(ends.in, "x");
        ck_assert_int_eq(end_of(poller), POLLIN);
        ck_assert_int_eq(io_poll(&io), POLLIN);
        expect(ends.out, "x");
        poller = park(io_poll, &io);
        put(ends.in, "y");
        ck_assert_int_eq(end_of(poller), POLLIN);
        close_ends(ends);
    }
    return 0;
}

REAL_TEST(poll_waits_until_something_can_be_written)
{
    for (int kind = PIPE; kind <= SEQPACKET; kind++) {
        struct ends ends = open_ends(kind, 0);
        fill(ends.in);
        struct io io = {.fd = ends.in, .flags = POLLOUT};
        bide_task *poller = park(io_poll, &io);
        drain(ends.out);
        ck_assert_int_eq(end_of(poller), POLLOUT);
        close_ends(ends);
    }
    return 0;
}

REAL_TEST(the_first_of_many_ends_the_wait)
{
    struct ends pipes[20];
    struct pollfd fds[20];
    for (int i = 0; i < 20; i++) {
        pipes[i] = open_ends(i % 2 ? PIPE : UNIX, 0);
        fds[i] = (struct pollfd){.fd = pipes[i].out, .events = POLLIN};
    }
    for (nfds_t n = 1; n <= 20; n += n == 8 ? 1 : 3) {
        struct set set = {fds, n};
        bide_task *poller = park(poll_set, &set);
        put(pipes[n - 1].in, "x");
        ck_assert_int_eq(end_of(poller), 1);
        for (nfds_t i = 0; i < n; i++)
            ck_assert_int_eq(fds[i].revents, i == n - 1 ? POLLIN : 0);
        expect(pipes[n - 1].out, "x");
    }
    for (int i = 0; i < 20; i++)
        close_ends(pipes[i]);
    return 0;
}

REAL_TEST(two_that_are_ready_are_both_told)
{
    struct ends a = open_ends(PIPE, 0), b = open_ends(UNIX, 0);
    struct pollfd fds[] = {{.fd = a.out, .events = POLLIN},
                           {.fd = b.out, .events = POLLIN}};
    bide_task *poller = park(poll_set, &(struct set){fds, 2});
    put(a.in, "x");
    put(b.in, "x");
    ck_assert_int_eq(end_of(poller), 2);
    close_ends(a);
    close_ends(b);
    return 0;
}

REAL_TEST(negative_numbers_are_passed_over)
{
    struct ends pipe = open_ends(PIPE, 0);
    struct pollfd fds[] = {{.fd = -1, .events = POLLIN, .revents = 9},
                           {.fd = pipe.out, .events = POLLIN},
                           {.fd = -77, .events = POLLIN, .revents = 9}};
    bide_task *poller = park(poll_set, &(struct set){fds, 3});
    put(pipe.in, "x");
    ck_assert_int_eq(end_of(poller), 1);
    ck_assert_int_eq(fds[0].revents | fds[2].revents, 0);
    struct set none = {fds, 1};
    ck_assert_int_eq(within(BIDE_MS(2), poll_set, &none), -ETIMEDOUT);
    close_ends(pipe);
    return 0;
}

REAL_TEST(an_empty_set_waits_for_the_deadline)
{
    struct set none = {NULL, 0};
    ck_assert_int_eq(within(BIDE_MS(2), poll_set, &none), -ETIMEDOUT);
    bide_task *poller = park(poll_set, &none);
    bide_cancel(poller);
    ck_assert_int_eq(end_of(poller), -ECANCELED);
    return 0;
}

REAL_TEST(a_number_that_is_not_open_is_told_as_invalid)
{
    struct pollfd p = {.fd = free_number(), .events = POLLIN};
    ck_assert_int_eq(bide_poll(&p, 1), 1);
    ck_assert_int_eq(p.revents, POLLNVAL);
    return 0;
}

REAL_TEST(bad_lists_are_refused)
{
    struct pollfd p = {.fd = 0};
    begin_bad_addresses();
    ck_assert_int_eq(bide_poll(NULL, 1), -EFAULT);
    end_bad_addresses();
    ck_assert_int_eq(bide_poll(&p, (nfds_t)-1), -EINVAL);
    return 0;
}

REAL_TEST(the_end_and_errors_are_told_unasked)
{
    struct ends pipe = open_ends(PIPE, 0);
    struct io io = {.fd = pipe.out, .flags = 0};
    bide_task *poller = park(io_poll, &io);
    put(pipe.in, "x"); /* nobody asked for that */
    bide_sleep(BIDE_MS(1));
    ck_assert(!bide_task_done(poller));
    close(pipe.in);
    ck_assert_int_eq(end_of(poller), POLLHUP);
    close(pipe.out);
    pipe = open_ends(PIPE, 0);
    fill(pipe.in);
    io = (struct io){.fd = pipe.in, .flags = 0};
    poller = park(io_poll, &io);
    close(pipe.out);
    ck_assert(end_of(poller) & POLLERR);
    close(pipe.in);
    return 0;
}

REAL_TEST(half_closed_is_told_where_it_is_asked_for)
{
    enum ends_kind kinds[] = {UNIX, TCP};
    for (size_t k = 0; k < 2; k++) {
        struct ends ends = open_ends(kinds[k], 0);
        struct io io = {.fd = ends.out, .flags = POLLRDHUP};
        bide_task *poller = park(io_poll, &io);
        shutdown(ends.in, SHUT_WR);
        ck_assert_int_eq(end_of(poller) & POLLRDHUP, POLLRDHUP);
        close_ends(ends);
    }
    return 0;
}

REAL_TEST(urgent_data_are_told)
{
    struct ends ends = open_ends(TCP, 0);
    struct io io = {.fd = ends.out, .flags = POLLPRI};
    bide_task *poller = park(io_poll, &io);
    ck_assert_int_eq(bide_send(ends.in, "!", 1, MSG_OOB), 1);
    ck_assert_int_eq(end_of(poller) & POLLPRI, POLLPRI);
    char byte;
    ck_assert_int_eq(bide_recv(ends.out, &byte, 1, MSG_OOB), 1);
    ck_assert_int_eq(byte, '!');
    close_ends(ends);
    return 0;
}

REAL_TEST(a_descriptor_may_stand_twice_in_the_list)
{
    struct ends ends = open_ends(UNIX, 0);
    fill(ends.out);
    struct pollfd fds[] = {{.fd = ends.out, .events = POLLIN},
                           {.fd = ends.out, .events = POLLOUT},
                           {.fd = ends.out, .events = POLLIN}};
    bide_task *poller = park(poll_set, &(struct set){fds, 3});
    put(ends.in, "x");
    ck_assert_int_eq(end_of(poller), 2);
    ck_assert_int_eq(fds[1].revents, 0);
    close_ends(ends);
    return 0;
}

REAL_TEST(many_poll_one_descriptor_while_another_reads_it)
{
    char buf[8];
    struct ends ends = open_ends(UNIX, 0);
    struct io in = {.fd = ends.out, .flags = POLLIN};
    struct io read = {ends.out, buf, 8, 0};
    bide_task *a = park(io_poll, &in), *b = park(io_poll, &in);
    put(ends.in, "x");
    ck_assert_int_eq(end_of(a), POLLIN);
    ck_assert_int_eq(end_of(b), POLLIN);
    expect(ends.out, "x");
    in.flags = POLLIN | POLLHUP;
    a = park(io_poll, &in);
    b = park(io_read, &read);
    close(ends.in);
    ck_assert_int_ne(end_of(a), 0);
    ck_assert_int_eq(end_of(b), 0);
    close(ends.out);
    return 0;
}

REAL_TEST(a_cancelled_poll_tells_nothing)
{
    struct ends pipes[12];
    struct pollfd fds[12];
    for (int i = 0; i < 12; i++) {
        pipes[i] = open_ends(PIPE, 0);
        fds[i] = (struct pollfd){pipes[i].out, POLLIN, -1};
    }
    struct set few = {fds, 3}, many = {fds, 12};
    ck_assert_int_eq(refused(poll_set, &many), -ECANCELED);
    for (int i = 0; i < 12; i++) {
        ck_assert_int_eq(fds[i].revents, 0);
        fds[i].revents = -1;
    }
    ck_assert_int_eq(within(BIDE_MS(1), poll_set, &few), -ETIMEDOUT);
    bide_task *poller = park(poll_set, &many);
    bide_cancel(poller);
    ck_assert_int_eq(end_of(poller), -ECANCELED);
    for (int i = 0; i < 12; i++) {
        ck_assert_int_eq(fds[i].revents, 0);
        close_ends(pipes[i]);
    }
    return 0;
}

REAL_TEST(a_cancelled_poll_takes_nothing)
{
    struct ends pipe = open_ends(PIPE, 0);
    struct io io = {.fd = pipe.out, .flags = POLLIN};
    for (int i = 0; i < 300; i++) {
        bide_task *poller = start(io_poll, &io);
        bide_yield();
        put(pipe.in, "x");
        if (i % 3)
            bide_yield();
        bide_cancel(poller);
        intptr_t seen = end_of(poller);
        ck_assert(seen == POLLIN || seen == -ECANCELED);
        expect(pipe.out, "x");
    }
    close_ends(pipe);
    return 0;
}

REAL_TEST(files_are_always_ready)
{
    int file = open("/proc/self/exe", O_RDONLY);
    int null = open("/dev/null", O_RDWR);
    struct pollfd fds[] = {{.fd = file, .events = POLLIN},
                           {.fd = null, .events = POLLIN | POLLOUT}};
    ck_assert_int_eq(bide_poll(fds, 2), 2);
    ck_assert_int_eq(fds[1].revents, POLLIN | POLLOUT);
    close(file);
    close(null);
    return 0;
}

REAL_TEST(an_event_counter_is_polled)
{
    int fd = eventfd(0, 0);
    struct io io = {.fd = fd, .flags = POLLIN};
    bide_task *poller = park(io_poll, &io);
    ck_assert_int_eq(eventfd_write(fd, 3), 0);
    ck_assert_int_eq(end_of(poller), POLLIN);
    close(fd);
    return 0;
}

REAL_TEST(closing_tells_who_polls_that_the_number_is_invalid)
{
    struct ends a = open_ends(PIPE, 0), b = open_ends(UNIX, 0);
    struct pollfd fds[] = {{.fd = a.out, .events = POLLIN},
                           {.fd = b.out, .events = POLLIN}};
    bide_task *poller = park(poll_set, &(struct set){fds, 2});
    ck_assert_int_eq(bide_close(b.out), 0);
    ck_assert_int_eq(end_of(poller), 1);
    ck_assert_int_eq(fds[0].revents, 0);
    ck_assert_int_eq(fds[1].revents, POLLNVAL);
    close(b.in);
    close_ends(a);
    return 0;
}

/* The number is another file's before the waiter has run. */
REAL_TEST(who_polls_does_not_see_what_took_the_place_of_a_closed_file)
{
    struct ends a = open_ends(PIPE, 0), b = open_ends(PIPE, 0);
    put(b.in, "ready");
    struct pollfd p = {.fd = a.out, .events = POLLIN};
    bide_task *poller = park(poll_set, &(struct set){&p, 1});
    ck_assert_int_eq(bide_close(a.out), 0);
    move_to(b.out, a.out);
    ck_assert_int_eq(end_of(poller), 1);
    ck_assert_int_eq(p.revents, POLLNVAL);
    close_ends(a);
    close(b.in);
    return 0;
}

Suite *suite_poll(void)
{
    Suite *s = suite_create("poll");
    TCase *t = tcase_create("poll");
    tcase_add_test(t, what_is_ready_is_told_at_once);
    tcase_add_test(t, poll_waits_until_something_can_be_read);
    tcase_add_test(t, poll_waits_until_something_can_be_written);
    tcase_add_test(t, the_first_of_many_ends_the_wait);
    tcase_add_test(t, two_that_are_ready_are_both_told);
    tcase_add_test(t, negative_numbers_are_passed_over);
    tcase_add_test(t, an_empty_set_waits_for_the_deadline);
    tcase_add_test(t, a_number_that_is_not_open_is_told_as_invalid);
    tcase_add_test(t, bad_lists_are_refused);
    tcase_add_test(t, the_end_and_errors_are_told_unasked);
    tcase_add_test(t, half_closed_is_told_where_it_is_asked_for);
    tcase_add_test(t, urgent_data_are_told);
    tcase_add_test(t, a_descriptor_may_stand_twice_in_the_list);
    tcase_add_test(t, many_poll_one_descriptor_while_another_reads_it);
    tcase_add_test(t, a_cancelled_poll_tells_nothing);
    tcase_add_test(t, a_cancelled_poll_takes_nothing);
    tcase_add_test(t, files_are_always_ready);
    tcase_add_test(t, an_event_counter_is_polled);
    tcase_add_test(t, closing_tells_who_polls_that_the_number_is_invalid);
    tcase_add_test(
        t, who_polls_does_not_see_what_took_the_place_of_a_closed_file);
    suite_add_tcase(s, t);
    return s;
}
