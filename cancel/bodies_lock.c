/* bodies_lock.c: what tasks wait for from each other beside locks and channels:
 * readers and writers, conditions, permits, barriers, once, countdowns.
 */
#include "cancel.h"

#define ROUNDS 3

/* ---- Readers and writers ------------------------------------------------ */

struct library {
    struct bide_rwlock lock;
    int readers, writers;
    unsigned visits; /* of the rivals */
};

static void be_inside(struct library *l, bool writes)
{
    *(writes ? &l->writers : &l->readers) += 1;
    holds(l->writers == 0 || (l->writers == 1 && l->readers == 0),
          "a writer is alone");
    turn();
    *(writes ? &l->writers : &l->readers) -= 1;
    equal(bide_rwlock_unlock(&l->lock), 0, "who is in can leave");
}

static int go_in(struct library *l, bool writes)
{
    return writes ? bide_rwlock_wrlock(&l->lock) : bide_rwlock_rdlock(&l->lock);
}

static bool danger_writes;

static intptr_t visit_in_danger(void *arg)
{
    struct library *l = arg;
    for (int i = 0; i < ROUNDS; i++) {
        int rc = go_in(l, danger_writes);
        if (rc < 0) {
            equal(bide_rwlock_unlock(&l->lock), -EPERM,
                  "who was refused the lock does not hold it");
            return stopped(rc);
        }
        be_inside(l, danger_writes);
    }
    return 0;
}

static void visit_safely(struct library *l, bool writes)
{
    for (int i = 0; i < ROUNDS; i++) {
        equal(go_in(l, writes), 0, "rivals get the lock");
        be_inside(l, writes);
        l->visits++;
        turn();
    }
}

static intptr_t read_safely(void *arg)
{
    visit_safely(arg, false);
    return 0;
}

static intptr_t write_safely(void *arg)
{
    visit_safely(arg, true);
    return 0;
}

static void rwlock_among_rivals(const struct choice *c)
{
    struct library l = {0};
    struct bide_group g = {0};
    danger_writes = c->call;
    bide_group_open(&g, BIDE_FAIL_FAST);
    beside(&g, read_safely, &l);
    beside(&g, write_safely, &l);
    beside(&g, read_safely, &l);
    endanger(visit_in_danger, &l);
    all_ended(&g);
    equal(l.visits, 3 * ROUNDS, "no rival was kept out");
    equal(bide_rwlock_trywrlock(&l.lock), 0, "nobody holds the lock at last");
    bide_rwlock_unlock(&l.lock);
}

/* ---- A condition -------------------------------------------------------- */

struct shop {
    struct bide_mutex lock;
    struct bide_cond filled;
    int stock, made, sold, wanted;
};

/* Buy one; the lock is held before and after. */
static int buy(struct shop *shop)
{
    int rc = 0;
    while (rc == 0 && shop->stock == 0)
        rc = bide_cond_wait(&shop->filled, &shop->lock);
    if (rc == 0) {
        shop->stock--;
        shop->sold++;
    }
    return rc;
}

static intptr_t buy_in_danger(void *arg)
{
    struct shop *shop = arg;
    for (int i = 0; i < ROUNDS; i++) {
        int rc = bide_mutex_lock(&shop->lock);
        if (rc < 0)
            return stopped(rc);
        rc = buy(shop);
        equal(bide_mutex_unlock(&shop->lock), 0,
              "whatever a condition wait returns, the lock is held");
        if (rc < 0)
            return stopped(rc);
    }
    return 0;
}

static intptr_t buy_safely(void *arg)
{
    struct shop *shop = arg;
    for (int i = 0; i < ROUNDS; i++) {
        equal(bide_mutex_lock(&shop->lock), 0, "rivals get the lock");
        equal(buy(shop), 0, "rivals get their signal");
        bide_mutex_unlock(&shop->lock);
    }
    shop->wanted--;
    return 0;
}

/* One signal for each thing: were one lost, a rival would wait for ever. */
static intptr_t make_until_served(void *arg)
{
    struct shop *shop = arg;
    while (shop->wanted || !danger_is_over()) {
        equal(bide_mutex_lock(&shop->lock), 0, "the maker gets the lock");
        if (shop->stock == 0) {
            shop->stock++;
            shop->made++;
            bide_cond_signal(&shop->filled);
        }
        turn();
        bide_mutex_unlock(&shop->lock);
        turn();
    }
    return 0;
}

static void condition_among_rivals(const struct choice *unused)
{
    (void)unused;
    struct shop shop = {.wanted = 2};
    struct bide_group g = {0};
    bide_group_open(&g, BIDE_FAIL_FAST);
    beside(&g, buy_safely, &shop);
    beside(&g, make_until_served, &shop);
    beside(&g, buy_safely, &shop);
    endanger(buy_in_danger, &shop);
    all_ended(&g);
    equal(shop.sold + shop.stock, shop.made, "what was made is there or sold");
}

/* ---- Permits ------------------------------------------------------------ */

#define PERMITS 4

struct desk {
    struct bide_sem sem;
    unsigned out;
};

/* Take so many, use them, give them back. */
static int use(struct desk *desk, unsigned permits)
{
    int rc = bide_sem_acquire(&desk->sem, permits);
    if (rc < 0)
        return rc;
    desk->out += permits;
    holds(desk->out <= PERMITS, "no permit is given twice");
    turn();
    desk->out -= permits;
    return bide_sem_release(&desk->sem, permits);
}

