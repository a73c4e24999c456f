/* switch_x86_64.S: the switch for x86-64, System V ABI.
 *
 * A suspended context is its stack pointer; above it lies the save area:
 *
 *     offset   of a suspended one    of a prepared one
 *     0x00     MXCSR (4 bytes)       the preparer's
 *     0x04     x87 control (2)       the preparer's
 *     0x08     r15                   as it was
 *     0x10     r14                   as it was
 *     0x18     r13                   as it was
 *     0x20     r12                   arg
 *     0x28     rbx                   entry
 *     0x30     rbp                   0: the chain of frames ends here
 *     0x38     where to go on        enter
 *     0x40     the caller's frame    where `entry` must not return to
 *     0x48                           `top`
 *
 * With BI_NO_FP_CONTROL the first eight bytes are absent.
 *
 * The two sides of a switch have the same layout, so the call frame information
 * stays true over the instruction that changes stacks, and a debugger that
 * stops anywhere in here sees a caller.
 *
 * It goes on with a return.  In a scheduler every task suspends at one of a few
 * places, so that the processor's stack of return addresses, filled by one
 * task, is right for the next one as well: a ring of tasks that yield takes
 * 12 ns a switch.  `pop; jmp` leaves one address too many on that stack, and
 * every return of the frames above is mispredicted: 27 ns in the same ring.
 * But where two sides suspend at different places those are mispredicted in any
 * case, and it is twice as quick: that is bi_switch_pair().  (The place after a
 * call is no landing pad: `notrack`.)
 *
 * A prepared context is begun by a jump: its `entry` lies above the addresses
 * of whoever suspended in favour of it, as if it had been called there, and
 * bi_switch_final(), which is jumped to, goes on where they say when that one
 * is next.
 *
 * Most of its time goes into reading MXCSR, for which there is no quicker way.
 * Rejected: to load the control words only where they differ.  The comparison
 * has to wait for the stores before it, and costs more than the loads.
 */
#include "asm.h"

#ifdef BI_NO_FP_CONTROL
#define FP_BYTES 0
#else
#define FP_BYTES 8
#endif
#define AREA (0x30 + FP_BYTES)

    .macro save reg
    push    \reg
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset \reg, 0
    .endm

    .macro load reg
    pop     \reg
    .cfi_adjust_cfa_offset -8
    .cfi_restore \reg
    .endm

    .macro save_fp
#ifndef BI_NO_FP_CONTROL
    lea     -8(%rsp), %rsp
    .cfi_adjust_cfa_offset 8
    stmxcsr (%rsp)
    fnstcw  4(%rsp)
#endif
    .endm

    .macro load_fp
#ifndef BI_NO_FP_CONTROL
    ldmxcsr (%rsp)
    fldcw   4(%rsp)
    lea     8(%rsp), %rsp
    .cfi_adjust_cfa_offset -8
#endif
    .endm

    .macro save_all
    save    %rbp
    save    %rbx
    save    %r12
    save    %r13
    save    %r14
    save    %r15
    save_fp
    .endm

    /* ... and go on by a return, or, `by_jump`, by a jump. */
    .macro resume by_jump=0
    load_fp
    lea     .Lbegin(%rip), %rax
    cmp     %rax, 0x30(%rsp)
    je      .Lbegin
    load    %r15
    load    %r14
    load    %r13
    load    %r12
    load    %rbx
    load    %rbp
    .if \by_jump
    pop     %rcx
    .cfi_adjust_cfa_offset -8
    .cfi_register %rip, %rcx
    notrack jmp *%rcx
    .else
    ret
    .endif
    .endm

/* void bi_switch(void **save [rdi], void *load [rsi]) */
function bi_switch
    save_all
    mov     %rsp, (%rdi)
    mov     %rsi, %rsp
.Lparked:
    resume
finish bi_switch

/* void bi_switch_pair(void **save [rdi], void *load [rsi]) */
function bi_switch_pair
    save_all
    mov     %rsp, (%rdi)
    mov     %rsi, %rsp
    resume by_jump=1
finish bi_switch_pair

/* void bi_switch_final(void *load [rdi]) */
function bi_switch_final
    mov     %rdi, %rsp
    .cfi_def_cfa_offset AREA + 8
    .cfi_rel_offset %r15, FP_BYTES
    .cfi_rel_offset %r14, FP_BYTES + 0x08
    .cfi_rel_offset %r13, FP_BYTES + 0x10
    .cfi_rel_offset %r12, FP_BYTES + 0x18
    .cfi_rel_offset %rbx, FP_BYTES + 0x20
    .cfi_rel_offset %rbp, FP_BYTES + 0x28
    resume
finish bi_switch_final

/* void *bi_switch_prepare(void *top [rdi], unsigned long room [rsi],
 *                         void (*entry)(void *) [rdx], void *arg [rcx]) */
function bi_switch_prepare
    lea     .Lended(%rip), %rax
    mov     %rax, -0x08(%rdi)
    lea     .Lbegin(%rip), %rax
    mov     %rax, -0x10(%rdi)
    movq    $0, -0x18(%rdi)
    mov     %rdx, -0x20(%rdi)
    mov     %rcx, -0x28(%rdi)
#ifndef BI_NO_FP_CONTROL
    stmxcsr -0x48(%rdi)
    fnstcw  -0x44(%rdi)
#endif
    lea     -0x40 - FP_BYTES(%rdi), %rax
    ret
finish bi_switch_prepare

/* Where a prepared context begins: nobody called it, so its return address is
 * undefined and a backtrace ends here.  Unwinders look one byte before the
 * place they were given, hence the nops: they are what is found. */
    .type   enter, %function
    .cfi_startproc
    .cfi_undefined %rip
enter:
    nop
.Lbegin:
    mov     0x18(%rsp), %rdi
    mov     0x20(%rsp), %rax
    mov     0x28(%rsp), %rbp
    lea     0x38(%rsp), %rsp
    jmp     *%rax
    nop
.Lended:
    ud2
finish enter

parked_at .Lparked
string bi_switch_name, x86_64
finish_file
