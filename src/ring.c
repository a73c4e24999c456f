/* ring.c: setting up an io_uring, and entering it.
 *
 * A ring is taken only if it has what the reactor is built on: one issuer (a
 * forked child cannot submit into its parent's ring) and deferred task work
 * (completions are made when the run asks for them, on its own thread, never
 * by interrupting a task).  Kernels that have both (Linux 6.1) have all the
 * rest, so that one question replaces a ladder of versions.  Nothing is
 * concluded from a version number: the ring is asked, and then tried, because
 * a sandbox may let it be made and refuse it later.
 *
 * The rings' memory is not inherited by fork(): a child that touched it would
 * corrupt its parent's ring, so it shall fault instead.
 *
 * Rejected: a kernel thread that polls for submissions (it costs a core, and
 * more time a request than entering the kernel does); registered files (2 to
 * 5 % faster, but a table that goes stale when foreign code closes a number).
 */
#include "ring.h"

#include "annotate.h"
#include "sys.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

/* Completions per submission entry: many operations are in flight at once, and
 * what finds no room is kept by the kernel on a slow path. */
#define CQ_FACTOR 16
#define ENTRIES_LEAST 8

#define SETUP_NEEDED                                                          \
    (BI_SETUP_CQSIZE | BI_SETUP_CLAMP | BI_SETUP_SUBMIT_ALL |                 \
     BI_SETUP_TASKRUN_FLAG | BI_SETUP_SINGLE_ISSUER | BI_SETUP_DEFER_TASKRUN)
#define FEATURES_NEEDED                                                       \
    (BI_FEAT_SINGLE_MMAP | BI_FEAT_NODROP | BI_FEAT_RW_CUR_POS |              \
     BI_FEAT_FAST_POLL | BI_FEAT_EXT_ARG)

static const uint8_t opcodes_needed[] = {
    BI_URING_NOP,      BI_URING_READV,   BI_URING_WRITEV,  BI_URING_FSYNC,
    BI_URING_POLL_ADD, BI_URING_SENDMSG, BI_URING_RECVMSG, BI_URING_TIMEOUT,
    BI_URING_ACCEPT,   BI_URING_CANCEL,  BI_URING_CONNECT, BI_URING_OPENAT,
    BI_URING_READ,     BI_URING_WRITE,   BI_URING_SEND,    BI_URING_RECV,
};

/* What a person can do about a refusal. */
static const char *cure_of(int error)
{
    switch (-error) {
    case EPERM:
    case EACCES:
        return "a container's seccomp profile, "
               "or sysctl kernel.io_uring_disabled";
    case ENOSYS:
        return "the kernel is built without it, or a sandbox hides it";
    case ENOMEM:
        return "the limit of locked memory, ulimit -l, may be too low";
    case EMFILE:
        return "the limit of open files, ulimit -n, is reached";
    case ENFILE:
        return "the system's limit of open files, fs.file-max, is reached";
    default:
        return "Linux 6.1 or newer is needed";
    }
}

/* Ask for `p`; without what is only nice to have, if that is refused. */
static int ask(unsigned entries, struct bi_uring_params *p)
{
    uint32_t optional = BI_SETUP_NO_SQARRAY;
    for (;;) {
        *p = (struct bi_uring_params){.flags = SETUP_NEEDED | optional,
                                      .cq_entries = entries * CQ_FACTOR};
        int fd = bi_sys_uring_setup(entries, p);
        if (fd != -EINVAL || optional == 0)
            return fd;
        optional = 0;
    }
}

/* Rings count as locked memory: take a smaller one rather than none. */
static int set_up(struct bi_ring *ring, unsigned entries,
                  struct bi_uring_params *p)
{
    int fd = ask(entries, p);
    while (fd == -ENOMEM && entries > ENTRIES_LEAST) {
        entries /= 2;
        fd = ask(entries, p);
    }
    if (fd < 0)
        return fd;
    ring->fd = ring->entry = fd;
    bool able = (p->features & FEATURES_NEEDED) == FEATURES_NEEDED;
    return able ? 0 : -EOPNOTSUPP;
}

/* Map a part of the ring that no child inherits. */
static void *map_part(int fd, size_t bytes, off_t part, int *error)
{
    void *at = bi_sys_map(bytes, PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_POPULATE, fd, part, error);
    if (at && !bi_annotate_forks_all() &&
        (*error = bi_sys.advise(at, bytes, MADV_DONTFORK)) < 0) {
        bi_sys.unmap(at, bytes);
        return NULL;
    }
    return at;
}

/* Where the words of the rings lie in what was mapped. */
static void find_words(struct bi_ring *ring, const struct bi_uring_params *p)
{
    const struct bi_uring_sq_off *sq = &p->sq_off;
    const struct bi_uring_cq_off *cq = &p->cq_off;
    char *base = ring->rings;
    ring->sq_head = (uint32_t *)(base + sq->head);
    ring->sq_tail = (uint32_t *)(base + sq->tail);
    ring->sq_flags = (uint32_t *)(base + sq->flags);
    ring->sq_entries = p->sq_entries;
    ring->cq_head = (uint32_t *)(base + cq->head);
    ring->cq_tail = (uint32_t *)(base + cq->tail);
    ring->cqes = (struct bi_cqe *)(base + cq->cqes);
    ring->cq_entries = p->cq_entries;

    /* Where submissions go by way of an array, it says "in order" for good. */
    bool indirect = !(p->flags & BI_SETUP_NO_SQARRAY);
    uint32_t *order = (uint32_t *)(base + sq->array);
    for (uint32_t i = 0; indirect && i < p->sq_entries; i++)
        order[i] = i;
}

