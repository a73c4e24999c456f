/* test_pool_kill.c: a worker is killed from outside at every moment.
 *
 * The library's own system calls are counted; at the nth of them the worker is
 * killed, for every n that six calls at once can reach.  Whatever the moment, a
 * call has its own result or -ECHILD by SIGKILL, at most one of them has not,
 * and the pool works on.
 */
#include "jobs.h"

#include "sys.h"

#include <dlfcn.h>
#include <stdio.h>

enum { SMALL = 100, LARGE = 1 << 20, CALLS = 6, MOMENTS = 50 };

static long (*real_call)(long, long, long, long, long, long, long);
static pid_t victim;
static int countdown; /* the worker is killed when it reaches 0 */

static long count(long number, long a, long b, long c, long d, long e, long f)
{
    if (countdown > 0 && --countdown == 0)
        kill(victim, SIGKILL);
    return real_call(number, a, b, c, d, e, f);
}

struct echo_call {
    bide_pool *pool;
    size_t bytes;
    char *in, *out;
    intptr_t result;
    int death;
    bool right;
};

static intptr_t make_echo(void *arg)
{
    struct echo_call *c = arg;
    struct bide_job job = {.fn = echo, .in = c->in, .in_bytes = c->bytes,
                           .out = c->out, .out_bytes = c->bytes};
    memset(c->out, 0, c->bytes);
    c->result = bide_pool_call(c->pool, &job);
    c->death = job.death;
    c->right = c->result == 0 && job.out_bytes == c->bytes &&
               memcmp(c->in, c->out, c->bytes) == 0;
    return 0;
}

/* All at once, with the worker killed at the nth moment; false: there was no
 * such moment this time. */
static bool strike(bide_pool *p, struct echo_call *calls, int n)
{
    struct bide_group g = {0};
    int dead = 0;
    victim = (pid_t)pid_of_worker(p);
    ck_assert_int_gt(victim, 0);
    bide_group_open(&g, BIDE_COLLECT);
    for (int i = 0; i < CALLS; i++)
        ck_assert_int_eq(bide_group_spawn(&g, make_echo, &calls[i]), 0);
    countdown = n;
    ck_assert_int_eq(bide_group_close(&g, 0), 0);
    bool struck = countdown == 0;
    countdown = 0;
    for (int i = 0; i < CALLS; i++) {
        dead += calls[i].result == -ECHILD;
        ck_assert_msg(calls[i].right || calls[i].result == -ECHILD,
                      "moment %d, call %d: %d", n, i, (int)calls[i].result);
        ck_assert(calls[i].right || WTERMSIG(calls[i].death) == SIGKILL);
    }
    ck_assert_msg(dead <= 1, "moment %d: %d calls died", n, dead);
    return struck;
}

static void kill_at_every_moment(size_t bytes)
{
    struct echo_call calls[CALLS];
    bide_pool *p = open_pool(1);
    for (int i = 0; i < CALLS; i++) {
        calls[i] = (struct echo_call){.pool = p, .bytes = bytes,
                                      .in = malloc(bytes),
                                      .out = malloc(bytes)};
        memset(calls[i].in, 'a' + i, bytes);
    }
    real_call = bi_sys.call;
    bi_sys.call = count;
    int struck = 0;
    for (int n = 1; n <= MOMENTS; n++)
        struck += strike(p, calls, n);
    bi_sys.call = real_call;
    ck_assert_int_gt(struck, 0);
    for (int i = 0; i < CALLS; i++) {
        free(calls[i].in);
        free(calls[i].out);
    }
    bide_pool_close(p);
}

REAL_TEST(a_worker_may_be_killed_at_any_moment)
{
    kill_at_every_moment(SMALL);
    return 0;
}

REAL_TEST(a_worker_may_be_killed_in_the_middle_of_a_large_message)
{
    kill_at_every_moment(LARGE);
    return 0;
}

/* ---- From within: the worker dies at its own nth moment ----------------- */

/* It writes some of its result, which is large, and dies. */
static intptr_t die_half_way(const void *in, size_t in_bytes, void *out,
                             size_t *out_bytes)
{
    memcpy(out, in, in_bytes / 2);
    raise(SIGKILL);
    *out_bytes = in_bytes;
    return 0;
}

REAL_TEST(a_half_written_result_is_no_result)
{
    bide_pool *p = open_pool(1);
    char *in = malloc(LARGE), *out = malloc(LARGE);
    memset(in, 'x', LARGE);
    memset(out, 0, LARGE);
    struct bide_job job = {.fn = die_half_way, .in = in, .in_bytes = LARGE,
                           .out = out, .out_bytes = LARGE};
    ck_assert_int_eq(bide_pool_call(p, &job), -ECHILD);
    ck_assert_uint_eq(job.out_bytes, 0);
    ck_assert_int_eq(out[0], 0);
    ck_assert(echo_works(p, LARGE));
    free(in);
    free(out);
    bide_pool_close(p);
    return 0;
}

/* ---- Modules ------------------------------------------------------------ */

/* ns_get16() reads a number from what would be a job's argument. */
REAL_TEST(a_function_of_a_library_that_only_we_have_is_loaded_there)
{
    static const unsigned char in[] = {1, 2};
    void *lib = dlopen("libresolv.so.2", RTLD_NOW);
    if (!lib)
        return 0;
    bide_pool *p = open_pool(1);
    bide_job_fn *fn = (bide_job_fn *)(uintptr_t)dlsym(lib, "ns_get16");
    ck_assert_ptr_nonnull((void *)(uintptr_t)fn);
    struct bide_job job = {.fn = fn, .in = in, .in_bytes = sizeof in};
    ck_assert_int_eq(bide_pool_call(p, &job), 0x0102);
    bide_pool_close(p);
    dlclose(lib);
    return 0;
}

Suite *suite_pool_kill(void)
{
    bool works = pools_work();
    Suite *s = suite_create("pool_kill");
    TCase *t = tcase_create("pool_kill");
    suite_add_tcase(s, t);
    if (!works)
        return s;
    tcase_set_timeout(t, 30);
    tcase_add_test(t, a_worker_may_be_killed_at_any_moment);
    tcase_add_test(t, a_worker_may_be_killed_in_the_middle_of_a_large_message);
    tcase_add_test(t, a_half_written_result_is_no_result);
    tcase_add_test(
        t, a_function_of_a_library_that_only_we_have_is_loaded_there);
    return s;
}
