/* trace.h: the course of a schedule: a hash of its steps, and words. */
#ifndef BI_TRACE_H
#define BI_TRACE_H

#include "core.h"

struct bi_trace {
    uint64_t hash;  /* of the steps so far */
    uint64_t steps; /* their number */
    bool told;      /* each on stderr */
    char last[32];  /* the name of who ran before, where steps are told */
};

void bi_trace_begin(struct bi_trace *trace, bool told);

/* The next step: `next` runs, one of `ready` tasks; the one that ran before had
 * come to `what`: what it waits for, or what else became of it. */
void bi_trace_step(struct bi_trace *trace, const struct bi_task *next,
                   unsigned ready, const char *what);

#endif
