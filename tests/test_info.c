/* test_info.c: what the library tells of itself. */
#include "doors.h"

#include <stdio.h>
#include <sys/wait.h>

/* ---- bide_info() -------------------------------------------------------- */

static intptr_t fill_info(void *info)
{
    bide_info(info);
    return 0;
}

static void check_complete(const struct bide_info *info)
{
    ck_assert(strcmp(info->backend, "io_uring") == 0 ||
              strcmp(info->backend, "epoll") == 0);
    ck_assert(strcmp(info->guard, "kernel") == 0 ||
              strcmp(info->guard, "mprotect") == 0);
    ck_assert_uint_gt(strlen(info->backend_reason), 0);
    ck_assert_uint_gt(strlen(info->guard_reason), 0);
    ck_assert_uint_gt(strlen(info->arch), 0);
    ck_assert_str_eq(info->stack_reason, "");
}

START_TEST(info_is_complete_outside_and_inside_a_run_and_agrees)
{
    struct bide_info outside = {0}, inside = {0};
    int before = open_descriptors();
    bide_info(&outside);
    ck_assert_int_eq(open_descriptors(), before);
    check_complete(&outside);
    ck_assert_int_eq(bide_run(fill_info, &inside, NULL), 0);
    check_complete(&inside);
    ck_assert_str_eq(outside.backend, inside.backend);
    ck_assert_str_eq(outside.guard, inside.guard);
    ck_assert_str_eq(outside.arch, inside.arch);
}
END_TEST

START_TEST(a_backend_that_was_asked_for_is_told_as_the_reason)
{
    struct bide_options options = {.backend = BIDE_EPOLL};
    struct bide_info info = {0};
    unsetenv("BIDE_BACKEND");
    ck_assert_int_eq(bide_run(fill_info, &info, &options), 0);
    ck_assert_str_eq(info.backend, "epoll");
    ck_assert_ptr_nonnull(strstr(info.backend_reason, "asked"));
}
END_TEST

START_TEST(the_environment_wins_over_the_option)
{
    struct bide_options options = {.backend = BIDE_URING};
    struct bide_info info = {0};
    setenv("BIDE_BACKEND", "epoll", 1);
    ck_assert_int_eq(bide_run(fill_info, &info, &options), 0);
    ck_assert_str_eq(info.backend, "epoll");
    bide_info(&info);
    ck_assert_str_eq(info.backend, "epoll");
}
END_TEST

START_TEST(auto_and_nothing_in_the_environment_leave_the_option)
{
    struct bide_options options = {.backend = BIDE_EPOLL};
    const char *values[] = {"", "auto"};
    for (int i = 0; i < 2; i++) {
        struct bide_info info = {0};
        setenv("BIDE_BACKEND", values[i], 1);
        ck_assert_int_eq(bide_run(fill_info, &info, &options), 0);
        ck_assert_str_eq(info.backend, "epoll");
    }
}
END_TEST

static void run_with_bad_backend(void)
{
    struct bide_info info;
    setenv("BIDE_BACKEND", "kqueue", 1);
    _exit(bide_run(fill_info, &info, NULL) == -EINVAL ? 7 : 8);
}

START_TEST(a_backend_that_does_not_exist_fails_the_run_with_a_sentence)
{
    char text[512];
    int status = in_child(run_with_bad_backend, text, sizeof text);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 7);
    ck_assert_ptr_nonnull(strstr(text, "kqueue"));
    ck_assert_ptr_nonnull(strstr(text, "epoll"));
    ck_assert_int_eq(text[strlen(text) - 1], '\n');
}
END_TEST

static void ask_with_bad_backend(void)
{
    struct bide_info info = {0};
    setenv("BIDE_BACKEND", "kqueue", 1);
    bide_info(&info);
    _exit(info.backend && info.backend_reason && info.guard ? 7 : 8);
}

START_TEST(info_survives_a_backend_that_does_not_exist)
{
    char text[512];
    int status = in_child(ask_with_bad_backend, text, sizeof text);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 7);
}
END_TEST

