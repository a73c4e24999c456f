/* test_to_thread.c: functions on threads: results, limits, cancels, pools. */
#include "offload.h"
#include "sys.h"
#include "tasks.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

static atomic_int at_work, most_at_work, gate, made;

static pthread_t loops_own;

static void set_up(void)
{
    clear_journal();
    loops_own = pthread_self();
}

/* ---- Jobs --------------------------------------------------------------- */

static intptr_t give_elsewhere(void *value)
{
    if (pthread_equal(pthread_self(), loops_own) || bide_self())
        return -EPROTO;
    return VALUE(value);
}

static intptr_t behind_gate(void *value)
{
    int now = atomic_fetch_add(&at_work, 1) + 1;
    int most = atomic_load(&most_at_work);
    while (now > most &&
           !atomic_compare_exchange_weak(&most_at_work, &most, now))
        ;
    while (!atomic_load(&gate))
        usleep(100);
    atomic_fetch_sub(&at_work, 1);
    atomic_fetch_add(&made, 1);
    return VALUE(value);
}

static intptr_t until_cancelled(void *value)
{
    atomic_fetch_add(&at_work, 1);
    while (!bide_thread_cancelled())
        usleep(100);
    atomic_fetch_sub(&at_work, 1);
    return VALUE(value);
}

/* ---- Tasks -------------------------------------------------------------- */

/* Let time pass until `n` jobs are at work. */
static void wait_at_work(int n)
{
    while (atomic_load(&at_work) < n)
        ck_assert_int_eq(bide_sleep(BIDE_US(100)), 0);
}

/* ---- Results ------------------------------------------------------------ */

REAL_TEST(a_job_runs_on_another_thread_and_its_result_comes_back)
{
    ck_assert_int_eq(bide_to_thread(give_elsewhere, NUM(42)), 42);
    ck_assert_int_eq(bide_to_thread(give, NUM(-EIO)), -EIO);
    ck_assert_int_eq(bide_to_thread(NULL, NULL), -EINVAL);
    return 0;
}

REAL_TEST(a_job_runs_while_the_other_tasks_go_on)
{
    struct thread_job job = {behind_gate, NUM(5), NULL};
    bide_task *task = spawn(run_on_thread, &job);
    wait_at_work(1);
    ck_assert(!bide_task_done(task));
    atomic_store(&gate, 1);
    ck_assert_int_eq(result_of(task), 5);
    return 0;
}

static intptr_t run_ten(void *unused)
{
    struct thread_job job = {behind_gate, NUM(1), NULL};
    struct bide_group g = {0};
    (void)unused;
    bide_group_open(&g, BIDE_COLLECT);
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(bide_group_spawn(&g, run_on_thread, &job), 0);
    wait_at_work(3);
    atomic_store(&gate, 1);
    return bide_group_close(&g, 0);
}

START_TEST(ten_jobs_run_at_once_up_to_the_limit)
{
    struct bide_options opt = {.thread_limit = 3};
    ck_assert_int_eq(bide_run(run_ten, NULL, &opt), 0);
    ck_assert_int_eq(most_at_work, 3);
    ck_assert_int_eq(made, 10);
}
END_TEST

static struct bide_local local;

static intptr_t look_at_local(void *unused)
{
    (void)unused;
    return VALUE(bide_local_get(&local));
}

REAL_TEST(a_job_sees_the_locals_of_the_task_that_waits)
{
    ck_assert_int_eq(bide_local_set(&local, NUM(9)), 0);
    ck_assert_int_eq(bide_to_thread(look_at_local, NULL), 9);
    return 0;
}

static intptr_t run_a_run(void *value)
{
    return bide_run(give_late, value, NULL);
}

REAL_TEST(a_job_may_be_a_run_of_its_own)
{
    ck_assert_int_eq(bide_to_thread(run_a_run, NUM(8)), 8);
    return 0;
}

static intptr_t call_back(void *loop)
{
    return bide_call_from_thread(loop, give_late, NUM(6));
}

REAL_TEST(a_job_may_call_back_into_the_loop)
{
    bide_loop *loop = bide_loop_ref();
    ck_assert_int_eq(bide_to_thread(call_back, loop), 6);
    bide_loop_unref(loop);
    return 0;
}

