/* bodies_try.c: the calls that never wait, among tasks that do: a try succeeds
 * if and only if what the noun tells of itself says so, and passes no waiter.
 */
#include "stress.h"

#define TRIES 2

static struct bide_lock_info info;
static int inside, readers;

static void begin(void)
{
    inside = readers = 0;
}

static void all_is_free(void)
{
    must(inside == 0 && readers == 0, "nobody is left inside");
    must(info.holders == 0 && info.waiters == 0 && !info.owner,
         "nobody holds it or waits for it at the end");
}

/* ---- A mutex ------------------------------------------------------------ */

static struct bide_mutex mutex;

static int be_alone(void)
{
    must(++inside == 1, "one task has the mutex");
    int rc = breathe();
    must(--inside == 0, "nobody came in meanwhile");
    must(bide_mutex_unlock(&mutex) == 0, "its owner can unlock it");
    return rc;
}

static intptr_t wait_for_mutex(void *arg)
{
    int rc = bide_mutex_lock(&mutex);
    if (rc == 0)
        rc = be_alone();
    return arg ? 0 : rc;
}

static intptr_t try_mutex(void *arg)
{
    int rc = 0;
    for (int i = 0; i < TRIES; i++) {
        bide_mutex_info(&mutex, &info);
        rc = bide_mutex_trylock(&mutex);
        must(rc == (info.holders ? -EAGAIN : 0), "it is had where it is free");
        must(info.holders || !info.waiters, "nobody waits for a free mutex");
        must(!info.holders == !info.owner, "who holds it is told");
        rc = rc == 0 ? be_alone() : breathe();
    }
    return arg ? 0 : rc;
}

static intptr_t body_mutex_try(void *arg)
{
    (void)arg;
    struct bide_call calls[] = {{wait_for_mutex, NULL, 0}, {try_mutex, NULL, 0},
                                {wait_for_mutex, NULL, 0},
                                {try_mutex, NULL, 0}};
    mutex = (struct bide_mutex){0};
    begin();
    strike_first(calls, LENGTH(calls));
    bide_mutex_info(&mutex, &info);
    all_is_free();
    return 0;
}

/* ---- Readers and writers ------------------------------------------------ */

static struct bide_rwlock rwlock;

static int be_inside(bool writes)
{
    *(writes ? &inside : &readers) += 1;
    must(inside == 0 || (inside == 1 && readers == 0), "a writer is alone");
    int rc = breathe();
    *(writes ? &inside : &readers) -= 1;
    must(bide_rwlock_unlock(&rwlock) == 0, "who is in can leave");
    return rc;
}

static intptr_t wait_to_write(void *arg)
{
    int rc = bide_rwlock_wrlock(&rwlock);
    if (rc == 0)
        rc = be_inside(true);
    return arg ? 0 : rc;
}

static intptr_t try_to_read(void *arg)
{
    int rc = 0;
    for (int i = 0; i < TRIES; i++) {
        bide_rwlock_info(&rwlock, &info);
        rc = bide_rwlock_tryrdlock(&rwlock);
        must(rc == 0 ? !info.waiters && !inside : info.holders > 0,
             "a reader is let in beside readers, and behind nobody");
        rc = rc == 0 ? be_inside(false) : breathe();
    }
    return arg ? 0 : rc;
}

static intptr_t try_to_write(void *arg)
{
    bide_rwlock_info(&rwlock, &info);
    int rc = bide_rwlock_trywrlock(&rwlock);
    must(rc == (info.holders ? -EAGAIN : 0), "a writer is let in alone");
    rc = rc == 0 ? be_inside(true) : breathe();
    return arg ? 0 : rc;
}

static intptr_t body_rwlock_try(void *arg)
{
    (void)arg;
    struct bide_call calls[] = {{wait_to_write, NULL, 0},
                                {try_to_read, NULL, 0},
                                {try_to_write, NULL, 0},
                                {wait_to_write, NULL, 0},
                                {try_to_read, NULL, 0}};
    rwlock = (struct bide_rwlock){0};
    begin();
    strike_first(calls, LENGTH(calls));
    bide_rwlock_info(&rwlock, &info);
    all_is_free();
    return 0;
}

