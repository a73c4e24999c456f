/* channel.c: mapping what a pool and a worker share.
 *
 * The large part is a mapping of its own, made anew when a job needs more: the
 * slots stay where they are.  Its pages stay too, so that a second large job
 * finds them there; a page fault costs more than copying the page.
 */
#include "channel.h"

#include "sys.h"

#include <sys/mman.h>

static void *map(int fd, size_t bytes, off_t at, int *error)
{
    void *p = bi_sys_map(bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, at,
                         error);
    if (*error == -EAGAIN) /* too much is locked: not what EAGAIN means here */
        *error = -ENOMEM;
    return p;
}

struct bi_channel *bi_channel_map(int fd, int *error)
{
    return map(fd, sizeof(struct bi_channel), 0, error);
}

char *bi_channel_map_large(int fd, size_t bytes, int *error)
{
    return map(fd, bytes, sizeof(struct bi_channel), error);
}
