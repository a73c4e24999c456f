/* strike.c: a cancel at a chosen moment of a chosen task.
 *
 * The library knows nothing of this.  Its doors are wrapped by the linker
 * (--wrap): bi_park() and bi_wake() tell who parks and who is woken, and the
 * check before each wait comes by too, because every task's budget of fast
 * calls is kept at one: bi_park_check() then calls bi_park_end_turn(), which
 * is wrapped as well.  So moments are counted where they are, and not a single
 * instruction is added to what is tested.
 *
 * The hard part is to cancel at that moment and not a little later, from where
 * a program could do it as well: from a task.  It is the striker, a sibling of
 * the endangered task, parked until it is called.  Who calls it puts it before
 * all other ready tasks; so when a wake-up calls it, it runs before the woken
 * task does, and when a task calls it that is about to wait, that task first
 * lets the others run.
 *
 * Rejected: cancelling from within bi_wake() (it is called in the midst of
 * walks over lists, where no program can be).
 */
#include "cancel.h"

#include "park.h"
#include "sched.h"
#include "task.h"

#include <stdio.h>
#include <string.h>

enum { STRIKE, GO_HOME };

static struct {
    struct point asked;
    struct verdict verdict;
    unsigned seen;           /* moments of the kind that is asked for */
    bide_fn *fn;             /* what the endangered task does */
    void *arg;
    bide_task *handle;       /* the endangered task, */
    struct bi_task *task;    /* inside; NULL before and after its work */
    bool over;               /* its work is done */
    struct bi_task *striker;
    struct bi_wait *standby; /* the striker's wait to be called */
    struct bide_scope scope; /* around the work of the endangered task */
    bide_time deadline;      /* of that scope */
} now;

/* ---- The laws in words -------------------------------------------------- */

unsigned laws_broken;

void broken(const char *law, long got, long wanted)
{
    laws_broken++;
    printf("    %s: %ld, not %ld\n", law, got, wanted);
}

static int code_of_strike(void)
{
    return now.asked.way == BY_DEADLINE ? -ETIMEDOUT : -ECANCELED;
}

intptr_t stopped(intptr_t result)
{
    holds(now.verdict.struck, "a wait is refused only after the cancel");
    equal(result, code_of_strike(), "a refused wait returns the cancel's code");
    return result;
}

bool was_struck(void)
{
    return now.verdict.struck;
}

bool danger_is_over(void)
{
    return now.over;
}

/* ---- The striker -------------------------------------------------------- */

/* What the linker wraps. */
intptr_t __real_bi_park(struct bi_wait *wait);
intptr_t __wrap_bi_park(struct bi_wait *wait);
void __real_bi_wake(struct bi_wait *wait, intptr_t value);
void __wrap_bi_wake(struct bi_wait *wait, intptr_t value);
void __real_bi_park_yield(struct bi_task *task);
void __wrap_bi_park_yield(struct bi_task *task);
void __wrap_bi_park_end_turn(struct bi_task *task);

/* Put the striker before all others. */
static void call_striker(int order)
{
    struct bi_run *run = bi_here;
    struct bi_wait *standby = now.standby;
    if (!standby)
        return;
    now.standby = NULL;
    __real_bi_wake(standby, order);
    bi_list_remove(&now.striker->ready);
    bi_list_push_front(&run->ready, &now.striker->ready);
    if (run->tick < 2)
        run->tick = 2; /* else the loop would come first */
}

static int wait_for_call(void)
{
    struct bi_wait wait = bi_wait_make(now.striker, "a call", NULL, NULL);
    now.standby = &wait;
    return (int)__real_bi_park(&wait);
}

/* Let the kernel get what the endangered task waits for.  False: the wait has
 * ended meanwhile. */
static bool still_there_after_two_turns(void)
{
    unsigned wait = now.verdict.waits;
    turn();
    turn();
    return now.task && now.task->wait && now.verdict.waits == wait;
}

static intptr_t strike(void)
{
    now.verdict.struck = true;
    switch (now.asked.way) {
    case BY_TASK:
        holds(bide_cancel(now.handle), "a living task can be cancelled");
        return 0;
    case BY_SCOPE:
        bide_scope_cancel(&now.scope);
        return 0;
    case BY_DEADLINE:
        now.deadline = bide_now() - 1;
        bide_scope_set_deadline(&now.scope, now.deadline); /* if it is open */
        bi_here->tick = 1; /* the loop looks at the clock now */
        return 0;
    default:
        return -EIO; /* a sibling has failed */
    }
}

static intptr_t be_striker(void *unused)
{
    (void)unused;
    now.striker = bi_current();
    int order = wait_for_call();
    if (order == GO_HOME)
        return 0;
    if (now.asked.moment == IN_KERNEL && !still_there_after_two_turns())
        return 0;
    return strike();
}

/* ---- The doors ---------------------------------------------------------- */

/* One more moment of this kind.  True: it is the one, the striker is called. */
static bool pass(enum moment moment)
{
    if (!now.task || moment != now.asked.moment || ++now.seen != now.asked.n)
        return false;
    now.verdict.reached = true;
    call_striker(STRIKE);
    return true;
}

static void keep_budget(struct bi_run *run)
{
    run->budget = 1;
}

