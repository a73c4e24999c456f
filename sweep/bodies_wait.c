/* bodies_wait.c: locks, events, channels: beside the stacks of the tasks that
 * meet there, nothing of the kernel's is in them.
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
    {"channel_rendezvous", channel, 0, INSIDE},
    {"channel_buffered", channel, 4, INSIDE},
    {"channel_times_out", channel_times_out, 0, INSIDE},
    {0},
};
