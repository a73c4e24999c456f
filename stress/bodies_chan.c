/* bodies_chan.c: channels, select, queues, futures: nothing is lost, nothing
 * comes twice, and the order is kept.
 */
#include "stress.h"

#define ITEMS 3 /* of each of two producers */

static struct bide_chan chan, other;
static struct bide_queue queue;
static struct bide_future future;
static int room[2], other_room[1];
static int sent[2], received[2]; /* by producer */
static unsigned seen[2];         /* which items, a bit each */

static void begin(void)
{
    memset(sent, 0, sizeof sent);
    memset(received, 0, sizeof received);
    memset(seen, 0, sizeof seen);
}

/* ---- A channel ---------------------------------------------------------- */

static intptr_t send_all(void *who)
{
    int producer = (int)VALUE(who), rc = 0;
    for (int i = 0; i < ITEMS && rc == 0; i++) {
        int item = producer * 100 + i;
        rc = bide_chan_send(&chan, &item);
        sent[producer] += rc == 0;
    }
    must(bide_chan_producer_done(&chan) == 0, "a producer is done once");
    return rc;
}

/* What one receiver gets; two of them may run in another order. */
static void note(int item, int *newest)
{
    int producer = item / 100, number = item % 100 + 1;
    must(!(seen[producer] & 1u << number), "no item comes twice");
    must(newest[producer] < number, "one producer's items come in order");
    seen[producer] |= 1u << number;
    newest[producer] = number;
    received[producer]++;
}

static intptr_t receive_all(void *arg)
{
    int item, rc, newest[2] = {0};
    while ((rc = bide_chan_recv(&chan, &item)) == 1)
        note(item, newest);
    return arg ? 0 : rc;
}

static intptr_t pass(size_t capacity, bool strike_producer)
{
    struct bide_call calls[] = {{receive_all, NULL, 0}, {send_all, NUM(0), 0},
                                {send_all, NUM(1), 0}, {receive_all, NULL, 0}};
    if (strike_producer)
        calls[0] = (struct bide_call){send_all, NUM(0), 0},
        calls[1] = (struct bide_call){receive_all, NULL, 0};
    begin();
    bide_chan_init(&chan, room, sizeof room[0], capacity);
    must(bide_chan_add_producers(&chan, 2) == 0, "it is open");
    strike_first(calls, LENGTH(calls));
    must(received[0] == sent[0] && received[1] == sent[1],
         "what was sent was received");
    must(sent[1] == ITEMS && (strike_producer || sent[0] == ITEMS),
         "who was not cancelled has sent all");
    return 0;
}

static intptr_t body_chan_unbuffered(void *arg)
{
    return pass(0, arg != NULL);
}

static intptr_t body_chan_buffered(void *arg)
{
    return pass(2, arg != NULL);
}

static intptr_t body_chan_producer(void *arg)
{
    (void)arg;
    return pass(0, true);
}

/* ---- A channel that is given up ----------------------------------------- */

static int dropped;

static void drop(void *item, void *who)
{
    must(*(int *)item == 7 && who == &dropped, "an item is dropped as it was");
    dropped++;
}

static intptr_t send_sevens(void *arg)
{
    int seven = 7, rc = 0;
    for (int i = 0; i < ITEMS && rc == 0; i++) {
        rc = bide_chan_send(&chan, &seven);
        sent[0] += rc == 0;
    }
    must(rc <= 0 && (rc != -EPIPE || bide_chan_closed(&chan)),
         "only the end of the channel refuses");
    return arg || rc == -EPIPE ? 0 : rc;
}

static intptr_t receive_two_and_abort(void *arg)
{
    int item;
    for (int i = 0; i < 2; i++)
        received[0] += bide_chan_recv(&chan, &item) == 1;
    bide_chan_abort(&chan, drop, &dropped);
    must(bide_chan_len(&chan) == 0, "nothing is left in it");
    must(bide_chan_recv(&chan, &item) == 0, "nothing comes any more");
    return VALUE(arg);
}

