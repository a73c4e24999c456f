/* refuse.h: have the kernel refuse this process what it would grant.
 *
 * For a child of its own: nothing of it can be taken back.  Where this machine
 * does not know how, the child says so and exits with REFUSE_CANNOT.
 */
#ifndef REFUSE_H
#define REFUSE_H

#include "sys.h"

#include <linux/capability.h>

#define REFUSE_CANNOT 77

#ifndef SYS_process_madvise
#define SYS_process_madvise 440
#endif

/* End this child, for whose test something is missing: `why` goes to stderr. */
_Noreturn void refuse_cannot(const char *why);

/* From now on the system call `number` fails with `error`, */
void refuse_call(long number, int error);

/* ... where its argument `n` is `value`. */
void refuse_with(long number, unsigned n, unsigned value, int error);

/* A limit of setrlimit(2), soft and hard. */
void refuse_beyond(int resource, rlim_t most);

/* Drop a capability; limits do not hold for those who have it. */
void refuse_privilege(int capability);

/* What RLIMIT_AS counts, in bytes. */
rlim_t used_address_space(void);

#endif
