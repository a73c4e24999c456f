/* test_chan.c: items of one size, handed from task to task. */
#include "tasks.h"

static struct bide_chan chan;
static char room[4];

/* A channel of letters with room for so many. */
static void open_channel(size_t capacity)
{
    clear_journal();
    bide_chan_init(&chan, capacity ? room : NULL, 1, capacity);
}

static intptr_t send_letter(void *letter)
{
    char item = (char)VALUE(letter);
    return bide_chan_send(&chan, &item);
}

static intptr_t receive_letter(void *unused)
{
    char item;
    (void)unused;
    int rc = bide_chan_recv(&chan, &item);
    if (rc == 1)
        note(item);
    return rc;
}

static int try_send(char letter)
{
    return bide_chan_trysend(&chan, &letter);
}

/* The letter that can be had without waiting, or 0. */
static char try_receive(void)
{
    char item;
    return bide_chan_tryrecv(&chan, &item) == 1 ? item : 0;
}

static struct bide_chan numbers;

/* ---- Order -------------------------------------------------------------- */

VIRTUAL_TEST(items_come_out_in_the_order_in_which_they_went_in)
{
    for (size_t capacity = 0; capacity <= sizeof room; capacity++) {
        open_channel(capacity);
        for (char letter = 'a'; letter <= 'h'; letter++)
            spawn(send_letter, NUM(letter));
        for (int i = 0; i < 8; i++)
            ck_assert_int_eq(receive_letter(NULL), 1);
        expect_journal("abcdefgh");
    }
    return 0;
}

VIRTUAL_TEST(receivers_are_served_in_the_order_in_which_they_came)
{
    bide_task *receivers[3];
    open_channel(1);
    for (int i = 0; i < 3; i++)
        receivers[i] = spawn(receive_letter, NULL);
    turns(1);
    for (char letter = 'a'; letter <= 'c'; letter++)
        ck_assert_int_eq(try_send(letter), 0);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(bide_await(receivers[i]), 1);
    expect_journal("abc");
    return 0;
}

VIRTUAL_TEST(without_room_a_send_waits_for_its_receiver)
{
    open_channel(0);
    bide_task *sender = spawn(send_letter, NUM('a'));
    turns(5);
    ck_assert(!bide_task_done(sender));
    ck_assert_int_eq(try_receive(), 'a');
    return bide_await(sender);
}

VIRTUAL_TEST(with_room_a_send_waits_only_when_it_is_full)
{
    open_channel(2);
    ck_assert_int_eq(send_letter(NUM('a')), 0);
    ck_assert_int_eq(send_letter(NUM('b')), 0);
    bide_task *sender = spawn(send_letter, NUM('c'));
    turns(2);
    ck_assert(!bide_task_done(sender));
    ck_assert_int_eq(receive_letter(NULL), 1);
    ck_assert_int_eq(bide_await(sender), 0);
    ck_assert_int_eq(receive_letter(NULL), 1);
    ck_assert_int_eq(receive_letter(NULL), 1);
    expect_journal("abc");
    return 0;
}

VIRTUAL_TEST(a_zeroed_channel_is_a_signal_without_room)
{
    struct bide_chan zeroed = {0};
    ck_assert_int_eq(bide_chan_trysend(&zeroed, NULL), -EAGAIN);
    ck_assert_int_eq(bide_chan_tryrecv(&zeroed, NULL), -EAGAIN);
    bide_chan_init(&zeroed, NULL, 0, 3);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(bide_chan_send(&zeroed, NULL), 0);
    ck_assert_int_eq(bide_chan_trysend(&zeroed, NULL), -EAGAIN);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(bide_chan_recv(&zeroed, NULL), 1);
    return 0;
}

struct wide {
    char bytes[100];
};

static struct bide_chan wide_chan;

static intptr_t send_wide(void *unused)
{
    (void)unused;
    for (int i = 0; i < 10; i++) {
        struct wide item;
        memset(&item, i, sizeof item);
        ck_assert_int_eq(bide_chan_send(&wide_chan, &item), 0);
    }
    bide_chan_close(&wide_chan);
    return 0;
}

