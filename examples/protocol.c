/* protocol.c: a protocol handler, tested without a network.
 *
 * A request is a byte that says how long it is and so many bytes; the answer is
 * the same in capitals.  A peer of few bytes at a time, a slow line, a reset
 * and a cancel at every moment are made here, and each finding is a seed.
 */
#include "expect.h"
#include <bide/test.h>
#include <ctype.h>
#include <errno.h>
#include <string.h>

static struct bide_sem clients; /* how many more may be served */

typedef ssize_t read_fn(int fd, void *buf, size_t len);

/* Answer one request: 1, 0 at the end of the stream, or an error. */
static ssize_t answer(int fd, read_fn *read_text)
{
    unsigned char text[256];
    ssize_t n = bide_read(fd, text, 1);
    if (n <= 0)
        return n;
    n = read_text(fd, text + 1, text[0]);
    if (n != text[0])
        return n < 0 ? n : -EPROTO;
    for (ssize_t i = 1; i <= n; i++)
        text[i] = (unsigned char)toupper(text[i]);
    ssize_t sent = bide_write_all(fd, text, (size_t)n + 1);
    return sent < 0 ? sent : sent == n + 1 ? 1 : -EPIPE;
}

static ssize_t serve(int fd, read_fn *read_text)
{
    ssize_t rc = bide_sem_acquire(&clients, 1);
    if (rc == 0) {
        while ((rc = answer(fd, read_text)) > 0)
            ;
        bide_sem_release(&clients, 1);
    }
    bide_close(fd);
    return rc;
}

static int handlers_end; /* of the pair */

static intptr_t serve_well(void *arg)
{
    (void)arg;
    return serve(handlers_end, bide_read_all);
}

/* The bug: one read may give less than was asked for. */
static intptr_t serve_badly(void *arg)
{
    (void)arg;
    return serve(handlers_end, bide_read);
}

/* ---- One talk over a link ----------------------------------------------- */

struct talk {
    struct bide_test_link link;
    bide_fn *handler;
    bool cut; /* it may fail, if it leaves its place to the next */
};

/* A client that asks once: 0 if the answer was right. */
static int ask(int fd)
{
    char text[6];
    ssize_t n = bide_write_all(fd, "\5hello", 6);
    if (n == 6)
        n = bide_read_all(fd, text, 6);
    bide_close(fd);
    return n == 6 && memcmp(text, "\5HELLO", 6) == 0 ? 0 : -EIO;
}

static intptr_t talk(void *arg)
{
    const struct talk *t = (const struct talk *)arg;
    int fds[2];
    bide_task *task;
    intptr_t result = 0;
    clients = (struct bide_sem){.count = 1};
    int rc = bide_test_pair(fds, &t->link);
    if (rc < 0)
        return rc;
    handlers_end = fds[1];
    rc = bide_spawn(&task, t->handler, NULL);
    if (rc < 0)
        return rc;
    bide_test_endanger(task);
    int answered = ask(fds[0]);
    bide_join(task, &result);
    bide_release(task);
    if (clients.count != 1)
        return -EBUSY;
    return t->cut ? 0 : result < 0 ? result : answered;
}

int main(void)
{
    struct talk smooth = {{0}, serve_badly, false};
    struct talk halting = {{.most_bytes = 4, .delay = BIDE_MS(30)},
                           serve_badly, false};
    expect(bide_test_run(talk, &smooth, NULL) == 0,
           "all at once, the handler that reads once does well");
    expect(bide_explore_with(200, talk, &halting, NULL) == -EPROTO,
           "a few bytes at a time, it is found out");
    halting.handler = serve_well;
    expect(bide_explore_with(200, talk, &halting, NULL) == 0,
           "the one that reads on is right under 200 schedules");
    struct talk reset = {{.reset_after = 4}, serve_well, true};
    expect(bide_explore_with(200, talk, &reset, NULL) == 0,
           "it leaves its place when the link is reset amid a request");
    halting.cut = true;
    expect(bide_cancel_sweep(talk, &halting, NULL) >= 0,
           "and when it is cancelled, at each moment");
    return 0;
}
