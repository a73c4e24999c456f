/* fault.c: the report of a stack overflow.
 *
 * A guard turns an overflow into SIGSEGV, which alone says nothing.  While any
 * run lives, a handler for it (and for SIGBUS) looks whether the address lies
 * in a guard of this thread's pool.
 *
 *   it does   one sentence, one write(2); then the action of before is put back
 *             and the handler returns: the same instruction faults again, so
 *             that a core file or a crash reporter sees the true place
 *   else      the action of before is followed as if this file were not there
 *
 * The handler needs a stack of its own, for the one at hand is used up: each
 * thread gets one with its run, unless the program gave it one.
 *
 * The handlers belong to the process and are counted; everything else belongs
 * to the thread.  In the handler nothing is called but write(2), sigaction(2),
 * raise(3) and the function that names a task.
 */
#include "fault.h"

#include "action.h"
#include "sys.h"

#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51 /* glibc 2.34 */
#endif

/* What the handler itself needs, beside the frame that the kernel makes. */
#define HANDLER_BYTES ((size_t)32 << 10)

static const int signals[2] = {SIGSEGV, SIGBUS};

/* Written under the lock, `before` while no handler of ours is installed. */
static unsigned runs;
static struct sigaction before[2];

/* Of this thread; a handler may not wait for the loader to allocate it. */
static _Thread_local struct {
    const struct bi_stack_pool *pool; /* NULL outside a run */
    struct bi_task *const *running;
    bi_fault_name *name;
    stack_t stack; /* ours, where ss_sp is set */
} here __attribute__((tls_model("initial-exec")));

/* ---- The sentence ------------------------------------------------------- */

/* A line in the making; what does not fit is left out. */
struct line {
    char text[256];
    size_t used;
};

static void put(struct line *l, const char *text)
{
    while (*text && l->used < sizeof l->text)
        l->text[l->used++] = *text++;
}

static void put_number(struct line *l, uintptr_t n, unsigned base)
{
    char digits[24];
    size_t at = sizeof digits - 1;
    digits[at] = '\0';
    do {
        digits[--at] = "0123456789abcdef"[n % base];
    } while ((n /= base) && at > 0);
    put(l, digits + at);
}

static void put_task(struct line *l, const struct bi_task *task)
{
    char buf[32];
    put(l, "task '");
    put(l, here.name(task, buf));
    put(l, "'");
}

static void put_guard(struct line *l, const struct bi_stack *s,
                      const siginfo_t *info)
{
    put_number(l, bi_guard()->bytes >> 10, 10);
    put(l, info->si_code == SEGV_ACCERR ? " KiB mprotect guard" :
                                          " KiB kernel guard");
    put(l, " at 0x");
    put_number(l, (uintptr_t)s->low - bi_guard()->bytes, 16);
}

/* A task went beyond the end of its stack. */
static void put_overflow(struct line *l, const struct bi_stack *s,
                         const siginfo_t *info)
{
    put(l, "bide: stack overflow in ");
    put_task(l, *here.running);
    put(l, " (");
    put_number(l, bi_stack_bytes(s) >> 10, 10);
    put(l, " KiB stack, ");
    put_guard(l, s, info);
    put(l, ")\n");
}

/* Somebody else was there: a wild pointer. */
static void put_wild(struct line *l, const struct bi_stack *s,
                     const siginfo_t *info)
{
    put(l, "bide: wild access by ");
    if (*here.running)
        put_task(l, *here.running);
    else
        put(l, "the loop");
    put(l, " to 0x");
    put_number(l, (uintptr_t)info->si_addr, 16);
    put(l, ", in the guard of ");
    if (bi_list_linked(&s->link))
        put(l, "a free stack");
    else
        put_task(l, bi_stack_head(here.pool, s));
    put(l, " (");
    put_guard(l, s, info);
    put(l, ")\n");
}

/* ---- The handler -------------------------------------------------------- */

static void put_back(void)
{
    for (int i = 0; i < 2; i++)
        bi_sys_sigaction(signals[i], &before[i], NULL);
}

