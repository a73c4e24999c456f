/* tasks.c: the life of a task: start, wait, cancel, give the handle back.
 *
 *     make examples && build/examples/tasks
 */
#include "expect.h"
#include <bide.h>
#include <errno.h>

static intptr_t nap(void *arg)
{
    int rc = bide_sleep(BIDE_MS((intptr_t)arg));
    return rc < 0 ? rc : (intptr_t)arg;
}

static intptr_t wait_for_ever(void *arg)
{
    bide_set_name("patient");
    *(bide_task **)arg = bide_self();
    return bide_sleep_until(BIDE_FOREVER);
}

static void three_naps(void)
{
    bide_task *t[3];
    intptr_t results[3];
    for (intptr_t i = 0; i < 3; i++)
        expect(bide_spawn(&t[i], nap, (void *)(10 + 90 * i)) == 0,
               "a task was started; it runs at our next wait");
    expect(bide_wait_tasks(t, 3, BIDE_FIRST_COMPLETED) == 1 &&
               bide_task_done(t[0]) && !bide_task_done(t[2]),
           "the shortest nap is over, the longest is not");
    expect(bide_await(t[1]) == 100, "to await a task is to get its result");
    expect(bide_gather_tasks(t, 3, results, BIDE_FAIL_FAST) == 0 &&
               results[0] == 10 && results[2] == 190,
           "all three have ended; a handle may be asked again and again");
    for (int i = 0; i < 3; i++)
        bide_release(t[i]);
}

static void cancelled_task(void)
{
    bide_task *t, *seen = NULL;
    struct bide_spawn_options eager = {.name = "eager", .flags = BIDE_EAGER};
    int rc = bide_spawn_with(&t, wait_for_ever, &seen, &eager);
    expect(rc == 0 && seen == t, "an eager task has run up to its first wait");
    expect(bide_cancel(t), "it was alive when it was cancelled");
    intptr_t result;
    expect(bide_join(t, &result) == 0 && result == -ECANCELED,
           "join gives its result as it was: its wait was refused");
    expect(bide_await(t) == -ECHILD,
           "await says -ECHILD: it was cancelled, not I");
    bide_release(t);
}

static intptr_t run(void *arg)
{
    (void)arg;
    three_naps();
    cancelled_task();
    expect(bide_yield() == 0, "whoever does not wait should yield");
    return 0;
}

int main(void)
{
    return bide_run(run, NULL, NULL) == 0 ? 0 : 1;
}
