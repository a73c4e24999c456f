/* test_guard.c: no stack without a guard, whatever the kernel refuses.
 */
#include "stacks.h"

#include "sys.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* Whether the kernel can read a byte there for us. */
static bool readable(const void *at)
{
    int fds[2];
    ck_assert_int_eq(pipe(fds), 0);
    ssize_t n = bi_sys_write(fds[1], at, 1);
    close(fds[0]);
    close(fds[1]);
    ck_assert(n == 1 || n == -EFAULT);
    return n == 1;
}

static void assert_guarded(const struct bi_stack *s)
{
    const char *end = s->low + bi_stack_bytes(s);
    ck_assert(readable(s->low));
    ck_assert(readable(end - 1));
    ck_assert(!readable(s->low - 1));
    ck_assert(!readable(s->low - bi_guard()->bytes));
    ck_assert_msg(!readable(end), "an overrun would hit the next stack");
}

/* Touch it in a child: the signal that ended it. */
static int end_by_touching(volatile char *at)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        signal(SIGSEGV, SIG_DFL);
        *at = 1;
        _exit(0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static const char *const kinds[] = {"kernel", "mprotect"};

START_TEST(every_stack_lies_between_guards_of_either_kind)
{
    setenv("BIDE_GUARD", kinds[_i], 1);
    for (int i = 0; i < 120; i++)
        assert_guarded(take(BI_STACK_DEFAULT));
    struct bi_stack *s = take(BI_STACK_MIN);
    ck_assert_int_eq(end_by_touching(s->low), 0);
    ck_assert_int_eq(end_by_touching(s->low - 1), SIGSEGV);
    if (_i == 1)
        ck_assert_str_eq(bi_guard()->name, "mprotect");
}
END_TEST

static int refuse_advice(void *at, size_t bytes, int advice)
{
    return advice == MADV_GUARD_INSTALL ? -EPERM :
                                          real.advise(at, bytes, advice);
}

static long refuse_calls(long number, long a, long b, long c, long d, long e,
                         long f)
{
    return number == SYS_process_madvise ? -EPERM :
                                           real.call(number, a, b, c, d, e, f);
}

static int refuse_protect(void *at, size_t bytes, int prot)
{
    (void)at, (void)bytes, (void)prot;
    return -ENOMEM;
}

static int lie(void *at, size_t bytes, int advice)
{
    (void)at, (void)bytes, (void)advice;
    return 0;
}

START_TEST(a_kernel_that_only_says_yes_is_not_believed)
{
    bi_sys.advise = lie;
    ck_assert_str_eq(bi_guard()->name, "mprotect");
    ck_assert_str_ne(bi_guard()->reason, "");
    assert_guarded(take(BI_STACK_DEFAULT));
}
END_TEST

START_TEST(a_kernel_guard_that_is_refused_becomes_mprotect)
{
    bi_guard();
    bi_sys.advise = refuse_advice;
    bi_sys.call = refuse_calls;
    for (int i = 0; i < 10; i++)
        assert_guarded(take(BI_STACK_DEFAULT));
}
END_TEST

START_TEST(a_demanded_guard_that_does_not_work_tells_why)
{
    setenv("BIDE_GUARD", "kernel", 1);
    bi_sys.advise = refuse_advice;
    ck_assert_str_eq(bi_guard()->name, "mprotect");
    ck_assert_ptr_nonnull(bi_guard()->reason);
    assert_guarded(take(BI_STACK_DEFAULT));
}
END_TEST

START_TEST(there_is_no_stack_without_a_guard)
{
    struct bi_stack *s = take(BI_STACK_DEFAULT);
    bi_sys.advise = refuse_advice;
    bi_sys.call = refuse_calls;
    bi_sys.protect = refuse_protect;
    /* Those whose guards were made ahead come first. */
    while ((s = bi_stack_take(&pool, BI_STACK_DEFAULT)))
        assert_guarded(s);
    ck_assert_ptr_nonnull(strstr(pool.reason, "vm.max_map_count"));
    size_t mapped = pool.mapped;
    ck_assert_ptr_null(bi_stack_take(&pool, BI_STACK_DEFAULT));
    ck_assert_ptr_null(bi_stack_take(&pool, BI_STACK_MIN));
    ck_assert_uint_eq(pool.mapped, mapped);
    bi_sys = real;
    assert_guarded(take(BI_STACK_DEFAULT));
    ck_assert_str_eq(pool.reason, "");
}
END_TEST

/* ---- Refusals ----------------------------------------------------------- */

static size_t live_bytes, most_bytes;
static long calls_left; /* until one is refused; negative: none is */
static bool for_good;   /* that one and all that come */

static bool refused(void)
{
    if (calls_left == 0 && for_good)
        return true;
    return calls_left >= 0 && calls_left-- == 0;
}

static void *count_map(size_t bytes, int prot, int flags, int fd, off_t at,
                       int *error)
{
    void *p = NULL;
    *error = -ENOMEM;
    if (bytes <= most_bytes && !refused())
        p = real.map(bytes, prot, flags, fd, at, error);
    live_bytes += p ? bytes : 0;
    return p;
}

static int count_unmap(void *at, size_t bytes)
{
    live_bytes -= bytes;
    return real.unmap(at, bytes);
}

static int count_protect(void *at, size_t bytes, int prot)
{
    return refused() ? -ENOMEM : real.protect(at, bytes, prot);
}

static int count_advise(void *at, size_t bytes, int advice)
{
    return refused() ? -EINVAL : real.advise(at, bytes, advice);
}

static long count_call(long number, long a, long b, long c, long d, long e,
                       long f)
{
    bool here = number == SYS_process_madvise;
    return here && refused() ? -ENOSYS : real.call(number, a, b, c, d, e, f);
}

static void count_calls(size_t most, long left)
{
    most_bytes = most;
    calls_left = left;
    bi_sys.map = count_map;
    bi_sys.unmap = count_unmap;
    bi_sys.protect = count_protect;
    bi_sys.advise = count_advise;
    bi_sys.call = count_call;
}

START_TEST(where_much_is_refused_less_is_asked_for)
{
    bi_guard();
    count_calls((size_t)200 << 10, -1);
    for (int i = 0; i < 20; i++)
        assert_guarded(take(BI_STACK_DEFAULT));
    ck_assert_uint_le(live_bytes, (size_t)20 * (200 << 10));
    bi_stack_pool_end(&pool);
    ck_assert_uint_eq(live_bytes, 0);
}
END_TEST

/* Take sixty with the call number `at` refused; how many were had. */
static int take_against(long at)
{
    int had = 0;
    count_calls(SIZE_MAX, at);
    for (int i = 0; i < 60; i++) {
        struct bi_stack *s = bi_stack_take(&pool, BI_STACK_DEFAULT);
        ck_assert(s || pool.reason[0]);
        ck_assert(!s || !readable(s->low - 1));
        had += s != NULL;
    }
    ck_assert_uint_eq(pool.mapped, (size_t)had);
    bi_stack_pool_end(&pool);
    ck_assert_uint_eq(live_bytes, 0);
    return had;
}

START_TEST(a_refusal_once_or_for_good_leaks_nothing)
{
    bi_guard();
    for_good = _i == 1;
    int had = 0;
    for (long at = 0; at < 300; at++) {
        had = take_against(at);
        ck_assert(for_good || had >= 59);
        if (calls_left > 0)
            break;
    }
    ck_assert_msg(calls_left > 0, "the sweep did not reach its end");
    ck_assert_int_eq(had, 60);
}
END_TEST

/* The limit that prlimit64 is made to tell, and the policy read from /proc. */
static long limited_call(long number, long a, long b, long c, long d, long e,
                         long f)
{
    if (number == SYS_prlimit64 && b == RLIMIT_AS) {
        *(struct rlimit *)d = (struct rlimit){.rlim_cur = (rlim_t)512 << 20};
        return 0;
    }
    return real.call(number, a, b, c, d, e, f);
}

START_TEST(a_refused_mapping_names_what_to_raise)
{
    bi_guard();
    count_calls(0, -1);
    ck_assert_ptr_null(bi_stack_take(&pool, BI_STACK_DEFAULT));
    ck_assert_msg(strstr(pool.reason, "raise") != NULL, "%s", pool.reason);
    bi_sys.call = limited_call;
    ck_assert_ptr_null(bi_stack_take(&pool, BI_STACK_DEFAULT));
    ck_assert_msg(strstr(pool.reason, "RLIMIT_AS is 512 MiB") != NULL, "%s",
                  pool.reason);
    ck_assert_uint_eq(pool.mapped, 0);
}
END_TEST

Suite *suite_guard(void)
{
    Suite *s = suite_create("guard");
    TCase *t = tcase_create("guard");
    tcase_set_timeout(t, 30);
    tcase_add_checked_fixture(t, stacks_begin, stacks_end);
    tcase_add_loop_test(t, every_stack_lies_between_guards_of_either_kind, 0,
                        2);
    tcase_add_test(t, a_kernel_that_only_says_yes_is_not_believed);
    tcase_add_test(t, a_kernel_guard_that_is_refused_becomes_mprotect);
    tcase_add_test(t, a_demanded_guard_that_does_not_work_tells_why);
    tcase_add_test(t, there_is_no_stack_without_a_guard);
    tcase_add_test(t, where_much_is_refused_less_is_asked_for);
    tcase_add_loop_test(t, a_refusal_once_or_for_good_leaks_nothing, 0, 2);
    tcase_add_test(t, a_refused_mapping_names_what_to_raise);
    suite_add_tcase(s, t);
    return s;
}
