/* alone.c: bide.h needs no other header before it, in C and in C++. */
#include <bide.h>

/* What stands in the header for people to declare can be declared. */
struct everything {
    struct bide_options options;
    struct bide_spawn_options spawn;
    struct bide_scope scope;
    struct bide_group group;
    struct bide_call call;
    struct bide_mutex mutex;
    struct bide_event event;
    struct bide_chan chan;
    struct bide_local local;
    struct bide_gen gen;
    struct bide_limiter limiter;
    struct bide_token token;
    struct bide_ticker ticker;
    struct bide_thread_options thread;
    struct bide_async async;
    struct bide_error error;
    struct bide_info info;
    struct bide_stats stats;
    bide_time time;
    bide_task *task;
    bide_loop *loop;
    bide_threads *threads;
    bide_fn *fn;
};

size_t size_of_everything(void);

size_t size_of_everything(void)
{
    return sizeof(struct everything);
}
