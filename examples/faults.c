/* faults.c: a file that is saved whole or not at all, whatever fails.
 *
 *     make examples && build/examples/faults
 *
 * bide_fault_sweep() repeats a save with one more of its calls failing: opened,
 * written, short, synced, closed, renamed.  One way to save does not bear it.
 */
#include "expect.h"
#include <bide/test.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static char path[64], beside[72]; /* the file, and another to become it */

static int write_file(const char *name, const char *text)
{
    int fd = bide_open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0)
        return fd;
    ssize_t n = bide_write_all(fd, text, strlen(text));
    int rc = n < 0 ? (int)n : (size_t)n < strlen(text) ? -EIO : bide_fsync(fd);
    int closed = bide_close(fd);
    return rc < 0 ? rc : closed;
}

/* The bug: what fails half way has lost the old text. */
static int save_in_place(const char *text)
{
    return write_file(path, text);
}

static int save_beside(const char *text)
{
    int rc = write_file(beside, text);
    if (rc == 0)
        rc = bide_fault_point("rename", -ENOSPC); /* no call of bide's */
    if (rc == 0 && rename(beside, path) < 0)
        rc = -errno;
    if (rc < 0)
        unlink(beside);
    return rc;
}

static const char *text_now(void)
{
    static char text[32];
    FILE *f = fopen(path, "r");
    if (!f || !fgets(text, sizeof text, f))
        text[0] = '\0';
    if (f)
        fclose(f);
    return text;
}

/* The accounts: the new text after a success, the old one after a failure. */
static intptr_t check(int (*save)(const char *text))
{
    FILE *f = fopen(path, "w");
    if (!f || fputs("old text", f) < 0 || fclose(f) < 0)
        return -EIO;
    int rc = save("new text");
    return strcmp(text_now(), rc < 0 ? "old text" : "new text") ? -EPROTO : 0;
}

static intptr_t check_in_place(void *unused)
{
    (void)unused;
    return check(save_in_place);
}

static intptr_t check_beside(void *unused)
{
    (void)unused;
    return check(save_beside);
}

int main(void)
{
    snprintf(path, sizeof path, "/tmp/bide-faults-%d", (int)getpid());
    snprintf(beside, sizeof beside, "%s.new", path);
    expect(bide_test_run(check_in_place, NULL, NULL) == 0,
           "where nothing fails, a file is saved in its place");
    expect(bide_fault_sweep(check_in_place, NULL, NULL) == -EPROTO,
           "a fault half way is found to take the old text with it");
    expect(bide_fault_sweep(check_beside, NULL, NULL) > 10,
           "saved beside and renamed, it bears a fault at each call");
    unlink(path);
    return 0;
}
