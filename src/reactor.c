/* reactor.c: operations of tasks, and one turn of the loop.
 *
 * One turn of the loop:
 *
 *     letters of other threads -> timers that are due -> ready tasks?
 *        yes: take in what the kernel has finished, without sleeping
 *        no:  sleep until the kernel, a letter or the first timer
 *
 * The hard transition is the end of an operation that is cancelled: asking the
 * kernel to end it is not its end.  The task stays parked, its stack in place,
 * until the operation's own completion has come; if that carries a result, the
 * result wins.
 */
#include "reactor.h"

#include "park.h"
#include "sys.h"
#include "timer.h"

/* So long must nothing have happened before unused stacks are given back. */
#define QUIET BIDE_SEC(1)

/* ---- Choosing a backend ------------------------------------------------- */

static int open_with(struct bi_reactor *r, const struct bi_backend *backend,
                     unsigned entries)
{
    r->backend = backend;
    return backend->open(r, entries);
}

int bi_reactor_open(struct bi_reactor *r, struct bi_run *run,
                    struct bi_inbox *inbox, enum bide_backend wish,
                    unsigned entries, unsigned threads)
{
    *r = (struct bi_reactor){.run = run, .inbox = inbox,
                             .offload_limit = threads};
    bi_survey_begin(&r->survey);
    int rc = 0;
    if (wish != BIDE_EPOLL)
        rc = open_with(r, &bi_backend_uring, entries);
    if (wish == BIDE_AUTO && rc < 0) {
        char why[sizeof r->reason];
        snprintf(why, sizeof why, "%s", r->reason);
        rc = open_with(r, &bi_backend_epoll, entries);
        if (rc == 0)
            snprintf(r->reason, sizeof r->reason, "%s", why);
    } else if (wish == BIDE_EPOLL) {
        rc = open_with(r, &bi_backend_epoll, entries);
        if (rc == 0)
            snprintf(r->reason, sizeof r->reason, "epoll was asked for");
    } else if (rc == 0) {
        snprintf(r->reason, sizeof r->reason, "io_uring works here");
    }
    return rc;
}

void bi_reactor_close(struct bi_reactor *r)
{
    bi_assert(r->in_flight == 0);
    if (r->offload)
        bi_offload_close(r->offload);
    r->backend->close(r);
    bi_fdtable_end(&r->fds);
}

/* ---- Operations --------------------------------------------------------- */

static struct bi_op *op_of(struct bi_wait *wait)
{
    return bi_container_of(wait, struct bi_op, wait);
}

/* A thread may come to its call when the number is already another file's: it
 * gets a descriptor of its own.  But not of a disk file, where to close one
 * gives up the locks of fcntl(2) that the program has on the file. */
static void lend_number(const struct bi_reactor *r, struct bi_op *op)
{
    const struct bi_fd *e = bi_fd_find(&r->fds, op->fd);
    unsigned kind = e ? e->kind : BI_FD_UNKNOWN;
    bool disk = kind == BI_FD_FILE || kind == BI_FD_DIRECT;
    op->number = op->fd;
    if (kind == BI_FD_UNKNOWN || disk || op->kind == BI_OP_FSYNC)
        return;
    int twin = bi_sys_dup(op->fd);
    if (twin >= 0)
        op->fd = twin;
}

static void give_number_back(struct bi_op *op)
{
    if (op->fd != op->number)
        bi_sys_close(op->fd);
    op->fd = op->number;
}

/* Take `op` out of the books: nothing of it is in flight any more. */
static void forget(struct bi_reactor *r, struct bi_op *op)
{
    bi_assert(!op->ended && r->in_flight > 0);
    op->ended = true;
    r->in_flight--;
    if (op->offloaded)
        give_number_back(op);
    if (bi_list_linked(&op->wait.link))
        bi_list_remove(&op->wait.link);
}

/* What `result` means to whoever made the call. */
static intptr_t translate(struct bi_op *op, intptr_t result)
{
    bool nothing =
        result == -ECANCELED || result == -EINTR || result == BI_AGAIN;
    if (!nothing)
        return result;
    if (op->closing)
        return -EBADF;
    op->wait.withdrawn = op->cancelled;
    return result == -ECANCELED && !op->cancelled ? -EIO : BI_AGAIN;
}

void bi_op_done(struct bi_reactor *r, struct bi_op *op, intptr_t result)
{
    forget(r, op);
    r->wakeups++;
    op->result = translate(op, result);
    if (op->done)
        op->done(op);
    else if (op->wait.task->wait == &op->wait)
        bi_wake(&op->wait, op->result);
}

bool bi_reactor_cancel(struct bi_reactor *r, struct bi_op *op)
{
    if (op->cancelled || op->closing)
        return false;
    op->cancelled = true;
    if (!r->backend->cancel(r, op))
        return false;
    forget(r, op);
    return true;
}

static bool withdraw(struct bi_wait *wait)
{
    return bi_reactor_cancel(wait->task->run->reactor, op_of(wait));
}

