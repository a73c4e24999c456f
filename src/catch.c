/* catch.c: the one handler for signals that runs receive.
 *
 * A handler and not a blocked mask with a signalfd(2): a signal to the process
 * is taken by any thread that does not block it, and most threads of a program
 * are not ours.  So the handler runs on every thread, at every moment.  It
 * walks the list of those who want the signal, puts it in their queues and
 * sends their letters; it touches atomics and an eventfd, and nothing else.
 *
 * The list is changed under a lock that the handler knows nothing of.  Whoever
 * leaves it waits until no handler is `inside`, and then may free its memory.
 *
 * The hard transition is the last close.  In this order nothing is lost:
 *
 *     the action of before is put back     new signals go there
 *     the catch is taken off the list
 *     no handler is inside                 the queue gets nothing more
 *     what is in the queue is sent again   and goes there too
 *
 * A handler that was called by the kernel but has not come to count itself
 * finds nobody on the list, and sends the signal again as well.
 *
 * Which signals are caught is not kept: those that somebody on the list wants.
 */
#include "catch.h"

#include "action.h"
#include "sys.h"

#include <unistd.h>

static _Atomic(struct bi_catch *) first;
static atomic_int inside; /* handlers that may hold a catch */

/* Under the lock: the last that is not ours. */
static struct sigaction before[BI_SIGNALS + 1];

/* ---- The handler -------------------------------------------------------- */

/* To the process, as it came. */
static void send_again(siginfo_t *info)
{
    if (bi_sys_sigqueueinfo(getpid(), info) < 0)
        bi_sys_kill(getpid(), info->si_signo);
}

static void tell(struct bi_catch *c, const siginfo_t *info)
{
    bi_sigqueue_put(&c->queue, info);
    if (!atomic_exchange(&c->sent, true))
        bi_inbox_post(c->inbox, &c->letter);
}

static void on_signal(int number, siginfo_t *info, void *context)
{
    int saved = errno;
    bool wanted = false;
    (void)context;
    atomic_fetch_add(&inside, 1);
    struct bi_catch *c = atomic_load(&first);
    for (; c; c = atomic_load(&c->next)) {
        if (!(c->set & BI_SIGNAL_BIT(number)))
            continue;
        tell(c, info);
        wanted = true;
    }
    atomic_fetch_sub(&inside, 1);
    if (!wanted)
        send_again(info);
    errno = saved;
}

/* ---- Actions ------------------------------------------------------------ */

/* No other signal interrupts the handler: it is short, and its stack small. */
static int take_over(int number)
{
    struct sigaction now;
    struct sigaction ours = {.sa_sigaction = on_signal,
                             .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART};
    int rc = bi_sys_sigaction(number, NULL, &now);
    if (rc < 0 || bi_action_is(&now, on_signal))
        return rc;
    before[number] = now;
    sigfillset(&ours.sa_mask);
    return bi_sys_sigaction(number, &ours, NULL);
}

/* What all but `c` want. */
static uint64_t wanted_beside(const struct bi_catch *c)
{
    uint64_t set = 0;
    struct bi_catch *other = atomic_load(&first);
    for (; other; other = atomic_load(&other->next))
        set |= other == c ? 0 : other->set;
    return set;
}

static void put_back_all(uint64_t set)
{
    for (int number = 1; number <= BI_SIGNALS; number++)
        if (set & BI_SIGNAL_BIT(number))
            bi_action_put_back(number, on_signal, &before[number]);
}

/* ---- The list ----------------------------------------------------------- */

static void leave(struct bi_catch *c)
{
    _Atomic(struct bi_catch *) *at = &first;
    while (atomic_load(at) != c)
        at = &atomic_load(at)->next;
    atomic_store(at, atomic_load(&c->next));
    while (atomic_load(&inside) > 0)
        ;
}

/* A SIGPIPE is not sent again: a broken pipe is told by -EPIPE, and the signal
 * would wait, blocked, to kill the program when the run has ended. */
static void let_go(struct bi_catch *c)
{
    siginfo_t info;
    int number;
    uint64_t others = wanted_beside(c);
    put_back_all(c->set & ~others);
    leave(c);
    while ((number = bi_sigqueue_take(&c->queue, &info)) != 0) {
        bool theirs = number > 0 && others & BI_SIGNAL_BIT(number);
        if (number > 0 && number != SIGPIPE && !theirs)
            send_again(&info);
    }
    bi_sigqueue_close(&c->queue);
}

int bi_catch_open(struct bi_catch *c)
{
    int rc = bi_sigqueue_open(&c->queue, c->set);
    if (rc < 0)
        return rc;
    bi_action_lock();
    atomic_store(&c->next, atomic_load(&first));
    atomic_store(&first, c);
    for (int number = 1; number <= BI_SIGNALS && rc == 0; number++)
        if (c->set & BI_SIGNAL_BIT(number))
            rc = take_over(number);
    if (rc < 0)
        let_go(c);
    bi_action_unlock();
    return rc;
}

void bi_catch_close(struct bi_catch *c)
{
    bi_action_lock();
    let_go(c);
    bi_action_unlock();
}

void bi_catch_forked(void)
{
    put_back_all(wanted_beside(NULL));
    atomic_store(&first, NULL);
    atomic_store(&inside, 0);
}
