/* io.h: what address.c needs of io.c. */
#ifndef BI_IO_H
#define BI_IO_H

#include "reactor.h"

/* `fd` (or a negated errno, passed through) was made by this library. */
int bi_io_adopt(int fd, enum bi_fd_kind kind);

#endif
