/* test_gather.c: many calls at once: gather, bounded gather, race. */
#include "tasks.h"

static struct bide_call call(bide_fn *fn, intptr_t value)
{
    return (struct bide_call){fn, NUM(value), 1234};
}

/* ---- All goes well ------------------------------------------------------ */

VIRTUAL_TEST(results_stand_in_the_order_of_the_calls)
{
    struct bide_call calls[] = {call(sleep_ms, 30), call(sleep_ms, 20),
                                call(sleep_ms, 10)};
    ck_assert_int_eq(bide_gather(calls, 3, BIDE_FAIL_FAST), 0);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(calls[i].result, 30 - 10 * i);
    ck_assert_int_eq(clock_ms(), 30);
    return 0;
}

VIRTUAL_TEST(no_calls_are_done_at_once_but_may_be_refused)
{
    struct bide_scope s;
    ck_assert_int_eq(bide_gather(NULL, 0, BIDE_FAIL_FAST), 0);
    ck_assert_int_eq(bide_gather(NULL, 0, BIDE_COLLECT), 0);
    ck_assert_int_eq(bide_gather_bounded(NULL, 0, 1, BIDE_FAIL_FAST), 0);
    bide_scope_open(&s, 0);
    ck_assert_int_eq(bide_gather(NULL, 0, BIDE_FAIL_FAST), -ETIMEDOUT);
    ck_assert_int_eq(bide_gather_bounded(NULL, 0, 1, BIDE_COLLECT), -ETIMEDOUT);
    bide_scope_close(&s, 0);
    return 0;
}

VIRTUAL_TEST(a_policy_that_there_is_not_is_refused_and_nothing_is_started)
{
    struct bide_call calls[] = {call(note_it, 'x')};
    enum bide_policy none = (enum bide_policy)2;
    ck_assert_int_eq(bide_gather(calls, 1, none), -EINVAL);
    ck_assert_int_eq(bide_gather_bounded(calls, 1, 1, none), -EINVAL);
    turns(1);
    expect_journal("");
    return 0;
}

VIRTUAL_TEST(one_bad_call_and_nothing_is_started)
{
    struct bide_call calls[] = {call(note_it, 'x'), call(NULL, 0)};
    ck_assert_int_eq(bide_gather(calls, 2, BIDE_COLLECT), -EINVAL);
    ck_assert_int_eq(bide_gather_bounded(calls, 2, 1, BIDE_COLLECT), -EINVAL);
    ck_assert_int_eq(bide_gather_bounded(calls, 1, 0, BIDE_COLLECT), -EINVAL);
    ck_assert_int_eq(bide_race(calls, 2), -EINVAL);
    ck_assert_int_eq(bide_race(calls, 0), -EINVAL);
    ck_assert_int_eq(bide_race(NULL, 0), -EINVAL);
    turns(1);
    expect_journal("");
    return 0;
}

VIRTUAL_TEST(ten_thousand_calls_can_be_gathered)
{
    static struct bide_call calls[MANY_TASKS];
    for (int i = 0; i < MANY_TASKS; i++)
        calls[i] = call(sleep_ms, i % 50);
    ck_assert_int_eq(bide_gather(calls, MANY_TASKS, BIDE_FAIL_FAST), 0);
    for (int i = 0; i < MANY_TASKS; i++)
        ck_assert_int_eq(calls[i].result, i % 50);
    return 0;
}

static intptr_t gather_below(void *depth)
{
    struct bide_call calls[] = {{gather_below, NUM(VALUE(depth) - 1), 0},
                                {sleep_ms, NUM(1), 0}};
    return VALUE(depth) ? bide_gather(calls, 2, BIDE_FAIL_FAST) : 0;
}

VIRTUAL_TEST(gathers_may_nest_a_thousand_deep)
{
    ck_assert_int_eq(gather_below(NUM(1000)), 0);
    return 0;
}

static intptr_t gather_a_failure_below(void *depth)
{
    struct bide_call calls[] = {
        {gather_a_failure_below, NUM(VALUE(depth) - 1), 0},
        {sleep_for_ever, NULL, 0}};
    return VALUE(depth) ? bide_gather(calls, 2, BIDE_FAIL_FAST) : -EIO;
}

