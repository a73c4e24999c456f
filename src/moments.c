/* moments.c: a body again and again, struck at one more moment each time.
 *
 * The cancel sweep and the fault sweep differ in what a moment is and in what
 * happens there.  That they count, stop, tell and replay alike is owned here.
 *
 * A sweep ends with the first moment that the body does not reach: up to the
 * one before nothing was struck, so that there are no others.
 */
#include "moments.h"

#include "explore.h"

#include <stdarg.h>
#include <stdlib.h>

void bi_moments_strike(struct bi_moments *m, const char *there, ...)
{
    va_list args;
    va_start(args, there);
    vsnprintf(m->at, sizeof m->at, there, args);
    va_end(args);
    if (m->t.options.trace)
        bi_say("%s %lu: %s", m->word, m->wanted, m->at);
}

void bi_moments_begin(struct bi_moments *m)
{
    if (!m->t.seeded)
        m->t.seed = (struct bi_seed){BI_FIRST_IN, 0, 0};
    snprintf(m->t.also, sizeof m->t.also, "%s=%lu ", m->variable, m->wanted);
}

static void tell(const struct bi_moments *m, intptr_t result)
{
    char what[192];
    if (m->at[0])
        snprintf(what, sizeof what, "%s %lu (%s)", m->word, m->wanted, m->at);
    else
        snprintf(what, sizeof what, "%s %lu", m->word, m->wanted);
    bi_explore_tell(what, result);
}

/* Run the body, struck at moment `n`. */
static intptr_t strike(struct bi_moments *m, unsigned long n)
{
    m->wanted = n;
    m->seen = 0;
    m->at[0] = '\0';
    intptr_t result = m->once(m);
    if (result >= 0 || m->unable)
        return result < 0 ? result : 0;
    tell(m, result);
    bi_testrun_tell_replay(&m->t, &m->t.seed);
    return result;
}

/* Whether one moment was chosen outside, as `n`; 0: it is none, and told. */
static bool chosen(const struct bi_moments *m, unsigned long *n)
{
    const char *outside = getenv(m->variable);
    if (!outside || !*outside)
        return false;
    char *end;
    errno = 0;
    bool number = *outside >= '0' && *outside <= '9';
    *n = number ? strtoul(outside, &end, 10) : 0;
    if (*n && (errno || *end))
        *n = 0;
    if (!*n)
        bi_say("%s is '%s'; a moment is a number, from 1", m->variable,
               outside);
    return true;
}

/* Moment `n` alone. */
static intptr_t replay(struct bi_moments *m, unsigned long n)
{
    intptr_t result = strike(m, n);
    if (result < 0)
        return result;
    if (m->seen < n) {
        bi_say("%s is %lu; the body has come to its end after %lu",
               m->variable, n, m->seen);
        return -ENOENT;
    }
    tell(m, result);
    return 0;
}

intptr_t bi_moments_sweep(struct bi_moments *m)
{
    unsigned long n = 0;
    if (chosen(m, &n))
        return n ? replay(m, n) : -EINVAL;
    do {
        intptr_t result = strike(m, ++n);
        if (result < 0)
            return result;
    } while (m->seen >= n);
    if (n == 1)
        bi_say("%s", m->none);
    return n > 1 ? (intptr_t)n - 1 : -ENOENT;
}
