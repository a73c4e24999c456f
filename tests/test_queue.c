/* test_queue.c: work that is put in, taken out in an order, and finished. */
#include "tasks.h"

enum { ROOM = 64 };

/* A letter by its rank; the smaller comes first. */
struct job {
    int rank;
    char letter;
};

static struct bide_queue queue;
static uint64_t room[BIDE_PRIORITY_BYTES(sizeof(struct job), ROOM) / 8];

static bool before(const void *a, const void *b)
{
    return ((const struct job *)a)->rank < ((const struct job *)b)->rank;
}

enum kind { FIFO, LIFO, PRIORITY, KINDS };

static void open_queue(enum kind kind, size_t capacity)
{
    size_t bytes = sizeof(struct job);
    clear_journal();
    if (kind == FIFO)
        bide_queue_init(&queue, room, bytes, capacity);
    else if (kind == LIFO)
        bide_queue_init_lifo(&queue, room, bytes, capacity);
    else
        bide_queue_init_priority(&queue, room, bytes, capacity, before);
}

static int try_put(int rank, char letter)
{
    struct job job = {rank, letter};
    return bide_queue_tryput(&queue, &job);
}

static intptr_t put(void *letter)
{
    struct job job = {0, (char)VALUE(letter)};
    return bide_queue_put(&queue, &job);
}

static intptr_t get(void *unused)
{
    struct job job;
    (void)unused;
    int rc = bide_queue_get(&queue, &job);
    if (rc == 1)
        note(job.letter);
    return rc;
}

static int try_get(void)
{
    struct job job;
    int rc = bide_queue_tryget(&queue, &job);
    if (rc == 1)
        note(job.letter);
    return rc;
}

static intptr_t join(void *unused)
{
    (void)unused;
    return bide_queue_join(&queue);
}

/* ---- Order -------------------------------------------------------------- */

VIRTUAL_TEST(what_is_put_comes_out_in_the_order_of_the_queue)
{
    static const char *const words[KINDS] = {"cabdbe", "ebdbac", "abbcde"};
    for (enum kind kind = FIFO; kind < KINDS; kind++) {
        open_queue(kind, 6);
        for (const char *c = "cabdbe"; *c; c++)
            ck_assert_int_eq(try_put(*c, *c), 0);
        ck_assert_int_eq(try_put('x', 'x'), -EAGAIN);
        while (try_get() == 1)
            ;
        expect_journal(words[kind]);
    }
    return 0;
}

VIRTUAL_TEST(equal_priorities_come_out_in_the_order_of_arrival)
{
    open_queue(PRIORITY, 26);
    for (char letter = 'a'; letter <= 'z'; letter++)
        ck_assert_int_eq(try_put(letter % 2, letter), 0);
    while (try_get() == 1)
        ;
    expect_journal("bdfhjlnprtvxzacegikmoqsuwy");
    return 0;
}

VIRTUAL_TEST(a_heap_sorts_whatever_comes_and_goes)
{
    uint32_t seed = 1;
    int count[50] = {0}, inside = 0;
    open_queue(PRIORITY, ROOM);
    for (int round = 0; round < 20000; round++) {
        seed = seed * 1664525 + 1013904223;
        int rank = (int)(seed >> 16) % 50, least = 0;
        if (seed >> 31 ? inside < ROOM : inside == 0) {
            ck_assert_int_eq(try_put(rank, 'x'), 0);
            count[rank]++;
            inside++;
            continue;
        }
        struct job job;
        while (count[least] == 0)
            least++;
        ck_assert_int_eq(bide_queue_tryget(&queue, &job), 1);
        ck_assert_int_eq(job.rank, least);
        count[least]--;
        inside--;
    }
    return 0;
}

VIRTUAL_TEST(items_of_any_size_keep_whole_in_a_heap)
{
    struct wide { int rank; char bytes[27]; } item = {0};
    _Static_assert(sizeof item % 8 == 0, "32 bytes");
    uint64_t places[BIDE_PRIORITY_BYTES(31, 8) / 8];
    bide_queue_init_priority(&queue, places, 31, 8, before);
    for (int i = 0; i < 8; i++) {
        item.rank = 8 - i;
        memset(item.bytes, 8 - i, sizeof item.bytes);
        ck_assert_int_eq(bide_queue_tryput(&queue, &item), 0);
    }
    for (int i = 1; i <= 8; i++) {
        ck_assert_int_eq(bide_queue_tryget(&queue, &item), 1);
        ck_assert_int_eq(item.rank, i);
        for (size_t b = 0; b < sizeof item.bytes; b++)
            ck_assert_int_eq(item.bytes[b], i);
    }
    return 0;
}

