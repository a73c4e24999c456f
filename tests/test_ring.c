/* test_ring.c: an io_uring is taken or refused as a whole, and loses nothing.
 *
 * Refusals are made by standing between the library and the kernel: what a
 * container or an old kernel would answer is answered here.  After each one
 * the descriptors and mappings are those of before.
 */
#include "ring.h"

#include "annotate.h"
#include "harness.h"
#include "sys.h"

#include <check.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ENTRIES = 64, LEAST = 8 };

static struct bi_sys real;
static struct bi_ring ring;
static char why[200];

/* Which call is answered with `error`, from the `from`-th (1: all) on, and how
 * often it was made. */
static struct {
    long number, error;
    int from, made;
} fault;

static int mappings, map_fault; /* mapped now; the one that fails, or 0 */
static int advise_error;

static long faulty_call(long number, long a, long b, long c, long d, long e,
                        long f)
{
    if (number == fault.number && ++fault.made >= fault.from)
        return fault.error;
    return real.call(number, a, b, c, d, e, f);
}

static void *faulty_map(size_t bytes, int prot, int flags, int fd, off_t at,
                        int *error)
{
    if (--map_fault == 0) {
        *error = -ENOMEM;
        return NULL;
    }
    mappings++;
    return real.map(bytes, prot, flags, fd, at, error);
}

static int faulty_unmap(void *at, size_t bytes)
{
    mappings--;
    return real.unmap(at, bytes);
}

static int faulty_advise(void *at, size_t bytes, int advice)
{
    return advise_error ? advise_error : real.advise(at, bytes, advice);
}

static void set_up(void)
{
    real = bi_sys;
    fault.number = -1;
    fault.made = 0;
    mappings = map_fault = advise_error = 0;
    bi_sys.call = faulty_call;
    bi_sys.map = faulty_map;
    bi_sys.unmap = faulty_unmap;
    bi_sys.advise = faulty_advise;
}

static void tear_down(void)
{
    bi_sys = real;
}

static void answer(long number, int from, long error)
{
    fault.number = number;
    fault.from = from;
    fault.error = error;
    fault.made = 0;
}

static int lowest_free_fd(void)
{
    int fd = dup(0);
    close(fd);
    return fd;
}

/* Opening fails with `error`, says `words`, and leaves nothing behind. */
static void refused(int error, const char *words)
{
    int fd = lowest_free_fd();
    strcpy(why, "");
    ck_assert_int_eq(bi_ring_open(&ring, ENTRIES, why, sizeof why), error);
    ck_assert_msg(strstr(why, words), "\"%s\" lacks \"%s\"", why, words);
    ck_assert_msg(strstr(why, strerror(-error)), "\"%s\" lacks the error", why);
    ck_assert_int_eq(lowest_free_fd(), fd);
    ck_assert_int_eq(mappings, 0);
}

static void open_ring(void)
{
    int rc = bi_ring_open(&ring, ENTRIES, why, sizeof why);
    ck_assert_msg(rc == 0, "%d: %s", rc, why);
}

static void push(uint64_t user_data)
{
    struct bi_sqe *sqe = bi_ring_next(&ring);
    ck_assert_ptr_nonnull(sqe);
    sqe->opcode = BI_URING_NOP;
    sqe->user_data = user_data;
}

/* Submit `n` numbered requests, and see each of them end once, in order. */
static void pass_through(unsigned n)
{
    struct bi_cqe cqe;
    unsigned taken = 0;
    for (unsigned i = 0; i < n; i++) {
        push(i);
        ck_assert_int_eq(bi_ring_enter(&ring, 0), 0);
        for (; bi_ring_take(&ring, &cqe); taken++)
            ck_assert_uint_eq(cqe.user_data, taken);
    }
    ck_assert_uint_eq(taken, n);
}

START_TEST(a_refused_set_up_is_told_with_its_cure)
{
    static const struct {
        int error;
        const char *cure;
    } answers[] = {{-EPERM, "seccomp"},  {-ENOSYS, "sandbox"},
                   {-EMFILE, "ulimit -n"}, {-ENOMEM, "ulimit -l"},
                   {-EINVAL, "6.1"}};
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        answer(SYS_io_uring_setup, 1, answers[i].error);
        refused(answers[i].error, answers[i].cure);
        ck_assert_ptr_nonnull(strstr(why, "io_uring_setup"));
    }
}
END_TEST

