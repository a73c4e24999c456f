/* test_pool_death.c: workers that die, calls that are cancelled, pools that are
 * shut down with calls under way. */
#include "jobs.h"

#include "sys.h"

static struct int_call call_dying(bide_pool *p, bide_job_fn *fn, int in)
{
    struct int_call c = {.pool = p, .fn = fn, .in = in};
    make_int_call(&c);
    return c;
}

/* ---- Deaths ------------------------------------------------------------- */

REAL_TEST(a_job_that_crashes_fails_alone_and_tells_how_it_died)
{
    bide_pool *p = open_pool(1);
    struct int_call c = call_dying(p, crash, 0);
    ck_assert_int_eq(c.result, -ECHILD);
    ck_assert(WIFSIGNALED(c.death) && WTERMSIG(c.death) == SIGSEGV);
    ck_assert_int_eq(call_int(p, give_back, 5), 5);
    ck_assert_uint_eq(stats_of(p).died, 1);
    bide_pool_close(p);
    return 0;
}

REAL_TEST(a_job_that_exits_tells_its_exit_status)
{
    bide_pool *p = open_pool(1);
    struct int_call c = call_dying(p, leave, 7);
    ck_assert_int_eq(c.result, -ECHILD);
    ck_assert(WIFEXITED(c.death) && WEXITSTATUS(c.death) == 7);
    bide_pool_close(p);
    return 0;
}

/* Ten jobs lie at the worker that the first of them kills. */
REAL_TEST(jobs_that_lie_behind_one_that_dies_are_made_by_another)
{
    bide_pool *p = open_pool(1);
    struct bide_group g = {0};
    struct int_call dying = {.pool = p, .fn = kill_me};
    bide_group_open(&g, BIDE_COLLECT);
    ck_assert_int_eq(bide_group_spawn(&g, make_int_call, &dying), 0);
    ck_assert_int_eq(call_many(p, give_back, 10), 10);
    ck_assert_int_eq(bide_group_close(&g, 0), 0);
    ck_assert_int_eq(dying.result, -ECHILD);
    ck_assert_int_eq(WTERMSIG(dying.death), SIGKILL);
    bide_pool_close(p);
    return 0;
}

static volatile sig_atomic_t begun; /* jobs that tell so */

static void count_begun(int number)
{
    (void)number;
    begun++;
}

static void wait_until_begun(void)
{
    while (!begun)
        ck_assert_int_eq(bide_sleep(BIDE_MS(1)), 0);
}

REAL_TEST(a_worker_killed_from_outside_costs_its_own_job_alone)
{
    bide_pool *p = open_pool(2);
    struct bide_group g = {0};
    struct int_call long_one = {.pool = p, .fn = tell_and_nap, .in = 100000};
    intptr_t victim = pid_of_worker(p);
    signal(SIGUSR1, count_begun);
    bide_group_open(&g, BIDE_COLLECT);
    ck_assert_int_eq(bide_group_spawn(&g, make_int_call, &long_one), 0);
    wait_until_begun();
    ck_assert_int_eq(kill((pid_t)victim, SIGKILL), 0);
    ck_assert_int_eq(call_many(p, give_back, 20), 20);
    ck_assert_int_eq(bide_group_close(&g, 0), 0);
    ck_assert_int_eq(long_one.result, -ECHILD);
    ck_assert_int_eq(WTERMSIG(long_one.death), SIGKILL);
    bide_pool_close(p);
    return 0;
}

REAL_TEST(an_idle_worker_that_is_killed_costs_nothing)
{
    bide_pool *p = open_pool(1);
    intptr_t victim = pid_of_worker(p);
    ck_assert_int_eq(kill((pid_t)victim, SIGKILL), 0);
    ck_assert_int_eq(bide_sleep(BIDE_MS(20)), 0);
    ck_assert_int_eq(call_int(p, give_back, 5), 5);
    bide_pool_close(p);
    return 0;
}

REAL_TEST(a_worker_that_closes_its_bells_has_died)
{
    struct bide_pool_options opt = {.workers = 1, .kill_grace = BIDE_MS(50)};
    bide_pool *p = open_pool_with(&opt);
    ck_assert_int_eq(call_int(p, close_bells, 0), -ECHILD);
    ck_assert_int_eq(call_int(p, give_back, 5), 5);
    bide_pool_close(p);
    return 0;
}

