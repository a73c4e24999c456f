/* test_fork.c: a fork in a task: no run in the child, the parent unharmed. */
#include "annotate.h"
#include "doors.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>

/* The thread sanitizer takes a thread of the child for that of the parent whose
 * stack it got. */
#ifdef BI_TSAN
#define CHILD_MAY_REPLACE_THREADS false
#else
#define CHILD_MAY_REPLACE_THREADS true
#endif

/* Wait for a child that must say that all was well. */
static void expect_well(pid_t pid)
{
    int status;
    ck_assert_int_gt(pid, 0);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0,
                  "the child ended with %#x", (unsigned)status);
}

REAL_TEST(in_the_child_there_is_no_run)
{
    pid_t pid = fork();
    if (pid == 0) {
        struct bide_stats stats;
        bide_stats(&stats);
        bool none = !bide_self() && stats.spawned == 0;
        _exit(none ? 0 : 1);
    }
    expect_well(pid);
    ck_assert_ptr_nonnull(bide_self());
    return 0;
}

static intptr_t talk_to_itself(void *arg)
{
    char buf[8];
    struct ends ends = open_ends(UNIX, 0);
    (void)arg;
    bide_task *reader = park(io_read, &(struct io){ends.out, buf, 8, 0});
    ssize_t n = bide_write(ends.in, "abc", 3);
    bool well = n == 3 && end_of(reader) == 3;
    close_ends(ends);
    return well ? 42 : -EIO;
}

static void *run_in_thread(void *result)
{
    *(intptr_t *)result = bide_run(talk_to_itself, NULL, NULL);
    return NULL;
}

REAL_TEST(the_child_may_have_a_run_of_its_own_on_another_stack)
{
    char buf[8];
    struct ends pipe = open_ends(PIPE, 0);
    bide_task *reader = park(io_read, &(struct io){pipe.out, buf, 8, 0});
    pid_t pid = fork();
    if (pid == 0) {
        pthread_t thread;
        intptr_t result = 0;
        pthread_create(&thread, NULL, run_in_thread, &result);
        pthread_join(thread, NULL);
        _exit(result == 42 ? 0 : 1);
    }
    expect_well(pid);
    put(pipe.in, "x");
    ck_assert_int_eq(end_of(reader), 1);
    ck_assert_int_eq(talk_to_itself(NULL), 42);
    close_ends(pipe);
    return 0;
}

REAL_TEST(the_child_may_become_another_program)
{
    pid_t pid = fork();
    if (pid == 0) {
        execl("/bin/sh", "sh", "-c", "exit 0", (char *)NULL);
        _exit(127);
    }
    expect_well(pid);
    return 0;
}

REAL_TEST(the_child_has_the_descriptors_and_so_has_the_parent)
{
    char buf[8];
    struct ends ends = open_ends(UNIX, 0);
    int mine = bide_listen("127.0.0.1", "0", 1);
    bide_task *reader = park(io_read, &(struct io){ends.out, buf, 8, 0});
    bide_task *acceptor = park(io_accept, &(struct io){.fd = mine});
    pid_t pid = fork();
    if (pid == 0) {
        close(ends.out); /* takes nothing from the parent's wait */
        close(mine);
        _exit(write(ends.in, "child", 5) == 5 ? 0 : 1);
    }
    expect_well(pid);
    ck_assert_int_eq(end_of(reader), 5);
    ck_assert_mem_eq(buf, "child", 5);
    ck_assert(!bide_task_done(acceptor));
    ck_assert_int_eq(bide_close(mine), 0);
    ck_assert_int_eq(end_of(acceptor), -EBADF);
    close_ends(ends);
    return 0;
}

/* Also of waits that were begun before the fork and end after it. */
REAL_TEST(the_parent_goes_on_after_many_forks)
{
    char bufs[8][8];
    struct ends ends[8];
    struct io io[8];
    bide_task *readers[8];
    for (int i = 0; i < 8; i++) {
        ends[i] = open_ends(i % ENDS_KINDS, 0);
        io[i] = (struct io){ends[i].out, bufs[i], 8, 0};
        readers[i] = park(io_read, &io[i]);
    }
    for (int i = 0; i < 8; i++) {
        pid_t pid = fork();
        if (pid == 0)
            _exit(0);
        put(ends[i].in, "abc");
        ck_assert_int_eq(end_of(readers[i]), 3);
        expect_well(pid);
    }
    for (int i = 0; i < 8; i++)
        close_ends(ends[i]);
    return 0;
}

