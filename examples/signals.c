/* signals.c: a server's signals: reload on SIGHUP, end on SIGTERM or SIGINT.
 *
 *     build/examples/signals stay &    then kill -HUP and kill -TERM it
 */
#include "expect.h"
#include <bide.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

static int reloads;

/* What the program is there for; a cancel ends it. */
static intptr_t serve(void *unused)
{
    (void)unused;
    return bide_sleep_until(BIDE_FOREVER);
}

/* A task as any other: what it does for a signal may wait. */
static intptr_t watch_signals(void *group)
{
    const int wanted[] = {SIGHUP, SIGTERM, SIGINT};
    bide_signals *signals;
    siginfo_t info;
    int rc = bide_signals_open(&signals, wanted, 3);
    if (rc < 0)
        return rc;
    bide_ready(0);
    while ((rc = bide_signals_next(signals, &info)) == SIGHUP)
        printf("  reload %d, asked for by %s\n", ++reloads,
               info.si_pid == getpid() ? "ourselves" : "somebody else");
    bide_signals_close(signals);
    if (rc > 0)
        bide_group_cancel(group);
    return rc < 0 ? rc : 0;
}

static intptr_t run(void *stay)
{
    struct bide_group g = {0};
    bide_group_open(&g, BIDE_FAIL_FAST);
    intptr_t rc = bide_group_start(&g, watch_signals, &g);
    if (rc == 0)
        rc = bide_group_spawn(&g, serve, NULL);
    if (rc == 0 && !stay) {
        kill(getpid(), SIGHUP); /* by hand, to show it */
        bide_sleep(BIDE_MS(1));
        kill(getpid(), SIGTERM);
    }
    return bide_group_close(&g, rc);
}

int main(int argc, char **argv)
{
    bool stay = argc > 1 && strcmp(argv[1], "stay") == 0;
    expect(bide_run(run, stay ? &stay : NULL, NULL) == 0, "it ended well");
    expect(stay || reloads == 1, "and had reloaded once before");
    return 0;
}
