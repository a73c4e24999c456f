/* annotate.h: what Valgrind and the sanitizers have to be told.
 *
 * Tools that follow the stack pointer take a switch for a very deep call or a
 * return, and what a past task left on a stack for what the present one may not
 * touch.  Everything that is said to them is said here; where a tool is not
 * present its words come to nothing, and struct bi_annotate is empty.
 *
 *   of a switch    adopt, forget, make, leave, arrive, finish, drop: coro.h,
 *                  coro.c and bare.c call them
 *   of memory      slab, stack, reuse: stack.c and coro.c call them
 *   of the kernel  bi_annotate_defined(): what io_uring wrote
 *
 * A leave and its bi_switch() must stand in one frame, so that the tool's own
 * book of frames stays true: hence the forced inlining.
 *
 * Valgrind is spoken to wherever its header was found and it runs the program;
 * BI_NO_VALGRIND leaves the words out.
 */
#ifndef BI_ANNOTATE_H
#define BI_ANNOTATE_H

#include "base.h"

#define BI_ALWAYS_INLINE static inline __attribute__((always_inline))

#ifdef __has_feature
#define BI_CLANG_HAS(feature) __has_feature(feature)
#else
#define BI_CLANG_HAS(feature) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || BI_CLANG_HAS(address_sanitizer)
#define BI_ASAN 1
#elif defined(__SANITIZE_THREAD__) || BI_CLANG_HAS(thread_sanitizer)
#define BI_TSAN 1
#elif BI_CLANG_HAS(memory_sanitizer)
#define BI_MSAN 1
#endif

/* ---- A switch ----------------------------------------------------------- */

#if defined(BI_ASAN)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/lsan_interface.h>

/* Of one coroutine.  Where a thread's own stack lies is learned when the first
 * switch away from it arrives; from then on the leak checker is asked to read
 * it, for it knows of one stack a thread, the one that runs. */
struct bi_annotate {
    void *fake;                 /* its frames for use-after-return */
    const void *low;            /* its stack, `bytes` long */
    size_t bytes;
    struct bi_annotate *origin; /* who switched to it last */
};

BI_ALWAYS_INLINE void bi_annotate_adopt(struct bi_annotate *a)
{
    *a = (struct bi_annotate){0};
}

BI_ALWAYS_INLINE void bi_annotate_forget(struct bi_annotate *a)
{
    if (a->low)
        __lsan_unregister_root_region(a->low, a->bytes);
}

BI_ALWAYS_INLINE void bi_annotate_make(struct bi_annotate *a, const void *low,
                                       size_t bytes)
{
    *a = (struct bi_annotate){.low = low, .bytes = bytes};
}

BI_ALWAYS_INLINE void bi_annotate_leave(struct bi_annotate *from,
                                        struct bi_annotate *to)
{
    to->origin = from;
    __sanitizer_start_switch_fiber(&from->fake, to->low, to->bytes);
}

BI_ALWAYS_INLINE void bi_annotate_arrive(struct bi_annotate *a)
{
    struct bi_annotate *origin = a->origin;
    bool learned = !origin->low;
    __sanitizer_finish_switch_fiber(a->fake, &origin->low, &origin->bytes);
    if (learned)
        __lsan_register_root_region(origin->low, origin->bytes);
}

/* No place to save the fake frames: they are freed. */
BI_ALWAYS_INLINE void bi_annotate_finish(struct bi_annotate *from,
                                         struct bi_annotate *to)
{
    to->origin = from;
    __sanitizer_start_switch_fiber(NULL, to->low, to->bytes);
}

BI_ALWAYS_INLINE void bi_annotate_drop(struct bi_annotate *a)
{
    (void)a;
}

#elif defined(BI_TSAN)
#include <sanitizer/tsan_interface.h>

/* Of one coroutine. */
struct bi_annotate {
    void *fiber;
    void *ended; /* the fiber that finished into this one: to be destroyed */
};

BI_ALWAYS_INLINE void bi_annotate_adopt(struct bi_annotate *a)
{
    *a = (struct bi_annotate){.fiber = __tsan_get_current_fiber()};
}