VIRTUAL_TEST(a_failure_a_thousand_gathers_deep_comes_out)
{
    ck_assert_int_eq(gather_a_failure_below(NUM(1000)), -EIO);
    return 0;
}

/* ---- Failures ----------------------------------------------------------- */

VIRTUAL_TEST(the_first_failure_cancels_the_other_calls_and_waits_for_them)
{
    struct bide_call calls[] = {call(end_slowly, 5), call(fail_after_ms, 10),
                                call(sleep_ms, 1)};
    ck_assert_int_eq(bide_gather(calls, 3, BIDE_FAIL_FAST), -EIO);
    ck_assert_int_eq(clock_ms(), 15);
    ck_assert_int_eq(calls[0].result, -ECANCELED);
    ck_assert_int_eq(calls[1].result, -EIO);
    ck_assert_int_eq(calls[2].result, 1);
    return 0;
}

VIRTUAL_TEST(a_collecting_gather_ends_well_with_a_result_in_every_slot)
{
    struct bide_call calls[] = {call(fail_after_ms, 10), call(sleep_ms, 30),
                                call(give, -ECANCELED)};
    ck_assert_int_eq(bide_gather(calls, 3, BIDE_COLLECT), 0);
    ck_assert_int_eq(clock_ms(), 30);
    ck_assert_int_eq(calls[0].result, -EIO);
    ck_assert_int_eq(calls[1].result, 30);
    ck_assert_int_eq(calls[2].result, -ECANCELED);
    return 0;
}

static bide_task *victim;

static intptr_t be_the_victim(void *unused)
{
    (void)unused;
    victim = bide_self();
    return sleep_for_ever(NULL);
}

static intptr_t kill_victim_after_ms(void *ms)
{
    intptr_t rc = sleep_ms(ms);
    return rc < 0 ? rc : bide_cancel(victim);
}

VIRTUAL_TEST(a_call_that_someone_else_cancelled_fails_a_strict_gather)
{
    struct bide_call calls[] = {call(be_the_victim, 0),
                                call(sleep_for_ever, 0)};
    spawn(kill_victim_after_ms, NUM(5));
    ck_assert_int_eq(bide_gather(calls, 2, BIDE_FAIL_FAST), -ECHILD);
    ck_assert_int_eq(calls[0].result, -ECANCELED);
    ck_assert_int_eq(calls[1].result, -ECANCELED);
    ck_assert_int_eq(bide_yield(), 0);
    return 0;
}

VIRTUAL_TEST(a_call_that_someone_else_cancelled_is_a_slot_of_a_collecting_one)
{
    struct bide_call calls[] = {call(be_the_victim, 0), call(sleep_ms, 9)};
    spawn(kill_victim_after_ms, NUM(5));
    ck_assert_int_eq(bide_gather(calls, 2, BIDE_COLLECT), 0);
    ck_assert_int_eq(calls[0].result, -ECANCELED);
    ck_assert_int_eq(calls[1].result, 9);
    return 0;
}

VIRTUAL_TEST(a_call_may_fail_with_any_code)
{
    intptr_t codes[] = {-1, -ETIMEDOUT, INTPTR_MIN};
    for (size_t i = 0; i < LENGTH(codes); i++) {
        struct bide_call one = call(give, codes[i]);
        ck_assert_int_eq(bide_gather(&one, 1, BIDE_FAIL_FAST), codes[i]);
        ck_assert_int_eq(one.result, codes[i]);
    }
    return 0;
}

/* ---- Cancels ------------------------------------------------------------ */

