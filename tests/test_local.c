/* test_local.c: values that belong to a task: inherited, copied, dropped. */
#include "sys.h"
#include "tasks.h"

#include <sys/mman.h>

static struct bide_local plain, other;

/* ---- What a task finds -------------------------------------------------- */

VIRTUAL_TEST(a_local_is_null_until_it_is_set)
{
    ck_assert_ptr_null(bide_local_get(&plain));
    ck_assert_int_eq(bide_local_set(&plain, NUM(7)), 0);
    ck_assert_int_eq(VALUE(bide_local_get(&plain)), 7);
    ck_assert_ptr_null(bide_local_get(&other));
    ck_assert_int_eq(bide_local_set(&plain, NUM(8)), 0);
    ck_assert_int_eq(VALUE(bide_local_get(&plain)), 8);
    ck_assert_int_eq(bide_local_set(&plain, NULL), 0);
    ck_assert_ptr_null(bide_local_get(&plain));
    ck_assert_int_eq(bide_local_set(&plain, NULL), 0);
    return 0;
}

static intptr_t tell_and_change(void *unused)
{
    (void)unused;
    intptr_t found = VALUE(bide_local_get(&plain));
    ck_assert_int_eq(bide_local_set(&plain, NUM(99)), 0);
    return found;
}

VIRTUAL_TEST(a_spawned_task_inherits_a_plain_pointer_and_keeps_it_to_itself)
{
    ck_assert_int_eq(bide_local_set(&plain, NUM(7)), 0);
    bide_task *task = spawn(tell_and_change, NULL);
    ck_assert_int_eq(bide_local_set(&plain, NUM(8)), 0); /* too late for it */
    ck_assert_int_eq(result_of(task), 7);
    ck_assert_int_eq(VALUE(bide_local_get(&plain)), 8);
    return 0;
}

static intptr_t change_what_it_points_to(void *unused)
{
    (void)unused;
    *(int *)bide_local_get(&plain) = 5;
    return 0;
}

/* Behaviour 201.  Deliberately without asyncio's context objects: what is to be
 * shared is a struct, and the local points to it. */
VIRTUAL_TEST(what_a_child_sets_in_a_context_it_was_given_is_seen_there)
{
    int context = 1;
    ck_assert_int_eq(bide_local_set(&plain, &context), 0);
    bide_task *task = spawn(change_what_it_points_to, NULL);
    ck_assert_int_eq(bide_local_set(&plain, NULL), 0);
    ck_assert_int_eq(result_of(task), 0);
    ck_assert_int_eq(context, 5);
    return 0;
}

VIRTUAL_TEST(children_calls_and_starts_inherit_as_well)
{
    struct bide_call calls[] = {{tell_and_change, NULL, 0},
                                {tell_and_change, NULL, 0}};
    struct bide_group g;
    intptr_t result;
    ck_assert_int_eq(bide_local_set(&plain, NUM(5)), 0);
    ck_assert_int_eq(bide_gather(calls, 2, BIDE_FAIL_FAST), 0);
    ck_assert_int_eq(calls[0].result + calls[1].result, 10);
    bide_group_open(&g, BIDE_FAIL_FAST);
    ck_assert_int_eq(bide_group_spawn(&g, tell_and_change, NULL), 0);
    ck_assert_int_eq(bide_group_next(&g, NULL, &result), 1);
    ck_assert_int_eq(result, 5);
    return bide_group_close(&g, 0);
}

static intptr_t tell_its_child(void *unused)
{
    return result_of(spawn(tell_and_change, unused));
}

VIRTUAL_TEST(a_value_comes_down_through_generations)
{
    ck_assert_int_eq(bide_local_set(&plain, NUM(5)), 0);
    return result_of(spawn(tell_its_child, NULL)) - 5;
}

/* ---- Copies and drops --------------------------------------------------- */

static int copies, refused_from;

static void *copy(void *value)
{
    return ++copies == refused_from ? NULL : NUM(VALUE(value) + 1);
}