BI_ALWAYS_INLINE void bi_annotate_forget(struct bi_annotate *a)
{
    (void)a;
}

BI_ALWAYS_INLINE void bi_annotate_make(struct bi_annotate *a, const void *low,
                                       size_t bytes)
{
    (void)low, (void)bytes;
    *a = (struct bi_annotate){.fiber = __tsan_create_fiber(0)};
}

BI_ALWAYS_INLINE void bi_annotate_leave(struct bi_annotate *from,
                                        struct bi_annotate *to)
{
    (void)from;
    __tsan_switch_to_fiber(to->fiber, 0);
}

BI_ALWAYS_INLINE void bi_annotate_arrive(struct bi_annotate *a)
{
    if (a->ended)
        __tsan_destroy_fiber(a->ended);
    a->ended = NULL;
}

BI_ALWAYS_INLINE void bi_annotate_finish(struct bi_annotate *from,
                                         struct bi_annotate *to)
{
    to->ended = from->fiber;
    __tsan_switch_to_fiber(to->fiber, 0);
}

/* It is given up where it is suspended. */
BI_ALWAYS_INLINE void bi_annotate_drop(struct bi_annotate *a)
{
    __tsan_destroy_fiber(a->fiber);
}

#else

struct bi_annotate {
};

BI_ALWAYS_INLINE void bi_annotate_adopt(struct bi_annotate *a)
{
    (void)a;
}

BI_ALWAYS_INLINE void bi_annotate_forget(struct bi_annotate *a)
{
    (void)a;
}

BI_ALWAYS_INLINE void bi_annotate_make(struct bi_annotate *a, const void *low,
                                       size_t bytes)
{
    (void)a, (void)low, (void)bytes;
}

BI_ALWAYS_INLINE void bi_annotate_leave(struct bi_annotate *from,
                                        struct bi_annotate *to)
{
    (void)from, (void)to;
}

BI_ALWAYS_INLINE void bi_annotate_arrive(struct bi_annotate *a)
{
    (void)a;
}

BI_ALWAYS_INLINE void bi_annotate_finish(struct bi_annotate *from,
                                         struct bi_annotate *to)
{
    (void)from, (void)to;
}

BI_ALWAYS_INLINE void bi_annotate_drop(struct bi_annotate *a)
{
    (void)a;
}

#endif

/* A tool that the program was built for and this library was not, so that it is
 * told nothing of switches and threads, and dies of them; NULL: none. */
const char *bi_annotate_stranger(void);

/* Whether Valgrind runs this program, as it was seen before main() (coro.c): a
 * request to it costs some ten stores, this a look. */
extern bool bi_annotate_valgrind __attribute__((visibility("hidden")));

/* ---- Memory, to Valgrind ------------------------------------------------ */

#if defined(__has_include) && !defined(BI_NO_VALGRIND)
#if __has_include(<valgrind/memcheck.h>)
#define BI_VALGRIND 1
#endif
#endif

#ifdef BI_VALGRIND
#include <valgrind/memcheck.h>
#include <valgrind/valgrind.h>
#define BI_VALGRIND_DEFINED(at, bytes) \
    (bi_unlikely(bi_annotate_valgrind) ? \
         (void)VALGRIND_MAKE_MEM_DEFINED((at), (bytes)) : (void)0)
#define BI_VALGRIND_UNDEFINED(at, bytes) \
    (bi_unlikely(bi_annotate_valgrind) ? \
         (void)VALGRIND_MAKE_MEM_UNDEFINED((at), (bytes)) : (void)0)

/* For bi_annotate_valgrind. */
static inline bool bi_annotate_look(void)
{
    return RUNNING_ON_VALGRIND;
}

/* Whether someone wants to know where each stack lies. */
static inline bool bi_annotate_wants_stacks(void)
{
    return bi_annotate_valgrind;
}

/* Whether no other thread runs while one waits in io_uring_enter(2): Valgrind
 * takes that for a call that does not block. */
