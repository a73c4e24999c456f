/* test_epoll.c: the epoll backend: what is registered and when, and what
 * becomes of a wait whose descriptor somebody else took away.
 */
#include "harness.h"
#include "pair.h"
#include "reactor.h"
#include "sys.h"

#include <sys/wait.h>
#include <unistd.h>

static struct bi_sys real;
static int adds, mods;         /* by EPOLL_CTL_ADD and _MOD */
static long fault_number = -1; /* this system call fails, */
static int fault_error;        /* with this */

static long counted_call(long number, long a, long b, long c, long d, long e,
                         long f)
{
    if (number == SYS_epoll_ctl) {
        adds += b == EPOLL_CTL_ADD;
        mods += b == EPOLL_CTL_MOD;
    }
    if (number == fault_number)
        return fault_error;
    return real.call(number, a, b, c, d, e, f);
}

static void set_up(void)
{
    setenv("BIDE_BACKEND", "epoll", 1);
    real = bi_sys;
    bi_sys.call = counted_call;
}

static void tear_down(void)
{
    bi_sys = real;
}

/* ---- Registration ------------------------------------------------------- */

enum { ROUNDS = 500 };

static intptr_t echo(void *arg)
{
    int fd = arg_fd(arg);
    char byte;
    ssize_t n;
    while ((n = bide_read(fd, &byte, 1)) == 1)
        ck_assert_int_eq(bide_write(fd, &byte, 1), 1);
    return n;
}

/* Count how an echo's descriptor is registered; the peer is not waited on. */
static void echo_rounds(struct pair p)
{
    bide_task *task = start(echo, fd_arg(p.fd));
    adds = mods = 0;
    for (int i = 0; i < ROUNDS; i++) {
        char byte;
        put(p.peer, "x");
        while (recv(p.peer, &byte, 1, MSG_DONTWAIT) != 1)
            bide_sleep(BIDE_US(1));
    }
    close(p.peer);
    ck_assert_int_eq(end_of(task), 0);
    bide_close(p.fd);
}

REAL_TEST(what_bide_made_is_registered_once_for_many_waits)
{
    echo_rounds(ours_pair());
    ck_assert_int_eq(adds, 1);
    ck_assert_int_lt(mods, ROUNDS / 10); /* the sweep's, on a slow machine */
    return 0;
}

REAL_TEST(what_others_made_is_asked_about_at_each_wait)
{
    echo_rounds(foreign_pair());
    ck_assert_int_eq(adds, 1);
    ck_assert_int_gt(mods, ROUNDS / 2);
    return 0;
}

REAL_TEST(a_wait_hardly_disturbs_an_idle_run)
{
    struct pair p = foreign_pair();
    bide_task *task = start_reader(p.fd);
    uint64_t before = count_submits();
    bide_sleep(BIDE_MS(400));
    ck_assert_uint_lt(count_submits() - before, 24);
    put(p.peer, "x");
    ck_assert_int_eq(end_of(task), 1);
    close(p.peer);
    return bide_close(p.fd);
}

/* ---- Descriptors that others take away ---------------------------------- */

static void close_behind(struct pair p)
{
    bide_task *task = start_reader(p.fd);
    close(p.fd);
    ck_assert_int_eq(end_of(task), -EBADF);
    close(p.peer);
}

REAL_TEST(a_foreign_close_ends_the_wait_with_ebadf)
{
    close_behind(foreign_pair());
    close_behind(ours_pair());
    return 0;
}

/* The one who waited gets nothing of what was put in its descriptor's place;
 * the number is as good as any from then on. */
static void replace_behind(struct pair p)
{
    bide_task *task = start_reader(p.fd);
    bide_sleep(BIDE_MS(60)); /* until the kernel has been asked about it */
    struct pair other = foreign_pair();
    ck_assert_int_eq(dup2(other.fd, p.fd), p.fd);
    put(other.peer, "theirs");
    ck_assert_int_eq(end_of(task), -EBADF);
    ck_assert_int_eq(read(p.fd, got, sizeof got), 6);

    task = start_reader(p.fd);
    put(other.peer, "mine");
    ck_assert_int_eq(end_of(task), 4);
    bide_close(p.fd);
    close(p.peer);
    close(other.fd);
    close(other.peer);
}

REAL_TEST(a_replaced_descriptor_keeps_its_data_from_the_old_waiter)
{
    replace_behind(foreign_pair());
    replace_behind(ours_pair());
    return 0;
}

/* Leave the registration of `old` alive by a duplicate, which is returned. */
static int keep_registered(struct pair old)
{
    bide_task *task = start_reader(old.fd);
    put(old.peer, "1");
    ck_assert_int_eq(end_of(task), 1);
    return fcntl(old.fd, F_DUPFD, 100);
}

/* bide itself uses the number again, and takes its events for nobody's. */
REAL_TEST(events_of_a_file_that_lives_on_elsewhere_wake_nobody)
{
    struct pair old = ours_pair();
    int listener = bide_listen("127.0.0.1", "0", 1);
    int peer = foreign_dial(listener_port(listener));
    int copy = keep_registered(old);
    close(old.fd);
    ck_assert_int_eq(bide_accept(listener, NULL, NULL), old.fd);
    bide_task *task = start_reader(old.fd);
    uint64_t before = count_wakeups();
    put(old.peer, "old");
    settle();
    ck_assert_uint_eq(count_wakeups(), before);
    put(peer, "new!");
    ck_assert_int_eq(end_of(task), 4);
    ck_assert(memcmp(got, "new!", 4) == 0);
    bide_close(old.fd);
    bide_close(listener);
    close(copy);
    close(old.peer);
    close(peer);
    return 0;
}

