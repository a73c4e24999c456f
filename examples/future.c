/* future.c: a value that comes once, and from a thread that is not ours.
 *
 *     make examples && build/examples/future
 */
#include "expect.h"
#include <bide.h>
#include <errno.h>
#include <threads.h>

/* What a thread of some library is given. */
struct question {
    bide_loop *loop; /* whom to tell */
    struct bide_future answer;
};

static int thread_of_a_library(void *arg)
{
    struct question *q = arg;
    if (bide_future_cancelled(&q->answer))
        return 0;
    return bide_future_post(q->loop, &q->answer, 42);
}

static intptr_t wait_for_it(void *future)
{
    return bide_future_wait(future);
}

static void hear(void *heard)
{
    *(bool *)heard = true;
}

static void answer_from_a_thread(void)
{
    thrd_t thread;
    bool heard = false;
    struct question q = {.loop = bide_loop_ref()};
    struct bide_callback call = {.fn = hear, .arg = &heard};
    struct bide_call waiters[] = {{wait_for_it, &q.answer, 0},
                                  {wait_for_it, &q.answer, 0}};
    bide_future_then(&q.answer, &call);
    expect(thrd_create(&thread, thread_of_a_library, &q) == thrd_success,
           "a thread was asked");
    expect(bide_gather(waiters, 2, BIDE_FAIL_FAST) == 0 &&
               waiters[0].result == 42 && waiters[1].result == 42,
           "both who waited have its answer");
    expect(heard && !bide_callback_remove(&call), "and the callback was made");
    expect(bide_future_set(&q.answer, 7) == -EALREADY,
           "a second answer is refused");
    thrd_join(thread, NULL);
    bide_loop_unref(q.loop);
}

static intptr_t run(void *arg)
{
    (void)arg;
    answer_from_a_thread();
    struct bide_future f = {0};
    expect(bide_future_trywait(&f) == -EAGAIN, "nobody has set this one");
    expect(bide_future_cancel(&f) && bide_future_done(&f) &&
               bide_future_wait(&f) == -ECHILD,
           "whoever waits for a cancelled one is told -ECHILD");
    return 0;
}

int main(void)
{
    return bide_run(run, NULL, NULL) == 0 ? 0 : 1;
}
