/* test_threads.c: several runs side by side, a thread each, and the handle by
 * which other threads hold one.
 */
#include "doors.h"

#include <pthread.h>
#include <stdatomic.h>

#define THREADS 4

static pthread_t start_thread(void *(*fn)(void *), void *arg)
{
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, fn, arg), 0);
    return thread;
}

/* ---- Side by side ------------------------------------------------------- */

static intptr_t echo(void *arg)
{
    struct ends *ends = arg;
    char buf[16];
    ssize_t n;
    while ((n = bide_read(ends->out, buf, sizeof buf)) > 0)
        if (bide_write_all(ends->out, buf, (size_t)n) != n)
            return -EIO;
    return n;
}

/* Hundreds of round trips, with deadlines and sleeps between them. */
static intptr_t work(void *arg)
{
    struct ends ends = open_ends(UNIX, 0);
    char buf[16];
    bide_task *peer = start(echo, &ends);
    for (int i = 0; i < 300; i++) {
        struct io io = {ends.in, buf, 1, 0};
        if (bide_write(ends.in, "x", 1) != 1 ||
            within(BIDE_SEC(2), io_read, &io) != 1)
            return -EIO;
        if (i % 50 == 0)
            bide_sleep(BIDE_US(50));
    }
    bide_close(ends.in);
    intptr_t rc = end_of(peer);
    close(ends.out);
    return rc < 0 ? rc : (intptr_t)arg;
}

static void *run_work(void *arg)
{
    intptr_t number = (intptr_t)arg;
    for (int i = 0; i < 3; i++)
        if (bide_run(work, arg, NULL) != number)
            return (void *)1;
    return NULL;
}

START_TEST(several_runs_work_side_by_side)
{
    pthread_t threads[THREADS];
    int before = open_descriptors();
    for (intptr_t i = 0; i < THREADS; i++)
        threads[i] = start_thread(run_work, (void *)(i + 10));
    ck_assert_int_eq(bide_run(work, (void *)9, NULL), 9);
    for (int i = 0; i < THREADS; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        ck_assert_ptr_null(failed);
    }
    ck_assert_int_eq(open_descriptors(), before);
}
END_TEST

/* A byte goes round through all runs. */
struct station {
    int in, out, rounds;
};

static intptr_t pass_on(void *arg)
{
    struct station *s = arg;
    char byte;
    for (int i = 0; i < s->rounds; i++) {
        ssize_t n = bide_read(s->in, &byte, 1);
        if (n != 1)
            return n < 0 ? n : -EPIPE;
        byte++;
        if (bide_write(s->out, &byte, 1) != 1)
            return -EPIPE;
    }
    return 0;
}

static void *run_station(void *station)
{
    return (void *)bide_run(pass_on, station, NULL);
}

START_TEST(runs_talk_to_each_other_through_pipes)
{
    struct ends pipes[THREADS + 1];
    struct station stations[THREADS];
    pthread_t threads[THREADS];
    for (int i = 0; i <= THREADS; i++)
        pipes[i] = open_ends(PIPE, 0);
    for (int i = 0; i < THREADS; i++) {
        stations[i] = (struct station){pipes[i].out, pipes[i + 1].in, 50};
        threads[i] = start_thread(run_station, &stations[i]);
    }
    for (int i = 0; i < 50; i++) {
        char byte = 'a';
        ck_assert_int_eq(write(pipes[0].in, &byte, 1), 1);
        ck_assert_int_eq(read(pipes[THREADS].out, &byte, 1), 1);
        ck_assert_int_eq(byte, 'a' + THREADS);
    }
    for (int i = 0; i < THREADS; i++) {
        void *result;
        pthread_join(threads[i], &result);
        ck_assert_ptr_null(result);
    }
    for (int i = 0; i <= THREADS; i++)
        close_ends(pipes[i]);
}
END_TEST

static void *look_around(void *arg)
{
    struct bide_stats stats;
    struct bide_info info;
    (void)arg;
    bide_stats(&stats);
    bide_info(&info);
    bool none = !bide_self() && stats.spawned == 0 && info.backend[0];
    return none ? NULL : (void *)1;
}

REAL_TEST(a_thread_without_a_run_sees_none)
{
    void *failed;
    pthread_t thread = start_thread(look_around, NULL);
    pthread_join(thread, &failed);
    ck_assert_ptr_null(failed);
    ck_assert_ptr_nonnull(bide_self());
    return 0;
}

static void *fail_to_run(void *arg)
{
    struct bide_options bad = {.stack_bytes = 1};
    (void)arg;
    return (void *)bide_run(work, NULL, &bad);
}

REAL_TEST(a_run_that_fails_on_another_thread_leaves_this_one_alone)
{
    void *result;
    pthread_t thread = start_thread(fail_to_run, NULL);
    pthread_join(thread, &result);
    ck_assert_int_eq((intptr_t)result, -EINVAL);
    ck_assert_int_eq(work((void *)3), 3);
    ck_assert_int_eq(bide_run(work, NULL, NULL), -EDEADLK);
    return 0;
}

/* Two runs post to each other and use threads of their own. */
enum { ROUNDS = 200 };

struct side {
    _Atomic(bide_loop *) loop;
    struct side *other;
    struct bide_sem told;
};

static void tell(void *side)
{
    bide_sem_release(&((struct side *)side)->told, 1);
}

static intptr_t give_it(void *value)
{
    return (intptr_t)value;
}

