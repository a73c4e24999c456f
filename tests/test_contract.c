/* test_contract.c: misuse stops the program, with one sentence that names the
 * function, the task, and what was wrong.
 */
#include "tasks.h"

#include <signal.h>
#include <sys/wait.h>

/* ---- Outside a task ----------------------------------------------------- */

static struct bide_scope scope;
static struct bide_group group;
static struct bide_mutex mutex;
static struct bide_event event;
static struct bide_rwlock rwlock;
static struct bide_cond cond;
static struct bide_sem sem;
static struct bide_barrier barrier;
static struct bide_once once;
static struct bide_countdown countdown;
static struct bide_lock_info lock_info;
static struct bide_chan chan;
static struct bide_queue queue;
static struct bide_future future;
static struct bide_proc proc = {.pidfd = -1, .in = -1, .out = -1, .err = -1};
static char *program[] = {NULL};
static struct bide_call one_call = {give, NULL, 0};
static bide_task *task;

#define CALL(function, ...) \
    static void outside_##function(void) { (void)!function(__VA_ARGS__); }
#define CALL_VOID(function, ...) \
    static void outside_##function(void) { function(__VA_ARGS__); }

CALL(bide_spawn, &task, give, NULL)
CALL(bide_spawn_with, &task, give, NULL, NULL)
CALL(bide_await, NULL)
CALL(bide_join, NULL, NULL)
CALL(bide_cancel, NULL)
CALL_VOID(bide_release, NULL)
CALL(bide_task_done, NULL)
CALL(bide_yield)
CALL(bide_sleep, 1)
CALL(bide_sleep_until, 1)
CALL_VOID(bide_set_name, "nobody")
CALL(bide_loop_ref)
CALL_VOID(bide_scope_open, &scope, BIDE_FOREVER)
CALL_VOID(bide_shield_open, &scope, BIDE_FOREVER)
CALL(bide_scope_close, &scope, 0)
CALL_VOID(bide_scope_cancel, &scope)
CALL(bide_scope_set_deadline, &scope, 1)
CALL(bide_cancel_code)
CALL(bide_deadline)
CALL_VOID(bide_group_open, &group, BIDE_FAIL_FAST)
CALL(bide_group_spawn, &group, give, NULL)
CALL(bide_group_spawn_with, &group, &task, give, NULL, NULL)
CALL(bide_group_start, &group, give, NULL)
CALL_VOID(bide_ready, 1)
CALL(bide_group_next, &group, NULL, NULL)
CALL_VOID(bide_group_cancel, &group)
CALL(bide_group_close, &group, 0)
CALL(bide_gather, &one_call, 1, BIDE_FAIL_FAST)
CALL(bide_gather_bounded, &one_call, 1, 1, BIDE_FAIL_FAST)
CALL(bide_race, &one_call, 1)
CALL(bide_gather_tasks, &task, 1, NULL, BIDE_FAIL_FAST)
CALL(bide_wait_tasks, &task, 1, BIDE_FIRST_ERROR)
CALL(bide_mutex_lock, &mutex)
CALL(bide_mutex_trylock, &mutex)
CALL(bide_mutex_unlock, &mutex)
CALL(bide_event_wait, &event)
CALL_VOID(bide_event_set, &event)
CALL_VOID(bide_event_clear, &event)
CALL(bide_rwlock_rdlock, &rwlock)
CALL(bide_rwlock_wrlock, &rwlock)
CALL(bide_rwlock_tryrdlock, &rwlock)
CALL(bide_rwlock_trywrlock, &rwlock)
CALL(bide_rwlock_unlock, &rwlock)
CALL(bide_cond_wait, &cond, &mutex)
CALL_VOID(bide_cond_signal, &cond)
CALL_VOID(bide_cond_broadcast, &cond)
CALL(bide_sem_acquire, &sem, 1)
CALL(bide_sem_tryacquire, &sem, 1)
CALL(bide_sem_release, &sem, 1)
CALL(bide_barrier_wait, &barrier)
CALL_VOID(bide_barrier_reset, &barrier)
CALL_VOID(bide_barrier_abort, &barrier)
CALL(bide_once, &once, give, NULL)
CALL(bide_countdown_add, &countdown, 1)
CALL(bide_countdown_done, &countdown)
CALL(bide_countdown_wait, &countdown)
CALL_VOID(bide_mutex_info, &mutex, &lock_info)
CALL_VOID(bide_rwlock_info, &rwlock, &lock_info)
CALL_VOID(bide_cond_info, &cond, &lock_info)
CALL_VOID(bide_event_info, &event, &lock_info)
CALL_VOID(bide_sem_info, &sem, &lock_info)
CALL_VOID(bide_barrier_info, &barrier, &lock_info)
CALL_VOID(bide_once_info, &once, &lock_info)
CALL_VOID(bide_countdown_info, &countdown, &lock_info)
CALL(bide_chan_send, &chan, NULL)
CALL(bide_chan_recv, &chan, NULL)
CALL(bide_chan_trysend, &chan, NULL)
CALL(bide_chan_tryrecv, &chan, NULL)
CALL_VOID(bide_chan_close, &chan)
CALL_VOID(bide_chan_abort, &chan, NULL, NULL)
CALL(bide_chan_add_producers, &chan, 1)
CALL(bide_chan_producer_done, &chan)
CALL(bide_chan_select, NULL, 0)
CALL(bide_chan_tryselect, NULL, 0)
CALL(bide_queue_put, &queue, NULL)
CALL(bide_queue_get, &queue, NULL)
CALL(bide_queue_tryput, &queue, NULL)
CALL(bide_queue_tryget, &queue, NULL)
CALL(bide_queue_task_done, &queue)
CALL(bide_queue_join, &queue)
CALL_VOID(bide_queue_shutdown, &queue)
CALL_VOID(bide_queue_shutdown_now, &queue, NULL, NULL)
CALL(bide_future_set, &future, 1)
CALL(bide_future_wait, &future)
CALL(bide_future_cancel, &future)
CALL_VOID(bide_future_then, &future, NULL)
CALL(bide_callback_remove, NULL)
CALL(bide_proc_spawn, &proc, program, 0)
CALL(bide_proc_spawn_with, &proc, program, NULL)
CALL(bide_proc_wait, &proc)
CALL(bide_proc_kill, &proc, 0)
CALL_VOID(bide_proc_close, &proc)
CALL(bide_proc_communicate, &proc, NULL, 0, NULL, NULL)
CALL(bide_proc_run, program, NULL, NULL, 0, NULL, NULL)
CALL(bide_proc_shell, "true", NULL, NULL, 0, NULL, NULL)

