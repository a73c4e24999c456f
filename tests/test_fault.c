/* test_fault.c: what is said of a stack overflow, and who is not in its way.
 *
 * Each body runs in a child whose end and last words are looked at.
 */
#include "coro.h"
#include "fault.h"
#include "harness.h"
#include "sys.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* A task, as far as this floor knows one: it lies in the head of its stack. */
struct bi_task {
    struct bi_coro coro;
    struct bi_stack *stack;
    void (*body)(struct bi_task *task);
    const char *name;
    char *target; /* what to touch */
} __attribute__((aligned(BI_LINE)));

static _Thread_local struct bi_stack_pool pool;
static _Thread_local struct bi_coro loop;
static _Thread_local struct bi_task *running;

static const char *name_of(const struct bi_task *task, char *buf)
{
    return task->name ? task->name : memcpy(buf, "task-7", sizeof "task-7");
}

static void entry(void *arg)
{
    struct bi_task *task = arg;
    bi_coro_began(&task->coro);
    task->body(task);
    bi_coro_finish(&task->coro, &loop);
}

static struct bi_task *start(const char *name,
                             void (*body)(struct bi_task *task))
{
    struct bi_stack *stack = bi_stack_take(&pool, BI_STACK_DEFAULT);
    struct bi_task *task = bi_stack_head(&pool, stack);
    task->stack = stack;
    task->body = body;
    task->name = name;
    bi_coro_make(&task->coro, stack->low, task, entry, task);
    return task;
}

static void resume(struct bi_task *task)
{
    running = task;
    bi_coro_switch(&loop, &task->coro);
    running = NULL;
}

static void begin(void)
{
    bi_stack_pool_init(&pool, sizeof(struct bi_task));
    bi_coro_adopt(&loop);
    if (bi_fault_install(&pool, &running, name_of) < 0)
        _exit(99);
}

static void end(void)
{
    bi_fault_remove();
    bi_stack_pool_end(&pool);
}

static char words[1024]; /* of the last child, on stderr */

static int child(void (*body)(void))
{
    return in_child(body, words, sizeof words);
}

/* In the children too: a sanitizer's handler would turn signals into exits. */
static void set_up(void)
{
    signal(SIGSEGV, SIG_DFL);
    signal(SIGBUS, SIG_DFL);
}

static void assert_killed(int status, int sig)
{
    ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == sig,
                  "status %#x, and it said: %s", status, words);
}

static void assert_said(const char *text)
{
    ck_assert_msg(strstr(words, text) != NULL, "'%s' is not in '%s'", text,
                  words);
}

/* Nothing of ours; an emulator has last words of its own. */
static void assert_silent(void)
{
    ck_assert_msg(!strstr(words, "bide"), "it said: %s", words);
}

/* ---- Overflow ----------------------------------------------------------- */

static __attribute__((noinline)) int recurse(volatile int depth)
{
    volatile char frame[256];
    frame[0] = (char)depth;
    return depth < 0 ? 0 : recurse(depth + 1) + frame[0];
}

static void recurse_for_ever(struct bi_task *task)
{
    task->target = (char *)(intptr_t)recurse(0);
}

static void overflow(void)
{
    begin();
    resume(start("other", recurse_for_ever));
}

static void overflow_of_three(void)
{
    begin();
    start("above", recurse_for_ever);
    struct bi_task *task = start("fetch", recurse_for_ever);
    start("below", recurse_for_ever);
    resume(task);
}

START_TEST(an_overflow_names_task_stack_and_guard)
{
    char guard[64];
    assert_killed(child(overflow_of_three), SIGSEGV);
    assert_said("bide: stack overflow in task 'fetch' (64 KiB stack, ");
    snprintf(guard, sizeof guard, "%zu KiB %s guard at 0x",
             bi_guard()->bytes >> 10, bi_guard()->name);
    assert_said(guard);
    char *sentence = strstr(words, "bide: ");
    ck_assert_ptr_null(strstr(sentence + 1, "bide: "));
    ck_assert_mem_eq(strchr(sentence, '\n') - 1, ")\n", 2);
}
END_TEST

static void nameless_overflow(void)
{
    begin();
    resume(start(NULL, recurse_for_ever));
}

