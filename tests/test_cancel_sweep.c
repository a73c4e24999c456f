/* test_cancel_sweep.c: bide_cancel_sweep(): each moment, each bug. */
#include "explored.h"

/* What each body works on, set anew by the body. */
static struct bide_mutex lock;
static int taken, given;

/* Sweep in a child: what is found goes to stderr. */
static bide_fn *swept;

static void sweep_here(void)
{
    struct bide_test_options options = {0};
    found->result = bide_cancel_sweep(swept, NULL, &options);
    snprintf(found->seed, sizeof found->seed, "%s", bide_test_seed());
}

static intptr_t sweep(bide_fn *fn)
{
    swept = fn;
    memset(found, 0, sizeof *found);
    ck_assert_int_eq(in_child(sweep_here, said, sizeof said), 0);
    return found->result;
}

/* Run `fn` endangered, to its end. */
static void endanger(bide_fn *fn)
{
    bide_task *task = spawn(fn, NULL);
    bide_test_endanger(task);
    ck_assert_int_eq(bide_join(task, NULL), 0);
    bide_release(task);
}

/* ---- A lock ------------------------------------------------------------- */

static intptr_t hold_for_a_second(void *careful)
{
    int rc = bide_mutex_lock(&lock);
    if (rc < 0)
        return rc;
    rc = bide_sleep(BIDE_SEC(1));
    if (rc < 0 && !careful)
        return rc;
    bide_mutex_unlock(&lock);
    return rc;
}

static intptr_t hold_with_care(void *unused)
{
    (void)unused;
    return hold_for_a_second(&lock);
}

/* The lock must be free in the end: -EBUSY if not. */
static intptr_t lock_is_free_after(bide_fn *fn)
{
    lock = (struct bide_mutex){0};
    endanger(fn);
    int rc = bide_mutex_trylock(&lock);
    if (rc == 0)
        bide_mutex_unlock(&lock);
    return rc;
}

static intptr_t careful_body(void *unused)
{
    (void)unused;
    return lock_is_free_after(hold_with_care);
}

static intptr_t careless_body(void *unused)
{
    (void)unused;
    return lock_is_free_after(hold_for_a_second);
}

START_TEST(a_body_that_cleans_up_passes_with_a_cancel_at_each_moment)
{
    /* before the lock; before the sleep, in it, and after it */
    ck_assert_int_eq(sweep(careful_body), 4);
    ck_assert_str_eq(said, "");
}
END_TEST

START_TEST(a_body_that_keeps_a_lock_when_cancelled_is_found_and_replayed)
{
    ck_assert_int_lt(sweep(careless_body), 0);
    expect_said("cancel 2 ('task-2' is about to wait) breaks the body");
    expect_said("BIDE_CANCEL=2 BIDE_SEED=first.0");
    setenv("BIDE_CANCEL", "1", 1);
    ck_assert_int_eq(sweep(careless_body), 0);
    expect_said("cancel 1 ('task-2' is about to wait) does not break the body");
    setenv("BIDE_CANCEL", "3", 1);
    ck_assert_int_lt(sweep(careless_body), 0);
    expect_said("'task-2' waits: sleep) breaks");
    unsetenv("BIDE_CANCEL");
}
END_TEST

/* ---- Success wins ------------------------------------------------------- */

static struct bide_chan chan;

/* An item that was handed over is counted, also when a cancel came then. */
static intptr_t receive_two(void *unused)
{
    int item;
    (void)unused;
    while (bide_chan_recv(&chan, &item) == 1)
        taken++;
    return 0;
}

static intptr_t chan_body(void *unused)
{
    struct bide_scope s;
    (void)unused;
    bide_chan_init(&chan, NULL, sizeof(int), 0);
    taken = given = 0;
    bide_task *task = spawn(receive_two, NULL);
    bide_test_endanger(task);
    bide_scope_open(&s, bide_after(BIDE_SEC(1)));
    for (int i = 0; i < 2; i++)
        given += bide_chan_send(&chan, &i) == 0;
    bide_scope_close(&s, 0);
    bide_chan_close(&chan);
    ck_assert_int_eq(bide_join(task, NULL), 0);
    bide_release(task);
    return taken == given ? 0 : -EIO;
}

START_TEST(what_was_handed_over_when_the_cancel_came_is_not_lost)
{
    intptr_t moments = sweep(chan_body);
    ck_assert_msg(moments >= 4, "%ld: %s", (long)moments, said);
}
END_TEST

/* ---- Misuse ------------------------------------------------------------- */

static intptr_t idle_body(void *unused)
{
    (void)unused;
    return bide_sleep(1);
}

START_TEST(a_sweep_that_endangers_nobody_says_so)
{
    ck_assert_int_eq(sweep(idle_body), -ENOENT);
    expect_said("nobody to cancel");
    ck_assert_int_eq(sweep(NULL), -EINVAL);
}
END_TEST

START_TEST(what_is_no_moment_is_refused_with_a_sentence)
{
    static const char *const bad[] = {"0", "x", "-1", "2x", " 2", "1e3",
                                      "99999999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        setenv("BIDE_CANCEL", bad[i], 1);
        ck_assert_int_eq(sweep(careful_body), -EINVAL);
        expect_said(bad[i]);
        expect_said("a moment is a number, from 1");
    }
    setenv("BIDE_CANCEL", "5", 1);
    ck_assert_int_eq(sweep(careful_body), -ENOENT);
    expect_said("BIDE_CANCEL is 5; the body has come to its end after 4");
    setenv("BIDE_CANCEL", "", 1);
    ck_assert_int_eq(sweep(careful_body), 4);
    unsetenv("BIDE_CANCEL");
}
END_TEST

Suite *suite_cancel_sweep(void)
{
    Suite *suite = suite_create("cancel_sweep");
    TCase *t = tcase_create("cancel_sweep");
    tcase_add_checked_fixture(t, begin_explored, end_explored);
    tcase_add_test(t,
                   a_body_that_cleans_up_passes_with_a_cancel_at_each_moment);
    tcase_add_test(
        t, a_body_that_keeps_a_lock_when_cancelled_is_found_and_replayed);
    tcase_add_test(t, what_was_handed_over_when_the_cancel_came_is_not_lost);
    tcase_add_test(t, a_sweep_that_endangers_nobody_says_so);
    tcase_add_test(t, what_is_no_moment_is_refused_with_a_sentence);
    suite_add_tcase(suite, t);
    return suite;
}