REAL_TEST(a_child_of_a_job_does_not_hide_the_workers_death)
{
    bide_pool *p = open_pool(1);
    bide_time before = bide_now();
    ck_assert_int_eq(call_int(p, fork_and_die, 0), -ECHILD);
    ck_assert_int_lt(bide_now() - before, BIDE_SEC(2));
    bide_pool_close(p);
    return 0;
}

REAL_TEST(a_child_of_a_job_that_returns_ends_there_and_the_worker_goes_on)
{
    bide_pool *p = open_pool(1);
    ck_assert_int_eq(call_int(p, fork_and_return, 0), SIGABRT);
    ck_assert_int_eq(call_int(p, give_back, 7), 7);
    ck_assert_uint_eq(stats_of(p).died, 0);
    bide_pool_close(p);
    return 0;
}

REAL_TEST(a_pool_whose_workers_keep_dying_gives_up)
{
    bide_pool *p = open_pool(1);
    int deaths = 0;
    while (deaths < 100 && call_int(p, kill_me, 0) == -ECHILD)
        deaths++;
    ck_assert_int_ge(deaths, 5);
    ck_assert_int_lt(deaths, 100);
    ck_assert_int_eq(call_int(p, give_back, 1), -ENOTRECOVERABLE);
    bide_pool_close(p);
    return 0;
}

REAL_TEST(a_job_that_ends_between_deaths_keeps_the_pool_alive)
{
    bide_pool *p = open_pool(1);
    for (int i = 0; i < 20; i++) {
        ck_assert_int_eq(call_int(p, kill_me, 0), -ECHILD);
        ck_assert_int_eq(call_int(p, give_back, i), i);
    }
    bide_pool_close(p);
    return 0;
}

REAL_TEST(workers_that_die_at_once_are_not_started_for_ever)
{
    struct bide_pool_options opt = {.workers = 2, .init = die_init};
    bide_pool *p = open_pool_with(&opt);
    ck_assert_int_eq(call_int(p, give_back, 1), -ENOTRECOVERABLE);
    bide_pool_close(p);
    return 0;
}

REAL_TEST(a_job_that_overwrites_the_channel_is_bad)
{
    bide_pool *p = open_pool(1);
    struct bide_group g = {0};
    struct int_call bad = {.pool = p, .fn = overwrite};
    bide_group_open(&g, BIDE_COLLECT);
    ck_assert_int_eq(bide_group_spawn(&g, make_int_call, &bad), 0);
    call_many(p, give_back, 5);
    ck_assert_int_eq(bide_group_close(&g, 0), 0);
    ck_assert_int_eq(call_int(p, give_back, 5), 5);
    ck_assert_uint_ge(stats_of(p).started, 2);
    bide_pool_close(p);
    return 0;
}

static int (*real_spawn)(pid_t *, const char *,
                         const posix_spawn_file_actions_t *,
                         const posix_spawnattr_t *, char *const[],
                         char *const[]);

static int refuse_spawn(pid_t *pid, const char *file,
                        const posix_spawn_file_actions_t *actions,
                        const posix_spawnattr_t *attr, char *const argv[],
                        char *const environment[])
{
    (void)pid, (void)file, (void)actions, (void)attr, (void)argv;
    (void)environment;
    return -EAGAIN;
}

REAL_TEST(what_is_left_without_a_replacement_fails_promptly)
{
    bide_pool *p = open_pool(1);
    ck_assert_int_eq(call_int(p, give_back, 1), 1);
    real_spawn = bi_sys.spawn;
    bi_sys.spawn = refuse_spawn;
    ck_assert_int_eq(call_int(p, kill_me, 0), -ECHILD);
    ck_assert_int_eq(call_int(p, give_back, 1), -EAGAIN);
    bi_sys.spawn = real_spawn;
    ck_assert_int_eq(call_int(p, give_back, 1), 1);
    bide_pool_close(p);
    return 0;
}

/* ---- Cancels ------------------------------------------------------------ */

static intptr_t call_within(bide_pool *p, bide_time span, bide_job_fn *fn,
                            int in, intptr_t *result)
{
    struct bide_scope s = {0};
    bide_scope_open(&s, bide_after(span));
    *result = call_int(p, fn, in);
    return bide_scope_close(&s, *result);
}

