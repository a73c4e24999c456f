/* fault.c: counting calls and striking one.
 *
 * A fault names its call as well as its number: where the order of two threads
 * differs from the last time, another call has the number, and nothing is
 * struck rather than the wrong thing.
 */
#include "fault.h"

#include <stdatomic.h>
#include <stdio.h>

#define OFTEN_TIMES 8

static struct {
    struct fault fault;
    struct trace *trace;
    atomic_uint count[LANES];
    atomic_uint struck;
    atomic_bool armed;
} now;

bool fault_tells;

/* The thread that arms is the run's. */
static _Thread_local bool is_run;

void fault_arm(const struct fault *fault, struct trace *trace)
{
    now.fault = *fault;
    now.trace = trace;
    for (int i = 0; i < LANES; i++)
        atomic_store(&now.count[i], 0);
    atomic_store(&now.struck, 0);
    is_run = true;
    atomic_store(&now.armed, true);
}

unsigned fault_disarm(void)
{
    atomic_store(&now.armed, false);
    return atomic_load(&now.struck);
}

static void note(enum lane lane, unsigned nth, const struct bi_call *call)
{
    if (!now.trace || nth > TRACE_MOST)
        return;
    now.trace->calls[lane][nth - 1] = call;
    if (nth > now.trace->count[lane])
        now.trace->count[lane] = nth;
}

/* Whether the fault strikes the call `nth` of `lane`. */
static bool hits(enum lane lane, unsigned nth, const struct bi_call *call)
{
    const struct fault *f = &now.fault;
    if (call != f->call)
        return false;
    unsigned struck = atomic_load(&now.struck);
    if (struck == 0)
        return lane == f->lane && nth == f->nth;
    return f->mode == BI_ALWAYS ||
           (f->mode == BI_OFTEN && struck < OFTEN_TIMES);
}

int fault_strikes(const struct bi_call *call)
{
    if (!call || !atomic_load(&now.armed))
        return 0;
    enum lane lane = is_run ? RUN : POOL;
    unsigned nth = atomic_fetch_add(&now.count[lane], 1) + 1;
    note(lane, nth, call);
    int code = 0;
    if (hits(lane, nth, call)) {
        atomic_fetch_add(&now.struck, 1);
        code = now.fault.code;
    }
    if (fault_tells)
        printf("  %c%-4u %s%s%s\n", lane == RUN ? 'r' : 'p', nth, call->name,
               code ? "  <- " : "", code ? code_name(code) : "");
    return code;
}
