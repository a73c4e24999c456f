/* settle.c: wait until all others wait.
 *
 * When nobody is ready the loop says so, and each settler's timer is set to go
 * off once its cushion has passed.  If anybody has run by then the rest was
 * disturbed: the timer has no effect, and is set anew at the next rest.  If
 * not, it is set once more, due at once: what the kernel had ready while this
 * process had no processor is taken in first.
 */
#include "park.h"
#include "timer.h"

#include <bide/test.h>

struct settler {
    struct bi_wait wait; /* on run->settlers */
    struct bi_timer timer;
    bide_time cushion;
    uint64_t switches; /* of the run when the timer was set */
    bool rested;       /* the cushion has passed since */
};

static struct settler *settler_of(struct bi_wait *wait)
{
    return bi_container_of(wait, struct settler, wait);
}

static void leave(struct settler *s)
{
    struct bi_run *run = s->wait.task->run;
    bi_timer_disarm(run, &s->timer);
    bi_list_remove(&s->wait.link);
    if (bi_list_empty(&run->settlers))
        run->idle = NULL;
}

static void passed(struct bi_timer *timer)
{
    struct settler *s = bi_container_of(timer, struct settler, timer);
    if (s->switches != s->wait.task->run->switches)
        return;
    if (!s->rested) {
        s->rested = true;
        return;
    }
    leave(s);
    bi_wake(&s->wait, 0);
}

static void idle(struct bi_run *run)
{
    BI_LIST_EACH(link, &run->settlers) {
        struct settler *s =
            settler_of(bi_container_of(link, struct bi_wait, link));
        bool undisturbed = s->switches == run->switches;
        if (s->timer.armed && undisturbed)
            continue;
        bi_timer_disarm(run, &s->timer);
        s->rested &= undisturbed;
        s->switches = run->switches;
        bide_time room = BIDE_FOREVER - run->now;
        bide_time span = s->rested ? 0 : bi_earlier(s->cushion, room);
        bi_timer_arm(run, &s->timer, run->now + span, passed);
    }
}

static bool withdraw(struct bi_wait *wait)
{
    leave(settler_of(wait));
    return true;
}

int bide_test_settle(bide_time cushion)
{
    struct bi_task *self = bi_current_in(__func__);
    if (cushion < 0)
        return -EINVAL;
    int rc = bi_park_check(self);
    if (rc)
        return rc;
    struct settler s = {
        .wait = bi_wait_make(self, "settle", NULL, withdraw),
        .cushion = cushion,
    };
    bi_list_push_back(&self->run->settlers, &s.wait.link);
    self->run->idle = idle;
    return (int)bi_park(&s.wait);
}
