/* test_fault_sweep.c: bide_fault_sweep(): each moment, each bug. */
#include "explored.h"
#include "sys.h"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

/* ---- Fault points ------------------------------------------------------- */

/* A capital for a point that fails. */
static intptr_t come_by(void *unused)
{
    (void)unused;
    static const char *const names[] = {"a", "b", "a"};
    write_down('|');
    for (int i = 0; i < 3; i++)
        write_down((char)(bide_fault_point(names[i], -ENOSPC) == -ENOSPC
                              ? names[i][0] - 'a' + 'A'
                              : names[i][0]));
    return 0;
}

START_TEST(each_point_fails_once_and_then_with_all_later_ones_of_its_name)
{
    ck_assert_int_eq(sweep_faults(come_by), 6);
    ck_assert_str_eq(said, "");
    ck_assert_str_eq(found->seed, "|aba|aba"           /* untouched */
                                  "|Aba|AbA|aBa|aBa"   /* the first, the b */
                                  "|abA|abA|aba");     /* until all passed */
}
END_TEST

VIRTUAL_TEST(a_fault_point_does_nothing_outside_a_sweep)
{
    ck_assert_int_eq(bide_fault_point("here", -EIO), 0);
    return 0;
}

static intptr_t point_that_succeeds(void *unused)
{
    (void)unused;
    return bide_fault_point("no code", 0);
}

static intptr_t point_without_a_name(void *unused)
{
    (void)unused;
    return bide_fault_point(NULL, -EIO);
}

START_TEST(a_point_wants_a_name_and_an_error)
{
    expect_contract(point_that_succeeds, "bide_fault_point", "negated", NULL);
    expect_contract(point_without_a_name, "bide_fault_point", "a name", NULL);
}
END_TEST

static intptr_t fail_there(void *unused)
{
    (void)unused;
    return bide_fault_point("in a job", -EIO) +
           bide_fault_point("again", -EIO);
}

/* The job sees no fault; that no thread can be had is one of two moments. */
static intptr_t work_on_a_thread(void *unused)
{
    (void)unused;
    intptr_t rc = bide_to_thread(fail_there, NULL);
    write_down(rc == 0 ? '.' : rc == -EAGAIN ? 'N' : '?');
    rc = bide_to_thread(fail_there, NULL);
    write_down(rc == 0 ? '.' : rc == -EAGAIN ? 'N' : '?');
    return 0;
}

START_TEST(only_what_the_runs_own_thread_does_is_struck)
{
    ck_assert_int_eq(sweep_faults(work_on_a_thread), 2);
    ck_assert_str_eq(found->seed, "...." "N." "NN" "..");
}
END_TEST

/* ---- What breaks a body ------------------------------------------------- */

/* Copy a line into a file, by way of memory; one of three bugs. */
static enum { NONE, LEAK, SWALLOW, KEEP } bug;

static struct bide_mutex lock;

static intptr_t save(void *unused)
{
    (void)unused;
    int fd = bide_open("/dev/shm", O_TMPFILE | O_RDWR, 0600);
    if (fd < 0)
        return 0;
    int rc = bide_mutex_lock(&lock);
    ssize_t n = bide_write_all(fd, "journal", 7);
    if (rc == 0 && (bug != KEEP || n == 7))
        bide_mutex_unlock(&lock);
    char text[8] = "";
    if (bug == LEAK && n < 0)
        return 0;
    if (n == 7 || bug == SWALLOW)
        n = bide_pread(fd, text, 7, 0);
    bide_close(fd);
    bool whole = n < 7 || strcmp(text, "journal") == 0;
    return whole && (bug != SWALLOW || n != 0) ? 0 : -EBADMSG;
}

static intptr_t save_in_turn(void *unused)
{
    lock = (struct bide_mutex){0};
    intptr_t rc = save(unused);
    int free = bide_mutex_lock(&lock); /* -EDEADLK where it was kept */
    if (free == 0)
        bide_mutex_unlock(&lock);
    return rc < 0 ? rc : free;
}

START_TEST(a_body_that_cleans_up_passes_with_a_fault_at_each_call)
{
    bug = NONE;
    ck_assert_int_gt(sweep_faults(save_in_turn), 20);
    ck_assert_str_eq(said, "");
}
END_TEST

