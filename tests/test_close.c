/* test_close.c: what becomes of those who wait on a descriptor that is closed,
 * by the library or behind its back.
 */
#include "doors.h"
#include "reactor.h"

#include <netinet/in.h>

static char block[1 << 20];

/* ---- Closing by the library --------------------------------------------- */

static bide_fn *const readers[] = {io_read, io_readv,    io_read_all,
                                   io_recv, io_recvfrom, io_recvmsg};
static bide_fn *const writers[] = {io_write, io_writev, io_write_all,
                                   io_send,  io_sendto, io_sendmsg};

REAL_TEST(closing_wakes_who_reads)
{
    for (int i = 0; i < 2 * ENDS_KINDS; i++) {
        enum ends_kind kind = i / 2;
        bool socket = both_ways(kind) && kind != PTY;
        for (int way = 0; way < (socket ? 6 : 3); way++) {
            struct ends ends = open_ends(kind, i % 2 ? O_NONBLOCK : 0);
            struct io io = {ends.out, block, 64, 0};
            bide_task *reader = park(readers[way], &io);
            ck_assert_int_eq(bide_close(ends.out), 0);
            ck_assert_int_eq(end_of(reader), -EBADF);
            close(ends.in);
        }
    }
    return 0;
}

REAL_TEST(closing_wakes_who_writes)
{
    for (int i = 0; i < 2 * (TCP + 1); i++) {
        enum ends_kind kind = i / 2;
        for (int way = 0; way < (both_ways(kind) ? 6 : 3); way++) {
            struct ends ends = open_ends(kind, i % 2 ? O_NONBLOCK : 0);
            struct io io = {ends.in, block, 64, 0};
            fill(ends.in);
            bide_task *writer = park(writers[way], &io);
            ck_assert_int_eq(bide_close(ends.in), 0);
            ck_assert_int_eq(end_of(writer), -EBADF);
            close(ends.out);
        }
    }
    return 0;
}

REAL_TEST(closing_wakes_the_whole_row_of_writers)
{
    struct ends pipe = open_ends(PIPE, 0);
    struct io io = {pipe.in, block, 64, 0};
    bide_task *row[4];
    fill(pipe.in);
    for (int i = 0; i < 4; i++)
        row[i] = park(writers[i % 3], &io);
    ck_assert_int_eq(bide_close(pipe.in), 0);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(end_of(row[i]), -EBADF);
    close(pipe.out);
    return 0;
}

REAL_TEST(closing_a_listener_wakes_all_who_accept)
{
    int fds[] = {bide_listen("127.0.0.1", "0", 5), -1};
    struct sockaddr_in addr;
    socklen_t len = sizeof addr;
    getsockname(fds[0], (struct sockaddr *)&addr, &len);
    fds[1] = socket(AF_INET, SOCK_STREAM, 0); /* blocking, foreign */
    ck_assert_int_eq(listen(fds[1], 5), 0);
    for (int i = 0; i < 2; i++) {
        struct io io = {.fd = fds[i]};
        bide_task *a = park(io_accept, &io), *b = park(io_accept, &io);
        ck_assert_int_eq(bide_close(fds[i]), 0);
        ck_assert_int_eq(end_of(a), -EBADF);
        ck_assert_int_eq(end_of(b), -EBADF);
    }
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&addr, len), -1);
    ck_assert_int_eq(errno, ECONNREFUSED);
    close(fd);
    return 0;
}

REAL_TEST(the_peer_sees_the_end_when_close_returns)
{
    enum ends_kind kinds[] = {PIPE, UNIX, SEQPACKET, TCP};
    for (int i = 0; i < 8; i++) {
        char buf[8] = "";
        struct ends ends = open_ends(kinds[i / 2], i % 2 ? O_NONBLOCK : 0);
        bool read = both_ways(kinds[i / 2]);
        struct io io = {ends.in, buf, 8, 0};
        if (!read)
            fill(ends.in);
        bide_task *waiter = park(read ? io_read : io_write, &io);
        ck_assert_int_eq(bide_close(ends.in), 0);
        ck_assert(is_ready(ends.out, POLLIN | POLLHUP));
        drain(ends.out);
        ck_assert_int_eq(recv(ends.out, buf, 8, 0), read ? 0 : -1);
        ck_assert_int_eq(end_of(waiter), -EBADF);
        close(ends.out);
    }
    return 0;
}

