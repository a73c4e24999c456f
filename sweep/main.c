/* main.c: the fault sweep.
 *
 *     sweep                               all bodies in all worlds
 *     sweep BODY                          one body in all worlds
 *     sweep BODY:WORLD:POINT:MODE:CODE    one injection, and every call told
 *
 * A point is the nth boundary call of a body in a world: r12 is the twelfth on
 * the run's thread, p3 the third on those of its pool.  Each is made to fail
 * with everything that it can give (src/calls.c, kernel.c), once, often or for
 * good.
 *
 * A cell is a body in a world.  It is swept in a child process, which goes on
 * for as long as it lives; where it dies or hangs that injection has failed,
 * and another child goes on behind it.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1 /* before the first header */
#endif
#include "inject.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define HANG_SECONDS 10
#define TRIES 3          /* where threads ran in another order */
#define DEATHS_MOST 10   /* of children in one cell */
#define REPORTS_MOST 8   /* lines for one cell */

static const struct world worlds[] = {
    {"uring", "uring", "kernel", false},
    {"uring-mprotect", "uring", "mprotect", false},
    {"epoll", "epoll", "kernel", false},
    {"epoll-mprotect", "epoll", "mprotect", false},
    {"older", "epoll", "mprotect", true},
};
#define WORLDS (sizeof worlds / sizeof worlds[0])

static bool absent[WORLDS]; /* this machine has no such world */

static const struct body *const bodies[] = {
    bodies_file, bodies_stream, bodies_socket, bodies_task,
    bodies_group, bodies_wait, bodies_gen, bodies_queue, bodies_run,
    bodies_process, bodies_signal, bodies_thread, bodies_names,
    bodies_pool, bodies_told, bodies_test,
};
#define BODY_LISTS (sizeof bodies / sizeof bodies[0])

static const char *const mode_names[BI_MODES] = {"once", "often", "always"};

struct tally {
    unsigned points, injections, failed;
    unsigned missed; /* faults whose point was another call each time */
};

/* Shared by a cell's children and their parent. */
struct cell {
    const struct body *body;
    const struct world *world;
    struct trace trace;
    struct tally tally;
    unsigned step;    /* the injection at work: 1, 2, ... */
    bool traced;      /* the points are known */
    bool stuck;       /* it does not even work without a fault */
    bool done;
    pid_t pid;        /* of the child at work, or 0 */
    int deaths;       /* of children */
    struct fault fault; /* the one at work */
};

/* ---- One injection ------------------------------------------------------ */

static void tell(const struct cell *cell, const char *why)
{
    const struct fault *f = &cell->fault;
    if (cell->tally.failed > REPORTS_MOST)
        return;
    if (!f->call)
        printf("FAILED %s:%s without a fault: %s\n", cell->body->name,
               cell->world->name, why);
    else
        printf("FAILED %s:%s:%c%u:%s:%s (%s): %s\n", cell->body->name,
               cell->world->name, f->lane == RUN ? 'r' : 'p', f->nth,
               mode_names[f->mode], code_name(f->code), f->call->name, why);
    fflush(stdout);
}

/* False: it has struck nothing. */
static bool try_fault(struct cell *cell, int shown)
{
    struct judgement j;
    alarm(HANG_SECONDS);
    inject(cell->body, &cell->fault, shown, NULL, &j);
    alarm(0);
    if (j.why[0]) {
        cell->tally.failed++;
        tell(cell, j.why);
    }
    return j.struck > 0;
}

static void strike(struct cell *cell, int shown)
{
    for (int i = 0; i < TRIES; i++) {
        if (try_fault(cell, shown)) {
            cell->tally.injections++;
            return;
        }
    }
    cell->tally.missed++;
}

/* ---- One cell, in a child ----------------------------------------------- */

/* Run it without a fault: its points.  The second time, when what only the
 * first run leaves is there; where each run is a first one, the first time. */
static bool find_points(struct cell *cell)
{
    static const struct fault none;
    struct judgement j;
    bool first_use = cell->body->place == FIRST_USE;
    alarm(HANG_SECONDS);
    for (int i = 0; i < (first_use ? 1 : 2); i++) {
        memset(cell->trace.count, 0, sizeof cell->trace.count);
        inject(cell->body, &none, 0, &cell->trace, &j);
    }
    alarm(0);
    cell->stuck = j.why[0];
    if (cell->stuck) {
        cell->tally.failed++;
        cell->tally.injections++; /* of nothing */
        tell(cell, j.why);
    }
    for (int lane = 0; lane < LANES; lane++)
        cell->tally.points += cell->trace.count[lane];
    cell->traced = true;
    return !cell->stuck;
}