static inline bool bi_annotate_serialises(void)
{
    return bi_annotate_valgrind;
}

/* Whether a child of fork(2) must have all mappings of its parent: Valgrind
 * does not know MADV_DONTFORK, and falls over the hole in its book. */
static inline bool bi_annotate_forks_all(void)
{
    return bi_annotate_valgrind;
}

/* A stack [low, high) exists: returns the number it goes by. */
static inline unsigned bi_annotate_stack(void *low, void *high)
{
    return VALGRIND_STACK_REGISTER(low, high);
}

static inline void bi_annotate_stack_end(unsigned number)
{
    VALGRIND_STACK_DEREGISTER(number);
}
#else
#define BI_VALGRIND_DEFINED(at, bytes) ((void)(at), (void)(bytes))
#define BI_VALGRIND_UNDEFINED(at, bytes) ((void)(at), (void)(bytes))

static inline bool bi_annotate_look(void)
{
    return false;
}

static inline bool bi_annotate_wants_stacks(void)
{
    return false;
}

static inline bool bi_annotate_serialises(void)
{
    return false;
}

static inline bool bi_annotate_forks_all(void)
{
    return false;
}

static inline unsigned bi_annotate_stack(void *low, void *high)
{
    (void)low, (void)high;
    return 0;
}

static inline void bi_annotate_stack_end(unsigned number)
{
    (void)number;
}
#endif

/* ---- Memory, to the sanitizers ------------------------------------------ */

#if defined(BI_ASAN)
#define BI_SANITIZE_DEFINED(at, bytes) ((void)(at), (void)(bytes))
#define BI_SANITIZE_REUSE(at, bytes) \
    __asan_unpoison_memory_region((at), (bytes))
#define BI_SANITIZE_SLAB(at, bytes) __lsan_register_root_region((at), (bytes))
/* What is mapped there next must not inherit the poison of dead frames. */
#define BI_SANITIZE_SLAB_END(at, bytes) \
    (BI_SANITIZE_REUSE((at), (bytes)),  \
     __lsan_unregister_root_region((at), (bytes)))
#else
#if defined(BI_MSAN)
#include <sanitizer/msan_interface.h>
#define BI_SANITIZE_DEFINED(at, bytes) __msan_unpoison((at), (bytes))
#else
#define BI_SANITIZE_DEFINED(at, bytes) ((void)(at), (void)(bytes))
#endif
#define BI_SANITIZE_REUSE(at, bytes) BI_SANITIZE_DEFINED(at, bytes)
#define BI_SANITIZE_SLAB(at, bytes) ((void)(at), (void)(bytes))
#define BI_SANITIZE_SLAB_END(at, bytes) ((void)(at), (void)(bytes))
#endif

/* These bytes hold something: the kernel wrote them behind the tools' back, or
 * any value will do. */
static inline void bi_annotate_defined(void *at, size_t bytes)
{
    BI_VALGRIND_DEFINED(at, bytes);
    BI_SANITIZE_DEFINED(at, bytes);
}

/* Whether somebody keeps a book of such bytes. */
static inline bool bi_annotate_wants_bytes(void)
{
#ifdef BI_MSAN
    return true;
#else
    return bi_annotate_valgrind;
#endif
}

/* A stack begins anew: what is on it is rubbish, and all of it may be used. */
static inline void bi_annotate_reuse(void *low, size_t bytes)
{
    BI_VALGRIND_UNDEFINED(low, bytes);
    BI_SANITIZE_REUSE(low, bytes);
}

/* A slab of stacks is mapped: pointers on them keep blocks from being leaks.
 * The leak checker reads all of it but pages that are PROT_NONE, which is why
 * guard.c makes no kernel guards under AddressSanitizer. */
static inline void bi_annotate_slab(void *at, size_t bytes)
{
    BI_SANITIZE_SLAB(at, bytes);
}

static inline void bi_annotate_slab_end(void *at, size_t bytes)
{
    BI_SANITIZE_SLAB_END(at, bytes);
}

#endif
