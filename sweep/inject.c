/* inject.c: what may come of a fault.
 *
 *   nothing      the library did without, or did it again
 *   the code     it was told to the caller; never EINTR or EAGAIN, which are
 *                said never to be shown
 *   another      only where the table says so; where the run itself could not
 *                begin: ENOSYS (the backend that was demanded) or ENOMEM
 *
 * And never a wrong success, a leak, a crash or a hang.
 */
#include "inject.h"

#include "audit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct {
    const struct body *body;
    bool began; /* the body, in its run */
    char inside[128]; /* what the audit in the run found */
    struct audit before;
    bool taken;
} now;

void inject_enter(const struct world *world)
{
    setenv("BIDE_BACKEND", world->backend, 1);
    setenv("BIDE_GUARD", world->guard, 1);
    boundary_take(world->older);
}

static intptr_t main_task(void *unused)
{
    (void)unused;
    now.began = true;
    intptr_t result = now.body->fn(NUM(now.body->arg));
    body_clean(true);
    audit_run_differs(now.inside, sizeof now.inside);
    return result;
}

static intptr_t run_body(const struct body *body)
{
    intptr_t result;
    if (body->place == INSIDE) {
        result = bide_run(main_task, NULL, &body_options);
    } else {
        now.began = true;
        result = body->fn(NUM(body->arg));
    }
    body_clean(false); /* of a body that was never begun, nothing */
    return result;
}

static bool may_result(const struct fault *fault, int shown, intptr_t result)
{
    bool hidden = fault->code <= 0 || fault->code == EINTR ||
                  fault->code == EAGAIN || fault->code > 511;
    if (result == 0 || !fault->call)
        return result == 0;
    bool of_run = !now.began || now.body->place != INSIDE;
    if (of_run && (result == -ENOSYS || result == -ENOMEM))
        return true;
    return (!hidden && result == -fault->code) || (shown && result == -shown);
}

static void judge(const struct fault *fault, int shown, struct judgement *j)
{
    char *why = j->why;
    if (body_wrong()[0])
        snprintf(why, sizeof j->why, "%s", body_wrong());
    else if (!may_result(fault, shown, j->result))
        snprintf(why, sizeof j->why, "the result is %ld (%s)", (long)j->result,
                 j->result < 0 && j->result > -512 ?
                     code_name((int)-j->result) : "a value");
    else if (now.inside[0])
        snprintf(why, sizeof j->why, "in the run: %s", now.inside);
    else
        audit_differs(&now.before, why, sizeof j->why);
}

void inject(const struct body *body, const struct fault *fault, int shown,
            struct trace *trace, struct judgement *out)
{
    now.body = body;
    now.began = false;
    now.inside[0] = '\0';
    body_begin();
    if (!now.taken) /* what only the first run leaves is not told */
        audit_take(&now.before);
    memset(out, 0, sizeof *out);
    fault_arm(fault, trace);
    out->result = run_body(body);
    out->struck = fault_disarm();
    judge(fault, shown, out);
    if (out->why[0] || !now.taken)
        audit_take(&now.before);
    now.taken = true;
}
