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
 *
 * serve() answers one client, and server() calls it for each; fetch()
 * is the client, and speed() runs it many times; tour() ties them together.
 */
#include <bide.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HOLD BIDE_MS(20)   /* how long the server holds an answer back */
#define FILES_MAX 240      /* four descriptors each may be open at once */
#define FILE_BYTES 1000000 /* larger files are left out */
#define PATH_BYTES 256
#define HEAD_BYTES 1024    /* the longest head of a request or an answer */

/* A file to be fetched. */
struct page {
    char path[PATH_BYTES];
    const char *port; /* of the server */
};

struct demo {
    struct page pages[FILES_MAX + 1];      /* the last one does not exist */
    struct bide_call calls[FILES_MAX + 1]; /* fetch() of each */
    size_t count;                          /* without the missing one */
    intptr_t bytes;                        /* of all files */
    char port[8];
};

/* Read the file at `path` into `*data`, to be freed.  Returns its size. */
static ssize_t slurp(const char *path, char **data)
{
    *data = NULL;
    int fd = bide_open(path, O_RDONLY | O_NOFOLLOW, 0);
    if (fd < 0)
        return fd;
    struct stat st;
    ssize_t n = -ENOENT;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        *data = malloc((size_t)st.st_size + 1);
        n = *data ? bide_read_all(fd, *data, (size_t)st.st_size) : -ENOMEM;
    }
    bide_close(fd);
    return n;
}

static ssize_t answer_head(char *head, const char *status, ssize_t length)
{
    return snprintf(head, HEAD_BYTES,
                    "HTTP/1.1 %s\r\nContent-Length: %zd\r\n"
                    "Connection: close\r\n\r\n", status, length);
}

/* ---- The server --------------------------------------------------------- */

/* Read a request up to the empty line at its end. */
static ssize_t read_request(int sock, char *head)
{
    size_t len = 0;
    while (len < HEAD_BYTES - 1) {
        ssize_t n = bide_read(sock, head + len, HEAD_BYTES - 1 - len);
        if (n <= 0)
            return n < 0 ? n : -EPIPE;
        len += (size_t)n;
        head[len] = '\0';
        if (strstr(head, "\r\n\r\n"))
            return (ssize_t)len;
    }
    return -EMSGSIZE;
}

/* Cut the path out of "GET /path HTTP/1.1"; NULL where the request is another,
 * or the path could lead out of the tree. */
static const char *requested_path(char *head)
{
    if (strncmp(head, "GET /", 5) != 0)
        return NULL;
    char *path = head + 5, *end = path + strcspn(path, " \r\n");
    if (strncmp(end, " HTTP/1.", 8) != 0)
        return NULL;
    *end = '\0';
    return *path == '/' || strstr(path, "..") ? NULL : path;
}

static ssize_t answer(int sock, const char *status, const char *body,
                      ssize_t size)
{
    char head[HEAD_BYTES];
    ssize_t len = answer_head(head, status, size);
    ssize_t n = bide_write_all(sock, head, (size_t)len);
    return n < len ? n : bide_write_all(sock, body, (size_t)size);
}

/* Answer one client.  Errors are told at once, files after a while. */
static intptr_t serve(int sock, void *unused)
{
    char head[HEAD_BYTES], *body = NULL;
    (void)unused;
    ssize_t n = read_request(sock, head);
    const char *path = n > 0 ? requested_path(head) : NULL;
    ssize_t size = path ? slurp(path, &body) : 0;
    if (!path)
        n = answer(sock, "400 Bad Request", "", 0);
    else if (size == -EMFILE || size == -ENOMEM)
        n = answer(sock, "503 Service Unavailable", "", 0);
    else if (size < 0)
        n = answer(sock, "404 Not Found", "", 0);
    else if ((n = bide_sleep(HOLD)) == 0)
        n = answer(sock, "200 OK", body, size);
    free(body);
    return n < 0 ? 0 : n; /* that a client went away is no error of ours */
}

static int port_of(int sock)
{
    struct sockaddr_in sin = {0};
    socklen_t len = sizeof sin;
    getsockname(sock, (struct sockaddr *)&sin, &len);
    return ntohs(sin.sin_port);
}

/* Say which port it is, and answer clients, a task each, until cancelled. */
static intptr_t server(void *unused)
{
    (void)unused;
    int listener = bide_listen("127.0.0.1", "0", 0);
    if (listener < 0)
        return listener;
    bide_ready(port_of(listener));
    return bide_serve(listener, serve, NULL, NULL);
}

/* ---- The client --------------------------------------------------------- */

/* Ask for `path` and read the answer, to the end, into `buf`. */
static ssize_t exchange(int sock, const char *path, char *buf, size_t room)
{
    char request[HEAD_BYTES];
    int len = snprintf(request, sizeof request,
                       "GET /%s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", path);
    ssize_t n = bide_write_all(sock, request, (size_t)len);
    return n < len ? n : bide_read_all(sock, buf, room);
}