/* The outcomes of one point, but for the first `*skip`; false: a new process
 * is to go on. */
static bool sweep_point(struct cell *cell, enum lane lane, unsigned nth,
                        unsigned *count)
{
    const struct bi_call *call = cell->trace.calls[lane][nth - 1];
    for (const struct bi_outcome *o = call->outcomes; o->code; o++) {
        for (int mode = 0; mode < BI_MODES; mode++) {
            if (!(o->modes & 1u << mode) || ++*count <= cell->step)
                continue;
            cell->step = *count;
            cell->fault = (struct fault){call, lane, nth, mode, o->code};
            strike(cell, o->shown);
            if (o->sticks || cell->body->place == FIRST_USE)
                return false;
        }
    }
    return true;
}

static void sweep_cell(struct cell *cell)
{
    unsigned count = 0;
    for (int lane = 0; lane < LANES; lane++)
        for (unsigned n = 1; n <= cell->trace.count[lane]; n++)
            if (!sweep_point(cell, lane, n, &count))
                return;
    cell->done = true;
}

static void work(struct cell *cell)
{
    static const struct fault none;
    struct judgement j;
    int nowhere = open("/dev/null", O_WRONLY);
    dup2(nowhere, 2);
    close(nowhere);
    inject_enter(cell->world);
    if (!cell->traced) {
        cell->done = !find_points(cell);
        return;
    }
    cell->fault = none;
    alarm(HANG_SECONDS);
    if (cell->body->place != FIRST_USE)
        inject(cell->body, &none, 0, NULL, &j); /* what only the first leaves */
    alarm(0);
    sweep_cell(cell);
}

/* ---- All cells ---------------------------------------------------------- */

static void note_death(struct cell *cell, int status)
{
    char why[64];
    int sig = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    snprintf(why, sizeof why, sig == SIGALRM ? "it hangs" : "it dies: %s",
             sig ? strsignal(sig) : "exit");
    cell->tally.failed++;
    cell->tally.injections++;
    tell(cell, why);
}

static void add(struct tally *sum, const struct tally *part)
{
    sum->points += part->points;
    sum->injections += part->injections;
    sum->failed += part->failed;
    sum->missed += part->missed;
}

static struct cell *new_cell(const struct body *body,
                             const struct world *world)
{
    struct cell *cell = mmap(NULL, sizeof *cell, PROT_READ | PROT_WRITE,
                             MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (cell == MAP_FAILED)
        abort();
    cell->body = body;
    cell->world = world;
    return cell;
}

static void start_child(struct cell *cell)
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        work(cell);
        _exit(0);
    }
    cell->pid = pid;
}

static bool goes_on(const struct cell *cell)
{
    return !cell->done && cell->deaths < DEATHS_MOST;
}

/* Wait for a child of one of the cells; its cell may need another. */
static void await_child(struct cell *const cells[WORLDS])
{
    int status;
    pid_t pid = wait(&status);
    for (size_t i = 0; i < WORLDS; i++) {
        if (cells[i]->pid != pid)
            continue;
        cells[i]->pid = 0;
        if (status) {
            note_death(cells[i], status);
            cells[i]->deaths++;
        }
    }
}

/* All cells of a body, as many at a time as there are processors. */
static struct tally sweep_body(const struct body *body)
{
    struct cell *cells[WORLDS];
    struct tally sum = {0};
    long at_once = sysconf(_SC_NPROCESSORS_ONLN);
    for (size_t i = 0; i < WORLDS; i++) {
        cells[i] = new_cell(body, &worlds[i]);
        cells[i]->done = absent[i];
    }
    for (;;) {
        long running = 0;
        for (size_t i = 0; i < WORLDS; i++)
            running += cells[i]->pid != 0;
        for (size_t i = 0; i < WORLDS && running < at_once; i++) {
            if (cells[i]->pid == 0 && goes_on(cells[i])) {
                start_child(cells[i]);
                running++;
            }
        }
        if (running == 0)
            break;
        await_child(cells);
    }
    for (size_t i = 0; i < WORLDS; i++) {
        add(&sum, &cells[i]->tally);
        munmap(cells[i], sizeof *cells[i]);
    }
    return sum;
}

