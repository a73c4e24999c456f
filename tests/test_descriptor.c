/* test_descriptor.c: any descriptor does, blocking or not, and is left as it
 * was; whoever waits for one does not stop the others.
 */
#include "doors.h"

#include "sys.h"

#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <termios.h>

#define BOTH(flags) (int flags = 0; flags <= O_NONBLOCK; flags += O_NONBLOCK)

static intptr_t count_turns(void *arg)
{
    int *turns = arg;
    while (bide_sleep(BIDE_US(100)) == 0)
        ++*turns;
    return 0;
}

REAL_TEST(whoever_waits_does_not_stop_the_others)
{
    for (int i = 0; i < 2 * ENDS_KINDS; i++) {
        char buf[8];
        int turns = 0;
        struct ends ends = open_ends(i / 2, i % 2 ? O_NONBLOCK : 0);
        bide_task *counter = start(count_turns, &turns);
        bide_task *reader = start(io_read, &(struct io){ends.out, buf, 8, 0});
        while (turns < 5)
            bide_sleep(BIDE_MS(1));
        ck_assert(!bide_task_done(reader));
        put(ends.in, "x");
        ck_assert_int_eq(end_of(reader), 1);
        bide_cancel(counter);
        end_of(counter);
        close_ends(ends);
    }
    return 0;
}

REAL_TEST(the_flags_stay_what_they_were)
{
    for (int i = 0; i < 2 * ENDS_KINDS; i++) {
        char buf[8];
        struct ends ends = open_ends(i / 2, i % 2 ? O_NONBLOCK : 0);
        int in = fcntl(ends.in, F_GETFL), out = fcntl(ends.out, F_GETFL);
        int in_fd = fcntl(ends.in, F_GETFD), out_fd = fcntl(ends.out, F_GETFD);
        struct io poll = {.fd = ends.out, .flags = POLLIN};
        bide_task *poller = park(io_poll, &poll);
        bide_task *reader = park(io_read, &(struct io){ends.out, buf, 8, 0});
        ck_assert_int_eq(fcntl(ends.out, F_GETFL), out);
        ck_assert_int_eq(bide_write(ends.in, "abc", 3), 3);
        ck_assert_int_eq(end_of(reader), 3);
        put(ends.in, "x");
        end_of(poller);
        ck_assert_int_eq(fcntl(ends.in, F_GETFL), in);
        ck_assert_int_eq(fcntl(ends.out, F_GETFL), out);
        ck_assert_int_eq(fcntl(ends.in, F_GETFD), in_fd);
        ck_assert_int_eq(fcntl(ends.out, F_GETFD), out_fd);
        close_ends(ends);
    }
    return 0;
}

REAL_TEST(the_flags_of_a_listener_and_of_a_dialling_socket_stay)
{
    for BOTH (flags) {
        struct sockaddr_in addr = {.sin_family = AF_INET};
        socklen_t len = sizeof addr;
        int listener = socket(AF_INET, SOCK_STREAM | flags, 0);
        int client = socket(AF_INET, SOCK_STREAM | flags, 0);
        int before = fcntl(client, F_GETFL);
        struct timeval timeout = {0}, none = {0};
        socklen_t size = sizeof timeout;
        ck_assert_int_eq(listen(listener, 5), 0);
        getsockname(listener, (struct sockaddr *)&addr, &len);
        bide_task *acceptor = park(io_accept, &(struct io){.fd = listener});
        struct sockaddr *to = (struct sockaddr *)&addr;
        ck_assert_int_eq(bide_connect(client, to, len), 0);
        int fd = (int)end_of(acceptor);
        ck_assert_int_eq(fcntl(client, F_GETFL), before);
        ck_assert_int_eq(fcntl(listener, F_GETFL), before);
        getsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &timeout, &size);
        ck_assert_mem_eq(&timeout, &none, sizeof none);
        bide_close(fd);
        close(client);
        close(listener);
    }
    return 0;
}

