/* doors.h: what the tests of descriptors share: pairs of ends, and calls that a
 * task of their own makes.
 *
 * All ends are foreign: made by libc, so that the library finds out by itself
 * what they are.
 */
#ifndef DOORS_H
#define DOORS_H

#include "harness.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/un.h>
#include <unistd.h>

enum ends_kind { PIPE, FIFO, UNIX, SEQPACKET, TCP, DGRAM, PTY, ENDS_KINDS };

/* What is written to `in` comes out of `out`. */
struct ends {
    int out, in;
};

/* Both ends; `flags` is O_NONBLOCK or 0. */
struct ends open_ends(enum ends_kind kind, int flags);
void close_ends(struct ends ends);

/* Whether the other way is open too. */
bool both_ways(enum ends_kind kind);

/* By libc: write `text`, expect `text` to come out, fill the end with as many
 * bytes as fit (how many is returned), take out what is there. */
void put(int fd, const char *text);
void expect(int fd, const char *text);
size_t fill(int fd);
size_t drain(int fd);

/* Take out `bytes`, no more, and sleep until they are there: TCP opens its
 * window late and wide. */
void take_out(int fd, size_t bytes);

/* Whether poll(2) sees one of `events` now. */
bool is_ready(int fd, short events);

/* Sleep until nothing is there to read: a thread may be the one who reads. */
void until_taken(int fd);

/* The lowest number that is free; and `fd` moved to `number`, which is free. */
int free_number(void);
void move_to(int fd, int number);

/* One call, as the argument of the tasks below. */
struct io {
    int fd;
    void *buf;
    size_t len;
    int flags;
};
intptr_t io_read(void *io);
intptr_t io_readv(void *io);
intptr_t io_read_all(void *io);
intptr_t io_recv(void *io);
intptr_t io_recvfrom(void *io);
intptr_t io_recvmsg(void *io);
intptr_t io_write(void *io);
intptr_t io_writev(void *io);
intptr_t io_write_all(void *io);
intptr_t io_send(void *io);
intptr_t io_sendto(void *io);
intptr_t io_sendmsg(void *io);
intptr_t io_accept(void *io);
intptr_t io_poll(void *io); /* for `flags` */
intptr_t io_fsync(void *io);

/* Start a task; it must be possible. */
bide_task *start(bide_fn *fn, void *arg);

/* Start a task that must be waiting after a moment. */
bide_task *park(bide_fn *fn, void *arg);

/* Wait for the task, give its handle back; its result as it was. */
intptr_t end_of(bide_task *task);

/* fn(arg) in a scope that ends after `span`; the scope's verdict. */
intptr_t within(bide_time span, bide_fn *fn, void *arg);

/* fn(arg) in a scope that is cancelled already. */
intptr_t refused(bide_fn *fn, void *arg);

/* A name in the directory for temporary files, in `path` (64 bytes); nothing
 * is there. */
const char *fresh_path(char *path);

#endif
