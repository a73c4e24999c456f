/* bodies_process.c: programs: what was started ends, and its status is told. */
#include "cancel.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define ARGV(...) ((char *const *)(const char *[]){__VA_ARGS__, NULL})

static const char *const says_its_number = "echo $$; cat";

/* The number that the program said, if it came to that. */
static intptr_t note_number(int rc, struct bide_output *out, pid_t *pid)
{
    *pid = out->data ? atoi(out->data) : 0;
    free(out->data);
    if (rc < 0)
        return stopped(rc);
    equal(rc, 0, "the program exits with 0");
    return 0;
}

static intptr_t run_in_danger(void *pid)
{
    struct bide_output out = {0};
    int rc = bide_proc_run(ARGV("sh", "-c", says_its_number), NULL, "x", 1,
                           &out, NULL);
    return note_number(rc, &out, pid);
}

static intptr_t shell_in_danger(void *pid)
{
    struct bide_output out = {0};
    int rc = bide_proc_shell(says_its_number, NULL, "x", 1, &out, NULL);
    return note_number(rc, &out, pid);
}

static void running(const struct choice *c)
{
    pid_t pid = 0;
    endanger(c->call ? shell_in_danger : run_in_danger, &pid);
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

/* ---- Talking ------------------------------------------------------------ */

static intptr_t talk_in_danger(void *arg)
{
    struct bide_output out = {0};
    int rc = bide_proc_communicate(arg, "hello", 5, &out, NULL);
    holds(out.bytes <= 5 && memcmp(out.data ? out.data : "", "hello",
                                   out.bytes) == 0,
          "what came is there, and in order");
    bool whole = out.bytes == 5;
    free(out.data);
    if (rc < 0)
        return stopped(rc);
    holds(rc == 0 && whole, "a talk that ends well tells all");
    return 0;
}

/* One without a `kill_grace` runs on, and has no more to read. */
static void talking(const struct choice *unused)
{
    struct bide_proc p;
    (void)unused;
    int rc = bide_proc_spawn(&p, ARGV("cat"), BIDE_PIPE_IN | BIDE_PIPE_OUT);
    equal(rc, 0, "a program is started");
    endanger(talk_in_danger, &p);
    if (p.in >= 0)
        bide_close(p.in);
    p.in = -1;
    equal(bide_proc_wait(&p), 0, "a cancelled talk lost no status");
    bide_proc_close(&p);
}

void process_bodies(void)
{
    add_body("program.run", running, (struct choice){.call = 0});
    add_body("program.shell", running, (struct choice){.call = 1});
    add_body("program.talk", talking, (struct choice){0});
    add_body("program.wait", waiting, (struct choice){0});
}
