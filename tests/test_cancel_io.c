/* test_cancel_io.c: a cancel or a deadline against every call: success wins,
 * nothing is lost, no byte comes twice.
 */
#include "doors.h"

#include <netinet/in.h>

static char block[4096];

/* ---- Every call, waiting ------------------------------------------------ */

static bide_fn *const reads[] = {io_read, io_readv,    io_read_all,
                                 io_recv, io_recvfrom, io_recvmsg};
static bide_fn *const writes[] = {io_write, io_writev, io_write_all,
                                  io_send,  io_sendto, io_sendmsg};

static int way_count(enum ends_kind kind)
{
    return both_ways(kind) && kind != PTY ? 6 : 3;
}

/* Every way to end a wait of `fn(io)`, and the code that tells of it. */
static void check_refusals(bide_fn *fn, struct io *io)
{
    ck_assert_int_eq(refused(fn, io), -ECANCELED);
    ck_assert_int_eq(within(BIDE_US(300), fn, io), -ETIMEDOUT);
    ck_assert_int_eq(within(0, fn, io), -ETIMEDOUT);
    bide_task *late = start(fn, io);
    bide_yield();
    bide_yield();
    ck_assert(bide_cancel(late));
    ck_assert_int_eq(end_of(late), -ECANCELED);
    bide_task *early = start(fn, io);
    ck_assert(bide_cancel(early));
    ck_assert_int_eq(end_of(early), -ECANCELED);
    bide_task *just_begun = start(fn, io);
    bide_yield();
    ck_assert(bide_cancel(just_begun));
    ck_assert_int_eq(end_of(just_begun), -ECANCELED);
}

REAL_TEST(every_read_is_refused_and_takes_nothing)
{
    for (int i = 0; i < 2 * ENDS_KINDS; i++) {
        struct ends ends = open_ends(i / 2, i % 2 ? O_NONBLOCK : 0);
        for (int way = 0; way < way_count(i / 2); way++) {
            struct io io = {ends.out, block, 64, 0};
            check_refusals(reads[way], &io);
            put(ends.in, "kept");
            expect(ends.out, "kept");
        }
        close_ends(ends);
    }
    return 0;
}

REAL_TEST(every_write_is_refused_and_writes_nothing)
{
    for (int i = 0; i < 2 * ENDS_KINDS; i++) {
        enum ends_kind kind = i / 2;
        if (kind == PTY || kind == TCP) /* which make room by themselves */
            continue;
        struct ends ends = open_ends(kind, i % 2 ? O_NONBLOCK : 0);
        size_t there = fill(ends.in);
        for (int way = 0; way < way_count(kind); way++) {
            struct io io = {ends.in, block, 64, 0};
            check_refusals(writes[way], &io);
        }
        ck_assert_uint_eq(drain(ends.out), there);
        ck_assert_int_eq(bide_write(ends.in, "x", 1), 1);
        expect(ends.out, "x");
        close_ends(ends);
    }
    return 0;
}

REAL_TEST(accept_and_poll_are_refused_and_take_nothing)
{
    for (int flags = 0; flags <= SOCK_NONBLOCK; flags += SOCK_NONBLOCK) {
        struct sockaddr_in addr = {.sin_family = AF_INET};
        socklen_t len = sizeof addr;
        int listener = socket(AF_INET, SOCK_STREAM | flags, 0);
        ck_assert_int_eq(listen(listener, 5), 0);
        getsockname(listener, (struct sockaddr *)&addr, &len);
        struct io io = {.fd = listener, .flags = POLLIN};
        check_refusals(io_accept, &io);
        check_refusals(io_poll, &io);
        int client = socket(AF_INET, SOCK_STREAM, 0);
        ck_assert_int_eq(connect(client, (struct sockaddr *)&addr, len), 0);
        ck_assert_int_eq(io_poll(&io), POLLIN);
        int fd = bide_accept(listener, NULL, NULL);
        ck_assert_int_ge(fd, 0);
        bide_close(fd);
        close(client);
        close(listener);
    }
    return 0;
}

static intptr_t connect_nowhere(void *arg)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(9),
                               .sin_addr.s_addr = htonl(0xcb007101)};
    struct io *io = arg;
    int fd = socket(AF_INET, SOCK_STREAM | io->flags, 0);
    int rc = bide_connect(fd, (struct sockaddr *)&addr, sizeof addr);
    bide_close(fd);
    return rc;
}

/* 203.0.113.1 belongs to nobody; where there is no way at all to it, connect
 * fails at once, which is not what this test is for. */
