/* launch.c: starting a program: what it gets, and what we keep.
 *
 * posix_spawn(3) does it: glibc's is a clone(2) that shares our memory until
 * the program is loaded, so that a process with a million stacks starts one as
 * quickly as a small one.  Rejected: fork(2), which copies the page tables of
 * all of them, and whose child stands in the middle of a run that is not its
 * own.
 *
 * The program's descriptors are a list of pairs, ours and its.  Nothing else
 * reaches it: what lies between is closed, what lies above as well.  A number
 * of ours that another pair gives away is first moved out of the way, in the
 * child, where all numbers are free to use.
 */
#include "launch.h"

#include "io.h"
#include "sys.h"

#include <spawn.h>
#include <string.h>
#include <unistd.h>

#define PAIRS 64 /* descriptors that a program can be given */
#define FLAGS (BIDE_ERR_TO_OUT | (BIDE_ERR_TO_OUT - 1)) /* all there are */

struct pair {
    int ours;
    int its;
    int moved; /* where ours is in the child */
};

struct plan {
    struct pair pairs[PAIRS];
    size_t count;
    int theirs[3]; /* what we opened for the program alone, or -1 */
    int *ends;     /* what we keep */
};

/* ---- Which descriptors -------------------------------------------------- */

static const struct pair *find(const struct plan *plan, int its)
{
    for (size_t i = 0; i < plan->count; i++)
        if (plan->pairs[i].its == its)
            return &plan->pairs[i];
    return NULL;
}

static int add(struct plan *plan, int ours, int its)
{
    if (ours < 0)
        return -EBADF;
    if (its < 0 || plan->count == PAIRS || find(plan, its))
        return -EINVAL;
    plan->pairs[plan->count++] = (struct pair){ours, its, ours};
    return 0;
}

/* The program's descriptor `n` is one end of a pipe, the other is ours.  Each
 * end is a file of its own: that ours does not block is not seen from there. */
static int add_pipe(struct plan *plan, int n)
{
    int fds[2];
    int rc = bi_sys_pipe(fds);
    if (rc < 0)
        return rc;
    int ours = n == 0 ? fds[1] : fds[0];
    plan->theirs[n] = n == 0 ? fds[0] : fds[1];
    plan->ends[n] = bi_io_adopt(ours, BI_FD_PIPE);
    rc = bi_sys_setfl(ours, (n == 0 ? O_WRONLY : O_RDONLY) | O_NONBLOCK);
    return rc < 0 ? rc : add(plan, plan->theirs[n], n);
}

static int add_null(struct plan *plan, int n)
{
    int fd;
    do
        fd = bi_sys_open("/dev/null", O_RDWR | O_CLOEXEC, 0);
    while (fd == -EINTR);
    if (fd < 0)
        return fd;
    plan->theirs[n] = fd;
    return add(plan, fd, n);
}

