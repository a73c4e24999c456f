/* bodies_stream.c: pipes and stream sockets, blocking and not.
 *
 * Most are made for every kind of stream: its ends are the argument.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1 /* before the first header */
#endif
#include "body.h"

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

/* The ends that a body and its peers share. */
static struct ends ends;

static bool is_socket(intptr_t kind)
{
    return (kind & ~(intptr_t)NONBLOCKING) != PIPE;
}

/* ---- What is there ------------------------------------------------------ */

static intptr_t read_what_is_there(void *kind)
{
    ends = open_ends((intptr_t)kind);
    char buf[256];
    pattern(buf, sizeof buf);
    EXPECT(write(ends.in, buf, sizeof buf) == sizeof buf);
    return read_pattern(ends.out, sizeof buf);
}

static intptr_t vectors(void *kind)
{
    ends = open_ends((intptr_t)kind);
    char buf[200];
    pattern(buf, sizeof buf);
    struct iovec iov[2] = {{buf, 100}, {buf + 100, 100}};
    ssize_t n = bide_writev(ends.in, iov, 2);
    if (n < 0)
        return n;
    EXPECT(n > 0 && n <= 200);
    memset(buf, 0, sizeof buf);
    ssize_t m = bide_readv(ends.out, iov, 2);
    if (m < 0)
        return m;
    EXPECT(m > 0 && m <= n && is_pattern(buf, (size_t)m));
    return 0;
}

/* ---- What is to come ---------------------------------------------------- */

static intptr_t write_later(void *len)
{
    int rc = bide_yield();
    return rc < 0 ? rc : write_pattern(ends.in, (size_t)len);
}

static intptr_t read_all_of(void *len)
{
    return read_pattern(ends.out, (size_t)len);
}

static intptr_t wait_for_bytes(void *kind)
{
    ends = open_ends((intptr_t)kind);
    return beside(write_later, read_all_of, NUM(300));
}

/* More than there is room for: the writer waits as well. */
static intptr_t write_much(void *unused)
{
    (void)unused;
    intptr_t rc = 0;
    for (int i = 0; i < 2 && rc == 0; i++)
        rc = write_pattern(ends.in, PATTERN_MOST);
    return rc;
}

static intptr_t read_much(void *unused)
{
    (void)unused;
    intptr_t rc = 0;
    for (int i = 0; i < 2 && rc == 0; i++)
        rc = read_pattern(ends.out, PATTERN_MOST);
    return rc;
}

static intptr_t wait_for_room(void *kind)
{
    ends = open_ends((intptr_t)kind);
    return beside(read_much, write_much, NULL);
}

/* Two writers of one stream: their bytes do not mix, and one that is told of
 * an error may have written some. */
static intptr_t write_letters(void *letter)
{
    char buf[3000];
    memset(buf, (int)(intptr_t)letter, sizeof buf);
    for (size_t done = 0; done < sizeof buf;) {
        ssize_t n = bide_write_all(ends.in, buf + done, sizeof buf - done);
        if (n < 0)
            return n;
        if (n < (ssize_t)(sizeof buf - done))
            return -EIO; /* cut off: the next call may be the other's */
        done += (size_t)n;
    }
    return 0;
}

static intptr_t read_letters(void)
{
    char buf[6000];
    size_t have = 0;
    while (have < sizeof buf) {
        ssize_t n = bide_read(ends.out, buf + have, sizeof buf - have);
        if (n < 0)
            return n;
        EXPECT(n > 0);
        have += (size_t)n;
    }
    for (int i = 0; i < 3000; i++)
        EXPECT(buf[i] == buf[0] && buf[3000 + i] == buf[3000]);
    EXPECT(buf[0] != buf[3000]);
    return 0;
}

static intptr_t writers_queue(void *kind)
{
    struct bide_group g;
    ends = open_ends((intptr_t)kind);
    bide_group_open(&g, BIDE_FAIL_FAST);
    intptr_t rc = bide_group_spawn(&g, write_letters, NUM('a'));
    if (rc == 0)
        rc = bide_group_spawn(&g, write_letters, NUM('b'));
    if (rc == 0)
        rc = read_letters();
    return bide_group_close(&g, rc);
}

/* ---- What never comes --------------------------------------------------- */

static intptr_t read_one(void *unused)
{
    (void)unused;
    char c;
    return bide_read(ends.out, &c, 1);
}

