/* test_rwlock.c: who reads with whom, who writes alone, and who comes next. */
#include "tasks.h"

static struct bide_rwlock rwlock;

static void fresh_rwlock(void)
{
    rwlock = (struct bide_rwlock){0};
    clear_journal();
}

static void read_it(void)
{
    ck_assert_int_eq(bide_rwlock_rdlock(&rwlock), 0);
}

static void write_it(void)
{
    ck_assert_int_eq(bide_rwlock_wrlock(&rwlock), 0);
}

static void unlock(void)
{
    ck_assert_int_eq(bide_rwlock_unlock(&rwlock), 0);
}

static void expect_info(size_t holders, size_t waiters)
{
    struct bide_lock_info info;
    bide_rwlock_info(&rwlock, &info);
    ck_assert_uint_eq(info.holders, holders);
    ck_assert_uint_eq(info.waiters, waiters);
}

/* Lock, note the letter, let the others run, note it again, unlock.  A capital
 * letter writes. */
static intptr_t visit(void *letter)
{
    bool writes = VALUE(letter) < 'a';
    int rc = writes ? bide_rwlock_wrlock(&rwlock) : bide_rwlock_rdlock(&rwlock);
    if (rc < 0)
        return rc;
    note((char)VALUE(letter));
    turns(1);
    note((char)VALUE(letter));
    return bide_rwlock_unlock(&rwlock);
}

static void visitors(const char *letters)
{
    for (; *letters; letters++)
        spawn(visit, NUM(*letters));
    turns(1);
}

VIRTUAL_TEST(readers_read_together)
{
    visitors("abc");
    turns(1);
    expect_journal("abcabc");
    expect_info(0, 0);
    return 0;
}

VIRTUAL_TEST(a_writer_writes_alone)
{
    visitors("ABcD");
    turns(8);
    expect_journal("AABBccDD");
    return 0;
}

VIRTUAL_TEST(readers_do_not_pass_a_writer_that_waits)
{
    read_it();
    visitors("Ab");
    ck_assert_int_eq(bide_rwlock_tryrdlock(&rwlock), 0); /* a part is held */
    unlock();
    expect_journal("");
    unlock();
    turns(6);
    expect_journal("AAbb");
    return 0;
}

VIRTUAL_TEST(readers_that_stand_together_go_in_together)
{
    write_it();
    visitors("abCde");
    unlock();
    turns(8);
    expect_journal("ababCCdede");
    return 0;
}

static intptr_t try_foreign(void *rc)
{
    ck_assert_int_eq(bide_rwlock_trywrlock(&rwlock), -EAGAIN);
    ck_assert_int_eq(bide_rwlock_tryrdlock(&rwlock), (int)VALUE(rc));
    if (VALUE(rc) == 0)
        unlock();
    ck_assert_int_eq(bide_rwlock_unlock(&rwlock), -EPERM);
    return 0;
}

VIRTUAL_TEST(what_another_task_holds_cannot_be_unlocked)
{
    ck_assert_int_eq(bide_rwlock_unlock(&rwlock), -EPERM);
    write_it();
    ck_assert_int_eq(bide_await(spawn(try_foreign, NUM(-EAGAIN))), 0);
    unlock();
    read_it();
    ck_assert_int_eq(bide_await(spawn(try_foreign, NUM(0))), 0);
    unlock();
    ck_assert_int_eq(bide_rwlock_unlock(&rwlock), -EPERM);
    return 0;
}

VIRTUAL_TEST(a_writer_that_locks_again_is_told_of_the_deadlock)
{
    write_it();
    ck_assert_int_eq(bide_rwlock_wrlock(&rwlock), -EDEADLK);
    ck_assert_int_eq(bide_rwlock_rdlock(&rwlock), -EDEADLK);
    ck_assert_int_eq(bide_rwlock_trywrlock(&rwlock), -EDEADLK);
    ck_assert_int_eq(bide_rwlock_tryrdlock(&rwlock), -EDEADLK);
    unlock();
    return 0;
}

VIRTUAL_TEST(a_reader_that_would_write_is_told_of_the_deadlock)
{
    read_it();
    ck_assert_int_eq(bide_rwlock_wrlock(&rwlock), -EDEADLK);
    ck_assert_int_eq(bide_rwlock_trywrlock(&rwlock), -EDEADLK);
    unlock();
    return 0;
}

VIRTUAL_TEST(a_reader_may_read_again_past_a_writer_that_waits)
{
    read_it();
    visitors("A");
    read_it();
    expect_info(1, 1);
    unlock();
    turns(1);
    expect_journal("");
    unlock();
    turns(2);
    expect_journal("AA");
    return 0;
}

VIRTUAL_TEST(a_try_fails_where_somebody_waits)
{
    bide_task *writer;
    read_it();
    writer = spawn(visit, NUM('A'));
    turns(1);
    ck_assert_int_eq(bide_await(spawn(try_foreign, NUM(-EAGAIN))), 0);
    unlock();
    return bide_await(writer);
}

