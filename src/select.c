/* select.c: the first of several sends and receives that can go through.
 *
 * The cases are tried in turn, then a side is put up for each and the task
 * waits for the first to be served.  The sides lie in the caller's cases, so
 * that a select of any length allocates nothing and needs no stack.
 *
 * Where to begin is the fairness: of several cases that are always ready none
 * may starve.  The run turns by the golden section of the circle at each
 * select.  No two steps of such a turning agree, whatever the number of cases
 * and however many selects take turns, and each case is the first to be tried
 * at least once in about 3n selects of n cases.  It is a sum, so that a seed
 * for it makes a schedule repeat.  Rejected: a counter modulo n, by which two
 * tasks that alternate over two channels see the same one first for ever; the
 * place after the last winner, kept in the cases, which is lost when a program
 * writes its cases anew for each call.
 */
#include "chan.h"

static_assert(sizeof((struct bide_chan_case *)0)->_side ==
                  sizeof(struct bi_side),
              "struct bide_chan_case holds a side");

/* 2^32 by the golden ratio. */
#define GOLDEN 2654435769u

static bool is_good(const struct bide_chan_case *k)
{
    if (!k->chan || (k->recv && k->send))
        return false;
    return k->recv || k->send || k->chan->_n[BI_CHAN_ITEM_BYTES] == 0;
}

/* Try the case: its result, or -EAGAIN. */
static int try(const struct bide_chan_case *k)
{
    return k->send ? bi_chan_try_send(k->chan, k->send)
                   : bi_chan_try_recv(k->chan, k->recv);
}

/* The index of the case that went through, -EAGAIN or -EINVAL. */
static int try_all(struct bi_run *run, struct bide_chan_case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!is_good(&cases[i]))
            return -EINVAL;
    }
    if (n == 0 || n > INT32_MAX)
        return -EINVAL;
    run->rotation += GOLDEN;
    size_t at = (uint64_t)run->rotation * n >> 32;
    for (size_t left = n; left > 0; left--) {
        int rc = try(&cases[at]);
        if (rc != -EAGAIN) {
            cases[at].result = rc;
            return (int)at;
        }
        at = at + 1 == n ? 0 : at + 1;
    }
    return -EAGAIN;
}

/* Wait until one of the cases has gone through. */
static int await_one(struct bi_task *self, struct bide_chan_case *cases,
                     size_t n)
{
    struct bi_meeting m =
        bi_meeting_make(self, "select", cases, bi_meeting_withdraw);
    for (size_t i = 0; i < n; i++) {
        struct bide_chan_case *k = &cases[i];
        bi_meeting_add(&m, (struct bi_side *)k->_side,
                       k->send ? &k->chan->_s : &k->chan->_r,
                       k->send ? (void *)(uintptr_t)k->send : k->recv);
    }
    int rc = (int)bi_park(&m.wait);
    if (m.wait.withdrawn)
        return rc;
    struct bide_chan_case *chosen =
        bi_container_of(m.side, struct bide_chan_case, _side);
    chosen->result = rc;
    return (int)(chosen - cases);
}

int bide_chan_select(struct bide_chan_case *cases, size_t n)
{
    struct bi_task *self = bi_current_in(__func__);
    int rc = bi_park_check(self);
    if (rc == 0)
        rc = try_all(self->run, cases, n);
    return rc == -EAGAIN ? await_one(self, cases, n) : rc;
}

int bide_chan_tryselect(struct bide_chan_case *cases, size_t n)
{
    return try_all(bi_current_in(__func__)->run, cases, n);
}
