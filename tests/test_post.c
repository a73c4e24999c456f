/* test_post.c: calls from other threads: posted, sent, or waited for. */
#include "harness.h"
#include "tasks.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

static bide_loop *loop;
static struct bide_event event;

static pthread_t start_thread(void *(*fn)(void *), void *arg)
{
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, fn, arg), 0);
    return thread;
}

static void join_thread(pthread_t thread, intptr_t expected)
{
    void *result;
    pthread_join(thread, &result);
    ck_assert_int_eq((intptr_t)result, expected);
}

static void note_letter(void *letter)
{
    note((char)VALUE(letter));
}

static void set_event(void *e)
{
    bide_event_set(e);
}

/* ---- Posted ------------------------------------------------------------- */

VIRTUAL_TEST(posted_calls_are_made_in_the_order_of_posting)
{
    loop = bide_loop_ref();
    for (char c = 'a'; c <= 'c'; c++)
        ck_assert_int_eq(bide_post(loop, note_letter, NUM(c)), 0);
    ck_assert_int_eq(bide_post(loop, set_event, &event), 0);
    expect_journal("");
    ck_assert_int_eq(bide_event_wait(&event), 0);
    expect_journal("abc");
    bide_loop_unref(loop);
    return 0;
}

VIRTUAL_TEST(one_yield_is_enough_for_what_a_task_posts_or_sends)
{
    struct bide_async again = {.fn = note_letter, .arg = NUM('x')};
    loop = bide_loop_ref();
    ck_assert_int_eq(bide_post(loop, note_letter, NUM('a')), 0);
    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(bide_async_send(loop, &again), 0);
    turns(1);
    expect_journal("ax");
    bide_loop_unref(loop);
    return 0;
}

static pthread_t loops_own;

static void note_thread(void *e)
{
    ck_assert(pthread_equal(pthread_self(), loops_own));
    bide_event_set(e);
}

static void *post_later(void *unused)
{
    (void)unused;
    usleep(2000);
    return NUM(bide_post(loop, note_thread, &event));
}

REAL_TEST(a_post_wakes_a_loop_that_sleeps_and_is_made_on_its_thread)
{
    loop = bide_loop_ref();
    loops_own = pthread_self();
    pthread_t thread = start_thread(post_later, NULL);
    ck_assert_int_eq(bide_event_wait(&event), 0);
    join_thread(thread, 0);
    bide_loop_unref(loop);
    return 0;
}

enum { POSTERS = 4, POSTS = 2000 };

static int last_of[POSTERS], posted_total;

static void count_post(void *number)
{
    int poster = (int)VALUE(number) / POSTS, i = (int)VALUE(number) % POSTS;
    ck_assert_int_eq(i, last_of[poster]++);
    if (++posted_total == POSTERS * POSTS)
        bide_event_set(&event);
}

static void *post_many(void *poster)
{
    for (intptr_t i = 0; i < POSTS; i++)
        if (bide_post(loop, count_post, NUM(VALUE(poster) * POSTS + i)) < 0)
            return NUM(1);
    return NULL;
}

REAL_TEST(four_threads_post_and_nothing_is_lost_or_out_of_order)
{
    pthread_t threads[POSTERS];
    loop = bide_loop_ref();
    for (int i = 0; i < POSTERS; i++)
        threads[i] = start_thread(post_many, NUM(i));
    ck_assert_int_eq(bide_event_wait(&event), 0);
    for (int i = 0; i < POSTERS; i++)
        join_thread(threads[i], 0);
    ck_assert_int_eq(posted_total, POSTERS * POSTS);
    bide_loop_unref(loop);
    return 0;
}

static struct bide_mutex mutex;
static struct bide_chan chan;
static void *dropped;

static void note_drop(void *value)
{
    dropped = value;
}

static struct bide_local local = {.drop = note_drop};

/* Every kind of call that does not wait. */
static void use_everything(void *unused)
{
    static char buf[4];
    struct bide_scope s = {0};
    struct bide_spawn_options eager = {.flags = BIDE_EAGER};
    (void)unused;
    ck_assert_ptr_null(bide_self());
    bide_scope_open(&s, bide_after(BIDE_SEC(1)));
    ck_assert_int_eq(bide_cancel_code(), 0);
    ck_assert_int_eq(bide_scope_close(&s, 3), 3);
    ck_assert_int_eq(bide_mutex_trylock(&mutex), 0);
    bide_chan_init(&chan, buf, 1, sizeof buf);
    ck_assert_int_eq(bide_chan_trysend(&chan, "x"), 0);
    ck_assert_int_eq(bide_local_set(&local, NUM(7)), 0);
    ck_assert_ptr_eq(bide_local_get(&local), NUM(7));
    ck_assert_int_eq(bide_defer(note_letter, NUM('d')), 0);
    ck_assert_int_eq(bide_spawn(NULL, note_it, NUM('s')), 0);
    ck_assert_int_eq(bide_spawn_with(NULL, note_it, NUM('t'), &eager), 0);
    ck_assert_ptr_eq(bide_loop_ref(), loop);
    bide_loop_unref(loop);
    note('p');
}

