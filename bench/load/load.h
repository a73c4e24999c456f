/* load.h: a load generator, for servers and whatever else can be waited for.
 *
 * A scenario is a function that makes one request and waits for its answer, as
 * if it blocked.  Many clients, a task each, call it over and over, for a span
 * of time: as fast as answers come (closed loop), or at a constant rate (open
 * loop).  What they saw is a load_result, which report.h prints.
 *
 * A program with scenarios of its own calls load_main() (examples/scenario.c);
 * one that has a run already may call load_run() from any of its tasks.
 *
 * Results are >= 0, or a negated errno, as everywhere in bide.
 */
#ifndef LOAD_H
#define LOAD_H

#include "histogram.h"

#include <bide.h>

struct load_client;
struct load_plan;
struct load_run;

/* A kind of request, found by the scheme of its addresses. */
struct load_scenario {
    const char *scheme; /* "http", as in http://127.0.0.1:8080/ */

    /* Make one request and wait for its answer; the client is connected.
     * Returns the bytes that came; LOAD_REFUSED(code) where the server answered
     * that it would not; else a negated errno, and the client is connected anew
     * before the next request. */
    intptr_t (*request)(struct load_client *c);

    /* Set what the scenario wants of the plan, once, before it is carried out;
     * NULL: nothing.  Returns 0. */
    int (*prepare)(struct load_plan *plan);

    size_t buffer_bytes; /* of each client's buffer, unless prepare() sets it */
    const char *service; /* the port, where an address names none; or NULL */
    bool alone;          /* clients connect to nothing, and have no `sock` */
};

/* An answer that counts as an error, though the connection is in order; the
 * code is the protocol's own: 503. */
#define LOAD_REFUSED(code) (-10000 - (intptr_t)(code))

/* Those that come with it: tcp://, which sends plan->size bytes and wants them
 * back, and http://, which gets a page. */
extern const struct load_scenario load_tcp_echo, load_http;

/* What is to be done. */
struct load_plan {
    const struct load_scenario *scenario;
    const char *target;    /* the address as it was given, for the report */
    char host[128];        /* for bide_dial() */
    char service[8];
    const char *path;      /* what follows in the address, or "" */
    unsigned clients;
    bide_time span;        /* how long requests are counted */
    bide_time warmup;      /* how long they are not, before that */
    double rate;           /* a second, of all clients; 0: closed loop */
    size_t size;           /* of a message, where a scenario asks for it */
    FILE *progress;        /* gets a line a second; NULL: nobody does */
    size_t buffer_bytes;   /* of each client's buffer */
    char message[2048];    /* the request, if it is always the same */
    size_t message_bytes;
};

/* One client, as its scenario sees it. */
struct load_client {
    const struct load_plan *plan;
    struct load_run *run;
    int sock;          /* connected, or -1 */
    unsigned number;   /* from 0 */
    uint64_t answered; /* requests, those of the warm-up included */
    char buf[];        /* plan->buffer_bytes, the scenario's to use */
};

/* How often something failed.  The last kind is 0: all further ones. */
struct load_error {
    intptr_t code; /* as the scenario returned it */
    uint64_t count;
};
#define LOAD_ERRORS 16

/* What came of it, without the warm-up.  Too large for the stack of a task. */
struct load_result {
    struct load_histogram latency; /* of the requests that went well, in ns */
    uint64_t bytes;                /* received by them */
    uint64_t failed;
    struct load_error errors[LOAD_ERRORS];
    uint64_t unanswered; /* due at a given rate, but without an answer at the
                            end, the warm-up included */
    uint64_t fewest, most; /* answers that a single client got */
    bide_time span;        /* the time it took */
    int64_t user_ns, system_ns; /* processor time of this process */
    const char *backend;        /* "io_uring" or "epoll" */
    bool interrupted;           /* it was cancelled before its time */
};

/* Carry out `plan`.  From a task.                                     [waits]
 *
 * Returns 0.
 *   -ENOMEM   no memory for the clients
 *   -ETIMEDOUT, -ECONNREFUSED, ...  a client could not connect at the start
 * Cancelled: it ended early, and tells in `*result` what it has seen.
 */
BIDE_CHECK int load_run(const struct load_plan *plan,
                        struct load_result *result);

/* The program: read the command line, carry it out, print the report.
 *
 *   scenarios   up to one without a scheme
 * Returns main's result: 0; 1 where requests failed; 2 where the command line
 * is wrong, or the machine does not allow what it asks for.
 */
int load_main(int argc, char **argv, const struct load_scenario *scenarios);

/* ---- For scenarios ------------------------------------------------------ */

/* Send all `len` bytes of `data`.                                     [waits]
 *
 * Returns 0.
 */
BIDE_CHECK int load_send(struct load_client *c, const void *data, size_t len);

/* Receive `len` bytes, no fewer.                                      [waits]
 *
 * Returns 0.
 *   -ECONNRESET  the server closed the connection before
 */
BIDE_CHECK int load_receive(struct load_client *c, void *buf, size_t len);

/* Close the connection; the next request gets a new one. */
void load_hang_up(struct load_client *c);

#endif