REAL_TEST(a_child_that_lives_on_takes_no_completions)
{
    char buf[8];
    int gate[2];
    struct ends ends = open_ends(UNIX, 0);
    ck_assert_int_eq(pipe(gate), 0);
    pid_t pid = fork();
    if (pid == 0) {
        char byte;
        close(gate[1]);
        _exit(read(gate[0], &byte, 1) == 0 ? 0 : 1);
    }
    for (int i = 0; i < 200; i++) {
        bide_task *reader = start(io_read, &(struct io){ends.out, buf, 8, 0});
        bide_yield();
        ck_assert_int_eq(bide_write(ends.in, "x", 1), 1);
        ck_assert_int_eq(end_of(reader), 1);
        ck_assert_int_eq(bide_sleep(1), 0);
    }
    close(gate[1]);
    expect_well(pid);
    close(gate[0]);
    close_ends(ends);
    return 0;
}

static intptr_t fork_and_look(void *arg)
{
    (void)arg;
    pid_t pid = fork();
    if (pid == 0) {
        sigset_t mask;
        struct sigaction action;
        pthread_sigmask(SIG_BLOCK, NULL, &mask);
        sigaction(SIGINT, NULL, &action);
        bool open = !sigismember(&mask, SIGPIPE);
        _exit(open && action.sa_handler == SIG_DFL ? 0 : 1);
    }
    expect_well(pid);
    return 0;
}

START_TEST(the_child_has_the_signal_mask_and_actions_from_before_the_run)
{
    signal(SIGINT, SIG_DFL);
    ck_assert_int_eq(run_task(fork_and_look, NULL), 0);
}
END_TEST

REAL_TEST(the_child_keeps_no_descriptor_of_the_run)
{
    int before = open_descriptors();
    struct ends pipe = open_ends(PIPE, 0);
    pid_t pid = fork();
    if (pid == 0)
        _exit(open_descriptors() < before + 2 ? 0 : 1);
    expect_well(pid);
    close_ends(pipe);
    return 0;
}

static intptr_t fork_and_return(void *arg)
{
    (void)arg;
    pid_t pid = fork();
    int status = 0;
    if (pid > 0)
        waitpid(pid, &status, 0);
    return status;
}

static void return_in_both(void)
{
    intptr_t status = bide_run(fork_and_return, NULL, NULL);
    _exit(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT ? 7 : 8);
}

START_TEST(returning_from_the_child_is_misuse)
{
    char text[512];
    int status = in_child(return_in_both, text, sizeof text);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 7);
    ck_assert_ptr_nonnull(strstr(text, "forked child"));
}
END_TEST

/* Without Check: its lock may have been another thread's when the child was
 * made, and stay locked there. */
static intptr_t talk_by_itself(void *arg)
{
    char buf[8];
    int fds[2];
    bide_task *reader;
    (void)arg;
    if (pipe(fds) < 0)
        return -errno;
    int rc = bide_spawn(&reader, io_read, &(struct io){fds[0], buf, 8, 0});
    if (rc < 0)
        return rc;
    bide_sleep(BIDE_MS(1));
    ssize_t n = bide_write(fds[1], "abc", 3);
    return n < 0 ? n : bide_await(reader);
}

static void *fork_elsewhere(void *arg)
{
    (void)arg;
    pid_t pid = fork();
    if (pid == 0)
        _exit(bide_run(talk_by_itself, NULL, NULL) == 3 ? 0 : 1);
    expect_well(pid);
    return NULL;
}

REAL_TEST(a_fork_of_another_thread_leaves_the_run_alone)
{
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, fork_elsewhere, NULL), 0);
    ck_assert_int_eq(talk_to_itself(NULL), 42);
    pthread_join(thread, NULL);
    ck_assert_int_eq(talk_to_itself(NULL), 42);
    return 0;
}

static atomic_int gate, at_gate;

static intptr_t behind_gate(void *value)
{
    atomic_fetch_add(&at_gate, 1);
    while (!atomic_load(&gate))
        usleep(100);
    return (intptr_t)value;
}

static intptr_t send_behind_gate(void *value)
{
    return bide_to_thread(behind_gate, value);
}

static void no_call(void *arg)
{
    (void)arg;
    _exit(9);
}

