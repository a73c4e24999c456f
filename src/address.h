/* address.h: where a socket is connected to, or bound. */
#ifndef BI_ADDRESS_H
#define BI_ADDRESS_H

#include "base.h"

/* The address that `host` and `service` say by themselves: a Unix path, or a
 * numeric address and port.  `flags` is AI_PASSIVE or 0.
 *
 * 1; 0: they are names, to be looked up; or -EINVAL: neither, -ENAMETOOLONG. */
int bi_address_read(const char *host, const char *service, int flags,
                    struct bide_address *out);

/* A socket for streams of its family, close-on-exec and non-blocking. */
int bi_address_socket(const struct bide_address *a);

#endif
