/* bodies_stream.c: reading and writing on pipes and sockets of every kind.
 *
 * The bytes of a flow are numbered, and each byte tells its number, so that a
 * lost, doubled or misplaced one is seen at once.  The endangered task is at
 * one end with a call of bide's; at the other a task moves bytes by plain
 * system calls that never block.  At last the flow is ended and what is left in
 * it is read: what the writer was told to have written is what came out.
 */
#include "cancel.h"
#include "ends.h"

#include "io.h"

#include <fcntl.h>
#include <unistd.h>

#define CHUNK_MOST 100000
#define READ_AT_ONCE 300
#define WRITES 6

struct flow {
    int mine, theirs; /* the endangered task's end, and the other */
    enum medium medium;
    int call;
    size_t sent, got;
};

/* ---- Bytes that tell their numbers -------------------------------------- */

static unsigned char byte_at(size_t i)
{
    return (unsigned char)(i * 31 + (i >> 8) * 7 + (i >> 16));
}

static void fill(unsigned char *bytes, size_t n, size_t from)
{
    for (size_t i = 0; i < n; i++)
        bytes[i] = byte_at(from + i);
}

static void receive(struct flow *f, const unsigned char *bytes, size_t n)
{
    size_t wrong = 0;
    for (size_t i = 0; i < n; i++)
        wrong += bytes[i] != byte_at(f->got + i);
    equal((long)wrong, 0, "bytes come whole and in order");
    f->got += n;
}

/* ---- Both ends ---------------------------------------------------------- */

/* What bide makes itself (here: non-blocking TCP) it treats with less care. */
static void open_flow(struct flow *f, const struct choice *c, bool reads)
{
    int ends[2];
    *f = (struct flow){.medium = (enum medium)c->medium, .call = c->call};
    open_ends(f->medium, ends);
    bool first = media[f->medium].socket || reads;
    f->mine = ends[!first];
    f->theirs = ends[first];
    must(fcntl(f->theirs, F_SETFL, O_NONBLOCK), "the other end never blocks");
    if (c->nonblocking)
        must(fcntl(f->mine, F_SETFL, O_NONBLOCK), "nor may this one");
    if (c->nonblocking && f->medium == TCP)
        bi_io_adopt(f->mine, BI_FD_STREAM);
}

static void end_output(struct flow *f, int *fd)
{
    if (media[f->medium].socket) {
        if (!media[f->medium].messages)
            must(shutdown(*fd, SHUT_WR), "a flow can be ended");
        return;
    }
    close(*fd);
    *fd = -1;
}

/* Read what is left in the flow. */
static void drain(struct flow *f, int fd)
{
    unsigned char buf[4096];
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int patience = f->medium == TCP ? 2000 : 0;
    ssize_t n;
    while (poll(&p, 1, patience) == 1 && (n = read(fd, buf, sizeof buf)) > 0)
        receive(f, buf, (size_t)n);
    equal((long)f->got, (long)f->sent, "what was written was read");
}

static void close_flow(struct flow *f)
{
    if (f->theirs >= 0)
        close(f->theirs);
    if (f->mine >= 0)
        equal(bide_close(f->mine), 0, "an end can be closed");
}

/* ---- Reading in danger -------------------------------------------------- */

static ssize_t by_readv(int fd, void *buf, size_t len)
{
    struct iovec iov[2] = {{buf, 11}, {(char *)buf + 11, len - 11}};
    return bide_readv(fd, iov, 2);
}

static ssize_t by_recv(int fd, void *buf, size_t len)
{
    return bide_recv(fd, buf, len, 0);
}

static ssize_t by_recv_all(int fd, void *buf, size_t len)
{
    return bide_recv(fd, buf, len, MSG_WAITALL);
}

static ssize_t by_recvfrom(int fd, void *buf, size_t len)
{
    return bide_recvfrom(fd, buf, len, 0, NULL, NULL);
}

static ssize_t by_message(int fd, void *buf, size_t len, int flags)
{
    struct iovec iov[2] = {{buf, 100}, {(char *)buf + 100, len - 100}};
    struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};
    return bide_recvmsg(fd, &msg, flags);
}

static ssize_t by_recvmsg(int fd, void *buf, size_t len)
{
    return by_message(fd, buf, len, 0);
}

static ssize_t by_recvmsg_all(int fd, void *buf, size_t len)
{
    return by_message(fd, buf, len, MSG_WAITALL);
}

static const struct {
    const char *name;
    ssize_t (*make)(int fd, void *buf, size_t len);
    bool socket, stream; /* what it is for alone */
} in_calls[] = {
    {"read", bide_read, false, false},
    {"readv", by_readv, false, false},
    {"read_all", bide_read_all, false, true},
    {"recv", by_recv, true, false},
    {"recv_all", by_recv_all, true, true},
    {"recvfrom", by_recvfrom, true, false},
    {"recvmsg", by_recvmsg, true, false},
    {"recvmsg_all", by_recvmsg_all, true, true},
};

