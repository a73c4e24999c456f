/* calls.c: the table of what the kernel can say.
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
#include "calls.h"

#include "sys.h"

#include <linux/futex.h>
#include <string.h>
#include <sys/mman.h>

/* It stays as it is until somebody does something about it. */
#define FAILS(code) {(code), 1u << ONCE | 1u << ALWAYS, 0, false}
/* It passes, and is never shown. */
#define PASSES(code) {(code), 1u << ONCE | 1u << OFTEN, 0, false}
/* A refusal at one moment. */
#define HAPPENS(code) {(code), 1u << ONCE, 0, false}
/* A kernel or a sandbox without the call. */
#define LACKS(code) {(code), 1u << ALWAYS, 0, false}
/* The caller may be shown another code. */
#define SHOWN_AS(code, as) {(code), 1u << ONCE | 1u << ALWAYS, (as), false}

#define OUTCOMES(...) (const struct outcome[]){__VA_ARGS__, {0, 0, 0, false}}
#define CALL(name, ...)                                                \
    static const struct call call_##name = {#name, OUTCOMES(__VA_ARGS__)}
#define SHARED_CALL(name, said, ...)                                   \
    const struct call call_##name = {said, OUTCOMES(__VA_ARGS__)}

/* ---- Memory and threads ------------------------------------------------- */

SHARED_CALL(map, "mmap", FAILS(ENOMEM), SHOWN_AS(EAGAIN, ENOMEM));
SHARED_CALL(protect, "mprotect", FAILS(ENOMEM), SHOWN_AS(EACCES, ENOMEM));
SHARED_CALL(thread, "thread_start", SHOWN_AS(EAGAIN, ENOMEM));
SHARED_CALL(spawn, "posix_spawn", FAILS(EACCES), FAILS(ENOMEM));
SHARED_CALL(lookup, "getaddrinfo", FAILS(ENOENT), FAILS(ENONET), FAILS(ENOMEM));
SHARED_CALL(malloc, "malloc", FAILS(ENOMEM));

CALL(dontfork, FAILS(ENOMEM));
CALL(nohugepage, FAILS(EINVAL));
CALL(guard, FAILS(EINVAL), FAILS(EPERM), FAILS(ENOMEM));
CALL(dontneed, FAILS(EINVAL));
CALL(process_madvise, FAILS(EINVAL), FAILS(EPERM), LACKS(ENOSYS), FAILS(ESRCH),
     PASSES(SHORT));
CALL(futex_wait, PASSES(EINTR), PASSES(EAGAIN));

/* ---- Files and streams -------------------------------------------------- */

/* What a read and a write say with or without an offset, in one buffer or
 * many. */
#define READS FAILS(EIO), PASSES(EINTR), PASSES(SHORT), HAPPENS(EAGAIN)
#define WRITES                                                           \
    FAILS(EIO), FAILS(ENOSPC), PASSES(EINTR), PASSES(SHORT), HAPPENS(EAGAIN)

CALL(read, READS);
CALL(write, WRITES);
CALL(readv, READS);
CALL(writev, WRITES);
CALL(pread, READS);
CALL(pwrite, WRITES);
CALL(preadv2, READS, LACKS(ENOSYS), FAILS(EOPNOTSUPP));
CALL(pwritev2, WRITES, LACKS(ENOSYS), FAILS(EOPNOTSUPP));
CALL(openat, FAILS(EMFILE), FAILS(ENFILE), FAILS(ENOMEM), FAILS(EACCES),
     FAILS(EIO), PASSES(EINTR));
CALL(close, FAILS(EIO), FAILS(EINTR));
CALL(fsync, FAILS(EIO), FAILS(ENOSPC), PASSES(EINTR));
CALL(statx, FAILS(ENOMEM), LACKS(ENOSYS));
CALL(unlinkat, FAILS(EACCES), FAILS(EBUSY));
CALL(pipe, FAILS(EMFILE), FAILS(ENFILE), FAILS(ENOMEM));
CALL(tee, FAILS(ENOMEM), PASSES(EINTR), HAPPENS(EAGAIN));
CALL(pidfd_open, LACKS(ENOSYS), LACKS(EMFILE), LACKS(EPERM));
CALL(wait4, PASSES(EINTR));
CALL(poll, FAILS(ENOMEM), PASSES(EINTR));
CALL(eventfd, FAILS(EMFILE), FAILS(ENFILE), FAILS(ENOMEM));

