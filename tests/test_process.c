/* test_process.c: programs: started, waited for, signalled, let go. */
#include "harness.h"
#include "sys.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGV(...) ((char *const *)(const char *[]){__VA_ARGS__, NULL})
#define SHELL(command) ARGV("/bin/sh", "-c", command)

static struct bide_proc start(char *const argv[], unsigned flags)
{
    struct bide_proc p;
    ck_assert_int_eq(bide_proc_spawn(&p, argv, flags), 0);
    return p;
}

static struct bide_proc start_with(char *const argv[],
                                   struct bide_proc_options opt)
{
    struct bide_proc p;
    ck_assert_int_eq(bide_proc_spawn_with(&p, argv, &opt), 0);
    return p;
}

/* What the program writes must be `text`; it must exit with 0. */
static void expect_output(struct bide_proc *p, const char *text)
{
    char buf[4096];
    ssize_t n = bide_read_all(p->out, buf, sizeof buf - 1);
    ck_assert_int_ge(n, 0);
    buf[n] = '\0';
    ck_assert_str_eq(buf, text);
    ck_assert_int_eq(bide_proc_wait(p), 0);
    bide_proc_close(p);
}

static void expect_exit(struct bide_proc *p, int code)
{
    int status = bide_proc_wait(p);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), code);
    bide_proc_close(p);
}

REAL_TEST(the_exit_code_comes_out_of_wait)
{
    struct bide_proc p = start(SHELL("exit 7"), 0);
    ck_assert_int_gt(p.pid, 0);
    expect_exit(&p, 7);
    return 0;
}

REAL_TEST(a_wait_can_be_made_again_after_the_end)
{
    struct bide_proc p = start(ARGV("true"), 0);
    ck_assert_int_eq(bide_proc_wait(&p), 0);
    ck_assert_int_eq(bide_proc_wait(&p), 0);
    bide_proc_close(&p);
    return 0;
}

static intptr_t wait_for(void *arg)
{
    return bide_proc_wait(arg);
}

REAL_TEST(several_tasks_wait_for_one_program)
{
    struct bide_proc p = start(SHELL("read x; exit 3"), BIDE_PIPE_IN);
    struct bide_call calls[] = {{wait_for, &p, 0}, {wait_for, &p, 0}};
    ck_assert_int_eq(bide_write_all(p.in, "x\n", 2), 2);
    ck_assert_int_eq(bide_gather(calls, 2, BIDE_FAIL_FAST), 0);
    ck_assert_int_eq(WEXITSTATUS(calls[0].result), 3);
    ck_assert_int_eq(calls[1].result, calls[0].result);
    bide_proc_close(&p);
    return 0;
}

static intptr_t wait_at_most(struct bide_proc *p, bide_time span)
{
    struct bide_scope s = {0};
    bide_scope_open(&s, bide_after(span));
    return bide_scope_close(&s, bide_proc_wait(p));
}

REAL_TEST(a_cancelled_wait_leaves_the_program_and_can_be_made_again)
{
    struct bide_proc p = start(ARGV("cat"), BIDE_PIPE_IN | BIDE_NULL_OUT);
    ck_assert_int_eq(wait_at_most(&p, BIDE_MS(20)), -ETIMEDOUT);
    bide_close(p.in);
    p.in = -1;
    expect_exit(&p, 0);
    return 0;
}

REAL_TEST(a_cancelled_wait_with_a_grace_ends_the_program)
{
    struct bide_proc p = start_with(
        ARGV("sleep", "1000"),
        (struct bide_proc_options){.kill_grace = BIDE_SEC(30)});
    ck_assert_int_eq(wait_at_most(&p, BIDE_MS(20)), -ETIMEDOUT);
    ck_assert_int_eq(WTERMSIG(bide_proc_wait(&p)), SIGTERM);
    ck_assert_int_eq(kill(p.pid, 0), -1);
    bide_proc_close(&p);
    return 0;
}