static int map_rings(struct bi_ring *ring, const struct bi_uring_params *p)
{
    const struct bi_uring_sq_off *sq = &p->sq_off;
    const struct bi_uring_cq_off *cq = &p->cq_off;
    bool indirect = !(p->flags & BI_SETUP_NO_SQARRAY);
    size_t sq_end = indirect ? sq->array + p->sq_entries * sizeof(uint32_t) : 0;
    size_t cq_end = cq->cqes + p->cq_entries * sizeof(struct bi_cqe);
    ring->rings_bytes = sq_end > cq_end ? sq_end : cq_end;
    ring->sqes_bytes = p->sq_entries * sizeof(struct bi_sqe);

    int error = 0;
    ring->rings = map_part(ring->fd, ring->rings_bytes, BI_OFF_RINGS, &error);
    if (!ring->rings)
        return error;
    ring->sqes = map_part(ring->fd, ring->sqes_bytes, BI_OFF_SQES, &error);
    if (!ring->sqes)
        return error;
    find_words(ring, p);
    return 0;
}

static int probe(const struct bi_ring *ring)
{
    struct bi_uring_probe known = {0};
    int rc = bi_sys_uring_register(ring->fd, BI_REGISTER_PROBE, &known,
                                   BI_URING_OPCODES);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < sizeof opcodes_needed; i++)
        if (!(known.ops[opcodes_needed[i]].supported & 1))
            return -EOPNOTSUPP;
    return 0;
}

/* Enter by an index of this thread's, which spares the kernel a look-up.  That
 * it is refused does not matter. */
static void register_fd(struct bi_ring *ring)
{
    struct bi_uring_ring_fd slot = {.index = UINT32_MAX, .fd = ring->fd};
    if (bi_sys_uring_register(ring->fd, BI_REGISTER_RING_FDS, &slot, 1) == 1) {
        ring->entry = (int)slot.index;
        ring->entry_flags = BI_ENTER_REGISTERED;
    }
}

/* The registration holds the ring: without this, it outlives its descriptor. */
static void unregister_fd(struct bi_ring *ring)
{
    struct bi_uring_ring_fd slot = {.index = (uint32_t)ring->entry};
    if (ring->entry_flags & BI_ENTER_REGISTERED)
        bi_sys_uring_register(ring->fd, BI_UNREGISTER_RING_FDS, &slot, 1);
}

static int round_trip(struct bi_ring *ring)
{
    struct bi_sqe *sqe = bi_ring_next(ring);
    sqe->opcode = BI_URING_NOP;
    sqe->user_data = 1;
    int rc;
    do
        rc = bi_ring_enter(ring, BIDE_FOREVER);
    while (rc == -EINTR);
    struct bi_cqe cqe;
    if (rc == 0 && !bi_ring_take(ring, &cqe))
        rc = -EIO;
    return rc ? rc : cqe.res;
}

int bi_ring_open(struct bi_ring *ring, unsigned entries, char *why,
                 size_t bytes)
{
    struct bi_uring_params p;
    *ring = (struct bi_ring){.fd = -1};

    const char *call = "io_uring_setup";
    int rc = set_up(ring, entries, &p);
    if (rc == 0) {
        call = "mmap of an io_uring";
        rc = map_rings(ring, &p);
    }
    if (rc == 0) {
        call = "io_uring_register";
        rc = probe(ring);
    }
    if (rc == 0) {
        call = "io_uring_enter";
        register_fd(ring);
        rc = round_trip(ring);
    }
    if (rc == 0)
        return 0;
    bi_ring_close(ring);
    snprintf(why, bytes, "%s: %s (%s)", call, strerror(-rc), cure_of(rc));
    return rc;
}

void bi_ring_close(struct bi_ring *ring)
{
    if (ring->fd < 0)
        return;
    unregister_fd(ring);
    if (ring->sqes)
        bi_sys.unmap(ring->sqes, ring->sqes_bytes);
    if (ring->rings)
        bi_sys.unmap(ring->rings, ring->rings_bytes);
    bi_sys_close(ring->fd);
    ring->fd = -1;
}

void bi_ring_abandon(struct bi_ring *ring)
{
    bi_sys_close(ring->fd);
    ring->fd = -1;
}

static int enter(struct bi_ring *ring, unsigned complete, unsigned flags,
                 const void *arg, size_t arg_bytes)
{
    __atomic_store_n(ring->sq_tail, ring->filled, __ATOMIC_RELEASE);
    int rc = bi_sys_uring_enter(ring->entry, bi_ring_unsubmitted(ring),
                                complete, flags | ring->entry_flags, arg,
                                arg_bytes);
    return rc < 0 ? rc : 0;
}

int bi_ring_submit(struct bi_ring *ring)
{
    return enter(ring, 0, 0, NULL, 0);
}

int bi_ring_enter(struct bi_ring *ring, bide_time span)
{
    if (span == 0)
        return enter(ring, 0, BI_ENTER_GETEVENTS, NULL, 0);
    if (span == BIDE_FOREVER)
        return enter(ring, 1, BI_ENTER_GETEVENTS, NULL, 0);
    struct bi_uring_time time = {span / BIDE_SEC(1), span % BIDE_SEC(1)};
    struct bi_uring_limit limit = {.time = (uintptr_t)&time};
    return enter(ring, 1, BI_ENTER_GETEVENTS | BI_ENTER_EXT_ARG, &limit,
                 sizeof limit);
}
