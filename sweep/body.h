/* body.h: what a body is: ordinary code that is repeated under faults.
 *
 * A body does something with the library and looks at what came of it.  It
 * returns 0 if all went well, or the negated errno that stopped it: it may pass
 * on what it is told, but what succeeds must be right.
 */
#ifndef BODY_H
#define BODY_H

#include <bide.h>
#include <errno.h>
#include <string.h>

struct body {
    const char *name;
    bide_fn *fn;   /* a main task */
    intptr_t arg;
    enum {
        INSIDE,    /* as the main task of a run */
        OUTSIDE,   /* by itself: it starts runs, or none */
        FIRST_USE, /* likewise, each time in a process that used nothing yet */
    } place;
};

/* All of them, up to one without a name. */
extern const struct body bodies_file[], bodies_stream[], bodies_socket[],
    bodies_task[], bodies_group[], bodies_wait[], bodies_gen[], bodies_queue[],
    bodies_run[], bodies_process[], bodies_signal[], bodies_thread[],
    bodies_names[], bodies_pool[], bodies_told[], bodies_test[];

/* The options of every run. */
extern const struct bide_options body_options;

/* ---- Looking ------------------------------------------------------------ */

/* What must hold if the library did what it said.  The first that does not is
 * kept for the report; a body ends with it. */
#define EXPECT(cond)                                              \
    do {                                                          \
        if (!(cond))                                              \
            return body_is_wrong(#cond, __FILE__, __LINE__);      \
    } while (0)

intptr_t body_is_wrong(const char *what, const char *file, int line);

/* Begin; then what was wrong, or "". */
void body_begin(void);
const char *body_wrong(void);

/* A pattern that no zeroes and no shift of it looks like. */
void pattern(void *buf, size_t len);
bool is_pattern(const void *buf, size_t len);

/* Write `len` bytes of the pattern, read as many (or until the end of the
 * stream) and see that they are the pattern: 0, or what stopped it.  A call may
 * move less than it was asked to: the next one tells why. */
enum { PATTERN_MOST = 16384 };
intptr_t write_pattern(int fd, size_t len);
intptr_t read_pattern(int fd, size_t len);

/* ---- Descriptors, closed and removed after the body --------------------- */

enum ends_kind { PIPE, UNIX, TCP, DGRAM };
#define NONBLOCKING 16 /* or-ed to a kind */

struct ends {
    int out, in; /* what is written to `in` comes out of `out` */
};
struct ends open_ends(intptr_t kind);

/* Have `fd` closed after the body, if it is one; returns it. */
int hold(int fd);

/* Close it now, by bide_close(). */
int drop(int fd);

/* Make and remove the sweep's own directory. */
void scratch_begin(void);
void scratch_end(void);

/* A path in it, where nothing is. */
const char *scratch(const char *name);

/* The path of a file of `len` bytes of the pattern. */
const char *scratch_file(size_t len);

/* Close and remove all of it; `inside` a run. */
void body_clean(bool inside);

/* ---- Tasks -------------------------------------------------------------- */

/* fn(arg) beside peer(arg), in a group that ends with the first failure. */
intptr_t beside(bide_fn *peer, bide_fn *fn, void *arg);

/* fn(arg) under a deadline that is over after `span`. */
intptr_t within(bide_time span, bide_fn *fn, void *arg);

/* Tasks: give the argument back; wait to be cancelled. */
intptr_t give(void *value);
intptr_t sleep_for_ever(void *unused);

#define NUM(n) ((void *)(intptr_t)(n))

#endif
