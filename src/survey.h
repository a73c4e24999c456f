/* survey.h: a slow look at the descriptors on which tasks wait.
 *
 * Foreign code may close a descriptor or put another file in its place, and the
 * kernel tells nobody: the old file lives on in the wait.  So each wait that
 * lasts is asked about from time to time: after 20 ms, after as long again as
 * it has lasted then, and in the end each second.  Some at a time, so that no
 * turn of the loop is long.
 */
#ifndef BI_SURVEY_H
#define BI_SURVEY_H

#include "fdtable.h"

#define BI_SURVEY_FIRST BIDE_MS(20)

/* Greater numbers are left out: no file has one where fs.nr_open is what it is
 * by default, and a pass over two thousand million takes half a day. */
#define BI_SURVEY_NUMBERS (1 << 20)

struct bi_reactor;

struct bi_survey {
    int numbers;    /* descriptors waited on so far lie below */
    int fd;         /* where it goes on */
    bide_time at;   /* when; BIDE_FOREVER: nobody waits */
    bide_time next; /* the first that is due after this pass */
};

void bi_survey_begin(struct bi_survey *s);

/* Somebody waits on `fd` from `now` on. */
static inline void bi_survey_expect(struct bi_survey *s, int fd, bide_time now)
{
    bide_time at = now + BI_SURVEY_FIRST;
    if (fd >= s->numbers && fd < BI_SURVEY_NUMBERS)
        s->numbers = fd + 1;
    s->at = bi_earlier(s->at, at);
    s->next = bi_earlier(s->next, at);
}

/* Look on, for `r`, whose descriptors are `fds`: `ask` about those that are
 * due, or some of them, and set the time at which to look on. */
void bi_survey_go_on(struct bi_survey *s, struct bi_fdtable *fds, bide_time now,
                     void (*ask)(struct bi_reactor *r, int fd, struct bi_fd *e),
                     struct bi_reactor *r);

#endif
