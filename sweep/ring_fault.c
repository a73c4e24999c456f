/* ring_fault.c: a submission that shall fail becomes one that does nothing, and
 * its completion is given the code.
 *
 * So nothing has happened that the caller is not told of, as with the kernel's
 * own refusals, and no descriptor and no byte is lost on the way.  A completion
 * that finds no room shows up later, and is looked for until then.
 */
#include "ring_fault.h"

#include "clock.h"

#include <string.h>

#define CHANGED_MOST 64

static struct {
    int fd;
    struct bi_uring_params p;
    char *rings;
    struct bi_sqe *sqes;
    uint32_t seen; /* submissions before this one were looked at */
    bool entered;  /* once, with success: it is not refused any more */
    struct changed {
        uint64_t user_data;
        int result;
    } changed[CHANGED_MOST];
    unsigned changed_count;
} ring;

void ring_set_up(int fd, const struct bi_uring_params *p)
{
    memset(&ring, 0, sizeof ring);
    ring.fd = fd;
    ring.p = *p;
}

void ring_mapped(int fd, off_t at, void *p)
{
    if (fd < 0 || fd != ring.fd)
        return;
    if (at == BI_OFF_RINGS)
        ring.rings = p;
    else
        ring.sqes = p;
}

static uint32_t *word(uint32_t offset)
{
    return (uint32_t *)(ring.rings + offset);
}

/* ---- Submissions -------------------------------------------------------- */

static void shorten(struct bi_sqe *sqe)
{
    switch (sqe->opcode) {
    case BI_URING_READ:
    case BI_URING_WRITE:
    case BI_URING_RECV:
    case BI_URING_SEND:
        sqe->len = (sqe->len + 1) / 2;
        break;
    case BI_URING_READV:
    case BI_URING_WRITEV:
        sqe->len = 1; /* of the buffers */
        break;
    default:
        break; /* a message is not to be cut */
    }
}

static void replace(struct bi_sqe *sqe, int result)
{
    uint64_t user_data = sqe->user_data;
    if (ring.changed_count == CHANGED_MOST)
        return;
    ring.changed[ring.changed_count++] = (struct changed){user_data, result};
    memset(sqe, 0, sizeof *sqe);
    sqe->opcode = BI_URING_NOP;
    sqe->user_data = user_data;
}

static bool on_stream(const struct bi_sys *real, const struct bi_sqe *sqe)
{
    int type = SOCK_STREAM;
    socklen_t len = sizeof type;
    real->call(SYS_getsockopt, sqe->fd, SOL_SOCKET, SO_TYPE, (long)&type,
               (long)&len, 0);
    return type == SOCK_STREAM;
}

/* Strike what is about to be submitted and was not there the last time. */
static void look_at_submissions(const struct bi_sys *real)
{
    uint32_t head = *word(ring.p.sq_off.head), tail = *word(ring.p.sq_off.tail);
    if ((int32_t)(head - ring.seen) > 0)
        ring.seen = head;
    for (; ring.seen != tail; ring.seen++) {
        struct bi_sqe *sqe = &ring.sqes[ring.seen & (ring.p.sq_entries - 1)];
        int code = fault_strikes(call_of_submission(sqe));
        if (code == BI_SHORT && on_stream(real, sqe))
            shorten(sqe);
        else if (code == BI_NOTHING || code > 0)
            replace(sqe, code == BI_NOTHING ? 0 : -code);
    }
}

/* ---- Completions -------------------------------------------------------- */

static void change(struct bi_cqe *cqe)
{
    for (unsigned i = 0; i < ring.changed_count; i++) {
        if (ring.changed[i].user_data != cqe->user_data)
            continue;
        cqe->res = ring.changed[i].result;
        ring.changed[i] = ring.changed[--ring.changed_count];
        return;
    }
}

static void look_at_completions(void)
{
    struct bi_cqe *cqes = (struct bi_cqe *)(ring.rings + ring.p.cq_off.cqes);
    uint32_t tail = __atomic_load_n(word(ring.p.cq_off.tail), __ATOMIC_ACQUIRE);
    for (uint32_t i = *word(ring.p.cq_off.head); i != tail; i++)
        if (ring.changed_count > 0)
            change(&cqes[i & (ring.p.cq_entries - 1)]);
}

/* ---- Entering ----------------------------------------------------------- */

/* Submit `n` and do not wait, as the kernel does where it is interrupted or
 * has no memory for more. */
static long submit_only(const struct bi_sys *real, const long args[6], long n)
{
    const long less[6] = {args[0], n, 0, args[3] & ~(long)BI_ENTER_EXT_ARG};
    return clock_call(real, SYS_io_uring_enter, less);
}

static long enter(const struct bi_sys *real, const long args[6])
{
    int code = fault_strikes(ring.entered ? &call_enter : &call_first_enter);
    long submits = args[1];
    if (code == BI_SHORT && submits > 1)
        return submit_only(real, args, submits / 2);
    if (code == EINTR && submits > 0)
        return submit_only(real, args, submits);
    if (code > 0)
        return -code;
    return clock_call(real, SYS_io_uring_enter, args);
}

long ring_enter(const struct bi_sys *real, const long args[6])
{
    look_at_submissions(real);
    long rc = enter(real, args);
    ring.entered |= rc >= 0;
    look_at_completions();
    return rc;
}
