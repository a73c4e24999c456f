/* fdtable.c: entries by number.
 *
 * They lie in blocks that never move, for a call keeps its entry over a wait;
 * only the directory of blocks is copied when it grows.
 */
#include "fdtable.h"

#include "sys.h"

#include <netinet/in.h>
#include <string.h>

#define BLOCK_BYTES (BI_FD_BLOCK * sizeof(struct bi_fd))

void bi_fdtable_end(struct bi_fdtable *t)
{
    for (size_t i = 0; i < t->block_count; i++)
        if (t->blocks[i])
            bi_sys.unmap(t->blocks[i], BLOCK_BYTES);
    if (t->blocks)
        bi_sys.unmap(t->blocks, t->block_count * sizeof *t->blocks);
    *t = (struct bi_fdtable){0};
}

/* Make the directory long enough for block `i`. */
static bool reach(struct bi_fdtable *t, size_t i)
{
    if (i < t->block_count)
        return true;
    size_t count = t->block_count ? t->block_count * 2 : 512;
    while (count <= i)
        count *= 2;
    struct bi_fd **blocks = bi_sys_pages(count * sizeof *blocks);
    if (!blocks)
        return false;
    if (t->blocks) {
        memcpy(blocks, t->blocks, t->block_count * sizeof *blocks);
        bi_sys.unmap(t->blocks, t->block_count * sizeof *blocks);
    }
    t->blocks = blocks;
    t->block_count = count;
    return true;
}

struct bi_fd *bi_fd_make(struct bi_fdtable *t, int fd)
{
    if (fd < 0)
        return NULL;
    size_t i = (size_t)fd / BI_FD_BLOCK;
    if (!reach(t, i))
        return NULL;
    t->blocks[i] = bi_sys_pages(BLOCK_BYTES);
    return bi_fd_find(t, fd);
}

void bi_fd_renew(struct bi_fd *e, enum bi_fd_kind kind, bool ours)
{
    e->reader = e->writer = NULL;
    e->kind = (uint8_t)kind;
    e->ours = ours;
    e->drained = e->registered = e->marked = false;
    e->file = (struct bi_file_id){0};
    e->round++;
    e->life++;
}

static int socket_option(int fd, int name)
{
    int value = 0;
    socklen_t len = sizeof value;
    int rc = bi_sys_getsockopt(fd, SOL_SOCKET, name, &value, &len);
    return rc < 0 ? rc : value;
}

static enum bi_fd_kind socket_kind(int fd)
{
    int type = socket_option(fd, SO_TYPE);
    if (type < 0)
        return BI_FD_UNKNOWN;
    if (type != SOCK_STREAM && type != SOCK_SEQPACKET)
        return BI_FD_DGRAM;
    bool tcp = socket_option(fd, SO_PROTOCOL) == IPPROTO_TCP;
    return tcp ? BI_FD_TCP : BI_FD_STREAM;
}

static enum bi_fd_kind kind_of(int fd)
{
    int type = bi_sys_file_type(fd);
    if (type < 0)
        return BI_FD_UNKNOWN;
    switch (type) {
    case S_IFSOCK:
        return socket_kind(fd);
    case S_IFIFO:
        return BI_FD_PIPE;
    case S_IFCHR:
        return BI_FD_TTY;
    case S_IFREG:
    case S_IFBLK:
        return bi_sys_getfl(fd) & O_DIRECT ? BI_FD_DIRECT : BI_FD_FILE;
    default:
        return BI_FD_OTHER;
    }
}

enum bi_fd_kind bi_fd_learn(struct bi_fd *e, int fd)
{
    e->kind = (uint8_t)kind_of(fd);
    return e->kind;
}
