/* test_run.c: bide_run(): what it returns, what it refuses, how it closes. */
#include "sys.h"
#include "tasks.h"

#include <limits.h>
#include <stdatomic.h>
#include <sys/wait.h>

/* ---- Results ------------------------------------------------------------ */

START_TEST(run_returns_what_main_returned)
{
    intptr_t results[] = {0, 1, -EIO, -ECANCELED, INTPTR_MAX, INTPTR_MIN};
    for (size_t i = 0; i < LENGTH(results); i++)
        ck_assert_int_eq(bide_run(give_late, NUM(results[i]), NULL),
                         results[i]);
}
END_TEST

START_TEST(zeroed_options_are_the_defaults)
{
    struct bide_options options = {0};
    ck_assert_int_eq(bide_run(give_late, NUM(42), &options), 42);
}
END_TEST

START_TEST(a_run_without_a_function_is_refused)
{
    ck_assert_int_eq(bide_run(NULL, NULL, NULL), -EINVAL);
}
END_TEST

START_TEST(options_out_of_range_are_refused)
{
    struct bide_options wrong[] = {
        {.backend = 3},          {.backend = -1},
        {.stack_bytes = 1},      {.stack_bytes = SIZE_MAX},
        {.ring_entries = 32769}, {.thread_limit = UINT_MAX},
        {.shutdown_grace = -1},  {.timer_slack = -1},
        {.slow_turn = -1},       {.slow_cancel = -1},
    };
    int before = open_descriptors();
    for (size_t i = 0; i < LENGTH(wrong); i++)
        ck_assert_int_eq(bide_run(give, NUM(1), &wrong[i]), -EINVAL);
    ck_assert_int_eq(open_descriptors(), before);
}
END_TEST

static void run_with_unknown_backend(void)
{
    setenv("BIDE_BACKEND", "kqueue", 1);
    _Exit(bide_run(give, NUM(1), NULL) == -EINVAL ? 7 : 1);
}

START_TEST(an_unknown_backend_in_the_environment_is_refused_with_a_sentence)
{
    char text[512];
    int status = in_child(run_with_unknown_backend, text, sizeof text);
    ck_assert_int_eq(WEXITSTATUS(status), 7);
    ck_assert_ptr_nonnull(strstr(text, "kqueue"));
}
END_TEST

static intptr_t run_again(void *unused)
{
    (void)unused;
    ck_assert_int_eq(bide_run(give, NUM(1), NULL), -EDEADLK);
    ck_assert_int_eq(bide_run(NULL, NULL, NULL), -EDEADLK);
    return bide_sleep(BIDE_MS(1));
}

VIRTUAL_TEST(a_run_inside_a_run_is_refused_and_the_outer_one_goes_on)
{
    ck_assert_int_eq(run_again(NULL), 0);
    return result_of(spawn(run_again, NULL));
}

START_TEST(runs_of_one_thread_follow_each_other_and_leave_nothing_open)
{
    int before = open_descriptors();
    for (intptr_t i = 0; i < 50; i++)
        ck_assert_int_eq(bide_run(give_late, NUM(i), NULL), i);
    ck_assert_int_eq(open_descriptors(), before);
}
END_TEST

static atomic_int wrong;

static int run_in_thread(void *value)
{
    for (int i = 0; i < 100; i++)
        wrong += bide_run(give_late, value, NULL) != VALUE(value);
    return 0;
}

START_TEST(each_thread_may_have_a_run_of_its_own)
{
    thrd_t threads[3];
    for (intptr_t i = 0; i < 3; i++)
        ck_assert_int_eq(
            bi_sys.thread_start(&threads[i], run_in_thread, NUM(i)), 0);
    for (int i = 0; i < 3; i++)
        bi_sys_thread_join(threads[i]);
    ck_assert_int_eq(wrong, 0);
}
END_TEST

static intptr_t need_200_kib(void *unused)
{
    volatile char room[200 << 10];
    (void)unused;
    for (size_t i = 0; i < sizeof room; i += 1024)
        room[i] = 1;
    return room[1024];
}

START_TEST(the_stacks_of_a_run_are_as_large_as_it_was_told)
{
    struct bide_options options = {.stack_bytes = 256 << 10};
    ck_assert_int_eq(bide_run(need_200_kib, NULL, &options), 1);
}
END_TEST

static intptr_t nap_in_tasks(void *unused)
{
    (void)unused;
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(result_of(spawn(sleep_ms, NUM(1))), 1);
    return 0;
}

/* Stacks come to lie where those of the run before ended amid their frames,
 * which a sanitizer may remember. */
