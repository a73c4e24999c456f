/* test_task.c: a task's life: started, awaited, cancelled, released. */
#include "core.h"
#include "tasks.h"

/* ---- Results ------------------------------------------------------------ */

VIRTUAL_TEST(a_task_can_be_awaited_again_and_again)
{
    bide_task *task = spawn(sleep_ms, NUM(10));
    ck_assert_int_eq(bide_await(task), 10);
    ck_assert_int_eq(bide_await(task), 10);
    ck_assert_int_eq(result_of(task), 10);
    ck_assert_int_eq(bide_join(task, NULL), 0);
    bide_release(task);
    return 0;
}

static intptr_t await_and_note(void *task)
{
    static char letter = 'a';
    char mine = letter++;
    ck_assert_int_eq(bide_await(task), 5);
    note(mine);
    return 0;
}

VIRTUAL_TEST(those_who_await_a_task_wake_in_the_order_in_which_they_began)
{
    bide_task *task = spawn(sleep_ms, NUM(5)), *last = NULL;
    for (int i = 0; i < 10; i++)
        last = spawn(await_and_note, task);
    ck_assert_int_eq(bide_await(last), 0);
    expect_journal("abcdefghij");
    return 0;
}

VIRTUAL_TEST(a_result_may_be_any_word_and_join_tells_it_as_it_was)
{
    intptr_t words[] = {0, 1, INTPTR_MAX, -1, -EIO, -ETIMEDOUT, INTPTR_MIN};
    for (size_t i = 0; i < LENGTH(words); i++) {
        bide_task *task = spawn(give, NUM(words[i]));
        ck_assert(result_of(task) == words[i]);
        ck_assert(bide_await(task) == words[i]);
        bide_release(task);
    }
    return 0;
}

VIRTUAL_TEST(a_task_cannot_await_itself)
{
    ck_assert_int_eq(bide_await(bide_self()), -EDEADLK);
    intptr_t untouched = 5;
    ck_assert_int_eq(bide_join(bide_self(), &untouched), -EDEADLK);
    ck_assert_int_eq(untouched, 5);
    return 0;
}

VIRTUAL_TEST(a_task_whose_handle_nobody_wanted_runs_to_its_end)
{
    ck_assert_int_eq(bide_spawn(NULL, note_it, NUM('x')), 0);
    turns(1);
    expect_journal("x");
    return 0;
}

VIRTUAL_TEST(a_task_whose_handle_was_released_runs_to_its_end)
{
    bide_release(spawn(note_it, NUM('x')));
    turns(1);
    expect_journal("x");
    return 0;
}

VIRTUAL_TEST(the_stack_of_a_task_that_has_ended_is_kept_for_its_head_alone)
{
    const struct bi_stack_pool *pool = &bi_here->stacks;
    bide_task *task = spawn(give, NUM(5));
    ck_assert_int_eq(bide_await(task), 5);
    ck_assert_uint_eq(pool->kept_count, 1);
    ck_assert_int_eq(bide_await(task), 5);
    bide_release(task);
    ck_assert_uint_eq(pool->kept_count, 0);
    return 0;
}

VIRTUAL_TEST(done_is_told_without_waiting)
{
    bide_task *task = spawn(give, NULL);
    ck_assert(!bide_task_done(task));
    turns(1);
    ck_assert(bide_task_done(task));
    ck_assert(!bide_task_done(bide_self()));
    return 0;
}

static intptr_t await_next(void *depth)
{
    if (VALUE(depth) == 0)
        return 77;
    bide_task *next = spawn(await_next, NUM(VALUE(depth) - 1));
    intptr_t result = bide_await(next);
    bide_release(next);
    return result;
}

VIRTUAL_TEST(a_thousand_tasks_may_await_each_other_in_a_row)
{
    ck_assert_int_eq(await_next(NUM(1000)), 77);
    return 0;
}

VIRTUAL_TEST(ten_thousand_tasks_may_be_alive_at_once)
{
    static bide_task *tasks[MANY_TASKS];
    for (int i = 0; i < MANY_TASKS; i++)
        tasks[i] = spawn(sleep_ms, NUM(i));
    for (int i = 0; i < MANY_TASKS; i++) {
        ck_assert_int_eq(bide_await(tasks[i]), i);
        bide_release(tasks[i]);
    }
    ck_assert_int_eq(clock_ms(), MANY_TASKS - 1);
    return 0;
}

