/* test_inbox.c: letters from other threads: their order, and that none is lost.
 */
#include "harness.h"

#include "reactor.h"
#include "sys.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

enum { POSTERS = 4, LETTERS = 10000 };

struct numbered {
    struct bi_letter letter;
    int poster, number;
};

static struct bi_inbox inbox;
static int next_of[POSTERS]; /* the number that is due from each */
static int delivered;

static void set_up(void)
{
    ck_assert_int_eq(bi_inbox_open(&inbox), 0);
}

static void tear_down(void)
{
    bi_inbox_close(&inbox);
}

static void note(struct bi_letter *letter)
{
    struct numbered *n = bi_container_of(letter, struct numbered, letter);
    ck_assert_int_eq(n->number, next_of[n->poster]++);
    delivered++;
}

static void post_all(struct numbered *letters, int poster)
{
    for (int i = 0; i < LETTERS; i++) {
        letters[i] = (struct numbered){{.deliver = note}, poster, i};
        bi_inbox_post(&inbox, &letters[i].letter);
    }
}

/* The inbox as the reactor waits for it: an edge for each write. */
static int watch_inbox(void)
{
    int ep = bi_sys_epoll_create();
    struct epoll_event edge = {.events = EPOLLIN | EPOLLET};
    ck_assert_int_ge(ep, 0);
    ck_assert_int_eq(bi_sys_epoll_ctl(ep, EPOLL_CTL_ADD, inbox.wake_fd, &edge),
                     0);
    return ep;
}

/* Sleep as the loop does.  No wake-up within seconds: one was lost. */
static void sleep_until_woken(int ep)
{
    if (bi_inbox_sleep(&inbox)) {
        struct epoll_event event;
        int n = bi_sys_epoll_wait(ep, &event, 1, BIDE_SEC(10));
        ck_assert_msg(n == 1 || n == -EINTR, "a wake-up was lost: %d", n);
        bi_inbox_awake(&inbox);
    }
}

/* How often the eventfd was written since it was last asked. */
static uint64_t wakeups(void)
{
    uint64_t n = 0;
    return bi_sys_read(inbox.wake_fd, &n, sizeof n) < 0 ? 0 : n;
}

static int poster_thread(void *arg)
{
    static struct numbered letters[POSTERS][LETTERS];
    int poster = (int)(intptr_t)arg;
    post_all(letters[poster], poster);
    return 0;
}

START_TEST(letters_are_delivered_in_the_order_of_posting)
{
    static struct numbered letters[LETTERS];
    post_all(letters, 0);
    ck_assert(bi_inbox_deliver(&inbox));
    ck_assert_int_lt(delivered, LETTERS); /* tasks have their turn between */
    ck_assert_uint_eq(bi_inbox_count(&inbox), (size_t)(LETTERS - delivered));
    ck_assert(!bi_inbox_sleep(&inbox));
    while (delivered < LETTERS)
        ck_assert(bi_inbox_deliver(&inbox));
    ck_assert(!bi_inbox_deliver(&inbox));
}
END_TEST

START_TEST(nothing_is_lost_between_four_threads_and_a_sleeper)
{
    int ep = watch_inbox();
    thrd_t threads[POSTERS];
    for (intptr_t i = 0; i < POSTERS; i++)
        ck_assert_int_eq(
            bi_sys.thread_start(&threads[i], poster_thread, (void *)i), 0);
    while (delivered < POSTERS * LETTERS) {
        if (!bi_inbox_deliver(&inbox))
            sleep_until_woken(ep);
    }
    for (int i = 0; i < POSTERS; i++)
        bi_sys_thread_join(threads[i]);
    bi_sys_close(ep);
}
END_TEST

START_TEST(the_eventfd_is_written_only_for_a_sleeper_and_once)
{
    static struct numbered n[3];
    for (int i = 0; i < 3; i++)
        n[i] = (struct numbered){{.deliver = note}, 0, i};
    bi_inbox_post(&inbox, &n[0].letter);
    ck_assert_uint_eq(wakeups(), 0);
    bi_inbox_deliver(&inbox);
    ck_assert(bi_inbox_sleep(&inbox));
    bi_inbox_post(&inbox, &n[1].letter);
    bi_inbox_post(&inbox, &n[2].letter);
    bi_inbox_nudge(&inbox);
    ck_assert_uint_eq(wakeups(), 1);
    bi_inbox_awake(&inbox);
    ck_assert(bi_inbox_deliver(&inbox));
    ck_assert_int_eq(delivered, 3);
}
END_TEST

START_TEST(a_run_with_mail_does_not_fall_asleep)
{
    struct numbered n = {{.deliver = note}, 0, 0};
    bi_inbox_post(&inbox, &n.letter);
    ck_assert(!bi_inbox_sleep(&inbox));
    ck_assert(bi_inbox_deliver(&inbox));
    bi_inbox_nudge(&inbox);
    ck_assert(!bi_inbox_sleep(&inbox));
    ck_assert(bi_inbox_deliver(&inbox));
    ck_assert(bi_inbox_sleep(&inbox));
}
END_TEST

static void nudge_from_handler(int number)
{
    (void)number;
    bi_inbox_nudge(&inbox);
}

START_TEST(a_nudge_from_a_signal_handler_ends_the_sleep)
{
    int ep = watch_inbox();
    struct sigaction action = {.sa_handler = nudge_from_handler};
    sigaction(SIGALRM, &action, NULL);
    ck_assert(bi_inbox_sleep(&inbox));
    raise(SIGALRM);
    struct epoll_event event;
    ck_assert_int_eq(bi_sys_epoll_wait(ep, &event, 1, BIDE_SEC(10)), 1);
    bi_inbox_awake(&inbox);
    ck_assert(bi_inbox_deliver(&inbox));
    bi_sys_close(ep);
}
END_TEST