intptr_t __wrap_bi_park(struct bi_wait *wait)
{
    struct bi_task *task = wait->task;
    bool endangered = task == now.task;
    if (endangered) {
        now.verdict.waits++;
        pass(PARKED);
        pass(IN_KERNEL);
    }
    bool before = now.verdict.reached;
    intptr_t value = __real_bi_park(wait);
    bool at_wake = now.asked.moment == WOKEN && now.verdict.reached && !before;
    if (endangered && at_wake)
        holds(!wait->withdrawn, "what was woken is not withdrawn");
    keep_budget(task->run);
    return value;
}

void __wrap_bi_wake(struct bi_wait *wait, intptr_t value)
{
    bool endangered = wait->task == now.task;
    __real_bi_wake(wait, value);
    if (endangered && !wait->withdrawn)
        pass(WOKEN);
}

void __wrap_bi_park_yield(struct bi_task *task)
{
    __real_bi_park_yield(task);
    keep_budget(task->run);
}

/* Called by the check before each wait. */
void __wrap_bi_park_end_turn(struct bi_task *task)
{
    bool struck = false;
    if (task == now.task)
        struck = pass(BEFORE);
    else if (task != now.striker)
        struck = pass(AMID);
    if (struck)
        __real_bi_park_yield(task);
    keep_budget(task->run);
}

void turn(void)
{
    keep_budget(bi_here);
    bi_here->tick = 1;
    int rc = bide_yield();
    (void)rc; /* who is cancelled goes on without a turn */
}

void a_while(void)
{
    keep_budget(bi_here);
    int rc = bide_sleep(BIDE_US(100));
    (void)rc;
}

/* ---- The endangered task ------------------------------------------------ */

/* Level-triggered: the second and the tenth wait is refused as the first. */
static void every_wait_is_refused(int code)
{
    char byte;
    struct bide_event never = {0};
    equal(bide_cancel_code(), code, "the scope tells its verdict");
    if (code == 0)
        return;
    for (int i = 0; i < 3; i++) {
        equal(bide_yield(), code, "a yield after the cancel is refused");
        equal(bide_sleep(1), code, "a sleep after the cancel is refused");
        equal(bide_event_wait(&never), code, "a wait after it is refused");
        equal(bide_read(0, &byte, 1), code, "a read after it is refused");
    }
}

static void after_its_scope(void)
{
    bool struck = now.verdict.struck;
    bool own = now.asked.way == BY_SCOPE || now.asked.way == BY_DEADLINE;
    equal(bide_scope_fired(&now.scope), struck && own,
          "a scope has fired where it was struck itself");
    equal(bide_yield(), struck && !own ? -ECANCELED : 0,
          "the verdict of a scope ends with it");
}

static intptr_t be_endangered(void *unused)
{
    (void)unused;
    keep_budget(bi_here);
    bide_scope_open(&now.scope, now.deadline);
    now.fn(now.arg);
    now.task = NULL;
    now.over = true;
    every_wait_is_refused(now.verdict.struck ? code_of_strike() : 0);
    bide_scope_close(&now.scope, 0);
    call_striker(GO_HOME);
    after_its_scope();
    return 0;
}

void endanger(bide_fn *fn, void *arg)
{
    struct bide_spawn_options first = {.name = "striker", .flags = BIDE_EAGER};
    struct bide_spawn_options second = {.name = "endangered"};
    struct bide_group g = {0};
    now.fn = fn;
    now.arg = arg;
    bide_group_open(&g, BIDE_FAIL_FAST);
    int rc = bide_group_spawn_with(&g, NULL, be_striker, NULL, &first);
    equal(rc, 0, "the striker is there");
    rc = bide_group_spawn_with(&g, &now.handle, be_endangered, NULL, &second);
    equal(rc, 0, "the endangered task is there");
    now.task = bi_task_of(now.handle, __func__);
    intptr_t result = bide_group_close(&g, 0);
    bool failed = now.verdict.struck && now.asked.way == BY_FAILURE;
    equal(result, failed ? -EIO : 0, "the group tells who failed");
    holds(bide_task_done(now.handle), "a group closes when all have ended");
    bide_release(now.handle);
}

/* ---- Beside it ---------------------------------------------------------- */

void beside(struct bide_group *g, bide_fn *fn, void *arg)
{
    equal(bide_group_spawn(g, fn, arg), 0, "a helper is there");
}

void all_ended(struct bide_group *g)
{
    equal(bide_group_close(g, 0), 0, "the helpers end well");
}

/* ---- One run ------------------------------------------------------------ */

static intptr_t run_body(void *arg)
{
    const struct body *body = arg;
    keep_budget(bi_here);
    body->run(&body->choice);
    audit_run();
    return 0;
}

struct verdict run_point(const struct body *body, const struct point *point)
{
    struct bide_options options = {.backend = point->backend,
                                   .ring_entries = 32, .thread_limit = 2};
    memset(&now, 0, sizeof now);
    now.asked = *point;
    now.deadline = BIDE_FOREVER;
    if (point->way == BY_DEADLINE)
        now.deadline = bide_after(BIDE_SEC(3600));
    intptr_t result = bide_run(run_body, (void *)(uintptr_t)body, &options);
    equal(result, 0, "the run ends well");
    return now.verdict;
}
