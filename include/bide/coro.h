/* coro.h: bare coroutines: two stacks and the switch between them.
 *
 * For those who have a scheduler of their own, or teach one: there is no run,
 * no task and no loop here, and bide_run() is not needed.  A coroutine is
 * entered, leaves with a value, is entered again, and returns at last.
 *
 * A coroutine stays in one thread.  A task of bide may use coroutines, but what
 * runs in one of them must call nothing that is marked [waits] in bide.h.
 */
#ifndef BIDE_CORO_H
#define BIDE_CORO_H

#include <bide.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- 1. Bare coroutines ------------------------------------------------- */

/* A function on a stack of its own; {0} is its valid start.
 *
 * Yours often stands inside a struct that says more of it. */
struct bide_coro {
    void *_p[16];
    uint32_t _f[2];
};

/* What a coroutine runs: itself, and the value that it was first entered with.
 * What it returns is what its last bide_coro_enter() returns. */
typedef void *bide_coro_fn(struct bide_coro *c, void *value);

/* Make `c` ready to run `fn` when it is first entered.                [any]
 *
 *   stack         memory of yours, until bide_coro_end(); NULL: it is mapped,
 *                 with a guard below it that stops a program that overruns it
 *   stack_bytes   at least 4 KiB and at most 1 GiB; 0 for one that is mapped:
 *                 64 KiB.  The switch takes some hundred bytes of it
 * Returns 0.
 *   -EINVAL  `fn` is NULL, or the stack too small or too large
 *   -ENOMEM  no stack could be mapped, or no guard for it
 */
BIDE_API BIDE_CHECK int bide_coro_init(struct bide_coro *c, bide_coro_fn *fn,
                                       void *stack, size_t stack_bytes);

/* Run `c` until it leaves or returns, and hand it `value`.            [any]
 *
 * Coroutines may enter others.  To enter one that runs, that has returned, or
 * that was not made, stops the program.
 * Returns what it left with, or returned.
 */
BIDE_API void *bide_coro_enter(struct bide_coro *c, void *value);

/* Leave `c`, which is running, and hand `value` to who entered it.    [any]
 *
 * Returns the value of the next bide_coro_enter().
 */
BIDE_API void *bide_coro_leave(struct bide_coro *c, void *value);

/* Whether `c` has returned.                                           [any] */
BIDE_API bool bide_coro_done(const struct bide_coro *c);

/* End `c`, which is not running, and give back a stack that was mapped. [any]
 *
 * One that has left and not returned is not unwound: what it holds is lost.
 */
BIDE_API void bide_coro_end(struct bide_coro *c);

#ifdef __cplusplus
}
#endif
#endif
