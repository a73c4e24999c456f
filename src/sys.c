/* sys.c: every system call of the library, through one table.
 *
 * The table is the seam for faults: a test puts its own function in an entry.
 * An indirect call costs a nanosecond or two, a system call hundreds, so that
 * the library that is shipped is the one that is tested.
 */
#include "sys.h"

#include "annotate.h"
#include "arch/syscall.h"

#include <linux/futex.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>

static void *map(size_t bytes, int prot, int flags, int fd, off_t at,
                 int *error)
{
    int saved = errno;
    void *p = mmap(NULL, bytes, prot, flags, fd, at);
    *error = p == MAP_FAILED ? -errno : 0;
    errno = saved;
    return p == MAP_FAILED ? NULL : p;
}

/* What a libc call returned, as a result; errno as it was before. */
static int outcome(int rc, int saved)
{
    int error = rc < 0 ? -errno : 0;
    errno = saved;
    return error;
}

static int unmap(void *at, size_t bytes)
{
    int saved = errno;
    return outcome(munmap(at, bytes), saved);
}

static int protect(void *at, size_t bytes, int prot)
{
    int saved = errno;
    return outcome(mprotect(at, bytes, prot), saved);
}

static int advise(void *at, size_t bytes, int advice)
{
    int saved = errno;
    return outcome(madvise(at, bytes, advice), saved);
}

_Thread_local const bide_time *bi_sys_virtual_now;

bide_time bi_sys_monotonic(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return BIDE_SEC(ts.tv_sec) + ts.tv_nsec;
}

static bide_time now(void)
{
    const bide_time *virtual = bi_sys_virtual_now;
    return bi_unlikely(virtual != NULL) ? *virtual : bi_sys_monotonic();
}

/* TSan dies of a thread that it did not see begin, and it looks into
 * pthread_create only; the library that is shipped names only thrd_create,
 * which a porting layer leaves alone. */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define __SANITIZE_THREAD__ 1
#endif
#endif
#ifdef __SANITIZE_THREAD__
#include <pthread.h>

static int thread_start(thrd_t *t, int (*run)(void *), void *arg)
{
    void *(*twin)(void *) = (void *(*)(void *))(void (*)(void))run;
    return -pthread_create(t, NULL, twin, arg);
}

void bi_sys_thread_join(thrd_t t)
{
    pthread_join(t, NULL);
}

void bi_sys_thread_detach(thrd_t t)
{
    pthread_detach(t);
}
#else
static int thread_start(thrd_t *t, int (*run)(void *), void *arg)
{
    return thrd_create(t, run, arg) == thrd_success ? 0 : -EAGAIN;
}

void bi_sys_thread_join(thrd_t t)
{
    thrd_join(t, NULL);
}

void bi_sys_thread_detach(thrd_t t)
{
    thrd_detach(t);
}
#endif

static int spawn(pid_t *pid, const char *file,
                 const posix_spawn_file_actions_t *actions,
                 const posix_spawnattr_t *attr, char *const argv[],
                 char *const environment[])
{
    return -posix_spawnp(pid, file, actions, attr, argv, environment);
}

/* What getaddrinfo(3) says; NODATA: the name is there, with other things. */
static int code_of(int said, int error)
{
    switch (said) {
    case EAI_NONAME:
    case EAI_NODATA:
    case EAI_ADDRFAMILY:
        return -ENOENT;
    case EAI_AGAIN:
        return -ENONET;
    case EAI_SERVICE:
        return -EINVAL;
    case EAI_MEMORY:
        return -ENOMEM;
    case EAI_SYSTEM:
        if (error == ENOMEM || error == EMFILE || error == ENFILE)
            return -error;
        return -EREMOTEIO;
    default:
        return -EREMOTEIO;
    }
}

