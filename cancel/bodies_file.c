/* bodies_file.c: files, the opening of a FIFO, and poll. */
#include "cancel.h"
#include "ends.h"

#include "sys.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK 512
#define BLOCKS 4

/* ---- Reading and writing ------------------------------------------------ */

enum { READ, READV, READ_ALL, PREAD, WRITE, WRITEV, WRITE_ALL, PWRITE, CALLS };

struct file {
    int fd, call;
    size_t moved; /* blocks, as the endangered task was told */
};

static char letter_of(size_t block)
{
    return (char)('a' + block);
}

static ssize_t read_block(const struct file *f, char *buf, off_t at)
{
    struct iovec iov[2] = {{buf, 100}, {buf + 100, BLOCK - 100}};
    switch (f->call) {
    case READ:
        return bide_read(f->fd, buf, BLOCK);
    case READV:
        return bide_readv(f->fd, iov, 2);
    case READ_ALL:
        return bide_read_all(f->fd, buf, BLOCK);
    default:
        return bide_pread(f->fd, buf, BLOCK, at);
    }
}

static ssize_t write_block(const struct file *f, char *buf, off_t at)
{
    struct iovec iov[2] = {{buf, 100}, {buf + 100, BLOCK - 100}};
    switch (f->call) {
    case WRITE:
        return bide_write(f->fd, buf, BLOCK);
    case WRITEV:
        return bide_writev(f->fd, iov, 2);
    case WRITE_ALL:
        return bide_write_all(f->fd, buf, BLOCK);
    default:
        return bide_pwrite(f->fd, buf, BLOCK, at);
    }
}

static bool is_block(const char *buf, char letter)
{
    for (size_t i = 0; i < BLOCK; i++)
        if (buf[i] != letter)
            return false;
    return true;
}

static intptr_t move_in_danger(void *arg)
{
    struct file *f = arg;
    char buf[BLOCK];
    for (; f->moved < BLOCKS; f->moved++) {
        off_t at = (off_t)(f->moved * BLOCK);
        memset(buf, letter_of(f->moved), BLOCK);
        ssize_t n = f->call < WRITE ? read_block(f, buf, at)
                                    : write_block(f, buf, at);
        if (n < 0)
            return stopped(n);
        equal(n, BLOCK, "a file's block is moved whole");
        holds(is_block(buf, letter_of(f->moved)), "a block is its own");
    }
    return 0;
}

static void open_file(struct file *f, int call)
{
    char path[] = "/tmp/bide-XXXXXX", buf[BLOCK];
    *f = (struct file){.fd = mkstemp(path), .call = call};
    must(f->fd, "a file is made");
    must(unlink(path), "its name is forgotten");
    for (size_t i = 0; i < BLOCKS && call < WRITE; i++) {
        memset(buf, letter_of(i), BLOCK);
        equal(write(f->fd, buf, BLOCK), BLOCK, "it is filled");
    }
    must((int)lseek(f->fd, 0, SEEK_SET), "it is read from its begin");
}

/* What was reported is there; where the position counts, it says the same. */
static void settle_file(const struct file *f)
{
    char buf[BLOCK];
    off_t wanted = (off_t)(f->moved * BLOCK);
    bool keeps = f->call == PREAD || f->call == PWRITE;
    equal(lseek(f->fd, 0, SEEK_CUR), keeps ? 0 : wanted,
          "the position tells what was moved");
    if (f->call >= WRITE)
        equal(lseek(f->fd, 0, SEEK_END), wanted, "the size does too");
    for (size_t i = 0; i < f->moved; i++)
        holds(pread(f->fd, buf, BLOCK, (off_t)(i * BLOCK)) == BLOCK &&
                  is_block(buf, letter_of(i)),
              "what was moved is in the file");
}

static void moving(const struct choice *c)
{
    struct file f;
    open_file(&f, c->call);
    endanger(move_in_danger, &f);
    settle_file(&f);
    bide_close(f.fd);
}

/* ---- Syncing and opening ------------------------------------------------ */

static intptr_t sync_in_danger(void *arg)
{
    struct file *f = arg;
    for (int i = 0; i < 4; i++) {
        equal(pwrite(f->fd, "x", 1, i), 1, "there is something to sync");
        int rc = i & 1 ? bide_fsync(f->fd) : bide_fdatasync(f->fd);
        if (rc < 0)
            return stopped(rc);
    }
    return 0;
}

static void syncing(const struct choice *unused)
{
    struct file f;
    (void)unused;
    open_file(&f, PWRITE);
    endanger(sync_in_danger, &f);
    bide_close(f.fd);
}

struct way_in {
    char path[24];
    int flags;
    unsigned opened;
};

static intptr_t open_in_danger(void *arg)
{
    struct way_in *way = arg;
    while (way->opened < 2) {
        int fd = bide_open(way->path, way->flags, 0);
        if (fd < 0)
            return stopped(fd);
        way->opened++;
        equal(bide_close(fd), 0, "what was opened can be closed");
        turn();
    }
    return 0;
}