REAL_TEST(a_terminal_is_read_and_written)
{
    for BOTH (flags) {
        char buf[8];
        struct ends pty = open_ends(PTY, flags);
        bide_task *reader = park(io_read, &(struct io){pty.out, buf, 8, 0});
        ck_assert_int_eq(bide_write(pty.in, "down", 4), 4);
        ck_assert_int_eq(end_of(reader), 4);
        reader = park(io_read, &(struct io){pty.in, buf, 8, 0});
        ck_assert_int_eq(bide_write_all(pty.out, "up", 2), 2);
        ck_assert_int_eq(end_of(reader), 2);
        ck_assert_mem_eq(buf, "up", 2);
        close(pty.in);
        ck_assert_int_le(bide_read(pty.out, buf, 8), 0); /* hung up */
        close(pty.out);
    }
    return 0;
}

REAL_TEST(a_terminal_hands_over_lines)
{
    char buf[16];
    struct ends pty = open_ends(PTY, 0);
    struct termios mode;
    tcgetattr(pty.out, &mode);
    mode.c_lflag |= ICANON;
    mode.c_cc[VEOL] = mode.c_cc[VEOF] = 0;
    tcsetattr(pty.out, TCSANOW, &mode);
    bide_task *reader = park(io_read, &(struct io){pty.out, buf, 16, 0});
    put(pty.in, "half a ");
    bide_sleep(BIDE_MS(1));
    ck_assert(!bide_task_done(reader));
    put(pty.in, "line\n");
    ck_assert_int_eq(end_of(reader), 12);
    ck_assert_mem_eq(buf, "half a line\n", 12);
    close_ends(pty);
    return 0;
}

REAL_TEST(an_event_counter_is_read_and_written)
{
    for BOTH (flags) {
        uint64_t one = 1, count = 0, most = UINT64_MAX - 1;
        int fd = eventfd(0, flags);
        struct io io = {fd, &count, 8, 0};
        bide_task *reader = park(io_read, &io);
        ck_assert_int_eq(bide_write(fd, &one, 8), 8);
        ck_assert_int_eq(end_of(reader), 8);
        ck_assert_uint_eq(count, 1);
        ck_assert_int_eq(bide_write(fd, &most, 8), 8);
        struct io add = {fd, &one, 8, 0};
        bide_task *writer = park(io_write, &add); /* it is full */
        ck_assert_int_eq(bide_read(fd, &count, 8), 8);
        ck_assert_int_eq(end_of(writer), 8);
        ck_assert_int_eq(bide_read(fd, &count, 4), -EINVAL);
        ck_assert_int_eq(within(BIDE_SEC(2), io_read, &io), 8);
        ck_assert_int_eq(within(BIDE_MS(1), io_read, &io), -ETIMEDOUT);
        close(fd);
    }
    return 0;
}

REAL_TEST(a_semaphore_counter_is_shared_by_its_readers)
{
    for BOTH (flags) {
        uint64_t counts[3], three = 3;
        struct io io[3];
        bide_task *readers[3];
        int fd = eventfd(0, EFD_SEMAPHORE | flags);
        for (int i = 0; i < 3; i++) {
            io[i] = (struct io){fd, &counts[i], 8, 0};
            readers[i] = park(io_read, &io[i]);
        }
        ck_assert_int_eq(bide_write(fd, &three, 8), 8);
        for (int i = 0; i < 3; i++) {
            ck_assert_int_eq(end_of(readers[i]), 8);
            ck_assert_uint_eq(counts[i], 1);
        }
        close(fd);
    }
    return 0;
}

REAL_TEST(a_timer_descriptor_is_read)
{
    for BOTH (flags) {
        uint64_t count = 0;
        struct itimerspec soon = {.it_value = {.tv_nsec = 2000000}};
        int fd = timerfd_create(CLOCK_MONOTONIC, flags);
        bide_task *reader = park(io_read, &(struct io){fd, &count, 8, 0});
        timerfd_settime(fd, 0, &soon, NULL);
        ck_assert_int_eq(end_of(reader), 8);
        ck_assert_uint_eq(count, 1);
        close(fd);
    }
    return 0;
}

