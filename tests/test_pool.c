/* test_pool.c: calls in worker processes. */
#include "jobs.h"

REAL_TEST(a_job_is_made_in_another_process)
{
    bide_pool *p = open_pool(1);
    int in = 20, out = 0;
    struct bide_job job = {.fn = twice, .in = &in, .in_bytes = sizeof in,
                           .out = &out, .out_bytes = sizeof out};
    ck_assert_int_eq(bide_pool_call(p, &job), 1);
    ck_assert_int_eq(out, 40);
    ck_assert_uint_eq(job.out_bytes, sizeof out);
    ck_assert_int_ne(pid_of_worker(p), getpid());
    ck_assert_int_eq(bide_pool_close(p), 0);
    return 0;
}

REAL_TEST(three_jobs_in_turn_need_one_worker)
{
    bide_pool *p = open_pool(4);
    intptr_t first = pid_of_worker(p);
    ck_assert_int_eq(pid_of_worker(p), first);
    ck_assert_int_eq(pid_of_worker(p), first);
    struct bide_pool_stats s = stats_of(p);
    ck_assert_uint_eq(s.started, 1);
    ck_assert_uint_eq(s.workers, 1);
    ck_assert_uint_eq(s.ended, 3);
    ck_assert_uint_eq(s.busy, 0);
    bide_pool_close(p);
    return 0;
}

REAL_TEST(an_argument_is_as_long_as_it_was_given)
{
    static const size_t sizes[] = {0, 1, 63, 64, 65, 4096, 16000, 16384, 65536,
                                   1000003, 5u << 20, 3};
    bide_pool *p = open_pool(1);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        ck_assert(echo_works(p, sizes[i]));
    bide_pool_close(p);
    return 0;
}

REAL_TEST(a_negative_result_is_the_jobs_own)
{
    bide_pool *p = open_pool(1);
    ck_assert_int_eq(call_int(p, give_back, -EXDEV), -EXDEV);
    bide_pool_close(p);
    return 0;
}

/* More jobs at once than slots and workers. */
REAL_TEST(many_calls_at_once_all_get_their_own_result)
{
    bide_pool *p = open_pool(2);
    ck_assert_int_eq(call_many(p, give_back, 200), 200);
    ck_assert_uint_le(stats_of(p).started, 2); /* one may be quick enough */
    ck_assert_uint_eq(stats_of(p).calls, 0);
    bide_pool_close(p);
    return 0;
}

REAL_TEST(the_initializer_runs_once_in_each_worker_before_any_job)
{
    static int static_value = 5;
    struct bide_pool_options opt = {.workers = 2, .init = note_init,
                                    .init_arg = &static_value};
    bide_pool *p = open_pool_with(&opt);
    ck_assert_int_eq(call_int(p, tell_init, 0), 105);
    ck_assert_int_eq(call_int(p, tell_init, 0), 105);
    ck_assert_int_eq(call_many(p, tell_init_each, 50), 50);
    bide_pool_close(p);
    return 0;
}

REAL_TEST(an_initializers_argument_may_be_a_number)
{
    struct bide_pool_options opt = {.workers = 1, .init = note_number,
                                    .init_arg = (void *)7};
    bide_pool *p = open_pool_with(&opt);
    ck_assert_int_eq(call_int(p, tell_init, 0), 7);
    bide_pool_close(p);
    return 0;
}

REAL_TEST(an_initializer_that_fails_is_told_by_every_call)
{
    struct bide_pool_options opt = {.workers = 2, .init = refuse_init};
    bide_pool *p = open_pool_with(&opt);
    ck_assert_int_eq(call_int(p, give_back, 1), -ENOTTY);
    ck_assert_int_eq(call_int(p, give_back, 1), -ENOTTY);
    bide_pool_close(p);
    return 0;
}

