/* bodies_task.c: sleeping, tasks, groups and what is made of them. */
#include "cancel.h"

#include <bide/test.h>
#include <string.h>

#define FAMILY 4

/* Children that are counted, so that a close that returns too early is seen. */
static struct {
    unsigned begun, ended;
    bool done[FAMILY]; /* it came to its own end, uncancelled */
} family;

static intptr_t value_of(size_t i)
{
    return 40 + (intptr_t)i;
}

/* A child takes some turns, and when cancelled takes some more, in a shield. */
static intptr_t live(void *number)
{
    size_t i = (size_t)(intptr_t)number;
    intptr_t rc = 0;
    family.begun++;
    for (size_t k = 0; k <= i && rc == 0; k++)
        rc = bide_sleep(k & 1 ? BIDE_US(20) : 0);
    struct bide_scope shield = {0};
    bide_shield_open(&shield, BIDE_FOREVER);
    equal(bide_yield(), 0, "a shield holds");
    bide_scope_close(&shield, 0);
    family.ended++;
    if (rc < 0)
        return rc;
    family.done[i] = true;
    return value_of(i);
}

static void begin_family(void)
{
    memset(&family, 0, sizeof family);
}

static void nobody_outlives(const char *law)
{
    equal(family.ended, family.begun, law);
}

static void *number(size_t i)
{
    return (void *)(intptr_t)i;
}

/* ---- Time --------------------------------------------------------------- */

static intptr_t sleep_in_danger(void *unused)
{
    (void)unused;
    for (int i = 0; i < 4; i++) {
        bide_time end = bide_after(BIDE_US(30));
        int rc = i & 1 ? bide_sleep(BIDE_US(30)) : bide_sleep_until(end);
        if (rc < 0)
            return stopped(rc);
        holds(bide_now() >= end, "a sleep is slept to its end");
    }
    return 0;
}

static intptr_t yield_in_danger(void *unused)
{
    (void)unused;
    for (int i = 0; i < 4; i++) {
        int rc = i == 2 ? bide_sleep(0) : bide_yield();
        if (rc < 0)
            return stopped(rc);
    }
    return 0;
}

#define PERIOD BIDE_US(30)

/* A tick whose wait was refused is still to come. */
static intptr_t tick_in_danger(void *unused)
{
    struct bide_ticker t;
    bide_time begin = bide_now();
    int64_t missed = bide_ticker_init(&t, PERIOD, BIDE_MISSED_BURST);
    (void)unused;
    int ticks = 0;
    while (ticks < 4 && (missed = bide_ticker_wait(&t)) >= 0)
        holds(bide_now() >= begin + ++ticks * PERIOD, "a tick is in time");
    struct bide_scope shield = {0};
    bide_shield_open(&shield, BIDE_FOREVER);
    holds(bide_ticker_wait(&t) >= 0, "in a shield there is another tick");
    holds(bide_now() >= begin + ++ticks * PERIOD, "which is the next one");
    bide_scope_close(&shield, 0);
    return missed < 0 ? stopped((intptr_t)missed) : 0;
}

static intptr_t run_some_turns(void *unused)
{
    for (int i = 0; i < 6; i++)
        turn();
    return (intptr_t)unused;
}

static void beside_others(const struct choice *c)
{
    struct bide_group g = {0};
    bide_group_open(&g, BIDE_FAIL_FAST);
    beside(&g, run_some_turns, NULL);
    static bide_fn *const fns[] = {sleep_in_danger, yield_in_danger,
                                   tick_in_danger};
    endanger(fns[c->call], NULL);
    all_ended(&g);
}

/* ---- Rest --------------------------------------------------------------- */

static struct {
    struct bide_event go;
    bool busy;
} sibling;

static intptr_t work_and_rest(void *unused)
{
    sibling.busy = true;
    run_some_turns(unused);
    sibling.busy = false;
    return bide_event_wait(&sibling.go);
}

static intptr_t settle_in_danger(void *unused)
{
    (void)unused;
    for (int i = 0; i < 3; i++) {
        int rc = bide_test_settle(i * BIDE_US(20));
        if (rc < 0)
            return stopped(rc);
        holds(!sibling.busy, "all others wait");
    }
    return 0;
}

static void until_rest(const struct choice *unused)
{
    struct bide_group g = {0};
    (void)unused;
    memset(&sibling, 0, sizeof sibling);
    bide_group_open(&g, BIDE_FAIL_FAST);
    beside(&g, work_and_rest, NULL);
    endanger(settle_in_danger, NULL);
    bide_event_set(&sibling.go);
    all_ended(&g);
}

/* ---- Scopes in scopes --------------------------------------------------- */

static intptr_t shield_in_danger(void *unused)
{
    (void)unused;
    struct bide_scope shield = {0};
    bide_shield_open(&shield, BIDE_FOREVER);
    for (int i = 0; i < 3; i++)
        equal(bide_sleep(BIDE_US(20)), 0, "a shield keeps the cancel out");
    bide_scope_close(&shield, 0);
    int rc = bide_yield();
    return rc < 0 ? stopped(rc) : 0;
}

