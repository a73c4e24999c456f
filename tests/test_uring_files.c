/* test_uring_files.c: what waits in the kernel's own threads, or nowhere: the
 * ring is told to do it, and must neither stall nor forget a cancel.
 */
#include "harness.h"
#include "ring.h"
#include "tasks.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static intptr_t run_on_uring(bide_fn *fn, void *arg)
{
    struct bide_options opt = {.backend = BIDE_URING, .ring_entries = 8};
    unsetenv("BIDE_BACKEND");
    return bide_run(fn, arg, &opt);
}

#define URING_TEST(name) BODY_TEST(name, run_on_uring)

/* Start a task that waits before this returns, with nothing submitted yet. */
static bide_task *begin(bide_fn *fn, void *arg)
{
    static const struct bide_spawn_options eager = {.flags = BIDE_EAGER};
    bide_task *task;
    ck_assert_int_eq(bide_spawn_with(&task, fn, arg, &eager), 0);
    ck_assert(!bide_task_done(task));
    return task;
}

/* The same; it still waits when the kernel has had time for it. */
static bide_task *begin_to_wait(bide_fn *fn, void *arg)
{
    bide_task *task = begin(fn, arg);
    ck_assert_int_eq(bide_sleep(BIDE_MS(4)), 0);
    ck_assert(!bide_task_done(task));
    return task;
}

/* ---- Terminals ---------------------------------------------------------- */

struct pty {
    int master, slave;
};

static struct pty open_pty(int flags)
{
    struct pty pty = {.master = posix_openpt(O_RDWR | O_NOCTTY)};
    ck_assert_int_ge(pty.master, 0);
    ck_assert_int_eq(grantpt(pty.master) | unlockpt(pty.master), 0);
    pty.slave = open(ptsname(pty.master), O_RDWR | O_NOCTTY | flags);
    ck_assert_int_ge(pty.slave, 0);
    return pty;
}

static void close_pty(const struct pty *pty)
{
    close(pty->slave);
    close(pty->master);
}

enum { MUCH = 1 << 18 };

static intptr_t write_much(void *fd)
{
    static char bytes[MUCH];
    return bide_write(*(int *)fd, bytes, sizeof bytes);
}

static intptr_t read_line(void *fd)
{
    char line[16];
    return bide_read(*(int *)fd, line, sizeof line);
}

URING_TEST(a_terminal_that_stalls_its_writer_stalls_nobody_else)
{
    struct pty pty = open_pty(0);
    bide_task *writer = begin_to_wait(write_much, &pty.slave);
    bide_cancel(writer);
    intptr_t n = result_of(writer); /* what went in before counts */
    ck_assert(n == -ECANCELED || (n > 0 && n < MUCH));
    close_pty(&pty);
    return 0;
}

URING_TEST(a_terminal_is_waited_for_nonblocking_or_not)
{
    for (int flags = 0; flags <= O_NONBLOCK; flags += O_NONBLOCK) {
        struct pty pty = open_pty(flags);
        bide_task *reader = begin_to_wait(read_line, &pty.slave);
        ck_assert_int_eq(write(pty.master, "hi\n", 3), 3);
        ck_assert_int_eq(result_of(reader), 3);
        close_pty(&pty);
    }
    return 0;
}

/* ---- FIFOs -------------------------------------------------------------- */

static char folder[32], path[64];

static void make_fifo(void)
{
    snprintf(folder, sizeof folder, "/tmp/bide-uring-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/fifo", folder);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
}

static void remove_fifo(void)
{
    unlink(path);
    rmdir(folder);
}

static intptr_t open_fifo(void *flags)
{
    return bide_open(path, (int)VALUE(flags), 0);
}

URING_TEST(an_open_waits_for_the_other_end_of_a_fifo)
{
    make_fifo();
    bide_task *reader = begin_to_wait(open_fifo, NUM(O_RDONLY));
    ck_assert(bide_cancel(reader));
    ck_assert_int_eq(result_of(reader), -ECANCELED);

    bide_task *writer = begin_to_wait(open_fifo, NUM(O_WRONLY));
    reader = begin(open_fifo, NUM(O_RDONLY));
    int ends[] = {(int)result_of(reader), (int)result_of(writer)};
    ck_assert_int_ge(ends[0], 0);
    ck_assert_int_ge(ends[1], 0);
    close(ends[0]);
    close(ends[1]);
    remove_fifo();
    return 0;
}

