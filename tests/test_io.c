/* test_io.c: reading and writing: how much is moved, and what is refused. */
#include "doors.h"

#include <limits.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>

#define MANY ((size_t)1 << 20)

static char block[MANY];

/* ---- Reading ------------------------------------------------------------ */

REAL_TEST(a_read_waits_for_the_first_byte_and_takes_what_is_there)
{
    struct ends pipe = open_ends(PIPE, 0);
    char buf[64];
    bide_task *reader = park(io_read, &(struct io){pipe.out, buf, 64, 0});
    put(pipe.in, "three");
    ck_assert_int_eq(end_of(reader), 5);
    ck_assert_mem_eq(buf, "three", 5);
    put(pipe.in, "abcdef");
    ck_assert_int_eq(bide_read(pipe.out, buf, 4), 4);
    ck_assert_int_eq(bide_read(pipe.out, buf, 4), 2);
    ck_assert_mem_eq(buf, "ef", 2);
    close_ends(pipe);
    return 0;
}

REAL_TEST(a_read_returns_zero_at_the_end_of_the_stream_and_again)
{
    char buf[8];
    struct ends pipe = open_ends(PIPE, 0);
    struct io io = {pipe.out, buf, 8, 0};
    put(pipe.in, "x");
    bide_task *reader = start(io_read_all, &io);
    bide_yield();
    close(pipe.in);
    ck_assert_int_eq(end_of(reader), 1);
    ck_assert_int_eq(bide_read(pipe.out, buf, 8), 0);
    ck_assert_int_eq(bide_read_all(pipe.out, buf, 8), 0);
    close(pipe.out);
    return 0;
}

REAL_TEST(a_waiting_read_returns_zero_when_the_writer_goes)
{
    for (int kind = PIPE; kind <= TCP; kind++) {
        char buf[8];
        struct ends ends = open_ends(kind, 0);
        bide_task *reader = park(io_read, &(struct io){ends.out, buf, 8, 0});
        close(ends.in);
        ck_assert_int_eq(end_of(reader), 0);
        close(ends.out);
    }
    return 0;
}

REAL_TEST(a_read_of_zero_bytes_returns_zero_without_a_wait)
{
    for (int kind = 0; kind < ENDS_KINDS; kind++) {
        struct ends ends = open_ends(kind, 0);
        struct io io = {ends.out, block, 0, 0};
        ck_assert_int_eq(within(BIDE_SEC(2), io_read, &io), 0);
        ck_assert_int_eq(within(BIDE_SEC(2), io_readv, &io), 0);
        ck_assert_int_eq(within(BIDE_SEC(2), io_read_all, &io), 0);
        close_ends(ends);
    }
    return 0;
}

REAL_TEST(calls_for_zero_bytes_are_refused_in_a_cancelled_scope)
{
    struct ends pipe = open_ends(PIPE, 0);
    bide_fn *reads[] = {io_read, io_readv, io_read_all};
    bide_fn *writes[] = {io_write, io_writev, io_write_all};
    for (size_t i = 0; i < 3; i++) {
        struct io in = {pipe.out, block, 0, 0}, out = {pipe.in, block, 0, 0};
        ck_assert_int_eq(refused(reads[i], &in), -ECANCELED);
        ck_assert_int_eq(refused(writes[i], &out), -ECANCELED);
    }
    close_ends(pipe);
    return 0;
}

REAL_TEST(read_all_gathers_what_comes_in_pieces)
{
    for (int kind = PIPE; kind <= TCP; kind++) {
        char buf[8];
        if (kind == SEQPACKET)
            continue;
        struct ends ends = open_ends(kind, 0);
        struct io io = {ends.out, buf, 7, 0};
        bide_task *reader = park(io_read_all, &io);
        put(ends.in, "ab");
        bide_sleep(BIDE_MS(1));
        put(ends.in, "cde");
        bide_sleep(BIDE_MS(1));
        ck_assert(!bide_task_done(reader));
        put(ends.in, "fgh");
        ck_assert_int_eq(end_of(reader), 7);
        ck_assert_mem_eq(buf, "abcdefg", 7);
        expect(ends.out, "h");
        close_ends(ends);
    }
    return 0;
}

