/* exceptions.h: what a C++ library keeps of exceptions under way.
 *
 * The C++ ABI gives each thread one record: which exceptions have been caught,
 * innermost first, by handlers that still run, and how many were thrown that
 * nobody has caught yet.  Both belong to the code that threw and caught, so a
 * task that suspends in a handler, or in a destructor while the stack unwinds,
 * takes them along (park.c), and leaves the record empty for the next one; so
 * does a bare coroutine, and who enters it (bare.c).
 *
 * bide does not need a C++ library; a program without one has no record.
 * Rejected: to look for the name when a run begins (dlsym), which would also
 * find a library that was loaded later, but takes a lock and may allocate.
 */
#ifndef BI_EXCEPTIONS_H
#define BI_EXCEPTIONS_H

#include "base.h"

/* The layout is the ABI's: __cxa_eh_globals. */
struct bi_exceptions {
    void *caught;
    unsigned int uncaught;
};

/* Weak: it takes no C++ library into a program that has none. */
struct bi_exceptions *__cxa_get_globals(void) __attribute__((weak));

/* This thread's record, or NULL.  It stays where it is. */
static inline struct bi_exceptions *bi_exceptions_here(void)
{
    return bi_unlikely(__cxa_get_globals != NULL) ? __cxa_get_globals() : NULL;
}

/* Whether there is something in the record `e`, which may be NULL. */
static inline bool bi_exceptions_any(const struct bi_exceptions *e)
{
    return bi_unlikely(e != NULL) && bi_unlikely(e->caught || e->uncaught);
}

/* Empty the record `e`, which may be NULL; what was in it. */
static inline struct bi_exceptions bi_exceptions_take(struct bi_exceptions *e)
{
    struct bi_exceptions taken = {NULL, 0};
    if (e) {
        taken = *e;
        *e = (struct bi_exceptions){NULL, 0};
    }
    return taken;
}

/* Fill the record `e`, which may be NULL, with what was taken out of it. */
static inline void bi_exceptions_put(struct bi_exceptions *e,
                                     struct bi_exceptions taken)
{
    if (e)
        *e = taken;
}

#endif
