/* test_heap.c: the heap gives the least first, whatever was taken out. */
#include "heap.h"

#include <check.h>
#include <stdlib.h>

struct entry {
    struct bi_heap_node node;
    int key, number; /* equal keys are told apart by the number */
    bool in;
};

enum { ENTRIES = 2000 };
static struct entry entries[ENTRIES];
static struct bi_heap heap;

static struct entry *entry_of(const struct bi_heap_node *node)
{
    return bi_container_of(node, struct entry, node);
}

static bool before(const struct bi_heap_node *a, const struct bi_heap_node *b)
{
    const struct entry *x = entry_of(a), *y = entry_of(b);
    return x->key < y->key || (x->key == y->key && x->number < y->number);
}

/* Fill the heap with keys below `keys`, from a known seed. */
static void fill(int keys)
{
    srand(1);
    heap = (struct bi_heap){0};
    for (int i = 0; i < ENTRIES; i++) {
        entries[i] = (struct entry){{0}, rand() % keys, i, true};
        bi_heap_insert(&heap, &entries[i].node, before);
    }
}

static void take_out(struct entry *e)
{
    bi_heap_remove(&heap, &e->node, before);
    e->in = false;
}

/* Empty the heap; the rest must come out in order.  Returns how many. */
static int drain(void)
{
    const struct bi_heap_node *last = NULL;
    int n = 0;
    while (heap.root) {
        struct entry *e = entry_of(heap.root);
        ck_assert(e->in);
        ck_assert(!last || before(last, &e->node));
        last = &e->node;
        take_out(e);
        n++;
    }
    return n;
}

START_TEST(entries_come_out_in_order_and_equals_in_that_of_their_numbers)
{
    int keys[] = {1, 7, ENTRIES, RAND_MAX};
    for (int i = 0; i < 4; i++) {
        fill(keys[i]);
        ck_assert_int_eq(drain(), ENTRIES);
    }
}
END_TEST

START_TEST(any_entry_can_be_taken_out)
{
    int out = 0;
    fill(100);
    for (int i = 0; i < ENTRIES; i++) {
        struct entry *e = &entries[rand() % ENTRIES];
        if (!e->in)
            continue;
        take_out(e);
        out++;
    }
    ck_assert_int_gt(out, ENTRIES / 3);
    ck_assert_int_eq(drain(), ENTRIES - out);
}
END_TEST

START_TEST(taking_out_and_putting_in_can_be_mixed)
{
    fill(1000);
    for (int i = 0; i < 20 * ENTRIES; i++) {
        struct entry *e = &entries[rand() % ENTRIES];
        if (e->in) {
            take_out(i % 3 ? e : entry_of(heap.root));
        } else {
            e->key = rand() % 1000;
            e->in = true;
            bi_heap_insert(&heap, &e->node, before);
        }
    }
    int in = 0;
    for (int i = 0; i < ENTRIES; i++)
        in += entries[i].in;
    ck_assert_int_eq(drain(), in);
}
END_TEST

START_TEST(the_only_entry_can_be_taken_out_and_put_in_again)
{
    struct entry only = {.key = 1, .in = true};
    heap = (struct bi_heap){0};
    for (int i = 0; i < 3; i++) {
        bi_heap_insert(&heap, &only.node, before);
        ck_assert_ptr_eq(heap.root, &only.node);
        bi_heap_remove(&heap, &only.node, before);
        ck_assert_ptr_null(heap.root);
    }
}
END_TEST

Suite *suite_heap(void)
{
    Suite *suite = suite_create("heap");
    TCase *t = tcase_create("heap");
    tcase_add_test(
        t, entries_come_out_in_order_and_equals_in_that_of_their_numbers);
    tcase_add_test(t, any_entry_can_be_taken_out);
    tcase_add_test(t, taking_out_and_putting_in_can_be_mixed);
    tcase_add_test(t, the_only_entry_can_be_taken_out_and_put_in_again);
    suite_add_tcase(suite, t);
    return suite;
}
