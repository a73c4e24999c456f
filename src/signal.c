/* signal.c: signals that tasks wait for.
 *
 * A receiver is a set of signals, what has come of them (catch.c), and the
 * tasks that wait for the next one.  Each receiver gets each signal once; of
 * the tasks that wait at one receiver, the first.
 *
 * bide_signal_wait() has no receiver to be opened before and closed after, but
 * what comes between two of its waits must not be lost.  So the first wait for
 * a signal opens a receiver of the run's own, for that signal alone, which
 * stays until the run ends: from then on the signal is the run's.  Tasks wait
 * for sets of these, on one list, and all that are there get what comes; what
 * comes while there are none is kept for the next.
 *
 * A signal that is blocked in the run's thread would never come if this is the
 * only one; so a receiver unblocks its signals there while it is open.
 *
 * A letter may be on its way when its receiver is closed: the receiver's memory
 * then goes when it is delivered.
 */
#include "signal.h"

#include "catch.h"
#include "loop.h"
#include "park.h"
#include "sys.h"

#include <stdlib.h>

struct bide_signals {
    struct bi_catch catch;
    struct bi_signals *of;
    struct bi_list link;     /* on of->receivers until it is closed */
    struct bi_list waiters;  /* unless it is the run's own */
    bool own;
    bool closed;
};

/* All that a run knows of signals. */
struct bi_signals {
    struct bi_run *run;
    struct bi_list receivers;
    struct bi_list waiters; /* for signals of the run's own receivers */
    struct bide_signals *own[BI_SIGNALS + 1]; /* by number, or NULL */
    uint64_t blocked; /* in this thread, when they were asked for */
    int last;         /* what bide_signal_wait() has returned */
};

/* A task that waits; of a receiver, or for one of `set`. */
struct waiter {
    struct bi_wait wait;
    uint64_t set;
    siginfo_t *info; /* or NULL */
};

/* ---- Sets --------------------------------------------------------------- */

/* Those that a fault of a thread brings are answered by that thread, or never;
 * two cannot be caught, and some are libc's. */
static bool can_be_received(int number)
{
    switch (number) {
    case SIGKILL: case SIGSTOP:
    case SIGSEGV: case SIGBUS: case SIGFPE: case SIGILL: case SIGTRAP:
    case SIGSYS:
        return false;
    default:
        return number > 0 && number <= SIGRTMAX &&
               (number < BI_FIRST_QUEUED || number >= SIGRTMIN);
    }
}

static int make_set(const int *signals, size_t n, uint64_t *set)
{
    *set = 0;
    for (size_t i = 0; signals && i < n; i++) {
        if (!can_be_received(signals[i]))
            return -EINVAL;
        *set |= BI_SIGNAL_BIT(signals[i]);
    }
    return *set ? 0 : -EINVAL;
}

/* ---- The thread's mask -------------------------------------------------- */

static sigset_t sigset_of(uint64_t set)
{
    sigset_t s;
    sigemptyset(&s);
    for (int number = 1; number <= BI_SIGNALS; number++)
        if (set & BI_SIGNAL_BIT(number))
            sigaddset(&s, number);
    return s;
}

static void unblock(struct bi_signals *all, uint64_t set)
{
    sigset_t s = sigset_of(set), before;
    bi_sys_mask_change(SIG_UNBLOCK, &s, &before);
    for (int number = 1; number <= BI_SIGNALS; number++)
        if (set & BI_SIGNAL_BIT(number) && sigismember(&before, number) == 1)
            all->blocked |= BI_SIGNAL_BIT(number);
}

/* `r` has left the list: block again what was, and nobody wants any more. */
static void block_again(struct bi_signals *all, const struct bide_signals *r)
{
    uint64_t set = r->catch.set & all->blocked;
    BI_LIST_EACH(it, &all->receivers) {
        set &= ~bi_container_of(it, struct bide_signals, link)->catch.set;
    }
    sigset_t s = sigset_of(set);
    bi_sys_mask_change(SIG_BLOCK, &s, NULL);
    all->blocked &= ~set;
}

