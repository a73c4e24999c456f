/* main.c: the cancel sweep: every body, every way, every moment.
 *
 *     cancel-sweep              all of it; the last line is
 *                               `N passed, N failed`
 *     cancel-sweep BODY         one body, or all whose names begin so
 *     cancel-sweep BODY.BACKEND.WAY.MOMENT.N
 *                               one run, as the sweep names it
 *
 * A body is swept in a process of its own for each backend, which tells of its
 * progress in shared memory: where it dies or hangs, that point has failed, and
 * another process goes on with the next.
 */
#include "cancel.h"

#include "../tests/backends.h"

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define BODIES 256
#define POINTS_MOST 100  /* of one kind in one body; where threads take part,
                            chance decides how many there are */
#define CRASHES_MOST 3   /* of one body: the rest is left out */
#define SECONDS_A_RUN 10

static struct body bodies[BODIES];
static unsigned body_count;

static const char *const ways[] = {"task", "scope", "deadline", "failure"};
static const char *const moments[] = {"before", "parked", "kernel", "amid",
                                      "woken"};

/* What a body's process tells, in shared memory. */
struct progress {
    struct point at;
    bool ended;
    unsigned waits, runs, strikes, failed;
};
static struct progress *progress;

void add_body(const char *name, void (*run)(const struct choice *choice),
              struct choice choice)
{
    bi_assert(body_count < BODIES);
    struct body *body = &bodies[body_count++];
    body->run = run;
    body->choice = choice;
    snprintf(body->name, sizeof body->name, "%s", name);
}

/* ---- One run ------------------------------------------------------------ */

static void say_failed(const struct point *p, const char *how)
{
    printf("  failed: %s.%s.%s.%s.%u%s\n", bodies[p->body].name,
           backend_names[p->backend], ways[p->way], moments[p->moment], p->n,
           how);
    fflush(stdout);
}

static bool grew(const struct books *before, const struct books *after)
{
    return after->heap > before->heap || after->mappings > before->mappings;
}

/* The C library keeps some memory for later: stacks of threads, a few blocks of
 * each size; but not more with each run.  So growth is believed when it has
 * come again so many times. */
#define GROWTHS_BELIEVED 10

static void audit_memory(const struct point *point, struct books *before)
{
    struct books after = take_stock();
    for (int i = 0; i < GROWTHS_BELIEVED && grew(before, &after); i++) {
        *before = after;
        run_point(&bodies[point->body], point);
        after = take_stock();
    }
    holds(!grew(before, &after), "heap and mappings are as before");
    *before = after;
}

static struct verdict run_once(const struct point *point, struct books *before)
{
    progress->at = *point;
    alarm(SECONDS_A_RUN);
    unsigned broken_before = laws_broken;
    struct verdict v = run_point(&bodies[point->body], point);
    equal((long)take_stock().open, (long)before->open,
          "descriptors are as before");
    audit_memory(point, before);
    alarm(0);
    progress->runs++;
    progress->strikes += v.struck;
    if (laws_broken > broken_before) {
        progress->failed++;
        say_failed(point, "");
    }
    return v;
}

/* ---- One body, in a process of its own ---------------------------------- */

/* Every n of one kind, until there is no such moment. */
static void sweep_kind(struct point *p, struct books *before)
{
    bool reached = true;
    for (; reached && p->n <= POINTS_MOST; p->n++)
        reached = run_once(p, before).reached;
}

static void sweep_body(struct point p)
{
    struct point untouched = {.body = p.body, .backend = p.backend};
    struct books before = take_stock();
    progress->waits = run_once(&untouched, &before).waits;
    for (; p.way < WAYS; p.way++, p.moment = 0)
        for (; p.moment < MOMENTS; p.moment++, p.n = 1)
            sweep_kind(&p, &before);
    progress->ended = true;
}

