/* backends.h: for programs that try both backends, one after the other. */
#ifndef BACKENDS_H
#define BACKENDS_H

#include <bide.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* As in BIDE_BACKEND. */
static const char *const backend_names[] = {[BIDE_URING] = "uring",
                                            [BIDE_EPOLL] = "epoll"};

/* Whether this machine has the backend, and nobody outside asks for another. */
static inline bool backend_offered(enum bide_backend backend)
{
    const char *only = getenv("BIDE_BACKEND");
    if (only && *only && strcmp(only, "auto") != 0)
        return strcmp(only, backend_names[backend]) == 0;
    struct bide_info info;
    bide_info(&info);
    if (backend == BIDE_EPOLL || strcmp(info.backend, "io_uring") == 0)
        return true;
    printf("io_uring is left out: %s\n", info.backend_reason);
    return false;
}

#endif
