/* test_blocking.c: descriptors whose calls block the thread, on each backend:
 * pipes, ttys, FIFOs, files, sockets without O_NONBLOCK.  While one task waits
 * on such a descriptor another one goes on, and nobody's flags are changed.
 */
#include "base.h"
#include "harness.h"
#include "pair.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/bide-blocking-XXXXXX";
static char path[sizeof dir + 16];

static void set_up(void)
{
    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/file", dir);
}

static void tear_down(void)
{
    unlink(path);
    rmdir(dir);
}

/* See that time passes for others while a task waits to read from `fd`; then
 * write to `from`, where that arrives, and see that it got all of it. */
static void wait_and_read(int fd, int from, const char *text)
{
    int flags = fcntl(fd, F_GETFL);
    bide_task *reader = start_reader(fd);
    bide_time begun = bide_now();
    for (int i = 0; i < 5; i++)
        bide_sleep(BIDE_MS(1));
    ck_assert_int_lt(bide_now() - begun, BIDE_SEC(5));
    ck_assert(!bide_task_done(reader));
    put(from, text);
    ck_assert_int_eq(end_of(reader), (intptr_t)strlen(text));
    ck_assert(memcmp(got, text, strlen(text)) == 0);
    ck_assert_int_eq(fcntl(fd, F_GETFL), flags);
}

static void cancel_reader(int fd)
{
    bide_task *reader = start_reader(fd);
    bide_cancel(reader);
    ck_assert_int_eq(end_of(reader), -ECANCELED);
}

static intptr_t keep_writing(void *arg)
{
    static char block[4096];
    ssize_t n;
    while ((n = bide_write(arg_fd(arg), block, sizeof block)) > 0)
        ;
    return n;
}

REAL_TEST(a_blocking_pipe_does_not_block_the_thread)
{
    int fds[2];
    ck_assert_int_eq(pipe(fds), 0);
    wait_and_read(fds[0], fds[1], "through a pipe");
    cancel_reader(fds[0]);
    bide_task *writer = start(keep_writing, fd_arg(fds[1]));
    bide_sleep(BIDE_MS(5));
    ck_assert(!bide_task_done(writer));
    bide_close(fds[0]); /* the full pipe breaks: no signal, no hang */
    ck_assert_int_eq(end_of(writer), -EPIPE);
    return bide_close(fds[1]);
}

REAL_TEST(a_blocking_tty_does_not_block_the_thread)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    ck_assert_int_ge(master, 0);
    ck_assert_int_eq(grantpt(master) + unlockpt(master), 0);
    int slave = open(ptsname(master), O_RDWR | O_NOCTTY);
    ck_assert_int_ge(slave, 0);
    wait_and_read(slave, master, "a line\n");
    cancel_reader(slave);
    ck_assert_int_eq(bide_write(slave, "out", 3), 3);
    bide_close(slave);
    return bide_close(master);
}

REAL_TEST(a_blocking_fifo_does_not_block_the_thread)
{
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    int fd = open(path, O_RDWR);
    wait_and_read(fd, fd, "through a FIFO");
    cancel_reader(fd);
    return bide_close(fd);
}

static intptr_t open_to_write(void *arg)
{
    (void)arg;
    return bide_open(path, O_WRONLY, 0);
}

REAL_TEST(the_two_ends_of_a_fifo_open_each_other)
{
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    bide_task *writer = start(open_to_write, NULL);
    bide_sleep(BIDE_MS(5));
    ck_assert(!bide_task_done(writer));
    int in = bide_open(path, O_RDONLY, 0);
    int out = (int)end_of(writer);
    ck_assert_int_ge(in, 0);
    ck_assert_int_ge(out, 0);
    wait_and_read(in, out, "across");
    bide_close(in);
    return bide_close(out);
}

REAL_TEST(a_blocking_socket_does_not_block_the_thread)
{
    struct pair p = foreign_pair();
    wait_and_read(p.fd, p.peer, "through a socket");
    cancel_reader(p.fd);
    bide_close(p.fd);
    return bide_close(p.peer);
}