START_TEST(options_out_of_range_are_refused)
{
    const struct bide_options bad[] = {
        {.backend = (enum bide_backend)9}, {.backend = (enum bide_backend)-1},
        {.stack_bytes = 1},                {.stack_bytes = SIZE_MAX},
        {.ring_entries = 1u << 31},        {.thread_limit = 1u << 31},
        {.shutdown_grace = -1},
    };
    struct bide_info info;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_int_eq(bide_run(fill_info, &info, &bad[i]), -EINVAL);
    ck_assert_int_eq(bide_run(NULL, NULL, NULL), -EINVAL);
}
END_TEST

/* ---- bide_stats() ------------------------------------------------------- */

START_TEST(stats_are_zeros_outside_a_run)
{
    struct bide_stats stats, zeros = {0};
    memset(&stats, 0xff, sizeof stats);
    bide_stats(&stats);
    ck_assert_mem_eq(&stats, &zeros, sizeof zeros);
}
END_TEST

static intptr_t nothing(void *arg)
{
    (void)arg;
    return 0;
}

REAL_TEST(stats_count_the_tasks)
{
    struct bide_stats before, with, after;
    bide_task *tasks[5];
    bide_stats(&before);
    ck_assert_uint_eq(before.alive, 1);
    ck_assert_uint_eq(before.spawned, 1);
    for (int i = 0; i < 5; i++)
        tasks[i] = start(nothing, NULL);
    bide_stats(&with);
    ck_assert_uint_eq(with.spawned, 6);
    ck_assert_uint_eq(with.alive, 6);
    ck_assert_uint_ge(with.stacks, 6);
    for (int i = 0; i < 5; i++)
        end_of(tasks[i]);
    bide_stats(&after);
    ck_assert_uint_eq(after.alive, 1);
    ck_assert_uint_eq(after.alive_peak, 6);
    ck_assert_uint_gt(after.switches, before.switches);
    return 0;
}

REAL_TEST(stats_count_what_the_kernel_did)
{
    struct bide_stats before, after;
    char buf[8];
    struct ends pipe = open_ends(PIPE, 0);
    bide_stats(&before);
    bide_task *reader = park(io_read, &(struct io){pipe.out, buf, 8, 0});
    put(pipe.in, "x");
    end_of(reader);
    bide_stats(&after);
    ck_assert_uint_gt(after.submits, before.submits);
    ck_assert_uint_gt(after.wakeups, before.wakeups);
    close_ends(pipe);
    return 0;
}

/* ---- bide_dump() -------------------------------------------------------- */

/* What a dump says now. */
static const char *dump(char *text, size_t room)
{
    int fds[2];
    ck_assert_int_eq(pipe(fds), 0);
    bide_dump(fds[1]);
    close(fds[1]);
    ssize_t n = read(fds[0], text, room - 1);
    ck_assert_int_ge(n, 0);
    text[n] = '\0';
    close(fds[0]);
    return text;
}

START_TEST(dump_outside_a_run_says_so)
{
    char text[512];
    ck_assert_ptr_nonnull(strstr(dump(text, sizeof text), "no run"));
}
END_TEST

/* The line of the task `name`, alone. */
static void expect_line(const char *text, const char *name, const char *what)
{
    const char *at = strstr(text, name);
    ck_assert_msg(at, "no %s in: %s", name, text);
    char line[256];
    size_t n = strcspn(at, "\n");
    ck_assert_uint_lt(n, sizeof line);
    memcpy(line, at, n);
    line[n] = '\0';
    ck_assert_msg(strstr(line, what), "no '%s' in: %s", what, line);
}

static intptr_t wait_for_mutex(void *mutex)
{
    return bide_mutex_lock(mutex);
}

static bide_task *start_named(const char *name, bide_fn *fn, void *arg)
{
    struct bide_spawn_options options = {.name = name};
    bide_task *task;
    ck_assert_int_eq(bide_spawn_with(&task, fn, arg, &options), 0);
    return task;
}

static intptr_t join_it(void *task)
{
    return bide_join(task, NULL);
}