static unsigned danger_wants;

static intptr_t use_in_danger(void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        int rc = use(arg, danger_wants);
        if (rc < 0)
            return stopped(rc);
    }
    return 0;
}

static intptr_t use_safely(void *arg)
{
    for (unsigned i = 1; i <= ROUNDS; i++)
        equal(use(arg, i), 0, "rivals get their permits");
    return 0;
}

static void permits_among_rivals(const struct choice *c)
{
    struct desk desk = {.sem = {.count = PERMITS, .limit = PERMITS}};
    struct bide_group g = {0};
    danger_wants = (unsigned)c->call;
    bide_group_open(&g, BIDE_FAIL_FAST);
    for (int i = 0; i < 3; i++)
        beside(&g, use_safely, &desk);
    endanger(use_in_danger, &desk);
    all_ended(&g);
    equal(desk.sem.count, PERMITS, "every permit came back");
}

/* ---- A barrier ---------------------------------------------------------- */

struct meeting {
    struct bide_barrier barrier;
    unsigned seen; /* indices of this round, a bit each */
    int rounds;
};

static int attend(struct meeting *m)
{
    int rc = bide_barrier_wait(&m->barrier);
    if (rc < 0)
        return rc;
    holds(rc < 2 && !(m->seen & 1u << rc), "an index is given once");
    m->seen |= 1u << rc;
    if (m->seen == 3) {
        m->seen = 0;
        m->rounds++;
    }
    return 0;
}

static intptr_t attend_in_danger(void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        int rc = attend(arg);
        if (rc < 0)
            return stopped(rc);
    }
    return 0;
}

static intptr_t attend_until_reset(void *arg)
{
    int rc;
    while ((rc = attend(arg)) == 0)
        turn();
    equal(rc, -ENOTRECOVERABLE, "the reset alone ends the wait of a rival");
    return 0;
}

static void barrier_of_two(const struct choice *unused)
{
    (void)unused;
    struct meeting m = {.barrier = {.count = 2}};
    struct bide_group g = {0};
    bide_group_open(&g, BIDE_FAIL_FAST);
    beside(&g, attend_until_reset, &m);
    endanger(attend_in_danger, &m);
    bide_barrier_abort(&m.barrier);
    all_ended(&g);
    holds(was_struck() || m.rounds == ROUNDS, "every round is a whole one");
}

/* ---- Once --------------------------------------------------------------- */

struct task_of_all {
    struct bide_once once;
    int running, made;
};

static intptr_t make(void *arg)
{
    struct task_of_all *t = arg;
    equal(++t->running, 1, "one runs at a time");
    int rc = 0;
    for (int i = 0; i < ROUNDS && rc == 0; i++)
        rc = bide_sleep(1); /* the others come and wait meanwhile */
    t->running--;
    t->made += rc == 0;
    return rc;
}

static intptr_t ask_in_danger(void *arg)
{
    struct task_of_all *t = arg;
    intptr_t rc = bide_once(&t->once, make, t);
    return rc < 0 ? stopped(rc) : 0;
}

static intptr_t ask_safely(void *arg)
{
    struct task_of_all *t = arg;
    equal(bide_once(&t->once, make, t), 0, "rivals find it done");
    equal(t->made, 1, "it is done once");
    return 0;
}

static void once_among_rivals(const struct choice *c)
{
    struct task_of_all t = {0};
    struct bide_group g = {0};
    bide_group_open(&g, BIDE_FAIL_FAST);
    beside(&g, ask_safely, &t);
    if (c->call)
        turn(); /* the rival is the first */
    endanger(ask_in_danger, &t);
    all_ended(&g);
    equal(t.made, 1, "it was done once");
}

/* ---- A countdown -------------------------------------------------------- */

static intptr_t count_in_danger(void *arg)
{
    int rc = bide_countdown_wait(arg);
    return rc < 0 ? stopped(rc) : 0;
}

static intptr_t count_safely(void *arg)
{
    struct bide_countdown *c = arg;
    equal(bide_countdown_wait(c), 0, "rivals wait to the end");
    equal(c->count, 0, "nothing is left to be done then");
    return 0;
}

static intptr_t count_down(void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        turn();
        equal(bide_countdown_done(arg), 0, "what was added can be done");
    }
    return 0;
}

static void countdown_among_rivals(const struct choice *unused)
{
    (void)unused;
    struct bide_countdown c = {.count = ROUNDS};
    struct bide_group g = {0};
    bide_group_open(&g, BIDE_FAIL_FAST);
    beside(&g, count_safely, &c);
    beside(&g, count_down, &c);
    endanger(count_in_danger, &c);
    all_ended(&g);
}

void lock_bodies(void)
{
    add_body("rwlock.read", rwlock_among_rivals, (struct choice){0, 0, 0});
    add_body("rwlock.write", rwlock_among_rivals, (struct choice){0, 1, 0});
    add_body("cond", condition_among_rivals, (struct choice){0});
    add_body("sem.one", permits_among_rivals, (struct choice){0, 1, 0});
    add_body("sem.all", permits_among_rivals, (struct choice){0, PERMITS, 0});
    add_body("barrier", barrier_of_two, (struct choice){0});
    add_body("once.first", once_among_rivals, (struct choice){0, 0, 0});
    add_body("once.second", once_among_rivals, (struct choice){0, 1, 0});
    add_body("countdown", countdown_among_rivals, (struct choice){0});
}
