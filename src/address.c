/* address.c: what a host and a service say without being looked up.
 *
 * Three things are told apart here: an address, a name that may have one, and
 * neither.  Nonsense is refused at once, so that no name server is ever asked
 * for "127.0.0.1 " or "1.2.3.256".
 *
 * The sockets are made non-blocking, which spares the epoll backend a thread
 * for each connect and accept; they are ours, so nobody is surprised.
 */
#include "address.h"

#include "io.h"
#include "sys.h"

#include <string.h>
#include <sys/un.h>

#define UNIX_PREFIX "unix:"

/* Of a name in the DNS, written with dots. */
#define LONGEST_NAME 253

/* "/path", or "@name" for an abstract one, which needs no NUL behind it. */
static int read_unix(const char *path, struct bide_address *out)
{
    struct sockaddr_un *un = (struct sockaddr_un *)&out->storage;
    size_t n = strlen(path);
    bool abstract = path[0] == '@';
    if (n == 0)
        return -EINVAL;
    if (n + !abstract > sizeof un->sun_path)
        return -ENAMETOOLONG;
    memset(un, 0, sizeof *un);
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path, path, n);
    if (abstract)
        un->sun_path[0] = '\0';
    out->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n +
                           (abstract ? 0 : 1));
    return 1;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_number(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!is_digit(text[i]))
            return false;
    return len > 0;
}

/* A port is a number from 0 to 65535; getaddrinfo() takes more. */
static bool is_port(const char *service)
{
    size_t len = strlen(service);
    unsigned long port = 0;
    if (!is_number(service, len))
        return false;
    while (*service && port <= 65535)
        port = port * 10 + (unsigned long)(*service++ - '0');
    return port <= 65535;
}

/* The name of a service: letters, digits and some marks, not all digits. */
static bool is_service(const char *text)
{
    size_t len = strlen(text);
    if (!is_digit(text[0]) && !is_letter(text[0]))
        return false;
    for (const char *c = text; *c; c++)
        if (!is_digit(*c) && !is_letter(*c) && !strchr("-_.+", *c))
            return false;
    return !is_number(text, len);
}

/* A name that some resolver might know.  One whose last part is a number is an
 * address gone wrong, and is no name in the DNS. */
static bool is_name(const char *host)
{
    const char *last = host;
    size_t len = strlen(host);
    for (const char *c = host; *c; c++) {
        bool mark = strchr("-_.", *c) || (unsigned char)*c >= 0x80;
        if (!is_digit(*c) && !is_letter(*c) && !mark)
            return false;
        if (*c == '.' && c[1])
            last = c + 1;
    }
    return len > 0 && !is_number(last, strcspn(last, "."));
}

int bi_address_read(const char *host, const char *service, int flags,
                    struct bide_address *out)
{
    size_t prefix = strlen(UNIX_PREFIX);
    if (host && strncmp(host, UNIX_PREFIX, prefix) == 0)
        return read_unix(host + prefix, out);
    if (!host || !service)
        return -EINVAL;
    bool port = is_port(service);
    if (!port && !is_service(service))
        return -EINVAL;
    int rc = bi_sys_numeric(host, port ? service : "0", flags, out);
    if (rc != -ENOENT)
        return rc < 0 ? rc : port;
    if (!is_name(host))
        return -EINVAL;
    return strlen(host) > LONGEST_NAME ? -ENAMETOOLONG : 0;
}

int bi_address_socket(const struct bide_address *a)
{
    int fd = bi_sys_socket(a->any.sa_family,
                           SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool tcp = a->any.sa_family != AF_UNIX;
    return bi_io_adopt(fd, tcp ? BI_FD_TCP : BI_FD_STREAM);
}