REAL_TEST(a_watch_on_a_directory_is_read)
{
    for BOTH (flags) {
        char path[64], buf[4096];
        struct inotify_event event;
        fresh_path(path);
        ck_assert_int_eq(mkdir(path, 0700), 0);
        int fd = inotify_init1(flags);
        inotify_add_watch(fd, path, IN_DELETE_SELF);
        struct io io = {fd, buf, sizeof buf, 0};
        ck_assert_int_eq(within(BIDE_MS(1), io_read, &io), -ETIMEDOUT);
        bide_task *reader = park(io_read, &io);
        ck_assert_int_eq(rmdir(path), 0);
        ck_assert_int_ge(end_of(reader), (intptr_t)sizeof event);
        memcpy(&event, buf, sizeof event);
        ck_assert_uint_eq(event.mask, IN_DELETE_SELF);
        close(fd);
    }
    return 0;
}

REAL_TEST(the_null_and_the_zero_device_work)
{
    for BOTH (flags) {
        char buf[64] = "not zero";
        int null = open("/dev/null", O_RDWR | flags);
        int zero = open("/dev/zero", O_RDWR | flags);
        ck_assert_int_eq(bide_read(null, buf, 64), 0);
        ck_assert_int_eq(bide_read_all(null, buf, 64), 0);
        ck_assert_int_eq(bide_write(null, buf, 64), 64);
        ck_assert_int_eq(bide_write_all(null, buf, 64), 64);
        ck_assert_int_eq(bide_read_all(zero, buf, 64), 64);
        ck_assert_int_eq(buf[0] | buf[63], 0);
        ck_assert_int_eq(bide_pread(zero, buf, 64, 9), 64);
        ck_assert_int_eq(bide_write(zero, buf, 64), 64);
        close(null);
        close(zero);
    }
    return 0;
}

REAL_TEST(a_file_of_proc_is_read)
{
    for BOTH (flags) {
        char buf[4096];
        int fd = open("/proc/self/stat", O_RDONLY | flags);
        ssize_t n = bide_read_all(fd, buf, sizeof buf);
        ck_assert_int_gt(n, 0);
        ck_assert_int_eq(atoi(buf), (int)getpid());
        ck_assert_int_eq(bide_pread(fd, buf, 4, 0), 4);
        ck_assert_int_eq(atoi(buf) > 0, 1);
        close(fd);
    }
    return 0;
}

REAL_TEST(a_directory_and_a_path_are_refused)
{
    char buf[8] = "";
    int dir = open("/", O_RDONLY | O_DIRECTORY), path = open("/", O_PATH);
    ck_assert_int_eq(bide_read(dir, buf, 8), -EISDIR);
    ck_assert_int_eq(bide_write(dir, buf, 8), -EBADF);
    ck_assert_int_eq(bide_read(path, buf, 8), -EBADF);
    ck_assert_int_eq(bide_fsync(path), -EBADF);
    close(dir);
    close(path);
    return 0;
}

REAL_TEST(an_epoll_descriptor_is_polled)
{
    struct ends pipe = open_ends(PIPE, 0);
    int ep = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN};
    epoll_ctl(ep, EPOLL_CTL_ADD, pipe.out, &event);
    struct io io = {.fd = ep, .flags = POLLIN};
    bide_task *poller = park(io_poll, &io);
    put(pipe.in, "x");
    ck_assert_int_eq(end_of(poller), POLLIN);
    close(ep);
    close_ends(pipe);
    return 0;
}

static int tcp_alone(void)
{
    return socket(AF_INET, SOCK_STREAM, 0);
}

REAL_TEST(a_socket_that_is_not_connected_is_refused)
{
    char buf[8] = "";
    int fd = tcp_alone();
    ck_assert_int_eq(bide_recv(fd, buf, 8, 0), -ENOTCONN);
    ck_assert_int_eq(bide_read(fd, buf, 8), -ENOTCONN);
    ck_assert_int_eq(bide_send(fd, buf, 8, 0), -EPIPE);
    ck_assert_int_eq(bide_shutdown(fd, SHUT_RDWR), -ENOTCONN);
    close(fd);
    return 0;
}

/* As foreign code that shares the pipe would: whether it came first. */
static bool snatch(int fd)
{
    char byte;
    struct iovec iov = {&byte, 1};
    return preadv2(fd, &iov, 1, -1, RWF_NOWAIT) == 1;
}

