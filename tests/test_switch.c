/* test_switch.c: coroutines, the switch between them, and system calls by
 * number.
 */
#include "coro.h"
#include "stack.h"
#include "sys.h"

#include "arch/syscall.h"

#include <check.h>
#include <execinfo.h>
#include <fenv.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Lies in the head of its stack. */
struct worker {
    struct bi_coro coro;
    struct bi_stack *stack;
    void (*body)(struct worker *w);
    uint64_t seed;
    bool over;
} __attribute__((aligned(BI_LINE)));

static struct bi_stack_pool pool;
static struct bi_coro loop;

/* One side may suspend in one way and the other in the other. */
static bool pause_as_pair, resume_as_pair;

static void set_up(void)
{
    bi_stack_pool_init(&pool, sizeof(struct worker));
    bi_coro_adopt(&loop);
}

static void set_up_pairs(void)
{
    pause_as_pair = resume_as_pair = true;
    set_up();
}

static void set_up_half_pairs(void)
{
    resume_as_pair = true;
    set_up();
}

static void tear_down(void)
{
    bi_stack_pool_end(&pool);
}

static __attribute__((noinline)) void pause_worker(struct worker *w)
{
    if (pause_as_pair)
        bi_coro_switch_pair(&w->coro, &loop);
    else
        bi_coro_switch(&w->coro, &loop);
}

static void entry(void *arg)
{
    struct worker *w = arg;
    bi_coro_began(&w->coro);
    w->body(w);
    w->over = true;
    bi_stack_give(&pool, w->stack);
    bi_coro_finish(&w->coro, &loop);
}

static struct worker *start(void (*body)(struct worker *w), uint64_t seed)
{
    struct bi_stack *stack = bi_stack_take(&pool, BI_STACK_DEFAULT);
    ck_assert_msg(stack != NULL, "%s", pool.reason);
    struct worker *w = bi_stack_head(&pool, stack);
    w->stack = stack;
    w->body = body;
    w->seed = seed;
    w->over = false;
    bi_coro_make(&w->coro, stack->low, w, entry, w);
    return w;
}

static void resume(struct worker *w)
{
    if (resume_as_pair)
        bi_coro_switch_pair(&loop, &w->coro);
    else
        bi_coro_switch(&loop, &w->coro);
}

/* ---- Stacks ------------------------------------------------------------- */

static void note_place(struct worker *w)
{
    char *here = __builtin_frame_address(0);
    w->seed = here > w->stack->low && here < (char *)w;
}

START_TEST(a_coroutine_runs_on_its_own_stack)
{
    struct worker *w = start(note_place, 0);
    resume(w);
    ck_assert(w->over);
    ck_assert_uint_eq(w->seed, 1);
}
END_TEST

static void count_to_three(struct worker *w)
{
    for (int i = 0; i < 3; i++) {
        w->seed++;
        pause_worker(w);
    }
}

/* TSan of gcc 12 ends at 8,128. */
#ifdef BI_TSAN
enum { MANY = 2000 };
#else
enum { MANY = 10000 };
#endif

START_TEST(ten_thousand_coroutines_take_turns)
{
    static struct worker *workers[MANY];
    for (int i = 0; i < MANY; i++)
        workers[i] = start(count_to_three, (uint64_t)i);
    for (int turn = 0; turn < 4; turn++) {
        for (int i = 0; i < MANY; i++)
            resume(workers[i]);
    }
    for (int i = 0; i < MANY; i++) {
        ck_assert(workers[i]->over);
        ck_assert_uint_eq(workers[i]->seed, (uint64_t)i + 3);
    }
}
END_TEST

static void deep(struct worker *w, int depth)
{
    volatile char frame[200];
    memset((char *)frame, depth, sizeof frame);
    if (depth)
        deep(w, depth - 1);
    else
        pause_worker(w); /* is not resumed: its frames never return */
    w->seed = (uint64_t)frame[0];
}

static void leave_frames(struct worker *w)
{
    deep(w, 20);
}

