/* uring_abi.h: what the kernel and a program agree on about io_uring.
 *
 * Only what bide uses.  These are our own declarations, because the header of
 * an older system lacks what a newer kernel offers, and because its opcodes are
 * enumerators, which no #ifndef can fill in.  The layouts are asserted: they
 * are the kernel's for good.
 */
#ifndef BI_URING_ABI_H
#define BI_URING_ABI_H

#include "base.h"

/* io_uring_setup(2): bi_uring_params.flags */
#define BI_SETUP_CQSIZE (1u << 3)         /* cq_entries is given */
#define BI_SETUP_CLAMP (1u << 4)          /* too many entries: the most, then */
#define BI_SETUP_SUBMIT_ALL (1u << 7)     /* a bad entry stops no later one */
#define BI_SETUP_TASKRUN_FLAG (1u << 9)   /* BI_SQ_TASKRUN is kept */
#define BI_SETUP_SINGLE_ISSUER (1u << 12) /* one thread submits; no child may */
#define BI_SETUP_DEFER_TASKRUN (1u << 13) /* completions only when asked for */
#define BI_SETUP_NO_SQARRAY (1u << 16)    /* Linux 6.6: entries in ring order */

/* bi_uring_params.features */
#define BI_FEAT_SINGLE_MMAP (1u << 0) /* one mapping has both rings */
#define BI_FEAT_NODROP (1u << 1)      /* an overflow is kept by the kernel */
#define BI_FEAT_RW_CUR_POS (1u << 3)  /* offset -1: the file's own position */
#define BI_FEAT_FAST_POLL (1u << 5)   /* what would block waits for readiness */
#define BI_FEAT_EXT_ARG (1u << 8)     /* a time limit to io_uring_enter(2) */

/* mmap(2): offsets of the rings and of the submission entries */
#define BI_OFF_RINGS 0
#define BI_OFF_SQES 0x10000000

/* The submission ring's flags, written by the kernel. */
#define BI_SQ_OVERFLOW (1u << 1) /* completions wait for room */
#define BI_SQ_TASKRUN (1u << 2)  /* completions wait for io_uring_enter(2) */

/* io_uring_enter(2) */
#define BI_ENTER_GETEVENTS (1u << 0)
#define BI_ENTER_EXT_ARG (1u << 3)
#define BI_ENTER_REGISTERED (1u << 4) /* fd is an index of registered rings */

/* io_uring_register(2) */
enum {
    BI_REGISTER_PROBE = 8,
    BI_REGISTER_RING_FDS = 20,
    BI_UNREGISTER_RING_FDS = 21,
};

/* bi_sqe.opcode */
enum {
    BI_URING_NOP = 0,
    BI_URING_READV = 1,
    BI_URING_WRITEV = 2,
    BI_URING_FSYNC = 3,
    BI_URING_POLL_ADD = 6,
    BI_URING_SENDMSG = 9,
    BI_URING_RECVMSG = 10,
    BI_URING_TIMEOUT = 11,
    BI_URING_ACCEPT = 13,
    BI_URING_CANCEL = 14,
    BI_URING_CONNECT = 16,
    BI_URING_OPENAT = 18,
    BI_URING_READ = 22,
    BI_URING_WRITE = 23,
    BI_URING_SEND = 26,
    BI_URING_RECV = 27,
    BI_URING_OPCODES, /* all that are used are below */
};

/* bi_sqe.flags */
#define BI_SQE_LINK (1u << 3)  /* the next one waits until this one has ended */
#define BI_SQE_ASYNC (1u << 4) /* on a thread of the kernel */

/* Per opcode: in bi_sqe.op_flags, .len or .prio */
#define BI_FSYNC_DATA_ONLY 1u
#define BI_POLL_MULTISHOT 1u    /* .len of POLL_ADD */
#define BI_RECV_POLL_FIRST 1u   /* .prio of RECV, RECVMSG: it is empty now */

/* bi_cqe.flags */
#define BI_CQE_MORE (1u << 1)          /* a multishot goes on */
#define BI_CQE_SOCK_NONEMPTY (1u << 2) /* more is there to receive */

/* A submission. */
struct bi_sqe {
    uint8_t opcode;
    uint8_t flags;
    uint16_t prio;
    int32_t fd;
    uint64_t off;      /* offset; ACCEPT: of the length; CONNECT: the length */
    uint64_t addr;     /* buffer, iovecs, path, time; CANCEL: of whom */
    uint32_t len;
    uint32_t op_flags; /* rw, fsync, poll, msg, accept, open or cancel flags */
    uint64_t user_data;
    uint64_t unused[3];
};
static_assert(sizeof(struct bi_sqe) == 64, "the kernel's submission");
static_assert(offsetof(struct bi_sqe, user_data) == 32, "its user_data");

/* A completion. */
struct bi_cqe {
    uint64_t user_data;
    int32_t res;
    uint32_t flags;
};
static_assert(sizeof(struct bi_cqe) == 16, "the kernel's completion");

/* Where in the mapping the rings' words are. */
struct bi_uring_sq_off {
    uint32_t head, tail, mask, entries, flags, dropped, array, unused[3];
};
struct bi_uring_cq_off {
    uint32_t head, tail, mask, entries, overflow, cqes, flags, unused[3];
};

/* io_uring_setup(2): asked for, and told. */
struct bi_uring_params {
    uint32_t sq_entries, cq_entries;
    uint32_t flags;
    uint32_t unused_poll[2];
    uint32_t features;
    uint32_t unused[4];
    struct bi_uring_sq_off sq_off;
    struct bi_uring_cq_off cq_off;
};
static_assert(sizeof(struct bi_uring_params) == 120, "the kernel's parameters");

/* io_uring_enter(2) with BI_ENTER_EXT_ARG; the time, also of a TIMEOUT. */
struct bi_uring_limit {
    uint64_t unused[2]; /* a signal mask; none */
    uint64_t time;      /* the address of a bi_uring_time, or 0 */
};
struct bi_uring_time {
    int64_t seconds, nanoseconds;
};

/* BI_REGISTER_RING_FDS */
struct bi_uring_ring_fd {
    uint32_t index; /* ~0: any; the kernel says which */
    uint32_t unused;
    uint64_t fd;
};

/* BI_REGISTER_PROBE */
struct bi_uring_probe {
    uint8_t last, count;
    uint16_t unused[7];
    struct {
        uint8_t opcode, unused;
        uint16_t supported; /* its lowest bit */
        uint32_t unused_too;
    } ops[BI_URING_OPCODES];
};
static_assert(offsetof(struct bi_uring_probe, ops) == 16, "the kernel's probe");

#endif
