/* mutex.c: a lock with an owner.
 *
 * Unlock hands over: the first waiter owns the lock before unlock returns, so
 * that nobody can barge in and a waiter that was woken has it, cancelled or
 * not.  The owner keeps a list of what it holds: if it ends without unlocking,
 * the lock is dead until its user has mended what it guards.
 */
#include "mutex.h"

static_assert(sizeof((struct bide_mutex *)0)->_held >= sizeof(struct bi_held),
              "struct bide_mutex is too small in bide.h");

/* The owner of a lock whose owner ended. */
#define DEAD ((bide_task *)(uintptr_t)1)

/* How a lock notes its owner: by the bare address, not by a handle that could
 * be told from a later task's, for the lock hears of its owner's end. */
static bide_task *name_of(struct bi_task *task)
{
    return (bide_task *)task;
}

static struct bi_held *held_of(struct bide_mutex *m)
{
    return (struct bi_held *)m->_held;
}

static void owner_ended(struct bi_held *held)
{
    struct bide_mutex *m = bi_container_of(held, struct bide_mutex, _held);
    m->_owner = DEAD;
    bi_waitq_wake_all(&m->_q, -EOWNERDEAD);
}

static inline void own(struct bide_mutex *m, struct bi_task *task)
{
    m->_owner = name_of(task);
    held_of(m)->owner_ended = owner_ended;
    bi_list_push_front(&task->held, &held_of(m)->link);
}

static inline void disown(struct bide_mutex *m)
{
    bi_list_remove(&held_of(m)->link);
    m->_owner = NULL;
}

static inline int try(struct bide_mutex *m, struct bi_task *self)
{
    if (bi_likely(!m->_owner)) {
        own(m, self);
        return 0;
    }
    if (m->_owner == DEAD)
        return -EOWNERDEAD;
    return m->_owner == name_of(self) ? -EDEADLK : -EAGAIN;
}

static inline void pass(struct bide_mutex *m)
{
    disown(m);
    struct bi_wait *next = bi_waitq_pop(&m->_q);
    if (!next)
        return;
    own(m, next->task);
    bi_wake(next, 0);
}

/* ---- For the floor's other files ---------------------------------------- */

bool bi_mutex_dead(const struct bide_mutex *m)
{
    return m->_owner == DEAD;
}

struct bi_task *bi_mutex_owner(const struct bide_mutex *m)
{
    return bi_mutex_dead(m) ? NULL : (struct bi_task *)m->_owner;
}

struct bi_task *bi_mutex_blocker(const struct bi_wait *wait,
                                 const struct bi_task *after)
{
    return after ? NULL : bi_mutex_owner(wait->on);
}

void bi_mutex_own(struct bide_mutex *m, struct bi_task *task)
{
    bi_assert(!m->_owner);
    own(m, task);
}

void bi_mutex_disown(struct bide_mutex *m)
{
    disown(m);
}

int bi_mutex_try(struct bide_mutex *m, struct bi_task *self)
{
    return try(m, self);
}

void bi_mutex_pass(struct bide_mutex *m)
{
    pass(m);
}

void bi_mutex_await(struct bide_mutex *m, struct bi_wait *wait)
{
    int rc = try(m, wait->task);
    if (rc != -EAGAIN) {
        bi_wake(wait, rc);
        return;
    }
    bi_wait_give_back(wait);
    wait->what = "mutex";
    wait->on = m;
    wait->withdraw = NULL;
    wait->blocker = bi_mutex_blocker;
    bi_waitq_push(&m->_q, wait);
}

/* ---- The public calls --------------------------------------------------- */

/* Out of line, so that a lock that is free needs no frame. */
static __attribute__((noinline)) int lock_owned(struct bide_mutex *m,
                                                struct bi_task *self)
{
    int rc = try(m, self);
    if (rc != -EAGAIN)
        return rc;
    struct bi_wait wait = bi_wait_make(self, "mutex", m, bi_wait_unlink);
    wait.blocker = bi_mutex_blocker;
    return (int)bi_waitq_park(&m->_q, &wait);
}

int bide_mutex_lock(struct bide_mutex *m)
{
    struct bi_task *self = bi_current_in(__func__);
    int rc = bi_park_check(self);
    if (bi_unlikely(rc))
        return rc;
    if (bi_unlikely(m->_owner))
        return lock_owned(m, self);
    own(m, self);
    return 0;
}

int bide_mutex_trylock(struct bide_mutex *m)
{
    return try(m, bi_current_in(__func__));
}

int bide_mutex_unlock(struct bide_mutex *m)
{
    struct bi_task *self = bi_current_in(__func__);
    if (m->_owner != name_of(self))
        return -EPERM;
    pass(m);
    return 0;
}

void bide_mutex_info(const struct bide_mutex *m, struct bide_lock_info *out)
{
    bi_current_in(__func__);
    struct bi_task *owner = bi_mutex_owner(m);
    bi_waitq_tell(&m->_q, owner, owner != NULL, out);
}