START_TEST(a_descriptor_left_open_is_told_with_its_fault_and_replayed)
{
    char moment[128], chosen[16];
    bug = LEAK;
    ck_assert_int_eq(sweep_faults(save_in_turn), -EMFILE);
    expect_said("was closed before and is left open");
    expect_said("breaks the body: it came to -24");
    const char *at = strstr(said, "fault ");
    ck_assert_ptr_nonnull(at);
    snprintf(moment, sizeof moment, "%.*s", (int)strcspn(at, ")"), at);
    snprintf(chosen, sizeof chosen, "%lu", strtoul(at + 6, NULL, 10));
    expect_said("BIDE_SEED=first.0 BIDE_TRACE=1");
    setenv("BIDE_FAULT", chosen, 1);
    ck_assert_int_eq(sweep_faults(save_in_turn), -EMFILE);
    expect_said(moment);
    bug = NONE;
    ck_assert_int_eq(sweep_faults(save_in_turn), 0);
    expect_said(moment);
    expect_said("does not break the body");
    unsetenv("BIDE_FAULT");
}
END_TEST

START_TEST(accounts_that_do_not_agree_and_locks_that_are_kept_are_found)
{
    bug = SWALLOW;
    ck_assert_int_eq(sweep_faults(save_in_turn), -EBADMSG);
    expect_said("breaks the body: it came to -74");
    bug = KEEP;
    ck_assert_int_eq(sweep_faults(save_in_turn), -EDEADLK);
    expect_said("breaks the body: it deadlocked");
}
END_TEST

static intptr_t wait_for_the_other(void *event)
{
    return bide_event_wait((struct bide_event *)event);
}

static intptr_t forget_to_wake(void *unused)
{
    (void)unused;
    struct bide_event done = {0};
    bide_task *task;
    int rc = bide_spawn(&task, wait_for_the_other, &done);
    if (rc < 0)
        return 0;
    if (bide_fault_point("half way", -EIO) == 0)
        bide_event_set(&done);
    bide_join(task, NULL);
    bide_release(task);
    return 0;
}

START_TEST(a_deadlock_after_a_fault_is_told)
{
    ck_assert_int_eq(sweep_faults(forget_to_wake), -EDEADLK);
    expect_said("(half way of 'main': Input/output error) breaks the body: it "
                "deadlocked");
}
END_TEST

static intptr_t try_for_ever(void *unused)
{
    (void)unused;
    while (bide_fault_point("retried", -EIO) < 0)
        if (bide_sleep(BIDE_MS(1)) < 0)
            break;
    return 0;
}

START_TEST(a_body_that_tries_for_ever_does_not_come_to_its_end)
{
    ck_assert_int_eq(sweep_faults(try_for_ever), -ELOOP);
    expect_said("fault 2 (retried of 'main' and every later one: ");
}
END_TEST

static intptr_t fail_untouched(void *unused)
{
    (void)unused;
    return bide_fault_point("never reached", -EIO) - EPROTO;
}

START_TEST(a_body_that_is_broken_without_a_fault_is_told_so)
{
    ck_assert_int_eq(sweep_faults(fail_untouched), -EPROTO);
    expect_said("no fault at all breaks the body: it came to -71");
}
END_TEST

/* ---- Replay and misuse -------------------------------------------------- */

START_TEST(what_is_no_moment_of_a_fault_is_refused_with_a_sentence)
{
    static const char *const bad[] = {"0", "x", "-1", "2x",
                                      "99999999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        setenv("BIDE_FAULT", bad[i], 1);
        ck_assert_int_eq(sweep_faults(come_by), -EINVAL);
        expect_said(bad[i]);
        expect_said("a moment is a number, from 1");
    }
    setenv("BIDE_FAULT", "7", 1);
    ck_assert_int_eq(sweep_faults(come_by), -ENOENT);
    expect_said("BIDE_FAULT is 7; the body has come to its end after 6");
    unsetenv("BIDE_FAULT");
    ck_assert_int_eq(sweep_faults(NULL), -EINVAL);
}
END_TEST

START_TEST(a_moment_is_told_among_the_steps_of_its_replay)
{
    setenv("BIDE_FAULT", "3", 1);
    setenv("BIDE_TRACE", "1", 1);
    ck_assert_int_eq(sweep_faults(come_by), 0);
    unsetenv("BIDE_FAULT");
    unsetenv("BIDE_TRACE");
    expect_said("fault 3: b of 'main': No space left");
    const char *step = strstr(said, "step 1 at");
    ck_assert_ptr_nonnull(step); /* of one run, the struck one */
    ck_assert_ptr_null(strstr(step + 1, "step 1 at"));
}
END_TEST

static intptr_t idle_body(void *unused)
{
    (void)unused;
    return bide_sleep(1);
}