/* The reader has begun in this very turn, the kernel has not heard of it. */
REAL_TEST(closing_takes_back_what_has_just_begun)
{
    for (int kind = 0; kind < ENDS_KINDS; kind++) {
        struct ends ends = open_ends(kind, 0);
        struct io io = {ends.out, block, 64, 0};
        bide_task *reader = start(io_read, &io);
        bide_yield();
        ck_assert_int_eq(bide_close(ends.out), 0);
        ck_assert_int_eq(end_of(reader), -EBADF);
        close(ends.in);
    }
    return 0;
}

REAL_TEST(close_never_suspends)
{
    struct bide_stats before, after;
    struct ends ends = open_ends(UNIX, 0);
    bide_task *reader = park(io_read, &(struct io){ends.out, block, 64, 0});
    bide_task *other = start(io_read, &(struct io){ends.in, block, 64, 0});
    bide_stats(&before);
    ck_assert_int_eq(bide_close(ends.out), 0);
    bide_stats(&after);
    ck_assert_uint_eq(after.switches, before.switches);
    ck_assert_int_eq(end_of(reader), -EBADF);
    ck_assert_int_eq(end_of(other), 0);
    close(ends.in);
    return 0;
}

static intptr_t close_it(void *fd)
{
    return bide_close(*(int *)fd);
}

REAL_TEST(close_works_once_and_in_a_cancelled_scope)
{
    struct ends ends = open_ends(UNIX, 0);
    ck_assert_int_eq(refused(close_it, &ends.out), 0);
    ck_assert_int_eq(bide_close(ends.out), -EBADF);
    ck_assert_int_eq(bide_close(ends.in), 0);
    ck_assert_int_eq(bide_read(ends.in, block, 1), -EBADF);
    return 0;
}

REAL_TEST(cancelled_and_closed_at_once_a_call_ends_once)
{
    for (int i = 0; i < 40; i++) {
        struct ends ends = open_ends(i % 4 / 2 ? UNIX : PIPE, 0);
        bide_task *reader = park(io_read, &(struct io){ends.out, block, 64, 0});
        if (i % 2)
            bide_cancel(reader);
        ck_assert_int_eq(bide_close(ends.out), 0);
        if (i % 2 == 0)
            bide_cancel(reader);
        intptr_t rc = end_of(reader);
        ck_assert(rc == -EBADF || rc == -ECANCELED);
        close(ends.in);
    }
    return 0;
}

/* ---- A number that is another file's by now ----------------------------- */

REAL_TEST(a_number_used_again_belongs_to_the_new_file)
{
    for (int i = 0; i < 2 * ENDS_KINDS; i++) {
        char old_buf[8] = "", buf[8];
        struct ends old = open_ends(i / 2, 0);
        struct ends new = open_ends(i % 2 ? UNIX : PIPE, 0);
        bide_task *before = park(io_read, &(struct io){old.out, old_buf, 8, 0});
        ck_assert_int_eq(bide_close(old.out), 0);
        move_to(new.out, old.out);
        bide_task *after = start(io_read, &(struct io){old.out, buf, 8, 0});
        put(new.in, "new");
        ck_assert_int_eq(end_of(before), -EBADF);
        ck_assert_int_eq(end_of(after), 3);
        ck_assert_mem_eq(buf, "new", 3);
        ck_assert_str_eq(old_buf, "");
        close_ends(old);
        close(new.in);
    }
    return 0;
}

struct swap {
    struct ends trigger, old, new;
    bide_task *reader;
};

/* Woken before the other, puts a new file in the place of the other's. */
static intptr_t swap_when_triggered(void *arg)
{
    struct swap *s = arg;
    char byte;
    ssize_t n = bide_read(s->trigger.out, &byte, 1);
    if (n != 1)
        return n;
    int rc = bide_close(s->old.out);
    move_to(s->new.out, s->old.out);
    return rc;
}

