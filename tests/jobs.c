/* jobs.c: jobs for worker processes. */
#include "jobs.h"

#include "sys.h"

#include <stdint.h>
#include <stdio.h>

#define JOB(name)                                                          \
    intptr_t name(const void *in __attribute__((unused)),                  \
                  size_t in_bytes __attribute__((unused)),                 \
                  void *out __attribute__((unused)),                       \
                  size_t *out_bytes __attribute__((unused)))

/* ---- In the worker ------------------------------------------------------ */

static int number(const void *in)
{
    int n;
    memcpy(&n, in, sizeof n);
    return n;
}

JOB(twice)
{
    int n = 2 * number(in);
    memcpy(out, &n, sizeof n);
    *out_bytes = sizeof n;
    return in_bytes == sizeof n;
}

JOB(give_back)
{
    return number(in);
}

JOB(echo)
{
    if (in_bytes)
        memcpy(out, in, in_bytes);
    *out_bytes = in_bytes;
    return 0;
}

JOB(tell_pid)
{
    return getpid();
}

static int noted;

int note_init(void *value)
{
    noted += 100 + *(int *)value;
    return 0;
}

int note_number(void *number_)
{
    noted += (int)(intptr_t)number_;
    return 0;
}

int refuse_init(void *unused)
{
    (void)unused;
    return -ENOTTY;
}

int die_init(void *unused)
{
    (void)unused;
    _exit(3);
}

JOB(tell_init)
{
    return noted;
}

JOB(tell_init_each)
{
    return noted == 105 ? number(in) : -EINVAL;
}

JOB(want_room)
{
    *out_bytes = 100000;
    return 0;
}

