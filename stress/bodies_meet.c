/* bodies_meet.c: what tasks meet at: events, barriers, once, countdowns. */
#include "stress.h"

static struct bide_lock_info info;
static int inside, done;

/* ---- Events ------------------------------------------------------------- */

static struct bide_event event;

static intptr_t wait_for_event(void *arg)
{
    int rc = bide_event_wait(&event);
    must(rc < 0 || done == 1, "nobody goes on before it is set");
    return arg ? 0 : rc;
}

static intptr_t set_event(void *arg)
{
    int rc = breathe();
    done = 1;
    bide_event_set(&event);
    return arg ? 0 : rc;
}

static intptr_t body_event(void *arg)
{
    (void)arg;
    struct bide_call calls[] = {{wait_for_event, NULL, 0},
                                {wait_for_event, NULL, 0},
                                {set_event, NULL, 0},
                                {wait_for_event, NULL, 0}};
    event = (struct bide_event){0};
    done = 0;
    strike_first(calls, LENGTH(calls));
    must(calls[1].result == 0 && calls[3].result == 0,
         "who waits for it goes on");
    return 0;
}

/* Set and clear at once: who waits already goes on all the same. */
static intptr_t ring_and_set(void *arg)
{
    bide_event_info(&event, &info);
    done = info.waiters > 0;
    bide_event_set(&event);
    bide_event_clear(&event);
    bide_event_info(&event, &info);
    must(info.waiters == 0, "all present waiters go on");
    must(!bide_event_is_set(&event), "those who come later wait");
    return set_event(arg);
}

static intptr_t body_event_clear(void *arg)
{
    (void)arg;
    struct bide_call calls[] = {{wait_for_event, NULL, 0},
                                {wait_for_event, NULL, 0},
                                {ring_and_set, NULL, 0},
                                {wait_for_event, NULL, 0}};
    event = (struct bide_event){0};
    done = 0;
    strike_first(calls, LENGTH(calls));
    must(calls[1].result == 0 && calls[3].result == 0,
         "who waits for it goes on");
    must(bide_event_is_set(&event), "it stays set");
    return 0;
}

/* ---- Barriers ----------------------------------------------------------- */

static struct bide_barrier barrier;
static unsigned seen;

static intptr_t meet_twice(void *arg)
{
    static const unsigned all[] = {7, 63};
    for (int round = 0; round < 2; round++) {
        int rc = bide_barrier_wait(&barrier);
        if (rc < 0)
            return rc;
        seen |= 1u << (round * 3 + rc);
        done++;
        must(done > round * 3, "nobody is a round ahead");
        must(seen <= all[round], "no index is of the next round");
        rc = breathe();
        if (rc < 0)
            return rc;
    }
    return VALUE(arg);
}

static intptr_t body_barrier(void *arg)
{
    (void)arg;
    struct bide_call calls[] = {{meet_twice, NULL, 0}, {meet_twice, NULL, 0},
                                {meet_twice, NULL, 0}};
    barrier = (struct bide_barrier){.count = 3};
    seen = 0;
    done = 0;
    intptr_t rc = bide_gather(calls, 3, BIDE_FAIL_FAST);
    must(seen == 63 && done == 6, "each index is given once a round");
    return rc;
}

/* Who is cancelled counts as not arrived, and gives the barrier up. */
static intptr_t meet_or_abort(void *arg)
{
    int rc = bide_barrier_wait(&barrier);
    if (rc == -ECANCELED)
        bide_barrier_abort(&barrier);
    return arg && rc == -ENOTRECOVERABLE ? 7 : rc;
}

static intptr_t body_barrier_cancel(void *arg)
{
    (void)arg;
    struct bide_call calls[] = {{meet_or_abort, NULL, 0},
                                {meet_or_abort, NUM(1), 0},
                                {meet_or_abort, NUM(1), 0}};
    barrier = (struct bide_barrier){.count = 3};
    strike_first(calls, LENGTH(calls));
    for (int i = 1; i < 3; i++)
        must(calls[0].result < 0 ? calls[i].result == 7 : calls[i].result < 3,
             "all have met, or nobody has");
    return 0;
}

/* One is missing, until the barrier is given up. */
static intptr_t be_sent_away(void *arg)
{
    int rc = -ENOTRECOVERABLE;
    for (int i = 0; i < 2 && rc == -ENOTRECOVERABLE; i++)
        rc = bide_barrier_wait(&barrier);
    must(rc == -ENOTRECOVERABLE || (rc == -ECANCELED && !arg),
         "who waits is sent away");
    return 0;
}

