/* chan.c: what does a message from task to task cost?
 *
 * One sends, one receives, eight bytes each, through a channel with room for N
 * of them; with 0 every send waits for its receiver.
 */
#include "questions.h"

#include <bide.h>

static char ring[1024 * sizeof(long)];

static intptr_t send_all(void *arg)
{
    int rc = 0;
    for (long i = 0; i < BENCH_MESSAGES && rc == 0; i++)
        rc = bide_chan_send(arg, &i);
    bide_chan_close(arg);
    return rc;
}

double ask_chan(long n)
{
    struct bide_chan c;
    struct bide_group g;
    long item, got = 0;
    bench_check((size_t)n <= sizeof ring / sizeof(long), "room");
    bide_chan_init(&c, n ? ring : NULL, sizeof item, (size_t)n);
    bide_group_open(&g, BIDE_FAIL_FAST);
    int64_t began = bench_cpu();
    bench_check(bide_group_spawn(&g, send_all, &c) == 0, "spawn");
    while (bide_chan_recv(&c, &item) == 1)
        got++;
    int64_t ended = bench_cpu();
    bench_check(bide_group_close(&g, 0) == 0 && got == BENCH_MESSAGES, "chan");
    return (double)(ended - began) / BENCH_MESSAGES;
}
