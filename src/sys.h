/* sys.h: the one border to the kernel.
 *
 * Every system call of the library goes through the table `bi_sys`, which a
 * test may replace entry by entry: that is where faults are injected.  What a
 * porting layer could replace because it can block goes by number, through
 * the stub of arch/; the clock, mappings and threads go through libc.
 *
 * All wrappers return a result >= 0 or a negated errno, and leave errno alone.
 */
#ifndef BI_SYS_H
#define BI_SYS_H

#include "base.h"

#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <threads.h>
#include <time.h>

struct bi_sys {
    /* A system call by its number (arch/syscall.h). */
    long (*call)(long number, long a, long b, long c, long d, long e, long f);
    /* Mappings.  map returns NULL and sets *error. */
    void *(*map)(size_t bytes, int prot, int flags, int fd, off_t at,
                 int *error);
    int (*unmap)(void *at, size_t bytes);
    int (*protect)(void *at, size_t bytes, int prot);
    int (*advise)(void *at, size_t bytes, int advice);
    bide_time (*now)(void); /* CLOCK_MONOTONIC, or this thread's own time */
    /* Begin a thread of the library's own: 0, or -EAGAIN. */
    int (*thread_start)(thrd_t *t, int (*run)(void *), void *arg);
    /* posix_spawnp(3). */
    int (*spawn)(pid_t *pid, const char *file,
                 const posix_spawn_file_actions_t *actions,
                 const posix_spawnattr_t *attr, char *const argv[],
                 char *const environment[]);
    /* Look a host and a service up, which blocks; `flags` are AI_.  How many
     * of the addresses of streams there are, `room` at most; or, each for one
     * thing only, as bide_resolve() tells them: -ENOENT, -ENONET, -EREMOTEIO,
     * -EINVAL, -ENOMEM. */
    int (*lookup)(const char *host, const char *service, int flags,
                  struct bide_address *out, int room);
};
extern struct bi_sys bi_sys;
extern const struct bi_sys bi_sys_kernel; /* as it is at first */

/* An entry that a fault sweep may replace while other threads call: it is read
 * as one, which costs nothing more. */
#define BI_SYS(entry) __atomic_load_n(&bi_sys.entry, __ATOMIC_RELAXED)

/* Where a test keeps what time it is for this thread; NULL: CLOCK_MONOTONIC. */
extern _Thread_local const bide_time *bi_sys_virtual_now
    __attribute__((tls_model("initial-exec"), visibility("hidden")));

/* CLOCK_MONOTONIC in any case. */
bide_time bi_sys_monotonic(void);

/* Zeroed memory in whole pages, given back by bi_sys.unmap(); NULL: there is
 * none. */
void *bi_sys_pages(size_t bytes);

/* What headers older than the kernel lack. */
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102 /* Linux 6.13 */
#endif

#define BI_CALL(number, a, b, c, d, e, f)                         \
    BI_SYS(call)((number), (long)(a), (long)(b), (long)(c),       \
                 (long)(d), (long)(e), (long)(f))

static inline void *bi_sys_map(size_t bytes, int prot, int flags, int fd,
                               off_t at, int *error)
{
    return BI_SYS(map)(bytes, prot, flags, fd, at, error);
}

static inline int bi_sys_thread_start(thrd_t *t, int (*run)(void *), void *arg)
{
    return BI_SYS(thread_start)(t, run, arg);
}

static inline int bi_sys_spawn(pid_t *pid, const char *file,
                               const posix_spawn_file_actions_t *actions,
                               const posix_spawnattr_t *attr,
                               char *const argv[], char *const environment[])
{
    return BI_SYS(spawn)(pid, file, actions, attr, argv, environment);
}

static inline ssize_t bi_sys_read(int fd, void *buf, size_t len)
{
    return BI_CALL(SYS_read, fd, buf, len, 0, 0, 0);
}

static inline ssize_t bi_sys_write(int fd, const void *buf, size_t len)
{
    return BI_CALL(SYS_write, fd, buf, len, 0, 0, 0);
}

/* readv(2) or writev(2). */
static inline ssize_t bi_sys_vector(bool reads, int fd, const struct iovec *iov,
                                    int n)
{
    return BI_CALL(reads ? SYS_readv : SYS_writev, fd, iov, n, 0, 0, 0);
}

