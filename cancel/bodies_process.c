/* bodies_process.c: programs: what was started ends, and its status is told. */
#include "cancel.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#define ARGV(...) ((char *const *)(const char *[]){__VA_ARGS__, NULL})

static intptr_t run_in_danger(void *arg)
{
    struct bide_output out = {0};
    pid_t *pid = arg;
    int rc = bide_proc_run(ARGV("sh", "-c", "echo $$; cat"), NULL, "x", 1, &out,
                           NULL);
    *pid = out.data ? atoi(out.data) : 0;
    free(out.data);
    if (rc < 0)
        return stopped(rc);
    equal(rc, 0, "the program exits with 0");
    return 0;
}

static void running(const struct choice *unused)
{
    pid_t pid = 0;
    (void)unused;
    endanger(run_in_danger, &pid);
    holds(pid == 0 || (kill(pid, 0) < 0 && errno == ESRCH),
          "no program is left behind");
}

static intptr_t wait_in_danger(void *arg)
{
    int rc = bide_proc_wait(arg);
    return rc < 0 ? stopped(rc) : 0;
}

static intptr_t let_it_end(void *arg)
{
    struct bide_proc *p = arg;
    turn();
    bide_close(p->in);
    p->in = -1;
    return 0;
}

static void waiting(const struct choice *unused)
{
    struct bide_proc p;
    struct bide_group g = {0};
    (void)unused;
    int rc = bide_proc_spawn(&p, ARGV("cat"), BIDE_PIPE_IN);
    equal(rc, 0, "a program is started");
    bide_group_open(&g, BIDE_FAIL_FAST);
    beside(&g, let_it_end, &p);
    endanger(wait_in_danger, &p);
    all_ended(&g);
    equal(bide_proc_wait(&p), 0, "a cancelled wait lost no status");
    bide_proc_close(&p);
}

void process_bodies(void)
{
    add_body("program.run", running, (struct choice){0});
    add_body("program.wait", waiting, (struct choice){0});
}
