/* test_lender.c: what is on a task's stack, and whom others wait for there.
 *
 * A task that ends while somebody waits for a lock on its stack, or holding one
 * there itself, is told of.
 */
#include "tasks.h"

static struct bide_mutex mutex;

static void fresh_lender(void)
{
    mutex = (struct bide_mutex){0};
}

static intptr_t wait_for_event(void *e)
{
    return bide_event_wait(e);
}

/* Lend an event to a waiter and end: 's' after a set, 'c' after a cancel. */
static intptr_t lend_event(void *how)
{
    struct bide_event own = {0};
    bide_task *waiter = spawn_as("waiter", wait_for_event, &own);
    turns(1);
    if (VALUE(how) == 's')
        bide_event_set(&own);
    if (VALUE(how) == 'c')
        bide_cancel(waiter);
    return 0;
}

static intptr_t lend_and_leave(void *unused)
{
    return bide_await(spawn_as("lender", lend_event, unused));
}

START_TEST(a_task_does_not_end_while_another_waits_on_its_stack)
{
    expect_contract(lend_and_leave, "the task's function", "'lender'",
                    "returned while 'waiter' waits for the event at 0x", NULL);
}
END_TEST

START_TEST(nor_does_main)
{
    expect_contract(lend_event, "the task's function", "'main'",
                    "returned while 'waiter' waits for the event at 0x", NULL);
}
END_TEST

static struct bide_chan elsewhere;

static intptr_t send_to(void *chan)
{
    return bide_chan_send(chan, NULL);
}

static intptr_t receive_from(void *chan)
{
    return bide_chan_recv(chan, NULL);
}

static intptr_t select_from(void *chan)
{
    struct bide_chan_case cases[] = {{.chan = chan}, {.chan = &elsewhere}};
    return bide_chan_select(cases, 2);
}

/* Lend a channel to a waiter and end: after a close if `how` says so. */
static intptr_t lend_channel(bide_fn *wait, bool closed)
{
    struct bide_chan own = {0};
    spawn_as("waiter", wait, &own);
    turns(1);
    if (closed)
        bide_chan_close(&own);
    return 0;
}

static intptr_t lend_to_sender(void *closed)
{
    return lend_channel(send_to, closed);
}

static intptr_t lend_to_receiver(void *closed)
{
    return lend_channel(receive_from, closed);
}

static intptr_t lend_to_select(void *closed)
{
    return lend_channel(select_from, closed);
}

START_TEST(channels_and_selects_are_waits_on_a_stack_too)
{
    const char *who = "returned while 'waiter' waits for the ";
    expect_contract(lend_to_sender, who, "channel send", NULL);
    expect_contract(lend_to_receiver, who, "channel receive", NULL);
    expect_contract(lend_to_select, who, "select", NULL);
}
END_TEST

VIRTUAL_TEST(a_task_may_end_when_its_waiters_are_woken)
{
    ck_assert_int_eq(bide_await(spawn(lend_event, NUM('s'))), 0);
    ck_assert_int_eq(bide_await(spawn(lend_event, NUM('c'))), 0);
    ck_assert_int_eq(bide_await(spawn(lend_to_sender, NUM(1))), 0);
    ck_assert_int_eq(bide_await(spawn(lend_to_receiver, NUM(1))), 0);
    ck_assert_int_eq(bide_await(spawn(lend_to_select, NUM(1))), 0);
    turns(1);
    return 0;
}

static intptr_t wait_for_signal(void *c)
{
    ck_assert_int_eq(bide_mutex_lock(&mutex), 0);
    ck_assert_int_eq(bide_cond_wait(c, &mutex), 0);
    return bide_mutex_unlock(&mutex);
}

static intptr_t give_to_waiter(void *unused)
{
    (void)unused;
    ck_assert_int_eq(bide_mutex_lock(&mutex), 0);
    turns(3);
    return bide_mutex_unlock(&mutex);
}

