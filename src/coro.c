/* coro.c: adopt a coroutine.
 *
 * A finished coroutine cannot tidy up after itself, for it stands on what would
 * have to go; the one that it resumes does so, on arrival.
 */
#include "coro.h"

bool bi_annotate_valgrind;

/* What a program that is built with -fsanitize=thread brings along. */
void __tsan_init(void) __attribute__((weak));

const char *bi_annotate_stranger(void)
{
#ifdef BI_TSAN
    return NULL;
#else
    return __tsan_init ? "-fsanitize=thread" : NULL;
#endif
}

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