/* ---- Cancelling --------------------------------------------------------- */

VIRTUAL_TEST(a_cancelled_sleeper_wakes_at_once_and_leaves_no_timer)
{
    bide_task *task = spawn(sleep_ms, NUM(10000));
    turns(1);
    ck_assert(bide_cancel(task));
    ck_assert_int_eq(bide_await(task), -ECHILD);
    ck_assert_int_eq(result_of(task), -ECANCELED);
    ck_assert_int_eq(clock_ms(), 0);
    ck_assert(no_timer_left());
    return 0;
}

VIRTUAL_TEST(cancelling_an_ended_task_says_so_and_changes_nothing)
{
    bide_task *task = spawn(give, NUM(3));
    ck_assert_int_eq(bide_await(task), 3);
    ck_assert(!bide_cancel(task));
    ck_assert_int_eq(bide_await(task), 3);
    return 0;
}

VIRTUAL_TEST(cancelling_twice_is_as_once)
{
    bide_task *task = spawn(end_slowly, NUM(10));
    turns(1);
    ck_assert(bide_cancel(task));
    turns(2);
    ck_assert(bide_cancel(task));
    ck_assert_int_eq(bide_await(task), -ECHILD);
    ck_assert_int_eq(clock_ms(), 10);
    return 0;
}

static intptr_t cancel_itself_then_wait(void *unused)
{
    (void)unused;
    ck_assert(bide_cancel(bide_self()));
    ck_assert_int_eq(bide_cancel_code(), -ECANCELED);
    ck_assert_int_eq(bide_sleep(BIDE_SEC(1)), -ECANCELED);
    return bide_yield();
}

VIRTUAL_TEST(a_task_that_cancels_itself_is_refused_at_its_next_wait)
{
    ck_assert_int_eq(bide_await(spawn(cancel_itself_then_wait, NULL)), -ECHILD);
    return 0;
}

VIRTUAL_TEST(a_task_that_swallows_its_cancel_was_not_cancelled)
{
    bide_task *task = spawn(swallow_cancel, NUM(42));
    turns(1);
    bide_cancel(task);
    ck_assert_int_eq(bide_await(task), 42);
    return 0;
}

VIRTUAL_TEST(a_task_that_answers_its_cancel_with_an_error_has_failed)
{
    bide_task *task = spawn(fail_when_cancelled, NULL);
    turns(1);
    bide_cancel(task);
    ck_assert_int_eq(bide_await(task), -EPROTO);
    return 0;
}

static struct bide_event event;

static intptr_t wait_then_wait_again(void *unused)
{
    (void)unused;
    ck_assert_int_eq(bide_event_wait(&event), 0);
    return bide_event_wait(&event);
}

VIRTUAL_TEST(a_wait_that_was_over_before_the_cancel_succeeds_and_the_next_not)
{
    bide_task *task = spawn(wait_then_wait_again, NULL);
    turns(1);
    bide_event_set(&event);
    bide_cancel(task);
    ck_assert_int_eq(result_of(task), -ECANCELED);
    event = (struct bide_event){0};
    return 0;
}

static intptr_t free_argument(void *arg)
{
    int rc = bide_yield();
    free(arg);
    return rc;
}

VIRTUAL_TEST(a_task_cancelled_before_it_began_still_runs_and_is_refused)
{
    bide_task *task = spawn(free_argument, malloc(100));
    ck_assert(bide_cancel(task));
    ck_assert_int_eq(bide_await(task), -ECHILD);
    return 0;
}

VIRTUAL_TEST(a_cancel_that_nobody_asked_for_is_told_as_a_dead_child)
{
    bide_task *task = spawn(give, NUM(-ECANCELED));
    ck_assert_int_eq(bide_await(task), -ECHILD);
    ck_assert_int_eq(result_of(task), -ECANCELED);
    return 0;
}

