/* refuse.c: filters of system calls, limits, capabilities. */
#include "refuse.h"

#include "annotate.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#define LOAD(place) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)(place))
#define NUMBER offsetof(struct seccomp_data, nr)
#define ARGUMENT(n) /* its low half, on a little-endian machine */ \
    (offsetof(struct seccomp_data, args) + 8 * (n))
#define UNLESS_EQUAL(value, skip) \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)(value), 0, (skip))
#define ANSWER(action) BPF_STMT(BPF_RET | BPF_K, (unsigned)(action))

_Noreturn void refuse_cannot(const char *why)
{
    fputs(why, stderr);
    _exit(REFUSE_CANNOT);
}

static bool install(struct sock_filter *filter, size_t n)
{
    struct sock_fprog program = {(unsigned short)n, filter};
    return !bi_annotate_valgrind &&
           prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/* ---- Where the kernel takes no filter ----------------------------------- */

/* qemu hands none on, and Valgrind makes the calls that it would refuse too:
 * without close_range(2) libc closes what /proc lists until nothing is left,
 * and Valgrind's own descriptors stay.  Then the library's border refuses: what
 * it calls by number, and madvise(2). */
static struct rule {
    long number;
    int argument; /* which one; negative: whatever they are */
    long value;
    int error;
} rules[16];
static size_t rule_count;
static struct bi_sys granted;

static int verdict(long number, const long *args)
{
    for (size_t i = 0; i < rule_count; i++) {
        const struct rule *r = &rules[i];
        if (r->number == number &&
            (r->argument < 0 || args[r->argument] == r->value))
            return -r->error;
    }
    return 0;
}

static long call(long number, long a, long b, long c, long d, long e, long f)
{
    int rc = verdict(number, (long[]){a, b, c, d, e, f});
    return rc ? rc : granted.call(number, a, b, c, d, e, f);
}

static int advise(void *at, size_t bytes, int advice)
{
    int rc = verdict(SYS_madvise, (long[]){0, 0, advice});
    return rc ? rc : granted.advise(at, bytes, advice);
}

static void refuse_at_the_border(struct rule rule)
{
    if (rule_count == 0) {
        granted = bi_sys;
        bi_sys.call = call;
        bi_sys.advise = advise;
    }
    if (rule_count == sizeof rules / sizeof rules[0])
        refuse_cannot("there are too many rules");
    rules[rule_count++] = rule;
}

/* ------------------------------------------------------------------------- */

void refuse_call(long number, int error)
{
    struct sock_filter filter[] = {
        LOAD(NUMBER),
        UNLESS_EQUAL(number, 1),
        ANSWER(SECCOMP_RET_ERRNO | (unsigned)error),
        ANSWER(SECCOMP_RET_ALLOW),
    };
    if (!install(filter, sizeof filter / sizeof filter[0]))
        refuse_at_the_border((struct rule){number, -1, 0, error});
}

void refuse_with(long number, unsigned n, unsigned value, int error)
{
    struct sock_filter filter[] = {
        LOAD(NUMBER),
        UNLESS_EQUAL(number, 3),
        LOAD(ARGUMENT(n)),
        UNLESS_EQUAL(value, 1),
        ANSWER(SECCOMP_RET_ERRNO | (unsigned)error),
        ANSWER(SECCOMP_RET_ALLOW),
    };
    if (!install(filter, sizeof filter / sizeof filter[0]))
        refuse_at_the_border((struct rule){number, (int)n, value, error});
}

void refuse_beyond(int resource, rlim_t most)
{
    struct rlimit limit = {most, most};
    if (setrlimit(resource, &limit) < 0)
        refuse_cannot("the limit cannot be set");
}

void refuse_privilege(int capability)
{
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2];
    if (syscall(SYS_capget, &head, data) < 0)
        refuse_cannot("capabilities cannot be read");
    data[capability / 32].effective &= ~(1u << capability % 32);
    data[capability / 32].permitted &= ~(1u << capability % 32);
    if (syscall(SYS_capset, &head, data) < 0)
        refuse_cannot("a capability cannot be dropped");
}

rlim_t used_address_space(void)
{
    long pages = 0;
    FILE *statm = fopen("/proc/self/statm", "r");
    if (!statm || fscanf(statm, "%ld", &pages) != 1)
        refuse_cannot("/proc tells no size");
    fclose(statm);
    return (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE);
}