REAL_TEST(connect_is_refused_while_it_waits)
{
    for (int flags = 0; flags <= SOCK_NONBLOCK; flags += SOCK_NONBLOCK) {
        struct io io = {.flags = flags};
        ck_assert_int_eq(refused(connect_nowhere, &io), -ECANCELED);
        intptr_t rc = within(BIDE_MS(3), connect_nowhere, &io);
        ck_assert(rc == -ETIMEDOUT || rc == -ENETUNREACH ||
                  rc == -EHOSTUNREACH || rc == -ECONNREFUSED || rc == 0);
    }
    return 0;
}

static intptr_t pread_zero(void *arg)
{
    struct io *io = arg;
    return bide_pread(io->fd, io->buf, io->len, 0);
}

static intptr_t pwrite_zero(void *arg)
{
    struct io *io = arg;
    return bide_pwrite(io->fd, io->buf, io->len, 0);
}

static intptr_t fdatasync_it(void *arg)
{
    struct io *io = arg;
    return bide_fdatasync(io->fd);
}

REAL_TEST(calls_on_files_are_refused_before_they_begin)
{
    bide_fn *ways[] = {pread_zero, pwrite_zero, io_fsync, fdatasync_it,
                       io_read,    io_write};
    char path[64];
    int fd = open(fresh_path(path), O_RDWR | O_CREAT, 0600);
    unlink(path);
    for (size_t i = 0; i < 6; i++)
        ck_assert_int_eq(refused(ways[i], &(struct io){fd, block, 64, 0}),
                         -ECANCELED);
    ck_assert_int_eq(lseek(fd, 0, SEEK_END), 0);
    close(fd);
    return 0;
}

/* ---- Success wins ------------------------------------------------------- */

REAL_TEST(a_read_that_has_its_bytes_keeps_them)
{
    for (int i = 0; i < 2 * ENDS_KINDS; i++) {
        char buf[8];
        struct ends ends = open_ends(i / 2, i % 2 ? O_NONBLOCK : 0);
        bide_task *reader = park(io_read, &(struct io){ends.out, buf, 8, 0});
        put(ends.in, "data");
        bide_yield();
        bide_cancel(reader);
        intptr_t n = end_of(reader);
        ck_assert(n == 4 || n == -ECANCELED);
        if (n < 0)
            expect(ends.out, "data");
        ck_assert(!is_ready(ends.out, POLLIN));
        close_ends(ends);
    }
    return 0;
}

static intptr_t read_twice(void *arg)
{
    intptr_t n = io_read(arg);
    return n < 0 ? n : io_read(arg) * 1000 - n;
}

REAL_TEST(the_cancel_shows_at_the_next_wait)
{
    char buf[8];
    struct ends ends = open_ends(PIPE, 0);
    bide_task *reader = park(read_twice, &(struct io){ends.out, buf, 8, 0});
    put(ends.in, "data");
    struct pollfd p = {.fd = ends.out, .events = POLLIN};
    ck_assert_int_eq(bide_poll(&p, 1), 1);
    bide_cancel(reader);
    intptr_t n = end_of(reader);
    ck_assert(n == -ECANCELED || n == -ECANCELED * 1000 - 4);
    if (n == -ECANCELED)
        expect(ends.out, "data");
    close_ends(ends);
    return 0;
}

/* ---- With traffic ------------------------------------------------------- */

#define TOTAL 60000u

struct stream {
    struct ends ends;
    uint32_t state; /* of the writer's dice */
};

static uint32_t dice(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 16;
}

/* Byte `i` of the stream. */
static char byte_at(size_t i)
{
    return (char)(i * 31 + (i >> 8));
}

/* Send TOTAL bytes in small pieces, with pauses. */
static intptr_t send_stream(void *arg)
{
    struct stream *s = arg;
    char piece[64];
    size_t sent = 0;
    while (sent < TOTAL) {
        size_t n = dice(&s->state) % sizeof piece + 1;
        n = n < TOTAL - sent ? n : TOTAL - sent;
        for (size_t i = 0; i < n; i++)
            piece[i] = byte_at(sent + i);
        ssize_t rc = bide_write_all(s->ends.in, piece, n);
        if (rc != (ssize_t)n)
            return rc < 0 ? rc : -EIO;
        sent += n;
        if (dice(&s->state) % 8 == 0)
            bide_sleep(BIDE_US(20));
        else
            bide_yield();
    }
    return bide_close(s->ends.in);
}

