/* bodies_task.c: what belongs to single tasks: handles, scopes, shields,
 * locals, generators, tickers.
 */
#include "stress.h"

static int done, dropped;

static intptr_t give(void *value)
{
    int rc = breathe();
    done += rc == 0;
    return rc < 0 ? rc : VALUE(value);
}

/* ---- Waiting for tasks -------------------------------------------------- */

static void spawn_three(bide_task **tasks)
{
    static const intptr_t results[] = {1, -EIO, 3};
    done = 0;
    for (int i = 0; i < 3; i++)
        must(bide_spawn(&tasks[i], give, NUM(results[i])) == 0,
             "a task can be spawned");
}

static void release_three(bide_task **tasks)
{
    for (int i = 0; i < 3; i++) {
        intptr_t result;
        must(bide_join(tasks[i], &result) == 0, "a join succeeds");
        bide_release(tasks[i]);
    }
}

static intptr_t body_wait_tasks(void *arg)
{
    bide_task *tasks[3];
    (void)arg;
    spawn_three(tasks);
    int n = bide_wait_tasks(tasks, 3, BIDE_FIRST_COMPLETED);
    must(n >= 1 && n == done, "it tells how many have ended");
    n = bide_wait_tasks(tasks, 3, BIDE_FIRST_ERROR);
    must(n >= 1 && bide_task_done(tasks[1]), "the one with an error has ended");
    must(bide_wait_tasks(tasks, 3, BIDE_ALL_COMPLETED) == 3 && done == 3,
         "all have ended");
    release_three(tasks);
    return 0;
}

static intptr_t body_gather_tasks(void *arg)
{
    bide_task *tasks[3];
    intptr_t results[3];
    (void)arg;
    spawn_three(tasks);
    must(bide_gather_tasks(tasks, 3, results, BIDE_FAIL_FAST) == -EIO,
         "the failure is told");
    must(bide_gather_tasks(tasks, 3, results, BIDE_COLLECT) == 0 && done == 3 &&
             results[0] == 1 && results[1] == -EIO && results[2] == 3,
         "each has its own result");
    release_three(tasks);
    return 0;
}

static intptr_t give_named(void *value)
{
    bide_set_name("a task with a name of its own");
    int rc = bide_yield();
    done++;
    return rc < 0 ? rc : VALUE(value);
}

static bide_task *awaited;

static intptr_t await_it(void *arg)
{
    intptr_t rc = bide_await(awaited);
    must(rc == 5 ? done == 1 : !arg && rc == -ECANCELED,
         "an await comes to the result, after the end");
    return arg ? 0 : rc;
}

static intptr_t body_await(void *arg)
{
    struct bide_spawn_options opt = {.name = "awaited", .flags = BIDE_EAGER};
    struct bide_call calls[] = {{await_it, NULL, 0}, {await_it, NUM(1), 0},
                                {await_it, NUM(1), 0}};
    (void)arg;
    done = 0;
    must(bide_spawn_with(&awaited, give_named, NUM(5), &opt) == 0,
         "a task can be spawned");
    strike_first(calls, LENGTH(calls));
    must(done == 1 && bide_task_done(awaited), "it has ended once");
    bide_release(awaited);
    return 0;
}

/* ---- Scopes, deadlines and shields -------------------------------------- */

static struct bide_scope shared;

/* A cancel of the scope, its deadline and a cancel of the task, all at about
 * one moment. */
static intptr_t sleep_in_scope(void *arg)
{
    bide_time end = bide_after(BIDE_SEC(1));
    bide_scope_open(&shared, bide_after(BIDE_SEC(9)));
    must(bide_scope_set_deadline(&shared, end) == 0, "a deadline can be moved");
    must(bide_deadline() <= end, "the deadline in force is told");
    intptr_t rc = bide_sleep_until(BIDE_FOREVER);
    must(rc == bide_cancel_code(), "every wait is refused with one code");
    rc = bide_scope_close(&shared, rc);
    must(rc == -ECANCELED || rc == -ETIMEDOUT, "the verdict is one of the two");
    must(rc != -ETIMEDOUT || bide_now() >= end, "it is late at its deadline");
    must(bide_scope_fired(&shared) || bide_cancel_code() == -ECANCELED,
         "who has not fired passes the cancel on");
    done++;
    return arg ? 0 : rc;
}

static intptr_t cancel_scope(void *arg)
{
    int rc = bide_sleep(BIDE_SEC(1));
    bide_scope_cancel(&shared);
    return arg ? 0 : rc;
}

static intptr_t body_scope(void *arg)
{
    struct bide_call calls[] = {{sleep_in_scope, NULL, 0},
                                {cancel_scope, NULL, 0}};
    (void)arg;
    done = 0;
    shared = (struct bide_scope){0};
    strike_first(calls, 2);
    must(done == 1, "the sleep has come to its end");
    return 0;
}

static struct bide_chan chan;

static intptr_t send_at_a_second(void *arg)
{
    int item = 1, rc = bide_sleep(BIDE_SEC(1));
    if (rc == 0)
        rc = bide_chan_send(&chan, &item);
    done += rc == 0;
    return arg ? 0 : rc;
}

