/* uv.c: the questions of echo.c and thread.c, to libuv.
 *
 * Callbacks: a buffer a connection, into which it reads; uv_try_write(), which
 * its manual recommends for small answers, and a queued write for the rest.
 */
#include "../bench.h"

#include <stdlib.h>
#include <uv.h>

#define BUFFER_BYTES (16 << 10)

struct connection {
    uv_tcp_t sock;
    uv_write_t rest;
    char buf[BUFFER_BYTES];
};

static void lend(uv_handle_t *sock, size_t wish, uv_buf_t *out)
{
    (void)wish;
    struct connection *c = sock->data;
    *out = uv_buf_init(c->buf, sizeof c->buf);
}

static void gone(uv_handle_t *sock)
{
    free(sock->data);
}

static void received(uv_stream_t *sock, ssize_t n, const uv_buf_t *in);

static void sent(uv_write_t *rest, int status)
{
    struct connection *c = rest->data;
    if (status < 0)
        uv_close((uv_handle_t *)&c->sock, gone);
    else
        uv_read_start((uv_stream_t *)&c->sock, lend, received);
}

/* While the rest is being sent nothing is read: it is still in the buffer. */
static void received(uv_stream_t *sock, ssize_t n, const uv_buf_t *in)
{
    struct connection *c = sock->data;
    if (n < 0) {
        uv_close((uv_handle_t *)sock, gone);
        return;
    }
    if (n == 0)
        return;
    uv_buf_t out = uv_buf_init(in->base, (unsigned)n);
    int done = uv_try_write(sock, &out, 1);
    done = done > 0 ? done : 0;
    if (done == n)
        return;
    uv_read_stop(sock);
    out = uv_buf_init(in->base + done, (unsigned)(n - done));
    c->rest.data = c;
    uv_write(&c->rest, sock, &out, 1, sent);
}

static void connected(uv_stream_t *listener, int status)
{
    struct connection *c = calloc(1, sizeof(*c));
    bench_check(c && status == 0, "connection");
    uv_tcp_init(listener->loop, &c->sock);
    c->sock.data = c;
    bench_check(uv_accept(listener, (uv_stream_t *)&c->sock) == 0, "accept");
    uv_tcp_nodelay(&c->sock, 1);
    uv_read_start((uv_stream_t *)&c->sock, lend, received);
}

static double echo(long n)
{
    (void)n;
    uv_tcp_t listener;
    uv_tcp_init(uv_default_loop(), &listener);
    bench_check(uv_tcp_open(&listener, bench_listen()) == 0 &&
                    uv_listen((uv_stream_t *)&listener, 1024, connected) == 0,
                "uv_listen");
    return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}

/* ---- As in thread.c ----------------------------------------------------- */

static long jobs_left;

static void work(uv_work_t *job)
{
    (void)job;
}

static void worked(uv_work_t *job, int status)
{
    bench_check(status == 0, "uv_queue_work");
    if (--jobs_left > 0)
        uv_queue_work(job->loop, job, work, worked);
}

/* Keep `n` jobs under way until some `count` of them are back. */
static void work_through(uv_work_t *jobs, long n, long count)
{
    jobs_left = count;
    for (long i = 0; i < n; i++)
        uv_queue_work(uv_default_loop(), &jobs[i], work, worked);
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}

static double thread(long n)
{
    long count = n == 1 ? BENCH_JOBS / 10 : BENCH_JOBS;
    uv_work_t *jobs = calloc((size_t)n, sizeof *jobs);
    bench_check(jobs != NULL, "memory");
    work_through(jobs, n, 10 * n);
    int64_t began = bench_now();
    work_through(jobs, n, count);
    double each = (double)(bench_now() - began) / (double)count;
    free(jobs);
    return each;
}

int main(int argc, char **argv)
{
    static const struct bench_question questions[] = {{"echo", echo},
                                                      {"thread", thread},
                                                      {NULL, NULL}};
    return bench_main(argc, argv, questions);
}
