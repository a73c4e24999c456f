/* http_parse.c: the answer to an HTTP/1.1 request, piece by piece.
 *
 * A table of steps, one for each place in an answer.  A step takes a line, or
 * some bytes, and says where the parser stands then.  Only the three headers
 * that say where the answer ends are read; the others are skipped as lines.
 */
#include "http_parse.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

/* Text that ends at its length, not with a NUL. */
struct text {
    const char *at;
    size_t len;
};

static struct text trim(struct text t)
{
    while (t.len > 0 && (t.at[0] == ' ' || t.at[0] == '\t')) {
        t.at++;
        t.len--;
    }
    while (t.len > 0 && (t.at[t.len - 1] == ' ' || t.at[t.len - 1] == '\t'))
        t.len--;
    return t;
}

static bool is_word(struct text t, const char *word)
{
    return t.len == strlen(word) && strncasecmp(t.at, word, t.len) == 0;
}

/* Take the first of the words in `list`, which commas divide. */
static bool next_word(struct text *list, struct text *word)
{
    if (!list->at)
        return false;
    const char *comma = memchr(list->at, ',', list->len);
    size_t len = comma ? (size_t)(comma - list->at) : list->len;
    *word = trim((struct text){list->at, len});
    list->at = comma ? comma + 1 : NULL;
    list->len -= comma ? len + 1 : len;
    return true;
}

/* The value of a digit in `base`, or -1. */
static int digit_of(char c, int base)
{
    int v = c >= '0' && c <= '9' ? c - '0' : (c | 32) - 'a' + 10;
    bool letter = (c | 32) >= 'a' && (c | 32) <= 'f';
    return v < base && (letter || (c >= '0' && c <= '9')) ? v : -1;
}

/* How many digits `t` begins with; 0 also for a number that is too great. */
static size_t parse_number(struct text t, int base, uint64_t *out)
{
    size_t n = 0;
    uint64_t value = 0;
    for (int d; n < t.len && (d = digit_of(t.at[n], base)) >= 0; n++) {
        if (value > ((uint64_t)INT64_MAX - (uint64_t)d) / (uint64_t)base)
            return 0;
        value = value * (uint64_t)base + (uint64_t)d;
    }
    *out = value;
    return n;
}

/* ---- Lines -------------------------------------------------------------- */

/* HTTP/1.x SP three digits, and then a reason or nothing */
static int take_status(struct load_http *p, struct text line)
{
    uint64_t status;
    if (line.len < 12 || memcmp(line.at, "HTTP/1.", 7) != 0 ||
        digit_of(line.at[7], 10) < 0 || line.at[8] != ' ' ||
        (line.len > 12 && line.at[12] != ' '))
        return -EPROTO;
    if (parse_number((struct text){line.at + 9, 3}, 10, &status) != 3 ||
        status < 100)
        return -EPROTO;
    *p = (struct load_http){.at = LOAD_HTTP_HEADER, .status = (int)status,
                            .close = line.at[7] == '0'};
    return 0;
}

static int take_length(struct load_http *p, struct text value)
{
    uint64_t length;
    if (value.len == 0 || parse_number(value, 10, &length) != value.len)
        return -EPROTO;
    if (p->has_length && p->length != length)
        return -EPROTO;
    p->has_length = true;
    p->length = length;
    return 0;
}

/* The last coding is the one that frames the body. */
static void take_coding(struct load_http *p, struct text value)
{
    struct text word;
    while (next_word(&value, &word)) {
        p->chunked = is_word(word, "chunked");
        p->coded = !p->chunked;
    }
}

static void take_connection(struct load_http *p, struct text value)
{
    struct text word;
    while (next_word(&value, &word)) {
        if (is_word(word, "close"))
            p->close = true;
        else if (is_word(word, "keep-alive"))
            p->close = false;
    }
}

