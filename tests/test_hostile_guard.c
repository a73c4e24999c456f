/* test_hostile_guard.c: kernels that refuse guards, or lie about them. */
#include "hostile.h"

#include "sys.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

/* Go beyond the end of the stack, in steps that no guard is too small for. */
static intptr_t overflow(void *depth)
{
    volatile char room[512];
    room[0] = 1;
    if ((intptr_t)depth == 1 << 20)
        return 0;
    return overflow((void *)((intptr_t)depth + 1)) + room[0];
}

static void overflow_a_stack(void)
{
    signal(SIGSEGV, SIG_DFL);
    bide_run(overflow, NULL, NULL);
}

/* After `child` has worked, `overflowing` must die of a guard that says so. */
static void expect_overflow(void (*overflowing)(void))
{
    if (SANITIZED)
        return; /* they have a word of their own about it */
    int status = in_child(overflowing, told, sizeof told);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    expect_told("stack overflow in task 'main'");
    expect_told("mprotect guard");
}

static void forbid_guards(int error)
{
    refuse_with(SYS_madvise, 2, MADV_GUARD_INSTALL, error);
    refuse_with(SYS_process_madvise, 3, MADV_GUARD_INSTALL, error);
}

static void forbidden_guards(void)
{
    forbid_guards(EPERM);
    work_and_tell();
}

static void overflow_without_permission(void)
{
    forbid_guards(EPERM);
    overflow_a_stack();
}

START_TEST(kernel_guards_that_a_sandbox_forbids_become_mprotect)
{
    if (!run_child(forbidden_guards))
        return;
    expect_told("result 0");
    expect_told("guard mprotect: ");
    if (!SANITIZED)
        expect_told("MADV_GUARD_INSTALL failed: Operation not permitted");
    expect_overflow(overflow_without_permission);
}
END_TEST

static void unknown_guards(void)
{
    forbid_guards(EINVAL);
    work_and_tell();
}

static void overflow_without_knowledge(void)
{
    forbid_guards(EINVAL);
    overflow_a_stack();
}

START_TEST(kernel_guards_that_are_unknown_become_mprotect)
{
    if (!run_child(unknown_guards))
        return;
    expect_told("result 0");
    expect_told("guard mprotect: ");
    if (!SANITIZED)
        expect_told("MADV_GUARD_INSTALL failed: Invalid argument");
    expect_overflow(overflow_without_knowledge);
}
END_TEST

/* As an emulator does with advice that it does not know. */
static int say_yes(void *at, size_t bytes, int advice)
{
    (void)at, (void)bytes, (void)advice;
    return 0;
}

static void lied_to(void)
{
    bi_sys.advise = say_yes;
    work_and_tell();
}

static void overflow_lied_to(void)
{
    bi_sys.advise = say_yes;
    overflow_a_stack();
}

START_TEST(a_kernel_that_lies_about_guards_is_found_out)
{
    ck_assert(run_child(lied_to));
    expect_told("result 0");
    expect_told("guard mprotect: ");
    if (!SANITIZED)
        expect_told("succeeds here, but guards nothing");
    expect_overflow(overflow_lied_to);
}
END_TEST

/* ---- Locked memory ------------------------------------------------------ */

static void lock_all(void)
{
    if (SANITIZED || mlockall(MCL_FUTURE) < 0)
        refuse_cannot("memory cannot be locked");
}

static void locked(void)
{
    lock_all();
    work_and_tell();
}

static void overflow_locked(void)
{
    lock_all();
    overflow_a_stack();
}

/* A locked mapping takes no kernel guard. */
START_TEST(where_all_memory_is_locked_guards_become_mprotect)
{
    bool kernel = usually("guard kernel");
    if (!run_child(locked))
        return;
    expect_told("result 0");
    if (kernel)
        expect_told("guard mprotect: MADV_GUARD_INSTALL failed");
    expect_overflow(overflow_locked);
}
END_TEST

static void locked_later(void)
{
    struct bide_info info;
    bide_info(&info);
    lock_all();
    work_and_tell();
}

static void overflow_locked_later(void)
{
    struct bide_info info;
    bide_info(&info);
    lock_all();
    overflow_a_stack();
}

START_TEST(memory_may_be_locked_after_guards_were_chosen)
{
    if (!run_child(locked_later))
        return;
    expect_told("result 0");
    expect_overflow(overflow_locked_later);
}
END_TEST

Suite *suite_hostile_guard(void)
{
    Suite *s = suite_create("hostile_guard");
    TCase *t = tcase_create("hostile_guard");
    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, hostile_prepare, NULL);
    tcase_add_test(t, kernel_guards_that_a_sandbox_forbids_become_mprotect);
    tcase_add_test(t, kernel_guards_that_are_unknown_become_mprotect);
    tcase_add_test(t, a_kernel_that_lies_about_guards_is_found_out);
    tcase_add_test(t, where_all_memory_is_locked_guards_become_mprotect);
    tcase_add_test(t, memory_may_be_locked_after_guards_were_chosen);
    suite_add_tcase(s, t);
    return s;
}