REAL_TEST(a_program_that_ignores_the_signal_is_killed_after_the_grace)
{
    char line[8];
    struct bide_proc p = start_with(
        SHELL("trap '' TERM; echo ready; while :; do sleep 1000; done"),
        (struct bide_proc_options){.flags = BIDE_PIPE_OUT, .new_session = true,
                                   .kill_grace = BIDE_MS(20)});
    ck_assert_int_eq(bide_read(p.out, line, sizeof line), 6);
    ck_assert_int_eq(wait_at_most(&p, BIDE_MS(1)), -ETIMEDOUT);
    ck_assert_int_eq(WTERMSIG(bide_proc_wait(&p)), SIGKILL);
    kill(-p.pid, SIGKILL); /* the sleep that it has left behind */
    bide_proc_close(&p);
    return 0;
}

REAL_TEST(a_wait_in_a_cancelled_scope_is_refused)
{
    struct bide_proc p = start(ARGV("true"), 0);
    ck_assert_int_eq(wait_at_most(&p, 0), -ETIMEDOUT);
    expect_exit(&p, 0);
    return 0;
}

REAL_TEST(any_signal_shows_in_the_status)
{
    static const int signals[] = {SIGKILL, SIGTERM, SIGUSR1, SIGINT};
    for (size_t i = 0; i < 4; i++) {
        struct bide_proc p = start(ARGV("sleep", "1000"), 0);
        ck_assert_int_eq(bide_proc_kill(&p, signals[i]), 0);
        int status = bide_proc_wait(&p);
        ck_assert(WIFSIGNALED(status));
        ck_assert_int_eq(WTERMSIG(status), signals[i]);
        bide_proc_close(&p);
    }
    return 0;
}

REAL_TEST(a_signal_to_a_program_that_has_ended_reaches_nobody)
{
    struct bide_proc p = start(ARGV("cat"), BIDE_PIPE_IN);
    ck_assert_int_eq(bide_proc_kill(&p, 10000), -EINVAL);
    bide_close(p.in);
    p.in = -1;
    ck_assert_int_eq(bide_proc_wait(&p), 0);
    ck_assert_int_eq(bide_proc_kill(&p, SIGKILL), -ESRCH);
    bide_proc_close(&p);
    ck_assert_int_eq(bide_proc_kill(&p, SIGKILL), -ESRCH);
    return 0;
}

REAL_TEST(a_missing_program_is_told_at_once_and_nothing_is_left_open)
{
    struct bide_proc p;
    int all = BIDE_PIPE_IN | BIDE_PIPE_OUT | BIDE_PIPE_ERR;
    ck_assert_int_eq(bide_proc_spawn(&p, ARGV("/no/such/program"), all),
                     -ENOENT);
    ck_assert_int_eq(bide_proc_spawn(&p, ARGV("/etc/passwd"), all), -EACCES);
    ck_assert_int_eq(p.in, -1);
    ck_assert_int_eq(p.pidfd, -1);
    bide_proc_close(&p);
    ck_assert_int_eq(bide_proc_wait(&p), -ECHILD);
    return 0;
}

REAL_TEST(bad_arguments_are_refused)
{
    struct bide_proc p;
    char *none[] = {NULL};
    ck_assert_int_eq(bide_proc_spawn(&p, NULL, 0), -EINVAL);
    ck_assert_int_eq(bide_proc_spawn(&p, none, 0), -EINVAL);
    ck_assert_int_eq(bide_proc_spawn(&p, ARGV("true"),
                                     BIDE_PIPE_OUT | BIDE_NULL_OUT), -EINVAL);
    ck_assert_int_eq(bide_proc_spawn(&p, ARGV("true"),
                                     BIDE_PIPE_ERR | BIDE_ERR_TO_OUT), -EINVAL);
    ck_assert_int_eq(bide_proc_spawn(&p, ARGV("true"), BIDE_ERR_TO_OUT << 1),
                     -EINVAL);
    struct bide_proc_options opt = {.kill_grace = -1};
    ck_assert_int_eq(bide_proc_spawn_with(&p, ARGV("true"), &opt), -EINVAL);
    opt = (struct bide_proc_options){.fds = (int[]){0, 5, 1, 5, -1}};
    ck_assert_int_eq(bide_proc_spawn_with(&p, ARGV("true"), &opt), -EINVAL);
    opt.fds = (int[]){999, 5, -1};
    ck_assert_int_eq(bide_proc_spawn_with(&p, ARGV("true"), &opt), -EBADF);
    opt = (struct bide_proc_options){.directory = "/no/such/directory"};
    if (starts_can_fail())
        ck_assert_int_eq(bide_proc_spawn_with(&p, ARGV("true"), &opt), -ENOENT);
    return 0;
}

