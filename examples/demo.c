/* demo.c: what bide is for, in one file.
 *
 *     make demo                  or, for another tree:  demo DIRECTORY
 *
 * One thread runs a small HTTP server and its client.  The server hands out
 * the files of a directory and holds each answer back for 20 ms; the client
 * fetches every file one after the other, then all at once, and compares each
 * answer with the file on disk.  Then come five lines about what happens when
 * something fails, is late, or is cancelled.
 *
 * Nothing here is a callback or a state machine.  bide_read() looks as if it
 * blocked, and the task that calls it does wait; the thread does not.
 */
#define _GNU_SOURCE 1 /* nftw(3), before the first header */
#include <bide.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HOLD BIDE_MS(20) /* how long the server holds an answer back */
enum { FILE_BYTES = 1000000 }; /* larger files are left out, */
enum { FILES_MAX = 160 };      /* and further ones: of each, six descriptors
                                  may be open at once */

static const char ok[] = "HTTP/1.0 200 OK\r\n\r\n";
static const char missing[] = "HTTP/1.0 404 Not Found\r\n\r\n";
enum { OK_BYTES = sizeof ok - 1, MISSING_BYTES = sizeof missing - 1 };

static struct bide_call calls[FILES_MAX + 1]; /* the last file is not there */
static size_t count;                          /* of the others */
static char port[8];                          /* where the server listens */

/* Put in `*text`, to be freed, what is answered for `path`: a head, and the
 * file behind it.  Returns its bytes. */
static ssize_t read_page(const char *path, char **text)
{
    struct stat st;
    ssize_t n = -ENOENT;
    int fd = bide_open(path, O_RDONLY | O_NOFOLLOW, 0);
    if (fd < 0)
        return fd;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        *text = malloc(OK_BYTES + (size_t)st.st_size);
        n = *text ? bide_read_all(fd, *text + OK_BYTES, (size_t)st.st_size)
                  : -ENOMEM;
    }
    bide_close(fd);
    if (n >= 0)
        memcpy(*text, ok, OK_BYTES);
    return n < 0 ? n : n + OK_BYTES;
}

/* ---- The server --------------------------------------------------------- */

/* Answer one client, in a task of its own.  What could lead out of the tree is
 * not found. */
static intptr_t answer(int sock, void *unused)
{
    char line[512], path[256] = "/", *text = NULL;
    FILE *request = bide_fdopen(dup(sock), "r"); /* stdio that waits */
    (void)unused;
    while (request && fgets(line, sizeof line, request) && *line != '\r')
        sscanf(line, "GET /%255s", path);
    bool good = *path != '/' && !strstr(path, "..");
    ssize_t n = good ? read_page(path, &text) : -ENOENT;
    if (n < 0)
        n = bide_write_all(sock, missing, MISSING_BYTES);
    else if (bide_sleep(HOLD) == 0)
        n = bide_write_all(sock, text, (size_t)n);
    free(text);
    if (request)
        fclose(request);
    return n < 0 ? 0 : n; /* that a client went away is no error of ours */
}

/* Say which port it is, and serve until cancelled. */
static intptr_t server(void *unused)
{
    struct sockaddr_in at = {0};
    socklen_t len = sizeof at;
    (void)unused;
    int listener = bide_listen("127.0.0.1", "0", 0);
    if (listener < 0)
        return listener;
    getsockname(listener, (struct sockaddr *)&at, &len);
    bide_ready(ntohs(at.sin_port));
    return bide_serve(listener, answer, NULL, NULL);
}

/* ---- The client --------------------------------------------------------- */

/* Ask for `path`, and expect the `bytes` of `text`: so many, or an error. */
static ssize_t ask(const char *path, const char *text, ssize_t bytes)
{
    char request[512], *got = malloc((size_t)bytes + 1);
    int len = snprintf(request, sizeof request, "GET /%s HTTP/1.0\r\n\r\n",
                       path);
    int sock = got ? bide_dial("127.0.0.1", port) : -ENOMEM;
    ssize_t n = sock;
    if (sock >= 0) {
        n = bide_write_all(sock, request, (size_t)len);
        if (n == len)
            n = bide_read_all(sock, got, (size_t)bytes + 1);
        if (n >= 0 && (n != bytes || memcmp(got, text, (size_t)n) != 0))
            n = bide_cancel_code() < 0 ? bide_cancel_code() : -EBADMSG;
        bide_close(sock);
    }
    free(got);
    return n;
}

/* Fetch a file and compare it with what is on the disk.  Returns its size; a
 * file that is not there the server must not have either. */
static intptr_t fetch(void *path)
{
    char *text = NULL;
    ssize_t n = read_page(path, &text);
    bool there = n != -ENOENT;
    if (n >= 0 || !there)
        n = ask(path, there ? text : missing, there ? n : MISSING_BYTES);
    free(text);
    return n < 0 ? n : there ? n - OK_BYTES : -ENOENT;
}

/* ---- Every file one after the other, then all at once ------------------- */

/* The demo ends where something is not as it should be. */
static void check(bool right, const char *what, intptr_t rc)
{
    if (right)
        return;
    printf("WRONG: %s: %s\n", what, strerror(rc < 0 ? (int)-rc : EBADMSG));
    exit(1);
}

static double ms_since(bide_time start)
{
    return (double)(bide_now() - start) / 1e6;
}