VIRTUAL_TEST(a_posted_function_may_make_every_call_that_does_not_wait)
{
    char item;
    loop = bide_loop_ref();
    ck_assert_int_eq(bide_post(loop, use_everything, NULL), 0);
    ck_assert_int_eq(bide_sleep(1), 0);
    expect_journal("pdst");
    ck_assert_int_eq(bide_chan_tryrecv(&chan, &item), 1);
    ck_assert_ptr_eq(dropped, NUM(7));
    ck_assert_int_eq(bide_mutex_trylock(&mutex), -EOWNERDEAD);
    bide_loop_unref(loop);
    return 0;
}

static void wait_a_little(void *unused)
{
    (void)unused;
    bide_sleep(1);
}

static void close_a_full_group(void *unused)
{
    struct bide_group g = {0};
    (void)unused;
    bide_group_open(&g, BIDE_COLLECT);
    if (bide_group_spawn(&g, give, NULL) == 0)
        bide_group_close(&g, 0);
}

static void leave_a_scope_open(void *unused)
{
    static struct bide_scope s;
    (void)unused;
    bide_scope_open(&s, BIDE_FOREVER);
}

static void (*posted)(void *);

static intptr_t post_and_sleep(void *unused)
{
    (void)unused;
    if (bide_post(bide_loop_ref(), posted, NULL) == 0)
        bide_sleep(1);
    return 0;
}

START_TEST(a_wait_in_a_posted_function_is_misuse)
{
    posted = wait_a_little;
    expect_contract(post_and_sleep, "bide_post", "may wait", NULL);
    posted = close_a_full_group;
    expect_contract(post_and_sleep, "bide_post", "may wait", NULL);
    posted = leave_a_scope_open;
    expect_contract(post_and_sleep, "posted function", "left open", NULL);
}
END_TEST

static intptr_t post_nothing(void *unused)
{
    (void)unused;
    return bide_post(NULL, note_letter, NULL);
}

START_TEST(a_post_without_a_loop_is_misuse)
{
    expect_contract(post_nothing, "bide_post", "NULL", NULL);
}
END_TEST

static intptr_t give_back_twice(void *unused)
{
    (void)unused;
    bide_loop *held = bide_loop_ref();
    bide_loop_unref(held);
    bide_loop_unref(held);
    return 0;
}

START_TEST(giving_a_loop_back_twice_is_misuse)
{
    expect_contract(give_back_twice, "bide_loop_unref",
                    "gave back a run that nobody holds", NULL);
}
END_TEST

VIRTUAL_TEST(calls_without_a_function_are_refused)
{
    struct bide_async none = {0};
    loop = bide_loop_ref();
    ck_assert_int_eq(bide_post(loop, NULL, NULL), -EINVAL);
    ck_assert_int_eq(bide_async_send(loop, &none), -EINVAL);
    ck_assert_int_eq(bide_call_from_thread(loop, NULL, NULL), -EINVAL);
    bide_loop_unref(loop);
    return 0;
}

/* ---- The end of the run ------------------------------------------------- */

static intptr_t hold_and_end(void *thread)
{
    loop = bide_loop_ref();
    if (thread)
        *(pthread_t *)thread = start_thread(post_many, NUM(0));
    return 0;
}

START_TEST(after_the_run_every_poster_hears_of_its_end)
{
    struct bide_async a = {.fn = note_letter};
    ck_assert_int_eq(run_task(hold_and_end, NULL), 0);
    ck_assert_int_eq(bide_post(loop, note_letter, NUM('x')), -ESHUTDOWN);
    ck_assert_int_eq(bide_async_send(loop, &a), -ESHUTDOWN);
    ck_assert_int_eq(bide_async_send(loop, &a), -ESHUTDOWN);
    ck_assert_int_eq(bide_call_from_thread(loop, give, NULL), -ESHUTDOWN);
    expect_journal("");
    bide_loop_unref(loop);
}
END_TEST

static void count_one(void *unused)
{
    (void)unused;
    posted_total++;
}

