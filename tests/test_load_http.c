/* test_load_http.c: the load generator's HTTP: every answer in every piece.
 */
#include "harness.h"

#include "../bench/load/http_parse.h"

#define OK "HTTP/1.1 200 OK\r\n"

/* Answers that end by themselves. */
static const struct {
    const char *text;
    int status;
    bool close;
} answers[] = {
    {OK "Content-Length: 5\r\n\r\nhello", 200, false},
    {OK "content-LENGTH:\t5 \r\nX: y\r\n\r\nhello", 200, false},
    {OK "Content-Length: 0\r\n\r\n", 200, false},
    {OK "Content-Length: 2\r\nContent-Length: 2\r\n\r\nhi", 200, false},
    {"HTTP/1.1 404 Not Found\nContent-Length: 2\n\nno", 404, false},
    {"HTTP/1.1 204 No Content\r\n\r\n", 204, false},
    {"HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n", 304, false},
    {"HTTP/1.1 200\r\nContent-Length: 1\r\n\r\nx", 200, false},
    {OK "Connection: Close\r\nContent-Length: 1\r\n\r\nx", 200, true},
    {OK "Connection: upgrade, close\r\nContent-Length: 1\r\n\r\nx", 200, true},
    {"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", 200, true},
    {"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx",
     200, false},
    {OK "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 200,
     false},
    {OK "Transfer-Encoding: gzip, Chunked\r\nContent-Length: 3\r\n\r\n"
        "00A;name=value\r\n0123\r\n6789\r\n1 \r\nx\r\n0\r\nTrailer: y\r\n\r\n",
     200, false},
    {"HTTP/1.1 100 Continue\r\n\r\n" OK "Content-Length: 1\r\n\r\nx", 200,
     false},
    {"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
     "HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n", 500, false},
};
#define ANSWERS ((int)(sizeof answers / sizeof *answers))

static const char *const nonsense[] = {
    "HTTP/2 200\r\n",
    "HTTP/1.1 20\r\n\r\n",
    "HTTP/1.1 2000 OK\r\n",
    "HTTP/1.1 099 OK\r\n",
    "HTTP/1.1  200 OK\r\n",
    "220 smtp ready\r\n",
    "\r\n",
    OK "no colon\r\n",
    OK ": no name\r\n",
    OK "Content-Length: five\r\n",
    OK "Content-Length: -5\r\n",
    OK "Content-Length:\r\n",
    OK "Content-Length: 5, 6\r\n",
    OK "Content-Length: 5\r\nContent-Length: 6\r\n",
    OK "Content-Length: 9223372036854775808\r\n",
    OK "Transfer-Encoding: chunked\r\n\r\nhello\r\n",
    OK "Transfer-Encoding: chunked\r\n\r\n5x\r\n",
    OK "Transfer-Encoding: chunked\r\n\r\n-1\r\n",
    OK "Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n",
    OK "Transfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n",
};

/* What comes over a connection: pieces, kept until they are taken. */
struct feed {
    struct load_http http;
    char kept[512];
    size_t len;
};

/* How many bytes were taken, with those kept from before; or -EPROTO.  What is
 * handed to the parser ends where its memory ends, so that the sanitizers and
 * valgrind see it read on. */
static ssize_t feed(struct feed *f, const char *data, size_t len)
{
    memcpy(f->kept + f->len, data, len);
    f->len += len;
    char *exact = malloc(f->len ? f->len : 1);
    ck_assert_ptr_nonnull(exact);
    memcpy(exact, f->kept, f->len);
    ssize_t taken = load_http_take(&f->http, exact, f->len);
    free(exact);
    if (taken > 0) {
        f->len -= (size_t)taken;
        memmove(f->kept, f->kept + taken, f->len);
    }
    return taken;
}

static void check_end(const struct feed *f, int i, size_t left)
{
    ck_assert_int_eq(f->http.at, LOAD_HTTP_DONE);
    ck_assert_int_eq(f->http.status, answers[i].status);
    ck_assert_int_eq(f->http.close, answers[i].close);
    ck_assert_uint_eq(f->len, left);
}