static intptr_t receive_within_a_second(void *arg)
{
    struct bide_scope scope = {0};
    int item;
    bide_scope_open(&scope, bide_after(BIDE_SEC(1)));
    intptr_t rc = bide_scope_close(&scope, bide_chan_recv(&chan, &item));
    must(rc == 1 || rc == -ETIMEDOUT || rc == -ECANCELED,
         "it was received, or too late");
    dropped += rc == 1;
    bide_chan_close(&chan);
    return arg ? 0 : rc;
}

/* A send and a deadline at one moment: the item is with one of the two. */
static intptr_t body_deadline(void *arg)
{
    struct bide_call calls[] = {{receive_within_a_second, NULL, 0},
                                {send_at_a_second, NULL, 0}};
    (void)arg;
    done = dropped = 0;
    bide_chan_init(&chan, NULL, sizeof(int), 0);
    strike_first(calls, 2);
    must(done == dropped, "what was sent was received");
    return 0;
}

static intptr_t clean_up_in_shield(void *arg)
{
    struct bide_scope shield = {0};
    int rc = breathe();
    bide_shield_open(&shield, BIDE_FOREVER);
    for (int i = 0; i < 3; i++)
        must(breathe() == 0, "nothing is refused in a shield");
    bide_scope_close(&shield, 0);
    must(rc == 0 || breathe() == rc, "a cancel still holds behind it");
    done++;
    return arg ? 0 : rc;
}

static intptr_t body_shield(void *arg)
{
    struct bide_call calls[] = {{clean_up_in_shield, NULL, 0},
                                {clean_up_in_shield, NULL, 0}};
    (void)arg;
    done = 0;
    strike_first(calls, 2);
    must(done == 2, "every clean-up came to its end");
    return 0;
}

/* ---- Locals and deferred calls ------------------------------------------ */

static void drop(void *value)
{
    dropped += (int)VALUE(value);
}

static struct bide_local own = {.drop = drop}, plain;

static void deferred(void *arg)
{
    must(bide_local_get(&plain) == arg, "a local holds to the last call");
    done++;
}

static intptr_t use_locals(void *value)
{
    must(bide_local_get(&plain) == NUM(9) && !bide_local_get(&own),
         "a plain local is inherited, an owned one is not");
    int rc = bide_local_set(&plain, value);
    if (rc == 0)
        rc = bide_local_set(&own, value);
    if (rc == 0)
        rc = bide_defer(deferred, value);
    must(rc == 0, "there is room for a local");
    rc = breathe();
    must(bide_local_get(&plain) == value, "a local is its task's");
    return rc;
}

static intptr_t body_local(void *arg)
{
    struct bide_call calls[] = {{use_locals, NUM(1), 0},
                                {use_locals, NUM(2), 0},
                                {use_locals, NUM(4), 0}};
    (void)arg;
    done = dropped = 0;
    must(bide_local_set(&plain, NUM(9)) == 0, "there is room for a local");
    strike_first(calls, 3);
    must(dropped == 7 && done == 3, "each is dropped, each call made, once");
    return 0;
}

/* ---- Generators and tickers --------------------------------------------- */

static intptr_t count_to_three(void *arg)
{
    int rc = 0;
    for (int i = 1; i <= 3 && rc == 0; i++) {
        rc = breathe();
        if (rc == 0)
            rc = bide_gen_yield(NUM(i));
    }
    done++;
    return arg ? 0 : rc;
}

static intptr_t ask_generator(void *arg)
{
    struct bide_gen g;
    void *value;
    int rc = bide_gen_open(&g, count_to_three, NULL), last = 0;
    if (rc < 0)
        return rc;
    while ((rc = bide_gen_next(&g, &value)) == 1)
        must(VALUE(value) == ++last, "the values come in order");
    must(rc < 0 || last == 3, "all values came");
    intptr_t result = bide_gen_close(&g);
    must(result == 0, "a closed generator has not failed");
    dropped++;
    return arg ? 0 : rc;
}

static intptr_t body_gen(void *arg)
{
    struct bide_call calls[] = {{ask_generator, NULL, 0},
                                {ask_generator, NULL, 0}};
    (void)arg;
    done = dropped = 0;
    strike_first(calls, 2);
    must(done == dropped, "every generator has ended");
    return 0;
}

static intptr_t tick_three_times(void *arg)
{
    struct bide_ticker t;
    bide_time begin = bide_now();
    if (bide_ticker_init(&t, BIDE_MS(10), BIDE_MISSED_SKIP) < 0)
        return -EPROTO;
    for (int i = 1; i <= 3; i++) {
        int64_t missed = bide_ticker_wait(&t);
        if (missed < 0)
            return (intptr_t)missed;
        must(missed == 0 && bide_now() == begin + i * BIDE_MS(10),
             "it ticks in time");
    }
    done++;
    return VALUE(arg);
}

static intptr_t body_ticker(void *arg)
{
    struct bide_call calls[] = {{tick_three_times, NULL, 0},
                                {tick_three_times, NULL, 0}};
    (void)arg;
    done = 0;
    strike_first(calls, 2);
    must(done >= 1, "who was not cancelled has had all ticks");
    return 0;
}

const struct body task_bodies[] = {
    {"wait tasks", body_wait_tasks},
    {"gather tasks", body_gather_tasks},
    {"await", body_await},
    {"scope", body_scope},
    {"deadline", body_deadline},
    {"shield", body_shield},
    {"local", body_local},
    {"gen", body_gen},
    {"ticker", body_ticker},
    {NULL, NULL},
};
