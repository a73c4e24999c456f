/* fiber.cpp: the questions of this folder, to Boost.Fiber.
 *
 * As its manual has it: the round-robin scheduler, and stacks of 64 KiB from a
 * pool, which is its quickest allocator.  They have no guards, for with those
 * it ends at about 32,000 fibers (two mappings each).
 */
#include "../bench.h"

#include <boost/fiber/all.hpp>
#include <chrono>
#include <vector>

namespace fibers = boost::fibers;

static const std::size_t stack_bytes = 64 << 10;

/* Start one, which runs at the next wait. */
template <class Body> static fibers::fiber start(Body body)
{
    static fibers::pooled_fixedsize_stack pool(stack_bytes);
    return fibers::fiber(fibers::launch::post, std::allocator_arg, pool, body);
}

static void join(std::vector<fibers::fiber> &all)
{
    for (fibers::fiber &f : all)
        f.join();
}

/* ---- As in yield.c and spawn.c ------------------------------------------ */

static double yield(long n)
{
    std::vector<fibers::fiber> all;
    long each = BENCH_YIELDS / n;
    for (long i = 0; i < n; i++)
        all.push_back(start([each] {
            for (long left = each; left > 0; left--)
                boost::this_fiber::yield();
        }));
    boost::this_fiber::yield();
    int64_t began = bench_cpu();
    join(all);
    return double(bench_cpu() - began) / double((each - 1) * n);
}

static double spawn(long)
{
    int64_t began = bench_cpu();
    for (long i = 0; i < BENCH_SPAWNS; i++)
        start([] {}).join();
    return double(bench_cpu() - began) / BENCH_SPAWNS;
}

static double cold_spawn(long)
{
    std::vector<fibers::fiber> all;
    all.reserve(BENCH_COLD_SPAWNS);
    int64_t began = bench_cpu();
    for (long i = 0; i < BENCH_COLD_SPAWNS; i++)
        all.push_back(start([] {}));
    int64_t ended = bench_cpu();
    join(all);
    return double(ended - began) / BENCH_COLD_SPAWNS;
}

/* ---- As in memory.c and timers.c ---------------------------------------- */

static std::size_t while_parked(long n, std::size_t (*measure)())
{
    fibers::mutex lock;
    fibers::condition_variable gate;
    bool open = false;
    std::vector<fibers::fiber> all;
    all.reserve(n);
    for (long i = 0; i < n; i++)
        all.push_back(start([&] {
            std::unique_lock<fibers::mutex> held(lock);
            gate.wait(held, [&] { return open; });
        }));
    boost::this_fiber::sleep_for(std::chrono::milliseconds(1));
    std::size_t seen = measure();
    open = true;
    gate.notify_all();
    join(all);
    return seen;
}

static double memory(long n)
{
    std::size_t before = bench_memory();
    return double(while_parked(n, bench_memory) - before) / double(n);
}

static double mappings(long n)
{
    return double(while_parked(n, bench_mappings));
}

static double timers(long n)
{
    std::vector<fibers::fiber> all;
    int64_t began = bench_cpu();
    for (long i = 0; i < n; i++) {
        std::chrono::milliseconds nap(bench_nap_ms(i));
        all.push_back(start([nap] { boost::this_fiber::sleep_for(nap); }));
    }
    join(all);
    return double(bench_cpu() - began) / 1e3 / double(n);
}

/* ---- As in chan.c and mutex.c ------------------------------------------- */

template <class Channel> static double pass(Channel &c)
{
    long item, got = 0;
    int64_t began = bench_cpu();
    fibers::fiber sender = start([&c] {
        for (long i = 0; i < BENCH_MESSAGES; i++)
            c.push(i);
        c.close();
    });
    while (c.pop(item) == fibers::channel_op_status::success)
        got++;
    int64_t ended = bench_cpu();
    sender.join();
    bench_check(got == BENCH_MESSAGES, "channel");
    return double(ended - began) / BENCH_MESSAGES;
}

/* A buffered channel of Boost wants a power of two, and keeps one place free. */
static double chan(long n)
{
    if (n == 0) {
        fibers::unbuffered_channel<long> c;
        return pass(c);
    }
    fibers::buffered_channel<long> c(n);
    return pass(c);
}

static double mutex(long n)
{
    fibers::mutex lock;
    std::vector<fibers::fiber> all;
    long each = BENCH_LOCKS / n;
    bool wanted = n > 1;
    int64_t began = bench_cpu();
    for (long i = 0; i < n; i++)
        all.push_back(start([&lock, each, wanted] {
            for (long left = each; left > 0; left--) {
                std::lock_guard<fibers::mutex> held(lock);
                if (wanted)
                    boost::this_fiber::yield();
            }
        }));
    join(all);
    return double(bench_cpu() - began) / double(each * n);
}

int main(int argc, char **argv)
{
    static const bench_question questions[] = {
        {"yield", yield},       {"spawn", spawn},   {"cold_spawn", cold_spawn},
        {"memory", memory},     {"mappings", mappings}, {"timers", timers},
        {"chan", chan},         {"mutex", mutex},   {nullptr, nullptr}};
    return bench_main(argc, argv, questions);
}
