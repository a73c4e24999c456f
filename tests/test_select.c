/* test_select.c: the first of several sends and receives. */
#include "core.h"
#include "tasks.h"

enum { CHANNELS = 8 };

static struct bide_chan chans[CHANNELS];
static int rooms[CHANNELS][2];
static int got[CHANNELS];

static void open_channels(size_t capacity)
{
    clear_journal();
    memset(got, 0, sizeof got);
    for (int i = 0; i < CHANNELS; i++)
        bide_chan_init(&chans[i], capacity ? rooms[i] : NULL, sizeof(int),
                       capacity);
}

static struct bide_chan_case receive(int i)
{
    return (struct bide_chan_case){.chan = &chans[i], .recv = &got[i]};
}

static int try_send(int i, int item)
{
    return bide_chan_trysend(&chans[i], &item);
}

/* Whether anyone waits anywhere. */
static bool nobody_waits(void)
{
    for (int i = 0; i < CHANNELS; i++) {
        struct bide_chan_stats s;
        bide_chan_stats(&chans[i], &s);
        if (s.senders + s.receivers)
            return false;
    }
    return true;
}

/* Wait for an item of any of the channels; its index, or the refusal. */
static intptr_t receive_any(void *n)
{
    struct bide_chan_case cases[CHANNELS];
    for (int i = 0; i < VALUE(n); i++)
        cases[i] = receive(i);
    int i = bide_chan_select(cases, (size_t)VALUE(n));
    if (i >= 0)
        ck_assert_int_eq(cases[i].result, 1);
    return i;
}

/* Offer 70, 71, ... to the channels; the index of who took it. */
static intptr_t send_any(void *n)
{
    struct bide_chan_case cases[CHANNELS];
    int items[CHANNELS];
    for (int i = 0; i < VALUE(n); i++) {
        items[i] = 70 + i;
        cases[i] = (struct bide_chan_case){.chan = &chans[i],
                                           .send = &items[i]};
    }
    int i = bide_chan_select(cases, (size_t)VALUE(n));
    if (i >= 0)
        ck_assert_int_eq(cases[i].result, 0);
    return i;
}

static intptr_t receive_from_first(void *unused)
{
    (void)unused;
    int item;
    int rc = bide_chan_recv(&chans[0], &item);
    return rc == 1 ? item : rc;
}

/* ---- What goes through -------------------------------------------------- */

VIRTUAL_TEST(a_select_takes_the_one_that_is_ready)
{
    open_channels(1);
    for (int i = 0; i < CHANNELS; i++) {
        ck_assert_int_eq(try_send(i, 10 + i), 0);
        ck_assert_int_eq(receive_any(NUM(CHANNELS)), i);
        ck_assert_int_eq(got[i], 10 + i);
    }
    return 0;
}

VIRTUAL_TEST(a_select_waits_for_the_first_item_and_takes_one)
{
    for (size_t capacity = 0; capacity < 2; capacity++) {
        open_channels(capacity);
        bide_task *t = spawn(receive_any, NUM(CHANNELS));
        turns(3);
        ck_assert(!bide_task_done(t));
        ck_assert_int_eq(try_send(5, 50), 0);
        ck_assert(nobody_waits());
        ck_assert_int_eq(try_send(6, 60), capacity ? 0 : -EAGAIN);
        ck_assert_int_eq(result_of(t), 5);
        ck_assert_int_eq(got[5], 50);
        ck_assert_int_eq(got[6], 0);
    }
    return 0;
}

VIRTUAL_TEST(a_select_waits_for_the_first_receiver)
{
    open_channels(0);
    bide_task *t = spawn(send_any, NUM(CHANNELS));
    turns(1);
    int item;
    ck_assert_int_eq(bide_chan_tryrecv(&chans[3], &item), 1);
    ck_assert_int_eq(item, 73);
    ck_assert_int_eq(bide_chan_tryrecv(&chans[4], &item), -EAGAIN);
    ck_assert(nobody_waits());
    return result_of(t) - 3;
}

VIRTUAL_TEST(a_select_waits_for_the_first_room)
{
    open_channels(1);
    for (int i = 0; i < CHANNELS; i++)
        ck_assert_int_eq(try_send(i, i), 0);
    bide_task *t = spawn(send_any, NUM(CHANNELS));
    turns(1);
    int item;
    ck_assert_int_eq(bide_chan_tryrecv(&chans[2], &item), 1);
    ck_assert_int_eq(item, 2);
    ck_assert_int_eq(bide_chan_tryrecv(&chans[2], &item), 1);
    ck_assert_int_eq(item, 72);
    return result_of(t) - 2;
}

