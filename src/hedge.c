/* hedge.c: one call, made again while it has no answer.
 *
 * A staggered race of a call against itself.  Its attempts share the argument,
 * so no memory is taken for them.
 */
#include "gather.h"
#include "race.h"

intptr_t bide_hedge(bide_fn *fn, void *arg, size_t attempts, bide_time delay)
{
    bi_current_in(__func__);
    struct bide_call call = {.fn = fn, .arg = arg};
    struct bi_race race = {.calls = &call, .same = true};
    intptr_t rc =
        attempts && delay >= 0 ? bi_gather_check(&call, 1) : -EINVAL;
    if (rc == 0)
        rc = bi_race_run(&race, attempts, delay, __builtin_return_address(0),
                         __func__);
    return rc < 0 ? rc : race.value;
}
