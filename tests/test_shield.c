/* test_shield.c: what a shield keeps out, for how long, and what it does not.
 */
#include "tasks.h"

static struct bide_scope outer;

/* Open a shield with `grace` in a scope that is cancelled already. */
static void shield_the_cancelled(struct bide_scope *shield, bide_time grace)
{
    bide_scope_open(&outer, BIDE_FOREVER);
    bide_scope_cancel(&outer);
    bide_shield_open(shield, grace);
}

VIRTUAL_TEST(cleaning_up_after_a_cancel_can_wait_behind_a_shield)
{
    struct bide_scope shield;
    shield_the_cancelled(&shield, BIDE_FOREVER);
    ck_assert_int_eq(bide_sleep(BIDE_SEC(100)), 0);
    ck_assert_int_eq(bide_scope_close(&shield, 0), 0);
    ck_assert(!bide_scope_fired(&shield));
    ck_assert_int_eq(bide_yield(), -ECANCELED);
    bide_scope_close(&outer, -ECANCELED);
    return 0;
}

VIRTUAL_TEST(the_grace_of_a_shield_ends_in_a_timeout)
{
    struct bide_scope shield;
    shield_the_cancelled(&shield, BIDE_MS(30));
    ck_assert_int_eq(bide_sleep(BIDE_MS(20)), 0);
    int rc = bide_sleep(BIDE_MS(20));
    ck_assert_int_eq(clock_ms(), 30);
    ck_assert_int_eq(bide_scope_close(&shield, rc), -ETIMEDOUT);
    ck_assert(bide_scope_fired(&shield));
    ck_assert_int_eq(bide_yield(), -ECANCELED);
    bide_scope_close(&outer, -ECANCELED);
    return 0;
}

VIRTUAL_TEST(a_shield_without_grace_lets_no_wait_through)
{
    bide_time none[] = {0, -1, INT64_MIN};
    for (size_t i = 0; i < LENGTH(none); i++) {
        struct bide_scope shield;
        shield_the_cancelled(&shield, none[i]);
        ck_assert_int_eq(bide_yield(), -ETIMEDOUT);
        bide_scope_close(&shield, 0);
        bide_scope_close(&outer, 0);
    }
    return 0;
}

VIRTUAL_TEST(an_endless_grace_does_not_overflow)
{
    struct bide_scope shield;
    shield_the_cancelled(&shield, BIDE_FOREVER - 1);
    ck_assert_int_eq(bide_sleep(BIDE_SEC(1000)), 0);
    bide_scope_close(&shield, 0);
    bide_scope_close(&outer, 0);
    return 0;
}

VIRTUAL_TEST(without_a_cancel_a_shield_has_all_the_time)
{
    struct bide_scope shield;
    bide_shield_open(&shield, BIDE_MS(1));
    ck_assert_int_eq(bide_deadline(), BIDE_FOREVER);
    ck_assert_int_eq(bide_sleep(BIDE_SEC(10)), 0);
    ck_assert_int_eq(bide_scope_close(&shield, 4), 4);
    ck_assert(!bide_scope_fired(&shield));
    return 0;
}

static intptr_t sleep_behind_a_shield(void *grace_ms)
{
    struct bide_scope shield;
    bide_shield_open(&shield, BIDE_MS(VALUE(grace_ms)));
    int rc = bide_sleep(BIDE_MS(100));
    bide_scope_close(&shield, rc);
    return rc < 0 ? rc : bide_yield();
}

VIRTUAL_TEST(grace_is_counted_from_when_the_cancel_would_have_been_seen)
{
    bide_task *task = spawn(sleep_behind_a_shield, NUM(50));
    ck_assert_int_eq(bide_sleep(BIDE_MS(20)), 0);
    bide_cancel(task);
    ck_assert_int_eq(result_of(task), -ETIMEDOUT);
    ck_assert_int_eq(clock_ms(), 70);
    return 0;
}

VIRTUAL_TEST(a_second_cancel_does_not_lengthen_or_shorten_the_grace)
{
    bide_task *task = spawn(sleep_behind_a_shield, NUM(50));
    ck_assert_int_eq(bide_sleep(BIDE_MS(20)), 0);
    bide_cancel(task);
    ck_assert_int_eq(bide_sleep(BIDE_MS(30)), 0);
    bide_cancel(task);
    ck_assert_int_eq(result_of(task), -ETIMEDOUT);
    ck_assert_int_eq(clock_ms(), 70);
    return 0;
}

VIRTUAL_TEST(what_ends_within_the_grace_succeeds_and_the_next_wait_is_refused)
{
    bide_task *task = spawn(sleep_behind_a_shield, NUM(500));
    ck_assert_int_eq(bide_sleep(BIDE_MS(20)), 0);
    bide_cancel(task);
    ck_assert_int_eq(result_of(task), -ECANCELED);
    ck_assert_int_eq(clock_ms(), 100);
    return 0;
}

VIRTUAL_TEST(an_outer_deadline_begins_the_grace_as_a_cancel_does)
{
    struct bide_scope shield;
    bide_scope_open(&outer, bide_after(BIDE_MS(10)));
    bide_shield_open(&shield, BIDE_MS(15));
    ck_assert_int_eq(bide_sleep(BIDE_SEC(1)), -ETIMEDOUT);
    ck_assert_int_eq(clock_ms(), 25);
    bide_scope_close(&shield, 0);
    ck_assert(bide_scope_fired(&shield));
    ck_assert_int_eq(bide_yield(), -ETIMEDOUT);
    bide_scope_close(&outer, 0);
    return 0;
}

