/* bodies_queue.c: selects, queues and futures: beside the stacks of the tasks
 * that meet there, only the letter of a post goes near the kernel.
 */
#include "body.h"

/* ---- Select ------------------------------------------------------------- */

static struct bide_chan chans[2];
static int places[2][2];

static intptr_t send_to_either(void *unused)
{
    (void)unused;
    int rc = 0;
    for (int i = 1; i <= 10 && rc >= 0; i++) {
        struct bide_chan_case cases[] = {{.chan = &chans[0], .send = &i},
                                         {.chan = &chans[1], .send = &i}};
        rc = bide_chan_select(cases, 2);
    }
    bide_chan_close(&chans[0]);
    bide_chan_close(&chans[1]);
    return rc < 0 ? rc : 0;
}

static intptr_t receive_from_either(void *unused)
{
    (void)unused;
    int item, sum = 0, rc;
    for (;;) {
        struct bide_chan_case cases[] = {{.chan = &chans[0], .recv = &item},
                                         {.chan = &chans[1], .recv = &item}};
        rc = bide_chan_select(cases, 2);
        if (rc < 0 || cases[rc].result == 0)
            break;
        sum += item;
    }
    for (int i = 0; i < 2; i++)
        while (bide_chan_tryrecv(&chans[i], &item) == 1)
            sum += item;
    EXPECT(rc < 0 || sum == 55);
    return rc < 0 ? rc : 0;
}

static intptr_t select_of_two(void *capacity)
{
    for (int i = 0; i < 2; i++)
        bide_chan_init(&chans[i], capacity ? places[i] : NULL, sizeof(int),
                       (size_t)capacity);
    return beside(send_to_either, receive_from_either, NULL);
}

static intptr_t select_of_signals(void *unused)
{
    (void)unused;
    struct bide_chan_case cases[] = {{.chan = &chans[0]}, {.chan = &chans[1]}};
    return bide_chan_select(cases, 2);
}

static intptr_t select_times_out(void *unused)
{
    chans[0] = chans[1] = (struct bide_chan){0};
    EXPECT(within(BIDE_MS(1), select_of_signals, unused) == -ETIMEDOUT);
    EXPECT(bide_chan_trysend(&chans[0], NULL) == -EAGAIN);
    return 0;
}

/* ---- Queues ------------------------------------------------------------- */

static struct bide_queue queue;

static intptr_t put_and_join(void *unused)
{
    (void)unused;
    int rc = 0;
    for (int i = 1; i <= 10 && rc == 0; i++)
        rc = bide_queue_put(&queue, &i);
    if (rc == 0)
        rc = bide_queue_join(&queue);
    EXPECT(rc < 0 || bide_queue_unfinished(&queue) == 0);
    bide_queue_shutdown(&queue);
    return rc;
}

static intptr_t get_all(void *unused)
{
    (void)unused;
    int item, sum = 0, rc;
    while ((rc = bide_queue_get(&queue, &item)) == 1) {
        sum += item;
        EXPECT(bide_queue_task_done(&queue) == 0);
    }
    EXPECT(rc < 0 || sum == 55);
    return rc;
}

static intptr_t work_through(void *unused)
{
    bide_queue_init_lifo(&queue, places, sizeof(int), 2);
    return beside(put_and_join, get_all, unused);
}

/* ---- Futures ------------------------------------------------------------ */

static struct bide_future future;
static bide_loop *loop;

static intptr_t await_future(void *unused)
{
    (void)unused;
    intptr_t value = bide_future_wait(&future);
    EXPECT(value < 0 || value == 7);
    return value < 0 ? value : 0;
}

static intptr_t set_future(void *unused)
{
    (void)unused;
    int rc = bide_yield();
    return rc < 0 ? rc : bide_future_set(&future, 7);
}

static intptr_t future_is_set(void *unused)
{
    future = (struct bide_future){0};
    return beside(set_future, await_future, unused);
}

static intptr_t post_future(void *unused)
{
    (void)unused;
    int rc = bide_yield();
    return rc < 0 ? rc : bide_future_post(loop, &future, 7);
}

static intptr_t future_is_posted(void *unused)
{
    future = (struct bide_future){0};
    loop = bide_loop_ref();
    intptr_t rc = beside(post_future, await_future, unused);
    bide_loop_unref(loop);
    return rc;
}

static intptr_t future_times_out(void *unused)
{
    future = (struct bide_future){0};
    EXPECT(within(BIDE_MS(1), await_future, unused) == -ETIMEDOUT);
    EXPECT(bide_future_cancel(&future));
    EXPECT(bide_future_wait(&future) == -ECHILD);
    return 0;
}

const struct body bodies_queue[] = {
    {"select_of_two", select_of_two, 0, INSIDE},
    {"select_buffered", select_of_two, 2, INSIDE},
    {"select_times_out", select_times_out, 0, INSIDE},
    {"work_through", work_through, 0, INSIDE},
    {"future_is_set", future_is_set, 0, INSIDE},
    {"future_is_posted", future_is_posted, 0, INSIDE},
    {"future_times_out", future_times_out, 0, INSIDE},
    {0},
};