/* ---- Permits ------------------------------------------------------------ */

static struct bide_sem sem;
static struct bide_limiter limiter;

static int use_permits(unsigned n)
{
    inside += (int)n;
    must(inside <= 2, "no more permits are out than there are");
    int rc = breathe();
    inside -= (int)n;
    must(bide_sem_release(&sem, n) == 0, "permits can be given back");
    return rc;
}

static bool only_small_ones; /* wait from now on, for one permit */

static intptr_t wait_for_two(void *arg)
{
    int rc = bide_sem_acquire(&sem, 2);
    only_small_ones = true;
    if (rc == 0)
        rc = use_permits(2);
    return arg ? 0 : rc;
}

static intptr_t wait_for_one(void *arg)
{
    int rc = bide_sem_acquire(&sem, 1);
    if (rc == 0)
        rc = use_permits(1);
    return arg ? 0 : rc;
}

static intptr_t try_permits(void *arg)
{
    int rc = 0;
    for (int i = 0; i < TRIES; i++) {
        bide_sem_info(&sem, &info);
        bool there = sem.count > 0 && !info.waiters;
        must(!only_small_ones || !info.waiters || sem.count == 0,
             "nobody waits behind one who was cancelled");
        rc = bide_sem_tryacquire(&sem, 1);
        must(rc == (there ? 0 : -EAGAIN), "a permit is had where one is free");
        rc = rc == 0 ? use_permits(1) : breathe();
    }
    return arg ? 0 : rc;
}

static intptr_t body_sem_try(void *arg)
{
    (void)arg;
    struct bide_call calls[] = {{wait_for_two, NULL, 0},
                                {wait_for_one, NULL, 0}, {try_permits, NULL, 0},
                                {try_permits, NULL, 0},
                                {wait_for_one, NULL, 0}};
    only_small_ones = false;
    sem = (struct bide_sem){.count = 2, .limit = 2};
    begin();
    strike_first(calls, LENGTH(calls));
    bide_sem_info(&sem, &info);
    all_is_free();
    must(sem.count == 2, "all permits are back");
    return 0;
}

/* What was lent when the total was higher stays with who has it. */
static int use_token(struct bide_token *token)
{
    must(++inside <= 2, "no more have borrowed than ever might");
    int rc = breathe();
    inside--;
    must(bide_limiter_release(&limiter, token) == 0, "it can be given back");
    return rc;
}

static intptr_t wait_for_token(void *arg)
{
    struct bide_token token = {0};
    int rc = bide_limiter_acquire(&limiter, &token);
    if (rc == 0)
        rc = use_token(&token);
    return arg ? 0 : rc;
}

static intptr_t try_token(void *arg)
{
    struct bide_token token = {0};
    bide_limiter_info(&limiter, &info);
    bool there = info.holders < limiter.total && !info.waiters;
    int rc = bide_limiter_tryacquire(&limiter, &token);
    must(rc == (there ? 0 : -EAGAIN), "it is had where it may be");
    rc = rc == 0 ? use_token(&token) : breathe();
    return arg ? 0 : rc;
}

static intptr_t change_total(void *arg)
{
    static const size_t totals[] = {2, 0, 1};
    for (size_t i = 0; i < LENGTH(totals); i++) {
        bide_limiter_resize(&limiter, totals[i]);
        bide_limiter_info(&limiter, &info);
        must(!info.waiters || info.holders >= totals[i],
             "who may go on does so at once");
        int rc = breathe();
        must(rc == 0, "nobody cancels this one");
    }
    return VALUE(arg);
}

static intptr_t body_limiter_resize(void *arg)
{
    (void)arg;
    struct bide_call calls[] = {{wait_for_token, NULL, 0}, {try_token, NULL, 0},
                                {change_total, NULL, 0},
                                {wait_for_token, NULL, 0},
                                {wait_for_token, NULL, 0}};
    limiter = (struct bide_limiter){.total = 1};
    begin();
    strike_first(calls, LENGTH(calls));
    bide_limiter_info(&limiter, &info);
    all_is_free();
    return 0;
}