REAL_TEST(read_all_cancelled_after_some_bytes_tells_how_many)
{
    struct ends pipe = open_ends(PIPE, 0);
    char buf[8];
    bide_task *reader = park(io_read_all, &(struct io){pipe.out, buf, 8, 0});
    put(pipe.in, "abc");
    until_taken(pipe.out);
    bide_cancel(reader);
    ck_assert_int_eq(end_of(reader), 3);
    ck_assert_mem_eq(buf, "abc", 3);
    struct io again = {pipe.out, buf, 8, 0};
    ck_assert_int_eq(within(BIDE_MS(1), io_read_all, &again), -ETIMEDOUT);
    close_ends(pipe);
    return 0;
}

REAL_TEST(readv_scatters_and_writev_gathers)
{
    for (int kind = 0; kind < ENDS_KINDS; kind++) {
        struct ends ends = open_ends(kind, 0);
        char a[3] = "ab", b[1], c[8] = "cdef";
        struct iovec out[] = {{a, 2}, {b, 0}, {c, 4}};
        ck_assert_int_eq(bide_writev(ends.in, out, 3), 6);
        struct iovec in[] = {{c, 3}, {b, 1}, {a, 3}};
        ck_assert_int_eq(bide_readv(ends.out, in, 3), 6);
        ck_assert_mem_eq(c, "abc", 3);
        ck_assert_int_eq(b[0], 'd');
        ck_assert_mem_eq(a, "ef", 2);
        close_ends(ends);
    }
    return 0;
}

REAL_TEST(readv_waits_like_read)
{
    for (int kind = 0; kind < ENDS_KINDS; kind++) {
        char buf[8];
        struct ends ends = open_ends(kind, 0);
        bide_task *reader = park(io_readv, &(struct io){ends.out, buf, 8, 0});
        put(ends.in, "abc");
        ck_assert_int_eq(end_of(reader), 3);
        ck_assert_mem_eq(buf, "abc", 3);
        close_ends(ends);
    }
    return 0;
}

REAL_TEST(vectors_of_a_bad_length_are_refused)
{
    struct ends pipe = open_ends(PIPE, 0);
    static struct iovec iov[IOV_MAX + 1];
    static char bytes[IOV_MAX + 1];
    for (int i = 0; i <= IOV_MAX; i++)
        iov[i] = (struct iovec){&bytes[i], 1};
    ck_assert_int_eq(bide_writev(pipe.in, iov, -1), -EINVAL);
    ck_assert_int_eq(bide_writev(pipe.in, iov, IOV_MAX + 1), -EINVAL);
    ck_assert_int_eq(bide_writev(pipe.in, NULL, 1), -EINVAL);
    ck_assert_int_eq(bide_readv(pipe.out, iov, INT_MIN), -EINVAL);
    ck_assert_int_eq(bide_readv(pipe.out, iov, IOV_MAX + 1), -EINVAL);
    ck_assert_int_eq(bide_readv(pipe.out, NULL, 1), -EINVAL);
    ck_assert_int_eq(bide_writev(pipe.in, NULL, 0), 0);
    ck_assert_int_eq(bide_readv(pipe.out, NULL, 0), 0);
    ck_assert_int_eq(bide_writev(pipe.in, iov, IOV_MAX), IOV_MAX);
    ck_assert_int_eq(bide_readv(pipe.out, iov, IOV_MAX), IOV_MAX);
    close_ends(pipe);
    return 0;
}

/* ---- Writing ------------------------------------------------------------ */

REAL_TEST(a_write_waits_for_room)
{
    for (int kind = PIPE; kind <= TCP; kind++) {
        struct ends ends = open_ends(kind, 0);
        size_t room = fill(ends.in);
        char byte = 'x';
        bide_task *writer = park(io_write, &(struct io){ends.in, &byte, 1, 0});
        take_out(ends.out, room);
        ck_assert_int_eq(end_of(writer), 1);
        expect(ends.out, "x");
        close_ends(ends);
    }
    return 0;
}

REAL_TEST(a_write_returns_what_found_room)
{
    struct ends pipe = open_ends(PIPE, O_NONBLOCK);
    ssize_t n = bide_write(pipe.in, block, MANY);
    ck_assert_int_gt(n, 0);
    ck_assert_int_lt(n, (ssize_t)MANY);
    ck_assert_int_eq((ssize_t)drain(pipe.out), n);
    close_ends(pipe);
    return 0;
}