static inline void begin(struct bi_reactor *r, struct bi_op *op,
                         struct bi_fd *e)
{
    op->wait = bi_wait_make(bi_current(), bi_op_name(op), NULL, withdraw);
    op->wait.fd = op->fd;
    op->ended = op->offloaded = op->closing = false;
    atomic_store_explicit(&op->cancelled, false, memory_order_relaxed);
    op->life = e ? e->life : 0;
    if (e)
        bi_list_push_back(&e->ops, &op->wait.link);
    r->in_flight++;
    r->backend->start(r, op, e);
}

void bi_reactor_begin(struct bi_reactor *r, struct bi_op *op)
{
    begin(r, op, bi_fd_find(&r->fds, op->fd));
}

static inline intptr_t wait_for(struct bi_reactor *r, struct bi_op *op,
                                struct bi_fd *e)
{
    begin(r, op, e);
    return op->ended ? op->result : bi_park(&op->wait);
}

/* SIGPIPE is blocked in this thread; one that a write brought is taken out. */
static intptr_t finish(const struct bi_op *op, intptr_t result)
{
    if (bi_unlikely(result == -EPIPE) && op->kind <= BI_OP_WRITEV)
        bi_sys_sigpipe_drain();
    return result;
}

intptr_t bi_reactor_run(struct bi_reactor *r, struct bi_op *op)
{
    struct bi_fd *e = bi_fd_get(&r->fds, op->fd);
    if (!e && op->kind != BI_OP_OPEN)
        return op->fd < 0 ? -EBADF : -ENOMEM;
    op->done = NULL;
    uint32_t life = e ? e->life : 0;
    for (;;) {
        intptr_t rc = -EAGAIN;
        if (r->backend->try_first(r, op, e))
            rc = bi_op_try(op);
        if (rc != -EAGAIN)
            return finish(op, rc);
        rc = wait_for(r, op, e);
        if (rc != BI_AGAIN)
            return finish(op, rc);
        rc = bi_park_check(op->wait.task);
        if (rc)
            return rc;
        if (e && e->life != life) /* it was closed before the task ran */
            return -EBADF;
    }
}

intptr_t bi_reactor_try(struct bi_reactor *r, struct bi_op *op)
{
    return r->backend->try_now ? r->backend->try_now(r, op) : bi_op_try(op);
}

int bi_reactor_poll(struct bi_reactor *r, struct pollfd *fds, nfds_t n)
{
    return r->backend->poll_now ? r->backend->poll_now(fds, n)
                                : bi_sys_poll(fds, n, 0);
}

/* ---- What a thread must do ---------------------------------------------- */

static struct bi_op *op_of_job(struct bi_job *job)
{
    return bi_container_of(job, struct bi_op, job);
}

static void work(struct bi_job *job)
{
    struct bi_op *op = op_of_job(job);
    op->result = bi_op_block(op);
}

static void worked(struct bi_job *job)
{
    struct bi_op *op = op_of_job(job);
    struct bi_reactor *r = op->wait.task->run->reactor;
    /* A connect that came about before it was broken off is no success: the
     * socket has been shut down. */
    if (op->broken_off)
        op->result = -ECANCELED;
    bi_op_done(r, op, op->result == -EAGAIN ? BI_AGAIN : op->result);
}

void bi_reactor_offload(struct bi_reactor *r, struct bi_op *op)
{
    if (!r->offload)
        r->offload = bi_offload_open(r->inbox, r->offload_limit);
    op->job = (struct bi_job){.work = work, .done = worked};
    op->offloaded = true;
    lend_number(r, op);
    /* What lacks is a thread: not what EAGAIN means to a caller. */
    if (!r->offload || bi_offload_submit(r->offload, &op->job) < 0)
        bi_op_done(r, op, -ENOMEM);
}

/* ---- Closing ------------------------------------------------------------ */

void bi_reactor_strand(struct bi_reactor *r, struct bi_op *op)
{
    bool asked = op->cancelled || op->closing;
    op->closing = true;
    if (!asked && r->backend->cancel(r, op))
        bi_op_done(r, op, -ECANCELED);
}

/* End what waits on a descriptor; what the kernel will not give up at once
 * stays, marked, until its own end comes. */
static void take_back(struct bi_reactor *r, struct bi_fd *e)
{
    struct bi_list *next, *link = bi_list_first(&e->ops);
    for (; link && link != &e->ops; link = next) {
        next = link->next;
        bi_reactor_strand(
            r, op_of(bi_container_of(link, struct bi_wait, link)));
    }
    while ((link = bi_list_pop(&e->writers)))
        bi_wake(bi_container_of(link, struct bi_wait, link), -EBADF);
}

int bi_reactor_close_fd(struct bi_reactor *r, int fd)
{
    struct bi_fd *e = bi_fd_find(&r->fds, fd);
    if (e) {
        take_back(r, e);
        r->backend->let_go(r, fd, e);
        bi_fd_renew(e, BI_FD_UNKNOWN, false);
    }
    int rc = bi_sys_close(fd);
    return rc == -EINTR ? 0 : rc; /* Linux has closed it all the same */
}

/* ---- The loop ----------------------------------------------------------- */