VIRTUAL_TEST(a_cancelled_gather_ends_its_calls_and_the_slots_can_be_read)
{
    struct bide_scope s;
    enum bide_policy policies[] = {BIDE_FAIL_FAST, BIDE_COLLECT};
    for (size_t i = 0; i < LENGTH(policies); i++) {
        struct bide_call calls[] = {call(sleep_ms, 1), call(end_slowly, 7),
                                    call(swallow_cancel, 4)};
        bide_scope_open(&s, bide_after(BIDE_MS(10)));
        ck_assert_int_eq(bide_gather(calls, 3, policies[i]), -ETIMEDOUT);
        bide_scope_close(&s, 0);
        ck_assert_int_eq(calls[0].result, 1);
        ck_assert_int_eq(calls[1].result, -ETIMEDOUT);
        ck_assert_int_eq(calls[2].result, 4);
    }
    ck_assert_int_eq(clock_ms(), 2 * 17);
    return 0;
}

VIRTUAL_TEST(a_gather_in_a_cancelled_scope_starts_nothing)
{
    struct bide_scope s;
    struct bide_call calls[] = {call(note_it, 'x'), call(note_it, 'y')};
    bide_scope_open(&s, BIDE_FOREVER);
    bide_scope_cancel(&s);
    ck_assert_int_eq(bide_gather(calls, 2, BIDE_FAIL_FAST), -ECANCELED);
    ck_assert_int_eq(bide_race(calls, 2), -ECANCELED);
    ck_assert_int_eq(calls[0].result, -ECANCELED);
    bide_scope_close(&s, 0);
    turns(1);
    expect_journal("");
    return 0;
}

static intptr_t gather_one(void *fn_call)
{
    intptr_t rc = bide_gather(fn_call, 1, BIDE_FAIL_FAST);
    ck_assert_int_eq(bide_yield(), -ECANCELED);
    return rc;
}

VIRTUAL_TEST(a_gather_cancelled_once_all_calls_have_ended_has_succeeded)
{
    struct bide_call one = call(give_late, 7);
    bide_task *task = spawn(gather_one, &one);
    turns(3);
    ck_assert_int_eq(one.result, 7);
    ck_assert(!bide_task_done(task));
    bide_cancel(task);
    ck_assert_int_eq(result_of(task), 0);
    return 0;
}

VIRTUAL_TEST(a_failure_during_the_cancel_is_what_gather_tells)
{
    struct bide_scope s;
    struct bide_call calls[] = {call(fail_when_cancelled, 0),
                                call(sleep_ms, 99)};
    bide_scope_open(&s, bide_after(BIDE_MS(10)));
    ck_assert_int_eq(bide_gather(calls, 2, BIDE_FAIL_FAST), -EPROTO);
    ck_assert_int_eq(bide_yield(), -ETIMEDOUT);
    bide_scope_close(&s, 0);
    return 0;
}

/* ---- Bounded ------------------------------------------------------------ */

static int running, running_peak;

static intptr_t count_running(void *ms)
{
    if (++running > running_peak)
        running_peak = running;
    intptr_t rc = sleep_ms(ms);
    running--;
    return rc;
}

VIRTUAL_TEST(at_most_so_many_calls_run_at_once)
{
    struct bide_call calls[10];
    running_peak = 0;
    for (int i = 0; i < 10; i++)
        calls[i] = call(count_running, 10);
    ck_assert_int_eq(bide_gather_bounded(calls, 10, 3, BIDE_FAIL_FAST), 0);
    ck_assert_int_eq(running_peak, 3);
    ck_assert_int_eq(clock_ms(), 40);
    ck_assert_int_eq(bide_gather_bounded(calls, 10, 100, BIDE_FAIL_FAST), 0);
    ck_assert_int_eq(running_peak, 10);
    return 0;
}

VIRTUAL_TEST(a_failure_stops_a_bounded_gather_from_starting_more)
{
    struct bide_call calls[] = {call(fail_after_ms, 1), call(note_it, 'x'),
                                call(note_it, 'y')};
    ck_assert_int_eq(bide_gather_bounded(calls, 3, 1, BIDE_FAIL_FAST), -EIO);
    ck_assert_int_eq(calls[1].result, -ECANCELED);
    ck_assert_int_eq(calls[2].result, -ECANCELED);
    expect_journal("");
    ck_assert_int_eq(bide_gather_bounded(calls, 3, 1, BIDE_COLLECT), 0);
    ck_assert_int_eq(calls[0].result, -EIO);
    expect_journal("xy");
    return 0;
}

