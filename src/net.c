/* net.c: dial and listen, at numeric and Unix addresses.
 *
 * Names are not looked up here: that blocks, and the calling thread is the
 * loop's.  The sockets are made non-blocking, which spares the epoll backend a
 * thread for each connect and accept; they are ours, so nobody is surprised.
 */
#include "io.h"
#include "park.h"
#include "sys.h"

#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

#define UNIX_PREFIX "unix:"

struct address {
    union {
        struct sockaddr any;
        struct sockaddr_storage storage;
        struct sockaddr_un un;
    };
    socklen_t len;
};

/* "/path", or "@name" for an abstract one, which needs no NUL behind it. */
static int unix_address(const char *path, struct address *out)
{
    size_t n = strlen(path);
    bool abstract = path[0] == '@';
    if (n == 0)
        return -EINVAL;
    if (n + !abstract > sizeof out->un.sun_path)
        return -ENAMETOOLONG;
    memset(&out->un, 0, sizeof out->un);
    out->un.sun_family = AF_UNIX;
    memcpy(out->un.sun_path, path, n);
    if (abstract)
        out->un.sun_path[0] = '\0';
    out->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n +
                           (abstract ? 0 : 1));
    return 0;
}

static bool is_unix(const char *host)
{
    return host && strncmp(host, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0;
}

/* A port is a number from 0 to 65535; getaddrinfo() takes more. */
static bool is_port(const char *service)
{
    unsigned long port = 0;
    if (!service || !*service)
        return false;
    for (const char *c = service; *c; c++) {
        if (*c < '0' || *c > '9')
            return false;
        port = port * 10 + (unsigned long)(*c - '0');
        if (port > 65535)
            return false;
    }
    return true;
}

/* getaddrinfo() asks nobody with these flags: it only parses. */
static int inet_address(const char *host, const char *service, int flags,
                        struct address *out)
{
    struct addrinfo *list = NULL, hints = {
        .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | flags,
        .ai_socktype = SOCK_STREAM,
    };
    if (!is_port(service))
        return -EINVAL;
    int saved = errno;
    int rc = getaddrinfo(host, service, &hints, &list);
    errno = saved;
    if (rc)
        return rc == EAI_MEMORY ? -ENOMEM : -EINVAL;
    memcpy(&out->storage, list->ai_addr, list->ai_addrlen);
    out->len = list->ai_addrlen;
    freeaddrinfo(list);
    return 0;
}

static int address_of(const char *host, const char *service, int flags,
                      struct address *out)
{
    if (is_unix(host))
        return unix_address(host + strlen(UNIX_PREFIX), out);
    return inet_address(host, service, flags, out);
}

static int stream_socket(const struct address *a)
{
    int fd = bi_sys_socket(a->any.sa_family,
                           SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool tcp = a->any.sa_family != AF_UNIX;
    return bi_io_adopt(fd, tcp ? BI_FD_TCP : BI_FD_STREAM);
}

int bide_dial(const char *host, const char *service)
{
    int rc = bi_park_check(bi_current_in(__func__));
    struct address a;
    if (rc == 0)
        rc = host ? address_of(host, service, 0, &a) : -EINVAL;
    if (rc < 0)
        return rc;
    int fd = stream_socket(&a);
    if (fd < 0)
        return fd;
    rc = bide_connect(fd, &a.any, a.len);
    if (rc < 0)
        bide_close(fd);
    return rc < 0 ? rc : fd;
}

/* ---- Listening ---------------------------------------------------------- */

/* Whether a Unix address is a socket's that nobody listens at any more (a file
 * of another kind refuses connections too), or why that cannot be told. */
static int is_stale(const struct address *a)
{
    int type = bi_sys_path_type(a->un.sun_path, false);
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
static int bind_to(int fd, const struct address *a)
{
    int rc = bi_sys_bind(fd, &a->any, a->len);
    bool file = a->any.sa_family == AF_UNIX && a->un.sun_path[0];
    if (rc != -EADDRINUSE || !file)
        return rc;
    int stale = is_stale(a);
    if (stale <= 0)
        return stale < 0 ? stale : rc;
    rc = bi_sys_unlink(a->un.sun_path);
    return rc < 0 ? rc : bi_sys_bind(fd, &a->any, a->len);
}

static int set_option(int fd, int level, int name, int value)
{
    return bi_sys_setsockopt(fd, level, name, &value, sizeof value);
}

/* A restarted server finds its port free; IPv6's "every address" is IPv4's. */
static int set_options(int fd, const struct address *a)
{
    int rc = 0;
    if (a->any.sa_family != AF_UNIX)
        rc = set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (rc == 0 && a->any.sa_family == AF_INET6)
        rc = set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    return rc;
}

static int listen_at(const struct address *a, int backlog)
{
    int fd = stream_socket(a);
    if (fd < 0)
        return fd;
    int rc = set_options(fd, a);
    if (rc == 0)
        rc = bind_to(fd, a);
    if (rc == 0)
        rc = bi_sys_listen(fd, backlog > 0 ? backlog : SOMAXCONN);
    if (rc < 0)
        bide_close(fd);
    return rc < 0 ? rc : fd;
}

int bide_listen(const char *host, const char *service, int backlog)
{
    int rc = bi_park_check(bi_current_in(__func__));
    struct address a;
    if (rc == 0)
        rc = address_of(host ? host : "::", service, AI_PASSIVE, &a);
    if (rc < 0)
        return rc;
    int fd = listen_at(&a, backlog);
    if (host || fd >= 0 || (fd != -EAFNOSUPPORT && fd != -EADDRNOTAVAIL))
        return fd;
    rc = address_of("0.0.0.0", service, AI_PASSIVE, &a);
    return rc < 0 ? rc : listen_at(&a, backlog);
}
