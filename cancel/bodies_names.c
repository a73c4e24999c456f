/* bodies_names.c: look-ups that are abandoned, dials and listeners by name,
 * servers, stdio. */
#include "cancel.h"
#include "ends.h"

#include "sys.h"

#include <errno.h>
#include <malloc.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TIMES 3

/* ---- A resolver --------------------------------------------------------- */

static atomic_uint begun, ended;

/* This machine, twice, after a moment. */
static int lookup(const char *host, const char *service, int flags,
                  struct bide_address *out, int room)
{
    atomic_fetch_add(&begun, 1);
    (void)host;
    (void)room;
    usleep(300);
    int n = bi_sys_numeric("127.0.0.1", service, flags, &out[0]);
    n += bi_sys_numeric("127.0.0.1", service, flags, &out[n]);
    atomic_fetch_add(&ended, 1);
    return n;
}

static int resolve(void)
{
    struct bide_address found[2];
    return bide_resolve("name", "80", found, 2);
}

/* Begin with threads that are there, so that only look-ups come and go. */
static size_t take_resolver(void)
{
    bi_sys.lookup = lookup;
    equal(resolve(), 2, "a name has its addresses");
    return mallinfo2().uordblks;
}

/* Wait until what was abandoned has come back and is freed. */
static void until_freed(size_t heap)
{
    for (int i = 0; i < 1000; i++) {
        if (begun == ended && mallinfo2().uordblks <= heap)
            return;
        a_while();
    }
}

static intptr_t resolve_in_danger(void *unused)
{
    (void)unused;
    for (int i = 0; i < TIMES; i++) {
        int n = resolve();
        if (n < 0)
            return stopped(n);
        equal(n, 2, "a look-up that succeeds tells all");
    }
    return 0;
}

static void resolving(const struct choice *unused)
{
    (void)unused;
    size_t heap = take_resolver();
    endanger(resolve_in_danger, NULL);
    until_freed(heap);
}

/* ---- Dialling ----------------------------------------------------------- */

static char port[8];

static int listen_somewhere(void)
{
    struct sockaddr_in addr;
    socklen_t len = sizeof addr;
    int fd = must(bide_listen("127.0.0.1", "0", 0), "there is a free port");
    must(getsockname(fd, (struct sockaddr *)&addr, &len), "it is told");
    snprintf(port, sizeof port, "%d", ntohs(addr.sin_port));
    return fd;
}

static intptr_t dial_in_danger(void *unused)
{
    struct bide_dial_options at_once = {.attempt_delay = 1};
    (void)unused;
    for (int i = 0; i < TIMES; i++) {
        int fd = bide_dial_with("name", port, &at_once);
        if (fd < 0)
            return stopped(fd);
        equal(bide_close(fd), 0, "a connection can be closed");
    }
    return 0;
}

static void dialling(const struct choice *unused)
{
    (void)unused;
    size_t heap = take_resolver();
    int listener = listen_somewhere();
    endanger(dial_in_danger, NULL);
    until_freed(heap);
    bide_close(listener);
}

/* ---- Listening ---------------------------------------------------------- */

enum { ONE, WITH, ALL };

/* How many descriptors there are in `fds`, or why not. */
static int listen_by_name(int how, int fds[2])
{
    static const struct bide_listen_options opt = {.exclusive = true};
    if (how == ALL)
        return bide_listen_all("name", "0", &opt, fds, 2);
    fds[0] = how == WITH ? bide_listen_with("name", "0", &opt)
                         : bide_listen("name", "0", 0);
    return fds[0] < 0 ? fds[0] : 1;
}

static intptr_t listen_in_danger(void *how)
{
    int fds[2];
    for (int i = 0; i < TIMES; i++) {
        int n = listen_by_name(*(int *)how, fds);
        if (n < 0)
            return stopped(n);
        equal(n, *(int *)how == ALL ? 2 : 1, "as many as there are addresses");
        while (n > 0)
            equal(bide_close(fds[--n]), 0, "a listener can be closed");
    }
    return 0;
}

