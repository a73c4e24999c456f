/* syscall.h: a system call by its number, without a libc name.
 *
 * Returns the kernel's own value: >= 0, or a negated errno; errno is untouched.
 */
#ifndef BI_SYSCALL_H
#define BI_SYSCALL_H

long bi_syscall(long number, long a, long b, long c, long d, long e, long f);

#endif
