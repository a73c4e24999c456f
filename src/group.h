/* group.h: groups, as combinators and servers use them. */
#ifndef BI_GROUP_H
#define BI_GROUP_H

#include "ended.h"
#include "scope.h"

/* struct bide_group, as it is inside. */
struct __attribute__((may_alias)) bi_group {
    struct bi_scope scope;   /* of the body and, below it, of the children */
    struct bi_list waiters;  /* struct asker of those who wait for an end */
    struct bi_wait *closer;  /* the close that waits for the last end */
    struct bi_ends ends;     /* of children, not yet asked for */
    size_t alive;            /* children that have not ended */
    size_t error_count;
    intptr_t first_error;    /* BIDE_FAIL_FAST: what close will return */
    uint32_t policy;         /* enum bide_policy */
    int16_t cut;             /* the outer verdict when the last child ended */
    bool quiet;              /* nobody will ask for ends: none are kept */
    bool strict;             /* a child that someone cancelled has failed */
    bool was_cancelled;      /* decided at close */
};

static inline struct bi_group *bi_group_of(const struct bide_group *g)
{
    return (struct bi_group *)(uintptr_t)g;
}

/* Whether `policy` is one. */
static inline bool bi_group_knows(enum bide_policy policy)
{
    return policy == BIDE_FAIL_FAST || policy == BIDE_COLLECT;
}

/* Open a group for a combinator: quiet, and strict if so asked. */
void bi_group_enter(struct bide_group *g, enum bide_policy policy, bool strict,
                    const char *func);

/* Start a child; `site` is where the user stands. */
int bi_group_add(struct bide_group *g, bide_task **out, bide_fn *fn, void *arg,
                 const struct bide_spawn_options *opt, const void *site);

/* Wait until fewer than `n` children are alive; `what` is for people.  0 or the
 * refusal. */
int bi_group_wait_below(struct bide_group *g, size_t n, const char *what);

/* Close with `result`, for the public `func`. */
intptr_t bi_group_leave(struct bide_group *g, intptr_t result,
                        const char *func);

#endif
