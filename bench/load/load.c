/* load.c: clients that ask, each as a task, and a task that watches them.
 *
 * The watcher is whoever called load_run().  It has the clients connect, lets
 * them go all at once, wakes once a second, and cancels them at the end; so no
 * client looks at the clock to know whether it is over.
 *
 * Closed loop: a client asks again as soon as it has its answer.  One reading
 * of the clock ends a request and begins the next.
 *
 * Open loop: requests are due at fixed times, whatever the server does, and the
 * next one is taken on by the first client that is free.  What counts is the
 * time since a request was due, not since it was sent.  A server that stalls
 * delays requests that then are not sent; measured from the sending, these
 * would look quick, and the stall would be seen by those few under way (this is
 * coordinated omission: Gil Tene, "How NOT to Measure Latency").
 *
 * A request counts if its answer comes after the warm-up.
 *
 * All latencies go into one histogram, that of the running second, which is
 * added to the result's when the second is over.  Rejected: one for each
 * client, as threads would need; a task is never interrupted while it records,
 * and a thousand tables would push each other out of the cache.
 */
#include "load.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define DIALS_AT_ONCE 64       /* a listener's queue may be short */
#define DIAL_SPAN BIDE_SEC(10) /* for all of them, at the start */
#define DIAL_PAUSE BIDE_MS(100)

struct load_run {
    const struct load_plan *plan;
    struct load_result *result;
    char *clients;       /* structs load_client, `stride` bytes apart */
    size_t stride;
    bide_time begin, counted_from, end;
    uint64_t turns;      /* open loop: requests that a client has taken on */
    uint64_t answers;    /* and failures, the warm-up included */
    bool over;           /* what comes now is too late to count */
    struct rusage usage; /* at counted_from */
    struct load_histogram second;
};

/* An odd number of cache lines: at a power of two the buffers of all clients
 * would compete for the same few places of the cache. */
static size_t stride_of(const struct load_plan *plan)
{
    size_t lines = (sizeof(struct load_client) + plan->buffer_bytes + 63) / 64;
    return (lines | 1) * 64;
}

static struct load_client *client_at(const struct load_run *run, unsigned i)
{
    return (struct load_client *)(void *)(run->clients + i * run->stride);
}

/* ---- The connection ----------------------------------------------------- */

void load_hang_up(struct load_client *c)
{
    if (c->sock >= 0)
        bide_close(c->sock);
    c->sock = -1;
}

int load_send(struct load_client *c, const void *data, size_t len)
{
    const char *at = data, *end = at + len;
    while (at < end) {
        ssize_t n = bide_send(c->sock, at, (size_t)(end - at), 0);
        if (n < 0)
            return (int)n;
        at += n;
    }
    return 0;
}

int load_receive(struct load_client *c, void *buf, size_t len)
{
    char *at = buf, *end = at + len;
    while (at < end) {
        ssize_t n = bide_recv(c->sock, at, (size_t)(end - at), 0);
        if (n <= 0)
            return n < 0 ? (int)n : -ECONNRESET;
        at += n;
    }
    return 0;
}