REAL_TEST(a_worker_is_replaced_after_its_number_of_jobs)
{
    struct bide_pool_options opt = {.workers = 1, .max_jobs_per_worker = 2};
    bide_pool *p = open_pool_with(&opt);
    intptr_t first = pid_of_worker(p), second = pid_of_worker(p);
    intptr_t third = pid_of_worker(p);
    ck_assert_int_eq(first, second);
    ck_assert_int_ne(second, third);
    bide_pool_close(p);
    return 0;
}

REAL_TEST(a_backlog_is_made_by_workers_that_are_replaced)
{
    struct bide_pool_options opt = {.workers = 1, .max_jobs_per_worker = 2};
    bide_pool *p = open_pool_with(&opt);
    ck_assert_int_eq(call_many(p, give_back, 6), 6);
    ck_assert_uint_eq(stats_of(p).started, 3);
    ck_assert_uint_eq(stats_of(p).died, 0);
    bide_pool_close(p);
    return 0;
}

REAL_TEST(a_result_that_does_not_fit_tells_its_size)
{
    bide_pool *p = open_pool(1);
    char out[10];
    struct bide_job job = {.fn = want_room, .out = out,
                           .out_bytes = sizeof out};
    intptr_t worker = pid_of_worker(p);
    ck_assert_int_eq(bide_pool_call(p, &job), -EMSGSIZE);
    ck_assert_uint_eq(job.out_bytes, 100000);
    ck_assert_int_eq(pid_of_worker(p), worker);
    bide_pool_close(p);
    return 0;
}

REAL_TEST(what_cannot_be_sent_fails_its_own_call)
{
    bide_pool *p = open_pool(1);
    struct bide_job no_function = {0};
    struct bide_job no_memory = {.fn = give_back, .in_bytes = 4};
    struct bide_job no_room = {.fn = give_back, .out_bytes = 4};
    struct bide_job endless = {.fn = give_back, .in = p,
                               .in_bytes = SIZE_MAX / 2};
    struct bide_job no_module = {.fn = (bide_job_fn *)(uintptr_t)open_pool(1)};
    ck_assert_int_eq(bide_pool_call(p, &no_function), -EINVAL);
    ck_assert_int_eq(bide_pool_call(p, &no_memory), -EINVAL);
    ck_assert_int_eq(bide_pool_call(p, &no_room), -EINVAL);
    ck_assert_int_eq(bide_pool_call(p, &endless), -ENOMEM);
    ck_assert_int_eq(bide_pool_call(p, &no_module), -ELIBACC);
    ck_assert_int_eq(call_int(p, give_back, 3), 3);
    bide_pool_close(p);
    bide_pool_close((bide_pool *)(uintptr_t)no_module.fn);
    return 0;
}

REAL_TEST(options_out_of_range_open_no_pool)
{
    bide_pool *p;
    struct bide_pool_options many = {.workers = 5000};
    struct bide_pool_options late = {.kill_grace = -1};
    struct bide_pool_options far = {.look_ahead = 32};
    struct bide_pool_options way = {.on_cancel = (enum bide_pool_cancel)2};
    ck_assert_int_eq(bide_pool_open(&p, &many), -EINVAL);
    ck_assert_int_eq(bide_pool_open(&p, &late), -EINVAL);
    ck_assert_int_eq(bide_pool_open(&p, &far), -EINVAL);
    ck_assert_int_eq(bide_pool_open(&p, &way), -EINVAL);
    ck_assert_int_eq(bide_pool_open(&p, NULL), 0);
    ck_assert_int_eq(bide_pool_close(p), 0);
    return 0;
}

REAL_TEST(a_worker_has_no_descriptor_of_ours_and_an_empty_input)
{
    int secret = open("/dev/null", O_RDONLY); /* without close-on-exec */
    bide_pool *p = open_pool(1);
    ck_assert_int_eq(call_int(p, count_descriptors, 0), 6);
    ck_assert_int_eq(call_int(p, read_input, 0), 0);
    bide_pool_close(p);
    close(secret);
    return 0;
}

