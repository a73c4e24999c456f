/* bodies_signal.c: signals: none that was sent is lost to a cancelled wait. */
#include "cancel.h"

#include <signal.h>
#include <unistd.h>

enum { SIGNALS = 4, BY_RECEIVER = 0, BY_RUN = 1 };

/* What is sent, and where it goes. */
struct post {
    bide_signals *r; /* or NULL: the run's own */
    int taken;
};

static int next(struct post *p)
{
    const int wanted[] = {SIGRTMIN};
    return p->r ? bide_signals_next(p->r, NULL) : bide_signal_wait(wanted, 1);
}

static intptr_t take_in_danger(void *arg)
{
    struct post *p = arg;
    while (p->taken < SIGNALS) {
        int rc = next(p);
        if (rc < 0)
            return stopped(rc);
        equal(rc, SIGRTMIN, "the signal that was sent comes");
        p->taken++;
    }
    return 0;
}

static intptr_t send_them(void *arg)
{
    (void)arg;
    for (int i = 0; i < SIGNALS; i++) {
        turn();
        raise(SIGRTMIN);
    }
    return 0;
}

static intptr_t wait_once(void *post)
{
    return next(post);
}

/* The run receives a signal from the first wait for it on; that one is
 * cancelled when it has begun. */
static void begin_to_receive(struct post *p)
{
    bide_task *first;
    intptr_t result = 0;
    equal(bide_spawn(&first, wait_once, p), 0, "a task waits");
    turn();
    bide_cancel(first);
    equal(bide_join(first, &result), 0, "and ends");
    equal(result, -ECANCELED, "none came before");
    bide_release(first);
}

static void signals(const struct choice *choice)
{
    const int wanted[] = {SIGRTMIN};
    struct post p = {0};
    struct bide_group g = {0};
    if (choice->call == BY_RECEIVER)
        equal(bide_signals_open(&p.r, wanted, 1), 0, "a receiver is opened");
    else
        begin_to_receive(&p);
    bide_group_open(&g, BIDE_FAIL_FAST);
    beside(&g, send_them, NULL);
    endanger(take_in_danger, &p);
    all_ended(&g);
    for (; p.taken < SIGNALS; p.taken++)
        equal(next(&p), SIGRTMIN, "a cancelled wait took no signal");
    if (p.r)
        bide_signals_close(p.r);
}

void signal_bodies(void)
{
    add_body("signal.next", signals, (struct choice){.call = BY_RECEIVER});
    add_body("signal.wait", signals, (struct choice){.call = BY_RUN});
}
