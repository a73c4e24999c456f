/* boundary.c: what stands in the table of system calls during a sweep.
 *
 * A refused call is not made, but for close(2), which closes in any case.  A
 * short one is made with less to do, as the kernel itself would cut it: only
 * where it moves a stream's bytes or tells of several things.
 */
#include "boundary.h"

#include "clock.h"
#include "ring_fault.h"

#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static struct bi_sys real;
static bool is_older;

static atomic_long mappings, mapped_bytes, blocks;

struct ledger boundary_ledger(void)
{
    return (struct ledger){mappings, mapped_bytes, blocks};
}

/* ---- The heap ----------------------------------------------------------- */

/* The linker puts these in the place of malloc and so on (--wrap). */
void *__real_malloc(size_t bytes);
void *__real_calloc(size_t n, size_t bytes);
void *__real_realloc(void *block, size_t bytes);
void __real_free(void *block);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t n, size_t bytes);
void *__wrap_realloc(void *block, size_t bytes);
void __wrap_free(void *block);

static void *counted(void *block)
{
    if (block)
        atomic_fetch_add(&blocks, 1);
    return block;
}

void *__wrap_malloc(size_t bytes)
{
    return fault_strikes(&call_malloc) ? NULL : counted(__real_malloc(bytes));
}

void *__wrap_calloc(size_t n, size_t bytes)
{
    return fault_strikes(&call_malloc) ? NULL :
                                         counted(__real_calloc(n, bytes));
}

void *__wrap_realloc(void *block, size_t bytes)
{
    if (fault_strikes(&call_malloc))
        return NULL;
    void *moved = __real_realloc(block, bytes);
    return block ? moved : counted(moved);
}

void __wrap_free(void *block)
{
    if (block)
        atomic_fetch_sub(&blocks, 1);
    __real_free(block);
}

/* ---- Mappings and threads ----------------------------------------------- */

static void *map(size_t bytes, int prot, int flags, int fd, off_t at,
                 int *error)
{
    *error = -fault_strikes(&bi_call_map);
    if (*error)
        return NULL;
    void *p = real.map(bytes, prot, flags, fd, at, error);
    if (p) {
        atomic_fetch_add(&mappings, 1);
        atomic_fetch_add(&mapped_bytes, (long)bytes);
        ring_mapped(fd, at, p);
    }
    return p;
}

static int unmap(void *at, size_t bytes)
{
    int rc = real.unmap(at, bytes);
    if (rc == 0) {
        atomic_fetch_sub(&mappings, 1);
        atomic_fetch_sub(&mapped_bytes, (long)bytes);
    }
    return rc;
}

static int protect(void *at, size_t bytes, int prot)
{
    int code = fault_strikes(&call_protect);
    return code ? -code : real.protect(at, bytes, prot);
}

static int advise(void *at, size_t bytes, int advice)
{
    int code = fault_strikes(call_of_advice(advice));
    return code ? -code : real.advise(at, bytes, advice);
}

static int thread_start(thrd_t *t, int (*run)(void *), void *arg)
{
    int code = fault_strikes(&bi_call_thread);
    return code ? -code : real.thread_start(t, run, arg);
}

static int spawn(pid_t *pid, const char *file,
                 const posix_spawn_file_actions_t *actions,
                 const posix_spawnattr_t *attr, char *const argv[],
                 char *const environment[])
{
    int code = fault_strikes(&bi_call_spawn);
    return code ? -code
                : real.spawn(pid, file, actions, attr, argv, environment);
}

/* ---- Names -------------------------------------------------------------- */

static atomic_uint hanging;
static sem_t gate;

unsigned boundary_hanging(void)
{
    return atomic_load(&hanging);
}

void boundary_let_go(void)
{
    for (unsigned n = boundary_hanging(); n > 0; n--)
        sem_post(&gate);
}

static void hang(void)
{
    atomic_fetch_add(&hanging, 1);
    while (sem_wait(&gate) < 0)
        continue;
    atomic_fetch_sub(&hanging, 1);
}

/* Every name is this machine, twice: where one fails there is another. */
static int lookup(const char *host, const char *service, int flags,
                  struct bide_address *out, int room)
{
    int code = fault_strikes(&call_lookup);
    if (code || room < 2)
        return -code;
    if (strcmp(host, "hangs") == 0)
        hang();
    int n = bi_sys_numeric("127.0.0.1", service, flags, &out[0]);
    return n + bi_sys_numeric("127.0.0.1", service, flags, &out[n]);
}