static intptr_t reset_and_abort(void *arg)
{
    for (int i = 0; i < 2; i++) {
        bide_barrier_info(&barrier, &info);
        must(info.waiters <= 2, "no more wait than have come");
        must(breathe() == 0, "nobody cancels this one");
        (i ? bide_barrier_abort : bide_barrier_reset)(&barrier);
        bide_barrier_info(&barrier, &info);
        must(info.waiters == 0, "all present waiters are sent away");
    }
    return VALUE(arg);
}

static intptr_t body_barrier_reset(void *arg)
{
    (void)arg;
    struct bide_call calls[] = {{be_sent_away, NULL, 0},
                                {be_sent_away, NUM(1), 0},
                                {reset_and_abort, NULL, 0}};
    barrier = (struct bide_barrier){.count = 3};
    strike_first(calls, LENGTH(calls));
    must(bide_barrier_wait(&barrier) == -ENOTRECOVERABLE, "it is aborted");
    bide_barrier_reset(&barrier);
    struct bide_call again[] = {{meet_twice, NULL, 0}, {meet_twice, NULL, 0},
                                {meet_twice, NULL, 0}};
    seen = 0;
    done = 0;
    intptr_t rc = bide_gather(again, 3, BIDE_FAIL_FAST);
    must(seen == 63, "it begins anew");
    return rc;
}

/* ---- Once --------------------------------------------------------------- */

static struct bide_once once;

static intptr_t succeed_second(void *arg)
{
    must(++inside == 1, "one runs it at a time");
    bide_once_info(&once, &info);
    must(info.owner == bide_self(), "who runs it is told");
    int rc = breathe();
    inside--;
    if (rc < 0)
        return rc;
    return ++done == 1 ? -EAGAIN : 40 + VALUE(arg);
}

static intptr_t do_once(void *arg)
{
    intptr_t rc = bide_once(&once, succeed_second, arg);
    must(rc == 42 || rc == -EAGAIN || rc == -ECANCELED,
         "it comes to one success");
    return rc;
}

static intptr_t body_once(void *arg)
{
    (void)arg;
    struct bide_call calls[] = {{do_once, NUM(2), 0}, {do_once, NUM(2), 0},
                                {do_once, NUM(2), 0}, {do_once, NUM(2), 0}};
    once = (struct bide_once){0};
    inside = done = 0;
    strike_first(calls, LENGTH(calls));
    must(done == 2, "it has failed once and succeeded once");
    return 0;
}

/* ---- Countdowns --------------------------------------------------------- */

static struct bide_countdown countdown;

static intptr_t count_one(void *arg)
{
    int rc = breathe();
    done++;
    must(bide_countdown_done(&countdown) == 0, "it was to be done");
    return arg ? 0 : rc;
}

static intptr_t wait_for_none(void *arg)
{
    int rc = bide_countdown_wait(&countdown);
    must(rc < 0 || done == 3, "nobody goes on before all is done");
    return arg ? 0 : rc;
}

static intptr_t body_countdown(void *arg)
{
    (void)arg;
    struct bide_call calls[] = {{wait_for_none, NULL, 0},
                                {count_one, NULL, 0}, {count_one, NULL, 0},
                                {wait_for_none, NULL, 0},
                                {count_one, NULL, 0}};
    countdown = (struct bide_countdown){.count = 3};
    done = 0;
    strike_first(calls, LENGTH(calls));
    must(calls[3].result == 0, "who waits for it goes on");
    return 0;
}

/* One thing more, while there is something to be done. */
static intptr_t add_one(void *arg)
{
    must(bide_countdown_add(&countdown, 1) == 0, "there is room for one more");
    must(breathe() == 0, "nobody cancels this one");
    bide_countdown_info(&countdown, &info);
    must(info.waiters <= 2, "no more wait than have come");
    done++;
    must(bide_countdown_done(&countdown) == 0, "it was to be done");
    return count_one(arg);
}

static intptr_t body_countdown_add(void *arg)
{
    (void)arg;
    struct bide_call calls[] = {{wait_for_none, NULL, 0}, {add_one, NULL, 0},
                                {wait_for_none, NULL, 0}};
    countdown = (struct bide_countdown){.count = 2};
    done = 1;
    must(bide_countdown_done(&countdown) == 0, "it was to be done");
    strike_first(calls, LENGTH(calls));
    must(calls[2].result == 0, "who waits for it goes on");
    return 0;
}

const struct body meet_bodies[] = {
    {"event", body_event},
    {"event clear", body_event_clear},
    {"barrier", body_barrier},
    {"barrier cancel", body_barrier_cancel},
    {"barrier reset", body_barrier_reset},
    {"once", body_once},
    {"countdown", body_countdown},
    {"countdown add", body_countdown_add},
    {NULL, NULL},
};
