/* channel.c: tasks hand things to each other: channel, mutex, event.
 *
 *     make examples && build/examples/channel
 *
 * One thread runs all of them and a task is only left where it waits, so plain
 * variables need no lock, unless they must stay as they are over a wait.
 */
#include "expect.h"
#include <bide.h>
#include <errno.h>

#define NUMBERS 100

struct shop {
    struct bide_chan orders;
    struct bide_mutex till;
    struct bide_event closed;
    int room[4]; /* of the channel */
    int sum, served;
};

static intptr_t producer(void *arg)
{
    struct shop *shop = arg;
    for (int i = 1; i <= NUMBERS; i++) {
        int rc = bide_chan_send(&shop->orders, &i); /* waits for room */
        if (rc < 0)
            return rc;
    }
    bide_chan_close(&shop->orders);
    return 0;
}

/* Read the sum, be away for a moment, write it: that needs the lock. */
static intptr_t consumer(void *arg)
{
    struct shop *shop = arg;
    int order, rc;
    while ((rc = bide_chan_recv(&shop->orders, &order)) == 1) {
        rc = bide_mutex_lock(&shop->till);
        if (rc < 0)
            return rc;
        int sum = shop->sum;
        rc = bide_yield();
        shop->sum = sum + order;
        bide_mutex_unlock(&shop->till);
        if (rc < 0)
            return rc;
    }
    if (++shop->served == 3)
        bide_event_set(&shop->closed);
    return rc;
}

static intptr_t watcher(void *arg)
{
    struct shop *shop = arg;
    int rc = bide_event_wait(&shop->closed);
    return rc < 0 ? rc : shop->sum;
}

static void trade(void)
{
    struct shop shop = {0};
    bide_chan_init(&shop.orders, shop.room, sizeof(int), 4);
    struct bide_call calls[] = {{watcher, &shop, 0},  {consumer, &shop, 0},
                                {consumer, &shop, 0}, {consumer, &shop, 0},
                                {producer, &shop, 0}};
    expect(bide_gather(calls, 5, BIDE_FAIL_FAST) == 0 &&
               calls[0].result == NUMBERS * (NUMBERS + 1) / 2,
           "one producer, three consumers, a watcher; no number was lost");
}

/* The forms that never wait. */
static intptr_t run(void *arg)
{
    (void)arg;
    trade();
    int item = 7, slot[1];
    struct bide_chan c;
    bide_chan_init(&c, slot, sizeof item, 1);
    expect(bide_chan_tryrecv(&c, &item) == -EAGAIN, "there is no item");
    expect(bide_chan_trysend(&c, &item) == 0 &&
               bide_chan_trysend(&c, &item) == -EAGAIN,
           "there is room for one");
    bide_chan_close(&c);
    expect(bide_chan_recv(&c, &item) == 1 && bide_chan_recv(&c, &item) == 0,
           "a closed channel is drained, then it is at its end");
    struct bide_mutex m = {0};
    expect(bide_mutex_trylock(&m) == 0 && bide_mutex_trylock(&m) == -EDEADLK,
           "a lock knows its owner");
    bide_mutex_unlock(&m);
    struct bide_event e = {0};
    bide_event_set(&e);
    expect(bide_event_is_set(&e), "an event stays set");
    bide_event_clear(&e);
    expect(!bide_event_is_set(&e), "until it is cleared");
    return 0;
}

int main(void)
{
    return bide_run(run, NULL, NULL) == 0 ? 0 : 1;
}
