/* bodies_file.c: files, and what else has a path. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1 /* before the first header */
#endif
#include "body.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { SIZE = 4096 };

static intptr_t open_and_read(void *unused)
{
    (void)unused;
    int fd = hold(bide_open(scratch_file(SIZE), O_RDONLY, 0));
    if (fd < 0)
        return fd;
    EXPECT(fcntl(fd, F_GETFD) == FD_CLOEXEC);
    intptr_t rc = read_pattern(fd, SIZE);
    return rc < 0 ? rc : drop(fd);
}

static intptr_t open_what_is_not_there(void *unused)
{
    (void)unused;
    int fd = hold(bide_open(scratch("none"), O_RDONLY, 0));
    EXPECT(fd < 0);
    return fd == -ENOENT ? 0 : fd;
}

static intptr_t write_and_sync(void *unused)
{
    (void)unused;
    int fd = hold(bide_open(scratch("new"), O_RDWR | O_CREAT | O_EXCL, 0600));
    intptr_t rc = fd < 0 ? fd : write_pattern(fd, SIZE);
    if (rc == 0)
        rc = bide_fdatasync(fd);
    if (rc == 0)
        rc = bide_fsync(fd);
    if (rc < 0)
        return rc;
    EXPECT(lseek(fd, 0, SEEK_CUR) == SIZE && lseek(fd, 0, SEEK_SET) == 0);
    rc = read_pattern(fd, SIZE);
    return rc < 0 ? rc : drop(fd);
}

/* At an offset, in a file that foreign code opened; the position stays. */
static intptr_t pread_and_pwrite(void *unused)
{
    (void)unused;
    char buf[SIZE];
    int fd = hold(open(scratch_file(SIZE), O_RDWR));
    ssize_t n = bide_pread(fd, buf, 1000, 0);
    if (n < 0)
        return n;
    EXPECT(n > 0 && n <= 1000 && is_pattern(buf, (size_t)n));
    n = bide_pwrite(fd, buf, (size_t)n, 2 * SIZE);
    if (n < 0)
        return n;
    EXPECT(pread(fd, buf, 1000, 2 * SIZE) == n && is_pattern(buf, (size_t)n));
    EXPECT(lseek(fd, 0, SEEK_CUR) == 0);
    return read_pattern(fd, SIZE);
}

static intptr_t readv_and_writev(void *unused)
{
    (void)unused;
    char buf[SIZE];
    struct iovec in[2] = {{buf, 1000}, {buf + 1000, 1000}};
    int fd = hold(open(scratch_file(SIZE), O_RDWR));
    ssize_t n = bide_readv(fd, in, 2);
    if (n < 0)
        return n;
    EXPECT(n > 0 && n <= 2000 && is_pattern(buf, (size_t)n));
    EXPECT(lseek(fd, 0, SEEK_SET) == 0);
    struct iovec out[2] = {{buf, (size_t)n / 2}, {buf + n / 2, (size_t)n / 2}};
    n = bide_writev(fd, out, 2);
    if (n < 0)
        return n;
    EXPECT(lseek(fd, 0, SEEK_CUR) == n && lseek(fd, 0, SEEK_SET) == 0);
    return read_pattern(fd, SIZE);
}

/* Without the page cache, where the file system can; io_uring does not try such
 * a read before it waits for it. */
static intptr_t read_direct(void *unused)
{
    (void)unused;
    static char buf[SIZE] __attribute__((aligned(4096)));
    int fd = hold(open(scratch_file(SIZE), O_RDONLY | O_DIRECT));
    if (fd < 0)
        return 0;
    ssize_t n = bide_pread(fd, buf, SIZE, 0);
    if (n < 0)
        return n;
    EXPECT(n > 0 && is_pattern(buf, (size_t)n));
    return 0;
}

static intptr_t read_at_the_end(void *unused)
{
    (void)unused;
    char c;
    int fd = hold(open(scratch_file(1), O_RDONLY));
    ssize_t n = bide_pread(fd, &c, 1, 1);
    if (n == 0)
        n = bide_read(fd, &c, 0);
    EXPECT(n <= 0);
    return n;
}