REAL_TEST(a_blocking_pipe_with_rivals_never_blocks_the_loop)
{
    struct ends pipe = open_ends(PIPE, 0);
    char buf[8];
    struct io in = {pipe.out, buf, 8, 0};
    int turns = 0;
    bide_task *counter = start(count_turns, &turns);
    bide_task *reader = start(io_read, &in);
    for (int i = 0; i < 50; i++) {
        put(pipe.in, "x");
        if (!snatch(pipe.out)) { /* a thread of the offload pool was quicker */
            ck_assert_int_eq(end_of(reader), 1);
            reader = start(io_read, &in);
        }
        bide_sleep(BIDE_US(100));
    }
    ck_assert_int_gt(turns, 5);
    put(pipe.in, "mine");
    ck_assert_int_eq(end_of(reader), 4);
    bide_cancel(counter);
    end_of(counter);
    close_ends(pipe);
    return 0;
}

/* ---- A kernel that cannot be told not to wait --------------------------- */

static struct bi_sys real;

static long refuse_nowait(long number, long a, long b, long c, long d, long e,
                          long f)
{
    if (number == SYS_preadv2 || number == SYS_pwritev2)
        return -ENOSYS;
    return real.call(number, a, b, c, d, e, f);
}

static void without_nowait(void)
{
    real = bi_sys;
    bi_sys.call = refuse_nowait;
}

static void with_nowait(void)
{
    bi_sys = real;
}

REAL_TEST(what_ends_at_once_does_not_wait)
{
    char buf[4] = "";
    struct ends pipe = open_ends(PIPE, 0);
    struct io in = {pipe.in, buf, 4, 0}, out = {pipe.out, buf, 4, 0};
    ck_assert_int_eq(within(BIDE_SEC(2), io_read, &in), -EBADF);
    ck_assert_int_eq(within(BIDE_SEC(2), io_readv, &in), -EBADF);
    ck_assert_int_eq(within(BIDE_SEC(2), io_write, &out), -EBADF);
    ck_assert_int_eq(within(BIDE_SEC(2), io_writev, &out), -EBADF);
    fill(pipe.in);
    in.len = out.len = 0;
    ck_assert_int_eq(within(BIDE_SEC(2), io_writev, &in), 0);
    drain(pipe.out);
    ck_assert_int_eq(within(BIDE_SEC(2), io_readv, &out), 0);
    close_ends(pipe);
    return 0;
}

Suite *suite_descriptor(void)
{
    Suite *s = suite_create("descriptor");
    TCase *t = tcase_create("any descriptor");
    tcase_add_test(t, whoever_waits_does_not_stop_the_others);
    tcase_add_test(t, the_flags_stay_what_they_were);
    tcase_add_test(t, the_flags_of_a_listener_and_of_a_dialling_socket_stay);
    tcase_add_test(t, a_terminal_is_read_and_written);
    tcase_add_test(t, a_terminal_hands_over_lines);
    tcase_add_test(t, an_event_counter_is_read_and_written);
    tcase_add_test(t, a_semaphore_counter_is_shared_by_its_readers);
    tcase_add_test(t, a_timer_descriptor_is_read);
    tcase_add_test(t, a_watch_on_a_directory_is_read);
    tcase_add_test(t, the_null_and_the_zero_device_work);
    tcase_add_test(t, a_file_of_proc_is_read);
    tcase_add_test(t, a_directory_and_a_path_are_refused);
    tcase_add_test(t, an_epoll_descriptor_is_polled);
    tcase_add_test(t, a_socket_that_is_not_connected_is_refused);
    tcase_add_test(t, a_blocking_pipe_with_rivals_never_blocks_the_loop);
    tcase_add_test(t, what_ends_at_once_does_not_wait);
    suite_add_tcase(s, t);
    t = tcase_create("without preadv2");
    tcase_add_checked_fixture(t, without_nowait, with_nowait);
    tcase_add_test(t, whoever_waits_does_not_stop_the_others);
    tcase_add_test(t, the_flags_stay_what_they_were);
    tcase_add_test(t, an_event_counter_is_read_and_written);
    tcase_add_test(t, a_directory_and_a_path_are_refused);
    tcase_add_test(t, a_blocking_pipe_with_rivals_never_blocks_the_loop);
    tcase_add_test(t, what_ends_at_once_does_not_wait);
    suite_add_tcase(s, t);
    return s;
}
