/* bodies_names.c: names, servers, and stdio. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1 /* before the first header */
#endif
#include "body.h"
#include "boundary.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>

/* ---- Names -------------------------------------------------------------- */

static intptr_t resolve(void *host)
{
    struct bide_address found[2];
    int n = bide_resolve(host, "80", found, 2);
    EXPECT(n < 0 || n == 2);
    return n < 0 ? n : 0;
}

static intptr_t resolve_twice(void *unused)
{
    char host[] = "name";
    (void)unused;
    intptr_t rc = resolve(host);
    return rc < 0 ? rc : resolve(host);
}

static intptr_t until_it_hangs(void *unused)
{
    int rc = 0;
    (void)unused;
    while (rc == 0 && !boundary_hanging())
        rc = bide_sleep(BIDE_MS(1));
    return rc < 0 ? rc : -ESTALE;
}

/* The one who asked goes on; what it left behind is freed when it ends. */
static intptr_t left_behind(void *unused)
{
    char host[] = "hangs";
    (void)unused;
    intptr_t rc = beside(until_it_hangs, resolve, host);
    long held = boundary_ledger().blocks;
    if (!boundary_hanging())
        return rc;
    boundary_let_go();
    for (int i = 0; boundary_ledger().blocks >= held && i < 10000; i++)
        bide_sleep(BIDE_MS(1));
    EXPECT(boundary_ledger().blocks < held);
    return rc == -ESTALE ? 0 : rc;
}

static char port[8];

static int listen_at(const char *host)
{
    struct sockaddr_in addr;
    socklen_t len = sizeof addr;
    int fd = bide_listen(host, "0", 8);
    if (fd >= 0)
        getsockname(fd, (struct sockaddr *)&addr, &len);
    snprintf(port, sizeof port, "%d", ntohs(addr.sin_port));
    return fd;
}

static intptr_t dial_name(void *unused)
{
    struct sockaddr_in peer;
    socklen_t len = sizeof peer;
    (void)unused;
    int listener = hold(listen_at("name"));
    int fd = listener < 0 ? listener : hold(bide_dial("name", port));
    if (fd < 0)
        return fd;
    EXPECT(getpeername(fd, (struct sockaddr *)&peer, &len) == 0);
    return 0;
}

static intptr_t dial_from(void *unused)
{
    struct bide_dial_options opt = {.local_host = "name"};
    (void)unused;
    int listener = hold(listen_at("127.0.0.1"));
    int fd = listener < 0 ? listener
                          : hold(bide_dial_with("name", port, &opt));
    return fd < 0 ? fd : 0;
}

static intptr_t listen_with(void *unused)
{
    struct bide_listen_options opt = {.backlog = 1, .reuse_port = true};
    (void)unused;
    int fd = hold(bide_listen_with("name", "0", &opt));
    return fd < 0 ? fd : 0;
}

static intptr_t listen_at_all(void *unused)
{
    int fds[2];
    (void)unused;
    int n = bide_listen_all("name", "0", NULL, fds, 2);
    if (n < 0)
        return n;
    EXPECT(n == 2);
    hold(fds[0]);
    hold(fds[1]);
    return 0;
}

/* ---- A server ----------------------------------------------------------- */

static struct bide_server server;
static int listener;
static bool began;

static intptr_t echo(int fd, void *unused)
{
    char c;
    (void)unused;
    ssize_t n = bide_read(fd, &c, 1);
    if (bide_server_stopping(&server))
        return 0;
    return n > 0 ? bide_write(fd, &c, 1) : n;
}

static intptr_t call_once(void *unused)
{
    char c = 'x';
    (void)unused;
    int fd = bide_dial("127.0.0.1", port);
    if (fd < 0)
        return fd;
    ssize_t n = bide_write(fd, &c, 1);
    if (n > 0)
        n = bide_read(fd, &c, 1);
    bide_close(fd);
    /* The fault may be the server's, which then closes, or resets. */
    return n < 0 && n != -ECONNRESET ? n : 0;
}

/* A server that lacks something for good never answers, and says so to nobody;
 * but it can be stopped. */
static intptr_t call_and_stop(void *unused)
{
    intptr_t rc = 0;
    for (int i = 0; i < 3 && rc == 0; i++)
        rc = within(BIDE_SEC(1), call_once, unused);
    bide_server_stop(&server, BIDE_SEC(1));
    return rc == -ETIMEDOUT ? 0 : rc;
}

static intptr_t serve(void *unused)
{
    struct bide_serve_options opt = {.server = &server, .client_limit = 2};
    began = true;
    return bide_serve(listener, echo, unused, &opt);
}

static intptr_t serving(void *unused)
{
    server = (struct bide_server){0};
    began = false;
    listener = listen_at("127.0.0.1");
    if (listener < 0)
        return listener;
    intptr_t rc = beside(call_and_stop, serve, unused);
    if (!began)
        bide_close(listener);
    return rc;
}

/* ---- stdio -------------------------------------------------------------- */

static intptr_t through_stdio(void *kind)
{
    struct ends ends = open_ends((intptr_t)kind);
    char back[8] = "";
    FILE *out = bide_fdopen(fcntl(ends.in, F_DUPFD_CLOEXEC, 0), "w");
    EXPECT(out);
    bool ok = fputs("hello\n", out) >= 0 && fflush(out) == 0;
    intptr_t rc = ok ? 0 : -errno;
    fclose(out);
    if (rc < 0)
        return rc;
    FILE *in = bide_fdopen(fcntl(ends.out, F_DUPFD_CLOEXEC, 0), "r");
    EXPECT(in);
    rc = fgets(back, sizeof back, in) ? 0 : -errno;
    fclose(in);
    EXPECT(rc < 0 || strcmp(back, "hello\n") == 0);
    return rc;
}

const struct body bodies_names[] = {
    {"names", resolve_twice, 0, INSIDE},
    {"name_left_behind", left_behind, 0, INSIDE},
    {"dial_name", dial_name, 0, INSIDE},
    {"dial_from", dial_from, 0, INSIDE},
    {"listen_with", listen_with, 0, INSIDE},
    {"listen_at_all", listen_at_all, 0, INSIDE},
    {"serving", serving, 0, INSIDE},
    {"stdio_pipe", through_stdio, PIPE, INSIDE},
    {"stdio_unix", through_stdio, UNIX, INSIDE},
    {0},
};
