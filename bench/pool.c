/* pool.c: what does a call in another process cost?
 *
 *   process       N tasks call a function that does nothing in worker
 *                 processes, each its next one when the last is back
 *   process_pipe  one such call, over a byte that goes to a process and back
 *                 through two pipes, which is what no call can do without
 *   process_copy  a call with an argument of 64 MiB, over copying it once
 *
 * By the clock.  Both sides of a ratio are measured in turns, and the best of
 * each is taken: where the kernel puts a process makes a factor of five.
 */
#include "questions.h"

#include <bide.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CALLS = 200000, ALONE = 5000, ROUNDS = 15, COPIES = 4 };
#define LARGE ((size_t)64 << 20)

static bide_pool *pool;

static intptr_t nothing(const void *in, size_t in_bytes, void *out,
                        size_t *out_bytes)
{
    (void)in, (void)in_bytes, (void)out;
    *out_bytes = 0;
    return 0;
}

static intptr_t caller(void *arg)
{
    intptr_t rc = 0;
    for (long left = *(const long *)arg; left > 0 && rc == 0; left--) {
        struct bide_job job = {.fn = nothing, .in = &left,
                               .in_bytes = sizeof left};
        rc = bide_pool_call(pool, &job);
    }
    return rc;
}

static double call(long n, long each)
{
    struct bide_group g = {0};
    int64_t began = bench_now();
    bide_group_open(&g, BIDE_FAIL_FAST);
    for (long i = 0; i < n; i++)
        bench_check(bide_group_spawn(&g, caller, &each) == 0, "spawn");
    bench_check(bide_group_close(&g, 0) == 0, "pool call");
    return (double)(bench_now() - began) / (double)(each * n);
}

static void open_pool(unsigned workers)
{
    struct bide_pool_options opt = {.workers = workers};
    bench_check(bide_pool_open(&pool, &opt) == 0, "pool");
    call(1, 100);
}

double ask_process(long n)
{
    open_pool(0);
    call(n, 100);
    double ns = call(n, n == 1 ? ALONE : CALLS / n);
    bench_check(bide_pool_close(pool) == 0, "close");
    return ns;
}

/* ---- Beside a pipe ------------------------------------------------------ */

static int to[2], from[2];

static void answer(void)
{
    char c;
    close(to[1]);
    close(from[0]);
    while (read(to[0], &c, 1) == 1)
        if (write(from[1], &c, 1) != 1)
            break;
    _exit(0);
}

static double ping(void)
{
    char c = 0;
    int64_t began = bench_now();
    for (int i = 0; i < ALONE; i++)
        bench_check(write(to[1], &c, 1) == 1 && read(from[0], &c, 1) == 1,
                    "pipe");
    return (double)(bench_now() - began) / ALONE;
}

static double smaller(double a, double b)
{
    return a < b ? a : b;
}

double ask_process_pipe(long n)
{
    double bare = 1e18, ours = 1e18;
    (void)n;
    bench_check(pipe(to) == 0 && pipe(from) == 0, "pipe");
    pid_t pid = fork();
    if (pid == 0)
        answer();
    close(to[0]);
    close(from[1]);
    open_pool(1);
    for (int i = 0; i < ROUNDS; i++) {
        bare = smaller(bare, ping());
        ours = smaller(ours, call(1, ALONE));
    }
    bench_check(bide_pool_close(pool) == 0, "close");
    close(to[1]);
    bench_check(waitpid(pid, NULL, 0) == pid, "wait");
    return ours / bare;
}

/* ---- Beside a copy ------------------------------------------------------ */

static double send_large(const char *in)
{
    struct bide_job job = {.fn = nothing, .in = in, .in_bytes = LARGE};
    int64_t began = bench_now();
    for (int i = 0; i < COPIES; i++)
        bench_check(bide_pool_call(pool, &job) == 0, "pool call");
    return (double)(bench_now() - began);
}

static double copy_large(char *to_here, const char *in)
{
    int64_t began = bench_now();
    for (int i = 0; i < COPIES; i++) {
        memcpy(to_here, in, LARGE);
        __asm__ volatile("" : : "r"(to_here) : "memory");
    }
    return (double)(bench_now() - began);
}

double ask_process_copy(long n)
{
    char *in = malloc(LARGE), *copy = malloc(LARGE);
    double bare = 1e18, ours = 1e18;
    (void)n;
    bench_check(in && copy, "memory");
    memset(in, 1, LARGE);
    memset(copy, 2, LARGE);
    open_pool(1);
    send_large(in);
    for (int i = 0; i < ROUNDS; i++) {
        bare = smaller(bare, copy_large(copy, in));
        ours = smaller(ours, send_large(in));
    }
    bench_check(bide_pool_close(pool) == 0, "close");
    free(in);
    free(copy);
    return ours / bare;
}