START_TEST(an_overflow_names_a_task_without_a_name)
{
    assert_killed(child(nameless_overflow), SIGSEGV);
    assert_said("in task 'task-7' (");
}
END_TEST

/* Its lowest byte only is written: without probes, the third such frame begins
 * in the stack below. */
static __attribute__((noinline)) int leap(volatile int depth)
{
    volatile char frame[30 * 1024];
    __asm__ volatile("" : : "r"(frame) : "memory"); /* all of it is needed */
    frame[0] = (char)depth;
    return depth == 3 ? 0 : leap(depth + 1) + frame[0];
}

static void leap_thrice(struct bi_task *task)
{
    task->target = (char *)(intptr_t)leap(0);
}

static void jump_over_the_guard(void)
{
    begin();
    struct bi_task *task = start("leaper", leap_thrice);
    start("below", leap_thrice);
    resume(task);
}

START_TEST(a_frame_that_jumps_pages_is_caught)
{
    assert_killed(child(jump_over_the_guard), SIGSEGV);
    assert_said("stack overflow in task 'leaper'");
}
END_TEST

static void *overflow_in_thread(void *arg)
{
    overflow();
    return arg;
}

static void overflow_elsewhere(void)
{
    pthread_t thread;
    begin();
    pthread_create(&thread, NULL, overflow_in_thread, NULL);
    pthread_join(thread, NULL);
}

START_TEST(an_overflow_on_another_thread_is_named)
{
    assert_killed(child(overflow_elsewhere), SIGSEGV);
    assert_said("stack overflow in task 'other'");
}
END_TEST

/* ---- Wild pointers ------------------------------------------------------ */

static void touch(struct bi_task *task)
{
    *(volatile char *)task->target = 1;
}

static void touch_guard_of(bool free_it)
{
    begin();
    struct bi_task *victim = start("victim", touch);
    struct bi_task *task = start("culprit", touch);
    task->target = victim->stack->low - 100;
    if (free_it)
        bi_stack_give(&pool, victim->stack);
    resume(task);
}

static void touch_another(void)
{
    touch_guard_of(false);
}

static void touch_free(void)
{
    touch_guard_of(true);
}

START_TEST(a_wild_access_names_both_tasks)
{
    assert_killed(child(touch_another), SIGSEGV);
    assert_said("bide: wild access by task 'culprit' to 0x");
    assert_said("in the guard of task 'victim' (");
    assert_killed(child(touch_free), SIGSEGV);
    assert_said("in the guard of a free stack (");
}
END_TEST

static volatile char *volatile nowhere = (char *)8;

static void touch_nowhere(struct bi_task *task)
{
    (void)task;
    begin_bad_addresses();
    *nowhere = 1;
}

static void fault_elsewhere(void)
{
    begin();
    resume(start("innocent", touch_nowhere));
}

START_TEST(a_fault_elsewhere_is_not_ours)
{
    assert_killed(child(fault_elsewhere), SIGSEGV);
    assert_silent();
}
END_TEST

static void send_signal(void)
{
    begin();
    raise(SIGBUS);
}

START_TEST(a_signal_that_was_sent_still_kills)
{
    assert_killed(child(send_signal), SIGBUS);
    assert_silent();
}
END_TEST

/* ---- Others' handlers --------------------------------------------------- */

static void say(const char *text)
{
    (void)!write(2, text, strlen(text));
}

static void plain_handler(int sig)
{
    say(sig == SIGSEGV ? "theirs" : "strange");
    _exit(5);
}

static void fault_with_handler(void)
{
    signal(SIGSEGV, plain_handler);
    fault_elsewhere();
}

START_TEST(the_handler_of_before_gets_other_faults)
{
    int status = child(fault_with_handler);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 5);
    assert_said("theirs");
    assert_silent();
}
END_TEST

static sigjmp_buf back;

static void repair(int sig, siginfo_t *info, void *context)
{
    (void)context;
    say(sig == SIGSEGV && info->si_addr == nowhere ? "repaired " : "strange ");
    siglongjmp(back, 1);
}

