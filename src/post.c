/* post.c: calls from other threads: posted, sent, or waited for.
 *
 * All are letters of the run's inbox.  A posted function is called from the
 * loop, as a task without a stack of its own: it costs no switch and cannot be
 * refused when it is delivered, which is too late; for that it must not wait.
 * What must wait is called by bide_call_from_thread(), and gets a task; if
 * there is none to be had, the caller is still there to hear of it.
 *
 * A letter that can be sent from a signal handler is the sender's own memory,
 * and it is in one inbox once: `state` says whether it is there.
 *
 * Rejected: a task that makes all posted calls.  It could not wait either, or
 * the next one would; and it needs a stack before the first post, or a post
 * that was accepted could fail.
 */
#include "loop.h"
#include "sys.h"
#include "task.h"

#include <stdlib.h>

static void check_loop(const bide_loop *loop, const char *func)
{
    BI_CONTRACT(loop, func, "was given NULL for a loop");
}

/* ---- Posted ------------------------------------------------------------- */

struct post {
    struct bi_letter letter;
    void (*fn)(void *arg);
    void *arg;
};

static void deliver_post(struct bi_letter *letter)
{
    struct post post = *bi_container_of(letter, struct post, letter);
    free(bi_container_of(letter, struct post, letter));
    bi_task_visit(bi_here, post.fn, post.arg);
}

int bide_post(bide_loop *loop, void (*fn)(void *arg), void *arg)
{
    check_loop(loop, __func__);
    if (!fn)
        return -EINVAL;
    struct post *post = malloc(sizeof *post);
    if (!post)
        return -ENOMEM;
    *post = (struct post){{.deliver = deliver_post}, fn, arg};
    int rc = bi_loop_post(loop, &post->letter);
    if (rc < 0)
        free(post);
    return rc;
}

/* ---- Sent, from anywhere ------------------------------------------------ */

/* struct bide_async, as it is inside. */
struct __attribute__((may_alias)) async {
    void (*fn)(void *arg);
    void *arg;
    struct bi_letter letter;
    _Atomic uint32_t state;
};

enum async_state { IDLE, SENT, TAKEN_BACK /* sent, but not to be called */ };

static_assert(sizeof(struct async) == sizeof(struct bide_async),
              "struct bide_async as in bide.h");

static void deliver_async(struct bi_letter *letter)
{
    struct async *a = bi_container_of(letter, struct async, letter);
    void (*fn)(void *) = a->fn;
    void *arg = a->arg;
    if (atomic_exchange(&a->state, IDLE) == SENT)
        bi_task_visit(bi_here, fn, arg);
}

int bide_async_send(bide_loop *loop, struct bide_async *async)
{
    check_loop(loop, __func__);
    struct async *a = (struct async *)async;
    if (!a->fn)
        return -EINVAL;
    if (atomic_exchange(&a->state, SENT) != IDLE)
        return 0; /* it is on its way */
    a->letter.deliver = deliver_async;
    int rc = bi_loop_post(loop, &a->letter);
    if (rc < 0)
        atomic_store(&a->state, IDLE);
    return rc;
}

bool bide_async_cancel(struct bide_async *async)
{
    struct async *a = (struct async *)async;
    uint32_t sent = SENT;
    return atomic_compare_exchange_strong(&a->state, &sent, TAKEN_BACK);
}

/* ---- Waited for --------------------------------------------------------- */

/* On the stack of the thread that waits. */
struct call {
    struct bi_letter letter;
    bide_fn *fn;
    void *arg;
    const void *site;
    intptr_t result;
    _Atomic uint32_t done; /* a futex word */
};

static void answer(struct call *call, intptr_t result)
{
    call->result = result;
    atomic_store(&call->done, 1); /* it may be gone now; its address serves */
    bi_sys_futex_wake((uint32_t *)&call->done, 1);
}

static intptr_t run_call(void *arg)
{
    const struct call *call = arg;
    return call->fn(call->arg);
}

static void call_ended(struct bi_task *task)
{
    task->read = true;
    answer(task->arg, task->result);
}

static void deliver_call(struct bi_letter *letter)
{
    struct call *call = bi_container_of(letter, struct call, letter);
    struct bi_run *run = bi_here;
    struct bi_spawn how = {run_call, call, &run->root, call->site, NULL};
    struct bi_task *task;
    int rc = run->closing ? -ESHUTDOWN : bi_task_make(run, &how, &task);
    if (rc < 0) {
        answer(call, rc);
        return;
    }
    task->on_end = call_ended;
    bi_task_launch(task, NULL);
}

intptr_t bide_call_from_thread(bide_loop *loop, bide_fn *fn, void *arg)
{
    check_loop(loop, __func__);
    if (!fn)
        return -EINVAL;
    if (bi_here && bi_here->handle == loop)
        return -EDEADLK;
    struct call call = {.letter.deliver = deliver_call, .fn = fn, .arg = arg,
                        .site = __builtin_return_address(0)};
    int rc = bi_inbox_post(&loop->inbox, &call.letter);
    if (rc < 0)
        return rc;
    while (!atomic_load(&call.done))
        bi_sys_futex_wait((uint32_t *)&call.done, 0, BIDE_FOREVER);
    return call.result;
}