static intptr_t read_a_directory(void *unused)
{
    (void)unused;
    char c;
    int fd = hold(bide_open("/", O_RDONLY | O_DIRECTORY, 0));
    ssize_t n = fd < 0 ? fd : bide_read(fd, &c, 1);
    EXPECT(n < 0);
    return n == -EISDIR ? 0 : n;
}

/* Character devices can be tried like files, and waited for like streams. */
static intptr_t devices(void *unused)
{
    (void)unused;
    char buf[16] = {1};
    int zero = hold(bide_open("/dev/zero", O_RDONLY, 0));
    ssize_t n = zero < 0 ? zero : bide_read(zero, buf, sizeof buf);
    if (n < 0)
        return n;
    EXPECT(n > 0 && buf[0] == 0);
    int null = hold(bide_open("/dev/null", O_WRONLY, 0));
    n = null < 0 ? null : bide_write(null, buf, sizeof buf);
    if (n < 0)
        return n;
    EXPECT(n > 0);
    return 0;
}

/* What is cancelled before it begins does nothing, whatever the kernel says. */
static intptr_t cancelled_calls(void *unused)
{
    (void)unused;
    char c = 0;
    int fd = hold(open(scratch_file(1), O_RDWR));
    const char *path = scratch("never");
    struct bide_scope s = {0};
    bide_scope_open(&s, BIDE_FOREVER);
    bide_scope_cancel(&s);
    int other = hold(bide_open(path, O_CREAT | O_RDWR, 0600));
    ssize_t n = bide_pread(fd, &c, 1, 0), m = bide_write(fd, "x", 1);
    int rc = bide_fsync(fd);
    bide_scope_close(&s, 0);
    EXPECT(other == -ECANCELED && access(path, F_OK) < 0);
    EXPECT(n == -ECANCELED && m == -ECANCELED && rc == -ECANCELED);
    EXPECT(pread(fd, &c, 1, 0) == 1 && is_pattern(&c, 1));
    return 0;
}

/* Four files at once: more than there are threads. */
static intptr_t open_one(void *unused)
{
    (void)unused;
    int fd = bide_open("/", O_RDONLY | O_DIRECTORY, 0);
    return fd < 0 ? fd : bide_close(fd);
}

static intptr_t open_many_at_once(void *unused)
{
    (void)unused;
    struct bide_call calls[4];
    for (int i = 0; i < 4; i++)
        calls[i] = (struct bide_call){open_one, NULL, 0};
    intptr_t rc = bide_gather(calls, 4, BIDE_COLLECT);
    for (int i = 0; i < 4 && rc == 0; i++)
        rc = calls[i].result;
    return rc;
}

/* One deadline for many, some of which have not begun when it is over. */
static intptr_t open_many_in_time(void *unused)
{
    intptr_t rc = within(BIDE_US(10), open_many_at_once, unused);
    return rc == -ETIMEDOUT ? 0 : rc;
}

const struct body bodies_file[] = {
    {"open_and_read", open_and_read, 0, INSIDE},
    {"open_what_is_not_there", open_what_is_not_there, 0, INSIDE},
    {"write_and_sync", write_and_sync, 0, INSIDE},
    {"pread_and_pwrite", pread_and_pwrite, 0, INSIDE},
    {"readv_and_writev", readv_and_writev, 0, INSIDE},
    {"read_direct", read_direct, 0, INSIDE},
    {"read_at_the_end", read_at_the_end, 0, INSIDE},
    {"read_a_directory", read_a_directory, 0, INSIDE},
    {"devices", devices, 0, INSIDE},
    {"cancelled_calls", cancelled_calls, 0, INSIDE},
    {"open_many_at_once", open_many_at_once, 0, INSIDE},
    {"open_many_in_time", open_many_in_time, 0, INSIDE},
    {0},
};
