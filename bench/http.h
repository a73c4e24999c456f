/* http.h: as much of HTTP/1.1 as a server that says hello needs.
 *
 * Shared by our servers, so that they differ in nothing but how they wait.  A
 * request without a body is read line by line: its method, its target and
 * version, each header's name and value.
 */
#ifndef BENCH_HTTP_H
#define BENCH_HTTP_H

#include <stddef.h>

#define HTTP_REQUEST_MAX 4096

/* What every request gets. */
extern const char http_answer[];
extern const size_t http_answer_bytes;

/* Take the first request of `*have` bytes off `buf`.  1; 0: it is not whole
 * yet; -1: it is no request. */
int http_take(char *buf, size_t *have);

#endif
