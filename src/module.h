/* module.h: an address of this process as another one can find it.
 *
 * Programs and libraries lie at another address in each process.  What stays is
 * the module, by the path it was loaded from and its build id, and the offset
 * in it.
 */
#ifndef BI_MODULE_H
#define BI_MODULE_H

#include "base.h"

#define BI_MODULES 64 /* that a table can hold */

struct bi_module {
    uint32_t id_bytes; /* 0: it was built without an id */
    uint8_t id[36];
    char path[4056]; /* "": the program itself */
};

struct bi_place {
    uint32_t module; /* from 1, in a table; 0: no module, `offset` is all */
    uint32_t unused;
    uint64_t offset;
};

/* Modules as they were met, in one process; zeroed, there are none. */
struct bi_modules {
    struct bi_module table[BI_MODULES];
    unsigned count;
    /* The last places that were asked for, while no module goes: */
    struct {
        const void *at;
        struct bi_place place;
    } met[16];
    unsigned long long gone;
};

/* Find the place of `at`.  0, or -ENOENT: it is in no module; -ENOSPC: in one
 * too many; -ENAMETOOLONG: in one with a path too long. */
int bi_module_place(struct bi_modules *m, const void *at, struct bi_place *out);

/* In the other process: put in `*base` where `module` begins, loaded now if it
 * is not there.  False: it is not to be had. */
bool bi_module_load(const struct bi_module *module, char **base);

#endif
