/* hedge.c: ask again when the answer is late, and never ask too many at once.
 *
 *     make examples && build/examples/hedge
 *
 * A server is slow once in a while.  A hedged call asks a second time after a
 * delay, and takes the first answer; the other attempt is cancelled.  A limiter
 * bounds what is asked at once; a ticker paces it.
 */
#include "expect.h"
#include <bide.h>

static struct bide_limiter limiter = {.total = 2};
static int asked;

static intptr_t ask_server(void *question)
{
    struct bide_token token = {0};
    int rc = bide_limiter_acquire(&limiter, &token);
    if (rc < 0)
        return rc;
    bool slow = ++asked == 1; /* the first of all hangs */
    rc = bide_sleep(slow ? BIDE_SEC(3600) : BIDE_MS(1));
    bide_limiter_release(&limiter, &token);
    return rc < 0 ? rc : (intptr_t)question + 1;
}

static intptr_t primary(void *unused)
{
    (void)unused;
    return -111; /* it refuses */
}

static intptr_t run(void *arg)
{
    (void)arg;
    expect(bide_hedge(ask_server, (void *)41, 3, BIDE_MS(5)) == 42,
           "the second attempt has answered");
    expect(asked == 2, "a third was not needed");

    struct bide_call calls[] = {{primary, NULL, 0},
                                {ask_server, (void *)41, 0}};
    expect(bide_race_staggered(calls, 2, BIDE_SEC(60)) == 1,
           "the first place refused, so the second was asked at once");

    bide_limiter_resize(&limiter, 8);
    struct bide_lock_info info;
    bide_limiter_info(&limiter, &info);
    expect(info.holders == 0, "everything was given back");
    static struct bide_token token;
    expect(bide_limiter_tryacquire(&limiter, &token) == 0 &&
               bide_limiter_release(&limiter, &token) == 0,
           "where there is room, nobody waits");

    struct bide_ticker ticker;
    expect(bide_ticker_init(&ticker, BIDE_MS(2), BIDE_MISSED_SKIP) == 0 &&
               bide_ticker_wait(&ticker) >= 0 && bide_ticker_wait(&ticker) >= 0,
           "two ticks, 2 ms apart");
    return 0;
}

int main(void)
{
    return bide_run(run, NULL, NULL) == 0 ? 0 : 1;
}
