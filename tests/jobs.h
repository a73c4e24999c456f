/* jobs.h: what the tests of process pools share: jobs, and how to call them. */
#ifndef JOBS_H
#define JOBS_H

#include "harness.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* Whether this program can be executed once more, be it by an emulator; if not,
 * that is said. */
bool pools_work(void);

bide_pool *open_pool(unsigned workers);
bide_pool *open_pool_with(const struct bide_pool_options *opt);

struct bide_pool_stats stats_of(bide_pool *p);

/* One call with an int for its argument; its result. */
intptr_t call_int(bide_pool *p, bide_job_fn *fn, int in);

/* The same as a task. */
struct int_call {
    bide_pool *pool;
    bide_job_fn *fn;
    int in;
    intptr_t result;
    int death;
};
intptr_t make_int_call(void *int_call);

/* Call `fn` with each of 0 to n-1, all at once; how many returned theirs. */
int call_many(bide_pool *p, bide_job_fn *fn, int n);

intptr_t pid_of_worker(bide_pool *p);

/* Whether `bytes` of a pattern come back from a worker. */
bool echo_works(bide_pool *p, size_t bytes);

/* Jobs. */
bide_job_fn twice, give_back, echo, tell_pid, tell_init, tell_init_each,
    want_room, count_descriptors, read_input, sleep_long, crash, leave, kill_me,
    ignore_term, overwrite, close_bells, fork_and_die, fork_and_return, nap,
    tell_and_nap;

/* Initializers. */
int note_init(void *value), note_number(void *number), refuse_init(void *);
int die_init(void *);

#endif