REAL_TEST(dump_tells_what_each_task_waits_for)
{
    char text[8192], number[32], buf[8];
    struct ends pipe = open_ends(PIPE, 0);
    struct bide_mutex mutex = {0};
    ck_assert_int_eq(bide_mutex_lock(&mutex), 0);
    bide_task *tasks[] = {
        start_named("the-reader", io_read, &(struct io){pipe.out, buf, 8, 0}),
        start_named("the-locker", wait_for_mutex, &mutex), NULL,
        start_named("the-fresh-one", nothing, NULL)};
    tasks[2] = start_named("the-joiner", join_it, tasks[0]);
    bide_yield();
    bide_yield();
    bide_task *ready = start_named("the-ready-one", nothing, NULL);
    dump(text, sizeof text);
    snprintf(number, sizeof number, "read on descriptor %d", pipe.out);
    expect_line(text, "the-reader", number);
    expect_line(text, "the-locker", "mutex");
    expect_line(text, "the-joiner", "the-reader");
    expect_line(text, "the-ready-one", "is ready");
    expect_line(text, "the-fresh-one", "ended with 0");
    expect_line(text, "main", "runs");
    put(pipe.in, "x");
    ck_assert_int_eq(bide_mutex_unlock(&mutex), 0);
    for (int i = 0; i < 4; i++)
        end_of(tasks[i]);
    end_of(ready);
    close_ends(pipe);
    return 0;
}

REAL_TEST(dump_tells_for_how_long)
{
    char text[4096], buf[8];
    struct ends pipe = open_ends(PIPE, 0);
    bide_task *reader = start_named("patient", io_read,
                                    &(struct io){pipe.out, buf, 8, 0});
    bide_sleep(BIDE_MS(12));
    const char *line = strstr(dump(text, sizeof text), "patient");
    ck_assert_ptr_nonnull(line);
    double seconds = atof(strstr(line, ", for ") + 6);
    ck_assert(seconds >= 0.011 && seconds < 3);
    put(pipe.in, "x");
    end_of(reader);
    close_ends(pipe);
    return 0;
}

REAL_TEST(dump_to_a_bad_descriptor_does_nothing)
{
    bide_dump(-1);
    bide_dump(free_number());
    return 0;
}

REAL_TEST(dump_shows_names_as_they_are)
{
    char text[4096], name[64];
    memset(name, 'n', 63);
    name[63] = '\0';
    bide_task *longest = start_named(name, nothing, NULL);
    bide_task *odd = start_named("100%s %n", nothing, NULL);
    bide_task *unnamed = start(nothing, NULL);
    dump(text, sizeof text);
    name[31] = '\0';
    ck_assert_ptr_nonnull(strstr(text, name));
    ck_assert_ptr_nonnull(strstr(text, "100%s %n"));
    ck_assert_ptr_nonnull(strstr(text, "task-4"));
    end_of(longest);
    end_of(odd);
    end_of(unnamed);
    return 0;
}

Suite *suite_info(void)
{
    Suite *s = suite_create("info");
    TCase *t = tcase_create("info");
    tcase_add_test(t, info_is_complete_outside_and_inside_a_run_and_agrees);
    tcase_add_test(t, a_backend_that_was_asked_for_is_told_as_the_reason);
    tcase_add_test(t, the_environment_wins_over_the_option);
    tcase_add_test(t, auto_and_nothing_in_the_environment_leave_the_option);
    tcase_add_test(
        t, a_backend_that_does_not_exist_fails_the_run_with_a_sentence);
    tcase_add_test(t, info_survives_a_backend_that_does_not_exist);
    tcase_add_test(t, options_out_of_range_are_refused);
    suite_add_tcase(s, t);
    t = tcase_create("stats and dump");
    tcase_add_test(t, stats_are_zeros_outside_a_run);
    tcase_add_test(t, stats_count_the_tasks);
    tcase_add_test(t, stats_count_what_the_kernel_did);
    tcase_add_test(t, dump_outside_a_run_says_so);
    tcase_add_test(t, dump_tells_what_each_task_waits_for);
    tcase_add_test(t, dump_tells_for_how_long);
    tcase_add_test(t, dump_to_a_bad_descriptor_does_nothing);
    tcase_add_test(t, dump_shows_names_as_they_are);
    suite_add_tcase(s, t);
    return s;
}
