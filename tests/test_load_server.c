/* test_load_server.c: the load generator against servers, good and bad.
 *
 * The server is a task of the same run, at a free port.  What it answers is a
 * text, in pieces of a given length.
 */
#include "annotate.h"
#include "harness.h"

#include "../bench/load/load.h"
#include "../bench/load/options.h"

#include <netinet/in.h>
#include <stdio.h>

static struct load_result result;

/* How the server behaves. */
static struct server {
    const char *answer; /* NULL: what came */
    size_t piece_bytes; /* how much of it at once; 0: all */
    int answers;        /* on a connection, before it is closed; 0: any */
    unsigned connections;
} server;

static ssize_t send_pieces(int sock, const char *text, size_t len)
{
    size_t piece = server.piece_bytes ? server.piece_bytes : len;
    ssize_t sent = 0;
    for (size_t at = 0; at < len && sent >= 0; at += piece) {
        size_t rest = len - at;
        sent = bide_write_all(sock, text + at, rest < piece ? rest : piece);
        bide_yield();
    }
    return sent;
}

static intptr_t serve(void *arg)
{
    int sock = (int)(intptr_t)arg;
    char buf[4096];
    ssize_t n, sent = 0;
    for (int i = 0; sent >= 0 && (!server.answers || i < server.answers); i++) {
        n = bide_read(sock, buf, sizeof buf);
        if (n <= 0)
            break;
        sent = server.answer
                   ? send_pieces(sock, server.answer, strlen(server.answer))
                   : send_pieces(sock, buf, (size_t)n);
    }
    bide_close(sock);
    return 0;
}

static int port_of(int fd)
{
    struct sockaddr_in addr;
    socklen_t len = sizeof addr;
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
    return ntohs(addr.sin_port);
}

static intptr_t listen_and_serve(void *arg)
{
    (void)arg;
    int sock, listener = bide_listen("127.0.0.1", "0", 0);
    ck_assert_int_ge(listener, 0);
    struct bide_group g;
    bide_group_open(&g, BIDE_COLLECT);
    bide_ready(port_of(listener));
    while ((sock = bide_accept(listener, NULL, NULL)) >= 0) {
        server.connections++;
        int rc = bide_group_spawn(&g, serve, (void *)(intptr_t)sock);
        if (rc < 0) { /* the accept won against the cancel at the end */
            ck_assert_int_eq(rc, -ECANCELED);
            bide_close(sock);
        }
    }
    bide_close(listener);
    return bide_group_close(&g, sock);
}

/* Two clients for 100 ms, under Valgrind for more, or `rate` requests a second.
 */
static int run_against(struct server how, const struct load_scenario *s,
                       double rate)
{
    bide_time span = BIDE_MS(bi_annotate_wants_stacks() ? 2000 : 100);
    struct load_plan plan = {.clients = 2, .span = span, .size = 1000,
                             .rate = rate, .buffer_bytes = s->buffer_bytes};
    char address[64];
    struct bide_group g;
    server = how;
    bide_group_open(&g, BIDE_FAIL_FAST);
    intptr_t port = bide_group_start(&g, listen_and_serve, NULL);
    snprintf(address, sizeof address, "%s://127.0.0.1:%d/page", s->scheme,
             (int)port);
    struct load_scenario list[] = {*s, {.scheme = NULL}};
    ck_assert_ptr_null(load_options_address(&plan, address, list));
    ck_assert_int_eq(s->prepare(&plan), 0);
    int rc = load_run(&plan, &result);
    bide_group_cancel(&g);
    ck_assert_int_eq(bide_group_close(&g, 0), 0);
    return rc;
}

/* Every request failed, with this code. */
static void check_failed(intptr_t code)
{
    ck_assert_uint_eq(result.latency.count, 0);
    ck_assert_uint_gt(result.failed, 0);
    ck_assert_int_eq(result.errors[0].code, code);
    ck_assert_uint_eq(result.errors[0].count, result.failed);
}

static void check_answered(void)
{
    ck_assert_uint_gt(result.latency.count, 0);
    ck_assert_uint_eq(result.failed, 0);
    ck_assert_uint_gt(result.latency.least, 0);
}

REAL_TEST(an_echo_in_pieces_is_put_together)
{
    ck_assert_int_eq(run_against((struct server){.piece_bytes = 300},
                                 &load_tcp_echo, 0), 0);
    check_answered();
    ck_assert_uint_eq(result.bytes, 1000 * result.latency.count);
    ck_assert_uint_eq(server.connections, 2);
    ck_assert_int_gt(result.user_ns + result.system_ns, 0);
    return 0;
}

