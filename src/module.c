/* module.c: an address as module and offset, and back.
 *
 * The loader tells its modules by dl_iterate_phdr(3), in static programs too.
 * Two modules are the same if their build ids are, or, where one has none, if
 * they were loaded from the same path; that a file was replaced meanwhile is
 * seen by its id.
 *
 * Asking the loader takes a microsecond and more, so what was found is kept as
 * long as no module has been unloaded: only then can an address get another
 * meaning.
 *
 * Rejected: a table of functions that the program registers (forgotten, and in
 * another order, it calls the wrong one), and names of symbols (a static
 * function has none).
 */
#include "module.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>

/* Weak: a static program has none, and must not be given one. */
extern __typeof__(dlopen) dlopen __attribute__((weak));

/* ---- What the loader tells ---------------------------------------------- */

static size_t padded(size_t bytes)
{
    return (bytes + 3) & ~(size_t)3;
}

/* Look for the build id in notes of `bytes` at `at`. */
static void read_id(const char *at, size_t bytes, struct bi_module *out)
{
    ElfW(Nhdr) note;
    while (bytes >= sizeof note) {
        memcpy(&note, at, sizeof note);
        size_t name = padded(note.n_namesz), desc = padded(note.n_descsz);
        if (name > bytes || desc > bytes || sizeof note + name + desc > bytes)
            return;
        const char *text = at + sizeof note;
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
            memcmp(text, "GNU", 4) == 0 && note.n_descsz <= sizeof out->id) {
            out->id_bytes = note.n_descsz;
            memcpy(out->id, text + name, note.n_descsz);
            return;
        }
        at += sizeof note + name + desc;
        bytes -= sizeof note + name + desc;
    }
}

static int describe(const struct dl_phdr_info *info, struct bi_module *out)
{
    size_t len = strlen(info->dlpi_name);
    if (len >= sizeof out->path)
        return -ENAMETOOLONG;
    memset(out, 0, sizeof *out);
    memcpy(out->path, info->dlpi_name, len);
    for (int i = 0; i < info->dlpi_phnum && !out->id_bytes; i++) {
        const ElfW(Phdr) *h = &info->dlpi_phdr[i];
        if (h->p_type == PT_NOTE)
            read_id((const char *)info->dlpi_addr + h->p_vaddr, h->p_memsz,
                    out);
    }
    return 0;
}

static bool holds(const struct dl_phdr_info *info, const void *at)
{
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *h = &info->dlpi_phdr[i];
        uintptr_t offset = (uintptr_t)at - info->dlpi_addr - h->p_vaddr;
        if (h->p_type == PT_LOAD && offset < h->p_memsz)
            return true;
    }
    return false;
}

static bool same(const struct bi_module *a, const struct bi_module *b)
{
    if (a->id_bytes && b->id_bytes)
        return a->id_bytes == b->id_bytes &&
               memcmp(a->id, b->id, a->id_bytes) == 0;
    return strcmp(a->path, b->path) == 0;
}

/* ---- From an address ---------------------------------------------------- */

static int tell_gone(struct dl_phdr_info *info, size_t bytes, void *gone)
{
    (void)bytes;
    *(unsigned long long *)gone = info->dlpi_subs;
    return 1;
}

static int enter(struct bi_modules *m, const struct dl_phdr_info *info,
                 struct bi_place *out)
{
    struct bi_module found;
    unsigned i = 0;
    int rc = describe(info, &found);
    if (rc < 0)
        return rc;
    while (i < m->count && !same(&m->table[i], &found))
        i++;
    if (i == BI_MODULES)
        return -ENOSPC;
    if (i == m->count)
        m->table[m->count++] = found;
    out->module = i + 1;
    return 0;
}

struct question {
    struct bi_modules *modules;
    const void *at;
    struct bi_place *out;
    int rc;
};

static int ask(struct dl_phdr_info *info, size_t bytes, void *arg)
{
    struct question *q = arg;
    (void)bytes;
    if (!holds(info, q->at))
        return 0;
    q->out->offset = (uintptr_t)q->at - info->dlpi_addr;
    q->rc = enter(q->modules, info, q->out);
    return 1;
}

int bi_module_place(struct bi_modules *m, const void *at, struct bi_place *out)
{
    unsigned long long gone = 0;
    size_t i = ((uintptr_t)at >> 4) % (sizeof m->met / sizeof m->met[0]);
    dl_iterate_phdr(tell_gone, &gone);
    if (gone != m->gone)
        memset(m->met, 0, sizeof m->met);
    m->gone = gone;
    if (at && m->met[i].at == at) {
        *out = m->met[i].place;
        return 0;
    }
    *out = (struct bi_place){0};
    struct question q = {m, at, out, -ENOENT};
    dl_iterate_phdr(ask, &q);
    if (q.rc < 0)
        return q.rc;
    m->met[i].at = at;
    m->met[i].place = *out;
    return 0;
}

/* ---- To an address ------------------------------------------------------ */

struct search {
    const struct bi_module *wanted;
    char *base;
};

static int compare(struct dl_phdr_info *info, size_t bytes, void *arg)
{
    struct search *s = arg;
    struct bi_module found;
    (void)bytes;
    if (describe(info, &found) < 0 || !same(s->wanted, &found))
        return 0;
    /* A program that is not moved begins at 0, which is no failure. */
    s->base = (char *)info->dlpi_addr;
    return 1;
}

bool bi_module_load(const struct bi_module *module, char **base)
{
    struct search s = {.wanted = module};
    bool found = dl_iterate_phdr(compare, &s);
    if (!found && module->path[0] && dlopen &&
        dlopen(module->path, RTLD_NOW))
        found = dl_iterate_phdr(compare, &s);
    *base = s.base;
    return found;
}