#define ENTRY(function) {#function, outside_##function}
static const struct {
    const char *name;
    void (*call)(void);
} calls[] = {
    ENTRY(bide_spawn), ENTRY(bide_spawn_with), ENTRY(bide_await),
    ENTRY(bide_join), ENTRY(bide_cancel), ENTRY(bide_release),
    ENTRY(bide_task_done), ENTRY(bide_yield), ENTRY(bide_sleep),
    ENTRY(bide_sleep_until), ENTRY(bide_set_name), ENTRY(bide_loop_ref),
    ENTRY(bide_scope_open), ENTRY(bide_shield_open), ENTRY(bide_scope_close),
    ENTRY(bide_scope_cancel), ENTRY(bide_scope_set_deadline),
    ENTRY(bide_cancel_code), ENTRY(bide_deadline), ENTRY(bide_group_open),
    ENTRY(bide_group_spawn), ENTRY(bide_group_spawn_with),
    ENTRY(bide_group_start), ENTRY(bide_ready), ENTRY(bide_group_next),
    ENTRY(bide_group_cancel), ENTRY(bide_group_close), ENTRY(bide_gather),
    ENTRY(bide_gather_bounded), ENTRY(bide_race), ENTRY(bide_gather_tasks),
    ENTRY(bide_wait_tasks), ENTRY(bide_mutex_lock), ENTRY(bide_mutex_trylock),
    ENTRY(bide_mutex_unlock), ENTRY(bide_event_wait), ENTRY(bide_event_set),
    ENTRY(bide_event_clear), ENTRY(bide_rwlock_rdlock),
    ENTRY(bide_rwlock_wrlock), ENTRY(bide_rwlock_tryrdlock),
    ENTRY(bide_rwlock_trywrlock), ENTRY(bide_rwlock_unlock),
    ENTRY(bide_cond_wait), ENTRY(bide_cond_signal), ENTRY(bide_cond_broadcast),
    ENTRY(bide_sem_acquire), ENTRY(bide_sem_tryacquire),
    ENTRY(bide_sem_release), ENTRY(bide_barrier_wait),
    ENTRY(bide_barrier_reset), ENTRY(bide_barrier_abort), ENTRY(bide_once),
    ENTRY(bide_countdown_add), ENTRY(bide_countdown_done),
    ENTRY(bide_countdown_wait), ENTRY(bide_mutex_info),
    ENTRY(bide_rwlock_info), ENTRY(bide_cond_info), ENTRY(bide_event_info),
    ENTRY(bide_sem_info), ENTRY(bide_barrier_info), ENTRY(bide_once_info),
    ENTRY(bide_countdown_info), ENTRY(bide_chan_send), ENTRY(bide_chan_recv),
    ENTRY(bide_chan_trysend), ENTRY(bide_chan_tryrecv), ENTRY(bide_chan_close),
    ENTRY(bide_chan_abort), ENTRY(bide_chan_add_producers),
    ENTRY(bide_chan_producer_done), ENTRY(bide_chan_select),
    ENTRY(bide_chan_tryselect), ENTRY(bide_queue_put), ENTRY(bide_queue_get),
    ENTRY(bide_queue_tryput), ENTRY(bide_queue_tryget),
    ENTRY(bide_queue_task_done), ENTRY(bide_queue_join),
    ENTRY(bide_queue_shutdown), ENTRY(bide_queue_shutdown_now),
    ENTRY(bide_future_set), ENTRY(bide_future_wait),
    ENTRY(bide_future_cancel), ENTRY(bide_future_then),
    ENTRY(bide_callback_remove),
    ENTRY(bide_proc_spawn), ENTRY(bide_proc_spawn_with), ENTRY(bide_proc_wait),
    ENTRY(bide_proc_kill), ENTRY(bide_proc_close),
    ENTRY(bide_proc_communicate), ENTRY(bide_proc_run), ENTRY(bide_proc_shell),
};

