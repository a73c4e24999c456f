/* bodies_turn.c: writers of one stream, which take turns for whole calls.
 *
 * Each writer has a letter and writes messages of it.  The letters that come
 * out tell whether a message was torn by another one, and whether each writer
 * was told what of its own was written.
 */
#include "cancel.h"
#include "ends.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define MESSAGE 2500
#define MESSAGES 3
#define WRITERS 3

struct shared {
    int ends[2];
    size_t written[WRITERS], come[WRITERS]; /* bytes; the first in danger */
    int letter;                             /* of the message under way */
    size_t of_message;
};

struct writer {
    struct shared *shared;
    int letter;
};

static intptr_t write_messages(void *arg)
{
    struct writer *w = arg;
    char message[MESSAGE];
    memset(message, 'a' + w->letter, sizeof message);
    for (int i = 0; i < MESSAGES; i++) {
        ssize_t n = bide_write_all(w->shared->ends[1], message, sizeof message);
        if (n < 0)
            return n;
        w->shared->written[w->letter] += (size_t)n;
    }
    return 0;
}

static intptr_t write_in_danger(void *arg)
{
    intptr_t rc = write_messages(arg);
    return rc < 0 ? stopped(rc) : 0;
}

/* Another letter begins: the message before it must be whole, unless it is of
 * the one who may be cancelled. */
static void change_letter(struct shared *s, int letter)
{
    if (s->letter > 0)
        equal((long)(s->of_message % MESSAGE), 0, "messages are not torn");
    s->letter = letter;
    s->of_message = 0;
}

static void look_at(struct shared *s, const char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int letter = bytes[i] - 'a';
        if (letter != s->letter)
            change_letter(s, letter);
        s->of_message++;
        s->come[letter]++;
    }
}

static size_t sum(const size_t bytes[WRITERS])
{
    return bytes[0] + bytes[1] + bytes[2];
}

/* Read until the rivals have written all and the endangered one has ended. */
static intptr_t read_all_messages(void *arg)
{
    struct shared *s = arg;
    char bytes[1000];
    size_t rivals = 2 * MESSAGES * MESSAGE;
    while (!danger_is_over() || s->written[1] + s->written[2] < rivals ||
           sum(s->come) < sum(s->written)) {
        turn();
        turn();
        ssize_t n = read(s->ends[0], bytes, sizeof bytes);
        if (n > 0)
            look_at(s, bytes, (size_t)n);
    }
    change_letter(s, 0);
    return 0;
}

static void writing_in_turn(const struct choice *c)
{
    struct shared s = {.letter = -1};
    struct writer writers[WRITERS];
    struct bide_group g = {0};
    open_ends((enum medium)c->medium, s.ends);
    must(fcntl(s.ends[0], F_SETFL, O_NONBLOCK), "the reader never waits");
    bide_group_open(&g, BIDE_FAIL_FAST);
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){&s, i};
        if (i > 0)
            beside(&g, write_messages, &writers[i]);
    }
    beside(&g, read_all_messages, &s);
    endanger(write_in_danger, &writers[0]);
    all_ended(&g);
    for (int i = 0; i < WRITERS; i++)
        equal((long)s.come[i], (long)s.written[i], "what came was told");
    close(s.ends[0]);
    equal(bide_close(s.ends[1]), 0, "an end can be closed");
}

void turn_bodies(void)
{
    add_body("turns.pipe", writing_in_turn, (struct choice){PIPE, 0, false});
    add_body("turns.unix", writing_in_turn, (struct choice){UNIX, 0, false});
}
