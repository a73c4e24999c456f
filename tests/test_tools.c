/* test_tools.c: what Valgrind and the sanitizers find in a task.
 *
 * annotate.h tells them of stacks and switches.  That they complain of nothing
 * that is right the whole suite shows; here, that they still see what is wrong,
 * and name the function of the task.  A bug is committed by a program of its
 * own, of tests/bugs.c, and only where the tool is at work that can find it.
 */
#include "annotate.h"
#include "tasks.h"

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

enum tool { NONE, ASAN, UBSAN, TSAN, VALGRIND };

/* Of the undefined-behaviour sanitizer the compiler says nothing; it is there
 * if its library is. */
void __ubsan_handle_add_overflow_abort(void *, void *, void *)
    __attribute__((weak));

static enum tool tool_at_work(void)
{
#if defined(BI_ASAN)
    return ASAN;
#elif defined(BI_TSAN)
    return TSAN;
#else
    return bi_annotate_valgrind ? VALGRIND
         : __ubsan_handle_add_overflow_abort ? UBSAN : NONE;
#endif
}

static const struct report {
    enum tool tool;
    const char *bug;
    const char *words[4]; /* all are said; none: nothing may be found */
} reports[] = {
    {ASAN, "overflow", {"AddressSanitizer: stack-overflow", "fall_down"}},
    {ASAN, "overrun",
     {"stack-buffer-overflow", "write_past_the_array", "overrun"}},
    {ASAN, "outlive",
     {"stack-use-after-scope", "write_after_the_scope", "outlive"}},
    {ASAN, "lose",
     {"LeakSanitizer: detected memory leaks", "lose_a_block", "lose"}},
    {ASAN, "stale",
     {"heap-use-after-free", "read_what_was_freed", "in stale"}},
    {ASAN, "count", {NULL}},
    {ASAN, "quit", {NULL}},
    {UBSAN, "exceed",
     {"signed integer overflow", "in count_beyond", "in exceed"}},
    {TSAN, "overflow", {"stack overflow in task 'main'"}},
    {TSAN, "race",
     {"ThreadSanitizer: data race", "write_in_a_task", "write_in_a_thread"}},
    {TSAN, "race a job",
     {"ThreadSanitizer: data race", "write_in_a_task", "write_in_a_job"}},
    {TSAN, "stale",
     {"heap-use-after-free", "read_what_was_freed", "stale"}},
    {VALGRIND, "overflow",
     {"stack overflow in task 'main'", "SIGSEGV", "fall_down"}},
    {VALGRIND, "misread",
     {"depends on uninitialised value", "branch_on_rubbish", "misread"}},
    {VALGRIND, "stale",
     {"Invalid read of size 1", "read_what_was_freed", "stale (bugs.c"}},
    {VALGRIND, "lose",
     {"1,000 bytes in 1 blocks are definitely lost", "lose_a_block", "lose"}},
    {VALGRIND, "count", {NULL}},
    {VALGRIND, "quit", {NULL}},
};

/* In a child: become the program that commits the bug.  What is executed from
 * inside of Valgrind is not under it. */
static const struct report *asked;

static void commit(void)
{
    char self[512] = "";
    if (readlink("/proc/self/exe", self, sizeof self - 1) < 0)
        _exit(99);
    setenv("UBSAN_OPTIONS", "print_stacktrace=1", 1);
    if (asked->tool == VALGRIND)
        execlp("valgrind", "valgrind", "-q", "--leak-check=full",
               "--error-exitcode=9", self, "bug", asked->bug, NULL);
    else
        execl(self, self, "bug", asked->bug, NULL);
    _exit(99);
}

START_TEST(a_bug_in_a_task_is_reported)
{
    static char said[1 << 16];
    asked = &reports[_i];
    int status = in_child(commit, said, sizeof said);
    bool got_away = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    ck_assert_msg(got_away == !asked->words[0], "%s: status %#x, said: %s",
                  asked->bug, (unsigned)status, said);
    for (size_t i = 0; asked->words[i]; i++)
        ck_assert_msg(strstr(said, asked->words[i]) != NULL,
                      "%s: no '%s' in: %s", asked->bug, asked->words[i], said);
}
END_TEST

Suite *suite_tools(void)
{
    Suite *s = suite_create("tools");
    TCase *t = tcase_create("reports");
    int added = 0;
    for (int i = 0; i < (int)LENGTH(reports); i++)
        if (reports[i].tool == tool_at_work()) {
            tcase_add_loop_test(t, a_bug_in_a_task_is_reported, i, i + 1);
            added++;
        }
    if (added == 0)
        printf("tools: nothing to test: no tool looks on\n");
    suite_add_tcase(s, t);
    return s;
}
