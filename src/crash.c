/* crash.c: the seed as the last words of a program that a test stops.
 *
 * A broken contract, a failed assertion and a wild pointer end in a signal.  It
 * is caught while any thread watches; the thread it came to says its words, the
 * action of before is put back, and the signal comes again: abort(3) sends it,
 * a fault repeats.  So a core file and a debugger see what they would have
 * seen.
 *
 * Stack overflows are told by fault.c first, which hands on to this file.
 */
#include "crash.h"

#include "action.h"
#include "sys.h"

static const int signals[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL};
#define SIGNALS (int)(sizeof signals / sizeof signals[0])

/* Written under the lock, while no handler of ours is installed. */
static unsigned watchers;
static struct sigaction before[SIGNALS];

static _Thread_local struct {
    void (*tell)(const void *arg); /* NULL: this thread does not watch */
    const void *arg;
} here __attribute__((tls_model("initial-exec")));

static void on_signal(int sig, siginfo_t *info, void *context)
{
    (void)context;
    int saved = errno;
    if (here.tell)
        here.tell(here.arg);
    here.tell = NULL;
    for (int i = 0; i < SIGNALS; i++)
        if (signals[i] == sig)
            bi_sys_sigaction(sig, &before[i], NULL);
    if (info->si_code <= 0 && sig != SIGABRT)
        raise(sig); /* it was sent: nothing repeats it */
    errno = saved;
}

static int install(void)
{
    struct sigaction ours = {.sa_sigaction = on_signal,
                             .sa_flags = SA_SIGINFO | SA_ONSTACK};
    int rc = 0;
    sigemptyset(&ours.sa_mask);
    for (int i = 0; i < SIGNALS && rc == 0; i++)
        rc = bi_sys_sigaction(signals[i], &ours, &before[i]);
    return rc;
}

static void put_back(void)
{
    for (int i = 0; i < SIGNALS; i++)
        bi_action_put_back(signals[i], on_signal, &before[i]);
}

int bi_crash_watch(void (*tell)(const void *arg), const void *arg)
{
    bi_assert(!here.tell);
    bi_action_lock();
    int rc = watchers ? 0 : install();
    if (rc == 0)
        watchers++;
    else
        put_back();
    bi_action_unlock();
    if (rc < 0)
        return rc;
    here.arg = arg;
    here.tell = tell;
    return 0;
}

void bi_crash_forget(void)
{
    here.tell = NULL;
    bi_action_lock();
    if (--watchers == 0)
        put_back();
    bi_action_unlock();
}
