/* bodies_lock.c: locks, conditions and permits. */
#include "stress.h"

static struct bide_mutex mutex;
static struct bide_rwlock rwlock;
static struct bide_cond cond;
static int inside, readers, done;

/* ---- Locks -------------------------------------------------------------- */

static intptr_t lock_and_unlock(void *rounds)
{
    for (intptr_t i = 0; i < VALUE(rounds); i++) {
        int rc = bide_mutex_lock(&mutex);
        if (rc < 0)
            return rc;
        must(++inside == 1, "one task has the mutex");
        rc = breathe();
        must(--inside == 0, "nobody came in meanwhile");
        must(bide_mutex_unlock(&mutex) == 0, "its owner can unlock it");
        if (rc < 0)
            return rc;
    }
    return done++;
}

static intptr_t body_mutex(void *arg)
{
    (void)arg;
    struct bide_call calls[] = {{lock_and_unlock, NUM(2), 0},
                                {lock_and_unlock, NUM(2), 0},
                                {lock_and_unlock, NUM(1), 0}};
    mutex = (struct bide_mutex){0};
    inside = done = 0;
    strike_first(calls, LENGTH(calls));
    must(done >= 2, "those who were not cancelled have had it");
    must(bide_mutex_trylock(&mutex) == 0, "it is free at the end");
    return bide_mutex_unlock(&mutex);
}

static intptr_t read_it(void *arg)
{
    int rc = bide_rwlock_rdlock(&rwlock);
    if (rc < 0)
        return rc;
    readers++;
    must(inside == 0, "no reader is beside a writer");
    rc = breathe();
    readers--;
    must(bide_rwlock_unlock(&rwlock) == 0, "a reader can unlock");
    return arg ? 0 : rc;
}

static intptr_t write_it(void *arg)
{
    int rc = bide_rwlock_wrlock(&rwlock);
    if (rc < 0)
        return rc;
    must(++inside == 1 && readers == 0, "a writer is alone");
    rc = breathe();
    must(--inside == 0 && readers == 0, "a writer stays alone");
    must(bide_rwlock_unlock(&rwlock) == 0, "a writer can unlock");
    return arg ? 0 : rc;
}

static intptr_t body_rwlock(void *arg)
{
    (void)arg;
    struct bide_call calls[] = {{write_it, NULL, 0}, {read_it, NULL, 0},
                                {write_it, NULL, 0}, {read_it, NULL, 0}};
    rwlock = (struct bide_rwlock){0};
    inside = readers = 0;
    strike_first(calls, LENGTH(calls));
    must(bide_rwlock_trywrlock(&rwlock) == 0, "it is free at the end");
    return bide_rwlock_unlock(&rwlock);
}

static intptr_t take_one(void *arg)
{
    int rc = bide_mutex_lock(&mutex);
    if (rc < 0)
        return rc;
    while (rc == 0 && done == 0)
        rc = bide_cond_wait(&cond, &mutex);
    must(rc != -EOWNERDEAD, "the mutex is held again");
    if (rc == 0)
        done--;
    must(bide_mutex_unlock(&mutex) == 0, "the mutex is held after the wait");
    return arg ? 0 : rc;
}

static intptr_t make_two(void *arg)
{
    for (int i = 0; i < 2; i++) {
        int rc = bide_mutex_lock(&mutex);
        if (rc < 0)
            return rc;
        done++;
        bide_cond_signal(&cond);
        must(bide_mutex_unlock(&mutex) == 0, "its owner can unlock it");
    }
    return VALUE(arg);
}

/* Three takers, of whom one may be cancelled, and four things to take: a signal
 * that is lost is a deadlock. */
static intptr_t body_cond(void *arg)
{
    (void)arg;
    struct bide_call calls[] = {{take_one, NULL, 0}, {take_one, NULL, 0},
                                {make_two, NULL, 0}, {take_one, NULL, 0},
                                {make_two, NULL, 0}};
    mutex = (struct bide_mutex){0};
    cond = (struct bide_cond){0};
    done = 0;
    strike_first(calls, LENGTH(calls));
    must(done == (calls[0].result == 0 ? 1 : 2), "each has taken one");
    return 0;
}

