/* stack.c: where stacks come from, and where they wait for the next owner.
 *
 * Address space is had in slabs, one mapping each:
 *
 *     low address                                                high
 *     | bi_slab | slot 0 | slot 1 | ... | slot n-1 | guard |
 *                \ not cut yet /  \ in use or free /
 *
 * A slot is cut from a slab the first time that it is needed, from the high end
 * down, and is a stack from then on until its pool ends.  Before it is cut the
 * guard at its low end is made, some slots ahead where one system call can; the
 * one at its high end was made for the slot above.  So every stack lies between
 * two guards at all times.  Where a guard is refused the slot stays uncut, and
 * the take fails: there is no stack without one.
 *
 * A slab is as large as the pool's others of that class together, so that a
 * million stacks are some fifteen mappings and few steps to search; memory is
 * used by what is touched only.  Where the kernel refuses, half is asked for,
 * down to one slot.
 *
 * A free stack keeps its pages: the next owner finds them warm.  When the
 * program is quiet, trimming takes those of all but the last used back.  So it
 * does with a stack whose owner has ended and is remembered for its result.
 *
 * Rejected: a mapping for each stack (two system calls a stack, and the limit
 * on mappings ends it at 32,000); MAP_GROWSDOWN (it grows into its neighbour);
 * MADV_FREE (quicker, but the memory still looks used until it runs out).
 */
#include "stack.h"

#include "annotate.h"
#include "sys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* One mapping of a pool; lies in that mapping's first page. */
struct bi_slab {
    struct bi_slab *next; /* an older one */
    char *slots;
    size_t slot_bytes; /* guard and stack */
    size_t count;
    size_t fresh;   /* slots [0, fresh) are not cut yet */
    size_t guarded; /* slots [guarded, count) have their guard */
    size_t bytes; /* of the mapping */
};

#define SLAB_FIRST ((size_t)16 << 20)
#define SLAB_LAST ((size_t)1 << (sizeof(size_t) > 4 ? 34 : 28))

/* Guards are made ahead for this much of a slab: what they need of page tables
 * is shared by the stacks that come. */
#define GUARD_AHEAD ((size_t)4 << 20)

/* The tops of sixteen neighbours are shifted by two cache lines each.  A larger
 * shift would spare little more, and would push a parked task over the edge of
 * its one page. */
#define COLOURS 16
#define COLOUR_BYTES ((size_t)2 * BI_LINE)

/* What lies between the head and the colour; the head must begin a line. */
#define RECORD_BYTES ((size_t)BI_LINE)
static_assert(sizeof(struct bi_stack) <= RECORD_BYTES, "the record has a line");

#define TRIM_KEEP 64  /* free stacks of a class, and kept ones, stay warm */
#define TRIM_TURN 256 /* stacks that one bi_stack_trim() looks at */

/* Slots are whole pages of at least 4 KiB, so slabs are counted in these. */
#define UNIT 12
static_assert(SLAB_LAST >> UNIT <= UINT32_MAX, "a slab's units fit 32 bits");

