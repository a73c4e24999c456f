/* select.c: what does a select over eight channels cost?
 *
 * With N at 1 an item lies in one of them, another one each time; with N at 0
 * the select waits until another task sends to one.  The send and the switches
 * are in the figure.
 */
#include "questions.h"

#include <bide.h>

enum { CHANNELS = 8 };

static struct bide_chan chans[CHANNELS];
static long places[CHANNELS];

static int send_next(long i)
{
    return bide_chan_send(&chans[i * 5 % CHANNELS], &i);
}

static intptr_t send_all(void *unused)
{
    int rc = 0;
    (void)unused;
    for (long i = 0; i < BENCH_MESSAGES && rc == 0; i++)
        rc = send_next(i);
    return rc;
}

/* Receive from whichever channel has the item. */
static void receive_next(struct bide_chan_case *cases, const long *item, long i)
{
    int at = bide_chan_select(cases, CHANNELS);
    bench_check(at >= 0 && cases[at].result == 1 && *item == i, "select");
}

double ask_select(long n)
{
    struct bide_chan_case cases[CHANNELS];
    struct bide_group g = {0};
    long item;
    for (int i = 0; i < CHANNELS; i++) {
        bide_chan_init(&chans[i], n ? &places[i] : NULL, sizeof item,
                       n ? 1 : 0);
        cases[i] = (struct bide_chan_case){.chan = &chans[i], .recv = &item};
    }
    bide_group_open(&g, BIDE_FAIL_FAST);
    int64_t began = bench_cpu();
    if (!n)
        bench_check(bide_group_spawn(&g, send_all, NULL) == 0, "spawn");
    for (long i = 0; i < BENCH_MESSAGES; i++) {
        if (n)
            bench_check(send_next(i) == 0, "send");
        receive_next(cases, &item, i);
    }
    int64_t ended = bench_cpu();
    bench_check(bide_group_close(&g, 0) == 0, "close");
    return (double)(ended - began) / BENCH_MESSAGES;
}