/* Do what would have been done without us.  A fault comes again once the
 * default is back; a signal that was sent has to be sent again. */
static void follow(int sig, siginfo_t *info, void *context)
{
    const struct sigaction *action = &before[sig == SIGBUS];
    bool sent = info->si_code <= 0;

    if (action->sa_flags & SA_SIGINFO) {
        action->sa_sigaction(sig, info, context);
    } else if (action->sa_handler == SIG_IGN && sent) {
        return;
    } else if (action->sa_handler == SIG_DFL || action->sa_handler == SIG_IGN) {
        put_back();
        if (sent)
            raise(sig);
    } else {
        action->sa_handler(sig);
    }
}

static void on_fault(int sig, siginfo_t *info, void *context)
{
    int saved = errno;
    struct bi_stack *s = NULL;
    if (here.pool && info->si_code > 0)
        s = bi_stack_guarding(here.pool, info->si_addr);
    if (s) {
        struct line l = {.used = 0};
        bool own = bi_stack_head(here.pool, s) == *here.running;
        (own ? put_overflow : put_wild)(&l, s, info);
        bi_sys_write(2, l.text, l.used);
        put_back();
    } else {
        follow(sig, info, context);
    }
    errno = saved;
}

/* ---- Install and remove ------------------------------------------------- */

static int install_handlers(void)
{
    struct sigaction ours = {.sa_sigaction = on_fault,
                             .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigemptyset(&ours.sa_mask);
    int rc = 0;
    bi_action_lock();
    for (int i = 0; i < 2 && !runs && rc == 0; i++) {
        rc = bi_sys_sigaction(signals[i], NULL, &before[i]);
        if (rc == 0)
            rc = bi_sys_sigaction(signals[i], &ours, NULL);
    }
    if (rc == 0)
        runs++;
    bi_action_unlock();
    return rc;
}

static void remove_handlers(void)
{
    bi_action_lock();
    runs--;
    for (int i = 0; i < 2 && !runs; i++)
        bi_action_put_back(signals[i], on_fault, &before[i]);
    bi_action_unlock();
}

/* Give this thread a stack for handlers, unless it has one. */
static int install_stack(void)
{
    stack_t had;
    int rc = bi_sys_sigaltstack(NULL, &had);
    here.stack = (stack_t){0};
    if (rc < 0 || !(had.ss_flags & SS_DISABLE))
        return rc;

    stack_t ours = {.ss_size = HANDLER_BYTES + getauxval(AT_MINSIGSTKSZ)};
    ours.ss_sp = bi_sys_map(ours.ss_size, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0,
                            &rc);
    if (!ours.ss_sp)
        return rc;
    rc = bi_sys_sigaltstack(&ours, NULL);
    if (rc < 0)
        bi_sys.unmap(ours.ss_sp, ours.ss_size);
    else
        here.stack = ours;
    return rc;
}

static void remove_stack(void)
{
    stack_t now, none = {.ss_flags = SS_DISABLE};
    if (!here.stack.ss_sp || bi_sys_sigaltstack(NULL, &now) < 0)
        return;
    if (now.ss_sp == here.stack.ss_sp)
        bi_sys_sigaltstack(&none, NULL);
    bi_sys.unmap(here.stack.ss_sp, here.stack.ss_size);
    here.stack = (stack_t){0};
}

int bi_fault_install(const struct bi_stack_pool *pool,
                     struct bi_task *const *running, bi_fault_name *name)
{
    bi_assert(!here.pool);
    bi_guard(); /* not for the first time in the handler */
    int rc = install_stack();
    if (rc < 0)
        return rc;
    rc = install_handlers();
    if (rc < 0) {
        remove_stack();
        return rc;
    }
    here.running = running;
    here.name = name;
    here.pool = pool;
    return 0;
}

void bi_fault_remove(void)
{
    if (!here.pool)
        return;
    here.pool = NULL;
    remove_handlers();
    remove_stack();
}
