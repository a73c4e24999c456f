/* echo_load.c: keep an echo server busy and say what a request costs it.
 *
 *     echo_load PORT PID CONNECTIONS BYTES SECONDS
 *
 * Each connection sends a message, waits for all of it to come back, and sends
 * the next.  After a while of warming up, the processor time of the server's
 * process PID is read from the kernel's books at both ends of the time given;
 * printed is what it took for a request, in nanoseconds.  That is the figure to
 * compare: requests in a second are as much the generator's as the server's.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "bench.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define WARM_UP 0.2 /* seconds */
#define CONNECTIONS_MAX 1000
#define BYTES_MAX (16 << 10)
#define EVENTS 256

struct connection {
    int sock;
    size_t sent, got; /* of this message */
};

static struct connection all[CONNECTIONS_MAX];
static char message[BYTES_MAX], sink[BYTES_MAX];
static size_t bytes;
static long requests;

/* Send what is left to send, as far as there is room. */
static void push(struct connection *c)
{
    while (c->sent < bytes) {
        ssize_t n = send(c->sock, message + c->sent, bytes - c->sent,
                         MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN)
            return;
        bench_check(n > 0, "send");
        c->sent += (size_t)n;
    }
}

/* Receive; with the last byte of a message the next one goes out. */
static void pull(struct connection *c)
{
    size_t room = bytes - c->got;
    ssize_t n = recv(c->sock, sink, room, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN)
        return;
    errno = 0;
    bench_check(n > 0, "the server hung up");
    bench_check(memcmp(sink, message + c->got, (size_t)n) == 0,
                "another message came back");
    c->got += (size_t)n;
    if (c->got < bytes)
        return;
    requests++;
    c->sent = c->got = 0;
    push(c);
}

static void dial(struct connection *c, int port, int epoll)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET,
                                .data.ptr = c};
    c->sock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bench_check(c->sock >= 0, "socket");
    bench_check(connect(c->sock, (struct sockaddr *)&to, sizeof to) == 0,
                "connect");
    bench_no_delay(c->sock);
    bench_check(epoll_ctl(epoll, EPOLL_CTL_ADD, c->sock, &event) == 0,
                "epoll_ctl");
}

/* The events are edges: each is followed up until the socket would block. */
static void serve_events(int epoll)
{
    struct epoll_event events[EVENTS];
    int n = epoll_wait(epoll, events, EVENTS, 1000);
    bench_check(n >= 0 || errno == EINTR, "epoll_wait");
    for (int i = 0; i < n; i++) {
        struct connection *c = events[i].data.ptr;
        if (events[i].events & EPOLLOUT)
            push(c);
        if (events[i].events & ~(uint32_t)EPOLLOUT)
            pull(c);
    }
}

static void run_for(int epoll, double seconds)
{
    int64_t end = bench_now() + (int64_t)(seconds * BENCH_SECOND);
    while (bench_now() < end)
        serve_events(epoll);
}

int main(int argc, char **argv)
{
    bench_check(argc == 6, "echo_load PORT PID CONNECTIONS BYTES SECONDS");
    int port = atoi(argv[1]), pid = atoi(argv[2]), count = atoi(argv[3]);
    bytes = (size_t)atoi(argv[4]);
    double seconds = strtod(argv[5], NULL);
    bench_check(count > 0 && count <= CONNECTIONS_MAX && bytes > 0 &&
                    bytes <= BYTES_MAX && seconds > 0, "too many, too large");
    for (size_t i = 0; i < bytes; i++)
        message[i] = (char)(i * 31);

    int epoll = epoll_create1(EPOLL_CLOEXEC);
    for (int i = 0; i < count; i++)
        dial(&all[i], port, epoll);
    for (int i = 0; i < count; i++)
        push(&all[i]);
    run_for(epoll, WARM_UP);
    long requests_before = requests;
    int64_t cpu_before = bench_cpu_of(pid);
    run_for(epoll, seconds);
    int64_t cpu = bench_cpu_of(pid) - cpu_before;
    long done = requests - requests_before;
    errno = 0;
    bench_check(done > 0, "no request was answered");
    printf("%.0f\n", (double)cpu / (double)done);
    return 0;
}
