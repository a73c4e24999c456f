/* listen.c: sockets that others connect to.
 *
 * A name may have several addresses.  bide_listen() takes the first one that
 * this machine has: that another program listens there is an error to be told,
 * not a reason to listen elsewhere.  bide_listen_all() takes them all or none.
 */
#include "address.h"
#include "io.h"
#include "park.h"
#include "resolve.h"
#include "sys.h"

#include <netinet/in.h>
#include <sys/un.h>

/* Every address of this machine: of IPv6, which takes IPv4's callers too, or
 * of IPv4 where there is no IPv6. */
#define EVERY "::"
#define EVERY_IPV4 "0.0.0.0"

/* The path of a Unix address; "" where it is abstract. */
static const char *path_of(const struct bide_address *a)
{
    return ((const struct sockaddr_un *)&a->storage)->sun_path;
}

/* Whether a Unix address is a socket's that nobody listens at any more (a file
 * of another kind refuses connections too), or why that cannot be told. */
static int is_stale(const struct bide_address *a)
{
    int type = bi_sys_path_type(path_of(a), false);
    if (type != S_IFSOCK) /* it may be gone by now */
        return type < 0 && type != -ENOENT ? type : false;
    /* A socket of another type is told that somebody listens (EPROTOTYPE),
     * and bothers nobody with a connection. */
    int fd = bi_sys_socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return fd;
    int rc = bi_sys_connect(fd, &a->any, a->len);
    bi_sys_close(fd);
    return rc == -ECONNREFUSED;
}

/* Bind, replacing a socket file that nobody listens at. */
static int bind_to(int fd, const struct bide_address *a)
{
    int rc = bi_sys_bind(fd, &a->any, a->len);
    bool file = a->any.sa_family == AF_UNIX && path_of(a)[0];
    if (rc != -EADDRINUSE || !file)
        return rc;
    int stale = is_stale(a);
    if (stale <= 0)
        return stale < 0 ? stale : rc;
    rc = bi_sys_unlink(path_of(a));
    return rc < 0 ? rc : bi_sys_bind(fd, &a->any, a->len);
}

static int set_option(int fd, int level, int name, int value)
{
    return bi_sys_setsockopt(fd, level, name, &value, sizeof value);
}

/* Unless asked otherwise a restarted server finds its port free, and "every
 * address" of IPv6 is IPv4's too. */
static int set_options(int fd, const struct bide_address *a,
                       const struct bide_listen_options *opt)
{
    int rc = 0;
    if (a->any.sa_family == AF_UNIX)
        return 0;
    if (!opt->exclusive)
        rc = set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (rc == 0 && opt->reuse_port)
        rc = set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (rc == 0 && a->any.sa_family == AF_INET6)
        rc = set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, opt->v6_only);
    return rc;
}

static int listen_at(const struct bide_address *a,
                     const struct bide_listen_options *opt)
{
    int fd = bi_address_socket(a);
    if (fd < 0)
        return fd;
    int rc = set_options(fd, a, opt);
    if (rc == 0)
        rc = bind_to(fd, a);
    if (rc == 0)
        rc = bi_sys_listen(fd, opt->backlog > 0 ? opt->backlog : SOMAXCONN);
    if (rc < 0)
        bide_close(fd);
    return rc < 0 ? rc : fd;
}

/* ---- All that a name stands for ----------------------------------------- */

/* Whether this machine has no such address, or none of that family. */
static bool is_elsewhere(int rc)
{
    return rc == -EAFNOSUPPORT || rc == -EADDRNOTAVAIL;
}

/* Listen at the first address that is here. */
static int listen_first(const char *host, const char *service,
                        const struct bide_listen_options *opt)
{
    struct bi_found found;
    int rc = bi_resolve(host, service, AI_PASSIVE, &found);
    if (rc < 0)
        return rc;
    for (int i = 0; i < found.count; i++) {
        rc = listen_at(&found.at[i], opt);
        if (!is_elsewhere(rc))
            break;
    }
    bi_found_end(&found);
    return rc;
}

int bide_listen_with(const char *host, const char *service,
                     const struct bide_listen_options *opt)
{
    static const struct bide_listen_options defaults;
    int rc = bi_park_check(bi_current_in(__func__));
    if (rc < 0)
        return rc;
    if (!opt)
        opt = &defaults;
    rc = listen_first(host ? host : EVERY, service, opt);
    if (host || !is_elsewhere(rc) || opt->v6_only)
        return rc;
    return listen_first(EVERY_IPV4, service, opt);
}

int bide_listen(const char *host, const char *service, int backlog)
{
    bi_current_in(__func__);
    struct bide_listen_options opt = {.backlog = backlog};
    return bide_listen_with(host, service, &opt);
}

/* Listen at each address: how many, or the first failure, with none open. */
static int listen_each(const struct bi_found *found,
                       const struct bide_listen_options *opt, int *fds,
                       size_t room)
{
    size_t n = 0;
    int rc = found->count > (int)room ? -ENOSPC : 0;
    for (int i = 0; i < found->count && rc >= 0; i++) {
        rc = listen_at(&found->at[i], opt);
        if (rc >= 0)
            fds[n++] = rc;
    }
    while (rc < 0 && n > 0)
        bide_close(fds[--n]);
    return rc < 0 ? rc : (int)n;
}

int bide_listen_all(const char *host, const char *service,
                    const struct bide_listen_options *opt, int *fds,
                    size_t room)
{
    struct bide_listen_options apart = opt ? *opt
                                           : (struct bide_listen_options){0};
    struct bi_found found;
    int rc = bi_park_check(bi_current_in(__func__));
    if (rc == 0)
        rc = bi_resolve(host, service, AI_PASSIVE, &found);
    if (rc < 0)
        return rc;
    apart.v6_only = true; /* IPv4 has sockets of its own here */
    rc = listen_each(&found, &apart, fds, room);
    bi_found_end(&found);
    return rc;
}
