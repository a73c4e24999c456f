/* bodies_test.c: test runs: what they need of the kernel they have for one
 * schedule or for many, and the streams in their memory come and go.
 */
#include "body.h"

#include <bide/test.h>

/* Errors that nobody reads go to the sweep, and are no results of schedules. */
static struct bide_test_options options(void)
{
    return (struct bide_test_options){.run = body_options, .seed = "random.3"};
}

/* ---- One run ------------------------------------------------------------ */

static intptr_t sleep_an_hour(void *unused)
{
    (void)unused;
    return bide_sleep(BIDE_SEC(3600));
}

/* Nobody wakes while the clock stands still. */
static intptr_t advance_and_settle(void *unused)
{
    bide_task *sleeper;
    bide_time begin = bide_now();
    int rc = bide_spawn(&sleeper, sleep_an_hour, unused);
    if (rc < 0)
        return rc;
    rc = bide_test_settle(0);
    EXPECT(rc < 0 || !bide_task_done(sleeper));
    bide_test_advance(BIDE_SEC(4000));
    intptr_t slept = bide_await(sleeper);
    bide_release(sleeper);
    EXPECT(bide_now() >= begin + BIDE_SEC(4000));
    return rc < 0 ? rc : slept;
}

static intptr_t one_run(void *unused)
{
    struct bide_test_options opt = options();
    intptr_t rc = bide_test_run(advance_and_settle, unused, &opt);
    if (rc < 0)
        return rc;
    EXPECT(strcmp(bide_test_seed(), "random.3") == 0);
    EXPECT(bide_test_hash() != 0);
    return 0;
}

/* ---- Streams in memory -------------------------------------------------- */

static int ends[2];

static intptr_t write_to_pair(void *unused)
{
    (void)unused;
    intptr_t rc = write_pattern(ends[0], 300);
    int closed = bide_close(ends[0]);
    return rc < 0 ? rc : closed;
}

static intptr_t read_from_pair(void *unused)
{
    (void)unused;
    return read_pattern(ends[1], 300);
}

static intptr_t use_pair(void *unused)
{
    struct bide_test_link link = {.most_bytes = 90, .delay = BIDE_MS(2)};
    int rc = bide_test_pair(ends, &link);
    if (rc < 0)
        return rc;
    intptr_t moved = beside(write_to_pair, read_from_pair, unused);
    EXPECT(bide_test_reset(ends[1]) == 0);
    rc = bide_close(ends[1]);
    return moved < 0 ? moved : rc;
}

static intptr_t pair(void *unused)
{
    struct bide_test_options opt = options();
    return bide_test_run(use_pair, unused, &opt);
}

/* ---- Many runs ---------------------------------------------------------- */

static struct bide_chan chan;

static intptr_t send_one(void *unused)
{
    int item = 1;
    (void)unused;
    return bide_chan_send(&chan, &item);
}

static intptr_t receive_one(void *unused)
{
    int item = 0;
    (void)unused;
    int rc = bide_chan_recv(&chan, &item);
    EXPECT(rc < 0 || item == 1);
    return rc < 0 ? rc : 0;
}

static intptr_t pass_one(void *unused)
{
    bide_chan_init(&chan, NULL, sizeof(int), 0);
    return beside(send_one, receive_one, unused);
}

static intptr_t explore(void *unused)
{
    struct bide_test_options opt = {.run = body_options, .first = 7};
    intptr_t rc = bide_explore(5, pass_one);
    return rc < 0 ? rc : bide_explore_with(5, pass_one, unused, &opt);
}

static intptr_t sleep_and_pass(void *unused)
{
    int rc = bide_sleep(BIDE_MS(1));
    return rc < 0 ? 0 : pass_one(unused);
}

/* A body that is not broken by a cancel, but by a fault. */
static intptr_t endangered(void *unused)
{
    bide_task *t;
    int rc = bide_spawn(&t, sleep_and_pass, unused);
    if (rc < 0)
        return rc;
    bide_test_endanger(t);
    intptr_t result = bide_await(t);
    bide_release(t);
    return result == -ECHILD || result == -ECANCELED ? 0 : result;
}

static intptr_t cancel_sweep(void *unused)
{
    struct bide_test_options opt = {.run = body_options};
    intptr_t moments = bide_cancel_sweep(endangered, unused, &opt);
    EXPECT(moments < 0 || moments > 3);
    return moments < 0 ? moments : 0;
}

/* It bears its own faults, but not those of the sweep that it is swept by. */
static intptr_t fail_here(void *unused)
{
    (void)unused;
    (void)!bide_fault_point("here", -EIO);
    return 0;
}

static intptr_t fault_sweep(void *unused)
{
    struct bide_test_options opt = {.run = body_options};
    intptr_t moments = bide_fault_sweep(fail_here, unused, &opt);
    EXPECT(moments < 0 || moments == 2);
    return moments < 0 ? moments : 0;
}

const struct body bodies_test[] = {
    {"test_run", one_run, 0, OUTSIDE},
    {"test_pair", pair, 0, OUTSIDE},
    {"explore", explore, 0, OUTSIDE},
    {"cancel_sweep", cancel_sweep, 0, OUTSIDE},
    {"fault_sweep", fault_sweep, 0, OUTSIDE},
    {0},
};