VIRTUAL_TEST(a_shield_does_not_keep_its_own_cancel_out)
{
    struct bide_scope shield;
    bide_shield_open(&shield, BIDE_FOREVER);
    bide_scope_cancel(&shield);
    ck_assert_int_eq(bide_yield(), -ECANCELED);
    ck_assert_int_eq(bide_scope_close(&shield, -ECANCELED), -ECANCELED);
    ck_assert_int_eq(bide_yield(), 0);
    return 0;
}

VIRTUAL_TEST(a_shield_cancelled_before_it_was_opened_is_cancelled)
{
    struct bide_scope shield = {0};
    bide_scope_cancel(&shield);
    bide_shield_open(&shield, BIDE_FOREVER);
    ck_assert_int_eq(bide_yield(), -ECANCELED);
    bide_scope_close(&shield, 0);
    return 0;
}

VIRTUAL_TEST(a_scope_inside_a_shield_still_has_its_deadline)
{
    struct bide_scope shield, inner;
    shield_the_cancelled(&shield, BIDE_FOREVER);
    bide_scope_open(&inner, bide_after(BIDE_MS(5)));
    ck_assert_int_eq(bide_sleep(BIDE_SEC(1)), -ETIMEDOUT);
    bide_scope_close(&inner, 0);
    ck_assert_int_eq(bide_sleep(BIDE_MS(1)), 0);
    bide_scope_close(&shield, 0);
    bide_scope_close(&outer, 0);
    return 0;
}

VIRTUAL_TEST(the_grace_of_an_outer_shield_ends_an_inner_one_in_its_turn)
{
    struct bide_scope first, second;
    shield_the_cancelled(&first, BIDE_MS(10));
    bide_shield_open(&second, BIDE_MS(10));
    ck_assert_int_eq(bide_sleep(BIDE_SEC(1)), -ETIMEDOUT);
    ck_assert_int_eq(clock_ms(), 20);
    bide_scope_close(&second, 0);
    bide_scope_close(&first, 0);
    bide_scope_close(&outer, 0);
    return 0;
}

VIRTUAL_TEST(a_deadline_set_on_a_shield_holds_inside)
{
    struct bide_scope shield;
    shield_the_cancelled(&shield, BIDE_SEC(9));
    ck_assert_int_eq(bide_scope_set_deadline(&shield, bide_after(BIDE_MS(2))),
                     0);
    ck_assert_int_eq(bide_sleep(BIDE_SEC(1)), -ETIMEDOUT);
    ck_assert_int_eq(clock_ms(), 2);
    bide_scope_close(&shield, 0);
    bide_scope_close(&outer, 0);
    return 0;
}

static intptr_t gather_behind_a_shield(void *unused)
{
    struct bide_call calls[] = {{sleep_ms, NUM(10), 0}, {sleep_ms, NUM(20), 0}};
    struct bide_scope shield;
    (void)unused;
    bide_shield_open(&shield, BIDE_FOREVER);
    intptr_t rc = bide_gather(calls, 2, BIDE_FAIL_FAST);
    bide_scope_close(&shield, rc);
    return rc < 0 ? rc : bide_yield();
}

VIRTUAL_TEST(children_of_a_group_behind_a_shield_are_shielded_with_it)
{
    bide_task *task = spawn(gather_behind_a_shield, NULL);
    turns(1);
    bide_cancel(task);
    ck_assert_int_eq(result_of(task), -ECANCELED);
    ck_assert_int_eq(clock_ms(), 20);
    return 0;
}

Suite *suite_shield(void)
{
    Suite *suite = suite_create("shield");
    TCase *t = tcase_create("shield");
    tcase_add_test(t, cleaning_up_after_a_cancel_can_wait_behind_a_shield);
    tcase_add_test(t, the_grace_of_a_shield_ends_in_a_timeout);
    tcase_add_test(t, a_shield_without_grace_lets_no_wait_through);
    tcase_add_test(t, an_endless_grace_does_not_overflow);
    tcase_add_test(t, without_a_cancel_a_shield_has_all_the_time);
    tcase_add_test(t,
                   grace_is_counted_from_when_the_cancel_would_have_been_seen);
    tcase_add_test(t, a_second_cancel_does_not_lengthen_or_shorten_the_grace);
    tcase_add_test(
        t, what_ends_within_the_grace_succeeds_and_the_next_wait_is_refused);
    tcase_add_test(t, an_outer_deadline_begins_the_grace_as_a_cancel_does);
    tcase_add_test(t, a_shield_does_not_keep_its_own_cancel_out);
    tcase_add_test(t, a_shield_cancelled_before_it_was_opened_is_cancelled);
    tcase_add_test(t, a_scope_inside_a_shield_still_has_its_deadline);
    tcase_add_test(t,
                   the_grace_of_an_outer_shield_ends_an_inner_one_in_its_turn);
    tcase_add_test(t, a_deadline_set_on_a_shield_holds_inside);
    tcase_add_test(t, children_of_a_group_behind_a_shield_are_shielded_with_it);
    suite_add_tcase(suite, t);
    return suite;
}