VIRTUAL_TEST(items_of_any_size_arrive_whole)
{
    struct wide places[3], item, expected;
    bide_chan_init(&wide_chan, places, sizeof item, 3);
    spawn(send_wide, NULL);
    int n = 0;
    while (bide_chan_recv(&wide_chan, &item) == 1) {
        memset(&expected, n++, sizeof expected);
        ck_assert_mem_eq(&item, &expected, sizeof item);
    }
    ck_assert_int_eq(n, 10);
    return 0;
}

/* ---- Trying ------------------------------------------------------------- */

VIRTUAL_TEST(trying_never_waits)
{
    open_channel(1);
    ck_assert_int_eq(try_receive(), 0);
    ck_assert_int_eq(try_send('a'), 0);
    ck_assert_int_eq(try_send('b'), -EAGAIN);
    ck_assert_int_eq(try_receive(), 'a');
    ck_assert_int_eq(try_receive(), 0);
    return 0;
}

VIRTUAL_TEST(room_that_was_made_goes_to_the_waiting_sender)
{
    open_channel(1);
    ck_assert_int_eq(try_send('a'), 0);
    bide_task *sender = spawn(send_letter, NUM('b'));
    turns(1);
    ck_assert_int_eq(try_receive(), 'a');
    ck_assert_int_eq(try_send('x'), -EAGAIN);
    ck_assert_int_eq(try_receive(), 'b');
    return bide_await(sender);
}

VIRTUAL_TEST(an_item_goes_to_the_waiting_receiver_and_nobody_can_steal_it)
{
    open_channel(1);
    bide_task *receiver = spawn(receive_letter, NULL);
    turns(1);
    ck_assert_int_eq(try_send('a'), 0);
    ck_assert_int_eq(try_receive(), 0);
    ck_assert_int_eq(bide_await(receiver), 1);
    expect_journal("a");
    return 0;
}

/* ---- Cancels ------------------------------------------------------------ */

VIRTUAL_TEST(a_receiver_cancelled_before_an_item_takes_none)
{
    open_channel(1);
    bide_task *receiver = spawn(receive_letter, NULL);
    turns(1);
    bide_cancel(receiver);
    ck_assert_int_eq(try_send('a'), 0);
    ck_assert_int_eq(result_of(receiver), -ECANCELED);
    ck_assert_int_eq(try_receive(), 'a');
    return 0;
}

VIRTUAL_TEST(a_receiver_cancelled_after_an_item_came_has_it)
{
    open_channel(1);
    bide_task *receiver = spawn(receive_letter, NULL);
    turns(1);
    ck_assert_int_eq(try_send('a'), 0);
    bide_cancel(receiver);
    ck_assert_int_eq(result_of(receiver), 1);
    expect_journal("a");
    ck_assert_int_eq(try_receive(), 0);
    return 0;
}

VIRTUAL_TEST(a_sender_cancelled_before_there_is_room_sends_nothing)
{
    open_channel(1);
    ck_assert_int_eq(try_send('a'), 0);
    bide_task *b = spawn(send_letter, NUM('b'));
    bide_task *c = spawn(send_letter, NUM('c'));
    turns(1);
    bide_cancel(b);
    ck_assert_int_eq(try_receive(), 'a');
    ck_assert_int_eq(try_receive(), 'c');
    ck_assert_int_eq(result_of(b), -ECANCELED);
    ck_assert_int_eq(bide_await(c), 0);
    return 0;
}

VIRTUAL_TEST(a_sender_cancelled_after_there_was_room_has_sent)
{
    open_channel(0);
    bide_task *sender = spawn(send_letter, NUM('a'));
    turns(1);
    ck_assert_int_eq(try_receive(), 'a');
    bide_cancel(sender);
    ck_assert_int_eq(result_of(sender), 0);
    return 0;
}

VIRTUAL_TEST(cancelled_waiters_leave_no_trace)
{
    bide_task *tasks[100];
    open_channel(0);
    for (int i = 0; i < 100; i++)
        tasks[i] = spawn(receive_letter, NULL);
    turns(1);
    for (int i = 0; i < 100; i++)
        bide_cancel(tasks[i]);
    turns(1);
    ck_assert_int_eq(try_send('a'), -EAGAIN);
    expect_journal("");
    return 0;
}