VIRTUAL_TEST(a_cancelled_scope_refuses_even_a_free_rwlock)
{
    struct bide_scope s;
    bide_scope_open(&s, 0);
    ck_assert_int_eq(bide_rwlock_rdlock(&rwlock), -ETIMEDOUT);
    ck_assert_int_eq(bide_rwlock_wrlock(&rwlock), -ETIMEDOUT);
    expect_info(0, 0);
    ck_assert_int_eq(bide_rwlock_trywrlock(&rwlock), 0);
    unlock(); /* also in a cancelled scope */
    bide_scope_close(&s, 0);
    return 0;
}

VIRTUAL_TEST(readers_behind_a_writer_that_is_cancelled_go_in)
{
    read_it();
    bide_task *writer = spawn(visit, NUM('A'));
    visitors("bC");
    bide_cancel(writer);
    turns(2);
    expect_journal("bb");
    ck_assert_int_eq(result_of(writer), -ECANCELED);
    unlock();
    turns(2);
    expect_journal("bbCC");
    return 0;
}

VIRTUAL_TEST(a_waiter_cancelled_before_the_unlock_leaves_it_to_the_next)
{
    write_it();
    bide_task *first = spawn(visit, NUM('A'));
    visitors("b");
    bide_cancel(first);
    unlock();
    turns(2);
    expect_journal("bb");
    ck_assert_int_eq(result_of(first), -ECANCELED);
    return 0;
}

static intptr_t hold_then_be_refused(void *writes)
{
    if (writes)
        write_it();
    else
        read_it();
    int rc = bide_yield();
    unlock();
    return rc;
}

VIRTUAL_TEST(a_waiter_cancelled_after_the_unlock_has_the_lock)
{
    for (intptr_t writes = 0; writes < 2; writes++) {
        write_it();
        bide_task *first = spawn(hold_then_be_refused, NUM(writes));
        bide_task *second = spawn(visit, NUM('B'));
        turns(1);
        unlock();
        bide_cancel(first);
        expect_info(1, 1);
        ck_assert_int_eq(bide_await(second), 0);
        ck_assert_int_eq(result_of(first), -ECANCELED);
    }
    expect_journal("BBBB");
    return 0;
}

static intptr_t write_and_sleep(void *ms)
{
    write_it();
    intptr_t rc = sleep_ms(ms);
    unlock();
    return rc;
}

VIRTUAL_TEST(a_deadline_ends_the_wait_for_an_rwlock)
{
    struct bide_scope s;
    bide_task *writer = spawn(write_and_sleep, NUM(50));
    turns(1);
    bide_scope_open(&s, bide_after(BIDE_MS(10)));
    ck_assert_int_eq(bide_rwlock_rdlock(&rwlock), -ETIMEDOUT);
    ck_assert_int_eq(bide_rwlock_wrlock(&rwlock), -ETIMEDOUT);
    bide_scope_close(&s, 0);
    expect_info(1, 0);
    return bide_await(writer) - 50;
}

/* ---- A holder ends ------------------------------------------------------ */

static intptr_t end_writing(void *unused)
{
    (void)unused;
    write_it();
    turns(2);
    return 0;
}

static intptr_t end_reading(void *times)
{
    for (intptr_t i = 0; i < VALUE(times); i++)
        read_it();
    turns(2);
    return 0;
}

VIRTUAL_TEST(a_lock_whose_writer_ended_is_dead_until_it_is_made_anew)
{
    bide_task *writer = spawn(end_writing, NULL);
    bide_task *waiter = spawn(visit, NUM('a'));
    ck_assert_int_eq(bide_await(writer), 0);
    ck_assert_int_eq(bide_await(waiter), -EOWNERDEAD);
    ck_assert_int_eq(bide_rwlock_rdlock(&rwlock), -EOWNERDEAD);
    ck_assert_int_eq(bide_rwlock_trywrlock(&rwlock), -EOWNERDEAD);
    ck_assert_int_eq(bide_rwlock_unlock(&rwlock), -EPERM);
    expect_info(0, 0);
    rwlock = (struct bide_rwlock){0};
    write_it();
    unlock();
    return 0;
}

VIRTUAL_TEST(a_reader_that_ends_gives_up_its_part)
{
    spawn(end_reading, NUM(2));
    bide_task *writer = spawn(visit, NUM('A'));
    turns(1);
    expect_info(1, 1);
    ck_assert_int_eq(bide_await(writer), 0);
    expect_journal("AA");
    expect_info(0, 0);
    return 0;
}

/* ---- Many --------------------------------------------------------------- */

static struct bide_rwlock shards[10];

