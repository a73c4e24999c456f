/* test_watchdog.c: who takes too long is named on stderr. */
#include "tasks.h"

static unsigned occurrences(const char *text, const char *word)
{
    unsigned n = 0;
    while ((text = strstr(text, word)) && ++n)
        text++;
    return n;
}

/* What a run of `fn` under a virtual clock says; it must end with `result`. */
struct watched {
    bide_fn *fn;
    struct bide_test_options options;
    intptr_t result;
};
static struct watched watched;

static void run_watched(void)
{
    intptr_t result = bide_test_run(watched.fn, NULL, &watched.options);
    _exit(result == watched.result ? 0 : 1);
}

static const char *what_is_said(struct watched run)
{
    static char text[4096];
    watched = run;
    int status = in_child(run_watched, text, sizeof text);
    ck_assert_msg(status == 0, "status %#x, said: %s", (unsigned)status, text);
    return text;
}

/* ---- A turn ------------------------------------------------------------- */

#define TURNS .options.run.slow_turn = BIDE_MS(100)

/* Compute for so many milliseconds of the virtual clock. */
static void work(void *ms)
{
    compute(BIDE_MS(VALUE(ms)));
}

static intptr_t work_as_task(void *ms)
{
    work(ms);
    return 0;
}

static intptr_t work_then_wait(void *unused)
{
    (void)unused;
    work(NUM(150));
    turns(1);
    return 0;
}

/* Behaviour 21. */
START_TEST(a_turn_longer_than_the_limit_is_named_with_its_time)
{
    const char *text = what_is_said(
        (struct watched){.fn = work_then_wait, TURNS});
    ck_assert_uint_eq(occurrences(text, "task 'main'"), 1);
    ck_assert_uint_eq(occurrences(text, "ran for 0.150 s"), 1);
}
END_TEST

static intptr_t work_for_1234_us(void *unused)
{
    (void)unused;
    compute(BIDE_US(1234));
    return 0;
}

static intptr_t be_short(void *unused)
{
    (void)unused;
    for (int i = 0; i < 10; i++) {
        work(NUM(99));
        turns(1);
        ck_assert_int_eq(bide_sleep(BIDE_SEC(1)), 0);
    }
    return 0;
}

START_TEST(neither_short_turns_nor_waits_are_named)
{
    const char *text = what_is_said((struct watched){.fn = be_short, TURNS});
    ck_assert_str_eq(text, "");
}
END_TEST

START_TEST(by_default_no_turn_is_named)
{
    const char *text = what_is_said((struct watched){.fn = work_then_wait});
    ck_assert_str_eq(text, "");
}
END_TEST

static intptr_t have_hogs(void *unused)
{
    (void)unused;
    bide_task *hog = spawn_as("hog", work_as_task, NUM(1234));
    turns(1);
    bide_release(hog);
    bide_release(spawn(work_as_task, NUM(100)));
    turns(1);
    return 0;
}

START_TEST(who_has_ended_with_its_turn_is_named_too)
{
    const char *text = what_is_said((struct watched){.fn = have_hogs, TURNS});
    ck_assert_uint_eq(occurrences(text, "task 'hog'"), 1);
    ck_assert_uint_eq(occurrences(text, "1.234 s"), 1);
    ck_assert_uint_eq(occurrences(text, "task 'task-3'"), 1);
    ck_assert_uint_eq(occurrences(text, "0.100 s"), 1);
}
END_TEST

START_TEST(turns_of_a_schedule_are_named_as_well)
{
    const char *text = what_is_said(
        (struct watched){.fn = have_hogs, TURNS, .options.seed = "random.7"});
    ck_assert_uint_eq(occurrences(text, "task 'hog'"), 1);
}
END_TEST

static intptr_t post_a_hog(void *unused)
{
    (void)unused;
    bide_loop *loop = bide_loop_ref();
    ck_assert_int_eq(bide_post(loop, work, NUM(150)), 0);
    ck_assert_int_eq(bide_sleep(BIDE_SEC(1)), 0);
    bide_loop_unref(loop);
    return 0;
}

START_TEST(a_slow_posted_function_is_named_by_its_address)
{
    const char *text = what_is_said((struct watched){.fn = post_a_hog, TURNS});
    ck_assert_uint_eq(occurrences(text, "task 'post', from suite+0x"), 1);
    ck_assert_uint_eq(occurrences(text, "0.150 s"), 1);
}
END_TEST

