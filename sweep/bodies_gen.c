/* bodies_gen.c: what takes memory of the run for locals, deferred calls and
 * generators; and bare coroutines, which need no run.
 */
#include "body.h"

#include <bide/coro.h>

/* ---- Locals and deferred calls ------------------------------------------ */

static int kept; /* values and calls that are still to be seen to */

static void *keep(void *value)
{
    kept++;
    return value;
}

static void let_go(void *unused)
{
    (void)unused;
    kept--;
}

static struct bide_local owned = {keep, let_go};

static intptr_t see_local(void *unused)
{
    (void)unused;
    EXPECT(bide_local_get(&owned) == NUM(7));
    intptr_t rc = bide_defer(let_go, NULL);
    kept += rc == 0;
    return rc;
}

static intptr_t set_and_spawn(void *unused)
{
    (void)unused;
    bide_task *t;
    intptr_t rc = bide_local_set(&owned, NUM(7));
    if (rc < 0)
        return rc;
    kept++;
    rc = bide_spawn(&t, see_local, NULL);
    if (rc < 0)
        return rc;
    rc = bide_await(t);
    bide_release(t);
    return rc;
}

static intptr_t locals(void *unused)
{
    (void)unused;
    bide_task *t;
    kept = 0;
    intptr_t rc = bide_spawn(&t, set_and_spawn, NULL);
    if (rc < 0)
        return rc;
    rc = bide_await(t);
    bide_release(t);
    EXPECT(kept == 0);
    return rc;
}

/* ---- Generators --------------------------------------------------------- */

static intptr_t count_to(void *n)
{
    intptr_t rc = 0;
    for (intptr_t i = 1; i <= (intptr_t)n && rc == 0; i++)
        rc = bide_gen_yield(NUM(i));
    return rc;
}

static intptr_t generator(void *take)
{
    struct bide_gen g = {0};
    void *value;
    intptr_t rc = bide_gen_open(&g, count_to, NUM(3));
    if (rc < 0)
        return rc;
    for (intptr_t i = 1; i <= (intptr_t)take; i++)
        EXPECT(bide_gen_next(&g, &value) == 1 && value == NUM(i));
    return bide_gen_close(&g);
}

/* ---- Coroutines --------------------------------------------------------- */

static void *double_it(struct bide_coro *c, void *value)
{
    while (value)
        value = bide_coro_leave(c, NUM(2 * (intptr_t)value));
    return NULL;
}

static intptr_t coroutine(void *unused)
{
    struct bide_coro c = {0};
    int rc = bide_coro_init(&c, double_it, NULL, 0);
    if (rc < 0)
        return rc;
    EXPECT(bide_coro_enter(&c, NUM(4)) == NUM(8));
    EXPECT(bide_coro_enter(&c, unused) == NULL && bide_coro_done(&c));
    bide_coro_end(&c);
    return 0;
}

const struct body bodies_gen[] = {
    {"locals", locals, 0, INSIDE},
    {"generator", generator, 3, INSIDE},
    {"generator_closed_early", generator, 1, INSIDE},
    {"generator_never_asked", generator, 0, INSIDE},
    {"coroutine", coroutine, 0, OUTSIDE},
    {"coroutine_first_use", coroutine, 0, FIRST_USE},
    {0},
};
