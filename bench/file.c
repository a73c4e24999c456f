/* file.c: what does a read of 4 KiB from a file cost?
 *
 *   cached  one after the other, from the page cache, in nanoseconds
 *   direct  past it (O_DIRECT), N tasks at a time; nanoseconds of wall time a
 *           read, so that half the figure is twice the reads in a second
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "questions.h"

#include <bide.h>
#include <fcntl.h>

double ask_cached(long n)
{
    (void)n;
    static char page[BENCH_PAGE];
    uint64_t seed = 1;
    int fd = bide_open(bench_file(), O_RDONLY, 0);
    size_t bytes = bench_file_bytes(fd);
    for (size_t at = 0; at < bytes; at += sizeof page)
        bench_check(bide_pread(fd, page, sizeof page, (off_t)at) > 0, "read");
    int64_t began = bench_now();
    for (long i = 0; i < BENCH_READS; i++) {
        off_t at = bench_random_page(&seed, bytes);
        bench_check(bide_pread(fd, page, sizeof page, at) == sizeof page,
                    "read");
    }
    int64_t ended = bench_now();
    bide_close(fd);
    return (double)(ended - began) / BENCH_READS;
}

struct reader {
    int fd;
    size_t file_bytes;
    long left;
    uint64_t seed;
};

static intptr_t read_direct(void *arg)
{
    struct reader *r = arg;
    _Alignas(BENCH_PAGE) char page[BENCH_PAGE];
    while (r->left-- > 0) {
        off_t at = bench_random_page(&r->seed, r->file_bytes);
        bench_check(bide_pread(r->fd, page, sizeof page, at) == sizeof page,
                    "direct read");
    }
    return 0;
}

double ask_direct(long n)
{
    struct bide_group g;
    struct reader r = {.left = BENCH_DIRECT_READS, .seed = 1};
    r.fd = bide_open(bench_file(), O_RDONLY | O_DIRECT, 0);
    r.file_bytes = bench_file_bytes(r.fd);
    bide_group_open(&g, BIDE_FAIL_FAST);
    int64_t began = bench_now();
    for (long i = 0; i < n; i++)
        bench_check(bide_group_spawn(&g, read_direct, &r) == 0, "spawn");
    bench_check(bide_group_close(&g, 0) == 0, "direct");
    int64_t ended = bench_now();
    bide_close(r.fd);
    return (double)(ended - began) / BENCH_DIRECT_READS;
}
