/* inbox.c: the one door for other threads (and for signal handlers).
 *
 * Letters are pushed onto an atomic stack; the run's thread takes the whole
 * stack with one exchange and turns it over, so that they are delivered in the
 * order in which they were pushed, so many in each turn of the loop.  Nobody
 * pops a single letter, so that the stack has no ABA trouble.
 *
 * The hard transition is falling asleep.  A system call for every letter is
 * dear, none for the last one is a hang.  So each side writes its own word and
 * then reads the other's:
 *
 *     poster                        the run
 *     newest = letter               asleep = true
 *     asleep?  then wake it         newest or nudged?  then do not sleep
 *     (write the eventfd)           (wait for the eventfd)
 *
 * All four are sequentially consistent: in their one order either the poster
 * comes second and sees `asleep`, or the run does and sees the letter.  If both
 * see, one wake-up is too many, which costs a turn.  Of many posters one takes
 * `asleep` down, and that one writes.  The eventfd is nobody's to read: it
 * stands in the reactor edge-triggered, where each write is an edge, and 2^64
 * of them are not reached.
 *
 * At the end of a run the stack gets a bottom that no letter is pushed onto, in
 * the same exchange that takes what is on it: a letter was pushed before, and
 * is delivered, or it is refused.
 *
 * A poster may still be on its way to the eventfd when its letter has been
 * delivered.  So whoever closes an inbox has first seen the end of its posters:
 * the offload pool joins its threads, the run's handle counts its holders.
 *
 * Rejected: a lock (a signal handler cannot take it), a pipe (a read a turn,
 * and it can be full), and a ring (a bound, and somebody who waits for room).
 */
#include "inbox.h"

#include "sys.h"

/* Letters that are delivered in one turn of the loop: a fraction of a
 * millisecond.  Threads that post faster than one can deliver would else make
 * each turn longer than the one before. */
#define BATCH 1024

/* The one letter on a stack that takes no more. */
static struct bi_letter shut;

/* Forks between this process and the first; a handle may be held across one. */
static atomic_uint forks;

unsigned bi_inbox_forks(void)
{
    return atomic_load_explicit(&forks, memory_order_relaxed);
}

int bi_inbox_open(struct bi_inbox *in)
{
    *in = (struct bi_inbox){.forks = bi_inbox_forks(), .wake_fd = -1};
    int fd = bi_sys_eventfd();
    if (fd < 0)
        return fd;
    in->wake_fd = fd;
    return 0;
}

void bi_inbox_close(struct bi_inbox *in)
{
    bi_sys_close(in->wake_fd);
    in->wake_fd = -1;
}

/* Something has been put where the run will look: see that it looks. */
static void rouse(struct bi_inbox *in)
{
    if (!atomic_load(&in->asleep) || !atomic_exchange(&in->asleep, false))
        return;
    uint64_t one = 1;
    bi_sys_write(in->wake_fd, &one, sizeof one);
}

int bi_inbox_post(struct bi_inbox *in, struct bi_letter *letter)
{
    bi_assert(letter->deliver);
    if (in->forks != bi_inbox_forks())
        return -ESHUTDOWN;
    struct bi_letter *below = atomic_load(&in->newest);
    do {
        if (below == &shut)
            return -ESHUTDOWN;
        letter->next = below;
    } while (!atomic_compare_exchange_weak(&in->newest, &below, letter));
    rouse(in);
    return 0;
}

void bi_inbox_nudge(struct bi_inbox *in)
{
    atomic_exchange(&in->nudged, true); /* see bi_inbox_sleep() */
    rouse(in);
}

/* Turn the stack that ends in `newest` over; returns its bottom. */
static struct bi_letter *oldest_of(struct bi_letter *newest)
{
    struct bi_letter *oldest = NULL;
    while (newest) {
        struct bi_letter *below = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = below;
    }
    return oldest;
}

/* Deliver up to `most` of the letters that were taken. */
static void hand_out(struct bi_inbox *in, size_t most)
{
    struct bi_letter *letter;
    for (; (letter = in->taken) && most > 0; most--) {
        in->taken = letter->next;
        letter->deliver(letter); /* which may free it */
    }
}

bool bi_inbox_deliver(struct bi_inbox *in)
{
    /* Plain loads on the way of every turn; bi_inbox_sleep() looks again, with
     * the order that these do not have. */
    if (!atomic_load_explicit(&in->newest, memory_order_relaxed) &&
        !atomic_load_explicit(&in->nudged, memory_order_relaxed) && !in->taken)
        return false;
    atomic_exchange(&in->nudged, false); /* not a store: what came before the
                                            nudge is to be seen after this */
    if (!in->taken)
        in->taken = oldest_of(atomic_exchange(&in->newest, NULL));
    hand_out(in, BATCH);
    return true;
}

void bi_inbox_shut(struct bi_inbox *in)
{
    struct bi_letter *newest = atomic_exchange(&in->newest, &shut);
    hand_out(in, SIZE_MAX);
    if (newest != &shut)
        in->taken = oldest_of(newest);
    hand_out(in, SIZE_MAX);
}

size_t bi_inbox_count(const struct bi_inbox *in)
{
    size_t n = 0;
    const struct bi_letter *letter = atomic_load(&in->newest);
    for (; letter && letter != &shut; letter = letter->next)
        n++;
    for (letter = in->taken; letter; letter = letter->next)
        n++;
    return n;
}

void bi_inbox_open_again(struct bi_inbox *in)
{
    struct bi_letter *newest = &shut;
    atomic_compare_exchange_strong(&in->newest, &newest, NULL);
}

void bi_inbox_forked(void)
{
    atomic_fetch_add(&forks, 1);
}

/* An exchange where a store would do: an emulator of ARM on x86 (qemu 7.2) lets
 * a load overtake the store before it, and the wake-up is lost. */
bool bi_inbox_sleep(struct bi_inbox *in)
{
    atomic_exchange(&in->asleep, true);
    if (!atomic_load(&in->newest) && !atomic_load(&in->nudged) && !in->taken)
        return true;
    atomic_store(&in->asleep, false);
    return false;
}

void bi_inbox_awake(struct bi_inbox *in)
{
    atomic_store_explicit(&in->asleep, false, memory_order_relaxed);
}