/* ---- Sockets ------------------------------------------------------------ */

#define RECEIVES                                                         \
    FAILS(ECONNRESET), FAILS(ENOMEM), PASSES(EINTR), PASSES(SHORT),      \
        HAPPENS(EAGAIN)
#define SENDS                                                            \
    FAILS(ECONNRESET), FAILS(EPIPE), FAILS(ENOBUFS), PASSES(EINTR),      \
        PASSES(SHORT), HAPPENS(EAGAIN)

CALL(recvfrom, RECEIVES);
CALL(recvmsg, RECEIVES);
CALL(sendto, SENDS);
CALL(sendmsg, SENDS);
CALL(accept, FAILS(EMFILE), FAILS(ENFILE), FAILS(ENOBUFS),
     HAPPENS(ECONNABORTED), PASSES(EINTR), HAPPENS(EAGAIN));
CALL(connect, FAILS(ECONNREFUSED), FAILS(ENETUNREACH), FAILS(ETIMEDOUT),
     FAILS(EADDRNOTAVAIL), PASSES(EINTR));
/* Of a Unix socket's file it is asked whether somebody listens there. */
CALL(connect_unix, SHOWN_AS(EACCES, EADDRINUSE),
     {EAGAIN, 1u << ONCE | 1u << OFTEN, EADDRINUSE, false},
     {EINTR, 1u << ONCE | 1u << OFTEN, EADDRINUSE, false});
CALL(socket, FAILS(EMFILE), FAILS(ENFILE), FAILS(ENOBUFS), FAILS(EACCES));
CALL(bind, FAILS(EADDRINUSE), FAILS(EACCES), FAILS(EADDRNOTAVAIL));
CALL(listen, FAILS(EADDRINUSE));
CALL(shutdown, FAILS(ENOTCONN));
CALL(getsockopt, FAILS(EPERM), FAILS(ENOBUFS));
CALL(setsockopt, FAILS(EPERM), FAILS(ENOMEM));
CALL(prlimit, FAILS(EPERM));

/* ---- Waiting for the kernel --------------------------------------------- */

CALL(epoll_create, FAILS(EMFILE), FAILS(ENFILE), FAILS(ENOMEM));
CALL(epoll_add, FAILS(ENOMEM), FAILS(ENOSPC));
CALL(epoll_pwait2, PASSES(EINTR), PASSES(NOTHING), PASSES(SHORT),
     {ENOSYS, 1u << ALWAYS, 0, true});
CALL(epoll_pwait, PASSES(EINTR), PASSES(NOTHING), PASSES(SHORT));
CALL(io_uring_setup, FAILS(ENOSYS), FAILS(EPERM), FAILS(ENOMEM), FAILS(EMFILE),
     FAILS(ENFILE), FAILS(EINVAL));
CALL(io_uring_register, FAILS(EINVAL), FAILS(ENOMEM), FAILS(EPERM));
SHARED_CALL(first_enter, "io_uring_enter, the first", FAILS(ENOSYS),
            FAILS(EPERM), PASSES(EINTR));
SHARED_CALL(enter, "io_uring_enter", PASSES(EINTR), PASSES(EAGAIN),
            PASSES(ENOMEM), PASSES(EBUSY), PASSES(SHORT));

/* Completions.  ECANCELED that nobody asked for is an error of the file's. */
#define CALLED_OFF SHOWN_AS(ECANCELED, EIO)
#define RESTARTS PASSES(512) /* ERESTARTSYS, which leaks out at a cancel */

