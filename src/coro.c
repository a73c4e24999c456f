/* coro.c: make and adopt a coroutine.
 *
 * A stack changes hands here: bi_coro_make() wipes from the tools' books what
 * the last coroutine on it left (ASan's poison of frames that never returned,
 * Valgrind's defined bytes), so that stack.c need not know who ran on it.
 *
 * A finished coroutine cannot tidy up after itself, for it stands on what would
 * have to go; the one that it resumes does so, on arrival.
 */
#include "coro.h"

bool bi_annotate_valgrind;

/* Before other constructors, which may have runs already. */
__attribute__((constructor(101))) static void look_for_tools(void)
{
    bi_annotate_valgrind = bi_annotate_look();
}

void bi_coro_adopt(struct bi_coro *c)
{
    c->sp = NULL;
    bi_annotate_adopt(&c->tools);
}

void bi_coro_forget(struct bi_coro *c)
{
    bi_annotate_forget(&c->tools);
}

void bi_coro_make(struct bi_coro *c, void *low, void *top,
                  void (*entry)(void *), void *arg)
{
    size_t bytes = (size_t)((char *)top - (char *)low);

    bi_assert((uintptr_t)top % 16 == 0);
    bi_annotate_reuse(low, bytes);
    bi_annotate_make(&c->tools, low, bytes);
    c->sp = bi_switch_prepare(top, bytes, entry, arg);
}
