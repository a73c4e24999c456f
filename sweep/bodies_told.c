/* bodies_told.c: what locks, channels and their kin tell of themselves, and the
 * calls that never wait: none of them goes near the kernel, faults or not.
 */
#include "body.h"

static struct bide_lock_info info;

/* ---- Locks -------------------------------------------------------------- */

static struct bide_mutex mutex;
static struct bide_rwlock rwlock;
static struct bide_cond cond;
static struct bide_event event;
static struct bide_sem sem;
static struct bide_countdown countdown;

static intptr_t look_at_locks(void *unused)
{
    (void)unused;
    mutex = (struct bide_mutex){0};
    rwlock = (struct bide_rwlock){0};
    EXPECT(bide_mutex_trylock(&mutex) == 0);
    bide_mutex_info(&mutex, &info);
    EXPECT(info.owner == bide_self() && info.holders == 1);
    EXPECT(bide_mutex_unlock(&mutex) == 0);
    EXPECT(bide_rwlock_tryrdlock(&rwlock) == 0);
    bide_rwlock_info(&rwlock, &info);
    EXPECT(info.owner == bide_self() && info.holders == 1);
    EXPECT(bide_rwlock_unlock(&rwlock) == 0);
    return bide_yield();
}

static intptr_t wait_for_cond(void *unused)
{
    (void)unused;
    int rc = bide_mutex_lock(&mutex);
    if (rc < 0)
        return rc;
    rc = bide_cond_wait(&cond, &mutex);
    EXPECT(bide_mutex_unlock(&mutex) == 0);
    return rc;
}

static intptr_t wait_for_the_rest(void *unused)
{
    (void)unused;
    int rc = bide_event_wait(&event);
    if (rc == 0)
        rc = bide_sem_acquire(&sem, 1);
    if (rc == 0)
        rc = bide_countdown_wait(&countdown);
    return rc;
}

static void begin_waits(void)
{
    mutex = (struct bide_mutex){0};
    cond = (struct bide_cond){0};
    event = (struct bide_event){0};
    sem = (struct bide_sem){0};
    countdown = (struct bide_countdown){.count = 1};
}

/* Look at each while somebody waits there, and let that one go on. */
static intptr_t look_and_free(void *unused)
{
    (void)unused;
    int rc = bide_yield();
    if (rc < 0)
        return rc;
    bide_cond_info(&cond, &info);
    bide_cond_broadcast(&cond);
    bide_event_info(&event, &info);
    bide_event_set(&event);
    rc = bide_yield();
    bide_sem_info(&sem, &info);
    EXPECT(rc < 0 || info.waiters == 1);
    EXPECT(bide_sem_release(&sem, 1) == 0);
    if (rc == 0)
        rc = bide_yield();
    bide_countdown_info(&countdown, &info);
    EXPECT(rc < 0 || info.waiters == 1);
    EXPECT(bide_countdown_done(&countdown) == 0);
    return rc;
}

static intptr_t look_at_waits(void *unused)
{
    begin_waits();
    struct bide_call calls[] = {{wait_for_cond, unused, 0},
                                {wait_for_the_rest, unused, 0},
                                {look_and_free, unused, 0}};
    return bide_gather(calls, 3, BIDE_FAIL_FAST);
}

/* ---- Barriers and once -------------------------------------------------- */

static struct bide_barrier barrier;
static struct bide_once once;

static intptr_t be_sent_away(void *unused)
{
    (void)unused;
    int rc = bide_barrier_wait(&barrier);
    EXPECT(rc < 0);
    return rc == -ENOTRECOVERABLE ? 0 : rc;
}

static intptr_t send_away(void *aborts)
{
    int rc = bide_yield();
    bide_barrier_info(&barrier, &info);
    (aborts ? bide_barrier_abort : bide_barrier_reset)(&barrier);
    EXPECT(rc < 0 || info.waiters == 1);
    return rc;
}

static intptr_t barrier_is_given_up(void *aborts)
{
    barrier = (struct bide_barrier){.count = 2};
    return beside(be_sent_away, send_away, aborts);
}

static intptr_t look_inside(void *unused)
{
    (void)unused;
    bide_once_info(&once, &info);
    EXPECT(info.owner == bide_self());
    return 0;
}

