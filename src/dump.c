/* dump.c: what can be seen of a run: who waits for what since when, who waits
 * for each other, and how often this and that has happened. */
#include "dump.h"

#include "cycle.h"
#include "reactor.h"
#include "sys.h"
#include "task.h"
#include "timer.h"

#include <stdarg.h>
#include <string.h>

/* One line, in one write. */
static __attribute__((format(printf, 2, 3))) void line(int fd,
                                                       const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text - 1, format, args);
    va_end(args);
    if (n < 0)
        return;
    size_t len = (size_t)n < sizeof text - 1 ? (size_t)n : sizeof text - 2;
    text[len++] = '\n';
    if (bi_sys_write(fd, text, len) == -EPIPE)
        bi_sys_sigpipe_drain();
}

/* The ending of a word that `n` stands before. */
static const char *plural(uint64_t n, const char *ending)
{
    return n == 1 ? "" : ending;
}

/* How many more tasks than this one the wait needs: " and 3 more", or "". */
static const char *and_more(const struct bi_wait *wait,
                            const struct bi_task *first, char text[32])
{
    unsigned n = 0;
    while (first && (first = wait->blocker(wait, first)))
        n++;
    text[0] = '\0';
    if (n)
        snprintf(text, 32, " and %u more", n);
    return text;
}

/* "join of 'child'", "mutex 0x7f... of 'owner'", "group close 0x7f... of
 * 'child' and 2 more": `blocker` is one of those that the wait needs. */
static void describe_blocked(const struct bi_wait *wait,
                             const struct bi_task *blocker, char *text,
                             size_t room)
{
    char name[32], more[32];
    const char *who = bi_task_name(blocker, name);
    and_more(wait, blocker, more);
    if (blocker == wait->on)
        snprintf(text, room, "%s of '%s'", wait->what, who);
    else
        snprintf(text, room, "%s %p of '%s'%s", wait->what, wait->on, who,
                 more);
}

/* ... or "read on descriptor 5", "job of a thread, app+0x11a9". */
static void describe(const struct bi_wait *wait, char *text, size_t room)
{
    char where[48];
    const struct bi_task *blocker =
        wait->blocker ? wait->blocker(wait, NULL) : NULL;
    if (blocker)
        describe_blocked(wait, blocker, text, room);
    else if (wait->fd >= 0)
        snprintf(text, room, "%s on descriptor %d", wait->what, wait->fd);
    else if (strcmp(wait->what, "job") == 0)
        snprintf(text, room, "job of a thread, %s",
                 (bi_task_site(wait->on, where), where));
    else if (wait->on)
        snprintf(text, room, "%s %p", wait->what, wait->on);
    else
        snprintf(text, room, "%s", wait->what);
}

void bi_dump_task(int fd, const struct bi_task *task, bide_time now)
{
    char name[32], where[48], what[96];
    struct bide_error e = bi_task_error(task, name, where);
    if (task->ended) {
        line(fd, "  %-20s ended with %ld, spawned at %s", e.task, (long)e.code,
             where);
    } else if (!task->wait) {
        bool runs = task->run->current == task;
        line(fd, "  %-20s %s, spawned at %s", e.task,
             runs ? "runs" : "is ready", where);
    } else {
        bide_time span = now > task->parked_at ? now - task->parked_at : 0;
        describe(task->wait, what, sizeof what);
        line(fd, "  %-20s waits: %s, for %lld.%03d s, spawned at %s", e.task,
             what, (long long)(span / BIDE_SEC(1)),
             (int)(span % BIDE_SEC(1) / BIDE_MS(1)), where);
    }
}

/* ---- Cycles ------------------------------------------------------------- */

/* More of them are only counted. */
#define CYCLES_TOLD 8

struct cycles {
    int fd;
    unsigned count;
};

static void dump_cycle(void *arg, struct bi_task *first, struct bi_task *last)
{
    struct cycles *cycles = arg;
    if (cycles->count++ >= CYCLES_TOLD)
        return;
    line(cycles->fd,
         "bide: a cycle, which only a cancel or a deadline can break:");
    const struct bi_task *task = first;
    do {
        char name[32], what[96];
        const struct bi_task *next = bi_cycle_next(task, first, last);
        describe_blocked(task->wait, next, what, sizeof what);
        line(cycles->fd, "  '%s' waits for %s", bi_task_name(task, name),
             what);
        task = next;
    } while (task != first);
}

static void dump_cycles(int fd, struct bi_run *run)
{
    struct cycles cycles = {.fd = fd};
    bi_cycle_each(run, dump_cycle, &cycles);
    if (cycles.count > CYCLES_TOLD)
        line(fd, "bide: and %u more cycle%s", cycles.count - CYCLES_TOLD,
             plural(cycles.count - CYCLES_TOLD, "s"));
}

/* ---- All of it ---------------------------------------------------------- */

void bi_dump_tasks(int fd, struct bi_run *run, bool alive_only)
{
    bide_time now = bi_sys.now();
    BI_LIST_EACH(it, &run->tasks) {
        const struct bi_task *task = bi_container_of(it, struct bi_task, all);
        if (!alive_only || !task->ended)
            bi_dump_task(fd, task, now);
    }
    dump_cycles(fd, run);
}

void bide_dump(int fd)
{
    struct bi_run *run = bi_here;
    if (!run) {
        line(fd, "bide: this thread has no run");
        return;
    }
    uint64_t alive = bi_run_alive(run);
    line(fd, "bide: %llu task%s alive, %llu spawned, %llu switch%s, %s",
         (unsigned long long)alive, plural(alive, "s"),
         (unsigned long long)run->spawned, (unsigned long long)run->switches,
         plural(run->switches, "es"), run->reactor->backend->name);
    bi_dump_tasks(fd, run, false);
}

static uint64_t ready_count(const struct bi_run *run)
{
    uint64_t n = 0;
    BI_LIST_EACH(it, &run->ready) {
        n++;
    }
    return n;
}

void bide_stats(struct bide_stats *out)
{
    const struct bi_run *run = bi_here;
    *out = (struct bide_stats){0};
    if (!run)
        return;
    bide_time next = BIDE_FOREVER;
    bi_timer_next(run, &next);
    *out = (struct bide_stats){
        .switches = run->switches,
        .spawned = run->spawned,
        .alive = bi_run_alive(run),
        .alive_peak = run->alive_peak,
        .stacks = run->stacks.mapped,
        .submits = run->reactor->submits,
        .wakeups = run->reactor->wakeups,
        .ready = ready_count(run),
        .posts = bi_inbox_count(run->reactor->inbox),
        .next_deadline = next,
    };
}
