/* stacks.c: the pool, made and ended with each test. */
#include "stacks.h"

#include "sys.h"

struct bi_stack_pool pool;
struct bi_sys real;

void stacks_begin(void)
{
    real = bi_sys;
    bi_stack_pool_init(&pool, HEAD);
}

void stacks_end(void)
{
    bi_sys = real;
    bi_stack_pool_end(&pool);
}

struct bi_stack *take(size_t bytes)
{
    struct bi_stack *s = bi_stack_take(&pool, bytes);
    ck_assert_msg(s != NULL, "%s", pool.reason);
    return s;
}
