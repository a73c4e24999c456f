/* faultsweep.c: a fault at each call that can fail.
 *
 * A moment is one way in which one call can fail: each code that its caller may
 * be shown, once and from there on, and where a transfer divides, one that is
 * short.  They are counted as the body comes by: what strikes at moment n has
 * changed nothing before it, so that n is the same moment each time.
 *
 * Each moment has a runtime of its own, since one that has been used before
 * keeps stacks and tables, and would not ask for them again.  The setting up of
 * it is not struck: that it can fail is a matter of bide_run(), before the body
 * has begun.
 *
 * The body first runs untouched, twice: what only a first run leaves is no
 * leak, and what the second does wrong is not a fault's.
 */
#include "explore.h"
#include "inject.h"
#include "moments.h"
#include "sys.h"

#include <string.h>

struct sweep {
    struct bi_moments m;
    struct bi_injector injector;
    const struct bide_test_options *options;
    char struck[64];       /* the name of what was struck, or "" */
    int code;              /* with what, */
    bool for_good;         /* from there on */
    unsigned long moments; /* of the body untouched */
};

/* ---- Moments ------------------------------------------------------------ */

static void strike(struct sweep *s, const struct bi_call *call, int code,
                   bool for_good)
{
    char name[32];
    s->code = code;
    s->for_good = for_good;
    snprintf(s->struck, sizeof s->struck, "%s", call->name);
    bi_moments_strike(&s->m, "%s of '%s'%s: %s", s->struck,
                      bi_task_name(bi_current(), name),
                      for_good ? " and every later one" : "",
                      code == BI_SHORT ? "short" : strerror(code));
}

/* Whether a program sees the same of `o` as of one before it in the list. */
static bool seen_before(const struct bi_outcome *list,
                        const struct bi_outcome *o)
{
    for (; list < o; list++)
        if (bi_call_shown(list) && bi_call_shown(list) == bi_call_shown(o))
            return true;
    return false;
}

/* The moments of one outcome; whether one of them strikes. */
static bool pass_outcome(struct sweep *s, const struct bi_call *call,
                         const struct bi_outcome *o)
{
    for (int mode = BI_ONCE; mode < BI_MODES; mode++) {
        bool passes = mode == BI_OFTEN || !(o->modes & 1u << mode);
        if (passes || !bi_moments_pass(&s->m))
            continue;
        strike(s, call, o->code, mode == BI_ALWAYS);
        return true;
    }
    return false;
}

static int pass(struct bi_injector *in, const struct bi_call *call,
                bool divides)
{
    struct sweep *s = bi_container_of(in, struct sweep, injector);
    if (s->for_good && strncmp(s->struck, call->name,
                               sizeof s->struck - 1) == 0)
        return s->code;
    int code = 0;
    for (const struct bi_outcome *o = call->outcomes; o->code; o++) {
        bool may = o->code == BI_SHORT ? divides : bi_call_shown(o) != 0;
        if (may && !seen_before(call->outcomes, o) && pass_outcome(s, call, o))
            code = o->code;
    }
    return code;
}

/* ---- Descriptors -------------------------------------------------------- */

/* A new descriptor gets the lowest number: those that are looked at. */
#define LOOKED_AT 1024
#define AT_ONCE 64

struct descriptors {
    uint64_t open[LOOKED_AT / AT_ONCE]; /* a bit for each */
};

/* False: the kernel has not told. */
static bool look(struct descriptors *d)
{
    struct pollfd fds[AT_ONCE];
    for (int i = 0; i < LOOKED_AT / AT_ONCE; i++) {
        int rc;
        for (int k = 0; k < AT_ONCE; k++)
            fds[k] = (struct pollfd){.fd = i * AT_ONCE + k};
        do
            rc = bi_sys_poll(fds, AT_ONCE, 0);
        while (rc == -EINTR);
        if (rc < 0)
            return false;
        d->open[i] = 0;
        for (int k = 0; k < AT_ONCE; k++)
            if (!(fds[k].revents & POLLNVAL))
                d->open[i] |= (uint64_t)1 << k;
    }
    return true;
}

/* What is not as it was before: 0, or told, and the code for it. */
static int tell_difference(const struct descriptors *before)
{
    struct descriptors now;
    bool told = look(&now);
    for (int fd = 0; told && fd < LOOKED_AT; fd++) {
        uint64_t bit = (uint64_t)1 << fd % AT_ONCE;
        uint64_t was = before->open[fd / AT_ONCE] & bit;
        uint64_t is = now.open[fd / AT_ONCE] & bit;
        if (was == is)
            continue;
        bi_say("descriptor %d was %s before and is left %s", fd,
               was ? "open" : "closed", is ? "open" : "closed");
        return is ? -EMFILE : -EBADF;
    }
    return 0;
}

/* ---- The sweep ---------------------------------------------------------- */

/* Run the body once, in a runtime of its own. */
static intptr_t run(struct sweep *s)
{
    struct bi_moments *m = &s->m;
    int rc = bi_testrun_open(&m->t, s->options);
    m->unable = rc < 0;
    if (rc < 0)
        return rc;
    bi_moments_begin(m);
    if (!m->wanted) {
        m->t.also[0] = '\0';
        m->t.options.trace = false;
    }
    s->struck[0] = '\0';
    s->for_good = false;
    bi_inject_begin(&s->injector, &m->t.runtime.reactor);
    intptr_t result = bi_testrun_once(&m->t, &m->t.seed, m->fn, m->arg);
    bi_inject_end(&s->injector, &m->t.runtime.reactor);
    bi_testrun_close(&m->t);
    return result;
}

static intptr_t once(struct bi_moments *m)
{
    struct sweep *s = bi_container_of(m, struct sweep, m);
    struct descriptors before;
    bool told = look(&before);
    intptr_t result = run(s);
    if (result < 0 || !told)
        return result;
    int left = tell_difference(&before);
    return left < 0 ? left : result;
}

/* The body without a fault: 0, or what is wrong with it, told. */
static intptr_t run_untouched(struct sweep *s)
{
    intptr_t result = run(s);
    if (result >= 0) {
        s->m.seen = 0;
        result = once(&s->m);
    }
    s->moments = s->m.seen;
    if (result < 0 && !s->m.unable)
        bi_explore_tell("no fault at all", result);
    return result < 0 ? result : 0;
}

static intptr_t sweep(struct sweep *s)
{
    intptr_t result = run_untouched(s);
    if (result == 0)
        result = bi_moments_sweep(&s->m);
    if (result > 0 && (unsigned long)result != s->moments)
        bi_say("this body is not deterministic: untouched it had %lu moments, "
               "and after that %ld, so that a number may not replay what it "
               "has shown", s->moments, (long)result);
    return result;
}

intptr_t bide_fault_sweep(bide_fn *fn, void *arg,
                          const struct bide_test_options *opt)
{
    if (bi_here)
        return -EDEADLK;
    if (!fn)
        return -EINVAL;
    struct sweep s = {
        .m = {.word = "fault", .variable = "BIDE_FAULT",
              .none = "the fault sweep had nothing to strike: the body makes "
                      "no call that can fail, and has no fault point",
              .once = once, .fn = fn, .arg = arg},
        .injector.pass = pass,
        .options = opt,
    };
    return sweep(&s);
}
