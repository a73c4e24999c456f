/* program.c: a program of somebody else, in what C and C++ have in common.
 *
 * It is compiled against an installed tree; its exit status is 0 if tasks ran,
 * waited for each other and were timed.
 */
#include <bide.h>

static intptr_t nap(void *arg)
{
    int rc = bide_sleep(BIDE_MS(1));
    *(int *)arg += 1;
    return rc;
}

static intptr_t both(void *arg)
{
    struct bide_call calls[] = {{nap, arg, 0}, {nap, arg, 0}};
    return bide_gather(calls, 2, BIDE_FAIL_FAST);
}

int main(void)
{
    int naps = 0;
    intptr_t rc = bide_run(both, &naps, NULL);
    return rc == 0 && naps == 2 ? 0 : 1;
}