/* pread(2) or pwrite(2). */
static inline ssize_t bi_sys_at(bool reads, int fd, void *buf, size_t len,
                                off_t at)
{
    return BI_CALL(reads ? SYS_pread64 : SYS_pwrite64, fd, buf, len, at, 0, 0);
}

/* `at` -1 is the file's own position; `flags` are RWF_. */
static inline ssize_t bi_sys_preadv2(int fd, const struct iovec *iov, int n,
                                     off_t at, int flags)
{
    return BI_CALL(SYS_preadv2, fd, iov, n, at, (uint64_t)at >> 32, flags);
}

static inline ssize_t bi_sys_pwritev2(int fd, const struct iovec *iov, int n,
                                      off_t at, int flags)
{
    return BI_CALL(SYS_pwritev2, fd, iov, n, at, (uint64_t)at >> 32, flags);
}

static inline ssize_t bi_sys_recvfrom(int fd, void *buf, size_t len, int flags,
                                      struct sockaddr *from, socklen_t *bytes)
{
    return BI_CALL(SYS_recvfrom, fd, buf, len, flags, from, bytes);
}

static inline ssize_t bi_sys_sendto(int fd, const void *buf, size_t len,
                                    int flags, const struct sockaddr *to,
                                    socklen_t bytes)
{
    return BI_CALL(SYS_sendto, fd, buf, len, flags, to, bytes);
}

static inline ssize_t bi_sys_recvmsg(int fd, struct msghdr *msg, int flags)
{
    return BI_CALL(SYS_recvmsg, fd, msg, flags, 0, 0, 0);
}

static inline ssize_t bi_sys_sendmsg(int fd, const struct msghdr *msg,
                                     int flags)
{
    return BI_CALL(SYS_sendmsg, fd, msg, flags, 0, 0, 0);
}

static inline int bi_sys_accept4(int fd, struct sockaddr *addr, socklen_t *len,
                                 int flags)
{
    return (int)BI_CALL(SYS_accept4, fd, addr, len, flags, 0, 0);
}

static inline int bi_sys_connect(int fd, const struct sockaddr *addr,
                                 socklen_t len)
{
    return (int)BI_CALL(SYS_connect, fd, addr, len, 0, 0, 0);
}

/* `span` in ns, or a negative number for no limit. */
int bi_sys_poll(struct pollfd *fds, nfds_t n, bide_time span);

static inline int bi_sys_open(const char *path, int flags, mode_t mode)
{
    return (int)BI_CALL(SYS_openat, AT_FDCWD, path, flags, mode, 0, 0);
}

static inline int bi_sys_close(int fd)
{
    return (int)BI_CALL(SYS_close, fd, 0, 0, 0, 0, 0);
}

static inline int bi_sys_fsync(int fd, bool data_only)
{
    long number = data_only ? SYS_fdatasync : SYS_fsync;
    return (int)BI_CALL(number, fd, 0, 0, 0, 0, 0);
}

static inline int bi_sys_shutdown(int fd, int how)
{
    return (int)BI_CALL(SYS_shutdown, fd, how, 0, 0, 0, 0);
}

static inline int bi_sys_socket(int family, int type, int protocol)
{
    return (int)BI_CALL(SYS_socket, family, type, protocol, 0, 0, 0);
}

static inline int bi_sys_bind(int fd, const struct sockaddr *addr,
                              socklen_t len)
{
    return (int)BI_CALL(SYS_bind, fd, addr, len, 0, 0, 0);
}

/* The address that a numeric host and port are, without asking anybody: 1; or
 * -ENOENT: they are not numeric. */
int bi_sys_numeric(const char *host, const char *port, int flags,
                   struct bide_address *out);

static inline int bi_sys_listen(int fd, int backlog)
{
    return (int)BI_CALL(SYS_listen, fd, backlog, 0, 0, 0, 0);
}

static inline int bi_sys_getsockopt(int fd, int level, int name, void *value,
                                    socklen_t *len)
{
    return (int)BI_CALL(SYS_getsockopt, fd, level, name, value, len, 0);
}

