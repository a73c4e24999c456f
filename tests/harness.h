/* harness.h: what every test file uses.
 *
 * A test runs its body as the main task of a run, under the virtual clock of
 * <bide/test.h> where the kernel is not the subject: no such test sleeps.
 */
#ifndef HARNESS_H
#define HARNESS_H

#include <bide.h>
#include <bide/test.h>
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Run `fn(arg)` with the default options; the backend is the environment's. */
intptr_t run_task(bide_fn *fn, void *arg);

/* The same under the virtual clock, which begins at a second. */
intptr_t run_virtual(bide_fn *fn, void *arg);

/* A test with a body under the virtual clock whose result must be 0:
 *
 *     VIRTUAL_TEST(sleep_zero_lets_the_others_run)
 *     {
 *         ...
 *         return 0;
 *     }
 */
#define VIRTUAL_TEST(name) BODY_TEST(name, run_virtual)
/* ... and under the real one. */
#define REAL_TEST(name) BODY_TEST(name, run_task)

#define BODY_TEST(name, run)                                      \
    static intptr_t body_##name(void *arg);                       \
    START_TEST(name)                                              \
    {                                                             \
        int before = open_descriptors();                          \
        ck_assert_int_eq(run(body_##name, NULL), 0);              \
        ck_assert_int_eq(open_descriptors(), before);             \
    }                                                             \
    END_TEST                                                      \
    static intptr_t body_##name(void *arg __attribute__((unused)))

/* Add `test` to `t`; where it is not possible here, say that it is left out. */
void add_if(bool possible, const char *why_not, TCase *t, const TTest *test);

/* Say so of a test that finds out itself, and gives its name as __func__. */
void leave_out(const char *test, const char *why);

/* How many descriptors this process has open. */
int open_descriptors(void);

/* Run `fn()` in a child process; its exit status as waitpid(2) has it, and what
 * it wrote to stderr, as a string. */
int in_child(void (*fn)(void), char *text, size_t room);

/* A child process that runs `fn` as a main task must die by SIGABRT with a
 * sentence that holds each of the `words`, given up to a NULL. */
void expect_contract(bide_fn *fn, ...);

/* Whether the start of a program can fail with what execve(2) says: where
 * vfork(2) is a fork(2), as under Valgrind and qemu, posix_spawn(3) never hears
 * of it. */
bool starts_can_fail(void);

/* Whether another machine's emulator runs this program. */
bool emulated(void);

/* A signal that a thread sends to its own process has come before the call
 * returns; but tools that call handlers themselves are late with it.  Here they
 * have come, even so. */
void let_signals_come(void);

/* Whether three of one real-time number come as three: a tool that is late may
 * keep the first and forget the others. */
bool signals_are_queued(void);

/* From here to the end of it the thread uses bad addresses on purpose, which
 * Valgrind would report. */
void begin_bad_addresses(void);
void end_bad_addresses(void);

/* How often a test does what it does `n` times elsewhere: under a tool that is
 * slow, a tenth of that. */
unsigned rounds(unsigned n);

/* What the error hook of run_task() and run_virtual() has heard in this
 * thread's last run. */
struct heard {
    unsigned count;
    intptr_t code;
    char task[32];
};
extern _Thread_local struct heard heard;

/* Whether the backend under test is this one ("io_uring", "epoll"). */
bool backend_is(const char *name);

#endif
