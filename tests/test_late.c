/* test_late.c: when a call has ended the kernel writes nothing more, least of
 * all to the stack of the next task.
 */
#include "doors.h"

#define CANARY 0xa5

struct nest {
    int fd;
    intptr_t got;
};

/* Read into the stack, cancelled soon. */
static __attribute__((noinline)) intptr_t read_to_stack(void *arg)
{
    struct nest *nest = arg;
    char buf[512];
    nest->got = bide_read(nest->fd, buf, sizeof buf);
    return 0;
}

/* Live on a recycled stack, where nobody else must write. */
static __attribute__((noinline)) intptr_t guard_canaries(void *arg)
{
    volatile unsigned char *on = arg;
    volatile unsigned char canaries[2048];
    for (size_t i = 0; i < sizeof canaries; i++)
        canaries[i] = CANARY;
    while (*on)
        if (bide_yield() < 0)
            break;
    for (size_t i = 0; i < sizeof canaries; i++)
        if (canaries[i] != CANARY)
            return -EILSEQ;
    return 0;
}

/* A read is cancelled or its descriptor closed, its stack goes to another task,
 * and then the data come. */
static void check_canaries(enum ends_kind kind, bool by_close)
{
    for (unsigned round = 0; round < rounds(1000); round++) {
        struct ends ends = open_ends(kind, round % 2 ? O_NONBLOCK : 0);
        struct nest nest = {ends.out, 0};
        int twin = dup(ends.out);
        unsigned char on = 1;
        bide_task *reader = start(read_to_stack, &nest);
        bide_yield();
        if (round % 3 == 0)
            put(ends.in, "12345");
        if (by_close)
            bide_close(ends.out);
        else
            bide_cancel(reader);
        end_of(reader);
        bide_task *guard = start(guard_canaries, &on);
        bide_yield();
        if (nest.got < 0 && round % 3)
            put(ends.in, "54321");
        bide_yield();
        on = 0;
        ck_assert_int_eq(end_of(guard), 0);
        if (nest.got < 0) /* not one byte was taken */
            ck_assert_uint_eq(drain(twin), 5);
        close(twin);
        close(ends.in);
        if (!by_close)
            close(ends.out);
    }
}

REAL_TEST(a_cancelled_read_never_writes_late)
{
    check_canaries(PIPE, false);
    check_canaries(UNIX, false);
    return 0;
}

REAL_TEST(a_closed_read_never_writes_late)
{
    check_canaries(PIPE, true);
    check_canaries(UNIX, true);
    return 0;
}

REAL_TEST(datagrams_and_terminals_are_never_written_late)
{
    check_canaries(DGRAM, false);
    check_canaries(DGRAM, true);
    check_canaries(PTY, false);
    return 0;
}

Suite *suite_late(void)
{
    Suite *s = suite_create("late");
    TCase *t = tcase_create("never late");
    tcase_set_timeout(t, 20);
    tcase_add_test(t, a_cancelled_read_never_writes_late);
    tcase_add_test(t, a_closed_read_never_writes_late);
    tcase_add_test(t, datagrams_and_terminals_are_never_written_late);
    suite_add_tcase(s, t);
    return s;
}
