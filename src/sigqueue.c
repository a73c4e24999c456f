/* sigqueue.c: signals that have come and were not taken.
 *
 * A handler may interrupt anything and must not wait, so it takes no lock and
 * finds all memory in place: a ring of cells.  It reserves room, draws a
 * ticket, fills the ticket's cell and then marks it; the one reader takes cells
 * in the order of tickets and stops at one that is not marked yet, whose writer
 * will knock when it is.
 *
 * The ring is never full, and so a ticket's cell is always free: room is
 * reserved before the ticket is drawn.  A standard signal is in the ring once
 * at most, as the kernel has it pending once; real-time signals are counted,
 * and what finds no room is lost, and told as such.  One order for all of them
 * means that no signal starves another.
 *
 * Rejected: a slot for each standard signal beside a ring for the others, which
 * then must take turns.
 */
#include "sigqueue.h"

#include <stdlib.h>

/* Cells: enough for every standard signal, and so many more. */
#define STANDARD_CELLS 32
#define ALL_CELLS 1024
#define QUEUED_MOST (ALL_CELLS - STANDARD_CELLS)

int bi_sigqueue_open(struct bi_sigqueue *q, uint64_t set)
{
    bool queues = set >> (BI_FIRST_QUEUED - 1);
    size_t cells = queues ? ALL_CELLS : STANDARD_CELLS;
    *q = (struct bi_sigqueue){.mask = cells - 1};
    q->cells = calloc(cells, sizeof *q->cells);
    return q->cells ? 0 : -ENOMEM;
}

void bi_sigqueue_close(struct bi_sigqueue *q)
{
    free(q->cells);
    q->cells = NULL;
}

static bool is_queued(int number)
{
    return number >= BI_FIRST_QUEUED;
}

static unsigned merge_bit(int number)
{
    return (unsigned)BI_SIGNAL_BIT(number);
}

static bool reserve(struct bi_sigqueue *q, int number)
{
    if (!is_queued(number)) {
        unsigned bit = merge_bit(number);
        return !(atomic_fetch_or(&q->merged, bit) & bit);
    }
    if (atomic_fetch_add(&q->queued, 1) < QUEUED_MOST)
        return true;
    atomic_fetch_sub(&q->queued, 1);
    atomic_fetch_add(&q->lost, 1);
    return false;
}

/* The room of a signal whose cell is free again. */
static void release(struct bi_sigqueue *q, int number)
{
    if (is_queued(number))
        atomic_fetch_sub(&q->queued, 1);
    else
        atomic_fetch_and(&q->merged, ~merge_bit(number));
}

void bi_sigqueue_put(struct bi_sigqueue *q, const siginfo_t *info)
{
    if (!reserve(q, info->si_signo))
        return;
    size_t ticket = atomic_fetch_add(&q->tail, 1);
    struct bi_sigcell *cell = &q->cells[ticket & q->mask];
    cell->info = *info;
    atomic_store(&cell->ticket, ticket + 1);
}

int bi_sigqueue_take(struct bi_sigqueue *q, siginfo_t *info)
{
    unsigned lost = atomic_exchange(&q->lost, 0);
    if (lost) {
        *info = (siginfo_t){0};
        info->si_int = (int)lost;
        return -EOVERFLOW;
    }
    struct bi_sigcell *cell = &q->cells[q->head & q->mask];
    if (atomic_load(&cell->ticket) != q->head + 1)
        return 0;
    *info = cell->info;
    q->head++;
    release(q, info->si_signo);
    return info->si_signo;
}
