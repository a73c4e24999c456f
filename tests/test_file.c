/* test_file.c: files: opening, reading and writing at offsets, durability. */
#include "doors.h"

#include <sys/stat.h>

#define MIB ((size_t)1 << 20)

/* A new file, whose name is gone already. */
static int open_file(int flags)
{
    char path[64];
    int fd = open(fresh_path(path), O_RDWR | O_CREAT | O_EXCL | flags, 0600);
    if (fd >= 0)
        unlink(path);
    return fd;
}

/* ---- Opening ------------------------------------------------------------ */

REAL_TEST(open_makes_a_file_with_the_mode_and_close_on_exec)
{
    char path[64];
    struct stat st;
    mode_t mask = umask(0);
    int fd = bide_open(fresh_path(path), O_RDWR | O_CREAT, 0640);
    umask(mask);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(fstat(fd, &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0640);
    ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
    ck_assert_int_eq(fcntl(fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK), O_RDWR);
    ck_assert_int_eq(bide_close(fd), 0);
    ck_assert_int_eq(bide_open(path, O_RDWR | O_CREAT | O_EXCL, 0600), -EEXIST);
    ck_assert_int_eq(unlink(path), 0);
    return 0;
}

REAL_TEST(open_tells_what_the_kernel_finds_wrong)
{
    char path[64], name[5000];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    ck_assert_int_eq(bide_open(fresh_path(path), O_RDONLY, 0), -ENOENT);
    ck_assert_int_eq(bide_open("", O_RDONLY, 0), -ENOENT);
    ck_assert_int_eq(bide_open("/dev/null/x", O_RDONLY, 0), -ENOTDIR);
    ck_assert_int_eq(bide_open("/", O_WRONLY, 0), -EISDIR);
    ck_assert_int_eq(bide_open(name, O_RDONLY, 0), -ENAMETOOLONG);
    ck_assert_int_eq(bide_open(NULL, O_RDONLY, 0), -EFAULT);
    return 0;
}

struct opening {
    const char *path;
    int flags;
};

static intptr_t open_it(void *arg)
{
    struct opening *o = arg;
    return bide_open(o->path, o->flags, 0600);
}

REAL_TEST(open_is_refused_in_a_cancelled_scope_and_makes_nothing)
{
    char path[64];
    struct opening o = {fresh_path(path), O_WRONLY | O_CREAT};
    ck_assert_int_eq(refused(open_it, &o), -ECANCELED);
    ck_assert_int_eq(access(path, F_OK), -1);
    return 0;
}

REAL_TEST(open_of_a_fifo_waits_for_the_other_side)
{
    char path[64], buf[8];
    ck_assert_int_eq(mkfifo(fresh_path(path), 0600), 0);
    bide_task *opener = park(open_it, &(struct opening){path, O_RDONLY});
    bide_task *other = start(open_it, &(struct opening){path, O_WRONLY});
    int out = (int)end_of(opener), in = (int)end_of(other);
    ck_assert_int_ge(out, 0);
    ck_assert_int_ge(in, 0);
    ck_assert_int_eq(fcntl(out, F_GETFL) & O_NONBLOCK, 0);
    ck_assert_int_eq(fcntl(in, F_GETFL) & O_NONBLOCK, 0);
    put(in, "x");
    ck_assert_int_eq(bide_read(out, buf, 8), 1);
    bide_close(in);
    bide_close(out);
    /* Another one: the kernel may hold an end of the first a moment longer. */
    unlink(path);
    ck_assert_int_eq(mkfifo(fresh_path(path), 0600), 0);
    opener = park(open_it, &(struct opening){path, O_WRONLY});
    out = open(path, O_RDONLY | O_NONBLOCK);
    in = (int)end_of(opener);
    ck_assert_int_ge(in, 0);
    bide_close(in);
    close(out);
    in = bide_open(path, O_RDWR, 0); /* is both sides */
    ck_assert_int_ge(in, 0);
    bide_close(in);
    ck_assert_int_eq(bide_open(path, O_WRONLY | O_NONBLOCK, 0), -ENXIO);
    unlink(path);
    return 0;
}

REAL_TEST(a_deadline_ends_the_open_of_a_fifo)
{
    char path[64];
    ck_assert_int_eq(mkfifo(fresh_path(path), 0600), 0);
    for (int mode = O_RDONLY; mode <= O_WRONLY; mode++) {
        struct opening o = {path, mode};
        ck_assert_int_eq(within(BIDE_MS(5), open_it, &o), -ETIMEDOUT);
        ck_assert_int_eq(refused(open_it, &o), -ECANCELED);
    }
    unlink(path);
    return 0;
}

/* ---- Positions ---------------------------------------------------------- */

REAL_TEST(reads_and_writes_move_the_position)
{
    char buf[16];
    int fd = open_file(0);
    ck_assert_int_eq(bide_write(fd, "hello ", 6), 6);
    ck_assert_int_eq(bide_write_all(fd, "world", 5), 5);
    ck_assert_int_eq(bide_read(fd, buf, 16), 0);
    ck_assert_int_eq(lseek(fd, 3, SEEK_SET), 3);
    ck_assert_int_eq(bide_read(fd, buf, 4), 4);
    ck_assert_mem_eq(buf, "lo w", 4);
    ck_assert_int_eq(bide_read_all(fd, buf, 16), 4);
    ck_assert_mem_eq(buf, "orld", 4);
    ck_assert_int_eq(bide_read_all(fd, buf, 16), 0);
    close(fd);
    return 0;
}

REAL_TEST(calls_at_an_offset_leave_the_position_alone)
{
    char buf[16];
    int fd = open_file(0);
    put(fd, "0123456789");
    ck_assert_int_eq(lseek(fd, 4, SEEK_SET), 4);
    ck_assert_int_eq(bide_pread(fd, buf, 3, 7), 3);
    ck_assert_mem_eq(buf, "789", 3);
    ck_assert_int_eq(bide_pwrite(fd, "AB", 2, 0), 2);
    ck_assert_int_eq(bide_pread(fd, buf, 16, 8), 2);
    ck_assert_int_eq(bide_pread(fd, buf, 16, 10), 0);
    ck_assert_int_eq(bide_pread(fd, buf, 16, 1000), 0);
    ck_assert_int_eq(lseek(fd, 0, SEEK_CUR), 4);
    ck_assert_int_eq(bide_pread(fd, buf, 2, 0), 2);
    ck_assert_mem_eq(buf, "AB", 2);
    close(fd);
    return 0;
}

REAL_TEST(negative_offsets_are_refused)
{
    char buf[4];
    int fd = open_file(0);
    put(fd, "data");
    ck_assert_int_eq(bide_pread(fd, buf, 4, -1), -EINVAL);
    ck_assert_int_eq(bide_pwrite(fd, buf, 4, -1), -EINVAL);
    ck_assert_int_eq(bide_pread(fd, buf, 4, INT64_MIN), -EINVAL);
    ck_assert_int_eq(bide_pread(fd, buf, 0, 0), 0);
    close(fd);
    return 0;
}

static intptr_t yield_on(void *arg)
{
    (void)arg;
    while (bide_yield() == 0)
        ;
    return 0;
}

/* Also when the pipe is known, empty, and others are ready, so that a call of
 * its own would not pay. */
REAL_TEST(offsets_of_what_has_none_are_refused)
{
    char buf[8] = "";
    bide_task *other = start(yield_on, NULL);
    for (int kind = 0; kind < ENDS_KINDS; kind++) {
        struct ends ends = open_ends(kind, 0);
        put(ends.in, "data");
        ck_assert_int_eq(bide_pread(ends.out, buf, 8, 0), -ESPIPE);
        ck_assert_int_eq(bide_pwrite(ends.in, buf, 8, 0), -ESPIPE);
        ck_assert_int_eq(bide_read(ends.out, buf, 8), 4);
        ck_assert_int_eq(bide_write(ends.in, buf, 4), 4);
        ck_assert_int_eq(bide_read(ends.out, buf, 8), 4);
        ck_assert_int_eq(bide_pwrite(ends.in, buf, 8, 3), -ESPIPE);
        put(ends.in, "data");
        ck_assert_int_eq(bide_pread(ends.out, buf, 8, 3), -ESPIPE);
        expect(ends.out, "data");
        close_ends(ends);
    }
    bide_cancel(other);
    end_of(other);
    return 0;
}

REAL_TEST(offsets_beyond_four_gigabytes_work)
{
    char buf[8];
    off_t far = (off_t)5 << 30;
    int fd = open_file(0);
    ck_assert_int_eq(bide_pwrite(fd, "far", 3, far), 3);
    ck_assert_int_eq(lseek(fd, 0, SEEK_END), far + 3);
    ck_assert_int_eq(bide_pread(fd, buf, 8, far), 3);
    ck_assert_mem_eq(buf, "far", 3);
    ck_assert_int_eq(bide_pread(fd, buf, 8, far - 4), 7);
    ck_assert_mem_eq(buf, "\0\0\0\0far", 7);
    close(fd);
    return 0;
}

REAL_TEST(vectors_work_on_files)
{
    char a[4], b[8];
    int fd = open_file(0);
    struct iovec out[] = {{(char[]){"one"}, 3}, {(char[]){"two"}, 3}};
    struct iovec in[] = {{a, 4}, {b, 8}};
    ck_assert_int_eq(bide_writev(fd, out, 2), 6);
    lseek(fd, 0, SEEK_SET);
    ck_assert_int_eq(bide_readv(fd, in, 2), 6);
    ck_assert_mem_eq(a, "onet", 4);
    ck_assert_mem_eq(b, "wo", 2);
    close(fd);
    return 0;
}

REAL_TEST(a_file_of_many_megabytes_comes_back_as_it_was)
{
    size_t len = 24 * MIB;
    uint32_t *out = malloc(len), *in = calloc(1, len);
    for (size_t i = 0; i < len / 4; i++)
        out[i] = (uint32_t)(i * 2654435761u);
    int fd = open_file(0);
    ck_assert_int_eq(bide_write_all(fd, out, len), (ssize_t)len);
    ck_assert_int_eq(bide_fdatasync(fd), 0);
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    lseek(fd, 0, SEEK_SET);
    ck_assert_int_eq(bide_read_all(fd, in, len), (ssize_t)len);
    ck_assert(memcmp(in, out, len) == 0);
    ck_assert_int_eq(bide_read(fd, in, 1), 0);
    close(fd);
    free(in);
    free(out);
    return 0;
}

struct record {
    int fd;
    char letter;
};

/* Ten records of one letter, each in one write. */
static intptr_t append_records(void *arg)
{
    struct record *r = arg;
    char text[100];
    memset(text, r->letter, sizeof text);
    for (int i = 0; i < 10; i++) {
        ssize_t n = bide_write(r->fd, text, sizeof text);
        if (n != sizeof text)
            return n < 0 ? n : -EIO;
        bide_yield();
    }
    return 0;
}

REAL_TEST(append_writes_whole_records_at_the_end)
{
    int fd = open_file(O_APPEND);
    struct record records[] = {{fd, 'a'}, {fd, 'b'}, {fd, 'c'}};
    struct bide_call calls[] = {{append_records, &records[0], 0},
                                {append_records, &records[1], 0},
                                {append_records, &records[2], 0}};
    ck_assert_int_eq(bide_gather(calls, 3, BIDE_FAIL_FAST), 0);
    char text[3001];
    ck_assert_int_eq(bide_pread(fd, text, sizeof text, 0), 3000);
    for (size_t i = 0; i < 3000; i += 100)
        ck_assert(memcmp(text + i, text + i + 1, 99) == 0);
    /* The position of an O_APPEND file is moved to its end by the write. */
    lseek(fd, 0, SEEK_SET);
    ck_assert_int_eq(bide_write(fd, "tail", 4), 4);
    ck_assert_int_eq(lseek(fd, 0, SEEK_END), 3004);
    close(fd);
    return 0;
}

/* ---- Direct, many, cold ------------------------------------------------- */

#define SECTOR 4096

REAL_TEST(direct_files_are_read_and_written)
{
    static char out[2 * SECTOR] __attribute__((aligned(SECTOR)));
    static char in[2 * SECTOR] __attribute__((aligned(SECTOR)));
    int fd = open_file(O_DIRECT);
    if (fd < 0)
        return 0; /* no such thing in this directory's file system */
    memset(out, 'd', sizeof out);
    ck_assert_int_eq(bide_pwrite(fd, out, sizeof out, SECTOR), sizeof out);
    ck_assert_int_eq(bide_pread(fd, in, sizeof in, SECTOR), sizeof in);
    ck_assert_mem_eq(in, out, sizeof in);
    ck_assert_int_eq(bide_write(fd, out, SECTOR), SECTOR);
    lseek(fd, 0, SEEK_SET);
    ck_assert_int_eq(bide_read(fd, in, SECTOR), SECTOR);
    ck_assert_mem_eq(in, out, SECTOR);
    ck_assert_int_eq(bide_pread(fd, in, sizeof in, 3 * SECTOR), 0);
    ck_assert_int_eq(bide_fsync(fd), 0);
    close(fd);
    return 0;
}

#define PARTS 64

struct part {
    int fd;
    off_t at;
};

static intptr_t check_part(void *arg)
{
    struct part *p = arg;
    uint32_t words[1024];
    ssize_t n = bide_pread(p->fd, words, sizeof words, p->at);
    if (n != sizeof words)
        return n < 0 ? n : -EIO;
    for (size_t i = 0; i < 1024; i++)
        if (words[i] != p->at / 4 + i)
            return -EILSEQ;
    return 0;
}

static int open_numbered(void)
{
    uint32_t words[1024];
    int fd = open_file(0);
    for (uint32_t at = 0; at < PARTS * 1024; at += 1024) {
        for (uint32_t i = 0; i < 1024; i++)
            words[i] = at + i;
        ck_assert_int_eq(write(fd, words, sizeof words), sizeof words);
    }
    return fd;
}

REAL_TEST(many_read_one_file_at_once_warm_and_cold)
{
    struct part parts[PARTS];
    struct bide_call calls[PARTS];
    int fd = open_numbered();
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < PARTS; i++) {
            parts[i] = (struct part){fd, (PARTS - 1 - i) * 4096};
            calls[i] = (struct bide_call){check_part, &parts[i], 0};
        }
        ck_assert_int_eq(bide_gather(calls, PARTS, BIDE_FAIL_FAST), 0);
        fsync(fd);
        posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    }
    close(fd);
    return 0;
}

