/* fcontext.cpp: the questions of switch.c, to Boost.Context's fcontext.
 *
 * Its lowest level, which the fibers and coroutines of Boost stand on.
 */
#include "../bench.h"

#include <boost/context/detail/fcontext.hpp>
#include <vector>

using namespace boost::context::detail;

static const std::size_t stack_bytes = 16 << 10;
static const std::size_t stride = stack_bytes + 192; /* as in switch.c */

static double nanoseconds_each(int64_t began)
{
    return double(bench_cpu() - began) / BENCH_SWITCHES;
}

static void answer(transfer_t from)
{
    for (;;)
        from = jump_fcontext(from.fctx, nullptr);
}

static double pair(long)
{
    std::vector<char> stack(stack_bytes);
    fcontext_t there =
        make_fcontext(stack.data() + stack_bytes, stack_bytes, answer);
    there = jump_fcontext(there, nullptr).fctx;
    int64_t began = bench_cpu();
    for (long i = 0; i < BENCH_SWITCHES; i += 2)
        there = jump_fcontext(there, nullptr).fctx;
    return nanoseconds_each(began);
}

struct member {
    fcontext_t at; /* where it has stopped */
    member *next;
};

static fcontext_t outside;
static long left;

/* First from outside, to make its acquaintance; from then on `data` is where
 * to note the place at which the one before has stopped. */
static void hand_on(transfer_t from)
{
    member *self = static_cast<member *>(from.data);
    from = jump_fcontext(from.fctx, nullptr);
    for (;;) {
        *static_cast<fcontext_t *>(from.data) = from.fctx;
        bool more = left-- > 0;
        from = jump_fcontext(more ? self->next->at : outside, &self->at);
    }
}

static double ring(long n)
{
    std::vector<char> stacks(n * stride + 64);
    std::vector<member> all(n);
    for (long i = 0; i < n; i++) {
        char *low = stacks.data() + i * stride;
        all[i].next = &all[(i + 1) % n];
        fcontext_t fresh =
            make_fcontext(low + stack_bytes, stack_bytes, hand_on);
        all[i].at = jump_fcontext(fresh, &all[i]).fctx;
    }
    left = BENCH_SWITCHES;
    int64_t began = bench_cpu();
    jump_fcontext(all[0].at, &outside);
    return nanoseconds_each(began);
}

int main(int argc, char **argv)
{
    static const bench_question questions[] = {
        {"pair", pair}, {"ring", ring}, {nullptr, nullptr}};
    return bench_main(argc, argv, questions);
}
