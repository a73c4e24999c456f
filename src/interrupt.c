/* interrupt.c: the first SIGINT is told to the run, the second kills.
 *
 * The handler is the process's, so there is one record of who wants to know.
 * It runs on the alternate stack where there is one: a task's stack is small.
 */
#include "interrupt.h"

#include "sys.h"

#include <unistd.h>

static _Atomic(struct bi_inbox *) target;
static atomic_int count, taken;
static atomic_int inside; /* handlers that may hold `target` */

static void restore_default(void)
{
    struct sigaction dfl = {.sa_handler = SIG_DFL};
    bi_sys_sigaction(SIGINT, &dfl, NULL);
}

static void on_sigint(int number)
{
    int saved = errno;
    atomic_fetch_add(&inside, 1);
    struct bi_inbox *inbox = atomic_load(&target);
    if (atomic_fetch_add(&count, 1) > 0 || !inbox) {
        restore_default();
        raise(number);
    } else {
        bi_inbox_nudge(inbox);
    }
    atomic_fetch_sub(&inside, 1);
    errno = saved;
}

static bool is_main_thread(void)
{
    return getpid() == bi_sys_thread_id();
}

void bi_interrupt_catch(struct bi_inbox *inbox)
{
    struct sigaction old, ours = {.sa_handler = on_sigint,
                                  .sa_flags = SA_ONSTACK};
    if (!is_main_thread() || bi_sys_sigaction(SIGINT, NULL, &old) < 0)
        return;
    if (old.sa_flags & SA_SIGINFO || old.sa_handler != SIG_DFL)
        return;
    atomic_store(&count, 0);
    atomic_store(&taken, 0);
    atomic_store(&target, inbox);
    bi_sys_sigaction(SIGINT, &ours, NULL);
}

bool bi_interrupt_taken(struct bi_inbox *inbox)
{
    return atomic_load_explicit(&target, memory_order_relaxed) == inbox &&
           atomic_load(&count) > 0 && atomic_exchange(&taken, 1) == 0;
}

void bi_interrupt_release(struct bi_inbox *inbox, bool forked)
{
    struct sigaction now;
    if (atomic_load(&target) != inbox)
        return;
    if (bi_sys_sigaction(SIGINT, NULL, &now) == 0 &&
        now.sa_handler == on_sigint)
        restore_default();
    atomic_store(&target, NULL);
    /* The handler may run on another thread, and the inbox is about to go. */
    while (!forked && atomic_load(&inside) > 0)
        ;
    if (forked)
        atomic_store(&inside, 0);
}
