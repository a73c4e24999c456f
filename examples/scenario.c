/* scenario.c: put a server of your own kind under load.
 *
 *     make examples && build/examples/scenario -c 100 ping://127.0.0.1:6379
 *
 * A scenario is a function that makes one request and waits for its answer.
 * load_main() gives it a command line, clients, a rate, a histogram, a report;
 * docs/load.md tells of these.  Without arguments the server is in here too.
 */
#include "../bench/load/load.h"
#include "expect.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

/* ---- The scenario: "PING" is answered by "+PONG", as Redis does ---------- */

static intptr_t ping(struct load_client *c)
{
    static const char question[] = "PING\r\n", answer[] = "+PONG\r\n";
    size_t len = sizeof answer - 1;
    int rc = load_send(c, question, sizeof question - 1);
    if (rc == 0)
        rc = load_receive(c, c->buf, len);
    if (rc < 0)
        return rc;
    return memcmp(c->buf, answer, len) == 0 ? (intptr_t)len : -EBADMSG;
}

static const struct load_scenario scenarios[] = {
    {.scheme = "ping", .request = ping, .service = "6379", .buffer_bytes = 16},
    {.scheme = NULL},
};

/* ---- A server for it, and a run of both --------------------------------- */

static intptr_t pong(int sock, void *unused)
{
    char question[6];
    (void)unused;
    while (bide_read_all(sock, question, 6) == 6 &&
           bide_write_all(sock, "+PONG\r\n", 7) == 7)
        ;
    return 0;
}

static intptr_t serve(void *listener)
{
    return bide_serve(*(int *)listener, pong, NULL, NULL);
}

static struct load_result result;

static intptr_t run(void *arg)
{
    (void)arg;
    struct load_plan plan = {.scenario = &scenarios[0], .clients = 10,
                             .span = BIDE_MS(200), .host = "127.0.0.1",
                             .buffer_bytes = scenarios[0].buffer_bytes};
    struct sockaddr_in at;
    socklen_t len = sizeof at;
    int listener = bide_listen(plan.host, "0", 0);
    expect(listener >= 0 && bide_spawn(NULL, serve, &listener) == 0,
           "a server");
    getsockname(listener, (struct sockaddr *)&at, &len);
    snprintf(plan.service, sizeof plan.service, "%d", ntohs(at.sin_port));
    expect(load_run(&plan, &result) == 0, "ten clients asked it for 200 ms");
    expect(result.latency.count > 0 && result.failed == 0,
           "every request was answered");
    printf("  p99 was %.3f ms\n",
           (double)load_histogram_at(&result.latency, 9900) / 1e6);
    return 0; /* the server, which is left over, is cancelled and awaited */
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return load_main(argc, argv, scenarios);
    return bide_run(run, NULL, NULL) == 0 ? 0 : 1;
}
