/* alone_test.c: bide/test.h needs no other header before it. */
#include <bide/test.h>

size_t size_of_test_options(void);

size_t size_of_test_options(void)
{
    return sizeof(struct bide_test_options) + sizeof(enum bide_strategy);
}
