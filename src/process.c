/* process.c: programs as children: start, wait, signal, let go.
 *
 * The end of a program is told by its pidfd, which is a descriptor like any
 * other: the wait is a poll.  Its status is taken once and kept, so that a wait
 * may be cancelled and made again, by several tasks.  Where there are no pidfds
 * (before Linux 5.3, or refused by a sandbox) the kernel is asked in growing
 * pauses.  Rejected for that: SIGCHLD, which belongs to the program, and which
 * others ignore or handle as they like.
 *
 * We reap only what we started, by its number, which stays its own until then.
 * What was let go while it still ran is reaped when it has ended: at the next
 * start of a program, as nobody is there to wait for it.
 */
#include "process.h"

#include "io.h"
#include "launch.h"
#include "park.h"
#include "sys.h"

#include <stdatomic.h>
#include <stdlib.h>

/* Between two looks at a program without a pidfd. */
#define FIRST_PAUSE BIDE_MS(1)
#define LAST_PAUSE BIDE_MS(50)

/* A program that was let go; made at its start: letting go cannot fail. */
struct orphan {
    struct orphan *next;
    pid_t pid;
};

/* All that run on, of every thread. */
static _Atomic(struct orphan *) orphans;

static void adopt(struct orphan *o)
{
    struct orphan *next = atomic_load(&orphans);
    do
        o->next = next;
    while (!atomic_compare_exchange_weak(&orphans, &next, o));
}

static void reap_orphans(void)
{
    struct orphan *o = atomic_exchange(&orphans, NULL);
    while (o) {
        struct orphan *next = o->next;
        if (bi_sys_reap(o->pid, NULL) == 0)
            adopt(o);
        else
            free(o);
        o = next;
    }
}

/* ---- Starting ----------------------------------------------------------- */

static void describe(struct bide_proc *p, const struct bi_launched *l,
                     struct orphan *o, bide_time grace)
{
    o->pid = l->pid;
    *p = (struct bide_proc){
        .pid = l->pid, .in = l->ends[0], .out = l->ends[1], .err = l->ends[2],
        ._kill_grace = grace, ._orphan = o,
    };
    p->pidfd = bi_sys_pidfd_open(l->pid);
    if (p->pidfd < 0)
        p->pidfd = -1;
}

int bide_proc_spawn_with(struct bide_proc *p, char *const argv[],
                         const struct bide_proc_options *opt)
{
    bi_current_in(__func__);
    static const struct bide_proc_options defaults;
    struct bi_launched launched;
    *p = (struct bide_proc){.pidfd = -1, .in = -1, .out = -1, .err = -1,
                            ._ended = true, ._status = -ECHILD};
    if (!opt)
        opt = &defaults;
    if (!argv || !argv[0] || opt->kill_grace < 0)
        return -EINVAL;
    reap_orphans();
    struct orphan *o = malloc(sizeof *o);
    if (!o)
        return -ENOMEM;
    int rc = bi_launch(&launched, argv, opt);
    if (rc < 0)
        free(o);
    else
        describe(p, &launched, o, opt->kill_grace);
    return rc;
}

int bide_proc_spawn(struct bide_proc *p, char *const argv[], unsigned flags)
{
    bi_current_in(__func__);
    struct bide_proc_options opt = {.flags = flags};
    return bide_proc_spawn_with(p, argv, &opt);
}

/* ---- Waiting ------------------------------------------------------------ */

/* Take the status if it has ended; true when it is known. */
static bool look(struct bide_proc *p)
{
    if (p->_ended)
        return true;
    int status = 0;
    pid_t pid = bi_sys_reap(p->pid, &status);
    if (pid == 0 || pid == -EINTR)
        return false;
    /* Someone took it, or SIGCHLD is ignored: it has ended, that is all. */
    p->_status = pid < 0 ? pid : status;
    p->_ended = true;
    free(p->_orphan);
    p->_orphan = NULL;
    return true;
}

static int wait_in_pauses(struct bide_proc *p)
{
    bide_time pause = FIRST_PAUSE;
    int rc = 0;
    while (!look(p) && (rc = bide_sleep(pause)) == 0)
        pause = pause * 2 > LAST_PAUSE ? LAST_PAUSE : pause * 2;
    return rc;
}

static int wait_for_pidfd(struct bide_proc *p)
{
    struct pollfd one = {.fd = p->pidfd, .events = POLLIN};
    int rc = 0;
    while (rc >= 0 && !look(p)) {
        rc = bide_poll(&one, 1);
        if (rc > 0 && one.revents & POLLNVAL)
            rc = -EBADF;
    }
    return rc < 0 ? rc : 0;
}

/* 0, or the cancel: an end is not missed for want of memory. */
static int wait_for_end(struct bide_proc *p)
{
    int rc = p->pidfd < 0 ? -EBADF : wait_for_pidfd(p);
    return rc == 0 || bi_scope_is_code(rc) ? rc : wait_in_pauses(p);
}

void bi_process_end(struct bide_proc *p, bide_time grace)
{
    struct bide_scope shield, patience;
    if (look(p))
        return;
    bide_shield_open(&shield, BIDE_FOREVER);
    bide_proc_kill(p, SIGTERM);
    bide_scope_open(&patience, bide_after(grace));
    int rc = wait_for_end(p);
    if (bide_scope_close(&patience, rc) < 0) {
        bide_proc_kill(p, SIGKILL);
        rc = wait_for_end(p);
    }
    bide_scope_close(&shield, rc);
}

void bi_process_drop(struct bide_proc *p)
{
    if (!look(p)) {
        bi_sys_end(p->pid);
        free(p->_orphan);
    }
    if (p->pidfd >= 0)
        bi_sys_close(p->pidfd);
}

int bide_proc_wait(struct bide_proc *p)
{
    int rc = bi_park_check(bi_current_in(__func__));
    if (rc == 0)
        rc = wait_for_end(p);
    if (rc == 0)
        return p->_status;
    if (p->_kill_grace > 0)
        bi_process_end(p, p->_kill_grace);
    return rc;
}

/* ---- Signals and letting go --------------------------------------------- */

int bide_proc_kill(struct bide_proc *p, int sig)
{
    bi_current_in(__func__);
    if (look(p))
        return -ESRCH;
    return p->pidfd < 0 ? bi_sys_kill(p->pid, sig)
                        : bi_sys_pidfd_send(p->pidfd, sig);
}

void bide_proc_close(struct bide_proc *p)
{
    bi_current_in(__func__);
    bi_io_close(&p->in);
    bi_io_close(&p->out);
    bi_io_close(&p->err);
    bi_io_close(&p->pidfd);
    if (look(p))
        return;
    adopt(p->_orphan);
    p->_orphan = NULL;
    p->_status = -ECHILD;
    p->_ended = true;
}
