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

#define CALL(NAME, ...)                                                \
    static const struct call NAME = {                                  \
        #NAME, (const struct outcome[]){__VA_ARGS__, {0, 0, 0, false}}}
#define SHARED_CALL(NAME, SAID, ...)                                   \
    const struct call NAME = {                                         \
        SAID, (const struct outcome[]){__VA_ARGS__, {0, 0, 0, false}}}

/* ---- Memory and threads ------------------------------------------------- */

SHARED_CALL(call_map, "mmap", FAILS(ENOMEM), SHOWN_AS(EAGAIN, ENOMEM));
SHARED_CALL(call_protect, "mprotect", FAILS(ENOMEM), SHOWN_AS(EACCES, ENOMEM));
SHARED_CALL(call_thread, "thread_start", SHOWN_AS(EAGAIN, ENOMEM));
SHARED_CALL(call_malloc, "malloc", FAILS(ENOMEM));

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
SHARED_CALL(call_first_enter, "io_uring_enter, the first", FAILS(ENOSYS),
            FAILS(EPERM), PASSES(EINTR));
SHARED_CALL(call_enter, "io_uring_enter", PASSES(EINTR), PASSES(EAGAIN),
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
    {SYS_read, &read},
    {SYS_write, &write},
    {SYS_readv, &readv},
    {SYS_writev, &writev},
    {SYS_pread64, &pread},
    {SYS_pwrite64, &pwrite},
    {SYS_preadv2, &preadv2},
    {SYS_pwritev2, &pwritev2},
    {SYS_recvfrom, &recvfrom},
    {SYS_sendto, &sendto},
    {SYS_recvmsg, &recvmsg},
    {SYS_sendmsg, &sendmsg},
    {SYS_accept4, &accept},
    {SYS_connect, &connect},
    {SYS_socket, &socket},
    {SYS_bind, &bind},
    {SYS_listen, &listen},
    {SYS_shutdown, &shutdown},
    {SYS_getsockopt, &getsockopt},
    {SYS_setsockopt, &setsockopt},
    {SYS_openat, &openat},
    {SYS_close, &close},
    {SYS_fsync, &fsync},
    {SYS_fdatasync, &fsync},
    {SYS_statx, &statx},
    {SYS_unlinkat, &unlinkat},
    {SYS_ppoll, &poll},
    {SYS_eventfd2, &eventfd},
    {SYS_prlimit64, &prlimit},
    {SYS_epoll_create1, &epoll_create},
    {SYS_epoll_pwait2, &epoll_pwait2},
    {SYS_epoll_pwait, &epoll_pwait},
    {SYS_io_uring_setup, &io_uring_setup},
    {SYS_io_uring_register, &io_uring_register},
    {440, &process_madvise},
};

static const struct call *const by_opcode[BI_URING_OPCODES] = {
    [BI_URING_READV] = &sqe_read,     [BI_URING_WRITEV] = &sqe_write,
    [BI_URING_READ] = &sqe_read,      [BI_URING_WRITE] = &sqe_write,
    [BI_URING_RECV] = &sqe_recv,      [BI_URING_SEND] = &sqe_send,
    [BI_URING_RECVMSG] = &sqe_recv,   [BI_URING_SENDMSG] = &sqe_send,
    [BI_URING_ACCEPT] = &sqe_accept,  [BI_URING_CONNECT] = &sqe_connect,
    [BI_URING_POLL_ADD] = &sqe_poll,  [BI_URING_OPENAT] = &sqe_open,
    [BI_URING_FSYNC] = &sqe_fsync,
};

const struct call *call_of_number(long number, const long args[6])
{
    if (number == SYS_epoll_ctl)
        return args[1] == EPOLL_CTL_ADD ? &epoll_add : NULL;
    if (number == SYS_futex)
        return args[1] == FUTEX_WAIT_PRIVATE ? &futex_wait : NULL;
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
        return &dontfork;
    case MADV_NOHUGEPAGE:
        return &nohugepage;
    case MADV_GUARD_INSTALL:
        return &guard;
    default:
        return &dontneed;
    }
}

const struct call *call_of_submission(const struct bi_sqe *sqe)
{
    if (sqe->opcode == BI_URING_POLL_ADD && sqe->len == BI_POLL_MULTISHOT)
        return &sqe_inbox;
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
