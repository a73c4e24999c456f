/* action.c: the actions for signals, taken over and put back.
 *
 * There is one lock for all that take them over: what each of these remembers
 * of the action before may be the handler of another.
 */
#include "action.h"

#include "sys.h"

#include <stdatomic.h>

static atomic_flag busy = ATOMIC_FLAG_INIT;

void bi_action_lock(void)
{
    while (atomic_flag_test_and_set(&busy))
        ;
}

void bi_action_unlock(void)
{
    atomic_flag_clear(&busy);
}

bool bi_action_is(const struct sigaction *action, bi_handler *ours)
{
    return action->sa_flags & SA_SIGINFO && action->sa_sigaction == ours;
}

void bi_action_put_back(int number, bi_handler *ours,
                        const struct sigaction *before)
{
    struct sigaction now;
    if (bi_sys_sigaction(number, NULL, &now) == 0 && bi_action_is(&now, ours))
        bi_sys_sigaction(number, before, NULL);
}
