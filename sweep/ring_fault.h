/* ring_fault.h: faults of an io_uring, by playing the kernel's part.
 *
 * No seam in the library is needed: both rings are memory, and what was put in
 * one is looked at before the kernel is entered, what has come out of the other
 * before the library is back.
 */
#ifndef RING_FAULT_H
#define RING_FAULT_H

#include "fault.h"
#include "sys.h"

/* Learn where the rings are. */
void ring_set_up(int fd, const struct bi_uring_params *p);
void ring_mapped(int fd, off_t at, void *p);

/* io_uring_enter(2), with its submissions. */
long ring_enter(const struct bi_sys *real, const long args[6]);

#endif
