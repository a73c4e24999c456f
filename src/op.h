/* op.h: the operation record: one call to the kernel that may have to wait.
 *
 * It lives on the stack of the task that makes it, until the kernel has let go
 * of it.  This file knows how to try one without blocking and how to make it
 * on a thread that may block; the backends know how to wait for it.
 */
#ifndef BI_OP_H
#define BI_OP_H

#include "core.h"
#include "offload.h"

enum bi_op_kind {
    BI_OP_READ,    /* buf, len, at (-1: the file's own position) */
    BI_OP_WRITE,   /* likewise */
    BI_OP_READV,   /* iov, len of them, at */
    BI_OP_WRITEV,  /* likewise */
    BI_OP_RECV,    /* buf, len, flags */
    BI_OP_SEND,    /* buf, len, flags */
    BI_OP_RECVMSG, /* msg, flags */
    BI_OP_SENDMSG, /* msg, flags */
    BI_OP_ACCEPT,  /* addr, addr_bytes (may be NULL) */
    BI_OP_CONNECT, /* addr, len */
    BI_OP_POLL,    /* flags: POLLIN, ...; the result is the events seen */
    BI_OP_OPEN,    /* path, flags, mode; fd is -1 */
    BI_OP_FSYNC,   /* flags: nonzero for data only */
};

/* A result that is none: make the attempt once more. */
#define BI_AGAIN INTPTR_MIN

struct bi_op {
    struct bi_wait wait; /* wait.link: on the descriptor's list while parked */
    struct bi_job job;   /* while it is offloaded */
    uint8_t kind;        /* enum bi_op_kind */
    bool offloaded;      /* a thread has it */
    bool refuses_nowait; /* the descriptor cannot be tried without blocking */
    _Atomic bool cancelled; /* its end was asked for by a cancel, */
    bool closing;        /* or by bide_close() */
    bool broken_off;     /* a connect, by a shutdown of its socket */
    bool told;           /* the kernel has said whether a receive left more, */
    bool more;           /* and that it did */
    bool ended;          /* bi_op_done() was called */
    void (*done)(struct bi_op *op); /* instead of waking its task, or NULL */
    uint32_t life;       /* of its descriptor's entry, when it began */
    uint8_t stage;       /* the io_uring backend's; 0: no more than begun */
    int fd;
    int number;          /* while it is offloaded: `fd`, which is a duplicate */
    int flags;
    unsigned mode;
    union {
        void *buf;
        struct iovec *iov;
        struct msghdr *msg;
        struct sockaddr *addr;
        const char *path;
    };
    size_t len;
    off_t at;
    socklen_t *addr_bytes;
    intptr_t result; /* once ended */
};

/* Describe a transfer of `len` bytes but for its kind, with no flags and at the
 * file's own position.  The rest of the record is set when it is begun: this is
 * a third of what zeroing it takes. */
static inline void bi_op_transfer(struct bi_op *op, int fd, const void *buf,
                                  size_t len)
{
    op->wait.task = NULL; /* as in every record that was never begun */
    op->stage = 0;
    op->refuses_nowait = op->broken_off = op->told = op->more = false;
    op->fd = fd;
    op->flags = 0;
    op->buf = (void *)(uintptr_t)buf;
    op->len = len;
    op->at = -1;
}

/* What it waits for to make progress: POLLIN, POLLOUT or, for POLL, flags. */
short bi_op_events(const struct bi_op *op);

/* The bytes of its buffers; 0 where they are a message's. */
size_t bi_op_bytes(const struct bi_op *op);

/* "read", "accept", ...: for people. */
const char *bi_op_name(const struct bi_op *op);

/* Make it without blocking.  Returns its result, or -EAGAIN: it would block.
 * Sets op->refuses_nowait where the descriptor cannot be asked. */
intptr_t bi_op_try(struct bi_op *op);

/* Make it on a thread that may block. */
intptr_t bi_op_block(struct bi_op *op);

/* Tell the tools of the `bytes` that the kernel wrote for it behind their back.
 */
void bi_op_tell_wrote(const struct bi_op *op, size_t bytes);

static inline void bi_op_wrote(const struct bi_op *op, size_t bytes)
{
    if (bi_unlikely(bi_annotate_wants_bytes()))
        bi_op_tell_wrote(op, bytes);
}

#endif
