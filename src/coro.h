/* coro.h: a coroutine: a suspended or running stack, told to the tools.
 *
 * bi_coro_switch(), its twin for pairs and bi_coro_finish() alone switch, so
 * that what Valgrind, ASan and TSan must hear about a change of stacks is said
 * in one place.
 */
#ifndef BI_CORO_H
#define BI_CORO_H

#include "annotate.h"
#include "arch/switch.h"
#include "base.h"

struct bi_coro {
    void *sp; /* where it is suspended; of no meaning while it runs */
    struct bi_annotate tools;
};

/* The coroutine that is running now, on the thread's own stack. */
void bi_coro_adopt(struct bi_coro *c);

/* Nothing more will be switched to or from `c`, which was adopted. */
void bi_coro_forget(struct bi_coro *c);

/* A coroutine that will call `entry(arg)` on the stack [low, top).
 *
 * The stack changes hands here: what the last coroutine on it left is wiped
 * from the tools' books (ASan's poison of frames that never returned,
 * Valgrind's defined bytes), so that stack.c need not know who ran on it. */
static inline void bi_coro_make(struct bi_coro *c, void *low, void *top,
                                void (*entry)(void *), void *arg)
{
    size_t bytes = (size_t)((char *)top - (char *)low);
    bi_assert((uintptr_t)top % 16 == 0);
    bi_annotate_reuse(low, bytes);
    bi_annotate_make(&c->tools, low, bytes);
    c->sp = bi_switch_prepare(top, bytes, entry, arg);
}

/* Suspend `from`, which runs, and resume `to`. */
static inline void bi_coro_switch(struct bi_coro *from, struct bi_coro *to)
{
    bi_annotate_leave(&from->tools, &to->tools);
    bi_switch(&from->sp, to->sp);
    bi_annotate_arrive(&from->tools);
}

/* The same for two that suspend at different places (switch.h). */
static inline void bi_coro_switch_pair(struct bi_coro *from, struct bi_coro *to)
{
    bi_annotate_leave(&from->tools, &to->tools);
    bi_switch_pair(&from->sp, to->sp);
    bi_annotate_arrive(&from->tools);
}

/* Leave `from` for good and resume `to`; the stack of `from` may be reused from
 * the next switch on.  Does not return; to be called last (switch.h). */
static inline void bi_coro_finish(struct bi_coro *from, struct bi_coro *to)
{
    bi_assert(from != to);
    bi_annotate_finish(&from->tools, &to->tools);
    bi_switch_final(to->sp);
}

/* To be called first in `entry`: the coroutine `c` has arrived on its stack. */
static inline void bi_coro_began(struct bi_coro *c)
{
    bi_annotate_arrive(&c->tools);
}

#endif
