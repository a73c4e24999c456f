/* bodies_signal.c: signals that are received while calls fail. */
#include "body.h"

#include <signal.h>
#include <unistd.h>

static void ignore(int number)
{
    (void)number;
}

/* SIGUSR2 must not kill the sweep when its receiver could not be had. */
static void use_handler(void)
{
    struct sigaction action = {.sa_handler = ignore};
    sigaction(SIGUSR1, &action, NULL);
    sigaction(SIGUSR2, &action, NULL);
}

static bool handler_is_back(int number)
{
    struct sigaction now;
    sigaction(number, NULL, &now);
    return now.sa_handler == ignore;
}

static intptr_t next_of(void *r)
{
    return bide_signals_next(r, NULL);
}

static intptr_t open_and_receive(void *arg)
{
    const int wanted[] = {SIGUSR1, SIGUSR2};
    bide_signals *r;
    (void)arg;
    use_handler();
    int rc = bide_signals_open(&r, wanted, 2);
    if (rc < 0) {
        EXPECT(handler_is_back(SIGUSR1) && handler_is_back(SIGUSR2));
        return rc;
    }
    kill(getpid(), SIGUSR2);
    rc = bide_signals_next(r, NULL);
    intptr_t late = within(BIDE_MS(1), next_of, r);
    bide_signals_close(r);
    EXPECT(rc < 0 || rc == SIGUSR2);
    EXPECT(late < 0);
    EXPECT(handler_is_back(SIGUSR1) && handler_is_back(SIGUSR2));
    return rc < 0 ? rc : late == -ETIMEDOUT ? 0 : late;
}

/* What is not taken is sent again, in one way or the other. */
static volatile sig_atomic_t came;

static void count(int number)
{
    (void)number;
    came++;
}

static intptr_t close_with_one_pending(void *arg)
{
    const int wanted[] = {SIGUSR1};
    struct sigaction action = {.sa_handler = count};
    bide_signals *r;
    (void)arg;
    sigaction(SIGUSR1, &action, NULL);
    came = 0;
    int rc = bide_signals_open(&r, wanted, 1);
    if (rc < 0)
        return rc;
    kill(getpid(), SIGUSR1);
    bide_signals_close(r);
    EXPECT(came <= 1);
    return came ? 0 : -EIO;
}

static intptr_t wait_twice(void *arg)
{
    const int wanted[] = {SIGUSR1, SIGUSR2};
    (void)arg;
    use_handler();
    struct bide_scope s = {0};
    /* Not over before the wait begins: from then on signals are kept. */
    bide_scope_open(&s, bide_after(BIDE_SEC(60)));
    int rc = bide_signal_wait(wanted, 2);
    rc = (int)bide_scope_close(&s, rc);
    EXPECT(rc < 0);
    if (rc != -ETIMEDOUT)
        return rc;
    kill(getpid(), SIGUSR1);
    rc = bide_signal_wait(wanted, 2);
    EXPECT(rc < 0 || rc == SIGUSR1);
    return rc < 0 ? rc : 0;
}

const struct body bodies_signal[] = {
    {"signal.receive", open_and_receive, 0, INSIDE},
    {"signal.close", close_with_one_pending, 0, INSIDE},
    {"signal.wait", wait_twice, 0, INSIDE},
    {0},
};