/* ---- Eventfds, which never fail ----------------------------------------- */

#define NUMBERS 1024
static atomic_bool is_eventfd[NUMBERS];

static void note_eventfd(long fd, bool yes)
{
    if (fd >= 0 && fd < NUMBERS)
        atomic_store(&is_eventfd[fd], yes);
}

static bool on_eventfd(long number, long fd)
{
    return (number == SYS_read || number == SYS_write) && fd >= 0 &&
           fd < NUMBERS && atomic_load(&is_eventfd[fd]);
}

/* ---- Short calls -------------------------------------------------------- */

/* Whether what is left out of a call comes with the next one. */
static bool is_stream(long fd)
{
    int type = SOCK_STREAM;
    socklen_t len = sizeof type;
    real.call(SYS_getsockopt, fd, SOL_SOCKET, SO_TYPE, (long)&type, (long)&len,
              0);
    return type == SOCK_STREAM;
}

static struct iovec half(const struct iovec *iov)
{
    return (struct iovec){iov->iov_base, (iov->iov_len + 1) / 2};
}

static long short_message(long number, const long a[6])
{
    struct msghdr *msg = (struct msghdr *)a[1], less = *msg;
    if (msg->msg_iovlen == 0)
        return real.call(number, a[0], a[1], a[2], 0, 0, 0);
    struct iovec one = half(msg->msg_iov);
    less.msg_iov = &one;
    less.msg_iovlen = 1;
    long rc = real.call(number, a[0], (long)&less, a[2], 0, 0, 0);
    if (number == SYS_recvmsg && rc >= 0) {
        msg->msg_namelen = less.msg_namelen;
        msg->msg_controllen = less.msg_controllen;
        msg->msg_flags = less.msg_flags;
    }
    return rc;
}

static long short_call(long number, const long args[6])
{
    long a[6] = {args[0], args[1], args[2], args[3], args[4], args[5]};
    struct iovec one;
    switch (number) {
    case SYS_readv:
    case SYS_writev:
    case SYS_preadv2:
    case SYS_pwritev2:
        one = half((const struct iovec *)a[1]);
        a[1] = (long)&one;
        a[2] = 1;
        break;
    case SYS_recvmsg:
    case SYS_sendmsg:
        if (is_stream(a[0]))
            return short_message(number, a);
        break;
    case SYS_epoll_pwait2:
    case SYS_epoll_pwait:
    case SYS_process_madvise:
        a[2] = 1; /* the first event, the first guard */
        break;
    default:
        if (is_stream(a[0]))
            a[2] = (a[2] + 1) / 2;
        break;
    }
    return clock_call(&real, number, a);
}

/* ---- System calls ------------------------------------------------------- */

static bool is_lacking(long number)
{
    switch (number) {
    case SYS_preadv2:
    case SYS_pwritev2:
    case SYS_epoll_pwait2:
    case SYS_io_uring_setup:
    case SYS_process_madvise:
        return is_older;
    default:
        return false;
    }
}

static void note_result(long number, const long args[6], long rc)
{
    if (number == SYS_eventfd2)
        note_eventfd(rc, true);
    else if (number == SYS_close)
        note_eventfd(args[0], false);
    else if (number == SYS_io_uring_setup && rc >= 0)
        ring_set_up((int)rc, (const struct bi_uring_params *)args[1]);
}

static long call(long number, long a, long b, long c, long d, long e, long f)
{
    const long args[6] = {a, b, c, d, e, f};
    if (is_lacking(number))
        return -ENOSYS;
    if (number == SYS_io_uring_enter)
        return ring_enter(&real, args);
    int code = 0;
    if (!on_eventfd(number, a))
        code = fault_strikes(call_of_number(number, args));
    if (code == BI_SHORT)
        return short_call(number, args);
    if (code == BI_NOTHING)
        return 0;
    if (code && number != SYS_close)
        return -code;
    long rc = clock_call(&real, number, args);
    note_result(number, args, rc);
    return code && rc == 0 ? -code : rc;
}

void boundary_take(bool older)
{
    real = bi_sys;
    sem_init(&gate, 0, 0);
    is_older = older;
    bi_sys = (struct bi_sys){
        .call = call,
        .map = map,
        .unmap = unmap,
        .protect = protect,
        .advise = advise,
        .now = clock_now,
        .thread_start = thread_start,
        .spawn = spawn,
        .lookup = lookup,
    };
}