static intptr_t take_slowly(void *arg)
{
    static char buf[70000];
    struct ends *ends = arg;
    size_t total = 0;
    ssize_t n;
    while ((n = bide_read(ends->out, buf, sizeof buf)) > 0) {
        if (memcmp(buf, block + total, (size_t)n) != 0)
            return -EILSEQ;
        total += (size_t)n;
        bide_yield();
    }
    return n < 0 ? n : (intptr_t)total;
}

REAL_TEST(write_all_writes_everything_in_order)
{
    for (size_t i = 0; i < MANY; i++)
        block[i] = (char)(unsigned char)(i % 251);
    for (int kind = PIPE; kind <= TCP; kind++) {
        if (kind == SEQPACKET)
            continue;
        struct ends ends = open_ends(kind, 0);
        bide_task *taker = start(take_slowly, &ends);
        ck_assert_int_eq(bide_write_all(ends.in, block, MANY), MANY);
        ck_assert_int_eq(bide_close(ends.in), 0);
        ck_assert_int_eq(end_of(taker), MANY);
        close(ends.out);
    }
    return 0;
}

REAL_TEST(write_all_tells_how_much_it_wrote_when_the_reader_goes)
{
    struct ends pipe = open_ends(PIPE, 0);
    struct io io = {pipe.in, block, MANY, 0};
    bide_task *writer = park(io_write_all, &io);
    size_t taken = drain(pipe.out);
    bide_sleep(BIDE_MS(2));
    close(pipe.out);
    intptr_t n = end_of(writer);
    ck_assert_int_ge(n, (intptr_t)taken);
    ck_assert_int_lt(n, (intptr_t)MANY);
    ck_assert_int_eq(bide_write_all(pipe.in, block, 1), -EPIPE);
    close(pipe.in);
    return 0;
}

REAL_TEST(write_all_cancelled_after_some_bytes_tells_how_many)
{
    struct ends ends = open_ends(UNIX, 0);
    struct io io = {ends.in, block, MANY, 0};
    intptr_t n = within(BIDE_MS(100), io_write_all, &io);
    ck_assert_int_gt(n, 0);
    ck_assert_uint_eq(drain(ends.out), (size_t)n);
    bide_task *writer = park(io_write_all, &io);
    bide_cancel(writer);
    n = end_of(writer);
    ck_assert_int_gt(n, 0);
    ck_assert_uint_eq(drain(ends.out), (size_t)n);
    close_ends(ends);
    return 0;
}

/* Every way to write, to what nobody can read: an error and no signal. */
REAL_TEST(no_call_raises_sigpipe)
{
    bide_fn *ways[] = {io_write,  io_writev, io_write_all,
                       io_send,   io_sendto, io_sendmsg};
    for (int kind = PIPE; kind <= TCP; kind++) {
        size_t count = kind <= FIFO ? 3 : 6;
        for (size_t i = 0; i < 2 * count; i++) {
            struct ends ends = open_ends(kind, i < count ? 0 : O_NONBLOCK);
            struct io io = {ends.in, block, 10, 0};
            close(ends.out);
            intptr_t rc = ways[i % count](&io);
            if (kind == TCP && rc == 10) { /* the reset is on its way */
                bide_sleep(BIDE_MS(1));
                rc = ways[i % count](&io);
            }
            ck_assert_int_eq(rc, -EPIPE);
            close(ends.in);
        }
    }
    sigset_t pending;
    sigpending(&pending);
    ck_assert(!sigismember(&pending, SIGPIPE));
    return 0;
}

REAL_TEST(a_waiting_writer_gets_epipe_when_the_reader_goes)
{
    for (int i = 0; i < 2 * (UNIX + 1); i++) {
        struct ends ends = open_ends(i / 2, i % 2 ? O_NONBLOCK : 0);
        fill(ends.in);
        bide_task *writer = park(io_write, &(struct io){ends.in, block, 10, 0});
        close(ends.out);
        ck_assert_int_eq(end_of(writer), -EPIPE);
        close(ends.in);
    }
    sigset_t pending;
    sigpending(&pending);
    ck_assert(!sigismember(&pending, SIGPIPE));
    return 0;
}

