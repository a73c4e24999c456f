/* clock.c: time for tasks: now, after, yield, sleep. */
#include "park.h"
#include "sys.h"
#include "timer.h"

bide_time bide_now(void)
{
    return bi_sys.now();
}

bide_time bide_after(bide_time span)
{
    bide_time now = bi_sys.now();
    return span > BIDE_FOREVER - now ? BIDE_FOREVER : now + span;
}

int bide_yield(void)
{
    struct bi_task *task = bi_current_in(__func__);
    int rc = bi_park_check(task);
    if (rc)
        return rc;
    bi_park_yield(task);
    return 0;
}

/* A sleep: a wait that a timer ends. */
struct sleep {
    struct bi_wait wait;
    struct bi_timer timer;
};

static void over(struct bi_timer *timer)
{
    bi_wake(&bi_container_of(timer, struct sleep, timer)->wait, 0);
}

static bool withdraw(struct bi_wait *wait)
{
    struct sleep *sleep = bi_container_of(wait, struct sleep, wait);
    bi_timer_disarm(wait->task->run, &sleep->timer);
    return true;
}

static int sleep_until(struct bi_task *task, bide_time deadline)
{
    int rc = bi_park_check(task);
    if (rc)
        return rc;
    struct sleep sleep = {
        .wait = bi_wait_make(task, "sleep", NULL, withdraw),
    };
    bi_timer_arm(task->run, &sleep.timer, deadline, over);
    return (int)bi_park(&sleep.wait);
}

int bide_sleep(bide_time span)
{
    struct bi_task *task = bi_current_in(__func__);
    if (span < 0)
        return -EINVAL;
    return span ? sleep_until(task, bide_after(span)) : bide_yield();
}

int bide_sleep_until(bide_time deadline)
{
    return sleep_until(bi_current_in(__func__), deadline);
}