/* Receive it by calls that are cut short by deadlines; how many were. */
static int receive_stream(struct stream *s, bide_fn *way)
{
    char buf[100];
    size_t got = 0;
    int cut = 0;
    uint32_t state = 7;
    for (;;) {
        struct io io = {s->ends.out, buf, sizeof buf, 0};
        intptr_t n = within(BIDE_US(dice(&state) % 30), way, &io);
        if (n == 0)
            break;
        cut += n < 0;
        ck_assert(n > 0 || n == -ETIMEDOUT);
        for (intptr_t i = 0; i < n; i++)
            if (buf[i] != byte_at(got++))
                ck_abort_msg("byte %zu is another", got - 1);
    }
    ck_assert_uint_eq(got, TOTAL);
    return cut;
}

static void check_stream(enum ends_kind kind, int flags, bide_fn *way)
{
    struct stream s = {open_ends(kind, flags), 1};
    bide_task *sender = start(send_stream, &s);
    ck_assert_int_gt(receive_stream(&s, way), 20);
    ck_assert_int_eq(end_of(sender), 0);
    close(s.ends.out);
}

REAL_TEST(a_stream_read_with_short_deadlines_loses_no_byte)
{
    enum ends_kind kinds[] = {PIPE, FIFO, UNIX, TCP};
    for (int k = 0; k < 4; k++)
        check_stream(kinds[k], k % 2 ? O_NONBLOCK : 0, io_read);
    return 0;
}

REAL_TEST(readv_with_short_deadlines_loses_no_byte)
{
    enum ends_kind kinds[] = {PIPE, FIFO, UNIX, TCP};
    for (int k = 0; k < 4; k++)
        check_stream(kinds[k], k % 2 ? 0 : O_NONBLOCK, io_readv);
    return 0;
}

REAL_TEST(read_all_cut_short_loses_no_byte)
{
    check_stream(PIPE, 0, io_read_all);
    check_stream(UNIX, O_NONBLOCK, io_read_all);
    return 0;
}

REAL_TEST(socket_calls_cut_short_lose_no_byte)
{
    check_stream(UNIX, 0, io_recv);
    check_stream(TCP, O_NONBLOCK, io_recvfrom);
    check_stream(UNIX, O_NONBLOCK, io_recvmsg);
    return 0;
}

/* Take a stream and check it; how many bytes came until its end. */
static intptr_t check_taken(void *fd)
{
    char buf[300];
    size_t got = 0;
    ssize_t n;
    while ((n = bide_read(*(int *)fd, buf, sizeof buf)) > 0) {
        for (ssize_t i = 0; i < n; i++)
            if (buf[i] != byte_at(got++))
                return -EILSEQ;
        bide_yield();
    }
    return n < 0 ? n : (intptr_t)got;
}

