/* fcontext.cpp: the questions of switch.c, to Boost.Context's fcontext.
 *
 * Its lowest level, which the fibers and coroutines of Boost stand on.  A
 * context is known by where it stopped last, and that only the one learns who
 * is resumed by it: the ring hands it on by the switch's argument.
 */
#include "../bench.h"

#include <boost/context/detail/fcontext.hpp>
#include <vector>

using namespace boost::context::detail;

static const std::size_t stack_bytes = 16 << 10;
static const std::size_t stride = stack_bytes + 192; /* as in switch.c */

static double nanoseconds_each(int64_t began)
{
    return double(bench_now() - began) / BENCH_SWITCHES;
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
    int64_t began = bench_now();
    for (long i = 0; i < BENCH_SWITCHES; i += 2)
        there = jump_fcontext(there, nullptr).fctx;
    return nanoseconds_each(began);
}

struct member {
    fcontext_t at;
    member *next;
};

static fcontext_t outside;
static long left;

/* `from.data` is where the context is kept that has just stopped. */
static void hand_on(transfer_t from)
{
    static member *begins;
    begins = reinterpret_cast<member *>(from.data);
}

int main(int argc, char **argv)
{
    static const bench_question questions[] = {
        {"pair", pair}, {"ring", ring}, {nullptr, nullptr}};
    return bench_main(argc, argv, questions);
}
