/* bodies_wait.c: locks and their kin, channels: beside the stacks of the tasks
 * that meet there, nothing of the kernel's is in them.
 */
#include "body.h"

/* ---- Locks -------------------------------------------------------------- */

static struct bide_mutex mutex;
static int inside;

static intptr_t lock_and_look(void *unused)
{
    (void)unused;
    intptr_t rc = bide_mutex_lock(&mutex);
    if (rc < 0)
        return rc;
    EXPECT(++inside == 1);
    rc = bide_yield();
    inside--;
    bide_mutex_unlock(&mutex);
    return rc;
}

static intptr_t lock_together(void *unused)
{
    (void)unused;
    mutex = (struct bide_mutex){0};
    inside = 0;
    intptr_t rc = beside(lock_and_look, lock_and_look, NULL);
    EXPECT(bide_mutex_trylock(&mutex) == 0);
    EXPECT(bide_mutex_unlock(&mutex) == 0);
    return rc;
}

static intptr_t keep_lock(void *unused)
{
    (void)unused;
    return bide_mutex_lock(&mutex);
}

static intptr_t owner_dies(void *unused)
{
    (void)unused;
    bide_task *t;
    mutex = (struct bide_mutex){0};
    intptr_t rc = bide_spawn(&t, keep_lock, NULL);
    if (rc < 0)
        return rc;
    EXPECT(bide_join(t, NULL) == 0);
    bide_release(t);
    EXPECT(bide_mutex_lock(&mutex) == -EOWNERDEAD);
    return 0;
}

/* ---- Events ------------------------------------------------------------- */

static struct bide_event event;

static intptr_t await_event(void *unused)
{
    (void)unused;
    return bide_event_wait(&event);
}

static intptr_t set_event(void *unused)
{
    (void)unused;
    int rc = bide_yield();
    bide_event_set(&event);
    return rc;
}

static intptr_t wait_for_event(void *unused)
{
    event = (struct bide_event){0};
    intptr_t rc = beside(set_event, await_event, unused);
    if (rc < 0)
        return rc;
    EXPECT(bide_event_is_set(&event));
    bide_event_clear(&event);
    EXPECT(within(BIDE_MS(1), await_event, NULL) == -ETIMEDOUT);
    return 0;
}

/* ---- Readers and writers ------------------------------------------------ */

static struct bide_rwlock rwlock;
static int readers, writers;

static intptr_t read_a_while(void *unused)
{
    (void)unused;
    intptr_t rc = bide_rwlock_rdlock(&rwlock);
    if (rc < 0)
        return rc;
    readers++;
    EXPECT(writers == 0);
    rc = bide_yield();
    readers--;
    EXPECT(bide_rwlock_unlock(&rwlock) == 0);
    return rc;
}

static intptr_t write_a_while(void *unused)
{
    (void)unused;
    intptr_t rc = bide_rwlock_wrlock(&rwlock);
    if (rc < 0)
        return rc;
    writers++;
    EXPECT(writers == 1 && readers == 0);
    rc = bide_yield();
    writers--;
    EXPECT(bide_rwlock_unlock(&rwlock) == 0);
    return rc;
}

static intptr_t read_and_write(void *unused)
{
    rwlock = (struct bide_rwlock){0};
    readers = writers = 0;
    intptr_t rc = beside(read_a_while, write_a_while, unused);
    EXPECT(bide_rwlock_trywrlock(&rwlock) == 0);
    EXPECT(within(BIDE_MS(1), read_a_while, unused) == -EDEADLK);
    EXPECT(bide_rwlock_unlock(&rwlock) == 0);
    EXPECT(bide_rwlock_tryrdlock(&rwlock) == 0);
    EXPECT(bide_rwlock_unlock(&rwlock) == 0);
    return rc;
}

/* ---- A condition -------------------------------------------------------- */

static struct bide_cond cond;
static int stock;

