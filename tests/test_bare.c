/* test_bare.c: <bide/coro.h>: coroutines without a scheduler. */
#include "tasks.h"

#include "sys.h"

#include <bide/coro.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

static struct bide_coro coro;

static void fresh(void)
{
    coro = (struct bide_coro){0};
    clear_journal();
}

/* Leave with twice what it was entered with, until that is 0; return 'e'. */
static void *double_it(struct bide_coro *c, void *value)
{
    while (value)
        value = bide_coro_leave(c, NUM(2 * VALUE(value)));
    return NUM('e');
}

static void make(struct bide_coro *c, bide_coro_fn *fn)
{
    ck_assert_int_eq(bide_coro_init(c, fn, NULL, 0), 0);
}

static intptr_t enter(struct bide_coro *c, intptr_t value)
{
    return VALUE(bide_coro_enter(c, NUM(value)));
}

START_TEST(values_go_in_and_out_with_each_switch)
{
    make(&coro, double_it);
    for (intptr_t i = 1; i < 1000; i++)
        ck_assert_int_eq(enter(&coro, i), 2 * i);
    ck_assert(!bide_coro_done(&coro));
    ck_assert_int_eq(enter(&coro, 0), 'e');
    ck_assert(bide_coro_done(&coro));
    bide_coro_end(&coro);
    ck_assert(!bide_coro_done(&coro));
}
END_TEST

START_TEST(a_coroutine_can_run_on_a_stack_of_the_callers)
{
    static char stack[3][32768];
    struct bide_coro coros[3] = {0};
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(bide_coro_init(&coros[i], double_it, stack[i] + i,
                                        sizeof stack[i] - (size_t)i), 0);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(enter(&coros[i], i + 1), 2 * (i + 1));
    for (int i = 0; i < 3; i++)
        bide_coro_end(&coros[i]); /* in the middle */
    ck_assert_int_eq(bide_coro_init(&coro, double_it, stack[0], 32768), 0);
    ck_assert_int_eq(enter(&coro, 0), 'e');
    bide_coro_end(&coro);
}
END_TEST

static struct bide_coro inner;

static void *enter_another(struct bide_coro *c, void *value)
{
    make(&inner, double_it);
    for (; value; value = bide_coro_leave(c, value))
        value = bide_coro_enter(&inner, NUM(VALUE(value) + 1));
    bide_coro_enter(&inner, NULL);
    ck_assert(bide_coro_done(&inner));
    bide_coro_end(&inner);
    return NULL;
}

START_TEST(coroutines_may_enter_others)
{
    make(&coro, enter_another);
    ck_assert_int_eq(enter(&coro, 1), 4);
    ck_assert_int_eq(enter(&coro, 2), 6);
    ck_assert_int_eq(enter(&coro, 0), 0);
    ck_assert(bide_coro_done(&coro));
    bide_coro_end(&coro);
}
END_TEST

static void *thread_with_many(void *sum)
{
    enum { COROS = 50 };
    struct bide_coro coros[COROS] = {0};
    for (int i = 0; i < COROS; i++)
        make(&coros[i], double_it);
    for (int round = 1; round <= 100; round++)
        for (int i = 0; i < COROS; i++)
            *(intptr_t *)sum += enter(&coros[i], round + i);
    for (int i = 0; i < COROS; i++)
        bide_coro_end(&coros[i]);
    return NULL;
}

START_TEST(threads_have_coroutines_of_their_own)
{
    pthread_t threads[4];
    intptr_t sums[4] = {0};
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, thread_with_many,
                                        &sums[i]), 0);
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        ck_assert_int_eq(sums[i], 2 * (50 * 5050 + 100 * 1225));
    }
}
END_TEST

VIRTUAL_TEST(a_task_may_use_coroutines)
{
    make(&coro, double_it);
    ck_assert_int_eq(enter(&coro, 4), 8);
    ck_assert_int_eq(bide_sleep(BIDE_MS(1)), 0);
    ck_assert_int_eq(enter(&coro, 5), 10);
    ck_assert_int_eq(enter(&coro, 0), 'e');
    bide_coro_end(&coro);
    return 0;
}

/* ---- Refused ------------------------------------------------------------ */

static void *no_map(size_t bytes, int prot, int flags, int fd, off_t at,
                    int *error)
{
    (void)bytes, (void)prot, (void)flags, (void)fd, (void)at;
    *error = -ENOMEM;
    return NULL;
}