static int lookup(const char *host, const char *service, int flags,
                  struct bide_address *out, int room)
{
    struct addrinfo *list = NULL, hints = {.ai_flags = flags,
                                           .ai_socktype = SOCK_STREAM};
    int saved = errno, n = 0;
    int rc = getaddrinfo(host, service, &hints, &list);
    int error = errno;
    errno = saved;
    if (rc)
        return code_of(rc, error);
    for (struct addrinfo *a = list; a && n < room; a = a->ai_next) {
        memcpy(&out[n].storage, a->ai_addr, a->ai_addrlen);
        out[n++].len = a->ai_addrlen;
    }
    freeaddrinfo(list);
    return n;
}

int bi_sys_numeric(const char *host, const char *port, int flags,
                   struct bide_address *out)
{
    return lookup(host, port, flags | AI_NUMERICHOST | AI_NUMERICSERV, out, 1);
}

#define KERNEL                                                            \
    {.call = bi_syscall, .map = map, .unmap = unmap, .protect = protect,  \
     .advise = advise, .now = now, .thread_start = thread_start,          \
     .spawn = spawn, .lookup = lookup}

const struct bi_sys bi_sys_kernel = KERNEL;
struct bi_sys bi_sys = KERNEL;

void *bi_sys_pages(size_t bytes)
{
    int error;
    return bi_sys_map(bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0, &error);
}

/* `span` as the kernel takes it; NULL: no limit. */
static struct timespec *span_of(bide_time span, struct timespec *ts)
{
    if (span < 0 || span == BIDE_FOREVER)
        return NULL;
    ts->tv_sec = span / BIDE_SEC(1);
    ts->tv_nsec = span % BIDE_SEC(1);
    return ts;
}

int bi_sys_poll(struct pollfd *fds, nfds_t n, bide_time span)
{
    struct timespec ts;
    return (int)BI_CALL(SYS_ppoll, fds, n, span_of(span, &ts), 0, 8, 0);
}

/* A sandbox that is older than a system call refuses it, and not all of them
 * with ENOSYS.  For calls that have no EPERM of their own. */
static bool unknown(int rc)
{
    return rc == -ENOSYS || rc == -EPERM;
}

static int describe_by_libc(int dir, const char *path, int flags,
                            struct statx *out)
{
    struct stat st;
    int saved = errno, rc = fstatat(dir, path, &st, flags) < 0 ? -errno : 0;
    errno = saved;
    if (rc == 0)
        *out = (struct statx){.stx_mode = (uint16_t)st.st_mode,
                              .stx_ino = st.st_ino,
                              .stx_dev_major = major(st.st_dev),
                              .stx_dev_minor = minor(st.st_dev)};
    return rc;
}

static int describe(int dir, const char *path, int flags, struct statx *out)
{
    int rc = (int)BI_CALL(SYS_statx, dir, path, flags, STATX_TYPE | STATX_INO,
                          out, 0);
    return unknown(rc) ? describe_by_libc(dir, path, flags, out) : rc;
}

static int type_at(int dir, const char *path, int flags)
{
    struct statx st;
    int rc = describe(dir, path, flags, &st);
    return rc < 0 ? rc : st.stx_mode & S_IFMT;
}

int bi_sys_file_id(int fd, struct bi_file_id *id)
{
    struct statx st;
    int rc = describe(fd, "", AT_EMPTY_PATH, &st);
    if (rc == 0)
        *id = (struct bi_file_id){
            (uint64_t)st.stx_dev_major << 32 | st.stx_dev_minor, st.stx_ino};
    return rc;
}

int bi_sys_file_type(int fd)
{
    return type_at(fd, "", AT_EMPTY_PATH);
}

int bi_sys_path_type(const char *path, bool follow)
{
    return type_at(AT_FDCWD, path, follow ? 0 : AT_SYMLINK_NOFOLLOW);
}

/* epoll_pwait2 came with Linux 5.11, and Valgrind complains of it; without it,
 * milliseconds are rounded up, so that no timer is early. */
