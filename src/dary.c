/* dary.c: the heap of many: how entries move, and how seats are had. */
#include "dary.h"

#include "sys.h"

#include <string.h>

/* The first entry has this index, so that the children of each, four from
 * 4k - 8 on, begin a cache line. */
#define FIRST 3

#define FIRST_ROOM 4096
#define LAST_ROOM ((uint32_t)1 << 30)

static_assert(4 * sizeof(struct bi_dary_entry) == BI_LINE,
              "the children of an entry fill a cache line");

static uint32_t parent_of(uint32_t at)
{
    return at / 4 + 2;
}

static uint32_t children_of(uint32_t at)
{
    return 4 * at - 8;
}

static uint32_t end_of(const struct bi_dary *d)
{
    return FIRST + d->count;
}

static bool before(struct bi_dary_entry a, struct bi_dary_entry b)
{
    return a.key < b.key ||
           (a.key == b.key && (int32_t)(a.order - b.order) < 0);
}

/* ---- Memory ------------------------------------------------------------- */

static size_t entry_bytes(uint32_t room)
{
    return (FIRST + (size_t)room) * sizeof(struct bi_dary_entry);
}

static size_t seat_bytes(uint32_t room)
{
    return (1 + (size_t)room) * sizeof(union bi_dary_seat);
}

void bi_dary_end(struct bi_dary *d)
{
    if (d->entries)
        bi_sys.unmap(d->entries, entry_bytes(d->room) + seat_bytes(d->room));
    *d = (struct bi_dary){0};
}

static bool grow(struct bi_dary *d)
{
    uint32_t room = d->room ? 2 * d->room : FIRST_ROOM;
    if (d->room == LAST_ROOM)
        return false;
    char *at = bi_sys_pages(entry_bytes(room) + seat_bytes(room));
    if (!at)
        return false;
    struct bi_dary now = *d;
    now.entries = (struct bi_dary_entry *)at;
    now.seats = (union bi_dary_seat *)(at + entry_bytes(room));
    now.room = room;
    if (d->entries) {
        memcpy(now.entries, d->entries, entry_bytes(d->room));
        memcpy(now.seats, d->seats, seat_bytes(d->room));
    }
    bi_dary_end(d);
    *d = now;
    return true;
}

/* ---- Seats -------------------------------------------------------------- */

static uint32_t take_seat(struct bi_dary *d, void *owner)
{
    uint32_t seat = d->free;
    if (seat)
        d->free = d->seats[seat].next;
    else
        seat = ++d->cut;
    d->seats[seat].owner = owner;
    return seat;
}

static void give_seat(struct bi_dary *d, uint32_t seat)
{
    d->seats[seat].next = d->free;
    d->free = seat;
}

static bool is_empty(const struct bi_dary *d, struct bi_dary_entry entry)
{
    return !d->seats[entry.seat].owner;
}

/* ---- Order -------------------------------------------------------------- */

/* Put `entry` at the place `at`, which is free, or above. */
static void rise(struct bi_dary *d, uint32_t at, struct bi_dary_entry entry)
{
    while (at > FIRST && before(entry, d->entries[parent_of(at)])) {
        d->entries[at] = d->entries[parent_of(at)];
        at = parent_of(at);
    }
    d->entries[at] = entry;
}

static uint32_t least_child(const struct bi_dary *d, uint32_t at)
{
    uint32_t least = children_of(at), end = least + 4;
    if (end > end_of(d))
        end = end_of(d);
    for (uint32_t i = least + 1; i < end; i++)
        if (before(d->entries[i], d->entries[least]))
            least = i;
    return least;
}

/* Put `entry` at the place `at`, which is free, or below. */
static void sink(struct bi_dary *d, uint32_t at, struct bi_dary_entry entry)
{
    while (children_of(at) < end_of(d)) {
        uint32_t least = least_child(d, at);
        if (!before(d->entries[least], entry))
            break;
        d->entries[at] = d->entries[least];
        at = least;
    }
    d->entries[at] = entry;
}

static void drop_first(struct bi_dary *d)
{
    give_seat(d, d->entries[FIRST].seat);
    d->empty--;
    d->count--;
    if (d->count > 0)
        sink(d, FIRST, d->entries[end_of(d)]);
}

/* Keep the entries that are not empty (Floyd, "Treesort 3", CACM 7, 1964). */
static void rebuild(struct bi_dary *d)
{
    uint32_t to = FIRST;
    for (uint32_t i = FIRST; i < end_of(d); i++)
        if (is_empty(d, d->entries[i]))
            give_seat(d, d->entries[i].seat);
        else
            d->entries[to++] = d->entries[i];
    d->count = to - FIRST;
    d->empty = 0;
    if (d->count > 1)
        for (uint32_t i = parent_of(to - 1); i >= FIRST; i--)
            sink(d, i, d->entries[i]);
}

uint32_t bi_dary_insert(struct bi_dary *d, bide_time key, uint32_t order,
                        void *owner)
{
    if (d->count == d->room && !grow(d))
        return 0;
    struct bi_dary_entry entry = {key, order, take_seat(d, owner)};
    d->count++;
    rise(d, end_of(d) - 1, entry);
    return entry.seat;
}

void bi_dary_remove(struct bi_dary *d, uint32_t seat)
{
    d->seats[seat].owner = NULL;
    d->empty++;
    while (d->count > 0 && is_empty(d, d->entries[FIRST]))
        drop_first(d);
    if (d->empty > d->count / 2)
        rebuild(d);
}

void *bi_dary_first(const struct bi_dary *d, bide_time *key)
{
    if (d->count == 0)
        return NULL;
    *key = d->entries[FIRST].key;
    return d->seats[d->entries[FIRST].seat].owner;
}
