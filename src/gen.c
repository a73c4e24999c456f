/* gen.c: functions that give their values one by one.
 *
 * A generator is a task, a child of the scope in which it was opened, and what
 * lies between it and the one who asks is a meeting: `ask` is a next that waits
 * for a value, `offer` is the yield that the generator is parked in.  A yield
 * whose value was taken stays parked until it is asked again; so the generator
 * runs only while somebody wants a value.
 *
 * Being a task it may wait for anything, and keep scopes, groups and locks open
 * across a yield.  Law 3 holds for both sides: a next that is cancelled has
 * taken nothing, and the value that comes later is there for another next; a
 * yield returns 0 if and only if its value was taken, cancelled or not.
 *
 * The hard transition is close: it fires the generator's own scope, and wakes
 * a yield that a shield keeps from hearing of it.  One that was never asked
 * begins now, and is refused its first wait: what was opened always runs, so
 * that it can free what it was given.
 *
 * Rejected: a bare coroutine in the task of the one who asks.  It switches once
 * less, but a scope that it has open at a yield would be around code that knows
 * nothing of it; a direct switch past the run queue, which would let two tasks
 * keep all others from running.
 */
#include "park.h"
#include "task.h"

enum state {
    OPEN = 0x6269476f,
    CLOSING = 0x6269476c,
    CLOSED = 0x62694763,
};

/* struct bide_gen, as it is inside. */
struct __attribute__((may_alias)) bi_gen {
    bide_fn *fn;
    void *arg;
    struct bi_task *task;   /* NULL once it has ended */
    struct ask *ask;
    struct offer *offer;
    struct bi_wait *closer; /* the close that waits for its end */
    intptr_t result;        /* once it has ended, as others are told it */
    uint32_t state;
    bool begun;
    bool cut; /* ended by a cancel */
};

static_assert(sizeof(struct bi_gen) <= sizeof(struct bide_gen),
              "struct bide_gen is too small in bide.h");

struct ask {
    struct bi_wait wait;
    void *value;
};

struct offer {
    struct bi_wait wait;
    void *value;
    bool taken;
};

static struct bi_gen *gen_of(const void *gen)
{
    return (struct bi_gen *)(uintptr_t)gen;
}

static bool ask_withdraw(struct bi_wait *wait)
{
    gen_of(wait->on)->ask = NULL;
    return true;
}

static bool offer_withdraw(struct bi_wait *wait)
{
    gen_of(wait->on)->offer = NULL;
    return true;
}

/* ---- The generator's side ----------------------------------------------- */

static intptr_t generate(void *arg)
{
    struct bi_gen *g = arg;
    return g->fn(g->arg);
}

static void ended(struct bi_task *task)
{
    struct bi_gen *g = task->arg;
    g->cut = task->cut;
    g->result = bi_task_outcome(task);
    g->task = NULL;
    if (g->ask)
        bi_wake(&g->ask->wait, g->result < 0 ? g->result : 0);
    g->ask = NULL;
    if (g->closer)
        bi_wake(g->closer, 0);
}

int bide_gen_yield(void *value)
{
    struct bi_task *self = bi_current_in(__func__);
    BI_CONTRACT(self->on_end == ended, __func__,
                "called it outside a generator");
    struct bi_gen *g = self->arg;
    int rc = bi_park_check(self);
    if (rc)
        return rc;
    if (g->state != OPEN)
        return -ECANCELED;
    struct offer offer = {
        .wait = bi_wait_make(self, "generator yield", g, offer_withdraw),
        .value = value,
        .taken = g->ask != NULL,
    };
    if (g->ask) {
        g->ask->value = value;
        bi_wake(&g->ask->wait, 1);
        g->ask = NULL;
    }
    g->offer = &offer;
    rc = (int)bi_park(&offer.wait);
    return offer.taken ? 0 : rc;
}

/* Let it go on from where it stands: its begin, or a yield. */
static void resume(struct bi_gen *g)
{
    struct offer *offer = g->offer;
    g->offer = NULL;
    if (!g->begun)
        bi_task_launch(g->task, NULL);
    else if (offer)
        bi_wake(&offer->wait, -ECANCELED);
    g->begun = true;
}

/* ---- The other side ----------------------------------------------------- */

/* Whoever asks or closes waits for the generator's task. */
static struct bi_task *generator(const struct bi_wait *wait,
                                 const struct bi_task *after)
{
    return after ? NULL : ((const struct bi_gen *)wait->on)->task;
}

int bide_gen_open(struct bide_gen *gen, bide_fn *fn, void *arg)
{
    struct bi_task *self = bi_current_in(__func__);
    struct bi_gen *g = gen_of(gen);
    struct bi_spawn how = {generate, g, self->scope,
                           __builtin_return_address(0), NULL};
    struct bi_task *task;
    bi_annotate_defined(&g->state, sizeof g->state);
    BI_CONTRACT(g->state != OPEN && g->state != CLOSING, __func__,
                "opened a generator that is open already");
    int rc = fn ? bi_task_make(self->run, &how, &task) : -EINVAL;
    if (rc < 0)
        return rc;
    task->on_end = ended;
    *g = (struct bi_gen){.fn = fn, .arg = arg, .task = task, .state = OPEN};
    return 0;
}

/* Let it go on to its next yield, or to its end. */
static int await_value(struct bi_gen *g, struct bi_task *self, void **value)
{
    struct ask ask = {
        .wait = bi_wait_make(self, "generator next", g, ask_withdraw),
    };
    ask.wait.blocker = generator;
    resume(g);
    g->ask = &ask;
    int rc = (int)bi_park(&ask.wait);
    if (rc == 1)
        *value = ask.value;
    return rc;
}

int bide_gen_next(struct bide_gen *gen, void **value)
{
    struct bi_task *self = bi_current_in(__func__);
    struct bi_gen *g = gen_of(gen);
    int rc = bi_park_check(self);
    if (rc)
        return rc;
    BI_CONTRACT(g->state == OPEN, __func__,
                "asked a generator that is not open");
    if (g->task == self)
        return -EDEADLK;
    if (g->ask)
        return -EBUSY;
    void *unwanted;
    if (!value)
        value = &unwanted;
    if (g->offer && !g->offer->taken) {
        g->offer->taken = true;
        *value = g->offer->value;
        return 1;
    }
    if (g->task)
        return await_value(g, self, value);
    return g->result < 0 ? (int)g->result : 0;
}

intptr_t bide_gen_close(struct bide_gen *gen)
{
    struct bi_task *self = bi_current_in(__func__);
    struct bi_gen *g = gen_of(gen);
    BI_CONTRACT(g->state == OPEN, __func__,
                "closed a generator that is not open");
    if (g->task == self)
        return -EDEADLK;
    g->state = CLOSING;
    if (g->task) {
        bi_scope_fire(&g->task->root, self->run, -ECANCELED);
        resume(g);
        struct bi_wait wait = bi_wait_make(self, "generator close", g, NULL);
        wait.blocker = generator;
        g->closer = &wait;
        bi_park(&wait);
    }
    g->state = CLOSED;
    return g->cut ? 0 : g->result;
}