static void tell_tally(const char *name, const struct tally *t)
{
    printf("%-28s %8u %12u %8u\n", name, t->points, t->injections, t->failed);
}

static intptr_t end_at_once(void *unused)
{
    (void)unused;
    return 0;
}

/* Leave out the worlds whose backend this machine refuses. */
static void find_worlds(void)
{
    for (size_t i = 0; i < WORLDS; i++) {
        int status = 0;
        pid_t pid = fork();
        if (pid == 0) {
            inject_enter(&worlds[i]);
            _exit(bide_run(end_at_once, NULL, &body_options) == -ENOSYS);
        }
        waitpid(pid, &status, 0);
        absent[i] = status != 0;
        if (absent[i])
            printf("the world %s is left out\n", worlds[i].name);
    }
}

static int sweep_all(const char *only)
{
    struct tally all = {0};
    unsigned count = 0;
    find_worlds();
    printf("%-28s %8s %12s %8s\n", "body", "points", "injections", "failed");
    for (size_t i = 0; i < BODY_LISTS; i++) {
        for (const struct body *b = bodies[i]; b->name; b++) {
            if (only && strcmp(only, b->name) != 0)
                continue;
            struct tally of_body = sweep_body(b);
            tell_tally(b->name, &of_body);
            add(&all, &of_body);
            count++;
        }
    }
    tell_tally("all", &all);
    printf("%u bodies in %zu worlds; %u faults met another call, as threads "
           "do\n", count, WORLDS, all.missed);
    printf("%u passed, %u failed\n", all.injections - all.failed, all.failed);
    return all.failed || !count;
}

/* ---- One again ---------------------------------------------------------- */

static const struct body *find_body(const char *name)
{
    for (size_t i = 0; i < BODY_LISTS; i++)
        for (const struct body *b = bodies[i]; b->name; b++)
            if (strcmp(b->name, name) == 0)
                return b;
    return NULL;
}

static const struct world *find_world(const char *name)
{
    for (size_t i = 0; i < WORLDS; i++)
        if (strcmp(worlds[i].name, name) == 0)
            return &worlds[i];
    return NULL;
}

static int find_mode(const char *name)
{
    for (int i = 0; i < BI_MODES; i++)
        if (strcmp(mode_names[i], name) == 0)
            return i;
    return -1;
}

/* "BODY:WORLD:POINT:MODE:CODE" */
static bool parse(char *text, struct cell *cell)
{
    char *part[5];
    for (int i = 0; i < 5; i++)
        if (!(part[i] = strtok(i ? NULL : text, ":")))
            return false;
    int mode = find_mode(part[3]), code = code_named(part[4]);
    cell->body = find_body(part[0]);
    cell->world = find_world(part[1]);
    cell->fault = (struct fault){
        .lane = part[2][0] == 'p' ? POOL : RUN,
        .nth = (unsigned)strtoul(part[2] + 1, NULL, 10),
        .mode = (enum bi_mode)mode, .code = code};
    return cell->body && cell->world && mode >= 0 && code && cell->fault.nth &&
           cell->fault.nth <= TRACE_MOST;
}

static int shown_for(const struct fault *f)
{
    for (const struct bi_outcome *o = f->call->outcomes; o->code; o++)
        if (o->code == f->code)
            return o->shown;
    return 0;
}

static int replay(char *text)
{
    static struct cell cell;
    struct judgement j;
    if (!parse(text, &cell)) {
        fprintf(stderr, "sweep: BODY:WORLD:POINT:MODE:CODE, as a sweep prints "
                        "them\n");
        return 2;
    }
    struct fault *f = &cell.fault;
    inject_enter(cell.world);
    if (!find_points(&cell))
        return 1;
    f->call = cell.trace.calls[f->lane][f->nth - 1];
    if (!f->call) {
        printf("the body passes without that point\n");
        return 1;
    }
    fault_tells = true;
    inject(cell.body, f, shown_for(f), NULL, &j);
    printf("struck %u times; result %ld; %s\n", j.struck, (long)j.result,
           j.why[0] ? j.why : "all is well");
    return j.why[0] != '\0';
}

int main(int argc, char **argv)
{
    char *what = argc > 1 ? argv[1] : NULL;
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGINT, SIG_DFL); /* a shell may have had it ignored */
    scratch_begin();
    int rc = what && strchr(what, ':') ? replay(what) : sweep_all(what);
    scratch_end();
    return rc;
}