REAL_TEST(output_left_in_the_pipe_is_read_after_the_end)
{
    struct bide_proc p = start(ARGV("echo", "still here"), BIDE_PIPE_OUT);
    ck_assert_int_eq(bide_proc_wait(&p), 0);
    expect_output(&p, "still here\n");
    return 0;
}

REAL_TEST(dev_null_serves_for_any_of_the_three)
{
    struct bide_proc p = start(
        SHELL("readlink /proc/self/fd/0 /proc/self/fd/2; echo lost >&2"),
        BIDE_NULL_IN | BIDE_PIPE_OUT | BIDE_NULL_ERR);
    expect_output(&p, "/dev/null\n/dev/null\n");
    p = start(SHELL("test /dev/null -ef /dev/fd/1"), BIDE_NULL_OUT);
    expect_exit(&p, 0);
    return 0;
}

REAL_TEST(errors_can_go_where_the_output_goes)
{
    struct bide_proc p = start(SHELL("echo out; echo err >&2"),
                               BIDE_PIPE_OUT | BIDE_ERR_TO_OUT);
    expect_output(&p, "out\nerr\n");
    return 0;
}

REAL_TEST(errors_go_where_the_output_goes_if_that_is_a_descriptor_of_ours)
{
    int fds[2];
    ck_assert_int_eq(pipe(fds), 0);
    struct bide_proc p = start_with(
        SHELL("echo out; echo err >&2"),
        (struct bide_proc_options){.flags = BIDE_ERR_TO_OUT,
                                   .fds = (int[]){fds[1], 1, -1}});
    close(fds[1]);
    expect_exit(&p, 0);
    char buf[16] = "";
    ck_assert_int_eq(read(fds[0], buf, sizeof buf - 1), 8);
    ck_assert_str_eq(buf, "out\nerr\n");
    close(fds[0]);
    return 0;
}

/* Our ends of the pipes have the numbers of the standard descriptors: a program
 * that got the end which feeds it would never see the end of its input. */
static intptr_t copy_by_pipe(void *unused)
{
    char buf[8] = "";
    struct bide_proc p;
    (void)unused;
    int rc = bide_proc_spawn(&p, ARGV("cat"), BIDE_PIPE_IN | BIDE_PIPE_OUT);
    if (rc < 0)
        return rc;
    bool well = bide_write(p.in, "text", 4) == 4;
    bide_close(p.in);
    p.in = -1;
    well = well && bide_read_all(p.out, buf, sizeof buf) == 4 &&
           strcmp(buf, "text") == 0 && bide_proc_wait(&p) == 0;
    bide_proc_close(&p);
    return !well;
}

static intptr_t look_for_ours(void *command)
{
    struct bide_proc p;
    int rc = bide_proc_spawn(&p, SHELL(command), BIDE_PIPE_IN);
    if (rc < 0)
        return rc;
    rc = bide_proc_wait(&p);
    bide_proc_close(&p);
    return rc;
}

static void run_as_daemon(void)
{
    char command[] = "test ! -e /proc/$$/fd/1 && test ! -e /proc/$$/fd/2";
    close(0);
    close(1);
    close(2);
    bool well = run_task(copy_by_pipe, NULL) == 0 &&
                run_task(look_for_ours, command) == 0;
    _exit(well ? 0 : 1);
}

START_TEST(without_standard_descriptors_a_program_gets_none_of_ours)
{
    char text[256];
    ck_assert_int_eq(in_child(run_as_daemon, text, sizeof text), 0);
}
END_TEST

REAL_TEST(the_environment_and_the_directory_are_as_given)
{
    struct bide_proc p = start_with(
        SHELL("echo $WHO; pwd"),
        (struct bide_proc_options){.flags = BIDE_PIPE_OUT, .directory = "/",
                                   .environment = ARGV("WHO=me")});
    expect_output(&p, "me\n/\n");
    return 0;
}