/* `size` if the `n` bytes of `buf` are the right answer, else what is wrong. */
static ssize_t verdict(const char *buf, ssize_t n, const char *disk,
                       ssize_t size)
{
    char head[HEAD_BYTES];
    ssize_t len = answer_head(head, "200 OK", size);
    if (n == len + size && memcmp(buf, head, (size_t)len) == 0 &&
        memcmp(buf + len, disk, (size_t)size) == 0)
        return size;
    if (n < 0 || bide_cancel_code() < 0)
        return n < 0 ? n : bide_cancel_code(); /* it was stopped half-way */
    return strncmp(buf, "HTTP/1.1 404", 12) == 0 ? -ENOENT : -EBADMSG;
}

/* Dial, ask for `path`, and compare the answer with what is on the disk. */
static ssize_t fetch_and_compare(const struct page *page, const char *disk,
                                 ssize_t size)
{
    size_t room = HEAD_BYTES + (size_t)size;
    char *buf = calloc(1, room);
    if (!buf)
        return -ENOMEM;
    ssize_t n = bide_dial("127.0.0.1", page->port);
    if (n >= 0) {
        int sock = (int)n;
        n = exchange(sock, page->path, buf, room);
        n = verdict(buf, n, disk, size);
        bide_close(sock);
    }
    free(buf);
    return n;
}

/* Fetch a page and check it.  Returns its size. */
static intptr_t fetch(void *arg)
{
    const struct page *page = arg;
    char *disk;
    ssize_t n = slurp(page->path, &disk);
    if (n >= 0 || n == -ENOENT) /* not there: so should the server say */
        n = fetch_and_compare(page, disk ? disk : "", n < 0 ? 0 : n);
    free(disk);
    return n;
}

/* ---- The table ---------------------------------------------------------- */

static int wrong(const char *what, intptr_t got)
{
    printf("WRONG: %s: %s\n", what,
           got < 0 ? strerror((int)-got) : "not what it should be");
    return -EBADMSG;
}

static double ms_since(bide_time start)
{
    return (double)(bide_now() - start) / 1e6;
}

/* The bytes of all files that were fetched, or the first failure. */
static intptr_t sum(const struct demo *d)
{
    intptr_t bytes = 0;
    for (size_t i = 0; i < d->count; i++) {
        if (d->calls[i].result < 0)
            return wrong(d->pages[i].path, d->calls[i].result);
        bytes += d->calls[i].result;
    }
    return bytes;
}

static void print_run(double ratio)
{
    struct bide_stats stats;
    struct bide_info info;
    bide_stats(&stats);
    bide_info(&info);
    printf("\n  ratio               %10.1f\n", ratio);
    printf("  tasks at the peak   %10ju\n", (uintmax_t)stats.alive_peak);
    printf("  switches            %10ju\n", (uintmax_t)stats.switches);
    printf("  backend             %10s\n", info.backend);
    printf("  stack guard         %10s\n\n", info.guard);
}

/* Every file one after the other, then all at once. */
static int speed(struct demo *d)
{
    const char *row = "  %-12s %6zu files %9zd bytes %8.1f ms\n";
    bide_time start = bide_now();
    for (size_t i = 0; i < d->count; i++)
        d->calls[i].result = fetch(&d->pages[i]);
    double slow = ms_since(start);
    d->bytes = sum(d);
    if (d->bytes < 0)
        return (int)d->bytes;
    printf(row, "in turn", d->count, d->bytes, slow);

    start = bide_now();
    intptr_t rc = bide_gather(d->calls, d->count, BIDE_FAIL_FAST);
    double fast = ms_since(start);
    if (rc < 0 || sum(d) != d->bytes)
        return wrong("all at once", rc);
    printf(row, "all at once", d->count, d->bytes, fast);
    print_run(slow / fast);
    return 0;
}

/* ---- Errors and cancellation, a line each ------------------------------- */

/* One more file, which is not there, fails the gather: the other calls are
 * cancelled, and have ended when it returns. */
static int fail_fast(struct demo *d)
{
    intptr_t rc = bide_gather(d->calls, d->count + 1, BIDE_FAIL_FAST);
    size_t cut = 0;
    for (size_t i = 0; i < d->count; i++)
        cut += d->calls[i].result == -ECANCELED;
    if (rc != -ENOENT || cut == 0)
        return wrong("fail fast", rc);
    printf("  fail fast   one file is missing: %zu siblings were cancelled\n",
           cut);
    return 0;
}

/* The same calls, but each has its own result. */
static int collect(struct demo *d)
{
    intptr_t rc = bide_gather(d->calls, d->count + 1, BIDE_COLLECT);
    intptr_t missing = d->calls[d->count].result;
    if (rc != 0 || missing != -ENOENT || sum(d) != d->bytes)
        return wrong("collect", rc);
    printf("  collect     the same calls again: %zu files and one \"%s\"\n",
           d->count, strerror((int)-missing));
    return 0;
}

