/* generator.c: a function that gives its values one by one, and may wait.
 *
 *     make examples && build/examples/generator
 *
 * lines() reads a pipe as it comes and yields whole lines.  Who asks for them
 * sees no buffer; and may stop asking: the close unwinds the generator.
 */
#include "expect.h"
#include <bide.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

static intptr_t lines(void *arg)
{
    int fd = *(int *)arg;
    char text[64];
    size_t used = 0;
    for (;;) {
        char *end;
        while ((end = memchr(text, '\n', used))) {
            *end = '\0';
            int rc = bide_gen_yield(text); /* good until we go on */
            if (rc < 0)
                return rc;
            used -= (size_t)(end + 1 - text);
            memmove(text, end + 1, used);
        }
        ssize_t n = bide_read(fd, text + used, sizeof text - used);
        if (n <= 0)
            return n;
        used += (size_t)n;
    }
}

static intptr_t writer(void *arg)
{
    static const char *const pieces[] = {"one\ntw", "o\nthr", "ee\nfour\n"};
    for (int i = 0; i < 3; i++) {
        int rc = bide_sleep(BIDE_MS(1));
        if (rc < 0)
            return rc;
        size_t len = strlen(pieces[i]);
        if (bide_write_all(*(int *)arg, pieces[i], len) < (ssize_t)len)
            return -EIO;
    }
    return bide_sleep_until(BIDE_FOREVER);
}

static intptr_t run(void *arg)
{
    (void)arg;
    int ends[2];
    struct bide_gen g = {0};
    void *line;
    expect(pipe(ends) == 0 && bide_spawn(NULL, writer, &ends[1]) == 0,
           "somebody writes into a pipe, piece by piece");
    expect(bide_gen_open(&g, lines, &ends[0]) == 0, "a generator of lines");
    expect(bide_gen_next(&g, &line) == 1 && strcmp(line, "one") == 0, "one");
    expect(bide_gen_next(&g, &line) == 1 && strcmp(line, "two") == 0, "two");
    expect(bide_gen_next(&g, &line) == 1 && strcmp(line, "three") == 0,
           "three, which came in pieces");
    expect(bide_gen_close(&g) == 0, "we have seen enough: it is unwound");
    bide_close(ends[0]);
    return 0;
}

int main(void)
{
    return bide_run(run, NULL, NULL) == 0 ? 0 : 1;
}
