/* mutex.h: a lock with an owner, as the rwlock and the condition see it. */
#ifndef BI_MUTEX_H
#define BI_MUTEX_H

#include "waitq.h"

/* The owner, or NULL: it is free, or dead. */
struct bi_task *bi_mutex_owner(const struct bide_mutex *m);

/* The owner of the mutex that `wait` is on: a `blocker`. */
struct bi_task *bi_mutex_blocker(const struct bi_wait *wait,
                                 const struct bi_task *after);

/* Whether its owner ended holding it. */
bool bi_mutex_dead(const struct bide_mutex *m);

/* Make `task` the owner, where there is none; and let there be none again. */
void bi_mutex_own(struct bide_mutex *m, struct bi_task *task);
void bi_mutex_disown(struct bide_mutex *m);

/* Lock it if that needs no wait: 0, -EAGAIN, -EDEADLK or -EOWNERDEAD. */
int bi_mutex_try(struct bide_mutex *m, struct bi_task *self);

/* Unlock it for its owner: the first waiter has it. */
void bi_mutex_pass(struct bide_mutex *m);

/* Give it to `wait`, which is on no list, now or when its turn has come; a
 * cancel does not end this wait.  The wake-up has 0 or -EOWNERDEAD. */
void bi_mutex_await(struct bide_mutex *m, struct bi_wait *wait);

#endif
