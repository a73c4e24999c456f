/* test_turn.c: one reader at a time, and a row of writers. */
#include "doors.h"

static char block[4096];

REAL_TEST(a_second_reader_of_a_stream_is_refused)
{
    bide_fn *ways[] = {io_read, io_readv,    io_read_all,
                       io_recv, io_recvfrom, io_recvmsg};
    enum ends_kind kinds[] = {PIPE, FIFO, PTY, UNIX, SEQPACKET, TCP};
    for (size_t k = 0; k < 6; k++) {
        char buf[8];
        struct ends ends = open_ends(kinds[k], 0);
        struct io first = {ends.out, buf, 8, 0}, second = {ends.out, buf, 8, 0};
        bide_task *reader = park(io_read, &first);
        for (size_t i = 0; i < (k < 3 ? 3 : 6); i++)
            ck_assert_int_eq(ways[i](&second), -EBUSY);
        put(ends.in, "a");
        ck_assert_int_eq(end_of(reader), 1);
        put(ends.in, "b");
        ck_assert_int_eq(bide_read(ends.out, buf, 8), 1);
        close_ends(ends);
    }
    return 0;
}

/* So many packets of a byte each that the reader's turn ends in between. */
REAL_TEST(a_whole_read_keeps_its_place_between_its_pieces)
{
    enum { PIECES = 300, AT_ONCE = 260 };
    char all[PIECES], one;
    struct ends ends = open_ends(SEQPACKET, 0);
    for (int i = 0; i < AT_ONCE; i++)
        put(ends.in, "a");
    struct io io = {ends.out, all, PIECES, 0};
    bide_task *reader = start(io_read_all, &io);
    bide_yield();
    for (int i = AT_ONCE; i < PIECES; i++) {
        ck_assert_int_eq(bide_read(ends.out, &one, 1), -EBUSY);
        put(ends.in, "a");
        bide_sleep(BIDE_US(10));
    }
    ck_assert_int_eq(end_of(reader), PIECES);
    close_ends(ends);
    return 0;
}

REAL_TEST(the_next_may_read_after_the_reader_was_cancelled)
{
    for (int kind = 0; kind < ENDS_KINDS; kind++) {
        char buf[8];
        struct ends ends = open_ends(kind, 0);
        struct io io = {ends.out, buf, 8, 0};
        bide_task *reader = park(io_read, &io);
        bide_cancel(reader);
        ck_assert_int_eq(end_of(reader), -ECANCELED);
        bide_task *next = park(io_read, &io);
        put(ends.in, "b");
        ck_assert_int_eq(end_of(next), 1);
        close_ends(ends);
    }
    return 0;
}

REAL_TEST(one_reads_while_another_writes_on_one_descriptor)
{
    enum ends_kind kinds[] = {UNIX, SEQPACKET, TCP};
    for (size_t k = 0; k < 3; k++) {
        char buf[8];
        struct ends ends = open_ends(kinds[k], 0);
        fill(ends.out);
        bide_task *reader = park(io_read, &(struct io){ends.out, buf, 8, 0});
        bide_task *writer = park(io_write, &(struct io){ends.out, block, 9, 0});
        put(ends.in, "hello");
        ck_assert_int_eq(end_of(reader), 5);
        for (int i = 0; i < 100 && !bide_task_done(writer); i++) {
            drain(ends.in);
            bide_sleep(BIDE_MS(1));
        }
        ck_assert_int_eq(end_of(writer), 9);
        close_ends(ends);
    }
    return 0;
}

#define WRITERS 4
#define PART ((size_t)300000)

/* Read `parts` blocks of one letter each; the letters, in order. */
static void read_parts(int fd, char *letters, int parts)
{
    static char buf[PART];
    for (int i = 0; i < parts; i++) {
        ck_assert_int_eq(bide_read_all(fd, buf, PART), PART);
        ck_assert_msg(memcmp(buf, buf + 1, PART - 1) == 0, "a mixed part");
        letters[i] = buf[0];
    }
}

REAL_TEST(writers_of_a_stream_queue_and_never_mix_their_bytes)
{
    static char parts[WRITERS][PART];
    enum ends_kind kinds[] = {PIPE, FIFO, UNIX, TCP};
    for (int k = 0; k < 8; k++) {
        struct ends ends = open_ends(kinds[k % 4], k < 4 ? 0 : O_NONBLOCK);
        struct io io[WRITERS];
        bide_task *writers[WRITERS];
        for (int i = 0; i < WRITERS; i++) {
            memset(parts[i], 'a' + i, PART);
            io[i] = (struct io){ends.in, parts[i], PART, 0};
            writers[i] = start(io_write_all, &io[i]);
        }
        char letters[WRITERS];
        read_parts(ends.out, letters, WRITERS);
        ck_assert_mem_eq(letters, "abcd", 4);
        for (int i = 0; i < WRITERS; i++)
            ck_assert_int_eq(end_of(writers[i]), PART);
        close_ends(ends);
    }
    return 0;
}

