/* explore.c: one body under many schedules, until one breaks it.
 *
 * The runtime is opened once; a schedule then costs what its tasks do, and no
 * system call.  Which strategy schedule i has is fixed (`weights`), so that two
 * explorations with the same options are the same.
 *
 * A seed is worth what its replay is worth.  One schedule in CHECK_EVERY is run
 * twice, and the hashes of the two courses are compared.
 */
#include "explore.h"

#include "testrun.h"

#include <string.h>

#define CHECK_EVERY 64

/* Of each strategy among PLAN schedules.  The two ends of the queue make the
 * same order each time, but for what else is drawn: they are rare. */
static const unsigned weights[BI_STRATEGIES] = {1, 1, 12, 2, 4, 4, 4, 4};
#define PLAN 32

struct explorer {
    struct bi_testrun t;
    bide_fn *fn;
    void *arg;
    enum bi_strategy plan[PLAN];
    unsigned planned;
    uint64_t longest; /* schedule so far, in steps: PCT is told it */
    bool warned;
};

/* One of each in turn, until the weights are used up. */
static int make_plan(struct explorer *x, unsigned allowed)
{
    unsigned all = (1u << BI_STRATEGIES) - 1;
    if (allowed & ~all)
        return -EINVAL;
    x->planned = 0;
    for (unsigned round = 0; round < PLAN; round++)
        for (int s = 0; s < BI_STRATEGIES; s++)
            if ((allowed ? allowed : all) & 1u << s && round < weights[s])
                x->plan[x->planned++] = (enum bi_strategy)s;
    return 0;
}

static struct bi_seed seed_of(const struct explorer *x, uint64_t number)
{
    uint64_t steps = x->longest > UINT32_MAX ? UINT32_MAX : x->longest;
    return (struct bi_seed){x->plan[number % x->planned], number,
                            (uint32_t)steps};
}

/* What became of the body, in words. */
void bi_explore_tell(const char *what, intptr_t result)
{
    if (result >= 0)
        bi_say("%s does not break the body: it came to %ld", what,
               (long)result);
    else if (result == -EDEADLK)
        bi_say("%s breaks the body: it deadlocked", what);
    else if (result == -ELOOP)
        bi_say("%s breaks the body: it did not come to an end", what);
    else
        bi_say("%s breaks the body: it came to %ld (%s)", what, (long)result,
               result > -4096 ? strerror((int)-result) : "a result of its own");
}

static intptr_t once(struct explorer *x, const struct bi_seed *seed)
{
    intptr_t result = bi_testrun_once(&x->t, seed, x->fn, x->arg);
    if (x->t.strategist.trace.steps > x->longest)
        x->longest = x->t.strategist.trace.steps;
    return result;
}

/* Run the schedule again: it must take the same course. */
static intptr_t check_replay(struct explorer *x, const struct bi_seed *seed)
{
    uint64_t hash = bide_test_hash();
    intptr_t result = once(x, seed);
    if (bide_test_hash() != hash && !x->warned) {
        char text[BI_SEED_BYTES];
        bi_seed_write(seed, text);
        bi_say("this body is not deterministic: under the seed %s it took "
               "another course the second time, so that a seed may not replay "
               "what it has shown", text);
        x->warned = true;
    }
    return result;
}

static intptr_t replay(struct explorer *x)
{
    char text[BI_SEED_BYTES], what[BI_SEED_BYTES + 16];
    bi_seed_write(&x->t.seed, text);
    snprintf(what, sizeof what, "the schedule %s", text);
    intptr_t result = once(x, &x->t.seed);
    bi_explore_tell(what, result);
    return result < 0 ? result : 0;
}

static intptr_t explore(struct explorer *x, uint64_t n)
{
    if (x->t.seeded)
        return replay(x);
    for (uint64_t i = 0; i < n; i++) {
        struct bi_seed seed = seed_of(x, x->t.options.first + i);
        intptr_t result = once(x, &seed);
        if (result >= 0 && i % CHECK_EVERY == 0)
            result = check_replay(x, &seed);
        if (result >= 0)
            continue;
        char what[64];
        snprintf(what, sizeof what, "schedule %llu of %llu",
                 (unsigned long long)i + 1, (unsigned long long)n);
        bi_explore_tell(what, result);
        bi_testrun_tell_replay(&x->t, &seed);
        return result;
    }
    return 0;
}

intptr_t bide_explore_with(uint64_t n, bide_fn *fn, void *arg,
                           const struct bide_test_options *opt)
{
    if (bi_here)
        return -EDEADLK;
    struct explorer x = {.fn = fn, .arg = arg};
    int rc = fn ? make_plan(&x, opt ? opt->strategies : 0) : -EINVAL;
    if (rc == 0)
        rc = bi_testrun_open(&x.t, opt);
    if (rc < 0)
        return rc;
    intptr_t result = explore(&x, n);
    bi_testrun_close(&x.t);
    return result;
}

intptr_t bide_explore(uint64_t n, bide_fn *fn)
{
    return bide_explore_with(n, fn, NULL, NULL);
}