/* ---- Channels ----------------------------------------------------------- */

static struct bide_chan chan, other;
static int room[1], sent, received;

/* What can be done with `c` now. */
static bool can_send(const struct bide_chan *c)
{
    struct bide_chan_stats s;
    bide_chan_stats(c, &s);
    must(s.items == bide_chan_len(c) && s.items <= bide_chan_capacity(c),
         "no more is in it than there is room for");
    must(!s.senders || !s.receivers, "nobody waits who could deal");
    return s.items < bide_chan_capacity(c) || s.receivers > 0;
}

static bool can_receive(const struct bide_chan *c)
{
    struct bide_chan_stats s;
    bide_chan_stats(c, &s);
    return s.items > 0 || s.senders > 0;
}

static intptr_t wait_to_send(void *arg)
{
    int item = 1, rc = 0;
    for (int i = 0; i < TRIES && rc == 0; i++) {
        rc = bide_chan_send(&chan, &item);
        sent += rc == 0;
    }
    must(bide_chan_producer_done(&chan) == 0, "a producer is done once");
    return arg ? 0 : rc;
}

static intptr_t try_to_send(void *arg)
{
    int item = 1;
    for (int i = 0; i < TRIES; i++) {
        bool can = can_send(&chan);
        int rc = bide_chan_trysend(&chan, &item);
        must(rc == (can ? 0 : -EAGAIN), "it is sent where it can be");
        sent += rc == 0;
        must(breathe() == 0, "nobody cancels this one");
    }
    must(bide_chan_producer_done(&chan) == 0, "a producer is done once");
    return VALUE(arg);
}

static intptr_t wait_to_receive(void *arg)
{
    int item, rc;
    while ((rc = bide_chan_recv(&chan, &item)) == 1)
        received++;
    return arg ? 0 : rc;
}

static intptr_t try_to_receive(void *arg)
{
    int item;
    for (int i = 0; i < TRIES; i++) {
        bool can = can_receive(&chan), closed = bide_chan_closed(&chan);
        int rc = bide_chan_tryrecv(&chan, &item);
        must(rc == (can ? 1 : closed ? 0 : -EAGAIN),
             "it is received where it can be");
        received += rc == 1;
        must(breathe() == 0, "nobody cancels this one");
    }
    return VALUE(arg);
}

static intptr_t try_channel(size_t capacity)
{
    struct bide_call calls[] = {{wait_to_receive, NULL, 0},
                                {wait_to_send, NULL, 0}, {try_to_send, NULL, 0},
                                {try_to_receive, NULL, 0},
                                {wait_to_receive, NULL, 0}};
    sent = received = 0;
    bide_chan_init(&chan, capacity ? room : NULL, sizeof room[0], capacity);
    must(bide_chan_add_producers(&chan, 2) == 0, "it is open");
    strike_first(calls, LENGTH(calls));
    must(sent == received, "what was sent was received");
    return 0;
}

static intptr_t body_chan_try(void *arg)
{
    (void)arg;
    return try_channel(1);
}

static intptr_t body_chan_try_unbuffered(void *arg)
{
    (void)arg;
    return try_channel(0);
}

static intptr_t try_either(void *arg)
{
    int item;
    struct bide_chan_case cases[] = {{.chan = &chan, .recv = &item},
                                     {.chan = &other, .recv = &item}};
    for (int i = 0; i < TRIES; i++) {
        bool can = can_receive(&chan) || can_receive(&other) ||
                   bide_chan_closed(&chan);
        int rc = bide_chan_tryselect(cases, 2);
        must(can ? rc >= 0 : rc == -EAGAIN, "one is done where one can be");
        received += rc >= 0 && cases[rc].result == 1;
        must(breathe() == 0, "nobody cancels this one");
    }
    return VALUE(arg);
}

static intptr_t select_until_sent(void *arg)
{
    int item = 1, rc = 0;
    struct bide_chan_case cases[] = {{.chan = &chan, .send = &item},
                                     {.chan = &other, .send = &item}};
    for (int i = 0; i < TRIES && rc >= 0; i++) {
        rc = bide_chan_select(cases, 2);
        sent += rc >= 0;
    }
    must(bide_chan_producer_done(&chan) == 0, "a producer is done once");
    return arg || rc >= 0 ? 0 : rc;
}

