/* exceptions.c: where the record of this thread lies.
 *
 * The reference is weak: it takes no C++ library into a program that has none.
 * Rejected: to look for the name when a run begins (dlsym), which would also
 * find a library that was loaded later, but takes a lock and may allocate.
 */
#include "exceptions.h"

struct bi_exceptions *__cxa_get_globals(void) __attribute__((weak));

struct bi_exceptions *bi_exceptions_here(void)
{
    return __cxa_get_globals ? __cxa_get_globals() : NULL;
}
