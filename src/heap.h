/* heap.h: the heap of few: an intrusive pairing heap (of many: dary.h).
 *
 * Fredman, Sedgewick, Sleator, Tarjan, "The pairing heap: a new form of
 * self-adjusting heap", Algorithmica 1 (1986).  Insert and find-min are O(1);
 * removal of any node is O(log n) amortised, and O(1) for one without children,
 * which is what a timer is that is taken back soon after it was set.
 *
 * Nodes live in their owners, so that nothing is allocated.  The order is the
 * caller's `before`, a strict one: equals must be told apart by a number.
 */
#ifndef BI_HEAP_H
#define BI_HEAP_H

#include "base.h"

struct bi_heap_node {
    struct bi_heap_node *child; /* first child */
    struct bi_heap_node *next;  /* next sibling */
    struct bi_heap_node *prev;  /* previous sibling; of a first child: parent */
};

struct bi_heap {
    struct bi_heap_node *root;
};

typedef bool bi_heap_before(const struct bi_heap_node *a,
                            const struct bi_heap_node *b);

/* Join two roots; either may be NULL. */
static inline struct bi_heap_node *bi_heap_meld(struct bi_heap_node *a,
                                                struct bi_heap_node *b,
                                                bi_heap_before *before)
{
    if (!a || !b)
        return a ? a : b;
    if (before(b, a)) {
        struct bi_heap_node *swap = a;
        a = b;
        b = swap;
    }
    b->prev = a;
    b->next = a->child;
    if (a->child)
        a->child->prev = b;
    a->child = b;
    return a;
}

static inline void bi_heap_insert(struct bi_heap *h, struct bi_heap_node *n,
                                  bi_heap_before *before)
{
    n->child = n->next = n->prev = NULL;
    h->root = bi_heap_meld(h->root, n, before);
}

/* Make one tree of a row of siblings: pairs from the left, then all from the
 * right (the paper's two-pass variant). */
static inline struct bi_heap_node *bi_heap_collapse(struct bi_heap_node *first,
                                                    bi_heap_before *before)
{
    struct bi_heap_node *pairs = NULL;
    while (first) {
        struct bi_heap_node *a = first, *b = a->next;
        first = b ? b->next : NULL;
        a->next = a->prev = NULL;
        if (b)
            b->next = b->prev = NULL;
        a = bi_heap_meld(a, b, before);
        a->next = pairs;
        pairs = a;
    }
    struct bi_heap_node *root = NULL;
    while (pairs) {
        struct bi_heap_node *a = pairs;
        pairs = a->next;
        a->next = NULL;
        root = bi_heap_meld(root, a, before);
    }
    return root;
}

static inline void bi_heap_remove(struct bi_heap *h, struct bi_heap_node *n,
                                  bi_heap_before *before)
{
    struct bi_heap_node *rest = bi_heap_collapse(n->child, before);
    if (n == h->root) {
        h->root = rest;
    } else {
        if (n->prev->child == n)
            n->prev->child = n->next;
        else
            n->prev->next = n->next;
        if (n->next)
            n->next->prev = n->prev;
        h->root = bi_heap_meld(h->root, rest, before);
    }
    n->child = n->next = n->prev = NULL;
}

#endif