static intptr_t take_one(void *unused)
{
    (void)unused;
    intptr_t rc = bide_mutex_lock(&mutex);
    if (rc < 0)
        return rc;
    while (rc == 0 && stock == 0)
        rc = bide_cond_wait(&cond, &mutex);
    stock -= rc == 0;
    EXPECT(bide_mutex_unlock(&mutex) == 0);
    return rc;
}

static intptr_t give_one(void *unused)
{
    (void)unused;
    intptr_t rc = bide_yield();
    stock++;
    bide_cond_signal(&cond);
    return rc;
}

static intptr_t wait_for_stock(void *unused)
{
    mutex = (struct bide_mutex){0};
    cond = (struct bide_cond){0};
    stock = 0;
    intptr_t rc = beside(take_one, give_one, unused);
    if (rc < 0)
        return rc;
    EXPECT(stock == 0);
    EXPECT(within(BIDE_MS(1), take_one, unused) == -ETIMEDOUT);
    EXPECT(bide_mutex_trylock(&mutex) == 0);
    return 0;
}

/* ---- Permits, barriers, once, countdowns -------------------------------- */

static struct bide_sem sem;

static intptr_t borrow(void *permits)
{
    intptr_t rc = bide_sem_acquire(&sem, permits ? 2 : 1);
    if (rc < 0)
        return rc;
    rc = bide_yield();
    EXPECT(bide_sem_release(&sem, permits ? 2 : 1) == 0);
    return rc;
}

static intptr_t permits(void *unused)
{
    sem = (struct bide_sem){.count = 2, .limit = 2};
    intptr_t rc = beside(borrow, borrow, &sem);
    EXPECT(sem.count == 2);
    EXPECT(bide_sem_tryacquire(&sem, 2) == 0);
    EXPECT(within(BIDE_MS(1), borrow, unused) == -ETIMEDOUT);
    EXPECT(bide_sem_release(&sem, 2) == 0 && sem.count == 2);
    return rc;
}

static struct bide_barrier barrier;

static intptr_t arrive(void *unused)
{
    (void)unused;
    int rc = bide_barrier_wait(&barrier);
    return rc < 0 ? rc : 0;
}

static intptr_t meet(void *unused)
{
    barrier = (struct bide_barrier){.count = 2};
    intptr_t rc = beside(arrive, arrive, unused);
    if (rc < 0)
        return rc;
    EXPECT(within(BIDE_MS(1), arrive, unused) == -ETIMEDOUT);
    return 0;
}

static struct bide_once once;
static int runs;

static intptr_t run_it(void *unused)
{
    (void)unused;
    int rc = bide_sleep(BIDE_MS(1));
    runs += rc == 0;
    return rc;
}

static intptr_t make_sure(void *unused)
{
    return bide_once(&once, run_it, unused);
}

static intptr_t do_once(void *unused)
{
    once = (struct bide_once){0};
    runs = 0;
    intptr_t rc = beside(make_sure, make_sure, unused);
    EXPECT(rc < 0 || runs == 1);
    return rc;
}

static struct bide_countdown countdown;

static intptr_t await_zero(void *unused)
{
    (void)unused;
    return bide_countdown_wait(&countdown);
}

static intptr_t count_one(void *unused)
{
    (void)unused;
    intptr_t rc = bide_yield();
    EXPECT(bide_countdown_done(&countdown) == 0);
    return rc;
}

static intptr_t count_down(void *unused)
{
    countdown = (struct bide_countdown){.count = 1};
    intptr_t rc = beside(await_zero, count_one, unused);
    if (rc < 0)
        return rc;
    EXPECT(bide_countdown_add(&countdown, 1) == 0);
    EXPECT(within(BIDE_MS(1), await_zero, unused) == -ETIMEDOUT);
    return 0;
}

static struct bide_limiter limiter;

