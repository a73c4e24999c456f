/* test_seed.c: a seed replays what it has shown, and is told in every case. */
#include "explored.h"

#include <signal.h>
#include <sys/wait.h>

START_TEST(a_seed_replays_what_it_has_shown_in_another_process)
{
    unsigned strategies = 1u << _i;
    bide_fn *body = strategies == BIDE_LAST_IN ? wrong_order : lost_update;
    ck_assert_int_eq(result_under(5000, body, strategies), -EIO);
    struct found first = *found;
    setenv("BIDE_SEED", first.seed, 1);
    ck_assert_int_eq(result_under(5000, body, 0), -EIO);
    ck_assert_str_eq(found->seed, first.seed);
    ck_assert_uint_eq(found->hash, first.hash);
    ck_assert_uint_ne(found->hash, 0);
    expect_said("breaks the body");
}
END_TEST

static uint64_t hash_under(const char *seed)
{
    struct bide_test_options options = {.seed = seed};
    ck_assert_int_eq(bide_test_run(harmless, NULL, &options), 0);
    ck_assert_str_eq(bide_test_seed(), seed);
    return bide_test_hash();
}

START_TEST(equal_seeds_take_equal_courses_and_others_take_others)
{
    static const char *const seeds[] = {
        "first.0", "last.0", "random.1", "random.2", "pct1.1", "pct1.2",
        "pct3.1.30", "pct5.7.30",
    };
    uint64_t hashes[8];
    for (int i = 0; i < 8; i++) {
        hashes[i] = hash_under(seeds[i]);
        ck_assert_uint_eq(hash_under(seeds[i]), hashes[i]);
        for (int j = 0; j < i; j++)
            ck_assert_uint_ne(hashes[i], hashes[j]);
    }
}
END_TEST

START_TEST(without_a_seed_there_is_neither_seed_nor_hash)
{
    ck_assert_int_eq(bide_test_run(harmless, NULL, NULL), 0);
    ck_assert_str_eq(bide_test_seed(), "");
    ck_assert_uint_eq(bide_test_hash(), 0);
}
END_TEST

START_TEST(what_is_no_seed_is_refused_with_a_sentence)
{
    static const char *const bad[] = {
        "random", "random.", "random.x", "random.1.2", "rand.1", ".1", "7",
        "pct3.1", "pct3.1.", "pct3.1.4294967296", "pct6.1.1", "random.1 ",
        "random.18446744073709551616", "random.-1",
    };
    setenv("BIDE_SEED", bad[_i], 1);
    ck_assert_int_eq(result_under(10, harmless, 0), -EINVAL);
    expect_said("BIDE_SEED is '");
    expect_said("as first.0, last.0, random.17");
}
END_TEST

START_TEST(the_largest_numbers_are_seeds)
{
    hash_under("random.18446744073709551615");
    hash_under("pct5.18446744073709551615.4294967295");
}
END_TEST

static intptr_t ask_seed(void *arg)
{
    ck_assert_str_eq(bide_test_seed(), "");
    ck_assert_uint_eq(bide_test_hash(), 0);
    return VALUE(arg);
}

START_TEST(a_run_of_production_does_not_look_at_the_seed)
{
    setenv("BIDE_SEED", "nonsense", 1);
    ck_assert_int_eq(run_task(ask_seed, NUM(7)), 7);
}
END_TEST

START_TEST(the_steps_are_told_on_request)
{
    setenv("BIDE_SEED", "random.3", 1);
    setenv("BIDE_TRACE", "1", 1);
    result_under(1, lost_update, 0);
    expect_said("step 1 at 1.000000 s: 'main' runs");
    expect_said("'main': group close; 'task-");
    expect_said("the schedule random.3");
}
END_TEST

static intptr_t count_up(void *arg)
{
    static int count;
    (void)arg;
    for (int i = 0; i < count % 7; i++)
        let_others_in();
    count++;
    return 0;
}

START_TEST(a_body_that_takes_another_course_the_second_time_is_told_once)
{
    ck_assert_int_eq(result_under(1000, count_up, 0), 0);
    const char *words = "this body is not deterministic";
    char *at = strstr(said, words);
    ck_assert_ptr_nonnull(at);
    ck_assert_ptr_null(strstr(at + 1, words));
}
END_TEST

/* ---- Last words --------------------------------------------------------- */

static intptr_t abort_if_lost(void *arg)
{
    if (lost_update(arg) < 0)
        abort();
    return 0;
}

static intptr_t misuse_if_lost(void *arg)
{
    if (lost_update(arg) < 0)
        bide_await(NULL);
    return 0;
}

static intptr_t crash_if_lost(void *arg)
{
    if (lost_update(arg) < 0)
        raise(SIGSEGV);
    return 0;
}

START_TEST(the_seed_is_told_when_the_program_is_stopped)
{
    static bide_fn *const bodies[] = {abort_if_lost, misuse_if_lost,
                                      crash_if_lost};
    struct bide_test_options options = {.strategies = BIDE_RANDOM};
    signal(SIGSEGV, SIG_DFL); /* a sanitizer would exit */
    int status = explore(1000, bodies[_i], options);
    ck_assert(WIFSIGNALED(status));
    ck_assert_int_eq(WTERMSIG(status), _i == 2 ? SIGSEGV : SIGABRT);
    expect_said("BIDE_SEED=random.");
}
END_TEST

START_TEST(signals_are_as_before_when_the_exploration_has_ended)
{
    struct sigaction before, after;
    sigaction(SIGABRT, NULL, &before);
    ck_assert_int_eq(bide_explore(10, harmless), 0);
    sigaction(SIGABRT, NULL, &after);
    ck_assert_ptr_eq((void *)(uintptr_t)before.sa_handler,
                     (void *)(uintptr_t)after.sa_handler);
}
END_TEST

Suite *suite_seed(void)
{
    Suite *suite = suite_create("seed");
    TCase *t = tcase_create("seed");
    tcase_add_checked_fixture(t, begin_explored, end_explored);
    tcase_add_loop_test(
        t, a_seed_replays_what_it_has_shown_in_another_process, 0, 3);
    tcase_add_loop_test(
        t, a_seed_replays_what_it_has_shown_in_another_process, 4, 8);
    tcase_add_test(t, equal_seeds_take_equal_courses_and_others_take_others);
    tcase_add_test(t, without_a_seed_there_is_neither_seed_nor_hash);
    tcase_add_loop_test(t, what_is_no_seed_is_refused_with_a_sentence, 0, 14);
    tcase_add_test(t, the_largest_numbers_are_seeds);
    tcase_add_test(t, a_run_of_production_does_not_look_at_the_seed);
    tcase_add_test(t, the_steps_are_told_on_request);
    tcase_add_test(
        t, a_body_that_takes_another_course_the_second_time_is_told_once);
    tcase_add_loop_test(t, the_seed_is_told_when_the_program_is_stopped, 0, 3);
    tcase_add_test(t, signals_are_as_before_when_the_exploration_has_ended);
    suite_add_tcase(suite, t);
    return suite;
}
