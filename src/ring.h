/* ring.h: an io_uring: two rings shared with the kernel, and how to enter it.
 *
 * A ring belongs to the thread that opened it.  Submissions are filled in here
 * and handed over by the next bi_ring_submit() or bi_ring_enter(); completions
 * show up only in bi_ring_enter(), because task work is deferred to it.
 */
#ifndef BI_RING_H
#define BI_RING_H

#include "uring_abi.h"

struct bi_ring {
    int fd;
    int entry;            /* what is entered: a registered index, or fd */
    unsigned entry_flags; /* BI_ENTER_REGISTERED, or 0 */

    /* Submissions.  The kernel moves the head, by submitting. */
    const uint32_t *sq_head;
    uint32_t *sq_tail;
    const uint32_t *sq_flags;
    uint32_t filled; /* the tail to be; *sq_tail follows when it is entered */
    uint32_t sq_entries;
    struct bi_sqe *sqes;

    /* Completions.  The kernel moves the tail. */
    uint32_t *cq_head;
    const uint32_t *cq_tail;
    uint32_t cq_entries;
    const struct bi_cqe *cqes;

    void *rings; /* mapped */
    size_t rings_bytes, sqes_bytes;
};

/* Set up a ring of about `entries` submissions, and see that it works.  0 or a
 * negated errno; then `why`, of `bytes`, tells which call was refused and what
 * would help. */
int bi_ring_open(struct bi_ring *ring, unsigned entries, char *why,
                 size_t bytes);

void bi_ring_close(struct bi_ring *ring);

/* In a forked child, which has a descriptor of the ring but not its memory. */
void bi_ring_abandon(struct bi_ring *ring);

/* How many submissions are filled in and the kernel does not have. */
static inline unsigned bi_ring_unsubmitted(const struct bi_ring *ring)
{
    return ring->filled - __atomic_load_n(ring->sq_head, __ATOMIC_ACQUIRE);
}

/* How many more can be filled in. */
static inline unsigned bi_ring_room(const struct bi_ring *ring)
{
    return ring->sq_entries - bi_ring_unsubmitted(ring);
}

/* The next submission, zeroed, to be filled in; NULL: there is no room. */
static inline struct bi_sqe *bi_ring_next(struct bi_ring *ring)
{
    if (bi_unlikely(bi_ring_room(ring) == 0))
        return NULL;
    struct bi_sqe *sqe = &ring->sqes[ring->filled++ & (ring->sq_entries - 1)];
    *sqe = (struct bi_sqe){0};
    return sqe;
}

/* Whether the kernel holds completions back until it is entered. */
static inline bool bi_ring_stirs(const struct bi_ring *ring)
{
    uint32_t flags = __atomic_load_n(ring->sq_flags, __ATOMIC_RELAXED);
    return flags & (BI_SQ_TASKRUN | BI_SQ_OVERFLOW);
}

/* Hand over what is filled in.  0 or a negated errno; -EAGAIN: no memory. */
int bi_ring_submit(struct bi_ring *ring);

/* Hand over what is filled in, let completions show up, and wait for a first
 * one for up to `span`.  0 or a negated errno; -ETIME and -EINTR: none came. */
int bi_ring_enter(struct bi_ring *ring, bide_time span);

/* Take the oldest completion that shows.  False: there is none. */
static inline bool bi_ring_take(struct bi_ring *ring, struct bi_cqe *cqe)
{
    uint32_t head = *ring->cq_head;
    if (head == __atomic_load_n(ring->cq_tail, __ATOMIC_ACQUIRE))
        return false;
    *cqe = ring->cqes[head & (ring->cq_entries - 1)];
    __atomic_store_n(ring->cq_head, head + 1, __ATOMIC_RELEASE);
    return true;
}

#endif