static intptr_t begin_a_hog_at_once(void *unused)
{
    (void)unused;
    struct bide_spawn_options how = {.name = "hog", .flags = BIDE_EAGER};
    work(NUM(99));
    ck_assert_int_eq(bide_spawn_with(NULL, work_as_task, NUM(150), &how), 0);
    work(NUM(99));
    return 0;
}

START_TEST(who_is_begun_at_once_has_a_turn_of_its_own)
{
    const char *text =
        what_is_said((struct watched){.fn = begin_a_hog_at_once, TURNS});
    ck_assert_uint_eq(occurrences(text, "task 'hog'"), 1);
    ck_assert_uint_eq(occurrences(text, "ran for 0.150 s"), 1);
    ck_assert_uint_eq(occurrences(text, "without a wait"), 1);
}
END_TEST

static intptr_t rename_then_work(void *unused)
{
    (void)unused;
    bide_set_name("renamed");
    work(NUM(150));
    return 0;
}

START_TEST(a_turn_is_told_by_the_name_that_the_task_has_at_its_end)
{
    const char *text =
        what_is_said((struct watched){.fn = rename_then_work, TURNS});
    ck_assert_uint_eq(occurrences(text, "task 'renamed'"), 1);
    ck_assert_uint_eq(occurrences(text, "without a wait"), 1);
}
END_TEST

START_TEST(a_turn_of_less_than_ten_milliseconds_is_told_in_them)
{
    const char *text = what_is_said((struct watched){
        .fn = be_short, .options.run.slow_turn = BIDE_MS(99)});
    ck_assert_uint_eq(occurrences(text, "ran for 0.099 s"), 10);
    text = what_is_said((struct watched){
        .fn = work_for_1234_us, .options.run.slow_turn = BIDE_MS(1)});
    ck_assert_uint_eq(occurrences(text, "ran for 1.234 ms"), 1);
}
END_TEST

static void note_call(void *called)
{
    *(bool *)called = true;
}

static intptr_t post_and_yield(void *unused)
{
    (void)unused;
    bool called = false;
    bide_loop *loop = bide_loop_ref();
    ck_assert_int_eq(bide_post(loop, note_call, &called), 0);
    turns(1);
    ck_assert(called);
    bide_loop_unref(loop);
    return 0;
}

START_TEST(a_yield_is_a_turn_of_the_loop_also_by_clock_or_schedule)
{
    what_is_said((struct watched){.fn = post_and_yield, TURNS});
    what_is_said((struct watched){.fn = post_and_yield,
                                  .options.seed = "random.1"});
}
END_TEST

/* ---- After a cancel ----------------------------------------------------- */

#define CANCELS .options.run.slow_cancel = BIDE_SEC(2)

static intptr_t cancel_a_mule(void *unused)
{
    (void)unused;
    bide_task *mule = spawn_as("mule", end_slowly, NUM(40000));
    turns(1);
    bide_cancel(mule);
    result_of(mule);
    return 0;
}

START_TEST(who_does_not_end_after_a_cancel_is_named_once)
{
    const char *text =
        what_is_said((struct watched){.fn = cancel_a_mule, CANCELS});
    ck_assert_uint_eq(occurrences(text, "has not ended what"), 1);
    ck_assert_uint_eq(occurrences(text, "mule"), 1);
    ck_assert_uint_eq(occurrences(text, "waits: sleep, for 2.000 s"), 1);
}
END_TEST

START_TEST(by_default_a_slow_end_is_waited_for_in_silence)
{
    ck_assert_str_eq(what_is_said((struct watched){.fn = cancel_a_mule}), "");
}
END_TEST

static intptr_t time_a_mule_out(void *unused)
{
    (void)unused;
    struct bide_scope scope = {0};
    bide_scope_open(&scope, bide_after(BIDE_MS(10)));
    intptr_t rc = bide_gather(&(struct bide_call){end_slowly, NUM(40000), 0}, 1,
                              BIDE_FAIL_FAST);
    return bide_scope_close(&scope, rc);
}

START_TEST(a_time_limit_that_waits_for_a_slow_end_names_whom_it_waits_for)
{
    const char *text = what_is_said((struct watched){
        .fn = time_a_mule_out, CANCELS, .result = -ETIMEDOUT});
    ck_assert_uint_eq(occurrences(text, "  main "), 1);
    ck_assert_uint_eq(occurrences(text, "  task-2 "), 1);
}
END_TEST

static intptr_t heed(void *unused)
{
    (void)unused;
    for (int i = 0; i < 5; i++) {
        bide_task *sleeper = spawn(end_slowly, NUM(1900));
        turns(1);
        bide_cancel(sleeper);
        result_of(sleeper);
        ck_assert_int_eq(bide_sleep(BIDE_SEC(i)), 0);
    }
    return 0;
}

