/* files.c: files and pipes, with calls that look as if they blocked.
 *
 *     make examples && build/examples/files
 *
 * They take any descriptor and never change its flags.  What the kernel cannot
 * do without blocking is done where the thread does not feel it.
 */
#include "expect.h"
#include <bide.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static void write_log(int fd)
{
    char one[] = "one ", two[] = "two ";
    struct iovec parts[] = {{one, 4}, {two, 4}};
    expect(bide_writev(fd, parts, 2) == 8, "two buffers were written as one");
    expect(bide_write_all(fd, "three", 5) == 5, "a text was written whole");
    expect(bide_fdatasync(fd) == 0, "the bytes are on the disk");
    expect(bide_pwrite(fd, "TWO", 3, 4) == 3 && bide_fsync(fd) == 0,
           "a word in the middle was replaced, and is on the disk too");
}

static void read_log(int fd)
{
    char word[4] = "", rest[16] = "", one[5] = "", two[5] = "";
    struct iovec parts[] = {{one, 4}, {two, 4}};
    expect(bide_pread(fd, word, 3, 4) == 3 && strcmp(word, "TWO") == 0,
           "a word was read from the middle");
    expect(bide_readv(fd, parts, 2) == 8 && strcmp(one, "one ") == 0 &&
               strcmp(two, "TWO ") == 0,
           "two buffers were filled from the start");
    expect(bide_read_all(fd, rest, 15) == 5 && strcmp(rest, "three") == 0,
           "the rest is five bytes, and then comes the end");
}

static intptr_t late_writer(void *arg)
{
    int rc = bide_sleep(BIDE_MS(10));
    return rc < 0 ? rc : bide_write(*(int *)arg, "!", 1);
}

static void wait_for_either(void)
{
    int quiet[2], busy[2];
    expect(pipe(quiet) == 0 && pipe(busy) == 0, "two pipes");
    struct pollfd fds[] = {{quiet[0], POLLIN, 0}, {busy[0], POLLIN, 0}};
    expect(bide_spawn(NULL, late_writer, &busy[1]) == 0, "a task will write");
    expect(bide_poll(fds, 2) == 1 && fds[0].revents == 0 &&
               fds[1].revents == POLLIN,
           "of the two, the second has something to read");
    for (int i = 0; i < 2; i++) {
        bide_close(quiet[i]);
        bide_close(busy[i]);
    }
}

static intptr_t run(void *arg)
{
    const char *path = arg;
    int fd = bide_open(path, O_WRONLY | O_TRUNC, 0);
    expect(fd >= 0, "a file was opened for writing");
    write_log(fd);
    bide_close(fd);
    fd = bide_open(path, O_RDONLY, 0);
    expect(fd >= 0, "and for reading");
    read_log(fd);
    bide_close(fd);
    expect(bide_open("no-such-file", O_RDONLY, 0) == -ENOENT,
           "an error is a negated errno");
    wait_for_either();
    return 0;
}

int main(void)
{
    char path[] = "/tmp/bide-files-XXXXXX";
    int fd = mkstemp(path);
    if (fd < 0)
        return 1;
    close(fd);
    intptr_t rc = bide_run(run, path, NULL);
    unlink(path);
    return rc == 0 ? 0 : 1;
}
