/* calls.h: the calls at the boundary, and what each of them can really give.
 *
 * A call has a name and a list of outcomes.  What cannot fail, or only by a
 * fault of ours that a contract stops, is no call here, and calls.c says why.
 */
#ifndef CALLS_H
#define CALLS_H

#include "uring_abi.h"

#include <sys/syscall.h>

#ifndef SYS_process_madvise
#define SYS_process_madvise 440 /* Linux 5.10 */
#endif

/* How often a fault strikes, from its point on. */
enum mode {
    ONCE,
    OFTEN,  /* eight times: what passes by itself */
    ALWAYS, /* every call of that kind */
    MODES
};

/* Outcomes that are no errno. */
enum {
    SHORT = -1,   /* it moves, reports or submits less than it could */
    NOTHING = -2, /* it comes back early, having seen nothing */
};

struct outcome {
    int code;       /* an errno or one of the above; 0 ends a list */
    unsigned modes; /* a bit for each */
    int shown;      /* what the caller may be shown instead, or 0 */
    bool sticks;    /* the process remembers it: another goes on */
};

struct call {
    const char *name;
    const struct outcome *outcomes;
};

extern const struct call call_map, call_protect, call_thread, call_malloc,
    call_spawn, call_lookup;
extern const struct call call_enter, call_first_enter;

/* Each returns NULL where nothing can be had but success. */
const struct call *call_of_number(long number, const long args[6]);
const struct call *call_of_advice(int advice);
const struct call *call_of_submission(const struct bi_sqe *sqe);

/* "EIO", "short", ... and back; 0: there is none of that name. */
const char *code_name(int code);
int code_named(const char *name);

#endif
