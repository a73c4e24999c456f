/* names.c: a table of names, and a gate before it. */
#include "names.h"

#include "address.h"
#include "pair.h"
#include "sys.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>

static struct name {
    const char *host, *addresses;
    int code;
} table[16];
static unsigned count;

static atomic_bool hangs;
static atomic_uint begun, ended;
static sem_t gate;
static pthread_mutex_t asking = PTHREAD_MUTEX_INITIALIZER;
static char asked[256];
static struct bi_sys before;

static int find(const char *host, const char *service, int flags,
                struct bide_address *out, int room)
{
    for (unsigned i = 0; i < count; i++) {
        if (strcmp(table[i].host, host) != 0)
            continue;
        if (table[i].code)
            return table[i].code;
        char text[64];
        int n = 0, used;
        const char *next = table[i].addresses;
        for (; n < room && sscanf(next, "%63s%n", text, &used) == 1; n++) {
            if (bi_address_read(text, service, flags, &out[n]) != 1)
                return -EINVAL;
            next += used;
        }
        return n;
    }
    return -ENOENT;
}

static int lookup(const char *host, const char *service, int flags,
                  struct bide_address *out, int room)
{
    atomic_fetch_add(&begun, 1);
    if (hangs)
        while (sem_wait(&gate) < 0)
            ;
    int n = find(host, service, flags, out, room);
    pthread_mutex_lock(&asking);
    snprintf(asked, sizeof asked, "%s", host);
    pthread_mutex_unlock(&asking);
    atomic_fetch_add(&ended, 1);
    return n;
}

void names_begin(void)
{
    before = bi_sys;
    bi_sys.lookup = lookup;
    sem_init(&gate, 0, 0);
    count = 0;
    hangs = false;
    begun = ended = 0;
}

void names_end(void)
{
    bi_sys = before;
}

void name_is(const char *host, const char *addresses)
{
    ck_assert_uint_lt(count, sizeof table / sizeof *table);
    table[count++] = (struct name){host, addresses, 0};
}

void name_fails(const char *host, int code)
{
    name_is(host, "");
    table[count - 1].code = code;
}

void names_hang(void)
{
    hangs = true;
}

void names_let_go(unsigned n)
{
    while (n-- > 0)
        sem_post(&gate);
}

static void until(const atomic_uint *number, unsigned n)
{
    while (*number < n)
        ck_assert_int_eq(bide_sleep(BIDE_US(100)), 0);
}

void until_begun(unsigned n)
{
    until(&begun, n);
}

void until_ended(unsigned n)
{
    until(&ended, n);
}

unsigned names_asked(void)
{
    return begun;
}

const char *name_asked(void)
{
    return asked;
}

int listen_at(const char *host, char port[8])
{
    int fd = bide_listen(host, *port ? port : "0", 0);
    ck_assert_int_ge(fd, 0);
    snprintf(port, 8, "%d", listener_port(fd));
    return fd;
}
