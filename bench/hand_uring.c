/* hand_uring.c: the limit for servers by completion: what a careful hand does.
 *
 * io_uring with plain descriptors, no registered files, no multishot receive:
 * what a library can do that gives each caller's buffer to the kernel.  Each
 * connection has one receive (that polls first, since it has just been emptied)
 * or one send under way; everything begun in a round is handed over by one
 * system call.  The rings are set up by the library's src/ring.c, and nothing
 * else of it is used.
 */
#include "bench.h"
#include "http.h"
#include "ring.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUFFER_BYTES ((size_t)16 << 10)
#define ENTRIES 256

struct connection {
    int sock;
    bool sending;
    size_t have;     /* bytes in `buf` */
    const char *out; /* what is being sent */
    size_t left;     /* bytes of it */
    char buf[BUFFER_BYTES];
};

struct server {
    struct bi_ring ring;
    int listener;
    void (*handle)(struct server *s, struct connection *c);
};

/* ---- What is begun ------------------------------------------------------ */

static struct bi_sqe *next(struct server *s)
{
    struct bi_sqe *sqe = bi_ring_next(&s->ring);
    if (!sqe) {
        bench_check(bi_ring_submit(&s->ring) == 0, "io_uring_enter");
        sqe = bi_ring_next(&s->ring);
    }
    return sqe;
}

static void begin_accept(struct server *s)
{
    struct bi_sqe *sqe = next(s);
    sqe->opcode = BI_URING_ACCEPT;
    sqe->fd = s->listener;
    sqe->op_flags = SOCK_NONBLOCK | SOCK_CLOEXEC;
}

static void begin_receive(struct server *s, struct connection *c)
{
    struct bi_sqe *sqe = next(s);
    c->sending = false;
    sqe->opcode = BI_URING_RECV;
    sqe->prio = BI_RECV_POLL_FIRST;
    sqe->fd = c->sock;
    sqe->addr = (uintptr_t)(c->buf + c->have);
    sqe->len = (uint32_t)(sizeof c->buf - c->have);
    sqe->user_data = (uintptr_t)c;
}

static void begin_send(struct server *s, struct connection *c)
{
    struct bi_sqe *sqe = next(s);
    c->sending = true;
    sqe->opcode = BI_URING_SEND;
    sqe->fd = c->sock;
    sqe->addr = (uintptr_t)c->out;
    sqe->len = (uint32_t)c->left;
    sqe->op_flags = MSG_NOSIGNAL | MSG_WAITALL;
    sqe->user_data = (uintptr_t)c;
}

static void drop(struct connection *c)
{
    close(c->sock);
    free(c);
}

/* ---- What came in ------------------------------------------------------- */

static void handle_echo(struct server *s, struct connection *c)
{
    c->out = c->buf;
    c->left = c->have;
    c->have = 0;
    if (c->left)
        begin_send(s, c);
    else
        begin_receive(s, c);
}

static void handle_http(struct server *s, struct connection *c)
{
    int taken = http_take(c->buf, &c->have);
    c->out = http_answer;
    c->left = http_answer_bytes;
    if (taken < 0 || (taken == 0 && c->have == sizeof c->buf))
        drop(c);
    else if (taken > 0)
        begin_send(s, c);
    else
        begin_receive(s, c);
}

static void accepted(struct server *s, int sock)
{
    begin_accept(s);
    if (sock < 0)
        return;
    struct connection *c = calloc(1, sizeof(*c));
    bench_check(c != NULL, "memory");
    bench_no_delay(sock);
    c->sock = sock;
    begin_receive(s, c);
}

/* A receive or a send has come to `n`. */
static void moved(struct server *s, struct connection *c, int n)
{
    if (n <= 0) {
        drop(c);
        return;
    }
    if (!c->sending) {
        c->have += (size_t)n;
        s->handle(s, c);
        return;
    }
    c->out += n;
    c->left -= (size_t)n;
    if (c->left)
        begin_send(s, c);
    else
        s->handle(s, c);
}

static void serve(struct server *s)
{
    char why[200];
    int rc = bi_ring_open(&s->ring, ENTRIES, why, sizeof why);
    bench_check(rc == 0, why);
    s->listener = bench_listen();
    begin_accept(s);
    for (;;) {
        struct bi_cqe cqe;
        rc = bi_ring_enter(&s->ring, BIDE_FOREVER);
        bench_check(rc == 0 || rc == -EINTR, "io_uring_enter");
        while (bi_ring_take(&s->ring, &cqe)) {
            struct connection *c = (void *)(uintptr_t)cqe.user_data;
            if (c)
                moved(s, c, cqe.res);
            else
                accepted(s, cqe.res);
        }
    }
}

static double echo(long n)
{
    (void)n;
    struct server s = {.handle = handle_echo};
    serve(&s);
    return 0;
}

static double http(long n)
{
    (void)n;
    struct server s = {.handle = handle_http};
    serve(&s);
    return 0;
}

int main(int argc, char **argv)
{
    static const struct bench_question questions[] = {
        {"echo", echo}, {"http", http}, {NULL, NULL}};
    return bench_main(argc, argv, questions);
}
