/* syscall_generic.c: a system call by its number, by libc's syscall(2).
 *
 * For processors without a stub of ours.  syscall() tells an error through
 * errno, which is put back: bi_syscall() leaves it alone.
 */
#include "syscall.h"

#include <errno.h>
#include <unistd.h>

long bi_syscall(long number, long a, long b, long c, long d, long e, long f)
{
    int kept = errno;
    long result = syscall(number, a, b, c, d, e, f);

    if (result == -1) {
        result = -errno;
        errno = kept;
    }
    return result;
}