REAL_TEST(a_cancelled_call_waits_for_a_job_that_has_begun)
{
    bide_pool *p = open_pool(1);
    struct int_call c = {.pool = p, .fn = tell_and_nap, .in = 50};
    bide_task *t;
    signal(SIGUSR1, count_begun);
    ck_assert_int_eq(bide_spawn(&t, make_int_call, &c), 0);
    wait_until_begun();
    bide_cancel(t);
    bide_await(t);
    bide_release(t);
    ck_assert_int_eq(c.result, 50);
    ck_assert_uint_eq(stats_of(p).started, 1);
    bide_pool_close(p);
    return 0;
}

REAL_TEST(a_cancelled_call_ends_its_worker_where_that_is_wished)
{
    struct bide_pool_options opt = {.workers = 1, .on_cancel = BIDE_POOL_KILL};
    bide_pool *p = open_pool_with(&opt);
    intptr_t result;
    ck_assert_int_eq(call_within(p, BIDE_MS(20), sleep_long, 0, &result),
                     -ETIMEDOUT);
    ck_assert_int_eq(result, -ETIMEDOUT);
    ck_assert_int_eq(call_int(p, give_back, 5), 5);
    ck_assert_uint_eq(stats_of(p).died, 0);
    bide_pool_close(p);
    return 0;
}

REAL_TEST(a_job_that_ignores_term_is_killed_after_the_grace)
{
    struct bide_pool_options opt = {.workers = 1, .on_cancel = BIDE_POOL_KILL,
                                    .kill_grace = BIDE_MS(50)};
    bide_pool *p = open_pool_with(&opt);
    intptr_t result;
    ck_assert_int_eq(call_within(p, BIDE_MS(50), ignore_term, 0, &result),
                     -ETIMEDOUT);
    bide_pool_close(p);
    return 0;
}

/* It lies at a worker, or in the queue: in neither case it is made. */
REAL_TEST(a_job_that_has_not_begun_is_withdrawn)
{
    struct bide_pool_options opt = {.workers = 1, .look_ahead = 1};
    bide_pool *p = open_pool_with(&opt);
    struct bide_group g = {0};
    struct int_call slow = {.pool = p, .fn = nap, .in = 200};
    struct int_call ahead = {.pool = p, .fn = kill_me};
    struct int_call queued = {.pool = p, .fn = kill_me};
    bide_task *a, *b;
    bide_group_open(&g, BIDE_COLLECT);
    ck_assert_int_eq(bide_group_spawn(&g, make_int_call, &slow), 0);
    ck_assert_int_eq(
        bide_group_spawn_with(&g, &a, make_int_call, &ahead, NULL), 0);
    ck_assert_int_eq(
        bide_group_spawn_with(&g, &b, make_int_call, &queued, NULL), 0);
    ck_assert_int_eq(bide_sleep(BIDE_MS(30)), 0);
    bide_cancel(a);
    bide_cancel(b);
    bide_release(a);
    bide_release(b);
    ck_assert_int_eq(bide_group_close(&g, 0), 0);
    ck_assert_int_eq(slow.result, 200);
    ck_assert_int_eq(ahead.result, -ECANCELED);
    ck_assert_int_eq(queued.result, -ECANCELED);
    ck_assert_uint_eq(stats_of(p).died, 0);
    ck_assert_int_eq(call_int(p, give_back, 5), 5);
    ck_assert_uint_eq(stats_of(p).busy, 0);
    bide_pool_close(p);
    return 0;
}

/* ---- Shutting down ------------------------------------------------------ */

struct shut {
    bide_pool *pool;
    enum bide_pool_end how;
    int rc;
};

static intptr_t shut_down(void *arg)
{
    struct shut *s = arg;
    s->rc = bide_pool_shutdown(s->pool, s->how);
    return 0;
}

/* Six jobs at one worker, and one more after the shutdown has begun, when the
 * first of them has, if it tells. */