static inline int bi_sys_setsockopt(int fd, int level, int name,
                                    const void *value, socklen_t len)
{
    return (int)BI_CALL(SYS_setsockopt, fd, level, name, value, len, 0);
}

static inline off_t bi_sys_lseek(int fd, off_t at, int whence)
{
    return BI_CALL(SYS_lseek, fd, at, whence, 0, 0, 0);
}

/* The descriptor's open flags (F_GETFL). */
static inline int bi_sys_getfl(int fd)
{
    return (int)BI_CALL(SYS_fcntl, fd, F_GETFL, 0, 0, 0, 0);
}

/* The descriptor's own flags (F_GETFD), such as FD_CLOEXEC. */
static inline int bi_sys_getfd(int fd)
{
    return (int)BI_CALL(SYS_fcntl, fd, F_GETFD, 0, 0, 0, 0);
}

static inline int bi_sys_dup(int fd)
{
    return (int)BI_CALL(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 0, 0, 0, 0);
}

static inline int bi_sys_setfl(int fd, int flags)
{
    return (int)BI_CALL(SYS_fcntl, fd, F_SETFL, flags, 0, 0, 0);
}

/* What tells files apart; files of the kernel's own (eventfds and the like) are
 * one and the same to it. */
struct bi_file_id {
    uint64_t device, number;
};

int bi_sys_file_id(int fd, struct bi_file_id *id);

/* The file's type, as S_IFMT has it; that of a link itself unless `follow`. */
int bi_sys_file_type(int fd);
int bi_sys_path_type(const char *path, bool follow);

static inline int bi_sys_pipe(int fds[2])
{
    return (int)BI_CALL(SYS_pipe2, fds, O_CLOEXEC, 0, 0, 0, 0);
}

/* A descriptor for a child of ours that was not waited for (Linux 5.3). */
static inline int bi_sys_pidfd_open(pid_t pid)
{
    return (int)BI_CALL(SYS_pidfd_open, pid, 0, 0, 0, 0, 0);
}

/* Send `sig` to the process that `pidfd` stands for. */
static inline int bi_sys_pidfd_send(int pidfd, int sig)
{
    return (int)BI_CALL(SYS_pidfd_send_signal, pidfd, sig, 0, 0, 0, 0);
}

/* Send a signal to a process by its number, as `info` describes it. */
static inline int bi_sys_sigqueueinfo(pid_t pid, siginfo_t *info)
{
    return (int)BI_CALL(SYS_rt_sigqueueinfo, pid, info->si_signo, info, 0, 0,
                        0);
}

/* Send `sig` to a process by its number. */
static inline int bi_sys_kill(pid_t pid, int sig)
{
    return (int)BI_CALL(SYS_kill, pid, sig, 0, 0, 0, 0);
}

/* Take the status of a child that has ended: its pid, or 0: it has not. */
static inline pid_t bi_sys_reap(pid_t pid, int *status)
{
    return (pid_t)BI_CALL(SYS_wait4, pid, status, WNOHANG, 0, 0, 0);
}

/* End a child by force and take its status. */
static inline void bi_sys_end(pid_t pid)
{
    bi_sys_kill(pid, SIGKILL);
    while (BI_CALL(SYS_wait4, pid, 0, 0, 0, 0, 0) == -EINTR)
        ;
}

/* An anonymous file of `bytes`, close-on-exec, that nobody can shrink. */
int bi_sys_memory_file(const char *name, size_t bytes);

static inline int bi_sys_truncate(int fd, size_t bytes)
{
    return (int)BI_CALL(SYS_ftruncate, fd, bytes, 0, 0, 0, 0);
}

static inline int bi_sys_close_on_exec(int fd)
{
    return (int)BI_CALL(SYS_fcntl, fd, F_SETFD, FD_CLOEXEC, 0, 0, 0);
}

/* A path that leads to this program, with its NUL; mostly the one it was
 * started by. */
#define BI_PATH_BYTES 4096
void bi_sys_program(char path[BI_PATH_BYTES]);

/* On how many processors this thread may run; at least 1. */
unsigned bi_sys_processors(void);

