/* test_steps.c: on_step: what a test is told of each task, and in which order.
 *
 * Behaviour 204: spawn, ready, begin, end and exit come in a legal order for
 * each task.
 */
#include "explored.h"

#include <stdio.h>

/* ---- The order, task by task -------------------------------------------- */

#define TASKS 64
enum { UNBORN, SPAWNED, READY, RUNNING, AWAY, GONE };

/* What was told last of each task, and what was illegal in it. */
static struct order {
    int state[TASKS];
    uint64_t running; /* 0: nobody */
    unsigned exits, spawns, begins;
    char wrong[128];
} order;

static bool is_legal(const struct order *o, enum bide_step what, uint64_t task)
{
    int state = o->state[task];
    switch (what) {
    case BIDE_STEP_SPAWN:
        return state == UNBORN && task == o->spawns + 1;
    case BIDE_STEP_READY:
        return state == SPAWNED || state == AWAY;
    case BIDE_STEP_BEGIN:
        return state == READY && o->running == 0;
    case BIDE_STEP_END:
        return state == RUNNING && o->running == task;
    default:
        return state == AWAY;
    }
}

static void follow(void *arg, enum bide_step what, uint64_t task,
                   const char *name)
{
    static const int next[] = {SPAWNED, READY, RUNNING, AWAY, GONE};
    struct order *o = (struct order *)arg;
    if (task >= TASKS || !is_legal(o, what, task)) {
        snprintf(o->wrong, sizeof o->wrong, "%d of %d, '%s', in state %d", what,
                 (int)task, name, task < TASKS ? o->state[task] : -1);
        return;
    }
    o->state[task] = next[what];
    o->spawns += what == BIDE_STEP_SPAWN;
    o->begins += what == BIDE_STEP_BEGIN;
    o->exits += what == BIDE_STEP_EXIT;
    if (what == BIDE_STEP_BEGIN || what == BIDE_STEP_END)
        o->running = what == BIDE_STEP_BEGIN ? task : 0;
}

static intptr_t spawn_eagerly(void *fn_arg)
{
    struct bide_spawn_options eager = {.flags = BIDE_EAGER};
    bide_task *task;
    for (int i = 0; i < 3; i++) { /* one ends at once, others sleep */
        int rc = bide_spawn_with(&task, sleep_ms, NUM(i), &eager);
        if (rc < 0)
            return rc;
        bide_release(task);
    }
    return bide_sleep(BIDE_MS(VALUE(fn_arg)));
}

static intptr_t eager_of_eager(void *unused)
{
    struct bide_spawn_options eager = {.flags = BIDE_EAGER};
    bide_task *task;
    (void)unused;
    int rc = bide_spawn_with(&task, spawn_eagerly, NUM(1), &eager);
    if (rc < 0)
        return rc;
    rc = (int)bide_await(task);
    bide_release(task);
    return rc;
}

/* Spawned in all ways, waiting, yielding, cancelled, failing, left over. */
static intptr_t live(void *unused)
{
    struct bide_call calls[] = {
        {give, NUM(1), 0},           {give_late, NUM(2), 0},
        {sleep_ms, NUM(3), 0},       {eager_of_eager, NULL, 0},
        {sleep_for_ever, NULL, 0},
    };
    (void)unused;
    struct bide_scope s;
    bide_scope_open(&s, bide_after(BIDE_MS(10)));
    intptr_t rc = bide_gather(calls, 5, BIDE_COLLECT);
    bide_scope_close(&s, rc);
    bide_task *left = spawn(sleep_for_ever, NULL);
    (void)left; /* cancelled and awaited by the end of the run */
    bide_set_name("renamed");
    return bide_yield();
}

/* What is told holds from the beginning of each schedule. */
static intptr_t live_anew(void *unused)
{
    intptr_t rc = live(unused);
    return order.wrong[0] ? -EPROTO : rc;
}

static void expect_all_gone(void)
{
    ck_assert_str_eq(order.wrong, "");
    ck_assert_uint_eq(order.spawns, 11);
    ck_assert_uint_eq(order.exits, order.spawns);
    ck_assert_uint_gt(order.begins, order.spawns);
    ck_assert_uint_eq(order.running, 0);
}

START_TEST(each_task_is_spawned_ready_begun_ended_and_gone_in_order)
{
    static const char *const seeds[] = {NULL, "last.0", "random.3", "random.4",
                                        "pct2.5.40", "pct5.6.40"};
    for (size_t i = 0; i < LENGTH(seeds); i++) {
        order = (struct order){0};
        struct bide_test_options opt = {.seed = seeds[i], .on_step = follow,
                                        .step_arg = &order};
        ck_assert_int_eq(bide_test_run(live, NULL, &opt), 0);
        expect_all_gone();
    }
}
END_TEST

