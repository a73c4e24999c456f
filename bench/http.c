/* http.c: as much of HTTP/1.1 as a server that says hello needs. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "http.h"

#include <stdbool.h>
#include <string.h>

const char http_answer[] = "HTTP/1.1 200 OK\r\n"
                           "Server: hello\r\n"
                           "Content-Type: text/plain\r\n"
                           "Content-Length: 13\r\n"
                           "Connection: keep-alive\r\n"
                           "\r\n"
                           "Hello, world\n";
const size_t http_answer_bytes = sizeof http_answer - 1;

/* A line of a request, without its end. */
struct line {
    const char *at;
    size_t bytes;
};

/* Take the next line off [*at, end).  False: there is no whole one. */
static bool next_line(const char **at, const char *end, struct line *line)
{
    const char *stop = memchr(*at, '\n', (size_t)(end - *at));
    if (!stop)
        return false;
    line->at = *at;
    line->bytes = (size_t)(stop - *at);
    if (line->bytes && stop[-1] == '\r')
        line->bytes--;
    *at = stop + 1;
    return true;
}

/* METHOD SP target SP HTTP/1.x */
static bool is_request_line(struct line l)
{
    const char *end = l.at + l.bytes;
    const char *target = memchr(l.at, ' ', l.bytes);
    if (!target++)
        return false;
    const char *version = memchr(target, ' ', (size_t)(end - target));
    return version && end - version == 9 && memcmp(version, " HTTP/1.", 8) == 0;
}

/* Name: value */
static bool is_header(struct line l)
{
    const char *colon = memchr(l.at, ':', l.bytes);
    return colon && colon > l.at;
}

/* How long the first request of [buf, buf + have) is; 0: it is not whole;
 * -1: it is none. */
static long request_bytes(const char *buf, size_t have)
{
    const char *at = buf, *end = buf + have;
    struct line line;
    if (!next_line(&at, end, &line))
        return 0;
    if (!is_request_line(line))
        return -1;
    while (next_line(&at, end, &line)) {
        if (line.bytes == 0)
            return at - buf;
        if (!is_header(line))
            return -1;
    }
    return 0;
}

int http_take(char *buf, size_t *have)
{
    long bytes = request_bytes(buf, *have);
    if (bytes <= 0)
        return (int)bytes;
    *have -= (size_t)bytes;
    memmove(buf, buf + bytes, *have);
    return 1;
}
