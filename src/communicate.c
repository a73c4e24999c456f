/* communicate.c: talking to a program until it ends.
 *
 * A program that is fed while it writes more than a pipe holds waits for its
 * reader, and its feeder waits for it: so each pipe has a task of its own here.
 * They are one gather; its end, by whatever, is the end of the conversation.
 */
#include "process.h"

#include "io.h"
#include "park.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_BYTES 4096
#define DEFAULT_GRACE BIDE_SEC(5)

struct feed {
    struct bide_proc *proc;
    const char *data;
    size_t bytes;
};

/* A program that does not want all of its input has had enough. */
static intptr_t feed(void *arg)
{
    struct feed *f = arg;
    ssize_t n = 0;
    while (f->bytes > 0 && (n = bide_write_all(f->proc->in, f->data,
                                               f->bytes)) > 0) {
        f->data += n;
        f->bytes -= (size_t)n;
    }
    bi_io_close(&f->proc->in);
    return n < 0 && n != -EPIPE ? n : 0;
}

struct drain {
    int fd;
    struct bide_output *to; /* NULL: nobody wants it */
    size_t room; /* of to->data, without the NUL behind it */
};

static ssize_t discard(int fd)
{
    char scratch[FIRST_BYTES];
    ssize_t n;
    do
        n = bide_read(fd, scratch, sizeof scratch);
    while (n > 0);
    return n;
}

static int grow(struct drain *d)
{
    size_t room = d->room ? d->room * 2 : FIRST_BYTES;
    char *data = room > d->room ? realloc(d->to->data, room + 1) : NULL;
    if (!data)
        return -ENOMEM;
    d->to->data = data;
    d->room = room;
    return 0;
}

static intptr_t drain(void *arg)
{
    struct drain *d = arg;
    struct bide_output *to = d->to;
    ssize_t n;
    if (!to)
        return discard(d->fd);
    do {
        int rc = to->bytes == d->room ? grow(d) : 0;
        if (rc < 0)
            return rc;
        n = bide_read(d->fd, to->data + to->bytes, d->room - to->bytes);
        to->bytes += n > 0 ? (size_t)n : 0;
        if (to->limit && to->bytes > to->limit) {
            to->bytes = to->limit;
            n = -EMSGSIZE;
        }
        to->data[to->bytes] = '\0';
    } while (n > 0);
    return n;
}

static struct drain drain_of(int fd, struct bide_output *to)
{
    if (to) {
        to->data = NULL;
        to->bytes = 0;
    }
    return (struct drain){.fd = fd, .to = to};
}

static intptr_t converse(struct bide_proc *p, struct feed *in,
                         struct drain *out, struct drain *err)
{
    struct bide_call calls[3];
    size_t n = 0;
    if (p->in >= 0)
        calls[n++] = (struct bide_call){.fn = feed, .arg = in};
    if (out->fd >= 0)
        calls[n++] = (struct bide_call){.fn = drain, .arg = out};
    if (err->fd >= 0)
        calls[n++] = (struct bide_call){.fn = drain, .arg = err};
    return bide_gather(calls, n, BIDE_FAIL_FAST);
}

int bide_proc_communicate(struct bide_proc *p, const void *in, size_t in_bytes,
                          struct bide_output *out, struct bide_output *err)
{
    bi_current_in(__func__);
    struct feed f = {.proc = p, .data = in, .bytes = in ? in_bytes : 0};
    struct drain o = drain_of(p->out, out), e = drain_of(p->err, err);
    intptr_t rc = converse(p, &f, &o, &e);
    if (rc == 0)
        return bide_proc_wait(p);
    if (!bi_scope_is_code(rc) || p->_kill_grace > 0)
        bi_process_end(p, p->_kill_grace ? p->_kill_grace : DEFAULT_GRACE);
    return (int)rc;
}

/* ---- A program in one call ---------------------------------------------- */

int bide_proc_run(char *const argv[], const struct bide_proc_options *opt,
                  const void *in, size_t in_bytes, struct bide_output *out,
                  struct bide_output *err)
{
    int rc = bi_park_check(bi_current_in(__func__));
    struct bide_proc_options how = opt ? *opt : (struct bide_proc_options){0};
    struct bide_proc p;
    drain_of(-1, out);
    drain_of(-1, err);
    if (rc < 0)
        return rc;
    how.flags |= (in ? BIDE_PIPE_IN : 0) | (out ? BIDE_PIPE_OUT : 0) |
                 (err ? BIDE_PIPE_ERR : 0);
    if (!(how.flags & BIDE_PIPE_IN))
        how.flags |= BIDE_NULL_IN;
    if (!how.kill_grace)
        how.kill_grace = DEFAULT_GRACE;
    rc = bide_proc_spawn_with(&p, argv, &how);
    if (rc < 0)
        return rc;
    rc = bide_proc_communicate(&p, in, in_bytes, out, err);
    bide_proc_close(&p);
    return rc;
}

int bide_proc_shell(const char *command, const struct bide_proc_options *opt,
                    const void *in, size_t in_bytes, struct bide_output *out,
                    struct bide_output *err)
{
    bi_current_in(__func__);
    const char *argv[] = {"/bin/sh", "-c", command, NULL};
    if (!command)
        return -EINVAL;
    return bide_proc_run((char *const *)argv, opt, in, in_bytes, out, err);
}