START_TEST(a_stack_is_clean_for_its_next_owner)
{
    struct bi_stack *first = NULL;
    for (int i = 0; i < 100; i++) {
        struct worker *w = start(leave_frames, 0);
        if (!first)
            first = w->stack;
        ck_assert_ptr_eq(w->stack, first);
        resume(w);
        bi_stack_give(&pool, w->stack);
        w = start(count_to_three, 0);
        for (int turn = 0; turn < 4; turn++)
            resume(w);
        ck_assert(w->over);
    }
}
END_TEST

/* ---- What is kept ------------------------------------------------------- */

/* More values than there are callee-saved registers, of both kinds, each needed
 * on both sides of every switch. */
static void churn(struct worker *w)
{
    uint64_t a = w->seed, b = a + 1, c = a + 2, d = a + 3, e = a + 4, f = a + 5;
    uint64_t g = a + 6, h = a + 7, i = a + 8, j = a + 9, k = a + 10, l = a + 11;
    double p = (double)a, q = p + 1, r = p + 2, s = p + 3, t = p + 4, u = p + 5;
    double v = p + 6, x = p + 7, y = p + 8;
    for (int turn = 0; turn < 100; turn++) {
        pause_worker(w);
        a++, b++, c++, d++, e++, f++, g++, h++, i++, j++, k++, l++;
        p++, q++, r++, s++, t++, u++, v++, x++, y++;
    }
    uint64_t whole = a + b + c + d + e + f + g + h + i + j + k + l;
    double broken = p + q + r + s + t + u + v + x + y;
    ck_assert_uint_eq(whole, 12 * w->seed + 66 + 12 * 100);
    ck_assert_double_eq(broken, 9 * (double)w->seed + 36 + 9 * 100);
}

START_TEST(a_switch_keeps_registers)
{
    struct worker *one = start(churn, 1000), *two = start(churn, 2000000);
    while (!one->over) {
        resume(one);
        resume(two);
    }
    ck_assert(two->over);
}
END_TEST

#ifndef BI_NO_FP_CONTROL
/* Valgrind always rounds to nearest. */
static bool rounding_is_fixed(void)
{
    return bi_annotate_wants_stacks();
}

/* Asked of the unit for double and of that for long double, which are two on
 * x86-64. */
static bool rounds_up(void)
{
    volatile double one = 1, little = 1e-40;
    volatile long double long_one = 1;
    bool up = one + little > one;
    bool long_up = long_one + little > long_one;
    ck_assert_int_eq(up, long_up);
    return up;
}

static void round_up(struct worker *w)
{
    ck_assert(!rounds_up());
    fesetround(FE_UPWARD);
    for (int i = 0; i < 3; i++) {
        pause_worker(w);
        ck_assert(rounds_up());
    }
}

static void round_as_before(struct worker *w)
{
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(rounds_up(), w->seed != 0);
        pause_worker(w);
    }
}

START_TEST(a_switch_keeps_the_rounding_of_each_coroutine)
{
    if (rounding_is_fixed())
        return;
    fesetround(FE_DOWNWARD);
    struct worker *one = start(round_up, 0), *two = start(round_as_before, 0);
    while (!one->over) {
        resume(one);
        ck_assert(!rounds_up());
        resume(two);
        ck_assert(!rounds_up());
    }
    fesetround(FE_TONEAREST);
}
END_TEST

START_TEST(a_coroutine_begins_with_its_makers_rounding)
{
    if (rounding_is_fixed())
        return;
    fesetround(FE_UPWARD);
    struct worker *w = start(round_as_before, 1);
    fesetround(FE_DOWNWARD);
    while (!w->over)
        resume(w);
    fesetround(FE_TONEAREST);
}
END_TEST
#endif

/* ---- Backtraces --------------------------------------------------------- */

/* Return addresses, the innermost first. */
static void *expected[4], *seen[32];
static int seen_count, chain_count;

static __attribute__((noinline)) void look(struct worker *w)
{
    expected[0] = __builtin_return_address(0);
    seen_count = backtrace(seen, 32);
    for (void **fp = __builtin_frame_address(0); fp; fp = *fp) {
        bool inside = (char *)fp > w->stack->low && (char *)fp < (char *)w;
        if (!inside || ++chain_count == 32)
            break;
    }
    w->seed++;
}

static __attribute__((noinline)) void middle(struct worker *w)
{
    expected[1] = __builtin_return_address(0);
    look(w);
    w->seed++;
}