/* A deadline passes; what comes afterwards is all there. */
static intptr_t read_times_out(void *kind)
{
    ends = open_ends((intptr_t)kind);
    intptr_t rc = within(BIDE_MS(5), read_one, NULL);
    EXPECT(rc < 0);
    if (rc != -ETIMEDOUT)
        return rc;
    rc = write_pattern(ends.in, 100);
    return rc < 0 ? rc : read_pattern(ends.out, 100);
}

/* Write until there is no more room; without a task's help that is an end. */
static intptr_t fill_up(void *unused)
{
    (void)unused;
    ssize_t n;
    char buf[PATTERN_MOST] = {0};
    do
        n = bide_write(ends.in, buf, sizeof buf);
    while (n > 0);
    return n;
}

static intptr_t write_times_out(void *kind)
{
    ends = open_ends((intptr_t)kind);
    intptr_t rc = within(BIDE_MS(5), fill_up, NULL);
    return rc == -ETIMEDOUT ? 0 : rc;
}

static intptr_t read_is_cancelled(void *kind)
{
    ends = open_ends((intptr_t)kind);
    bide_task *t;
    intptr_t rc = bide_spawn(&t, read_one, NULL), result;
    if (rc < 0)
        return rc;
    bide_yield();
    bide_cancel(t);
    rc = bide_join(t, &result);
    bide_release(t);
    EXPECT(rc == 0 && result < 0);
    return result == -ECANCELED ? 0 : result;
}

static intptr_t close_what_is_waited_for(void *kind)
{
    ends = open_ends((intptr_t)kind);
    bide_task *t;
    intptr_t rc = bide_spawn(&t, read_one, NULL), result;
    if (rc < 0)
        return rc;
    bide_yield();
    rc = drop(ends.out);
    intptr_t joined = bide_join(t, &result);
    bide_release(t);
    EXPECT(joined == 0 && result < 0);
    return result != -EBADF ? result : rc;
}

/* ---- Ends --------------------------------------------------------------- */

static intptr_t close_later(void *unused)
{
    (void)unused;
    int rc = bide_yield();
    return rc < 0 ? rc : drop(ends.in);
}

static intptr_t read_the_end(void *unused)
{
    ssize_t n = read_one(unused);
    EXPECT(n <= 0);
    return n;
}

static intptr_t peer_closes(void *kind)
{
    ends = open_ends((intptr_t)kind);
    return beside(close_later, read_the_end, NULL);
}

static intptr_t nobody_reads(void *kind)
{
    ends = open_ends((intptr_t)kind);
    intptr_t rc = drop(ends.out);
    if (rc < 0)
        return rc;
    for (int i = 0; i < 3 && rc >= 0; i++) /* TCP has to hear of it first */
        rc = bide_write(ends.in, "x", 1);
    if (rc >= 0 && is_socket((intptr_t)kind))
        return 0;
    EXPECT(rc < 0);
    return rc == -EPIPE || rc == -ECONNRESET ? 0 : rc;
}

/* ---- Whose turn --------------------------------------------------------- */

/* The second reader is refused, and the first is not disturbed. */
static intptr_t second_reader(void *unused)
{
    (void)unused;
    int rc = bide_yield();
    if (rc < 0)
        return rc;
    ssize_t n = read_one(NULL);
    EXPECT(n < 0);
    return n == -EBUSY ? write_pattern(ends.in, 10) : n;
}

static intptr_t two_readers(void *kind)
{
    ends = open_ends((intptr_t)kind);
    return beside(second_reader, read_all_of, NUM(10));
}

#define LOCAL_STREAM(name)                                \
    {#name "_pipe", name, PIPE, INSIDE},                  \
    {#name "_pipe_nb", name, PIPE | NONBLOCKING, INSIDE}, \
    {#name "_unix", name, UNIX, INSIDE}
#define EVERY_STREAM(name) \
    LOCAL_STREAM(name),    \
    {#name "_tcp_nb", name, TCP | NONBLOCKING, INSIDE}

const struct body bodies_stream[] = {
    EVERY_STREAM(read_what_is_there),
    EVERY_STREAM(vectors),
    EVERY_STREAM(wait_for_bytes),
    EVERY_STREAM(wait_for_room),
    EVERY_STREAM(writers_queue),
    EVERY_STREAM(read_times_out),
    LOCAL_STREAM(write_times_out),
    EVERY_STREAM(read_is_cancelled),
    EVERY_STREAM(close_what_is_waited_for),
    EVERY_STREAM(peer_closes),
    EVERY_STREAM(nobody_reads),
    EVERY_STREAM(two_readers),
    {0},
};
