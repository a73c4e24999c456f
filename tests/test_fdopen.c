/* test_fdopen.c: stdio streams whose reads and writes wait. */
#include "doors.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

static FILE *stream_of(int fd, const char *mode)
{
    FILE *stream = bide_fdopen(fd, mode);
    ck_assert_ptr_nonnull(stream);
    return stream;
}

static intptr_t read_line(void *stream)
{
    char line[64];
    return fgets(line, sizeof line, stream) ? (intptr_t)strlen(line) : -errno;
}

REAL_TEST(a_stream_is_read_line_by_line_while_others_run)
{
    struct ends ends = open_ends(UNIX, 0);
    FILE *in = stream_of(ends.out, "r");
    bide_task *reader = park(read_line, in);
    put(ends.in, "one\ntw");
    ck_assert_int_eq(end_of(reader), 4);
    reader = park(read_line, in);
    put(ends.in, "o\n");
    ck_assert_int_eq(end_of(reader), 4);
    bide_close(ends.in);
    ck_assert_int_eq(fgetc(in), EOF);
    ck_assert(feof(in) && !ferror(in));
    ck_assert_int_eq(fclose(in), 0);
    return 0;
}

static intptr_t print_much(void *stream)
{
    for (int i = 0; i < 20000; i++)
        if (fprintf(stream, "line %05d\n", i) != 11)
            return -errno;
    return fflush(stream) == 0 ? 0 : -errno;
}

REAL_TEST(a_stream_that_is_full_makes_its_writer_wait)
{
    struct ends ends = open_ends(UNIX, 0);
    FILE *out = stream_of(ends.in, "w"), *in = stream_of(ends.out, "r");
    char line[64];
    bide_task *writer = park(print_much, out);
    for (int i = 0; i < 20000; i++) {
        ck_assert_ptr_nonnull(fgets(line, sizeof line, in));
        ck_assert_int_eq(atoi(line + 5), i);
    }
    ck_assert_int_eq(end_of(writer), 0);
    ck_assert_int_eq(fclose(out), 0);
    ck_assert_int_eq(fgetc(in), EOF);
    ck_assert_int_eq(fclose(in), 0);
    return 0;
}

REAL_TEST(a_read_that_is_cancelled_says_so_in_errno_and_loses_nothing)
{
    struct ends ends = open_ends(UNIX, 0);
    FILE *in = stream_of(ends.out, "r");
    ck_assert_int_eq(within(BIDE_MS(1), read_line, in), -ETIMEDOUT);
    ck_assert(ferror(in) && !feof(in));
    ck_assert_int_eq(refused(read_line, in), -ECANCELED);
    clearerr(in);
    put(ends.in, "whole\n");
    ck_assert_int_eq(read_line(in), 6);
    fclose(in);
    bide_close(ends.in);
    return 0;
}

REAL_TEST(a_write_that_is_cancelled_says_so_in_errno)
{
    struct ends ends = open_ends(UNIX, 0);
    FILE *out = stream_of(ends.in, "w");
    ck_assert_int_eq(within(BIDE_MS(2), print_much, out), -ETIMEDOUT);
    ck_assert(ferror(out));
    drain(ends.out);
    bide_close(ends.out);
    fclose(out);
    return 0;
}

REAL_TEST(what_nobody_can_read_any_more_is_a_broken_pipe)
{
    struct ends ends = open_ends(PIPE, 0);
    FILE *out = stream_of(ends.in, "w");
    bide_close(ends.out);
    ck_assert_int_eq(print_much(out), -EPIPE);
    fclose(out);
    return 0;
}

REAL_TEST(a_file_is_read_written_and_sought)
{
    char path[64], line[16];
    int fd = open(fresh_path(path), O_RDWR | O_CREAT, 0600);
    FILE *file = stream_of(fd, "w+");
    ck_assert_int_eq(fputs("hello, world\n", file), 1);
    ck_assert_int_eq(fseek(file, 7, SEEK_SET), 0);
    ck_assert_ptr_nonnull(fgets(line, sizeof line, file));
    ck_assert_str_eq(line, "world\n");
    ck_assert_int_eq(ftell(file), 13);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
    unlink(path);
    return 0;
}

REAL_TEST(what_cannot_be_sought_says_so)
{
    struct ends ends = open_ends(PIPE, 0);
    FILE *in = stream_of(ends.out, "r");
    ck_assert_int_eq(fseek(in, 1, SEEK_SET), -1);
    ck_assert_int_eq(errno, ESPIPE);
    fclose(in);
    bide_close(ends.in);
    return 0;
}

REAL_TEST(what_is_no_stream_is_refused)
{
    int fd = open("/dev/null", O_RDWR);
    ck_assert_ptr_null(bide_fdopen(-1, "r"));
    ck_assert_int_eq(errno, EBADF);
    ck_assert_ptr_null(bide_fdopen(12345, "r"));
    ck_assert_int_eq(errno, EBADF);
    ck_assert_ptr_null(bide_fdopen(fd, "x"));
    ck_assert_int_eq(errno, EINVAL);
    ck_assert_int_eq(fcntl(fd, F_GETFD), 0); /* it is still open */
    close(fd);
    return 0;
}

/* A program that leaves a stream open; exit(3) flushes it. */
static int left_open;

static intptr_t leave_open(void *unused)
{
    (void)unused;
    fputs("flushed at exit\n", stream_of(left_open, "w"));
    return 0;
}

static void leave_and_exit(void)
{
    bide_run(leave_open, NULL, NULL);
    exit(0);
}

START_TEST(a_stream_that_is_left_open_is_flushed_at_exit)
{
    int fds[2];
    char text[64], back[32] = "";
    ck_assert_int_eq(pipe(fds), 0);
    left_open = fds[1];
    int status = in_child(leave_and_exit, text, sizeof text);
    ck_assert_msg(WIFEXITED(status), "%s", text);
    ck_assert_int_eq(read(fds[0], back, sizeof back - 1), 16);
    ck_assert_str_eq(back, "flushed at exit\n");
    close(fds[0]);
    close(fds[1]);
}
END_TEST

Suite *suite_fdopen(void)
{
    Suite *s = suite_create("fdopen");
    TCase *t = tcase_create("streams");
    tcase_add_test(t, a_stream_is_read_line_by_line_while_others_run);
    tcase_add_test(t, a_stream_that_is_full_makes_its_writer_wait);
    tcase_add_test(t,
                   a_read_that_is_cancelled_says_so_in_errno_and_loses_nothing);
    tcase_add_test(t, a_write_that_is_cancelled_says_so_in_errno);
    tcase_add_test(t, what_nobody_can_read_any_more_is_a_broken_pipe);
    tcase_add_test(t, a_file_is_read_written_and_sought);
    tcase_add_test(t, what_cannot_be_sought_says_so);
    tcase_add_test(t, what_is_no_stream_is_refused);
    tcase_add_test(t, a_stream_that_is_left_open_is_flushed_at_exit);
    suite_add_tcase(s, t);
    return s;
}
