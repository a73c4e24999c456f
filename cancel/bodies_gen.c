/* bodies_gen.c: generators, limiters, and races of attempts that come late. */
#include "cancel.h"

#define VALUES 6

/* ---- Generators --------------------------------------------------------- */

struct source {
    struct bide_gen gen;
    long given, taken; /* the last number that was yielded, and received */
    int running;       /* functions that have begun and not ended */
};

static intptr_t yield_numbers(void *arg)
{
    struct source *source = arg;
    int rc = 0;
    source->running++;
    while (rc == 0 && source->given < VALUES) {
        turn();
        rc = bide_gen_yield((void *)(source->given + 1));
        source->given += rc == 0;
    }
    source->running--;
    return rc;
}

/* Take what there is.  0 at the end, or what stopped it. */
static int take_numbers(struct source *source)
{
    void *value;
    int rc;
    while ((rc = bide_gen_next(&source->gen, &value)) == 1)
        equal((long)value, ++source->taken, "values come once, in order");
    return rc;
}

static intptr_t take_in_danger(void *arg)
{
    int rc = take_numbers(arg);
    return rc < 0 ? stopped(rc) : 0;
}

/* The generator belongs to another: whoever comes after takes the rest. */
static void generator_of_another(const struct choice *unused)
{
    (void)unused;
    struct source source = {0};
    equal(bide_gen_open(&source.gen, yield_numbers, &source), 0, "it opens");
    endanger(take_in_danger, &source);
    equal(take_numbers(&source), 0, "the rest can be taken");
    equal(source.taken, VALUES, "no value is lost");
    equal(bide_gen_close(&source.gen), 0, "it has ended well");
}

static intptr_t own_generator(void *arg)
{
    struct source *source = arg;
    equal(bide_gen_open(&source->gen, yield_numbers, source), 0, "it opens");
    int rc = take_numbers(source);
    equal(bide_gen_close(&source->gen), 0, "a cancel is no error of it");
    equal(source->running, 0, "a closed generator has ended");
    equal(source->given, source->taken, "a yield succeeds where it was taken");
    /* What was cancelled with it may be told as its end. */
    return rc == -ECHILD ? 0 : rc < 0 ? stopped(rc) : 0;
}

static void generator_of_ones_own(const struct choice *unused)
{
    (void)unused;
    struct source source = {0};
    endanger(own_generator, &source);
}

/* ---- A limiter ---------------------------------------------------------- */

struct house {
    struct bide_limiter limiter;
    size_t inside;
};

static int visit(struct house *house)
{
    struct bide_token token = {0};
    int rc = bide_limiter_acquire(&house->limiter, &token);
    if (rc < 0) {
        equal(bide_limiter_release(&house->limiter, &token), -EPERM,
              "who was refused has borrowed nothing");
        return rc;
    }
    holds(++house->inside <= 2, "no more are inside than may be");
    turn();
    house->inside--;
    return bide_limiter_release(&house->limiter, &token);
}

static intptr_t visit_in_danger(void *house)
{
    int rc = 0;
    for (int i = 0; i < 3 && rc == 0; i++)
        rc = visit(house);
    return rc < 0 ? stopped(rc) : 0;
}

static intptr_t visit_safely(void *house)
{
    for (int i = 0; i < 3; i++) {
        equal(visit(house), 0, "rivals get in");
        turn();
    }
    return 0;
}

static void limiter_among_rivals(const struct choice *unused)
{
    (void)unused;
    struct house house = {.limiter.total = 2};
    struct bide_lock_info info;
    struct bide_group g = {0};
    bide_group_open(&g, BIDE_FAIL_FAST);
    for (int i = 0; i < 3; i++)
        beside(&g, visit_safely, &house);
    endanger(visit_in_danger, &house);
    all_ended(&g);
    bide_limiter_info(&house.limiter, &info);
    equal((long)info.holders, 0, "all was given back");
}

/* ---- Attempts ----------------------------------------------------------- */

static int alive;

static intptr_t attempt(void *turns)
{
    int rc = 0;
    alive++;
    for (intptr_t i = 0; i < (intptr_t)turns && rc == 0; i++)
        rc = bide_yield();
    alive--;
    return rc;
}

static intptr_t fail(void *unused)
{
    (void)unused;
    return -EIO;
}

static intptr_t race_in_danger(void *unused)
{
    struct bide_call calls[] = {{fail, NULL, 0}, {attempt, (void *)8, 0},
                                {fail, NULL, 0}, {attempt, (void *)3, 0}};
    (void)unused;
    intptr_t rc = bide_race_staggered(calls, 4, BIDE_US(1));
    equal(alive, 0, "every attempt has ended");
    holds(rc < 0 || calls[rc].result >= 0, "who has won has succeeded");
    return rc < 0 ? stopped(rc) : 0;
}

static intptr_t hedge_in_danger(void *unused)
{
    (void)unused;
    intptr_t rc = bide_hedge(attempt, (void *)6, 3, BIDE_US(1));
    equal(alive, 0, "every attempt has ended");
    return rc < 0 ? stopped(rc) : 0;
}

static void attempts(const struct choice *c)
{
    alive = 0;
    endanger(c->call ? hedge_in_danger : race_in_danger, NULL);
}

void gen_bodies(void)
{
    add_body("gen.of_another", generator_of_another, (struct choice){0});
    add_body("gen.of_ones_own", generator_of_ones_own, (struct choice){0});
    add_body("limiter", limiter_among_rivals, (struct choice){0});
    add_body("race.staggered", attempts, (struct choice){0});
    add_body("hedge", attempts, (struct choice){0, 1, 0});
}
