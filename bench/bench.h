/* bench.h: what every program of this folder stands on: clocks, numbers, ends.
 *
 * A program is called `NAME QUESTION [N]` and prints one number, the smaller
 * the better; `run` asks each program the same question in turn.  A peer's
 * program stands on this file too, so that all are measured alike.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stddef.h>
#include <stdint.h>

/* How often a thing is done, the same for every program. */
enum {
    BENCH_SWITCHES = 8000000,
    BENCH_YIELDS = 4000000,
    BENCH_SPAWNS = 1000000,
    BENCH_COLD_SPAWNS = 20000,
    BENCH_MESSAGES = 2000000,
    BENCH_LOCKS = 4000000,
    BENCH_READS = 200000,
    BENCH_DIRECT_READS = 40000,
    BENCH_JOBS = 200000,
    BENCH_POSTS = 1000000,
};

#define BENCH_PAGE 4096
#define BENCH_SECOND 1000000000.0

#ifdef __cplusplus
extern "C" {
#endif

struct bench_question {
    const char *name;
    double (*ask)(long n);
};

/* Ask the question that the arguments name, of a list that ends with a NULL
 * name, and print the answer.  Returns main's result. */
int bench_main(int argc, char **argv, const struct bench_question *list);

/* Nanoseconds: by the clock, and of processor time of all threads. */
int64_t bench_now(void);
int64_t bench_cpu(void);

/* Nanoseconds of processor time of another process. */
int64_t bench_cpu_of(int pid);

/* RSS and page tables of this process, in bytes, and its mappings. */
size_t bench_memory(void);
size_t bench_mappings(void);

/* How long the i-th of many sleepers sleeps: 1 to 1000 ms, all mixed up. */
int64_t bench_nap_ms(long i);

/* The file for reads, as the environment's BENCH_FILE names it, and the offset
 * of a random page in it. */
const char *bench_file(void);
size_t bench_file_bytes(int fd);
int64_t bench_random_page(uint64_t *seed, size_t file_bytes);

/* Stop unless `good`: a figure of something that failed is none. */
void bench_check(int good, const char *what);

/* ---- Servers ------------------------------------------------------------ */

/* Listen at a free port of the loopback and print its number.  The descriptor
 * does not block.  The process ends by itself after some minutes, should nobody
 * be left to end it. */
int bench_listen(void);

/* A connection that does not block, or -1; and one without delays. */
int bench_accept(int listener);
void bench_no_delay(int sock);

#ifdef __cplusplus
}
#endif

#endif
