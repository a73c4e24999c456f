/* moments.h: a body again and again, struck at one more moment each time. */
#ifndef BI_MOMENTS_H
#define BI_MOMENTS_H

#include "testrun.h"

struct bi_moments {
    struct bi_testrun t;
    const char *word;      /* what strikes: "cancel" */
    const char *variable;  /* which names one moment outside: "BIDE_CANCEL" */
    const char *none;      /* the sentence for a body that has no moment */
    /* Run the body, to be struck at moment `wanted` (0: at none), and count. */
    intptr_t (*once)(struct bi_moments *m);
    bide_fn *fn;
    void *arg;
    unsigned long wanted;
    unsigned long seen;    /* moments so far */
    bool unable;           /* `once` could not even begin */
    char at[128];          /* where it struck, in words */
};

/* One more moment; whether it is the one. */
static inline bool bi_moments_pass(struct bi_moments *m)
{
    return ++m->seen == m->wanted;
}

/* It strikes, there: `m->at` tells it, and in a run that tells its steps it is
 * told now. */
__attribute__((format(printf, 2, 3))) void
bi_moments_strike(struct bi_moments *m, const char *there, ...);

/* Of an open test run: its schedule is that of a sweep. */
void bi_moments_begin(struct bi_moments *m);

/* Strike at each moment, or at the one chosen outside.  The number of moments,
 * or what breaks the body; -ENOENT: there was no moment. */
intptr_t bi_moments_sweep(struct bi_moments *m);

#endif
