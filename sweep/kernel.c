/* kernel.c: what else the kernel can say, to calls that bide makes for itself.
 *
 * Left out, each for a reason:
 *   munmap           of a whole mapping it cannot fail, nor can getfl, gettid
 *   futex wake, unregistering a ring, cancelling an operation   only misuse
 *                    makes them fail
 *   an eventfd       it never blocks and never overflows: no write fails
 *   EBADF, EFAULT, EINVAL of the ring or the epoll descriptor   somebody closed
 *                    it: a contract, which stops the program
 *   EPOLL_CTL_MOD and DEL   they fail only where a file is gone, which is a
 *                    matter of other tests
 */
#include "kernel.h"

#include "sys.h"

#include <linux/futex.h>
#include <string.h>
#include <sys/mman.h>

#define CALL(name, ...)                                                \
    static const struct bi_call call_##name = {#name, BI_OUTCOMES(__VA_ARGS__)}
#define SHARED_CALL(name, said, ...)                                   \
    const struct bi_call call_##name = {said, BI_OUTCOMES(__VA_ARGS__)}

/* ---- Memory and threads ------------------------------------------------- */

SHARED_CALL(protect, "mprotect", BI_FAILS(ENOMEM), BI_SHOWN_AS(EACCES, ENOMEM));
SHARED_CALL(lookup, "getaddrinfo", BI_FAILS(ENOENT), BI_FAILS(ENONET),
            BI_FAILS(ENOMEM));
SHARED_CALL(malloc, "malloc", BI_FAILS(ENOMEM));

CALL(dontfork, BI_FAILS(ENOMEM));
CALL(nohugepage, BI_FAILS(EINVAL));
CALL(guard, BI_FAILS(EINVAL), BI_FAILS(EPERM), BI_FAILS(ENOMEM));
CALL(dontneed, BI_FAILS(EINVAL));
CALL(process_madvise, BI_FAILS(EINVAL), BI_FAILS(EPERM), BI_LACKS(ENOSYS),
     BI_FAILS(ESRCH), BI_PASSES(BI_SHORT));
CALL(futex_wait, BI_PASSES(EINTR), BI_PASSES(EAGAIN));

/* ---- Files and streams -------------------------------------------------- */

CALL(preadv2, BI_READS, BI_LACKS(ENOSYS), BI_FAILS(EOPNOTSUPP));
CALL(pwritev2, BI_WRITES, BI_LACKS(ENOSYS), BI_FAILS(EOPNOTSUPP));
CALL(statx, BI_FAILS(ENOMEM), BI_LACKS(ENOSYS));
CALL(tee, BI_FAILS(ENOMEM), BI_PASSES(EINTR), BI_HAPPENS(EAGAIN));
CALL(pidfd_open, BI_LACKS(ENOSYS), BI_LACKS(EMFILE), BI_LACKS(EPERM));
CALL(wait4, BI_PASSES(EINTR));
CALL(eventfd, BI_FAILS(EMFILE), BI_FAILS(ENFILE), BI_FAILS(ENOMEM));

/* ---- Sockets ------------------------------------------------------------ */

/* Of a Unix socket's file it is asked whether somebody listens there. */
CALL(connect_unix, BI_SHOWN_AS(EACCES, EADDRINUSE),
     {EAGAIN, 1u << BI_ONCE | 1u << BI_OFTEN, EADDRINUSE, false},
     {EINTR, 1u << BI_ONCE | 1u << BI_OFTEN, EADDRINUSE, false});
CALL(getsockopt, BI_FAILS(EPERM), BI_FAILS(ENOBUFS));
CALL(prlimit, BI_FAILS(EPERM));

/* ---- Waiting for the kernel --------------------------------------------- */

CALL(epoll_create, BI_FAILS(EMFILE), BI_FAILS(ENFILE), BI_FAILS(ENOMEM));
CALL(epoll_add, BI_FAILS(ENOMEM), BI_FAILS(ENOSPC));
CALL(epoll_pwait2, BI_PASSES(EINTR), BI_PASSES(BI_NOTHING), BI_PASSES(BI_SHORT),
     {ENOSYS, 1u << BI_ALWAYS, 0, true});