VIRTUAL_TEST(two_selects_meet_each_other)
{
    open_channels(0);
    bide_task *from = spawn(send_any, NUM(CHANNELS));
    bide_task *to = spawn(receive_any, NUM(CHANNELS));
    intptr_t i = result_of(to);
    ck_assert_int_eq(result_of(from), i);
    ck_assert_int_eq(got[i], 70 + i);
    ck_assert(nobody_waits());
    return 0;
}

VIRTUAL_TEST(a_waiting_select_keeps_its_place_among_others)
{
    open_channels(0);
    bide_task *first = spawn(receive_any, NUM(2));
    bide_task *second = spawn(receive_from_first, NULL);
    turns(1);
    ck_assert_int_eq(try_send(0, 1), 0);
    ck_assert_int_eq(try_send(0, 2), 0);
    ck_assert_int_eq(result_of(first), 0);
    ck_assert_int_eq(result_of(second), 2);
    return 0;
}

VIRTUAL_TEST(one_channel_may_stand_in_two_cases)
{
    open_channels(0);
    int a = 0, b = 0;
    struct bide_chan_case cases[] = {{.chan = &chans[0], .recv = &a},
                                     {.chan = &chans[0], .recv = &b}};
    ck_assert_int_eq(bide_chan_tryselect(cases, 2), -EAGAIN);
    ck_assert(nobody_waits());
    bide_task *t = spawn(send_any, NUM(1));
    int i = bide_chan_select(cases, 2);
    ck_assert_int_eq(i ? b : a, 70);
    ck_assert_int_eq(i ? a : b, 0);
    ck_assert(nobody_waits());
    return result_of(t);
}

static intptr_t swap(void *arg)
{
    int *item = arg, other = 0;
    struct bide_chan_case cases[] = {{.chan = &chans[0], .send = item},
                                     {.chan = &chans[0], .recv = &other}};
    int i = bide_chan_select(cases, 2);
    *item = other;
    return i;
}

VIRTUAL_TEST(a_select_that_sends_and_receives_never_meets_itself)
{
    open_channels(0);
    int a = 1, b = 2;
    bide_task *t = spawn(swap, &a);
    turns(3);
    ck_assert(!bide_task_done(t));
    struct bide_chan_stats s;
    bide_chan_stats(&chans[0], &s);
    ck_assert_uint_eq(s.senders + s.receivers, 2);
    int mine = (int)swap(&b);
    ck_assert_int_eq(result_of(t), 1 - mine);
    ck_assert_int_eq(a + b, mine ? 1 : 2); /* one got the other's */
    ck_assert(nobody_waits());
    return 0;
}

VIRTUAL_TEST(a_channel_of_signals_can_be_selected)
{
    struct bide_chan signal = {0};
    struct bide_chan_case take = {.chan = &signal};
    struct bide_chan_case give = {.chan = &signal, .send = ""};
    ck_assert_int_eq(bide_chan_tryselect(&take, 1), -EAGAIN);
    ck_assert_int_eq(bide_chan_tryselect(&give, 1), -EAGAIN);
    char room;
    bide_chan_init(&signal, &room, 0, 1);
    ck_assert_int_eq(bide_chan_select(&give, 1), 0);
    ck_assert_int_eq(give.result, 0);
    ck_assert_int_eq(bide_chan_select(&take, 1), 0);
    ck_assert_int_eq(take.result, 1);
    return 0;
}

VIRTUAL_TEST(a_select_may_be_long)
{
    enum { MANY = 2000 };
    struct bide_chan *many = calloc(MANY, sizeof *many);
    struct bide_chan_case *cases = calloc(MANY, sizeof *cases);
    for (int i = 0; i < MANY; i++)
        cases[i].chan = &many[i];
    struct bide_scope s;
    bide_scope_open(&s, bide_after(BIDE_MS(1)));
    ck_assert_int_eq(bide_chan_select(cases, MANY), -ETIMEDOUT);
    bide_scope_close(&s, 0);
    bide_chan_close(&many[MANY - 1]);
    ck_assert_int_eq(bide_chan_select(cases, MANY), MANY - 1);
    free(cases);
    free(many);
    return 0;
}