int bi_sys_epoll_wait(int ep, struct epoll_event *events, int n, bide_time span)
{
    static atomic_bool missing;
    struct timespec ts;
    if (!atomic_load_explicit(&missing, memory_order_relaxed) &&
        !bi_annotate_wants_stacks()) {
        int rc = (int)BI_CALL(SYS_epoll_pwait2, ep, events, n,
                              span_of(span, &ts), 0, 8);
        if (!unknown(rc))
            return rc;
        atomic_store_explicit(&missing, true, memory_order_relaxed);
    }
    int ms = -1;
    if (span_of(span, &ts)) {
        bide_time whole = span / BIDE_MS(1) + (span % BIDE_MS(1) != 0);
        ms = whole > 60000 ? 60000 : (int)whole;
    }
    return (int)BI_CALL(SYS_epoll_pwait, ep, events, n, ms, 0, 8);
}

int bi_sys_futex_wait(uint32_t *word, uint32_t value, bide_time span)
{
    struct timespec ts;
    return (int)BI_CALL(SYS_futex, word, FUTEX_WAIT_PRIVATE, value,
                        span_of(span, &ts), 0, 0);
}

int bi_sys_futex_wake(uint32_t *word, int n)
{
    return (int)BI_CALL(SYS_futex, word, FUTEX_WAKE_PRIVATE, n, 0, 0, 0);
}

int bi_sys_memory_file(const char *name, size_t bytes)
{
    int fd = (int)BI_CALL(SYS_memfd_create, name,
                          MFD_CLOEXEC | MFD_ALLOW_SEALING, 0, 0, 0, 0);
    if (fd < 0)
        return fd;
    int rc = bi_sys_truncate(fd, bytes);
    if (rc == 0)
        rc = (int)BI_CALL(SYS_fcntl, fd, F_ADD_SEALS, F_SEAL_SHRINK, 0, 0, 0);
    if (rc < 0)
        bi_sys_close(fd);
    return rc < 0 ? rc : fd;
}

/* The link itself can be executed even if the file is gone; but a tool that
 * runs the program, such as Valgrind or an emulator, answers for the program
 * only where the link is read. */
void bi_sys_program(char path[BI_PATH_BYTES])
{
    static const char link[] = "/proc/self/exe";
    long n = BI_CALL(SYS_readlinkat, AT_FDCWD, link, path, BI_PATH_BYTES - 1, 0,
                     0);
    path[n > 0 ? n : 0] = '\0';
    if (n <= 0 || BI_CALL(SYS_faccessat, AT_FDCWD, path, 1 /* X_OK */, 0, 0, 0))
        memcpy(path, link, sizeof link);
}

unsigned bi_sys_processors(void)
{
    unsigned long mask[128]; /* 8,192 processors */
    unsigned count = 0;
    long bytes = BI_CALL(SYS_sched_getaffinity, 0, sizeof mask, mask, 0, 0, 0);
    for (long i = 0; i < bytes / (long)sizeof mask[0]; i++)
        count += (unsigned)__builtin_popcountl(mask[i]);
    return count ? count : 1;
}

int bi_sys_mask_all(sigset_t *before)
{
    sigset_t set;
    sigfillset(&set);
    return -pthread_sigmask(SIG_BLOCK, &set, before);
}

static sigset_t sigpipe_alone(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    return set;
}

int bi_sys_sigpipe_block(sigset_t *before)
{
    sigset_t set = sigpipe_alone();
    return -pthread_sigmask(SIG_BLOCK, &set, before);
}

void bi_sys_sigpipe_drain(void)
{
    sigset_t set = sigpipe_alone();
    struct timespec none = {0};
    BI_CALL(SYS_rt_sigtimedwait, &set, 0, &none, 8, 0, 0);
}

void bi_sys_mask_restore(const sigset_t *before)
{
    pthread_sigmask(SIG_SETMASK, before, NULL);
}
