/* test_two_runs.c: what belongs to one run, in the hands of another: misuse
 * that is told.
 */
#include "tasks.h"

static struct bide_event event;
static struct bide_scope scope;
static struct bide_group group;
static bide_task *task;

/* A run on another thread, while this one's main task waits for that. */
static intptr_t run_there(void *fn)
{
    return bide_run(*(bide_fn **)fn, NULL, NULL);
}

static void elsewhere(bide_fn *fn)
{
    (void)!bide_to_thread(run_there, &fn);
}

/* A test whose task `here` is misused by the main task `there` of another run;
 * the sentence must hold both words. */
#define MISUSE_TEST(name, here, there, word, more)      \
    static intptr_t body_##name(void *unused)           \
    {                                                   \
        (void)unused;                                   \
        task = spawn(here, NULL);                       \
        turns(2);                                       \
        elsewhere(there);                               \
        return 0;                                       \
    }                                                   \
    START_TEST(name)                                    \
    {                                                   \
        expect_contract(body_##name, word, more, NULL); \
    }                                                   \
    END_TEST

static intptr_t wait_for_event(void *unused)
{
    (void)unused;
    return bide_event_wait(&event);
}

static intptr_t set_event(void *unused)
{
    (void)unused;
    bide_event_set(&event);
    return 0;
}

MISUSE_TEST(an_event_wakes_tasks_of_one_run, wait_for_event, set_event,
            "task 'main' ended a wait of another run", "for the event at 0x")

static intptr_t open_group(void *unused)
{
    bide_group_open(&group, BIDE_FAIL_FAST);
    return bide_group_close(&group, sleep_for_ever(unused));
}

static intptr_t add_to_group(void *unused)
{
    (void)unused;
    return bide_group_spawn(&group, give, NULL);
}

MISUSE_TEST(a_group_takes_children_of_its_run_alone, open_group, add_to_group,
            "bide_group_spawn: task 'main'", "another run")

static intptr_t cancel_group(void *unused)
{
    (void)unused;
    bide_group_cancel(&group);
    return 0;
}

MISUSE_TEST(a_group_is_cancelled_by_its_run_alone, open_group, cancel_group,
            "bide_group_cancel: task 'main'", "another run")

static intptr_t ask_group(void *unused)
{
    (void)unused;
    return bide_group_next(&group, NULL, NULL);
}

MISUSE_TEST(a_group_tells_its_ends_to_its_run_alone, open_group, ask_group,
            "bide_group_next: task 'main'", "another run")

static intptr_t open_scope(void *unused)
{
    bide_scope_open(&scope, BIDE_FOREVER);
    return bide_scope_close(&scope, sleep_for_ever(unused));
}

static intptr_t cancel_scope(void *unused)
{
    (void)unused;
    bide_scope_cancel(&scope);
    return 0;
}

MISUSE_TEST(a_scope_is_cancelled_by_its_run_alone, open_scope, cancel_scope,
            "bide_scope_cancel: task 'main'", "another run")

static intptr_t move_deadline(void *unused)
{
    (void)unused;
    return bide_scope_set_deadline(&scope, 0);
}

MISUSE_TEST(a_deadline_is_moved_by_its_run_alone, open_scope, move_deadline,
            "bide_scope_set_deadline: task 'main'", "another run")

static intptr_t await_task(void *unused)
{
    (void)unused;
    return bide_await(task);
}

MISUSE_TEST(a_task_is_awaited_in_its_run_alone, sleep_for_ever, await_task,
            "bide_await: task 'main'", "of a task that is gone")

Suite *suite_two_runs(void)
{
    Suite *suite = suite_create("two runs");
    TCase *t = tcase_create("misuse");
    tcase_add_test(t, an_event_wakes_tasks_of_one_run);
    tcase_add_test(t, a_group_takes_children_of_its_run_alone);
    tcase_add_test(t, a_group_is_cancelled_by_its_run_alone);
    tcase_add_test(t, a_group_tells_its_ends_to_its_run_alone);
    tcase_add_test(t, a_scope_is_cancelled_by_its_run_alone);
    tcase_add_test(t, a_deadline_is_moved_by_its_run_alone);
    tcase_add_test(t, a_task_is_awaited_in_its_run_alone);
    suite_add_tcase(suite, t);
    return suite;
}