REAL_TEST(who_was_woken_for_the_old_file_does_not_read_the_new_one)
{
    for (int i = 0; i < 10; i++) {
        char buf[8] = "";
        struct swap s = {open_ends(UNIX, 0), open_ends(i % 2 ? UNIX : PIPE, 0),
                         open_ends(i % 2 ? UNIX : PIPE, 0), NULL};
        bide_task *swapper = park(swap_when_triggered, &s);
        bide_task *reader = park(io_read, &(struct io){s.old.out, buf, 8, 0});
        put(s.new.in, "NEW");
        put(s.trigger.in, "!");
        put(s.old.in, "old");
        ck_assert_int_eq(end_of(swapper), 0);
        intptr_t n = end_of(reader);
        ck_assert_msg(n == -EBADF || (n == 3 && memcmp(buf, "old", 3) == 0),
                      "%d: %.8s", (int)n, buf);
        expect(s.old.out, "NEW");
        close_ends(s.trigger);
        close_ends(s.old);
        close(s.new.in);
    }
    return 0;
}

static intptr_t swap_writer(void *arg)
{
    struct swap *s = arg;
    char byte;
    ssize_t n = bide_read(s->trigger.out, &byte, 1);
    if (n != 1)
        return n;
    int rc = bide_close(s->old.in);
    move_to(s->new.in, s->old.in);
    return rc;
}

REAL_TEST(who_was_woken_for_the_old_file_does_not_write_to_the_new_one)
{
    for (int i = 0; i < 6; i++) {
        struct swap s = {open_ends(UNIX, 0), open_ends(i % 2 ? UNIX : PIPE, 0),
                         open_ends(i % 2 ? UNIX : PIPE, 0), NULL};
        fill(s.old.in);
        bide_task *swapper = park(swap_writer, &s);
        bide_task *writer = park(writers[i / 2],
                                 &(struct io){s.old.in, block, 5, 0});
        put(s.trigger.in, "!");
        drain(s.old.out);
        ck_assert_int_eq(end_of(swapper), 0);
        intptr_t n = end_of(writer);
        ck_assert(n == -EBADF || n == 5);
        ck_assert(!is_ready(s.new.out, POLLIN));
        close_ends(s.trigger);
        close_ends(s.old);
        close(s.new.out);
    }
    return 0;
}

REAL_TEST(write_all_does_not_go_on_in_the_new_file)
{
    for (int i = 0; i < 2; i++) {
        struct swap s = {open_ends(UNIX, 0), open_ends(i ? UNIX : PIPE, 0),
                         open_ends(i ? UNIX : PIPE, 0), NULL};
        struct io io = {s.old.in, block, sizeof block, 0};
        bide_task *swapper = park(swap_writer, &s);
        bide_task *first = park(io_write_all, &io);
        bide_task *second = park(io_write_all, &io);
        put(s.trigger.in, "!");
        size_t taken = drain(s.old.out);
        ck_assert_int_eq(end_of(swapper), 0);
        intptr_t n = end_of(first);
        if (taken > 0 || n != -EBADF)
            ck_assert_int_ge(n, (intptr_t)taken);
        ck_assert_int_lt(n, (intptr_t)sizeof block);
        ck_assert_int_eq(end_of(second), -EBADF);
        ck_assert(!is_ready(s.new.out, POLLIN));
        close_ends(s.trigger);
        close_ends(s.old);
        close(s.new.out);
    }
    return 0;
}

/* The turn was handed on, its new owner has not run yet. */
REAL_TEST(who_got_the_turn_for_the_old_file_does_not_write_to_the_new_one)
{
    for (int way = 0; way < 6; way++) {
        char byte = 'x';
        struct ends old = open_ends(UNIX, 0), new = open_ends(UNIX, 0);
        fill(old.in);
        struct io io = {old.in, &byte, 1, 0};
        bide_task *first = park(io_write, &io);
        bide_task *second = park(writers[way], &io);
        bide_cancel(first);
        ck_assert_int_eq(end_of(first), -ECANCELED);
        ck_assert_int_eq(bide_close(old.in), 0);
        move_to(new.in, old.in);
        ck_assert_int_eq(end_of(second), -EBADF);
        ck_assert(!is_ready(new.out, POLLIN));
        close_ends(old);
        close(new.out);
    }
    return 0;
}