START_TEST(a_coroutine_that_cannot_be_is_refused)
{
    static char stack[4096];
    struct bi_sys before = bi_sys;
    ck_assert_int_eq(bide_coro_init(&coro, NULL, NULL, 0), -EINVAL);
    ck_assert_int_eq(bide_coro_init(&coro, double_it, stack, 0), -EINVAL);
    ck_assert_int_eq(bide_coro_init(&coro, double_it, stack, 4095), -EINVAL);
    ck_assert_int_eq(bide_coro_init(&coro, double_it, NULL, SIZE_MAX), -EINVAL);
    bi_sys.map = no_map;
    ck_assert_int_eq(bide_coro_init(&coro, double_it, NULL, 0), -ENOMEM);
    bi_sys.map = before.map;
    make(&coro, double_it);
    bide_coro_end(&coro);
}
END_TEST

static void enter_unmade(void)
{
    bide_coro_enter(&coro, NULL);
}

static void enter_returned(void)
{
    make(&coro, double_it);
    bide_coro_enter(&coro, NULL);
    bide_coro_enter(&coro, NULL);
}

static void end_twice(void)
{
    make(&coro, double_it);
    bide_coro_end(&coro);
    bide_coro_end(&coro);
}

static void leave_outside(void)
{
    make(&coro, double_it);
    bide_coro_leave(&coro, NULL);
}

static void *enter_oneself(struct bide_coro *c, void *value)
{
    return bide_coro_enter(c, value);
}

static void *end_oneself(struct bide_coro *c, void *value)
{
    bide_coro_end(c);
    return value;
}

static void *leave_the_outer_one(struct bide_coro *c, void *value)
{
    (void)c;
    return bide_coro_leave(&coro, value);
}

static void *enter_the_inner_one(struct bide_coro *c, void *value)
{
    (void)c;
    make(&inner, leave_the_outer_one);
    return bide_coro_enter(&inner, value);
}

static bide_coro_fn *misuse;

static void commit_misuse(void)
{
    make(&coro, misuse);
    bide_coro_enter(&coro, NULL);
}

static void expect_sentence(void (*fn)(void), const char *func,
                            const char *words)
{
    char text[1024];
    int status = in_child(fn, text, sizeof text);
    ck_assert_msg(status != 0 && strstr(text, func) && strstr(text, words),
                  "status %#x, said: %s", (unsigned)status, text);
}

START_TEST(misuse_of_a_coroutine_is_told)
{
    expect_sentence(enter_unmade, "bide_coro_enter", "not made");
    expect_sentence(enter_returned, "bide_coro_enter", "has returned");
    expect_sentence(end_twice, "bide_coro_end", "twice");
    expect_sentence(leave_outside, "bide_coro_leave", "outside");
    misuse = enter_oneself;
    expect_sentence(commit_misuse, "bide_coro_enter", "is running");
    misuse = end_oneself;
    expect_sentence(commit_misuse, "bide_coro_end", "is running");
    misuse = enter_the_inner_one;
    expect_sentence(commit_misuse, "bide_coro_leave", "outside");
}
END_TEST

/* A frame that others might see is not made into a loop's. */
static char *volatile shown;

static int fill(int depth)
{
    char here[4096];
    shown = here;
    *shown = (char)depth;
    return depth ? fill(depth - 1) + here[0] : 0;
}

static void *overrun(struct bide_coro *c, void *value)
{
    return fill(1000) ? c : value;
}

static void overrun_it(void)
{
    signal(SIGSEGV, SIG_DFL); /* a sanitizer has its own */
    misuse = overrun;
    commit_misuse();
}

START_TEST(a_mapped_stack_that_is_overrun_stops_the_program)
{
    char text[1024];
    int status = in_child(overrun_it, text, sizeof text);
    ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV,
                  "status %#x, said: %s", (unsigned)status, text);
}
END_TEST

Suite *suite_bare(void)
{
    Suite *suite = suite_create("bare");
    TCase *t = tcase_create("bare");
    tcase_add_checked_fixture(t, fresh, NULL);
    tcase_add_test(t, values_go_in_and_out_with_each_switch);
    tcase_add_test(t, a_coroutine_can_run_on_a_stack_of_the_callers);
    tcase_add_test(t, coroutines_may_enter_others);
    tcase_add_test(t, threads_have_coroutines_of_their_own);
    tcase_add_test(t, a_task_may_use_coroutines);
    tcase_add_test(t, a_coroutine_that_cannot_be_is_refused);
    tcase_add_test(t, misuse_of_a_coroutine_is_told);
    tcase_add_test(t, a_mapped_stack_that_is_overrun_stops_the_program);
    suite_add_tcase(suite, t);
    return suite;
}
