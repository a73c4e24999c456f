/* timeout.c: a deadline stands around code, not inside a call.
 *
 *     make examples && build/examples/timeout
 *
 * A scope is opened around any number of calls.  Once it has fired, each call
 * in it that would wait is refused, so the code in between just leaves.
 */
#include "expect.h"
#include <bide.h>
#include <errno.h>
#include <unistd.h>

static void late(int fd)
{
    char c;
    struct bide_scope s;
    bide_scope_open(&s, bide_after(BIDE_MS(10)));
    ssize_t n = bide_read(fd, &c, 1);
    expect(n == -ETIMEDOUT, "nothing came: the read was taken back");
    expect(bide_read(fd, &c, 1) == -ETIMEDOUT &&
               bide_cancel_code() == -ETIMEDOUT && bide_deadline() == 0,
           "and so will be every other wait in the scope");
    expect(bide_scope_close(&s, n) == -ETIMEDOUT && bide_scope_fired(&s),
           "the scope says that it was its own deadline");
    expect(bide_cancel_code() == 0, "after the close we may wait again");
}

static void in_time(int fd)
{
    char c = 0;
    struct bide_scope s;
    bide_time first = bide_after(BIDE_SEC(30)), later = first + BIDE_SEC(30);
    bide_scope_open(&s, first);
    expect(bide_deadline() == first, "a deadline in force can be asked for");
    expect(bide_scope_set_deadline(&s, later) == 0 && bide_deadline() == later,
           "and moved");
    ssize_t n = bide_read(fd, &c, 1);
    expect(bide_scope_close(&s, n) == 1 && c == 'x' && !bide_scope_fired(&s),
           "the byte came in time: the close passes the result on");
}

static intptr_t press_stop(void *arg)
{
    bide_scope_cancel(arg);
    return 0;
}

static void stopped(int fd)
{
    char c;
    struct bide_scope outer, inner;
    bide_scope_open(&outer, BIDE_FOREVER);
    bide_scope_open(&inner, bide_after(BIDE_SEC(30)));
    expect(bide_spawn(NULL, press_stop, &outer) == 0,
           "another task is about to cancel the outer scope");
    intptr_t n = bide_scope_close(&inner, bide_read(fd, &c, 1));
    expect(n == -ECANCELED && !bide_scope_fired(&inner),
           "the inner one was cut, but that was not its doing");
    expect(bide_scope_close(&outer, n) == -ECANCELED &&
               bide_scope_fired(&outer),
           "it was the outer one's, and there it ends");
}

static intptr_t run(void *arg)
{
    (void)arg;
    int ends[2];
    expect(pipe(ends) == 0, "a pipe");
    late(ends[0]);
    expect(bide_write(ends[1], "x", 1) == 1, "a byte is written");
    in_time(ends[0]);
    stopped(ends[0]);
    bide_close(ends[0]);
    bide_close(ends[1]);
    return 0;
}

int main(void)
{
    return bide_run(run, NULL, NULL) == 0 ? 0 : 1;
}
