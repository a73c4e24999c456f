/* asm.h: what every assembly file of this folder begins and ends with.
 *
 * A function is hidden in the shared library, is a landing pad for indirect
 * calls (IBT, BTI: instructions that older processors take for a nop), and has
 * call frame information.  `finish_file` writes two notes: the stack is not
 * executable, and every indirect branch lands well.  It does not claim to keep
 * a shadow stack (x86 SHSTK, AArch64 GCS): a switch of stacks by a jump breaks
 * one, and a file without that claim has the loader turn it off for the
 * process, in place of a crash.  <cet.h> would claim both at once.
 */
#ifndef BI_ASM_H
#define BI_ASM_H

#if defined(__x86_64__) && !defined(__ILP32__)
#define LANDING endbr64
#define FEATURES 0xc0000002 /* GNU_PROPERTY_X86_FEATURE_1_AND */
#define LANDS_WELL 1        /* ..._IBT */
#elif defined(__aarch64__) && !defined(__ILP32__)
#define LANDING hint #34    /* bti c, for assemblers that do not know it */
#define FEATURES 0xc0000000 /* GNU_PROPERTY_AARCH64_FEATURE_1_AND */
#define LANDS_WELL 1        /* ..._BTI */
#else
#error "no assembly for this processor: use the portable files"
#endif

    .macro function name
    .text
    .balign 16
    .globl  \name
    .hidden \name
    .type   \name, %function
\name:
    .cfi_startproc
    LANDING
    .endm

    .macro finish name
    .cfi_endproc
    .size   \name, . - \name
    .endm

    .macro string name, text
    .section .rodata
    .globl  \name
    .hidden \name
    .type   \name, %object
\name:
    .asciz  "\text"
    .size   \name, . - \name
    .endm

    /* For debuggers: a suspended context stands `place` - bi_switch bytes into
     * bi_switch(), and the call frame information of there tells the rest. */
    .macro parked_at place
    .section .rodata
    .balign 4
    .globl  bi_switch_parked
    .hidden bi_switch_parked
    .type   bi_switch_parked, %object
bi_switch_parked:
    .long   \place - bi_switch
    .size   bi_switch_parked, . - bi_switch_parked
    .endm

    .macro finish_file
    .section .note.gnu.property, "a", %note
    .balign 8
    .long   4, 16, 5            /* bytes of name and content; PROPERTY_TYPE_0 */
    .asciz  "GNU"
    .long   FEATURES, 4, LANDS_WELL, 0
    .section .note.GNU-stack, "", %progbits
    .endm

#endif
