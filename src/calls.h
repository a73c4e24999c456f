/* calls.h: the calls that bide makes for a program, and how each can fail.
 *
 * A call has a name and a list of outcomes.  Those that the library makes for
 * itself alone, for memory, for its rings, are known to its own sweep only
 * (sweep/calls.c), which is built on this.
 */
#ifndef BI_CALLS_H
#define BI_CALLS_H

#include "op.h"

/* How often an outcome is had, from its first time on. */
enum bi_mode {
    BI_ONCE,
    BI_OFTEN,  /* eight times: what passes by itself */
    BI_ALWAYS, /* at every call of that kind */
    BI_MODES
};

/* Outcomes that are no errno. */
enum {
    BI_SHORT = -1,   /* it moves, reports or submits less than it could */
    BI_NOTHING = -2, /* it comes back early, having seen nothing */
};

struct bi_outcome {
    int code;       /* an errno or one of the above; 0 ends a list */
    unsigned modes; /* a bit for each */
    int shown;      /* what the caller may be shown instead, or 0 */
    bool sticks;    /* the process remembers it: another goes on */
};

struct bi_call {
    const char *name;
    const struct bi_outcome *outcomes;
};

/* ---- Lists of outcomes -------------------------------------------------- */

/* It stays as it is until somebody does something about it. */
#define BI_FAILS(code) {(code), 1u << BI_ONCE | 1u << BI_ALWAYS, 0, false}
/* It passes, and is never shown. */
#define BI_PASSES(code) {(code), 1u << BI_ONCE | 1u << BI_OFTEN, 0, false}
/* A refusal at one moment. */
#define BI_HAPPENS(code) {(code), 1u << BI_ONCE, 0, false}
/* A kernel or a sandbox without the call. */
#define BI_LACKS(code) {(code), 1u << BI_ALWAYS, 0, false}
/* The caller may be shown another code. */
#define BI_SHOWN_AS(code, as)                                     \
    {(code), 1u << BI_ONCE | 1u << BI_ALWAYS, (as), false}

#define BI_OUTCOMES(...)                                          \
    (const struct bi_outcome[]){__VA_ARGS__, {0, 0, 0, false}}

/* What a read and a write say with or without an offset, in one buffer or
 * many; a receive and a send, of bytes or messages. */
#define BI_READS                                                  \
    BI_FAILS(EIO), BI_PASSES(EINTR), BI_PASSES(BI_SHORT),         \
        BI_HAPPENS(EAGAIN)
#define BI_WRITES                                                 \
    BI_FAILS(EIO), BI_FAILS(ENOSPC), BI_PASSES(EINTR),            \
        BI_PASSES(BI_SHORT), BI_HAPPENS(EAGAIN)
#define BI_RECEIVES                                               \
    BI_FAILS(ECONNRESET), BI_FAILS(ENOMEM), BI_PASSES(EINTR),     \
        BI_PASSES(BI_SHORT), BI_HAPPENS(EAGAIN)
#define BI_SENDS                                                  \
    BI_FAILS(ECONNRESET), BI_FAILS(EPIPE), BI_FAILS(ENOBUFS),     \
        BI_PASSES(EINTR), BI_PASSES(BI_SHORT), BI_HAPPENS(EAGAIN)

/* ---- The calls ---------------------------------------------------------- */

extern const struct bi_call bi_call_map, bi_call_thread, bi_call_spawn;

/* The system call `number`, where it is made for the program and never waits;
 * or NULL. */
const struct bi_call *bi_call_of_number(long number);

/* An operation of this kind, however a backend makes it. */
const struct bi_call *bi_call_of_kind(enum bi_op_kind kind);

/* The code that its caller may be shown for `o`; 0: none, the library does
 * without, or does it again. */
int bi_call_shown(const struct bi_outcome *o);

#endif