/* ---- Handing out -------------------------------------------------------- */

static struct waiter *waiter_at(struct bi_list *link)
{
    return bi_container_of(bi_container_of(link, struct bi_wait, link),
                           struct waiter, wait);
}

/* The first that waits for what `r` receives, or NULL. */
static struct waiter *first_waiter(const struct bide_signals *r)
{
    BI_LIST_EACH(it, r->own ? &r->of->waiters : &r->waiters) {
        if (!r->own || waiter_at(it)->set & r->catch.set)
            return waiter_at(it);
    }
    return NULL;
}

static void give(struct waiter *w, int number, const siginfo_t *info)
{
    if (w->info)
        *w->info = *info;
    bi_list_remove(&w->wait.link);
    bi_wake(&w->wait, number);
}

static void hand_out(struct bide_signals *r)
{
    siginfo_t info;
    int number;
    struct waiter *w = first_waiter(r);
    while (w && (number = bi_sigqueue_take(&r->catch.queue, &info)) != 0) {
        do
            give(w, number, &info);
        while ((w = first_waiter(r)) && r->own);
    }
}

static void deliver(struct bi_letter *letter)
{
    struct bi_catch *c = bi_container_of(letter, struct bi_catch, letter);
    struct bide_signals *r = bi_container_of(c, struct bide_signals, catch);
    bi_catch_opened_letter(c);
    if (r->closed)
        free(r);
    else
        hand_out(r);
}

/* Until a signal is given to `w`, which stands on `list`.  While somebody waits
 * for one the run is not deadlocked. */
static int wait_for(struct bi_list *list, struct waiter *w)
{
    atomic_uint *holders = &w->wait.task->run->handle->inbox.holders;
    bi_list_push_back(list, &w->wait.link);
    atomic_fetch_add(holders, 1);
    int number = (int)bi_park(&w->wait);
    atomic_fetch_sub(holders, 1);
    return number;
}

/* ---- Open and close ----------------------------------------------------- */

static struct bi_signals *signals_of(struct bi_run *run)
{
    if (run->signals)
        return run->signals;
    struct bi_signals *all = calloc(1, sizeof *all);
    if (all)
        all->run = run;
    return run->signals = all;
}

/* `r` is caught no longer: free it, when its letter is not under way. */
static void dispose(struct bide_signals *r)
{
    r->closed = true;
    if (!atomic_load(&r->catch.sent))
        free(r);
}

static int open_receiver(struct bi_run *run, uint64_t set, bool own,
                         struct bide_signals **out)
{
    struct bi_signals *all = signals_of(run);
    struct bide_signals *r = all ? calloc(1, sizeof *r) : NULL;
    if (!r)
        return -ENOMEM;
    r->catch.set = set;
    r->catch.inbox = &run->handle->inbox;
    r->catch.letter.deliver = deliver;
    r->of = all;
    r->own = own;
    int rc = bi_catch_open(&r->catch);
    if (rc < 0) {
        dispose(r);
        return rc;
    }
    bi_list_push_back(&all->receivers, &r->link);
    unblock(all, set);
    *out = r;
    return 0;
}

/* What came before the close goes to who was waiting then. */
static void close_receiver(struct bide_signals *r)
{
    struct bi_list *link;
    hand_out(r);
    while ((link = bi_list_pop(&r->waiters)))
        bi_wake(&waiter_at(link)->wait, -ESHUTDOWN);
    bi_list_remove(&r->link);
    block_again(r->of, r);
    bi_catch_close(&r->catch);
    dispose(r);
}

void bi_signal_end_run(struct bi_run *run)
{
    struct bi_list *link;
    if (!run->signals)
        return;
    while ((link = bi_list_first(&run->signals->receivers)))
        close_receiver(bi_container_of(link, struct bide_signals, link));
    free(run->signals);
    run->signals = NULL;
}

