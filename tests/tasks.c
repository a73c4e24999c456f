/* tasks.c: bodies of tasks, the journal, the hand on the virtual clock. */
#include "tasks.h"

#include "core.h"
#include "reactor.h"

#include <unistd.h>

/* ---- Bodies ------------------------------------------------------------- */

intptr_t give(void *value)
{
    return VALUE(value);
}

intptr_t give_late(void *value)
{
    int rc = bide_yield();
    return rc < 0 ? rc : VALUE(value);
}

intptr_t sleep_ms(void *ms)
{
    int rc = bide_sleep(BIDE_MS(VALUE(ms)));
    return rc < 0 ? rc : VALUE(ms);
}

intptr_t fail_after_ms(void *ms)
{
    int rc = bide_sleep(BIDE_MS(VALUE(ms)));
    return rc < 0 ? rc : -EIO;
}

intptr_t sleep_for_ever(void *unused)
{
    (void)unused;
    return bide_sleep_until(BIDE_FOREVER);
}

intptr_t end_slowly(void *ms)
{
    struct bide_scope shield;
    int rc = bide_sleep_until(BIDE_FOREVER);
    bide_shield_open(&shield, BIDE_FOREVER);
    int slept = bide_sleep(BIDE_MS(VALUE(ms)));
    bide_scope_close(&shield, slept);
    return rc;
}

intptr_t fail_when_cancelled(void *unused)
{
    (void)unused;
    return bide_sleep_until(BIDE_FOREVER) < 0 ? -EPROTO : 0;
}

intptr_t swallow_cancel(void *value)
{
    return bide_sleep_until(BIDE_FOREVER) < 0 ? VALUE(value) : 0;
}

intptr_t await_it(void *task)
{
    return bide_await(task);
}

intptr_t run_on_thread(void *thread_job)
{
    const struct thread_job *job = thread_job;
    return job->opt ? bide_to_thread_with(job->fn, job->arg, job->opt)
                    : bide_to_thread(job->fn, job->arg);
}

bide_task *spawn(bide_fn *fn, void *arg)
{
    bide_task *task;
    ck_assert_int_eq(bide_spawn(&task, fn, arg), 0);
    return task;
}

bide_task *spawn_as(const char *name, bide_fn *fn, void *arg)
{
    bide_task *task;
    struct bide_spawn_options options = {.name = name};
    ck_assert_int_eq(bide_spawn_with(&task, fn, arg, &options), 0);
    return task;
}

intptr_t result_of(bide_task *task)
{
    intptr_t result;
    ck_assert_int_eq(bide_join(task, &result), 0);
    return result;
}

void turns(unsigned n)
{
    while (n--)
        ck_assert_int_eq(bide_yield(), 0);
}

/* ---- The journal -------------------------------------------------------- */

char journal[64];

void note(char letter)
{
    size_t len = strlen(journal);
    ck_assert_uint_lt(len, sizeof journal - 1);
    journal[len] = letter;
    journal[len + 1] = '\0';
}

intptr_t note_it(void *letter)
{
    note((char)VALUE(letter));
    return 0;
}

void clear_journal(void)
{
    journal[0] = '\0';
}

/* ---- The dump ----------------------------------------------------------- */

static char dumped[8192];

const char *dump(void)
{
    int fds[2];
    ck_assert_int_eq(pipe(fds), 0);
    bide_dump(fds[1]);
    close(fds[1]);
    ssize_t n = read(fds[0], dumped, sizeof dumped - 1);
    ck_assert_int_gt(n, 0);
    dumped[n] = '\0';
    close(fds[0]);
    return dumped;
}

void expect_line(const char *name, const char *word)
{
    char *line = strstr(dumped, name);
    ck_assert_msg(line, "no %s in: %s", name, dumped);
    char *end = strchr(line, '\n'), *found = strstr(line, word);
    ck_assert_msg(found && found < end, "no %s by %s in: %s", word, name,
                  dumped);
}

/* ---- The virtual clock -------------------------------------------------- */

void compute(bide_time span)
{
    bide_test_advance(span);
}

intptr_t clock_ms(void)
{
    return (intptr_t)((bide_now() - BIDE_SEC(1)) / BIDE_MS(1));
}

bool no_timer_left(void)
{
    return bi_here->timers.count == 0;
}
