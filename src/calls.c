/* calls.c: the table of how calls can fail.
 *
 * It lists what a kernel really says, so that nobody writes code for what never
 * comes.  Left out, as a fault of the caller's own: EBADF, EFAULT, EINVAL.
 */
#include "calls.h"

#include "sys.h"

#define CALL(name, ...)                                           \
    static const struct bi_call call_##name = {#name, BI_OUTCOMES(__VA_ARGS__)}
#define SHARED_CALL(name, said, ...)                              \
    const struct bi_call bi_call_##name = {said, BI_OUTCOMES(__VA_ARGS__)}

SHARED_CALL(map, "mmap", BI_FAILS(ENOMEM), BI_SHOWN_AS(EAGAIN, ENOMEM));
SHARED_CALL(thread, "thread start", BI_SHOWN_AS(EAGAIN, ENOMEM));
SHARED_CALL(spawn, "posix_spawn", BI_FAILS(EACCES), BI_FAILS(ENOMEM));

/* ---- Calls that never wait ---------------------------------------------- */

CALL(socket, BI_FAILS(EMFILE), BI_FAILS(ENFILE), BI_FAILS(ENOBUFS),
     BI_FAILS(EACCES));
CALL(bind, BI_FAILS(EADDRINUSE), BI_FAILS(EACCES), BI_FAILS(EADDRNOTAVAIL));
CALL(listen, BI_FAILS(EADDRINUSE));
CALL(setsockopt, BI_FAILS(EPERM), BI_FAILS(ENOMEM));
CALL(shutdown, BI_FAILS(ENOTCONN));
CALL(pipe, BI_FAILS(EMFILE), BI_FAILS(ENFILE), BI_FAILS(ENOMEM));
CALL(unlink, BI_FAILS(EACCES), BI_FAILS(EBUSY));
CALL(close, BI_FAILS(EIO), BI_FAILS(EINTR));

static const struct {
    long number;
    const struct bi_call *call;
} by_number[] = {
    {SYS_socket, &call_socket},
    {SYS_bind, &call_bind},
    {SYS_listen, &call_listen},
    {SYS_setsockopt, &call_setsockopt},
    {SYS_shutdown, &call_shutdown},
    {SYS_pipe2, &call_pipe},
    {SYS_unlinkat, &call_unlink},
    {SYS_close, &call_close},
};

const struct bi_call *bi_call_of_number(long number)
{
    for (size_t i = 0; i < sizeof by_number / sizeof by_number[0]; i++)
        if (by_number[i].number == number)
            return by_number[i].call;
    return NULL;
}

/* ---- Operations --------------------------------------------------------- */

#define OPERATION(name, ...) {name, BI_OUTCOMES(__VA_ARGS__)}

static const struct bi_call by_kind[] = {
    [BI_OP_READ] = OPERATION("read", BI_READS),
    [BI_OP_WRITE] = OPERATION("write", BI_WRITES),
    [BI_OP_READV] = OPERATION("readv", BI_READS),
    [BI_OP_WRITEV] = OPERATION("writev", BI_WRITES),
    [BI_OP_RECV] = OPERATION("recv", BI_RECEIVES),
    [BI_OP_SEND] = OPERATION("send", BI_SENDS),
    [BI_OP_RECVMSG] = OPERATION("recvmsg", BI_RECEIVES),
    [BI_OP_SENDMSG] = OPERATION("sendmsg", BI_SENDS),
    [BI_OP_ACCEPT] = OPERATION("accept", BI_FAILS(EMFILE), BI_FAILS(ENFILE),
                               BI_FAILS(ENOBUFS), BI_HAPPENS(ECONNABORTED),
                               BI_PASSES(EINTR), BI_HAPPENS(EAGAIN)),
    [BI_OP_CONNECT] = OPERATION("connect", BI_FAILS(ECONNREFUSED),
                                BI_FAILS(ENETUNREACH), BI_FAILS(ETIMEDOUT),
                                BI_FAILS(EADDRNOTAVAIL), BI_PASSES(EINTR)),
    [BI_OP_POLL] = OPERATION("poll", BI_FAILS(ENOMEM), BI_PASSES(EINTR)),
    [BI_OP_OPEN] = OPERATION("open", BI_FAILS(EMFILE), BI_FAILS(ENFILE),
                             BI_FAILS(ENOMEM), BI_FAILS(EACCES), BI_FAILS(EIO),
                             BI_PASSES(EINTR)),
    [BI_OP_FSYNC] = OPERATION("fsync", BI_FAILS(EIO), BI_FAILS(ENOSPC),
                              BI_PASSES(EINTR)),
};

const struct bi_call *bi_call_of_kind(enum bi_op_kind kind)
{
    return &by_kind[kind];
}

int bi_call_shown(const struct bi_outcome *o)
{
    bool hidden = o->code <= 0 || o->code == EINTR || o->code == EAGAIN ||
                  o->code > 511 || !(o->modes & 1u << BI_ONCE);
    return o->shown ? o->shown : hidden ? 0 : o->code;
}