static size_t page_bytes(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

static size_t class_bytes(unsigned class_index)
{
    return BI_STACK_MIN << class_index;
}

/* ---- Slots -------------------------------------------------------------- */

static struct bi_stack *slot_stack(const struct bi_slab *slab, size_t index)
{
    char *end = slab->slots + (index + 1) * slab->slot_bytes;
    return (struct bi_stack *)(end - index % COLOURS * COLOUR_BYTES -
                               RECORD_BYTES);
}

/* The stack of the slot, cut already, that `addr` lies in, and how far it lies
 * above the slot's begin; or NULL. */
static inline struct bi_stack *find(const struct bi_stack_pool *p,
                                    const void *addr, size_t *offset)
{
    for (struct bi_slab *slab = p->slabs; slab; slab = slab->next) {
        size_t at = (uintptr_t)addr - (uintptr_t)slab->slots;
        if (at >= slab->count * slab->slot_bytes)
            continue;
        /* Every handle comes by here; a division of 64 bits would be slow. */
        size_t index =
            (uint32_t)(at >> UNIT) / (uint32_t)(slab->slot_bytes >> UNIT);
        *offset = at - index * slab->slot_bytes;
        return index < slab->fresh ? NULL : slot_stack(slab, index);
    }
    return NULL;
}

struct bi_stack *bi_stack_around(const struct bi_stack_pool *p,
                                 const void *addr)
{
    size_t offset;
    return find(p, addr, &offset);
}

struct bi_stack *bi_stack_at(const struct bi_stack_pool *p, const void *head)
{
    size_t offset;
    struct bi_stack *s = find(p, head, &offset);
    return s && bi_stack_head(p, s) == head ? s : NULL;
}

struct bi_stack *bi_stack_guarding(const struct bi_stack_pool *p,
                                   const void *addr)
{
    size_t offset;
    struct bi_stack *s = find(p, addr, &offset);
    return s && offset < bi_guard()->bytes ? s : NULL;
}

size_t bi_stack_bytes(const struct bi_stack *s)
{
    return class_bytes(s->class_index);
}

/* ---- Why there is none -------------------------------------------------- */

/* A number from a file of /proc, or -1. */
static long setting(const char *path)
{
    char text[32] = "";
    int fd = bi_sys_open(path, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    ssize_t n = bi_sys_read(fd, text, sizeof text - 1);
    bi_sys_close(fd);
    return n > 0 ? strtol(text, NULL, 10) : -1;
}

/* A guard was refused. */
static void blame_guard(struct bi_stack_pool *p, int error)
{
    if (error == -ENOMEM)
        snprintf(p->reason, sizeof p->reason,
                 "no guard for another stack: it takes two mappings, and "
                 "vm.max_map_count is %ld; raise it with sysctl",
                 setting("/proc/sys/vm/max_map_count"));
    else
        snprintf(p->reason, sizeof p->reason, "no guard for another stack: %s",
                 strerror(-error));
}

/* A mapping for slots of `kib` KiB was refused: name the limit that it is most
 * likely to have met, and what to raise. */
static void blame_map(struct bi_stack_pool *p, size_t kib, int error)
{
    rlim_t space = bi_sys_limit(RLIMIT_AS);
    rlim_t data = bi_sys_limit(RLIMIT_DATA);
    char *to = p->reason;
    size_t room = sizeof p->reason;
    int n = snprintf(to, room, "no room for another %zu KiB stack: ", kib);
    to += n, room -= (size_t)n;

    if (error != -ENOMEM)
        snprintf(to, room, "%s", strerror(-error));
    else if (space != RLIM_INFINITY)
        snprintf(to, room, "RLIMIT_AS is %llu MiB; raise it with ulimit -v",
                 (unsigned long long)space >> 20);
    else if (data != RLIM_INFINITY)
        snprintf(to, room, "RLIMIT_DATA is %llu MiB; raise it with ulimit -d",
                 (unsigned long long)data >> 20);
    else if (setting("/proc/sys/vm/overcommit_memory") == 2)
        snprintf(to, room, "vm.overcommit_memory is 2, which counts what is "
                           "mapped; raise vm.overcommit_ratio");
    else
        snprintf(to, room, "vm.max_map_count is %ld; raise it with sysctl",
                 setting("/proc/sys/vm/max_map_count"));
}

/* ---- Slabs -------------------------------------------------------------- */

/* Map `count` slots, or as many of them as can be had.  The slab, or NULL and
 * `*error`. */
static struct bi_slab *map_slab(size_t slot_bytes, size_t count, int *error)
{
    size_t guard = bi_guard()->bytes;
    struct bi_slab *slab = NULL;
    size_t bytes = 0;

    for (; !slab && count; count = slab ? count : count / 2) {
        bytes = page_bytes() + count * slot_bytes + guard;
        slab = bi_sys_map(bytes, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE |
                              MAP_STACK,
                          -1, 0, error);
    }
    if (!slab)
        return NULL;
    /* A huge page would be two megabytes for a stack that needs four KiB.
     * MAP_STACK says so since Linux 6.7; a kernel without them refuses. */
    bi_sys.advise(slab, bytes, MADV_NOHUGEPAGE);
    slab->slots = (char *)slab + page_bytes();
    slab->slot_bytes = slot_bytes;
    slab->count = slab->fresh = slab->guarded = count;
    slab->bytes = bytes;
    return slab;
}

static void unmap_slab(struct bi_slab *slab)
{
    bi_annotate_slab_end(slab, slab->bytes);
    bi_sys.unmap(slab, slab->bytes);
}

/* A new slab for `c`, or NULL with p->reason told. */
static struct bi_slab *grow(struct bi_stack_pool *p, unsigned class_index)
{
    struct bi_stack_class *c = &p->classes[class_index];
    size_t slot_bytes = bi_guard()->bytes + class_bytes(class_index);
    size_t wish = c->slab ? 2 * c->slab->bytes : SLAB_FIRST;
    size_t count = (wish < SLAB_LAST ? wish : SLAB_LAST) / slot_bytes;
    int error = 0;
    struct bi_slab *slab = map_slab(slot_bytes, count ? count : 1, &error);
    if (!slab) {
        blame_map(p, class_bytes(class_index) >> 10, error);
        return NULL;
    }
    bi_annotate_slab(slab, slab->bytes);
    error = bi_guard_install(slab->slots + slab->count * slot_bytes, 0, 1);
    if (error < 0) {
        blame_guard(p, error);
        unmap_slab(slab);
        return NULL;
    }
    slab->next = p->slabs;
    return c->slab = p->slabs = slab;
}

/* See to it that the slot to be cut next has a guard: 0, or a negated errno. */
static int guard_next(struct bi_slab *slab)
{
    if (slab->guarded < slab->fresh)
        return 0;
    size_t ahead = GUARD_AHEAD / slab->slot_bytes;
    if (ahead > slab->guarded)
        ahead = slab->guarded;
    char *slot = slab->slots + (slab->guarded - 1) * slab->slot_bytes;
    int made = bi_guard_install(slot, slab->slot_bytes, ahead ? (int)ahead : 1);
    if (made > 0)
        slab->guarded -= (size_t)made;
    return made < 0 ? made : 0;
}

/* A stack that nobody has had, or NULL with p->reason told. */
static struct bi_stack *cut(struct bi_stack_pool *p, unsigned class_index)
{
    struct bi_slab *slab = p->classes[class_index].slab;
    if (!slab || !slab->fresh)
        slab = grow(p, class_index);
    if (!slab)
        return NULL;
    int error = guard_next(slab);
    if (error < 0) {
        blame_guard(p, error);
        return NULL;
    }
    char *slot = slab->slots + --slab->fresh * slab->slot_bytes;
    struct bi_stack *s = slot_stack(slab, slab->fresh);
    s->low = slot + bi_guard()->bytes;
    s->class_index = (uint8_t)class_index;
    s->valgrind = bi_annotate_stack(s->low, bi_stack_head(p, s));
    p->mapped++;
    return s;
}

/* ---- The pool ----------------------------------------------------------- */

void bi_stack_pool_init(struct bi_stack_pool *p, size_t head_bytes)
{
    bi_assert(head_bytes % BI_LINE == 0);
    *p = (struct bi_stack_pool){.head_bytes = head_bytes};
}

void bi_stack_pool_end(struct bi_stack_pool *p)
{
    struct bi_slab *next;
    for (struct bi_slab *slab = p->slabs; slab; slab = next) {
        next = slab->next;
        for (size_t i = slab->fresh;
             bi_annotate_wants_stacks() && i < slab->count; i++)
            bi_annotate_stack_end(slot_stack(slab, i)->valgrind);
        unmap_slab(slab);
    }
    bi_stack_pool_init(p, p->head_bytes);
}

struct bi_stack *bi_stack_take_other(struct bi_stack_pool *p, size_t bytes)
{
    if (bytes > BI_STACK_MAX) {
        snprintf(p->reason, sizeof p->reason,
                 "a stack of %zu bytes is asked for, and %zu are the most",
                 bytes, BI_STACK_MAX);
        return NULL;
    }
    p->reason[0] = '\0';
    unsigned class_index = bi_stack_class_of(bytes);
    struct bi_list *link = bi_list_pop(&p->classes[class_index].cold);
    return link ? bi_container_of(link, struct bi_stack, link)
                : cut(p, class_index);
}

/* Keep the page of the head: whoever comes with an old handle reads it. */
static void trim(struct bi_stack_pool *p, struct bi_stack *s)
{
    uintptr_t head = (uintptr_t)bi_stack_head(p, s);
    size_t below = (head & ~(page_bytes() - 1)) - (uintptr_t)s->low;
    bi_sys.advise(s->low, below, MADV_DONTNEED);
}

/* Trim up to `turn` stacks of `c`, the longest unused first; how many. */
static size_t trim_class(struct bi_stack_pool *p, struct bi_stack_class *c,
                         size_t turn)
{
    size_t done = 0;
    for (; done < turn && c->warm_count > TRIM_KEEP; done++) {
        struct bi_list *link = c->warm.prev;
        bi_list_remove(link);
        c->warm_count--;
        trim(p, bi_container_of(link, struct bi_stack, link));
        bi_list_push_front(&c->cold, link);
    }
    return done;
}

/* The same with the stacks that are kept. */
static size_t trim_kept(struct bi_stack_pool *p, size_t turn)
{
    size_t done = 0;
    for (; done < turn && p->kept_count > TRIM_KEEP; done++) {
        struct bi_list *link = p->kept.prev;
        bi_list_remove(link);
        p->kept_count--;
        trim(p, bi_container_of(link, struct bi_stack, link));
    }
    return done;
}

bool bi_stack_surplus(const struct bi_stack_pool *p)
{
    if (p->kept_count > TRIM_KEEP)
        return true;
    for (unsigned i = 0; i < BI_STACK_CLASSES; i++)
        if (p->classes[i].warm_count > TRIM_KEEP)
            return true;
    return false;
}

bool bi_stack_trim(struct bi_stack_pool *p)
{
    size_t turn = TRIM_TURN;
    for (unsigned i = 0; i < BI_STACK_CLASSES; i++)
        turn -= trim_class(p, &p->classes[i], turn);
    turn -= trim_kept(p, turn);
    return turn == 0;
}
