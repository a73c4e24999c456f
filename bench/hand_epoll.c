/* hand_epoll.c: the limit for servers by readiness: what a careful hand does.
 *
 * epoll, edge-triggered, each descriptor registered once; a receive that brings
 * less than it could have clears the connection's readiness, so that no call is
 * made in vain.  A buffer a connection, as a task has one.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "bench.h"
#include "http.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUFFER_BYTES ((size_t)16 << 10)
#define EVENTS 256

struct connection {
    int sock;
    bool readable;
    bool over;
    size_t have;           /* bytes in `buf` */
    const char *out;       /* what is being sent */
    size_t left;           /* bytes of it */
    char buf[BUFFER_BYTES];
};

/* Look at what was received: something to send, or nothing yet. */
typedef void handler(struct connection *c);

static void handle_echo(struct connection *c)
{
    c->out = c->buf;
    c->left = c->have;
    c->have = 0;
}

static void handle_http(struct connection *c)
{
    int taken = http_take(c->buf, &c->have);
    c->over = taken < 0 || (taken == 0 && c->have == sizeof c->buf);
    c->out = http_answer;
    c->left = taken > 0 ? http_answer_bytes : 0;
}

/* False: there is no room, or it is over. */
static bool send_rest(struct connection *c)
{
    while (c->left > 0) {
        ssize_t n = send(c->sock, c->out, c->left, MSG_NOSIGNAL);
        if (n < 0) {
            c->over = errno != EAGAIN;
            return false;
        }
        c->out += n;
        c->left -= (size_t)n;
    }
    return true;
}

/* False: nothing came, or it is over. */
static bool receive(struct connection *c)
{
    size_t room = sizeof c->buf - c->have;
    ssize_t n = recv(c->sock, c->buf + c->have, room, 0);
    if (n <= 0) {
        c->over = n == 0 || errno != EAGAIN;
        c->readable = false;
        return false;
    }
    c->have += (size_t)n;
    c->readable = (size_t)n == room;
    return true;
}

/* Go on until the socket stands in the way. */
static void advance(struct connection *c, handler *handle)
{
    while (send_rest(c)) {
        if (c->have)
            handle(c);
        if (c->over)
            return;
        if (c->left == 0 && (!c->readable || !receive(c)))
            return;
    }
}

static void take_connections(int epoll, int listener)
{
    for (int sock; (sock = bench_accept(listener)) >= 0;) {
        struct connection *c = calloc(1, sizeof(*c));
        bench_check(c != NULL, "memory");
        c->sock = sock;
        struct epoll_event event = {
            .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
            .data.ptr = c};
        bench_check(epoll_ctl(epoll, EPOLL_CTL_ADD, sock, &event) == 0,
                    "epoll_ctl");
    }
}

static void hear(const struct epoll_event *event, handler *handle)
{
    struct connection *c = event->data.ptr;
    c->readable |= (event->events & ~(uint32_t)EPOLLOUT) != 0;
    advance(c, handle);
    if (c->over) {
        close(c->sock);
        free(c);
    }
}

static void serve(handler *handle)
{
    struct epoll_event events[EVENTS], event = {.events = EPOLLIN};
    int listener = bench_listen(), epoll = epoll_create1(EPOLL_CLOEXEC);
    bench_check(epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) == 0,
                "epoll_ctl");
    for (;;) {
        int n = epoll_wait(epoll, events, EVENTS, -1);
        bench_check(n >= 0 || errno == EINTR, "epoll_wait");
        for (int i = 0; i < n; i++) {
            if (events[i].data.ptr)
                hear(&events[i], handle);
            else
                take_connections(epoll, listener);
        }
    }
}

static double echo(long n)
{
    (void)n;
    serve(handle_echo);
    return 0;
}

static double http(long n)
{
    (void)n;
    serve(handle_http);
    return 0;
}

int main(int argc, char **argv)
{
    static const struct bench_question questions[] = {
        {"echo", echo}, {"http", http}, {NULL, NULL}};
    return bench_main(argc, argv, questions);
}
