/* http_parse.h: the answer to an HTTP/1.1 request, piece by piece.
 *
 * The parser is handed what has come, in whatever pieces it came, and says how
 * much of it it has taken: lines only whole, of a body all there is.  It copies
 * nothing and stops at the end of the answer.  Framing is that of RFC 9112,
 * section 6.3.
 */
#ifndef LOAD_HTTP_PARSE_H
#define LOAD_HTTP_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum load_http_at {
    LOAD_HTTP_STATUS,
    LOAD_HTTP_HEADER,
    LOAD_HTTP_BODY,       /* `left` bytes of it are to come */
    LOAD_HTTP_TO_END,     /* a body that ends with the connection */
    LOAD_HTTP_CHUNK_SIZE,
    LOAD_HTTP_CHUNK,      /* `left` bytes of it are to come */
    LOAD_HTTP_CHUNK_END,
    LOAD_HTTP_TRAILER,
    LOAD_HTTP_DONE
};

/* {0} is the start of an answer. */
struct load_http {
    enum load_http_at at;
    int status;
    bool close;          /* the connection ends with this answer */
    bool chunked, coded; /* the last transfer coding is that, or another */
    bool has_length;     /* there was a Content-Length: */
    uint64_t length, left;
};

/* Take what there is of the answer at `data`.
 *
 * Returns how many bytes were taken; the others are to be handed over again,
 * with more behind them.
 *   -EPROTO  this is no answer
 */
ssize_t load_http_take(struct load_http *p, const char *data, size_t len);

/* The connection has ended.  0 if the answer is whole; -ECONNRESET. */
int load_http_end(struct load_http *p);

#endif