/* ---- Durability and errors ---------------------------------------------- */

REAL_TEST(fsync_and_fdatasync_make_a_file_durable)
{
    int fd = open_file(0);
    put(fd, "data");
    ck_assert_int_eq(bide_fsync(fd), 0);
    put(fd, "more");
    ck_assert_int_eq(bide_fdatasync(fd), 0);
    ck_assert_int_eq(refused(io_fsync, &(struct io){.fd = fd}), -ECANCELED);
    close(fd);
    return 0;
}

REAL_TEST(fsync_of_a_pipe_is_refused)
{
    struct ends pipe = open_ends(PIPE, 0);
    ck_assert_int_eq(bide_fsync(pipe.in), -EINVAL);
    ck_assert_int_eq(bide_fdatasync(pipe.out), -EINVAL);
    close_ends(pipe);
    return 0;
}

REAL_TEST(others_run_while_a_file_is_made_durable)
{
    int fd = open_file(0);
    char *data = calloc(8, MIB);
    ck_assert_int_eq(bide_write_all(fd, data, 8 * MIB), (ssize_t)(8 * MIB));
    struct io io = {.fd = fd};
    bide_task *syncer = start(io_fsync, &io);
    ck_assert_int_eq(bide_yield(), 0);
    ck_assert(!bide_task_done(syncer));
    ck_assert_int_eq(end_of(syncer), 0);
    free(data);
    close(fd);
    return 0;
}

