/* test_stack.c: the pool of stacks: their sizes and places, their reuse.
 */
#include "stacks.h"

#include "sys.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- Sizes and places --------------------------------------------------- */

START_TEST(sizes_are_powers_of_two_from_16_kib)
{
    static const size_t asked[] = {0, 1, 16384, 16385, 65536, 65537, 1 << 20};
    static const size_t got[] = {16384, 16384, 16384, 32768, 65536, 131072,
                                 1 << 20};
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        struct bi_stack *s = take(asked[i]);
        char *head = bi_stack_head(&pool, s);
        size_t room = (size_t)(head - s->low);
        ck_assert_uint_eq(bi_stack_bytes(s), got[i]);
        ck_assert_uint_le(room + HEAD, got[i]);
        ck_assert_uint_ge(room + HEAD + 2048, got[i]);
        ck_assert_uint_eq((uintptr_t)head % BI_LINE, 0);
        memset(s->low, 1, room);
    }
}
END_TEST

START_TEST(a_stack_that_is_too_large_is_refused)
{
    ck_assert_ptr_null(bi_stack_take(&pool, BI_STACK_MAX + 1));
    ck_assert_ptr_nonnull(strstr(pool.reason, "1073741825"));
    ck_assert_ptr_null(bi_stack_take(&pool, SIZE_MAX));
    take(BI_STACK_MIN);
    ck_assert_str_eq(pool.reason, "");
}
END_TEST

START_TEST(a_parked_task_needs_one_page)
{
    for (int i = 0; i < 40; i++) {
        struct bi_stack *s = take(BI_STACK_DEFAULT);
        char *head = bi_stack_head(&pool, s);
        uintptr_t page = (uintptr_t)(s->low + BI_STACK_DEFAULT - 4096);
        ck_assert_uint_ge((uintptr_t)head - 1200, page);
        ck_assert_uint_le((uintptr_t)(s + 1), page + 4096);
    }
}
END_TEST

START_TEST(a_fresh_head_is_zeroed_and_a_used_one_is_as_it_was)
{
    char zero[HEAD] = {0};
    struct bi_stack *s = take(BI_STACK_DEFAULT);
    char *head = bi_stack_head(&pool, s);
    ck_assert_mem_eq(head, zero, HEAD);
    memset(head, 7, HEAD);
    memset(zero, 7, HEAD);
    bi_stack_give(&pool, s);
    ck_assert_ptr_eq(take(BI_STACK_DEFAULT), s);
    ck_assert_mem_eq(head, zero, HEAD);
}
END_TEST

START_TEST(stacks_are_found_by_their_heads)
{
    struct bi_stack *all[100];
    char elsewhere[64];
    for (int i = 0; i < 100; i++)
        all[i] = take(BI_STACK_MIN << i % 4);
    for (int i = 0; i < 100; i++) {
        char *head = bi_stack_head(&pool, all[i]);
        ck_assert_ptr_eq(bi_stack_at(&pool, head), all[i]);
        ck_assert_ptr_null(bi_stack_at(&pool, head + BI_LINE));
        ck_assert_ptr_null(bi_stack_at(&pool, head - BI_LINE));
        ck_assert_ptr_null(bi_stack_at(&pool, all[i]->low));
    }
    ck_assert_ptr_null(bi_stack_at(&pool, NULL));
    ck_assert_ptr_null(bi_stack_at(&pool, elsewhere));
    /* Not cut yet: two slots below the only one of its class. */
    struct bi_stack *lone = take(BI_STACK_MIN << 5);
    size_t slot = bi_stack_bytes(lone) + bi_guard()->bytes;
    char *uncut = (char *)bi_stack_head(&pool, lone) - 2 * slot;
    ck_assert_ptr_null(bi_stack_at(&pool, uncut));
}
END_TEST

