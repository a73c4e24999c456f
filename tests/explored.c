/* explored.c: explorations in a child process, and bodies for them. */
#include "explored.h"

#include <sys/mman.h>

void let_others_in(void)
{
    static struct bide_event set = {._set = true};
    ck_assert_int_eq(bide_event_wait(&set), 0);
}

struct found *found;
char said[8192];

static struct {
    uint64_t n;
    bide_fn *fn;
    struct bide_test_options options;
} plan;

void begin_explored(void)
{
    found = (struct found *)mmap(NULL, sizeof *found, PROT_READ | PROT_WRITE,
                                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(found, MAP_FAILED);
    unsetenv("BIDE_SEED");
    unsetenv("BIDE_TRACE");
}

void end_explored(void)
{
    munmap(found, sizeof *found);
}

static void explore_here(void)
{
    found->result = bide_explore_with(plan.n, plan.fn, NULL, &plan.options);
    found->hash = bide_test_hash();
    snprintf(found->seed, sizeof found->seed, "%s", bide_test_seed());
}

int explore(uint64_t n, bide_fn *fn, struct bide_test_options options)
{
    plan.n = n;
    plan.fn = fn;
    plan.options = options;
    memset(found, 0, sizeof *found);
    return in_child(explore_here, said, sizeof said);
}

intptr_t result_under(uint64_t n, bide_fn *fn, unsigned strategies)
{
    struct bide_test_options options = {.strategies = strategies};
    ck_assert_int_eq(explore(n, fn, options), 0);
    return found->result;
}

static void sweep_here(void)
{
    found->result = bide_fault_sweep(plan.fn, NULL, NULL);
}

intptr_t sweep_faults(bide_fn *fn)
{
    plan.fn = fn;
    memset(found, 0, sizeof *found);
    ck_assert_int_eq(in_child(sweep_here, said, sizeof said), 0);
    return found->result;
}

void write_down(char letter)
{
    size_t len = strlen(found->seed);
    if (len < sizeof found->seed - 1)
        found->seed[len] = letter;
}

void expect_said(const char *words)
{
    ck_assert_msg(strstr(said, words), "no '%s' in: %s", words, said);
}

/* ---- Bodies ------------------------------------------------------------- */

static int shared;

static intptr_t add_one(void *arg)
{
    int seen = shared;
    let_others_in();
    shared = seen + 1;
    return VALUE(arg);
}

intptr_t lost_update(void *arg)
{
    struct bide_call calls[] = {{add_one, arg, 0}, {add_one, arg, 0}};
    shared = 0;
    intptr_t rc = bide_gather(calls, 2, BIDE_FAIL_FAST);
    return rc < 0 || shared == 2 ? rc : -EIO;
}

static intptr_t prepare(void *arg)
{
    shared = 1;
    return VALUE(arg);
}

static intptr_t use(void *arg)
{
    (void)arg;
    return shared ? 0 : -EIO;
}

intptr_t wrong_order(void *arg)
{
    struct bide_call calls[] = {{prepare, arg, 0}, {use, arg, 0}};
    shared = 0;
    return bide_gather(calls, 2, BIDE_FAIL_FAST);
}

intptr_t harmless(void *arg)
{
    (void)arg;
    struct bide_call calls[6];
    for (int i = 0; i < 6; i++)
        calls[i] = (struct bide_call){sleep_ms, NUM(i), 0};
    return bide_gather(calls, 6, BIDE_FAIL_FAST);
}
