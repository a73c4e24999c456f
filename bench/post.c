/* post.c: what does a thread pay to post a call to a loop that is awake?
 *
 * Its own processor time, the memory of the call included; the loop turns
 * until the last one has been made.
 */
#include "questions.h"

#include <bide.h>
#include <pthread.h>
#include <time.h>

static long made; /* the loop's */
static double cost;

static void count(void *arg)
{
    (void)arg;
    made++;
}

static int64_t thread_cpu(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return BIDE_SEC(t.tv_sec) + t.tv_nsec;
}

static void *poster(void *loop)
{
    int64_t began = thread_cpu();
    for (long i = 0; i < BENCH_POSTS; i++)
        bench_check(bide_post(loop, count, NULL) == 0, "post");
    cost = (double)(thread_cpu() - began) / BENCH_POSTS;
    return NULL;
}

double ask_post(long n)
{
    pthread_t thread;
    bide_loop *loop = bide_loop_ref();
    (void)n;
    bench_check(pthread_create(&thread, NULL, poster, loop) == 0, "thread");
    while (made < BENCH_POSTS)
        bide_yield();
    pthread_join(thread, NULL);
    bide_loop_unref(loop);
    return cost;
}