static intptr_t body_chan_abort(void *arg)
{
    (void)arg;
    struct bide_call calls[] = {{send_sevens, NULL, 0}, {send_sevens, NULL, 0},
                                {receive_two_and_abort, NULL, 0}};
    begin();
    dropped = 0;
    bide_chan_init(&chan, room, sizeof room[0], 2);
    strike_first(calls, LENGTH(calls));
    must(sent[0] == received[0] + dropped, "what was sent came or was dropped");
    return 0;
}

/* ---- Select ------------------------------------------------------------- */

static intptr_t send_on_other(void *arg)
{
    int rc = 0;
    for (int i = 0; i < ITEMS && rc == 0; i++) {
        int item = 100 + i;
        rc = bide_chan_send(&other, &item);
        sent[1] += rc == 0;
    }
    bide_chan_close(&other);
    return arg ? 0 : rc;
}

static intptr_t send_on_chan(void *arg)
{
    int rc = 0;
    for (int i = 0; i < ITEMS && rc == 0; i++) {
        rc = bide_chan_send(&chan, &i);
        sent[0] += rc == 0;
    }
    bide_chan_close(&chan);
    return arg ? 0 : rc;
}

static intptr_t select_all(void *arg)
{
    int items[2];
    struct bide_chan_case cases[] = {{.chan = &chan, .recv = &items[0]},
                                     {.chan = &other, .recv = &items[1]}};
    size_t first = 0, n = 2;
    int newest[2] = {0};
    while (n > 0) {
        int rc = bide_chan_select(cases + first, n);
        if (rc < 0)
            return rc;
        size_t i = first + (size_t)rc;
        if (cases[i].result == 1) {
            note(items[i], newest);
        } else {
            first = i == 0 ? 1 : first;
            n--;
        }
    }
    return VALUE(arg);
}

static intptr_t body_select(void *arg)
{
    (void)arg;
    struct bide_call calls[] = {{select_all, NULL, 0}, {send_on_chan, NULL, 0},
                                {send_on_other, NULL, 0},
                                {select_all, NULL, 0}};
    begin();
    bide_chan_init(&chan, NULL, sizeof(int), 0);
    bide_chan_init(&other, other_room, sizeof(int), 1);
    strike_first(calls, LENGTH(calls));
    must(received[0] == ITEMS && received[1] == ITEMS,
         "a select has lost nothing");
    return 0;
}

/* ---- Queues ------------------------------------------------------------- */

static int finished;

static intptr_t put_all(void *who)
{
    int rc = 0;
    for (int i = 0; i < ITEMS && rc == 0; i++) {
        int item = (int)VALUE(who) * 100 + i;
        rc = bide_queue_put(&queue, &item);
        sent[VALUE(who)] += rc == 0;
    }
    return rc;
}

static intptr_t get_all(void *in_order)
{
    int item, rc, newest[2] = {0};
    while ((rc = bide_queue_get(&queue, &item)) == 1) {
        if (in_order)
            note(item, newest);
        rc = breathe();
        finished++;
        must(bide_queue_task_done(&queue) == 0, "what was got is finished");
        if (rc < 0)
            break;
    }
    return rc;
}

static intptr_t join_queue(void *arg)
{
    struct bide_call puts[] = {{put_all, NUM(0), 0}, {put_all, NUM(1), 0}};
    intptr_t rc = bide_gather(puts, 2, BIDE_FAIL_FAST);
    if (rc == 0)
        rc = bide_queue_join(&queue);
    must(rc < 0 || finished == 2 * ITEMS, "a join waits for all");
    bide_queue_shutdown(&queue);
    return arg ? 0 : rc;
}

static intptr_t work_off(bool in_order)
{
    struct bide_call calls[] = {{get_all, NUM(in_order), 0},
                                {join_queue, NULL, 0},
                                {get_all, NUM(in_order), 0}};
    begin();
    finished = 0;
    strike_first(calls, LENGTH(calls));
    must(finished == 2 * ITEMS && bide_queue_unfinished(&queue) == 0,
         "everything that was put in was finished");
    return 0;
}

