/* alone_test.c: bide/test.h needs no other header before it. */
#include <bide/test.h>

struct everything_of_tests {
    struct bide_test_options options;
    struct bide_test_link link;
    enum bide_strategy strategy;
};

size_t size_of_everything_of_tests(void);

size_t size_of_everything_of_tests(void)
{
    return sizeof(struct everything_of_tests);
}