/* A thread of the kernel takes the call up, polls, and hands it back: a cancel
 * comes at every moment of that. */
URING_TEST(a_cancel_reaches_a_thread_of_the_kernel_at_any_moment)
{
    make_fifo();
    int fd = open(path, O_RDONLY | O_NONBLOCK);
    int writer = open(path, O_WRONLY);
    ck_assert_int_eq(fcntl(fd, F_SETFL, 0), 0);
    for (int i = 0; i < 10000; i++) {
        bide_task *reader = begin(read_line, &fd);
        turns((unsigned)i % 4);
        if (i % 3)
            ck_assert_int_eq(bide_sleep(BIDE_US(i * 7 % 50)), 0);
        ck_assert(bide_cancel(reader));
        ck_assert_int_eq(result_of(reader), -ECANCELED);
    }
    close(writer);
    close(fd);
    remove_fifo();
    return 0;
}

/* ---- A listener whose queue is full ------------------------------------- */

/* Its descriptor, and those of the sockets that fill it. */
static struct {
    struct sockaddr_un addr;
    int listener, clients[8], count;
} busy;

static int connect_to_busy(int fd)
{
    return connect(fd, (struct sockaddr *)&busy.addr, sizeof busy.addr);
}

static void open_busy(void)
{
    busy.addr = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(busy.addr.sun_path + 1, sizeof busy.addr.sun_path - 1,
             "bide-uring-%d", (int)getpid());
    busy.listener = socket(AF_UNIX, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(busy.listener, (struct sockaddr *)&busy.addr,
                          sizeof busy.addr), 0);
    ck_assert_int_eq(listen(busy.listener, 1), 0);
    busy.count = 0;
    do {
        ck_assert_int_lt(busy.count, 8);
        busy.clients[busy.count] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK,
                                          0);
    } while (connect_to_busy(busy.clients[busy.count++]) == 0);
}

static void close_busy(void)
{
    close(busy.listener);
    while (busy.count > 0)
        close(busy.clients[--busy.count]);
}

static intptr_t wait_to_connect(void *flags)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | (int)VALUE(flags), 0);
    int rc = bide_connect(fd, (struct sockaddr *)&busy.addr, sizeof busy.addr);
    close(fd);
    return rc;
}

URING_TEST(a_connect_waits_for_a_place_in_the_queue)
{
    for (int flags = 0; flags <= SOCK_NONBLOCK; flags += SOCK_NONBLOCK) {
        open_busy();
        bide_task *first = begin_to_wait(wait_to_connect, NUM(flags));
        bide_task *second = begin_to_wait(wait_to_connect, NUM(flags));
        ck_assert(bide_cancel(second));
        ck_assert_int_eq(result_of(second), -ECANCELED);
        close(accept(busy.listener, NULL, NULL));
        ck_assert_int_eq(result_of(first), 0);
        close_busy();
    }
    return 0;
}

/* The kernel makes the attempt over and over before it takes it to a thread.
 * In between it does not find it. */
URING_TEST(a_cancel_between_two_attempts_of_the_kernel_is_repeated)
{
    open_busy();
    bide_task *task = begin(wait_to_connect, NUM(0));
    ck_assert(bide_cancel(task));
    ck_assert_int_eq(result_of(task), -ECANCELED);
    close_busy();
    return 0;
}

Suite *suite_uring_files(void)
{
    struct bi_ring ring;
    char why[200];
    Suite *s = suite_create("uring_files");
    TCase *t = tcase_create("uring_files");
    suite_add_tcase(s, t);
    bool possible = bi_ring_open(&ring, 8, why, sizeof why) == 0;
    if (possible)
        bi_ring_close(&ring);
    tcase_set_timeout(t, 20);
    add_if(possible, why, t,
           a_terminal_that_stalls_its_writer_stalls_nobody_else);
    add_if(possible, why, t, a_terminal_is_waited_for_nonblocking_or_not);
    add_if(possible, why, t, an_open_waits_for_the_other_end_of_a_fifo);
    add_if(possible, why, t,
           a_cancel_reaches_a_thread_of_the_kernel_at_any_moment);
    add_if(possible, why, t, a_connect_waits_for_a_place_in_the_queue);
    add_if(possible, why, t,
           a_cancel_between_two_attempts_of_the_kernel_is_repeated);
    return s;
}
