/* guard.c: which kind of guard works here, and making one.
 *
 * kernel    MADV_GUARD_INSTALL (Linux 6.13): a mark in the page table.  It
 *           splits no mapping, so that a million stacks are a few mappings.
 * mprotect  PROT_NONE: two mappings for each stack, of the 65,530 that a
 *           process may have by default.
 *
 * A kernel guard is used where one was seen to stop the kernel's own copy, and
 * not where madvise() merely returned 0: emulators return 0 for advice that
 * they do not know, a sandbox may refuse it with any errno.  The probe hurts
 * nobody, for a system call that reads a guard returns -EFAULT and no signal.
 *
 * AddressSanitizer builds use mprotect: the leak checker reads the mappings of
 * stacks, and cannot see a kernel guard before it has died of it.
 *
 * The size: code built with -fstack-clash-protection touches every frame each
 * 4 KiB on x86-64, each 64 KiB on AArch64, and no guard may be smaller.  Four
 * times that on x86-64 stops most of what was built without it as well.
 */
#include "guard.h"

#include "annotate.h"
#include "sys.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef __x86_64__
#define GUARD_BYTES ((size_t)16 << 10)
#else
#define GUARD_BYTES ((size_t)64 << 10)
#endif

#ifdef BI_ASAN
#define UNDER_ASAN 1
#else
#define UNDER_ASAN 0
#endif

#define BATCH 64 /* guards that one system call makes, at most */

#ifndef PIDFD_SELF_THREAD_GROUP
#define PIDFD_SELF_THREAD_GROUP (-10001) /* Linux 6.14 */
#endif
#ifndef SYS_process_madvise
#define SYS_process_madvise 440
#endif

static struct bi_guard here;
static char reason[160];
/* The thread sanitizer knows nothing of call_once(). */
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* Whether the kernel reads `page` at our request: an eventfd takes any eight
 * bytes below UINT64_MAX.  Negated errno of why it does not. */
static int kernel_reads(int fd, const void *page)
{
    ssize_t n = bi_sys_write(fd, page, sizeof(uint64_t));
    return n < 0 ? (int)n : 0;
}

/* Of two pages, guard the first, and see that it and only it is guarded. */
static const char *probe_pages(char *pages, size_t page, int fd)
{
    int rc = bi_sys.advise(pages, page, MADV_GUARD_INSTALL);
    if (rc < 0) {
        snprintf(reason, sizeof reason, "MADV_GUARD_INSTALL failed: %s",
                 strerror(-rc));
        return reason;
    }
    if (kernel_reads(fd, pages) != -EFAULT)
        return "MADV_GUARD_INSTALL succeeds here, but guards nothing";
    if (kernel_reads(fd, pages + page) != 0)
        return "MADV_GUARD_INSTALL guards more here than it was told to";
    return NULL;
}

/* Why there are no kernel guards, or NULL: there are. */
static const char *probe(size_t page)
{
    if (UNDER_ASAN)
        return "AddressSanitizer's leak checker dies of kernel guards";
    char *pages = bi_sys_pages(2 * page);
    int fd = bi_sys_eventfd();
    const char *why = reason;
    if (pages && fd >= 0)
        why = probe_pages(pages, page, fd);
    else
        snprintf(reason, sizeof reason, "kernel guards could not be tried: %s",
                 strerror(pages ? -fd : ENOMEM));
    if (pages)
        bi_sys.unmap(pages, 2 * page);
    if (fd >= 0)
        bi_sys_close(fd);
    return why;
}

/* BIDE_GUARD chooses; a kernel guard that does not work is no choice. */
static void choose(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const char *wish = getenv("BIDE_GUARD");
    const char *why = probe(page);

    here.bytes = (GUARD_BYTES + page - 1) & ~(page - 1);
    if (!why && wish && strcmp(wish, "mprotect") == 0)
        why = "BIDE_GUARD=mprotect asks for it";
    here.kernel = !why;
    here.name = here.kernel ? "kernel" : "mprotect";
    here.reason = why ? why : "MADV_GUARD_INSTALL was seen to work";
}

const struct bi_guard *bi_guard(void)
{
    pthread_once(&once, choose);
    return &here;
}

/* Kernel guards, a system call for all: half the time of one for each.  How
 * many were made; 0 also where the kernel has no process_madvise() for oneself,
 * and under Valgrind, which does not know it and complains. */
static int install_many(char *at, size_t step, int count)
{
    struct iovec places[BATCH];
    if (bi_annotate_wants_stacks())
        return 0;
    if (count > BATCH)
        count = BATCH;
    for (int i = 0; i < count; i++)
        places[i] = (struct iovec){at - (size_t)i * step, here.bytes};
    long bytes = BI_CALL(SYS_process_madvise, PIDFD_SELF_THREAD_GROUP, places,
                         count, MADV_GUARD_INSTALL, 0, 0);
    return bytes < 0 ? 0 : (int)((size_t)bytes / here.bytes);
}

/* Mappings that cannot take a kernel guard (locked ones, of mlockall(2)) exist
 * where others can: each falls back for itself. */
int bi_guard_install(char *at, size_t step, int count)
{
    bi_assert(count > 0);
    if (bi_guard()->kernel) {
        int made = count > 1 ? install_many(at, step, count) : 0;
        if (made > 0)
            return made;
        if (bi_sys.advise(at, here.bytes, MADV_GUARD_INSTALL) == 0)
            return 1;
    }
    int rc = bi_sys.protect(at, here.bytes, PROT_NONE);
    return rc < 0 ? rc : 1;
}