/* Copy up to `len` bytes from pipe to pipe, without blocking. */
static inline ssize_t bi_sys_tee(int from, int to, size_t len)
{
    return BI_CALL(SYS_tee, from, to, len, SPLICE_F_NONBLOCK, 0, 0);
}

static inline int bi_sys_unlink(const char *path)
{
    return (int)BI_CALL(SYS_unlinkat, AT_FDCWD, path, 0, 0, 0, 0);
}

static inline int bi_sys_eventfd(void)
{
    return (int)BI_CALL(SYS_eventfd2, 0, EFD_CLOEXEC | EFD_NONBLOCK, 0, 0, 0,
                        0);
}

static inline int bi_sys_epoll_create(void)
{
    return (int)BI_CALL(SYS_epoll_create1, EPOLL_CLOEXEC, 0, 0, 0, 0, 0);
}

static inline int bi_sys_epoll_ctl(int ep, int op, int fd,
                                   struct epoll_event *ev)
{
    return (int)BI_CALL(SYS_epoll_ctl, ep, op, fd, ev, 0, 0);
}

/* `span` in ns, or a negative number for no limit. */
int bi_sys_epoll_wait(int ep, struct epoll_event *events, int n,
                      bide_time span);

/* io_uring; what the arguments mean is in uring_abi.h. */
static inline int bi_sys_uring_setup(unsigned entries, void *params)
{
    return (int)BI_CALL(SYS_io_uring_setup, entries, params, 0, 0, 0, 0);
}

static inline int bi_sys_uring_enter(int fd, unsigned submit, unsigned complete,
                                     unsigned flags, const void *arg,
                                     size_t arg_bytes)
{
    return (int)BI_CALL(SYS_io_uring_enter, fd, submit, complete, flags, arg,
                        arg_bytes);
}

static inline int bi_sys_uring_register(int fd, unsigned opcode, void *arg,
                                        unsigned n)
{
    return (int)BI_CALL(SYS_io_uring_register, fd, opcode, arg, n, 0, 0);
}

/* A futex of this process: wait while `*word` is `value`; wake up to `n`. */
int bi_sys_futex_wait(uint32_t *word, uint32_t value, bide_time span);
int bi_sys_futex_wake(uint32_t *word, int n);

/* The number of this thread in the kernel. */
static inline pid_t bi_sys_thread_id(void)
{
    return (pid_t)BI_CALL(SYS_gettid, 0, 0, 0, 0, 0, 0);
}

/* Wait for the end of a thread that thread_start began, or never do. */
void bi_sys_thread_join(thrd_t t);
void bi_sys_thread_detach(thrd_t t);

/* Block every signal in this thread, until bi_sys_mask_restore(). */
int bi_sys_mask_all(sigset_t *before);

/* Change this thread's mask, as pthread_sigmask(3). */
static inline int bi_sys_mask_change(int how, const sigset_t *set,
                                     sigset_t *before)
{
    return -pthread_sigmask(how, set, before);
}

/* The soft limit of `resource` (RLIMIT_), RLIM_INFINITY where there is none. */
static inline rlim_t bi_sys_limit(int resource)
{
    struct rlimit limit = {.rlim_cur = RLIM_INFINITY};
    (void)BI_CALL(SYS_prlimit64, 0, resource, 0, &limit, 0, 0);
    return limit.rlim_cur;
}

/* The action for `sig`, as sigaction(2). */
static inline int bi_sys_sigaction(int sig, const struct sigaction *action,
                                   struct sigaction *before)
{
    int saved = errno;
    int rc = sigaction(sig, action, before) < 0 ? -errno : 0;
    errno = saved;
    return rc;
}

/* This thread's stack for signal handlers, as sigaltstack(2). */
static inline int bi_sys_sigaltstack(const stack_t *stack, stack_t *before)
{
    int saved = errno;
    int rc = sigaltstack(stack, before) < 0 ? -errno : 0;
    errno = saved;
    return rc;
}

/* Block SIGPIPE in this thread; then take one that came, if one did.  The mask
 * before is put in `*before` and restored by the last of the three. */
int bi_sys_sigpipe_block(sigset_t *before);
void bi_sys_sigpipe_drain(void);
void bi_sys_mask_restore(const sigset_t *before);

#endif
