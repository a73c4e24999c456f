/* shield.c: a clean-up that has to wait, in a task that has been cancelled.
 *
 *     make examples && build/examples/shield
 *
 * A cancelled task is refused every wait, so that it leaves soon.  What must be
 * done on the way out, and takes time, stands in a shield.
 */
#include "expect.h"
#include <bide.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

static int say_goodbye(int fd)
{
    int rc = bide_sleep(BIDE_MS(5)); /* it takes a while */
    if (rc < 0)
        return rc;
    return bide_write_all(fd, "bye", 3) == 3 ? 0 : -EIO;
}

static intptr_t speaker(void *arg)
{
    int fd = *(int *)arg;
    int rc = bide_sleep_until(BIDE_FOREVER);
    expect(rc == -ECANCELED, "the task is cancelled while it sleeps");
    expect(say_goodbye(fd) == -ECANCELED, "without a shield it can say no bye");

    struct bide_scope s;
    bide_shield_open(&s, BIDE_SEC(10));
    expect(bide_cancel_code() == 0, "in the shield nothing is refused");
    intptr_t done = bide_scope_close(&s, say_goodbye(fd));
    expect(done == 0 && bide_cancel_code() == -ECANCELED,
           "the work in it was done; behind it the cancel is there again");

    bide_shield_open(&s, BIDE_MS(5));
    done = bide_scope_close(&s, bide_sleep(BIDE_SEC(3600)));
    expect(done == -ETIMEDOUT, "a shield does not hold longer than its grace");
    return rc;
}

static intptr_t run(void *arg)
{
    (void)arg;
    int ends[2];
    bide_task *t;
    intptr_t result;
    expect(pipe(ends) == 0, "a pipe");
    expect(bide_spawn(&t, speaker, &ends[1]) == 0 && bide_yield() == 0,
           "a task runs up to its first wait");
    bide_cancel(t);
    expect(bide_join(t, &result) == 0 && result == -ECANCELED,
           "it has ended, and says that it was cancelled");
    bide_release(t);
    char said[4] = "";
    expect(bide_read_all(ends[0], said, 3) == 3 && strcmp(said, "bye") == 0,
           "it said bye, once");
    bide_close(ends[0]);
    bide_close(ends[1]);
    return 0;
}

int main(void)
{
    return bide_run(run, NULL, NULL) == 0 ? 0 : 1;
}