/* A deadline stands around code; nothing inside has a timeout argument. */
static int deadline(struct demo *d)
{
    bide_time start = bide_now();
    struct bide_scope s;
    bide_scope_open(&s, bide_after(BIDE_MS(5)));
    intptr_t rc = bide_scope_close(&s, fetch(&d->pages[0]));
    if (rc != -ETIMEDOUT)
        return wrong("deadline", rc);
    printf("  deadline    5 ms for an answer that takes 20: cut after %.1f\n",
           ms_since(start));
    return 0;
}

/* Start a task, let it run to its first wait, cancel it from outside, and
 * return its result. */
static intptr_t cancel_one(bide_fn *fn, void *arg)
{
    bide_task *t;
    intptr_t result = bide_spawn(&t, fn, arg);
    if (result < 0)
        return result;
    bide_yield();
    bide_cancel(t);
    bide_join(t, &result);
    bide_release(t);
    return result;
}

/* Once cancelled, every call that waits is refused; in a shield it is not. */
static intptr_t fetch_at_the_end(void *arg)
{
    bide_sleep_until(BIDE_FOREVER);
    intptr_t refused = fetch(arg);
    struct bide_scope s;
    bide_shield_open(&s, BIDE_SEC(10));
    intptr_t n = bide_scope_close(&s, fetch(arg));
    return refused == -ECANCELED ? n : -EPROTO;
}

static int shield(struct demo *d)
{
    intptr_t n = cancel_one(fetch_at_the_end, &d->pages[0]);
    if (n < 0 || n != d->calls[0].result)
        return wrong("shield", n);
    printf("  shield      a cancelled task still fetched a file of %zd bytes\n",
           n);
    return 0;
}

static int cancel(struct demo *d)
{
    intptr_t rc = cancel_one(fetch, &d->pages[0]);
    if (rc != -ECANCELED)
        return wrong("cancel", rc);
    printf("  cancel      a fetch was cancelled half-way, and ended at once\n");
    return 0;
}

/* ---- The files, and the start ------------------------------------------- */

/* Not build outputs, hidden files, or names a request would have to encode. */
static int is_wanted(const struct dirent *entry)
{
    const char *name = entry->d_name, *dot = strrchr(name, '.');
    bool made = strcmp(name, "build") == 0 ||
                (dot && (strcmp(dot, ".o") == 0 || strcmp(dot, ".a") == 0));
    return !made && *name != '.' && !strpbrk(name, " %?#\r\n") &&
           !strstr(name, "..");
}

/* Add the files below `dir`, which is "" or ends with a slash, by name. */
static void walk(struct demo *d, const char *dir)
{
    struct dirent **names;
    int n = scandir(*dir ? dir : ".", &names, is_wanted, alphasort);
    for (int i = 0; i < n; i++) {
        char path[PATH_BYTES];
        struct stat st;
        int len = snprintf(path, sizeof path, "%s%s", dir, names[i]->d_name);
        free(names[i]);
        if (len + 2 > PATH_BYTES || lstat(path, &st) < 0)
            continue;
        if (S_ISDIR(st.st_mode)) {
            memcpy(path + len, "/", 2);
            walk(d, path);
        } else if (S_ISREG(st.st_mode) && st.st_size <= FILE_BYTES &&
                   d->count < FILES_MAX) {
            memcpy(d->pages[d->count++].path, path, (size_t)len + 1);
        }
    }
    if (n >= 0)
        free(names);
}

/* The main task: start the server, be its client, cancel it. */
static intptr_t tour(void *arg)
{
    int (*const steps[])(struct demo *) = {speed,    fail_fast, collect,
                                           deadline, shield,    cancel};
    struct demo *d = arg;
    struct bide_group g;
    bide_group_open(&g, BIDE_FAIL_FAST);
    intptr_t rc = bide_group_start(&g, server, NULL);
    snprintf(d->port, sizeof d->port, "%d", (int)rc);
    for (size_t i = 0; i < sizeof steps / sizeof *steps && rc >= 0; i++)
        rc = steps[i](d);
    bide_group_cancel(&g); /* the server would go on for ever */
    return bide_group_close(&g, rc);
}

int main(int argc, char **argv)
{
    static struct demo d;
    const char *dir = argc > 1 ? argv[1] : ".";
    if (chdir(dir) == 0)
        walk(&d, "");
    if (d.count == 0) {
        fprintf(stderr, "demo: no files in %s\n", dir);
        return 1;
    }
    snprintf(d.pages[d.count].path, PATH_BYTES, "no-such-file");
    for (size_t i = 0; i <= d.count; i++) {
        d.pages[i].port = d.port;
        d.calls[i] = (struct bide_call){fetch, &d.pages[i], 0};
    }
    printf("bide %s: %zu files%s, each answer held back for 20 ms\n\n",
           BIDE_VERSION, d.count, d.count == FILES_MAX ? " at the most" : "");
    intptr_t rc = bide_run(tour, &d, NULL);
    if (rc < 0)
        fprintf(stderr, "demo: %s\n", strerror((int)-rc));
    return rc < 0 ? 1 : 0;
}
