/* catch.h: the one handler for signals that runs receive. */
#ifndef BI_CATCH_H
#define BI_CATCH_H

#include "inbox.h"
#include "sigqueue.h"

/* Somebody who wants signals.  Its memory must outlive its letter: between a
 * close and the letter's delivery `sent` is true. */
struct bi_catch {
    _Atomic(struct bi_catch *) next; /* of all that are open */
    uint64_t set;                    /* the signals it wants */
    struct bi_inbox *inbox;
    struct bi_letter letter; /* it begins with bi_catch_opened_letter() */
    atomic_bool sent;        /* the letter is under way */
    struct bi_sigqueue queue;
};

/* Catch the signals of c->set from now on: each is put in c->queue, and the
 * letter sent.  All other fields are zeroed, but `inbox` and the letter.
 *
 * Returns 0; or a negated errno, and no signal's action is another than before.
 */
int bi_catch_open(struct bi_catch *c);

/* Let them go.  A signal that nobody else catches has its action of before,
 * unless somebody has set another, and what is in the queue is sent again. */
void bi_catch_close(struct bi_catch *c);

/* The letter has come: the next signal sends it again. */
static inline void bi_catch_opened_letter(struct bi_catch *c)
{
    atomic_exchange(&c->sent, false);
}

/* In a forked child, where no other thread is: nobody catches anything. */
void bi_catch_forked(void);

#endif
