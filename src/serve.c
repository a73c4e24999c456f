/* serve.c: accept, a task a client, until it is stopped.
 *
 * Two things end at different times: accepting, at once when the server is
 * stopped or cancelled, and the clients, after a grace.  So they are in two
 * groups:
 *
 *     the caller's scopes
 *       accepting          a group of one task, which a stop cancels
 *         shield           what is cancelled from outside ends here
 *           patience       a scope whose deadline is set when accepting ends
 *             clients      a group, a task a client
 *
 * The task that called waits in `clients` until all have ended.  The accepting
 * task waits for a place among them before it accepts, so that callers beyond
 * the bound wait in the kernel's queue, which knows how to refuse them.
 *
 * Rejected: closing what a client talks to when the grace is over.  Its task
 * would find out by an error of the descriptor; a cancel reaches it wherever it
 * waits.
 */
#include "group.h"
#include "park.h"
#include "task.h"

#define PAUSE BIDE_MS(100)

struct serving {
    struct bide_group accepting, clients;
    struct bide_scope patience;
    const struct bide_serve_options *opt;
    bide_serve_fn *handler;
    void *arg;
    const void *site; /* where bide_serve() was called */
    intptr_t verdict; /* why no more are accepted */
    int listener;
    bool stopped; /* by bide_server_stop(), which has set the deadline */
};

/* ---- A client ----------------------------------------------------------- */

static intptr_t client(void *arg)
{
    struct bi_task *self = bi_current();
    struct serving *s = bi_container_of(self->group, struct serving, clients);
    int fd = (int)(intptr_t)arg;
    intptr_t rc = s->handler(fd, s->arg);
    bide_close(fd);
    if (rc < 0 && !(bide_cancel_code() && bi_scope_is_code(rc)))
        bi_task_report(self, rc);
    return 0;
}

/* Start it; what lacks for that is waited for. */
static int take_in(struct serving *s, int fd)
{
    int rc = 0;
    do {
        if (rc < 0)
            rc = bide_sleep(PAUSE);
        if (rc == 0)
            rc = bi_group_add(&s->clients, NULL, client, (void *)(intptr_t)fd,
                              NULL, s->site);
    } while (rc == -ENOMEM || rc == -EAGAIN);
    if (rc < 0)
        bide_close(fd);
    return rc;
}

/* ---- Accepting ---------------------------------------------------------- */

/* After an accept that failed: 0, to go on; or why not.  accept(2) tells of
 * what has become of one connection, and of what is used up at the moment. */
static int go_on_after(int rc)
{
    switch (rc) {
    case -ECONNABORTED:
    case -EPROTO:
    case -ENOPROTOOPT:
    case -ENETDOWN:
    case -ENETUNREACH:
    case -EHOSTDOWN:
    case -EHOSTUNREACH:
    case -ENONET:
        return 0;
    case -EMFILE:
    case -ENFILE: /* the next bide_accept() pauses */
        return 0;
    case -ENOBUFS:
    case -ENOMEM:
        return bide_sleep(PAUSE);
    default:
        return rc;
    }
}

static intptr_t accept_all(void *arg)
{
    struct serving *s = arg;
    int rc = 0;
    while (rc >= 0) {
        if (s->opt->client_limit)
            rc = bi_group_wait_below(&s->clients, s->opt->client_limit,
                                     "client limit");
        if (rc >= 0)
            rc = bide_accept(s->listener, NULL, NULL);
        rc = rc >= 0 ? take_in(s, rc) : go_on_after(rc);
    }
    if (rc != -EBADF) /* else somebody has closed it */
        bide_close(s->listener);
    s->verdict = rc;
    if (!s->stopped)
        bide_scope_set_deadline(&s->patience, bide_after(s->opt->grace));
    return 0;
}

/* ---- The server --------------------------------------------------------- */

/* Until accepting has ended, and all clients have. */
static void wait_for_clients(struct serving *s, bide_task *acceptor,
                             const char *func)
{
    struct bide_scope shield;
    bide_shield_open(&shield, BIDE_FOREVER);
    bide_scope_open(&s->patience, BIDE_FOREVER);
    bi_group_enter(&s->clients, BIDE_COLLECT, false, func);
    /* Refused when the grace is over: then the close goes on waiting. */
    intptr_t rc = bide_join(acceptor, NULL);
    rc = bi_group_leave(&s->clients, rc, func);
    rc = bide_scope_close(&s->patience, rc);
    bide_scope_close(&shield, rc);
}

static intptr_t serve(struct serving *s, const char *func)
{
    static const struct bide_spawn_options named = {.name = "accept"};
    bide_task *acceptor;
    bi_group_enter(&s->accepting, BIDE_COLLECT, false, func);
    intptr_t rc = bi_group_add(&s->accepting, &acceptor, accept_all, s, &named,
                               s->site);
    if (rc < 0) {
        bide_close(s->listener);
        return bi_group_leave(&s->accepting, rc, func);
    }
    if (s->opt->server)
        s->opt->server->_p = s;
    wait_for_clients(s, acceptor, func);
    bide_release(acceptor);
    rc = bi_group_leave(&s->accepting, s->verdict, func);
    if (s->opt->server)
        s->opt->server->_p = NULL;
    return rc;
}

intptr_t bide_serve(int listener, bide_serve_fn *handler, void *arg,
                    const struct bide_serve_options *opt)
{
    static const struct bide_serve_options defaults;
    int rc = bi_park_check(bi_current_in(__func__));
    struct serving s = {.opt = opt ? opt : &defaults, .handler = handler,
                        .arg = arg, .listener = listener,
                        .site = __builtin_return_address(0)};
    if (rc == 0 && (!handler || s.opt->grace < 0))
        rc = -EINVAL;
    BI_CONTRACT(!s.opt->server || !s.opt->server->_p, __func__,
                "was given a server that is serving already");
    bool stopped = s.opt->server && s.opt->server->_stopped;
    if (rc == 0 && !stopped)
        return serve(&s, __func__);
    bide_close(listener);
    return rc;
}

void bide_server_stop(struct bide_server *server, bide_time grace)
{
    bi_current_in(__func__);
    struct serving *s = server->_p;
    server->_stopped = true;
    if (!s)
        return;
    s->stopped = true;
    bide_group_cancel(&s->accepting);
    bide_scope_set_deadline(&s->patience, bide_after(grace));
}

bool bide_server_stopping(const struct bide_server *server)
{
    return server->_stopped;
}