VIRTUAL_TEST(a_cancelled_scope_refuses_what_would_need_no_wait)
{
    struct bide_scope s;
    open_channel(2);
    ck_assert_int_eq(try_send('a'), 0);
    bide_scope_open(&s, 0);
    ck_assert_int_eq(send_letter(NUM('b')), -ETIMEDOUT);
    ck_assert_int_eq(receive_letter(NULL), -ETIMEDOUT);
    bide_scope_close(&s, 0);
    ck_assert_int_eq(try_receive(), 'a');
    ck_assert_int_eq(try_receive(), 0);
    return 0;
}

VIRTUAL_TEST(a_deadline_ends_a_receive_and_a_send)
{
    struct bide_scope s;
    open_channel(0);
    bide_scope_open(&s, bide_after(BIDE_MS(5)));
    ck_assert_int_eq(receive_letter(NULL), -ETIMEDOUT);
    bide_scope_close(&s, 0);
    bide_scope_open(&s, bide_after(BIDE_MS(5)));
    ck_assert_int_eq(send_letter(NUM('a')), -ETIMEDOUT);
    bide_scope_close(&s, 0);
    ck_assert_int_eq(try_receive(), 0);
    return 0;
}

/* ---- The end ------------------------------------------------------------ */

VIRTUAL_TEST(a_closed_channel_is_drained_and_takes_nothing)
{
    open_channel(3);
    ck_assert_int_eq(try_send('a'), 0);
    ck_assert_int_eq(try_send('b'), 0);
    bide_chan_close(&chan);
    bide_chan_close(&chan);
    ck_assert_int_eq(send_letter(NUM('x')), -EPIPE);
    ck_assert_int_eq(try_send('x'), -EPIPE);
    ck_assert_int_eq(receive_letter(NULL), 1);
    ck_assert_int_eq(try_receive(), 'b');
    char item;
    ck_assert_int_eq(bide_chan_recv(&chan, &item), 0);
    ck_assert_int_eq(bide_chan_tryrecv(&chan, &item), 0);
    expect_journal("a");
    return 0;
}

VIRTUAL_TEST(a_close_wakes_those_who_wait_to_receive)
{
    open_channel(0);
    bide_task *a = spawn(receive_letter, NULL);
    bide_task *b = spawn(receive_letter, NULL);
    turns(1);
    bide_chan_close(&chan);
    ck_assert_int_eq(result_of(a), 0);
    ck_assert_int_eq(result_of(b), 0);
    return 0;
}

VIRTUAL_TEST(a_close_wakes_those_who_wait_to_send_and_their_items_are_theirs)
{
    open_channel(1);
    ck_assert_int_eq(try_send('a'), 0);
    bide_task *b = spawn(send_letter, NUM('b'));
    bide_task *c = spawn(send_letter, NUM('c'));
    turns(1);
    bide_chan_close(&chan);
    ck_assert_int_eq(bide_await(b), -EPIPE);
    ck_assert_int_eq(bide_await(c), -EPIPE);
    ck_assert_int_eq(try_receive(), 'a');
    char item;
    ck_assert_int_eq(bide_chan_tryrecv(&chan, &item), 0);
    return 0;
}

VIRTUAL_TEST(a_close_works_in_a_cancelled_scope)
{
    struct bide_scope s;
    open_channel(0);
    bide_task *receiver = spawn(receive_letter, NULL);
    turns(1);
    bide_scope_open(&s, 0);
    bide_chan_close(&chan);
    bide_scope_close(&s, 0);
    return bide_await(receiver);
}

static void note_dropped(void *item, void *count)
{
    note(*(char *)item);
    ++*(int *)count;
    ck_assert_int_eq(try_send('x'), -EPIPE);
}

