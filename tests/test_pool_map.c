/* test_pool_map.c: a function mapped over a source. */
#include "jobs.h"

struct numbers {
    int drawn, end; /* end < 0: there is none */
    int taken, stop_at;
    intptr_t results[200];
    int error_at;
    struct bide_scope *late; /* whose deadline comes when five are taken */
    bool wrong;
};

static int draw(void *arg, void *item)
{
    struct numbers *n = arg;
    if (n->error_at && n->drawn == n->error_at)
        return -EIO;
    if (n->drawn == n->end)
        return 0;
    memcpy(item, &n->drawn, sizeof n->drawn);
    n->drawn++;
    return 1;
}

static int take(void *arg, intptr_t result, const void *out, size_t bytes)
{
    struct numbers *n = arg;
    int doubled = -1;
    if (result >= 0 && bytes == sizeof doubled)
        memcpy(&doubled, out, bytes);
    n->wrong |= result >= 0 && doubled != 2 * n->taken;
    n->results[n->taken++] = result;
    if (n->late && n->taken == 5)
        ck_assert_int_eq(bide_scope_set_deadline(n->late, bide_now()), 0);
    return n->taken == n->stop_at ? 1000 : 0;
}

static struct bide_pool_items items_of(struct numbers *n, size_t chunk)
{
    return (struct bide_pool_items){
        .fn = twice, .draw = draw, .take = take, .arg = n,
        .item_bytes = sizeof(int), .out_bytes = sizeof(int), .chunk = chunk,
    };
}

REAL_TEST(results_come_in_order_whatever_the_chunk)
{
    bide_pool *p = open_pool(2);
    for (size_t chunk = 1; chunk < 120; chunk += 7) {
        struct numbers n = {.end = 100};
        struct bide_pool_items m = items_of(&n, chunk);
        ck_assert_int_eq(bide_pool_map(p, &m), 100);
        ck_assert_int_eq(n.taken, 100);
        ck_assert(!n.wrong);
    }
    bide_pool_close(p);
    return 0;
}

REAL_TEST(an_empty_source_has_no_results)
{
    bide_pool *p = open_pool(1);
    struct numbers n = {.end = 0};
    struct bide_pool_items m = items_of(&n, 10);
    ck_assert_int_eq(bide_pool_map(p, &m), 0);
    bide_pool_close(p);
    return 0;
}

REAL_TEST(a_chunk_below_one_is_invalid)
{
    bide_pool *p = open_pool(1);
    struct numbers n = {.end = 5};
    struct bide_pool_items m = items_of(&n, 0);
    ck_assert_int_eq(bide_pool_map(p, &m), -EINVAL);
    m = items_of(&n, SIZE_MAX);
    ck_assert_int_eq(bide_pool_map(p, &m), -EINVAL);
    m = items_of(&n, 1);
    m.take = NULL;
    ck_assert_int_eq(bide_pool_map(p, &m), -EINVAL);
    ck_assert_int_eq(n.drawn, 0);
    bide_pool_close(p);
    return 0;
}

/* Three chunks of two: six, and the two that came for those that were taken. */
REAL_TEST(of_an_endless_source_no_more_is_drawn_than_lies_ahead)
{
    bide_pool *p = open_pool(2);
    struct numbers n = {.end = -1, .stop_at = 10};
    struct bide_pool_items m = items_of(&n, 2);
    m.ahead = 3;
    ck_assert_int_eq(bide_pool_map(p, &m), 1000);
    ck_assert_int_eq(n.taken, 10);
    ck_assert_int_le(n.drawn, 10 + 6);
    ck_assert(!n.wrong);
    ck_assert_uint_eq(stats_of(p).calls, 0);
    bide_pool_close(p);
    return 0;
}

static intptr_t nap_at_five(const void *in, size_t bytes, void *out,
                            size_t *out_bytes)
{
    int n;
    memcpy(&n, in, sizeof n);
    if (n == 5)
        sleep_long(in, bytes, out, out_bytes);
    return twice(in, bytes, out, out_bytes);
}

REAL_TEST(a_map_that_is_too_slow_has_given_its_earlier_results)
{
    struct bide_pool_options opt = {.workers = 2, .on_cancel = BIDE_POOL_KILL};
    bide_pool *p = open_pool_with(&opt);
    struct bide_scope s = {0};
    struct numbers n = {.end = 20, .late = &s};
    struct bide_pool_items m = items_of(&n, 1);
    m.fn = nap_at_five;
    bide_scope_open(&s, BIDE_FOREVER);
    intptr_t rc = bide_pool_map(p, &m);
    ck_assert_int_eq(bide_scope_close(&s, rc), -ETIMEDOUT);
    ck_assert_int_eq(n.taken, 5);
    ck_assert(!n.wrong);
    bide_pool_close(p);
    return 0;
}

