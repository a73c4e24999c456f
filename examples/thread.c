/* thread.c: a call that blocks runs on a thread; a thread posts to the loop. */
#include <bide.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

static void tell(void *text)
{
    printf("posted: it has %s\n", (const char *)text);
}

/* Not a task: plain C that blocks, and may call back what is marked [any]. */
static intptr_t count_slowly(void *loop)
{
    static char text[] = "counted to three";
    for (int i = 0; i < 3 && !bide_thread_cancelled(); i++)
        usleep(1000);
    return bide_post(loop, tell, text) < 0 ? -EIO : 3;
}

static intptr_t main_task(void *arg)
{
    bide_loop *loop = bide_loop_ref();
    (void)arg;
    intptr_t n = bide_to_thread(count_slowly, loop); /* the others run on */
    printf("the thread has counted to %ld\n", (long)n);
    bide_loop_unref(loop);
    return n == 3 ? 0 : n;
}

int main(void)
{
    return bide_run(main_task, NULL, NULL) < 0;
}