VIRTUAL_TEST(a_deadline_stops_a_bounded_gather_from_starting_more)
{
    struct bide_scope s;
    struct bide_call calls[] = {call(sleep_ms, 10), call(sleep_ms, 10),
                                call(sleep_ms, 10)};
    bide_scope_open(&s, bide_after(BIDE_MS(15)));
    ck_assert_int_eq(bide_gather_bounded(calls, 3, 1, BIDE_COLLECT),
                     -ETIMEDOUT);
    ck_assert_int_eq(calls[0].result, 10);
    ck_assert_int_eq(calls[1].result, -ETIMEDOUT);
    ck_assert_int_eq(calls[2].result, -ECANCELED); /* never started */
    bide_scope_close(&s, 0);
    return 0;
}

static intptr_t compute_ms(void *ms)
{
    compute(BIDE_MS(VALUE(ms)));
    return 0;
}

VIRTUAL_TEST(a_deadline_that_passes_between_two_calls_is_told_as_such)
{
    struct bide_scope s;
    enum bide_policy policies[] = {BIDE_FAIL_FAST, BIDE_COLLECT};
    for (size_t i = 0; i < LENGTH(policies); i++) {
        struct bide_call calls[] = {call(compute_ms, 20), call(note_it, 'x')};
        bide_scope_open(&s, bide_after(BIDE_MS(15)));
        ck_assert_int_eq(bide_gather_bounded(calls, 2, 1, policies[i]),
                         -ETIMEDOUT);
        bide_scope_close(&s, 0);
        ck_assert_int_eq(calls[0].result, 0);
        ck_assert_int_eq(calls[1].result, -ECANCELED);
    }
    expect_journal("");
    return 0;
}

/* ---- Races -------------------------------------------------------------- */

VIRTUAL_TEST(the_first_success_wins_the_race_and_the_rest_has_ended)
{
    struct bide_call calls[] = {call(end_slowly, 5), call(sleep_ms, 10),
                                call(sleep_ms, 20)};
    ck_assert_int_eq(bide_race(calls, 3), 1);
    ck_assert_int_eq(clock_ms(), 15);
    ck_assert_int_eq(calls[0].result, -ECANCELED);
    ck_assert_int_eq(calls[1].result, 10);
    ck_assert_int_eq(calls[2].result, -ECANCELED);
    return 0;
}

VIRTUAL_TEST(failures_do_not_end_a_race)
{
    struct bide_call calls[] = {call(give, -EPERM), call(fail_after_ms, 1),
                                call(sleep_ms, 10)};
    ck_assert_int_eq(bide_race(calls, 3), 2);
    ck_assert_int_eq(calls[0].result, -EPERM);
    ck_assert_uint_eq(heard.count, 0);
    return 0;
}

VIRTUAL_TEST(a_race_that_all_fail_tells_the_first_failure_by_time)
{
    struct bide_call calls[] = {call(fail_after_ms, 10), call(give, -EPERM),
                                call(give, -ENOENT)};
    ck_assert_int_eq(bide_race(calls, 3), -EPERM);
    ck_assert_int_eq(clock_ms(), 10);
    return 0;
}

VIRTUAL_TEST(two_successes_of_one_moment_are_won_by_the_first_call)
{
    struct bide_call calls[] = {call(sleep_ms, 10), call(sleep_ms, 10)};
    ck_assert_int_eq(bide_race(calls, 2), 0);
    struct bide_call ready[] = {call(give, 7), call(give, 8)};
    ck_assert_int_eq(bide_race(ready, 2), 0);
    return 0;
}

VIRTUAL_TEST(a_success_that_comes_with_the_cancel_still_wins)
{
    struct bide_scope s;
    struct bide_call calls[] = {call(sleep_ms, 99), call(swallow_cancel, 4)};
    bide_scope_open(&s, bide_after(BIDE_MS(10)));
    ck_assert_int_eq(bide_race(calls, 2), 1);
    ck_assert_int_eq(bide_yield(), -ETIMEDOUT);
    bide_scope_close(&s, 0);
    return 0;
}

