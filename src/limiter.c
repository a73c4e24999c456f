/* limiter.c: so many tasks at once, a number that can be changed meanwhile.
 *
 * What a task borrows is a token, whose storage is the task's own and stands on
 * its list of things held: so a task that ends gives it back, and one that
 * would borrow twice is told, for a limiter whose borrowers wait for each other
 * is a deadlock that comes with the load.
 *
 * Tokens are moved, never raced for: whoever gives one back, or raises the
 * total, hands it to the first waiter on the spot.  With a total below what is
 * out nobody is disturbed; the next token comes when enough have come back.
 */
#include "waitq.h"

/* struct bide_token, as it is inside. */
struct __attribute__((may_alias)) token {
    struct bi_held held;
    struct bide_limiter *limiter; /* NULL while nothing is borrowed */
    struct bi_task *task;         /* who has borrowed, or waits to */
};

static_assert(sizeof(struct token) <= sizeof(struct bide_token),
              "struct bide_token is too small in bide.h");

struct borrower {
    struct bi_wait wait;
    struct token *token;
};

static void owner_ended(struct bi_held *held);

static void lend(struct bide_limiter *l, struct token *t, struct bi_task *task)
{
    l->_lent++;
    *t = (struct token){.held.owner_ended = owner_ended, .limiter = l,
                        .task = task};
    bi_list_push_back(&task->held, &t->held.link);
}

/* Hand what is free to the first waiters. */
static void serve(struct bide_limiter *l)
{
    struct bi_wait *wait;
    while (l->_lent < l->total && (wait = bi_waitq_pop(&l->_q))) {
        lend(l, bi_container_of(wait, struct borrower, wait)->token,
             wait->task);
        bi_wake(wait, 0);
    }
}

/* Its link is off the owner's list already. */
static void take_back(struct token *t)
{
    struct bide_limiter *l = t->limiter;
    t->limiter = NULL;
    t->task = NULL;
    l->_lent--;
    serve(l);
}

static void owner_ended(struct bi_held *held)
{
    take_back(bi_container_of(held, struct token, held));
}

static bool borrows(const struct bi_task *task, const struct bide_limiter *l)
{
    BI_LIST_EACH(it, &task->held) {
        struct bi_held *held = bi_container_of(it, struct bi_held, link);
        if (held->owner_ended == owner_ended &&
            bi_container_of(held, struct token, held)->limiter == l)
            return true;
    }
    return false;
}

/* Borrow without waiting: 0, -EAGAIN or -EDEADLK. */
static int try(struct bide_limiter *l, struct token *t, struct bi_task *self,
               const char *func)
{
    if (borrows(self, l))
        return -EDEADLK;
    BI_CONTRACT(!t->task, func, "was given a token that is in use");
    if (l->_lent >= l->total || bi_waitq_first(&l->_q))
        return -EAGAIN;
    lend(l, t, self);
    return 0;
}

int bide_limiter_acquire(struct bide_limiter *l, struct bide_token *token)
{
    struct bi_task *self = bi_current_in(__func__);
    struct token *t = (struct token *)token;
    int rc = bi_park_check(self);
    if (rc == 0)
        rc = try(l, t, self, __func__);
    if (rc != -EAGAIN)
        return rc;
    struct borrower borrower = {
        .wait = bi_wait_make(self, "limiter", l, bi_wait_unlink),
        .token = t,
    };
    t->task = self;
    rc = (int)bi_waitq_park(&l->_q, &borrower.wait);
    if (rc < 0)
        t->task = NULL;
    return rc;
}

int bide_limiter_tryacquire(struct bide_limiter *l, struct bide_token *token)
{
    return try(l, (struct token *)token, bi_current_in(__func__), __func__);
}

int bide_limiter_release(struct bide_limiter *l, struct bide_token *token)
{
    struct token *t = (struct token *)token;
    struct bi_task *self = bi_current_in(__func__);
    if (t->limiter != l || t->task != self)
        return -EPERM;
    bi_list_remove(&t->held.link);
    take_back(t);
    return 0;
}

void bide_limiter_resize(struct bide_limiter *l, size_t total)
{
    bi_current_in(__func__);
    l->total = total;
    serve(l);
}

void bide_limiter_info(const struct bide_limiter *l, struct bide_lock_info *out)
{
    bi_waitq_tell(&l->_q, NULL, l->_lent, out);
}
