/* waitq.h: the one wait queue: struct bide_waitq, first in, first out. */
#ifndef BI_WAITQ_H
#define BI_WAITQ_H

#include "park.h"

static_assert(sizeof(struct bide_waitq) == sizeof(struct bi_list),
              "struct bide_waitq holds a list head");

static inline struct bi_list *bi_waitq_list(const struct bide_waitq *q)
{
    return (struct bi_list *)(uintptr_t)q;
}

/* Note on whose stack `q` is, so that this task does not end while somebody
 * waits there. */
void bi_waitq_borrow(const struct bide_waitq *q, struct bi_wait *wait);

/* Put `wait` last in `q`. */
static inline void bi_waitq_push(struct bide_waitq *q, struct bi_wait *wait)
{
    bi_waitq_borrow(q, wait);
    bi_list_push_back(bi_waitq_list(q), &wait->link);
}

/* Wait in `q` until someone takes the record out and wakes it. */
static inline intptr_t bi_waitq_park(struct bide_waitq *q, struct bi_wait *wait)
{
    bi_waitq_push(q, wait);
    return bi_park(wait);
}

/* Take the first waiter out, or NULL; it is to be woken. */
static inline struct bi_wait *bi_waitq_pop(struct bide_waitq *q)
{
    struct bi_list *link = bi_list_pop(bi_waitq_list(q));
    return link ? bi_container_of(link, struct bi_wait, link) : NULL;
}

/* The first waiter, which stays where it is, or NULL. */
static inline struct bi_wait *bi_waitq_first(const struct bide_waitq *q)
{
    struct bi_list *link = bi_list_first(bi_waitq_list(q));
    return link ? bi_container_of(link, struct bi_wait, link) : NULL;
}

/* Wake all present waiters with `value`. */
static inline void bi_waitq_wake_all(struct bide_waitq *q, intptr_t value)
{
    struct bi_wait *wait;
    while ((wait = bi_waitq_pop(q)))
        bi_wake(wait, value);
}

/* Tell who waits in `q`, and that `owner`, where there is one, holds what they
 * wait for with `holders` tasks in all. */
void bi_waitq_tell(const struct bide_waitq *q, struct bi_task *owner,
                   size_t holders, struct bide_lock_info *out);

#endif