/* ---- Fairness ----------------------------------------------------------- */

VIRTUAL_TEST(of_cases_that_are_all_ready_each_gets_its_turn)
{
    for (int n = 1; n <= CHANNELS; n++) {
        int last[CHANNELS] = {0}, worst = 0;
        open_channels(1);
        for (int i = 0; i < n; i++)
            ck_assert_int_eq(try_send(i, i), 0);
        for (int round = 1; round <= 1000; round++) {
            int i = (int)receive_any(NUM(n));
            worst = round - last[i] > worst ? round - last[i] : worst;
            last[i] = round;
            ck_assert_int_eq(try_send(i, i), 0);
        }
        ck_assert_int_le(worst, 3 * n);
    }
    return 0;
}

VIRTUAL_TEST(selects_that_take_turns_do_not_starve_a_case)
{
    int count[2][2] = {{0}};
    open_channels(1);
    ck_assert_int_eq(try_send(0, 0), 0);
    ck_assert_int_eq(try_send(1, 1), 0);
    for (int round = 0; round < 1000; round++) {
        for (int who = 0; who < 2; who++) {
            int i = (int)receive_any(NUM(2));
            count[who][i]++;
            ck_assert_int_eq(try_send(i, i), 0);
        }
    }
    for (int who = 0; who < 2; who++)
        ck_assert_int_gt(count[who][0] < count[who][1] ? count[who][0]
                                                       : count[who][1], 400);
    return 0;
}

VIRTUAL_TEST(the_same_seed_gives_the_same_choices)
{
    int choices[2][100];
    for (int round = 0; round < 2; round++) {
        open_channels(1);
        bi_here->rotation = 12345;
        for (int i = 0; i < CHANNELS; i++)
            ck_assert_int_eq(try_send(i, i), 0);
        for (int i = 0; i < 100; i++) {
            choices[round][i] = (int)receive_any(NUM(CHANNELS));
            ck_assert_int_eq(try_send(choices[round][i], 0), 0);
        }
    }
    ck_assert_mem_eq(choices[0], choices[1], sizeof choices[0]);
    return 0;
}

/* ---- The end ------------------------------------------------------------ */

VIRTUAL_TEST(a_closed_channel_is_always_ready)
{
    int item = 1;
    struct bide_chan_case cases[] = {{.chan = &chans[0], .recv = &item}};
    open_channels(0);
    bide_chan_close(&chans[0]);
    ck_assert_int_eq(bide_chan_select(cases, 1), 0);
    ck_assert_int_eq(cases[0].result, 0);
    cases[0] = (struct bide_chan_case){.chan = &chans[0], .send = &item};
    ck_assert_int_eq(bide_chan_tryselect(cases, 1), 0);
    ck_assert_int_eq(cases[0].result, -EPIPE);
    return 0;
}

static intptr_t send_or_receive(void *unused)
{
    (void)unused;
    int item = 1, other;
    struct bide_chan_case cases[] = {{.chan = &chans[0], .send = &item},
                                     {.chan = &chans[1], .recv = &other}};
    int i = bide_chan_select(cases, 2);
    return i < 0 ? i : cases[i].result * 10 - i;
}

VIRTUAL_TEST(a_close_ends_a_select_with_what_the_call_alone_would_say)
{
    open_channels(0);
    bide_task *a = spawn(send_or_receive, NULL);
    turns(1);
    bide_chan_close(&chans[0]);
    ck_assert(nobody_waits());
    ck_assert_int_eq(result_of(a), -EPIPE * 10);
    open_channels(0);
    bide_task *b = spawn(send_or_receive, NULL);
    turns(1);
    bide_chan_close(&chans[1]);
    ck_assert(nobody_waits());
    ck_assert_int_eq(result_of(b), -1);
    return 0;
}

/* ---- Cancels ------------------------------------------------------------ */

VIRTUAL_TEST(a_select_cancelled_first_has_done_nothing)
{
    open_channels(1);
    bide_task *t = spawn(receive_any, NUM(CHANNELS));
    turns(1);
    bide_cancel(t);
    ck_assert(nobody_waits());
    ck_assert_int_eq(try_send(3, 30), 0);
    ck_assert_int_eq(result_of(t), -ECANCELED);
    ck_assert_int_eq(bide_chan_len(&chans[3]), 1);
    return 0;
}