REAL_TEST(read_all_does_not_go_on_in_the_new_file)
{
    struct ends old = open_ends(PIPE, 0), new = open_ends(PIPE, 0);
    char buf[8] = "";
    bide_task *reader = park(io_read_all, &(struct io){old.out, buf, 8, 0});
    put(old.in, "old");
    until_taken(old.out);
    ck_assert_int_eq(bide_close(old.out), 0);
    move_to(new.out, old.out);
    put(new.in, "new");
    ck_assert_int_eq(end_of(reader), 3);
    ck_assert_str_eq(buf, "old");
    expect(old.out, "new");
    close_ends(old);
    close(new.in);
    return 0;
}

/* ---- Behind the library's back ------------------------------------------ */

REAL_TEST(data_sent_after_close_stay_for_who_holds_a_duplicate)
{
    for (int kind = PIPE; kind <= TCP; kind++) {
        struct ends ends = open_ends(kind, 0);
        int twin = dup(ends.out);
        bide_task *reader = park(io_read, &(struct io){ends.out, block, 64, 0});
        ck_assert_int_eq(bide_close(ends.out), 0);
        put(ends.in, "later");
        bide_sleep(BIDE_MS(1));
        ck_assert_int_eq(end_of(reader), -EBADF);
        expect(twin, "later");
        close(twin);
        close(ends.in);
    }
    return 0;
}

REAL_TEST(closing_a_duplicate_leaves_who_waits_on_the_other)
{
    char buf[8];
    for (int kind = PIPE; kind <= TCP; kind++) {
        struct ends ends = open_ends(kind, 0);
        int twin = dup(ends.out);
        bide_task *a = park(io_read, &(struct io){ends.out, buf, 8, 0});
        bide_task *b = park(io_poll, &(struct io){.fd = twin, .flags = POLLIN});
        ck_assert_int_eq(bide_close(twin), 0);
        ck_assert_int_eq(end_of(b), POLLNVAL);
        put(ends.in, "data");
        ck_assert_int_eq(end_of(a), 4);
        close_ends(ends);
    }
    return 0;
}

REAL_TEST(a_foreign_close_is_found_out_by_the_next_call)
{
    char buf[8];
    for (int kind = PIPE; kind <= TCP; kind++) {
        struct ends ends = open_ends(kind, 0);
        struct io io = {ends.out, buf, 8, 0};
        bide_task *reader = park(io_read, &io);
        close(ends.out);
        ck_assert_int_eq(io_read(&io), -EBADF);
        ck_assert_int_eq(io_readv(&io), -EBADF);
        bide_cancel(reader);
        intptr_t n = end_of(reader);
        ck_assert(n == -EBADF || n == -ECANCELED);
        close(ends.in);
    }
    return 0;
}

REAL_TEST(a_foreign_replacement_gives_the_waiter_nothing_of_the_new_file)
{
    for (int i = 0; i < 8; i++) {
        char old_buf[8] = "", buf[8];
        struct ends old = open_ends(i % 4 / 2 ? UNIX : PIPE, 0);
        struct ends new = open_ends(i % 2 ? UNIX : PIPE, 0);
        bide_task *reader = park(io_read, &(struct io){old.out, old_buf, 8, 0});
        dup2(new.out, old.out);
        put(new.in, "new");
        bide_sleep(BIDE_MS(30)); /* a sweep passes */
        if (i / 4) /* the old file's end is no data either */
            close(old.in);
        bide_cancel(reader);
        ck_assert_int_le(end_of(reader), 0);
        ck_assert_int_eq(bide_read(old.out, buf, 8), 3);
        ck_assert_mem_eq(buf, "new", 3);
        ck_assert_str_eq(old_buf, "");
        if (i / 4 == 0)
            close(old.in);
        close(old.out);
        close_ends(new);
    }
    return 0;
}

REAL_TEST(a_foreign_close_is_found_out_in_time_by_itself)
{
    char buf[8];
    for (int kind = PIPE; kind <= TCP; kind++) {
        struct ends ends = open_ends(kind, 0);
        struct io io = {ends.out, buf, 8, 0};
        bide_task *reader = park(io_read, &io);
        close(ends.out);
        ck_assert_int_eq(end_of(reader), -EBADF);
        close(ends.in);
    }
    return 0;
}

/* Until the reactor has asked about those who wait on `fd`. */
static void await_look(int fd)
{
    bide_time now = bide_now();
    while (bi_reactor_entry(fd)->asked < now)
        bide_sleep(BIDE_MS(5));
}

