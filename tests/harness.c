/* harness.c: runs, clocks, children. */
#include "harness.h"

#include "annotate.h"

#include <dirent.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <unistd.h>

_Thread_local struct heard heard;

static void hear(const struct bide_error *e)
{
    heard.count++;
    heard.code = e->code;
    snprintf(heard.task, sizeof heard.task, "%s", e->task);
}

intptr_t run_task(bide_fn *fn, void *arg)
{
    struct bide_options options = {.on_error = hear};
    heard = (struct heard){0};
    return bide_run(fn, arg, &options);
}

intptr_t run_virtual(bide_fn *fn, void *arg)
{
    struct bide_test_options options = {.run = {.on_error = hear}};
    heard = (struct heard){0};
    return bide_test_run(fn, arg, &options);
}

void leave_out(const char *test, const char *why)
{
    size_t len = strlen(test);
    bool function = len > 3 && strcmp(test + len - 3, "_fn") == 0;
    int skip = strncmp(test, "body_", 5) == 0 ? 5 : 0;
    printf("left out: %.*s: %s\n", (int)(function ? len - 3 : len) - skip,
           test + skip, why);
}

void add_if(bool possible, const char *why_not, TCase *t, const TTest *test)
{
    if (possible)
        tcase_add_test(t, test);
    else
        leave_out(test->name, why_not);
}

int open_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    ck_assert_ptr_nonnull(dir);
    int count = 0;
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

int in_child(void (*fn)(void), char *text, size_t room)
{
    int fds[2], status;
    ck_assert_int_eq(pipe(fds), 0);
    fflush(NULL);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        dup2(fds[1], 2);
        close(fds[0]);
        close(fds[1]);
        fn();
        _exit(0);
    }
    close(fds[1]);
    size_t len = 0;
    ssize_t n;
    while ((n = read(fds[0], text + len, room - 1 - len)) > 0)
        len += (size_t)n;
    text[len] = '\0';
    close(fds[0]);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return status;
}

bool starts_can_fail(void)
{
    char name[] = "/no/such/program", *const argv[] = {name, NULL};
    pid_t pid;
    if (posix_spawn(&pid, name, NULL, NULL, argv, argv + 1) != 0)
        return true;
    waitpid(pid, NULL, 0);
    return false;
}

/* Valgrind can be asked; it and qemu make a fork(2) of a vfork(2). */
bool emulated(void)
{
    return !bi_annotate_valgrind && !starts_can_fail();
}

/* Whether a tool interprets the program. */
static bool interpreted(void)
{
#ifdef BI_TSAN
    return true;
#else
    return bi_annotate_valgrind;
#endif
}

/* A call that blocks is where tools look for them, and take one. */
void let_signals_come(void)
{
    for (int i = 0; interpreted() && i < 5; i++)
        usleep(1000);
}

static volatile sig_atomic_t came;

static void count_signal(int number)
{
    (void)number;
    came++;
}

bool signals_are_queued(void)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        signal(SIGRTMIN, count_signal);
        for (int i = 0; i < 3; i++)
            sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = i});
        let_signals_come();
        _exit(came == 3 ? 0 : 77);
    }
    waitpid(pid, &status, 0);
    return !WIFEXITED(status) || WEXITSTATUS(status) != 77;
}

unsigned rounds(unsigned n)
{
    return interpreted() ? n / 10 : n;
}

void begin_bad_addresses(void)
{
#ifdef BI_VALGRIND
    VALGRIND_DISABLE_ERROR_REPORTING;
#endif
}

void end_bad_addresses(void)
{
#ifdef BI_VALGRIND
    VALGRIND_ENABLE_ERROR_REPORTING;
#endif
}

static bide_fn *contract_fn;

static void run_contract(void)
{
    bide_run(contract_fn, NULL, NULL);
}

void expect_contract(bide_fn *fn, ...)
{
    char text[4096];
    contract_fn = fn;
    int status = in_child(run_contract, text, sizeof text);
    ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT,
                  "status %#x, said: %s", (unsigned)status, text);
    va_list words;
    va_start(words, fn);
    for (const char *word; (word = va_arg(words, const char *));)
        ck_assert_msg(strstr(text, word), "no '%s' in: %s", word, text);
    va_end(words);
}

bool backend_is(const char *name)
{
    struct bide_info info;
    bide_info(&info);
    return strcmp(info.backend, name) == 0;
}
