/* worker.c: a worker as its pool sees it.
 *
 * There is no task for a worker.  One of the calls that it has, the reader,
 * waits for the bell and settles what was passed, for all of them; so a call
 * alone costs a write and a read and no switch.  When the reader's own call is
 * over, the oldest of the others is woken to be the next (pool.c).
 *
 * The hard transition is the end of a worker.  It takes time, in which others
 * run, so `ending` keeps it from being given anything and from being ended
 * twice.  Only when the process is gone is the channel read for the last time:
 * then nothing in it changes any more.
 */
#include "worker.h"

#include "child.h"
#include "io.h"
#include "park.h"
#include "process.h"
#include "sys.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* How often a bell is rung: its pipe is never full, and a write of a byte is
 * not broken off for long. */
#define BELL_TRIES 10

/* A large part grows by so much at least. */
#define LARGE_STEP ((size_t)1 << 20)

/* ---- Starting ----------------------------------------------------------- */

/* Our end of a pipe, which does not block. */
static int take_end(int fd, int flags)
{
    return bi_sys_setfl(bi_io_adopt(fd, BI_FD_PIPE), flags | O_NONBLOCK);
}

static int open_bells(struct bi_worker *w, int theirs[2])
{
    int fds[2];
    int rc = bi_sys_pipe(fds);
    if (rc < 0)
        return rc;
    theirs[0] = fds[0];
    w->bell_out = fds[1];
    rc = take_end(fds[1], O_WRONLY);
    if (rc == 0)
        rc = bi_sys_pipe(fds);
    if (rc < 0)
        return rc;
    theirs[1] = fds[1];
    w->bell_in = fds[0];
    return take_end(fds[0], O_RDONLY);
}

static int open_channel(struct bi_worker *w)
{
    int rc;
    w->shared = bi_sys_memory_file("bide pool", sizeof(struct bi_channel));
    if (w->shared < 0)
        return w->shared;
    w->channel = bi_channel_map(w->shared, &rc);
    return rc;
}

/* Our environment and the mark.  NULL: no memory. */
static char **mark_environment(char *mark)
{
    size_t n = 0;
    while (environ && environ[n])
        n++;
    char **env = malloc((n + 2) * sizeof *env);
    if (!env)
        return NULL;
    env[0] = mark;
    for (size_t i = 0; i <= n; i++)
        env[i + 1] = n ? environ[i] : NULL;
    return env;
}

static int start_process(struct bi_worker *w, const int theirs[2])
{
    char mark[64];
    char path[BI_PATH_BYTES], *argv[] = {path, NULL};
    int fds[] = {theirs[0], BI_BELL_IN, theirs[1], BI_BELL_OUT,
                 w->shared, BI_SHARED, -1};
    snprintf(mark, sizeof mark, "%s=%d", bi_child_mark, (int)getpid());
    char **env = mark_environment(mark);
    bi_sys_program(path);
    struct bide_proc_options opt = {.flags = BIDE_NULL_IN, .environment = env,
                                    .fds = fds};
    if (!env)
        return -ENOMEM;
    int rc = bide_proc_spawn_with(&w->proc, argv, &opt);
    free(env);
    return rc;
}

static void unmap(struct bi_worker *w)
{
    if (w->large)
        bi_sys.unmap(w->large, w->large_bytes);
    if (w->channel)
        bi_sys.unmap(w->channel, sizeof *w->channel);
    w->large = NULL;
    w->channel = NULL;
}

static void close_all(struct bi_worker *w)
{
    unmap(w);
    bi_io_close(&w->bell_out);
    bi_io_close(&w->bell_in);
    if (w->shared >= 0)
        bi_sys_close(w->shared);
    w->shared = -1;
}

static void tell_modules(struct bi_worker *w, const struct bi_modules *m)
{
    uint32_t *told = &w->channel->head.modules;
    for (; *told < m->count; ++*told)
        w->channel->modules[*told] = m->table[*told];
}

int bi_worker_start(struct bi_worker *w, const struct bi_worker_start *how)
{
    int theirs[2] = {-1, -1};
    *w = (struct bi_worker){.bell_out = -1, .bell_in = -1, .shared = -1};
    int rc = open_bells(w, theirs);
    if (rc == 0)
        rc = open_channel(w);
    if (rc == 0) {
        w->channel->head.init = how->init;
        w->channel->head.init_arg = how->init_arg;
        tell_modules(w, how->modules);
        rc = start_process(w, theirs);
    }
    for (int i = 0; i < 2; i++)
        if (theirs[i] >= 0)
            bi_sys_close(theirs[i]);
    if (rc < 0)
        close_all(w);
    w->alive = rc == 0;
    return rc;
}

/* ---- Giving ------------------------------------------------------------- */

static bool multiply(size_t a, size_t b, size_t *out)
{
    return !__builtin_mul_overflow(a, b, out) && *out <= SIZE_MAX / 4;
}

