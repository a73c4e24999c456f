/* audit.c: counting what a process has, in a few system calls.
 *
 * The library's own mappings and blocks are counted where it asks for them, to
 * the byte.  The kernel's count of mappings is a net below that, with holes:
 * libc keeps the stacks of threads that have ended.
 */
#include "audit.h"

#include "park.h"
#include "reactor.h"
#include "timer.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LIBC_MAPPINGS 16

/* ---- The process -------------------------------------------------------- */

static void take_descriptors(bool open[AUDIT_DESCRIPTORS])
{
    struct pollfd fds[AUDIT_DESCRIPTORS];
    for (int i = 0; i < AUDIT_DESCRIPTORS; i++)
        fds[i] = (struct pollfd){.fd = i};
    poll(fds, AUDIT_DESCRIPTORS, 0);
    for (int i = 0; i < AUDIT_DESCRIPTORS; i++)
        open[i] = !(fds[i].revents & POLLNVAL);
}

/* How often `mark` stands in a file of /proc. */
static long count_in(const char *path, char mark)
{
    static char text[32768];
    long n, count = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    while ((n = read(fd, text, sizeof text)) > 0)
        for (long i = 0; i < n; i++)
            count += text[i] == mark;
    close(fd);
    return count;
}

/* The twentieth word of stat, of which the second stands in parentheses. */
static long count_threads(void)
{
    char text[1024];
    long threads = -1;
    int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    text[n > 0 ? n : 0] = '\0';
    const char *at = strrchr(text, ')');
    if (at)
        sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u "
                       "%*d %*d %*d %*d %ld", &threads);
    return threads;
}

/* A thread that was joined may be there for a moment longer, and so may those
 * that the kernel made for a ring: seconds, where all processors are busy. */
static long settled_threads(long expected)
{
    long threads = count_threads();
    for (int i = 0; threads > expected && i < 50000; i++) {
        usleep(100);
        threads = count_threads();
    }
    return threads;
}

static void take_signals(struct audit *a)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGINT};
    stack_t stack;
    sigprocmask(SIG_SETMASK, NULL, &a->mask);
    sigaltstack(NULL, &stack);
    a->handler_stack = !(stack.ss_flags & SS_DISABLE);
    for (int i = 0; i < 3; i++) {
        struct sigaction action;
        sigaction(signals[i], NULL, &action);
        a->handlers[i] = action.sa_handler;
    }
}

void audit_take(struct audit *a)
{
    memset(a, 0, sizeof *a);
    a->ledger = boundary_ledger();
    take_descriptors(a->open);
    take_signals(a);
    a->threads = count_threads();
    a->mappings = count_in("/proc/self/maps", '\n');
}

static bool signals_differ(const struct audit *a, const struct audit *b)
{
    bool differ = a->handler_stack != b->handler_stack;
    for (int i = 0; i < 3; i++)
        differ |= a->handlers[i] != b->handlers[i];
    for (int sig = 1; sig < NSIG; sig++)
        differ |= sigismember(&a->mask, sig) != sigismember(&b->mask, sig);
    return differ;
}

bool audit_differs(const struct audit *before, char *why, size_t room)
{
    struct audit now;
    audit_take(&now);
    const struct ledger *was = &before->ledger, *is = &now.ledger;
    for (int fd = 0; fd < AUDIT_DESCRIPTORS; fd++)
        if (now.open[fd] != before->open[fd])
            return snprintf(why, room, "descriptor %d is left %s", fd,
                            now.open[fd] ? "open" : "closed");
    if (is->blocks != was->blocks)
        return snprintf(why, room, "%ld blocks of the heap are left",
                        is->blocks - was->blocks);
    if (is->mappings != was->mappings || is->mapped_bytes != was->mapped_bytes)
        return snprintf(why, room, "%ld mappings, %ld bytes are left",
                        is->mappings - was->mappings,
                        is->mapped_bytes - was->mapped_bytes);
    if (now.mappings > before->mappings + LIBC_MAPPINGS)
        return snprintf(why, room, "the kernel has %ld more mappings",
                        now.mappings - before->mappings);
    if (settled_threads(before->threads) > before->threads)
        return snprintf(why, room, "threads are left");
    if (signals_differ(before, &now))
        return snprintf(why, room, "signals: mask, stack or handlers changed");
    return false;
}

/* ---- The run ------------------------------------------------------------ */

static size_t count_free(const struct bi_stack_pool *p)
{
    size_t n = 0;
    for (unsigned i = 0; i < BI_STACK_CLASSES; i++) {
        BI_LIST_EACH(it, &p->classes[i].warm)
            n++;
        BI_LIST_EACH(it, &p->classes[i].cold)
            n++;
    }
    return n;
}

bool audit_run_differs(char *why, size_t room)
{
    struct bi_run *run = bi_here;
    size_t used = run->stacks.mapped - count_free(&run->stacks);
    if (bi_run_alive(run) != 1)
        return snprintf(why, room, "%lu tasks are alive besides main",
                        (unsigned long)bi_run_alive(run) - 1);
    if (used != 1)
        return snprintf(why, room, "%zu stacks are in use besides main's",
                        used - 1);
    bide_time deadline;
    if (bi_timer_next(run, &deadline))
        return snprintf(why, room, "a timer is armed");
    if (run->reactor->in_flight)
        return snprintf(why, room, "%zu operations are in flight",
                        run->reactor->in_flight);
    if (run->current->scope != &run->current->root || run->current->root.code)
        return snprintf(why, room, "a scope is left, or the task is cancelled");
    return false;
}
