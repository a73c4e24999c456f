/* fault.h: one fault: which boundary call it strikes, how often, with what.
 *
 * Calls are counted in two lanes, the run's thread and the threads of its pool,
 * since only within a lane their order is the same each time.
 */
#ifndef FAULT_SWEEP_H
#define FAULT_SWEEP_H

#include "kernel.h"

enum lane { RUN, POOL, LANES };

struct fault {
    const struct bi_call *call; /* what the point is; NULL: no fault */
    enum lane lane;
    unsigned nth; /* 1, 2, ... in its lane */
    enum bi_mode mode;
    int code;
};

/* What was called between fault_arm() and fault_disarm(), in order. */
#define TRACE_MOST 4096
struct trace {
    const struct bi_call *calls[LANES][TRACE_MOST];
    unsigned count[LANES];
};

/* Begin to count; strike with `fault`.  `trace` may be NULL. */
void fault_arm(const struct fault *fault, struct trace *trace);

/* End it; how often it struck. */
unsigned fault_disarm(void);

/* For the boundary: `call` is made now.  0, or the outcome it shall have. */
int fault_strikes(const struct bi_call *call);

/* Tell every call on stdout, for a replay. */
extern bool fault_tells;

#endif
