/* names.c: names looked up, listened at, served and dialled.
 *
 *     make examples && build/examples/names
 */
#include "expect.h"
#include <bide.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

static struct bide_server server;

static intptr_t answer(int sock, void *unused)
{
    char question[32];
    (void)unused;
    ssize_t n = bide_read(sock, question, sizeof question);
    return n > 0 ? bide_write_all(sock, "I am bide\n", 10) : n;
}

static intptr_t serve(void *listener)
{
    struct bide_serve_options opt = {.server = &server, .client_limit = 100};
    return bide_serve(*(int *)listener, answer, NULL, &opt);
}

static void ask(const char *service)
{
    char line[32] = "";
    int sock = bide_dial("localhost", service);
    expect(sock >= 0, "connected by name");
    FILE *stream = bide_fdopen(sock, "r+");
    expect(stream && fputs("who are you?\n", stream) >= 0 &&
               fflush(stream) == 0, "stdio can write to it,");
    expect(fgets(line, sizeof line, stream) &&
               strcmp(line, "I am bide\n") == 0, "and wait for the answer");
    fclose(stream); /* closes the descriptor */
}

static void look_up(void)
{
    struct bide_address found[8];
    expect(bide_resolve("localhost", "80", found, 8) > 0,
           "localhost has an address");
    expect(bide_resolve("300.1.1.1", "80", found, 8) == -EINVAL,
           "a wrong one is told at once");
}

/* From an address of ours, and to one where nobody is. */
static void dial_with_options(void)
{
    struct bide_dial_options from = {.local_host = "127.0.0.1",
                                     .attempt_delay = BIDE_MS(100)};
    expect(bide_dial_with("127.0.0.1", "1", &from) == -ECONNREFUSED,
           "nobody is at port 1");
}

static void listen_with_options(void)
{
    int fds[8];
    struct bide_listen_options shared = {.reuse_port = true};
    int one = bide_listen_with("127.0.0.1", "0", &shared);
    expect(one >= 0, "a port that other processes may share");
    bide_close(one);
    int n = bide_listen_all("127.0.0.1", "0", NULL, fds, 8);
    expect(n == 1, "every address of a name, or none");
    bide_close(fds[0]);
}

static intptr_t run(void *unused)
{
    char port[8];
    struct sockaddr_in addr = {0};
    socklen_t len = sizeof addr;
    bide_task *task;
    (void)unused;
    look_up();
    dial_with_options();
    listen_with_options();
    int listener = bide_listen("localhost", "0", 0);
    getsockname(listener, (struct sockaddr *)&addr, &len); /* IPv6's too */
    snprintf(port, sizeof port, "%d", ntohs(addr.sin_port));
    expect(bide_spawn(&task, serve, &listener) == 0, "a server is started");
    ask(port);
    bide_server_stop(&server, BIDE_SEC(1));
    expect(bide_server_stopping(&server) && bide_await(task) == 0,
           "it was stopped, and its last client has ended");
    bide_release(task);
    return 0;
}

int main(void)
{
    return bide_run(run, NULL, NULL) == 0 ? 0 : 1;
}
