/* queue.c: workers that share a queue of work, the urgent first.
 *
 *     make examples && build/examples/queue
 */
#include "expect.h"
#include <bide.h>
#include <errno.h>
#include <string.h>

#define WORKERS 3
#define ROOM 8

struct job {
    int priority; /* the smaller comes first */
    char *text;
};

static struct bide_queue queue;
static uint64_t room[BIDE_PRIORITY_BYTES(sizeof(struct job), ROOM) / 8];
static size_t letters;

static bool before(const void *a, const void *b)
{
    const struct job *one = a, *other = b;
    return one->priority < other->priority;
}

static void drop_job(void *item, void *unused)
{
    (void)unused;
    free(((struct job *)item)->text);
}

/* Work until the queue is shut down and empty. */
static intptr_t worker(void *unused)
{
    struct job job;
    int rc;
    (void)unused;
    while ((rc = bide_queue_get(&queue, &job)) == 1) {
        letters += strlen(job.text);
        drop_job(&job, NULL);
        bide_queue_task_done(&queue);
    }
    return rc;
}

/* Whoever is refused keeps the text. */
static int order_work(int priority, const char *text)
{
    struct job job = {priority, strdup(text)};
    int rc = job.text ? bide_queue_put(&queue, &job) : -ENOMEM;
    if (rc < 0)
        free(job.text);
    return rc;
}

static intptr_t customer(void *unused)
{
    int rc = 0;
    (void)unused;
    for (int i = 0; i < 20 && rc == 0; i++)
        rc = order_work(i % 3, "work");
    if (rc == 0)
        rc = bide_queue_join(&queue); /* all of it is finished */
    expect(rc == 0 && letters == 80 && bide_queue_unfinished(&queue) == 0,
           "three workers have done all that was ordered");
    bide_queue_shutdown(&queue);
    return rc;
}

static intptr_t run(void *unused)
{
    struct bide_call calls[WORKERS + 1] = {{customer, NULL, 0}};
    (void)unused;
    bide_queue_init_priority(&queue, room, sizeof(struct job), ROOM, before);
    for (int i = 1; i <= WORKERS; i++)
        calls[i] = (struct bide_call){worker, NULL, 0};
    intptr_t rc = bide_gather(calls, WORKERS + 1, BIDE_FAIL_FAST);
    struct job job = {0};
    expect(rc == 0 && bide_queue_tryput(&queue, &job) == -ESHUTDOWN &&
               bide_queue_tryget(&queue, &job) == 0,
           "a queue that was shut down takes nothing and is at its end");
    bide_queue_init_lifo(&queue, room, sizeof job, ROOM);
    expect(order_work(0, "late") == 0 && order_work(0, "later") == 0 &&
               bide_queue_tryget(&queue, &job) == 1 &&
               strcmp(job.text, "later") == 0,
           "in another kind of queue the last comes first");
    drop_job(&job, NULL);
    bide_queue_shutdown_now(&queue, drop_job, NULL); /* frees the other */
    bide_queue_init(&queue, room, sizeof job, ROOM); /* first in, first out */
    expect(bide_queue_task_done(&queue) == -ERANGE, "nothing to be finished");
    return 0;
}

int main(void)
{
    return bide_run(run, NULL, NULL) == 0 ? 0 : 1;
}