static void expect_ends(enum bide_pool_end how, bide_job_fn *fn, int in,
                        intptr_t first, intptr_t others)
{
    struct bide_pool_options opt = {.workers = 1, .look_ahead = 2};
    struct int_call calls[6], late;
    struct shut s = {.pool = open_pool_with(&opt), .how = how};
    struct bide_group g = {0};
    signal(SIGUSR1, count_begun);
    bide_group_open(&g, BIDE_COLLECT);
    for (int i = 0; i < 6; i++) {
        calls[i] = (struct int_call){.pool = s.pool, .fn = fn, .in = in};
        ck_assert_int_eq(bide_group_spawn(&g, make_int_call, &calls[i]), 0);
    }
    ck_assert_int_eq(bide_sleep(BIDE_MS(50)), 0);
    if (fn == tell_and_nap)
        wait_until_begun();
    ck_assert_int_eq(bide_group_spawn(&g, shut_down, &s), 0);
    bide_yield();
    late = (struct int_call){.pool = s.pool, .fn = fn, .in = in};
    make_int_call(&late);
    ck_assert_int_eq(late.result, -ESHUTDOWN);
    ck_assert_int_eq(bide_group_close(&g, 0), 0);
    ck_assert_int_eq(s.rc, 0);
    ck_assert_int_eq(calls[0].result, first);
    for (int i = 1; i < 6; i++)
        ck_assert_int_eq(calls[i].result, others);
}

REAL_TEST(a_shutdown_may_let_every_call_end)
{
    expect_ends(BIDE_POOL_END_ALL, tell_and_nap, 60, 60, 60);
    return 0;
}

REAL_TEST(a_shutdown_may_let_end_what_has_begun)
{
    expect_ends(BIDE_POOL_END_BEGUN, tell_and_nap, 200, 200, -ESHUTDOWN);
    return 0;
}

REAL_TEST(a_close_ends_the_calls_under_way)
{
    expect_ends(BIDE_POOL_END_BUSY, sleep_long, 0, -ESHUTDOWN, -ESHUTDOWN);
    return 0;
}

REAL_TEST(workers_may_be_killed_without_a_grace)
{
    bide_time at = bide_now();
    expect_ends(BIDE_POOL_END_NOW, ignore_term, 0, -ESHUTDOWN, -ESHUTDOWN);
    ck_assert_int_lt(bide_now() - at, BIDE_SEC(4));
    return 0;
}

REAL_TEST(a_shutdown_that_is_cancelled_closes_all_the_same)
{
    struct shut s = {.pool = open_pool(1), .how = BIDE_POOL_END_ALL};
    struct int_call slow = {.pool = s.pool, .fn = sleep_long};
    struct bide_group g = {0};
    struct bide_scope late = {0};
    bide_group_open(&g, BIDE_COLLECT);
    ck_assert_int_eq(bide_group_spawn(&g, make_int_call, &slow), 0);
    ck_assert_int_eq(bide_sleep(BIDE_MS(20)), 0);
    bide_scope_open(&late, bide_after(BIDE_MS(20)));
    shut_down(&s);
    bide_scope_close(&late, 0);
    ck_assert_int_eq(s.rc, -ETIMEDOUT);
    ck_assert_int_eq(bide_group_close(&g, 0), 0);
    ck_assert_int_eq(slow.result, -ESHUTDOWN);
    return 0;
}

/* Both are cancelled, and the call has ended before the shutdown hears of it.
 */
REAL_TEST(a_shutdown_is_cancelled_as_its_last_call_ends)
{
    struct shut s = {.pool = open_pool(1), .how = BIDE_POOL_END_ALL};
    struct int_call last = {.pool = s.pool, .fn = give_back, .in = 7};
    struct bide_group g = {0};
    bide_task *caller, *closer;
    bide_group_open(&g, BIDE_COLLECT);
    ck_assert_int_eq(
        bide_group_spawn_with(&g, &caller, make_int_call, &last, NULL), 0);
    ck_assert_int_eq(bide_group_spawn_with(&g, &closer, shut_down, &s, NULL),
                     0);
    bide_yield();
    bide_cancel(caller);
    bide_cancel(closer);
    ck_assert_int_eq(bide_group_close(&g, 0), 0);
    if (last.result == 7 && s.rc == 0) /* this thread was that slow */
        leave_out(__func__, "the call had ended before it was cancelled");
    else
        ck_assert_int_eq(s.rc, -ECANCELED);
    ck_assert(last.result == 7 || last.result == -ECANCELED ||
              last.result == -ESHUTDOWN);
    bide_release(caller);
    bide_release(closer);
    return 0;
}

/* ---- The parent's end --------------------------------------------------- */