VIRTUAL_TEST(a_flood_of_posts_lets_tasks_run_in_between)
{
    int turns = 0;
    loop = bide_loop_ref();
    for (int i = 0; i < 20000; i++)
        ck_assert_int_eq(bide_post(loop, count_one, NULL), 0);
    for (; posted_total < 20000; turns++)
        bide_yield();
    ck_assert_int_ge(turns, 10);
    bide_loop_unref(loop);
    return 0;
}

static void *post_to_the_end(void *counted)
{
    while (bide_post(loop, count_one, NULL) == 0)
        ++*(int *)counted;
    return NULL;
}

static intptr_t be_posted_to(void *thread)
{
    static int accepted;
    loop = bide_loop_ref();
    accepted = posted_total = 0;
    *(pthread_t *)thread = start_thread(post_to_the_end, &accepted);
    while (posted_total < 10)
        bide_sleep(BIDE_US(10));
    return (intptr_t)&accepted;
}

START_TEST(what_a_post_was_accepted_for_is_called_before_the_run_has_ended)
{
    for (int i = 0; i < 25; i++) {
        pthread_t thread;
        intptr_t accepted = run_task(be_posted_to, &thread);
        int called = posted_total;
        join_thread(thread, 0);
        ck_assert_int_eq(*(int *)accepted, called);
        bide_loop_unref(loop);
    }
}
END_TEST

static void spawn_late(void *unused)
{
    (void)unused;
    ck_assert_int_eq(bide_spawn(NULL, give, NULL), -ESHUTDOWN);
    note('l');
}

static intptr_t post_and_return(void *unused)
{
    (void)unused;
    loop = bide_loop_ref();
    return bide_post(loop, spawn_late, NULL);
}

START_TEST(a_call_posted_at_the_very_end_is_made_but_starts_no_task)
{
    ck_assert_int_eq(run_task(post_and_return, NULL), 0);
    expect_journal("l");
    bide_loop_unref(loop);
}
END_TEST

/* ---- Sent --------------------------------------------------------------- */

VIRTUAL_TEST(a_thousand_sends_before_a_turn_are_one_call)
{
    struct bide_async a = {.fn = note_letter, .arg = NUM('a')};
    loop = bide_loop_ref();
    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(bide_async_send(loop, &a), 0);
    bide_sleep(1);
    expect_journal("a");
    bide_async_send(loop, &a);
    bide_sleep(1);
    expect_journal("aa");
    bide_loop_unref(loop);
    return 0;
}

VIRTUAL_TEST(a_send_that_was_cancelled_is_not_called)
{
    struct bide_async a = {.fn = note_letter, .arg = NUM('a')};
    loop = bide_loop_ref();
    ck_assert(!bide_async_cancel(&a));
    bide_async_send(loop, &a);
    ck_assert(bide_async_cancel(&a));
    ck_assert(!bide_async_cancel(&a));
    bide_sleep(1);
    expect_journal("");
    bide_async_send(loop, &a);
    ck_assert(bide_async_cancel(&a));
    bide_async_send(loop, &a);
    bide_sleep(1);
    expect_journal("a");
    bide_loop_unref(loop);
    return 0;
}

static struct bide_async from_handler = {.fn = set_event, .arg = &event};

static void on_alarm(int number)
{
    (void)number;
    bide_async_send(loop, &from_handler);
}

REAL_TEST(a_signal_handler_may_send_and_wakes_the_loop)
{
    struct sigaction action = {.sa_handler = on_alarm};
    loop = bide_loop_ref();
    sigaction(SIGALRM, &action, NULL);
    ualarm(2000, 0);
    ck_assert_int_eq(bide_event_wait(&event), 0);
    bide_loop_unref(loop);
    return 0;
}

/* ---- Waited for --------------------------------------------------------- */

static intptr_t sleep_then_give(void *value)
{
    int rc = bide_sleep(BIDE_MS(2));
    return rc < 0 ? rc : VALUE(value);
}

static void *call_and_tell(void *fn)
{
    intptr_t rc = bide_call_from_thread(loop, (bide_fn *)(uintptr_t)fn,
                                        NUM(42));
    if (bide_post(loop, set_event, &event) < 0)
        note('!');
    return NUM(rc);
}

REAL_TEST(a_thread_gets_the_result_of_a_task_that_waited)
{
    loop = bide_loop_ref();
    void *fn = (void *)(uintptr_t)sleep_then_give;
    pthread_t thread = start_thread(call_and_tell, fn);
    ck_assert_int_eq(bide_event_wait(&event), 0);
    join_thread(thread, 42);
    ck_assert_uint_eq(heard.count, 0);
    bide_loop_unref(loop);
    return 0;
}

