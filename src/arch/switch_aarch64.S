/* switch_aarch64.S: the switch for AArch64, AAPCS64.
 *
 * A suspended context is its stack pointer; above it lies the save area:
 *
 *     offset   of a suspended one   of a prepared one
 *     0x00     x29 x30              0 (the chain of frames ends), enter
 *     0x10     x19 x20              entry, arg
 *     0x20     x21 x22              as it was
 *     0x30     x23 x24              as it was
 *     0x40     x25 x26              as it was
 *     0x50     x27 x28              as it was
 *     0x60     d8  d9               as it was
 *     0x70     d10 d11              as it was
 *     0x80     d12 d13              as it was
 *     0x90     d14 d15              as it was
 *     0xa0     FPCR, nothing        the preparer's
 *     0xb0     the caller's frame   `top`
 *
 * With BI_NO_FP_CONTROL the place of FPCR is left alone.
 *
 * The two sides of a switch have the same layout, so the call frame information
 * stays true over the instruction that changes stacks.
 *
 * It goes on with `ret`: under BTI a plain branch may only reach a landing pad,
 * and the place after a call is none.  So a pair has no other way.
 */
#include "asm.h"

#define AREA 0xb0
#define AT_FPCR 0xa0

    .macro save a, b, at
    stp     \a, \b, [sp, #\at]
    .cfi_rel_offset \a, \at
    .cfi_rel_offset \b, \at + 8
    .endm

    .macro load a, b, at
    ldp     \a, \b, [sp, #\at]
    .cfi_restore \a
    .cfi_restore \b
    .endm

    .macro save_fp
#ifndef BI_NO_FP_CONTROL
    mrs     x9, fpcr
    str     x9, [sp, #AT_FPCR]
#endif
    .endm

    .macro load_fp
#ifndef BI_NO_FP_CONTROL
    ldr     x9, [sp, #AT_FPCR]
    msr     fpcr, x9
#endif
    .endm

    .macro resume
    load_fp
    load    d14, d15, 0x90
    load    d12, d13, 0x80
    load    d10, d11, 0x70
    load    d8, d9, 0x60
    load    x27, x28, 0x50
    load    x25, x26, 0x40
    load    x23, x24, 0x30
    load    x21, x22, 0x20
    load    x19, x20, 0x10
    load    x29, x30, 0x00
    add     sp, sp, #AREA
    .cfi_def_cfa_offset 0
    ret
    .endm

/* void bi_switch(void **save [x0], void *load [x1]) */
function bi_switch
    sub     sp, sp, #AREA
    .cfi_def_cfa_offset AREA
    save    x29, x30, 0x00
    save    x19, x20, 0x10
    save    x21, x22, 0x20
    save    x23, x24, 0x30
    save    x25, x26, 0x40
    save    x27, x28, 0x50
    save    d8, d9, 0x60
    save    d10, d11, 0x70
    save    d12, d13, 0x80
    save    d14, d15, 0x90
    save_fp
    mov     x9, sp
    str     x9, [x0]
    mov     sp, x1
.Lparked:
    resume
finish bi_switch

    .globl  bi_switch_pair
    .hidden bi_switch_pair
    .set    bi_switch_pair, bi_switch

/* void bi_switch_final(void *load [x0]) */
function bi_switch_final
    mov     sp, x0
    .cfi_def_cfa_offset AREA
    .cfi_rel_offset x29, 0x00
    .cfi_rel_offset x30, 0x08
    .cfi_rel_offset x19, 0x10
    .cfi_rel_offset x20, 0x18
    .cfi_rel_offset x21, 0x20
    .cfi_rel_offset x22, 0x28
    .cfi_rel_offset x23, 0x30
    .cfi_rel_offset x24, 0x38
    .cfi_rel_offset x25, 0x40
    .cfi_rel_offset x26, 0x48
    .cfi_rel_offset x27, 0x50
    .cfi_rel_offset x28, 0x58
    .cfi_rel_offset d8, 0x60
    .cfi_rel_offset d9, 0x68
    .cfi_rel_offset d10, 0x70
    .cfi_rel_offset d11, 0x78
    .cfi_rel_offset d12, 0x80
    .cfi_rel_offset d13, 0x88
    .cfi_rel_offset d14, 0x90
    .cfi_rel_offset d15, 0x98
    resume
finish bi_switch_final

/* void *bi_switch_prepare(void *top [x0], unsigned long room [x1],
 *                         void (*entry)(void *) [x2], void *arg [x3]) */
function bi_switch_prepare
    adr     x9, .Lbegin
    stp     xzr, x9, [x0, #-AREA]!
    stp     x2, x3, [x0, #0x10]
#ifndef BI_NO_FP_CONTROL
    mrs     x9, fpcr
    str     x9, [x0, #AT_FPCR]
#endif
    ret
finish bi_switch_prepare

/* Where a prepared context begins: nobody called it, so its return address is
 * undefined and a backtrace ends here.  Unwinders look one instruction before
 * the place they were given, hence the nop: it is what they find. */
    .type   enter, %function
    .cfi_startproc
    .cfi_undefined x30
enter:
    nop
.Lbegin:
    mov     x0, x20
    blr     x19
    brk     #0
finish enter

parked_at .Lparked
string bi_switch_name, aarch64
finish_file
