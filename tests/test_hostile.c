/* test_hostile.c: kernels and limits that refuse what the library wants. */
#include "hostile.h"

#include "jobs.h"
#include "sys.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

/* ---- io_uring ----------------------------------------------------------- */

static void without_setup(void)
{
    refuse_call(SYS_io_uring_setup, ENOSYS);
    work_and_tell();
}

START_TEST(without_io_uring_epoll_does_the_work)
{
    if (!run_child(without_setup))
        return;
    expect_told("result 0");
    expect_told("backend epoll: io_uring_setup: Function not implemented");
}
END_TEST

static void forbidden_setup(void)
{
    refuse_call(SYS_io_uring_setup, EPERM);
    work_and_tell();
}

START_TEST(io_uring_that_a_sandbox_forbids_is_told_with_its_cure)
{
    if (!run_child(forbidden_setup))
        return;
    expect_told("result 0");
    expect_told("backend epoll: io_uring_setup: Operation not permitted");
    expect_told("seccomp");
    expect_told("io_uring_disabled");
}
END_TEST

static void forbidden_enter(void)
{
    refuse_call(SYS_io_uring_enter, EPERM);
    work_and_tell();
}

START_TEST(a_ring_that_can_be_made_but_not_entered_is_not_used)
{
    if (!run_child(forbidden_enter))
        return;
    expect_told("result 0");
    expect_told("backend epoll: io_uring_");
}
END_TEST

static void old_setup(void)
{
    refuse_call(SYS_io_uring_setup, EINVAL);
    work_and_tell();
}

/* Its flags are unknown to Linux 5.4 to 6.0. */
START_TEST(io_uring_of_an_older_kernel_is_not_used)
{
    if (!run_child(old_setup))
        return;
    expect_told("result 0");
    expect_told("backend epoll: io_uring_setup: Invalid argument (Linux 6.1 "
                "or newer is needed)");
}
END_TEST

static void demand_uring(void)
{
    refuse_call(SYS_io_uring_setup, EPERM);
    setenv("BIDE_BACKEND", "uring", 1);
    fprintf(stderr, "result %ld\n", (long)bide_run(work, NULL, NULL));
}

START_TEST(a_demanded_io_uring_that_is_forbidden_refuses_the_run)
{
    if (!run_child(demand_uring))
        return;
    ck_assert_int_eq(atoi(strstr(told, "result ") + 7), -ENOSYS);
    expect_told("the run cannot start: io_uring_setup: Operation not");
}
END_TEST

/* ---- Limits ------------------------------------------------------------- */

static void lock_nothing(void)
{
    refuse_privilege(CAP_IPC_LOCK);
    refuse_beyond(RLIMIT_MEMLOCK, 0);
    work_and_tell();
}

START_TEST(without_locked_memory_the_work_is_done)
{
    bool uring = usually("backend io_uring");
    if (!run_child(lock_nothing))
        return;
    expect_told("result 0");
    if (uring && !strstr(told, "backend io_uring"))
        expect_told("ulimit -l");
}
END_TEST

/* Open until there is no descriptor left, then close them all. */
static intptr_t open_all(void *unused)
{
    int fds[16], n = 0;
    (void)unused;
    do
        fds[n] = bide_open("/dev/null", O_RDONLY, 0);
    while (fds[n] >= 0 && ++n < 16);
    int last = fds[n];
    while (n > 0)
        bide_close(fds[--n]);
    return last;
}

static void eight_descriptors(void)
{
    closefrom(3);
    refuse_beyond(RLIMIT_NOFILE, 8);
    fprintf(stderr, "opening %ld\n", (long)bide_run(open_all, NULL, NULL));
    work_and_tell();
}

START_TEST(with_eight_descriptors_the_work_is_done)
{
    if (!run_child(eight_descriptors))
        return;
    ck_assert_int_eq(atoi(strstr(told, "opening ") + 8), -EMFILE);
    expect_told("result 0");
}
END_TEST

static void no_descriptors(void)
{
    closefrom(3);
    refuse_beyond(RLIMIT_NOFILE, 3);
    tell(bide_run(work, NULL, NULL));
}

START_TEST(without_a_descriptor_the_run_is_refused_with_a_sentence)
{
    if (!run_child(no_descriptors))
        return;
    ck_assert_int_eq(atoi(strstr(told, "result ") + 7), -EMFILE);
    expect_told("the run cannot start: no eventfd: Too many open files");
    expect_told("backend none: no eventfd: Too many open files");
    if (!SANITIZED)
        expect_told("guard mprotect: kernel guards could not be tried: Too");
}
END_TEST

/* Spawn until there is no stack left. */
static intptr_t spawn_all(void *unused)
{
    struct bide_group g;
    (void)unused;
    bide_group_open(&g, BIDE_FAIL_FAST);
    int rc = 0;
    for (int i = 0; i < 10000 && rc == 0; i++)
        rc = bide_group_spawn(&g, work, NULL);
    bide_group_cancel(&g);
    bide_group_close(&g, 0);
    return rc;
}