JOB(count_descriptors)
{
    int n = 0;
    for (int fd = 0; fd < 200; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

JOB(read_input)
{
    char c;
    return read(0, &c, 1);
}

JOB(sleep_long)
{
    for (;;)
        pause();
}

JOB(nap)
{
    usleep((useconds_t)number(in) * 1000);
    return number(in);
}

/* The same, and the parent is told when it begins. */
JOB(tell_and_nap)
{
    kill(getppid(), SIGUSR1);
    return nap(in, in_bytes, out, out_bytes);
}

JOB(crash)
{
    signal(SIGSEGV, SIG_DFL); /* a sanitizer has a handler of its own */
    raise(SIGSEGV);
    _exit(0);
}

JOB(leave)
{
    exit(number(in));
}

JOB(kill_me)
{
    raise(SIGKILL);
    return 0;
}

JOB(ignore_term)
{
    signal(SIGTERM, SIG_IGN);
    for (;;)
        pause();
}

/* Write far behind the room that was given, when other jobs lie there. */
JOB(overwrite)
{
    usleep(200000);
    memset(out, 0x5a, 3 * 16384);
    return 0;
}

JOB(close_bells)
{
    close(3);
    close(4);
    for (;;)
        pause();
}

/* A child that lives on does not hide the worker's death. */
JOB(fork_and_die)
{
    pid_t pid = fork();
    if (pid == 0) {
        sleep(3);
        _exit(0);
    }
    raise(SIGKILL);
    return 0;
}

JOB(fork_and_return)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0)
        dup2(0, 2); /* the sentence is not the test's */
    else
        waitpid(pid, &status, 0);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

/* ---- Before the tests --------------------------------------------------- */

static intptr_t probe(void *arg)
{
    int one = 1;
    bide_pool *p;
    struct bide_job job = {.fn = give_back, .in = &one, .in_bytes = sizeof one};
    (void)arg;
    int rc = bide_pool_open(&p, NULL);
    return rc < 0 ? rc : bide_pool_call(p, &job);
}

/* Where a start cannot fail, it is the workers that die of it. */
static bool cannot_execute(intptr_t rc)
{
    return rc == -ENOEXEC || (rc == -ENOTRECOVERABLE && !starts_can_fail());
}

/* In a child: what a first run finds out must not be known to the tests.  A
 * status of our own, for a tool may have one. */
static bool executes_itself(void)
{
    enum { REFUSED = 77 };
    int status = 0;
    pid_t pid = fork();
    if (pid == 0)
        _exit(cannot_execute(bide_run(probe, NULL, NULL)) ? REFUSED : 0);
    waitpid(pid, &status, 0);
    return !WIFEXITED(status) || WEXITSTATUS(status) != REFUSED;
}

/* An emulator runs this program, but not what it starts: the kernel does, and
 * does not know the machine.  So it is started by the emulator, which stands in
 * RUN (tests/matrix). */
enum { WORDS = 8 };
static char *emulator[WORDS];
static struct bi_sys kernel;

static int spawn_emulated(pid_t *pid, const char *file,
                          const posix_spawn_file_actions_t *actions,
                          const posix_spawnattr_t *attr, char *const argv[],
                          char *const environment[])
{
    char self[BI_PATH_BYTES];
    char *words[WORDS + 1] = {NULL};
    bi_sys_program(self);
    if (strcmp(file, self) != 0)
        return kernel.spawn(pid, file, actions, attr, argv, environment);
    int n = 0;
    for (; emulator[n]; n++)
        words[n] = emulator[n];
    words[n] = self;
    return kernel.spawn(pid, words[0], actions, attr, words, environment);
}

/* False: there is none. */
static bool find_emulator(void)
{
    static char text[256];
    const char *run = getenv("RUN");
    char *rest = text;
    snprintf(text, sizeof text, "%s", run ? run : "");
    for (int n = 0; n < WORDS - 1 && rest; n++)
        emulator[n] = strsep(&rest, " ");
    return text[0];
}

bool pools_work(void)
{
    if (executes_itself())
        return true;
    kernel = bi_sys;
    if (find_emulator()) {
        bi_sys.spawn = spawn_emulated;
        if (executes_itself())
            return true;
    }
    bi_sys = kernel;
    leave_out("all of pools", "this program cannot be executed once more");
    return false;
}

/* ---- In the test -------------------------------------------------------- */

bide_pool *open_pool_with(const struct bide_pool_options *opt)
{
    bide_pool *p = NULL;
    ck_assert_int_eq(bide_pool_open(&p, opt), 0);
    return p;
}

bide_pool *open_pool(unsigned workers)
{
    struct bide_pool_options opt = {.workers = workers};
    return open_pool_with(&opt);
}

struct bide_pool_stats stats_of(bide_pool *p)
{
    struct bide_pool_stats s;
    bide_pool_stats(p, &s);
    return s;
}

intptr_t make_int_call(void *arg)
{
    struct int_call *c = arg;
    struct bide_job job = {.fn = c->fn, .in = &c->in, .in_bytes = sizeof c->in};
    c->result = bide_pool_call(c->pool, &job);
    c->death = job.death;
    return 0;
}

intptr_t call_int(bide_pool *p, bide_job_fn *fn, int in)
{
    struct int_call c = {.pool = p, .fn = fn, .in = in};
    make_int_call(&c);
    return c.result;
}

int call_many(bide_pool *p, bide_job_fn *fn, int n)
{
    struct int_call *calls = calloc((size_t)n, sizeof *calls);
    struct bide_group g = {0};
    int right = 0;
    bide_group_open(&g, BIDE_COLLECT);
    for (int i = 0; i < n; i++) {
        calls[i] = (struct int_call){.pool = p, .fn = fn, .in = i};
        ck_assert_int_eq(bide_group_spawn(&g, make_int_call, &calls[i]), 0);
    }
    ck_assert_int_eq(bide_group_close(&g, 0), 0);
    for (int i = 0; i < n; i++)
        right += calls[i].result == i;
    free(calls);
    return right;
}

intptr_t pid_of_worker(bide_pool *p)
{
    return call_int(p, tell_pid, 0);
}

bool echo_works(bide_pool *p, size_t bytes)
{
    unsigned char *in = malloc(bytes + 1), *out = malloc(bytes + 1);
    for (size_t i = 0; i < bytes; i++)
        in[i] = (unsigned char)(i * 7 + i / 251);
    struct bide_job job = {.fn = echo, .in = in, .in_bytes = bytes, .out = out,
                           .out_bytes = bytes};
    intptr_t rc = bide_pool_call(p, &job);
    bool right = rc == 0 && job.out_bytes == bytes &&
                 (bytes == 0 || memcmp(in, out, bytes) == 0);
    free(in);
    free(out);
    return right;
}