static int add_given(struct plan *plan, const int *fds)
{
    for (; fds && fds[0] != -1; fds += 2) {
        int rc = bi_sys_getfl(fds[0]);
        if (rc >= 0)
            rc = add(plan, fds[0], fds[1]);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* Ours, if it is there to be inherited: where a daemon has closed it, the next
 * descriptor of ours has got its number, and that is close-on-exec. */
static int add_inherited(struct plan *plan, int n)
{
    int flags = bi_sys_getfd(n);
    bool ours = flags >= 0 && !(flags & FD_CLOEXEC);
    return ours && !find(plan, n) ? add(plan, n, n) : 0;
}

/* Where the output goes, the errors go; nowhere, if that goes nowhere. */
static int add_errors(struct plan *plan)
{
    const struct pair *out = find(plan, 1);
    if (find(plan, 2))
        return -EINVAL;
    return out ? add(plan, out->ours, 2) : 0;
}

static int add_standard(struct plan *plan, unsigned flags, int n)
{
    bool pipe = flags & BIDE_PIPE_IN << n;
    bool null = flags & BIDE_NULL_IN << n;
    if (pipe && null)
        return -EINVAL;
    if (pipe || null)
        return pipe ? add_pipe(plan, n) : add_null(plan, n);
    bool errors = n == 2 && flags & BIDE_ERR_TO_OUT;
    return errors ? 0 : add_inherited(plan, n);
}

/* What is given comes first: its numbers of ours are as the caller sees them,
 * before a pipe of ours can have one that is free. */
static int make_plan(struct plan *plan, const struct bide_proc_options *opt)
{
    int rc = opt->flags & ~FLAGS ? -EINVAL : add_given(plan, opt->fds);
    for (int n = 0; n < 3 && rc == 0; n++)
        rc = add_standard(plan, opt->flags, n);
    if (rc == 0 && opt->flags & BIDE_ERR_TO_OUT)
        rc = add_errors(plan);
    return rc;
}

/* ---- How posix_spawn is told -------------------------------------------- */

/* Behind every number of either side. */
static int first_free(const struct plan *plan)
{
    int top = 2;
    for (size_t i = 0; i < plan->count; i++) {
        top = plan->pairs[i].ours > top ? plan->pairs[i].ours : top;
        top = plan->pairs[i].its > top ? plan->pairs[i].its : top;
    }
    return top + 1;
}

/* Give each descriptor its number; in libc's way, an error is positive. */
static int place(struct plan *plan, posix_spawn_file_actions_t *actions)
{
    int rc = 0, spare = first_free(plan);
    for (size_t i = 0; i < plan->count && rc == 0; i++) {
        struct pair *p = &plan->pairs[i];
        if (p->ours == p->its || !find(plan, p->ours))
            continue;
        p->moved = spare++;
        rc = posix_spawn_file_actions_adddup2(actions, p->ours, p->moved);
    }
    for (size_t i = 0; i < plan->count && rc == 0; i++) {
        const struct pair *p = &plan->pairs[i];
        rc = posix_spawn_file_actions_adddup2(actions, p->moved, p->its);
    }
    return rc;
}

static int close_others(const struct plan *plan,
                        posix_spawn_file_actions_t *actions)
{
    int rc = 0, top = 2;
    for (size_t i = 0; i < plan->count; i++)
        top = plan->pairs[i].its > top ? plan->pairs[i].its : top;
    for (int n = 0; n < top && rc == 0; n++)
        if (!find(plan, n))
            rc = posix_spawn_file_actions_addclose(actions, n);
    return rc ? rc : posix_spawn_file_actions_addclosefrom_np(actions, top + 1);
}

static int set_actions(struct plan *plan, posix_spawn_file_actions_t *actions,
                       const char *directory)
{
    int rc = directory
        ? posix_spawn_file_actions_addchdir_np(actions, directory) : 0;
    if (rc == 0)
        rc = place(plan, actions);
    return rc ? rc : close_others(plan, actions);
}

/* Signals as a program expects them: none blocked, all with their defaults. */
static int set_attributes(posix_spawnattr_t *attr, bool new_session)
{
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    int rc = posix_spawnattr_setsigmask(attr, &none);
    if (rc == 0)
        rc = posix_spawnattr_setsigdefault(attr, &all);
    return rc ? rc : posix_spawnattr_setflags(
        attr, (short)(flags | (new_session ? POSIX_SPAWN_SETSID : 0)));
}

static int spawn(struct plan *plan, char *const argv[],
                 const struct bide_proc_options *opt, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    char *const *env = opt->environment ? opt->environment : environ;
    if (posix_spawn_file_actions_init(&actions))
        return -ENOMEM;
    int rc = -posix_spawnattr_init(&attr);
    if (rc == 0) {
        rc = -set_attributes(&attr, opt->new_session);
        if (rc == 0)
            rc = -set_actions(plan, &actions, opt->directory);
        if (rc == 0)
            rc = bi_sys_spawn(pid, argv[0], &actions, &attr, argv, env);
        posix_spawnattr_destroy(&attr);
    }
    posix_spawn_file_actions_destroy(&actions);
    return rc;
}

int bi_launch(struct bi_launched *out, char *const argv[],
              const struct bide_proc_options *opt)
{
    struct plan plan = {.theirs = {-1, -1, -1}, .ends = out->ends};
    out->ends[0] = out->ends[1] = out->ends[2] = -1;
    int rc = make_plan(&plan, opt);
    if (rc == 0)
        rc = spawn(&plan, argv, opt, &out->pid);
    for (int n = 0; n < 3; n++) {
        if (plan.theirs[n] >= 0)
            bi_sys_close(plan.theirs[n]);
        if (rc < 0)
            bi_io_close(&out->ends[n]);
    }
    return rc;
}