static void look_at_clock(struct bi_run *run)
{
    run->now = bi_sys.now();
    bi_timer_fire_due(run, run->now);
    if (bi_unlikely(run->now >= run->watchdog.at))
        run->watchdog.look(run);
}

/* How long the loop may sleep. */
static bide_time span_to_next(const struct bi_run *run)
{
    bide_time deadline;
    if (!bi_list_empty(&run->ready))
        return 0;
    if (!bi_timer_next(run, &deadline) || deadline > run->watchdog.at)
        deadline = run->watchdog.at;
    if (deadline == BIDE_FOREVER)
        return BIDE_FOREVER;
    return deadline > run->now ? deadline - run->now : 0;
}

static bool nothing_can_come(const struct bi_reactor *r)
{
    return bi_list_empty(&r->run->ready) && r->run->timers.count == 0 &&
           r->in_flight == 0 && atomic_load(&r->inbox->holders) == 0;
}

/* Whether the kernel, a thread or a process is at work for the run. */
static bool others_work(const struct bi_reactor *r)
{
    return r->in_flight > 0 || atomic_load(&r->inbox->holders) > 0;
}

/* A virtual clock goes to the next deadline instead of sleeping.  While others
 * work, whose time is real, it does not jump. */
static bool jumped(struct bi_reactor *r, bide_time span)
{
    struct bi_run *run = r->run;
    if (!run->virtual_now || span == BIDE_FOREVER || others_work(r))
        return false;
    *run->virtual_now = run->now + span;
    look_at_clock(run);
    return true;
}

/* Whether those parked on `fd` wait for the file that has this number.  Not if
 * the library has given it anew since; of the rest the backend knows. */
static void ask_about(struct bi_reactor *r, int fd, struct bi_fd *e)
{
    struct bi_list *next, *link = bi_list_first(&e->ops);
    for (; link && link != &e->ops; link = next) {
        next = link->next;
        struct bi_op *op = op_of(bi_container_of(link, struct bi_wait, link));
        if (op->life != e->life && !op->offloaded)
            bi_reactor_strand(r, op);
    }
    if (!bi_list_empty(&e->ops))
        r->backend->ask(r, fd, e);
}

/* Wait up to `span`, in which a look at the descriptors may be due. */
static void wait_up_to(struct bi_reactor *r, bide_time span)
{
    struct bi_survey *s = &r->survey;
    bide_time now = r->run->now;
    if (r->in_flight > 0 && s->at <= now) {
        bi_survey_go_on(s, &r->fds, now, ask_about, r);
        span = 0; /* some may be ready now */
    } else if (r->in_flight > 0 && s->at != BIDE_FOREVER) {
        span = bi_earlier(span, s->at - now);
    }
    r->backend->wait(r, span);
}

/* Wait as the backend does; a virtual clock goes on as the real one does. */
static void wait_for_kernel(struct bi_reactor *r, bide_time span)
{
    bide_time *virtual = r->run->virtual_now;
    bide_time began = virtual ? bi_sys_monotonic() : 0;
    wait_up_to(r, span);
    if (virtual)
        *virtual += bi_earlier(span, bi_sys_monotonic() - began);
}

/* One wake-up that is a little late serves several of many sleepers.  Alone
 * they would each take two microseconds of the kernel's time. */
static bide_time stretched(const struct bi_run *run, bide_time span)
{
    bide_time slack =
        bi_earlier(run->timer_slack, BIDE_US((bide_time)run->timers.count));
    bool fixed = run->virtual_now || span >= BIDE_FOREVER - slack;
    return fixed ? span : span + slack;
}

static void sleep_for(struct bi_reactor *r, bide_time span)
{
    if (!bi_inbox_sleep(r->inbox))
        span = 0;
    wait_for_kernel(r, span > 0 ? stretched(r->run, span) : 0);
    bi_inbox_awake(r->inbox);
    bi_inbox_deliver(r->inbox);
    look_at_clock(r->run);
}

/* Sleep; a run that stays quiet gives the memory of unused stacks back, some
 * at a time. */
static void rest(struct bi_reactor *r, bide_time span)
{
    struct bi_run *run = r->run;
    bool surplus = span > QUIET && bi_stack_surplus(&run->stacks);
    bide_time quiet = r->resting ? 0 : QUIET, began = run->now;
    sleep_for(r, surplus ? quiet : span);
    r->resting = surplus && bi_list_empty(&run->ready) &&
                 run->now - began >= quiet && bi_stack_trim(&run->stacks);
}

bool bi_reactor_turn(struct bi_reactor *r)
{
    /* A nudge is told to the loop above by coming back without a sleep. */
    bool came = bi_inbox_deliver(r->inbox);
    look_at_clock(r->run);
    if (r->run->idle && bi_list_empty(&r->run->ready))
        r->run->idle(r->run);
    bide_time span = came ? 0 : span_to_next(r->run);
    if (span == 0 && r->run->virtual_now && !others_work(r))
        return true; /* a test makes no call to the kernel in vain */
    if (span == 0)
        wait_up_to(r, 0);
    else if (nothing_can_come(r))
        return false;
    else if (!jumped(r, span))
        rest(r, span);
    return true;
}
