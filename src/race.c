/* race.c: several calls, of which the first to succeed ends the others.
 *
 * A race is a group that one attempt cancels, and that is closed as any other:
 * when it returns, nobody is on the way any more.  A staggered race begins its
 * attempts one by one: the next when one has failed, or when the last has had
 * its time, whichever is first.  Each failure begins one attempt, so that two
 * in one moment begin two.
 */
#include "race.h"

#include "gather.h"
#include "park.h"

static intptr_t attempt(void *arg)
{
    struct bide_call *call = arg;
    struct bide_group *g = bi_current()->group;
    struct bi_race *race = bi_container_of(g, struct bi_race, group);
    intptr_t result = call->fn(call->arg);
    call->result = result;
    race->failed += result < 0;
    if (result >= 0 && !race->won) {
        race->won = true;
        race->winner = (size_t)(call - race->calls);
        race->value = result;
        bide_group_cancel(g);
    }
    return result;
}

/* Wait until the next attempt is due: 0, or why there is to be none. */
static int wait_until_due(struct bi_race *race, bide_time delay)
{
    struct bide_scope pause;
    int rc = 0;
    if (delay == 0)
        return bide_cancel_code();
    bide_scope_open(&pause, bide_after(delay));
    while (rc == 0 && race->answered == race->failed)
        rc = bi_group_wait_below(&race->group,
                                 bi_group_of(&race->group)->alive, "race");
    bide_scope_close(&pause, rc);
    if (race->answered < race->failed)
        race->answered++;
    return bide_cancel_code();
}

intptr_t bi_race_run(struct bi_race *race, size_t n, bide_time delay,
                     const void *site, const char *func)
{
    int rc = 0;
    bi_group_enter(&race->group, BIDE_COLLECT, true, func);
    for (size_t i = 0; i < n && rc == 0; i++) {
        if (i > 0)
            rc = wait_until_due(race, delay);
        if (rc == 0)
            rc = bi_group_add(&race->group, NULL, attempt,
                              &race->calls[race->same ? 0 : i], NULL, site);
    }
    intptr_t result = bi_group_leave(&race->group, rc, func);
    if (race->won)
        return 0;
    return result < 0 ? result : bi_group_of(&race->group)->first_error;
}

static intptr_t run(struct bide_call *calls, size_t n, bide_time delay,
                    const void *site, const char *func)
{
    bi_current_in(func);
    intptr_t rc = n && delay >= 0 ? bi_gather_check(calls, n) : -EINVAL;
    if (rc < 0)
        return rc;
    struct bi_race race = {.calls = calls};
    rc = bi_race_run(&race, n, delay, site, func);
    return rc < 0 ? rc : (intptr_t)race.winner;
}

intptr_t bide_race(struct bide_call *calls, size_t n)
{
    return run(calls, n, 0, __builtin_return_address(0), __func__);
}

intptr_t bide_race_staggered(struct bide_call *calls, size_t n, bide_time delay)
{
    return run(calls, n, delay, __builtin_return_address(0), __func__);
}