REAL_TEST(every_way_to_write_waits_for_its_turn)
{
    bide_fn *ways[] = {io_write,  io_writev, io_write_all,
                       io_send,   io_sendto, io_sendmsg};
    static char part[PART];
    for (size_t i = 0; i < 6; i++) {
        struct ends ends = open_ends(UNIX, 0);
        char one = 'b', letter;
        memset(part, 'a', PART);
        bide_task *first = park(io_write_all,
                                &(struct io){ends.in, part, PART, 0});
        bide_task *second = park(ways[i], &(struct io){ends.in, &one, 1, 0});
        read_parts(ends.out, &letter, 1);
        ck_assert_int_eq(end_of(first), PART);
        ck_assert_int_eq(end_of(second), 1);
        expect(ends.out, "b");
        close_ends(ends);
    }
    return 0;
}

REAL_TEST(a_writer_cancelled_in_the_row_leaves_it)
{
    struct ends pipe = open_ends(PIPE, 0);
    char a = 'a', b = 'b', c = 'c';
    size_t room = fill(pipe.in);
    bide_task *first = park(io_write_all, &(struct io){pipe.in, &a, 1, 0});
    bide_task *second = park(io_write_all, &(struct io){pipe.in, &b, 1, 0});
    bide_task *third = park(io_write_all, &(struct io){pipe.in, &c, 1, 0});
    bide_cancel(second);
    ck_assert_int_eq(end_of(second), -ECANCELED);
    ck_assert(!bide_task_done(third));
    ck_assert_uint_eq(drain(pipe.out), room);
    ck_assert_int_eq(end_of(first), 1);
    ck_assert_int_eq(end_of(third), 1);
    expect(pipe.out, "ac");
    close_ends(pipe);
    return 0;
}

REAL_TEST(the_turn_passes_on_when_its_writer_is_cancelled)
{
    for (int kind = PIPE; kind <= TCP; kind++) {
        struct ends ends = open_ends(kind, 0);
        char a = 'a', b = 'b';
        size_t room = fill(ends.in);
        bide_task *first = park(io_write, &(struct io){ends.in, &a, 1, 0});
        bide_task *second = park(io_write, &(struct io){ends.in, &b, 1, 0});
        bide_cancel(first);
        ck_assert_int_eq(end_of(first), -ECANCELED);
        take_out(ends.out, room);
        ck_assert_int_eq(end_of(second), 1);
        expect(ends.out, "b");
        close_ends(ends);
    }
    return 0;
}

struct pair {
    struct io io;
    bide_task *next;
};

/* Write, and cancel the next in the row before it runs. */
static intptr_t write_and_cancel(void *arg)
{
    struct pair *pair = arg;
    intptr_t n = io_write(&pair->io);
    bide_cancel(pair->next);
    return n;
}

REAL_TEST(a_writer_cancelled_when_its_turn_has_come_passes_it_on)
{
    struct ends ends = open_ends(UNIX, 0);
    fill(ends.in);
    char bytes[] = "abc";
    struct pair pair = {{ends.in, &bytes[0], 1, 0}, NULL};
    bide_task *first = park(write_and_cancel, &pair);
    pair.next = park(io_write, &(struct io){ends.in, &bytes[1], 1, 0});
    bide_task *third = park(io_write, &(struct io){ends.in, &bytes[2], 1, 0});
    bide_cancel(first);
    ck_assert_int_eq(end_of(first), -ECANCELED);
    ck_assert_int_eq(end_of(pair.next), -ECANCELED); /* there is no room */
    drain(ends.out);
    ck_assert_int_eq(end_of(third), 1);
    expect(ends.out, "c");
    close_ends(ends);
    return 0;
}

Suite *suite_turn(void)
{
    Suite *s = suite_create("turn");
    TCase *t = tcase_create("turns");
    tcase_add_test(t, a_second_reader_of_a_stream_is_refused);
    tcase_add_test(t, a_whole_read_keeps_its_place_between_its_pieces);
    tcase_add_test(t, the_next_may_read_after_the_reader_was_cancelled);
    tcase_add_test(t, one_reads_while_another_writes_on_one_descriptor);
    tcase_add_test(t, writers_of_a_stream_queue_and_never_mix_their_bytes);
    tcase_add_test(t, every_way_to_write_waits_for_its_turn);
    tcase_add_test(t, a_writer_cancelled_in_the_row_leaves_it);
    tcase_add_test(t, the_turn_passes_on_when_its_writer_is_cancelled);
    tcase_add_test(t, a_writer_cancelled_when_its_turn_has_come_passes_it_on);
    suite_add_tcase(s, t);
    return s;
}
