/* bodies_group.c: several tasks as one. */
#include "body.h"

static intptr_t give_late(void *value)
{
    int rc = bide_yield();
    return rc < 0 ? rc : (intptr_t)value;
}

static intptr_t fail_late(void *code)
{
    int rc = bide_yield();
    return rc < 0 ? rc : -(intptr_t)code;
}

/* ---- Groups ------------------------------------------------------------- */

static intptr_t children_fail(void *policy)
{
    struct bide_group g;
    bide_group_open(&g, (enum bide_policy)(intptr_t)policy);
    intptr_t rc = bide_group_spawn(&g, fail_late, NUM(ENOTTY));
    if (rc == 0)
        rc = bide_group_spawn(&g, give_late, NUM(1));
    bool made = rc == 0;
    rc = bide_group_close(&g, rc);
    if (!made)
        return rc;
    struct bide_error e;
    EXPECT(bide_group_errors(&g, &e, 1) == 1 && e.code == -ENOTTY);
    EXPECT(rc == ((intptr_t)policy == BIDE_FAIL_FAST ? -ENOTTY : 0));
    return 0;
}

static intptr_t group_is_cancelled(void *unused)
{
    struct bide_group g;
    (void)unused;
    bide_group_open(&g, BIDE_FAIL_FAST);
    intptr_t rc = bide_group_spawn(&g, sleep_for_ever, NULL);
    if (rc == 0) {
        bide_yield();
        bide_group_cancel(&g);
        rc = bide_group_spawn(&g, give, NULL) == -ECANCELED ? 0 : -EPROTO;
    }
    rc = bide_group_close(&g, rc);
    EXPECT(bide_group_cancelled(&g) && rc != -EPROTO);
    return rc;
}

/* More ends than the struct has places for. */
static intptr_t next_of_many(void *count)
{
    struct bide_group g;
    intptr_t rc = 0, sum = 0, expected = 0, value;
    bide_group_open(&g, BIDE_COLLECT);
    for (intptr_t i = 1; i <= (intptr_t)count && rc == 0; i++) {
        rc = bide_group_spawn(&g, give, NUM(i));
        expected += rc == 0 ? i : 0;
    }
    int more;
    void *arg;
    while ((more = bide_group_next(&g, &arg, &value)) == 1)
        sum += value + (intptr_t)arg;
    rc = bide_group_close(&g, rc);
    EXPECT(more == 0 && sum == 2 * expected);
    return rc;
}

static intptr_t serve(void *unused)
{
    bide_ready(42);
    return sleep_for_ever(unused);
}

static intptr_t start_and_ready(void *unused)
{
    struct bide_group g;
    (void)unused;
    bide_group_open(&g, BIDE_FAIL_FAST);
    intptr_t rc = bide_group_start(&g, serve, NULL);
    bide_group_cancel(&g);
    intptr_t closed = bide_group_close(&g, rc < 0 ? rc : 0);
    EXPECT(closed == (rc < 0 ? rc : 0));
    if (rc < 0)
        return rc;
    EXPECT(rc == 42);
    return 0;
}

static intptr_t start_that_fails(void *unused)
{
    struct bide_group g;
    (void)unused;
    bide_group_open(&g, BIDE_FAIL_FAST);
    intptr_t rc = bide_group_start(&g, fail_late, NUM(ENOTTY));
    intptr_t none = rc < 0 ? 0 : bide_group_start(&g, give, NULL);
    EXPECT(bide_group_close(&g, 0) == 0);
    EXPECT(rc < 0 && none == 0);
    return rc == -ENOTTY ? 0 : rc;
}

static intptr_t spawn_with_a_handle(void *unused)
{
    struct bide_group g;
    struct bide_spawn_options opt = {.name = "child", .stack_bytes = 1 << 17};
    bide_task *t = NULL;
    (void)unused;
    bide_group_open(&g, BIDE_FAIL_FAST);
    intptr_t rc = bide_group_spawn_with(&g, &t, give_late, NUM(5), &opt);
    intptr_t result = rc < 0 ? rc : bide_await(t);
    if (rc == 0)
        bide_release(t);
    rc = bide_group_close(&g, rc);
    EXPECT(result == (rc < 0 ? rc : 5));
    return rc;
}

/* ---- Calls at once ------------------------------------------------------ */

enum { CALLS = 12 };

/* What was started gives its own result; of what was not, either the whole
 * tells or, where failures are collected, its slot. */
static intptr_t check_gathered(const struct bide_call *calls, intptr_t rc)
{
    for (intptr_t i = 0; i < CALLS; i++) {
        intptr_t result = calls[i].result;
        EXPECT(result == i || result < 0);
        if (result < 0 && rc == 0)
            rc = result;
    }
    return rc;
}