static intptr_t cancel_self(void *unused)
{
    (void)unused;
    bide_cancel(bide_self());
    return bide_sleep(BIDE_SEC(10));
}

REAL_TEST(a_thread_hears_that_its_task_was_cancelled)
{
    loop = bide_loop_ref();
    void *fn = (void *)(uintptr_t)cancel_self;
    pthread_t thread = start_thread(call_and_tell, fn);
    ck_assert_int_eq(bide_event_wait(&event), 0);
    join_thread(thread, -ECANCELED);
    bide_loop_unref(loop);
    return 0;
}

VIRTUAL_TEST(a_call_from_the_loops_own_thread_is_a_deadlock)
{
    loop = bide_loop_ref();
    ck_assert_int_eq(bide_call_from_thread(loop, give, NULL), -EDEADLK);
    bide_loop_unref(loop);
    return 0;
}

static pthread_t caller;

static intptr_t note_and_sleep(void *unused)
{
    bide_event_set(&event);
    return sleep_for_ever(unused);
}

static intptr_t return_while_called(void *unused)
{
    (void)unused;
    loop = bide_loop_ref();
    void *fn = (void *)(uintptr_t)note_and_sleep;
    caller = start_thread(call_and_tell, fn);
    return bide_event_wait(&event);
}

START_TEST(the_end_of_the_run_cancels_the_task_of_a_thread_and_tells_it)
{
    ck_assert_int_eq(run_task(return_while_called, NULL), 0);
    join_thread(caller, -ECANCELED);
    bide_loop_unref(loop);
}
END_TEST

static void *call_to_the_end(void *unused)
{
    intptr_t rc;
    (void)unused;
    while ((rc = bide_call_from_thread(loop, give, NUM(1))) == 1)
        ;
    return NUM(rc);
}

static intptr_t be_called(void *threads)
{
    loop = bide_loop_ref();
    for (int i = 0; i < 2; i++)
        ((pthread_t *)threads)[i] = start_thread(call_to_the_end, NULL);
    return bide_sleep(BIDE_US(300));
}

START_TEST(every_call_is_answered_or_refused_when_the_run_ends)
{
    for (int i = 0; i < 50; i++) {
        pthread_t threads[2];
        ck_assert_int_eq(run_task(be_called, threads), 0);
        for (int k = 0; k < 2; k++)
            join_thread(threads[k], -ESHUTDOWN);
        bide_loop_unref(loop);
    }
}
END_TEST

Suite *suite_post(void)
{
    Suite *s = suite_create("post");
    TCase *t = tcase_create("post");
    tcase_set_timeout(t, 20);
    tcase_add_checked_fixture(t, clear_journal, NULL);
    tcase_add_test(t, posted_calls_are_made_in_the_order_of_posting);
    tcase_add_test(t, one_yield_is_enough_for_what_a_task_posts_or_sends);
    tcase_add_test(t, a_flood_of_posts_lets_tasks_run_in_between);
    tcase_add_test(t,
                   a_post_wakes_a_loop_that_sleeps_and_is_made_on_its_thread);
    tcase_add_test(t, four_threads_post_and_nothing_is_lost_or_out_of_order);
    tcase_add_test(t,
                   a_posted_function_may_make_every_call_that_does_not_wait);
    tcase_add_test(t, a_wait_in_a_posted_function_is_misuse);
    tcase_add_test(t, a_post_without_a_loop_is_misuse);
    tcase_add_test(t, giving_a_loop_back_twice_is_misuse);
    tcase_add_test(t, calls_without_a_function_are_refused);
    tcase_add_test(t, after_the_run_every_poster_hears_of_its_end);
    tcase_add_test(
        t, what_a_post_was_accepted_for_is_called_before_the_run_has_ended);
    tcase_add_test(t, a_call_posted_at_the_very_end_is_made_but_starts_no_task);
    tcase_add_test(t, a_thousand_sends_before_a_turn_are_one_call);
    tcase_add_test(t, a_send_that_was_cancelled_is_not_called);
    tcase_add_test(t, a_signal_handler_may_send_and_wakes_the_loop);
    tcase_add_test(t, a_thread_gets_the_result_of_a_task_that_waited);
    tcase_add_test(t, a_thread_hears_that_its_task_was_cancelled);
    tcase_add_test(t, a_call_from_the_loops_own_thread_is_a_deadlock);
    tcase_add_test(
        t, the_end_of_the_run_cancels_the_task_of_a_thread_and_tells_it);
    tcase_add_test(t, every_call_is_answered_or_refused_when_the_run_ends);
    suite_add_tcase(s, t);
    return s;
}
