/* bench.c: clocks, numbers and ends. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "bench.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* The longest that a server lives. */
#define SERVER_SECONDS 300

void bench_check(int good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what,
            errno ? strerror(errno) : "failed");
    exit(1);
}

int bench_main(int argc, char **argv, const struct bench_question *list)
{
    const char *name = argc > 1 ? argv[1] : "";
    long n = argc > 2 ? strtol(argv[2], NULL, 10) : 0;
    for (; list->name; list++) {
        if (strcmp(list->name, name) == 0) {
            printf("%.3f\n", list->ask(n));
            return 0;
        }
    }
    fprintf(stderr, "%s: does not know the question '%s'\n", argv[0], name);
    return 2;
}

/* ---- Clocks ------------------------------------------------------------- */

static int64_t read_clock(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

int64_t bench_now(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int64_t bench_cpu(void)
{
    return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

int64_t bench_cpu_of(int pid)
{
    clockid_t id;
    errno = clock_getcpuclockid(pid, &id);
    bench_check(errno == 0, "the clock of that process");
    return read_clock(id);
}

/* ---- Memory ------------------------------------------------------------- */

size_t bench_memory(void)
{
    char line[256];
    size_t kib, sum = 0;
    FILE *f = fopen("/proc/self/status", "r");
    bench_check(f != NULL, "/proc/self/status");
    while (fgets(line, sizeof line, f))
        if (sscanf(line, "VmRSS: %zu", &kib) == 1 ||
            sscanf(line, "VmPTE: %zu", &kib) == 1)
            sum += kib * 1024;
    fclose(f);
    return sum;
}

size_t bench_mappings(void)
{
    size_t lines = 0;
    FILE *f = fopen("/proc/self/maps", "r");
    bench_check(f != NULL, "/proc/self/maps");
    for (int c; (c = getc(f)) != EOF;)
        lines += c == '\n';
    fclose(f);
    return lines;
}

/* ---- Numbers ------------------------------------------------------------ */

int64_t bench_nap_ms(long i)
{
    return i * 7919 % 1000 + 1;
}

const char *bench_file(void)
{
    const char *path = getenv("BENCH_FILE");
    errno = 0;
    bench_check(path != NULL, "BENCH_FILE is not set");
    return path;
}

size_t bench_file_bytes(int fd)
{
    struct stat st;
    bench_check(fd >= 0 && fstat(fd, &st) == 0, "the file for reads");
    bench_check(st.st_size >= BENCH_PAGE, "the file for reads is too small");
    return (size_t)st.st_size;
}

/* Marsaglia, "Xorshift RNGs", Journal of Statistical Software 8 (2003). */
int64_t bench_random_page(uint64_t *seed, size_t file_bytes)
{
    uint64_t x = *seed;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    *seed = x;
    return (int64_t)(x % (file_bytes / BENCH_PAGE)) * BENCH_PAGE;
}

/* ---- Servers ------------------------------------------------------------ */

int bench_listen(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bench_check(fd >= 0 && bind(fd, (struct sockaddr *)&at, len) == 0 &&
                    listen(fd, 1024) == 0 &&
                    getsockname(fd, (struct sockaddr *)&at, &len) == 0,
                "listen");
    printf("%d\n", ntohs(at.sin_port));
    fflush(stdout);
    alarm(SERVER_SECONDS);
    return fd;
}

void bench_no_delay(int sock)
{
    int on = 1;
    setsockopt(sock, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

int bench_accept(int listener)
{
    int sock = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (sock >= 0)
        bench_no_delay(sock);
    return sock;
}
