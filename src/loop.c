/* loop.c: a run's handle.
 *
 * It outlives the run for those who still hold it: its inbox then refuses their
 * letters.  `refs` counts who may touch it, the run included; `holders` those
 * from whom something may still come, so that a run that waits for nothing else
 * is not deadlocked.
 */
#include "loop.h"

#include "core.h"

#include <stdlib.h>

struct bide_loop *bi_loop_make(int *error)
{
    struct bide_loop *loop = calloc(1, sizeof *loop);
    *error = loop ? bi_inbox_open(&loop->inbox) : -ENOMEM;
    if (*error < 0) {
        free(loop);
        return NULL;
    }
    atomic_init(&loop->refs, 1);
    return loop;
}

void bi_loop_drop(struct bide_loop *loop)
{
    if (atomic_fetch_sub(&loop->refs, 1) > 1)
        return;
    bi_inbox_close(&loop->inbox);
    free(loop);
}

bide_loop *bide_loop_ref(void)
{
    struct bide_loop *loop = bi_current_in(__func__)->run->handle;
    atomic_fetch_add(&loop->refs, 1);
    atomic_fetch_add(&loop->inbox.holders, 1);
    return loop;
}

void bide_loop_unref(bide_loop *loop)
{
    BI_CONTRACT(loop, __func__, "was given NULL");
    unsigned held = atomic_fetch_sub(&loop->inbox.holders, 1);
    BI_CONTRACT(held > 0, __func__, "gave back a run that nobody holds");
    /* The run may have nothing else left to wait for: let it look. */
    if (held == 1)
        bi_inbox_nudge(&loop->inbox);
    bi_loop_drop(loop);
}