VIRTUAL_TEST(a_cancelled_joiner_leaves_the_task_running)
{
    struct bide_scope s;
    intptr_t untouched = 5;
    bide_task *task = spawn(sleep_ms, NUM(20));
    bide_scope_open(&s, bide_after(BIDE_MS(10)));
    ck_assert_int_eq(bide_join(task, &untouched), -ETIMEDOUT);
    ck_assert_int_eq(untouched, 5);
    ck_assert_int_eq(bide_await(task), -ETIMEDOUT);
    bide_scope_close(&s, 0);
    ck_assert_int_eq(bide_await(task), 20);
    return 0;
}

VIRTUAL_TEST(awaiting_an_ended_task_is_refused_in_a_cancelled_scope)
{
    struct bide_scope s;
    bide_task *task = spawn(give, NUM(1));
    turns(1);
    bide_scope_open(&s, 0);
    ck_assert_int_eq(bide_await(task), -ETIMEDOUT);
    ck_assert(bide_task_done(task));
    bide_scope_close(&s, 0);
    return 0;
}

VIRTUAL_TEST(a_joiner_cancelled_as_the_task_ends_has_its_result)
{
    bide_task *task = spawn(give_late, NUM(6));
    bide_task *awaiter = spawn(await_it, task);
    turns(2);
    ck_assert(bide_task_done(task) && !bide_task_done(awaiter));
    bide_cancel(awaiter);
    ck_assert_int_eq(result_of(awaiter), 6);
    return 0;
}

VIRTUAL_TEST(a_task_does_not_inherit_the_scopes_of_its_spawner)
{
    struct bide_scope s;
    bide_scope_open(&s, 0);
    ck_assert_int_eq(bide_yield(), -ETIMEDOUT);
    bide_task *task = spawn(sleep_ms, NUM(10));
    bide_scope_close(&s, 0);
    ck_assert_int_eq(bide_await(task), 10);
    return 0;
}

/* ---- Errors that nobody reads ------------------------------------------- */

VIRTUAL_TEST(a_failure_that_nobody_read_is_told_once)
{
    ck_assert_int_eq(bide_spawn(NULL, give, NUM(-EIO)), 0);
    turns(2);
    ck_assert_uint_eq(heard.count, 1);
    ck_assert_int_eq(heard.code, -EIO);
    bide_task *task = spawn(give, NUM(-EPERM));
    turns(1);
    ck_assert_uint_eq(heard.count, 1);
    bide_release(task);
    ck_assert_uint_eq(heard.count, 2);
    ck_assert_int_eq(heard.code, -EPERM);
    return 0;
}

VIRTUAL_TEST(a_failure_that_was_read_is_not_told)
{
    bide_task *awaited = spawn(give, NUM(-EIO));
    bide_task *joined = spawn(give, NUM(-EIO));
    bide_task *gathered = spawn(give, NUM(-EIO));
    ck_assert_int_eq(bide_await(awaited), -EIO);
    ck_assert_int_eq(result_of(joined), -EIO);
    ck_assert_int_eq(bide_gather_tasks(&gathered, 1, NULL, BIDE_FAIL_FAST),
                     -EIO);
    bide_release(awaited);
    bide_release(joined);
    bide_release(gathered);
    ck_assert_uint_eq(heard.count, 0);
    return 0;
}

VIRTUAL_TEST(a_failure_awaited_after_its_release_is_read)
{
    bide_task *task = spawn(fail_after_ms, NUM(1));
    bide_task *awaiter = spawn(await_it, task);
    turns(1);
    bide_release(task);
    ck_assert_int_eq(bide_await(awaiter), -EIO);
    ck_assert_uint_eq(heard.count, 0);
    return 0;
}

VIRTUAL_TEST(a_cancelled_task_is_no_failure_that_must_be_read)
{
    bide_task *task = spawn(sleep_for_ever, NULL);
    turns(1);
    bide_cancel(task);
    bide_release(task);
    turns(1);
    ck_assert_uint_eq(heard.count, 0);
    return 0;
}

static struct bide_error told;

static void keep_where(const struct bide_error *e)
{
    static char where[64];
    snprintf(where, sizeof where, "%s", e->where);
    told = *e;
    told.where = where;
}

