/* program.c: what does it cost to run a program, and does a crowd hinder it?
 *
 *   program   `true`, 1,000 times, 16 at once, beside `n` parked tasks
 *   crowded   the same beside `n` parked tasks, over that beside none: what
 *             copies the page tables of all their stacks shows here
 */
#include "questions.h"

#include <bide.h>

enum { PROGRAMS = 1000, AT_ONCE = 16 };

static intptr_t run_true(void *arg)
{
    (void)arg;
    return bide_proc_run((char *const *)(const char *[]){"true", NULL}, NULL,
                         NULL, 0, NULL, NULL);
}

static double run_all(void)
{
    static struct bide_call calls[PROGRAMS];
    for (int i = 0; i < PROGRAMS; i++)
        calls[i] = (struct bide_call){.fn = run_true};
    int64_t began = bench_now();
    bench_check(bide_gather_bounded(calls, PROGRAMS, AT_ONCE,
                                    BIDE_FAIL_FAST) == 0, "run");
    return (double)(bench_now() - began) / PROGRAMS;
}

static intptr_t park(void *arg)
{
    return bide_event_wait(arg);
}

static void assemble(struct bide_group *g, struct bide_event *leave, long n)
{
    bide_group_open(g, BIDE_FAIL_FAST);
    for (long i = 0; i < n; i++)
        bench_check(bide_group_spawn(g, park, leave) == 0, "spawn");
    bench_check(bide_yield() == 0, "park");
}

static void dismiss(struct bide_group *g, struct bide_event *leave)
{
    bide_event_set(leave);
    bench_check(bide_group_close(g, 0) == 0, "close");
}

double ask_program(long n)
{
    struct bide_event leave = {0};
    struct bide_group g = {0};
    assemble(&g, &leave, n);
    double each = run_all() / 1000;
    dismiss(&g, &leave);
    return each;
}

double ask_crowded(long n)
{
    double alone = ask_program(0);
    return ask_program(n) / alone;
}
