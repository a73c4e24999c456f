/* dial.c: connect to a host by name, as RFC 8305 says: happy eyeballs.
 *
 * A host may have addresses that do not answer: of a family that the network
 * does not carry, or of a machine that is down.  They are tried as a staggered
 * race, families by turns, the next when one has failed or had its time; the
 * first connection ends the others.  An attempt that is cancelled closes its
 * socket; one that came about in the same moment as the winner is closed here.
 *
 * Both families are looked up by one call, which waits for the slower answer;
 * the part of the RFC that begins with the quicker one needs a resolver of our
 * own.
 */
#include "address.h"
#include "park.h"
#include "resolve.h"
#include "sys.h"

#include <stdlib.h>
#include <string.h>

/* Between two attempts: the RFC's "Connection Attempt Delay". */
#define ATTEMPT_DELAY BIDE_MS(250)

/* One address to try, and what to be bound to before. */
struct attempt {
    struct bide_address to;
    const struct bi_found *from; /* of no addresses: the kernel chooses */
};

struct dialling {
    int count;
    struct bide_call *calls; /* behind the attempts */
    struct attempt attempts[];
};

/* ---- One address -------------------------------------------------------- */

static bool same_family(const struct bide_address *a,
                        const struct bide_address *b)
{
    return a->any.sa_family == b->any.sa_family;
}

/* Bind to the first of the local addresses that can be had. */
static int bind_local(int fd, const struct attempt *a)
{
    int rc = a->from->count ? -EAFNOSUPPORT : 0;
    for (int i = 0; i < a->from->count; i++) {
        const struct bide_address *local = &a->from->at[i];
        if (same_family(local, &a->to))
            rc = bi_sys_bind(fd, &local->any, local->len);
        if (rc == 0)
            break;
    }
    return rc;
}

static intptr_t connect_to(void *arg)
{
    const struct attempt *a = arg;
    int fd = bi_address_socket(&a->to);
    if (fd < 0)
        return fd;
    int rc = bind_local(fd, a);
    if (rc == 0)
        rc = bide_connect(fd, &a->to.any, a->to.len);
    if (rc < 0)
        bide_close(fd);
    return rc < 0 ? rc : fd;
}

/* ---- All of them -------------------------------------------------------- */

/* Whether one of the local addresses, where there are any, is of its family. */
static bool can_be_reached(const struct bide_address *to,
                           const struct bi_found *from)
{
    for (int i = 0; i < from->count; i++)
        if (same_family(&from->at[i], to))
            return true;
    return from->count == 0;
}

/* Let the families take turns, each in its own order. */
static void interleave(struct attempt *a, int count)
{
    for (int i = 1; i < count; i++) {
        int k = i;
        while (k < count && same_family(&a[k].to, &a[i - 1].to))
            k++;
        if (k == count)
            return;
        struct attempt other = a[k];
        memmove(&a[i + 1], &a[i], (size_t)(k - i) * sizeof *a);
        a[i] = other;
    }
}

static struct dialling *prepare(const struct bi_found *to,
                                const struct bi_found *from)
{
    size_t n = (size_t)to->count, each = sizeof(struct attempt);
    struct dialling *d =
        malloc(sizeof *d + n * (each + sizeof(struct bide_call)));
    if (!d)
        return NULL;
    d->calls = (struct bide_call *)&d->attempts[n];
    d->count = 0;
    for (int i = 0; i < to->count; i++)
        if (can_be_reached(&to->at[i], from))
            d->attempts[d->count++] = (struct attempt){to->at[i], from};
    interleave(d->attempts, d->count);
    for (int i = 0; i < d->count; i++)
        d->calls[i] = (struct bide_call){connect_to, &d->attempts[i], 0};
    return d;
}

/* Close what more than one attempt brought. */
static void close_losers(const struct dialling *d, intptr_t winner)
{
    for (int i = 0; i < d->count; i++)
        if (i != winner && d->calls[i].result >= 0)
            bide_close((int)d->calls[i].result);
}

static int dial_all(const struct bi_found *to, const struct bi_found *from,
                    bide_time delay)
{
    struct attempt only = {to->at[0], from};
    if (to->count == 1)
        return (int)connect_to(&only);
    struct dialling *d = prepare(to, from);
    if (!d)
        return -ENOMEM;
    intptr_t rc = -EAFNOSUPPORT;
    if (d->count > 0) {
        rc = bide_race_staggered(d->calls, (size_t)d->count, delay);
        if (rc >= 0) {
            close_losers(d, rc);
            rc = d->calls[rc].result;
        }
    }
    free(d);
    return (int)rc;
}

static int dial(const char *host, const char *service,
                const struct bide_dial_options *opt)
{
    struct bi_found to, from = {0};
    const char *port = opt->local_service ? opt->local_service : "0";
    if (opt->attempt_delay < 0)
        return -EINVAL;
    int rc = bi_resolve(host, service, 0, &to);
    if (rc < 0)
        return rc;
    if (opt->local_host)
        rc = bi_resolve(opt->local_host, port, AI_PASSIVE, &from);
    if (rc == 0)
        rc = dial_all(&to, &from, opt->attempt_delay ? opt->attempt_delay
                                                     : ATTEMPT_DELAY);
    bi_found_end(&from);
    bi_found_end(&to);
    return rc;
}

int bide_dial_with(const char *host, const char *service,
                   const struct bide_dial_options *opt)
{
    static const struct bide_dial_options defaults;
    int rc = bi_park_check(bi_current_in(__func__));
    return rc < 0 ? rc : dial(host, service, opt ? opt : &defaults);
}

int bide_dial(const char *host, const char *service)
{
    bi_current_in(__func__);
    return bide_dial_with(host, service, NULL);
}
