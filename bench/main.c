/* main.c: the program `bide`: asks this library each question.
 *
 *     build/bench/bide QUESTION [N]
 *
 * The question is asked within a run, by its main task; which backend the run
 * has is chosen from outside, by BIDE_BACKEND.
 */
#include "questions.h"

#include <bide.h>

#define QUESTION(word) {#word, ask_##word},
static const struct bench_question questions[] = {
    QUESTIONS
    {NULL, NULL},
};

struct call {
    int argc;
    char **argv;
};

static intptr_t ask(void *arg)
{
    struct call *c = arg;
    return bench_main(c->argc, c->argv, questions);
}

int main(int argc, char **argv)
{
    struct call c = {argc, argv};
    intptr_t rc = bide_run(ask, &c, NULL);
    return rc < 0 ? 1 : (int)rc;
}