START_TEST(who_ends_in_time_is_not_named)
{
    ck_assert_str_eq(what_is_said((struct watched){.fn = heed, CANCELS}), "");
}
END_TEST

static intptr_t linger_in_a_scope_cancelled_early(void *unused)
{
    (void)unused;
    struct bide_scope scope = {0}, shield = {0};
    bide_scope_cancel(&scope);
    bide_scope_open(&scope, BIDE_FOREVER);
    bide_shield_open(&shield, BIDE_FOREVER);
    intptr_t rc = bide_scope_close(&shield, bide_sleep(BIDE_SEC(10)));
    return bide_scope_close(&scope, rc);
}

START_TEST(a_scope_that_was_cancelled_early_counts_from_its_opening)
{
    const char *text = what_is_said(
        (struct watched){.fn = linger_in_a_scope_cancelled_early, CANCELS});
    ck_assert_uint_eq(occurrences(text, "waits: sleep, for 2.000 s"), 1);
}
END_TEST

static intptr_t cancel_after_long_work(void *unused)
{
    (void)unused;
    bide_task *sleeper = spawn(end_slowly, NUM(1900));
    turns(1);
    work(NUM(5000));
    bide_cancel(sleeper);
    result_of(sleeper);
    return 0;
}

START_TEST(the_time_to_end_begins_with_the_cancel_not_with_its_turn)
{
    ck_assert_str_eq(what_is_said((struct watched){
                         .fn = cancel_after_long_work, CANCELS}), "");
}
END_TEST

START_TEST(who_is_named_is_not_looked_for_any_more)
{
    const char *text = what_is_said((struct watched){
        .fn = cancel_a_mule, .options.run.slow_cancel = 1});
    ck_assert_uint_eq(occurrences(text, "  mule "), 1);
}
END_TEST

static intptr_t gather_in_a_shield(void *unused)
{
    (void)unused;
    struct bide_scope scope = {0}, shield = {0};
    struct bide_call call = {sleep_ms, NUM(1500), 0};
    bide_scope_open(&scope, bide_after(0));
    bide_shield_open(&shield, BIDE_FOREVER);
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(bide_gather(&call, 1, BIDE_FAIL_FAST), 0);
    return bide_scope_close(&scope, bide_scope_close(&shield, 0));
}

START_TEST(who_began_after_the_cancel_is_not_named)
{
    const char *text =
        what_is_said((struct watched){.fn = gather_in_a_shield, CANCELS});
    ck_assert_uint_eq(occurrences(text, "  main "), 1);
    ck_assert_uint_eq(occurrences(text, "  task-"), 0);
}
END_TEST

static intptr_t linger_in_two_scopes(void *unused)
{
    (void)unused;
    struct bide_scope outer = {0}, inner = {0}, shield = {0};
    bide_scope_open(&outer, bide_after(BIDE_SEC(6)));
    bide_scope_open(&inner, bide_after(0));
    bide_shield_open(&shield, BIDE_FOREVER);
    intptr_t rc = bide_scope_close(&shield, bide_sleep(BIDE_SEC(20)));
    rc = bide_scope_close(&inner, rc);
    return bide_scope_close(&outer, rc);
}

START_TEST(who_is_named_is_named_again_for_a_later_cancel)
{
    const char *text =
        what_is_said((struct watched){.fn = linger_in_two_scopes, CANCELS});
    ck_assert_uint_eq(occurrences(text, "  main "), 2);
    ck_assert_uint_eq(occurrences(text, "for 2.000 s"), 1);
    ck_assert_uint_eq(occurrences(text, "for 8.000 s"), 1);
}
END_TEST

static intptr_t cancel_one_after_the_other(void *unused)
{
    (void)unused;
    bide_task *mules[5];
    for (size_t i = 0; i < LENGTH(mules); i++)
        mules[i] = spawn(end_slowly, NUM(9000));
    for (size_t i = 0; i < LENGTH(mules); i++) {
        turns(1);
        ck_assert_int_eq(bide_sleep(BIDE_MS(100)), 0);
        bide_cancel(mules[i]);
    }
    for (size_t i = 0; i < LENGTH(mules); i++)
        result_of(mules[i]);
    return 0;
}

START_TEST(looks_are_a_quarter_of_the_time_apart)
{
    const char *text = what_is_said(
        (struct watched){.fn = cancel_one_after_the_other, CANCELS});
    ck_assert_uint_eq(occurrences(text, "has not ended what"), 2);
    ck_assert_uint_eq(occurrences(text, "  task-"), 5);
    ck_assert_uint_eq(occurrences(text, "for 2.000 s"), 1);
    ck_assert_uint_eq(occurrences(text, "for 2.100 s"), 1);
    ck_assert_uint_eq(occurrences(text, "for 2.400 s"), 1);
}
END_TEST

