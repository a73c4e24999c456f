/* core.h: the nouns.  Everything above is easy once these are known.
 *
 *   run    one bide_run(): a thread, its tasks, its clock, its reactor
 *   task   a function on its own stack; READY (on run->ready), RUNNING
 *          (run->current), PARKED (task->wait is set) or ENDED
 *   wait   one suspension of one task, on that task's stack: who may end it,
 *          how it is taken back, what came of it
 *   scope  a stretch of code that can be cancelled as one; scopes form a tree:
 *          a task's are nested in it, a group's children hang below its own
 *   timer  a point in time and what to do then
 *
 * A run belongs to one thread and nothing of it is locked.  Only the inbox
 * (inbox.h) is touched by others.
 */
#ifndef BI_CORE_H
#define BI_CORE_H

#include "cell.h"
#include "coro.h"
#include "dary.h"
#include "exceptions.h"
#include "heap.h"
#include "list.h"
#include "stack.h"

struct bi_offload;
struct bi_run;
struct bi_task;

struct bi_timer {
    struct bi_heap_node node; /* of `few`, where it has no seat */
    bide_time deadline;
    uint64_t order; /* of arming: equal deadlines fire in it */
    void (*fire)(struct bi_timer *timer);
    uint32_t seat; /* of `many`, or 0 */
    bool armed;
};

/* The timers of a run; zeroed, there are none. */
struct bi_timers {
    struct bi_heap few;
    struct bi_dary many;
    uint64_t order;
    size_t count;
};

/* One wait, on the waiter's stack from before bi_park() until it returns. */
struct bi_wait {
    struct bi_list link; /* the queue of whoever will wake it, its to use */
    struct bi_task *task;
    /* Cancel: take it back.  True: done, nobody will wake it.  False: that is
     * asked for, and the wake-up will come.  NULL: cannot be taken back. */
    bool (*withdraw)(struct bi_wait *wait);
    /* The tasks without which the wait cannot end, as it is now: a lock's
     * owner, the task that is joined, the children of a group that closes.
     * Each time the one behind `after` (NULL: the first, who is it longest);
     * NULL: there is no more.  The field is NULL where none can be named. */
    struct bi_task *(*blocker)(const struct bi_wait *wait,
                               const struct bi_task *after);
    const char *what; /* for people: "read", "join", ... */
    const void *on;   /* the object, where there is one */
    struct bi_task *lender; /* the other task on whose stack the object is */
    intptr_t value; /* what the waker handed over */
    int fd;         /* the descriptor, or -1 */
    bool withdrawn;
};

/* What takes too long, and who tells of it (watchdog.c). */
struct bi_watchdog {
    bide_time at; /* when `look` is due: no timer, it wakes no task */
    void (*look)(struct bi_run *run);
    bide_time patience;   /* with who was cancelled; 0: for ever */
    bide_time grace;      /* of who is left when the main task has returned, */
    bide_time grace_ends; /* and when it ends; BIDE_FOREVER: not yet begun */
    bide_time slow_turn;  /* so long a turn is told; 0: none is timed */
    void (*tell_turn)(const struct bi_run *run, bide_time span);
    struct {
        char name[32]; /* whose it is, who may end with it; */
        const void *site;
        bide_time began;
    } turn; /* the one under way, if it is timed */
};

enum bi_scope_state {
    BI_SCOPE_EARLY = 0x62694341, /* cancelled before it was opened */
    BI_SCOPE_OPEN = 0x62694f70,
    BI_SCOPE_CLOSED = 0x6269436c,
};

/* struct bide_scope, as it is inside. */
struct __attribute__((may_alias)) bi_scope {
    /* What every wait looks at. */
    struct bi_scope *verdict; /* the outermost fired scope in force, or NULL */
    bide_time nearest;        /* of the deadlines in force here */

    struct bi_scope *parent;  /* the next one out, NULL at the run's root */
    struct bi_task *task;     /* whose code it is around */
    struct bi_list children;  /* scopes whose parent is this one */
    struct bi_list sibling;   /* on parent->children while open */
    uint32_t state;           /* enum bi_scope_state */
    int16_t code;             /* 0, or what it fired with */
    bool shield : 1;
    bool grace_runs : 1;      /* a cancel has reached the shield */
    bool fired : 1;           /* decided at close */
    bide_time grace;          /* of a shield */
    bide_time fired_at;       /* when it got its code, if that is watched */
    struct bi_timer timer;    /* armed while a deadline is ahead */
};

/* Something with an owner that must hear of the owner's end. */
struct bi_held {
    struct bi_list link; /* on the owner's `held` */
    void (*owner_ended)(struct bi_held *held);
};

/* A task's part in a lock that several may hold at once (rwlock.c). */
struct bi_share {
    struct bi_held held;
    struct bi_list link; /* on the lock's readers */
    struct bi_task *task;
    struct bide_rwlock *lock;
    size_t depth; /* locked so often; 0: this record is free */
};

/* So many of them has a task of its own. */
#define BI_SHARES 4

/* The control block, in the top of the task's own stack.  A `bide_task *` is
 * its address and its generation in one (task.h). */
struct bi_task {
    /* The line that every switch touches. */
    struct bi_coro coro;
    struct bi_list ready;   /* on run->ready while READY */
    struct bi_scope *scope; /* the innermost open one */
    struct bi_wait *wait;   /* while PARKED */
    bide_time parked_at;    /* the run's clock when it parked */
    struct bi_run *run;
    struct bi_stack *stack; /* NULL: the loop's (bi_task_visit()) */

    struct bi_scope root;   /* its own scope: bide_cancel() fires it */

