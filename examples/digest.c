/* digest.c: work for every core, and it reads as one plain call.
 *
 *     make demo                  or, for another tree:  digest DIRECTORY
 *
 * A digest of every file below a directory is made three times: one after the
 * other on this thread; on threads, by bide_to_thread(); in processes, which
 * may crash alone, by bide_pool_call().  All three must agree.
 */
#define _GNU_SOURCE 1 /* nftw(3), before the first header */
#include <bide.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILES_MAX = 4000, ROUNDS = 40, AT_ONCE = 32 };

struct file {
    char *path;
    uint64_t digest;
    bide_pool *pool;
};

static struct file files[FILES_MAX];
static size_t file_count;

/* FNV-1a of 64 bits (Fowler, Noll, Vo), over and over: something slow. */
static intptr_t digest(const char *path, uint64_t *out)
{
    unsigned char buf[4096];
    *out = 0xcbf29ce484222325;
    FILE *f = fopen(path, "r");
    if (!f)
        return -errno;
    for (size_t n; (n = fread(buf, 1, sizeof buf, f)) > 0;)
        for (int round = 0; round < ROUNDS; round++)
            for (size_t i = 0; i < n; i++)
                *out = (*out ^ buf[i]) * 0x100000001b3;
    fclose(f);
    return 0;
}

static intptr_t here(void *arg)
{
    struct file *f = arg;
    return digest(f->path, &f->digest);
}

static intptr_t on_a_thread(void *arg)
{
    return bide_to_thread(here, arg);
}

/* What a worker does: it has its argument and its result as bytes. */
static intptr_t job(const void *in, size_t in_bytes, void *out,
                    size_t *out_bytes)
{
    (void)in_bytes;
    *out_bytes = sizeof(uint64_t);
    return digest(in, out);
}

static intptr_t in_a_process(void *arg)
{
    struct file *f = arg;
    struct bide_job j = {job, f->path, strlen(f->path) + 1, &f->digest,
                         sizeof f->digest, 0};
    return bide_pool_call(f->pool, &j);
}

/* Digest all files with `fn`.  Returns the digests, each in its place, as one;
 * 0 if a file could not be read. */
static uint64_t all(bide_fn *fn, size_t at_once, const char *words)
{
    static struct bide_call calls[FILES_MAX];
    for (size_t i = 0; i < file_count; i++)
        calls[i] = (struct bide_call){fn, &files[i], 0};
    bide_time began = bide_now();
    intptr_t rc = bide_gather_bounded(calls, file_count, at_once,
                                      BIDE_FAIL_FAST);
    uint64_t sum = rc == 0;
    for (size_t i = 0; i < file_count && rc == 0; i++)
        sum = sum * 31 + files[i].digest;
    printf("  %-28s %7.1f ms   %016llx\n", words,
           (double)(bide_now() - began) / 1e6, (unsigned long long)sum);
    return sum;
}

static intptr_t compare(void *unused)
{
    bide_pool *pool;
    (void)unused;
    int rc = bide_pool_open(&pool, NULL);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < file_count; i++)
        files[i].pool = pool;
    uint64_t one = all(here, 1, "one after the other");
    uint64_t two = all(on_a_thread, AT_ONCE, "on threads");
    uint64_t three = all(in_a_process, AT_ONCE, "in processes");
    bide_pool_close(pool);
    return one && one == two && two == three ? 0 : -EBADMSG;
}

static int note(const char *path, const struct stat *st, int kind,
                struct FTW *at)
{
    const char *name = path + at->base;
    if (kind == FTW_D && at->level > 0 &&
        (name[0] == '.' || strcmp(name, "build") == 0))
        return FTW_SKIP_SUBTREE;
    if (kind == FTW_F && S_ISREG(st->st_mode) && file_count < FILES_MAX)
        files[file_count++].path = strdup(path);
    return FTW_CONTINUE;
}

int main(int argc, char **argv)
{
    if (nftw(argc > 1 ? argv[1] : ".", note, 16,
             FTW_PHYS | FTW_ACTIONRETVAL) != 0 || file_count == 0) {
        fprintf(stderr, "no files there\n");
        return 1;
    }
    printf("A digest of %zu files:\n", file_count);
    struct bide_options opt = {
        .thread_limit = (unsigned)sysconf(_SC_NPROCESSORS_ONLN)};
    intptr_t rc = bide_run(compare, NULL, &opt);
    printf(rc ? "They differ, or cannot be read: %s.\n" : "All three agree.\n",
           strerror((int)-rc));
    return rc != 0;
}
