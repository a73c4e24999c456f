/* bodies_task.c: tasks, their stacks, and what can end them. */
#include "body.h"

static intptr_t spawn_and_await(void *unused)
{
    (void)unused;
    bide_task *t;
    intptr_t rc = bide_spawn(&t, give, NUM(7));
    if (rc < 0)
        return rc;
    EXPECT(!bide_task_done(t));
    rc = bide_await(t);
    EXPECT(rc == 7 && bide_task_done(t));
    bide_release(t);
    return 0;
}

static intptr_t spawn_eager(void *unused)
{
    (void)unused;
    struct bide_spawn_options opt = {.name = "eager", .flags = BIDE_EAGER,
                                     .stack_bytes = 1 << 20};
    bide_task *t;
    intptr_t rc = bide_spawn_with(&t, give, NUM(7), &opt), result;
    if (rc < 0)
        return rc;
    EXPECT(bide_task_done(t));
    EXPECT(bide_join(t, &result) == 0 && result == 7);
    bide_release(t);
    return 0;
}

/* More than have their guards made ahead, and than a slab has room for. */
enum { MANY = 260 };

static intptr_t count_up(void *count)
{
    ++*(int *)count;
    return 0;
}

static intptr_t spawn_many(void *unused)
{
    (void)unused;
    int count = 0, spawned = 0;
    intptr_t rc = 0;
    while (rc == 0 && spawned < MANY) {
        rc = bide_spawn(NULL, count_up, &count);
        spawned += rc == 0;
    }
    while (count < spawned)
        EXPECT(bide_yield() == 0);
    return rc;
}

/* A size of stack that needs a slab of its own. */
static intptr_t spawn_large(void *bytes)
{
    struct bide_spawn_options opt = {.stack_bytes = (size_t)bytes};
    bide_task *t;
    intptr_t rc = bide_spawn_with(&t, give, NULL, &opt);
    if (rc < 0)
        return rc;
    rc = bide_await(t);
    bide_release(t);
    return rc;
}

/* One that is refused for the limit on tasks leaves nothing. */
static intptr_t beyond_the_limit(void *unused)
{
    (void)unused;
    intptr_t rc = bide_spawn(NULL, give, NULL);
    if (rc < 0)
        return rc;
    rc = bide_spawn(NULL, give, NULL);
    EXPECT(rc < 0);
    bide_yield();
    return rc == -EAGAIN ? 0 : rc;
}

static intptr_t task_limit(void *unused)
{
    (void)unused;
    struct bide_options opt = body_options;
    opt.task_limit = 2;
    return bide_run(beyond_the_limit, NULL, &opt);
}

static intptr_t cancel_and_join(void *unused)
{
    (void)unused;
    bide_task *t;
    intptr_t rc = bide_spawn(&t, sleep_for_ever, NULL), result = 0;
    if (rc < 0)
        return rc;
    bide_yield();
    EXPECT(bide_cancel(t));
    EXPECT(bide_await(t) == -ECHILD);
    EXPECT(bide_join(t, &result) == 0 && result == -ECANCELED);
    EXPECT(!bide_cancel(t));
    bide_release(t);
    return 0;
}

static intptr_t join_times_out(void *task)
{
    return bide_join(task, NULL);
}

static intptr_t a_join_that_gives_up(void *unused)
{
    (void)unused;
    bide_task *t;
    intptr_t rc = bide_spawn(&t, sleep_for_ever, NULL);
    if (rc < 0)
        return rc;
    EXPECT(within(BIDE_MS(3), join_times_out, t) == -ETIMEDOUT);
    bide_cancel(t);
    EXPECT(bide_join(t, NULL) == 0);
    bide_release(t);
    return 0;
}

/* ---- Scopes ------------------------------------------------------------- */

static intptr_t sleeping(void *unused)
{
    (void)unused;
    EXPECT(bide_sleep(BIDE_MS(1)) == 0);
    EXPECT(bide_sleep(0) == 0);
    EXPECT(bide_sleep(-1) == -EINVAL);
    EXPECT(bide_sleep_until(bide_after(BIDE_US(10))) == 0);
    return 0;
}

static intptr_t deadlines(void *unused)
{
    struct bide_scope s = {0};
    bide_scope_open(&s, BIDE_FOREVER);
    EXPECT(bide_deadline() == BIDE_FOREVER);
    EXPECT(bide_scope_set_deadline(&s, bide_after(BIDE_MS(1))) == 0);
    intptr_t rc = sleep_for_ever(unused);
    EXPECT(rc == -ETIMEDOUT && bide_cancel_code() == -ETIMEDOUT);
    EXPECT(bide_scope_close(&s, rc) == -ETIMEDOUT && bide_scope_fired(&s));
    return 0;
}

/* Cleaning up behind a shield takes its time, and no more than that. */
static intptr_t clean_up(void *unused)
{
    struct bide_scope s = {0};
    intptr_t rc = sleep_for_ever(unused);
    bide_shield_open(&s, BIDE_MS(2));
    int short_one = bide_sleep(BIDE_US(1));
    int long_one = bide_sleep(BIDE_SEC(1));
    bide_scope_close(&s, 0);
    EXPECT(short_one == 0 && long_one == -ETIMEDOUT);
    return rc;
}

static intptr_t shields(void *unused)
{
    (void)unused;
    bide_task *t;
    intptr_t rc = bide_spawn(&t, clean_up, NULL), result;
    if (rc < 0)
        return rc;
    bide_yield();
    bide_cancel(t);
    EXPECT(bide_join(t, &result) == 0 && result == -ECANCELED);
    bide_release(t);
    return 0;
}

static intptr_t cancelled_scope(void *unused)
{
    struct bide_scope s = {0};
    bide_scope_cancel(&s);
    bide_scope_open(&s, BIDE_FOREVER);
    intptr_t rc = sleep_for_ever(unused);
    EXPECT(rc == -ECANCELED && bide_yield() == -ECANCELED);
    EXPECT(bide_scope_close(&s, rc) == -ECANCELED);
    EXPECT(bide_yield() == 0);
    return 0;
}

const struct body bodies_task[] = {
    {"spawn_and_await", spawn_and_await, 0, INSIDE},
    {"spawn_eager", spawn_eager, 0, INSIDE},
    {"spawn_many", spawn_many, 0, INSIDE},
    {"spawn_small", spawn_large, 16 << 10, INSIDE},
    {"spawn_large", spawn_large, 64 << 20, INSIDE},
    {"task_limit", task_limit, 0, OUTSIDE},
    {"cancel_and_join", cancel_and_join, 0, INSIDE},
    {"a_join_that_gives_up", a_join_that_gives_up, 0, INSIDE},
    {"sleeping", sleeping, 0, INSIDE},
    {"deadlines", deadlines, 0, INSIDE},
    {"shields", shields, 0, INSIDE},
    {"cancelled_scope", cancelled_scope, 0, INSIDE},
    {0},
};
