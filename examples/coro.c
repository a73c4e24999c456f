/* coro.c: a scheduler of one's own, on bare coroutines.
 *
 *     make examples && build/examples/coro
 *
 * There is no run here: main() enters its workers in turn, and each leaves when
 * it has done a piece.  What bide adds to this is the waiting.
 */
#include "expect.h"
#include <bide/coro.h>
#include <string.h>

struct worker {
    struct bide_coro coro; /* first: a coroutine is its worker */
    char letter;
    int pieces;
};

static char journal[32];

static void *work(struct bide_coro *c, void *unused)
{
    struct worker *w = (struct worker *)c;
    for (int i = 0; i < w->pieces; i++) {
        strncat(journal, &w->letter, 1);
        unused = bide_coro_leave(c, unused); /* the others' turn */
    }
    return unused;
}

/* Round robin, until all have returned. */
static void schedule(struct worker *workers, int n)
{
    for (int alive = n; alive > 0;) {
        alive = 0;
        for (int i = 0; i < n; i++) {
            struct bide_coro *c = &workers[i].coro;
            if (bide_coro_done(c))
                continue;
            bide_coro_enter(c, NULL);
            alive += !bide_coro_done(c);
        }
    }
}

int main(void)
{
    static char stack[16384]; /* one of ours; the others are mapped */
    struct worker workers[] = {{.letter = 'a', .pieces = 3},
                               {.letter = 'b', .pieces = 1},
                               {.letter = 'c', .pieces = 2}};
    for (int i = 0; i < 3; i++)
        expect(bide_coro_init(&workers[i].coro, work, i ? NULL : stack,
                              i ? 0 : sizeof stack) == 0, "a worker");
    schedule(workers, 3);
    expect(strcmp(journal, "abcaca") == 0, "they took turns");
    for (int i = 0; i < 3; i++)
        bide_coro_end(&workers[i].coro);
    return 0;
}
