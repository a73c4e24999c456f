/* test_cycle.c: tasks that wait for each other in a cycle are named so. */
#include "tasks.h"

/* The cycle's line of `waiter`. */
static void expect_edge(const char *waiter, const char *what,
                        const char *blocker)
{
    char from[64], to[64];
    snprintf(from, sizeof from, "'%s' waits for %s", waiter, what);
    snprintf(to, sizeof to, " of '%s'", blocker);
    expect_line(from, to);
}

/* The number of cycles that the dump names. */
static unsigned cycles(void)
{
    unsigned n = 0;
    for (const char *at = dump(); (at = strstr(at, "a cycle, ")); at++)
        n++;
    return n;
}

/* ---- A ring of locks ---------------------------------------------------- */

static struct bide_mutex ring[3];
static size_t ring_size;

/* Each has the lock of its own index and asks for the next one's. */
static intptr_t lock_two(void *index)
{
    struct bide_mutex *own = &ring[VALUE(index)];
    struct bide_mutex *next = &ring[((size_t)VALUE(index) + 1) % ring_size];
    ck_assert_int_eq(bide_mutex_lock(own), 0);
    turns(1);
    int rc = bide_mutex_lock(next);
    if (rc == 0)
        bide_mutex_unlock(next);
    bide_mutex_unlock(own);
    return rc;
}

static void begin_ring(size_t n)
{
    static const char *const names[] = {"red", "green", "blue"};
    memset(ring, 0, sizeof ring);
    ring_size = n;
    for (size_t i = 0; i < n; i++)
        spawn_as(names[i], lock_two, NUM(i));
    turns(3);
}

VIRTUAL_TEST(two_tasks_that_want_each_others_lock_are_named_as_a_cycle)
{
    begin_ring(2);
    ck_assert_uint_eq(cycles(), 1);
    expect_edge("red", "mutex 0x", "green");
    expect_edge("green", "mutex 0x", "red");
    return 0;
}

static intptr_t lock_and_unlock(void *lock)
{
    int rc = bide_mutex_lock(lock);
    if (rc == 0)
        bide_mutex_unlock(lock);
    return rc;
}

VIRTUAL_TEST(three_tasks_in_a_ring_of_locks_are_named_without_who_waits_for_it)
{
    begin_ring(3);
    bide_task *outsider = spawn_as("outsider", lock_and_unlock, &ring[0]);
    spawn_as("joiner", await_it, outsider);
    turns(2);
    ck_assert_uint_eq(cycles(), 1);
    expect_edge("red", "mutex 0x", "green");
    expect_edge("green", "mutex 0x", "blue");
    expect_edge("blue", "mutex 0x", "red");
    ck_assert_ptr_null(strstr(dump(), "'joiner' waits"));
    ck_assert_ptr_null(strstr(dump(), "'outsider' waits"));
    return 0;
}

VIRTUAL_TEST(a_chain_of_waits_that_ends_with_one_who_runs_is_no_cycle)
{
    struct bide_mutex lock = {0};
    ck_assert_int_eq(bide_mutex_lock(&lock), 0);
    bide_task *locker = spawn_as("locker", lock_and_unlock, &lock);
    bide_task *joiner = spawn_as("joiner", await_it, locker);
    turns(2);
    ck_assert_uint_eq(cycles(), 0);
    expect_line("locker", " of 'main', for");
    bide_mutex_unlock(&lock);
    return result_of(joiner);
}

/* ---- Locks, joins, groups, generators ----------------------------------- */

static struct bide_mutex mutex;
static struct bide_rwlock rwlock;
static bide_task *peer;

static intptr_t lock_it(void *unused)
{
    (void)unused;
    return lock_and_unlock(&mutex);
}

static intptr_t hold_and_join(void *unused)
{
    (void)unused;
    ck_assert_int_eq(bide_mutex_lock(&mutex), 0);
    turns(1);
    intptr_t rc = bide_await(peer);
    bide_mutex_unlock(&mutex);
    return rc;
}

VIRTUAL_TEST(an_owner_who_joins_the_one_that_waits_is_named_as_a_cycle)
{
    mutex = (struct bide_mutex){0};
    spawn_as("owner", hold_and_join, NULL);
    peer = spawn_as("waiter", lock_it, NULL);
    turns(3);
    ck_assert_uint_eq(cycles(), 1);
    expect_edge("owner", "join", "waiter");
    expect_edge("waiter", "mutex 0x", "owner");
    return 0;
}

/* The second of the children waits for what its parent holds. */
static intptr_t hold_and_close(void *unused)
{
    struct bide_group g;
    struct bide_spawn_options opt = {.name = "child"};
    ck_assert_int_eq(bide_mutex_lock(&mutex), 0);
    bide_group_open(&g, BIDE_FAIL_FAST);
    intptr_t rc = bide_group_spawn(&g, sleep_for_ever, NULL);
    if (rc == 0)
        rc = bide_group_spawn_with(&g, NULL, lock_it, unused, &opt);
    rc = bide_group_close(&g, rc);
    bide_mutex_unlock(&mutex);
    return rc;
}

VIRTUAL_TEST(a_child_that_wants_its_parents_lock_is_named_as_a_cycle)
{
    mutex = (struct bide_mutex){0};
    spawn_as("parent", hold_and_close, NULL);
    turns(3);
    ck_assert_uint_eq(cycles(), 1);
    expect_edge("parent", "group close 0x", "child");
    expect_edge("child", "mutex 0x", "parent");
    return 0;
}