static intptr_t spawn_a_failure(void *unused)
{
    (void)unused;
    return bide_spawn(NULL, give, NUM(-EIO));
}

START_TEST(the_spawn_site_is_told_with_the_failure)
{
    struct bide_options options = {.on_error = keep_where};
    ck_assert_int_eq(bide_run(spawn_a_failure, NULL, &options), 0);
    ck_assert_int_eq(told.code, -EIO);
    ck_assert_ptr_nonnull(strstr(told.where, "+0x"));
}
END_TEST

static void run_without_a_hook(void)
{
    bide_run(spawn_a_failure, NULL, NULL);
}

START_TEST(without_a_hook_a_failure_is_told_on_stderr)
{
    char text[512];
    ck_assert_int_eq(in_child(run_without_a_hook, text, sizeof text), 0);
    ck_assert_ptr_nonnull(strstr(text, "task-2"));
    ck_assert_ptr_nonnull(strstr(text, "nobody read it"));
}
END_TEST

/* ---- Names -------------------------------------------------------------- */

static intptr_t fail_under(void *name)
{
    if (name)
        bide_set_name(name);
    return -EIO;
}

static void expect_name(const char *spawned_as, const char *renamed,
                        const char *told_as)
{
    void *name = (void *)(uintptr_t)renamed;
    bide_task *task = spawn_as(spawned_as, fail_under, name);
    turns(1);
    bide_release(task);
    ck_assert_str_eq(heard.task, told_as);
}

VIRTUAL_TEST(tasks_are_told_apart_by_their_names)
{
    expect_name(NULL, NULL, "task-2");
    expect_name(NULL, NULL, "task-3");
    expect_name("", NULL, "task-4");
    expect_name("reader", NULL, "reader");
    expect_name("reader", "writer", "writer");
    expect_name(NULL, "writer", "writer");
    expect_name("a name of more than thirty-one bytes is cut", NULL,
                "a name of more than thirty-one ");
    return 0;
}

VIRTUAL_TEST(a_task_without_its_name_is_numbered_again)
{
    char name[] = "worker";
    bide_set_name(name);
    name[0] = 'W'; /* it was copied */
    bide_set_name(NULL);
    expect_name("reader", "", "task-2");
    return 0;
}

/* ---- Starting ----------------------------------------------------------- */

START_TEST(outside_a_run_there_is_no_self)
{
    ck_assert_ptr_null(bide_self());
    ck_assert_int_eq(run_virtual(give, NULL), 0);
    ck_assert_ptr_null(bide_self());
}
END_TEST

static intptr_t tell_self(void *self)
{
    *(bide_task **)self = bide_self();
    return 0;
}

VIRTUAL_TEST(self_is_the_handle_that_the_spawner_was_given)
{
    bide_task *self = NULL, *task = spawn(tell_self, &self);
    turns(1);
    ck_assert_ptr_eq(self, task);
    ck_assert_ptr_ne(self, bide_self());
    return 0;
}

VIRTUAL_TEST(a_spawn_that_makes_no_sense_is_refused)
{
    struct bide_spawn_options small = {.stack_bytes = (16 << 10) - 1},
                              large = {.stack_bytes = SIZE_MAX},
                              unknown = {.flags = 2},
                              smallest = {.stack_bytes = 16 << 10};
    bide_task *task;
    ck_assert_int_eq(bide_spawn(&task, NULL, NULL), -EINVAL);
    ck_assert_int_eq(bide_spawn_with(&task, NULL, NULL, NULL), -EINVAL);
    ck_assert_int_eq(bide_spawn_with(&task, give, NULL, &small), -EINVAL);
    ck_assert_int_eq(bide_spawn_with(&task, give, NULL, &large), -EINVAL);
    ck_assert_int_eq(bide_spawn_with(&task, give, NULL, &unknown), -EINVAL);
    ck_assert_int_eq(bide_spawn_with(&task, give, NUM(1), &smallest), 0);
    ck_assert_int_eq(bide_await(task), 1);
    return 0;
}

