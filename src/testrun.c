/* testrun.c: a body under the virtual clock and a schedule, once or often.
 *
 * The clock is a number in the record of the test run.  Who asks for the time
 * on its thread reads it (sys.c), and the reactor moves it on in place of
 * sleeping.  A clock of the process was rejected: threads that test side by
 * side, and those of the offload pool, need their own.
 */
#include "testrun.h"

#include "crash.h"
#include "sys.h"

#include <stdlib.h>

#define BEGIN BIDE_SEC(1)

/* What this thread tells of its schedule, also when the run is over. */
static _Thread_local struct {
    struct bi_seed seed;
    uint64_t hash; /* 0: there was no seed */
    char text[BI_SEED_BYTES];
} told;

static struct bi_testrun *testrun_of(struct bi_run *run)
{
    struct bi_runtime *rt = bi_container_of(run, struct bi_runtime, run);
    return bi_container_of(rt, struct bi_testrun, runtime);
}

/* ---- What the environment says ------------------------------------------ */

static int choose_seed(struct bi_testrun *t)
{
    const char *outside = getenv("BIDE_SEED");
    bool given = outside && *outside;
    const char *text = given ? outside : t->options.seed;
    t->seeded = text != NULL;
    if (!text || bi_seed_read(&t->seed, text))
        return 0;
    bi_say("%s is '%s'; a seed is a strategy and a number, as first.0, last.0, "
           "random.17 or pct1.17, or two numbers, as pct3.17.120",
           given ? "BIDE_SEED" : "the seed", text);
    return -EINVAL;
}

static void choose_trace(struct bi_testrun *t)
{
    const char *outside = getenv("BIDE_TRACE");
    if (outside && *outside && *outside != '0')
        t->options.trace = true;
}

/* ---- A schedule --------------------------------------------------------- */

static void note_unread(const struct bide_error *e)
{
    struct bi_testrun *t = testrun_of(bi_here);
    bi_say("task '%s', spawned at %s, ended with %ld and nobody read it",
           e->task, e->where, (long)e->code);
    if (!t->unread)
        t->unread = e->code;
}

/* How this program was called, in `out` of `room` bytes; may be cut off. */
static void own_command(char *out, size_t room)
{
    snprintf(out, room, "%s", program_invocation_name);
    int fd = bi_sys_open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return;
    ssize_t n = bi_sys_read(fd, out, room - 1);
    bi_sys_close(fd);
    if (n <= 0)
        return;
    out[n] = '\0';
    for (ssize_t i = 0; i < n - 1; i++)
        if (!out[i])
            out[i] = ' ';
}

void bi_testrun_tell_replay(const struct bi_testrun *t,
                            const struct bi_seed *seed)
{
    char text[BI_SEED_BYTES], command[256];
    bi_seed_write(seed, text);
    own_command(command, sizeof command);
    bi_say("to see its steps: %sBIDE_SEED=%s BIDE_TRACE=1 %s", t->also, text,
           command);
}

/* The program is about to be stopped. */
static void tell_last(const void *arg)
{
    const struct bi_testrun *t = (const struct bi_testrun *)arg;
    if (!t->runtime.run.schedule)
        return;
    bi_say("a schedule stops the program here");
    bi_testrun_tell_replay(t, &t->strategist.seed);
}

int bi_testrun_open(struct bi_testrun *t, const struct bide_test_options *opt)
{
    t->options = opt ? *opt : (struct bide_test_options){0};
    t->runtime.run.schedule = NULL;
    t->began = NULL;
    t->also[0] = '\0';
    choose_trace(t);
    int rc = choose_seed(t);
    if (rc < 0)
        return rc;
    if (!t->options.run.on_error)
        t->options.run.on_error = note_unread;
    rc = bi_crash_watch(tell_last, t);
    if (rc < 0)
        return rc;
    rc = bi_runtime_open(&t->runtime, &t->options.run);
    if (rc < 0) {
        bi_crash_forget();
        return rc;
    }
    t->runtime.run.virtual_now = &t->now;
    bi_wires_open(&t->wires, &t->runtime.reactor);
    return 0;
}

void bi_testrun_close(struct bi_testrun *t)
{
    bi_wires_close(&t->wires, &t->runtime.reactor);
    bi_runtime_close(&t->runtime);
    bi_crash_forget();
}

intptr_t bi_testrun_once(struct bi_testrun *t, const struct bi_seed *seed,
                         bide_fn *fn, void *arg)
{
    struct bi_run *run = &t->runtime.run;
    t->now = BEGIN;
    t->unread = 0;
    t->strategist.stuck = false;
    run->schedule = NULL;
    if (seed) {
        told.seed = *seed;
        bi_strategy_begin(&t->strategist, run, seed, &t->options);
        if (t->began)
            t->began(t);
    }
    bi_sys_virtual_now = &t->now;
    bi_wires_begin(&t->wires, seed ? seed->number : 0);
    intptr_t result = bi_runtime_run(&t->runtime, fn, arg);
    bi_wires_end(&t->wires, &t->runtime.reactor);
    bi_sys_virtual_now = NULL;
    run->schedule = NULL;
    told.hash = seed ? t->strategist.trace.hash : 0;
    if (t->strategist.stuck)
        return -ELOOP;
    return result >= 0 && t->unread ? t->unread : result;
}

/* ---- The public face ---------------------------------------------------- */

intptr_t bide_test_run(bide_fn *fn, void *arg,
                       const struct bide_test_options *opt)
{
    if (bi_here)
        return -EDEADLK;
    if (!fn)
        return -EINVAL;
    struct bi_testrun t;
    int rc = bi_testrun_open(&t, opt);
    if (rc < 0)
        return rc;
    const struct bi_seed first = {BI_FIRST_IN, 0, 0};
    const struct bi_seed *seed = t.seeded ? &t.seed :
                                 t.options.on_step ? &first : NULL;
    intptr_t result = bi_testrun_once(&t, seed, fn, arg);
    bi_testrun_close(&t);
    return result;
}

void bide_test_advance(bide_time span)
{
    struct bi_run *run = bi_current_in(__func__)->run;
    BI_CONTRACT(run->virtual_now, __func__,
                "moved the clock of a run that is no test run");
    BI_CONTRACT(span >= 0, __func__, "moved the clock back");
    *run->virtual_now += bi_earlier(span, BIDE_FOREVER - *run->virtual_now);
}

uint64_t bide_test_hash(void)
{
    const struct bi_run *run = bi_here;
    if (!run)
        return told.hash;
    const struct bi_strategist *s = (struct bi_strategist *)run->schedule;
    return s ? s->trace.hash : 0;
}

const char *bide_test_seed(void)
{
    bool any = bi_here ? bi_here->schedule != NULL : told.hash != 0;
    told.text[0] = '\0';
    if (any)
        bi_seed_write(&told.seed, told.text);
    return told.text;
}