/* Where the results begin behind the arguments, and the bytes of both.  False:
 * no memory is that large. */
static bool measure(const struct bi_request *r, size_t *out_at, size_t *bytes)
{
    size_t in, out, items;
    size_t stride = r->count ? bi_item_stride(r->room) : r->room;
    if (r->room > SIZE_MAX / 4 ||
        !multiply(r->count ? r->count : 1, r->in_bytes, &in) ||
        !multiply(r->count ? r->count : 1, stride, &out) ||
        !multiply(r->count, sizeof(struct bi_item), &items))
        return false;
    *out_at = bi_aligned(in);
    *bytes = *out_at + bi_aligned(items) + out;
    return true;
}

static bool is_large(size_t bytes)
{
    return bytes > BI_SLOT_BYTES - offsetof(struct bi_slot, data);
}

bool bi_worker_fits(const struct bi_worker *w, const struct bi_request *r)
{
    size_t at, bytes;
    bool large = measure(r, &at, &bytes) && is_large(bytes);
    return bi_worker_load(w) < BI_SLOTS && !(large && w->large_user);
}

/* Make the large part as long as that; nobody uses it. */
static int grow(struct bi_worker *w, size_t bytes)
{
    int rc;
    if (bytes <= w->large_bytes)
        return 0;
    bytes = (bytes + LARGE_STEP - 1) & ~(LARGE_STEP - 1);
    rc = bi_sys_truncate(w->shared, sizeof(struct bi_channel) + bytes);
    char *large = rc < 0 ? NULL
                         : bi_channel_map_large(w->shared, bytes, &rc);
    if (!large)
        return rc == -EFBIG ? -ENOMEM : rc;
    if (w->large)
        bi_sys.unmap(w->large, w->large_bytes);
    w->large = large;
    w->large_bytes = bytes;
    return 0;
}

void bi_worker_forget(struct bi_worker *w, struct bi_call *call)
{
    w->calls[call->turn % BI_SLOTS] = NULL;
    if (w->large_user == call)
        w->large_user = NULL;
    call->with = NULL;
}

bool bi_worker_withdraw(struct bi_worker *w, struct bi_call *call)
{
    uint32_t sent = BI_SENT;
    struct bi_slot *slot = bi_slot_at(w->channel, call->turn);
    if (!atomic_compare_exchange_strong(&slot->state, &sent, BI_WITHDRAWN))
        return false;
    bi_worker_forget(w, call);
    return true;
}

/* 0, or why it cannot be woken. */
static int ring(struct bi_worker *w)
{
    struct bi_head *h = &w->channel->head;
    ssize_t n = -EINTR;
    if (!atomic_exchange(&h->worker_sleeps, 0))
        return 0;
    for (int i = 0; i < BELL_TRIES && (n == -EINTR || n == -EAGAIN); i++)
        n = bi_sys_write(w->bell_out, "", 1);
    if (n == -EPIPE) { /* one that is dead is found out by its own bell */
        bi_sys_sigpipe_drain();
        return 0;
    }
    if (n < 0)
        atomic_store(&h->worker_sleeps, 1);
    return n == -EAGAIN || n == -EINTR ? -EIO : n < 0 ? (int)n : 0;
}

static int hand_over(struct bi_worker *w, struct bi_call *call)
{
    w->calls[w->sent % BI_SLOTS] = call;
    call->with = w;
    call->turn = w->sent++;
    w->given++;
    atomic_store(&w->channel->head.sent, w->sent);
    int rc = ring(w);
    return rc < 0 && bi_worker_withdraw(w, call) ? rc : 0;
}

int bi_worker_give(struct bi_worker *w, struct bi_call *call,
                   struct bi_modules *modules)
{
    const struct bi_request *r = &call->request;
    struct bi_slot *slot = bi_slot_at(w->channel, w->sent);
    size_t out_at, bytes;
    struct bi_place fn;
    int rc = bi_module_place(modules, (const void *)(uintptr_t)r->fn, &fn);
    if (rc < 0)
        return -ELIBACC;
    bool large = measure(r, &out_at, &bytes);
    rc = !large ? -ENOMEM : is_large(bytes) ? grow(w, bytes) : 0;
    if (rc < 0)
        return rc;
    large = is_large(bytes);
    tell_modules(w, modules);
    slot->mark = BI_SLOT_MARK;
    slot->fn = fn;
    slot->in_bytes = r->in_bytes;
    slot->room = r->room;
    slot->count = r->count;
    slot->large = large ? w->large_bytes : 0;
    if (large)
        w->large_user = call;
    if (r->in_bytes)
        memcpy(large ? w->large : slot->data, r->in,
               r->in_bytes * (r->count ? r->count : 1));
    atomic_store_explicit(&slot->state, BI_SENT, memory_order_relaxed);
    return hand_over(w, call);
}

