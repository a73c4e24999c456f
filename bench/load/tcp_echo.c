/* tcp_echo.c: the scenario tcp://: what is sent must come back.
 *
 * Each message begins with its client and a running number, as far as it has
 * room for them, so that an answer to another message is found out.
 */
#include "load.h"

#include <errno.h>
#include <string.h>

/* The message, then the answer. */
static int prepare(struct load_plan *plan)
{
    plan->buffer_bytes = 2 * plan->size;
    return 0;
}

static void write_message(struct load_client *c, size_t size)
{
    uint64_t stamp[2] = {c->answered, c->number};
    memcpy(c->buf, stamp, size < sizeof stamp ? size : sizeof stamp);
}

static intptr_t request(struct load_client *c)
{
    size_t size = c->plan->size;
    char *answer = c->buf + size;
    write_message(c, size);
    int rc = load_send(c, c->buf, size);
    if (rc == 0)
        rc = load_receive(c, answer, size);
    if (rc == 0 && memcmp(c->buf, answer, size) != 0)
        rc = -EBADMSG;
    return rc < 0 ? rc : (intptr_t)size;
}

const struct load_scenario load_tcp_echo = {
    .scheme = "tcp",
    .request = request,
    .prepare = prepare,
};