static void make_name(struct way_in *way, int flags)
{
    strcpy(way->path, "/tmp/bide-XXXXXX");
    way->flags = flags;
    way->opened = 0;
    must(close(mkstemp(way->path)), "a file is made");
}

static void opening(const struct choice *unused)
{
    struct way_in way;
    (void)unused;
    make_name(&way, O_RDONLY);
    endanger(open_in_danger, &way);
    must(unlink(way.path), "its name is forgotten");
}

/* Whoever opens a FIFO waits for the other side. */
static intptr_t come_and_go(void *arg)
{
    const struct way_in *way = arg;
    int other = way->flags == O_RDONLY ? O_WRONLY : O_RDONLY;
    while (!danger_is_over()) {
        unsigned before = way->opened;
        a_while();
        a_while();
        int fd = open(way->path, other | O_NONBLOCK | O_CLOEXEC);
        while (fd >= 0 && way->opened == before && !danger_is_over())
            a_while();
        if (fd >= 0)
            close(fd);
    }
    return 0;
}

static void opening_a_fifo(const struct choice *c)
{
    struct way_in way;
    struct bide_group g = {0};
    make_name(&way, c->call ? O_WRONLY : O_RDONLY);
    must(unlink(way.path), "its name is free");
    must(mkfifo(way.path, 0600), "a FIFO is made");
    bide_group_open(&g, BIDE_FAIL_FAST);
    beside(&g, come_and_go, &way);
    endanger(open_in_danger, &way);
    all_ended(&g);
    must(unlink(way.path), "its name is forgotten");
}

/* ---- Poll --------------------------------------------------------------- */

#define PIPES_MOST 10

struct watch {
    int count, in[PIPES_MOST], out[PIPES_MOST];
    unsigned written, seen;
};

/* Read a byte from each that is ready; how many are. */
static int take_bytes(struct watch *w, const struct pollfd *fds)
{
    char byte;
    int ready = 0;
    for (int i = 0; i < w->count; i++) {
        if (!fds[i].revents)
            continue;
        equal(fds[i].revents, POLLIN, "a pipe is ready to be read");
        equal(read(w->in[i], &byte, 1), 1, "what is ready can be read");
        w->seen++;
        ready++;
    }
    return ready;
}

static intptr_t poll_in_danger(void *arg)
{
    struct watch *w = arg;
    struct pollfd fds[PIPES_MOST];
    while (w->seen < 4) {
        for (int i = 0; i < w->count; i++)
            fds[i] = (struct pollfd){w->in[i], POLLIN, 0};
        int n = bide_poll(fds, (nfds_t)w->count);
        equal(take_bytes(w, fds), n < 0 ? 0 : n, "as many as poll says");
        if (n < 0)
            return stopped(n);
    }
    return 0;
}

static intptr_t write_bytes(void *arg)
{
    struct watch *w = arg;
    for (int i = 0; !danger_is_over(); i++) {
        turn();
        turn();
        turn();
        w->written += write(w->out[i * 3 % w->count], "x", 1) == 1;
        turn();
    }
    return 0;
}

/* Close the writing ends, and read what is left. */
static void settle_watch(struct watch *w)
{
    char byte;
    for (int i = 0; i < w->count; i++) {
        close(w->out[i]);
        while (read(w->in[i], &byte, 1) == 1)
            w->seen++;
        bide_close(w->in[i]);
    }
    equal(w->seen, w->written, "every byte is seen once");
}

static void polling(const struct choice *c)
{
    struct watch w = {.count = c->call};
    struct bide_group g = {0};
    for (int i = 0; i < w.count; i++) {
        int ends[2];
        must(pipe2(ends, O_CLOEXEC), "a pipe is made");
        w.in[i] = ends[0];
        w.out[i] = ends[1];
    }
    bide_group_open(&g, BIDE_FAIL_FAST);
    beside(&g, write_bytes, &w);
    endanger(poll_in_danger, &w);
    all_ended(&g);
    settle_watch(&w);
}

void file_bodies(void)
{
    static const char *const names[] = {
        "file.read", "file.readv", "file.read_all", "file.pread",
        "file.write", "file.writev", "file.write_all", "file.pwrite"};
    for (int i = 0; i < CALLS; i++)
        add_body(names[i], moving, (struct choice){.call = i});
    add_body("file.sync", syncing, (struct choice){0});
    add_body("open.file", opening, (struct choice){0});
    add_body("open.fifo.read", opening_a_fifo, (struct choice){.call = 0});
    add_body("open.fifo.write", opening_a_fifo, (struct choice){.call = 1});
    add_body("poll.2", polling, (struct choice){.call = 2});
    add_body("poll.10", polling, (struct choice){.call = PIPES_MOST});
}