/* Tools have a use for address space themselves; emulators set no limit. */
static void leave_address_space(rlim_t bytes)
{
    if (SANITIZED || bi_annotate_wants_stacks())
        refuse_cannot("a tool needs the address space");
    refuse_beyond(RLIMIT_AS, used_address_space() + bytes);
    void *more = mmap(NULL, 2 * bytes, PROT_NONE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (more != MAP_FAILED)
        refuse_cannot("RLIMIT_AS limits nothing here");
}

static void small_address_space(void)
{
    leave_address_space(8 << 20);
    tell(bide_run(spawn_all, NULL, NULL));
    work_and_tell();
}

START_TEST(in_a_small_address_space_the_limit_on_stacks_is_named)
{
    if (!run_child(small_address_space))
        return;
    ck_assert_int_eq(atoi(strstr(told, "result ") + 7), -ENOMEM);
    expect_told("RLIMIT_AS is");
    expect_told("raise it with ulimit -v");
    expect_told("result 0"); /* the work, in what is left */
}
END_TEST

static void no_address_space(void)
{
    leave_address_space(128 << 10);
    tell(bide_run(work, NULL, NULL));
}

START_TEST(without_address_space_the_run_is_refused_with_a_sentence)
{
    if (!run_child(no_address_space))
        return;
    ck_assert_int_eq(atoi(strstr(told, "result ") + 7), -ENOMEM);
    expect_told("the run cannot start");
}
END_TEST

/* ---- Calls that are not there ------------------------------------------- */

/* What came with Linux 5.3 and later, and statx(2), which came earlier. */
static const long new_calls[] = {
    SYS_statx,       SYS_io_uring_setup, SYS_epoll_pwait2, SYS_pidfd_open,
    SYS_faccessat2,  SYS_close_range,    SYS_process_madvise,
};

static intptr_t do_a_job(void *number)
{
    return (intptr_t)number;
}

/* The work, a thread, a program, and a signal. */
static intptr_t work_more(void *unused)
{
    bide_signals *r;
    int numbers[] = {SIGUSR1};
    char name[] = "true", *const argv[] = {name, NULL};
    intptr_t rc = work(unused);
    if (rc == 0)
        rc = bide_to_thread(do_a_job, NULL);
    if (rc == 0)
        rc = bide_proc_run(argv, NULL, NULL, 0, NULL, NULL);
    if (rc == 0)
        rc = bide_signals_open(&r, numbers, 1);
    if (rc < 0)
        return rc;
    raise(SIGUSR1);
    rc = bide_signals_next(r, NULL);
    bide_signals_close(r);
    return rc == SIGUSR1 ? 0 : rc;
}

static void refuse_new_calls(int error)
{
    open_pipe();
    for (size_t i = 0; i < sizeof new_calls / sizeof new_calls[0]; i++)
        refuse_call(new_calls[i], error);
    tell(bide_run(work_more, NULL, NULL));
}

static void old_kernel(void)
{
    refuse_new_calls(ENOSYS);
}

START_TEST(on_an_old_kernel_the_work_is_done)
{
    if (!run_child(old_kernel))
        return;
    expect_told("result 0");
    expect_told("backend epoll: io_uring_setup: Function not implemented");
}
END_TEST

static void old_sandbox(void)
{
    refuse_new_calls(EPERM);
}

/* One that is older than the kernel forbids what it does not know. */
START_TEST(in_an_old_sandbox_the_work_is_done)
{
    if (!run_child(old_sandbox))
        return;
    expect_told("result 0");
    expect_told("backend epoll: io_uring_setup: Operation not permitted");
}
END_TEST

static intptr_t call_pool(void *unused)
{
    (void)unused;
    return call_int(open_pool(1), give_back, 7);
}

/* A root without /proc, and with a file that is there if tests are built. */
static void without_proc(void)
{
    open_pipe();
    if (chroot("/usr/include") < 0 || chdir("/") < 0)
        refuse_cannot("the root cannot be changed");
    work_file = "/stdio.h";
    tell(bide_run(work, NULL, NULL));
    fprintf(stderr, "pool %ld\n", (long)bide_run(call_pool, NULL, NULL));
}

START_TEST(without_proc_the_work_is_done_and_a_pool_has_no_program)
{
    if (!run_child(without_proc))
        return;
    expect_told("result 0");
    ck_assert_int_lt(atoi(strstr(told, "pool ") + 5), 0);
}
END_TEST

static void forbidden_eventfd(void)
{
    refuse_call(SYS_eventfd2, EPERM);
    tell(bide_run(work, NULL, NULL));
}

START_TEST(without_eventfd_the_run_is_refused_with_a_sentence)
{
    if (!run_child(forbidden_eventfd))
        return;
    ck_assert_int_eq(atoi(strstr(told, "result ") + 7), -EPERM);
    expect_told("the run cannot start: no eventfd: Operation not permitted");
    if (!SANITIZED)
        expect_told("kernel guards could not be tried: Operation not perm");
}
END_TEST

Suite *suite_hostile(void)
{
    Suite *s = suite_create("hostile");
    TCase *t = tcase_create("hostile");
    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, hostile_prepare, NULL);
    tcase_add_test(t, without_io_uring_epoll_does_the_work);
    tcase_add_test(t, io_uring_that_a_sandbox_forbids_is_told_with_its_cure);
    tcase_add_test(t, a_ring_that_can_be_made_but_not_entered_is_not_used);
    tcase_add_test(t, io_uring_of_an_older_kernel_is_not_used);
    tcase_add_test(t, a_demanded_io_uring_that_is_forbidden_refuses_the_run);
    tcase_add_test(t, without_locked_memory_the_work_is_done);
    tcase_add_test(t, with_eight_descriptors_the_work_is_done);
    tcase_add_test(t, without_a_descriptor_the_run_is_refused_with_a_sentence);
    tcase_add_test(t, in_a_small_address_space_the_limit_on_stacks_is_named);
    tcase_add_test(t, without_address_space_the_run_is_refused_with_a_sentence);
    tcase_add_test(t, on_an_old_kernel_the_work_is_done);
    tcase_add_test(t, in_an_old_sandbox_the_work_is_done);
    tcase_add_test(
        t, without_proc_the_work_is_done_and_a_pool_has_no_program);
    tcase_add_test(t, without_eventfd_the_run_is_refused_with_a_sentence);
    suite_add_tcase(s, t);
    return s;
}
