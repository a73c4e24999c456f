/* echo_server.c: a TCP server that sends back what it gets, a task a client.
 *
 *     make examples && build/examples/echo_server 7000
 *     nc 127.0.0.1 7000          in another terminal; Ctrl-C ends the server
 *
 * Without a port it takes a free one, is its own client once, and ends.
 */
#include <bide.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

static intptr_t echo(int sock, void *unused)
{
    char buf[4096];
    ssize_t n, sent = 0;
    (void)unused;
    while (sent >= 0 && (n = bide_read(sock, buf, sizeof buf)) > 0)
        sent = bide_write_all(sock, buf, (size_t)n);
    return 0; /* a client that goes away is no error */
}

static int port_of(int sock)
{
    struct sockaddr_in sin = {0};
    socklen_t len = sizeof sin;
    getsockname(sock, (struct sockaddr *)&sin, &len);
    return ntohs(sin.sin_port);
}

/* When this is cancelled, clients may go on for a second. */
static intptr_t server(void *arg)
{
    struct bide_serve_options opt = {.client_limit = 1000,
                                     .grace = BIDE_SEC(1)};
    int listener = bide_listen("127.0.0.1", arg, 0);
    if (listener < 0)
        return listener;
    bide_ready(port_of(listener));
    return bide_serve(listener, echo, NULL, &opt);
}

static intptr_t try_it(const char *port)
{
    char back[6] = "";
    int sock = bide_dial("127.0.0.1", port);
    if (sock < 0)
        return sock;
    ssize_t n = bide_write_all(sock, "hello", 5);
    if (n == 5)
        n = bide_read_all(sock, back, 5);
    bide_close(sock);
    printf("sent \"hello\", got \"%s\"\n", back);
    return strcmp(back, "hello") == 0 ? 0 : -EPROTO;
}

static intptr_t run(void *arg)
{
    struct bide_group g;
    bide_group_open(&g, BIDE_FAIL_FAST);
    char port[8], any[] = "0";
    intptr_t rc = bide_group_start(&g, server, arg ? arg : any);
    snprintf(port, sizeof port, "%d", (int)rc);
    if (rc >= 0)
        printf("listening on 127.0.0.1, port %s\n", port);
    if (rc >= 0 && !arg) {
        rc = try_it(port);
        bide_group_cancel(&g);
    }
    return bide_group_close(&g, rc); /* waits for the server */
}

/* The first SIGINT cancels the main task, and with it everything above. */
int main(int argc, char **argv)
{
    intptr_t rc = bide_run(run, argc > 1 ? argv[1] : NULL, NULL);
    if (rc >= 0 || rc == -EINTR)
        return 0;
    fprintf(stderr, "echo_server: %s\n", strerror((int)-rc));
    return 1;
}