REAL_TEST(an_echo_that_differs_is_found_out)
{
    static char noise[1001];
    memset(noise, 'x', 1000);
    ck_assert_int_eq(run_against((struct server){.answer = noise},
                                 &load_tcp_echo, 200), 0);
    check_failed(-EBADMSG);
    return 0;
}

REAL_TEST(a_lost_connection_is_made_anew)
{
    ck_assert_int_eq(run_against((struct server){.answers = 3},
                                 &load_tcp_echo, 1000), 0);
    ck_assert_uint_gt(result.latency.count, 10);
    ck_assert_uint_gt(result.failed, 0);
    ck_assert_uint_gt(server.connections, 4);
    return 0;
}

static const char page[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
static const char chunks[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
                             "\r\n5\r\nhello\r\n0\r\n\r\n";

REAL_TEST(pages_come_whole_and_byte_by_byte)
{
    const char *texts[] = {page, chunks};
    for (size_t i = 0; i < 4; i++) {
        struct server how = {.answer = texts[i / 2], .piece_bytes = i % 2};
        ck_assert_int_eq(run_against(how, &load_http, 0), 0);
        check_answered();
        ck_assert_uint_eq(result.bytes,
                          strlen(texts[i / 2]) * result.latency.count);
        ck_assert_uint_eq(server.connections, 2);
    }
    return 0;
}

REAL_TEST(a_server_that_closes_after_each_page_is_dialled_again)
{
    struct server how = {
        .answer = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nto the end",
        .answers = 1,
    };
    ck_assert_int_eq(run_against(how, &load_http, 0), 0);
    check_answered();
    ck_assert_uint_ge(server.connections, result.latency.count);
    return 0;
}

REAL_TEST(a_refusal_is_counted_and_the_connection_kept)
{
    struct server how = {
        .answer = "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n",
    };
    ck_assert_int_eq(run_against(how, &load_http, 500), 0);
    check_failed(LOAD_REFUSED(503));
    ck_assert_uint_eq(server.connections, 2);
    return 0;
}

REAL_TEST(nonsense_and_surplus_are_failures)
{
    static char surplus[2 * sizeof page];
    snprintf(surplus, sizeof surplus, "%s%s", page, page);
    ck_assert_int_eq(run_against((struct server){.answer = "hello\n"},
                                 &load_http, 500), 0);
    check_failed(-EPROTO);
    ck_assert_int_eq(run_against((struct server){.answer = surplus}, &load_http,
                                 500), 0);
    check_failed(-EPROTO);
    return 0;
}

REAL_TEST(a_line_without_an_end_is_a_failure)
{
    static char line[20001];
    memset(line, 'x', 20000);
    ck_assert_int_eq(run_against((struct server){.answer = line}, &load_http,
                                 200), 0);
    check_failed(-EMSGSIZE);
    return 0;
}

REAL_TEST(it_does_not_begin_where_nobody_listens)
{
    struct load_plan plan = {.clients = 3, .span = BIDE_SEC(1),
                             .scenario = &load_tcp_echo, .host = "127.0.0.1"};
    int listener = bide_listen("127.0.0.1", "0", 0);
    snprintf(plan.service, sizeof plan.service, "%d", port_of(listener));
    bide_close(listener);
    ck_assert_int_eq(load_run(&plan, &result), -ECONNREFUSED);
    return 0;
}

Suite *suite_load_server(void)
{
    Suite *s = suite_create("load_server");
    TCase *t = tcase_create("servers");
    tcase_set_timeout(t, 20);
    tcase_add_test(t, an_echo_in_pieces_is_put_together);
    tcase_add_test(t, an_echo_that_differs_is_found_out);
    tcase_add_test(t, a_lost_connection_is_made_anew);
    tcase_add_test(t, pages_come_whole_and_byte_by_byte);
    tcase_add_test(t, a_server_that_closes_after_each_page_is_dialled_again);
    tcase_add_test(t, a_refusal_is_counted_and_the_connection_kept);
    tcase_add_test(t, nonsense_and_surplus_are_failures);
    tcase_add_test(t, a_line_without_an_end_is_a_failure);
    tcase_add_test(t, it_does_not_begin_where_nobody_listens);
    suite_add_tcase(s, t);
    return s;
}