static struct numbered answer = {{.deliver = note}, 0, 1};

static void post_answer(struct bi_letter *letter)
{
    note(letter);
    bi_inbox_post(&inbox, &answer.letter);
}

START_TEST(a_letter_may_post_a_letter)
{
    struct numbered n = {{.deliver = post_answer}, 0, 0};
    bi_inbox_post(&inbox, &n.letter);
    ck_assert(bi_inbox_deliver(&inbox));
    ck_assert_int_eq(delivered, 1);
    ck_assert(bi_inbox_deliver(&inbox));
    ck_assert_int_eq(delivered, 2);
}
END_TEST

START_TEST(a_shut_inbox_has_delivered_what_came_and_refuses_the_rest)
{
    struct numbered n[2] = {{{.deliver = note}, 0, 0},
                            {{.deliver = note}, 0, 1}};
    ck_assert_int_eq(bi_inbox_post(&inbox, &n[0].letter), 0);
    bi_inbox_shut(&inbox);
    ck_assert_int_eq(delivered, 1);
    ck_assert_int_eq(bi_inbox_post(&inbox, &n[1].letter), -ESHUTDOWN);
    bi_inbox_shut(&inbox);
    ck_assert_int_eq(delivered, 1);
}
END_TEST

/* Post until it is refused; returns how often it was not. */
static void *post_until_shut(void *arg)
{
    static struct numbered letters[POSTERS][LETTERS];
    int poster = (int)(intptr_t)arg, i = 0;
    for (; i < LETTERS; i++) {
        letters[poster][i] = (struct numbered){{.deliver = note}, poster, i};
        if (bi_inbox_post(&inbox, &letters[poster][i].letter) < 0)
            break;
    }
    return (void *)(intptr_t)i;
}

START_TEST(each_letter_is_delivered_or_refused_when_the_inbox_is_shut)
{
    pthread_t threads[POSTERS];
    int accepted = 0;
    for (intptr_t i = 0; i < POSTERS; i++)
        pthread_create(&threads[i], NULL, post_until_shut, (void *)i);
    while (delivered < LETTERS)
        bi_inbox_deliver(&inbox);
    bi_inbox_shut(&inbox);
    int at_the_end = delivered;
    for (int i = 0; i < POSTERS; i++) {
        void *n;
        pthread_join(threads[i], &n);
        accepted += (int)(intptr_t)n;
    }
    ck_assert_int_eq(delivered, at_the_end);
    ck_assert_int_eq(accepted, delivered);
}
END_TEST

START_TEST(in_a_forked_child_every_inbox_is_shut)
{
    struct numbered n = {{.deliver = note}, 0, 0};
    bi_inbox_forked(); /* as the fork handler of a run calls it */
    ck_assert_int_eq(bi_inbox_post(&inbox, &n.letter), -ESHUTDOWN);
    bi_inbox_close(&inbox);
    ck_assert_int_eq(bi_inbox_open(&inbox), 0);
    ck_assert_int_eq(bi_inbox_post(&inbox, &n.letter), 0);
}
END_TEST

/* ---- A run that falls asleep -------------------------------------------- */

static struct bi_backend late;
static const struct bi_backend *usual;
static bide_loop *loop;
static struct bide_event come;

static void set_event(void *event)
{
    bide_event_set(event);
}

/* The run has said that it sleeps, and goes to the kernel: a post comes first,
 * once. */
static void post_and_wait(struct bi_reactor *r, bide_time span)
{
    r->backend = usual;
    ck_assert_int_eq(bide_post(loop, set_event, &come), 0);
    r->backend->wait(r, span);
}

/* Also by a run that has never slept. */
REAL_TEST(a_post_to_a_run_that_falls_asleep_wakes_it)
{
    struct bi_reactor *r = bi_reactor_here();
    loop = bide_loop_ref();
    usual = r->backend;
    late = *usual;
    late.wait = post_and_wait;
    for (int i = 0; i < 3; i++) {
        come = (struct bide_event){0};
        r->backend = &late;
        ck_assert_int_eq(bide_event_wait(&come), 0);
        ck_assert_ptr_eq(r->backend, usual);
    }
    bide_loop_unref(loop);
    return 0;
}

Suite *suite_inbox(void)
{
    Suite *s = suite_create("inbox");
    TCase *t = tcase_create("inbox");
    tcase_set_timeout(t, 30);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, letters_are_delivered_in_the_order_of_posting);
    tcase_add_test(t, nothing_is_lost_between_four_threads_and_a_sleeper);
    tcase_add_test(t, the_eventfd_is_written_only_for_a_sleeper_and_once);
    tcase_add_test(t, a_run_with_mail_does_not_fall_asleep);
    tcase_add_test(t, a_nudge_from_a_signal_handler_ends_the_sleep);
    tcase_add_test(t, a_letter_may_post_a_letter);
    tcase_add_test(t,
                   a_shut_inbox_has_delivered_what_came_and_refuses_the_rest);
    tcase_add_test(
        t, each_letter_is_delivered_or_refused_when_the_inbox_is_shut);
    tcase_add_test(t, in_a_forked_child_every_inbox_is_shut);
    tcase_add_test(t, a_post_to_a_run_that_falls_asleep_wakes_it);
    suite_add_tcase(s, t);
    return s;
}
