/* wires.h: stream pairs in memory, for tests (bide_test_pair()). */
#ifndef BI_WIRES_H
#define BI_WIRES_H

#include "reactor.h"

/* The wires of a test run, as a backend before the run's own. */
struct bi_wires {
    struct bi_backend face;
    const struct bi_backend *real;
    struct bi_list wires;
    uint64_t random; /* the state of the lots */
};

/* Put `w` before the backend of `r`, and take it away. */
void bi_wires_open(struct bi_wires *w, struct bi_reactor *r);
void bi_wires_close(struct bi_wires *w, struct bi_reactor *r);

/* A run begins whose lots are those of `seed`; it has ended: what is left of
 * its wires is closed. */
void bi_wires_begin(struct bi_wires *w, uint64_t seed);
void bi_wires_end(struct bi_wires *w, struct bi_reactor *r);

#endif