START_TEST(without_memory_ever_smaller_rings_are_asked_for)
{
    answer(SYS_io_uring_setup, 1, -ENOMEM);
    refused(-ENOMEM, "io_uring_setup");
    ck_assert_int_eq(fault.made, 4); /* 64, 32, 16, 8 */
}
END_TEST

START_TEST(a_ring_that_may_not_be_entered_is_refused)
{
    answer(SYS_io_uring_enter, 1, -EPERM);
    refused(-EPERM, "io_uring_enter");
    ck_assert_int_eq(fault.made, 1);
}
END_TEST

START_TEST(a_ring_that_may_not_be_probed_is_refused)
{
    answer(SYS_io_uring_register, 1, -EPERM);
    refused(-EPERM, "io_uring_register");
}
END_TEST

START_TEST(a_ring_that_cannot_be_mapped_is_refused)
{
    for (int nth = 1; nth <= 2; nth++) {
        map_fault = nth;
        refused(-ENOMEM, "mmap");
    }
}
END_TEST

START_TEST(a_ring_that_a_child_would_inherit_is_refused)
{
    advise_error = -EINVAL;
    refused(-EINVAL, "mmap");
}
END_TEST

START_TEST(an_index_for_entering_is_not_needed)
{
    answer(SYS_io_uring_register, 2, -EINVAL); /* the first one is the probe */
    open_ring();
    ck_assert_uint_eq(ring.entry_flags, 0);
    pass_through(3 * ENTRIES);
    bi_ring_close(&ring);
}
END_TEST

/* A kernel that lacks an opcode. */
static long crippled_call(long number, long a, long b, long c, long d, long e,
                          long f)
{
    long rc = real.call(number, a, b, c, d, e, f);
    if (number == SYS_io_uring_register && b == BI_REGISTER_PROBE)
        ((struct bi_uring_probe *)c)->ops[BI_URING_RECV].supported = 0;
    return rc;
}

START_TEST(a_ring_without_an_opcode_is_refused)
{
    bi_sys.call = crippled_call;
    refused(-EOPNOTSUPP, "io_uring_register");
}
END_TEST

/* A kernel before 6.6, and one with memory for 16 entries. */
static long older_call(long number, long a, long b, long c, long d, long e,
                       long f)
{
    const struct bi_uring_params *p = (void *)b;
    if (number == SYS_io_uring_setup && p->flags & BI_SETUP_NO_SQARRAY)
        return -EINVAL;
    return real.call(number, a, b, c, d, e, f);
}

static long poorer_call(long number, long a, long b, long c, long d, long e,
                        long f)
{
    if (number == SYS_io_uring_setup && a > 16)
        return -ENOMEM;
    return real.call(number, a, b, c, d, e, f);
}

START_TEST(submissions_by_way_of_an_array_keep_their_order)
{
    bi_sys.call = older_call;
    open_ring();
    pass_through(3 * ENTRIES);
    bi_ring_close(&ring);
}
END_TEST

START_TEST(a_smaller_ring_is_better_than_none)
{
    bi_sys.call = poorer_call;
    open_ring();
    ck_assert_uint_eq(ring.sq_entries, 16);
    pass_through(3 * ENTRIES);
    bi_ring_close(&ring);
}
END_TEST

START_TEST(a_closed_ring_leaves_nothing_behind)
{
    int fd = lowest_free_fd();
    for (int i = 0; i < 40; i++) { /* more than a thread can register */
        open_ring();
        ck_assert_uint_eq(ring.entry_flags, BI_ENTER_REGISTERED);
        bi_ring_close(&ring);
        ck_assert_int_eq(mappings, 0);
    }
    ck_assert_int_eq(lowest_free_fd(), fd);
}
END_TEST

START_TEST(a_full_ring_has_no_room_until_it_is_submitted)
{
    open_ring();
    for (uint64_t i = 0; i < ENTRIES; i++)
        push(i);
    ck_assert_ptr_null(bi_ring_next(&ring));
    ck_assert_uint_eq(bi_ring_unsubmitted(&ring), ENTRIES);
    ck_assert_int_eq(bi_ring_submit(&ring), 0);
    ck_assert_uint_eq(bi_ring_unsubmitted(&ring), 0);
    push(ENTRIES);
    bi_ring_close(&ring);
}
END_TEST

