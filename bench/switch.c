/* switch.c: what does one switch from stack to stack cost?
 *
 * Without a scheduler.  Two figures, because the processor predicts where a
 * switch goes on from where the last ones did: in a pair the two sides suspend
 * at different places, as a bare coroutine and who enters it do; in a ring all
 * suspend at one place, as the tasks of a scheduler do.
 */
#include "coro.h"
#include "questions.h"

#include <stdlib.h>

#define STACK_BYTES ((size_t)16 << 10)

/* Each top is 192 bytes further on, so that they do not share cache sets. */
#define STRIDE (STACK_BYTES + 192)

static double nanoseconds_each(int64_t began)
{
    return (double)(bench_cpu() - began) / BENCH_SWITCHES;
}

/* ---- Two that suspend at different places ------------------------------- */

struct pair {
    struct bi_coro here, there;
};

static void answer(void *arg)
{
    struct pair *p = arg;
    bi_coro_began(&p->there);
    for (;;)
        bi_coro_switch_pair(&p->there, &p->here);
}

double ask_pair(long n)
{
    (void)n;
    struct pair p;
    char *stack = aligned_alloc(64, STACK_BYTES);
    bench_check(stack != NULL, "memory");
    bi_coro_adopt(&p.here);
    bi_coro_make(&p.there, stack, stack + STACK_BYTES, answer, &p);
    bi_coro_switch_pair(&p.here, &p.there);
    int64_t began = bench_cpu();
    for (long i = 0; i < BENCH_SWITCHES; i += 2)
        bi_coro_switch_pair(&p.here, &p.there);
    double ns = nanoseconds_each(began);
    free(stack);
    return ns;
}

/* ---- Many that suspend at one place ------------------------------------- */

struct member {
    struct bi_coro coro;
    struct member *next;
    struct ring *ring;
};

struct ring {
    struct bi_coro outside;
    long left;
};

static void hand_on(void *arg)
{
    struct member *m = arg;
    bi_coro_began(&m->coro);
    for (;;) {
        bool more = m->ring->left-- > 0;
        bi_coro_switch(&m->coro, more ? &m->next->coro : &m->ring->outside);
    }
}

double ask_ring(long n)
{
    struct ring ring = {.left = n};
    struct member *all = calloc((size_t)n, sizeof(*all));
    char *stacks = aligned_alloc(64, (size_t)n * STRIDE);
    bench_check(all && stacks, "memory");
    bi_coro_adopt(&ring.outside);
    for (long i = 0; i < n; i++) {
        char *low = stacks + (size_t)i * STRIDE;
        all[i].next = &all[(i + 1) % n];
        all[i].ring = &ring;
        bi_coro_make(&all[i].coro, low, low + STACK_BYTES, hand_on, &all[i]);
    }
    bi_coro_switch(&ring.outside, &all[0].coro); /* everybody has begun */
    ring.left = BENCH_SWITCHES;
    int64_t began = bench_cpu();
    bi_coro_switch(&ring.outside, &all[0].coro);
    double ns = nanoseconds_each(began);
    free(stacks);
    free(all);
    return ns;
}
