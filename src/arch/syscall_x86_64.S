/* syscall_x86_64.S: a system call by its number, for x86-64.
 *
 * The kernel takes the number in rax and the arguments in rdi, rsi, rdx, r10,
 * r8, r9; it overwrites rax, rcx and r11.
 */
#include "asm.h"

/* long bi_syscall(long number [rdi], long a [rsi], long b [rdx], long c [rcx],
 *                 long d [r8], long e [r9], long f [on the stack]) */
function bi_syscall
    mov     %rdi, %rax
    mov     %rsi, %rdi
    mov     %rdx, %rsi
    mov     %rcx, %rdx
    mov     %r8, %r10
    mov     %r9, %r8
    mov     8(%rsp), %r9
    syscall
    ret
finish bi_syscall

finish_file
