/* test_deadlock.c: when every task waits for another, the run says so and ends;
 * when something may still come, it does not.
 */
#include "sys.h"
#include "tasks.h"

#include <stdatomic.h>
#include <sys/wait.h>
#include <threads.h>

static char said[4096];
static bide_fn *under_test;
static intptr_t returned;

static void run_and_exit(void)
{
    _Exit(run_virtual(under_test, NULL) == returned ? 0 : 1);
}

/* A run of `fn` must return `result` and say both words. */
static void expect_run(bide_fn *fn, intptr_t result, const char *first,
                       const char *second)
{
    under_test = fn;
    returned = result;
    int status = in_child(run_and_exit, said, sizeof said);
    ck_assert_msg(status == 0, "status %#x, said: %s", (unsigned)status, said);
    ck_assert_msg(strstr(said, first), "no '%s' in: %s", first, said);
    ck_assert_msg(strstr(said, second), "no '%s' in: %s", second, said);
}

/* ---- Deadlocks ---------------------------------------------------------- */

static struct bide_mutex left, right;

static intptr_t lock_right_then_left(void *unused)
{
    (void)unused;
    ck_assert_int_eq(bide_mutex_lock(&right), 0);
    turns(1);
    int rc = bide_mutex_lock(&left);
    bide_mutex_unlock(&right);
    return rc;
}

static intptr_t lock_left_then_right(void *unused)
{
    (void)unused;
    spawn_as("philosopher", lock_right_then_left, NULL);
    ck_assert_int_eq(bide_mutex_lock(&left), 0);
    turns(1);
    ck_assert_int_eq(bide_mutex_lock(&right), -ECANCELED);
    ck_assert_int_eq(bide_yield(), -ECANCELED);
    return 7;
}

START_TEST(two_tasks_that_wait_for_each_others_lock_are_a_deadlock)
{
    expect_run(lock_left_then_right, -EDEADLK, "deadlock", "philosopher");
    ck_assert_ptr_nonnull(strstr(said, "mutex"));
    ck_assert_ptr_nonnull(strstr(said, "a cycle"));
    ck_assert_ptr_nonnull(strstr(said, "'philosopher' waits for mutex 0x"));
}
END_TEST

static intptr_t wait_for_nobody(void *unused)
{
    struct bide_event never = {0};
    (void)unused;
    return bide_event_wait(&never);
}

START_TEST(one_task_that_waits_for_nobody_is_a_deadlock)
{
    expect_run(wait_for_nobody, -EDEADLK, "deadlock", "event");
    ck_assert_ptr_null(strstr(said, "cycle"));
}
END_TEST

static intptr_t receive_from_nobody(void *unused)
{
    struct bide_chan c = {0};
    (void)unused;
    return bide_chan_recv(&c, NULL);
}

START_TEST(a_receive_without_a_sender_is_a_deadlock)
{
    expect_run(receive_from_nobody, -EDEADLK, "deadlock", "channel receive");
}
END_TEST

static intptr_t get_from_nobody(void *unused)
{
    struct bide_queue queue = {0};
    (void)unused;
    return bide_queue_get(&queue, NULL);
}

static intptr_t put_for_nobody(void *unused)
{
    struct bide_queue queue = {0};
    (void)unused;
    return bide_queue_put(&queue, NULL);
}

START_TEST(a_queue_that_nobody_else_uses_is_a_deadlock_by_its_name)
{
    expect_run(get_from_nobody, -EDEADLK, "deadlock", "queue get");
    expect_run(put_for_nobody, -EDEADLK, "deadlock", "queue put");
}
END_TEST

static intptr_t wait_behind_a_shield(void *unused)
{
    struct bide_scope shield;
    bide_shield_open(&shield, BIDE_FOREVER);
    intptr_t rc = wait_for_nobody(unused);
    ck_assert_int_eq(rc, -ECANCELED);
    bide_scope_close(&shield, rc);
    return rc;
}

START_TEST(shields_do_not_hold_up_the_end_of_a_deadlock)
{
    expect_run(wait_behind_a_shield, -EDEADLK, "deadlock", "event");
}
END_TEST

static intptr_t shield_anew_when_cancelled(void *unused)
{
    wait_for_nobody(NULL);
    return wait_behind_a_shield(unused);
}

START_TEST(a_shield_opened_after_a_deadlock_does_not_help)
{
    expect_run(shield_anew_when_cancelled, -EDEADLK, "deadlock", "event");
}
END_TEST

static intptr_t gather_those_who_wait_for_nobody(void *unused)
{
    struct bide_call calls[] = {{wait_for_nobody, NULL, 0},
                                {wait_behind_a_shield, NULL, 0}};
    (void)unused;
    intptr_t rc = bide_gather(calls, 2, BIDE_FAIL_FAST);
    ck_assert_int_eq(calls[0].result, -ECANCELED);
    ck_assert_int_eq(rc, -ECANCELED);
    return rc;
}