REAL_TEST(a_full_device_and_the_wrong_mode_are_told)
{
    char buf[4] = "abc";
    int full = open("/dev/full", O_WRONLY), fd = open_file(0), only;
    char path[64];
    ck_assert_int_eq(bide_write(full, buf, 4), -ENOSPC);
    ck_assert_int_eq(bide_write_all(full, buf, 4), -ENOSPC);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    only = open(path, O_RDONLY);
    ck_assert_int_eq(bide_pwrite(only, buf, 4, 0), -EBADF);
    ck_assert_int_eq(bide_write(only, buf, 4), -EBADF);
    close(only);
    only = open(path, O_WRONLY);
    ck_assert_int_eq(bide_pread(only, buf, 4, 0), -EBADF);
    ck_assert_int_eq(bide_read(only, buf, 4), -EBADF);
    ck_assert_int_eq(bide_fsync(only), 0);
    close(only);
    close(fd);
    close(full);
    return 0;
}

REAL_TEST(a_cancelled_write_to_a_file_is_whole_or_nothing)
{
    static char data[65536];
    int fd = open_file(0);
    memset(data, 'w', sizeof data);
    off_t expected = 0;
    for (int i = 0; i < 200; i++) {
        struct io io = {fd, data, sizeof data, 0};
        bide_task *writer = start(io_write, &io);
        if (i % 2)
            bide_yield();
        bide_cancel(writer);
        intptr_t n = end_of(writer);
        ck_assert(n == -ECANCELED || n > 0);
        expected += n > 0 ? n : 0;
    }
    ck_assert_int_eq(lseek(fd, 0, SEEK_END), expected);
    close(fd);
    return 0;
}

