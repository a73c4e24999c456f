/* hand_file.c: the limits for file.c: plain reads, and a pool of threads.
 *
 *   cached  pread(2) in a loop
 *   direct  four threads that take the next read as soon as they are free,
 *           which is the best that a pool of four can do
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "bench.h"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#define THREADS 4

static double cached(long n)
{
    (void)n;
    static char page[BENCH_PAGE];
    uint64_t seed = 1;
    int fd = open(bench_file(), O_RDONLY | O_CLOEXEC);
    size_t bytes = bench_file_bytes(fd);
    for (size_t at = 0; at < bytes; at += sizeof page)
        bench_check(pread(fd, page, sizeof page, (off_t)at) > 0, "read");
    int64_t began = bench_now();
    for (long i = 0; i < BENCH_READS; i++) {
        off_t at = bench_random_page(&seed, bytes);
        bench_check(pread(fd, page, sizeof page, at) == sizeof page, "read");
    }
    int64_t ended = bench_now();
    close(fd);
    return (double)(ended - began) / BENCH_READS;
}

struct reader {
    int fd;
    size_t file_bytes;
    uint64_t seed;
};

static void *read_direct(void *arg)
{
    struct reader *r = arg;
    _Alignas(BENCH_PAGE) char page[BENCH_PAGE];
    for (long i = 0; i < BENCH_DIRECT_READS / THREADS; i++) {
        off_t at = bench_random_page(&r->seed, r->file_bytes);
        bench_check(pread(r->fd, page, sizeof page, at) == sizeof page,
                    "direct read");
    }
    return NULL;
}

static double direct(long n)
{
    (void)n;
    struct reader readers[THREADS];
    pthread_t threads[THREADS];
    int fd = open(bench_file(), O_RDONLY | O_DIRECT | O_CLOEXEC);
    size_t bytes = bench_file_bytes(fd);
    int64_t began = bench_now();
    for (int i = 0; i < THREADS; i++) {
        readers[i] = (struct reader){fd, bytes, (uint64_t)i + 1};
        bench_check(pthread_create(&threads[i], NULL, read_direct,
                                   &readers[i]) == 0, "thread");
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    int64_t ended = bench_now();
    close(fd);
    return (double)(ended - began) / BENCH_DIRECT_READS;
}

int main(int argc, char **argv)
{
    static const struct bench_question questions[] = {
        {"cached", cached}, {"direct", direct}, {NULL, NULL}};
    return bench_main(argc, argv, questions);
}
