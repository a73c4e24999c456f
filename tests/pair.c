/* pair.c: connected descriptors for tests, and tasks that wait on them. */
#include "pair.h"

#include <check.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

int listener_port(int fd)
{
    struct sockaddr_in addr;
    socklen_t len = sizeof addr;
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
    return ntohs(addr.sin_port);
}

int foreign_dial(int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

struct pair ours_pair(void)
{
    int listener = bide_listen("127.0.0.1", "0", 1);
    ck_assert_int_ge(listener, 0);
    int peer = foreign_dial(listener_port(listener));
    int fd = bide_accept(listener, NULL, NULL);
    ck_assert_int_ge(fd, 0);
    bide_close(listener);
    return (struct pair){fd, peer};
}

struct pair foreign_pair(void)
{
    int fds[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    return (struct pair){fds[0], fds[1]};
}

struct pair make_pair(bool ours)
{
    return ours ? ours_pair() : foreign_pair();
}

/* A yield in a hundred or so gives the loop a turn. */
void settle(void)
{
    for (int i = 0; i < 1000; i++)
        bide_yield();
}

char got[64];

static intptr_t read_into_got(void *fd)
{
    return bide_read(arg_fd(fd), got, sizeof got);
}

bide_task *start_reader(int fd)
{
    bide_task *task = start(read_into_got, fd_arg(fd));
    settle();
    ck_assert(!bide_task_done(task));
    return task;
}

intptr_t accept_one(void *fd)
{
    int client = bide_accept(arg_fd(fd), NULL, NULL);
    return client < 0 ? client : bide_close(client);
}

uint64_t count_wakeups(void)
{
    struct bide_stats stats;
    bide_stats(&stats);
    return stats.wakeups;
}

uint64_t count_submits(void)
{
    struct bide_stats stats;
    bide_stats(&stats);
    return stats.submits;
}