static intptr_t borrow_token(void *unused)
{
    struct bide_token token = {0};
    (void)unused;
    intptr_t rc = bide_limiter_acquire(&limiter, &token);
    if (rc < 0)
        return rc;
    rc = bide_yield();
    EXPECT(bide_limiter_release(&limiter, &token) == 0);
    return rc;
}

static intptr_t limited(void *unused)
{
    static struct bide_token token;
    struct bide_lock_info info;
    limiter = (struct bide_limiter){.total = 1};
    token = (struct bide_token){0};
    intptr_t rc = beside(borrow_token, borrow_token, unused);
    bide_limiter_info(&limiter, &info);
    EXPECT(info.holders == 0 && info.waiters == 0);
    bide_limiter_resize(&limiter, 0);
    EXPECT(bide_limiter_tryacquire(&limiter, &token) == -EAGAIN);
    EXPECT(within(BIDE_MS(1), borrow_token, unused) == -ETIMEDOUT);
    return rc;
}

static intptr_t ticks(void *missed)
{
    struct bide_ticker t;
    bide_time begin = bide_now();
    EXPECT(bide_ticker_init(&t, BIDE_MS(1),
                            (enum bide_missed)(intptr_t)missed) == 0);
    for (int i = 1; i <= 3; i++) {
        int64_t late = bide_ticker_wait(&t);
        if (late < 0)
            return (intptr_t)late;
        EXPECT(bide_now() >= begin + i * BIDE_MS(1));
    }
    return 0;
}

/* ---- Channels ----------------------------------------------------------- */

static struct bide_chan chan;
static int places[4];

static intptr_t send_numbers(void *unused)
{
    (void)unused;
    intptr_t rc = 0;
    for (int i = 0; i < 10 && rc == 0; i++)
        rc = bide_chan_send(&chan, &i);
    bide_chan_close(&chan);
    return rc;
}

static intptr_t receive_numbers(void *unused)
{
    (void)unused;
    int n, expected = 0, rc;
    while ((rc = bide_chan_recv(&chan, &n)) == 1)
        EXPECT(n == expected++);
    EXPECT(rc < 0 || expected == 10);
    return rc;
}

static intptr_t channel(void *capacity)
{
    bide_chan_init(&chan, capacity ? places : NULL, sizeof(int),
                   (size_t)capacity);
    return beside(send_numbers, receive_numbers, NULL);
}

static intptr_t receive_one(void *unused)
{
    (void)unused;
    int n;
    return bide_chan_recv(&chan, &n);
}

static intptr_t channel_times_out(void *unused)
{
    int n = 1;
    bide_chan_init(&chan, places, sizeof n, 1);
    EXPECT(bide_chan_tryrecv(&chan, &n) == -EAGAIN);
    EXPECT(within(BIDE_MS(1), receive_one, unused) == -ETIMEDOUT);
    EXPECT(bide_chan_trysend(&chan, &n) == 0);
    EXPECT(bide_chan_trysend(&chan, &n) == -EAGAIN);
    EXPECT(bide_chan_tryrecv(&chan, &n) == 1 && n == 1);
    return 0;
}

const struct body bodies_wait[] = {
    {"lock_together", lock_together, 0, INSIDE},
    {"owner_dies", owner_dies, 0, INSIDE},
    {"wait_for_event", wait_for_event, 0, INSIDE},
    {"read_and_write", read_and_write, 0, INSIDE},
    {"wait_for_stock", wait_for_stock, 0, INSIDE},
    {"permits", permits, 0, INSIDE},
    {"meet", meet, 0, INSIDE},
    {"do_once", do_once, 0, INSIDE},
    {"count_down", count_down, 0, INSIDE},
    {"limited", limited, 0, INSIDE},
    {"ticks", ticks, BIDE_MISSED_DELAY, INSIDE},
    {"channel_rendezvous", channel, 0, INSIDE},
    {"channel_buffered", channel, 4, INSIDE},
    {"channel_times_out", channel_times_out, 0, INSIDE},
    {0},
};
