/* http.c: the scenario http://: get a page, over a connection that is kept.
 *
 * The request is the same every time and is written once.  Of the answer only
 * the lines are ever kept, until they are whole; so a body may be of any
 * length, and a line as long as the buffer.
 */
#include "http_parse.h"
#include "load.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define BUFFER_BYTES ((size_t)16 << 10)

/* A Unix socket has no name that a server could know it by. */
static void host_of(const struct load_plan *plan, char *text, size_t room)
{
    bool v6 = strchr(plan->host, ':');
    if (strncmp(plan->host, "unix:", 5) == 0)
        snprintf(text, room, "localhost");
    else
        snprintf(text, room, v6 ? "[%s]:%s" : "%s:%s", plan->host,
                 plan->service);
}

static int prepare(struct load_plan *plan)
{
    char host[sizeof plan->host + sizeof plan->service + 4];
    host_of(plan, host, sizeof host);
    int n = snprintf(plan->message, sizeof plan->message,
                     "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n",
                     *plan->path ? plan->path : "/", host);
    if (n < 0 || (size_t)n >= sizeof plan->message)
        return -ENAMETOOLONG;
    plan->message_bytes = (size_t)n;
    return 0;
}

/* Receive behind the `have` bytes that are there; what there is then. */
static ssize_t receive_more(struct load_client *c, size_t have)
{
    if (have == BUFFER_BYTES)
        return -EMSGSIZE; /* a line that has no end */
    ssize_t n = bide_recv(c->sock, c->buf + have, BUFFER_BYTES - have, 0);
    return n > 0 ? (ssize_t)have + n : n;
}

/* Read one answer to its end.  Returns its bytes. */
static intptr_t read_answer(struct load_client *c, struct load_http *answer)
{
    size_t have = 0; /* bytes at the start of the buffer, not taken yet */
    intptr_t bytes = 0;
    while (answer->at != LOAD_HTTP_DONE) {
        ssize_t n = receive_more(c, have);
        if (n < 0)
            return n;
        if (n == 0) {
            int rc = load_http_end(answer);
            return rc < 0 ? rc : bytes;
        }
        ssize_t taken = load_http_take(answer, c->buf, (size_t)n);
        if (taken < 0)
            return taken;
        bytes += taken;
        have = (size_t)(n - taken);
        if (have > 0 && taken > 0)
            memmove(c->buf, c->buf + taken, have);
    }
    return have == 0 ? bytes : -EPROTO; /* more than was asked for */
}

static intptr_t request(struct load_client *c)
{
    struct load_http answer = {0};
    int rc = load_send(c, c->plan->message, c->plan->message_bytes);
    intptr_t bytes = rc < 0 ? rc : read_answer(c, &answer);
    if (bytes < 0)
        return bytes;
    if (answer.close)
        load_hang_up(c);
    return answer.status >= 400 ? LOAD_REFUSED(answer.status) : bytes;
}

const struct load_scenario load_http = {
    .scheme = "http",
    .request = request,
    .prepare = prepare,
    .buffer_bytes = BUFFER_BYTES,
    .service = "80",
};
