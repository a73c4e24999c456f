/* test_explore.c: one body under many schedules; each strategy finds the bugs
 * that it must find.
 */
#include "explored.h"

/* ---- Bodies with a bug -------------------------------------------------- */

/* A bug of depth d: two tasks take turns d times, the first one first. */
static int taken, depth;
static const void *taker;

static intptr_t take_turns(void *name)
{
    for (int i = 0; i < 4; i++) {
        if (taker ? taker != name : name == NUM(1)) {
            taken += taker != NULL;
            taker = name;
        }
        if (taken >= depth)
            return -EIO;
        let_others_in();
    }
    return 0;
}

static intptr_t deep_bug(void *arg)
{
    (void)arg;
    struct bide_call calls[] = {{take_turns, NUM(1), 0},
                                {take_turns, NUM(2), 0}};
    taken = 0;
    taker = NULL;
    return bide_gather(calls, 2, BIDE_FAIL_FAST);
}

/* ---- What is found ------------------------------------------------------ */

START_TEST(a_body_without_a_bug_passes_all_schedules)
{
    ck_assert_int_eq(bide_explore(rounds(1000), harmless), 0);
}
END_TEST

START_TEST(the_portfolio_finds_a_lost_update_and_says_how_to_replay_it)
{
    ck_assert_int_eq(result_under(1000, lost_update, 0), -EIO);
    expect_said("breaks the body: it came to -5");
    expect_said("BIDE_SEED=");
    expect_said(found->seed);
}
END_TEST

START_TEST(each_strategy_finds_what_it_can)
{
    ck_assert_int_eq(result_under(10, lost_update, BIDE_FIRST_IN), -EIO);
    ck_assert_int_eq(result_under(10, lost_update, BIDE_LAST_IN), 0);
    ck_assert_int_eq(result_under(1000, lost_update, BIDE_RANDOM), -EIO);
    ck_assert_int_eq(result_under(10, wrong_order, BIDE_FIRST_IN), 0);
    ck_assert_int_eq(result_under(10, wrong_order, BIDE_LAST_IN), -EIO);
    ck_assert_int_eq(result_under(1000, wrong_order, BIDE_RANDOM), -EIO);
    ck_assert_int_eq(result_under(1000, wrong_order, BIDE_PCT_1), -EIO);
}
END_TEST

START_TEST(changing_priorities_find_bugs_of_their_depth_and_none_deeper)
{
    depth = _i + 1;
    ck_assert_int_eq(result_under(50000, deep_bug, BIDE_PCT_1 << _i), -EIO);
    if (_i > 0)
        ck_assert_int_eq(
            result_under(rounds(5000), deep_bug, BIDE_PCT_1 << (_i - 1)), 0);
}
END_TEST

static intptr_t lock_two(void *arg)
{
    struct bide_mutex **m = (struct bide_mutex **)arg;
    int rc = bide_mutex_lock(m[0]);
    if (rc < 0)
        return rc;
    rc = bide_mutex_lock(m[1]);
    if (rc == 0)
        rc = bide_mutex_unlock(m[1]);
    int undone = bide_mutex_unlock(m[0]);
    return rc < 0 ? rc : undone;
}

static intptr_t deadly_embrace(void *arg)
{
    struct bide_mutex a = {0}, b = {0}, *ab[] = {&a, &b}, *ba[] = {&b, &a};
    struct bide_call calls[] = {{lock_two, ab, 0}, {lock_two, ba, 0}};
    (void)arg;
    return bide_gather(calls, 2, BIDE_FAIL_FAST);
}

START_TEST(a_deadlock_breaks_the_body)
{
    ck_assert_int_eq(result_under(1000, deadly_embrace, BIDE_RANDOM), -EDEADLK);
    expect_said("waits: mutex");
    expect_said("it deadlocked");
    expect_said("BIDE_SEED=random.");
}
END_TEST

static bool flag;

static intptr_t wait_for_flag(void *calls_that_wait)
{
    while (!flag)
        if (calls_that_wait)
            let_others_in();
        else
            ck_assert_int_ge(bide_yield(), -ECANCELED);
    return 0;
}

static intptr_t set_flag(void *arg)
{
    flag = true;
    return VALUE(arg);
}

/* Two that wait for a third; under no strategy are they in its way for ever. */
static intptr_t busy_waiting(void *arg)
{
    struct bide_call calls[] = {{wait_for_flag, NUM(1), 0},
                                {set_flag, arg, 0},
                                {wait_for_flag, NUM(0), 0},
                                {wait_for_flag, NUM(1), 0}};
    flag = false;
    return bide_gather(calls, 4, BIDE_FAIL_FAST);
}

START_TEST(every_strategy_is_fair_to_those_who_give_their_turn_up)
{
    unsigned strategy = 1u << _i;
    ck_assert_int_eq(result_under(100, busy_waiting, strategy), 0);
    ck_assert_str_eq(said, "");
}
END_TEST

static intptr_t endless(void *arg)
{
    int rc;
    while ((rc = bide_yield()) == 0)
        ;
    return arg ? 0 : rc;
}

