/* local.h: task-locals, as tasks begin and end with them. */
#ifndef BI_LOCAL_H
#define BI_LOCAL_H

#include "core.h"

/* Make in `*to` what a task inherits that is spawned by one with the locals
 * `from`.  False: no memory, or a copy was refused; then `*to` is empty. */
bool bi_local_inherit(struct bi_run *run, const struct bi_cell *from,
                      struct bi_cell **to);

/* Take the last set local off `*list` and drop its value. */
void bi_local_drop_last(struct bi_run *run, struct bi_cell **list);

#endif