/* Virtual time goes on as the real one does, and the run is not deadlocked. */
static intptr_t work_for_a_moment(void *unused)
{
    (void)unused;
    usleep(3000);
    return 0;
}

VIRTUAL_TEST(the_virtual_clock_does_not_jump_while_a_job_works)
{
    bide_task *sleeper = spawn(sleep_ms, NUM(3600 * 1000));
    ck_assert_int_eq(bide_to_thread(work_for_a_moment, NULL), 0);
    ck_assert(!bide_task_done(sleeper));
    ck_assert_int_eq(result_of(sleeper), 3600 * 1000);
    return 0;
}

/* ---- Cancellation ------------------------------------------------------- */

REAL_TEST(a_job_of_a_cancelled_task_is_never_begun)
{
    struct bide_scope s = {0};
    bide_scope_open(&s, BIDE_FOREVER);
    bide_scope_cancel(&s);
    ck_assert_int_eq(bide_to_thread(behind_gate, NULL), -ECANCELED);
    bide_scope_close(&s, 0);
    ck_assert_int_eq(most_at_work, 0);
    return 0;
}

static intptr_t withdraw_second(void *unused)
{
    struct thread_job job = {behind_gate, NUM(1), NULL};
    (void)unused;
    bide_task *first = spawn(run_on_thread, &job);
    wait_at_work(1);
    bide_task *second = spawn(run_on_thread, &job);
    turns(2);
    ck_assert(bide_cancel(second));
    ck_assert_int_eq(result_of(second), -ECANCELED);
    atomic_store(&gate, 1);
    return result_of(first);
}

START_TEST(a_job_that_waits_for_a_thread_is_withdrawn)
{
    struct bide_options opt = {.thread_limit = 1};
    ck_assert_int_eq(bide_run(withdraw_second, NULL, &opt), 1);
    ck_assert_int_eq(made, 1);
}
END_TEST

REAL_TEST(a_job_that_has_begun_is_told_and_waited_for_and_its_result_wins)
{
    struct thread_job job = {until_cancelled, NUM(3), NULL};
    bide_task *task = spawn(run_on_thread, &job);
    wait_at_work(1);
    ck_assert(bide_cancel(task));
    ck_assert_int_eq(result_of(task), 3);
    ck_assert_int_eq(at_work, 0);
    ck_assert(!bide_thread_cancelled());
    return 0;
}

/* The deadline of the scope passes as soon as the job has begun. */
static intptr_t expire(void *scope)
{
    wait_at_work(1);
    return bide_scope_set_deadline(scope, bide_now());
}

REAL_TEST(a_deadline_tells_the_job_and_shows_at_the_next_wait)
{
    struct bide_scope s = {0};
    bide_scope_open(&s, BIDE_FOREVER);
    spawn(expire, &s);
    ck_assert_int_eq(bide_to_thread(until_cancelled, NUM(3)), 3);
    ck_assert_int_eq(bide_yield(), -ETIMEDOUT);
    bide_scope_close(&s, 0);
    return 0;
}

/* ---- Misuse and the end of the run -------------------------------------- */

static intptr_t sleep_in_job(void *unused)
{
    (void)unused;
    return bide_sleep(1);
}

static intptr_t send_sleep_in_job(void *unused)
{
    return bide_to_thread(sleep_in_job, unused);
}

START_TEST(a_task_only_call_in_a_job_is_misuse_that_names_it)
{
    expect_contract(send_sleep_in_job, "bide_sleep", "job of bide_to_thread",
                    NULL);
}
END_TEST