VIRTUAL_TEST(what_waits_for_room_goes_in_in_the_order_in_which_it_came)
{
    open_queue(LIFO, 1);
    for (char letter = 'a'; letter <= 'd'; letter++)
        spawn(put, NUM(letter));
    turns(1);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(try_get(), 1);
    expect_journal("abcd");
    return 0;
}

VIRTUAL_TEST(a_queue_without_room_or_zeroed_hands_over)
{
    struct bide_queue zeroed = {0};
    ck_assert_int_eq(bide_queue_tryput(&zeroed, NULL), -EAGAIN);
    for (enum kind kind = FIFO; kind < KINDS; kind++) {
        open_queue(kind, 0);
        bide_task *t = spawn(get, NULL);
        turns(1);
        ck_assert_int_eq(try_put(1, 'a'), 0);
        ck_assert_int_eq(try_put(1, 'b'), -EAGAIN);
        ck_assert_int_eq(try_get(), -EAGAIN);
        ck_assert_int_eq(result_of(t), 1);
        expect_journal("a");
    }
    return 0;
}

VIRTUAL_TEST(a_queue_may_stand_in_a_select)
{
    struct job job;
    open_queue(PRIORITY, 3);
    ck_assert_int_eq(try_put(2, 'b'), 0);
    ck_assert_int_eq(try_put(1, 'a'), 0);
    struct bide_chan_case one = {.chan = &queue.chan, .recv = &job};
    ck_assert_int_eq(bide_chan_select(&one, 1), 0);
    ck_assert_int_eq(job.letter, 'a');
    ck_assert_uint_eq(bide_chan_len(&queue.chan), 1);
    return 0;
}

/* ---- Work --------------------------------------------------------------- */

VIRTUAL_TEST(a_join_waits_until_everything_is_finished)
{
    open_queue(FIFO, 4);
    ck_assert_int_eq(bide_queue_join(&queue), 0);
    ck_assert_int_eq(try_put(0, 'a'), 0);
    ck_assert_int_eq(try_put(0, 'b'), 0);
    bide_task *one = spawn(join, NULL), *two = spawn(join, NULL);
    turns(1);
    ck_assert_int_eq(try_get(), 1);
    ck_assert_int_eq(try_get(), 1);
    turns(1);
    ck_assert_uint_eq(bide_queue_unfinished(&queue), 2);
    ck_assert_int_eq(bide_queue_task_done(&queue), 0);
    turns(1);
    ck_assert(!bide_task_done(one));
    ck_assert_int_eq(bide_queue_task_done(&queue), 0);
    ck_assert_int_eq(result_of(one), 0);
    ck_assert_int_eq(result_of(two), 0);
    return 0;
}

VIRTUAL_TEST(an_item_counts_from_when_it_is_accepted)
{
    open_queue(FIFO, 1);
    ck_assert_int_eq(try_put(0, 'a'), 0);
    spawn(put, NUM('b'));
    bide_task *joiner = spawn(join, NULL);
    turns(1);
    ck_assert_int_eq(try_get(), 1); /* b goes in, whose task has not run */
    ck_assert_int_eq(bide_queue_task_done(&queue), 0);
    ck_assert_uint_eq(bide_queue_unfinished(&queue), 1);
    turns(2);
    ck_assert(!bide_task_done(joiner));
    ck_assert_int_eq(try_get(), 1);
    ck_assert_int_eq(bide_queue_task_done(&queue), 0);
    return result_of(joiner);
}

VIRTUAL_TEST(more_task_done_than_items_is_refused)
{
    open_queue(FIFO, 1);
    ck_assert_int_eq(bide_queue_task_done(&queue), -ERANGE);
    ck_assert_int_eq(try_put(0, 'a'), 0);
    ck_assert_int_eq(try_get(), 1);
    ck_assert_int_eq(bide_queue_task_done(&queue), 0);
    ck_assert_int_eq(bide_queue_task_done(&queue), -ERANGE);
    return 0;
}

