/* child.c: what a worker process does, from its first instruction to its last.
 *
 * A worker is the program itself, executed once more.  A constructor finds the
 * mark in the environment and never returns: main() does not run.  Constructors
 * of a static library run behind those of the program's own files, those of a
 * shared one before them; what jobs need is set up by the pool's initializer.
 *
 * Rejected: a fork server.  Started before the first thread it would know the
 * program's memory of that moment, which is neither the present one nor none;
 * started by execution it would save its workers the loader's fraction of a
 * millisecond, once in a worker's life, for one more process that can die and a
 * kind of child that we cannot reap.
 *
 * The worker ends with its parent in two ways: by a signal of the kernel, and
 * at the end of the bell's pipe, when it sleeps.
 */
#include "child.h"

#include "sys.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

const char bi_child_mark[] = "BIDE_WORKER";

static struct {
    struct bi_channel *channel;
    char *large; /* its mapping, of so many bytes, or NULL */
    size_t large_bytes;
    char *bases[BI_MODULES];
    bool loaded[BI_MODULES];
    bool forked; /* this is no worker, but the child of one */
} here;

/* ---- Addresses ---------------------------------------------------------- */

/* What lies at `p` in this process.  False: its module is not to be had. */
static bool find(const struct bi_place *p, uintptr_t *out)
{
    unsigned i = p->module - 1;
    *out = p->offset;
    if (p->module == 0)
        return true;
    if (p->module > here.channel->head.modules)
        return false;
    if (!here.loaded[i])
        here.loaded[i] =
            bi_module_load(&here.channel->modules[i], &here.bases[i]);
    *out += (uintptr_t)here.bases[i];
    return here.loaded[i];
}

/* ---- Jobs --------------------------------------------------------------- */

/* The large part, at least as long as `slot` says; NULL: no memory. */
static char *large_part(const struct bi_slot *slot)
{
    int error;
    if (slot->large <= here.large_bytes)
        return here.large;
    if (here.large)
        bi_sys.unmap(here.large, here.large_bytes);
    here.large = bi_channel_map_large(BI_SHARED, slot->large, &error);
    here.large_bytes = here.large ? slot->large : 0;
    return here.large;
}

static void make_items(const struct bi_slot *slot, bide_job_fn *fn,
                       const char *in, char *out)
{
    struct bi_item *items = (struct bi_item *)out;
    out += bi_aligned(slot->count * sizeof *items);
    for (size_t i = 0; i < slot->count; i++) {
        size_t bytes = slot->room;
        items[i].result = fn(in, slot->in_bytes, out, &bytes);
        items[i].bytes = bytes;
        in += slot->in_bytes;
        out += bi_item_stride(slot->room);
    }
}

static int64_t make(struct bi_slot *slot)
{
    uintptr_t at;
    size_t items = slot->count ? slot->count : 1;
    char *in = slot->large ? large_part(slot) : slot->data;
    if (!in)
        return -ENOMEM;
    if (!find(&slot->fn, &at))
        return -ELIBACC;
    bide_job_fn *fn = (bide_job_fn *)at;
    char *out = in + bi_aligned(items * slot->in_bytes);
    if (slot->count) {
        make_items(slot, fn, in, out);
        return 0;
    }
    size_t bytes = slot->room;
    intptr_t result = fn(in, slot->in_bytes, out, &bytes);
    slot->out_bytes = bytes;
    return result;
}

static void expect_worker(const char *who)
{
    BI_CONTRACT(!here.forked, who, "returned in a forked child");
}

/* What the job printed must not be lost if the worker is ended. */
static void pass(struct bi_slot *slot)
{
    uint32_t sent = BI_SENT;
    if (!atomic_compare_exchange_strong(&slot->state, &sent, BI_BEGUN))
        return;
    slot->out_bytes = 0;
    int64_t result = make(slot);
    expect_worker("a job of a pool");
    slot->result = result;
    fflush(NULL);
    atomic_store(&slot->state, BI_DONE);
}

/* ---- The bells ---------------------------------------------------------- */

static void ring(struct bi_head *h)
{
    if (atomic_exchange(&h->parent_sleeps, 0))
        (void)bi_sys_write(BI_BELL_OUT, "", 1);
}

/* Sleep until more than `at` were sent. */
static void await(struct bi_head *h, uint32_t at)
{
    char rung[64];
    atomic_store(&h->worker_sleeps, 1);
    while (atomic_load(&h->sent) == at) {
        ssize_t n = bi_sys_read(BI_BELL_IN, rung, sizeof rung);
        if (n == 0 || (n < 0 && n != -EINTR))
            _exit(0);
        atomic_store(&h->worker_sleeps, 1);
    }
    atomic_store(&h->worker_sleeps, 0);
}

_Noreturn static void work(struct bi_channel *c)
{
    struct bi_head *h = &c->head;
    for (uint32_t at = 0;;) {
        await(h, at);
        while (at != atomic_load(&h->sent)) {
            pass(bi_slot_at(c, at++));
            atomic_store(&h->passed, at);
            ring(h);
        }
    }
}

/* ---- The beginning ------------------------------------------------------ */

/* What a job forks is no worker, and does not keep its bells from falling
 * silent. */
static void in_child(void)
{
    here.forked = true;
    bi_sys_close(BI_BELL_IN);
    bi_sys_close(BI_BELL_OUT);
    bi_sys_close(BI_SHARED);
}

/* End with the parent, and not of the terminal's ^C: that is the parent's to
 * deal with. */
static void tie(long parent)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(0);
    for (int fd = BI_BELL_IN; fd <= BI_SHARED; fd++)
        if (bi_sys_close_on_exec(fd) < 0)
            _exit(1);
    prctl(PR_SET_NAME, "bide worker");
    bi_sys_sigaction(SIGINT, &ignore, NULL);
    pthread_atfork(NULL, NULL, in_child);
}

static int initialize(const struct bi_head *h)
{
    uintptr_t init, arg;
    if (!h->init.module)
        return 0;
    if (!find(&h->init, &init) || !find(&h->init_arg, &arg))
        return -ELIBACC;
    return ((int (*)(void *))init)((void *)arg);
}

_Noreturn static void serve(long parent)
{
    int rc;
    tie(parent);
    here.channel = bi_channel_map(BI_SHARED, &rc);
    if (!here.channel)
        _exit(1);
    struct bi_head *h = &here.channel->head;
    rc = initialize(h);
    expect_worker("an initializer of a pool");
    fflush(NULL);
    if (rc < 0) {
        atomic_store(&h->init_code, rc);
        _exit(1);
    }
    work(here.channel);
}

/* Of a program with more rights than its caller the environment is not to be
 * believed; it opens no pools either. */
__attribute__((constructor)) static void begin(void)
{
    const char *mark = secure_getenv(bi_child_mark);
    if (!mark)
        return;
    long parent = strtol(mark, NULL, 10);
    unsetenv(bi_child_mark);
    serve(parent);
}
