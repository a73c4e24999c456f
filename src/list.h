/* list.h: the one list: intrusive, circular, doubly linked.
 *
 * A head is a node of its own ring.  A zeroed head is an empty list as well, so
 * that what lies in a caller's zeroed struct needs no init; a node that is on
 * no list has next == NULL.
 */
#ifndef BI_LIST_H
#define BI_LIST_H

#include "base.h"

struct bi_list {
    struct bi_list *next, *prev;
};

static inline void bi_list_init(struct bi_list *head)
{
    head->next = head->prev = head;
}

static inline bool bi_list_empty(const struct bi_list *head)
{
    return head->next == head || head->next == NULL;
}

/* Whether `node` stands on a list. */
static inline bool bi_list_linked(const struct bi_list *node)
{
    return node->next != NULL;
}

static inline void bi_list_between(struct bi_list *prev, struct bi_list *node,
                                   struct bi_list *next)
{
    node->prev = prev;
    node->next = next;
    prev->next = node;
    next->prev = node;
}

static inline void bi_list_push_back(struct bi_list *head, struct bi_list *node)
{
    if (bi_unlikely(head->next == NULL))
        bi_list_init(head);
    bi_list_between(head->prev, node, head);
}

static inline void bi_list_push_front(struct bi_list *head,
                                      struct bi_list *node)
{
    if (bi_unlikely(head->next == NULL))
        bi_list_init(head);
    bi_list_between(head, node, head->next);
}

static inline void bi_list_remove(struct bi_list *node)
{
    struct bi_list *next = node->next, *prev = node->prev;
    bi_assert(bi_list_linked(node));
    prev->next = next;
    next->prev = prev;
    node->next = NULL;
}

/* The first node, or NULL. */
static inline struct bi_list *bi_list_first(const struct bi_list *head)
{
    return bi_list_empty(head) ? NULL : head->next;
}

/* Take the first node off a list that is not empty. */
static inline struct bi_list *bi_list_take(struct bi_list *head)
{
    struct bi_list *node = head->next;
    bi_assert(!bi_list_empty(head));
    bi_list_remove(node);
    return node;
}

/* Take the first node off, or NULL. */
static inline struct bi_list *bi_list_pop(struct bi_list *head)
{
    struct bi_list *node = bi_list_first(head);
    if (node)
        bi_list_remove(node);
    return node;
}

/* Walk a list; `it` must stay on it while its body runs. */
#define BI_LIST_EACH(it, head) \
    for (struct bi_list *it = (head)->next; it && it != (head); it = it->next)

#endif