/* ---- Hearing ------------------------------------------------------------ */

void bi_call_settle(struct bi_call *call, intptr_t result)
{
    bi_assert(!call->over && !call->with);
    call->result = result;
    call->over = true;
    if (call->parked) {
        call->parked = false;
        bi_wake(&call->wait, 0);
    }
}

/* The results of a map, as they lie in the channel. */
static intptr_t take_items(struct bi_call *call, const char *from)
{
    const struct bi_request *r = &call->request;
    memcpy(call->out, from, bi_aligned(r->count * sizeof(struct bi_item)) +
                            r->count * bi_item_stride(r->room));
    return 0;
}

/* Copy what the job came to, from a slot that is nobody's any more. */
static intptr_t take_result(const struct bi_worker *w, struct bi_call *call,
                            const struct bi_slot *slot)
{
    const struct bi_request *r = &call->request;
    size_t at, bytes;
    measure(r, &at, &bytes);
    const char *from = (is_large(bytes) ? w->large : slot->data) + at;
    if (r->count)
        return slot->result < 0 ? slot->result : take_items(call, from);
    call->out_bytes = slot->out_bytes;
    if (call->out_bytes > r->room)
        return -EMSGSIZE;
    if (call->out_bytes)
        memcpy(call->out, from, call->out_bytes);
    return (intptr_t)slot->result;
}

static void settle_turn(struct bi_worker *w, uint32_t turn)
{
    struct bi_call *call = w->calls[turn % BI_SLOTS];
    const struct bi_slot *slot = bi_slot_at(w->channel, turn);
    if (!call)
        return;
    bool sound = slot->mark == BI_SLOT_MARK && slot->state == BI_DONE;
    intptr_t result = sound ? take_result(w, call, slot) : -EBADMSG;
    w->broken = w->broken || !sound;
    bi_worker_forget(w, call);
    bi_call_settle(call, result);
}

unsigned bi_worker_collect(struct bi_worker *w)
{
    unsigned ended = 0;
    uint32_t passed = atomic_load(&w->channel->head.passed);
    if (passed - w->heard > bi_worker_load(w)) {
        w->broken = true;
        return 0;
    }
    while (w->heard != passed && !w->broken) {
        ended += w->calls[w->heard % BI_SLOTS] != NULL;
        settle_turn(w, w->heard++);
    }
    return ended;
}

static bool has_passed(const struct bi_worker *w)
{
    return atomic_load(&w->channel->head.passed) != w->heard;
}

int bi_worker_listen(struct bi_worker *w, struct bi_call *call)
{
    char rung[64];
    struct bi_head *h = &w->channel->head;
    atomic_store(&h->parent_sleeps, 1);
    if (has_passed(w)) {
        atomic_store(&h->parent_sleeps, 0);
        return 0;
    }
    w->reader = call;
    ssize_t n = bide_read(w->bell_in, rung, sizeof rung);
    if (w->reader != call)
        return 0; /* it was ended meanwhile */
    w->reader = NULL;
    return n > 0 ? 0 : n == 0 ? -EPIPE : (int)n;
}

/* ---- Ending ------------------------------------------------------------- */

/* What was done is settled as if it were passed; what was begun has failed. */
static void settle_rest(struct bi_worker *w, int code, int status,
                        struct bi_list *queue)
{
    while (w->sent != w->heard) {
        uint32_t turn = --w->sent; /* the last first: they go to the front */
        struct bi_call *call = w->calls[turn % BI_SLOTS];
        uint32_t state = bi_slot_at(w->channel, turn)->state;
        if (!call)
            continue;
        if (state == BI_DONE) {
            settle_turn(w, turn);
            continue;
        }
        bi_worker_forget(w, call);
        if (state == BI_SENT) {
            bi_list_push_front(queue, &call->queued);
            continue;
        }
        if (code == -ECHILD)
            call->death = status < 0 ? 0 : status;
        bi_call_settle(call, state == BI_BEGUN ? code : -EBADMSG);
    }
}

int bi_worker_end(struct bi_worker *w, bide_time grace, int code,
                  struct bi_list *queue)
{
    bi_assert(w->alive && !w->ending);
    w->ending = true;
    bi_process_end(&w->proc, grace);
    int status = w->proc._ended ? w->proc._status : -ECHILD;
    w->reader = NULL;
    w->init_code = w->channel->head.init_code;
    bi_worker_collect(w);
    settle_rest(w, code, status, queue);
    bide_proc_close(&w->proc);
    close_all(w);
    w->alive = w->ending = false;
    return status;
}

void bi_worker_drop(struct bi_worker *w)
{
    int fds[] = {w->bell_out, w->bell_in, w->shared};
    if (!w->alive)
        return;
    bi_process_drop(&w->proc);
    unmap(w);
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++)
        bi_sys_close(fds[i]);
}