static intptr_t await_opening(void *arg)
{
    int rc = bide_mutex_lock(&mutex);
    if (rc < 0)
        return rc;
    while (rc == 0 && done == 0)
        rc = bide_cond_wait(&cond, &mutex);
    must(rc < 0 || done == 1, "nobody goes on before it is open");
    must(bide_mutex_unlock(&mutex) == 0, "the mutex is held after the wait");
    return arg ? 0 : rc;
}

static intptr_t open_for_all(void *arg)
{
    struct bide_lock_info info;
    int rc = bide_mutex_lock(&mutex);
    if (rc < 0)
        return rc;
    done = 1;
    bide_cond_broadcast(&cond);
    bide_cond_info(&cond, &info);
    must(info.waiters == 0, "all present waiters have their signal");
    must(bide_mutex_unlock(&mutex) == 0, "its owner can unlock it");
    return VALUE(arg);
}

static intptr_t body_cond_broadcast(void *arg)
{
    (void)arg;
    struct bide_call calls[] = {{await_opening, NULL, 0},
                                {await_opening, NULL, 0},
                                {open_for_all, NULL, 0},
                                {await_opening, NULL, 0}};
    mutex = (struct bide_mutex){0};
    cond = (struct bide_cond){0};
    done = 0;
    strike_first(calls, LENGTH(calls));
    must(calls[1].result == 0 && calls[3].result == 0, "all have gone on");
    return 0;
}

/* ---- Permits ------------------------------------------------------------ */

static struct bide_sem sem;
static struct bide_limiter limiter;

static intptr_t use_permits(void *permits)
{
    unsigned n = (unsigned)VALUE(permits);
    int rc = bide_sem_acquire(&sem, n);
    if (rc < 0)
        return rc;
    inside += (int)n;
    must(inside <= 3, "no more permits are out than there are");
    rc = breathe();
    inside -= (int)n;
    must(bide_sem_release(&sem, n) == 0, "permits can be given back");
    return rc;
}

static intptr_t body_sem(void *arg)
{
    (void)arg;
    struct bide_call calls[] = {{use_permits, NUM(2), 0},
                                {use_permits, NUM(1), 0},
                                {use_permits, NUM(3), 0},
                                {use_permits, NUM(2), 0}};
    sem = (struct bide_sem){.count = 3, .limit = 3};
    inside = 0;
    strike_first(calls, LENGTH(calls));
    must(sem.count == 3, "all permits are back");
    return 0;
}

static intptr_t borrow(void *arg)
{
    static struct bide_token tokens[5];
    struct bide_token *token = &tokens[VALUE(arg)];
    *token = (struct bide_token){0};
    int rc = bide_limiter_acquire(&limiter, token);
    if (rc < 0)
        return rc;
    must(++inside <= 2, "no more have borrowed than may");
    rc = breathe();
    inside--;
    if (VALUE(arg) % 2) /* else the end of the task gives it back */
        must(bide_limiter_release(&limiter, token) == 0,
             "what was borrowed can be given back");
    return rc;
}

static intptr_t body_limiter(void *arg)
{
    (void)arg;
    struct bide_call calls[] = {{borrow, NUM(1), 0}, {borrow, NUM(2), 0},
                                {borrow, NUM(3), 0}, {borrow, NUM(4), 0}};
    struct bide_lock_info info;
    limiter = (struct bide_limiter){.total = 2};
    inside = 0;
    strike_first(calls, LENGTH(calls));
    bide_limiter_info(&limiter, &info);
    must(info.holders == 0 && info.waiters == 0, "all is back at the end");
    return 0;
}

const struct body lock_bodies[] = {
    {"mutex", body_mutex},
    {"rwlock", body_rwlock},
    {"cond", body_cond},
    {"cond broadcast", body_cond_broadcast},
    {"sem", body_sem},
    {"limiter", body_limiter},
    {NULL, NULL},
};