/* ---- Cancels ------------------------------------------------------------ */

VIRTUAL_TEST(an_item_put_before_its_getter_is_cancelled_is_had_by_it)
{
    open_queue(FIFO, 2);
    bide_task *early = spawn(get, NULL), *late = spawn(get, NULL);
    turns(1);
    bide_cancel(early);
    ck_assert_int_eq(try_put(0, 'a'), 0);
    bide_cancel(late);
    ck_assert_int_eq(result_of(early), -ECANCELED);
    ck_assert_int_eq(result_of(late), 1);
    expect_journal("a");
    return 0;
}

VIRTUAL_TEST(a_put_cancelled_before_there_is_room_puts_nothing)
{
    open_queue(FIFO, 1);
    ck_assert_int_eq(try_put(0, 'a'), 0);
    bide_task *early = spawn(put, NUM('b')), *late = spawn(put, NUM('c'));
    turns(1);
    bide_cancel(early);
    ck_assert_int_eq(try_get(), 1);
    bide_cancel(late);
    ck_assert_int_eq(result_of(early), -ECANCELED);
    ck_assert_int_eq(result_of(late), 0);
    ck_assert_int_eq(try_get(), 1);
    ck_assert_uint_eq(bide_queue_unfinished(&queue), 2);
    expect_journal("ac");
    return 0;
}

VIRTUAL_TEST(a_cancelled_join_waits_no_more)
{
    open_queue(FIFO, 1);
    ck_assert_int_eq(try_put(0, 'a'), 0);
    bide_task *early = spawn(join, NULL), *late = spawn(join, NULL);
    turns(1);
    bide_cancel(early);
    ck_assert_int_eq(bide_queue_task_done(&queue), 0);
    bide_cancel(late);
    ck_assert_int_eq(result_of(early), -ECANCELED);
    ck_assert_int_eq(result_of(late), 0);
    return 0;
}

VIRTUAL_TEST(a_fired_scope_refuses_every_call_that_may_wait)
{
    struct bide_scope s;
    open_queue(FIFO, 2);
    ck_assert_int_eq(try_put(0, 'a'), 0);
    bide_scope_open(&s, 0);
    ck_assert_int_eq(put(NUM('b')), -ETIMEDOUT);
    ck_assert_int_eq(get(NULL), -ETIMEDOUT);
    ck_assert_int_eq(join(NULL), -ETIMEDOUT);
    bide_scope_close(&s, 0);
    ck_assert_uint_eq(bide_chan_len(&queue.chan), 1);
    return 0;
}

/* ---- The end ------------------------------------------------------------ */

VIRTUAL_TEST(a_shutdown_lets_the_rest_be_got_and_refuses_puts)
{
    for (enum kind kind = FIFO; kind < KINDS; kind++) {
        open_queue(kind, 1);
        ck_assert_int_eq(try_put(0, 'a'), 0);
        bide_task *putter = spawn(put, NUM('b')), *joiner = spawn(join, NULL);
        turns(1);
        bide_queue_shutdown(&queue);
        bide_queue_shutdown(&queue);
        ck_assert_int_eq(result_of(putter), -ESHUTDOWN);
        ck_assert_int_eq(try_put(0, 'x'), -ESHUTDOWN);
        ck_assert_int_eq(put(NUM('x')), -ESHUTDOWN);
        ck_assert_int_eq(get(NULL), 1);
        ck_assert_int_eq(get(NULL), 0);
        ck_assert_int_eq(try_get(), 0);
        ck_assert(!bide_task_done(joiner));
        ck_assert_int_eq(bide_queue_task_done(&queue), 0);
        ck_assert_int_eq(result_of(joiner), 0);
        expect_journal("a");
    }
    return 0;
}

static void note_dropped(void *item, void *count)
{
    note(((struct job *)item)->letter);
    ++*(int *)count;
}