REAL_TEST(a_new_session_is_led_by_the_program)
{
    struct bide_proc p = start_with(
        ARGV("cat"),
        (struct bide_proc_options){.flags = BIDE_PIPE_IN | BIDE_PIPE_OUT,
                                   .new_session = true});
    char byte = 0;
    ck_assert_int_eq(bide_write(p.in, "x", 1), 1);
    ck_assert_int_eq(bide_read(p.out, &byte, 1), 1); /* it has begun */
    ck_assert_int_eq(getsid(p.pid), p.pid);
    bide_proc_kill(&p, SIGKILL);
    ck_assert_int_gt(bide_proc_wait(&p), 0);
    bide_proc_close(&p);
    return 0;
}

/* A file that holds `text`, open for reading, unlinked. */
static int file_of(const char *text)
{
    FILE *f = tmpfile();
    fputs(text, f);
    rewind(f);
    int fd = dup(fileno(f));
    fclose(f);
    return fd;
}

REAL_TEST(given_descriptors_get_their_numbers_even_when_they_change_places)
{
    int a = file_of("first "), b = file_of("second\n");
    int swap[] = {a, b, b, a, -1};
    char command[64];
    /* Not "<&": some shells know numbers of one digit alone. */
    snprintf(command, sizeof command, "cat /proc/self/fd/%d /proc/self/fd/%d",
             b, a);
    struct bide_proc p = start_with(
        SHELL(command), (struct bide_proc_options){.flags = BIDE_PIPE_OUT,
                                                   .fds = swap});
    expect_output(&p, "first second\n");
    close(a);
    close(b);
    return 0;
}

REAL_TEST(no_other_descriptor_reaches_the_program)
{
    int stray = dup(0), given = dup(0); /* neither is close-on-exec */
    char command[64];
    int pairs[] = {given, given + 20, -1};
    snprintf(command, sizeof command,
             "cd /proc/$$/fd; test ! -e %d && test ! -e %d && echo %d", stray,
             given, given + 20);
    char expected[16];
    snprintf(expected, sizeof expected, "%d\n", given + 20);
    struct bide_proc p = start_with(
        SHELL(command), (struct bide_proc_options){.flags = BIDE_PIPE_OUT,
                                                   .fds = pairs});
    expect_output(&p, expected);
    close(stray);
    close(given);
    return 0;
}

static void ignore(int sig)
{
    (void)sig;
}