/* Connect, if that is wanted. */
static intptr_t dial(void *arg)
{
    struct load_client *c = arg;
    int on = 1;
    if (c->plan->scenario->alone || c->sock >= 0)
        return 0;
    int sock = bide_dial(c->plan->host, c->plan->service);
    if (sock < 0)
        return sock;
    c->sock = sock;
    /* Refused by a Unix socket, which holds nothing back either. */
    setsockopt(sock, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return 0;
}

/* ---- A client ----------------------------------------------------------- */

static void count_failure(struct load_result *result, intptr_t code)
{
    struct load_error *e = result->errors, *last = e + LOAD_ERRORS - 1;
    while (e < last && e->count > 0 && e->code != code)
        e++;
    if (e->count > 0 && e->code != code)
        code = 0;
    e->code = code;
    e->count++;
    result->failed++;
}

static void record(struct load_client *c, intptr_t n, bide_time start,
                   bide_time now)
{
    struct load_run *run = c->run;
    run->answers++;
    if (now < run->counted_from || run->over)
        return;
    if (n < 0) {
        count_failure(run->result, n);
        return;
    }
    c->answered++;
    run->result->bytes += (uint64_t)n;
    load_histogram_record(&run->second, (uint64_t)(now - start));
}

/* One request, on a new connection where there is none. */
static intptr_t ask(struct load_client *c)
{
    intptr_t n = dial(c);
    if (n < 0) {
        bide_sleep(DIAL_PAUSE);
        return n;
    }
    n = c->plan->scenario->request(c);
    if (n < 0 && n > LOAD_REFUSED(0))
        load_hang_up(c);
    return n;
}

/* When the request with that number is due. */
static bide_time due_at(const struct load_run *run, uint64_t number)
{
    return run->begin + (bide_time)((double)number * 1e9 / run->plan->rate);
}

/* Take on the next request, and wait until it is due.  Returns when it was. */
static bide_time take_turn(struct load_run *run, bide_time now)
{
    bide_time due = due_at(run, run->turns++);
    if (due > now)
        bide_sleep_until(due);
    return due;
}

static intptr_t be_client(void *arg)
{
    struct load_client *c = arg;
    struct load_run *run = c->run;
    bide_time start = run->begin, now = run->begin;
    while (bide_cancel_code() == 0) {
        if (run->plan->rate > 0)
            start = take_turn(run, now);
        intptr_t n = ask(c);
        now = bide_now();
        if (n < 0 && bide_cancel_code() < 0)
            break; /* it was cut short: that is no failure */
        record(c, n, start, now);
        start = now;
    }
    return 0;
}

/* ---- The watcher -------------------------------------------------------- */

static int64_t ns_between(struct timeval a, struct timeval b)
{
    return (b.tv_sec - a.tv_sec) * INT64_C(1000000000) +
           (b.tv_usec - a.tv_usec) * INT64_C(1000);
}

/* Tell of the second that is over, and begin the next. */
static void end_second(struct load_run *run, bide_time now, bide_time since)
{
    struct load_histogram *s = &run->second;
    FILE *progress = run->plan->progress;
    if (progress && now > since)
        fprintf(progress,
                "%5.1f s  %10.0f answers/s  p50 %9.3f ms  p99 %9.3f ms  "
                "%ju failed\n",
                (double)(now - run->counted_from) / 1e9,
                (double)s->count * 1e9 / (double)(now - since),
                (double)load_histogram_at(s, 5000) / 1e6,
                (double)load_histogram_at(s, 9900) / 1e6,
                (uintmax_t)run->result->failed);
    load_histogram_merge(&run->result->latency, s);
    memset(s, 0, sizeof *s);
}

/* Until the end, or until somebody cancels it.  0 or why it ended early. */
static int watch(struct load_run *run)
{
    if (run->plan->progress && run->plan->warmup > 0)
        fprintf(run->plan->progress, "warming up\n");
    int rc = bide_sleep_until(run->counted_from);
    getrusage(RUSAGE_SELF, &run->usage);
    bide_time since = run->counted_from, now = since;
    while (rc == 0 && now < run->end) {
        bide_time next = since + BIDE_SEC(1);
        rc = bide_sleep_until(next < run->end ? next : run->end);
        now = bide_now();
        end_second(run, now, since);
        since = now;
    }
    return rc;
}

/* Open loop: how many requests should have been answered by now, but were not,
 * be it that nobody was free to ask. */
static uint64_t unanswered(const struct load_run *run, bide_time now)
{
    double due = (double)(now - run->begin) * run->plan->rate / 1e9;
    double missing = due - (double)run->answers;
    return missing > 0 ? (uint64_t)missing : 0;
}

/* What is known at the end, before the clients are stopped. */
static void sum_up(struct load_run *run, bide_time now)
{
    struct load_result *result = run->result;
    struct rusage usage;
    run->over = true;
    getrusage(RUSAGE_SELF, &usage);
    result->user_ns = ns_between(run->usage.ru_utime, usage.ru_utime);
    result->system_ns = ns_between(run->usage.ru_stime, usage.ru_stime);
    result->span = now > run->counted_from ? now - run->counted_from : 0;
    result->unanswered = unanswered(run, now);
    for (unsigned i = 0; i < run->plan->clients; i++) {
        uint64_t n = client_at(run, i)->answered;
        if (i == 0 || n < result->fewest)
            result->fewest = n;
        if (n > result->most)
            result->most = n;
    }
}

/* Let the clients go. */
static int carry_out(struct load_run *run)
{
    struct bide_group clients;
    int rc = 0;
    bide_group_open(&clients, BIDE_FAIL_FAST);
    run->begin = bide_now();
    run->counted_from = run->begin + run->plan->warmup;
    run->end = run->counted_from + run->plan->span;
    for (unsigned i = 0; i < run->plan->clients && rc == 0; i++)
        rc = bide_group_spawn(&clients, be_client, client_at(run, i));
    if (rc == 0) {
        run->result->interrupted = watch(run) < 0;
        sum_up(run, bide_now());
    }
    bide_group_cancel(&clients);
    intptr_t closed = bide_group_close(&clients, rc);
    return run->result->interrupted ? 0 : (int)closed;
}

/* ---- Setting up --------------------------------------------------------- */

/* Have all clients connect, some at a time. */
static int dial_all(struct load_run *run)
{
    unsigned n = run->plan->clients;
    struct bide_call *calls = calloc(n, sizeof *calls);
    if (!calls)
        return -ENOMEM;
    for (unsigned i = 0; i < n; i++)
        calls[i] = (struct bide_call){dial, client_at(run, i), 0};
    struct bide_scope s;
    bide_scope_open(&s, bide_after(DIAL_SPAN));
    intptr_t rc = bide_gather_bounded(calls, n, DIALS_AT_ONCE, BIDE_FAIL_FAST);
    rc = bide_scope_close(&s, rc);
    free(calls);
    return (int)rc;
}

static struct load_run *make_run(const struct load_plan *plan,
                                 struct load_result *result)
{
    struct load_run *run = calloc(1, sizeof *run);
    if (!run)
        return NULL;
    run->plan = plan;
    run->result = result;
    run->stride = stride_of(plan);
    run->clients = aligned_alloc(64, plan->clients * run->stride);
    if (!run->clients) {
        free(run);
        return NULL;
    }
    memset(run->clients, 0, plan->clients * run->stride);
    for (unsigned i = 0; i < plan->clients; i++) {
        struct load_client *c = client_at(run, i);
        c->plan = plan;
        c->run = run;
        c->sock = -1;
        c->number = i;
    }
    return run;
}

int load_run(const struct load_plan *plan, struct load_result *result)
{
    struct bide_info info;
    bide_info(&info);
    memset(result, 0, sizeof *result);
    result->backend = info.backend;
    if (!plan->scenario || !plan->clients || plan->span <= 0)
        return -EINVAL;
    struct load_run *run = make_run(plan, result);
    if (!run)
        return -ENOMEM;
    int rc = dial_all(run);
    if (rc == 0)
        rc = carry_out(run);
    for (unsigned i = 0; i < plan->clients; i++)
        load_hang_up(client_at(run, i));
    free(run->clients);
    free(run);
    return rc;
}