CALL(epoll_pwait, BI_PASSES(EINTR), BI_PASSES(BI_NOTHING), BI_PASSES(BI_SHORT));
CALL(io_uring_setup, BI_FAILS(ENOSYS), BI_FAILS(EPERM), BI_FAILS(ENOMEM),
     BI_FAILS(EMFILE), BI_FAILS(ENFILE), BI_FAILS(EINVAL));
CALL(io_uring_register, BI_FAILS(EINVAL), BI_FAILS(ENOMEM), BI_FAILS(EPERM));
SHARED_CALL(first_enter, "io_uring_enter, the first", BI_FAILS(ENOSYS),
            BI_FAILS(EPERM), BI_PASSES(EINTR));
SHARED_CALL(enter, "io_uring_enter", BI_PASSES(EINTR), BI_PASSES(EAGAIN),
            BI_PASSES(ENOMEM), BI_PASSES(EBUSY), BI_PASSES(BI_SHORT));

/* Completions.  ECANCELED that nobody asked for is an error of the file's. */
#define CALLED_OFF BI_SHOWN_AS(ECANCELED, EIO)
#define RESTARTS BI_PASSES(512) /* ERESTARTSYS, which leaks out at a cancel */

CALL(sqe_read, BI_READS, CALLED_OFF, RESTARTS);
CALL(sqe_write, BI_WRITES, CALLED_OFF, RESTARTS);
CALL(sqe_recv, BI_RECEIVES, CALLED_OFF, RESTARTS);
CALL(sqe_send, BI_SENDS, CALLED_OFF, RESTARTS);
CALL(sqe_accept, BI_FAILS(EMFILE), BI_FAILS(ENFILE), BI_HAPPENS(ECONNABORTED),
     BI_PASSES(EINTR), BI_HAPPENS(EAGAIN), CALLED_OFF);
CALL(sqe_connect, BI_FAILS(ECONNREFUSED), BI_FAILS(ENETUNREACH),
     BI_FAILS(ETIMEDOUT), BI_PASSES(EINTR), CALLED_OFF);
CALL(sqe_connect_unix, BI_FAILS(EACCES), BI_PASSES(EINTR), CALLED_OFF);
CALL(sqe_poll, BI_FAILS(ENOMEM), CALLED_OFF);
CALL(sqe_open, BI_FAILS(EMFILE), BI_FAILS(ENFILE), BI_FAILS(EACCES),
     BI_FAILS(EIO), BI_PASSES(EINTR), BI_HAPPENS(EAGAIN), CALLED_OFF);
CALL(sqe_fsync, BI_FAILS(EIO), BI_FAILS(ENOSPC), BI_PASSES(EINTR), CALLED_OFF);
CALL(sqe_inbox, BI_PASSES(BI_NOTHING)); /* a multishot poll that ends */

/* ---- Looking up --------------------------------------------------------- */

static const struct {
    long number;
    const struct bi_call *call;
} by_number[] = {
    {SYS_preadv2, &call_preadv2},
    {SYS_pwritev2, &call_pwritev2},
    {SYS_getsockopt, &call_getsockopt},
    {SYS_statx, &call_statx},
    {SYS_tee, &call_tee},
    {SYS_pidfd_open, &call_pidfd_open},
    {SYS_wait4, &call_wait4},
    {SYS_eventfd2, &call_eventfd},
    {SYS_prlimit64, &call_prlimit},
    {SYS_epoll_create1, &call_epoll_create},
    {SYS_epoll_pwait2, &call_epoll_pwait2},
    {SYS_epoll_pwait, &call_epoll_pwait},
    {SYS_io_uring_setup, &call_io_uring_setup},
    {SYS_io_uring_register, &call_io_uring_register},
    {SYS_process_madvise, &call_process_madvise},
};