/* The deadline passes while the source is drawn from. */
static int draw_late(void *arg, void *item)
{
    return bide_sleep_until(BIDE_FOREVER) < 0 ? draw(arg, item) : -EPROTO;
}

REAL_TEST(a_map_whose_source_is_late_is_late)
{
    bide_pool *p = open_pool(1);
    struct numbers n = {.end = 20};
    struct bide_pool_items m = items_of(&n, 1);
    struct bide_scope s = {0};
    m.draw = draw_late;
    bide_scope_open(&s, bide_after(BIDE_MS(1)));
    intptr_t rc = bide_pool_map(p, &m);
    ck_assert_int_eq(rc, -ETIMEDOUT);
    ck_assert_int_eq(bide_scope_close(&s, rc), -ETIMEDOUT);
    ck_assert_int_eq(n.taken, 0);
    bide_pool_close(p);
    return 0;
}

static intptr_t crash_at_five(const void *in, size_t bytes, void *out,
                              size_t *out_bytes)
{
    int n;
    memcpy(&n, in, sizeof n);
    return n == 5 ? crash(in, bytes, out, out_bytes)
                  : twice(in, bytes, out, out_bytes);
}

REAL_TEST(a_worker_that_dies_costs_its_chunk)
{
    bide_pool *p = open_pool(2);
    struct numbers n = {.end = 20};
    struct bide_pool_items m = items_of(&n, 4);
    m.fn = crash_at_five;
    ck_assert_int_eq(bide_pool_map(p, &m), 20);
    for (int i = 0; i < 20; i++)
        ck_assert_int_eq(n.results[i], i / 4 == 1 ? -ECHILD : 1);
    ck_assert(!n.wrong);
    bide_pool_close(p);
    return 0;
}

REAL_TEST(an_error_of_the_source_comes_after_the_results_before_it)
{
    bide_pool *p = open_pool(2);
    struct numbers n = {.end = 20, .error_at = 7};
    struct bide_pool_items m = items_of(&n, 3);
    ck_assert_int_eq(bide_pool_map(p, &m), -EIO);
    ck_assert_int_eq(n.taken, 7);
    bide_pool_close(p);
    return 0;
}

REAL_TEST(a_pool_that_is_of_no_use_ends_a_map)
{
    struct bide_pool_options opt = {.workers = 1, .init = refuse_init};
    bide_pool *p = open_pool_with(&opt);
    struct numbers n = {.end = -1};
    struct bide_pool_items m = items_of(&n, 3);
    ck_assert_int_eq(bide_pool_map(p, &m), -ENOTTY);
    ck_assert_int_eq(n.taken, 0);
    bide_pool_close(p);
    return 0;
}

REAL_TEST(results_that_do_not_fit_fail_their_own_item)
{
    bide_pool *p = open_pool(1);
    struct numbers n = {.end = 3};
    struct bide_pool_items m = items_of(&n, 2);
    m.fn = want_room;
    ck_assert_int_eq(bide_pool_map(p, &m), 3);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(n.results[i], -EMSGSIZE);
    bide_pool_close(p);
    return 0;
}

Suite *suite_pool_map(void)
{
    bool works = pools_work();
    Suite *s = suite_create("pool_map");
    TCase *t = tcase_create("pool_map");
    suite_add_tcase(s, t);
    if (!works)
        return s;
    tcase_add_test(t, results_come_in_order_whatever_the_chunk);
    tcase_add_test(t, an_empty_source_has_no_results);
    tcase_add_test(t, a_chunk_below_one_is_invalid);
    tcase_add_test(t, of_an_endless_source_no_more_is_drawn_than_lies_ahead);
    tcase_add_test(t, a_map_that_is_too_slow_has_given_its_earlier_results);
    tcase_add_test(t, a_map_whose_source_is_late_is_late);
    tcase_add_test(t, a_worker_that_dies_costs_its_chunk);
    tcase_add_test(t, an_error_of_the_source_comes_after_the_results_before_it);
    tcase_add_test(t, a_pool_that_is_of_no_use_ends_a_map);
    tcase_add_test(t, results_that_do_not_fit_fail_their_own_item);
    return s;
}