static void listening(const struct choice *c)
{
    int how = c->call;
    size_t heap = take_resolver();
    endanger(listen_in_danger, &how);
    until_freed(heap);
}

/* ---- Serving ------------------------------------------------------------ */

static struct bide_server server;
static int inside;

static intptr_t echo(int fd, void *unused)
{
    char c;
    (void)unused;
    inside++;
    ssize_t n = bide_read(fd, &c, 1);
    if (n == 1)
        n = bide_write(fd, &c, 1);
    inside--;
    return n;
}

static intptr_t serve_in_danger(void *listener)
{
    struct bide_serve_options opt = {.server = &server, .client_limit = 2};
    intptr_t rc = bide_serve(*(int *)listener, echo, NULL, &opt);
    equal(inside, 0, "every client has ended before the server");
    return rc < 0 ? stopped(rc) : rc;
}

/* Where the server was not cancelled each caller is answered. */
static intptr_t call_and_stop(void *unused)
{
    (void)unused;
    for (int i = 0; i < TIMES; i++) {
        char c = 'x';
        int fd = bide_dial("127.0.0.1", port);
        if (fd < 0)
            break;
        ssize_t n = bide_write(fd, &c, 1);
        if (n == 1)
            n = bide_read(fd, &c, 1);
        holds(n == 1 || was_struck(), "a caller is answered");
        bide_close(fd);
    }
    bide_server_stop(&server, BIDE_SEC(1));
    return 0;
}

static void serving(const struct choice *unused)
{
    struct bide_group g = {0};
    (void)unused;
    server = (struct bide_server){0};
    inside = 0;
    int listener = listen_somewhere();
    bide_group_open(&g, BIDE_FAIL_FAST);
    beside(&g, call_and_stop, NULL);
    endanger(serve_in_danger, &listener);
    all_ended(&g);
}

/* ---- stdio -------------------------------------------------------------- */

#define LINES 6

struct mail {
    FILE *in;
    int out; /* the writer's end */
    int lines;
};

static bool read_line(struct mail *m)
{
    char line[32], wanted[32];
    if (!fgets(line, sizeof line, m->in))
        return false;
    snprintf(wanted, sizeof wanted, "line %d\n", ++m->lines);
    equal(strcmp(line, wanted), 0, "the lines come whole, each once");
    return true;
}

static intptr_t read_lines_in_danger(void *arg)
{
    struct mail *m = arg;
    while (m->lines < LINES)
        if (!read_line(m))
            return stopped(-errno);
    return 0;
}

static intptr_t write_lines(void *arg)
{
    const struct mail *m = arg;
    char line[32];
    for (int i = 1; i <= LINES; i++) {
        int n = snprintf(line, sizeof line, "line %d\n", i);
        equal(write(m->out, line, (size_t)n), n, "a line is written");
        turn();
        turn();
    }
    return 0;
}

static void reading_by_stdio(const struct choice *c)
{
    int ends[2];
    struct bide_group g = {0};
    open_ends((enum medium)c->medium, ends);
    struct mail m = {.in = bide_fdopen(ends[0], "r"), .out = ends[1]};
    bide_group_open(&g, BIDE_FAIL_FAST);
    beside(&g, write_lines, &m);
    endanger(read_lines_in_danger, &m);
    all_ended(&g);
    clearerr(m.in);
    while (m.lines < LINES && read_line(&m))
        ;
    equal(m.lines, LINES, "what was not read before the cancel is there");
    fclose(m.in);
    close(m.out);
}

void names_bodies(void)
{
    add_body("listen.name", listening, (struct choice){.call = ONE});
    add_body("listen.with", listening, (struct choice){.call = WITH});
    add_body("listen.all", listening, (struct choice){.call = ALL});
    add_body("stdio.pipe", reading_by_stdio, (struct choice){PIPE, 0, false});
    add_body("stdio.unix", reading_by_stdio, (struct choice){UNIX, 0, false});
    add_body("resolve", resolving, (struct choice){0});
    add_body("dial.name", dialling, (struct choice){0});
    add_body("serve", serving, (struct choice){0});
}