VIRTUAL_TEST(an_abort_drops_what_is_left_and_the_senders_keep_theirs)
{
    int dropped = 0;
    open_channel(3);
    for (char letter = 'a'; letter <= 'd'; letter++)
        ck_assert_int_eq(try_send(letter), letter == 'd' ? -EAGAIN : 0);
    ck_assert_int_eq(try_receive(), 'a');
    ck_assert_int_eq(try_send('d'), 0); /* the ring has turned */
    bide_task *sender = spawn(send_letter, NUM('e'));
    turns(1);
    bide_chan_abort(&chan, note_dropped, &dropped);
    ck_assert_int_eq(bide_await(sender), -EPIPE);
    ck_assert_int_eq(dropped, 3);
    expect_journal("bcd");
    ck_assert_int_eq(receive_letter(NULL), 0);
    bide_chan_abort(&chan, note_dropped, &dropped);
    ck_assert_int_eq(dropped, 3);
    return 0;
}

VIRTUAL_TEST(an_abort_wakes_receivers_and_needs_no_callback)
{
    open_channel(2);
    bide_task *receiver = spawn(receive_letter, NULL);
    turns(1);
    bide_chan_abort(&chan, NULL, NULL);
    ck_assert_int_eq(bide_await(receiver), 0);
    open_channel(2);
    ck_assert_int_eq(try_send('a'), 0);
    bide_chan_abort(&chan, NULL, NULL);
    ck_assert_int_eq(bide_chan_len(&chan), 0);
    return 0;
}

VIRTUAL_TEST(the_last_of_several_producers_closes)
{
    open_channel(1);
    ck_assert_int_eq(bide_chan_producer_done(&chan), -ERANGE);
    ck_assert_int_eq(bide_chan_add_producers(&chan, 1), 0);
    ck_assert_int_eq(bide_chan_add_producers(&chan, 1), 0);
    ck_assert_int_eq(bide_chan_producer_done(&chan), 0);
    ck_assert(!bide_chan_closed(&chan));
    ck_assert_int_eq(try_send('a'), 0);
    bide_task *receiver = spawn(receive_letter, NULL);
    bide_task *late = spawn(receive_letter, NULL);
    turns(1);
    ck_assert_int_eq(bide_chan_producer_done(&chan), 0);
    ck_assert(bide_chan_closed(&chan));
    ck_assert_int_eq(result_of(receiver), 1);
    ck_assert_int_eq(result_of(late), 0);
    ck_assert_int_eq(bide_chan_producer_done(&chan), -ERANGE);
    ck_assert_int_eq(bide_chan_add_producers(&chan, 1), -EPIPE);
    return 0;
}

VIRTUAL_TEST(a_channel_tells_what_is_in_it_and_who_waits)
{
    struct bide_chan_stats s;
    open_channel(2);
    ck_assert_int_eq(bide_chan_add_producers(&chan, 3), 0);
    for (char letter = 'a'; letter <= 'c'; letter++)
        spawn(send_letter, NUM(letter));
    turns(1);
    bide_chan_stats(&chan, &s);
    ck_assert_uint_eq(s.items, 2);
    ck_assert_uint_eq(s.senders, 1);
    ck_assert_uint_eq(s.receivers, 0);
    ck_assert_uint_eq(s.producers, 3);
    ck_assert_uint_eq(s.sent, 2);
    ck_assert_uint_eq(bide_chan_len(&chan), 2);
    ck_assert_uint_eq(bide_chan_capacity(&chan), 2);
    ck_assert_int_eq(try_receive(), 'a');
    bide_chan_stats(&chan, &s);
    ck_assert_uint_eq(s.sent, 3);
    open_channel(0);
    spawn(receive_letter, NULL);
    turns(1);
    bide_chan_stats(&chan, &s);
    ck_assert_uint_eq(s.receivers, 1);
    ck_assert(!bide_chan_closed(&chan));
    bide_chan_close(&chan);
    ck_assert(bide_chan_closed(&chan));
    return 0;
}

VIRTUAL_TEST(small_items_of_every_size_arrive_whole)
{
    for (size_t bytes = 0; bytes <= 40; bytes++) {
        unsigned char places[3 * 40], item[40], seen[40], zero[40] = {0};
        bide_chan_init(&numbers, places, bytes, 3);
        memset(item, 0xa5, sizeof item);
        memset(seen, 0, sizeof seen);
        for (int i = 0; i < 5; i++) {
            ck_assert_int_eq(bide_chan_trysend(&numbers, item), 0);
            ck_assert_int_eq(bide_chan_tryrecv(&numbers, seen), 1);
        }
        ck_assert(memcmp(seen, item, bytes) == 0);
        ck_assert(memcmp(seen + bytes, zero, sizeof seen - bytes) == 0);
    }
    return 0;
}

