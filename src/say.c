/* say.c: what base.h declares: sentences for people, on stderr.
 *
 * One write(2) a sentence, so that lines of several threads do not mix; stdio
 * formats, and its streams are left alone.
 */
#include "base.h"
#include "sys.h"

#include <stdarg.h>
#include <stdlib.h>

static const char *nobody(void)
{
    return NULL;
}

const char *(*_Atomic bi_running_name)(void) = nobody;

void bi_say(const char *format, ...)
{
    char line[512] = "bide: ";
    size_t room = sizeof line - 1;
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line + 6, room - 6, format, args);
    va_end(args);
    size_t len = n < 0 ? 6 : 6 + (size_t)n;
    if (len > room - 1)
        len = room - 1;
    line[len++] = '\n';
    if (bi_sys_write(2, line, len) == -EPIPE)
        bi_sys_sigpipe_drain();
}

void bi_contract_broken(const char *func, const char *what, ...)
{
    char text[256];
    va_list args;
    va_start(args, what);
    vsnprintf(text, sizeof text, what, args);
    va_end(args);
    const char *name = bi_running_name();
    if (name)
        bi_say("%s: task '%s' %s", func, name, text);
    else
        bi_say("%s %s", func, text);
    abort();
}