START_TEST(guards_are_found_by_their_addresses)
{
    struct bi_stack *upper = take(BI_STACK_DEFAULT);
    struct bi_stack *lower = take(BI_STACK_DEFAULT);
    size_t guard = bi_guard()->bytes;
    ck_assert_ptr_eq(bi_stack_guarding(&pool, upper->low - 1), upper);
    ck_assert_ptr_eq(bi_stack_guarding(&pool, upper->low - guard), upper);
    ck_assert_ptr_eq(bi_stack_guarding(&pool, lower->low - 1), lower);
    ck_assert_ptr_null(bi_stack_guarding(&pool, upper->low));
    ck_assert_ptr_null(bi_stack_guarding(&pool, upper->low - guard - 1));
    ck_assert_ptr_null(bi_stack_guarding(&pool, &guard));
}
END_TEST

/* ---- Reuse and trimming ------------------------------------------------- */

START_TEST(the_last_given_is_the_first_taken)
{
    struct bi_stack *a = take(BI_STACK_DEFAULT), *b = take(BI_STACK_DEFAULT);
    struct bi_stack *small = take(BI_STACK_MIN);
    bi_stack_give(&pool, a);
    bi_stack_give(&pool, b);
    bi_stack_give(&pool, small);
    ck_assert_ptr_eq(take(BI_STACK_DEFAULT), b);
    ck_assert_ptr_eq(take(BI_STACK_DEFAULT), a);
    ck_assert_ptr_eq(take(BI_STACK_MIN), small);
    ck_assert_uint_eq(pool.mapped, 3);
}
END_TEST

START_TEST(each_owner_has_another_generation)
{
    struct bi_stack *s = take(BI_STACK_DEFAULT);
    for (uint32_t i = s->generation; i < 10; i++) {
        ck_assert_uint_eq(s->generation, i);
        bi_stack_give(&pool, s);
        ck_assert_ptr_eq(take(BI_STACK_DEFAULT), s);
    }
}
END_TEST