static void speed(void)
{
    const char *row = "  %-12s %6zu files %9td bytes %8.1f ms\n";
    struct bide_stats stats;
    struct bide_info info;
    ptrdiff_t bytes = 0;
    bide_time start = bide_now();
    for (size_t i = 0; i < count; i++) {
        intptr_t n = fetch(calls[i].arg);
        check(n >= 0, calls[i].arg, n);
        bytes += n;
    }
    double slow = ms_since(start);
    printf(row, "in turn", count, bytes, slow);

    start = bide_now();
    intptr_t rc = bide_gather(calls, count, BIDE_FAIL_FAST);
    double fast = ms_since(start);
    check(rc == 0, "all at once", rc);
    printf(row, "all at once", count, bytes, fast);

    bide_stats(&stats);
    bide_info(&info);
    printf("\n  ratio               %10.1f\n", slow / fast);
    printf("  tasks at the peak   %10ju\n", (uintmax_t)stats.alive_peak);
    printf("  switches            %10ju\n", (uintmax_t)stats.switches);
    printf("  backend             %10s\n", info.backend);
    printf("  stack guard         %10s\n\n", info.guard);
}

/* ---- Errors and cancellation, a line each ------------------------------- */

/* One more file, which is not there, fails the gather: the other calls are
 * cancelled, and have ended when it returns.  Or each has its own result. */
static void fail(void)
{
    size_t cut = 0, good = 0;
    intptr_t rc = bide_gather(calls, count + 1, BIDE_FAIL_FAST);
    for (size_t i = 0; i < count; i++)
        cut += calls[i].result == -ECANCELED;
    check(rc == -ENOENT && cut > 0, "fail fast", rc);
    printf("  fail fast   one file is missing: %zu siblings were cancelled\n",
           cut);
    rc = bide_gather(calls, count + 1, BIDE_COLLECT);
    for (size_t i = 0; i < count; i++)
        good += calls[i].result >= 0;
    check(good == count && calls[count].result == -ENOENT, "collect", rc);
    printf("  collect     the same calls again: %zu files and one \"%s\"\n",
           good, strerror(ENOENT));
}

/* A deadline stands around code; nothing inside has a timeout argument. */
static void be_late(void)
{
    struct bide_scope s;
    bide_time start = bide_now();
    bide_scope_open(&s, bide_after(BIDE_MS(5)));
    intptr_t rc = bide_scope_close(&s, fetch(calls[0].arg));
    check(rc == -ETIMEDOUT, "deadline", rc);
    printf("  deadline    5 ms for an answer that takes 20: cut after %.1f\n",
           ms_since(start));
}

/* Once cancelled, every call that waits is refused; in a shield it is not. */
static intptr_t fetch_at_the_end(void *path)
{
    struct bide_scope s;
    intptr_t refused = fetch(path);
    bide_shield_open(&s, BIDE_SEC(10));
    intptr_t n = bide_scope_close(&s, fetch(path));
    return refused == -ECANCELED ? n : -EPROTO;
}

/* Start a task, let it run to its first wait, and cancel it from outside. */
static intptr_t cancel(bide_fn *fn)
{
    bide_task *t;
    intptr_t result = bide_spawn(&t, fn, calls[0].arg);
    if (result < 0)
        return result;
    bide_yield();
    bide_cancel(t);
    bide_join(t, &result);
    bide_release(t);
    return result;
}

static void be_cancelled(void)
{
    intptr_t n = cancel(fetch_at_the_end);
    check(n >= 0, "shield", n);
    printf("  shield      a cancelled task still fetched a file of %td bytes\n",
           n);
    n = cancel(fetch);
    check(n == -ECANCELED, "cancel", n);
    printf("  cancel      a fetch was cancelled half-way, and ended at once\n");
}

/* The main task: start the server, be its client, cancel it. */
static intptr_t tour(void *unused)
{
    struct bide_group g;
    (void)unused;
    bide_group_open(&g, BIDE_FAIL_FAST);
    intptr_t rc = bide_group_start(&g, server, NULL);
    check(rc >= 0, "the server", rc);
    snprintf(port, sizeof port, "%d", (int)rc);
    speed();
    fail();
    be_late();
    be_cancelled();
    bide_group_cancel(&g); /* the server would go on for ever */
    return bide_group_close(&g, 0);
}

/* ---- The files ---------------------------------------------------------- */

/* Not what is hidden, being built, or to be encoded in a request. */
static int note(const char *path, const struct stat *st, int kind,
                struct FTW *at)
{
    const char *name = path + at->base;
    if (kind == FTW_D && at->level > 0 &&
        (*name == '.' || strcmp(name, "build") == 0))
        return FTW_SKIP_SUBTREE;
    if (kind == FTW_F && S_ISREG(st->st_mode) && st->st_size <= FILE_BYTES &&
        *name != '.' && !strpbrk(path, " \r\n") && !strstr(path, "..") &&
        strlen(path) < 256 && count < FILES_MAX)
        calls[count++].arg = strdup(path + 2); /* behind "./" */
    return FTW_CONTINUE;
}

int main(int argc, char **argv)
{
    static char none[] = "no-such-file";
    const char *dir = argc > 1 ? argv[1] : ".";
    if (chdir(dir) < 0 || nftw(".", note, 16, FTW_PHYS | FTW_ACTIONRETVAL) ||
        count == 0) {
        fprintf(stderr, "demo: no files in %s\n", dir);
        return 1;
    }
    calls[count].arg = none;
    for (size_t i = 0; i <= count; i++)
        calls[i].fn = fetch;
    printf("bide %s: %zu files%s, each answer held back for 20 ms\n\n",
           BIDE_VERSION, count, count == FILES_MAX ? " at the most" : "");
    intptr_t rc = bide_run(tour, NULL, NULL);
    if (rc < 0)
        fprintf(stderr, "demo: %s\n", strerror((int)-rc));
    return rc < 0;
}
