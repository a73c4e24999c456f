/* hostile.h: what the tests of kernels and limits that refuse share.
 *
 * Each case runs in a process of its own, since what is found out about a
 * kernel is found out once.  The same ordinary work must come out right, by
 * whatever is left, and bide_info() must say why; or the run is refused with a
 * clear code and a sentence.  The child tells of itself on stderr, which its
 * parent reads.
 */
#ifndef HOSTILE_H
#define HOSTILE_H

#include "harness.h"

#include "annotate.h"
#include "doors.h"
#include "refuse.h"

#if defined(BI_ASAN) || defined(BI_TSAN)
#define SANITIZED 1 /* address space is theirs to use */
#else
#define SANITIZED 0
#endif

/* A fixture: nothing is chosen by the environment. */
void hostile_prepare(void);

/* Tasks, a wait for the clock, a wait for a descriptor, a file: 0.  It needs
 * the pipe. */
void open_pipe(void);
intptr_t work(void *unused);
extern const char *work_file;

/* On stderr, what came of it and what bide_info() says. */
void tell(intptr_t result);

/* For the end of a child: work, and tell. */
void work_and_tell(void);

/* Run `child`; false: this machine cannot do that, and that is printed.  `told`
 * is what it said. */
#define run_child(child) run_child_of(__func__, child)
bool run_child_of(const char *test, void (*child)(void));
extern char told[4096];

void expect_told(const char *words);

/* Whether a run that nobody hinders tells `words`: else what hangs on that is
 * left out, and that is printed. */
bool usually(const char *words);

#endif