/* ---- Receivers ---------------------------------------------------------- */

/* A receiver of the caller's, which is open in this run. */
static struct bi_task *check(const bide_signals *r, const char *func)
{
    struct bi_task *self = bi_current_in(func);
    struct bi_signals *all = self->run->signals;
    bool open = false;
    if (all)
        BI_LIST_EACH(it, &all->receivers) {
            open |= it == &r->link;
        }
    BI_CONTRACT(open, func, "was given a receiver that this run does not have "
                "open");
    return self;
}

int bide_signals_open(bide_signals **out, const int *signals, size_t n)
{
    struct bi_run *run = bi_current_in(__func__)->run;
    uint64_t set;
    int rc = make_set(signals, n, &set);
    return rc < 0 ? rc : open_receiver(run, set, false, out);
}

int bide_signals_next(bide_signals *r, siginfo_t *info)
{
    struct bi_task *self = check(r, __func__);
    siginfo_t unasked;
    int rc = bi_park_check(self);
    if (rc < 0)
        return rc;
    /* Who waits already comes first: a letter is on its way to them. */
    if (bi_list_empty(&r->waiters))
        rc = bi_sigqueue_take(&r->catch.queue, info ? info : &unasked);
    if (rc != 0)
        return rc;
    struct waiter w = {.info = info};
    w.wait = bi_wait_make(self, "signal", r, bi_wait_unlink);
    return wait_for(&r->waiters, &w);
}

void bide_signals_close(bide_signals *r)
{
    check(r, __func__);
    close_receiver(r);
}

/* ---- The run's own ------------------------------------------------------ */

/* See that the run receives all of `set`, or leave it as it was. */
static int receive(struct bi_run *run, uint64_t set)
{
    uint64_t opened = 0;
    struct bi_signals *all = signals_of(run);
    int rc = all ? 0 : -ENOMEM;
    for (int number = 1; number <= BI_SIGNALS && rc == 0; number++) {
        uint64_t bit = BI_SIGNAL_BIT(number);
        if (!(set & bit) || all->own[number])
            continue;
        rc = open_receiver(run, bit, true, &all->own[number]);
        opened |= rc == 0 ? bit : 0;
    }
    for (int number = 1; number <= BI_SIGNALS && rc < 0; number++) {
        if (!(opened & BI_SIGNAL_BIT(number)))
            continue;
        close_receiver(all->own[number]);
        all->own[number] = NULL;
    }
    return rc;
}

/* What was kept by `r`; 0 if nothing was, or others wait for it: then a letter
 * brings it to them and to us. */
static int take_kept(struct bide_signals *r)
{
    siginfo_t info;
    return first_waiter(r) ? 0 : bi_sigqueue_take(&r->catch.queue, &info);
}

/* What has come of `set`, beginning behind the signal of the last time, so that
 * each gets its turn; or 0. */
static int take_one(struct bi_signals *all, uint64_t set)
{
    int rc = 0;
    for (int i = 0, from = all->last; i < BI_SIGNALS && rc == 0; i++) {
        int number = (from + i) % BI_SIGNALS + 1;
        if (set & BI_SIGNAL_BIT(number))
            rc = take_kept(all->own[number]);
        if (rc != 0)
            all->last = number;
    }
    return rc;
}

int bide_signal_wait(const int *signals, size_t n)
{
    struct bi_task *self = bi_current_in(__func__);
    struct waiter w = {0};
    int rc = make_set(signals, n, &w.set);
    if (rc == 0)
        rc = bi_park_check(self);
    if (rc == 0)
        rc = receive(self->run, w.set);
    if (rc == 0)
        rc = take_one(self->run->signals, w.set);
    if (rc != 0)
        return rc;
    w.wait = bi_wait_make(self, "signal", NULL, bi_wait_unlink);
    return wait_for(&self->run->signals->waiters, &w);
}