static intptr_t post_to_each_other(void *arg)
{
    struct side *s = arg;
    s->loop = bide_loop_ref();
    while (!atomic_load(&s->other->loop))
        bide_sleep(BIDE_US(50));
    for (int i = 0; i < ROUNDS; i++) {
        if (bide_post(s->other->loop, tell, s->other) < 0 ||
            bide_sem_acquire(&s->told, 1) < 0)
            return -EIO;
        if (bide_to_thread(give_it, (void *)7) != 7)
            return -EPROTO;
    }
    return 0;
}

static void *run_side(void *side)
{
    return (void *)bide_run(post_to_each_other, side, NULL);
}

START_TEST(two_runs_post_to_each_other_and_have_threads_of_their_own)
{
    struct side a = {.other = NULL}, b = {.other = &a};
    a.other = &b;
    pthread_t thread = start_thread(run_side, &b);
    ck_assert_ptr_null(run_side(&a));
    void *failed;
    pthread_join(thread, &failed);
    ck_assert_ptr_null(failed);
    bide_loop_unref(a.loop);
    bide_loop_unref(b.loop);
}
END_TEST

/* ---- Holding a run ------------------------------------------------------ */

static intptr_t hold_and_give_back(void *arg)
{
    (void)arg;
    bide_loop *a = bide_loop_ref(), *b = bide_loop_ref();
    ck_assert_ptr_nonnull(a);
    ck_assert_ptr_eq(a, b);
    bide_loop_unref(a);
    bide_loop_unref(b);
    return bide_sleep(1);
}

START_TEST(a_run_is_held_and_given_back)
{
    ck_assert_int_eq(bide_run(hold_and_give_back, NULL, NULL), 0);
}
END_TEST

static void *give_back_soon(void *loop)
{
    usleep(5000);
    bide_loop_unref(loop);
    return NULL;
}

static pthread_t helper;
static bide_time waited;

/* Wait for what nobody in the run will set. */
static intptr_t wait_while_held(void *arg)
{
    struct bide_event never = {0};
    (void)arg;
    bide_time before = bide_now();
    helper = start_thread(give_back_soon, bide_loop_ref());
    int rc = bide_event_wait(&never);
    waited = bide_now() - before;
    return rc;
}

static void deadlock_when_given_back(void)
{
    intptr_t rc = bide_run(wait_while_held, NULL, NULL);
    pthread_join(helper, NULL);
    _exit(rc == -EDEADLK && waited >= BIDE_MS(4) ? 7 : 8);
}

START_TEST(a_held_run_is_never_deadlocked_and_looks_again_when_given_back)
{
    char text[2048];
    int status = in_child(deadlock_when_given_back, text, sizeof text);
    ck_assert_int_eq(status, 7 << 8);
    ck_assert_ptr_nonnull(strstr(text, "deadlock"));
    ck_assert_ptr_nonnull(strstr(text, "main"));
}
END_TEST

static bide_loop *kept;

static intptr_t keep(void *arg)
{
    (void)arg;
    kept = bide_loop_ref();
    return 0;
}

static void *give_back_kept(void *arg)
{
    (void)arg;
    bide_loop_unref(kept);
    return NULL;
}

START_TEST(a_handle_may_be_given_back_after_its_run)
{
    int before = open_descriptors();
    ck_assert_int_eq(bide_run(keep, NULL, NULL), 0);
    ck_assert_int_eq(bide_run(hold_and_give_back, NULL, NULL), 0);
    pthread_join(start_thread(give_back_kept, NULL), NULL);
    ck_assert_int_eq(open_descriptors(), before);
}
END_TEST

/* The last holder and the end of the run, many times, in either order. */
static intptr_t hold_and_end(void *arg)
{
    pthread_t *thread = arg;
    kept = bide_loop_ref();
    *thread = start_thread(give_back_kept, NULL);
    return bide_yield();
}

START_TEST(giving_back_and_ending_meet_in_any_order)
{
    int before = open_descriptors();
    for (int i = 0; i < 300; i++) {
        pthread_t thread;
        ck_assert_int_eq(bide_run(hold_and_end, &thread, NULL), 0);
        pthread_join(thread, NULL);
    }
    ck_assert_int_eq(open_descriptors(), before);
}
END_TEST

static intptr_t give_back_null(void *arg)
{
    (void)arg;
    bide_loop_unref(NULL);
    return 0;
}

START_TEST(giving_back_nothing_is_misuse)
{
    expect_contract(give_back_null, "bide_loop_unref", NULL);
}
END_TEST

Suite *suite_threads(void)
{
    Suite *s = suite_create("threads");
    TCase *t = tcase_create("side by side");
    tcase_add_test(t, several_runs_work_side_by_side);
    tcase_add_test(t, runs_talk_to_each_other_through_pipes);
    tcase_add_test(t,
                   two_runs_post_to_each_other_and_have_threads_of_their_own);
    tcase_add_test(t, a_thread_without_a_run_sees_none);
    tcase_add_test(t,
                   a_run_that_fails_on_another_thread_leaves_this_one_alone);
    suite_add_tcase(s, t);
    t = tcase_create("holding a run");
    tcase_add_test(t, a_run_is_held_and_given_back);
    tcase_add_test(
        t, a_held_run_is_never_deadlocked_and_looks_again_when_given_back);
    tcase_add_test(t, a_handle_may_be_given_back_after_its_run);
    tcase_add_test(t, giving_back_and_ending_meet_in_any_order);
    tcase_add_test(t, giving_back_nothing_is_misuse);
    suite_add_tcase(s, t);
    return s;
}