static intptr_t read_and_sleep(void *unused)
{
    ck_assert_int_eq(bide_rwlock_rdlock(&rwlock), 0);
    sleep_for_ever(unused);
    return bide_rwlock_unlock(&rwlock);
}

static intptr_t read_and_join(void *unused)
{
    (void)unused;
    ck_assert_int_eq(bide_rwlock_rdlock(&rwlock), 0);
    turns(1);
    intptr_t rc = bide_await(peer);
    bide_rwlock_unlock(&rwlock);
    return rc;
}

static intptr_t write_it(void *unused)
{
    (void)unused;
    int rc = bide_rwlock_wrlock(&rwlock);
    if (rc == 0)
        bide_rwlock_unlock(&rwlock);
    return rc;
}

VIRTUAL_TEST(a_cycle_through_the_second_of_two_readers_is_found)
{
    rwlock = (struct bide_rwlock){0};
    spawn_as("sleeper", read_and_sleep, NULL);
    spawn_as("reader", read_and_join, NULL);
    peer = spawn_as("writer", write_it, NULL);
    turns(3);
    ck_assert_uint_eq(cycles(), 1);
    expect_line("writer ", " of 'sleeper' and 1 more, for");
    expect_edge("reader", "join", "writer");
    expect_edge("writer", "write lock 0x", "reader");
    return 0;
}

static intptr_t yield_under_the_lock(void *unused)
{
    bide_set_name("generator");
    return lock_it(unused);
}

static intptr_t hold_and_ask(void *unused)
{
    struct bide_gen gen = {0};
    void *value;
    ck_assert_int_eq(bide_mutex_lock(&mutex), 0);
    ck_assert_int_eq(bide_gen_open(&gen, yield_under_the_lock, unused), 0);
    int rc = bide_gen_next(&gen, &value);
    bide_mutex_unlock(&mutex);
    bide_gen_close(&gen);
    return rc;
}

VIRTUAL_TEST(a_generator_that_wants_its_users_lock_is_named_as_a_cycle)
{
    mutex = (struct bide_mutex){0};
    spawn_as("user", hold_and_ask, NULL);
    turns(3);
    ck_assert_uint_eq(cycles(), 1);
    expect_edge("user", "generator next 0x", "generator");
    expect_edge("generator", "mutex 0x", "user");
    return 0;
}

static intptr_t start_one_that_locks(void *unused)
{
    struct bide_group g;
    ck_assert_int_eq(bide_mutex_lock(&mutex), 0);
    bide_group_open(&g, BIDE_FAIL_FAST);
    intptr_t rc = bide_group_start(&g, lock_it, unused);
    bide_mutex_unlock(&mutex);
    return bide_group_close(&g, rc < 0 ? rc : 0);
}

VIRTUAL_TEST(a_child_that_wants_a_lock_before_it_is_ready_is_named_as_a_cycle)
{
    mutex = (struct bide_mutex){0};
    spawn_as("starter", start_one_that_locks, NULL);
    turns(3);
    ck_assert_uint_eq(cycles(), 1);
    ck_assert_ptr_nonnull(strstr(dump(), "'starter' waits for start 0x"));
    return 0;
}

/* ---- Many --------------------------------------------------------------- */

static struct bide_mutex pairs[10][2];

static intptr_t lock_pair(void *half)
{
    size_t i = (size_t)VALUE(half);
    struct bide_mutex *own = &pairs[i / 2][i % 2];
    struct bide_mutex *other = &pairs[i / 2][1 - i % 2];
    ck_assert_int_eq(bide_mutex_lock(own), 0);
    turns(1);
    int rc = bide_mutex_lock(other);
    if (rc == 0)
        bide_mutex_unlock(other);
    bide_mutex_unlock(own);
    return rc;
}

VIRTUAL_TEST(of_many_cycles_some_are_told_and_the_others_counted)
{
    for (int half = 0; half < 20; half++)
        spawn(lock_pair, NUM(half));
    turns(3);
    ck_assert_uint_eq(cycles(), 8);
    ck_assert_ptr_nonnull(strstr(dump(), "and 2 more cycles"));
    return 0;
}

Suite *suite_cycle(void)
{
    Suite *suite = suite_create("cycle");
    TCase *t = tcase_create("ring");
    tcase_add_test(t,
                   two_tasks_that_want_each_others_lock_are_named_as_a_cycle);
    tcase_add_test(
        t, three_tasks_in_a_ring_of_locks_are_named_without_who_waits_for_it);
    tcase_add_test(t,
                   a_chain_of_waits_that_ends_with_one_who_runs_is_no_cycle);
    suite_add_tcase(suite, t);

    t = tcase_create("mixed");
    tcase_add_test(t,
                   an_owner_who_joins_the_one_that_waits_is_named_as_a_cycle);
    tcase_add_test(t, a_child_that_wants_its_parents_lock_is_named_as_a_cycle);
    tcase_add_test(t, a_cycle_through_the_second_of_two_readers_is_found);
    tcase_add_test(t,
                   a_generator_that_wants_its_users_lock_is_named_as_a_cycle);
    tcase_add_test(
        t, a_child_that_wants_a_lock_before_it_is_ready_is_named_as_a_cycle);
    tcase_add_test(t, of_many_cycles_some_are_told_and_the_others_counted);
    suite_add_tcase(suite, t);
    return suite;
}
