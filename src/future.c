/* future.c: a value that comes once.
 *
 * Tasks set a future, and so do other threads, and one of them cancels it;
 * `claim` decides who was first, and whoever was not is told so.  It is the
 * one word that several threads write.  The winner on another thread then
 * writes the value and sends the letter that is in the future; all the rest
 * happens on the run's thread, when the letter is delivered.
 *
 * The hard transition is a future claimed by a thread whose letter is still on
 * its way: it is not done, but can no longer be set or cancelled.  So a cancel
 * that succeeded means that no letter will come, and the future's memory may
 * go; and a post that succeeded means that its value is the future's.
 *
 * Callbacks wait on a list of the future's.  When it is done they go on to a
 * list of the run's, which one letter has called at the next turn: so there is
 * one letter for any number of them, one that is taken back is gone, and the
 * future may go as soon as it is done.
 */
#include "loop.h"
#include "task.h"
#include "waitq.h"

/* struct bide_future, as it is inside. */
struct __attribute__((may_alias)) future {
    struct bide_waitq waiters;
    struct bi_list callbacks; /* of struct callback, in order */
    intptr_t value;
    struct bi_letter letter;
    _Atomic uint32_t claim; /* enum claim */
    bool done;              /* what was claimed has come */
};

enum claim { FREE, GIVEN, CANCELLED };

static_assert(sizeof(struct future) == sizeof(struct bide_future),
              "struct bide_future as in bide.h");

/* struct bide_callback, as it is inside. */
struct __attribute__((may_alias)) callback {
    void (*fn)(void *arg);
    void *arg;
    struct bi_list link; /* on a future's `callbacks` until it is called */
};

static_assert(sizeof(struct callback) == sizeof(struct bide_callback),
              "struct bide_callback as in bide.h");

static struct future *inside(const struct bide_future *f)
{
    return (struct future *)(uintptr_t)f;
}

static bool claim(struct future *f, uint32_t how)
{
    uint32_t nobody = FREE;
    return atomic_compare_exchange_strong(&f->claim, &nobody, how);
}

/* What a waiter is told; -ECANCELED would mean itself. */
static intptr_t outcome(struct future *f)
{
    bool cancelled = atomic_load_explicit(&f->claim, memory_order_relaxed) ==
                     CANCELLED;
    return cancelled || f->value == -ECANCELED ? -ECHILD : f->value;
}

/* Call those that are due now; a call may add more. */
static void call_due(struct bide_loop *loop)
{
    struct bi_list due = {0}, *link;
    while ((link = bi_list_pop(&loop->due)))
        bi_list_push_back(&due, link);
    while ((link = bi_list_pop(&due))) {
        struct callback *cb = bi_container_of(link, struct callback, link);
        bi_task_visit(bi_here, cb->fn, cb->arg);
    }
}

static void deliver_calls(struct bi_letter *letter)
{
    struct bide_loop *loop =
        bi_container_of(letter, struct bide_loop, calls);
    loop->called = false;
    call_due(loop);
}

/* The callbacks of `f`, which is done, are due. */
static void pass_on(struct bide_loop *loop, struct future *f)
{
    struct bi_list *link;
    while ((link = bi_list_pop(&f->callbacks)))
        bi_list_push_back(&loop->due, link);
}

/* Have them called at the next turn; at the end of a run there is none. */
static void call_back(struct bide_loop *loop, struct future *f)
{
    pass_on(loop, f);
    if (loop->called || bi_list_empty(&loop->due))
        return;
    loop->calls.deliver = deliver_calls;
    loop->called = bi_loop_post(loop, &loop->calls) == 0;
    while (!loop->called && bi_list_pop(&loop->due))
        ;
}

static void complete(struct future *f)
{
    f->done = true;
    bi_waitq_wake_all(&f->waiters, outcome(f));
}

static void deliver(struct bi_letter *letter)
{
    struct future *f = bi_container_of(letter, struct future, letter);
    complete(f);
    pass_on(bi_here->handle, f);
    call_due(bi_here->handle);
}

/* ---- The value ---------------------------------------------------------- */

int bide_future_set(struct bide_future *future, intptr_t value)
{
    struct bi_task *self = bi_current_in(__func__);
    struct future *f = inside(future);
    if (!claim(f, GIVEN))
        return -EALREADY;
    f->value = value;
    complete(f);
    call_back(self->run->handle, f);
    return 0;
}

int bide_future_post(bide_loop *loop, struct bide_future *future,
                     intptr_t value)
{
    struct future *f = inside(future);
    BI_CONTRACT(loop, __func__, "was given NULL for a loop");
    if (!claim(f, GIVEN))
        return -EALREADY;
    f->value = value;
    f->letter.deliver = deliver;
    int rc = bi_loop_post(loop, &f->letter);
    if (rc < 0)
        atomic_store(&f->claim, FREE);
    return rc; /* after a success `f` may be gone */
}

bool bide_future_cancel(struct bide_future *future)
{
    struct bi_task *self = bi_current_in(__func__);
    struct future *f = inside(future);
    if (!claim(f, CANCELLED))
        return false;
    complete(f);
    call_back(self->run->handle, f);
    return true;
}

/* ---- Asking ------------------------------------------------------------- */

intptr_t bide_future_wait(struct bide_future *future)
{
    struct bi_task *self = bi_current_in(__func__);
    struct future *f = inside(future);
    int rc = bi_park_check(self);
    if (rc < 0)
        return rc;
    if (f->done)
        return outcome(f);
    struct bi_wait wait =
        bi_wait_make(self, "future", future, bi_wait_unlink);
    return bi_waitq_park(&f->waiters, &wait);
}

intptr_t bide_future_trywait(struct bide_future *future)
{
    struct future *f = inside(future);
    return f->done ? outcome(f) : -EAGAIN;
}

bool bide_future_done(const struct bide_future *future)
{
    return inside(future)->done;
}

bool bide_future_cancelled(const struct bide_future *future)
{
    return atomic_load(&inside(future)->claim) == CANCELLED;
}

/* ---- Callbacks ---------------------------------------------------------- */

void bide_future_then(struct bide_future *future, struct bide_callback *call)
{
    struct bi_task *self = bi_current_in(__func__);
    struct future *f = inside(future);
    struct callback *cb = (struct callback *)call;
    BI_CONTRACT(cb->fn, __func__, "was given no function");
    BI_CONTRACT(!bi_list_linked(&cb->link), __func__,
                "was given a callback that waits already");
    bi_list_push_back(&f->callbacks, &cb->link);
    if (f->done)
        call_back(self->run->handle, f);
}

bool bide_callback_remove(struct bide_callback *call)
{
    struct callback *cb = (struct callback *)call;
    bi_current_in(__func__);
    if (!bi_list_linked(&cb->link))
        return false;
    bi_list_remove(&cb->link);
    return true;
}
