/* select.c: a task that listens to several channels at once.
 *
 *     make examples && build/examples/select
 *
 * Two workers send what they found; a third channel is a signal to stop.  How
 * long to wait in all is a scope's business, as everywhere.
 */
#include "expect.h"
#include <bide.h>
#include <errno.h>

#define FINDS 50

struct search {
    struct bide_chan left, right; /* two producers each may send here */
    struct bide_chan stop;        /* zeroed: a signal */
};

static intptr_t look(void *arg)
{
    int rc = 0;
    for (int i = 1; i <= FINDS && rc == 0; i++)
        rc = bide_chan_send(arg, &i);
    bide_chan_producer_done(arg);
    return rc;
}

/* Add up what comes until both channels have ended. */
static intptr_t collect(void *arg)
{
    struct search *search = arg;
    int item, open = 2, sum = 0;
    struct bide_chan_case cases[] = {{.chan = &search->left, .recv = &item},
                                     {.chan = &search->right, .recv = &item},
                                     {.chan = &search->stop}};
    while (open > 0) {
        int i = bide_chan_select(cases, 3);
        if (i < 0 || cases[i].chan == &search->stop)
            return i < 0 ? i : sum;
        if (cases[i].result == 1) {
            sum += item;
        } else { /* ended: an ended channel is always ready, so drop it */
            cases[i].chan = &search->stop;
            cases[i].recv = NULL;
            open--;
        }
    }
    return sum;
}

static intptr_t run(void *arg)
{
    struct search search = {0};
    (void)arg;
    bide_chan_init(&search.left, NULL, sizeof(int), 0);
    bide_chan_init(&search.right, NULL, sizeof(int), 0);
    if (bide_chan_add_producers(&search.left, 2) < 0 ||
        bide_chan_add_producers(&search.right, 1) < 0)
        return 1;
    struct bide_call calls[] = {{collect, &search, 0},
                                {look, &search.left, 0},
                                {look, &search.left, 0},
                                {look, &search.right, 0}};
    expect(bide_gather(calls, 4, BIDE_FAIL_FAST) == 0 &&
               calls[0].result == 3 * FINDS * (FINDS + 1) / 2,
           "three producers, two channels, one collector; nothing was lost");
    int item;
    struct bide_chan_case stopped[] = {{.chan = &search.left, .recv = &item},
                                       {.chan = &search.stop, .send = ""}};
    expect(bide_chan_tryselect(stopped, 2) == 0 && stopped[0].result == 0,
           "the channel has ended; nobody waits for the signal");
    expect(bide_chan_closed(&search.right) && bide_chan_len(&search.right) == 0,
           "the last producer of a channel closes it");
    bide_chan_abort(&search.stop, NULL, NULL);
    expect(bide_chan_tryselect(&stopped[1], 1) == 0 &&
               stopped[1].result == -EPIPE,
           "to send on a closed channel is refused");
    struct bide_chan_stats seen;
    bide_chan_stats(&search.left, &seen);
    expect(seen.sent == 2 * FINDS && bide_chan_capacity(&search.left) == 0,
           "a channel knows how much went through it");
    return 0;
}

int main(void)
{
    return bide_run(run, NULL, NULL) == 0 ? 0 : 1;
}