/* The sends go to either channel; what the tries leave in the one that is not
 * closed is fetched at the end. */
static intptr_t body_select_try(void *arg)
{
    (void)arg;
    struct bide_call calls[] = {{select_until_sent, NULL, 0},
                                {try_either, NULL, 0},
                                {wait_to_receive, NULL, 0},
                                {try_either, NULL, 0}};
    int item;
    sent = received = 0;
    bide_chan_init(&chan, NULL, sizeof(int), 0);
    bide_chan_init(&other, room, sizeof(int), 1);
    must(bide_chan_add_producers(&chan, 1) == 0, "it is open");
    strike_first(calls, LENGTH(calls));
    while (bide_chan_tryrecv(&other, &item) == 1)
        received++;
    must(sent == received, "what was sent was received");
    return 0;
}

/* ---- A queue ------------------------------------------------------------ */

static struct bide_queue queue;

static intptr_t wait_to_get(void *arg)
{
    int item, rc;
    while ((rc = bide_queue_get(&queue, &item)) == 1) {
        received++;
        must(bide_queue_task_done(&queue) == 0, "what was got is finished");
    }
    return arg ? 0 : rc;
}

static intptr_t try_to_get(void *arg)
{
    int item;
    for (int i = 0; i < TRIES; i++) {
        bool can = can_receive(&queue.chan);
        bool closed = bide_chan_closed(&queue.chan);
        int rc = bide_queue_tryget(&queue, &item);
        must(rc == (can ? 1 : closed ? 0 : -EAGAIN),
             "it is got where it can be");
        received += rc == 1;
        if (rc == 1)
            must(bide_queue_task_done(&queue) == 0, "what was got is finished");
        must(breathe() == 0, "nobody cancels this one");
    }
    return VALUE(arg);
}

static intptr_t wait_to_put(void *arg)
{
    int item = 1, rc = 0;
    for (int i = 0; i < TRIES && rc == 0; i++) {
        rc = bide_queue_put(&queue, &item);
        sent += rc == 0;
    }
    must(rc != -ESHUTDOWN || bide_chan_closed(&queue.chan),
         "only a shutdown refuses");
    return arg || rc == -ESHUTDOWN ? 0 : rc;
}

static void drop(void *item, void *arg)
{
    must(*(int *)item == 1 && !arg, "an item is dropped as it was put in");
    received++;
}

static intptr_t try_to_put(void *arg)
{
    int item = 1;
    for (int i = 0; i < TRIES; i++) {
        bool can = can_send(&queue.chan);
        int rc = bide_queue_tryput(&queue, &item);
        must(rc == (can ? 0 : -EAGAIN), "it is put in where it can be");
        sent += rc == 0;
        must(breathe() == 0, "nobody cancels this one");
    }
    bide_queue_shutdown_now(&queue, drop, NULL);
    return VALUE(arg);
}

/* Who tries to put shuts the queue down: every item was got or is dropped. */
static intptr_t body_queue_try(void *arg)
{
    (void)arg;
    struct bide_call calls[] = {{wait_to_put, NULL, 0}, {try_to_put, NULL, 0},
                                {try_to_get, NULL, 0}, {wait_to_get, NULL, 0},
                                {wait_to_put, NULL, 0}};
    sent = received = 0;
    bide_queue_init(&queue, room, sizeof room[0], 1);
    strike_first(calls, LENGTH(calls));
    must(sent == received, "what was put in was got or dropped");
    must(bide_queue_unfinished(&queue) == 0, "all of it counts as finished");
    return bide_queue_join(&queue);
}

const struct body try_bodies[] = {
    {"mutex try", body_mutex_try},
    {"rwlock try", body_rwlock_try},
    {"sem try", body_sem_try},
    {"limiter resize", body_limiter_resize},
    {"chan try", body_chan_try},
    {"chan try direct", body_chan_try_unbuffered},
    {"select try", body_select_try},
    {"queue try", body_queue_try},
    {NULL, NULL},
};
