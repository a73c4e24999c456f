/* scope.c: what do a scope's open and close cost, without and with a deadline?
 *
 * A deadline costs a look at the clock and a place among the timers; `deadline`
 * counts the look that computes it as well, as a program would have it.
 */
#include "questions.h"

#include <bide.h>

double ask_scope(long n)
{
    (void)n;
    int64_t began = bench_cpu();
    for (long i = 0; i < BENCH_SWITCHES; i++) {
        struct bide_scope s;
        bide_scope_open(&s, BIDE_FOREVER);
        bide_scope_close(&s, 0);
    }
    return (double)(bench_cpu() - began) / BENCH_SWITCHES;
}

double ask_deadline(long n)
{
    (void)n;
    int64_t began = bench_cpu();
    for (long i = 0; i < BENCH_YIELDS; i++) {
        struct bide_scope s;
        bide_scope_open(&s, bide_after(BIDE_SEC(1)));
        bide_scope_close(&s, 0);
    }
    return (double)(bench_cpu() - began) / BENCH_YIELDS;
}
