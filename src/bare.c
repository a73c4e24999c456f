/* bare.c: <bide/coro.h>: coroutines without a scheduler.
 *
 * A coroutine and the one who entered it are a pair: `outer` is where the
 * latter stands while the former runs, and a leave goes back to it.  So pairs
 * nest, and no thread needs to know which coroutine it is in; that a leave is
 * of the innermost one is seen by where the stack pointer is.  The C++
 * exceptions under way stay with the side that handles them (exceptions.h).
 *
 * Rejected: a jump from any coroutine to any other, which makes whoever ends
 * last responsible for where the thread goes on; a current coroutine for each
 * thread, which is state that can be derived.
 */
#include "coro.h"
#include "exceptions.h"
#include "guard.h"
#include "stack.h"
#include "sys.h"

#include <bide/coro.h>
#include <sys/mman.h>
#include <unistd.h>

#define OWN_MIN ((size_t)4 << 10)

enum state {
    SUSPENDED = 0x62694273,
    RUNNING = 0x62694272,
    RETURNED = 0x62694264,
};

/* struct bide_coro, as it is inside. */
struct __attribute__((may_alias)) bare {
    struct bi_coro coro;
    struct bi_coro outer; /* who entered it, while it runs */
    struct bi_exceptions *exceptions; /* the thread's, while it runs */
    bide_coro_fn *fn;
    void *value;          /* on its way over a switch */
    char *low, *top;      /* its stack */
    void *map;            /* with its guard, where we have mapped it */
    unsigned valgrind;    /* the number that the stack goes by there */
    uint32_t state;
};

static_assert(sizeof(struct bare) <= sizeof(struct bide_coro),
              "struct bide_coro is too small in bide/coro.h");

static struct bare *bare_of(const struct bide_coro *c)
{
    return (struct bare *)(uintptr_t)c;
}

/* ---- Stacks ------------------------------------------------------------- */

static size_t map_bytes(const struct bare *b)
{
    return (size_t)(b->top - (char *)b->map);
}

/* Map a stack of `bytes`, a guard below it.  0 or -ENOMEM. */
static int map_stack(struct bare *b, size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), guard = bi_guard()->bytes;
    int error;
    bytes = (bytes + page - 1) & ~(page - 1);
    b->map = bi_sys_map(guard + bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK,
                        -1, 0, &error);
    if (!b->map)
        return -ENOMEM;
    if (bi_guard_install(b->map, 0, 1) < 0) {
        bi_sys.unmap(b->map, guard + bytes);
        return -ENOMEM;
    }
    b->low = (char *)b->map + guard;
    b->top = b->low + bytes;
    bi_annotate_slab(b->map, map_bytes(b));
    return 0;
}

static void use_stack(struct bare *b, void *stack, size_t bytes)
{
    b->map = NULL;
    b->low = stack;
    b->top = (char *)(((uintptr_t)stack + bytes) & ~(uintptr_t)15);
}

/* ---- The two sides ------------------------------------------------------ */

static void entry(void *arg)
{
    struct bare *b = arg;
    bi_coro_began(&b->coro);
    b->value = b->fn((struct bide_coro *)b, b->value);
    b->state = RETURNED;
    bi_coro_finish(&b->coro, &b->outer);
}

static inline void cross(const struct bare *b, struct bi_coro *from,
                         struct bi_coro *to)
{
    struct bi_exceptions kept = bi_exceptions_take(b->exceptions);
    bi_coro_switch_pair(from, to);
    bi_exceptions_put(b->exceptions, kept);
}

int bide_coro_init(struct bide_coro *c, bide_coro_fn *fn, void *stack,
                   size_t stack_bytes)
{
    struct bare *b = bare_of(c);
    bi_annotate_defined(&b->state, sizeof b->state);
    BI_CONTRACT(b->state != RUNNING, __func__,
                "was given a coroutine that is running");
    if (!stack && !stack_bytes)
        stack_bytes = BI_STACK_DEFAULT;
    if (!fn || stack_bytes < OWN_MIN || stack_bytes > BI_STACK_MAX)
        return -EINVAL;
    struct bare fresh = {.fn = fn, .state = SUSPENDED};
    if (stack)
        use_stack(&fresh, stack, stack_bytes);
    else if (map_stack(&fresh, stack_bytes) < 0)
        return -ENOMEM;
    *b = fresh;
    b->valgrind = bi_annotate_stack(b->low, b->top);
    bi_coro_make(&b->coro, b->low, b->top, entry, b);
    return 0;
}

void *bide_coro_enter(struct bide_coro *c, void *value)
{
    struct bare *b = bare_of(c);
    BI_CONTRACT(b->state != RETURNED, __func__,
                "entered a coroutine that has returned");
    BI_CONTRACT(b->state != RUNNING, __func__,
                "entered a coroutine that is running");
    BI_CONTRACT(b->state == SUSPENDED, __func__,
                "entered a coroutine that was not made");
    bi_coro_adopt(&b->outer);
    b->state = RUNNING;
    b->value = value;
    b->exceptions = bi_exceptions_here();
    cross(b, &b->outer, &b->coro);
    bi_coro_forget(&b->outer);
    return b->value;
}

void *bide_coro_leave(struct bide_coro *c, void *value)
{
    struct bare *b = bare_of(c);
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    BI_CONTRACT(b->state == RUNNING && here - (uintptr_t)b->low <
                                           (uintptr_t)(b->top - b->low),
                __func__, "left a coroutine from outside of it");
    b->state = SUSPENDED;
    b->value = value;
    cross(b, &b->coro, &b->outer);
    return b->value;
}

bool bide_coro_done(const struct bide_coro *c)
{
    return bare_of(c)->state == RETURNED;
}

void bide_coro_end(struct bide_coro *c)
{
    struct bare *b = bare_of(c);
    BI_CONTRACT(b->state != RUNNING, __func__,
                "ended a coroutine that is running");
    BI_CONTRACT(b->state == SUSPENDED || b->state == RETURNED, __func__,
                "ended a coroutine that was not made, or twice");
    if (b->state == SUSPENDED)
        bi_annotate_drop(&b->coro.tools);
    b->state = 0;
    bi_annotate_stack_end(b->valgrind);
    if (b->map) {
        bi_annotate_slab_end(b->map, map_bytes(b));
        bi_sys.unmap(b->map, map_bytes(b));
    } else {
        bi_annotate_reuse(b->low, (size_t)(b->top - b->low));
    }
}
