/* exceptions.cc: handlers, and destructors of a stack that unwinds, may wait.
 *
 * Each case is a pair of tasks that take turns, or of a bare coroutine and who
 * enters it; what the C++ library tells one of its exceptions must not depend
 * on the other's.
 */
#include <bide.h>
#include <bide/coro.h>

#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>

static int failed;

static void expect(bool holds, const char *what)
{
    if (!holds) {
        std::printf("does not hold: %s\n", what);
        failed = 1;
    }
}

/* The text of the exception that is handled, or "". */
static std::string handled()
{
    if (!std::current_exception())
        return "";
    try {
        throw;
    } catch (const std::exception &e) {
        return e.what();
    }
}

/* Throw, wait in the handler, throw again, wait in the next handler. */
static intptr_t wait_in_handlers(void *arg)
{
    std::string mine = static_cast<const char *>(arg);
    expect(handled().empty(), "a task begins without an exception");
    try {
        try {
            throw std::runtime_error(mine);
        } catch (const std::exception &) {
            for (int i = 0; i < 3; i++) {
                bide_yield();
                expect(handled() == mine, "a handler keeps what it handles");
            }
            throw;
        }
    } catch (const std::exception &e) {
        expect(bide_sleep(BIDE_MS(1)) == 0, "a handler can sleep");
        expect(e.what() == mine, "what is thrown again is the same");
        expect(handled() == mine, "and it is handled");
    }
    expect(handled().empty(), "at the end none is left");
    return 0;
}

struct waits_at_its_end {
    ~waits_at_its_end()
    {
        expect(std::uncaught_exceptions() == 1, "a destructor is told");
        bide_yield();
        expect(std::uncaught_exceptions() == 1, "also after a wait");
    }
};

static intptr_t wait_while_unwinding(void *)
{
    expect(std::uncaught_exceptions() == 0, "another's count is not mine");
    try {
        waits_at_its_end object;
        throw 1;
    } catch (int) {
        expect(std::uncaught_exceptions() == 0, "what is caught is counted off");
    }
    return 0;
}

static intptr_t look(void *)
{
    expect(handled().empty(), "an eager task begins without its spawner's");
    return 0;
}

static intptr_t spawn_in_a_handler(void *)
{
    struct bide_spawn_options eager = {};
    eager.flags = BIDE_EAGER;
    try {
        throw std::runtime_error("the spawner's");
    } catch (const std::exception &) {
        expect(bide_spawn_with(nullptr, look, nullptr, &eager) == 0, "spawned");
        expect(handled() == "the spawner's", "the spawner has it again");
    }
    return 0;
}

static intptr_t all(void *)
{
    static char one[] = "one", two[] = "two";
    struct bide_call calls[] = {
        {wait_in_handlers, one, 0},         {wait_in_handlers, two, 0},
        {wait_while_unwinding, nullptr, 0}, {wait_while_unwinding, nullptr, 0},
        {spawn_in_a_handler, nullptr, 0},
    };
    return bide_gather(calls, sizeof calls / sizeof calls[0], BIDE_FAIL_FAST);
}

static void *leave_in_a_handler(struct bide_coro *c, void *)
{
    expect(handled().empty(), "a coroutine begins without an exception");
    try {
        throw std::runtime_error("the coroutine's");
    } catch (const std::exception &) {
        bide_coro_leave(c, nullptr);
        expect(handled() == "the coroutine's", "a coroutine has its own");
    }
    return nullptr;
}

static void enter_in_a_handler()
{
    struct bide_coro c = {};
    expect(bide_coro_init(&c, leave_in_a_handler, nullptr, 0) == 0, "made");
    try {
        throw std::runtime_error("who enters");
    } catch (const std::exception &) {
        bide_coro_enter(&c, nullptr);
        expect(handled() == "who enters", "who enters has its own as well");
    }
    expect(handled().empty(), "none of the coroutine's");
    bide_coro_enter(&c, nullptr);
    expect(bide_coro_done(&c) && handled().empty(), "it went with the handler");
    bide_coro_end(&c);
}

/* A run that begins in a handler leaves it as it was. */
int main()
{
    enter_in_a_handler();
    try {
        throw std::runtime_error("main's");
    } catch (const std::exception &) {
        expect(bide_run(all, nullptr, nullptr) == 0, "the run ends well");
        expect(handled() == "main's", "it is still handled");
    }
    return failed;
}
