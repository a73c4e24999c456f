/* alone_coro.c: bide/coro.h needs no other header before it. */
#include <bide/coro.h>

size_t size_of_coro(void);

size_t size_of_coro(void)
{
    return sizeof(struct bide_coro) + sizeof(bide_coro_fn *);
}