Suite *suite_file(void)
{
    Suite *s = suite_create("file");
    TCase *t = tcase_create("opening");
    tcase_add_test(t, open_makes_a_file_with_the_mode_and_close_on_exec);
    tcase_add_test(t, open_tells_what_the_kernel_finds_wrong);
    tcase_add_test(t, open_is_refused_in_a_cancelled_scope_and_makes_nothing);
    tcase_add_test(t, open_of_a_fifo_waits_for_the_other_side);
    tcase_add_test(t, a_deadline_ends_the_open_of_a_fifo);
    suite_add_tcase(s, t);
    t = tcase_create("positions");
    tcase_add_test(t, reads_and_writes_move_the_position);
    tcase_add_test(t, calls_at_an_offset_leave_the_position_alone);
    tcase_add_test(t, negative_offsets_are_refused);
    tcase_add_test(t, offsets_of_what_has_none_are_refused);
    tcase_add_test(t, offsets_beyond_four_gigabytes_work);
    tcase_add_test(t, vectors_work_on_files);
    tcase_add_test(t, a_file_of_many_megabytes_comes_back_as_it_was);
    tcase_add_test(t, append_writes_whole_records_at_the_end);
    suite_add_tcase(s, t);
    t = tcase_create("kinds and errors");
    tcase_add_test(t, direct_files_are_read_and_written);
    tcase_add_test(t, many_read_one_file_at_once_warm_and_cold);
    tcase_add_test(t, fsync_and_fdatasync_make_a_file_durable);
    tcase_add_test(t, fsync_of_a_pipe_is_refused);
    tcase_add_test(t, others_run_while_a_file_is_made_durable);
    tcase_add_test(t, a_full_device_and_the_wrong_mode_are_told);
    tcase_add_test(t, a_cancelled_write_to_a_file_is_whole_or_nothing);
    suite_add_tcase(s, t);
    return s;
}