START_TEST(an_answer_may_be_split_anywhere)
{
    const char *text = answers[_i].text;
    size_t len = strlen(text);
    for (size_t cut = 0; cut <= len; cut++) {
        struct feed f = {0};
        ck_assert_int_ge(feed(&f, text, cut), 0);
        ck_assert_int_eq(f.http.at == LOAD_HTTP_DONE, cut == len);
        ck_assert_int_ge(feed(&f, text + cut, len - cut), 0);
        check_end(&f, _i, 0);
    }
}
END_TEST

START_TEST(an_answer_may_come_byte_by_byte)
{
    struct feed f = {0};
    for (const char *c = answers[_i].text; *c; c++) {
        ck_assert_int_ne(f.http.at, LOAD_HTTP_DONE);
        ck_assert_int_ge(feed(&f, c, 1), 0);
    }
    check_end(&f, _i, 0);
}
END_TEST

START_TEST(what_comes_behind_an_answer_is_left)
{
    const char *text = answers[_i].text;
    struct feed f = {0};
    char both[600];
    snprintf(both, sizeof both, "%sHTTP/1.1 200", text);
    ck_assert_int_eq(feed(&f, both, strlen(both)), (ssize_t)strlen(text));
    check_end(&f, _i, 12);
}
END_TEST

START_TEST(an_answer_that_is_cut_off_is_none)
{
    const char *text = answers[_i].text;
    for (size_t len = 0; len < strlen(text); len++) {
        struct feed f = {0};
        ck_assert_int_ge(feed(&f, text, len), 0);
        ck_assert_int_eq(load_http_end(&f.http), -ECONNRESET);
    }
}
END_TEST

START_TEST(a_body_without_a_length_goes_on_to_the_end)
{
    const char *heads[] = {OK "\r\n", OK "Transfer-Encoding: gzip\r\n\r\n",
                           OK "Transfer-Encoding: chunked, gzip\r\n\r\n"};
    struct feed f = {0};
    ck_assert_int_gt(feed(&f, heads[_i], strlen(heads[_i])), 0);
    ck_assert_int_eq(feed(&f, "one\r\n", 5), 5);
    ck_assert_int_eq(feed(&f, "0\r\n\r\n", 5), 5);
    ck_assert_int_eq(f.http.at, LOAD_HTTP_TO_END);
    ck_assert_int_eq(load_http_end(&f.http), 0);
    ck_assert(f.http.close);
}
END_TEST

START_TEST(nonsense_is_refused)
{
    const char *text = nonsense[_i];
    struct feed whole = {0}, bytes = {0};
    ck_assert_int_eq(feed(&whole, text, strlen(text)), -EPROTO);
    ssize_t rc = 0;
    for (const char *c = text; *c && rc >= 0; c++)
        rc = feed(&bytes, c, 1);
    ck_assert_int_eq(rc, -EPROTO);
}
END_TEST

Suite *suite_load_http(void)
{
    int nonsenses = (int)(sizeof nonsense / sizeof *nonsense);
    Suite *s = suite_create("load_http");
    TCase *t = tcase_create("parser");
    tcase_add_loop_test(t, an_answer_may_be_split_anywhere, 0, ANSWERS);
    tcase_add_loop_test(t, an_answer_may_come_byte_by_byte, 0, ANSWERS);
    tcase_add_loop_test(t, what_comes_behind_an_answer_is_left, 0, ANSWERS);
    tcase_add_loop_test(t, an_answer_that_is_cut_off_is_none, 0, ANSWERS);
    tcase_add_loop_test(t, a_body_without_a_length_goes_on_to_the_end, 0, 3);
    tcase_add_loop_test(t, nonsense_is_refused, 0, nonsenses);
    suite_add_tcase(s, t);
    return s;
}