static void drop(void *letter)
{
    note((char)VALUE(letter));
}

static struct bide_local owned = {.drop = drop};
static struct bide_local copied = {copy, drop};

static void forget(void)
{
    clear_journal();
    copies = refused_from = 0;
}

static intptr_t tell_owned(void *unused)
{
    (void)unused;
    ck_assert_ptr_null(bide_local_get(&owned));
    return VALUE(bide_local_get(&copied));
}

VIRTUAL_TEST(a_value_with_a_drop_is_inherited_only_as_a_copy)
{
    ck_assert_int_eq(bide_local_set(&owned, NUM('o')), 0);
    ck_assert_int_eq(bide_local_set(&copied, NUM('c')), 0);
    ck_assert_int_eq(result_of(spawn(tell_owned, NULL)), 'd');
    expect_journal("d");
    ck_assert_int_eq(copies, 1);
    return 0;
}

static intptr_t set_three(void *unused)
{
    static struct bide_local a = {.drop = drop}, b = {.drop = drop},
                             c = {.drop = drop};
    (void)unused;
    ck_assert_int_eq(bide_local_set(&a, NUM('a')), 0);
    ck_assert_int_eq(bide_local_set(&b, NUM('b')), 0);
    ck_assert_int_eq(bide_local_set(&c, NUM('c')), 0);
    ck_assert_int_eq(bide_local_set(&a, NUM('A')), 0);
    ck_assert_int_eq(bide_local_set(&a, NUM('A')), 0); /* it has it already */
    expect_journal("a");
    return 0;
}

VIRTUAL_TEST(values_are_dropped_at_the_end_the_last_set_first)
{
    result_of(spawn(set_three, NULL));
    expect_journal("aAcb");
    return 0;
}

static intptr_t set_and_unset(void *unused)
{
    (void)unused;
    ck_assert_int_eq(bide_local_set(&owned, NUM('o')), 0);
    return bide_local_set(&owned, NULL);
}

VIRTUAL_TEST(a_value_that_is_taken_away_is_dropped_once)
{
    result_of(spawn(set_and_unset, NULL));
    expect_journal("o");
    return 0;
}

static intptr_t set_late(void *unused)
{
    (void)unused;
    return bide_local_set(&owned, NUM('m'));
}

START_TEST(the_main_task_drops_its_locals_too)
{
    ck_assert_int_eq(run_virtual(set_late, NULL), 0);
    expect_journal("m");
}
END_TEST

static void drop_and_set_another(void *value)
{
    drop(value);
    ck_assert_int_eq(bide_local_set(&owned, NUM('z')), 0);
}

static intptr_t set_chain(void *unused)
{
    static struct bide_local first = {.drop = drop_and_set_another};
    (void)unused;
    return bide_local_set(&first, NUM('f'));
}

VIRTUAL_TEST(a_drop_may_set_another_local_which_is_dropped_then)
{
    result_of(spawn(set_chain, NULL));
    expect_journal("fz");
    return 0;
}

/* ---- When there is no memory -------------------------------------------- */

VIRTUAL_TEST(a_copy_that_is_refused_refuses_the_spawn_and_loses_nothing)
{
    static struct bide_local second = {copy, drop};
    struct bide_stats before, after;
    bide_task *task;
    refused_from = 2;
    ck_assert_int_eq(bide_local_set(&second, NUM('s')), 0);
    ck_assert_int_eq(bide_local_set(&copied, NUM('c')), 0);
    bide_stats(&before);
    ck_assert_int_eq(bide_spawn(&task, tell_owned, NULL), -ENOMEM);
    bide_stats(&after);
    expect_journal("d"); /* the copy that was made */
    ck_assert_uint_eq(after.alive, before.alive);
    ck_assert_uint_eq(after.spawned, before.spawned);
    ck_assert_int_eq(result_of(spawn(tell_owned, NULL)), 'd');
    expect_journal("ddt");
    return 0;
}

