/* echo.c: what does a request cost a server of tasks?
 *
 * Two servers, a task a connection, each with a buffer on its stack as a user
 * would write it.  They never return; who measures them ends them, and reads
 * from the kernel's books what processor time they took.
 */
#include "http.h"
#include "questions.h"

#include <bide.h>
#include <errno.h>

#define BUFFER_BYTES ((size_t)16 << 10)
#define LIFE BIDE_SEC(300) /* should nobody be left to end it */

static intptr_t echo(void *arg)
{
    int sock = (int)(intptr_t)arg;
    char buf[BUFFER_BYTES];
    ssize_t n, sent = 0;
    while (sent >= 0 && (n = bide_read(sock, buf, sizeof buf)) > 0)
        sent = bide_write_all(sock, buf, (size_t)n);
    bide_close(sock);
    return 0;
}

/* Answer what whole requests there are.  Negative: that is the end. */
static ssize_t answer(int sock, char *buf, size_t *have)
{
    int whole;
    ssize_t sent = 0;
    while (sent >= 0 && (whole = http_take(buf, have)) != 0)
        sent = whole < 0 ? -EPROTO
                         : bide_write_all(sock, http_answer, http_answer_bytes);
    return sent;
}

static intptr_t http(void *arg)
{
    int sock = (int)(intptr_t)arg;
    char buf[HTTP_REQUEST_MAX];
    size_t have = 0;
    ssize_t n, sent = 0;
    while (sent >= 0 && have < sizeof buf &&
           (n = bide_read(sock, buf + have, sizeof buf - have)) > 0) {
        have += (size_t)n;
        sent = answer(sock, buf, &have);
    }
    bide_close(sock);
    return 0;
}

static int serve(bide_fn *client)
{
    struct bide_scope life = {0};
    int sock, listener = bench_listen();
    bide_scope_open(&life, bide_after(LIFE));
    while ((sock = bide_accept(listener, NULL, NULL)) >= 0) {
        bench_no_delay(sock);
        void *arg = (void *)(intptr_t)sock;
        bench_check(bide_spawn(NULL, client, arg) == 0, "spawn");
    }
    return (int)bide_scope_close(&life, sock);
}

double ask_echo(long n)
{
    (void)n;
    return serve(echo);
}

double ask_http(long n)
{
    (void)n;
    return serve(http);
}
