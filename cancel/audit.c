/* audit.c: what must be as it was before.
 *
 * Inside the run, when only its main task is left: no other task, no timer, no
 * operation, nobody on a descriptor's lists.  Of the process, after the run:
 * descriptors, heap, mappings (main.c compares them).
 */
#include "cancel.h"

#include "reactor.h"
#include "timer.h"

#include <malloc.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#define DESCRIPTORS 64

static uint64_t open_descriptors(void)
{
    struct pollfd fds[DESCRIPTORS];
    uint64_t open = 0;
    for (int fd = 0; fd < DESCRIPTORS; fd++)
        fds[fd] = (struct pollfd){.fd = fd};
    poll(fds, DESCRIPTORS, 0);
    for (int fd = 0; fd < DESCRIPTORS; fd++)
        if (!(fds[fd].revents & POLLNVAL))
            open |= (uint64_t)1 << fd;
    return open;
}

static size_t count_mappings(void)
{
    char line[512];
    size_t n = 0;
    FILE *maps = fopen("/proc/self/maps", "re");
    while (maps && fgets(line, sizeof line, maps))
        n += strchr(line, '\n') != NULL;
    if (maps)
        fclose(maps);
    return n;
}

struct books take_stock(void)
{
    return (struct books){.open = open_descriptors(),
                          .heap = mallinfo2().uordblks,
                          .mappings = count_mappings()};
}

/* ---- Inside ------------------------------------------------------------- */

static void audit_descriptor(const struct bi_fd *e)
{
    holds(bi_list_empty(&e->ops), "no operation stands on a descriptor's list");
    holds(bi_list_empty(&e->writers), "nobody queues to write");
    holds(!e->reader && !e->writer, "nobody has a turn on a descriptor");
}

void audit_run(void)
{
    struct bi_run *run = bi_here;
    struct bi_reactor *r = run->reactor;
    equal((long)bi_run_alive(run), 1, "only the main task is alive");
    equal((long)r->in_flight, 0, "no operation is in flight");
    bide_time deadline;
    holds(!bi_timer_next(run, &deadline), "no timer is armed");
    holds(bi_list_empty(&run->ready), "nobody is ready");
    holds(bi_list_empty(&run->watchers), "nobody watches tasks");
    holds(bi_list_empty(&run->current->root.children), "no scope is open");
    for (int fd = 0; fd < DESCRIPTORS; fd++) {
        struct bi_fd *e = bi_fd_find(&r->fds, fd);
        if (e)
            audit_descriptor(e);
    }
}
