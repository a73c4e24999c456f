/* pair.h: connected descriptors for tests, and tasks that wait on them.
 *
 * What bide made it knows to be its own; what others made may be closed and
 * replaced at any time, and is treated with more care.
 */
#ifndef PAIR_H
#define PAIR_H

#include "doors.h"

/* One end for tasks, and its peer, which is used without bide. */
struct pair {
    int fd, peer;
};

/* Made by bide (over TCP), or by others (a Unix stream). */
struct pair ours_pair(void);
struct pair foreign_pair(void);
struct pair make_pair(bool ours);

/* The port of a listening socket, and a connection to it, made by others. */
int listener_port(int fd);
int foreign_dial(int port);

/* Let all tasks go on as far as they can by what has happened until now. */
void settle(void);

/* Start a task that reads from `fd` into `got`, and see that it waits. */
bide_task *start_reader(int fd);
extern char got[64];

/* A task that accepts a connection from the descriptor `fd` and closes it. */
intptr_t accept_one(void *fd);

/* What bide_stats() counts. */
uint64_t count_wakeups(void);
uint64_t count_submits(void);

/* A descriptor as a task's argument. */
static inline void *fd_arg(int fd)
{
    return (void *)(intptr_t)fd;
}

static inline int arg_fd(void *arg)
{
    return (int)(intptr_t)arg;
}

#endif
