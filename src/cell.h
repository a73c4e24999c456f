/* cell.h: small records that a task keeps until its end. */
#ifndef BI_CELL_H
#define BI_CELL_H

#include "base.h"

/* On the list of one task, or on its pool's free list. */
struct bi_cell {
    struct bi_cell *next;
    union {
        const struct bide_local *local; /* what `value` is the value of */
        void (*fn)(void *arg);          /* what is to be called with it */
    };
    void *value;
};

/* The cells of a run; zeroed, an empty one. */
struct bi_cell_pool {
    struct bi_cell *free;
    struct bi_cell_chunk *chunks; /* all, newest first */
};

/* Give everything back; every cell has been given before. */
void bi_cell_pool_end(struct bi_cell_pool *p);

/* A cell, or NULL: no memory. */
struct bi_cell *bi_cell_take(struct bi_cell_pool *p);

void bi_cell_give(struct bi_cell_pool *p, struct bi_cell *cell);

static inline void bi_cell_push(struct bi_cell **list, struct bi_cell *cell)
{
    cell->next = *list;
    *list = cell;
}

/* Take the first cell off a list that has one. */
static inline struct bi_cell *bi_cell_pop(struct bi_cell **list)
{
    struct bi_cell *cell = *list;
    *list = cell->next;
    return cell;
}

#endif
