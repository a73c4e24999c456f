/* test_emptied.c: a stream that a receive has emptied is not asked in vain. */
#include "base.h"
#include "pair.h"
#include "sys.h"

#include <netinet/in.h>
#include <stdatomic.h>

enum { ROUNDS = 8 };

static struct bi_sys real;
static atomic_int in_vain; /* receives that found nothing, on any thread */

static bool receives(long number)
{
    return number == SYS_recvfrom || number == SYS_recvmsg ||
           number == SYS_preadv2 || number == SYS_read || number == SYS_readv;
}

static long counting_call(long number, long a, long b, long c, long d, long e,
                          long f)
{
    long rc = real.call(number, a, b, c, d, e, f);
    in_vain += rc == -EAGAIN && receives(number);
    return rc;
}

static void set_up(void)
{
    real = bi_sys;
    bi_sys.call = counting_call;
    in_vain = 0;
}

static void tear_down(void)
{
    bi_sys = real;
}

/* Have tasks take ROUNDS messages of eight bytes by `take`, each of which waits
 * for its own.  How many receives were made in vain after the first. */
static int vain_receives(struct pair p, bide_fn *take)
{
    for (int i = 0; i < ROUNDS; i++) {
        bide_task *reader = start(take, fd_arg(p.fd));
        settle();
        ck_assert(!bide_task_done(reader));
        if (i == 0)
            in_vain = 0;
        put(p.peer, "eight...");
        ck_assert_int_eq(end_of(reader), 8);
    }
    close(p.peer);
    bide_close(p.fd);
    return in_vain;
}

static struct pair accepted_from_a_foreign_listener(void)
{
    struct sockaddr_in any = {.sin_family = AF_INET,
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(listener, (struct sockaddr *)&any, sizeof any), 0);
    ck_assert_int_eq(listen(listener, 1), 0);
    int peer = foreign_dial(listener_port(listener));
    int fd = bide_accept(listener, NULL, NULL);
    ck_assert_int_ge(fd, 0);
    close(listener);
    return (struct pair){fd, peer};
}

static intptr_t take_with_room(void *fd)
{
    char buf[64];
    return bide_read(arg_fd(fd), buf, sizeof buf);
}

REAL_TEST(what_a_listener_of_others_accepts_is_known_to_be_tcp)
{
    struct pair p = accepted_from_a_foreign_listener();
    ck_assert_int_eq(vain_receives(p, take_with_room), 0);
    return 0;
}

static bool on_uring(void)
{
    struct bide_info info;
    bide_info(&info);
    return strcmp(info.backend, "io_uring") == 0;
}

static intptr_t take_exactly(void *fd)
{
    char buf[8];
    return bide_read(arg_fd(fd), buf, sizeof buf);
}

REAL_TEST(a_full_buffer_is_no_sign_of_more_where_the_kernel_tells)
{
    int vain = vain_receives(ours_pair(), take_exactly);
    if (on_uring())
        ck_assert_int_eq(vain, 0);
    return 0;
}

/* More bytes than buffers, and less than there is room for. */
static intptr_t take_scattered(void *fd)
{
    char buf[2][16];
    struct iovec iov[] = {{buf[0], 16}, {buf[1], 16}};
    return bide_readv(arg_fd(fd), iov, 2);
}

REAL_TEST(room_in_several_buffers_is_counted_in_bytes)
{
    int vain = vain_receives(ours_pair(), take_scattered);
    if (on_uring())
        ck_assert_int_eq(vain, 0);
    return 0;
}

/* Fewer bytes than buffers, and no room left. */
static intptr_t take_one_of_two(void *fd)
{
    char byte;
    struct iovec iov[] = {{NULL, 0}, {&byte, 1}, {NULL, 0}};
    intptr_t n = bide_readv(arg_fd(fd), iov, 3);
    return n == 1 ? byte : n;
}

REAL_TEST(what_full_buffers_left_is_there_for_the_next_receive)
{
    struct pair p = ours_pair();
    bide_task *reader = start(take_one_of_two, fd_arg(p.fd));
    settle();
    put(p.peer, "ab");
    ck_assert_int_eq(end_of(reader), 'a');
    ck_assert_int_eq(take_one_of_two(fd_arg(p.fd)), 'b');
    close(p.peer);
    return bide_close(p.fd);
}

Suite *suite_emptied(void)
{
    Suite *s = suite_create("emptied");
    TCase *t = tcase_create("emptied");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, what_a_listener_of_others_accepts_is_known_to_be_tcp);
    tcase_add_test(t, a_full_buffer_is_no_sign_of_more_where_the_kernel_tells);
    tcase_add_test(t, room_in_several_buffers_is_counted_in_bytes);
    tcase_add_test(t, what_full_buffers_left_is_there_for_the_next_receive);
    suite_add_tcase(s, t);
    return s;
}