START_TEST(runs_with_stacks_of_other_sizes_follow_each_other)
{
    size_t kib[] = {64, 16, 32, 1024, 20, 16};
    for (size_t i = 0; i < LENGTH(kib); i++) {
        struct bide_options options = {.stack_bytes = kib[i] << 10};
        ck_assert_int_eq(bide_run(nap_in_tasks, NULL, &options), 0);
    }
}
END_TEST

/* ---- Closing ------------------------------------------------------------ */

static bool ended;

static intptr_t tell_its_end(void *unused)
{
    (void)unused;
    intptr_t rc = end_slowly(NUM(5));
    ended = true;
    return rc;
}

static intptr_t leave_a_sleeper(void *unused)
{
    (void)unused;
    spawn(tell_its_end, NULL);
    turns(1);
    return 42;
}

START_TEST(what_main_leaves_behind_is_cancelled_and_awaited)
{
    ended = false;
    ck_assert_int_eq(run_virtual(leave_a_sleeper, NULL), 42);
    ck_assert(ended);
    ck_assert_uint_eq(heard.count, 0);
}
END_TEST

static intptr_t leave_one_that_never_began(void *unused)
{
    (void)unused;
    spawn(tell_its_end, NULL);
    return 42;
}

START_TEST(a_task_that_main_left_before_it_began_still_runs)
{
    ended = false;
    ck_assert_int_eq(run_virtual(leave_one_that_never_began, NULL), 42);
    ck_assert(ended);
}
END_TEST

static intptr_t leave_a_failure(void *result)
{
    ck_assert_int_eq(bide_spawn(NULL, fail_when_cancelled, NULL), 0);
    turns(1);
    return VALUE(result);
}

START_TEST(a_failure_among_the_left_over_goes_to_the_hook)
{
    intptr_t results[] = {42, -EIO};
    for (size_t i = 0; i < LENGTH(results); i++) {
        intptr_t rc = run_virtual(leave_a_failure, NUM(results[i]));
        ck_assert_int_eq(rc, results[i]);
        ck_assert_uint_eq(heard.count, 1);
        ck_assert_int_eq(heard.code, -EPROTO);
        ck_assert_str_eq(heard.task, "task-2");
    }
}
END_TEST

static intptr_t fail_with_handle_out(void *unused)
{
    (void)unused;
    bide_task *never_released = spawn(fail_after_ms, NUM(1));
    ck_assert_int_eq(bide_sleep(BIDE_MS(2)), 0);
    ck_assert(bide_task_done(never_released));
    return 0;
}

START_TEST(an_unread_failure_is_told_though_its_handle_was_never_released)
{
    ck_assert_int_eq(run_virtual(fail_with_handle_out, NULL), 0);
    ck_assert_uint_eq(heard.count, 1);
    ck_assert_int_eq(heard.code, -EIO);
}
END_TEST

static intptr_t spawn_while_closing(void *unused)
{
    struct bide_group g;
    bide_task *task;
    (void)unused;
    bide_sleep_until(BIDE_FOREVER);
    ck_assert_int_eq(bide_spawn(&task, give, NULL), -ESHUTDOWN);
    ck_assert_int_eq(bide_spawn(&task, NULL, NULL), -ESHUTDOWN);
    bide_group_open(&g, BIDE_FAIL_FAST);
    ck_assert_int_eq(bide_group_spawn(&g, give, NULL), -ECANCELED);
    ck_assert_int_eq(bide_group_close(&g, 0), -ECANCELED);
    ended = true;
    return 0;
}

static intptr_t leave_one_who_spawns(void *unused)
{
    (void)unused;
    spawn(spawn_while_closing, NULL);
    turns(1);
    return 0;
}

START_TEST(a_closing_run_takes_no_more_tasks)
{
    ended = false;
    ck_assert_int_eq(run_virtual(leave_one_who_spawns, NULL), 0);
    ck_assert(ended);
}
END_TEST

static bide_task *main_task;

static intptr_t await_main(void *unused)
{
    (void)unused;
    ck_assert_int_eq(bide_await(main_task), 9);
    ended = true;
    return 0;
}

static intptr_t be_awaited(void *unused)
{
    (void)unused;
    main_task = bide_self();
    spawn(await_main, NULL);
    turns(1);
    return 9;
}

START_TEST(main_may_be_awaited)
{
    ended = false;
    ck_assert_int_eq(run_virtual(be_awaited, NULL), 9);
    ck_assert(ended);
}
END_TEST

static intptr_t spin_through_refusals(void *unused)
{
    (void)unused;
    while (!ended)
        (void)!bide_sleep(1);
    return 0;
}

static intptr_t leave_a_spinner(void *unused)
{
    (void)unused;
    spawn(spin_through_refusals, NULL);
    spawn(tell_its_end, NULL);
    turns(1);
    return 0;
}

START_TEST(a_task_that_swallows_every_refusal_lets_the_others_end)
{
    ended = false;
    ck_assert_int_eq(run_task(leave_a_spinner, NULL), 0);
    ck_assert(ended);
}
END_TEST