static long resident_kib(void)
{
    long total, pages;
    FILE *f = fopen("/proc/self/statm", "r");
    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(fscanf(f, "%ld %ld", &total, &pages), 2);
    fclose(f);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

enum { USED = 600, DEPTH_KIB = 32, WARM = 64 };

START_TEST(trimming_gives_memory_back)
{
    struct bi_stack *all[USED];
    for (int i = 0; i < USED; i++) {
        all[i] = take(BI_STACK_DEFAULT);
        char *head = bi_stack_head(&pool, all[i]);
        memset(head - DEPTH_KIB * 1024, 1, DEPTH_KIB * 1024);
        memset(head, 2, HEAD);
    }
    ck_assert(!bi_stack_trim(&pool)); /* none is free */
    for (int i = 0; i < USED; i++)
        bi_stack_give(&pool, all[i]);
    long full = resident_kib();
    int turns = 1;
    while (bi_stack_trim(&pool))
        turns++;
    ck_assert_int_gt(turns, 1);
    long back = full - resident_kib();
    ck_assert_int_ge(back, (USED - WARM) * (DEPTH_KIB - 8));
    /* The heads are as they were, and the order is kept. */
    for (int i = USED - 1; i >= USED - WARM; i--)
        ck_assert_ptr_eq(take(BI_STACK_DEFAULT), all[i]);
    for (int i = 0; i < USED; i++)
        ck_assert_int_eq(*(char *)bi_stack_head(&pool, all[i]), 2);
    for (int i = WARM; i < USED; i++)
        memset(take(BI_STACK_DEFAULT)->low, 1, 4096);
    ck_assert_uint_eq(pool.mapped, USED);
}
END_TEST

START_TEST(what_lies_below_a_kept_head_is_given_back)
{
    struct bi_stack *all[USED];
    for (int i = 0; i < USED; i++) {
        all[i] = take(BI_STACK_DEFAULT);
        char *head = bi_stack_head(&pool, all[i]);
        memset(head - DEPTH_KIB * 1024, 1, DEPTH_KIB * 1024 + HEAD);
        bi_stack_keep(&pool, all[i]);
    }
    ck_assert(bi_stack_surplus(&pool));
    long full = resident_kib();
    while (bi_stack_trim(&pool))
        ;
    ck_assert(!bi_stack_surplus(&pool));
    ck_assert_int_ge(full - resident_kib(), (USED - WARM) * (DEPTH_KIB - 8));
    /* Trimmed or not, the heads are as they were, and can be given back. */
    for (int i = 0; i < USED; i++) {
        ck_assert_int_eq(*(char *)bi_stack_head(&pool, all[i]), 1);
        bi_stack_give(&pool, all[i]);
    }
    ck_assert_uint_eq(pool.kept_count, 0);
    ck_assert_ptr_eq(take(BI_STACK_DEFAULT), all[USED - 1]);
}
END_TEST

static int advised;

static int count_advice(void *at, size_t bytes, int advice)
{
    advised++;
    return real.advise(at, bytes, advice);
}

START_TEST(what_is_trimmed_is_not_trimmed_again)
{
    struct bi_stack *all[WARM + 10];
    for (int i = 0; i < WARM + 10; i++)
        all[i] = take(BI_STACK_DEFAULT);
    for (int i = 0; i < WARM + 10; i++)
        bi_stack_give(&pool, all[i]);
    bi_sys.advise = count_advice;
    for (int i = 0; i < 3; i++)
        ck_assert(!bi_stack_trim(&pool));
    ck_assert_int_eq(advised, 10);
}
END_TEST

/* ---- Many --------------------------------------------------------------- */

static int mapping_count(void)
{
    int c, lines = 0;
    FILE *f = fopen("/proc/self/maps", "r");
    ck_assert_ptr_nonnull(f);
    while ((c = fgetc(f)) != EOF)
        lines += c == '\n';
    fclose(f);
    return lines;
}

START_TEST(kernel_guards_need_no_mappings)
{
    if (!bi_guard()->kernel)
        return;
    int before = mapping_count();
    for (int i = 0; i < 5000; i++)
        take(BI_STACK_DEFAULT);
    ck_assert_int_le(mapping_count() - before, 50);
}
END_TEST

static void *use_own_pool(void *arg)
{
    struct bi_stack_pool own;
    bi_stack_pool_init(&own, HEAD);
    size_t made = 0;
    for (int i = 0; i < 100; i++)
        made += bi_stack_take(&own, BI_STACK_DEFAULT) != NULL;
    bi_stack_pool_end(&own);
    *(size_t *)arg = made;
    return NULL;
}

START_TEST(threads_have_pools_of_their_own)
{
    pthread_t threads[4];
    size_t made[4];
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(
            pthread_create(&threads[i], NULL, use_own_pool, &made[i]), 0);
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        ck_assert_uint_eq(made[i], 100);
    }
}
END_TEST

Suite *suite_stack(void)
{
    Suite *s = suite_create("stack");
    TCase *t = tcase_create("stack");
    tcase_set_timeout(t, 30);
    tcase_add_checked_fixture(t, stacks_begin, stacks_end);
    tcase_add_test(t, sizes_are_powers_of_two_from_16_kib);
    tcase_add_test(t, a_stack_that_is_too_large_is_refused);
    tcase_add_test(t, a_parked_task_needs_one_page);
    tcase_add_test(t, a_fresh_head_is_zeroed_and_a_used_one_is_as_it_was);
    tcase_add_test(t, stacks_are_found_by_their_heads);
    tcase_add_test(t, guards_are_found_by_their_addresses);
    tcase_add_test(t, the_last_given_is_the_first_taken);
    tcase_add_test(t, each_owner_has_another_generation);
    tcase_add_test(t, trimming_gives_memory_back);
    tcase_add_test(t, what_lies_below_a_kept_head_is_given_back);
    tcase_add_test(t, what_is_trimmed_is_not_trimmed_again);
    tcase_add_test(t, kernel_guards_need_no_mappings);
    tcase_add_test(t, threads_have_pools_of_their_own);
    suite_add_tcase(s, t);
    return s;
}