static intptr_t read_in_danger(void *arg)
{
    struct flow *f = arg;
    unsigned char buf[READ_AT_ONCE];
    while (f->got < 3 * READ_AT_ONCE) {
        ssize_t n = in_calls[f->call].make(f->mine, buf, sizeof buf);
        if (n < 0)
            return stopped(n);
        holds(n > 0, "a flow has no end before it is ended");
        receive(f, buf, (size_t)n);
    }
    return 0;
}

static intptr_t feed(void *arg)
{
    static const size_t sizes[] = {1, 100, 250, 37, READ_AT_ONCE};
    struct flow *f = arg;
    unsigned char buf[READ_AT_ONCE];
    for (int i = 0; !danger_is_over(); i++) {
        size_t size = sizes[i % 5];
        fill(buf, size, f->sent);
        ssize_t n = write(f->theirs, buf, size);
        f->sent += n > 0 ? (size_t)n : 0;
        turn();
        if (i & 1)
            turn();
    }
    return 0;
}

static void read_flow(const struct choice *c)
{
    struct flow f;
    struct bide_group g = {0};
    open_flow(&f, c, true);
    bide_group_open(&g, BIDE_FAIL_FAST);
    beside(&g, feed, &f);
    endanger(read_in_danger, &f);
    all_ended(&g);
    end_output(&f, &f.theirs);
    drain(&f, f.mine);
    close_flow(&f);
}

/* ---- Writing in danger -------------------------------------------------- */

static ssize_t by_writev(int fd, const void *buf, size_t len)
{
    struct iovec iov[2] = {{(void *)(uintptr_t)buf, 7},
                           {(char *)(uintptr_t)buf + 7, len - 7}};
    return bide_writev(fd, iov, 2);
}

static ssize_t by_send(int fd, const void *buf, size_t len)
{
    return bide_send(fd, buf, len, 0);
}

static ssize_t by_sendto(int fd, const void *buf, size_t len)
{
    return bide_sendto(fd, buf, len, 0, NULL, 0);
}

static ssize_t by_sendmsg(int fd, const void *buf, size_t len)
{
    struct iovec iov[2] = {{(void *)(uintptr_t)buf, 500},
                           {(char *)(uintptr_t)buf + 500, len - 500}};
    struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};
    return bide_sendmsg(fd, &msg, 0);
}

static const struct {
    const char *name;
    ssize_t (*make)(int fd, const void *buf, size_t len);
    bool socket, stream;
} out_calls[] = {
    {"write", bide_write, false, false},
    {"writev", by_writev, false, false},
    {"write_all", bide_write_all, false, true},
    {"send", by_send, true, false},
    {"sendto", by_sendto, true, false},
    {"sendmsg", by_sendmsg, true, false},
};

static intptr_t write_in_danger(void *arg)
{
    static unsigned char buf[CHUNK_MOST];
    struct flow *f = arg;
    for (int i = 0; i < WRITES; i++) {
        size_t size = media[f->medium].written;
        fill(buf, size, f->sent);
        ssize_t n = out_calls[f->call].make(f->mine, buf, size);
        if (n < 0)
            return stopped(n);
        holds(n > 0 && (size_t)n <= size, "a write moves some bytes");
        f->sent += (size_t)n;
    }
    return 0;
}

static intptr_t eat(void *arg)
{
    static unsigned char buf[CHUNK_MOST];
    struct flow *f = arg;
    size_t most = f->medium == TCP ? sizeof buf : 1000;
    while (!danger_is_over()) {
        turn();
        turn();
        turn();
        ssize_t n = read(f->theirs, buf, most);
        if (n > 0)
            receive(f, buf, (size_t)n);
        else
            a_while();
    }
    return 0;
}

static void write_flow(const struct choice *c)
{
    struct flow f;
    struct bide_group g = {0};
    open_flow(&f, c, false);
    bide_group_open(&g, BIDE_FAIL_FAST);
    beside(&g, eat, &f);
    endanger(write_in_danger, &f);
    all_ended(&g);
    end_output(&f, &f.mine);
    drain(&f, f.theirs);
    close_flow(&f);
}

/* ---- All of them -------------------------------------------------------- */

static void add(int medium, bool nonblocking, int call, bool reads)
{
    bool socket = reads ? in_calls[call].socket : out_calls[call].socket;
    bool stream = reads ? in_calls[call].stream : out_calls[call].stream;
    if ((socket && !media[medium].socket) || (stream && media[medium].messages))
        return;
    char name[40];
    snprintf(name, sizeof name, "%s.%s.%s", media[medium].name,
             nonblocking ? "nonblock" : "block",
             reads ? in_calls[call].name : out_calls[call].name);
    add_body(name, reads ? read_flow : write_flow,
             (struct choice){medium, call, nonblocking});
}

void stream_bodies(void)
{
    int ins = (int)(sizeof in_calls / sizeof in_calls[0]);
    int outs = (int)(sizeof out_calls / sizeof out_calls[0]);
    for (int medium = 0; medium < MEDIA; medium++)
        for (int nonblocking = 0; nonblocking < 2; nonblocking++) {
            for (int call = 0; call < ins; call++)
                add(medium, nonblocking, call, true);
            for (int call = 0; call < outs; call++)
                add(medium, nonblocking, call, false);
        }
}