REAL_TEST(a_held_loop_is_over_in_the_child_and_its_jobs_are_the_parents)
{
    bide_loop *loop = bide_loop_ref();
    bide_task *task = start(send_behind_gate, (void *)5);
    bide_yield();
    pid_t pid = fork();
    if (pid == 0) {
        intptr_t rc = bide_call_from_thread(loop, talk_to_itself, NULL);
        bool over = bide_post(loop, no_call, NULL) == -ESHUTDOWN &&
                    rc == -ESHUTDOWN;
        _exit(over ? 0 : 1);
    }
    expect_well(pid);
    atomic_store(&gate, 1);
    ck_assert_int_eq(end_of(task), 5);
    ck_assert_int_eq(bide_to_thread(behind_gate, (void *)6), 6);
    bide_loop_unref(loop);
    return 0;
}

static intptr_t give_back(void *value)
{
    return (intptr_t)value;
}

static intptr_t send_a_job(void *value)
{
    return bide_to_thread(give_back, value);
}

static void *send_from_thread(void *result)
{
    *(intptr_t *)result = bide_run(send_a_job, (void *)42, NULL);
    return NULL;
}

REAL_TEST(the_child_may_send_jobs_of_its_own_while_the_parents_are_held)
{
    bide_task *task = start(send_behind_gate, (void *)5);
    while (!atomic_load(&at_gate))
        bide_sleep(BIDE_US(100));
    pid_t pid = fork();
    if (pid == 0) {
        pthread_t thread;
        intptr_t result = 0;
        pthread_create(&thread, NULL, send_from_thread, &result);
        pthread_join(thread, NULL);
        _exit(result == 42 ? 0 : 1);
    }
    expect_well(pid);
    ck_assert(!bide_task_done(task));
    atomic_store(&gate, 1);
    ck_assert_int_eq(end_of(task), 5);
    return 0;
}

/* The wait status of a child that looks around and has a run of its own. */
static intptr_t fork_in_a_job(void *loop)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        bool none = !bide_self() && !bide_thread_cancelled() &&
                    bide_post(loop, no_call, NULL) == -ESHUTDOWN;
        intptr_t own = bide_run(send_a_job, (void *)42, NULL);
        _exit(!none ? 1 : own == 42 ? 0 : 2);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return -errno;
    return status;
}

REAL_TEST(a_job_may_fork_while_others_are_held_and_the_child_has_its_own_run)
{
    bide_loop *loop = bide_loop_ref();
    bide_task *task = start(send_behind_gate, (void *)5);
    while (!atomic_load(&at_gate))
        bide_sleep(BIDE_US(100));
    ck_assert_int_eq(bide_to_thread(fork_in_a_job, loop), 0);
    ck_assert(!bide_task_done(task));
    atomic_store(&gate, 1);
    ck_assert_int_eq(end_of(task), 5);
    bide_loop_unref(loop);
    return 0;
}

Suite *suite_fork(void)
{
    Suite *s = suite_create("fork");
    TCase *t = tcase_create("fork");
    tcase_add_test(t, in_the_child_there_is_no_run);
    tcase_add_test(t, the_child_may_have_a_run_of_its_own_on_another_stack);
    tcase_add_test(t, the_child_may_become_another_program);
    tcase_add_test(t, the_child_has_the_descriptors_and_so_has_the_parent);
    tcase_add_test(t, the_parent_goes_on_after_many_forks);
    tcase_add_test(t, a_child_that_lives_on_takes_no_completions);
    tcase_add_test(
        t, the_child_has_the_signal_mask_and_actions_from_before_the_run);
    tcase_add_test(t, the_child_keeps_no_descriptor_of_the_run);
    tcase_add_test(t, returning_from_the_child_is_misuse);
    tcase_add_test(t, a_fork_of_another_thread_leaves_the_run_alone);
    tcase_add_test(
        t, a_held_loop_is_over_in_the_child_and_its_jobs_are_the_parents);
    suite_add_tcase(s, t);
    t = tcase_create("threads of both");
    tcase_add_test(
        t, the_child_may_send_jobs_of_its_own_while_the_parents_are_held);
    tcase_add_test(
        t, a_job_may_fork_while_others_are_held_and_the_child_has_its_own_run);
    if (CHILD_MAY_REPLACE_THREADS)
        suite_add_tcase(s, t);
    return s;
}