VIRTUAL_TEST(a_select_that_went_through_and_is_cancelled_tells_its_success)
{
    open_channels(0);
    bide_task *t = spawn(receive_any, NUM(CHANNELS));
    turns(1);
    ck_assert_int_eq(try_send(3, 30), 0);
    bide_cancel(t);
    ck_assert_int_eq(result_of(t), 3);
    ck_assert_int_eq(got[3], 30);
    return 0;
}

VIRTUAL_TEST(a_deadline_ends_a_select_and_leaves_no_trace)
{
    struct bide_scope s;
    open_channels(0);
    bide_scope_open(&s, bide_after(BIDE_MS(5)));
    ck_assert_int_eq(receive_any(NUM(CHANNELS)), -ETIMEDOUT);
    bide_scope_close(&s, 0);
    ck_assert(nobody_waits());
    ck_assert_int_eq(try_send(0, 1), -EAGAIN);
    return 0;
}

VIRTUAL_TEST(a_fired_scope_refuses_a_select_that_would_need_no_wait)
{
    struct bide_scope s;
    open_channels(1);
    ck_assert_int_eq(try_send(0, 1), 0);
    bide_scope_open(&s, 0);
    ck_assert_int_eq(receive_any(NUM(CHANNELS)), -ETIMEDOUT);
    ck_assert_int_eq(receive_any(NUM(0)), -ETIMEDOUT);
    bide_scope_close(&s, 0);
    return receive_any(NUM(CHANNELS));
}

/* ---- Misuse ------------------------------------------------------------- */

VIRTUAL_TEST(a_select_of_nothing_or_of_no_channel_is_refused)
{
    int item;
    struct bide_chan_case cases[] = {{.chan = &chans[0], .recv = &item},
                                     {.recv = &item}};
    open_channels(1);
    ck_assert_int_eq(try_send(0, 1), 0);
    ck_assert_int_eq(bide_chan_select(NULL, 0), -EINVAL);
    ck_assert_int_eq(bide_chan_tryselect(cases, 0), -EINVAL);
    ck_assert_int_eq(bide_chan_select(cases, 2), -EINVAL);
    cases[1].chan = &chans[1];
    cases[1].send = &item;
    ck_assert_int_eq(bide_chan_select(cases, 2), -EINVAL);
    cases[1].recv = NULL;
    cases[1].send = NULL;
    ck_assert_int_eq(bide_chan_tryselect(cases, 2), -EINVAL);
    ck_assert_int_eq(bide_chan_len(&chans[0]), 1);
    return 0;
}

Suite *suite_select(void)
{
    Suite *suite = suite_create("select");
    TCase *t = tcase_create("what goes through");
    tcase_add_test(t, a_select_takes_the_one_that_is_ready);
    tcase_add_test(t, a_select_waits_for_the_first_item_and_takes_one);
    tcase_add_test(t, a_select_waits_for_the_first_receiver);
    tcase_add_test(t, a_select_waits_for_the_first_room);
    tcase_add_test(t, two_selects_meet_each_other);
    tcase_add_test(t, a_waiting_select_keeps_its_place_among_others);
    tcase_add_test(t, one_channel_may_stand_in_two_cases);
    tcase_add_test(t, a_select_that_sends_and_receives_never_meets_itself);
    tcase_add_test(t, a_channel_of_signals_can_be_selected);
    tcase_add_test(t, a_select_may_be_long);
    tcase_add_test(t, of_cases_that_are_all_ready_each_gets_its_turn);
    tcase_add_test(t, selects_that_take_turns_do_not_starve_a_case);
    tcase_add_test(t, the_same_seed_gives_the_same_choices);
    suite_add_tcase(suite, t);

    t = tcase_create("cancels, the end and misuse");
    tcase_add_test(t, a_closed_channel_is_always_ready);
    tcase_add_test(
        t, a_close_ends_a_select_with_what_the_call_alone_would_say);
    tcase_add_test(t, a_select_cancelled_first_has_done_nothing);
    tcase_add_test(
        t, a_select_that_went_through_and_is_cancelled_tells_its_success);
    tcase_add_test(t, a_deadline_ends_a_select_and_leaves_no_trace);
    tcase_add_test(t, a_fired_scope_refuses_a_select_that_would_need_no_wait);
    tcase_add_test(t, a_select_of_nothing_or_of_no_channel_is_refused);
    suite_add_tcase(suite, t);
    return suite;
}
