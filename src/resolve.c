/* resolve.c: names, looked up on threads.
 *
 * The system's resolver blocks, for as long as it likes, and cannot be told to
 * stop.  So a look-up owns all that it reads and writes, on the heap, and who
 * asked is only noted in it:
 *
 *     queued     a cancel takes it back, and frees it
 *     begun      a cancel abandons it: the note is struck out, the one who
 *                asked goes on at once, and whoever is last frees it: the run
 *                when it comes back or, once the run has ended, its thread
 *
 * So a resolver that hangs holds up neither a task nor the end of the run.  It
 * holds a thread, of a pool that only look-ups use: when it holds them all,
 * further look-ups wait for a place, and everything else goes on.
 *
 * Rejected: a resolver of our own.  It would not know what the system's knows
 * (/etc/hosts, mDNS, directories), and be wrong on somebody's machine.
 */
#include "resolve.h"

#include "address.h"
#include "park.h"
#include "reactor.h"
#include "sys.h"

#include <stdlib.h>
#include <string.h>

/* Names that are looked up at once. */
#define THREADS 16

/* Addresses of one name that are kept. */
#define MOST 64

/* Who waits for a look-up, on its own stack. */
struct asking {
    struct bi_wait wait;
    struct bi_lookup *lookup; /* NULL: taken back, or abandoned */
};

struct bi_lookup {
    struct bi_job job;
    struct asking *asking; /* NULL: abandoned; the run's thread knows it */
    int flags;
    int count; /* of what was found, or why nothing was */
    struct bide_address at[MOST];
    const char *service; /* in `text` */
    char text[];         /* the host, and the service behind it */
};

/* ---- On a thread -------------------------------------------------------- */

static struct bi_lookup *lookup_of(struct bi_job *job)
{
    return bi_container_of(job, struct bi_lookup, job);
}

static void work(struct bi_job *job)
{
    struct bi_lookup *l = lookup_of(job);
    l->count = bi_sys.lookup(l->text, l->service, l->flags, l->at, MOST);
}

static void orphaned(struct bi_job *job)
{
    free(lookup_of(job));
}

/* ---- On the run's thread ------------------------------------------------ */

/* Nobody waits for it any more. */
static void stop_waiting(struct asking *asking)
{
    asking->lookup->asking = NULL;
    asking->wait.task->run->reactor->in_flight--;
}

static void done(struct bi_job *job)
{
    struct asking *asking = lookup_of(job)->asking;
    if (!asking) {
        free(lookup_of(job));
        return;
    }
    stop_waiting(asking);
    bi_wake(&asking->wait, 0);
}

static bool withdraw(struct bi_wait *wait)
{
    struct asking *asking = bi_container_of(wait, struct asking, wait);
    stop_waiting(asking);
    if (bi_offload_withdraw(wait->task->run->lookups, &asking->lookup->job))
        free(asking->lookup);
    asking->lookup = NULL;
    return true;
}

static struct bi_lookup *make(const char *host, const char *service, int flags)
{
    size_t host_bytes = strlen(host) + 1, service_bytes = strlen(service) + 1;
    struct bi_lookup *l = malloc(sizeof *l + host_bytes + service_bytes);
    if (!l)
        return NULL;
    l->job = (struct bi_job){.work = work, .done = done, .orphaned = orphaned};
    l->flags = flags;
    l->service = l->text + host_bytes;
    memcpy(l->text, host, host_bytes);
    memcpy(l->text + host_bytes, service, service_bytes);
    return l;
}

/* Give it to a thread: 0, or -ENOMEM; what lacks may be a thread. */
static int submit(struct bi_lookup *l, struct bi_run *run)
{
    struct bi_reactor *r = run->reactor;
    if (!run->lookups)
        run->lookups = bi_offload_open(r->inbox, THREADS);
    if (!run->lookups || bi_offload_submit(run->lookups, &l->job) < 0)
        return -ENOMEM;
    r->in_flight++;
    return 0;
}

/* Wait for a look-up: 0, and `*out` is it; or why there is none. */
static int look_up(const char *host, const char *service, int flags,
                   struct bi_lookup **out)
{
    struct bi_task *self = bi_current();
    struct asking asking = {
        .wait = bi_wait_make(self, "look-up", NULL, withdraw),
        .lookup = make(host, service, flags),
    };
    struct bi_lookup *l = asking.lookup;
    if (!l)
        return -ENOMEM;
    l->asking = &asking;
    int rc = submit(l, self->run);
    if (rc == 0)
        rc = (int)bi_park(&asking.wait);
    if (!asking.lookup)
        return rc;
    if (rc == 0 && l->count <= 0)
        rc = l->count < 0 ? l->count : -ENOENT;
    if (rc == 0)
        *out = l;
    else
        free(l);
    return rc;
}

int bi_resolve(const char *host, const char *service, int flags,
               struct bi_found *out)
{
    int rc = bi_address_read(host, service, flags, &out->only);
    out->at = &out->only;
    out->count = 1;
    out->lookup = NULL;
    if (rc != 0)
        return rc < 0 ? rc : 0;
    rc = look_up(host, service, flags, &out->lookup);
    if (rc < 0)
        return rc;
    out->at = out->lookup->at;
    out->count = out->lookup->count;
    return 0;
}

void bi_found_end(struct bi_found *found)
{
    free(found->lookup);
}

void bi_resolve_end_run(struct bi_run *run)
{
    if (run->lookups)
        bi_offload_close(run->lookups);
}

int bide_resolve(const char *host, const char *service,
                 struct bide_address *out, size_t room)
{
    struct bi_found found;
    int rc = bi_park_check(bi_current_in(__func__));
    if (rc == 0)
        rc = bi_resolve(host, service, 0, &found);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < room && i < (size_t)found.count; i++)
        out[i] = found.at[i];
    bi_found_end(&found);
    return found.count;
}
