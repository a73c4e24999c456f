/* test_hostile.c: kernels and limits that refuse what the library would like.
 *
 * Each case runs in a process of its own, since what is found out about a
 * kernel is found out once.  The same ordinary work must come out right, by
 * whatever is left, and bide_info() must say why; or the run is refused with a
 * clear code and a sentence.  The child tells of itself on stderr, which its
 * parent reads.
 */
#include "harness.h"

#include "annotate.h"
#include "doors.h"
#include "refuse.h"
#include "sys.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#if defined(BI_ASAN) || defined(BI_TSAN)
#define SANITIZED 1 /* address space is theirs to use */
#else
#define SANITIZED 0
#endif

/* ---- The work, and what a child tells ----------------------------------- */

static struct ends ends;

static intptr_t write_four(void *unused)
{
    (void)unused;
    int rc = bide_sleep(BIDE_MS(1));
    return rc < 0 ? rc : bide_write_all(ends.in, "four", 4);
}

static intptr_t read_four(void *unused)
{
    char buf[4];
    (void)unused;
    ssize_t n = bide_read_all(ends.out, buf, 4);
    return n < 0 ? n : n == 4 && !memcmp(buf, "four", 4) ? 0 : -EBADMSG;
}

/* Tasks, a wait for the clock, a wait for a descriptor, a file. */
static intptr_t work(void *unused)
{
    char buf[4096];
    (void)unused;
    struct bide_call calls[] = {{write_four, NULL, 0}, {read_four, NULL, 0}};
    intptr_t rc = bide_gather(calls, 2, BIDE_FAIL_FAST);
    int fd = rc < 0 ? (int)rc : bide_open("/proc/self/status", O_RDONLY, 0);
    if (fd < 0)
        return fd;
    ssize_t n = bide_read_all(fd, buf, sizeof buf);
    bide_close(fd);
    return n < 0 ? n : n > 0 ? 0 : -EBADMSG;
}

static void prepare(void)
{
    unsetenv("BIDE_BACKEND");
    unsetenv("BIDE_GUARD");
}

static void tell(intptr_t result)
{
    struct bide_info info;
    bide_info(&info);
    fprintf(stderr, "result %ld\nbackend %s: %s\nguard %s: %s\nstacks: %s\n",
            (long)result, info.backend, info.backend_reason, info.guard,
            info.guard_reason, info.stack_reason);
}

/* For the end of a child: work, and tell.  Not with open_ends(), which asserts:
 * Check tells its parent so through a descriptor whose number may be ours by
 * now, in a child that has closed all. */
static void work_and_tell(void)
{
    int fds[2];
    if (pipe(fds) < 0)
        refuse_cannot("there is no pipe");
    ends = (struct ends){.out = fds[0], .in = fds[1]};
    tell(bide_run(work, NULL, NULL));
}

static char told[4096];

/* Run `child`; false: this machine cannot do that, and that is printed.  `told`
 * is what it said. */
static bool run_child(void (*child)(void))
{
    int status = in_child(child, told, sizeof told);
    if (WIFEXITED(status) && WEXITSTATUS(status) == REFUSE_CANNOT) {
        printf("hostile: a test is left out: %s\n", told);
        return false;
    }
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0,
                  "status %#x, said: %s", (unsigned)status, told);
    return true;
}

static void expect_told(const char *words)
{
    ck_assert_msg(strstr(told, words) != NULL, "no '%s' in: %s", words, told);
}

/* Whether a run that nobody hinders tells `words`: else what hangs on that is
 * left out, and that is printed. */
static bool usually(const char *words)
{
    ck_assert(run_child(work_and_tell));
    if (strstr(told, words))
        return true;
    printf("hostile: part of a test is left out: no %s here\n", words);
    return false;
}

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
        expect_told("guard mprotect: no memory or descriptor was left");
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

/* ---- Guards ------------------------------------------------------------- */

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

Suite *suite_hostile(void)
{
    Suite *s = suite_create("hostile");
    TCase *t = tcase_create("hostile");
    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, prepare, NULL);
    tcase_add_test(t, without_io_uring_epoll_does_the_work);
    tcase_add_test(t, io_uring_that_a_sandbox_forbids_is_told_with_its_cure);
    tcase_add_test(t, a_ring_that_can_be_made_but_not_entered_is_not_used);
    tcase_add_test(t, a_demanded_io_uring_that_is_forbidden_refuses_the_run);
    tcase_add_test(t, without_locked_memory_the_work_is_done);
    tcase_add_test(t, with_eight_descriptors_the_work_is_done);
    tcase_add_test(t, without_a_descriptor_the_run_is_refused_with_a_sentence);
    tcase_add_test(t, in_a_small_address_space_the_limit_on_stacks_is_named);
    tcase_add_test(t, without_address_space_the_run_is_refused_with_a_sentence);
    tcase_add_test(t, kernel_guards_that_a_sandbox_forbids_become_mprotect);
    tcase_add_test(t, kernel_guards_that_are_unknown_become_mprotect);
    tcase_add_test(t, a_kernel_that_lies_about_guards_is_found_out);
    tcase_add_test(t, where_all_memory_is_locked_guards_become_mprotect);
    tcase_add_test(t, memory_may_be_locked_after_guards_were_chosen);
    suite_add_tcase(s, t);
    return s;
}
