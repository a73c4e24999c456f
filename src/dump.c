/* dump.c: what can be seen of a run: who waits for what since when, and how
 * often this and that has happened. */
#include "dump.h"

#include "reactor.h"
#include "sys.h"
#include "task.h"

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

/* "join of 'child'", "read on descriptor 5", "mutex 0x7f... of 'owner'", "job
 * of a thread, app+0x11a9" */
static void describe(const struct bi_wait *wait, char *text, size_t room)
{
    char name[32], where[48];
    const struct bi_task *blocker = wait->blocker ? wait->blocker(wait) : NULL;
    if (wait->fd >= 0)
        snprintf(text, room, "%s on descriptor %d", wait->what, wait->fd);
    else if (blocker && blocker == wait->on)
        snprintf(text, room, "%s of '%s'", wait->what,
                 bi_task_name(blocker, name));
    else if (blocker)
        snprintf(text, room, "%s %p of '%s'", wait->what, wait->on,
                 bi_task_name(blocker, name));
    else if (strcmp(wait->what, "job") == 0)
        snprintf(text, room, "job of a thread, %s",
                 (bi_task_site(wait->on, where), where));
    else if (wait->on)
        snprintf(text, room, "%s %p", wait->what, wait->on);
    else
        snprintf(text, room, "%s", wait->what);
}

static void dump_task(int fd, const struct bi_task *task, bide_time now)
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

void bi_dump_tasks(int fd, const struct bi_run *run, bool alive_only)
{
    bide_time now = bi_sys.now();
    BI_LIST_EACH(it, &run->tasks) {
        const struct bi_task *task = bi_container_of(it, struct bi_task, all);
        if (!alive_only || !task->ended)
            dump_task(fd, task, now);
    }
}

void bide_dump(int fd)
{
    const struct bi_run *run = bi_here;
    if (!run) {
        line(fd, "bide: this thread has no run");
        return;
    }
    line(fd, "bide: %llu tasks alive, %llu spawned, %llu switches, %s",
         (unsigned long long)run->alive, (unsigned long long)run->spawned,
         (unsigned long long)run->switches, run->reactor->backend->name);
    bi_dump_tasks(fd, run, false);
}

void bide_stats(struct bide_stats *out)
{
    const struct bi_run *run = bi_here;
    *out = (struct bide_stats){0};
    if (!run)
        return;
    *out = (struct bide_stats){
        .switches = run->switches,
        .spawned = run->spawned,
        .alive = run->alive,
        .alive_peak = run->alive_peak,
        .stacks = run->stacks.mapped,
        .submits = run->reactor->submits,
        .wakeups = run->reactor->wakeups,
    };
}
