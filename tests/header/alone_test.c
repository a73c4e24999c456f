/* alone_test.c: bide/test.h needs no other header before it. */
#include <bide/test.h>

int begin_of_everything(struct bide_test_options *options);

int begin_of_everything(struct bide_test_options *options)
{
    *options = (struct bide_test_options){0};
    options->strategies = BIDE_RANDOM;
    return bide_test_settle(0);
}