/* Write TOTAL bytes by calls that are cut short. */
static void check_cut_writes(enum ends_kind kind, int flags, bide_fn *way)
{
    static char all[TOTAL];
    size_t sent = 0;
    int small = 4096;
    uint32_t state = 3;
    struct ends ends = open_ends(kind, flags);
    if (kind <= FIFO)
        fcntl(ends.in, F_SETPIPE_SZ, small);
    else
        setsockopt(ends.in, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    for (size_t i = 0; i < TOTAL; i++)
        all[i] = byte_at(i);
    bide_task *taker = start(check_taken, &ends.out);
    while (sent < TOTAL) {
        size_t n = dice(&state) % 3000 + 1;
        n = n < TOTAL - sent ? n : TOTAL - sent;
        struct io io = {ends.in, all + sent, n, 0};
        intptr_t rc = within(BIDE_US(dice(&state) % 20), way, &io);
        ck_assert(rc > 0 || rc == -ETIMEDOUT);
        sent += rc > 0 ? (size_t)rc : 0;
    }
    bide_close(ends.in);
    ck_assert_int_eq(end_of(taker), TOTAL);
    close(ends.out);
}

REAL_TEST(writes_cut_short_tell_what_they_wrote)
{
    bide_fn *ways[] = {io_write, io_writev, io_write_all};
    enum ends_kind kinds[] = {PIPE, FIFO, UNIX, TCP};
    for (int i = 0; i < 12; i++)
        check_cut_writes(kinds[i % 4], i % 2 ? O_NONBLOCK : 0, ways[i / 4]);
    return 0;
}

REAL_TEST(sends_cut_short_tell_what_they_sent)
{
    bide_fn *ways[] = {io_send, io_sendto, io_sendmsg};
    for (int i = 0; i < 6; i++)
        check_cut_writes(UNIX, i % 2 ? O_NONBLOCK : 0, ways[i / 2]);
    return 0;
}

static intptr_t send_numbers(void *arg)
{
    struct ends *ends = arg;
    for (int i = 0; i < 2000; i++) {
        ssize_t n = bide_send(ends->in, &i, sizeof i, 0);
        if (n < 0)
            return n;
        if (i % 3 == 0)
            bide_yield();
    }
    return 0;
}

REAL_TEST(messages_cut_short_come_once_and_in_order)
{
    enum ends_kind kinds[] = {DGRAM, SEQPACKET};
    bide_fn *ways[] = {io_recv, io_recvmsg};
    for (int i = 0; i < 8; i++) {
        struct ends ends = open_ends(kinds[i % 2], i & 2 ? O_NONBLOCK : 0);
        uint32_t state = 5;
        bide_task *sender = start(send_numbers, &ends);
        for (int next = 0; next < 2000;) {
            int number;
            struct io io = {ends.out, &number, sizeof number, 0};
            intptr_t n = within(BIDE_US(dice(&state) % 10), ways[i / 4], &io);
            if (n == -ETIMEDOUT)
                continue;
            ck_assert_int_eq(n, sizeof number);
            ck_assert_int_eq(number, next++);
        }
        ck_assert_int_eq(end_of(sender), 0);
        close_ends(ends);
    }
    return 0;
}

static struct sockaddr_in dial_addr;

static intptr_t dial_many(void *arg)
{
    int *fds = arg;
    for (int i = 0; i < 200; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM, 0);
        int rc = bide_connect(fds[i], (struct sockaddr *)&dial_addr,
                              sizeof dial_addr);
        if (rc < 0)
            return rc;
        if (i % 5 == 0)
            bide_sleep(BIDE_US(30));
    }
    return 0;
}

REAL_TEST(accepts_cut_short_lose_no_connection)
{
    for (int flags = 0; flags <= SOCK_NONBLOCK; flags += SOCK_NONBLOCK) {
        int fds[200], listener = socket(AF_INET, SOCK_STREAM | flags, 0);
        socklen_t len = sizeof dial_addr;
        ck_assert_int_eq(listen(listener, 300), 0);
        getsockname(listener, (struct sockaddr *)&dial_addr, &len);
        bide_task *dialler = start(dial_many, fds);
        struct io io = {.fd = listener};
        uint32_t state = 9;
        for (int i = 0; i < 200;) {
            intptr_t fd = within(BIDE_US(dice(&state) % 40), io_accept, &io);
            ck_assert(fd >= 0 || fd == -ETIMEDOUT);
            if (fd >= 0 && ++i)
                bide_close((int)fd);
        }
        ck_assert_int_eq(end_of(dialler), 0);
        ck_assert(!is_ready(listener, POLLIN));
        for (int i = 0; i < 200; i++)
            close(fds[i]);
        close(listener);
    }
    return 0;
}

Suite *suite_cancel_io(void)
{
    Suite *s = suite_create("cancel_io");
    TCase *t = tcase_create("every call");
    tcase_add_test(t, every_read_is_refused_and_takes_nothing);
    tcase_add_test(t, every_write_is_refused_and_writes_nothing);
    tcase_add_test(t, accept_and_poll_are_refused_and_take_nothing);
    tcase_add_test(t, connect_is_refused_while_it_waits);
    tcase_add_test(t, calls_on_files_are_refused_before_they_begin);
    tcase_add_test(t, a_read_that_has_its_bytes_keeps_them);
    tcase_add_test(t, the_cancel_shows_at_the_next_wait);
    suite_add_tcase(s, t);
    t = tcase_create("traffic");
    tcase_set_timeout(t, 20);
    tcase_add_test(t, a_stream_read_with_short_deadlines_loses_no_byte);
    tcase_add_test(t, readv_with_short_deadlines_loses_no_byte);
    tcase_add_test(t, read_all_cut_short_loses_no_byte);
    tcase_add_test(t, socket_calls_cut_short_lose_no_byte);
    tcase_add_test(t, writes_cut_short_tell_what_they_wrote);
    tcase_add_test(t, sends_cut_short_tell_what_they_sent);
    tcase_add_test(t, messages_cut_short_come_once_and_in_order);
    tcase_add_test(t, accepts_cut_short_lose_no_connection);
    suite_add_tcase(s, t);
    return s;
}
