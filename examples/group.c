/* group.c: tasks that cannot outlive the block that starts them.
 *
 *     make examples && build/examples/group
 *
 * The close of a group returns when every child has ended, whatever happened.
 */
#include "expect.h"
#include <bide.h>
#include <errno.h>
#include <string.h>

/* Sleep `arg` ms and return that; from 100 on, fail. */
static intptr_t work(void *arg)
{
    intptr_t ms = (intptr_t)arg;
    int rc = bide_sleep(BIDE_MS(ms % 100));
    return rc < 0 ? rc : ms < 100 ? ms : -EIO;
}

/* A service says when it is ready, and then goes on. */
static intptr_t service(void *arg)
{
    (void)arg;
    int rc = bide_sleep(BIDE_MS(1));
    if (rc < 0)
        return rc;
    bide_ready(8080);
    return bide_sleep_until(BIDE_FOREVER);
}

static void in_order_of_ending(void)
{
    struct bide_group g;
    bide_group_open(&g, BIDE_FAIL_FAST);
    for (intptr_t ms = 30; ms > 0; ms -= 10)
        expect(bide_group_spawn(&g, work, (void *)ms) == 0, "a child");
    void *arg;
    intptr_t result, last = 0;
    while (bide_group_next(&g, &arg, &result) == 1) {
        expect(result > last && arg == (void *)result, "the next to end");
        last = result;
    }
    expect(bide_group_close(&g, last) == 30, "the close passes our result on");
}

static void first_failure(void)
{
    struct bide_group g;
    bide_task *slow;
    struct bide_spawn_options opt = {.name = "broken"};
    bide_group_open(&g, BIDE_FAIL_FAST);
    int rc = bide_group_spawn_with(&g, &slow, work, (void *)99, NULL);
    if (rc == 0)
        rc = bide_group_spawn_with(&g, NULL, work, (void *)101, &opt);
    expect(rc == 0, "one child sleeps 99 ms, another fails after 1");
    expect(bide_group_close(&g, 0) == -EIO, "the group fails with its code");
    expect(bide_await(slow) == -ECHILD && bide_group_cancelled(&g),
           "the other child was cancelled, and has ended");
    struct bide_error e;
    expect(bide_group_errors(&g, &e, 1) == 1 && e.code == -EIO &&
               strcmp(e.task, "broken") == 0,
           "the group knows who failed");
    bide_release(slow);
}

static void until_ready(void)
{
    struct bide_group g;
    bide_group_open(&g, BIDE_FAIL_FAST);
    expect(bide_group_start(&g, service, NULL) == 8080,
           "start returns when the child is ready, with what it says");
    bide_group_cancel(&g);
    expect(bide_group_close(&g, 0) == 0, "whoever cancels a group is not told");
}

static intptr_t run(void *arg)
{
    (void)arg;
    in_order_of_ending();
    first_failure();
    until_ready();
    return 0;
}

int main(void)
{
    return bide_run(run, NULL, NULL) == 0 ? 0 : 1;
}