static intptr_t fork_and_return(void *unused)
{
    (void)unused;
    pid_t pid = fork();
    int status = 0;
    if (pid > 0)
        waitpid(pid, &status, 0);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static intptr_t send_fork_and_return(void *unused)
{
    return bide_to_thread(fork_and_return, unused) == SIGABRT ? 0 : -EPROTO;
}

static void run_forking_job(void)
{
    _exit(bide_run(send_fork_and_return, NULL, NULL) == 0 ? 7 : 8);
}

START_TEST(a_job_that_returns_in_a_forked_child_is_misuse)
{
    char text[512];
    int status = in_child(run_forking_job, text, sizeof text);
    ck_assert_int_eq(WEXITSTATUS(status), 7);
    ck_assert_ptr_nonnull(strstr(text, "forked child"));
}
END_TEST

/* What the process says goes through here, to the descriptor `out`, until it
 * has named the first job: then the gate is opened. */
static intptr_t open_gate_at_name(void *out)
{
    char said[4096];
    size_t len = 0;
    ssize_t n;
    int fds[2];
    if (pipe(fds) < 0 || dup2(fds[1], 2) < 0)
        return -EPIPE;
    atomic_fetch_add(&at_work, 1);
    do {
        n = read(fds[0], said + len, sizeof said - 1 - len);
        if (n <= 0)
            return -EPIPE;
        said[len += (size_t)n] = '\0';
    } while (!strstr(said, "job of a thread"));
    n = write((int)VALUE(out), said, len);
    atomic_store(&gate, 1);
    return n < 0 ? -EPIPE : 0;
}

static intptr_t leave_a_job(void *unused)
{
    static struct thread_job held = {behind_gate, NULL, NULL},
                             opener = {open_gate_at_name, NULL, NULL};
    (void)unused;
    opener.arg = NUM(dup(2));
    spawn_as("holder", run_on_thread, &held);
    spawn(run_on_thread, &opener);
    wait_at_work(2); /* begun: neither is withdrawn */
    return 0;
}

static void run_to_the_grace(void)
{
    struct bide_options opt = {.shutdown_grace = BIDE_MS(5)};
    _exit(bide_run(leave_a_job, NULL, &opt) == 0 && made == 1 ? 7 : 8);
}

START_TEST(a_job_that_holds_up_the_end_of_the_run_is_named)
{
    char text[4096];
    int status = in_child(run_to_the_grace, text, sizeof text);
    ck_assert_int_eq(WEXITSTATUS(status), 7);
    ck_assert_ptr_nonnull(strstr(text, "refuse to end"));
    ck_assert_ptr_nonnull(strstr(text, "holder"));
    ck_assert_ptr_nonnull(strstr(text, "job of a thread, suite+0x"));
}
END_TEST

static int refuse_thread(thrd_t *t, int (*run)(void *), void *arg)
{
    (void)t, (void)run, (void)arg;
    return -EAGAIN;
}

REAL_TEST(without_any_thread_the_call_is_refused_and_with_one_it_is_not)
{
    int (*start)(thrd_t *, int (*)(void *), void *) = bi_sys.thread_start;
    struct thread_job job = {behind_gate, NUM(1), NULL};
    bi_sys.thread_start = refuse_thread;
    ck_assert_int_eq(bide_to_thread(give, NUM(1)), -EAGAIN);
    bi_sys.thread_start = start;
    bide_task *task = spawn(run_on_thread, &job);
    wait_at_work(1);
    bi_sys.thread_start = refuse_thread;
    bide_task *next = spawn(run_on_thread, &job);
    turns(2);
    atomic_store(&gate, 1);
    ck_assert_int_eq(result_of(task) + result_of(next), 2);
    bi_sys.thread_start = start;
    return 0;
}

/* ---- Pools -------------------------------------------------------------- */

REAL_TEST(a_pool_has_a_limit_of_its_own)
{
    bide_threads *pool;
    ck_assert_int_eq(bide_threads_open(&pool, 0), -EINVAL);
    ck_assert_int_eq(bide_threads_open(&pool, 1025), -EINVAL);
    ck_assert_int_eq(bide_threads_open(&pool, 1), 0);
    struct bide_thread_options opt = {.pool = pool};
    struct thread_job job = {behind_gate, NUM(1), &opt};
    bide_task *tasks[3];
    for (int i = 0; i < 3; i++)
        tasks[i] = spawn(run_on_thread, &job);
    wait_at_work(1);
    /* It is full, and the run's own is not. */
    ck_assert_int_eq(bide_to_thread(give, NUM(4)), 4);
    ck_assert_int_eq(bide_threads_close(pool), -EBUSY);
    atomic_store(&gate, 1);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(result_of(tasks[i]), 1);
    ck_assert_int_eq(most_at_work, 1);
    ck_assert_int_eq(bide_threads_close(pool), 0);
    return 0;
}

REAL_TEST(a_pool_that_is_left_open_ends_with_the_run)
{
    bide_threads *pool;
    ck_assert_int_eq(bide_threads_open(&pool, 2), 0);
    struct bide_thread_options opt = {.pool = pool};
    ck_assert_int_eq(bide_to_thread_with(give, NUM(2), &opt), 2);
    return 0;
}

static intptr_t use_after_close(void *unused)
{
    struct bide_thread_options opt = {0};
    (void)unused;
    ck_assert_int_eq(bide_threads_open(&opt.pool, 1), 0);
    bide_threads_close(opt.pool);
    return bide_to_thread_with(use_after_close, NULL, &opt);
}

static intptr_t close_twice(void *unused)
{
    bide_threads *pool;
    (void)unused;
    ck_assert_int_eq(bide_threads_open(&pool, 1), 0);
    bide_threads_close(pool);
    return bide_threads_close(pool);
}

START_TEST(closing_a_pool_twice_is_misuse)
{
    expect_contract(close_twice, "bide_threads_close", "open", NULL);
}
END_TEST

START_TEST(using_a_closed_pool_is_misuse)
{
    expect_contract(use_after_close, "bide_to_thread_with", "'main'",
                    "was given a pool that this run does not have open", NULL);
}
END_TEST

REAL_TEST(idle_threads_retire_and_no_job_that_comes_then_is_lost)
{
    bi_offload_patience = BIDE_US(30);
    for (int i = 0; i < 300; i++) {
        ck_assert_int_eq(bide_to_thread(give_elsewhere, NUM(i)), i);
        ck_assert_int_eq(bide_sleep(BIDE_US(i % 60)), 0);
    }
    return 0;
}

Suite *suite_to_thread(void)
{
    Suite *s = suite_create("to_thread");
    TCase *t = tcase_create("jobs");
    tcase_set_timeout(t, 20);
    tcase_add_checked_fixture(t, set_up, NULL);
    tcase_add_test(t, a_job_runs_on_another_thread_and_its_result_comes_back);
    tcase_add_test(t, a_job_runs_while_the_other_tasks_go_on);
    tcase_add_test(t, ten_jobs_run_at_once_up_to_the_limit);
    tcase_add_test(t, a_job_sees_the_locals_of_the_task_that_waits);
    tcase_add_test(t, a_job_may_be_a_run_of_its_own);
    tcase_add_test(t, a_job_may_call_back_into_the_loop);
    tcase_add_test(t, the_virtual_clock_does_not_jump_while_a_job_works);
    suite_add_tcase(s, t);
    t = tcase_create("cancels");
    tcase_set_timeout(t, 20);
    tcase_add_checked_fixture(t, set_up, NULL);
    tcase_add_test(t, a_job_of_a_cancelled_task_is_never_begun);
    tcase_add_test(t, a_job_that_waits_for_a_thread_is_withdrawn);
    tcase_add_test(
        t, a_job_that_has_begun_is_told_and_waited_for_and_its_result_wins);
    tcase_add_test(t, a_deadline_tells_the_job_and_shows_at_the_next_wait);
    suite_add_tcase(s, t);
    t = tcase_create("ends and pools");
    tcase_set_timeout(t, 20);
    tcase_add_checked_fixture(t, set_up, NULL);
    tcase_add_test(t, a_task_only_call_in_a_job_is_misuse_that_names_it);
    tcase_add_test(t, a_job_that_returns_in_a_forked_child_is_misuse);
    tcase_add_test(t, a_job_that_holds_up_the_end_of_the_run_is_named);
    tcase_add_test(
        t, without_any_thread_the_call_is_refused_and_with_one_it_is_not);
    tcase_add_test(t, a_pool_has_a_limit_of_its_own);
    tcase_add_test(t, a_pool_that_is_left_open_ends_with_the_run);
    tcase_add_test(t, closing_a_pool_twice_is_misuse);
    tcase_add_test(t, using_a_closed_pool_is_misuse);
    tcase_add_test(t, idle_threads_retire_and_no_job_that_comes_then_is_lost);
    suite_add_tcase(s, t);
    return s;
}
