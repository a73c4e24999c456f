/* waits.c: tasks that wait, for the debugger to find.
 *
 * It comes to stop_here() twice: in the main task while another has not begun,
 * and in a thread's job, when the run's own thread sleeps.  With an argument it
 * dies there.
 */
#include <bide.h>
#include <stdlib.h>
#include <unistd.h>

static struct bide_mutex lock;
static int ends[2], parked[2];

void stop_here(void);

__attribute__((noinline)) void stop_here(void)
{
    __asm__ volatile("" ::: "memory");
}

static intptr_t sleeper(void *arg)
{
    bide_set_name(arg);
    return bide_sleep(BIDE_SEC(60));
}

static intptr_t locker(void *arg)
{
    bide_set_name(arg);
    int rc = bide_mutex_lock(&lock);
    if (rc == 0)
        bide_mutex_unlock(&lock);
    return rc;
}

static intptr_t reader(void *arg)
{
    char byte;
    bide_set_name(arg);
    return bide_read(ends[0], &byte, 1);
}

/* Its turn comes when main waits for the job. */
static intptr_t fresh(void *arg)
{
    (void)arg;
    return write(parked[1], "", 1);
}

static intptr_t job(void *arg)
{
    char byte;
    if (read(parked[0], &byte, 1) != 1)
        return -1;
    stop_here();
    if (arg)
        abort();
    return 0;
}

static intptr_t spawn_all(void *arg)
{
    if (pipe(ends) < 0 || pipe(parked) < 0 ||
        bide_mutex_lock(&lock) < 0 ||
        bide_spawn(NULL, sleeper, "napping") < 0 ||
        bide_spawn(NULL, locker, "queueing") < 0 ||
        bide_spawn(NULL, reader, "listening") < 0 || bide_yield() < 0 ||
        bide_spawn(NULL, fresh, NULL) < 0)
        return -1;
    stop_here();
    return bide_to_thread(job, arg);
}

int main(int argc, char **argv)
{
    (void)argc;
    return bide_run(spawn_all, argv[1], NULL) != 0;
}