/* The same for a number that is never bide's. */
REAL_TEST(events_of_a_replaced_file_wake_nobody)
{
    struct pair old = foreign_pair(), new = foreign_pair();
    bide_task *task = start_reader(old.fd);
    bide_cancel(task);
    ck_assert_int_eq(end_of(task), -ECANCELED);
    int copy = dup(old.fd);
    ck_assert_int_eq(dup2(new.fd, old.fd), old.fd);
    task = start_reader(old.fd);
    uint64_t before = count_wakeups();
    put(old.peer, "old");
    settle();
    ck_assert_uint_eq(count_wakeups(), before);
    put(new.peer, "new!");
    ck_assert_int_eq(end_of(task), 4);
    bide_close(old.fd);
    close(copy);
    close(old.peer);
    close(new.fd);
    close(new.peer);
    return 0;
}

/* bide believes that the number is still what it made and registered. */
REAL_TEST(a_wait_that_began_after_a_replacement_is_for_the_new_file)
{
    struct pair old = ours_pair(), new = foreign_pair();
    int copy = keep_registered(old);
    ck_assert_int_eq(dup2(new.fd, old.fd), old.fd);
    bide_task *task = start_reader(old.fd);
    put(old.peer, "old");
    settle();
    put(new.peer, "new!");
    ck_assert_int_eq(end_of(task), 4);
    ck_assert(memcmp(got, "new!", 4) == 0);
    mods = 0;
    task = start_reader(old.fd);
    ck_assert_int_eq(mods, 1); /* it is not taken for bide's any more */
    bide_close(old.fd);
    ck_assert_int_eq(end_of(task), -EBADF);
    close(copy);
    close(old.peer);
    close(new.fd);
    close(new.peer);
    return 0;
}

REAL_TEST(bide_close_takes_the_registration_along_though_a_duplicate_lives)
{
    struct pair p = ours_pair();
    bide_task *task = start_reader(p.fd);
    int copy = dup(p.fd);
    ck_assert_int_eq(bide_close(p.fd), 0);
    ck_assert_int_eq(end_of(task), -EBADF);
    uint64_t before = count_submits();
    for (int i = 0; i < 20; i++) {
        put(p.peer, "x"); /* nobody hears it */
        bide_sleep(BIDE_MS(1));
    }
    /* One for each sleep; an event would need a second. */
    ck_assert_uint_lt(count_submits() - before, 30);
    close(copy);
    close(p.peer);
    return 0;
}

/* ---- Set-up and forks --------------------------------------------------- */

static struct bi_run bare_run;
static struct bi_inbox inbox;
static struct bi_reactor reactor;

static int open_bare(void)
{
    ck_assert_int_eq(bi_inbox_open(&inbox), 0);
    reactor = (struct bi_reactor){.run = &bare_run, .inbox = &inbox};
    return bi_backend_epoll.open(&reactor, 0);
}

START_TEST(a_failing_set_up_tells_why_and_leaves_nothing)
{
    static const long numbers[] = {SYS_epoll_create1, SYS_epoll_ctl};
    int before = open_descriptors();
    fault_number = numbers[_i];
    fault_error = -EMFILE;
    ck_assert_int_eq(open_bare(), -EMFILE);
    ck_assert(strstr(reactor.reason, strerror(EMFILE)));
    fault_number = -1;
    bi_inbox_close(&inbox);
    ck_assert_int_eq(open_descriptors(), before);
}
END_TEST

START_TEST(a_forked_child_leaves_the_registrations_of_its_parent)
{
    ck_assert_int_eq(open_bare(), 0);
    pid_t child = fork();
    if (child == 0) {
        bi_backend_epoll.abandon(&reactor);
        _exit(0);
    }
    int status = -1;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    bide_time begun = bi_sys.now();
    ck_assert(bi_inbox_sleep(&inbox));
    bi_inbox_nudge(&inbox);
    bi_backend_epoll.wait(&reactor, BIDE_SEC(10));
    ck_assert_int_lt(bi_sys.now() - begun, BIDE_SEC(5));
    bi_inbox_awake(&inbox);
    bi_inbox_deliver(&inbox);
    bi_backend_epoll.close(&reactor);
    bi_inbox_close(&inbox);
}
END_TEST

Suite *suite_epoll(void)
{
    Suite *s = suite_create("epoll");
    TCase *t = tcase_create("epoll");
    tcase_set_timeout(t, 20);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, what_bide_made_is_registered_once_for_many_waits);
    tcase_add_test(t, what_others_made_is_asked_about_at_each_wait);
    tcase_add_test(t, a_wait_hardly_disturbs_an_idle_run);
    tcase_add_test(t, a_foreign_close_ends_the_wait_with_ebadf);
    tcase_add_test(t,
                   a_replaced_descriptor_keeps_its_data_from_the_old_waiter);
    tcase_add_test(t, events_of_a_file_that_lives_on_elsewhere_wake_nobody);
    tcase_add_test(t, events_of_a_replaced_file_wake_nobody);
    tcase_add_test(t,
                   a_wait_that_began_after_a_replacement_is_for_the_new_file);
    tcase_add_test(
        t, bide_close_takes_the_registration_along_though_a_duplicate_lives);
    tcase_add_loop_test(t, a_failing_set_up_tells_why_and_leaves_nothing, 0, 2);
    tcase_add_test(t, a_forked_child_leaves_the_registrations_of_its_parent);
    suite_add_tcase(s, t);
    return s;
}