static intptr_t use_a_megabyte(void *unused)
{
    volatile char room[1 << 20];
    (void)unused;
    for (size_t i = 0; i < sizeof room; i += 1024)
        room[i] = 1;
    turns(1);
    return room[1024];
}

VIRTUAL_TEST(a_task_has_the_stack_that_it_was_promised)
{
    struct bide_spawn_options options = {.stack_bytes = (1 << 20) + (64 << 10)};
    bide_task *task;
    ck_assert_int_eq(bide_spawn_with(&task, use_a_megabyte, NULL, &options), 0);
    ck_assert_int_eq(bide_await(task), 1);
    return 0;
}

Suite *suite_task(void)
{
    Suite *suite = suite_create("task");
    TCase *t = tcase_create("results");
    tcase_add_checked_fixture(t, clear_journal, NULL);
    tcase_add_test(t, a_task_can_be_awaited_again_and_again);
    tcase_add_test(
        t, those_who_await_a_task_wake_in_the_order_in_which_they_began);
    tcase_add_test(t, a_result_may_be_any_word_and_join_tells_it_as_it_was);
    tcase_add_test(t, a_task_cannot_await_itself);
    tcase_add_test(t, a_task_whose_handle_nobody_wanted_runs_to_its_end);
    tcase_add_test(t, a_task_whose_handle_was_released_runs_to_its_end);
    tcase_add_test(
        t, the_stack_of_a_task_that_has_ended_is_kept_for_its_head_alone);
    tcase_add_test(t, done_is_told_without_waiting);
    tcase_add_test(t, a_thousand_tasks_may_await_each_other_in_a_row);
    tcase_add_test(t, ten_thousand_tasks_may_be_alive_at_once);
    suite_add_tcase(suite, t);

    t = tcase_create("cancelling");
    tcase_add_test(t, a_cancelled_sleeper_wakes_at_once_and_leaves_no_timer);
    tcase_add_test(t, cancelling_an_ended_task_says_so_and_changes_nothing);
    tcase_add_test(t, cancelling_twice_is_as_once);
    tcase_add_test(t, a_task_that_cancels_itself_is_refused_at_its_next_wait);
    tcase_add_test(t, a_task_that_swallows_its_cancel_was_not_cancelled);
    tcase_add_test(t, a_task_that_answers_its_cancel_with_an_error_has_failed);
    tcase_add_test(
        t, a_wait_that_was_over_before_the_cancel_succeeds_and_the_next_not);
    tcase_add_test(t,
                   a_task_cancelled_before_it_began_still_runs_and_is_refused);
    tcase_add_test(t, a_cancel_that_nobody_asked_for_is_told_as_a_dead_child);
    tcase_add_test(t, a_cancelled_joiner_leaves_the_task_running);
    tcase_add_test(t, awaiting_an_ended_task_is_refused_in_a_cancelled_scope);
    tcase_add_test(t, a_joiner_cancelled_as_the_task_ends_has_its_result);
    tcase_add_test(t, a_task_does_not_inherit_the_scopes_of_its_spawner);
    suite_add_tcase(suite, t);

    t = tcase_create("unread errors");
    tcase_add_test(t, a_failure_that_nobody_read_is_told_once);
    tcase_add_test(t, a_failure_that_was_read_is_not_told);
    tcase_add_test(t, a_failure_awaited_after_its_release_is_read);
    tcase_add_test(t, a_cancelled_task_is_no_failure_that_must_be_read);
    tcase_add_test(t, the_spawn_site_is_told_with_the_failure);
    tcase_add_test(t, without_a_hook_a_failure_is_told_on_stderr);
    suite_add_tcase(suite, t);

    t = tcase_create("starting");
    tcase_add_test(t, tasks_are_told_apart_by_their_names);
    tcase_add_test(t, a_task_without_its_name_is_numbered_again);
    tcase_add_test(t, outside_a_run_there_is_no_self);
    tcase_add_test(t, self_is_the_handle_that_the_spawner_was_given);
    tcase_add_test(t, a_spawn_that_makes_no_sense_is_refused);
    tcase_add_test(t, a_task_has_the_stack_that_it_was_promised);
    suite_add_tcase(suite, t);
    return suite;
}
