/* test_communicate.c: programs that are fed and read to their end. */
#include "harness.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#define ARGV(...) ((char *const *)(const char *[]){__VA_ARGS__, NULL})
#define SHELL(command) ARGV("/bin/sh", "-c", command)
#define MUCH (1u << 20) /* more than any pipe holds */

static char *much(char fill)
{
    char *data = malloc(MUCH);
    memset(data, fill, MUCH);
    return data;
}

static void expect_text(struct bide_output *o, const char *text)
{
    ck_assert_ptr_nonnull(o->data);
    ck_assert_str_eq(o->data, text);
    ck_assert_uint_eq(o->bytes, strlen(text));
    free(o->data);
}

REAL_TEST(a_program_is_run_to_its_end_in_one_call)
{
    struct bide_output out = {0}, err = {0};
    int status = bide_proc_run(SHELL("cat; echo oops >&2; exit 4"), NULL,
                               "hello", 5, &out, &err);
    ck_assert_int_eq(WEXITSTATUS(status), 4);
    expect_text(&out, "hello");
    expect_text(&err, "oops\n");
    return 0;
}

REAL_TEST(much_in_and_much_out_on_both_pipes_is_no_deadlock)
{
    struct bide_output out = {0}, err = {0};
    char *in = much('x');
    ck_assert_int_eq(bide_proc_run(ARGV("tee", "/dev/stderr"), NULL, in, MUCH,
                                   &out, &err), 0);
    ck_assert_uint_eq(out.bytes, MUCH);
    ck_assert_uint_eq(err.bytes, MUCH);
    ck_assert_mem_eq(out.data, in, MUCH);
    ck_assert_mem_eq(err.data, in, MUCH);
    free(out.data);
    free(err.data);
    free(in);
    return 0;
}

REAL_TEST(a_program_that_does_not_read_its_input_is_no_error)
{
    char *in = much('x');
    ck_assert_int_eq(bide_proc_run(ARGV("true"), NULL, in, MUCH, NULL, NULL),
                     0);
    free(in);
    return 0;
}

REAL_TEST(without_input_a_program_is_at_the_end_of_it)
{
    struct bide_output out = {0};
    ck_assert_int_eq(bide_proc_run(ARGV("cat"), NULL, NULL, 0, &out, NULL), 0);
    expect_text(&out, "");
    return 0;
}

REAL_TEST(output_that_nobody_wants_is_discarded)
{
    struct bide_proc p;
    struct bide_output err = {0};
    ck_assert_int_eq(
        bide_proc_spawn(&p, SHELL("head -c 1000000 /dev/zero; echo e >&2"),
                        BIDE_PIPE_OUT | BIDE_PIPE_ERR), 0);
    ck_assert_int_eq(bide_proc_communicate(&p, NULL, 0, NULL, &err), 0);
    expect_text(&err, "e\n");
    bide_proc_close(&p);
    return 0;
}

REAL_TEST(output_up_to_the_limit_is_taken)
{
    struct bide_output out = {.limit = 5};
    ck_assert_int_eq(bide_proc_run(ARGV("printf", "12345"), NULL, NULL, 0,
                                   &out, NULL), 0);
    expect_text(&out, "12345");
    return 0;
}

REAL_TEST(output_above_the_limit_ends_the_program)
{
    struct bide_output out = {.limit = 5000};
    ck_assert_int_eq(bide_proc_run(ARGV("yes"), NULL, NULL, 0, &out, NULL),
                     -EMSGSIZE);
    ck_assert_uint_eq(out.bytes, 5000);
    ck_assert_mem_eq(out.data + 4998, "y\n", 3);
    free(out.data);
    return 0;
}

REAL_TEST(a_cancelled_run_has_ended_its_program)
{
    struct bide_output out = {0};
    struct bide_scope s = {0};
    bide_scope_open(&s, bide_after(BIDE_MS(100)));
    int rc = bide_proc_run(SHELL("echo $$; exec sleep 1000"), NULL, NULL, 0,
                           &out, NULL);
    ck_assert_int_eq(bide_scope_close(&s, rc), -ETIMEDOUT);
    if (out.bytes) /* the shell may not have come so far */
        ck_assert_int_eq(kill((pid_t)atoi(out.data), 0), -1);
    free(out.data);
    return 0;
}

