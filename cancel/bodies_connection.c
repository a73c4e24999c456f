/* bodies_connection.c: accept, connect, dial and listen.
 *
 * Every connection carries a number in one byte, so that the one who takes it
 * knows whose it is.  A connection that somebody made is taken once, by the
 * endangered task or, after it, out of the listener's queue.
 */
#include "cancel.h"
#include "ends.h"

#include "io.h"
#include "sys.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#define CONNECTIONS 4
#define MADE_MOST 64

struct place {
    struct sockaddr_storage address;
    socklen_t bytes;
    int listener;
    bool nonblocking;
    char port[8];
    unsigned made, taken;
    unsigned char seen[MADE_MOST]; /* by number: how often it was taken */
    int clients[MADE_MOST];        /* the connectors' ends, to the last */
};

/* ---- Plain calls -------------------------------------------------------- */

static int plain_socket(const struct place *p)
{
    int fd = must(socket(p->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0),
                  "a socket is made");
    struct linger reset = {1, 0}; /* leaves no port waiting */
    if (p->address.ss_family == AF_INET)
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    return fd;
}

/* Listen at a free port, or at a free abstract name (medium 1). */
static void open_place(struct place *p, const struct choice *c, int backlog)
{
    struct sockaddr_in *in = (struct sockaddr_in *)&p->address;
    memset(p, 0, sizeof *p);
    in->sin_family = AF_INET;
    in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    p->bytes = sizeof *in;
    if (c->medium) {
        p->address.ss_family = AF_UNIX;
        p->bytes = sizeof(sa_family_t);
    }
    p->listener = plain_socket(p);
    must(bind(p->listener, (struct sockaddr *)&p->address, p->bytes),
         "a place is free");
    must(listen(p->listener, backlog), "someone listens");
    p->bytes = sizeof p->address;
    must(getsockname(p->listener, (struct sockaddr *)&p->address, &p->bytes),
         "the place is told");
    snprintf(p->port, sizeof p->port, "%d", ntohs(in->sin_port));
    p->nonblocking = c->nonblocking;
    if (c->nonblocking)
        must(fcntl(p->listener, F_SETFL, O_NONBLOCK), "it need not block");
}

/* Who has taken `fd` looks whose it is. */
static void take(struct place *p, int fd)
{
    unsigned char number = MADE_MOST - 1;
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    poll(&ready, 1, 2000);
    equal(read(fd, &number, 1), 1, "a connection tells its number");
    equal(++p->seen[number % MADE_MOST], 1, "a connection is taken once");
    p->taken++;
    equal(bide_close(fd), 0, "a connection can be closed");
}

static void close_place(struct place *p)
{
    for (unsigned i = 0; i < p->made; i++)
        equal(bide_close(p->clients[i]), 0, "a connector's end can be closed");
    equal(bide_close(p->listener), 0, "a listener can be closed");
}

static bool someone_waits(const struct place *p)
{
    struct pollfd ready = {.fd = p->listener, .events = POLLIN};
    return poll(&ready, 1, 0) == 1;
}

static void take_the_rest(struct place *p)
{
    while (someone_waits(p))
        take(p, must(accept(p->listener, NULL, NULL), "who waits is taken"));
}

/* ---- Accepting in danger ------------------------------------------------ */

static intptr_t accept_in_danger(void *arg)
{
    struct place *p = arg;
    for (int i = 0; i < CONNECTIONS; i++) {
        int fd = bide_accept(p->listener, NULL, NULL);
        if (fd < 0)
            return stopped(fd);
        take(p, fd);
    }
    return 0;
}

static void make_connection(struct place *p)
{
    unsigned char number = (unsigned char)p->made;
    int fd = p->clients[p->made++] = plain_socket(p);
    must(connect(fd, (struct sockaddr *)&p->address, p->bytes),
         "a connection is made");
    equal(write(fd, &number, 1), 1, "it says its number");
}

static intptr_t connect_now_and_then(void *arg)
{
    struct place *p = arg;
    while (!danger_is_over()) {
        turn();
        turn();
        turn();
        if (p->made < CONNECTIONS)
            make_connection(p);
        else
            a_while();
    }
    return 0;
}

