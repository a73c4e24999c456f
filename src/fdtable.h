/* fdtable.h: who waits on which descriptor, found by its number.
 *
 * An entry is a note, not the truth: foreign code may close, duplicate or
 * replace a descriptor at any time.  What an entry says may therefore make a
 * call slower, never wrong; what waits is on its list, and truth comes from the
 * kernel.
 */
#ifndef BI_FDTABLE_H
#define BI_FDTABLE_H

#include "list.h"
#include "sys.h"

enum bi_fd_kind {
    BI_FD_UNKNOWN,
    BI_FD_STREAM,  /* a stream or seqpacket socket */
    BI_FD_TCP,     /* a stream over TCP: nothing but bytes */
    BI_FD_DGRAM,   /* any other socket */
    BI_FD_PIPE,    /* a pipe or FIFO */
    BI_FD_TTY,     /* a character device: ttys, /dev/null, ... */
    BI_FD_FILE,    /* a regular file or block device */
    BI_FD_DIRECT,  /* a file opened with O_DIRECT */
    BI_FD_OTHER,   /* eventfds, inotify, ... */
};

struct bi_fd {
    struct bi_list ops;     /* bi_op.wait.link of those parked on it */
    struct bi_list writers; /* bi_wait of tasks that queue to write */
    const void *reader;     /* the task whose call reads it, or NULL */
    const void *writer;     /* whose turn to write it is, or NULL */
    uint32_t life;          /* another whenever bide closes or makes it */
    uint8_t kind;           /* enum bi_fd_kind, as far as known */
    bool ours;              /* bide made it: its number is not reused unseen */
    bool drained;           /* the last receive left nothing, as far as known */
    bide_time asked;        /* when the kernel was last asked about it */
    struct bi_file_id file; /* the io_uring backend's: what it was then */
    /* The epoll backend's: */
    bool registered;        /* we have added it, edge-triggered */
    bool marked;            /* an end, an error or urgent data was told of: a
                               short receive may have stopped before it */
    uint32_t round;         /* of this number, told apart in events */
};

#define BI_FD_BLOCK 256

struct bi_fdtable {
    struct bi_fd **blocks; /* of BI_FD_BLOCK entries; NULL: not yet there */
    size_t block_count;
};

void bi_fdtable_end(struct bi_fdtable *t);

/* The entry of `fd` if there is one.  Each step of a call asks for it, since it
 * may wait in between: a dozen times a request. */
static inline struct bi_fd *bi_fd_find(const struct bi_fdtable *t, int fd)
{
    size_t i = (unsigned)fd / BI_FD_BLOCK; /* of fd < 0, none */
    if (bi_unlikely(i >= t->block_count) || !t->blocks[i])
        return NULL;
    return &t->blocks[i][(unsigned)fd % BI_FD_BLOCK];
}

/* bi_fd_get() where there is none. */
struct bi_fd *bi_fd_make(struct bi_fdtable *t, int fd);

/* The entry of `fd`, made if need be; NULL: no memory, or fd < 0. */
static inline struct bi_fd *bi_fd_get(struct bi_fdtable *t, int fd)
{
    struct bi_fd *e = bi_fd_find(t, fd);
    return bi_likely(e != NULL) ? e : bi_fd_make(t, fd);
}

/* `fd` has just been made by us, or is about to be closed: whatever was known
 * of the number is void.  Those who wait on it stay on its lists. */
void bi_fd_renew(struct bi_fd *e, enum bi_fd_kind kind, bool ours);

/* Find out what `fd` is, and note it. */
enum bi_fd_kind bi_fd_learn(struct bi_fd *e, int fd);

#endif