VIRTUAL_TEST(a_shutdown_at_once_drops_what_is_left_and_releases_the_join)
{
    static const char *const words[KINDS] = {"bc", "ba", "bc"};
    for (enum kind kind = FIFO; kind < KINDS; kind++) {
        int count = 0;
        open_queue(kind, 3);
        for (char letter = 'a'; letter <= 'c'; letter++)
            ck_assert_int_eq(try_put(letter, letter), 0);
        ck_assert_int_eq(try_get(), 1);
        clear_journal();
        bide_task *joiner = spawn(join, NULL);
        turns(1);
        bide_queue_shutdown_now(&queue, note_dropped, &count);
        ck_assert_int_eq(count, 2);
        expect_journal(words[kind]);
        ck_assert_int_eq(get(NULL), 0);
        turns(1);
        ck_assert(!bide_task_done(joiner)); /* one is being worked on */
        ck_assert_int_eq(bide_queue_task_done(&queue), 0);
        ck_assert_int_eq(result_of(joiner), 0);
        ck_assert_int_eq(bide_queue_task_done(&queue), -ERANGE);
    }
    return 0;
}

VIRTUAL_TEST(a_shutdown_at_once_wakes_all_who_wait)
{
    open_queue(FIFO, 1);
    bide_task *getter = spawn(get, NULL);
    turns(1);
    bide_queue_shutdown_now(&queue, NULL, NULL);
    ck_assert_int_eq(result_of(getter), 0);
    open_queue(FIFO, 1);
    ck_assert_int_eq(try_put(0, 'a'), 0);
    bide_task *putter = spawn(put, NUM('b')), *joiner = spawn(join, NULL);
    turns(1);
    bide_queue_shutdown_now(&queue, NULL, NULL);
    ck_assert_int_eq(result_of(putter), -ESHUTDOWN);
    ck_assert_int_eq(result_of(joiner), 0);
    return 0;
}

/* ---- Misuse ------------------------------------------------------------- */

static intptr_t misalign(void *unused)
{
    static uint64_t words[3];
    (void)unused;
    bide_queue_init_priority(&queue, (char *)words + 1, 1, 1, before);
    return 0;
}

static intptr_t ask_for_more_than_memory(void *unused)
{
    (void)unused;
    bide_chan_init(&queue.chan, &queue, 8, SIZE_MAX);
    return 0;
}

START_TEST(a_buffer_must_be_aligned_and_can_be_no_larger_than_memory)
{
    expect_contract(misalign, "bide_queue_init_priority", "multiple of 8",
                    NULL);
    expect_contract(ask_for_more_than_memory, "bide_chan_init",
                    "no memory holds", NULL);
}
END_TEST

Suite *suite_queue(void)
{
    Suite *suite = suite_create("queue");
    TCase *t = tcase_create("order and work");
    tcase_add_test(t, what_is_put_comes_out_in_the_order_of_the_queue);
    tcase_add_test(t, equal_priorities_come_out_in_the_order_of_arrival);
    tcase_add_test(t, a_heap_sorts_whatever_comes_and_goes);
    tcase_add_test(t, items_of_any_size_keep_whole_in_a_heap);
    tcase_add_test(t,
                   what_waits_for_room_goes_in_in_the_order_in_which_it_came);
    tcase_add_test(t, a_queue_without_room_or_zeroed_hands_over);
    tcase_add_test(t, a_queue_may_stand_in_a_select);
    tcase_add_test(t, a_join_waits_until_everything_is_finished);
    tcase_add_test(t, an_item_counts_from_when_it_is_accepted);
    tcase_add_test(t, more_task_done_than_items_is_refused);
    suite_add_tcase(suite, t);

    t = tcase_create("cancels and the end");
    tcase_add_test(t, an_item_put_before_its_getter_is_cancelled_is_had_by_it);
    tcase_add_test(t, a_put_cancelled_before_there_is_room_puts_nothing);
    tcase_add_test(t, a_cancelled_join_waits_no_more);
    tcase_add_test(t, a_fired_scope_refuses_every_call_that_may_wait);
    tcase_add_test(t, a_shutdown_lets_the_rest_be_got_and_refuses_puts);
    tcase_add_test(
        t, a_shutdown_at_once_drops_what_is_left_and_releases_the_join);
    tcase_add_test(t, a_shutdown_at_once_wakes_all_who_wait);
    tcase_add_test(
        t, a_buffer_must_be_aligned_and_can_be_no_larger_than_memory);
    suite_add_tcase(suite, t);
    return suite;
}
