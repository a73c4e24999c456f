/* fdopen.c: stdio on descriptors, whose reads and writes wait.
 *
 * The cookie of the stream is the number of the descriptor, so that nothing is
 * allocated.  Outside a task the calls block, as those of any stream do:
 * exit(3) flushes what a program has left open.
 *
 * stdio speaks errno, and so do these functions, alone in the library.
 */
#include "base.h"

#include "core.h"
#include "sys.h"

#include <stdio.h>

static int fd_of(void *cookie)
{
    return (int)(intptr_t)cookie;
}

/* The result as stdio wants it. */
static ssize_t tell(ssize_t rc)
{
    if (rc < 0)
        errno = (int)-rc;
    return rc < 0 ? -1 : rc;
}

static ssize_t take(void *cookie, char *buf, size_t len)
{
    int fd = fd_of(cookie);
    return tell(bi_current() ? bide_read(fd, buf, len)
                             : bi_sys_read(fd, buf, len));
}

/* All of it, or as much as could be written: then errno tells why no more. */
static ssize_t put(void *cookie, const char *buf, size_t len)
{
    int fd = fd_of(cookie);
    size_t done = 0;
    ssize_t n = 0;
    while (done < len && n >= 0) {
        n = bi_current() ? bide_write_all(fd, buf + done, len - done)
                         : bi_sys_write(fd, buf + done, len - done);
        if (n > 0)
            done += (size_t)n;
    }
    tell(n);
    return (ssize_t)done;
}

static int seek(void *cookie, off64_t *at, int whence)
{
    off64_t rc = bi_sys_lseek(fd_of(cookie), *at, whence);
    if (rc >= 0)
        *at = rc;
    return rc < 0 ? (int)tell(rc) : 0;
}

static int close_it(void *cookie)
{
    int fd = fd_of(cookie);
    return (int)tell(bi_current() ? bide_close(fd) : bi_sys_close(fd));
}

FILE *bide_fdopen(int fd, const char *mode)
{
    static const cookie_io_functions_t calls = {take, put, seek, close_it};
    bi_current_in(__func__);
    int flags = fd < 0 ? -EBADF : bi_sys_getfl(fd);
    if (flags < 0) {
        errno = -flags;
        return NULL;
    }
    return fopencookie((void *)(intptr_t)fd, mode, calls);
}