static intptr_t read_all_shards(void *unused)
{
    (void)unused;
    for (size_t i = 0; i < LENGTH(shards); i++)
        ck_assert_int_eq(bide_rwlock_rdlock(&shards[i]), 0);
    turns(1);
    for (size_t i = 0; i < LENGTH(shards); i++)
        ck_assert_int_eq(bide_rwlock_unlock(&shards[i]), 0);
    return 0;
}

VIRTUAL_TEST(a_task_may_read_more_locks_than_it_is_known_for)
{
    memset(shards, 0, sizeof shards);
    bide_task *a = spawn(read_all_shards, NULL);
    bide_task *b = spawn(read_all_shards, NULL);
    turns(1);
    for (size_t i = 0; i < LENGTH(shards); i++) {
        struct bide_lock_info info;
        bide_rwlock_info(&shards[i], &info);
        ck_assert_uint_eq(info.holders, 2);
        ck_assert_int_eq(bide_rwlock_trywrlock(&shards[i]), -EAGAIN);
    }
    ck_assert_int_eq(bide_await(a) + bide_await(b), 0);
    for (size_t i = 0; i < LENGTH(shards); i++) {
        ck_assert_int_eq(bide_rwlock_unlock(&shards[i]), -EPERM);
        ck_assert_int_eq(bide_rwlock_trywrlock(&shards[i]), 0);
        ck_assert_int_eq(bide_rwlock_unlock(&shards[i]), 0);
    }
    return 0;
}

static int reading, writing;

static intptr_t read_and_write(void *seed)
{
    for (intptr_t i = 0; i < 20; i++) {
        bool writes = (i * 7 + VALUE(seed)) % 3 == 0;
        if (writes)
            write_it();
        else
            read_it();
        *(writes ? &writing : &reading) += 1;
        ck_assert(writing == 0 || (writing == 1 && reading == 0));
        turns(1);
        *(writes ? &writing : &reading) -= 1;
        unlock();
    }
    return 0;
}

VIRTUAL_TEST(a_hundred_tasks_never_read_what_is_being_written)
{
    static struct bide_call calls[100];
    reading = writing = 0;
    for (intptr_t i = 0; i < 100; i++)
        calls[i] = (struct bide_call){read_and_write, NUM(i), 0};
    return bide_gather(calls, 100, BIDE_FAIL_FAST);
}

VIRTUAL_TEST(an_rwlock_tells_who_holds_it)
{
    struct bide_lock_info info;
    bide_set_name("tester");
    write_it();
    spawn(visit, NUM('a'));
    spawn(visit, NUM('B'));
    turns(1);
    bide_rwlock_info(&rwlock, &info);
    ck_assert_ptr_eq(info.owner, bide_self());
    ck_assert_str_eq(info.owner_name, "tester");
    expect_info(1, 2);
    unlock();
    bide_rwlock_info(&rwlock, &info);
    ck_assert_str_ne(info.owner_name, "tester");
    ck_assert_str_ne(info.owner_name, "");
    turns(4);
    expect_info(0, 0);
    return 0;
}

Suite *suite_rwlock(void)
{
    Suite *suite = suite_create("rwlock");
    TCase *t = tcase_create("rwlock");
    tcase_add_checked_fixture(t, fresh_rwlock, NULL);
    tcase_add_test(t, readers_read_together);
    tcase_add_test(t, a_writer_writes_alone);
    tcase_add_test(t, readers_do_not_pass_a_writer_that_waits);
    tcase_add_test(t, readers_that_stand_together_go_in_together);
    tcase_add_test(t, what_another_task_holds_cannot_be_unlocked);
    tcase_add_test(t, a_writer_that_locks_again_is_told_of_the_deadlock);
    tcase_add_test(t, a_reader_that_would_write_is_told_of_the_deadlock);
    tcase_add_test(t, a_reader_may_read_again_past_a_writer_that_waits);
    tcase_add_test(t, a_try_fails_where_somebody_waits);
    tcase_add_test(t, a_cancelled_scope_refuses_even_a_free_rwlock);
    tcase_add_test(t, readers_behind_a_writer_that_is_cancelled_go_in);
    tcase_add_test(
        t, a_waiter_cancelled_before_the_unlock_leaves_it_to_the_next);
    tcase_add_test(t, a_waiter_cancelled_after_the_unlock_has_the_lock);
    tcase_add_test(t, a_deadline_ends_the_wait_for_an_rwlock);
    tcase_add_test(t, a_lock_whose_writer_ended_is_dead_until_it_is_made_anew);
    tcase_add_test(t, a_reader_that_ends_gives_up_its_part);
    tcase_add_test(t, a_task_may_read_more_locks_than_it_is_known_for);
    tcase_add_test(t, a_hundred_tasks_never_read_what_is_being_written);
    tcase_add_test(t, an_rwlock_tells_who_holds_it);
    suite_add_tcase(suite, t);
    return suite;
}