START_TEST(a_deadlock_among_children_ends_their_groups_too)
{
    expect_run(gather_those_who_wait_for_nobody, -EDEADLK, "group close",
               "event");
}
END_TEST

static intptr_t leave_one_who_waits_for_nobody(void *unused)
{
    (void)unused;
    spawn(wait_behind_a_shield, NULL);
    turns(1);
    return 5;
}

START_TEST(a_deadlock_of_the_left_over_is_one_too)
{
    expect_run(leave_one_who_waits_for_nobody, -EDEADLK, "deadlock", "task-2");
}
END_TEST

/* ---- No deadlocks ------------------------------------------------------- */

VIRTUAL_TEST(a_wait_with_a_deadline_is_no_deadlock)
{
    struct bide_scope s;
    bide_scope_open(&s, bide_after(BIDE_SEC(1000)));
    ck_assert_int_eq(wait_for_nobody(NULL), -ETIMEDOUT);
    bide_scope_close(&s, 0);
    return 0;
}

static atomic_int released;

static int release_later(void *loop)
{
    struct timespec span = {.tv_nsec = 30000000};
    thrd_sleep(&span, NULL);
    released = 1;
    bide_loop_unref(loop);
    return 0;
}

static intptr_t hold_the_run(void *unused)
{
    thrd_t thread;
    (void)unused;
    bi_sys.thread_start(&thread, release_later, bide_loop_ref());
    wait_for_nobody(NULL);
    ck_assert(released);
    bi_sys_thread_join(thread);
    return 0;
}

static void run_held(void)
{
    _Exit(bide_run(hold_the_run, NULL, NULL) == -EDEADLK && released ? 0 : 1);
}

START_TEST(a_run_that_is_held_is_a_deadlock_only_when_it_is_let_go)
{
    ck_assert_int_eq(in_child(run_held, said, sizeof said), 0);
    ck_assert_ptr_nonnull(strstr(said, "deadlock"));
}
END_TEST

static bide_loop *loop;

static intptr_t keep_the_loop(void *unused)
{
    (void)unused;
    loop = bide_loop_ref();
    bide_loop_unref(bide_loop_ref());
    return 3;
}

START_TEST(a_run_ends_while_it_is_held_and_its_handle_outlives_it)
{
    int before = open_descriptors();
    ck_assert_int_eq(run_virtual(keep_the_loop, NULL), 3);
    bide_loop_unref(loop);
    ck_assert_int_eq(open_descriptors(), before);
}
END_TEST

/* The child must have the mutex again, its owner must wait for the child. */
static struct bide_mutex mutex;
static struct bide_cond cond;

static intptr_t wait_for_cond(void *unused)
{
    (void)unused;
    int rc = bide_mutex_lock(&mutex);
    if (rc == 0)
        rc = bide_cond_wait(&cond, &mutex);
    bide_mutex_unlock(&mutex);
    return rc;
}

static intptr_t close_holding_the_mutex(void *unused)
{
    (void)unused;
    struct bide_group g;
    bide_group_open(&g, BIDE_FAIL_FAST);
    int rc = bide_group_spawn(&g, wait_for_cond, NULL);
    turns(2);
    if (rc == 0)
        rc = bide_mutex_lock(&mutex);
    return bide_group_close(&g, rc);
}

START_TEST(a_deadlock_that_no_cancel_can_end_stops_the_program)
{
    expect_contract(close_holding_the_mutex, "deadlock while ending",
                    "a cycle", "'main' waits for group close",
                    "the run cannot end", NULL);
}
END_TEST

Suite *suite_deadlock(void)
{
    Suite *suite = suite_create("deadlock");
    TCase *t = tcase_create("deadlock");
    tcase_add_test(t, two_tasks_that_wait_for_each_others_lock_are_a_deadlock);
    tcase_add_test(t, one_task_that_waits_for_nobody_is_a_deadlock);
    tcase_add_test(t, a_receive_without_a_sender_is_a_deadlock);
    tcase_add_test(t, a_queue_that_nobody_else_uses_is_a_deadlock_by_its_name);
    tcase_add_test(t, shields_do_not_hold_up_the_end_of_a_deadlock);
    tcase_add_test(t, a_shield_opened_after_a_deadlock_does_not_help);
    tcase_add_test(t, a_deadlock_among_children_ends_their_groups_too);
    tcase_add_test(t, a_deadlock_of_the_left_over_is_one_too);
    tcase_add_test(t, a_deadlock_that_no_cancel_can_end_stops_the_program);
    suite_add_tcase(suite, t);

    t = tcase_create("none");
    tcase_add_test(t, a_wait_with_a_deadline_is_no_deadlock);
    tcase_add_test(t, a_run_that_is_held_is_a_deadlock_only_when_it_is_let_go);
    tcase_add_test(t, a_run_ends_while_it_is_held_and_its_handle_outlives_it);
    suite_add_tcase(suite, t);
    return suite;
}