START_TEST(the_disposition_of_sigpipe_is_left_alone)
{
    struct sigaction before, after;
    sigset_t mask;
    sigaction(SIGPIPE, NULL, &before);
    ck_assert_int_eq(run_task(body_no_call_raises_sigpipe, NULL), 0);
    sigaction(SIGPIPE, NULL, &after);
    ck_assert_ptr_eq(after.sa_handler, before.sa_handler);
    pthread_sigmask(SIG_BLOCK, NULL, &mask);
    ck_assert(!sigismember(&mask, SIGPIPE));
}
END_TEST

/* ---- Errors ------------------------------------------------------------- */

REAL_TEST(every_call_on_a_number_that_is_not_open_is_refused)
{
    bide_fn *ways[] = {io_read,  io_readv,     io_read_all, io_recv,
                       io_write, io_writev,    io_write_all, io_send,
                       io_sendto, io_recvfrom, io_recvmsg,  io_sendmsg,
                       io_accept, io_fsync};
    int numbers[] = {-1, INT_MIN, free_number(), 100000, INT_MAX};
    for (size_t n = 0; n < 5; n++) {
        for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
            struct io io = {numbers[n], block, 4, 0};
            ck_assert_int_eq(ways[i](&io), -EBADF);
            io.len = 0;
            ck_assert_int_eq(ways[i](&io), -EBADF);
        }
        ck_assert_int_eq(bide_pread(numbers[n], block, 4, 0), -EBADF);
        ck_assert_int_eq(bide_pwrite(numbers[n], block, 0, 0), -EBADF);
        ck_assert_int_eq(bide_fdatasync(numbers[n]), -EBADF);
        ck_assert_int_eq(bide_close(numbers[n]), -EBADF);
        ck_assert_int_eq(bide_shutdown(numbers[n], SHUT_RD), -EBADF);
    }
    return 0;
}

REAL_TEST(the_wrong_direction_and_a_bad_address_are_refused)
{
    struct ends pipe = open_ends(PIPE, 0);
    ck_assert_int_eq(bide_read(pipe.in, block, 4), -EBADF);
    ck_assert_int_eq(bide_write(pipe.out, block, 4), -EBADF);
    put(pipe.in, "data");
    begin_bad_addresses();
    ck_assert_int_eq(bide_read(pipe.out, (void *)1, 4), -EFAULT);
    ck_assert_int_eq(bide_write(pipe.in, (void *)1, 4), -EFAULT);
    end_bad_addresses();
    expect(pipe.out, "data");
    int dir = open(".", O_RDONLY | O_DIRECTORY);
    ck_assert_int_eq(bide_read(dir, block, 4), -EISDIR);
    close(dir);
    close_ends(pipe);
    return 0;
}

REAL_TEST(errno_is_left_alone)
{
    struct ends pipe = open_ends(PIPE, 0);
    struct io io = {pipe.out, block, 4, 0};
    errno = ELOOP;
    ck_assert_int_eq(bide_read(-1, block, 4), -EBADF);
    ck_assert_int_eq(bide_write(pipe.out, block, 4), -EBADF);
    ck_assert_int_eq(within(BIDE_MS(1), io_read, &io), -ETIMEDOUT);
    ck_assert_int_eq(bide_close(-1), -EBADF);
    ck_assert_int_eq(errno, ELOOP);
    close_ends(pipe);
    return 0;
}

static void on_alarm(int number)
{
    (void)number;
}

REAL_TEST(signals_are_never_seen)
{
    struct sigaction act = {.sa_handler = on_alarm}, before;
    struct itimerval often = {{0, 2000}, {0, 2000}}, never = {{0, 0}, {0, 0}};
    sigaction(SIGALRM, &act, &before);
    setitimer(ITIMER_REAL, &often, NULL);
    for (int kind = PIPE; kind <= UNIX; kind++) {
        struct ends ends = open_ends(kind, 0);
        struct io out = {ends.in, block, MANY, 0};
        bide_task *reader = park(io_read, &(struct io){ends.out, block, 4, 0});
        bide_sleep(BIDE_MS(10));
        put(ends.in, "abcd");
        ck_assert_int_eq(end_of(reader), 4);
        bide_task *writer = start(io_write_all, &out);
        for (size_t n = 0; n < MANY; n += drain(ends.out))
            bide_sleep(BIDE_US(300));
        ck_assert_int_eq(end_of(writer), MANY);
        close_ends(ends);
    }
    setitimer(ITIMER_REAL, &never, NULL);
    let_signals_come(); /* the former action ends the test */
    sigaction(SIGALRM, &before, NULL);
    return 0;
}

