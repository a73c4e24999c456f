/* switch.h: leave one stack, enter another.
 *
 * The same names on every architecture; a suspended context is one
 * pointer.  What is kept: the callee-saved registers of the ABI and, unless
 * BI_NO_FP_CONTROL is set, the floating-point control words.  What is not:
 * the signal mask, errno (park.c keeps it), caller-saved registers.
 */
#ifndef BI_SWITCH_H
#define BI_SWITCH_H

/* Suspend the caller into `*save` and resume the context `load`.  Returns when
 * something resumes `*save`. */
void bi_switch(void **save, void *load);

/* The same, quicker for two sides that suspend at different places, as a
 * coroutine and who enters it do, and slower in a ring of many that suspend at
 * one, as tasks do. */
void bi_switch_pair(void **save, void *load);

/* Leave the caller for good and resume the context `load`: nothing is saved.
 *
 * It never returns, and is not declared so: then compilers jump to it where it
 * is called last, which leaves no return address that would spoil the
 * processor's prediction of returns for whoever runs next. */
void bi_switch_final(void *load);

/* Lay a context below `top` (16-byte aligned, `room` bytes of stack) that will
 * call `entry(arg)` when first resumed.  `entry` must not return. */
void *bi_switch_prepare(void *top, unsigned long room, void (*entry)(void *),
                        void *arg);

/* "x86_64", "aarch64" or "ucontext". */
extern const char bi_switch_name[];

#endif