CALL(sqe_read, READS, CALLED_OFF, RESTARTS);
CALL(sqe_write, WRITES, CALLED_OFF, RESTARTS);
CALL(sqe_recv, RECEIVES, CALLED_OFF, RESTARTS);
CALL(sqe_send, SENDS, CALLED_OFF, RESTARTS);
CALL(sqe_accept, FAILS(EMFILE), FAILS(ENFILE), HAPPENS(ECONNABORTED),
     PASSES(EINTR), HAPPENS(EAGAIN), CALLED_OFF);
CALL(sqe_connect, FAILS(ECONNREFUSED), FAILS(ENETUNREACH), FAILS(ETIMEDOUT),
     PASSES(EINTR), CALLED_OFF);
CALL(sqe_connect_unix, FAILS(EACCES), PASSES(EINTR), CALLED_OFF);
CALL(sqe_poll, FAILS(ENOMEM), CALLED_OFF);
CALL(sqe_open, FAILS(EMFILE), FAILS(ENFILE), FAILS(EACCES), FAILS(EIO),
     PASSES(EINTR), HAPPENS(EAGAIN), CALLED_OFF);
CALL(sqe_fsync, FAILS(EIO), FAILS(ENOSPC), PASSES(EINTR), CALLED_OFF);
CALL(sqe_inbox, PASSES(NOTHING)); /* a multishot poll that ends */

/* ---- Looking up --------------------------------------------------------- */

static const struct {
    long number;
    const struct call *call;
} by_number[] = {
    {SYS_read, &call_read},
    {SYS_write, &call_write},
    {SYS_readv, &call_readv},
    {SYS_writev, &call_writev},
    {SYS_pread64, &call_pread},
    {SYS_pwrite64, &call_pwrite},
    {SYS_preadv2, &call_preadv2},
    {SYS_pwritev2, &call_pwritev2},
    {SYS_recvfrom, &call_recvfrom},
    {SYS_sendto, &call_sendto},
    {SYS_recvmsg, &call_recvmsg},
    {SYS_sendmsg, &call_sendmsg},
    {SYS_accept4, &call_accept},
    {SYS_connect, &call_connect},
    {SYS_socket, &call_socket},
    {SYS_bind, &call_bind},
    {SYS_listen, &call_listen},
    {SYS_shutdown, &call_shutdown},
    {SYS_getsockopt, &call_getsockopt},
    {SYS_setsockopt, &call_setsockopt},
    {SYS_openat, &call_openat},
    {SYS_close, &call_close},
    {SYS_fsync, &call_fsync},
    {SYS_fdatasync, &call_fsync},
    {SYS_statx, &call_statx},
    {SYS_unlinkat, &call_unlinkat},
    {SYS_pipe2, &call_pipe},
    {SYS_tee, &call_tee},
    {SYS_pidfd_open, &call_pidfd_open},
    {SYS_wait4, &call_wait4},
    {SYS_ppoll, &call_poll},
    {SYS_eventfd2, &call_eventfd},
    {SYS_prlimit64, &call_prlimit},
    {SYS_epoll_create1, &call_epoll_create},
    {SYS_epoll_pwait2, &call_epoll_pwait2},
    {SYS_epoll_pwait, &call_epoll_pwait},
    {SYS_io_uring_setup, &call_io_uring_setup},
    {SYS_io_uring_register, &call_io_uring_register},
    {SYS_process_madvise, &call_process_madvise},
};

static const struct call *const by_opcode[BI_URING_OPCODES] = {
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

const struct call *call_of_number(long number, const long args[6])
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
    return NULL;
}

const struct call *call_of_advice(int advice)
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

const struct call *call_of_submission(const struct bi_sqe *sqe)
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
    if (code == SHORT)
        return "short";
    if (code == NOTHING)
        return "nothing";
    if (code == 512)
        return "ERESTARTSYS";
    const char *name = strerrorname_np(code);
    return name ? name : "?";
}

int code_named(const char *name)
{
    for (int code = NOTHING; code <= 512; code++)
        if (code != 0 && strcmp(code_name(code), name) == 0)
            return code;
    return 0;
}
