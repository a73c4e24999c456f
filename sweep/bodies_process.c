/* bodies_process.c: programs, started and talked to. */
#include "body.h"

#include <stdlib.h>
#include <sys/wait.h>

#define ARGV(...) ((char *const *)(const char *[]){__VA_ARGS__, NULL})

/* A program ends as it should, or by a signal of ours after a fault. */
static intptr_t run_cat(void *arg)
{
    struct bide_output out = {0};
    char text[600];
    (void)arg;
    pattern(text, sizeof text);
    int rc = bide_proc_run(ARGV("cat"), NULL, text, sizeof text, &out, NULL);
    bool whole = out.bytes == sizeof text && is_pattern(out.data, out.bytes);
    free(out.data);
    if (rc < 0)
        return rc;
    EXPECT(rc == 0 && whole);
    return 0;
}

static intptr_t ask_shell(void *unused)
{
    struct bide_output out = {.limit = 100}, err = {0};
    (void)unused;
    int rc = bide_proc_shell("echo yes; echo no >&2", NULL, NULL, 0, &out,
                             &err);
    bool right = out.data && strcmp(out.data, "yes\n") == 0 && err.data &&
                 strcmp(err.data, "no\n") == 0;
    free(out.data);
    free(err.data);
    if (rc < 0)
        return rc;
    EXPECT(rc == 0 && right);
    return 0;
}

static intptr_t talk_to_cat(void *unused)
{
    struct bide_proc p;
    struct bide_output out = {0};
    char text[600];
    (void)unused;
    pattern(text, sizeof text);
    int rc = bide_proc_spawn(&p, ARGV("cat"), BIDE_PIPE_IN | BIDE_PIPE_OUT);
    if (rc < 0)
        return rc;
    rc = bide_proc_communicate(&p, text, sizeof text, &out, NULL);
    bool whole = out.bytes == sizeof text && is_pattern(out.data, out.bytes);
    free(out.data);
    bide_proc_close(&p);
    EXPECT(rc < 0 || (rc == 0 && whole));
    return rc;
}

static intptr_t start_and_wait(void *flags)
{
    struct bide_proc p;
    int rc = bide_proc_spawn(&p, ARGV("true"), (unsigned)(intptr_t)flags);
    EXPECT(rc == 0 || p.in == -1);
    if (rc < 0)
        return rc;
    rc = bide_proc_wait(&p);
    int again = bide_proc_wait(&p);
    bide_proc_close(&p);
    EXPECT(rc < 0 || rc == 0);
    return rc < 0 ? rc : again < 0 ? again : 0;
}

static intptr_t wait_once(void *arg)
{
    return bide_proc_wait(arg);
}

static intptr_t cancel_and_end(void *arg)
{
    struct bide_proc p;
    struct bide_proc_options opt = {.kill_grace = BIDE_SEC(5)};
    (void)arg;
    int rc = bide_proc_spawn_with(&p, ARGV("sleep", "1000"), &opt);
    if (rc < 0)
        return rc;
    intptr_t got = within(BIDE_MS(1), wait_once, &p);
    if (got != -ETIMEDOUT)
        bide_proc_kill(&p, SIGTERM);
    int status = bide_proc_wait(&p);
    for (int i = 0; status < 0 && status != -ECHILD && i < 100; i++)
        status = bide_proc_wait(&p);
    bide_proc_close(&p);
    EXPECT(status == SIGTERM || status == SIGKILL);
    return got == -ETIMEDOUT ? 0 : got;
}

const struct body bodies_process[] = {
    {"program_is_fed_and_read", run_cat, 0, INSIDE},
    {"program_is_talked_to", talk_to_cat, 0, INSIDE},
    {"shell_is_asked", ask_shell, 0, INSIDE},
    {"program_is_started", start_and_wait, 0, INSIDE},
    {"program_has_pipes", start_and_wait,
     BIDE_PIPE_IN | BIDE_PIPE_OUT | BIDE_NULL_ERR, INSIDE},
    {"program_is_ended", cancel_and_end, 0, INSIDE},
    {0},
};
