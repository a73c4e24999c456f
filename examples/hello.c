/* hello.c: two tasks sleep at the same time, on one thread.
 *
 *     make examples && build/examples/hello
 *
 * A task is a function that takes a pointer and returns a number.  Here each
 * sleeps for as many milliseconds as it is told, and tells the time it took.
 */
#include <bide.h>
#include <stdio.h>

static intptr_t sleeper(void *arg)
{
    intptr_t ms = (intptr_t)arg;
    int rc = bide_sleep(BIDE_MS(ms));
    if (rc == 0)
        printf("slept for %td ms\n", ms);
    return rc;
}

static intptr_t run(void *arg)
{
    (void)arg;
    struct bide_call calls[] = {{sleeper, (void *)100, 0},
                                {sleeper, (void *)50, 0}};
    bide_time start = bide_now();
    intptr_t rc = bide_gather(calls, 2, BIDE_FAIL_FAST);
    bide_time took = bide_now() - start;
    printf("both took %lld ms\n", (long long)(took / BIDE_MS(1)));
    return rc;
}

int main(void)
{
    return bide_run(run, NULL, NULL) == 0 ? 0 : 1;
}