START_TEST(a_call_outside_a_task_is_told_by_its_name)
{
    char said[512], sentence[128];
    int status = in_child(calls[_i].call, said, sizeof said);
    snprintf(sentence, sizeof sentence, "bide: %s was called outside a task\n",
             calls[_i].name);
    ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT,
                  "%s: status %#x", calls[_i].name, (unsigned)status);
    /* An emulator adds a line of its own. */
    ck_assert_msg(strncmp(said, sentence, strlen(sentence)) == 0, "%s", said);
}
END_TEST

/* ---- Handles ------------------------------------------------------------ */

/* A test whose body is misuse; the words are in the sentence. */
#define MISUSE_TEST(name, ...)                                \
    static intptr_t misuse_##name(void *arg);                 \
    START_TEST(name)                                          \
    {                                                         \
        expect_contract(misuse_##name, __VA_ARGS__, NULL);    \
    }                                                         \
    END_TEST                                                  \
    static intptr_t misuse_##name(void *arg __attribute__((unused)))

MISUSE_TEST(null_is_no_task, "bide_await", "'main'", "NULL")
{
    return bide_await(NULL);
}

MISUSE_TEST(null_among_the_tasks_is_no_task, "bide_gather_tasks", "NULL")
{
    bide_task *tasks[] = {spawn(give, NULL), NULL};
    return bide_gather_tasks(tasks, 2, NULL, BIDE_COLLECT);
}

MISUSE_TEST(a_stray_pointer_is_no_task, "bide_cancel", "gone")
{
    char stray[256];
    return bide_cancel((bide_task *)stray);
}

MISUSE_TEST(a_released_handle_of_an_ended_task_is_gone, "bide_join", "gone")
{
    bide_task *ended = spawn(give, NULL);
    turns(1);
    bide_release(ended);
    return bide_join(ended, NULL);
}

MISUSE_TEST(a_handle_never_reaches_the_next_task_on_its_stack, "bide_cancel",
            "gone")
{
    bide_task *ended = spawn(give, NULL);
    turns(1);
    bide_release(ended);
    for (int i = 0; i < 100; i++)
        spawn(sleep_for_ever, NULL);
    return bide_cancel(ended);
}

MISUSE_TEST(a_handle_is_released_once_while_the_task_runs, "bide_release",
            "not its own")
{
    bide_task *sleeper = spawn(sleep_ms, NUM(1));
    bide_release(sleeper);
    bide_release(sleeper);
    return 0;
}

MISUSE_TEST(a_handle_is_released_once_after_the_task_ended, "bide_release",
            "gone")
{
    bide_task *ended = spawn(give, NULL);
    turns(1);
    bide_release(ended);
    bide_release(ended);
    return 0;
}

MISUSE_TEST(main_is_not_to_be_released, "bide_release", "'main'", "not its own")
{
    bide_release(bide_self());
    return 0;
}

static intptr_t release_itself(void *unused)
{
    (void)unused;
    bide_release(bide_self());
    return 0;
}

MISUSE_TEST(self_is_borrowed_and_not_to_be_released, "bide_release", "'task-2'")
{
    ck_assert_int_eq(bide_spawn(NULL, release_itself, NULL), 0);
    return bide_sleep(BIDE_SEC(1));
}

static bide_task *of_an_earlier_run;

static intptr_t keep_handle(void *unused)
{
    (void)unused;
    of_an_earlier_run = spawn(give, NULL);
    return bide_yield();
}

static intptr_t use_kept_handle(void *unused)
{
    (void)unused;
    for (int i = 0; i < 10; i++)
        spawn(give, NULL);
    return bide_await(of_an_earlier_run);
}

static void use_a_handle_of_an_earlier_run(void)
{
    bide_run(keep_handle, NULL, NULL);
    bide_run(use_kept_handle, NULL, NULL);
}

START_TEST(handles_die_with_their_run)
{
    char said[512];
    int status = in_child(use_a_handle_of_an_earlier_run, said, sizeof said);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    ck_assert_ptr_nonnull(strstr(said, "gone"));
}
END_TEST

MISUSE_TEST(null_is_no_loop, "bide_loop_unref", "NULL")
{
    bide_loop_unref(NULL);
    return 0;
}

/* ---- Scopes ------------------------------------------------------------- */

MISUSE_TEST(a_scope_is_open_once_at_a_time, "bide_scope_open", "'main'",
            "already")
{
    bide_scope_open(&scope, BIDE_FOREVER);
    bide_scope_open(&scope, BIDE_FOREVER);
    return 0;
}

MISUSE_TEST(what_was_not_opened_cannot_be_closed, "bide_scope_close",
            "not open")
{
    return bide_scope_close(&scope, 0);
}

MISUSE_TEST(a_scope_is_closed_once, "bide_scope_close", "not open")
{
    bide_scope_open(&scope, BIDE_FOREVER);
    bide_scope_close(&scope, 0);
    return bide_scope_close(&scope, 0);
}

MISUSE_TEST(scopes_close_in_reverse_order, "bide_scope_close", "still open")
{
    struct bide_scope inner;
    bide_scope_open(&scope, BIDE_FOREVER);
    bide_scope_open(&inner, BIDE_FOREVER);
    return bide_scope_close(&scope, 0);
}

static intptr_t close_scope(void *unused)
{
    (void)unused;
    return bide_scope_close(&scope, 0);
}

MISUSE_TEST(a_scope_is_closed_by_the_task_that_opened_it, "bide_scope_close",
            "'task-2'", "'main' has opened")
{
    bide_scope_open(&scope, BIDE_FOREVER);
    return bide_await(spawn(close_scope, NULL));
}

static intptr_t leave_scope_open(void *unused)
{
    (void)unused;
    static struct bide_scope s;
    bide_scope_open(&s, BIDE_FOREVER);
    return 0;
}

MISUSE_TEST(a_task_closes_its_scopes_before_it_ends, "'task-2'", "left open")
{
    return bide_await(spawn(leave_scope_open, NULL));
}

/* ---- Groups ------------------------------------------------------------- */

MISUSE_TEST(main_closes_its_groups_before_it_ends, "'main'", "left open")
{
    bide_group_open(&group, BIDE_COLLECT);
    return 0;
}

MISUSE_TEST(a_group_is_open_once_at_a_time, "bide_group_open", "already")
{
    bide_group_open(&group, BIDE_FAIL_FAST);
    bide_group_open(&group, BIDE_FAIL_FAST);
    return 0;
}

MISUSE_TEST(a_group_is_closed_once, "bide_group_close", "not open")
{
    bide_group_open(&group, BIDE_FAIL_FAST);
    bide_group_close(&group, 0);
    return bide_group_close(&group, 0);
}

MISUSE_TEST(a_group_closes_after_the_scopes_inside, "bide_group_close",
            "inside it is still open")
{
    bide_group_open(&group, BIDE_FAIL_FAST);
    bide_scope_open(&scope, BIDE_FOREVER);
    return bide_group_close(&group, 0);
}

static intptr_t close_group(void *unused)
{
    (void)unused;
    return bide_group_close(&group, 0);
}

MISUSE_TEST(a_group_is_closed_by_the_task_that_opened_it, "bide_group_close",
            "'task-2'", "'main' has opened")
{
    bide_group_open(&group, BIDE_FAIL_FAST);
    return bide_await(spawn(close_group, NULL));
}

MISUSE_TEST(a_group_that_was_never_opened_takes_no_child, "bide_group_spawn:",
            "never opened")
{
    return bide_group_spawn(&group, give, NULL);
}

MISUSE_TEST(a_group_that_was_never_opened_takes_none_with_options,
            "bide_group_spawn_with:", "never opened")
{
    return bide_group_spawn_with(&group, NULL, give, NULL, NULL);
}

MISUSE_TEST(a_group_has_one_of_two_policies, "bide_group_open", "policy")
{
    bide_group_open(&group, (enum bide_policy)2);
    return 0;
}

MISUSE_TEST(a_group_that_was_never_opened_has_no_next, "bide_group_next",
            "not open")
{
    return bide_group_next(&group, NULL, NULL);
}

MISUSE_TEST(a_readiness_is_not_negative, "bide_ready", "negative")
{
    bide_ready(-1);
    return 0;
}

/* ---- The rest ----------------------------------------------------------- */

MISUSE_TEST(a_callback_without_a_function, "bide_future_then", "function")
{
    struct bide_callback none = {0};
    bide_future_then(&future, &none);
    return 0;
}

static void no_call(void *unused)
{
    (void)unused;
}

MISUSE_TEST(a_callback_that_waits_twice, "bide_future_then", "waits already")
{
    struct bide_callback call = {.fn = no_call};
    bide_future_then(&future, &call);
    bide_future_then(&future, &call);
    return 0;
}

MISUSE_TEST(a_future_posted_to_no_run, "bide_future_post", "NULL")
{
    return bide_future_post(NULL, &future, 1);
}

MISUSE_TEST(a_queue_with_room_needs_a_buffer, "bide_queue_init", "buffer")
{
    bide_queue_init(&queue, NULL, 8, 1);
    return 0;
}

MISUSE_TEST(a_queue_by_priority_needs_a_comparison, "bide_queue_init_priority",
            "comparison")
{
    bide_queue_init_priority(&queue, NULL, 8, 0, NULL);
    return 0;
}

MISUSE_TEST(a_channel_with_room_needs_a_buffer, "bide_chan_init", "buffer")
{
    bide_chan_init(&chan, NULL, 8, 1);
    return 0;
}

Suite *suite_contract(void)
{
    Suite *suite = suite_create("contract");
    TCase *t = tcase_create("outside a task");
    tcase_add_loop_test(t, a_call_outside_a_task_is_told_by_its_name, 0,
                        (int)LENGTH(calls));
    suite_add_tcase(suite, t);

    t = tcase_create("handles");
    tcase_add_test(t, null_is_no_task);
    tcase_add_test(t, null_among_the_tasks_is_no_task);
    tcase_add_test(t, a_stray_pointer_is_no_task);
    tcase_add_test(t, a_released_handle_of_an_ended_task_is_gone);
    tcase_add_test(t, a_handle_never_reaches_the_next_task_on_its_stack);
    tcase_add_test(t, a_handle_is_released_once_while_the_task_runs);
    tcase_add_test(t, a_handle_is_released_once_after_the_task_ended);
    tcase_add_test(t, main_is_not_to_be_released);
    tcase_add_test(t, self_is_borrowed_and_not_to_be_released);
    tcase_add_test(t, handles_die_with_their_run);
    tcase_add_test(t, null_is_no_loop);
    suite_add_tcase(suite, t);

    t = tcase_create("scopes and groups");
    tcase_add_test(t, a_scope_is_open_once_at_a_time);
    tcase_add_test(t, what_was_not_opened_cannot_be_closed);
    tcase_add_test(t, a_scope_is_closed_once);
    tcase_add_test(t, scopes_close_in_reverse_order);
    tcase_add_test(t, a_scope_is_closed_by_the_task_that_opened_it);
    tcase_add_test(t, a_task_closes_its_scopes_before_it_ends);
    tcase_add_test(t, main_closes_its_groups_before_it_ends);
    tcase_add_test(t, a_group_is_open_once_at_a_time);
    tcase_add_test(t, a_group_is_closed_once);
    tcase_add_test(t, a_group_closes_after_the_scopes_inside);
    tcase_add_test(t, a_group_is_closed_by_the_task_that_opened_it);
    tcase_add_test(t, a_group_that_was_never_opened_takes_no_child);
    tcase_add_test(t, a_group_that_was_never_opened_takes_none_with_options);
    tcase_add_test(t, a_group_has_one_of_two_policies);
    tcase_add_test(t, a_group_that_was_never_opened_has_no_next);
    tcase_add_test(t, a_readiness_is_not_negative);
    tcase_add_test(t, a_channel_with_room_needs_a_buffer);
    tcase_add_test(t, a_callback_without_a_function);
    tcase_add_test(t, a_callback_that_waits_twice);
    tcase_add_test(t, a_future_posted_to_no_run);
    tcase_add_test(t, a_queue_with_room_needs_a_buffer);
    tcase_add_test(t, a_queue_by_priority_needs_a_comparison);
    suite_add_tcase(suite, t);
    return suite;
}
