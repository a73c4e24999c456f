/* canary.c: late writes of the kernel, looked for with canaries.
 *
 * A task waits for bytes, with the buffer on its stack; it is cancelled, or its
 * descriptor is closed, and it ends.  The next task gets that stack and fills
 * it with canaries; then bytes are sent to the old descriptor.  If the kernel
 * still had the buffer, a canary would be dead now, and the bytes be lost: they
 * must be found, all of them, at a duplicate of the descriptor.
 *
 * Here nobody is endangered in the sweep's sense, so that a body has one run
 * for each way and moment; a run has ROUNDS rounds.
 */
#include "cancel.h"
#include "ends.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define ROUNDS 100
#define BUFFER 2000
#define NEST 12000
#define CANARY 0xc5

struct round {
    int mine, kept, theirs; /* mine and kept are one end */
    uintptr_t buffer;       /* where it was */
    bool covered;           /* by the nest */
    bool early;             /* the bytes come before the end */
};

enum { CANCELS, CLOSES };

static const char bytes[] = "the kernel has not let go of this buffer";

/* ---- Two tasks, one stack ----------------------------------------------- */

static intptr_t wait_for_bytes(void *arg)
{
    struct round *round = arg;
    unsigned char room[3 * BUFFER], *buffer = room + BUFFER;
    round->buffer = (uintptr_t)buffer;
    return bide_read(round->mine, buffer, BUFFER);
}

static intptr_t nest_there(void *arg)
{
    struct round *round = arg;
    volatile unsigned char nest[NEST];
    size_t dead = 0;
    for (size_t i = 0; i < NEST; i++)
        nest[i] = CANARY;
    round->covered = (uintptr_t)nest <= round->buffer &&
                     round->buffer + BUFFER <= (uintptr_t)nest + NEST;
    if (!round->early)
        equal(write(round->theirs, bytes, sizeof bytes), sizeof bytes,
              "bytes are sent");
    for (int i = 0; i < 4; i++)
        turn();
    for (size_t i = 0; i < NEST; i++)
        dead += nest[i] != CANARY;
    equal((long)dead, 0, "all canaries live");
    return 0;
}

/* ---- A round ------------------------------------------------------------ */

/* End the wait of `task`; what it came to. */
static intptr_t end_wait(struct round *round, bide_task *task, int how)
{
    intptr_t result = 0;
    if (round->early)
        equal(write(round->theirs, bytes, sizeof bytes), sizeof bytes,
              "bytes are sent");
    if (how == CANCELS)
        bide_cancel(task);
    else
        equal(bide_close(round->mine), 0, "a descriptor can be closed");
    equal(bide_join(task, &result), 0, "its task ends");
    if (result < 0)
        equal(result, how == CANCELS ? -ECANCELED : -EBADF,
              "a wait that was ended tells why");
    bide_release(task);
    return result;
}

static void count_bytes(const struct round *round, intptr_t taken)
{
    char found[sizeof bytes] = "";
    ssize_t n = read(round->kept, found, sizeof found);
    if (taken <= 0) {
        equal(n, sizeof bytes, "bytes that nobody took are there");
        holds(n < 0 || memcmp(found, bytes, sizeof bytes) == 0, "as sent");
    } else {
        equal(taken, sizeof bytes, "bytes are taken whole");
        holds(n < 0, "and once");
    }
}

static void start(bide_fn *fn, void *arg, bide_task **task)
{
    equal(bide_spawn(task, fn, arg), 0, "a task is there");
}

static void play(struct round *round, int how, int turns)
{
    bide_task *task;
    start(wait_for_bytes, round, &task);
    for (int i = 0; i < turns; i++)
        turn();
    intptr_t taken = end_wait(round, task, how);
    start(nest_there, round, &task);
    equal(bide_join(task, NULL), 0, "the nest is left");
    bide_release(task);
    holds(round->covered || turns == 0, "the nest lies where the buffer was");
    must(fcntl(round->kept, F_SETFL, O_NONBLOCK), "it is asked without a wait");
    count_bytes(round, taken);
}

static void watch(const struct choice *c)
{
    for (int i = 0; i < ROUNDS; i++) {
        int ends[2];
        open_ends((enum medium)c->medium, ends);
        struct round round = {.mine = ends[0], .kept = dup(ends[0]),
                              .theirs = ends[1], .early = i % 4 == 3};
        play(&round, c->call, i % 3);
        close(round.theirs);
        close(round.kept);
        if (c->call == CANCELS)
            equal(bide_close(round.mine), 0, "a descriptor can be closed");
    }
}

void canary_bodies(void)
{
    static const char *const how[] = {"cancel", "close"};
    char name[40];
    for (int medium = PIPE; medium <= UNIX; medium++)
        for (int i = 0; i < 2; i++) {
            snprintf(name, sizeof name, "canary.%s.%s", media[medium].name,
                     how[i]);
            add_body(name, watch, (struct choice){medium, i, false});
        }
}