static intptr_t block_for_good(void *unused)
{
    (void)unused;
    struct bide_scope scope = {0}, shield = {0};
    struct bide_event never = {0};
    bide_scope_open(&scope, bide_after(0));
    bide_shield_open(&shield, BIDE_FOREVER);
    intptr_t rc = bide_scope_close(&shield, bide_event_wait(&never));
    return bide_scope_close(&scope, rc);
}

START_TEST(a_deadlock_is_found_at_once_all_the_same)
{
    const char *text = what_is_said((struct watched){
        .fn = block_for_good, CANCELS, .result = -EDEADLK});
    ck_assert_uint_eq(occurrences(text, "deadlock"), 1);
    ck_assert_uint_eq(occurrences(text, "has not ended what"), 0);
}
END_TEST

/* ---- At the end --------------------------------------------------------- */

static intptr_t leave_a_mule(void *unused)
{
    (void)unused;
    spawn_as("mule", end_slowly, NUM(40000));
    turns(1);
    return 0;
}

START_TEST(who_refuses_to_end_is_named_after_5_then_15_then_35_seconds)
{
    const char *text = what_is_said((struct watched){.fn = leave_a_mule});
    ck_assert_uint_eq(occurrences(text, "1 task refuses to end"), 3);
    ck_assert_uint_eq(occurrences(text, "mule"), 3);
}
END_TEST

START_TEST(who_is_left_at_the_end_was_cancelled_as_well)
{
    const char *text =
        what_is_said((struct watched){.fn = leave_a_mule, CANCELS});
    ck_assert_uint_eq(occurrences(text, "has not ended what"), 1);
    ck_assert_uint_eq(occurrences(text, "waits: sleep, for 2.000 s"), 1);
    ck_assert_uint_eq(occurrences(text, "waits: sleep, for 5.000 s"), 1);
    ck_assert_uint_eq(occurrences(text, "1 task refuses to end"), 3);
}
END_TEST

Suite *suite_watchdog(void)
{
    Suite *s = suite_create("watchdog");
    TCase *t = tcase_create("turns");
    tcase_add_test(t, a_turn_longer_than_the_limit_is_named_with_its_time);
    tcase_add_test(t, neither_short_turns_nor_waits_are_named);
    tcase_add_test(t, by_default_no_turn_is_named);
    tcase_add_test(t, who_has_ended_with_its_turn_is_named_too);
    tcase_add_test(t, turns_of_a_schedule_are_named_as_well);
    tcase_add_test(t, a_slow_posted_function_is_named_by_its_address);
    tcase_add_test(t, who_is_begun_at_once_has_a_turn_of_its_own);
    tcase_add_test(t, a_turn_is_told_by_the_name_that_the_task_has_at_its_end);
    tcase_add_test(t, a_turn_of_less_than_ten_milliseconds_is_told_in_them);
    tcase_add_test(t, a_yield_is_a_turn_of_the_loop_also_by_clock_or_schedule);
    suite_add_tcase(s, t);

    t = tcase_create("cancels");
    tcase_add_test(t, who_does_not_end_after_a_cancel_is_named_once);
    tcase_add_test(t, by_default_a_slow_end_is_waited_for_in_silence);
    tcase_add_test(
        t, a_time_limit_that_waits_for_a_slow_end_names_whom_it_waits_for);
    tcase_add_test(t, who_ends_in_time_is_not_named);
    tcase_add_test(t, a_scope_that_was_cancelled_early_counts_from_its_opening);
    tcase_add_test(t, the_time_to_end_begins_with_the_cancel_not_with_its_turn);
    tcase_add_test(t, who_is_named_is_not_looked_for_any_more);
    tcase_add_test(t, who_began_after_the_cancel_is_not_named);
    tcase_add_test(t, who_is_named_is_named_again_for_a_later_cancel);
    tcase_add_test(t, looks_are_a_quarter_of_the_time_apart);
    tcase_add_test(t, a_deadlock_is_found_at_once_all_the_same);
    suite_add_tcase(s, t);

    t = tcase_create("the end");
    tcase_add_test(
        t, who_refuses_to_end_is_named_after_5_then_15_then_35_seconds);
    tcase_add_test(t, who_is_left_at_the_end_was_cancelled_as_well);
    suite_add_tcase(s, t);
    return s;
}
