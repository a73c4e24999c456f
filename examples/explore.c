/* explore.c: three bugs of order, each found under some schedule and replayed.
 *
 *     make examples && build/examples/explore
 *
 * None of them shows when the program is simply run.  bide_explore() tries
 * schedule after schedule and prints the seed of one that breaks the body; with
 * a bug's name behind it this program is what such a line asks to be run:
 *
 *     BIDE_SEED=first.0 BIDE_TRACE=1 build/examples/explore lost_update
 */
#include "expect.h"
#include <bide/test.h>
#include <errno.h>
#include <string.h>

static struct bide_mutex log_lock;

/* Looks as if it never waited: the lock is free.  But others may come in. */
static int write_log(void)
{
    int rc = bide_mutex_lock(&log_lock);
    return rc < 0 ? rc : bide_mutex_unlock(&log_lock);
}

/* ---- A lost update: the log comes between the reading and the writing ---- */

static int balance;

static intptr_t deposit(void *arg)
{
    (void)arg;
    int seen = balance;
    int rc = write_log();
    balance = seen + 100;
    return rc;
}

static intptr_t lost_update(void *arg)
{
    (void)arg;
    struct bide_call calls[] = {{deposit, NULL, 0}, {deposit, NULL, 0}};
    balance = 0;
    intptr_t rc = bide_gather(calls, 2, BIDE_FAIL_FAST);
    return rc < 0 || balance == 200 ? rc : -EPROTO;
}

/* ---- A lost wake-up: the bell is stopped after it may have rung --------- */

static struct bide_event bell;
static bool full;

static intptr_t put(void *arg)
{
    (void)arg;
    full = true;
    bide_event_set(&bell);
    return 0;
}

static intptr_t take(void *arg)
{
    (void)arg;
    int rc = 0;
    if (!full) {
        rc = write_log();
        bide_event_clear(&bell); /* it should be clear before the look */
        if (rc == 0)
            rc = bide_event_wait(&bell);
    }
    full = false;
    return rc;
}

static intptr_t lost_wakeup(void *arg)
{
    (void)arg;
    struct bide_call calls[] = {{put, NULL, 0}, {take, NULL, 0}};
    bell = (struct bide_event){0};
    full = false;
    return bide_gather(calls, 2, BIDE_FAIL_FAST);
}

/* ---- An order that nothing holds: who is spawned first runs first ------- */

static const char *greeting;

static intptr_t configure(void *arg)
{
    greeting = (const char *)arg;
    return 0;
}

static intptr_t greet(void *arg)
{
    (void)arg;
    return greeting ? (intptr_t)strlen(greeting) : -EFAULT;
}

static intptr_t wrong_order(void *arg)
{
    (void)arg;
    char hello[] = "hello";
    struct bide_call calls[] = {{configure, hello, 0}, {greet, NULL, 0}};
    greeting = NULL;
    return bide_gather(calls, 2, BIDE_FAIL_FAST);
}

/* ---- Found, and replayed ------------------------------------------------ */

static const struct bug {
    const char *name;
    bide_fn *body;
    intptr_t result;
} bugs[] = {
    {"lost_update", lost_update, -EPROTO},
    {"lost_wakeup", lost_wakeup, -EDEADLK},
    {"wrong_order", wrong_order, -EFAULT},
};

static void find(const struct bug *bug)
{
    char seed[64];
    printf("%s:\n", bug->name);
    expect(bide_run(bug->body, NULL, NULL) >= 0, "a plain run shows nothing");
    expect(bide_explore(1000, bug->body) == bug->result,
           "a thousand schedules show it");
    snprintf(seed, sizeof seed, "%s", bide_test_seed());
    uint64_t hash = bide_test_hash();
    struct bide_test_options again = {.seed = seed};
    expect(bide_test_run(bug->body, NULL, &again) == bug->result &&
               bide_test_hash() == hash,
           "the seed shows it again, step for step");
}

int main(int argc, char **argv)
{
    for (size_t i = 0; i < sizeof bugs / sizeof bugs[0]; i++)
        if (argc < 2)
            find(&bugs[i]);
        else if (strcmp(argv[1], bugs[i].name) == 0)
            return bide_explore(1000, bugs[i].body) < 0;
    return 0;
}
