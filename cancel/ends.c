/* ends.c: descriptors with two ends, made without bide. */
#include "ends.h"

#include "cancel.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

const struct medium_facts media[MEDIA] = {
    {"pipe", false, false, 3000},     {"fifo", false, false, 3000},
    {"unix", true, false, 3000},      {"tcp", true, false, 100000},
    {"packets", true, true, 900},     {"datagrams", true, true, 900},
};

int must(int rc, const char *law)
{
    holds(rc >= 0, law);
    return rc;
}

static void open_fifo(int ends[2])
{
    char path[] = "/tmp/bide-XXXXXX";
    must(close(mkstemp(path)), "a file is made");
    must(unlink(path), "its name is free");
    must(mkfifo(path, 0600), "a FIFO is made");
    ends[0] = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    ends[1] = open(path, O_WRONLY | O_CLOEXEC);
    must(unlink(path), "its name is forgotten");
    must(fcntl(ends[0], F_SETFL, 0), "it can block");
}

static void open_tcp(int ends[2])
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr *any = (struct sockaddr *)&a;
    socklen_t len = sizeof a;
    struct linger reset = {1, 0}; /* leaves no port waiting */
    int listener = socket(AF_INET, SOCK_STREAM, 0), room = 30000;
    int segment = 1400; /* the loopback's own 64 KiB wait for slow answers */
    setsockopt(listener, IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof segment);
    must(bind(listener, any, len), "an address is free");
    must(listen(listener, 1), "someone listens");
    must(getsockname(listener, any, &len), "the port is told");
    ends[0] = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    must(connect(ends[0], any, len), "a connection is made");
    ends[1] = accept(listener, NULL, NULL);
    for (int i = 0; i < 2; i++)
        setsockopt(ends[i], SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(listener);
}

static void open_pair(int ends[2], int type)
{
    int room = 4096;
    must(socketpair(AF_UNIX, type, 0, ends), "a pair is made");
    for (int i = 0; i < 2; i++)
        setsockopt(ends[i], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
}

void open_ends(enum medium medium, int ends[2])
{
    switch (medium) {
    case PIPE:
        must(pipe2(ends, O_CLOEXEC), "a pipe is made");
        break;
    case FIFO:
        open_fifo(ends);
        break;
    case TCP:
        open_tcp(ends);
        break;
    default:
        open_pair(ends, medium == UNIX      ? SOCK_STREAM
                        : medium == PACKETS ? SOCK_SEQPACKET
                                            : SOCK_DGRAM);
    }
    fcntl(ends[1], F_SETPIPE_SZ, 4096);
}
