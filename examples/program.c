/* program.c: other programs: run to the end, fed while they write, ended.
 *
 *     make examples && build/examples/program
 */
#include "expect.h"
#include <bide.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#define ARGV(...) ((char *const *)(const char *[]){__VA_ARGS__, NULL})

static void in_one_call(void)
{
    struct bide_output out = {.limit = 1000};
    int status = bide_proc_run(ARGV("sort"), NULL, "b\nc\na\n", 6, &out, NULL);
    expect(status == 0, "sort was fed, read and waited for in one call");
    expect(strcmp(out.data, "a\nb\nc\n") == 0, "what it wrote is sorted");
    free(out.data);
    expect(bide_proc_run(ARGV("no-such-program"), NULL, NULL, 0, NULL,
                         NULL) == -ENOENT,
           "a program that is not there is an error of the call");
}

static void by_its_pipes(void)
{
    char line[8] = "";
    struct bide_proc p;
    expect(bide_proc_spawn(&p, ARGV("cat"), BIDE_PIPE_IN | BIDE_PIPE_OUT) == 0,
           "cat runs beside us");
    expect(bide_write_all(p.in, "hello\n", 6) == 6 &&
               bide_read(p.out, line, sizeof line) == 6,
           "its pipes are descriptors like any other");
    expect(bide_proc_kill(&p, SIGTERM) == 0, "it was told to end");
    int status = bide_proc_wait(&p);
    expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM,
           "and its status says why it did");
    bide_proc_close(&p);
}

/* Where it starts, and what else there is to say, are options. */
static void with_options(void)
{
    struct bide_proc p;
    struct bide_output out = {0};
    struct bide_proc_options opt = {.flags = BIDE_PIPE_OUT, .directory = "/"};
    expect(bide_proc_spawn_with(&p, ARGV("pwd"), &opt) == 0 &&
               bide_proc_communicate(&p, NULL, 0, &out, NULL) == 0 &&
               strcmp(out.data, "/\n") == 0,
           "pwd was started elsewhere, and says so");
    free(out.data);
    bide_proc_close(&p);
}

static void with_a_deadline(void)
{
    struct bide_scope s = {0};
    bide_scope_open(&s, bide_after(BIDE_MS(50)));
    int rc = bide_proc_shell("sleep 1000", NULL, NULL, 0, NULL, NULL);
    expect(bide_scope_close(&s, rc) == -ETIMEDOUT,
           "a command of the shell that takes too long has been ended");
}

static intptr_t run(void *unused)
{
    (void)unused;
    in_one_call();
    by_its_pipes();
    with_options();
    with_a_deadline();
    return 0;
}

int main(void)
{
    return bide_run(run, NULL, NULL) == 0 ? 0 : 1;
}
