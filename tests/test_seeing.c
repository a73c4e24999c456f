/* test_seeing.c: bide_info(), bide_stats(), bide_dump(). */
#include "tasks.h"

/* ---- Information -------------------------------------------------------- */

static intptr_t ask_inside(void *info)
{
    bide_info(info);
    return 0;
}

START_TEST(outside_a_run_it_is_told_what_a_run_would_get)
{
    struct bide_info before, inside, after;
    int descriptors = open_descriptors();
    bide_info(&before);
    ck_assert_int_eq(run_task(ask_inside, &inside), 0);
    bide_info(&after);
    ck_assert_str_eq(before.backend, inside.backend);
    ck_assert_str_eq(after.backend, inside.backend);
    ck_assert_str_eq(before.guard, inside.guard);
    ck_assert_str_eq(before.arch, inside.arch);
    ck_assert_str_eq(inside.stack_reason, "");
    ck_assert_int_eq(open_descriptors(), descriptors);
}
END_TEST

START_TEST(what_is_in_use_has_a_reason)
{
    struct bide_info info;
    bide_info(&info);
    ck_assert(strcmp(info.backend, "io_uring") == 0 ||
              strcmp(info.backend, "epoll") == 0);
    ck_assert(strcmp(info.guard, "kernel") == 0 ||
              strcmp(info.guard, "mprotect") == 0);
    ck_assert_uint_gt(strlen(info.backend_reason), 0);
    ck_assert_uint_gt(strlen(info.guard_reason), 0);
}
END_TEST

/* ---- Counts ------------------------------------------------------------- */

START_TEST(outside_a_run_all_counts_are_zero)
{
    struct bide_stats stats, zeros = {0};
    bide_stats(&stats);
    ck_assert_mem_eq(&stats, &zeros, sizeof stats);
}
END_TEST

VIRTUAL_TEST(tasks_and_switches_are_counted)
{
    struct bide_stats before, after;
    bide_stats(&before);
    ck_assert_uint_eq(before.spawned, 1);
    ck_assert_uint_eq(before.alive, 1);
    for (int i = 0; i < 10; i++)
        bide_release(spawn(sleep_ms, NUM(i + 1)));
    bide_stats(&after);
    ck_assert_uint_eq(after.spawned, 11);
    ck_assert_uint_eq(after.alive, 11);
    ck_assert_int_eq(bide_sleep(BIDE_MS(50)), 0);
    bide_stats(&after);
    ck_assert_uint_eq(after.alive, 1);
    ck_assert_uint_eq(after.alive_peak, 11);
    ck_assert_uint_ge(after.switches, before.switches + 11);
    ck_assert_uint_ge(after.stacks, 11);
    return 0;
}

/* Behaviour 206: what is alive, runnable and next is counted at any time. */
VIRTUAL_TEST(tasks_that_could_run_and_the_next_deadline_are_told)
{
    struct bide_stats stats;
    bide_stats(&stats);
    ck_assert_uint_eq(stats.ready, 0);
    ck_assert_int_eq(stats.next_deadline, BIDE_FOREVER);
    spawn(sleep_ms, NUM(30));
    spawn(sleep_ms, NUM(20));
    bide_stats(&stats);
    ck_assert_uint_eq(stats.ready, 2);
    ck_assert_int_eq(bide_sleep(BIDE_MS(5)), 0);
    bide_stats(&stats);
    ck_assert_uint_eq(stats.ready, 0);
    ck_assert_int_eq(stats.next_deadline, bide_after(BIDE_MS(15)));
    return 0;
}

static void hear(void *count)
{
    ++*(int *)count;
}

VIRTUAL_TEST(posts_that_were_not_taken_in_yet_are_counted)
{
    struct bide_stats stats;
    int count = 0;
    bide_loop *loop = bide_loop_ref();
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(bide_post(loop, hear, &count), 0);
    bide_stats(&stats);
    ck_assert_uint_eq(stats.posts, 3);
    ck_assert_int_eq(bide_sleep(BIDE_MS(1)), 0);
    ck_assert_int_eq(count, 3);
    bide_stats(&stats);
    ck_assert_uint_eq(stats.posts, 0);
    bide_loop_unref(loop);
    return 0;
}

/* ---- The dump ----------------------------------------------------------- */

START_TEST(outside_a_run_the_dump_says_so)
{
    ck_assert_ptr_nonnull(strstr(dump(), "no run"));
}
END_TEST

VIRTUAL_TEST(one_is_told_as_one)
{
    ck_assert_ptr_nonnull(strstr(dump(), "bide: 1 task alive, 1 spawned, "));
    turns(1);
    bide_release(spawn(sleep_ms, NUM(1)));
    ck_assert_ptr_nonnull(strstr(dump(), "bide: 2 tasks alive, 2 spawned, "));
    return 0;
}

static struct bide_event never;

static intptr_t wait_for_never(void *unused)
{
    (void)unused;
    return bide_event_wait(&never);
}

