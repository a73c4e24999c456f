/* bodies_file.c: files, and what else has a path.
 *
 * A count below what was asked for may hide an error: the next call tells it.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1 /* before the first header */
#endif
#include "body.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

enum { SIZE = 4096 };

/* All of a file that holds the pattern, or why not. */
static intptr_t read_whole(int fd, size_t size)
{
    char buf[SIZE + 1];
    size_t have = 0;
    ssize_t n;
    while ((n = bide_read_all(fd, buf + have, sizeof buf - have)) > 0)
        have += (size_t)n;
    if (n < 0)
        return n;
    EXPECT(have == size && is_pattern(buf, have));
    return 0;
}

/* All of `buf`, however many calls it takes. */
static intptr_t write_whole(int fd, const char *buf, size_t len)
{
    while (len > 0) {
        ssize_t n = bide_write_all(fd, buf, len);
        if (n < 0)
            return n;
        EXPECT(n > 0 && (size_t)n <= len);
        buf += n;
        len -= (size_t)n;
    }
    return 0;
}

static intptr_t open_and_read(intptr_t unused)
{
    (void)unused;
    int fd = hold(bide_open(scratch_file(SIZE), O_RDONLY, 0));
    if (fd < 0)
        return fd;
    EXPECT(fcntl(fd, F_GETFD) == FD_CLOEXEC);
    intptr_t rc = read_whole(fd, SIZE);
    return rc < 0 ? rc : drop(fd);
}

static intptr_t open_what_is_not_there(intptr_t unused)
{
    (void)unused;
    int fd = hold(bide_open(scratch("none"), O_RDONLY, 0));
    EXPECT(fd < 0);
    return fd == -ENOENT ? 0 : fd;
}

static intptr_t open_cancelled(void *path)
{
    bide_scope_cancel(NULL ? NULL : path);
    return 0;
}

static intptr_t write_and_sync(intptr_t unused)
{
    (void)unused;
    char buf[SIZE];
    pattern(buf, sizeof buf);
    int fd = hold(bide_open(scratch("new"), O_RDWR | O_CREAT | O_EXCL, 0600));
    intptr_t rc = fd < 0 ? fd : write_whole(fd, buf, sizeof buf);
    if (rc == 0)
        rc = bide_fdatasync(fd);
    if (rc == 0)
        rc = bide_fsync(fd);
    if (rc < 0)
        return rc;
    EXPECT(lseek(fd, 0, SEEK_CUR) == SIZE && lseek(fd, 0, SEEK_SET) == 0);
    rc = read_whole(fd, SIZE);
    return rc < 0 ? rc : drop(fd);
}
