/* inject.c: what stands between a task and the kernel in a fault sweep.
 *
 * What a program sees is an operation that fails, not the two or three calls a
 * backend makes of it, in an order that the kernel decides.  So operations are
 * counted where they begin, once each, in front of the backend: their moments
 * are the same under io_uring and epoll, and for streams in memory.  What never
 * waits is counted in the table of system calls.
 *
 *     operation   a backend before the backend (as wires.c): one that shall
 *                 fail is never begun, and ends with the code at once
 *     other call  our function in bi_sys: one that shall fail is not made, but
 *                 for close(2), which closes in any case
 *
 * Only calls of a task count, on the thread that sweeps.  Those that the loop
 * makes on its own come as the kernel's time has it; so do those of the pool's
 * threads.  Of the threads themselves the first counts: without it a job is
 * refused, and without the second it only waits.
 *
 * The table belongs to the process.  It is ours while any thread sweeps, and
 * passes on what others call: to the kernel, or to what a test has put there.
 *
 * Rejected: faults in the rings and in each system call, as the library's own
 * sweep has them (sweep/): they show how bide copes, not how its caller does,
 * and their number is another each time.
 */
#include "inject.h"

#include "sys.h"

#include <bide/test.h>
#include <stdatomic.h>
#include <string.h>

static _Thread_local struct bi_injector *here
    __attribute__((tls_model("initial-exec")));

/* The outcome that `call` shall have, or 0; `divides`: it can be short. */
static int outcome_of(const struct bi_call *call, bool divides)
{
    bool counts = here && call && bi_current();
    return counts ? here->pass(here, call, divides) : 0;
}

/* ---- In the table ------------------------------------------------------- */

/* Of threads that sweep; written under `busy`, as the table is. */
static atomic_flag busy = ATOMIC_FLAG_INIT;
static unsigned injectors;

/* What stands there otherwise: the kernel's own, which is there for threads
 * that call while it changes, or a copy. */
static const struct bi_sys *_Atomic below = &bi_sys_kernel;

static const struct bi_sys *real(void)
{
    return atomic_load_explicit(&below, memory_order_relaxed);
}

static long call(long number, long a, long b, long c, long d, long e, long f)
{
    int code = here ? outcome_of(bi_call_of_number(number), false) : 0;
    if (code && number != SYS_close)
        return -code;
    long rc = real()->call(number, a, b, c, d, e, f);
    return code && rc == 0 ? -code : rc;
}

static void *map(size_t bytes, int prot, int flags, int fd, off_t at,
                 int *error)
{
    *error = -outcome_of(&bi_call_map, false);
    return *error ? NULL : real()->map(bytes, prot, flags, fd, at, error);
}

/* Those behind the first fail with it, where later ones do, and are no moments
 * of their own. */
static int thread_start(thrd_t *t, int (*run)(void *), void *arg)
{
    const struct bi_outcome none = {0};
    const struct bi_call later = {bi_call_thread.name, &none};
    bool first = here && !here->threaded;
    int code = outcome_of(first ? &bi_call_thread : &later, false);
    if (first)
        here->threaded = true;
    return code ? -code : real()->thread_start(t, run, arg);
}

static int spawn(pid_t *pid, const char *file,
                 const posix_spawn_file_actions_t *actions,
                 const posix_spawnattr_t *attr, char *const argv[],
                 char *const environment[])
{
    int code = outcome_of(&bi_call_spawn, false);
    return code ? -code
                : real()->spawn(pid, file, actions, attr, argv, environment);
}

/* Others may be calling: each entry is good by itself. */
static void put_table(const struct bi_sys *table)
{
    __atomic_store_n(&bi_sys.call, table->call, __ATOMIC_RELAXED);
    __atomic_store_n(&bi_sys.map, table->map, __ATOMIC_RELAXED);
    __atomic_store_n(&bi_sys.thread_start, table->thread_start,
                     __ATOMIC_RELAXED);
    __atomic_store_n(&bi_sys.spawn, table->spawn, __ATOMIC_RELAXED);
}

static void keep_table(void)
{
    static struct bi_sys copy;
    if (memcmp(&bi_sys, &bi_sys_kernel, sizeof bi_sys) == 0)
        return;
    copy = bi_sys;
    atomic_store_explicit(&below, &copy, memory_order_relaxed);
}

static void take_table(int step)
{
    static const struct bi_sys ours = {.call = call, .map = map,
                                       .thread_start = thread_start,
                                       .spawn = spawn};
    while (atomic_flag_test_and_set(&busy))
        ;
    if (step > 0 && injectors++ == 0) {
        keep_table();
        put_table(&ours);
    } else if (step < 0 && --injectors == 0) {
        put_table(real());
    }
    atomic_flag_clear(&busy);
}

/* ---- Before the backend ------------------------------------------------- */

static struct bi_injector *injector_of(struct bi_reactor *r)
{
    return bi_container_of(r->backend, struct bi_injector, face);
}

/* A message comes whole or not at all. */
static bool divides(const struct bi_op *op, const struct bi_fd *e)
{
    bool bytes = op->kind == BI_OP_READ || op->kind == BI_OP_WRITE ||
                 op->kind == BI_OP_RECV || op->kind == BI_OP_SEND;
    bool stream = e && (e->kind == BI_FD_STREAM || e->kind == BI_FD_TCP ||
                        e->kind == BI_FD_PIPE || e->kind == BI_FD_FILE);
    return bytes && stream && op->len > 1;
}

/* An operation that comes back to be tried once more has begun before. */
static bool try_first(struct bi_reactor *r, const struct bi_op *op,
                      const struct bi_fd *e)
{
    struct bi_injector *in = injector_of(r);
    bool fresh = !op->wait.task;
    in->due = 0;
    if (fresh)
        in->due = outcome_of(bi_call_of_kind(op->kind), divides(op, e));
    return !in->due && in->real->try_first(r, op, e);
}

static void start(struct bi_reactor *r, struct bi_op *op, struct bi_fd *e)
{
    struct bi_injector *in = injector_of(r);
    int code = in->due;
    in->due = 0;
    if (code > 0) {
        bi_op_done(r, op, -code);
        return;
    }
    if (code == BI_SHORT)
        op->len = (op->len + 1) / 2;
    in->real->start(r, op, e);
}

void bi_inject_begin(struct bi_injector *in, struct bi_reactor *r)
{
    bi_assert(!here);
    in->real = r->backend;
    in->face = *in->real;
    in->face.try_first = try_first;
    in->face.start = start;
    in->due = 0;
    in->threaded = false;
    r->backend = &in->face;
    take_table(1);
    here = in;
}

void bi_inject_end(struct bi_injector *in, struct bi_reactor *r)
{
    here = NULL;
    take_table(-1);
    r->backend = in->real;
}

/* ---- Points of the program's own ---------------------------------------- */

int bide_fault_point(const char *name, int code)
{
    BI_CONTRACT(name && code < 0, __func__,
                "wants a name, and a negated errno to fail with");
    const struct bi_call point = {
        name, BI_OUTCOMES({-code, 1u << BI_ONCE | 1u << BI_ALWAYS, -code,
                           false})};
    return -outcome_of(&point, false);
}