static void *no_map(size_t bytes, int prot, int flags, int fd, off_t at,
                    int *error)
{
    (void)bytes, (void)prot, (void)flags, (void)fd, (void)at;
    *error = -ENOMEM;
    return NULL;
}

VIRTUAL_TEST(without_memory_a_set_and_a_defer_are_refused_and_the_value_kept)
{
    struct bi_sys before = bi_sys;
    bi_sys.map = no_map;
    ck_assert_int_eq(bide_local_set(&owned, NUM('o')), -ENOMEM);
    ck_assert_int_eq(bide_defer(drop, NUM('d')), -ENOMEM);
    ck_assert_ptr_null(bide_local_get(&owned));
    bi_sys.map = before.map;
    expect_journal("");
    ck_assert_int_eq(bide_local_set(&owned, NUM('o')), 0);
    return 0;
}

static struct bi_sys real;

/* Whoever writes behind what was mapped finds a page that is not there. */
static void *map_before_a_gap(size_t bytes, int prot, int flags, int fd,
                              off_t at, int *error)
{
    char *p = real.map(bytes + 65536, prot, flags, fd, at, error);
    if (p)
        ck_assert_int_eq(real.protect(p + bytes, 65536, PROT_NONE), 0);
    return p;
}

VIRTUAL_TEST(a_task_may_have_ten_thousand_locals)
{
    static struct bide_local many[MANY_TASKS];
    real = bi_sys;
    bi_sys.map = map_before_a_gap;
    for (int i = 0; i < MANY_TASKS; i++)
        ck_assert_int_eq(bide_local_set(&many[i], NUM(i + 1)), 0);
    bi_sys.map = real.map;
    ck_assert_int_eq(VALUE(bide_local_get(&many[0])), 1);
    ck_assert_int_eq(VALUE(bide_local_get(&many[MANY_TASKS - 1])), MANY_TASKS);
    return 0;
}

static intptr_t get_null(void *unused)
{
    (void)unused;
    return bide_local_set(NULL, NUM(1));
}

static void get_outside(void)
{
    bide_local_get(&plain);
}

START_TEST(misuse_of_a_local_is_told)
{
    char text[512];
    in_child(get_outside, text, sizeof text);
    ck_assert_ptr_nonnull(strstr(text, "bide_local_get"));
    ck_assert_ptr_nonnull(strstr(text, "outside a task"));
    expect_contract(get_null, "bide_local_set", "NULL", NULL);
}
END_TEST

Suite *suite_local(void)
{
    Suite *suite = suite_create("local");
    TCase *t = tcase_create("local");
    tcase_add_checked_fixture(t, forget, NULL);
    tcase_add_test(t, a_local_is_null_until_it_is_set);
    tcase_add_test(
        t, a_spawned_task_inherits_a_plain_pointer_and_keeps_it_to_itself);
    tcase_add_test(
        t, what_a_child_sets_in_a_context_it_was_given_is_seen_there);
    tcase_add_test(t, children_calls_and_starts_inherit_as_well);
    tcase_add_test(t, a_value_comes_down_through_generations);
    tcase_add_test(t, a_value_with_a_drop_is_inherited_only_as_a_copy);
    tcase_add_test(t, values_are_dropped_at_the_end_the_last_set_first);
    tcase_add_test(t, a_value_that_is_taken_away_is_dropped_once);
    tcase_add_test(t, the_main_task_drops_its_locals_too);
    tcase_add_test(t, a_drop_may_set_another_local_which_is_dropped_then);
    tcase_add_test(
        t, a_copy_that_is_refused_refuses_the_spawn_and_loses_nothing);
    tcase_add_test(
        t, without_memory_a_set_and_a_defer_are_refused_and_the_value_kept);
    tcase_add_test(t, a_task_may_have_ten_thousand_locals);
    tcase_add_test(t, misuse_of_a_local_is_told);
    suite_add_tcase(suite, t);
    return suite;
}