static intptr_t send_numbers(void *from)
{
    for (int i = 0; i < 1000; i++) {
        int item = (int)VALUE(from) + i;
        int rc = bide_chan_send(&numbers, &item);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static intptr_t add_numbers(void *sum)
{
    int item, rc;
    while ((rc = bide_chan_recv(&numbers, &item)) == 1)
        *(long *)sum += item;
    return rc;
}

VIRTUAL_TEST(many_senders_and_receivers_lose_and_double_nothing)
{
    int places[7];
    long sum = 0;
    bide_task *receivers[5];
    struct bide_call senders[10];
    bide_chan_init(&numbers, places, sizeof(int), LENGTH(places));
    for (int i = 0; i < 5; i++)
        receivers[i] = spawn(add_numbers, &sum);
    for (int i = 0; i < 10; i++)
        senders[i] = (struct bide_call){send_numbers, NUM(i * 1000), 0};
    ck_assert_int_eq(bide_gather(senders, 10, BIDE_FAIL_FAST), 0);
    bide_chan_close(&numbers);
    ck_assert_int_eq(bide_gather_tasks(receivers, 5, NULL, BIDE_FAIL_FAST), 0);
    ck_assert_int_eq(sum, 9999L * 10000 / 2);
    return 0;
}

Suite *suite_chan(void)
{
    Suite *suite = suite_create("chan");
    TCase *t = tcase_create("items");
    tcase_add_test(t, items_come_out_in_the_order_in_which_they_went_in);
    tcase_add_test(t, receivers_are_served_in_the_order_in_which_they_came);
    tcase_add_test(t, without_room_a_send_waits_for_its_receiver);
    tcase_add_test(t, with_room_a_send_waits_only_when_it_is_full);
    tcase_add_test(t, a_zeroed_channel_is_a_signal_without_room);
    tcase_add_test(t, items_of_any_size_arrive_whole);
    tcase_add_test(t, trying_never_waits);
    tcase_add_test(t, room_that_was_made_goes_to_the_waiting_sender);
    tcase_add_test(
        t, an_item_goes_to_the_waiting_receiver_and_nobody_can_steal_it);
    suite_add_tcase(suite, t);

    t = tcase_create("cancels and the end");
    tcase_add_test(t, a_receiver_cancelled_before_an_item_takes_none);
    tcase_add_test(t, a_receiver_cancelled_after_an_item_came_has_it);
    tcase_add_test(t, a_sender_cancelled_before_there_is_room_sends_nothing);
    tcase_add_test(t, a_sender_cancelled_after_there_was_room_has_sent);
    tcase_add_test(t, cancelled_waiters_leave_no_trace);
    tcase_add_test(t, a_cancelled_scope_refuses_what_would_need_no_wait);
    tcase_add_test(t, a_deadline_ends_a_receive_and_a_send);
    tcase_add_test(t, a_closed_channel_is_drained_and_takes_nothing);
    tcase_add_test(t, a_close_wakes_those_who_wait_to_receive);
    tcase_add_test(
        t, a_close_wakes_those_who_wait_to_send_and_their_items_are_theirs);
    tcase_add_test(t, a_close_works_in_a_cancelled_scope);
    tcase_add_test(t, an_abort_drops_what_is_left_and_the_senders_keep_theirs);
    tcase_add_test(t, an_abort_wakes_receivers_and_needs_no_callback);
    tcase_add_test(t, the_last_of_several_producers_closes);
    tcase_add_test(t, a_channel_tells_what_is_in_it_and_who_waits);
    tcase_add_test(t, small_items_of_every_size_arrive_whole);
    tcase_add_test(t, many_senders_and_receivers_lose_and_double_nothing);
    suite_add_tcase(suite, t);
    return suite;
}
