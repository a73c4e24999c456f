/* inbox.h: the one door for other threads (and for signal handlers).
 *
 * A letter is pushed by anybody and delivered, in order, by the run's thread.
 * The eventfd is written only while the run sleeps, or is about to.
 */
#ifndef BI_INBOX_H
#define BI_INBOX_H

#include "base.h"

#include <stdatomic.h>

/* The poster's, until `deliver` is called on the run's thread. */
struct bi_letter {
    struct bi_letter *next;
    void (*deliver)(struct bi_letter *letter);
};

struct bi_inbox {
    _Atomic(struct bi_letter *) newest; /* a stack; delivered from its bottom */
    struct bi_letter *taken; /* off the stack, to be delivered; oldest first */
    atomic_bool asleep; /* the run sleeps, or will without another look */
    atomic_bool nudged; /* a wake-up without a letter */
    atomic_uint holders; /* of the run's handle: something may still come */
    unsigned forks;     /* of the process, when it was opened */
    int wake_fd;        /* an eventfd, for the reactor to wait on; never read */
};

/* 0 or a negated errno. */
int bi_inbox_open(struct bi_inbox *in);
void bi_inbox_close(struct bi_inbox *in);

/* Push a letter, and wake the run if it sleeps.                       [any]
 *
 * Returns 0, and it will be delivered; or -ESHUTDOWN, and it is the poster's:
 * the inbox has been shut, or belongs to the parent of this process.
 */
int bi_inbox_post(struct bi_inbox *in, struct bi_letter *letter);

/* Wake the run, without a letter.  Async-signal-safe.                 [any] */
void bi_inbox_nudge(struct bi_inbox *in);

/* Deliver what has come, so much of it that no task is held up for long.  True
 * if anything had, a nudge included: then there may be more. */
bool bi_inbox_deliver(struct bi_inbox *in);

/* Refuse letters from now on, and deliver those that came before. */
void bi_inbox_shut(struct bi_inbox *in);

/* Take letters again, if it was shut. */
void bi_inbox_open_again(struct bi_inbox *in);

/* In a forked child: every inbox there is belongs to the parent. */
void bi_inbox_forked(void);

/* How often that was called: whether this is still the same process. */
unsigned bi_inbox_forks(void);

/* How many letters wait to be delivered.  Only on the run's thread, which
 * alone takes them off. */
size_t bi_inbox_count(const struct bi_inbox *in);

/* Say that the run is about to sleep.  False: something has come, do not. */
bool bi_inbox_sleep(struct bi_inbox *in);

/* Say that it is awake again. */
void bi_inbox_awake(struct bi_inbox *in);

#endif
