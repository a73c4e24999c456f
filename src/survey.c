/* survey.c: a slow look at the descriptors on which tasks wait. */
#include "survey.h"

#include "op.h"

/* How long a wait is left alone at most, and how many descriptors one turn asks
 * the kernel about, and how many it looks at. */
#define LAST BIDE_SEC(1)
#define ASKS 64
#define LOOKS 1024

void bi_survey_begin(struct bi_survey *s)
{
    *s = (struct bi_survey){.at = BIDE_FOREVER, .next = BIDE_FOREVER};
}

/* When the kernel is to be asked about those parked on `e`: after as long again
 * as they had waited when it was last asked. */
static bide_time due(const struct bi_fd *e)
{
    bide_time first = BIDE_FOREVER;
    BI_LIST_EACH(it, &e->ops) {
        const struct bi_op *op = bi_container_of(it, struct bi_op, wait.link);
        bide_time parked = op->wait.task->parked_at;
        bide_time known = e->asked > parked ? e->asked : parked;
        bide_time span = known - parked;
        if (span < BI_SURVEY_FIRST)
            span = BI_SURVEY_FIRST;
        if (!op->offloaded)
            first = bi_earlier(first, known + bi_earlier(span, LAST));
    }
    return first;
}

/* A pass over all descriptors is made in parts, the last of which sets the time
 * of the next pass. */
void bi_survey_go_on(struct bi_survey *s, struct bi_fdtable *fds, bide_time now,
                     void (*ask)(struct bi_reactor *r, int fd, struct bi_fd *e),
                     struct bi_reactor *r)
{
    int asks = ASKS, looks = LOOKS;
    if (s->fd == 0)
        s->next = BIDE_FOREVER;
    for (; s->fd < s->numbers; s->fd++) {
        struct bi_fd *e = bi_fd_find(fds, s->fd);
        if (asks == 0 || looks-- == 0)
            break;
        if (!e || bi_list_empty(&e->ops))
            continue;
        if (due(e) <= now) {
            ask(r, s->fd, e);
            asks--;
        }
        s->next = bi_earlier(s->next, due(e));
    }
    s->at = now + BI_SURVEY_FIRST;
    if (s->fd < s->numbers)
        return;
    if (s->at < s->next)
        s->at = s->next;
    s->fd = 0;
}
