/* syscall_aarch64.S: a system call by its number, for AArch64.
 *
 * The kernel takes the number in x8 and the arguments in x0 to x5; it
 * overwrites x0 only.
 */
#include "asm.h"

/* long bi_syscall(long number [x0], long a [x1], long b [x2], long c [x3],
 *                 long d [x4], long e [x5], long f [x6]) */
function bi_syscall
    mov     x8, x0
    mov     x0, x1
    mov     x1, x2
    mov     x2, x3
    mov     x3, x4
    mov     x4, x5
    mov     x5, x6
    svc     #0
    ret
finish bi_syscall

finish_file