static intptr_t once_is_told(void *unused)
{
    once = (struct bide_once){0};
    return bide_once(&once, look_inside, unused);
}

/* ---- Channels, queues, futures ------------------------------------------ */

static struct bide_chan chan;
static int places[2], dropped;

static void note_drop(void *item, void *arg)
{
    (void)arg;
    dropped += *(int *)item;
}

static intptr_t look_at_channel(void *unused)
{
    struct bide_chan_stats stats;
    int three = 3;
    struct bide_chan_case send = {.chan = &chan, .send = &three};
    (void)unused;
    dropped = 0;
    bide_chan_init(&chan, places, sizeof(int), 2);
    EXPECT(bide_chan_add_producers(&chan, 2) == 0);
    EXPECT(bide_chan_trysend(&chan, &three) == 0);
    EXPECT(bide_chan_tryselect(&send, 1) == 0 && send.result == 0);
    EXPECT(bide_chan_tryselect(&send, 1) == -EAGAIN);
    bide_chan_stats(&chan, &stats);
    EXPECT(stats.items == 2 && stats.producers == 2 && stats.sent == 2);
    EXPECT(bide_chan_len(&chan) == 2 && bide_chan_capacity(&chan) == 2);
    EXPECT(bide_chan_producer_done(&chan) == 0 && !bide_chan_closed(&chan));
    EXPECT(bide_chan_producer_done(&chan) == 0 && bide_chan_closed(&chan));
    bide_chan_abort(&chan, note_drop, NULL);
    EXPECT(dropped == 6 && bide_chan_len(&chan) == 0);
    return bide_yield();
}

static bool less(const void *a, const void *b)
{
    return *(const int *)a < *(const int *)b;
}

static intptr_t look_at_queue(void *by_priority)
{
    static uint64_t room[BIDE_PRIORITY_BYTES(sizeof(int), 2) / 8];
    static struct bide_queue queue;
    int item = 3;
    dropped = 0;
    if (by_priority)
        bide_queue_init_priority(&queue, room, sizeof item, 2, less);
    else
        bide_queue_init(&queue, room, sizeof item, 2);
    EXPECT(bide_queue_tryput(&queue, &item) == 0);
    item = 1;
    EXPECT(bide_queue_tryput(&queue, &item) == 0);
    EXPECT(bide_queue_tryput(&queue, &item) == -EAGAIN);
    EXPECT(bide_queue_tryget(&queue, &item) == 1);
    EXPECT(item == (by_priority ? 1 : 3));
    EXPECT(bide_queue_task_done(&queue) == 0);
    bide_queue_shutdown_now(&queue, note_drop, NULL);
    EXPECT(dropped == (by_priority ? 3 : 1));
    return bide_queue_join(&queue);
}

static struct bide_future future;
static int calls_made;

static void count_call(void *unused)
{
    (void)unused;
    calls_made++;
}

static intptr_t future_calls(void *unused)
{
    static struct bide_callback call, taken_back;
    (void)unused;
    future = (struct bide_future){0};
    call = taken_back = (struct bide_callback){.fn = count_call};
    calls_made = 0;
    bide_future_then(&future, &call);
    bide_future_then(&future, &taken_back);
    EXPECT(bide_callback_remove(&taken_back));
    EXPECT(bide_future_trywait(&future) == -EAGAIN);
    EXPECT(bide_future_set(&future, 7) == 0 && bide_future_done(&future));
    EXPECT(bide_future_trywait(&future) == 7);
    EXPECT(!bide_future_cancelled(&future));
    int rc = bide_sleep(BIDE_MS(1));
    EXPECT(rc < 0 || calls_made == 1);
    return rc;
}

const struct body bodies_told[] = {
    {"look_at_locks", look_at_locks, 0, INSIDE},
    {"look_at_waits", look_at_waits, 0, INSIDE},
    {"barrier_is_reset", barrier_is_given_up, false, INSIDE},
    {"barrier_is_aborted", barrier_is_given_up, true, INSIDE},
    {"once_is_told", once_is_told, 0, INSIDE},
    {"look_at_channel", look_at_channel, 0, INSIDE},
    {"look_at_queue", look_at_queue, false, INSIDE},
    {"look_at_priorities", look_at_queue, true, INSIDE},
    {"future_calls", future_calls, 0, INSIDE},
    {0},
};
