/* cell.c: small records that a task keeps until its end.
 *
 * How many locals a task sets and how many calls it defers is not known, the
 * control block must stay small, and nothing here calls malloc.  So they are
 * cells of three words, cut from chunks that belong to the run: they are taken
 * and given back in a few instructions, and the chunks go when the run ends.
 *
 * Rejected: places in the control block, which every task would carry and a few
 * would outgrow; a mapping for each task that has a local, a page for three
 * words and a mapping of the few that the kernel allows.
 */
#include "cell.h"

#include "sys.h"

/* One mapping; only the pages that are cut from are ever touched. */
struct bi_cell_chunk {
    struct bi_cell_chunk *next;
    size_t cut; /* cells [0, cut) have been handed out */
    struct bi_cell cells[];
};

#define CHUNK_BYTES ((size_t)64 << 10)
#define CHUNK_CELLS \
    ((CHUNK_BYTES - sizeof(struct bi_cell_chunk)) / sizeof(struct bi_cell))

static struct bi_cell_chunk *grow(struct bi_cell_pool *p)
{
    struct bi_cell_chunk *chunk = bi_sys_pages(CHUNK_BYTES);
    if (!chunk)
        return NULL;
    chunk->next = p->chunks;
    return p->chunks = chunk;
}

struct bi_cell *bi_cell_take(struct bi_cell_pool *p)
{
    if (p->free)
        return bi_cell_pop(&p->free);
    struct bi_cell_chunk *chunk = p->chunks;
    if (!chunk || chunk->cut == CHUNK_CELLS)
        chunk = grow(p);
    return chunk ? &chunk->cells[chunk->cut++] : NULL;
}

void bi_cell_give(struct bi_cell_pool *p, struct bi_cell *cell)
{
    bi_cell_push(&p->free, cell);
}

void bi_cell_pool_end(struct bi_cell_pool *p)
{
    while (p->chunks) {
        struct bi_cell_chunk *chunk = p->chunks;
        p->chunks = chunk->next;
        bi_sys.unmap(chunk, CHUNK_BYTES);
    }
    p->free = NULL;
}
