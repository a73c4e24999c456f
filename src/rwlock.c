/* rwlock.c: a lock for one writer or several readers.
 *
 * It is a mutex of the writer's, and a list of readers beside it.  Those who
 * must wait stand in one queue, the mutex's: a writer goes in when it is first
 * and nobody is inside, readers when they are first and no writer is.  So
 * neither side starves, and readers that stand together go in together.
 *
 * A reader's part in the lock is a record in its control block, on the lock's
 * list of readers and on the task's list of what it holds.  By it the lock can
 * refuse a foreign unlock and a reader that would write, let a reader in again
 * past the writers that wait for it, and go on when a reader ends.  A task has
 * BI_SHARES of them; what it reads beyond is counted only.
 *
 * The hard transition is a writer that leaves the queue by a cancel: those
 * behind it may be readers that only it kept out, while others are inside.
 *
 * Rejected: preference for readers, where writers starve, and for writers,
 * where readers do; records of readers in the lock, where their number has no
 * bound; an error where the records run out, as somebody who reads all shards
 * of a table in a row would meet it.
 */
#include "mutex.h"

/* A task in the queue. */
struct seeker {
    struct bi_wait wait;
    bool writes;
};

static struct seeker *seeker_of(const struct bi_wait *wait)
{
    return bi_container_of(wait, struct seeker, wait);
}

static struct bi_list *readers_of(const struct bide_rwlock *l)
{
    return bi_waitq_list(&l->_readers);
}

static struct bi_share *share_of(const struct bi_list *link)
{
    return bi_container_of(link, struct bi_share, link);
}

/* The part that `task` has in `l` as a reader, or NULL. */
static struct bi_share *share_in(const struct bide_rwlock *l,
                                 const struct bi_task *task)
{
    for (unsigned i = 0; i < BI_SHARES; i++)
        if (task->shares[i].depth && task->shares[i].lock == l)
            return (struct bi_share *)(uintptr_t)&task->shares[i];
    return NULL;
}

static struct bi_share *free_share(struct bi_task *task)
{
    for (unsigned i = 0; i < BI_SHARES; i++)
        if (!task->shares[i].depth)
            return &task->shares[i];
    return NULL;
}

static bool is_read(const struct bide_rwlock *l)
{
    return l->_strangers || !bi_list_empty(readers_of(l));
}

/* ---- In and out --------------------------------------------------------- */

static void reader_ended(struct bi_held *held);

static void enter(struct bide_rwlock *l, struct bi_task *task, bool writes)
{
    struct bi_share *share = writes ? NULL : free_share(task);
    if (writes) {
        bi_mutex_own(&l->_w, task);
    } else if (share) {
        *share = (struct bi_share){.held.owner_ended = reader_ended,
                                   .task = task, .lock = l, .depth = 1};
        bi_list_push_back(&task->held, &share->held.link);
        bi_list_push_back(readers_of(l), &share->link);
    } else {
        l->_strangers++;
    }
}

/* Let in from the front of the queue who can come in now. */
static void admit(struct bide_rwlock *l)
{
    struct bi_wait *wait;
    while (!bi_mutex_owner(&l->_w) && (wait = bi_waitq_first(&l->_w._q))) {
        bool writes = seeker_of(wait)->writes;
        if (writes && is_read(l))
            return;
        bi_list_remove(&wait->link);
        enter(l, wait->task, writes);
        bi_wake(wait, 0);
    }
}

static void reader_ended(struct bi_held *held)
{
    struct bi_share *share = bi_container_of(held, struct bi_share, held);
    share->depth = 0;
    bi_list_remove(&share->link);
    admit(share->lock);
}

static bool withdraw(struct bi_wait *wait)
{
    bi_list_remove(&wait->link);
    admit((struct bide_rwlock *)(uintptr_t)wait->on);
    return true;
}

static struct bi_task *holder(const struct bide_rwlock *l)
{
    struct bi_list *first = bi_list_first(readers_of(l));
    return first ? share_of(first)->task : bi_mutex_owner(&l->_w);
}

static struct bi_task *blocker(const struct bi_wait *wait,
                               const struct bi_task *after)
{
    const struct bide_rwlock *l = wait->on;
    if (!after)
        return holder(l);
    struct bi_share *share = share_in(l, after);
    bool more = share && share->link.next != readers_of(l);
    return more ? share_of(share->link.next)->task : NULL;
}

/* ---- The public calls --------------------------------------------------- */

/* Lock it if that needs no wait: 0, -EAGAIN, -EDEADLK or -EOWNERDEAD. */
static int try(struct bide_rwlock *l, struct bi_task *self, bool writes)
{
    if (bi_mutex_dead(&l->_w))
        return -EOWNERDEAD;
    if (bi_mutex_owner(&l->_w))
        return bi_mutex_owner(&l->_w) == self ? -EDEADLK : -EAGAIN;
    struct bi_share *share = share_in(l, self);
    if (share && writes)
        return -EDEADLK;
    if (share) {
        share->depth++;
        return 0;
    }
    if (bi_waitq_first(&l->_w._q) || (writes && is_read(l)))
        return -EAGAIN;
    enter(l, self, writes);
    return 0;
}

static int lock(struct bide_rwlock *l, struct bi_task *self, bool writes)
{
    int rc = bi_park_check(self);
    if (rc == 0)
        rc = try(l, self, writes);
    if (rc != -EAGAIN)
        return rc;
    const char *what = writes ? "write lock" : "read lock";
    struct seeker seeker = {
        .wait = bi_wait_make(self, what, l, withdraw),
        .writes = writes,
    };
    seeker.wait.blocker = blocker;
    return (int)bi_waitq_park(&l->_w._q, &seeker.wait);
}

int bide_rwlock_rdlock(struct bide_rwlock *l)
{
    return lock(l, bi_current_in(__func__), false);
}

int bide_rwlock_wrlock(struct bide_rwlock *l)
{
    return lock(l, bi_current_in(__func__), true);
}

int bide_rwlock_tryrdlock(struct bide_rwlock *l)
{
    return try(l, bi_current_in(__func__), false);
}

int bide_rwlock_trywrlock(struct bide_rwlock *l)
{
    return try(l, bi_current_in(__func__), true);
}

int bide_rwlock_unlock(struct bide_rwlock *l)
{
    struct bi_task *self = bi_current_in(__func__);
    struct bi_share *share = share_in(l, self);
    if (bi_mutex_owner(&l->_w) == self) {
        bi_mutex_disown(&l->_w);
    } else if (share && share->depth > 1) {
        share->depth--;
    } else if (share) {
        bi_list_remove(&share->held.link);
        bi_list_remove(&share->link);
        share->depth = 0;
    } else if (l->_strangers) {
        l->_strangers--;
    } else {
        return -EPERM;
    }
    admit(l);
    return 0;
}

void bide_rwlock_info(const struct bide_rwlock *l, struct bide_lock_info *out)
{
    bi_current_in(__func__);
    size_t holders = l->_strangers + (bi_mutex_owner(&l->_w) != NULL);
    BI_LIST_EACH(it, readers_of(l)) {
        holders++;
    }
    bi_waitq_tell(&l->_w._q, holder(l), holders, out);
}