static void look_deep(struct worker *w)
{
    expected[2] = __builtin_return_address(0);
    middle(w);
    w->seed++;
}

static void traced_entry(void *arg)
{
    struct worker *w = arg;
    bi_coro_began(&w->coro);
    expected[3] = __builtin_return_address(0);
    w->body(w);
    bi_coro_finish(&w->coro, &loop);
}

START_TEST(a_backtrace_ends_at_the_entry)
{
    struct worker *w = start(look_deep, 0);
    bi_coro_make(&w->coro, w->stack->low, w, traced_entry, w);
    resume(w);
    int first = 0; /* after look(), and what a sanitizer has put before it */
    while (first < seen_count && seen[first] != expected[0])
        first++;
    ck_assert_int_le(first + 4, seen_count);
    for (int i = 0; i < 4; i++)
        ck_assert_ptr_eq(seen[first + i], expected[i]);
    /* libc's makecontext() has frames of its own below the entry. */
    if (strcmp(bi_switch_name, "ucontext") == 0) {
        ck_assert_int_le(seen_count, first + 7);
        return;
    }
    ck_assert_int_eq(seen_count, first + 4);
    ck_assert_int_eq(chain_count, 4);
}
END_TEST

/* ---- System calls by number --------------------------------------------- */

START_TEST(a_system_call_returns_its_negated_errno)
{
    errno = 7;
    ck_assert_int_eq(bi_syscall(SYS_close, -1, 0, 0, 0, 0, 0), -EBADF);
    ck_assert_int_eq(bi_syscall(SYS_getpid, 0, 0, 0, 0, 0, 0), getpid());
    ck_assert_int_eq(errno, 7);
}
END_TEST

/* splice(2) uses all six, and would fail or move other bytes with any two of
 * them exchanged. */
START_TEST(a_system_call_gets_six_arguments)
{
    int in[2], out[2];
    char got[8] = "";
    ck_assert_int_eq(pipe(in), 0);
    ck_assert_int_eq(pipe(out), 0);
    ck_assert_int_eq(write(in[1], "abcdef", 6), 6);
    ck_assert_int_eq(bi_syscall(SYS_splice, in[0], 0, out[1], 0, 4,
                                SPLICE_F_NONBLOCK),
                     4);
    ck_assert_int_eq(bi_syscall(SYS_splice, in[0], 0, out[1], 0, 9,
                                SPLICE_F_NONBLOCK),
                     2);
    ck_assert_int_eq(bi_syscall(SYS_splice, in[0], 0, out[1], 0, 9,
                                SPLICE_F_NONBLOCK),
                     -EAGAIN);
    ck_assert_int_eq(read(out[0], got, sizeof got), 6);
    ck_assert_str_eq(got, "abcdef");
    for (int i = 0; i < 2; i++)
        close(in[i]), close(out[i]);
}
END_TEST

static void add_switches(Suite *s, const char *name, SFun begin)
{
    TCase *t = tcase_create(name);
    tcase_set_timeout(t, 30);
    tcase_add_checked_fixture(t, begin, tear_down);
    tcase_add_test(t, a_coroutine_runs_on_its_own_stack);
    tcase_add_test(t, ten_thousand_coroutines_take_turns);
    tcase_add_test(t, a_stack_is_clean_for_its_next_owner);
    tcase_add_test(t, a_switch_keeps_registers);
#ifndef BI_NO_FP_CONTROL
    tcase_add_test(t, a_switch_keeps_the_rounding_of_each_coroutine);
    tcase_add_test(t, a_coroutine_begins_with_its_makers_rounding);
#endif
    tcase_add_test(t, a_backtrace_ends_at_the_entry);
    suite_add_tcase(s, t);
}

Suite *suite_switch(void)
{
    Suite *s = suite_create("switch");
    add_switches(s, "switch", set_up);
    add_switches(s, "pair", set_up_pairs);
    add_switches(s, "half a pair", set_up_half_pairs);
    TCase *t = tcase_create("system calls");
    tcase_add_test(t, a_system_call_returns_its_negated_errno);
    tcase_add_test(t, a_system_call_gets_six_arguments);
    suite_add_tcase(s, t);
    return s;
}