    /* How it ends. */
    struct bide_group *group;
    void (*on_end)(struct bi_task *task); /* its group's, or NULL: the run's */
    intptr_t result;         /* once ended */
    struct bi_list all;      /* on run->tasks until its memory is given back */
    struct bi_list joiners;  /* bi_wait of those who join it */
    struct bi_list held;     /* bi_held of what it owns */
    struct bi_cell *locals;  /* last set first */
    struct bi_cell *deferred; /* last deferred first */
    uint32_t lent;           /* bi_wait whose lender it is */
    uint32_t watchers;       /* bide_wait_tasks() calls that look at it */
    bool handle;             /* a handle is out */
    bool ended;
    bool cut;  /* ended by a cancel: its result is no failure of its own */
    bool read; /* its result has been seen by someone */
    uint64_t end_order;      /* among the ends of the run */

    /* How it began, and what is seldom asked for. */
    bide_task *self;         /* its handle; NULL once it is given back */
    bide_fn *fn;
    void *arg;
    const void *site;        /* where it was spawned: a return address */
    uint64_t id;             /* 1, 2, ... in order of spawning */
    struct bi_wait *starter; /* the bide_group_start() that waits for ready */
    struct bi_task *via;     /* who a walk came here from (cycle.c) */
    int64_t priority;        /* in a schedule that goes by it; 0: none yet */
    bide_time blameless;     /* cancels up to then do not count: it was named
                                for them, or is younger (watchdog.c) */
    uint8_t danger;          /* in a cancel sweep (cancelsweep.c) */
    bool ready_told;         /* to a test, and it has not run (steps.c) */
    char name[32]; /* "": "task-<id>" */
    struct bi_share shares[BI_SHARES];
} __attribute__((aligned(BI_LINE)));

/* One bide_run(). */
struct bi_run {
    /* The scheduler. */
    struct bi_list ready;
    struct bi_task *current; /* NULL while the loop runs */
    int tick;        /* switches until the loop gets a turn; who wants it to
                        have one, a signal handler too, sets it to 1 */
    unsigned budget; /* fast calls until the task's turn is over */
    struct bi_coro loop;
    int *error; /* errno of the run's thread */
    struct bi_exceptions *exceptions; /* the thread's; NULL without C++ */
    uint64_t switches;
    uint32_t rotation; /* where the next select begins (select.c) */

    /* Timers and the clock. */
    struct bi_timers timers;
    bide_time timer_slack;
    bide_time now; /* when the loop last looked */
    struct bi_watchdog watchdog;

    /* Tasks. */
    struct bi_stack_pool stacks;
    struct bi_cell_pool cells;
    struct bi_list tasks;
    struct bi_list watchers; /* bi_wait of bide_wait_tasks() calls */
    struct bi_task *main;
    size_t stack_bytes;
    void *spare_ring; /* of a group that closed, for the next one (ended.c) */
    uint64_t spawned, ends, alive_peak;
    uint32_t era; /* added to the generations of handles: no two runs' alike */
    unsigned task_limit;
    bool closing;      /* main has returned: no more bide_spawn() */
    bool forced;       /* deadlocked: every wait is refused, shields or not */
    bool interrupted;  /* SIGINT cancelled main */
    struct bi_scope root; /* the parent of every task of the run */
    void (*on_error)(const struct bide_error *e);

    /* Tests (floor 8); all NULL elsewhere. */
    struct bi_schedule *schedule; /* chooses who runs next (sched.h) */
    bide_time *virtual_now;       /* a clock that jumps: the thread's time */
    void (*idle)(struct bi_run *run); /* is told that nobody is ready */
    struct bi_list settlers;      /* bi_wait of bide_test_settle() calls */

    /* Higher floors. */
    struct bi_reactor *reactor;
    struct bide_loop *handle;
    struct bide_threads *pools;    /* all that are open, of bide_to_thread(): */
    struct bide_threads *own_pool; /* among them the run's own, or NULL */
    unsigned thread_limit;         /* of its own */
    struct bi_offload *lookups;    /* looks names up; NULL until it is needed */
    struct bi_signals *signals;    /* NULL until one is asked for */
    struct bide_pool *crews;       /* all that are open, of processes */
};

/* How many tasks have not ended. */
static inline uint64_t bi_run_alive(const struct bi_run *run)
{
    return run->spawned - run->ends;
}

/* The run of this thread, or NULL. */
extern _Thread_local struct bi_run *bi_here
    __attribute__((tls_model("initial-exec"), visibility("hidden")));

/* While this thread makes a job: the task that waits for it. */
extern _Thread_local struct bi_task *bi_waiter
    __attribute__((tls_model("initial-exec"), visibility("hidden")));

/* The running task, or NULL. */
static inline struct bi_task *bi_current(void)
{
    return bi_here ? bi_here->current : NULL;
}

/* The running task; outside of one `func` was misused. */
static inline struct bi_task *bi_current_in(const char *func)
{
    struct bi_task *task = bi_current();
    BI_CONTRACT(task, func, "was called %s",
                bi_waiter ? "in a job of bide_to_thread(), which is no task"
                          : "outside a task");
    return task;
}

/* `wait` is over, or goes elsewhere: its lender may take its stack back. */
static inline void bi_wait_give_back(struct bi_wait *wait)
{
    if (bi_likely(!wait->lender))
        return;
    bi_assert(wait->lender->lent > 0);
    wait->lender->lent--;
    wait->lender = NULL;
}

/* The task's name, in `buf` (of 32 bytes) where it has none of its own. */
const char *bi_task_name(const struct bi_task *task, char *buf);

#endif
