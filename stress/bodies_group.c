/* bodies_group.c: groups and combinators: everybody has ended when they return,
 * and the result is the one that was promised.
 */
#include "stress.h"

static int alive, ended, most;
static intptr_t first_failure;

static void begin(void)
{
    alive = ended = most = 0;
    first_failure = 0;
}

static intptr_t end_with(intptr_t result)
{
    alive--;
    ended++;
    if (result < 0 && result != -ECANCELED && !first_failure)
        first_failure = result;
    return result;
}

/* Take two breaths, or be cancelled, and end with the argument. */
static intptr_t work(void *result)
{
    if (++alive > most)
        most = alive;
    for (int i = 0; i < 2; i++) {
        int rc = breathe();
        if (rc < 0)
            return end_with(rc);
    }
    return end_with(VALUE(result));
}

static intptr_t body_group_fail_fast(void *arg)
{
    struct bide_group g;
    (void)arg;
    begin();
    bide_group_open(&g, BIDE_FAIL_FAST);
    int spawned = 0;
    intptr_t results[] = {0, -EIO, -EPERM, 3};
    for (size_t i = 0; i < LENGTH(results); i++)
        spawned += bide_group_spawn(&g, work, NUM(results[i])) == 0;
    intptr_t rc = bide_group_close(&g, 0);
    must(spawned == 4 && ended == 4 && alive == 0, "all children have ended");
    must(rc == first_failure && rc < 0, "the first failure is the result");
    must(bide_group_cancelled(&g), "a failure has cancelled the others");
    struct bide_error errors[2];
    size_t n = bide_group_errors(&g, errors, 2);
    must(n >= 1 && n <= 2 && errors[0].code == rc, "and is told first");
    return 0;
}

static intptr_t cancel_group(void *group)
{
    bide_group_cancel((struct bide_group *)group);
    return 0;
}

static intptr_t body_group_cancel(void *arg)
{
    struct bide_group g;
    bide_task *task;
    (void)arg;
    begin();
    bide_group_open(&g, BIDE_COLLECT);
    int spawned = 0;
    for (int i = 0; i < 3; i++)
        spawned += bide_group_spawn(&g, work, NUM(i)) == 0;
    if (bide_group_spawn_with(&g, &task, cancel_group, &g, NULL) == 0)
        bide_release(task);
    int rc = breathe();
    spawned += rc == 0 && bide_group_spawn(&g, work, NUM(9)) == 0;
    must(bide_group_close(&g, rc) == 0, "a cancel of its own is no failure");
    must(ended == spawned && alive == 0, "who was spawned has run and ended");
    return 0;
}

static intptr_t body_group_next(void *arg)
{
    struct bide_group g;
    void *child;
    intptr_t result;
    unsigned told = 0;
    int rc, order = 0;
    (void)arg;
    begin();
    bide_group_open(&g, BIDE_COLLECT);
    for (int i = 0; i < 4; i++)
        must(bide_group_spawn(&g, work, NUM(i)) == 0, "a child is spawned");
    while ((rc = bide_group_next(&g, &child, &result)) == 1) {
        must(!(told & 1u << VALUE(child)), "no end is told twice");
        must(result == VALUE(child), "the result is the child's own");
        must(++order <= ended, "who is told has ended");
        told |= 1u << VALUE(child);
    }
    must(rc == 0 && told == 15, "every end is told");
    return bide_group_close(&g, 0);
}

static intptr_t become_ready(void *arg)
{
    int rc = breathe();
    if (rc < 0)
        return rc;
    bide_ready(VALUE(arg));
    return work(NULL);
}

static intptr_t start_one(void *arg)
{
    struct bide_group g;
    bide_group_open(&g, BIDE_FAIL_FAST);
    intptr_t value = bide_group_start(&g, become_ready, NUM(5));
    must(value == 5 || value == -ECANCELED, "a start comes to the value");
    must(value == 5 || alive == 0, "who is not ready has ended");
    intptr_t rc = bide_group_close(&g, value);
    must(alive == 0, "the group has ended");
    return arg ? 0 : rc;
}

static intptr_t body_group_start(void *arg)
{
    struct bide_call calls[] = {{start_one, NULL, 0}};
    (void)arg;
    begin();
    strike_first(calls, 1);
    return 0;
}

/* ---- Combinators -------------------------------------------------------- */

static intptr_t body_gather(void *arg)
{
    struct bide_call calls[] = {{work, NUM(1), 0}, {work, NUM(-EIO), 0},
                                {work, NUM(3), 0}, {work, NUM(-EPERM), 0}};
    (void)arg;
    begin();
    intptr_t rc = bide_gather(calls, 4, BIDE_FAIL_FAST);
    must(rc == first_failure && alive == 0, "the first failure is told");
    begin();
    must(bide_gather(calls, 4, BIDE_COLLECT) == 0 && ended == 4, "all ended");
    must(calls[0].result == 1 && calls[1].result == -EIO &&
             calls[2].result == 3 && calls[3].result == -EPERM,
         "each slot has its own result");
    return 0;
}

static intptr_t gather_some(void *arg)
{
    struct bide_call calls[] = {{work, NUM(1), 0}, {work, NUM(2), 0},
                                {work, NUM(3), 0}, {work, NUM(4), 0}};
    intptr_t rc = bide_gather_bounded(calls, 4, 2, BIDE_FAIL_FAST);
    must(most <= 2, "no more run than may");
    must(alive == 0, "all calls have ended");
    must(rc == 0 ? ended == 4 : rc == -ECANCELED, "all were made, or refused");
    return arg ? 0 : rc;
}

static intptr_t body_gather_bounded(void *arg)
{
    struct bide_call calls[] = {{gather_some, NULL, 0}};
    (void)arg;
    begin();
    strike_first(calls, 1);
    return 0;
}

static intptr_t body_race(void *arg)
{
    struct bide_call calls[] = {{work, NUM(-EIO), 0}, {work, NUM(2), 0},
                                {work, NUM(3), 0}};
    (void)arg;
    begin();
    intptr_t rc = bide_race(calls, 3);
    must(rc == 1 || rc == 2, "a success wins");
    must(rc < 1 || calls[rc].result == rc + 1, "its slot holds its result");
    must(alive == 0 && ended == 3, "the others have ended");
    return 0;
}

static intptr_t body_race_staggered(void *arg)
{
    struct bide_call calls[] = {{work, NUM(-EIO), 0}, {work, NUM(-EPERM), 0},
                                {work, NUM(3), 0}};
    (void)arg;
    begin();
    must(bide_race_staggered(calls, 3, BIDE_MS(1)) == 2,
         "the next begins when one has failed");
    must(alive == 0 && ended == 3 && most <= 2, "they began one by one");
    return 0;
}

static intptr_t body_hedge(void *arg)
{
    (void)arg;
    begin();
    must(bide_hedge(work, NUM(4), 3, 0) == 4, "a hedged call has its answer");
    must(alive == 0, "the other attempts have ended");
    return 0;
}

const struct body group_bodies[] = {
    {"group fail fast", body_group_fail_fast},
    {"group cancel", body_group_cancel},
    {"group next", body_group_next},
    {"group start", body_group_start},
    {"gather", body_gather},
    {"gather bounded", body_gather_bounded},
    {"race", body_race},
    {"race staggered", body_race_staggered},
    {"hedge", body_hedge},
    {NULL, NULL},
};