static intptr_t cancel_itself(void *unused)
{
    (void)unused;
    bide_cancel(bide_self());
    return bide_yield();
}

START_TEST(a_main_task_that_was_cancelled_by_the_program_is_no_interrupt)
{
    ck_assert_int_eq(run_virtual(cancel_itself, NULL), -ECANCELED);
}
END_TEST

/* ---- The limit of tasks ------------------------------------------------- */

static intptr_t spawn_up_to_three(void *unused)
{
    bide_task *a, *b, *c;
    (void)unused;
    ck_assert_int_eq(bide_spawn(&a, give, NULL), 0);
    ck_assert_int_eq(bide_spawn(&b, give, NULL), 0);
    ck_assert_int_eq(bide_spawn(&c, give, NULL), -EAGAIN);
    ck_assert_int_eq(bide_await(a), 0);
    ck_assert_int_eq(bide_spawn(&c, give, NUM(3)), 0);
    return bide_await(c);
}

START_TEST(main_counts_among_the_tasks_alive_at_once)
{
    struct bide_options options = {.task_limit = 3};
    ck_assert_int_eq(bide_run(spawn_up_to_three, NULL, &options), 3);
}
END_TEST

static intptr_t gather_beyond_the_limit(void *policy)
{
    struct bide_call calls[] = {{give, NUM(1), 0}, {give, NUM(2), 0},
                                {give, NUM(3), 0}};
    intptr_t rc = bide_gather(calls, 3, (enum bide_policy)VALUE(policy));
    ck_assert_int_eq(calls[2].result, -EAGAIN);
    return rc;
}

START_TEST(a_gather_beyond_the_limit_fails_or_tells_it_in_the_slot)
{
    struct bide_options options = {.task_limit = 3};
    ck_assert_int_eq(bide_run(gather_beyond_the_limit, NUM(BIDE_FAIL_FAST),
                              &options), -EAGAIN);
    ck_assert_int_eq(bide_run(gather_beyond_the_limit, NUM(BIDE_COLLECT),
                              &options), 0);
}
END_TEST

static intptr_t race_beyond_the_limit(void *unused)
{
    struct bide_call calls[] = {{sleep_for_ever, NULL, 0},
                                {sleep_for_ever, NULL, 0}};
    (void)unused;
    return bide_race(calls, 2);
}

START_TEST(a_race_beyond_the_limit_fails)
{
    struct bide_options options = {.task_limit = 2};
    ck_assert_int_eq(bide_run(race_beyond_the_limit, NULL, &options), -EAGAIN);
}
END_TEST

Suite *suite_run(void)
{
    Suite *suite = suite_create("run");
    TCase *t = tcase_create("results");
    tcase_add_test(t, run_returns_what_main_returned);
    tcase_add_test(t, zeroed_options_are_the_defaults);
    tcase_add_test(t, a_run_without_a_function_is_refused);
    tcase_add_test(t, options_out_of_range_are_refused);
    tcase_add_test(
        t, an_unknown_backend_in_the_environment_is_refused_with_a_sentence);
    tcase_add_test(t, a_run_inside_a_run_is_refused_and_the_outer_one_goes_on);
    tcase_add_test(t,
                   runs_of_one_thread_follow_each_other_and_leave_nothing_open);
    tcase_add_test(t, each_thread_may_have_a_run_of_its_own);
    tcase_add_test(t, the_stacks_of_a_run_are_as_large_as_it_was_told);
    tcase_add_test(t, runs_with_stacks_of_other_sizes_follow_each_other);
    suite_add_tcase(suite, t);

    t = tcase_create("closing");
    tcase_add_test(t, what_main_leaves_behind_is_cancelled_and_awaited);
    tcase_add_test(t, a_task_that_main_left_before_it_began_still_runs);
    tcase_add_test(t, a_failure_among_the_left_over_goes_to_the_hook);
    tcase_add_test(
        t, an_unread_failure_is_told_though_its_handle_was_never_released);
    tcase_add_test(t, a_closing_run_takes_no_more_tasks);
    tcase_add_test(t, main_may_be_awaited);
    tcase_add_test(t, a_task_that_swallows_every_refusal_lets_the_others_end);
    tcase_add_test(
        t, a_main_task_that_was_cancelled_by_the_program_is_no_interrupt);
    suite_add_tcase(suite, t);

    t = tcase_create("limit");
    tcase_add_test(t, main_counts_among_the_tasks_alive_at_once);
    tcase_add_test(t, a_gather_beyond_the_limit_fails_or_tells_it_in_the_slot);
    tcase_add_test(t, a_race_beyond_the_limit_fails);
    suite_add_tcase(suite, t);
    return suite;
}
