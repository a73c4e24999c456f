/* switch_ucontext.c: the switch for every other processor, by ucontext(3).
 *
 * A suspended context is a pointer to a ucontext_t: in the frame of the
 * bi_switch() that suspended it, or, of a prepared one, at the top of its
 * stack.  libc saves the registers and, where the processor has them, the
 * floating-point control words.
 *
 * It differs from the assembly in two ways that callers do not rely on: it
 * keeps a signal mask for each context, and so makes two system calls.
 */
#include "switch.h"

#include <stdint.h>
#include <stdlib.h>
#include <ucontext.h>

struct prepared {
    ucontext_t context;
    void (*entry)(void *);
    void *arg;
};

const char bi_switch_name[] = "ucontext";

/* makecontext() hands over ints only: the pointer comes in two halves. */
static void enter(unsigned high, unsigned low)
{
    uint64_t address = (uint64_t)high << 32 | low;
    struct prepared *p = (struct prepared *)(uintptr_t)address;

    p->entry(p->arg);
    abort();
}

void bi_switch(void **save, void *load)
{
    ucontext_t here;

    /* AddressSanitizer reads where the stack lies; "not known" is allowed. */
    here.uc_stack = (stack_t){0};
    here.uc_link = NULL;
    *save = &here;
    if (swapcontext(&here, load) < 0)
        abort();
    *save = NULL;
}

void bi_switch_pair(void **save, void *load)
{
    bi_switch(save, load);
}

void bi_switch_final(void *load)
{
    setcontext(load);
    abort();
}

void *bi_switch_prepare(void *top, unsigned long room, void (*entry)(void *),
                        void *arg)
{
    char *low = (char *)top - room;
    uintptr_t place = ((uintptr_t)top - sizeof(struct prepared)) & ~63UL;
    struct prepared *p = (struct prepared *)place;
    uint64_t address = place;

    if (getcontext(&p->context) < 0)
        abort();
    p->context.uc_stack.ss_sp = low;
    p->context.uc_stack.ss_size = (size_t)((char *)p - low);
    p->context.uc_link = NULL;
    p->entry = entry;
    p->arg = arg;
    makecontext(&p->context, (void (*)(void))enter, 2,
                (unsigned)(address >> 32), (unsigned)address);
    return &p->context;
}
