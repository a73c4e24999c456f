/* gather.c: several calls at once, and what is done when one fails.
 *
 *     make examples && build/examples/gather
 *
 * A call not made yet is a function and its argument; a slot for its result
 * stands beside them.
 */
#include "expect.h"
#include <bide.h>
#include <errno.h>

/* Sleep `arg` ms and return that; 13 brings bad luck. */
static intptr_t work(void *arg)
{
    intptr_t ms = (intptr_t)arg;
    int rc = bide_sleep(BIDE_MS(ms));
    return rc < 0 ? rc : ms == 13 ? -EIO : ms;
}

static void prepare(struct bide_call calls[3], intptr_t a, intptr_t b,
                    intptr_t c)
{
    calls[0] = (struct bide_call){work, (void *)a, 0};
    calls[1] = (struct bide_call){work, (void *)b, 0};
    calls[2] = (struct bide_call){work, (void *)c, 0};
}

static intptr_t run(void *arg)
{
    (void)arg;
    struct bide_call c[3];

    prepare(c, 30, 20, 10);
    bide_time start = bide_now();
    expect(bide_gather(c, 3, BIDE_FAIL_FAST) == 0 && c[0].result == 30 &&
               c[1].result == 20 && c[2].result == 10,
           "three calls at once, each result in its slot");
    expect(bide_now() - start >= BIDE_MS(30), "in the time of the longest");

    prepare(c, 13, 500, 500);
    expect(bide_gather(c, 3, BIDE_FAIL_FAST) == -EIO &&
               c[1].result == -ECANCELED && c[2].result == -ECANCELED,
           "fail fast: a failure cancels the others and is the result");

    prepare(c, 13, 20, 30);
    expect(bide_gather(c, 3, BIDE_COLLECT) == 0 && c[0].result == -EIO &&
               c[1].result == 20 && c[2].result == 30,
           "collect: a failure is one slot's, and the others go on");

    prepare(c, 10, 10, 10);
    start = bide_now();
    expect(bide_gather_bounded(c, 3, 1, BIDE_FAIL_FAST) == 0 &&
               bide_now() - start >= BIDE_MS(30),
           "bounded: one at a time, and so three times as long");

    prepare(c, 500, 13, 20);
    expect(bide_race(c, 3) == 2 && c[2].result == 20 &&
               c[0].result == -ECANCELED,
           "race: the first success is slot 2, and the rest is cancelled");
    return 0;
}

int main(void)
{
    return bide_run(run, NULL, NULL) == 0 ? 0 : 1;
}