static bide_fn *outside;

static void call_outside(void)
{
    outside(&(struct io){0, block, 1, 0});
}

START_TEST(a_call_outside_a_task_stops_the_program)
{
    static const struct {
        bide_fn *fn;
        const char *name;
    } calls[] = {
        {io_read, "bide_read"},       {io_readv, "bide_readv"},
        {io_write, "bide_write"},     {io_read_all, "bide_read_all"},
        {io_recv, "bide_recv"},       {io_write_all, "bide_write_all"},
        {io_send, "bide_send"},       {io_recvmsg, "bide_recvmsg"},
        {io_accept, "bide_accept"},   {io_sendmsg, "bide_sendmsg"},
        {io_poll, "bide_poll"},       {io_recvfrom, "bide_recvfrom"},
        {io_fsync, "bide_fsync"},     {io_sendto, "bide_sendto"},
        {io_writev, "bide_writev"},
    };
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        char text[512];
        outside = calls[i].fn;
        int status = in_child(call_outside, text, sizeof text);
        ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
        ck_assert_ptr_nonnull(strstr(text, calls[i].name));
        ck_assert_ptr_nonnull(strstr(text, "outside a task"));
    }
}
END_TEST

static intptr_t count_turns(void *arg)
{
    int *turns = arg;
    while (bide_yield() == 0)
        ++*turns;
    return 0;
}

REAL_TEST(calls_that_never_wait_let_the_others_run)
{
    int turns = 0;
    bide_task *other = start(count_turns, &turns);
    int zero = open("/dev/zero", O_RDONLY);
    for (int i = 0; i < 5000; i++)
        ck_assert_int_eq(bide_read(zero, block, 1), 1);
    ck_assert_int_ge(turns, 10);
    bide_cancel(other);
    end_of(other);
    close(zero);
    return 0;
}

Suite *suite_io(void)
{
    Suite *s = suite_create("io");
    TCase *t = tcase_create("reading");
    tcase_add_test(t, a_read_waits_for_the_first_byte_and_takes_what_is_there);
    tcase_add_test(t, a_read_returns_zero_at_the_end_of_the_stream_and_again);
    tcase_add_test(t, a_waiting_read_returns_zero_when_the_writer_goes);
    tcase_add_test(t, a_read_of_zero_bytes_returns_zero_without_a_wait);
    tcase_add_test(t, calls_for_zero_bytes_are_refused_in_a_cancelled_scope);
    tcase_add_test(t, read_all_gathers_what_comes_in_pieces);
    tcase_add_test(t, read_all_cancelled_after_some_bytes_tells_how_many);
    tcase_add_test(t, readv_scatters_and_writev_gathers);
    tcase_add_test(t, readv_waits_like_read);
    tcase_add_test(t, vectors_of_a_bad_length_are_refused);
    suite_add_tcase(s, t);
    t = tcase_create("writing");
    tcase_add_test(t, a_write_waits_for_room);
    tcase_add_test(t, a_write_returns_what_found_room);
    tcase_add_test(t, write_all_writes_everything_in_order);
    tcase_add_test(t, write_all_tells_how_much_it_wrote_when_the_reader_goes);
    tcase_add_test(t, write_all_cancelled_after_some_bytes_tells_how_many);
    tcase_add_test(t, no_call_raises_sigpipe);
    tcase_add_test(t, a_waiting_writer_gets_epipe_when_the_reader_goes);
    tcase_add_test(t, the_disposition_of_sigpipe_is_left_alone);
    suite_add_tcase(s, t);
    t = tcase_create("errors");
    tcase_add_test(t, every_call_on_a_number_that_is_not_open_is_refused);
    tcase_add_test(t, the_wrong_direction_and_a_bad_address_are_refused);
    tcase_add_test(t, errno_is_left_alone);
    tcase_add_test(t, signals_are_never_seen);
    tcase_add_test(t, a_call_outside_a_task_stops_the_program);
    tcase_add_test(t, calls_that_never_wait_let_the_others_run);
    suite_add_tcase(s, t);
    return s;
}