REAL_TEST(a_foreign_replacement_is_found_out_in_time_by_itself)
{
    char buf[8];
    for (int kind = PIPE; kind <= TCP; kind++) {
        struct ends old = open_ends(kind, 0), new = open_ends(kind, 0);
        struct io io = {old.out, buf, 8, 0};
        bide_task *reader = park(io_read, &io);
        await_look(old.out);
        dup2(new.out, old.out);
        ck_assert_int_eq(end_of(reader), -EBADF);
        put(new.in, "new");
        ck_assert_int_eq(bide_read(old.out, buf, 8), 3);
        close_ends(old);
        close_ends(new);
    }
    return 0;
}

REAL_TEST(who_waits_on_a_number_that_the_library_gave_anew_is_told)
{
    char buf[8];
    struct ends old = open_ends(UNIX, 0);
    bide_task *reader = park(io_read, &(struct io){old.out, buf, 8, 0});
    close(old.out); /* unseen */
    int ours = bide_open("/dev/zero", O_RDONLY, 0);
    ck_assert_int_eq(ours, old.out);
    ck_assert_int_eq(end_of(reader), -EBADF);
    ck_assert_int_eq(bide_read(ours, buf, 8), 8);
    close(old.in);
    bide_close(ours);
    return 0;
}

REAL_TEST(foreign_numbers_used_again_work_from_the_first_call)
{
    char buf[8];
    for (int i = 0; i < 60; i++) {
        struct ends ends = open_ends(i % ENDS_KINDS, i % 2 ? O_NONBLOCK : 0);
        bide_task *reader = park(io_read, &(struct io){ends.out, buf, 8, 0});
        ck_assert_int_eq(bide_write(ends.in, "abc", 3), 3);
        ck_assert_int_eq(end_of(reader), 3);
        close_ends(ends); /* unseen */
    }
    return 0;
}

Suite *suite_close(void)
{
    Suite *s = suite_create("close");
    TCase *t = tcase_create("by the library");
    tcase_add_test(t, closing_wakes_who_reads);
    tcase_add_test(t, closing_wakes_who_writes);
    tcase_add_test(t, closing_wakes_the_whole_row_of_writers);
    tcase_add_test(t, closing_a_listener_wakes_all_who_accept);
    tcase_add_test(t, the_peer_sees_the_end_when_close_returns);
    tcase_add_test(t, closing_takes_back_what_has_just_begun);
    tcase_add_test(t, close_never_suspends);
    tcase_add_test(t, close_works_once_and_in_a_cancelled_scope);
    tcase_add_test(t, cancelled_and_closed_at_once_a_call_ends_once);
    suite_add_tcase(s, t);
    t = tcase_create("a number used again");
    tcase_add_test(t, a_number_used_again_belongs_to_the_new_file);
    tcase_add_test(t, who_was_woken_for_the_old_file_does_not_read_the_new_one);
    tcase_add_test(
        t, who_was_woken_for_the_old_file_does_not_write_to_the_new_one);
    tcase_add_test(t, write_all_does_not_go_on_in_the_new_file);
    tcase_add_test(
        t, who_got_the_turn_for_the_old_file_does_not_write_to_the_new_one);
    tcase_add_test(t, read_all_does_not_go_on_in_the_new_file);
    suite_add_tcase(s, t);
    t = tcase_create("behind the library's back");
    tcase_add_test(t, data_sent_after_close_stay_for_who_holds_a_duplicate);
    tcase_add_test(t, closing_a_duplicate_leaves_who_waits_on_the_other);
    tcase_add_test(t, a_foreign_close_is_found_out_by_the_next_call);
    tcase_add_test(t, a_foreign_close_is_found_out_in_time_by_itself);
    tcase_add_test(t, a_foreign_replacement_is_found_out_in_time_by_itself);
    tcase_add_test(t, who_waits_on_a_number_that_the_library_gave_anew_is_told);
    tcase_add_test(
        t, a_foreign_replacement_gives_the_waiter_nothing_of_the_new_file);
    tcase_add_test(t, foreign_numbers_used_again_work_from_the_first_call);
    suite_add_tcase(s, t);
    return s;
}