VIRTUAL_TEST(a_cancelled_race_has_ended_all_its_calls)
{
    struct bide_scope s;
    struct bide_call calls[] = {call(sleep_ms, 99), call(end_slowly, 5)};
    bide_scope_open(&s, bide_after(BIDE_MS(10)));
    ck_assert_int_eq(bide_race(calls, 2), -ETIMEDOUT);
    ck_assert_int_eq(clock_ms(), 15);
    bide_scope_close(&s, 0);
    return 0;
}

VIRTUAL_TEST(a_race_whose_calls_someone_else_cancelled_is_not_cancelled_itself)
{
    struct bide_call one = call(be_the_victim, 0);
    spawn(kill_victim_after_ms, NUM(5));
    ck_assert_int_eq(bide_race(&one, 1), -ECHILD);
    ck_assert_int_eq(bide_yield(), 0);
    return 0;
}

Suite *suite_gather(void)
{
    Suite *suite = suite_create("gather");
    TCase *t = tcase_create("well");
    tcase_add_checked_fixture(t, clear_journal, NULL);
    tcase_add_test(t, results_stand_in_the_order_of_the_calls);
    tcase_add_test(t, no_calls_are_done_at_once_but_may_be_refused);
    tcase_add_test(
        t, a_policy_that_there_is_not_is_refused_and_nothing_is_started);
    tcase_add_test(t, one_bad_call_and_nothing_is_started);
    tcase_add_test(t, ten_thousand_calls_can_be_gathered);
    tcase_add_test(t, gathers_may_nest_a_thousand_deep);
    tcase_add_test(t, a_failure_a_thousand_gathers_deep_comes_out);
    suite_add_tcase(suite, t);

    t = tcase_create("failures");
    tcase_add_test(
        t, the_first_failure_cancels_the_other_calls_and_waits_for_them);
    tcase_add_test(t,
                   a_collecting_gather_ends_well_with_a_result_in_every_slot);
    tcase_add_test(t, a_call_that_someone_else_cancelled_fails_a_strict_gather);
    tcase_add_test(
        t, a_call_that_someone_else_cancelled_is_a_slot_of_a_collecting_one);
    tcase_add_test(t, a_call_may_fail_with_any_code);
    suite_add_tcase(suite, t);

    t = tcase_create("cancels");
    tcase_add_checked_fixture(t, clear_journal, NULL);
    tcase_add_test(t,
                   a_cancelled_gather_ends_its_calls_and_the_slots_can_be_read);
    tcase_add_test(t, a_gather_in_a_cancelled_scope_starts_nothing);
    tcase_add_test(t,
                   a_gather_cancelled_once_all_calls_have_ended_has_succeeded);
    tcase_add_test(t, a_failure_during_the_cancel_is_what_gather_tells);
    suite_add_tcase(suite, t);

    t = tcase_create("bounded");
    tcase_add_checked_fixture(t, clear_journal, NULL);
    tcase_add_test(t, at_most_so_many_calls_run_at_once);
    tcase_add_test(t, a_failure_stops_a_bounded_gather_from_starting_more);
    tcase_add_test(t, a_deadline_stops_a_bounded_gather_from_starting_more);
    tcase_add_test(t, a_deadline_that_passes_between_two_calls_is_told_as_such);
    suite_add_tcase(suite, t);

    t = tcase_create("races");
    tcase_add_test(t, the_first_success_wins_the_race_and_the_rest_has_ended);
    tcase_add_test(t, failures_do_not_end_a_race);
    tcase_add_test(t, a_race_that_all_fail_tells_the_first_failure_by_time);
    tcase_add_test(t, two_successes_of_one_moment_are_won_by_the_first_call);
    tcase_add_test(t, a_success_that_comes_with_the_cancel_still_wins);
    tcase_add_test(t, a_cancelled_race_has_ended_all_its_calls);
    tcase_add_test(
        t, a_race_whose_calls_someone_else_cancelled_is_not_cancelled_itself);
    suite_add_tcase(suite, t);
    return suite;
}
