/* turn.h: whose turn it is on a stream, and whether it is still the same file.
 *
 * A stream has one reader at a time (a second is refused: the bytes would go to
 * either) and its writers take turns for whole calls.  Who reads and whose turn
 * it is stands in the descriptor's entry for as long as the call lasts.
 *
 * Wherever a call lets others run, one of them may close its descriptor, and
 * the number may be another file's when the call goes on.
 */
#ifndef BI_TURN_H
#define BI_TURN_H

#include "park.h"
#include "reactor.h"

/* What a number stood for when a call began. */
struct bi_file {
    struct bi_fd *e;
    uint32_t life;
};

static inline struct bi_file bi_turn_file(int fd)
{
    struct bi_fd *e = bi_reactor_entry(fd);
    return (struct bi_file){e, e ? e->life : 0};
}

/* How each call begins and goes on: 0, the refusal, or -EBADF, because
 * bide_close() has closed the file while the others had their turn. */
static inline int bi_turn_check(struct bi_task *self, struct bi_file f)
{
    int rc = bi_park_check(self);
    bool gone = f.e && bi_unlikely(f.e->life != f.life);
    return rc < 0 || !gone ? rc : -EBADF;
}

/* A place in the row of those who write to a stream. */
struct bi_turn {
    struct bi_wait wait;
    struct bi_fd *e;
};

/* The place of the one task that reads a stream, for a whole call. */
struct bi_reading {
    struct bi_fd *e; /* NULL: this call did not take the place */
    struct bi_task *self;
};

/* Take the place: 0, or -EBUSY: another task has it.  A call inside a call of
 * the same task finds it taken, and goes on.  `e` is the entry of `fd`. */
int bi_turn_read_begin(struct bi_reading *reading, struct bi_task *self, int fd,
                       struct bi_fd *e);
void bi_turn_read_end(struct bi_reading *reading);

/* Whether `fd` is a stream, whose bytes must not be torn apart. */
bool bi_turn_matters(struct bi_fd *e, int fd);

/* Wait for the turn to write to `fd`: 0 or the refusal.  In both cases the
 * caller ends it. */
int bi_turn_take(struct bi_turn *turn, struct bi_task *self, int fd);

/* Hand the turn to the next in the row. */
void bi_turn_end(struct bi_turn *turn);

/* What a call that must not wait comes to while another's is under way: -EBUSY
 * for a reader, -EAGAIN for a writer, who could wait; 0: nobody's is. */
int bi_turn_of_others(int fd, bool reads);

/* Run one operation that receives; one that sends, in its turn. */
intptr_t bi_turn_receive(struct bi_op *op);
intptr_t bi_turn_transmit(struct bi_op *op, struct bi_task *self);

#endif