START_TEST(a_sweep_that_finds_nothing_to_strike_says_so)
{
    ck_assert_int_eq(sweep_faults(idle_body), -ENOENT);
    expect_said("nothing to strike");
}
END_TEST

static intptr_t sweep_inside(void *unused)
{
    (void)unused;
    ck_assert_int_eq(bide_fault_sweep(idle_body, NULL, NULL), -EDEADLK);
    return 0;
}

VIRTUAL_TEST(a_task_cannot_sweep)
{
    return sweep_inside(NULL);
}

/* Another number of points in each run. */
static intptr_t whim(void *unused)
{
    (void)unused;
    static int runs;
    for (int i = runs++; i < 5; i++)
        (void)!bide_fault_point("whim", -EIO);
    return 0;
}

START_TEST(a_body_whose_moments_change_is_told_to_be_none_for_a_sweep)
{
    ck_assert_int_gt(sweep_faults(whim), 0);
    expect_said("this body is not deterministic");
}
END_TEST

/* The kernel has no eventfd left. */
static long refuse(long number, long a, long b, long c, long d, long e, long f)
{
    if (number == SYS_eventfd2)
        return -EMFILE;
    return bi_sys_kernel.call(number, a, b, c, d, e, f);
}

static void sweep_without_a_run(void)
{
    bi_sys.call = refuse;
    found->result = bide_fault_sweep(come_by, NULL, NULL);
}

START_TEST(a_run_that_cannot_begin_is_no_broken_body)
{
    memset(found, 0, sizeof *found);
    ck_assert_int_eq(in_child(sweep_without_a_run, said, sizeof said), 0);
    ck_assert_int_eq(found->result, -EMFILE);
    expect_said("the run cannot start");
    ck_assert_ptr_null(strstr(said, "breaks"));
}
END_TEST

static void *sweep_there(void *arg)
{
    *(intptr_t *)arg = bide_fault_sweep(come_by, NULL, NULL);
    return NULL;
}

static intptr_t point_beside(void *arg)
{
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, sweep_there, arg), 0);
    for (int i = 0; i < 100; i++) {
        ck_assert_int_eq(bide_fault_point("a", -EIO), 0);
        ck_assert_int_eq(bide_yield(), 0);
    }
    pthread_join(thread, NULL);
    return 0;
}

START_TEST(the_sweep_of_one_thread_leaves_the_runs_of_others_alone)
{
    intptr_t moments = 0;
    struct bi_sys before = bi_sys;
    ck_assert_int_eq(bide_test_run(point_beside, &moments, NULL), 0);
    ck_assert_int_eq(moments, 6);
    ck_assert(before.call == bi_sys.call && before.map == bi_sys.map);
}
END_TEST

Suite *suite_fault_sweep(void)
{
    Suite *suite = suite_create("fault_sweep");
    TCase *t = tcase_create("fault_sweep");
    tcase_add_checked_fixture(t, begin_explored, end_explored);
    tcase_add_test(
        t, each_point_fails_once_and_then_with_all_later_ones_of_its_name);
    tcase_add_test(t, a_fault_point_does_nothing_outside_a_sweep);
    tcase_add_test(t, a_point_wants_a_name_and_an_error);
    tcase_add_test(t, only_what_the_runs_own_thread_does_is_struck);
    tcase_add_test(t, a_body_that_cleans_up_passes_with_a_fault_at_each_call);
    tcase_add_test(
        t, a_descriptor_left_open_is_told_with_its_fault_and_replayed);
    tcase_add_test(
        t, accounts_that_do_not_agree_and_locks_that_are_kept_are_found);
    tcase_add_test(t, a_deadlock_after_a_fault_is_told);
    tcase_add_test(t, a_body_that_tries_for_ever_does_not_come_to_its_end);
    tcase_add_test(t, a_body_that_is_broken_without_a_fault_is_told_so);
    tcase_add_test(t, what_is_no_moment_of_a_fault_is_refused_with_a_sentence);
    tcase_add_test(t, a_moment_is_told_among_the_steps_of_its_replay);
    tcase_add_test(t, a_sweep_that_finds_nothing_to_strike_says_so);
    tcase_add_test(t, a_task_cannot_sweep);
    tcase_add_test(
        t, a_body_whose_moments_change_is_told_to_be_none_for_a_sweep);
    tcase_add_test(t, a_run_that_cannot_begin_is_no_broken_body);
    tcase_add_test(t, the_sweep_of_one_thread_leaves_the_runs_of_others_alone);
    suite_add_tcase(suite, t);
    return suite;
}