/* Where the body goes on after the last header. */
static void begin_body(struct load_http *p)
{
    bool interim = p->status < 200;
    if (interim && p->status != 101)
        *p = (struct load_http){0}; /* the answer itself is still to come */
    else if (interim || p->status == 204 || p->status == 304)
        p->at = LOAD_HTTP_DONE;
    else if (p->chunked)
        p->at = LOAD_HTTP_CHUNK_SIZE;
    else if (p->coded || !p->has_length)
        p->at = LOAD_HTTP_TO_END;
    else
        p->at = p->length ? LOAD_HTTP_BODY : LOAD_HTTP_DONE;
    p->left = p->length;
}

static int take_header(struct load_http *p, struct text line)
{
    if (line.len == 0) {
        begin_body(p);
        return 0;
    }
    const char *colon = memchr(line.at, ':', line.len);
    if (!colon || colon == line.at)
        return -EPROTO;
    int first = line.at[0] | 32;
    if (first != 'c' && first != 't')
        return 0;
    struct text name = {line.at, (size_t)(colon - line.at)};
    struct text value = trim((struct text){colon + 1, line.len - name.len - 1});
    if (is_word(name, "content-length"))
        return take_length(p, value);
    if (is_word(name, "transfer-encoding"))
        take_coding(p, value);
    else if (is_word(name, "connection"))
        take_connection(p, value);
    return 0;
}

/* Hexadecimal digits, and then an extension or nothing */
static int take_chunk_size(struct load_http *p, struct text line)
{
    size_t n = parse_number(line, 16, &p->left);
    struct text rest = trim((struct text){line.at + n, line.len - n});
    if (n == 0 || (rest.len > 0 && rest.at[0] != ';'))
        return -EPROTO;
    p->at = p->left ? LOAD_HTTP_CHUNK : LOAD_HTTP_TRAILER;
    return 0;
}

static int take_chunk_end(struct load_http *p, struct text line)
{
    p->at = LOAD_HTTP_CHUNK_SIZE;
    return line.len == 0 ? 0 : -EPROTO;
}

static int take_trailer(struct load_http *p, struct text line)
{
    if (line.len == 0)
        p->at = LOAD_HTTP_DONE;
    return 0;
}

static int (*const line_steps[])(struct load_http *p, struct text line) = {
    [LOAD_HTTP_STATUS] = take_status,
    [LOAD_HTTP_HEADER] = take_header,
    [LOAD_HTTP_CHUNK_SIZE] = take_chunk_size,
    [LOAD_HTTP_CHUNK_END] = take_chunk_end,
    [LOAD_HTTP_TRAILER] = take_trailer,
    [LOAD_HTTP_DONE] = NULL,
};

/* ---- Steps -------------------------------------------------------------- */

/* Bytes taken; 0: the line is not whole. */
static ssize_t step_line(struct load_http *p, const char *data, size_t len)
{
    const char *end = memchr(data, '\n', len);
    if (!end)
        return 0;
    struct text line = {data, (size_t)(end - data)};
    if (line.len > 0 && end[-1] == '\r')
        line.len--;
    int rc = line_steps[p->at](p, line);
    return rc < 0 ? rc : end + 1 - data;
}

static ssize_t step_bytes(struct load_http *p, size_t len)
{
    if (p->at == LOAD_HTTP_TO_END)
        return (ssize_t)len;
    size_t n = len < p->left ? len : (size_t)p->left;
    p->left -= n;
    if (p->left == 0)
        p->at = p->at == LOAD_HTTP_CHUNK ? LOAD_HTTP_CHUNK_END : LOAD_HTTP_DONE;
    return (ssize_t)n;
}

ssize_t load_http_take(struct load_http *p, const char *data, size_t len)
{
    size_t taken = 0;
    while (p->at != LOAD_HTTP_DONE && taken < len) {
        ssize_t n = line_steps[p->at]
                        ? step_line(p, data + taken, len - taken)
                        : step_bytes(p, len - taken);
        if (n < 0)
            return n;
        if (n == 0)
            break;
        taken += (size_t)n;
    }
    return (ssize_t)taken;
}

int load_http_end(struct load_http *p)
{
    if (p->at == LOAD_HTTP_TO_END)
        p->at = LOAD_HTTP_DONE;
    p->close = true;
    return p->at == LOAD_HTTP_DONE ? 0 : -ECONNRESET;
}
