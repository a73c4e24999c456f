/* options.h: a command line, read into a plan. */
#ifndef LOAD_OPTIONS_H
#define LOAD_OPTIONS_H

#include "load.h"

struct load_options {
    struct load_plan plan;
    bool json;
};

/* Read a command line.  Returns 1; 0 where help was asked for, and given;
 * -EINVAL where it is wrong, and a sentence on stderr says how. */
int load_options_read(struct load_options *out, int argc, char **argv,
                      const struct load_scenario *scenarios);

/* Read an address, SCHEME://HOST:PORT/PATH, into `plan`.
 *
 * Returns NULL, or what is wrong with it. */
const char *load_options_address(struct load_plan *plan, const char *text,
                                 const struct load_scenario *scenarios);

#endif
