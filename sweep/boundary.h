/* boundary.h: our functions in the table of system calls.
 *
 * They count, strike (fault.h), skip time (clock.h) and keep the books of what
 * the library has mapped and allocated.
 */
#ifndef BOUNDARY_H
#define BOUNDARY_H

#include "fault.h"

/* What the library holds of the process. */
struct ledger {
    long mappings, mapped_bytes, blocks;
};

/* Take the table over.  `older`: a kernel without the calls that came after
 * Linux 4.5. */
void boundary_take(bool older);

struct ledger boundary_ledger(void);

/* Look-ups of the name "hangs" do: how many, and the end of it. */
unsigned boundary_hanging(void);
void boundary_let_go(void);

#endif
