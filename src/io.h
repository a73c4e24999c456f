/* io.h: what calls on descriptors share, and who makes descriptors needs. */
#ifndef BI_IO_H
#define BI_IO_H

#include "reactor.h"

/* As much of `len` as the kernel moves in one call (MAX_RW_COUNT, read(2)). */
static inline size_t bi_io_clamp(size_t len)
{
    size_t most = 0x7ffff000;
    return len < most ? len : most;
}

/* `fd` (or a negated errno, passed through) was made by this library. */
int bi_io_adopt(int fd, enum bi_fd_kind kind);

/* Close `*fd`, unless it is -1, and make it so. */
void bi_io_close(int *fd);

#endif