VIRTUAL_TEST(each_task_is_listed_with_what_it_waits_for_and_since_when)
{
    spawn_as("waiter", wait_for_never, NULL);
    bide_task *sleeper = spawn_as("sleeper", sleep_for_ever, NULL);
    spawn_as("joiner", await_it, sleeper);
    spawn_as("brief", give, NUM(7));
    ck_assert_int_eq(bide_sleep(BIDE_MS(2500)), 0);
    spawn_as("fresh", give, NULL);
    dump();
    expect_line("main", "runs");
    expect_line("waiter", "event");
    expect_line("sleeper", "sleep, for 2.500 s");
    expect_line("joiner", "join of 'sleeper'");
    expect_line("brief", "ended with 7");
    expect_line("fresh", "is ready");
    expect_line("waiter", "+0x");
    return 0;
}

static struct bide_mutex mutex;
static struct bide_rwlock rwlock;
static struct bide_once once;

static intptr_t lock_mutex(void *unused)
{
    (void)unused;
    ck_assert_int_eq(bide_mutex_lock(&mutex), 0);
    return bide_mutex_unlock(&mutex);
}

static intptr_t hold_to_read(void *unused)
{
    ck_assert_int_eq(bide_rwlock_rdlock(&rwlock), 0);
    turns(2);
    bide_rwlock_unlock(&rwlock);
    return lock_mutex(unused);
}

static intptr_t hold_to_write(void *unused)
{
    (void)unused;
    ck_assert_int_eq(bide_rwlock_wrlock(&rwlock), 0);
    return bide_rwlock_unlock(&rwlock);
}

static intptr_t run_once(void *unused)
{
    return bide_once(&once, lock_mutex, unused);
}

/* Behaviour 205: who awaits whom is seen through joins and groups. */
static intptr_t hold_a_group(void *unused)
{
    struct bide_group g;
    struct bide_spawn_options opt = {.name = "grandchild"};
    bide_group_open(&g, BIDE_FAIL_FAST);
    int rc = bide_group_spawn_with(&g, NULL, wait_for_never, unused, &opt);
    if (rc == 0)
        rc = bide_group_spawn(&g, sleep_for_ever, NULL);
    return bide_group_close(&g, rc);
}

VIRTUAL_TEST(a_task_is_seen_through_the_group_and_the_join_that_wait_for_it)
{
    bide_task *child = spawn_as("child", hold_a_group, NULL);
    spawn_as("joiner", await_it, child);
    turns(2);
    dump();
    expect_line("grandchild ", "waits: event");
    expect_line("child ", "waits: group close 0x");
    expect_line("child ", " of 'grandchild' and 1 more, for");
    expect_line("joiner ", "waits: join of 'child'");
    return 0;
}

VIRTUAL_TEST(who_waits_for_a_lock_is_listed_with_its_owner)
{
    mutex = (struct bide_mutex){0};
    rwlock = (struct bide_rwlock){0};
    once = (struct bide_once){0};
    ck_assert_int_eq(bide_mutex_lock(&mutex), 0);
    spawn_as("locker", lock_mutex, NULL);
    spawn_as("reader", hold_to_read, NULL);
    spawn_as("runner", run_once, NULL);
    spawn_as("second", run_once, NULL);
    spawn_as("writer", hold_to_write, NULL);
    turns(1);
    dump();
    expect_line("locker", "waits: mutex 0x");
    expect_line("locker", " of 'main', for");
    expect_line("writer", " of 'reader', for");
    expect_line("runner", " of 'main', for");
    expect_line("second", " of 'runner', for");
    bide_mutex_unlock(&mutex);
    turns(8);
    ck_assert_ptr_null(strstr(dump(), "waits"));
    return 0;
}

VIRTUAL_TEST(ended_tasks_without_a_handle_are_not_listed)
{
    bide_release(spawn_as("brief", give, NULL));
    turns(1);
    ck_assert_ptr_null(strstr(dump(), "brief"));
    ck_assert_ptr_nonnull(strstr(dump(), "main"));
    return 0;
}

Suite *suite_seeing(void)
{
    Suite *suite = suite_create("seeing");
    TCase *t = tcase_create("seeing");
    tcase_add_test(t, outside_a_run_it_is_told_what_a_run_would_get);
    tcase_add_test(t, what_is_in_use_has_a_reason);
    tcase_add_test(t, outside_a_run_all_counts_are_zero);
    tcase_add_test(t, tasks_and_switches_are_counted);
    tcase_add_test(t, tasks_that_could_run_and_the_next_deadline_are_told);
    tcase_add_test(t, posts_that_were_not_taken_in_yet_are_counted);
    tcase_add_test(t, outside_a_run_the_dump_says_so);
    tcase_add_test(t, one_is_told_as_one);
    tcase_add_test(t,
                   each_task_is_listed_with_what_it_waits_for_and_since_when);
    tcase_add_test(
        t, a_task_is_seen_through_the_group_and_the_join_that_wait_for_it);
    tcase_add_test(t, who_waits_for_a_lock_is_listed_with_its_owner);
    tcase_add_test(t, ended_tasks_without_a_handle_are_not_listed);
    suite_add_tcase(suite, t);
    return suite;
}
