/* hostile.c: the work that has to come out right, and what a child tells. */
#include "hostile.h"

#include <sys/wait.h>
#include <unistd.h>

const char *work_file = "/proc/self/status";

static struct ends ends;

static intptr_t write_four(void *unused)
{
    (void)unused;
    int rc = bide_sleep(BIDE_MS(1));
    return rc < 0 ? rc : bide_write_all(ends.in, "four", 4);
}

static intptr_t read_four(void *unused)
{
    char buf[4];
    (void)unused;
    ssize_t n = bide_read_all(ends.out, buf, 4);
    return n < 0 ? n : n == 4 && !memcmp(buf, "four", 4) ? 0 : -EBADMSG;
}

intptr_t work(void *unused)
{
    char buf[4096];
    (void)unused;
    struct bide_call calls[] = {{write_four, NULL, 0}, {read_four, NULL, 0}};
    intptr_t rc = bide_gather(calls, 2, BIDE_FAIL_FAST);
    int fd = rc < 0 ? (int)rc : bide_open(work_file, O_RDONLY, 0);
    if (fd < 0)
        return fd;
    ssize_t n = bide_read_all(fd, buf, sizeof buf);
    bide_close(fd);
    return n < 0 ? n : n > 0 ? 0 : -EBADMSG;
}

void hostile_prepare(void)
{
    unsetenv("BIDE_BACKEND");
    unsetenv("BIDE_GUARD");
}

void tell(intptr_t result)
{
    struct bide_info info;
    bide_info(&info);
    fprintf(stderr, "result %ld\nbackend %s: %s\nguard %s: %s\nstacks: %s\n",
            (long)result, info.backend, info.backend_reason, info.guard,
            info.guard_reason, info.stack_reason);
}

/* Not with open_ends(), which asserts: Check tells its parent so through a
 * descriptor whose number may be ours by now, where a child has closed all. */
void open_pipe(void)
{
    int fds[2];
    if (pipe(fds) < 0)
        refuse_cannot("there is no pipe");
    ends = (struct ends){.out = fds[0], .in = fds[1]};
}

void work_and_tell(void)
{
    open_pipe();
    tell(bide_run(work, NULL, NULL));
}

char told[4096];

bool run_child_of(const char *test, void (*child)(void))
{
    int status = in_child(child, told, sizeof told);
    if (WIFEXITED(status) && WEXITSTATUS(status) == REFUSE_CANNOT) {
        leave_out(test, told);
        return false;
    }
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0,
                  "status %#x, said: %s", (unsigned)status, told);
    return true;
}

void expect_told(const char *words)
{
    ck_assert_msg(strstr(told, words) != NULL, "no '%s' in: %s", words, told);
}

bool usually(const char *words)
{
    ck_assert(run_child(work_and_tell));
    if (strstr(told, words))
        return true;
    leave_out("part of a test", words);
    return false;
}
