/* ends.h: descriptors with two ends, made without bide. */
#ifndef ENDS_H
#define ENDS_H

#include <stdbool.h>
#include <stddef.h>

enum medium { PIPE, FIFO, UNIX, TCP, PACKETS, DATAGRAMS, MEDIA };

struct medium_facts {
    const char *name;
    bool socket, messages;
    size_t written; /* at once, by a writer that is to wait */
};
extern const struct medium_facts media[MEDIA];

/* Of a pipe or FIFO the first end is the reading one.  Both may block; what
 * lies between them is kept small. */
void open_ends(enum medium medium, int ends[2]);

/* What the plain calls of a body return. */
int must(int rc, const char *law);

#endif