static intptr_t count_in_worker(void *unused)
{
    (void)unused;
    bide_pool *p = open_pool(1);
    intptr_t count = call_int(p, count_descriptors, 0);
    bide_pool_close(p);
    return count;
}

static void count_as_daemon(void)
{
    close(0);
    close(1);
    close(2);
    _exit((int)run_task(count_in_worker, NULL));
}

/* What is printed there would go into what the worker shares with us. */
START_TEST(without_standard_descriptors_a_worker_gets_none_of_ours)
{
    char text[256];
    int status = in_child(count_as_daemon, text, sizeof text);
    ck_assert_int_eq(WEXITSTATUS(status), 4);
}
END_TEST

/* The job that waits behind a long one is taken by whoever is free. */
REAL_TEST(no_job_waits_behind_a_long_one_while_a_worker_is_free)
{
    struct bide_pool_options opt = {.workers = 2,
                                    .on_cancel = BIDE_POOL_KILL};
    bide_pool *p = open_pool_with(&opt);
    struct bide_group g = {0};
    struct int_call long_one = {.pool = p, .fn = sleep_long};
    bide_group_open(&g, BIDE_COLLECT);
    ck_assert_int_eq(bide_group_spawn(&g, make_int_call, &long_one), 0);
    ck_assert_int_eq(call_many(p, give_back, 100), 100);
    bide_group_cancel(&g);
    bide_group_close(&g, 0);
    ck_assert_int_eq(long_one.result, -ECANCELED);
    bide_pool_close(p);
    return 0;
}

REAL_TEST(a_pool_that_is_left_open_ends_with_its_run)
{
    bide_pool *p = open_pool(1);
    ck_assert_int_gt(pid_of_worker(p), 0);
    return 0;
}

static intptr_t call_closed(void *arg)
{
    bide_pool *p = open_pool(1);
    (void)arg;
    bide_pool_close(p);
    return call_int(p, give_back, 1);
}

START_TEST(a_pool_that_was_closed_is_not_called)
{
    expect_contract(call_closed, "bide_pool_call", "pool", NULL);
}
END_TEST

Suite *suite_pool(void)
{
    bool works = pools_work();
    Suite *s = suite_create("pool");
    TCase *t = tcase_create("pool");
    suite_add_tcase(s, t);
    if (!works)
        return s;
    tcase_add_test(t, a_job_is_made_in_another_process);
    tcase_add_test(t, three_jobs_in_turn_need_one_worker);
    tcase_add_test(t, an_argument_is_as_long_as_it_was_given);
    tcase_add_test(t, a_negative_result_is_the_jobs_own);
    tcase_add_test(t, many_calls_at_once_all_get_their_own_result);
    tcase_add_test(t, the_initializer_runs_once_in_each_worker_before_any_job);
    tcase_add_test(t, an_initializers_argument_may_be_a_number);
    tcase_add_test(t, an_initializer_that_fails_is_told_by_every_call);
    tcase_add_test(t, a_worker_is_replaced_after_its_number_of_jobs);
    tcase_add_test(t, a_backlog_is_made_by_workers_that_are_replaced);
    tcase_add_test(t, a_result_that_does_not_fit_tells_its_size);
    tcase_add_test(t, what_cannot_be_sent_fails_its_own_call);
    tcase_add_test(t, options_out_of_range_open_no_pool);
    tcase_add_test(t, a_worker_has_no_descriptor_of_ours_and_an_empty_input);
    tcase_add_test(t,
                   without_standard_descriptors_a_worker_gets_none_of_ours);
    tcase_add_test(t, no_job_waits_behind_a_long_one_while_a_worker_is_free);
    tcase_add_test(t, a_pool_that_is_left_open_ends_with_its_run);
    tcase_add_test(t, a_pool_that_was_closed_is_not_called);
    return s;
}
