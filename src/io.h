/* io.h: descriptors that the library itself makes and closes. */
#ifndef BI_IO_H
#define BI_IO_H

#include "reactor.h"

/* `fd` (or a negated errno, passed through) was made by this library. */
int bi_io_adopt(int fd, enum bi_fd_kind kind);

/* Close `*fd`, unless it is -1, and make it so. */
void bi_io_close(int *fd);

#endif
