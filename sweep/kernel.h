/* kernel.h: what else the kernel can say, to calls that bide makes for itself.
 *
 * The calls that it makes for a program are those of src/calls.h.  What cannot
 * fail, or only by a fault of ours that a contract stops, is no call here, and
 * kernel.c says why.
 */
#ifndef KERNEL_H
#define KERNEL_H

#include "calls.h"
#include "uring_abi.h"

#include <sys/syscall.h>

#ifndef SYS_process_madvise
#define SYS_process_madvise 440 /* Linux 5.10 */
#endif

extern const struct bi_call call_protect, call_malloc, call_lookup;
extern const struct bi_call call_enter, call_first_enter;

/* Each returns NULL where nothing can be had but success. */
const struct bi_call *call_of_number(long number, const long args[6]);
const struct bi_call *call_of_advice(int advice);
const struct bi_call *call_of_submission(const struct bi_sqe *sqe);

/* "EIO", "short", ... and back; 0: there is none of that name. */
const char *code_name(int code);
int code_named(const char *name);

#endif