static void accepting(const struct choice *c)
{
    struct place p;
    struct bide_group g = {0};
    open_place(&p, c, 16);
    make_connection(&p);
    bide_group_open(&g, BIDE_FAIL_FAST);
    beside(&g, connect_now_and_then, &p);
    endanger(accept_in_danger, &p);
    all_ended(&g);
    take_the_rest(&p);
    equal(p.taken, p.made, "every connection that was made is taken");
    close_place(&p);
}

/* ---- Connecting in danger ----------------------------------------------- */

/* Connect and say the number. */
static int connect_once(struct place *p, bool dials)
{
    int rc, fd;
    unsigned char number = (unsigned char)p->made;
    if (dials) {
        fd = rc = bide_dial("127.0.0.1", p->port);
    } else {
        fd = plain_socket(p);
        if (p->nonblocking)
            must(fcntl(fd, F_SETFL, O_NONBLOCK), "it need not block");
        rc = bide_connect(fd, (struct sockaddr *)&p->address, p->bytes);
    }
    if (rc < 0 && fd >= 0)
        bide_close(fd);
    if (rc < 0)
        return rc;
    p->clients[p->made++] = fd;
    equal(send(fd, &number, 1, MSG_NOSIGNAL), 1, "it says its number");
    return 0;
}

static intptr_t connect_in_danger(void *arg)
{
    struct place *p = arg;
    for (int i = 0; i < CONNECTIONS; i++) {
        int rc = connect_once(p, false);
        if (rc < 0)
            return stopped(rc);
    }
    return 0;
}

static intptr_t dial_in_danger(void *arg)
{
    struct place *p = arg;
    for (int i = 0; i < CONNECTIONS; i++) {
        int rc = connect_once(p, true);
        if (rc < 0)
            return stopped(rc);
    }
    return 0;
}

/* Of an attempt that was cancelled the kernel may have made a connection all
 * the same: it says no number and has ended. */
static void take_or_see_end(struct place *p)
{
    int fd = must(accept4(p->listener, NULL, NULL, SOCK_CLOEXEC), "one waits");
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    char byte;
    equal(poll(&ready, 1, 2000), 1, "a connection says its number or ends");
    if (recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 1) {
        take(p, fd);
        return;
    }
    holds(was_struck(), "a connection without a number was cancelled");
    close(fd);
}

static intptr_t take_now_and_then(void *arg)
{
    struct place *p = arg;
    while (!danger_is_over()) {
        turn();
        turn();
        if (p->taken < p->made && someone_waits(p))
            take_or_see_end(p);
        else
            a_while();
    }
    return 0;
}

static void connecting(const struct choice *c)
{
    struct place p;
    struct bide_group g = {0};
    open_place(&p, c, c->medium ? 0 : 16);
    bide_group_open(&g, BIDE_FAIL_FAST);
    beside(&g, take_now_and_then, &p);
    endanger(c->call ? dial_in_danger : connect_in_danger, &p);
    all_ended(&g);
    while (someone_waits(&p))
        take_or_see_end(&p);
    equal(p.taken, p.made, "every connection that was made is taken");
    close_place(&p);
}

/* ---- Listening in danger ------------------------------------------------ */

static intptr_t listen_in_danger(void *unused)
{
    (void)unused;
    for (int i = 0; i < 3; i++) {
        const char *host = i == 1 ? "unix:@bide-cancel" : "127.0.0.1";
        int fd = bide_listen(host, "0", 0);
        if (fd < 0)
            return stopped(fd);
        equal(bide_close(fd), 0, "a listener can be closed");
    }
    return 0;
}

static void listening(const struct choice *unused)
{
    (void)unused;
    endanger(listen_in_danger, NULL);
}

void connection_bodies(void)
{
    add_body("accept.tcp.block", accepting, (struct choice){0, 0, false});
    add_body("accept.tcp.nonblock", accepting, (struct choice){0, 0, true});
    add_body("accept.unix.block", accepting, (struct choice){1, 0, false});
    add_body("accept.unix.nonblock", accepting, (struct choice){1, 0, true});
    add_body("connect.tcp.block", connecting, (struct choice){0, 0, false});
    add_body("connect.tcp.nonblock", connecting, (struct choice){0, 0, true});
    add_body("connect.unix.block", connecting, (struct choice){1, 0, false});
    add_body("connect.unix.nonblock", connecting, (struct choice){1, 0, true});
    add_body("dial", connecting, (struct choice){0, 1, false});
    add_body("listen", listening, (struct choice){0});
}