static intptr_t nest_in_danger(void *unused)
{
    (void)unused;
    struct bide_scope outer = {0}, inner = {0};
    bide_scope_open(&outer, bide_after(BIDE_SEC(100)));
    bide_scope_open(&inner, bide_after(BIDE_SEC(200)));
    int rc = bide_sleep(BIDE_US(20));
    holds(!bide_scope_fired(&inner), "a cancel from outside is not its own");
    bide_scope_close(&inner, rc);
    if (rc == 0)
        rc = bide_sleep(BIDE_US(20));
    bide_scope_close(&outer, rc);
    holds(!bide_scope_fired(&outer), "nor is it the outer one's");
    return rc < 0 ? stopped(rc) : 0;
}

static void scopes(const struct choice *c)
{
    endanger(c->call ? nest_in_danger : shield_in_danger, NULL);
}

/* ---- Tasks of others ---------------------------------------------------- */

enum { AWAIT, JOIN, GATHER_FAST, GATHER_ALL, WAIT_ALL, WAIT_FIRST, WAIT_ERROR };

struct others {
    bide_task *tasks[FAMILY];
    int call;
};

static intptr_t one_by_one(struct others *o)
{
    for (size_t i = 0; i < FAMILY; i++) {
        intptr_t result = -1;
        intptr_t rc = bide_join(o->tasks[i], &result);
        if (rc < 0) {
            equal(result, -1, "a refused join tells no result");
            return rc;
        }
        if (o->call == AWAIT && (result = bide_await(o->tasks[i])) < 0)
            return result;
        equal(result, value_of(i), "a task is joined with its result");
    }
    return 0;
}

static intptr_t all_in_one(struct others *o)
{
    static const enum bide_wait_mode modes[] = {
        [WAIT_ALL] = BIDE_ALL_COMPLETED, [WAIT_FIRST] = BIDE_FIRST_COMPLETED,
        [WAIT_ERROR] = BIDE_FIRST_ERROR};
    if (o->call >= WAIT_ALL)
        return bide_wait_tasks(o->tasks, FAMILY, modes[o->call]);
    intptr_t results[FAMILY];
    intptr_t rc = bide_gather_tasks(o->tasks, FAMILY, results,
                                    o->call == GATHER_FAST ? BIDE_FAIL_FAST
                                                           : BIDE_COLLECT);
    for (size_t i = 0; i < FAMILY && rc == 0; i++)
        equal(results[i], value_of(i), "a task is gathered with its result");
    return rc;
}

static intptr_t await_in_danger(void *arg)
{
    struct others *o = arg;
    intptr_t rc = o->call <= JOIN ? one_by_one(o) : all_in_one(o);
    return rc < 0 ? stopped(rc) : 0;
}

static void tasks_of_others(const struct choice *c)
{
    struct others o = {.call = c->call};
    struct bide_group g = {0};
    begin_family();
    bide_group_open(&g, BIDE_FAIL_FAST);
    for (size_t i = 0; i < FAMILY; i++)
        equal(bide_group_spawn_with(&g, &o.tasks[i], live, number(i), NULL), 0,
              "a task is there");
    endanger(await_in_danger, &o);
    for (size_t i = 0; i < FAMILY; i++) {
        equal(bide_await(o.tasks[i]), value_of(i),
              "whose waiter is cancelled runs on");
        bide_release(o.tasks[i]);
    }
    all_ended(&g);
    nobody_outlives("every task of others ended");
}

/* ---- Groups ------------------------------------------------------------- */

static intptr_t start_child(void *unused)
{
    (void)unused;
    family.begun++;
    intptr_t rc = bide_yield();
    bide_ready(7);
    if (rc == 0)
        rc = bide_sleep(BIDE_US(20));
    turn();
    family.ended++;
    return rc;
}

/* Close, and see that all have ended. */
static intptr_t close_family(struct bide_group *g, intptr_t rc)
{
    rc = bide_group_close(g, rc);
    nobody_outlives("a group closes when its last child has ended");
    return rc < 0 ? stopped(rc) : 0;
}

static intptr_t start_in_danger(void *unused)
{
    (void)unused;
    struct bide_group g = {0};
    intptr_t rc = 0;
    bide_group_open(&g, BIDE_FAIL_FAST);
    for (int i = 0; i < 3 && rc >= 0; i++) {
        unsigned alive = family.begun - family.ended;
        rc = bide_group_start(&g, start_child, NULL);
        if (rc >= 0)
            equal(rc, 7, "a start tells what the child is ready with");
        else
            holds(family.begun - family.ended <= alive,
                  "a child whose start was cancelled has ended");
    }
    return close_family(&g, rc < 0 ? rc : 0);
}