static intptr_t body_queue(void *arg)
{
    (void)arg;
    bide_queue_init(&queue, room, sizeof room[0], 2);
    return work_off(true);
}

static intptr_t body_queue_lifo(void *arg)
{
    (void)arg;
    bide_queue_init_lifo(&queue, room, sizeof room[0], 2);
    return work_off(false);
}

static bool is_less(const void *a, const void *b)
{
    return *(const int *)a < *(const int *)b;
}

static intptr_t body_queue_priority(void *arg)
{
    static uint64_t space[BIDE_PRIORITY_BYTES(sizeof(int), 2) / 8];
    (void)arg;
    bide_queue_init_priority(&queue, space, sizeof(int), 2, is_less);
    return work_off(true);
}

/* ---- Futures ------------------------------------------------------------ */

static intptr_t settled; /* what the future came to, as told first */

static intptr_t wait_for_value(void *arg)
{
    intptr_t rc = bide_future_wait(&future);
    must(rc == settled || (rc == -ECANCELED && !arg),
         "all get the value that it was set to");
    return rc;
}

static intptr_t set_value(void *value)
{
    int rc = breathe();
    if (bide_future_set(&future, VALUE(value)) == 0) {
        must(settled == 0, "it is set once");
        settled = VALUE(value);
    }
    return rc;
}

static intptr_t cancel_value(void *arg)
{
    int rc = breathe();
    if (bide_future_cancel(&future)) {
        must(settled == 0, "it is set or cancelled");
        settled = -ECHILD;
    }
    return arg ? 0 : rc;
}

static intptr_t body_future(void *arg)
{
    (void)arg;
    struct bide_call calls[] = {{wait_for_value, NULL, 0},
                                {wait_for_value, NUM(1), 0},
                                {set_value, NUM(7), 0},
                                {cancel_value, NULL, 0},
                                {set_value, NUM(8), 0},
                                {wait_for_value, NUM(1), 0}};
    future = (struct bide_future){0};
    settled = 0;
    strike_first(calls, LENGTH(calls));
    return 0;
}

static int called, removed;
static struct bide_callback callbacks[3];

static void note_call(void *arg)
{
    must(arg == &future && bide_future_done(&future), "it is called when done");
    called++;
}

static intptr_t ask_and_remove(void *arg)
{
    intptr_t rc = bide_future_trywait(&future);
    must(rc == (bide_future_done(&future) ? 7 : -EAGAIN),
         "the value is had where it is there");
    removed += bide_callback_remove(&callbacks[0]);
    return VALUE(arg);
}

static intptr_t wait_for_seven(void *arg)
{
    intptr_t rc = bide_future_wait(&future);
    must(rc == 7 || (rc < 0 && !arg), "who waits gets the value");
    return arg ? 0 : rc;
}

static intptr_t body_future_then(void *arg)
{
    (void)arg;
    struct bide_call calls[] = {{wait_for_seven, NULL, 0},
                                {set_value, NUM(7), 0},
                                {ask_and_remove, NULL, 0},
                                {wait_for_seven, NUM(1), 0}};
    future = (struct bide_future){0};
    settled = 0;
    called = removed = 0;
    for (size_t i = 0; i < LENGTH(callbacks); i++) {
        callbacks[i] = (struct bide_callback){.fn = note_call, .arg = &future};
        bide_future_then(&future, &callbacks[i]);
    }
    strike_first(calls, LENGTH(calls));
    must(bide_sleep(1) == 0, "the loop has its turn");
    must(called + removed == 3, "each is called once, or was taken back");
    return 0;
}

const struct body chan_bodies[] = {
    {"chan unbuffered", body_chan_unbuffered},
    {"chan buffered", body_chan_buffered},
    {"chan producer", body_chan_producer},
    {"chan abort", body_chan_abort},
    {"select", body_select},
    {"queue", body_queue},
    {"queue lifo", body_queue_lifo},
    {"queue priority", body_queue_priority},
    {"future", body_future},
    {"future then", body_future_then},
    {NULL, NULL},
};