/* A program that lives with faults keeps doing so, and keeps our report. */
static void fault_and_go_on(void)
{
    struct sigaction action = {.sa_sigaction = repair, .sa_flags = SA_SIGINFO};
    stack_t own = {.ss_sp = malloc(65536), .ss_size = 65536};
    sigaltstack(&own, NULL);
    sigaction(SIGSEGV, &action, NULL);
    begin();
    for (volatile int i = 0; i < 2; i++) {
        if (sigsetjmp(back, 1) == 0)
            touch_nowhere(NULL);
        end_bad_addresses();
    }
    signal(SIGSEGV, SIG_DFL); /* theirs to change; ours is gone with it */
    end();
    stack_t now;
    sigaltstack(NULL, &now);
    say(now.ss_sp == own.ss_sp ? "kept" : "lost");
    sigaltstack(&(stack_t){.ss_flags = SS_DISABLE}, NULL);
    free(own.ss_sp);
}

START_TEST(a_handler_that_repairs_is_called_each_time)
{
    int status = child(fault_and_go_on);
    ck_assert_int_eq(status, 0);
    ck_assert_str_eq(words, "repaired repaired kept");
}
END_TEST

static void install_and_remove(void)
{
    struct sigaction now;
    stack_t stack;
    sigaltstack(&(stack_t){.ss_flags = SS_DISABLE}, NULL);
    signal(SIGSEGV, plain_handler);
    for (int i = 0; i < 3; i++) {
        begin();
        sigaltstack(NULL, &stack);
        if (stack.ss_flags & SS_DISABLE)
            say("no stack ");
        end();
        sigaltstack(NULL, &stack);
        if (!(stack.ss_flags & SS_DISABLE))
            say("a stack is left ");
    }
    bi_fault_remove(); /* of nothing: nothing */
    sigaction(SIGSEGV, NULL, &now);
    say(now.sa_handler == plain_handler ? "theirs" : "ours");
}

START_TEST(what_was_before_is_back_afterwards)
{
    ck_assert_int_eq(child(install_and_remove), 0);
    ck_assert_str_eq(words, "theirs");
}
END_TEST

static struct bi_sys real;

static void *no_map(size_t bytes, int prot, int flags, int fd, off_t at,
                    int *error)
{
    (void)bytes, (void)prot, (void)flags, (void)fd, (void)at;
    *error = -ENOMEM;
    return NULL;
}

static void install_without_memory(void)
{
    struct sigaction now;
    sigaltstack(&(stack_t){.ss_flags = SS_DISABLE}, NULL);
    bi_guard();
    bi_sys.map = no_map;
    if (bi_fault_install(&pool, &running, name_of) != -ENOMEM)
        say("not refused ");
    sigaction(SIGSEGV, NULL, &now);
    if (now.sa_handler != SIG_DFL)
        say("installed ");
    bi_sys = real;
    overflow();
}

START_TEST(an_install_that_fails_can_be_repeated)
{
    real = bi_sys;
    assert_killed(child(install_without_memory), SIGSEGV);
    assert_said("bide: stack overflow in task 'other'");
    ck_assert(!strstr(words, "not refused") && !strstr(words, "installed"));
}
END_TEST

Suite *suite_fault(void)
{
    Suite *s = suite_create("fault");
    TCase *t = tcase_create("fault");
    tcase_set_timeout(t, 30);
    tcase_add_checked_fixture(t, set_up, NULL);
    tcase_add_test(t, an_overflow_names_task_stack_and_guard);
    tcase_add_test(t, an_overflow_names_a_task_without_a_name);
    tcase_add_test(t, a_frame_that_jumps_pages_is_caught);
    tcase_add_test(t, an_overflow_on_another_thread_is_named);
    tcase_add_test(t, a_wild_access_names_both_tasks);
    tcase_add_test(t, a_fault_elsewhere_is_not_ours);
    tcase_add_test(t, a_signal_that_was_sent_still_kills);
    tcase_add_test(t, the_handler_of_before_gets_other_faults);
    tcase_add_test(t, a_handler_that_repairs_is_called_each_time);
    tcase_add_test(t, what_was_before_is_back_afterwards);
    tcase_add_test(t, an_install_that_fails_can_be_repeated);
    suite_add_tcase(s, t);
    return s;
}
