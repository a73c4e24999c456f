/* resolve.h: the addresses of a host and a service. */
#ifndef BI_RESOLVE_H
#define BI_RESOLVE_H

#include "core.h"

struct bi_lookup;

struct bi_found {
    const struct bide_address *at; /* the best first */
    int count;
    struct bide_address only;  /* what `at` is where nobody was asked, */
    struct bi_lookup *lookup;  /* and where it lies otherwise */
};

/* Find them; `flags` is AI_PASSIVE or 0.  The caller has done bi_park_check().
 * 0, and bi_found_end() is to be called; or what bide_resolve() returns. */
int bi_resolve(const char *host, const char *service, int flags,
               struct bi_found *out);
void bi_found_end(struct bi_found *found);

/* The run ends: let its look-up threads go. */
void bi_resolve_end_run(struct bi_run *run);

#endif