/* Begin anew with the main task's spawn. */
static void follow_each(void *arg, enum bide_step what, uint64_t task,
                        const char *name)
{
    struct order *o = (struct order *)arg;
    if (what == BIDE_STEP_SPAWN && task == 1 && !o->wrong[0])
        *o = (struct order){0};
    follow(arg, what, task, name);
}

START_TEST(the_order_is_legal_in_every_schedule)
{
    order = (struct order){0};
    struct bide_test_options opt = {.on_step = follow_each,
                                    .step_arg = &order};
    intptr_t rc = bide_explore_with(rounds(500), live_anew, NULL, &opt);
    ck_assert_msg(rc == 0, "%ld: %s", (long)rc, order.wrong);
    expect_all_gone();
}
END_TEST

/* ---- One course, word for word ------------------------------------------ */

static char course[1024];

static void write_course(void *arg, enum bide_step what, uint64_t task,
                         const char *name)
{
    static const char *const words[] = {"spawn", "ready", "begin", "end",
                                        "exit"};
    size_t len = strlen(course);
    (void)arg;
    ck_assert_ptr_null(bide_self()); /* it is called by no task */
    snprintf(course + len, sizeof course - len, "%s %d %s\n", words[what],
             (int)task, name);
}

static intptr_t await_two(void *unused)
{
    (void)unused;
    struct bide_spawn_options eager = {.flags = BIDE_EAGER, .name = "hasty"};
    bide_task *a = spawn_as("lazy", give, NUM(1)), *b;
    ck_assert_int_eq(bide_spawn_with(&b, give, NUM(2), &eager), 0);
    intptr_t rc = bide_await(a) + bide_await(b);
    bide_release(a);
    bide_release(b);
    return rc == 3 ? 0 : -EPROTO;
}

START_TEST(a_course_is_told_step_by_step)
{
    course[0] = '\0';
    struct bide_test_options opt = {.on_step = write_course};
    ck_assert_int_eq(bide_test_run(await_two, NULL, &opt), 0);
    ck_assert_str_eq(course, "spawn 1 main\nready 1 main\nbegin 1 main\n"
                             "end 1 main\n" /* and gives way to the hasty */
                             "spawn 2 lazy\nspawn 3 hasty\nready 1 main\n"
                             "ready 2 lazy\nready 3 hasty\nbegin 3 hasty\n"
                             "end 3 hasty\nexit 3 hasty\nbegin 1 main\n"
                             "end 1 main\nready 1 main\n"
                             "begin 2 lazy\nend 2 lazy\nexit 2 lazy\n"
                             "begin 1 main\nend 1 main\nready 1 main\n"
                             "begin 1 main\nend 1 main\nexit 1 main\n");
}
END_TEST

static intptr_t wait_there(void *unused)
{
    (void)unused;
    return 0;
}

static void wait_between(void *arg, enum bide_step what, uint64_t task,
                         const char *name)
{
    (void)arg;
    (void)what;
    (void)task;
    (void)name;
    (void)!bide_yield();
}

static void wait_in_the_hook(void)
{
    struct bide_test_options opt = {.on_step = wait_between};
    bide_test_run(wait_there, NULL, &opt);
}

START_TEST(what_waits_between_the_steps_is_told_that_it_is_no_task)
{
    ck_assert_int_ne(in_child(wait_in_the_hook, said, sizeof said), 0);
    expect_said("outside a task");
}
END_TEST

/* ---- Beside a cancel sweep ---------------------------------------------- */

static intptr_t endangered(void *unused)
{
    (void)unused;
    bide_task *task = spawn(sleep_ms, NUM(5));
    bide_test_endanger(task);
    ck_assert_int_eq(bide_join(task, NULL), 0);
    bide_release(task);
    return 0;
}

START_TEST(steps_are_told_in_a_cancel_sweep_too)
{
    order = (struct order){0};
    struct bide_test_options opt = {.on_step = follow_each,
                                    .step_arg = &order};
    ck_assert_int_eq(bide_cancel_sweep(endangered, NULL, &opt), 3);
    ck_assert_str_eq(order.wrong, "");
    ck_assert_uint_eq(order.exits, 2);
}
END_TEST

Suite *suite_steps(void)
{
    Suite *suite = suite_create("steps");
    TCase *t = tcase_create("steps");
    tcase_add_checked_fixture(t, begin_explored, end_explored);
    tcase_add_test(t,
                   each_task_is_spawned_ready_begun_ended_and_gone_in_order);
    tcase_add_test(t, the_order_is_legal_in_every_schedule);
    tcase_add_test(t, a_course_is_told_step_by_step);
    tcase_add_test(t,
                   what_waits_between_the_steps_is_told_that_it_is_no_task);
    tcase_add_test(t, steps_are_told_in_a_cancel_sweep_too);
    suite_add_tcase(suite, t);
    return suite;
}
