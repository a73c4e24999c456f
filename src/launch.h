/* launch.h: starting a program: what it gets, and what we keep. */
#ifndef BI_LAUNCH_H
#define BI_LAUNCH_H

#include "base.h"

/* What a program was started with, as the parent sees it. */
struct bi_launched {
    pid_t pid;
    int ends[3]; /* our ends of its pipes, close-on-exec, or -1 */
};

/* Start argv[0], found by PATH.  0, or a negated errno: then nothing is open
 * and nothing runs. */
int bi_launch(struct bi_launched *out, char *const argv[],
              const struct bide_proc_options *opt);

#endif