/* The plain calls that operations are made of. */
static const struct {
    long number;
    enum bi_op_kind kind;
} operations[] = {
    {SYS_read, BI_OP_READ},         {SYS_write, BI_OP_WRITE},
    {SYS_readv, BI_OP_READV},       {SYS_writev, BI_OP_WRITEV},
    {SYS_pread64, BI_OP_READ},      {SYS_pwrite64, BI_OP_WRITE},
    {SYS_recvfrom, BI_OP_RECV},     {SYS_sendto, BI_OP_SEND},
    {SYS_recvmsg, BI_OP_RECVMSG},   {SYS_sendmsg, BI_OP_SENDMSG},
    {SYS_accept4, BI_OP_ACCEPT},    {SYS_connect, BI_OP_CONNECT},
    {SYS_openat, BI_OP_OPEN},       {SYS_fsync, BI_OP_FSYNC},
    {SYS_fdatasync, BI_OP_FSYNC},   {SYS_ppoll, BI_OP_POLL},
};

static const struct bi_call *const by_opcode[BI_URING_OPCODES] = {
    [BI_URING_READV] = &call_sqe_read,
    [BI_URING_READ] = &call_sqe_read,
    [BI_URING_WRITEV] = &call_sqe_write,
    [BI_URING_WRITE] = &call_sqe_write,
    [BI_URING_RECV] = &call_sqe_recv,
    [BI_URING_RECVMSG] = &call_sqe_recv,
    [BI_URING_SEND] = &call_sqe_send,
    [BI_URING_SENDMSG] = &call_sqe_send,
    [BI_URING_ACCEPT] = &call_sqe_accept,
    [BI_URING_CONNECT] = &call_sqe_connect,
    [BI_URING_POLL_ADD] = &call_sqe_poll,
    [BI_URING_OPENAT] = &call_sqe_open,
    [BI_URING_FSYNC] = &call_sqe_fsync,
};

static bool is_unix(uint64_t address)
{
    const struct sockaddr *addr = (const struct sockaddr *)(uintptr_t)address;
    return addr && addr->sa_family == AF_UNIX;
}

const struct bi_call *call_of_number(long number, const long args[6])
{
    if (number == SYS_epoll_ctl)
        return args[1] == EPOLL_CTL_ADD ? &call_epoll_add : NULL;
    if (number == SYS_connect && is_unix((uint64_t)args[1]))
        return &call_connect_unix;
    if (number == SYS_futex)
        return args[1] == FUTEX_WAIT_PRIVATE ? &call_futex_wait : NULL;
    if (number == SYS_io_uring_register && args[1] == BI_UNREGISTER_RING_FDS)
        return NULL;
    for (size_t i = 0; i < sizeof by_number / sizeof by_number[0]; i++)
        if (by_number[i].number == number)
            return by_number[i].call;
    for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++)
        if (operations[i].number == number)
            return bi_call_of_kind(operations[i].kind);
    return bi_call_of_number(number);
}

const struct bi_call *call_of_advice(int advice)
{
    switch (advice) {
    case MADV_DONTFORK:
        return &call_dontfork;
    case MADV_NOHUGEPAGE:
        return &call_nohugepage;
    case MADV_GUARD_INSTALL:
        return &call_guard;
    default:
        return &call_dontneed;
    }
}

const struct bi_call *call_of_submission(const struct bi_sqe *sqe)
{
    if (sqe->opcode == BI_URING_POLL_ADD && sqe->len == BI_POLL_MULTISHOT)
        return &call_sqe_inbox;
    if (sqe->opcode == BI_URING_CONNECT && is_unix(sqe->addr))
        return &call_sqe_connect_unix;
    return sqe->opcode < BI_URING_OPCODES ? by_opcode[sqe->opcode] : NULL;
}

/* ---- Names -------------------------------------------------------------- */

const char *code_name(int code)
{
    if (code == BI_SHORT)
        return "short";
    if (code == BI_NOTHING)
        return "nothing";
    if (code == 512)
        return "ERESTARTSYS";
    const char *name = strerrorname_np(code);
    return name ? name : "?";
}

int code_named(const char *name)
{
    for (int code = BI_NOTHING; code <= 512; code++)
        if (code != 0 && strcmp(code_name(code), name) == 0)
            return code;
    return 0;
}