static intptr_t signal_one(void *unused)
{
    struct bide_cond own = {0};
    (void)unused;
    spawn(wait_for_signal, &own);
    turns(1);
    bide_task *holder = spawn(give_to_waiter, NULL);
    turns(1);
    bide_cond_signal(&own);
    ck_assert(!bide_task_done(holder));
    return 0;
}

VIRTUAL_TEST(a_waiter_that_was_signalled_has_left_the_condition)
{
    ck_assert_int_eq(bide_await(spawn(signal_one, NULL)), 0);
    turns(4);
    ck_assert_int_eq(bide_mutex_lock(&mutex), 0);
    return bide_mutex_unlock(&mutex);
}

/* ---- What it holds itself ----------------------------------------------- */

static intptr_t hold_mutex(void *unused)
{
    struct bide_mutex own = {0};
    (void)unused;
    return bide_mutex_lock(&own);
}

static intptr_t read_lock(void *unused)
{
    struct bide_rwlock own = {0};
    (void)unused;
    return bide_rwlock_rdlock(&own);
}

static void hold_at_the_end(void *unused)
{
    hold_mutex(unused);
}

static intptr_t defer_hold(void *unused)
{
    return bide_defer(hold_at_the_end, unused);
}

static intptr_t borrow_token(void *limiter)
{
    struct bide_token own = {0};
    return bide_limiter_acquire(limiter, &own);
}

static intptr_t hold_and_leave(void *unused)
{
    return bide_await(spawn_as("holder", hold_mutex, unused));
}

static intptr_t borrow_and_leave(void *unused)
{
    struct bide_limiter limiter = {.total = 1};
    (void)unused;
    return bide_await(spawn_as("borrower", borrow_token, &limiter));
}

START_TEST(a_task_does_not_end_holding_what_is_on_its_stack)
{
    expect_contract(hold_and_leave, "the task's function", "'holder'",
                    "returned holding a lock or a token on its stack, at 0x",
                    "release it before", NULL);
    expect_contract(borrow_and_leave, "'borrower'", "a token on its stack",
                    NULL);
    expect_contract(read_lock, "'main'", "holding a lock", NULL);
    expect_contract(defer_hold, "'main'", "holding a lock", NULL);
}
END_TEST

/* ---- Behind the end ----------------------------------------------------- */

static intptr_t lend_address(void *out)
{
    char own[256];
    *(void **)out = own;
    return bide_yield();
}

static intptr_t wait_behind_the_end(void *unused)
{
    struct bide_event *gone = unused;
    bide_task *t = spawn(lend_address, &gone);
    ck_assert_int_eq(bide_await(t), 0);
    memset(gone, 0, sizeof *gone);
    return bide_event_wait(gone);
}

static intptr_t receive_behind_the_end(void *unused)
{
    struct bide_chan *gone = unused;
    bide_task *t = spawn(lend_address, &gone);
    ck_assert_int_eq(bide_await(t), 0);
    memset(gone, 0, sizeof *gone);
    return bide_chan_recv(gone, NULL);
}

START_TEST(nobody_waits_on_the_stack_of_an_ended_task)
{
    expect_contract(receive_behind_the_end, "'main'", "channel receive",
                    "on the stack of a task that has ended", NULL);
    expect_contract(wait_behind_the_end, "'main'", "for the event at 0x",
                    "on the stack of a task that has ended", NULL);
}
END_TEST

Suite *suite_lender(void)
{
    Suite *suite = suite_create("lender");
    TCase *t = tcase_create("lender");
    tcase_add_checked_fixture(t, fresh_lender, NULL);
    tcase_add_test(t, a_task_does_not_end_while_another_waits_on_its_stack);
    tcase_add_test(t, nor_does_main);
    tcase_add_test(t, channels_and_selects_are_waits_on_a_stack_too);
    tcase_add_test(t, a_task_may_end_when_its_waiters_are_woken);
    tcase_add_test(t, a_waiter_that_was_signalled_has_left_the_condition);
    tcase_add_test(t, a_task_does_not_end_holding_what_is_on_its_stack);
    tcase_add_test(t, nobody_waits_on_the_stack_of_an_ended_task);
    suite_add_tcase(suite, t);
    return suite;
}
