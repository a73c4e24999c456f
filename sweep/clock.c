/* clock.c: each kind of wait has its limit in a place of its own. */
#include "clock.h"

#include "uring_abi.h"

#include <stdatomic.h>

/* What the kernel may take for what is on its way. */
#define MOMENT BIDE_US(150)

static _Atomic bide_time skipped;

bide_time clock_now(void)
{
    struct timespec ts;
    if (bi_sys_virtual_now)
        return *bi_sys_virtual_now;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return BIDE_SEC(ts.tv_sec) + ts.tv_nsec + atomic_load(&skipped);
}

static long make(const struct bi_sys *real, long number, const long a[6])
{
    return real->call(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

static void skip(bide_time limit)
{
    atomic_fetch_add(&skipped, limit - MOMENT);
}

/* The limit is the timespec in `args[place]`. */
static long wait_timespec(const struct bi_sys *real, long number,
                          const long args[6], int place)
{
    const struct timespec *limit = (const struct timespec *)args[place];
    struct timespec moment = {0, MOMENT};
    bide_time span = limit ? BIDE_SEC(limit->tv_sec) + limit->tv_nsec : 0;
    if (span <= MOMENT)
        return make(real, number, args);
    long brief[6] = {args[0], args[1], args[2], args[3], args[4], args[5]};
    brief[place] = (long)&moment;
    long rc = make(real, number, brief);
    if (rc == 0)
        skip(span);
    return rc;
}

/* The limit is in milliseconds. */
static long wait_ms(const struct bi_sys *real, const long args[6])
{
    long brief[6] = {args[0], args[1], args[2], args[3], args[4], args[5]};
    if (args[3] > 0)
        brief[3] = 1;
    long rc = make(real, SYS_epoll_pwait, brief);
    if (rc == 0 && args[3] > 1)
        skip(BIDE_MS(args[3]));
    return rc;
}

static long wait_ring(const struct bi_sys *real, const long args[6])
{
    const struct bi_uring_limit *limit = (const struct bi_uring_limit *)args[4];
    if (!(args[3] & BI_ENTER_EXT_ARG) || !limit->time)
        return make(real, SYS_io_uring_enter, args);
    const struct bi_uring_time *time =
        (const struct bi_uring_time *)(uintptr_t)limit->time;
    bide_time span = BIDE_SEC(time->seconds) + time->nanoseconds;
    if (span <= MOMENT)
        return make(real, SYS_io_uring_enter, args);
    struct bi_uring_time moment = {0, MOMENT};
    struct bi_uring_limit briefly = {.time = (uintptr_t)&moment};
    long brief[6] = {args[0], args[1], args[2], args[3], (long)&briefly,
                     args[5]};
    long rc = make(real, SYS_io_uring_enter, brief);
    if (rc == -ETIME)
        skip(span);
    return rc;
}

long clock_call(const struct bi_sys *real, long number, const long args[6])
{
    switch (number) {
    case SYS_epoll_pwait2:
        return wait_timespec(real, number, args, 3);
    case SYS_ppoll:
        return wait_timespec(real, number, args, 2);
    case SYS_epoll_pwait:
        return wait_ms(real, args);
    case SYS_io_uring_enter:
        return wait_ring(real, args);
    default:
        return make(real, number, args);
    }
}