/* A process that begins at progress->at.  True: it came to the end. */
static bool sweep_apart(void)
{
    int status;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        sweep_body(progress->at);
        fflush(stdout);
        _exit(0);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid) {
        perror("cancel-sweep");
        exit(2);
    }
    if (progress->ended)
        return true;
    int sig = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    say_failed(&progress->at, sig == SIGALRM ? ": it hangs" : ": it died");
    progress->runs++;
    progress->failed++;
    progress->at.n++;
    return false;
}

static struct { unsigned runs, strikes, failed; } total;

static void sweep_all_of(unsigned body, enum bide_backend backend)
{
    *progress = (struct progress){.at = {.body = body, .backend = backend,
                                         .n = 1}};
    int crashes = 0;
    while (!sweep_apart() && ++crashes < CRASHES_MOST)
        ;
    printf("%-32s %-6s %4u waits %6u cancels%s\n", bodies[body].name,
           backend_names[backend], progress->waits, progress->strikes,
           crashes == CRASHES_MOST ? ", given up" : "");
    total.runs += progress->runs;
    total.strikes += progress->strikes;
    total.failed += progress->failed;
}

/* ---- The command line --------------------------------------------------- */

static int index_of(const char *word, const char *const *words, int n)
{
    for (int i = 0; i < n; i++)
        if (words[i] && strcmp(words[i], word) == 0)
            return i;
    return -1;
}

/* The last word of `text`, cut off at its dot. */
static const char *cut_word(char *text)
{
    char *dot = strrchr(text, '.');
    if (!dot)
        return "";
    *dot = '\0';
    return dot + 1;
}

/* "body.backend.way.moment.n".  False: it is none. */
static bool parse_point(const char *name, struct point *p)
{
    char text[80];
    snprintf(text, sizeof text, "%s", name);
    p->n = (unsigned)strtoul(cut_word(text), NULL, 10);
    int moment = index_of(cut_word(text), moments, MOMENTS);
    int way = index_of(cut_word(text), ways, WAYS);
    int backend = index_of(cut_word(text), backend_names, 3);
    p->body = 0;
    while (p->body < body_count && strcmp(bodies[p->body].name, text) != 0)
        p->body++;
    if (moment < 0 || way < 0 || backend < 0 || p->body == body_count)
        return false;
    p->moment = (enum moment)moment;
    p->way = (enum way)way;
    p->backend = (enum bide_backend)backend;
    return true;
}

/* One run, here, where a debugger can watch it. */
static int replay(const struct point *p)
{
    struct books before = take_stock();
    struct verdict v = run_once(p, &before);
    printf("%s: %s, %s\n", progress->failed ? "failed" : "passed",
           v.reached ? "the moment came" : "there is no such moment",
           v.struck ? "the cancel was dealt" : "no cancel was dealt");
    return progress->failed != 0;
}

static void sweep(const char *only)
{
    for (enum bide_backend b = BIDE_URING; b <= BIDE_EPOLL; b++) {
        if (!backend_offered(b))
            continue;
        for (unsigned i = 0; i < body_count; i++)
            if (strncmp(bodies[i].name, only, strlen(only)) == 0)
                sweep_all_of(i, b);
    }
    printf("%u runs, %u cancels\n", total.runs, total.strikes);
}

int main(int argc, char **argv)
{
    progress = mmap(NULL, sizeof *progress, PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (progress == MAP_FAILED)
        return 2;
    setvbuf(stdout, NULL, _IOLBF, 0);
    mallopt(M_ARENA_MAX, 1);
    stream_bodies();
    turn_bodies();
    connection_bodies();
    file_bodies();
    task_bodies();
    sync_bodies();
    lock_bodies();
    gen_bodies();
    queue_bodies();
    process_bodies();
    signal_bodies();
    pool_bodies();
    thread_bodies();
    names_bodies();
    canary_bodies();

    struct point point;
    const char *only = argc > 1 ? argv[1] : "";
    if (parse_point(only, &point))
        return replay(&point);
    sweep(only);
    printf("%u passed, %u failed\n", total.runs - total.failed, total.failed);
    return total.failed != 0 || total.runs == 0;
}
