/* locks.c: readers and a writer, a few permits, and a condition.
 *
 *     make examples && build/examples/locks
 *
 * All of it is storage of the program's own; a zeroed struct is ready.
 */
#include "expect.h"
#include <bide.h>
#include <errno.h>

struct site {
    struct bide_rwlock prices;
    struct bide_sem seats;
    struct bide_mutex door;
    struct bide_cond knock;
    struct bide_once opened;
    struct bide_barrier start;
    struct bide_countdown guests;
    int price, seated, seated_most, waiting, keys;
};

/* Done by the first guest, once; the others wait for it. */
static intptr_t open_site(void *arg)
{
    struct site *site = arg;
    site->keys++;
    return bide_sleep(BIDE_MS(1));
}

/* Two seats for six guests: the others wait, in order. */
static int sit(struct site *site)
{
    int rc = bide_sem_acquire(&site->seats, 1);
    if (rc < 0)
        return rc;
    if (++site->seated > site->seated_most)
        site->seated_most = site->seated;
    rc = bide_sleep(BIDE_MS(1));
    site->seated--;
    bide_sem_release(&site->seats, 1);
    return rc;
}

/* Readers share the lock; what they read does not change meanwhile. */
static int look(struct site *site)
{
    int rc = bide_rwlock_rdlock(&site->prices);
    if (rc < 0)
        return rc;
    int seen = site->price;
    rc = bide_sleep(BIDE_MS(1));
    expect(seen == site->price, "no price changes while it is read");
    bide_rwlock_unlock(&site->prices);
    return rc;
}

/* Leave by the door, and say so. */
static int leave(struct site *site)
{
    int rc = bide_mutex_lock(&site->door);
    if (rc < 0)
        return rc;
    site->waiting++;
    bide_cond_signal(&site->knock);
    bide_mutex_unlock(&site->door);
    return bide_countdown_done(&site->guests);
}

static intptr_t guest(void *arg)
{
    struct site *site = arg;
    intptr_t rc = bide_once(&site->opened, open_site, site);
    if (rc >= 0)
        rc = bide_barrier_wait(&site->start); /* an index, 0 to 5 */
    if (rc >= 0)
        rc = sit(site);
    if (rc >= 0)
        rc = look(site);
    return rc < 0 ? rc : leave(site);
}

/* A writer is alone; readers that come later do not pass it. */
static intptr_t raise_price(void *arg)
{
    struct site *site = arg;
    int rc = bide_rwlock_wrlock(&site->prices);
    if (rc < 0)
        return rc;
    site->price++;
    return bide_rwlock_unlock(&site->prices);
}

/* Let six guests out; what is waited for is looked at again every time. */
static intptr_t porter(void *arg)
{
    struct site *site = arg;
    int rc = bide_mutex_lock(&site->door);
    for (int out = 0; rc == 0 && out < 6; out++) {
        while (rc == 0 && site->waiting == 0)
            rc = bide_cond_wait(&site->knock, &site->door);
        if (rc == 0)
            site->waiting--;
    }
    bide_mutex_unlock(&site->door); /* held, whatever the wait returned */
    return rc;
}

static void misuse_that_is_told(struct site *site)
{
    struct bide_lock_info info;
    expect(bide_rwlock_trywrlock(&site->prices) == 0 &&
               bide_rwlock_tryrdlock(&site->prices) == -EDEADLK,
           "a lock knows its owner");
    bide_rwlock_info(&site->prices, &info);
    expect(info.owner == bide_self() && info.waiters == 0, "and tells it");
    bide_rwlock_unlock(&site->prices);
    expect(bide_mutex_unlock(&site->door) == -EPERM, "nobody else unlocks it");
    expect(bide_sem_release(&site->seats, 1) == -EOVERFLOW,
           "two seats are the limit");
    expect(bide_countdown_done(&site->guests) == -ERANGE,
           "nobody leaves whom nobody counted");
}

static intptr_t run(void *arg)
{
    struct site site = {.seats = {.count = 2, .limit = 2},
                        .start = {.count = 6}};
    struct bide_group g;
    bide_group_open(&g, BIDE_FAIL_FAST);
    int rc = bide_group_spawn(&g, porter, &site);
    for (int i = 0; i < 6 && rc == 0; i++) {
        bide_countdown_add(&site.guests, 1);
        rc = bide_group_spawn(&g, guest, &site);
    }
    if (rc == 0)
        rc = bide_sleep(BIDE_MS(3));
    if (rc == 0)
        rc = bide_group_spawn(&g, raise_price, &site);
    if (rc == 0)
        rc = bide_countdown_wait(&site.guests);
    expect(bide_group_close(&g, rc) == 0, "everybody came, sat and left");
    expect(site.keys == 1, "the site was opened once");
    expect(site.seated_most == 2, "no more than two sat at once");
    expect(site.price == 1, "the writer had its turn");
    misuse_that_is_told(&site);
    return arg ? 1 : 0;
}

int main(void)
{
    return bide_run(run, NULL, NULL) == 0 ? 0 : 1;
}