START_TEST(completions_without_room_are_kept_and_come_later)
{
    open_ring();
    uint64_t n = 2 * ring.cq_entries + 7, taken = 0;
    for (uint64_t i = 0; i < n; i++) {
        push(i);
        if (bi_ring_unsubmitted(&ring) == ENTRIES)
            ck_assert_int_eq(bi_ring_submit(&ring), 0);
    }
    ck_assert_int_eq(bi_ring_submit(&ring), 0);
    ck_assert(bi_ring_stirs(&ring));
    struct bi_cqe cqe;
    for (int rounds = 0; taken < n && rounds < 10; rounds++) {
        for (; bi_ring_take(&ring, &cqe); taken++)
            ck_assert_uint_eq(cqe.user_data, taken);
        if (taken < n)
            bi_ring_enter(&ring, 0);
    }
    ck_assert_uint_eq(taken, n);
    ck_assert(!bi_ring_stirs(&ring));
    bi_ring_close(&ring);
}
END_TEST

START_TEST(an_empty_ring_waits_for_its_span_and_no_longer)
{
    open_ring();
    bide_time before = bi_sys.now();
    ck_assert_int_eq(bi_ring_enter(&ring, BIDE_MS(20)), -ETIME);
    ck_assert_int_ge(bi_sys.now() - before, BIDE_MS(20));
    push(1);
    ck_assert_int_eq(bi_ring_enter(&ring, BIDE_FOREVER), 0);
    bi_ring_close(&ring);
}
END_TEST

/* Whether a mapping of this process is a ring. */
static bool has_a_ring(void)
{
    char line[512];
    bool found = false;
    FILE *maps = fopen("/proc/self/maps", "re");
    while (fgets(line, sizeof line, maps))
        found |= strstr(line, "io_uring") != NULL;
    fclose(maps);
    return found;
}

START_TEST(a_forked_child_has_no_part_in_the_ring)
{
    open_ring();
    ck_assert(has_a_ring());
    pid_t child = fork();
    if (child == 0) {
        int entered = bi_sys_uring_enter(ring.fd, 0, 0, BI_ENTER_GETEVENTS,
                                         NULL, 0);
        bi_ring_abandon(&ring);
        _exit(has_a_ring() || entered != -EEXIST);
    }
    int status = -1;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    pass_through(ENTRIES);
    bi_ring_close(&ring);
}
END_TEST

static void add_refusals(TCase *t)
{
    tcase_add_test(t, a_refused_set_up_is_told_with_its_cure);
    tcase_add_test(t, without_memory_ever_smaller_rings_are_asked_for);
}

/* These need a kernel that grants a ring. */
static void add_the_rest(TCase *t, bool possible)
{
    add_if(possible, why, t, a_ring_that_may_not_be_entered_is_refused);
    add_if(possible, why, t, a_ring_that_may_not_be_probed_is_refused);
    add_if(possible, why, t, a_ring_that_cannot_be_mapped_is_refused);
    add_if(possible, why, t, a_ring_without_an_opcode_is_refused);
    add_if(possible, why, t, an_index_for_entering_is_not_needed);
    add_if(possible, why, t, submissions_by_way_of_an_array_keep_their_order);
    add_if(possible, why, t, a_smaller_ring_is_better_than_none);
    add_if(possible, why, t, a_closed_ring_leaves_nothing_behind);
    add_if(possible, why, t, a_full_ring_has_no_room_until_it_is_submitted);
    add_if(possible, why, t, completions_without_room_are_kept_and_come_later);
    add_if(possible, why, t, an_empty_ring_waits_for_its_span_and_no_longer);
    if (possible && bi_annotate_forks_all()) {
        possible = false;
        snprintf(why, sizeof why, "under Valgrind a child does inherit it");
    }
    add_if(possible, why, t, a_ring_that_a_child_would_inherit_is_refused);
    add_if(possible, why, t, a_forked_child_has_no_part_in_the_ring);
}

Suite *suite_ring(void)
{
    Suite *s = suite_create("ring");
    TCase *t = tcase_create("ring");
    tcase_add_checked_fixture(t, set_up, tear_down);
    add_refusals(t);
    bool possible = bi_ring_open(&ring, LEAST, why, sizeof why) == 0;
    if (possible)
        bi_ring_close(&ring);
    add_the_rest(t, possible);
    suite_add_tcase(s, t);
    return s;
}
