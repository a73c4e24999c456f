/* body.c: what bodies share. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1 /* before the first header */
#endif
#include "body.h"

#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void hear(const struct bide_error *e)
{
    (void)e; /* errors are what this is about */
}

const struct bide_options body_options = {
    .ring_entries = 16, .thread_limit = 2, .on_error = hear};

/* ---- Looking ------------------------------------------------------------ */

static char wrong[160];

void body_begin(void)
{
    wrong[0] = '\0';
}

const char *body_wrong(void)
{
    return wrong;
}

intptr_t body_is_wrong(const char *what, const char *file, int line)
{
    const char *slash = strrchr(file, '/');
    if (!wrong[0])
        snprintf(wrong, sizeof wrong, "%s:%d: %s does not hold",
                 slash ? slash + 1 : file, line, what);
    return -EBADMSG;
}

static unsigned char pattern_at(size_t i)
{
    return (unsigned char)(1 + i * 7 % 251);
}

void pattern(void *buf, size_t len)
{
    for (size_t i = 0; i < len; i++)
        ((unsigned char *)buf)[i] = pattern_at(i);
}

bool is_pattern(const void *buf, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (((const unsigned char *)buf)[i] != pattern_at(i))
            return false;
    return true;
}

intptr_t write_pattern(int fd, size_t len)
{
    char buf[PATTERN_MOST];
    size_t done = 0;
    pattern(buf, len);
    while (done < len) {
        ssize_t n = bide_write_all(fd, buf + done, len - done);
        if (n < 0)
            return n;
        EXPECT(n > 0 && (size_t)n <= len - done);
        done += (size_t)n;
    }
    return 0;
}

intptr_t read_pattern(int fd, size_t len)
{
    char buf[PATTERN_MOST];
    size_t done = 0;
    while (done < len) {
        ssize_t n = bide_read_all(fd, buf + done, len - done);
        if (n < 0)
            return n;
        EXPECT((size_t)n <= len - done);
        if (n == 0)
            break;
        done += (size_t)n;
    }
    EXPECT(done == len && is_pattern(buf, len));
    return 0;
}

/* ---- Descriptors -------------------------------------------------------- */

#define HELD_MOST 32
static int held[HELD_MOST];
static int held_count;

int hold(int fd)
{
    if (fd < 0)
        return fd;
    if (held_count == HELD_MOST)
        abort();
    return held[held_count++] = fd;
}

static void forget(int fd)
{
    for (int i = 0; i < held_count; i++)
        if (held[i] == fd)
            held[i--] = held[--held_count];
}

int drop(int fd)
{
    forget(fd);
    return bide_close(fd);
}

/* A set-up that fails is the sweep's own failure. */
static void must(int rc)
{
    if (rc < 0) {
        perror("sweep");
        abort();
    }
}

static void open_tcp(int fds[2], int flags)
{
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr *any = (struct sockaddr *)&addr;
    socklen_t len = sizeof addr;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    int room = 4096; /* so that a stream is soon full */
    must(setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &room, sizeof room));
    must(bind(listener, any, len));
    must(listen(listener, 1));
    must(getsockname(listener, any, &len));
    must(fds[0] = socket(AF_INET, SOCK_STREAM, 0));
    must(setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof room));
    must(connect(fds[0], any, len));
    must(fds[1] = accept4(listener, NULL, NULL, flags));
    must(fcntl(fds[0], F_SETFL, flags & SOCK_NONBLOCK ? O_NONBLOCK : 0));
    close(listener);
}

struct ends open_ends(intptr_t kind)
{
    bool waits = !(kind & NONBLOCKING);
    int fds[2], flags = waits ? 0 : SOCK_NONBLOCK;
    switch (kind & ~(intptr_t)NONBLOCKING) {
    case PIPE:
        must(pipe2(fds, waits ? 0 : O_NONBLOCK));
        must(fcntl(fds[1], F_SETPIPE_SZ, 8192));
        break;
    case UNIX:
        must(socketpair(AF_UNIX, SOCK_STREAM | flags, 0, fds));
        break;
    case TCP:
        open_tcp(fds, flags);
        break;
    default:
        must(socketpair(AF_UNIX, SOCK_DGRAM | flags, 0, fds));
        break;
    }
    return (struct ends){hold(fds[0]), hold(fds[1])};
}

/* ---- Files -------------------------------------------------------------- */

static char directory[64];

#define PATHS_MOST 4
static char paths[PATHS_MOST][96];
static int path_count;

void scratch_begin(void)
{
    snprintf(directory, sizeof directory, "%s/bide-sweep-XXXXXX", P_tmpdir);
    must(mkdtemp(directory) ? 0 : -1);
}

/* What a body left that was killed goes too. */
void scratch_end(void)
{
    DIR *dir = opendir(directory);
    struct dirent *entry;
    while (dir && (entry = readdir(dir)))
        if (entry->d_name[0] != '.')
            unlinkat(dirfd(dir), entry->d_name, 0);
    if (dir)
        closedir(dir);
    rmdir(directory);
}

const char *scratch(const char *name)
{
    if (path_count == PATHS_MOST)
        abort();
    char *path = paths[path_count++];
    snprintf(path, sizeof paths[0], "%s/%s-%d", directory, name, (int)getpid());
    return path;
}

const char *scratch_file(size_t len)
{
    char text[PATTERN_MOST];
    const char *path = scratch("file");
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    must(fd);
    pattern(text, len);
    must(write(fd, text, len) == (ssize_t)len ? 0 : -1);
    close(fd);
    return path;
}

void body_clean(bool inside)
{
    while (held_count > 0) {
        int fd = held[--held_count];
        if (inside)
            bide_close(fd);
        else
            close(fd);
    }
    while (path_count > 0)
        unlink(paths[--path_count]);
}

/* ---- Tasks -------------------------------------------------------------- */

intptr_t beside(bide_fn *peer, bide_fn *fn, void *arg)
{
    struct bide_group g;
    bide_group_open(&g, BIDE_FAIL_FAST);
    intptr_t rc = bide_group_spawn(&g, peer, arg);
    if (rc == 0)
        rc = fn(arg);
    return bide_group_close(&g, rc);
}

intptr_t within(bide_time span, bide_fn *fn, void *arg)
{
    struct bide_scope s = {0};
    bide_scope_open(&s, bide_after(span));
    return bide_scope_close(&s, fn(arg));
}

intptr_t give(void *value)
{
    return (intptr_t)value;
}

intptr_t sleep_for_ever(void *unused)
{
    (void)unused;
    return bide_sleep_until(BIDE_FOREVER);
}
