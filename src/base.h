/* base.h: what every file stands on: assertions, contracts, small helpers.
 *
 * Three kinds of check, three words:
 *   BI_CONTRACT  what the caller promised; always on, speaks, stops the program
 *   bi_assert    what this library promised itself; on unless NDEBUG is set
 *   static_assert  what assembly and the public header were told about sizes
 */
#ifndef BI_BASE_H
#define BI_BASE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* before the first system header */
#endif

#include <assert.h>
#include <bide.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define bi_likely(x) __builtin_expect(!!(x), 1)
#define bi_unlikely(x) __builtin_expect(!!(x), 0)

#define bi_container_of(ptr, type, member) \
    ((type *)((char *)(ptr) - offsetof(type, member)))

/* A cache line, for what must not share one. */
#define BI_LINE 64

static inline bide_time bi_earlier(bide_time a, bide_time b)
{
    return a < b ? a : b;
}

/* Stop with one sentence unless `cond` holds: the public function, the task's
 * name, and what the caller did, in the manner of printf. */
#define BI_CONTRACT(cond, func, ...) \
    (bi_likely(cond) ? (void)0 : bi_contract_broken((func), __VA_ARGS__))

#ifdef NDEBUG
#define bi_assert(x) ((void)sizeof(x))
#else
#define bi_assert(x) assert(x)
#endif

_Noreturn __attribute__((cold, format(printf, 2, 3))) void
bi_contract_broken(const char *func, const char *what, ...);

/* Print `bide: ...` and a newline to stderr in one write.  At most 511 bytes;
 * callable where nothing but a write is allowed. */
__attribute__((cold, format(printf, 1, 2))) void bi_say(const char *format,
                                                        ...);

/* Who is running, for the sentence of a broken contract; set by floor 2, by
 * each thread that has a run. */
extern const char *(*_Atomic bi_running_name)(void);

#endif
