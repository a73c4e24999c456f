/* stack.h: guarded stacks: slabs, guards, the cache of free ones.
 *
 * A stack is a slot of a slab:
 *
 *     low address                                                high
 *     | guard | usable stack ............ | head | bi_stack | colour |
 *
 * `head` is the owner's control block, of the size the pool was told; bi_stack
 * is ours.  Both lie in the stack's top page, and are shifted by a colour so
 * that the tops of many stacks do not share cache sets.  Above every stack in
 * use lies the guard of the next one, or of the slab: an overrun hits it.
 */
#ifndef BI_STACK_H
#define BI_STACK_H

#include "guard.h"
#include "list.h"

#define BI_STACK_DEFAULT ((size_t)64 << 10)
#define BI_STACK_MIN ((size_t)16 << 10)
#define BI_STACK_MAX ((size_t)1 << 30)

/* Alive for as long as its pool; `generation` counts its owners. */
struct bi_stack {
    struct bi_list link; /* on its class's warm or cold list, while free; on
                            its pool's kept list, while only the head is used */
    char *low;           /* the lowest usable byte; below it lies the guard */
    uint32_t generation; /* one more at each bi_stack_give() */
    uint32_t valgrind;   /* the number it goes by there */
    uint8_t class_index;
};

/* Stacks of one size: a power of two from BI_STACK_MIN on. */
struct bi_stack_class {
    struct bi_list warm;  /* free, as its owner left it; last in, first out */
    struct bi_list cold;  /* free and trimmed; last in, first out */
    size_t warm_count;
    struct bi_slab *slab; /* the newest, from which fresh slots are cut */
} __attribute__((aligned(BI_LINE)));

#define BI_STACK_CLASSES 17 /* 16 KiB << 0 ... 16 KiB << 16 */

struct bi_stack_pool {
    struct bi_stack_class classes[BI_STACK_CLASSES];
    struct bi_list kept;   /* heads in use and nothing below; newest first */
    size_t kept_count;
    struct bi_slab *slabs; /* all, newest first */
    size_t head_bytes;     /* a multiple of BI_LINE */
    size_t mapped;         /* slots that exist, in use or free */
    const void *known;     /* a head, as bi_stack_is_head() last saw it */
    char reason[160];      /* why the last bi_stack_take() failed, or "" */
};

void bi_stack_pool_init(struct bi_stack_pool *p, size_t head_bytes);
void bi_stack_pool_end(struct bi_stack_pool *p);

/* bi_stack_take() where no warm stack is left, or none is that large. */
struct bi_stack *bi_stack_take_other(struct bi_stack_pool *p, size_t bytes);

/* The class of stacks that have `bytes`. */
static inline unsigned bi_stack_class_of(size_t bytes)
{
    size_t more = bytes ? (bytes - 1) / BI_STACK_MIN : 0;
    return more ? 64 - (unsigned)__builtin_clzll(more) : 0;
}

/* Take a stack of at least `bytes` usable bytes (head and all), or NULL with
 * p->reason told.  The head of a fresh one is zeroed, of a reused one as it was
 * left. */
static inline struct bi_stack *bi_stack_take(struct bi_stack_pool *p,
                                             size_t bytes)
{
    unsigned i = bi_stack_class_of(bytes);
    if (bi_unlikely(i >= BI_STACK_CLASSES || p->classes[i].warm_count == 0))
        return bi_stack_take_other(p, bytes);
    struct bi_stack_class *c = &p->classes[i];
    c->warm_count--;
    return bi_container_of(bi_list_take(&c->warm), struct bi_stack, link);
}

/* Its owner has ended and keeps the head: what lies below may be trimmed.  The
 * caller may still be running on it until it switches. */
static inline void bi_stack_keep(struct bi_stack_pool *p, struct bi_stack *s)
{
    bi_list_push_front(&p->kept, &s->link);
    p->kept_count++;
}

/* Give it back, kept or not.  The caller may still be running on it until it
 * switches. */
static inline void bi_stack_give(struct bi_stack_pool *p, struct bi_stack *s)
{
    struct bi_stack_class *c = &p->classes[s->class_index];
    if (bi_list_linked(&s->link)) {
        bi_list_remove(&s->link);
        p->kept_count--;
    }
    s->generation++;
    bi_list_push_front(&c->warm, &s->link);
    c->warm_count++;
}

static inline void *bi_stack_head(const struct bi_stack_pool *p,
                                  const struct bi_stack *s)
{
    return (char *)s - p->head_bytes;
}

/* The stack in which `addr` lies, in use or free, or NULL. */
struct bi_stack *bi_stack_around(const struct bi_stack_pool *p,
                                 const void *addr);

/* Usable bytes, as they are told to people. */
size_t bi_stack_bytes(const struct bi_stack *s);

/* The stack whose head is exactly `head`, in use or free, or NULL. */
struct bi_stack *bi_stack_at(const struct bi_stack_pool *p, const void *head);

/* Whether there is one.  Stacks stay until their pool ends, so that the head
 * which was asked for last is known without a search. */
static inline bool bi_stack_is_head(struct bi_stack_pool *p, const void *head)
{
    if (bi_likely(head == p->known))
        return true;
    bool is = bi_stack_at(p, head);
    if (is)
        p->known = head;
    return is;
}

/* The stack in whose guard `addr` lies, or NULL. */
struct bi_stack *bi_stack_guarding(const struct bi_stack_pool *p,
                                   const void *addr);

/* Whether bi_stack_trim() would find something to do. */
bool bi_stack_surplus(const struct bi_stack_pool *p);

/* Give the pages below the top one of free and kept stacks back to the kernel,
 * but for those of the few that were used last.  Some at a time: true when
 * there are more.  Cheap when there is nothing to do. */
bool bi_stack_trim(struct bi_stack_pool *p);

#endif