REAL_TEST(a_program_has_no_signal_blocked_or_ignored)
{
    sigset_t set, before;
    sigfillset(&set);
    pthread_sigmask(SIG_BLOCK, &set, &before);
    signal(SIGUSR1, SIG_IGN);
    signal(SIGUSR2, ignore);
    /* The two above 31 are libc's own. */
    struct bide_proc p = start(
        ARGV("grep", "-cE", "^(SigBlk:.0000000000000000|"
             "SigIgn:.0000000[08]0000000|SigIgn:.0000000180000000)$",
             "/proc/self/status"), BIDE_PIPE_OUT);
    expect_output(&p, "2\n");
    signal(SIGUSR1, SIG_DFL);
    signal(SIGUSR2, SIG_DFL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return 0;
}

REAL_TEST(a_write_to_a_program_that_has_gone_is_a_broken_pipe)
{
    struct bide_proc p = start(ARGV("true"), BIDE_PIPE_IN);
    ck_assert_int_eq(bide_proc_wait(&p), 0);
    ck_assert_int_eq(bide_write_all(p.in, "x", 1), -EPIPE);
    bide_proc_close(&p);
    return 0;
}

REAL_TEST(wait_returns_although_the_program_ignores_sigchld)
{
    signal(SIGCHLD, SIG_IGN);
    struct bide_proc p = start(ARGV("cat"), BIDE_PIPE_IN | BIDE_NULL_OUT);
    bide_close(p.in);
    p.in = -1;
    ck_assert_int_eq(bide_proc_wait(&p), -ECHILD);
    bide_proc_close(&p);
    signal(SIGCHLD, SIG_DFL);
    return 0;
}

static struct bi_sys real;

static long without_pidfds(long number, long a, long b, long c, long d, long e,
                           long f)
{
    return number == SYS_pidfd_open ? -ENOSYS
                                    : real.call(number, a, b, c, d, e, f);
}

REAL_TEST(a_kernel_without_pidfds_gives_the_same_results)
{
    real = bi_sys;
    bi_sys.call = without_pidfds;
    struct bide_proc p = start(SHELL("exit 9"), 0);
    struct bide_proc q = start(ARGV("sleep", "1000"), 0);
    bi_sys = real;
    ck_assert_int_eq(p.pidfd, -1);
    expect_exit(&p, 9);
    ck_assert_int_eq(wait_at_most(&q, BIDE_MS(5)), -ETIMEDOUT);
    ck_assert_int_eq(bide_proc_kill(&q, SIGTERM), 0);
    ck_assert_int_eq(WTERMSIG(bide_proc_wait(&q)), SIGTERM);
    bide_proc_close(&q);
    return 0;
}

REAL_TEST(a_program_that_was_let_go_is_reaped_by_a_later_start)
{
    struct bide_proc p = start(ARGV("cat"), BIDE_PIPE_IN | BIDE_NULL_OUT);
    pid_t pid = p.pid;
    bide_proc_close(&p);
    while (kill(pid, 0) == 0) {
        struct bide_proc next = start(ARGV("true"), 0);
        expect_exit(&next, 0);
    }
    return 0;
}

REAL_TEST(other_tasks_run_while_one_waits_for_a_program)
{
    struct bide_proc p = start(ARGV("cat"), BIDE_PIPE_IN | BIDE_NULL_OUT);
    bide_task *waiter;
    ck_assert_int_eq(bide_spawn(&waiter, wait_for, &p), 0);
    bide_yield();
    ck_assert(!bide_task_done(waiter));
    bide_close(p.in);
    p.in = -1;
    ck_assert_int_eq(bide_await(waiter), 0);
    bide_release(waiter);
    bide_proc_close(&p);
    return 0;
}

Suite *suite_process(void)
{
    Suite *suite = suite_create("process");
    TCase *t = tcase_create("process");
    tcase_add_test(t, the_exit_code_comes_out_of_wait);
    tcase_add_test(t, a_wait_can_be_made_again_after_the_end);
    tcase_add_test(t, several_tasks_wait_for_one_program);
    tcase_add_test(
        t, a_cancelled_wait_leaves_the_program_and_can_be_made_again);
    tcase_add_test(t, a_cancelled_wait_with_a_grace_ends_the_program);
    tcase_add_test(
        t, a_program_that_ignores_the_signal_is_killed_after_the_grace);
    tcase_add_test(t, a_wait_in_a_cancelled_scope_is_refused);
    tcase_add_test(t, any_signal_shows_in_the_status);
    tcase_add_test(t, a_signal_to_a_program_that_has_ended_reaches_nobody);
    add_if(starts_can_fail(), "vfork(2) is a fork(2) here, and tells nothing",
           t, a_missing_program_is_told_at_once_and_nothing_is_left_open);
    tcase_add_test(t, bad_arguments_are_refused);
    tcase_add_test(t, output_left_in_the_pipe_is_read_after_the_end);
    tcase_add_test(t, dev_null_serves_for_any_of_the_three);
    tcase_add_test(t, errors_can_go_where_the_output_goes);
    tcase_add_test(
        t, errors_go_where_the_output_goes_if_that_is_a_descriptor_of_ours);
    tcase_add_test(t,
                   without_standard_descriptors_a_program_gets_none_of_ours);
    tcase_add_test(t, the_environment_and_the_directory_are_as_given);
    tcase_add_test(t, a_new_session_is_led_by_the_program);
    tcase_add_test(
        t, given_descriptors_get_their_numbers_even_when_they_change_places);
    tcase_add_test(t, no_other_descriptor_reaches_the_program);
    add_if(!emulated(), "the signals blocked in a child are the emulator's", t,
           a_program_has_no_signal_blocked_or_ignored);
    tcase_add_test(t, a_write_to_a_program_that_has_gone_is_a_broken_pipe);
    tcase_add_test(t, wait_returns_although_the_program_ignores_sigchld);
    tcase_add_test(t, a_kernel_without_pidfds_gives_the_same_results);
    tcase_add_test(t, a_program_that_was_let_go_is_reaped_by_a_later_start);
    tcase_add_test(t, other_tasks_run_while_one_waits_for_a_program);
    suite_add_tcase(suite, t);
    return suite;
}