static intptr_t tell_worker_and_wait(void *arg)
{
    bide_pool *p = open_pool(1);
    (void)arg;
    fprintf(stderr, "%d\n", (int)pid_of_worker(p));
    struct bide_group g = {0};
    struct int_call slow = {.pool = p, .fn = sleep_long};
    bide_group_open(&g, BIDE_COLLECT);
    bool spawned = bide_group_spawn(&g, make_int_call, &slow) == 0;
    bide_sleep(BIDE_MS(20));
    raise(spawned ? SIGKILL : SIGTERM);
    return 0;
}

static void run_parent(void)
{
    run_task(tell_worker_and_wait, NULL);
}

/* The text is the worker's too, so it is over when the worker has ended. */
START_TEST(workers_end_with_their_parent)
{
    char text[200];
    int status = in_child(run_parent, text, sizeof text);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    pid_t worker = (pid_t)atoi(text);
    ck_assert_int_gt(worker, 1);
    for (int i = 0; i < 1000 && kill(worker, 0) == 0; i++)
        usleep(1000);
    char path[40], state = 'X';
    snprintf(path, sizeof path, "/proc/%d/stat", worker);
    FILE *f = fopen(path, "r"); /* it may still be to be reaped, by init */
    if (f && fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
        state = 'X';
    if (f)
        fclose(f);
    ck_assert_msg(state == 'Z' || state == 'X', "it is in state %c", state);
}
END_TEST

static intptr_t deadlock_beside_pool(void *arg)
{
    struct bide_event never = {0};
    bide_pool *p = open_pool(1);
    (void)arg;
    if (call_int(p, give_back, 5) != 5)
        return -EIO;
    return bide_event_wait(&never);
}

START_TEST(an_idle_pool_hides_no_deadlock)
{
    ck_assert_int_eq(run_task(deadlock_beside_pool, NULL), -EDEADLK);
}
END_TEST

Suite *suite_pool_death(void)
{
    bool works = pools_work();
    Suite *s = suite_create("pool_death");
    TCase *t = tcase_create("pool_death");
    suite_add_tcase(s, t);
    if (!works)
        return s;
    tcase_add_test(t, a_job_that_crashes_fails_alone_and_tells_how_it_died);
    tcase_add_test(t, a_job_that_exits_tells_its_exit_status);
    tcase_add_test(t, jobs_that_lie_behind_one_that_dies_are_made_by_another);
    tcase_add_test(t, a_worker_killed_from_outside_costs_its_own_job_alone);
    tcase_add_test(t, an_idle_worker_that_is_killed_costs_nothing);
    tcase_add_test(t, a_worker_that_closes_its_bells_has_died);
    tcase_add_test(t, a_child_of_a_job_does_not_hide_the_workers_death);
    tcase_add_test(
        t, a_child_of_a_job_that_returns_ends_there_and_the_worker_goes_on);
    tcase_add_test(t, a_pool_whose_workers_keep_dying_gives_up);
    tcase_add_test(t, a_job_that_ends_between_deaths_keeps_the_pool_alive);
    tcase_add_test(t, workers_that_die_at_once_are_not_started_for_ever);
    tcase_add_test(t, a_job_that_overwrites_the_channel_is_bad);
    tcase_add_test(t, what_is_left_without_a_replacement_fails_promptly);
    tcase_add_test(t, a_cancelled_call_waits_for_a_job_that_has_begun);
    tcase_add_test(t, a_cancelled_call_ends_its_worker_where_that_is_wished);
    tcase_add_test(t, a_job_that_ignores_term_is_killed_after_the_grace);
    tcase_add_test(t, a_job_that_has_not_begun_is_withdrawn);
    tcase_add_test(t, a_shutdown_may_let_every_call_end);
    tcase_add_test(t, a_shutdown_may_let_end_what_has_begun);
    tcase_add_test(t, a_close_ends_the_calls_under_way);
    tcase_add_test(t, workers_may_be_killed_without_a_grace);
    tcase_add_test(t, a_shutdown_that_is_cancelled_closes_all_the_same);
    tcase_add_test(t, a_shutdown_is_cancelled_as_its_last_call_ends);
    tcase_add_test(t, workers_end_with_their_parent);
    tcase_add_test(t, an_idle_pool_hides_no_deadlock);
    return s;
}
