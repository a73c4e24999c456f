/* test_fault_calls.c: which calls a fault sweep strikes, and with what. */
#include "explored.h"

#include <sys/socket.h>
#include <unistd.h>

/* ---- Streams ------------------------------------------------------------ */

static intptr_t sweep_with(const char *backend, bide_fn *fn)
{
    setenv("BIDE_BACKEND", backend, 1);
    intptr_t moments = sweep_faults(fn);
    unsetenv("BIDE_BACKEND");
    return moments;
}

/* The moments of `fn`, which are to be as many with either backend.  What is
 * said is of the one that is always there. */
static intptr_t count_both(bide_fn *fn)
{
    intptr_t uring = sweep_with("uring", fn);
    intptr_t epoll = sweep_with("epoll", fn);
    ck_assert_msg(epoll > 0, "%ld: %s", (long)epoll, said);
    ck_assert_msg(uring == epoll || uring == -ENOSYS, "%ld, but %ld by epoll",
                  (long)uring, (long)epoll);
    return epoll;
}

static intptr_t talk_in_memory(void *unused)
{
    (void)unused;
    int fds[2];
    char text[4];
    if (bide_test_pair(fds, NULL) < 0)
        return 0;
    ssize_t sent = bide_write(fds[0], "abcd", 4);
    write_down(sent < 0 ? '-' : (char)('0' + sent));
    bide_close(fds[0]);
    ssize_t got = bide_read(fds[1], text, 4);
    write_down(got < 0 ? '-' : (char)('0' + got));
    bide_close(fds[1]);
    return sent >= 0 && got > sent ? -EIO : 0;
}

/* Each moment of talk_in_memory() by itself: what struck is said. */
static void replay_each(void)
{
    char chosen[16];
    for (int n = 1; found->result == 0; n++) {
        snprintf(chosen, sizeof chosen, "%d", n);
        setenv("BIDE_FAULT", chosen, 1);
        found->result = bide_fault_sweep(talk_in_memory, NULL, NULL);
    }
}

START_TEST(streams_in_memory_fail_and_are_short_as_sockets_are)
{
    /* a table of descriptors; two sockets; send; close; recv; close */
    ck_assert_int_eq(count_both(talk_in_memory), 4 + 2 * 8 + 7 + 2 + 5 + 2);
    ck_assert_str_eq(said, "");
    memset(found, 0, sizeof *found);
    ck_assert_int_eq(in_child(replay_each, said, sizeof said), 0);
    ck_assert_int_eq(found->result, -ENOENT); /* there are no more */
    expect_said("send of 'main': Connection reset");
    expect_said("send of 'main' and every later one: Broken pipe");
    expect_said("send of 'main': short");
    expect_said("recv of 'main': short");
    expect_said("socket of 'main': Too many open files");
    expect_said("close of 'main': Input/output error");
}
END_TEST

static intptr_t talk_over_a_socket(void *unused)
{
    (void)unused;
    int fds[2];
    char text[4];
    struct bide_scope s;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0)
        return -errno;
    bide_scope_open(&s, bide_after(BIDE_SEC(30)));
    ssize_t sent = bide_write_all(fds[0], "abcd", 4);
    bide_shutdown(fds[0], SHUT_WR);
    bide_close(fds[0]); /* or the reader would wait */
    ssize_t got = bide_read_all(fds[1], text, 4);
    bide_close(fds[1]);
    bide_scope_close(&s, 0);
    return sent >= 0 && got > sent ? -EIO : 0;
}

START_TEST(a_kernels_stream_has_the_same_moments_under_both_backends)
{
    ck_assert_int_gt(count_both(talk_over_a_socket), 10);
    ck_assert_str_eq(said, "");
}
END_TEST

static intptr_t read_one(void *fd)
{
    char byte;
    struct bide_scope s;
    bide_scope_open(&s, bide_after(BIDE_SEC(30)));
    ssize_t n = bide_read((int)VALUE(fd), &byte, 1);
    bide_scope_close(&s, 0);
    return n;
}

/* The reader waits before anything is there: by epoll it asks twice. */
static intptr_t read_late(void *unused)
{
    (void)unused;
    int fds[2];
    bide_task *reader;
    if (pipe(fds) < 0)
        return -errno;
    intptr_t got = -EAGAIN;
    int rc = bide_spawn(&reader, read_one, NUM(fds[0]));
    ssize_t sent = rc < 0 ? rc : bide_yield();
    if (sent == 0)
        sent = bide_write(fds[1], "x", 1);
    bide_close(fds[1]);
    if (rc == 0) {
        bide_join(reader, &got);
        bide_release(reader);
    }
    bide_close(fds[0]);
    return got == 1 && sent != 1 ? -EIO : 0;
}

START_TEST(a_call_that_is_made_again_after_a_wait_is_one_call)
{
    ck_assert_int_gt(count_both(read_late), 8);
    ck_assert_str_eq(said, "");
}
END_TEST

/* ---- Memory ------------------------------------------------------------- */

static intptr_t need_a_large_stack(void *unused)
{
    struct bide_spawn_options large = {.stack_bytes = 1 << 20};
    bide_task *task;
    (void)unused;
    int rc = bide_spawn_with(&task, give, NULL, &large);
    write_down(rc == 0 ? '.' : rc == -ENOMEM ? 'M' : '?');
    if (rc == 0)
        bide_release(task);
    return 0;
}

START_TEST(a_spawn_finds_no_stack)
{
    ck_assert_int_gt(sweep_faults(need_a_large_stack), 0);
    ck_assert_ptr_nonnull(strchr(found->seed, 'M'));
    ck_assert_ptr_null(strchr(found->seed, '?'));
}
END_TEST

Suite *suite_fault_calls(void)
{
    Suite *suite = suite_create("fault_calls");
    TCase *t = tcase_create("fault_calls");
    tcase_add_checked_fixture(t, begin_explored, end_explored);
    tcase_add_test(t, streams_in_memory_fail_and_are_short_as_sockets_are);
    tcase_add_test(
        t, a_kernels_stream_has_the_same_moments_under_both_backends);
    tcase_add_test(t, a_call_that_is_made_again_after_a_wait_is_one_call);
    tcase_add_test(t, a_spawn_finds_no_stack);
    suite_add_tcase(suite, t);
    return suite;
}
