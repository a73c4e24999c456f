/* test_dary.c: the heap of many gives the least first, whatever was taken out.
 */
#include "dary.h"
#include "sys.h"
#include "tasks.h"

#include <stdlib.h>

struct owner {
    bide_time key;
    uint32_t order, seat; /* 0: it is not in */
};

enum { OWNERS = 10000 }; /* of which 4096 find room before the heap grows */
static struct owner owners[OWNERS];
static struct bi_dary heap;
static uint32_t orders;

/* What was not as it should be.  Check keeps a note of each of its assertions,
 * and here would be millions. */
static int wrong;

static void put_in(struct owner *o, bide_time key)
{
    o->key = key;
    o->order = orders++;
    o->seat = bi_dary_insert(&heap, key, o->order, o);
    wrong += o->seat == 0;
}

static void take_out(struct owner *o)
{
    bi_dary_remove(&heap, o->seat);
    o->seat = 0;
}

/* Fill the heap with keys below `keys`, from a known seed. */
static void fill(int keys)
{
    srand(1);
    for (int i = 0; i < OWNERS; i++)
        put_in(&owners[i], rand() % keys);
}

static struct owner *first(void)
{
    bide_time key = -1;
    struct owner *o = bi_dary_first(&heap, &key);
    wrong += o && key != o->key;
    return o;
}

/* Empty the heap; the rest must come out in order.  Returns how many. */
static int drain(void)
{
    struct owner *o, last = {.key = -1};
    int n = 0;
    for (; (o = first()); n++) {
        bool equal = o->key == last.key;
        wrong += o->seat == 0 || o->key < last.key;
        wrong += equal && (int32_t)(o->order - last.order) <= 0;
        last = *o;
        take_out(o);
    }
    return n;
}

static void begin(void)
{
    orders = 0;
    wrong = 0;
}

static void end(void)
{
    ck_assert_int_eq(wrong, 0);
    bi_dary_end(&heap);
}

START_TEST(keys_come_out_in_order_and_equal_ones_in_that_of_their_coming)
{
    int keys[] = {1, 7, OWNERS, RAND_MAX};
    for (size_t i = 0; i < LENGTH(keys); i++) {
        fill(keys[i]);
        ck_assert_int_eq(drain(), OWNERS);
    }
}
END_TEST

START_TEST(the_order_of_equal_keys_holds_where_its_number_wraps_around)
{
    orders = UINT32_MAX - OWNERS / 2;
    fill(1);
    ck_assert_ptr_eq(first(), &owners[0]);
    ck_assert_int_eq(drain(), OWNERS);
}
END_TEST

START_TEST(any_of_many_can_be_taken_out)
{
    int out = 0;
    fill(100);
    for (int i = 0; i < OWNERS; i++) {
        struct owner *o = &owners[rand() % OWNERS];
        if (!o->seat)
            continue;
        take_out(o);
        out++;
    }
    ck_assert_int_gt(out, OWNERS / 3);
    ck_assert_int_eq(drain(), OWNERS - out);
}
END_TEST

START_TEST(many_can_be_put_in_and_taken_out_in_turn)
{
    fill(1000);
    for (int i = 0; i < 20 * OWNERS; i++) {
        struct owner *o = &owners[rand() % OWNERS];
        if (o->seat)
            take_out(i % 3 ? o : first());
        else
            put_in(o, rand() % 1000);
    }
    int in = 0;
    for (int i = 0; i < OWNERS; i++)
        in += owners[i].seat != 0;
    ck_assert_int_gt(in, 0);
    ck_assert_int_eq(drain(), in);
}
END_TEST

START_TEST(the_room_of_those_taken_out_is_used_again)
{
    struct owner stays;
    put_in(&stays, 0);
    for (int i = 0; i < 10 * OWNERS; i++) {
        put_in(&owners[0], 1 + i);
        take_out(&owners[0]);
    }
    ck_assert_uint_eq(heap.room, 4096);
    ck_assert_ptr_eq(first(), &stays);
    take_out(&stays);
    ck_assert_ptr_null(first());
}
END_TEST

static void *no_map(size_t bytes, int prot, int flags, int fd, off_t offset,
                    int *error)
{
    (void)bytes, (void)prot, (void)flags, (void)fd, (void)offset;
    *error = -ENOMEM;
    return NULL;
}

START_TEST(without_memory_nobody_is_seated_and_the_others_stay)
{
    struct bi_sys real = bi_sys;
    bi_sys.map = no_map;
    ck_assert_uint_eq(bi_dary_insert(&heap, 1, 0, &owners[0]), 0);
    ck_assert_ptr_null(first());
    bi_sys = real;
    for (int i = 0; i < 4096; i++)
        put_in(&owners[i], i);
    bi_sys.map = no_map;
    ck_assert_uint_eq(bi_dary_insert(&heap, 1, 0, &owners[0]), 0);
    bi_sys = real;
    ck_assert_int_eq(drain(), 4096);
}
END_TEST

Suite *suite_dary(void)
{
    Suite *suite = suite_create("dary");
    TCase *t = tcase_create("dary");
    tcase_add_checked_fixture(t, begin, end);
    tcase_add_test(
        t, keys_come_out_in_order_and_equal_ones_in_that_of_their_coming);
    tcase_add_test(
        t, the_order_of_equal_keys_holds_where_its_number_wraps_around);
    tcase_add_test(t, any_of_many_can_be_taken_out);
    tcase_add_test(t, many_can_be_put_in_and_taken_out_in_turn);
    tcase_add_test(t, the_room_of_those_taken_out_is_used_again);
    tcase_add_test(t, without_memory_nobody_is_seated_and_the_others_stay);
    suite_add_tcase(suite, t);
    return suite;
}