/* Ask for the ends of `g` until none is left; the refusal, or 0. */
static int take_ends(struct bide_group *g, unsigned *told)
{
    int rc;
    void *arg;
    intptr_t result;
    while ((rc = bide_group_next(g, &arg, &result)) > 0) {
        size_t i = (size_t)(intptr_t)arg;
        equal(told[i]++, 0, "an end is told once");
        equal(result >= 0, family.done[i], "an end is told as it was");
    }
    return rc;
}

static intptr_t next_in_danger(void *unused)
{
    (void)unused;
    struct bide_group g = {0};
    unsigned told[FAMILY] = {0};
    int rc = 0;
    bide_group_open(&g, BIDE_COLLECT);
    size_t n = 0;
    while (n < FAMILY && rc == 0)
        rc = bide_group_spawn(&g, live, number(n++));
    if (rc < 0)
        n--;
    else
        rc = take_ends(&g, told);
    struct bide_scope shield = {0};
    bide_shield_open(&shield, BIDE_FOREVER);
    equal(take_ends(&g, told), 0, "in a shield the rest is told");
    bide_scope_close(&shield, 0);
    for (size_t i = 0; i < n; i++)
        equal(told[i], 1, "no end is lost");
    return close_family(&g, rc);
}

static intptr_t close_in_danger(void *unused)
{
    (void)unused;
    struct bide_group g = {0};
    intptr_t rc = 0;
    bide_group_open(&g, BIDE_FAIL_FAST);
    for (size_t i = 0; i < FAMILY && rc == 0; i++)
        rc = bide_group_spawn(&g, live, number(i));
    if (rc == 0)
        rc = bide_yield();
    return close_family(&g, rc);
}

static void families(const struct choice *c)
{
    static bide_fn *const fns[] = {start_in_danger, next_in_danger,
                                   close_in_danger};
    begin_family();
    endanger(fns[c->call], NULL);
    nobody_outlives("nobody outlives the group");
}

/* ---- Combinators -------------------------------------------------------- */

enum { GATHER, COLLECT, BOUNDED, BOUNDED_COLLECT, RACE };

static intptr_t combine(int call, struct bide_call *calls)
{
    switch (call) {
    case GATHER:
        return bide_gather(calls, FAMILY, BIDE_FAIL_FAST);
    case COLLECT:
        return bide_gather(calls, FAMILY, BIDE_COLLECT);
    case BOUNDED:
        return bide_gather_bounded(calls, FAMILY, 2, BIDE_FAIL_FAST);
    case BOUNDED_COLLECT:
        return bide_gather_bounded(calls, FAMILY, 2, BIDE_COLLECT);
    default:
        return bide_race(calls, FAMILY);
    }
}

/* A call that was cancelled tells whose verdict it was; one that was never
 * started holds -ECANCELED. */
static bool is_refusal(intptr_t result)
{
    return result == -ECANCELED || result == -ETIMEDOUT;
}

static intptr_t combine_in_danger(void *arg)
{
    int call = *(int *)arg;
    struct bide_call calls[FAMILY];
    for (size_t i = 0; i < FAMILY; i++)
        calls[i] = (struct bide_call){live, number(i), -1};
    intptr_t rc = combine(call, calls);
    nobody_outlives("a combinator returns when all its calls have ended");
    for (size_t i = 0; i < FAMILY; i++)
        holds(family.done[i] ? calls[i].result == value_of(i)
                             : is_refusal(calls[i].result),
              "a slot holds what its call came to");
    for (size_t i = 0; i < FAMILY && rc == 0 && call != RACE; i++)
        holds(family.done[i], "success means that all calls were made");
    return rc < 0 ? stopped(rc) : 0;
}

static void combinators(const struct choice *c)
{
    int call = c->call;
    begin_family();
    endanger(combine_in_danger, &call);
}

void task_bodies(void)
{
    static const char *const others[] = {
        "await", "join", "gather_tasks.fast", "gather_tasks.collect",
        "wait_tasks.all", "wait_tasks.first", "wait_tasks.error"};
    static const char *const groups[] = {"group.start", "group.next",
                                         "group.close"};
    static const char *const combined[] = {
        "gather.fast", "gather.collect", "gather_bounded.fast",
        "gather_bounded.collect", "race"};

    add_body("sleep", beside_others, (struct choice){.call = 0});
    add_body("yield", beside_others, (struct choice){.call = 1});
    add_body("ticker", beside_others, (struct choice){.call = 2});
    add_body("settle", until_rest, (struct choice){0});
    add_body("shield", scopes, (struct choice){.call = 0});
    add_body("scopes", scopes, (struct choice){.call = 1});
    for (int i = 0; i <= WAIT_ERROR; i++)
        add_body(others[i], tasks_of_others, (struct choice){.call = i});
    for (int i = 0; i < 3; i++)
        add_body(groups[i], families, (struct choice){.call = i});
    for (int i = 0; i <= RACE; i++)
        add_body(combined[i], combinators, (struct choice){.call = i});
}
