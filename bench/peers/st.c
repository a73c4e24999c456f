/* st.c: the questions of this folder, to State Threads.
 *
 * Stacks of 64 KiB, its default; epoll.  Its threads cannot be cancelled with
 * their kin, and it has no channel.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "../bench.h"

#include <st.h>
#include <stdio.h>
#include <stdlib.h>

#define STACK_BYTES (64 << 10)

static st_thread_t start(void *(*body)(void *), void *arg)
{
    st_thread_t t = st_thread_create(body, arg, 1, STACK_BYTES);
    bench_check(t != NULL, "st_thread_create");
    return t;
}

/* `n` threads, one after the other in `all`, which the caller frees. */
static st_thread_t *start_all(long n, void *(*body)(void *), void *arg)
{
    st_thread_t *all = calloc((size_t)n, sizeof(st_thread_t));
    bench_check(all != NULL, "memory");
    for (long i = 0; i < n; i++)
        all[i] = start(body, arg);
    return all;
}

static void join_all(st_thread_t *all, long n)
{
    for (long i = 0; i < n; i++)
        st_thread_join(all[i], NULL);
    free(all);
}

static void *nothing(void *arg)
{
    return arg;
}

/* ---- As in yield.c and spawn.c ------------------------------------------ */

/* It has no yield, and a sleep of 0 goes through the timers: here each signals
 * the next one and waits to be signalled itself. */
struct place {
    st_cond_t turn;
    struct place *next;
    long left;
};

static void *yielder(void *arg)
{
    struct place *p = arg;
    while (p->left-- > 0) {
        st_cond_signal(p->next->turn);
        st_cond_wait(p->turn);
    }
    st_cond_signal(p->next->turn);
    return NULL;
}

static double yield(long n)
{
    struct place *all = calloc((size_t)n, sizeof(*all));
    st_thread_t *threads = calloc((size_t)n, sizeof(*threads));
    bench_check(all && threads, "memory");
    for (long i = 0; i < n; i++)
        all[i] = (struct place){st_cond_new(), &all[(i + 1) % n],
                                BENCH_YIELDS / n};
    int64_t began = bench_cpu();
    for (long i = 0; i < n; i++)
        threads[i] = start(yielder, &all[i]);
    join_all(threads, n);
    free(all);
    return (double)(bench_cpu() - began) / BENCH_YIELDS;
}

static double spawn(long n)
{
    (void)n;
    int64_t began = bench_cpu();
    for (long i = 0; i < BENCH_SPAWNS; i++)
        st_thread_join(start(nothing, NULL), NULL);
    return (double)(bench_cpu() - began) / BENCH_SPAWNS;
}

static double cold_spawn(long n)
{
    (void)n;
    int64_t began = bench_cpu();
    st_thread_t *all = start_all(BENCH_COLD_SPAWNS, nothing, NULL);
    int64_t ended = bench_cpu();
    join_all(all, BENCH_COLD_SPAWNS);
    return (double)(ended - began) / BENCH_COLD_SPAWNS;
}

/* ---- As in memory.c and timers.c ---------------------------------------- */

static void *park(void *gate)
{
    st_cond_wait(gate);
    return NULL;
}

static size_t while_parked(long n, size_t (*measure)(void))
{
    st_cond_t gate = st_cond_new();
    st_thread_t *all = start_all(n, park, gate);
    st_usleep(1000);
    size_t seen = measure();
    st_cond_broadcast(gate);
    join_all(all, n);
    return seen;
}

static double memory(long n)
{
    size_t before = bench_memory();
    return (double)(while_parked(n, bench_memory) - before) / (double)n;
}

static double mappings(long n)
{
    return (double)while_parked(n, bench_mappings);
}

static void *nap(void *ms)
{
    st_usleep((st_utime_t)(intptr_t)ms * 1000);
    return NULL;
}

static double timers(long n)
{
    int64_t began = bench_cpu();
    st_thread_t *all = calloc((size_t)n, sizeof(st_thread_t));
    bench_check(all != NULL, "memory");
    for (long i = 0; i < n; i++)
        all[i] = start(nap, (void *)(intptr_t)bench_nap_ms(i));
    join_all(all, n);
    return (double)(bench_cpu() - began) / 1e3 / (double)n;
}

/* ---- As in mutex.c ------------------------------------------------------ */

static double mutex(long n)
{
    (void)n;
    st_mutex_t lock = st_mutex_new();
    int64_t began = bench_cpu();
    for (long i = 0; i < BENCH_LOCKS; i++) {
        st_mutex_lock(lock);
        st_mutex_unlock(lock);
    }
    return (double)(bench_cpu() - began) / BENCH_LOCKS;
}

/* ---- As in echo.c ------------------------------------------------------- */

static void *echo_client(void *arg)
{
    char buf[16 << 10];
    ssize_t n;
    while ((n = st_read(arg, buf, sizeof buf, ST_UTIME_NO_TIMEOUT)) > 0 &&
           st_write(arg, buf, (size_t)n, ST_UTIME_NO_TIMEOUT) == n) {
    }
    st_netfd_close(arg);
    return NULL;
}

static double echo(long n)
{
    (void)n;
    st_netfd_t listener = st_netfd_open_socket(bench_listen());
    st_netfd_t sock;
    while ((sock = st_accept(listener, NULL, NULL, ST_UTIME_NO_TIMEOUT))) {
        bench_no_delay(st_netfd_fileno(sock));
        st_thread_create(echo_client, sock, 0, STACK_BYTES);
    }
    bench_check(0, "st_accept");
    return 0;
}

int main(int argc, char **argv)
{
    static const struct bench_question questions[] = {
        {"yield", yield},           {"spawn", spawn},
        {"cold_spawn", cold_spawn}, {"memory", memory},
        {"mappings", mappings},     {"timers", timers},
        {"mutex", mutex},           {"echo", echo},
        {NULL, NULL},
    };
    st_set_eventsys(ST_EVENTSYS_ALT);
    bench_check(st_init() == 0, "st_init");
    return bench_main(argc, argv, questions);
}