REAL_TEST(a_blocking_listener_does_not_block_the_thread)
{
    struct sockaddr_in any = {.sin_family = AF_INET,
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&any, sizeof any), 0);
    ck_assert_int_eq(listen(fd, 4), 0);
    bide_task *task = start(accept_one, fd_arg(fd));
    bide_sleep(BIDE_MS(2));
    int client = foreign_dial(listener_port(fd));
    ck_assert_int_eq(end_of(task), 0);
    task = start(accept_one, fd_arg(fd));
    bide_sleep(BIDE_MS(2));
    bide_cancel(task);
    ck_assert_int_eq(end_of(task), -ECANCELED);
    close(client);
    return bide_close(fd);
}

/* A listener whose queue is full lets connects wait for ever. */
static int crowded_listener(struct sockaddr_in *addr, int *clients, int n)
{
    socklen_t len = sizeof *addr;
    *addr = (struct sockaddr_in){.sin_family = AF_INET,
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)addr, len), 0);
    ck_assert_int_eq(listen(fd, 0), 0);
    getsockname(fd, (struct sockaddr *)addr, &len);
    for (int i = 0; i < n; i++) {
        clients[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        connect(clients[i], (struct sockaddr *)addr, len);
    }
    return fd;
}

REAL_TEST(a_blocking_connect_is_broken_off_by_a_deadline)
{
    enum { CLIENTS = 4 };
    struct sockaddr_in addr;
    int clients[CLIENTS];
    int listener = crowded_listener(&addr, clients, CLIENTS);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct bide_scope s;
    bide_time begun = bide_now();
    bide_scope_open(&s, bide_after(BIDE_MS(20)));
    intptr_t rc = bide_connect(fd, (struct sockaddr *)&addr, sizeof addr);
    ck_assert_int_eq(bide_scope_close(&s, rc), -ETIMEDOUT);
    ck_assert_int_lt(bide_now() - begun, BIDE_SEC(10));
    for (int i = 0; i < CLIENTS; i++)
        close(clients[i]);
    close(fd);
    return bide_close(listener);
}

REAL_TEST(a_blocking_eventfd_is_read_and_written)
{
    int fd = eventfd(0, 0);
    uint64_t n = 7;
    bide_task *reader = start_reader(fd);
    ck_assert_int_eq(bide_write(fd, &n, sizeof n), sizeof n);
    ck_assert_int_eq(end_of(reader), sizeof n);
    ck_assert(memcmp(got, &n, sizeof n) == 0);
    return bide_close(fd);
}

REAL_TEST(a_file_is_opened_written_synced_and_read)
{
    char text[] = "regular", back[sizeof text] = "";
    int fd = bide_open(path, O_RDWR | O_CREAT, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(bide_write_all(fd, text, sizeof text), sizeof text);
    ck_assert_int_eq(bide_fsync(fd), 0);
    ck_assert_int_eq(bide_pwrite(fd, "R", 1, 0), 1);
    ck_assert_int_eq(bide_fdatasync(fd), 0);
    ck_assert_int_eq(bide_pread(fd, back, sizeof back, 0), sizeof back);
    ck_assert_str_eq(back, "Regular");
    ck_assert_int_eq(bide_read(fd, back, sizeof back), 0);
    return bide_close(fd);
}

REAL_TEST(a_file_that_is_not_there_is_told_as_such)
{
    ck_assert_int_eq(bide_open(path, O_RDONLY, 0), -ENOENT);
    ck_assert_int_eq(bide_fsync(-1), -EBADF);
    return 0;
}

Suite *suite_blocking(void)
{
    Suite *s = suite_create("blocking");
    TCase *t = tcase_create("blocking");
    tcase_set_timeout(t, 20);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, a_blocking_pipe_does_not_block_the_thread);
    tcase_add_test(t, a_blocking_tty_does_not_block_the_thread);
    tcase_add_test(t, a_blocking_fifo_does_not_block_the_thread);
    tcase_add_test(t, the_two_ends_of_a_fifo_open_each_other);
    tcase_add_test(t, a_blocking_socket_does_not_block_the_thread);
    tcase_add_test(t, a_blocking_listener_does_not_block_the_thread);
    tcase_add_test(t, a_blocking_connect_is_broken_off_by_a_deadline);
    tcase_add_test(t, a_blocking_eventfd_is_read_and_written);
    tcase_add_test(t, a_file_is_opened_written_synced_and_read);
    tcase_add_test(t, a_file_that_is_not_there_is_told_as_such);
    suite_add_tcase(s, t);
    return s;
}
