/* test_histogram.c: what the load generator's histogram tells, and how exactly.
 */
#include "harness.h"

#include "../bench/load/histogram.h"

static struct load_histogram h, other, all;

/* Values of every size, in order, dense at the borders of octaves. */
static uint64_t next_value(uint64_t v)
{
    bool border = (v & (v + 1)) == 0 || (v & (v - 1)) == 0;
    return border || v < 2000 ? v + 1 : v + v / 301;
}

/* A number from 1 to 2^38, most of them small. */
static uint64_t random_value(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + 1442695040888963407;
    return 1 + ((*seed >> 26) >> (*seed >> 59));
}

START_TEST(a_slot_is_at_most_a_256th_of_its_values_wide)
{
    for (uint64_t v = 0; v <= LOAD_VALUE_MAX; v = next_value(v)) {
        unsigned slot = load_histogram_slot(v);
        ck_assert_uint_lt(slot, LOAD_SLOTS);
        uint64_t top = load_histogram_top(slot);
        ck_assert_uint_ge(top, v);
        ck_assert_uint_le(top - v, v < 512 ? 0 : v / 256);
    }
}
END_TEST

START_TEST(slots_lie_side_by_side)
{
    for (unsigned slot = 0; slot + 1 < LOAD_SLOTS; slot++) {
        uint64_t top = load_histogram_top(slot);
        ck_assert_uint_eq(load_histogram_slot(top), slot);
        ck_assert_uint_eq(load_histogram_slot(top + 1), slot + 1);
    }
    ck_assert_uint_eq(load_histogram_top(LOAD_SLOTS - 1), LOAD_VALUE_MAX);
}
END_TEST

START_TEST(an_empty_one_tells_zeros)
{
    ck_assert_uint_eq(load_histogram_at(&h, 5000), 0);
    ck_assert_uint_eq(load_histogram_at(&h, 10000), 0);
    ck_assert(load_histogram_mean(&h) == 0);
}
END_TEST

START_TEST(a_single_value_is_every_percentile)
{
    load_histogram_record(&h, 123456789);
    for (unsigned parts = 0; parts <= 10000; parts += 2500)
        ck_assert_uint_eq(load_histogram_at(&h, parts), 123456789);
    ck_assert_uint_eq(h.least, 123456789);
    ck_assert(load_histogram_mean(&h) == 123456789);
}
END_TEST

/* 1 to 100,000 thousand: the percentile of p is p thousand. */
START_TEST(percentiles_of_a_known_distribution_are_exact_to_a_256th)
{
    for (uint64_t i = 100000; i > 0; i--)
        load_histogram_record(&h, i * 1000);
    for (unsigned parts = 1; parts <= 10000; parts++) {
        uint64_t exact = (uint64_t)parts * 10000;
        uint64_t got = load_histogram_at(&h, parts);
        ck_assert_uint_ge(got, exact);
        ck_assert_uint_le(got - exact, exact / 256);
    }
    ck_assert_uint_eq(load_histogram_at(&h, 10000), 100000000);
    ck_assert(load_histogram_mean(&h) == 50000500.0);
}
END_TEST

START_TEST(a_rank_is_rounded_up)
{
    for (int i = 0; i < 999; i++)
        load_histogram_record(&h, 1);
    load_histogram_record(&h, 1000000);
    ck_assert_uint_eq(load_histogram_at(&h, 9990), 1);
    ck_assert_uint_eq(load_histogram_at(&h, 9991), 1000000);
}
END_TEST

START_TEST(what_is_too_long_is_kept_as_the_greatest)
{
    load_histogram_record(&h, 7);
    load_histogram_record(&h, LOAD_VALUE_MAX * 5);
    ck_assert_uint_eq(load_histogram_at(&h, 5000), 7);
    ck_assert_uint_eq(load_histogram_at(&h, 9999), LOAD_VALUE_MAX * 5);
}
END_TEST

START_TEST(merged_parts_are_the_whole)
{
    uint64_t seed = 1;
    for (int i = 0; i < 20000; i++) {
        uint64_t v = random_value(&seed);
        load_histogram_record(i % 3 ? &h : &other, v);
        load_histogram_record(&all, v);
    }
    load_histogram_merge(&h, &other);
    ck_assert_mem_eq(&h, &all, sizeof h);
    memset(&other, 0, sizeof other);
    load_histogram_merge(&h, &other);
    ck_assert_mem_eq(&h, &all, sizeof h);
    load_histogram_merge(&other, &all);
    ck_assert_mem_eq(&other, &all, sizeof h);
}
END_TEST

static void clear(void)
{
    memset(&h, 0, sizeof h);
    memset(&other, 0, sizeof other);
    memset(&all, 0, sizeof all);
}

Suite *suite_histogram(void)
{
    Suite *s = suite_create("histogram");
    TCase *t = tcase_create("slots and percentiles");
    tcase_add_checked_fixture(t, clear, NULL);
    tcase_add_test(t, a_slot_is_at_most_a_256th_of_its_values_wide);
    tcase_add_test(t, slots_lie_side_by_side);
    tcase_add_test(t, an_empty_one_tells_zeros);
    tcase_add_test(t, a_single_value_is_every_percentile);
    tcase_add_test(t, percentiles_of_a_known_distribution_are_exact_to_a_256th);
    tcase_add_test(t, a_rank_is_rounded_up);
    tcase_add_test(t, what_is_too_long_is_kept_as_the_greatest);
    tcase_add_test(t, merged_parts_are_the_whole);
    suite_add_tcase(s, t);
    return s;
}