REAL_TEST(a_cancelled_conversation_leaves_a_program_without_a_grace_running)
{
    struct bide_proc p;
    struct bide_output out = {0};
    struct bide_scope s = {0};
    ck_assert_int_eq(bide_proc_spawn(&p, SHELL("echo on; exec sleep 1000"),
                                     BIDE_PIPE_OUT), 0);
    bide_scope_open(&s, bide_after(BIDE_MS(100)));
    int rc = bide_proc_communicate(&p, NULL, 0, &out, NULL);
    ck_assert_int_eq(bide_scope_close(&s, rc), -ETIMEDOUT);
    ck_assert_int_eq(bide_proc_kill(&p, SIGKILL), 0);
    ck_assert_int_eq(WTERMSIG(bide_proc_wait(&p)), SIGKILL);
    free(out.data);
    bide_proc_close(&p);
    return 0;
}

REAL_TEST(a_run_in_a_cancelled_scope_starts_nothing)
{
    struct bide_output out = {.data = (char *)1, .bytes = 1};
    struct bide_scope s = {0};
    bide_scope_open(&s, 0);
    int rc = bide_proc_run(ARGV("true"), NULL, NULL, 0, &out, NULL);
    ck_assert_int_eq(rc, -ETIMEDOUT);
    ck_assert_ptr_null(out.data);
    ck_assert_uint_eq(out.bytes, 0);
    return bide_scope_close(&s, rc) == -ETIMEDOUT ? 0 : -1;
}

REAL_TEST(a_missing_program_cannot_be_run)
{
    struct bide_output out = {0};
    int rc = bide_proc_run(ARGV("/no/such/program"), NULL, "x", 1, &out, NULL);
    if (starts_can_fail()) {
        ck_assert_int_eq(rc, -ENOENT);
        ck_assert_ptr_null(out.data);
    } else { /* it is the child that fails, as libc has it */
        ck_assert(WIFEXITED(rc) && WEXITSTATUS(rc) == 127);
        free(out.data);
    }
    return 0;
}

REAL_TEST(a_shell_reads_its_command_only_under_that_name)
{
    struct bide_output out = {0};
    ck_assert_int_eq(bide_proc_shell("echo a b | tr a-z A-Z", NULL, NULL, 0,
                                     &out, NULL), 0);
    expect_text(&out, "A B\n");
    ck_assert_int_eq(bide_proc_run(ARGV("echo", "a; false"), NULL, NULL, 0,
                                   &out, NULL), 0);
    expect_text(&out, "a; false\n");
    ck_assert_int_eq(bide_proc_shell(NULL, NULL, NULL, 0, NULL, NULL),
                     -EINVAL);
    return 0;
}

static intptr_t run_one(void *arg)
{
    return bide_proc_run(ARGV("true"), NULL, NULL, 0, NULL, arg);
}

REAL_TEST(a_hundred_programs_run_sixteen_at_once)
{
    struct bide_call calls[100];
    for (size_t i = 0; i < 100; i++)
        calls[i] = (struct bide_call){.fn = run_one};
    return bide_gather_bounded(calls, 100, 16, BIDE_FAIL_FAST);
}

Suite *suite_communicate(void)
{
    Suite *suite = suite_create("communicate");
    TCase *t = tcase_create("communicate");
    tcase_add_test(t, a_program_is_run_to_its_end_in_one_call);
    tcase_add_test(t, much_in_and_much_out_on_both_pipes_is_no_deadlock);
    tcase_add_test(t, a_program_that_does_not_read_its_input_is_no_error);
    tcase_add_test(t, without_input_a_program_is_at_the_end_of_it);
    tcase_add_test(t, output_that_nobody_wants_is_discarded);
    tcase_add_test(t, output_up_to_the_limit_is_taken);
    tcase_add_test(t, output_above_the_limit_ends_the_program);
    tcase_add_test(t, a_cancelled_run_has_ended_its_program);
    tcase_add_test(
        t, a_cancelled_conversation_leaves_a_program_without_a_grace_running);
    tcase_add_test(t, a_run_in_a_cancelled_scope_starts_nothing);
    tcase_add_test(t, a_missing_program_cannot_be_run);
    tcase_add_test(t, a_shell_reads_its_command_only_under_that_name);
    tcase_add_test(t, a_hundred_programs_run_sixteen_at_once);
    suite_add_tcase(suite, t);
    return suite;
}