static void prepare(struct bide_call *calls)
{
    for (intptr_t i = 0; i < CALLS; i++)
        calls[i] = (struct bide_call){give_late, NUM(i), -1};
}

static intptr_t gather(void *policy)
{
    struct bide_call calls[CALLS];
    prepare(calls);
    intptr_t rc = bide_gather(calls, CALLS, (enum bide_policy)(intptr_t)policy);
    return check_gathered(calls, rc);
}

static intptr_t gather_bounded(void *at_once)
{
    struct bide_call calls[CALLS];
    prepare(calls);
    intptr_t rc = bide_gather_bounded(calls, CALLS, (size_t)at_once,
                                      BIDE_FAIL_FAST);
    return check_gathered(calls, rc);
}

static intptr_t race(void *unused)
{
    (void)unused;
    struct bide_call calls[3] = {
        {sleep_for_ever, NULL, 0},
        {give_late, NUM(1), 0},
        {fail_late, NUM(EIO), 0},
    };
    intptr_t rc = bide_race(calls, 3);
    if (rc < 0)
        return rc;
    EXPECT(rc == 1 && calls[1].result == 1);
    return 0;
}

static intptr_t race_staggered(void *delay)
{
    struct bide_call calls[3] = {
        {fail_late, NUM(EIO), 0},
        {sleep_for_ever, NULL, 0},
        {give_late, NUM(1), 0},
    };
    intptr_t rc = bide_race_staggered(calls, 3, (bide_time)(intptr_t)delay);
    if (rc < 0)
        return rc;
    EXPECT(rc == 2 && calls[2].result == 1);
    return 0;
}

static int attempts;

/* The last attempt has an answer. */
static intptr_t answer_late(void *unused)
{
    return ++attempts < 3 ? sleep_for_ever(unused) : give_late(NUM(5));
}

static intptr_t hedge(void *unused)
{
    attempts = 0;
    intptr_t rc = bide_hedge(answer_late, unused, 3, BIDE_MS(1));
    EXPECT(rc == 5 || rc < 0);
    return rc < 0 ? rc : 0;
}

/* ---- Tasks of others ---------------------------------------------------- */

static intptr_t wait_for_tasks(bide_task **tasks, size_t n)
{
    intptr_t results[3] = {-1, -1, -1};
    int ended = bide_wait_tasks(tasks, n, BIDE_FIRST_COMPLETED);
    EXPECT(ended >= 1 && ended <= (int)n);
    EXPECT(bide_gather_tasks(tasks, n, results, BIDE_FAIL_FAST) == 0);
    EXPECT(bide_wait_tasks(tasks, n, BIDE_ALL_COMPLETED) == (int)n);
    for (size_t i = 0; i < n; i++)
        EXPECT(results[i] == (intptr_t)i);
    return 0;
}

static intptr_t tasks_of_others(void *unused)
{
    (void)unused;
    bide_task *tasks[3];
    size_t n = 0;
    intptr_t rc = 0;
    for (; n < 3 && rc == 0; n += rc == 0)
        rc = bide_spawn(&tasks[n], n % 2 ? give : give_late, NUM(n));
    intptr_t waited = n > 0 ? wait_for_tasks(tasks, n) : 0;
    while (n > 0)
        bide_release(tasks[--n]);
    return waited < 0 ? waited : rc;
}

const struct body bodies_group[] = {
    {"children_fail_fast", children_fail, BIDE_FAIL_FAST, INSIDE},
    {"children_fail_collect", children_fail, BIDE_COLLECT, INSIDE},
    {"group_is_cancelled", group_is_cancelled, 0, INSIDE},
    {"next_of_few", next_of_many, 6, INSIDE},
    {"next_of_many", next_of_many, 300, INSIDE},
    {"start_and_ready", start_and_ready, 0, INSIDE},
    {"start_that_fails", start_that_fails, 0, INSIDE},
    {"spawn_with_a_handle", spawn_with_a_handle, 0, INSIDE},
    {"gather_fail_fast", gather, BIDE_FAIL_FAST, INSIDE},
    {"gather_collect", gather, BIDE_COLLECT, INSIDE},
    {"gather_bounded", gather_bounded, 3, INSIDE},
    {"race", race, 0, INSIDE},
    {"race_staggered", race_staggered, BIDE_MS(1), INSIDE},
    {"hedge", hedge, 0, INSIDE},
    {"tasks_of_others", tasks_of_others, 0, INSIDE},
    {0},
};