START_TEST(a_schedule_that_does_not_end_is_ended)
{
    struct bide_test_options options = {.step_limit = 5000};
    ck_assert_int_eq(explore(10, endless, options), 0);
    ck_assert_int_eq(found->result, -ELOOP);
    expect_said("after 5000 steps there is no end");
    expect_said("it did not come to an end");
}
END_TEST

static intptr_t fail_unread(void *arg)
{
    (void)arg;
    spawn(give, NUM(-EIO));
    return bide_sleep(BIDE_MS(1));
}

START_TEST(an_error_that_nobody_reads_breaks_the_body)
{
    ck_assert_int_eq(result_under(10, fail_unread, 0), -EIO);
    expect_said("ended with -5 and nobody read it");
}
END_TEST

/* ---- Each schedule is a run of its own ---------------------------------- */

static int begun, undone;

static intptr_t stay(void *arg)
{
    begun++;
    int rc = bide_sleep(BIDE_FOREVER - 1);
    undone++;
    return arg ? 0 : rc;
}

static intptr_t leave_some_over(void *arg)
{
    bide_task *task;
    ck_assert_int_eq(bide_now(), BIDE_SEC(1));
    ck_assert_int_eq(begun, undone);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(bide_spawn(&task, stay, NULL), 0);
    struct bide_stats stats;
    bide_stats(&stats);
    ck_assert_uint_eq(stats.spawned, 4);
    return arg ? 0 : bide_sleep(BIDE_MS(5));
}

START_TEST(what_a_schedule_leaves_over_is_ended_before_the_next)
{
    begun = undone = 0;
    int before = open_descriptors();
    ck_assert_int_eq(bide_explore(500, leave_some_over), 0);
    ck_assert_int_eq(begun, undone);
    ck_assert_int_ge(begun, 1500);
    ck_assert_int_eq(open_descriptors(), before);
}
END_TEST

static bool child_ran;

static intptr_t note_child(void *arg)
{
    child_ran = true;
    return VALUE(arg);
}

static intptr_t disturb(void *arg)
{
    child_ran = false;
    return VALUE(arg);
}

/* A promise of the order that no schedule may break. */
static intptr_t spawn_eagerly(void *arg)
{
    struct bide_spawn_options eager = {.flags = BIDE_EAGER};
    for (int i = 0; i < 3; i++)
        spawn(disturb, NUM(0));
    child_ran = false;
    ck_assert_int_eq(bide_spawn_with(NULL, note_child, NULL, &eager), 0);
    ck_assert(child_ran);
    return VALUE(arg);
}

START_TEST(an_eager_child_and_its_spawner_are_always_next)
{
    ck_assert_int_eq(bide_explore(1000, spawn_eagerly), 0);
}
END_TEST

static intptr_t explore_inside(void *arg)
{
    ck_assert_int_eq(bide_explore(1, harmless), -EDEADLK);
    ck_assert_int_eq(bide_test_run(harmless, NULL, NULL), -EDEADLK);
    return VALUE(arg);
}

START_TEST(what_cannot_be_explored_is_refused)
{
    struct bide_test_options options = {.strategies = 1u << 8};
    ck_assert_int_eq(bide_explore(1, NULL), -EINVAL);
    ck_assert_int_eq(bide_test_run(NULL, NULL, NULL), -EINVAL);
    ck_assert_int_eq(bide_explore_with(1, harmless, NULL, &options), -EINVAL);
    options = (struct bide_test_options){.run.stack_bytes = 1};
    ck_assert_int_eq(bide_explore_with(1, harmless, NULL, &options), -EINVAL);
    ck_assert_int_eq(bide_explore(0, give), 0);
    ck_assert_int_eq(run_task(explore_inside, NULL), 0);
}
END_TEST

Suite *suite_explore(void)
{
    Suite *suite = suite_create("explore");
    TCase *t = tcase_create("explore");
    tcase_add_checked_fixture(t, begin_explored, end_explored);
    tcase_add_test(t, a_body_without_a_bug_passes_all_schedules);
    tcase_add_test(
        t, the_portfolio_finds_a_lost_update_and_says_how_to_replay_it);
    tcase_add_test(t, each_strategy_finds_what_it_can);
    tcase_add_loop_test(
        t, changing_priorities_find_bugs_of_their_depth_and_none_deeper, 0,
        5);
    tcase_add_test(t, a_deadlock_breaks_the_body);
    tcase_add_loop_test(
        t, every_strategy_is_fair_to_those_who_give_their_turn_up, 0, 8);
    tcase_add_test(t, a_schedule_that_does_not_end_is_ended);
    tcase_add_test(t, an_error_that_nobody_reads_breaks_the_body);
    tcase_add_test(t, what_a_schedule_leaves_over_is_ended_before_the_next);
    tcase_add_test(t, an_eager_child_and_its_spawner_are_always_next);
    tcase_add_test(t, what_cannot_be_explored_is_refused);
    suite_add_tcase(suite, t);
    return suite;
}
