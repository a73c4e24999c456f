/* test_load_face.c: what the load generator is told, and what it prints. */
#include "harness.h"

#include "../bench/load/load.h"
#include "../bench/load/options.h"
#include "../bench/load/report.h"

#include <stdio.h>
#include <unistd.h>

static struct load_scenario scenarios[] = {
    {.scheme = "tcp"},
    {.scheme = "http", .service = "80"},
    {.scheme = "self", .alone = true},
    {.scheme = NULL},
};

/* ---- Addresses ---------------------------------------------------------- */

static const struct {
    const char *text, *host, *service, *path;
} addresses[] = {
    {"tcp://127.0.0.1:7000", "127.0.0.1", "7000", ""},
    {"tcp://[::1]:7000", "::1", "7000", ""},
    {"tcp://unix:/run/x.sock", "unix:/run/x.sock", "", ""},
    {"tcp://unix:@name", "unix:@name", "", ""},
    {"http://127.0.0.1", "127.0.0.1", "80", ""},
    {"http://127.0.0.1/a/b?c:d", "127.0.0.1", "80", "/a/b?c:d"},
    {"http://127.0.0.1:8080/", "127.0.0.1", "8080", "/"},
    {"http://[fe80::1]/x", "fe80::1", "80", "/x"},
    {"http://[fe80::1]:65535/x", "fe80::1", "65535", "/x"},
    {"http://unix:/run/x.sock:/a", "unix:/run/x.sock", "", "/a"},
    {"self://any:thing", "", "", "any:thing"},
    {"self://", "", "", ""},
};

static const char *const wrong_addresses[] = {
    "",         "127.0.0.1:80",        "ftp://127.0.0.1",
    "tcp:",     "tcp://",              "tcp://127.0.0.1",
    "tcp://:7", "tcp://127.0.0.1:",    "tcp://127.0.0.1:65536",
    "tcp://[]", "tcp://[::1:7000",     "tcp://127.0.0.1:7x",
    "http:///", "http://1.1.1.1/a b",  "tcp://[::1]7000",
    "tcp://a:", "tcp://unix:",         "http://1.1.1.1/\r\nX: y",
};

START_TEST(an_address_is_taken_apart)
{
    struct load_plan plan = {0};
    ck_assert_ptr_null(
        load_options_address(&plan, addresses[_i].text, scenarios));
    ck_assert_str_eq(plan.host, addresses[_i].host);
    ck_assert_str_eq(plan.service, addresses[_i].service);
    ck_assert_str_eq(plan.path, addresses[_i].path);
}
END_TEST

START_TEST(a_wrong_address_is_explained)
{
    struct load_plan plan = {0};
    ck_assert_ptr_nonnull(
        load_options_address(&plan, wrong_addresses[_i], scenarios));
}
END_TEST

START_TEST(an_address_that_is_too_long_is_refused)
{
    struct load_plan plan = {0};
    char text[400] = "tcp://";
    memset(text + 6, '1', 300);
    memcpy(text + 306, ":80", 4);
    ck_assert_ptr_nonnull(load_options_address(&plan, text, scenarios));
    memcpy(text + 6, "unix:/", 6);
    ck_assert_ptr_nonnull(load_options_address(&plan, text, scenarios));
}
END_TEST

/* ---- Command lines ------------------------------------------------------ */

static struct load_options options;

/* Read a command line of up to seven words. */
static int read_words(const char *const words[7])
{
    char *argv[9] = {(char *)"load"};
    int argc = 1;
    for (; argc < 8 && words[argc - 1]; argc++)
        argv[argc] = (char *)(uintptr_t)words[argc - 1];
    return load_options_read(&options, argc, argv, scenarios);
}

START_TEST(a_command_line_becomes_a_plan)
{
    const char *const words[7] = {"-c1000", "-t0.5", "-r", "2e5", "--warmup=0",
                                  "--json", "tcp://127.0.0.1:7"};
    ck_assert_int_eq(read_words(words), 1);
    const struct load_plan *p = &options.plan;
    ck_assert_uint_eq(p->clients, 1000);
    ck_assert_int_eq(p->span, BIDE_MS(500));
    ck_assert_int_eq(p->warmup, 0);
    ck_assert(p->rate == 200000);
    ck_assert_uint_eq(p->size, 64);
    ck_assert_ptr_eq(p->scenario, &scenarios[0]);
    ck_assert(options.json);
}
END_TEST

static const char *const wrong_lines[][7] = {
    {NULL},
    {"self://", "self://"},
    {"-c", "0", "self://"},
    {"-c", "1.5", "self://"},
    {"-c", "100001", "self://"},
    {"-c", "ten", "self://"},
    {"-c", "10x", "self://"},
    {"-t", "0", "self://"},
    {"-t", "nan", "self://"},
    {"-t", "inf", "self://"},
    {"-w", "-1", "self://"},
    {"-r", "0", "self://"},
    {"-s", "65537", "self://"},
    {"--speed", "self://"},
    {"nothing://"},
};

static int line_number;

static void read_wrong_line(void)
{
    _exit(read_words(wrong_lines[line_number]) == -EINVAL ? 0 : 1);
}

START_TEST(a_wrong_command_line_is_told_in_a_sentence)
{
    char text[512];
    line_number = _i;
    ck_assert_int_eq(in_child(read_wrong_line, text, sizeof text), 0);
    ck_assert_ptr_nonnull(strstr(text, "load: "));
}
END_TEST

/* ---- Reports ------------------------------------------------------------ */

/* What follows a JSON value at `c`; NULL where there is none. */
static const char *skip_value(const char *c);

static const char *skip_blank(const char *c)
{
    return c ? c + strspn(c, " \n") : NULL;
}

static const char *skip_char(const char *c, char wanted)
{
    c = skip_blank(c);
    return c && *c == wanted ? c + 1 : NULL;
}

static const char *skip_string(const char *c)
{
    for (c = skip_char(c, '"'); c && *c != '"'; c++) {
        if (*c < 32 || *c > 126)
            return NULL;
        if (*c == '\\' && !strchr("\"\\u", *++c))
            return NULL;
    }
    return c ? c + 1 : NULL;
}

/* Values between commas, up to `end`; with names before them in an object. */
static const char *skip_list(const char *c, char end)
{
    if (skip_char(c, end))
        return skip_char(c, end);
    for (;;) {
        if (end == '}')
            c = skip_char(skip_string(skip_blank(c)), ':');
        c = skip_value(c);
        if (!skip_char(c, ','))
            return skip_char(c, end);
        c = skip_char(c, ',');
    }
}

static const char *skip_value(const char *c)
{
    c = skip_blank(c);
    if (!c)
        return NULL;
    if (*c == '{' || *c == '[')
        return skip_list(c + 1, *c == '{' ? '}' : ']');
    if (*c == '"')
        return skip_string(c);
    size_t word = strspn(c, "0123456789.-+eaflrstu");
    bool named = strncmp(c, "true", word) == 0 ||
                 strncmp(c, "false", word) == 0;
    return word && (named || strspn(c, "0123456789.-+e") == word) ? c + word
                                                                  : NULL;
}

static struct load_result result;

static char *print(void (*report)(FILE *, const struct load_plan *,
                                  const struct load_result *))
{
    struct load_plan plan = {.target = "http://x/\"\\\n\xc3\xa9", .clients = 3,
                             .rate = 12.5};
    char *text;
    size_t bytes;
    FILE *memory = open_memstream(&text, &bytes);
    report(memory, &plan, &result);
    fclose(memory);
    return text;
}

/* A thousand answers of a millisecond, and three kinds of failure. */
static void fill_result(void)
{
    for (int i = 0; i < 1000; i++)
        load_histogram_record(&result.latency, 1000000);
    result.failed = 12;
    result.errors[0] = (struct load_error){-ECONNRESET, 5};
    result.errors[1] = (struct load_error){LOAD_REFUSED(503), 4};
    result.errors[2] = (struct load_error){0, 3};
    result.span = BIDE_SEC(2);
    result.user_ns = result.system_ns = 1012000;
    result.backend = "epoll";
}

static void check_json(const char *text)
{
    const char *end = skip_blank(skip_value(text));
    ck_assert_msg(end && !*end, "no JSON: %s", text);
}

START_TEST(json_is_well_formed)
{
    char *text = print(load_report_json);
    result.backend = "epoll";
    check_json(text);
    free(text);
    fill_result();
    text = print(load_report_json);
    check_json(text);
    ck_assert_ptr_nonnull(strstr(text, "\"answers_per_second\": 500.0"));
    ck_assert_ptr_nonnull(strstr(text, "\"p99.99\": 1000000"));
    ck_assert_ptr_nonnull(strstr(text, "\"request_ns\": 2000.0"));
    ck_assert_ptr_nonnull(strstr(text, "{\"code\": 503, \"count\": 4"));
    ck_assert_ptr_nonnull(strstr(text, "x/\\\"\\\\\\u000a\\u00c3\\u00a9\""));
    free(text);
}
END_TEST

START_TEST(the_check_of_json_finds_what_is_wrong)
{
    const char *wrong[] = {"", "{", "{\"a\": }", "[1,]", "{\"a\" 1}", "\"\n\"",
                           "{\"a\": nan}", "[1 2]", "\"\\x\""};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const char *end = skip_value(wrong[i]);
        ck_assert_msg(!end || *end, "passed: %s", wrong[i]);
    }
}
END_TEST

START_TEST(the_text_names_every_figure)
{
    fill_result();
    char *text = print(load_report_text);
    const char *words[] = {"3 clients", "epoll",  "12.5 requests",
                           "500.0 /s",  "p50",    "p90",
                           "p99 ",      "p99.9 ", "p99.99",
                           "max",       "mean",   "the answer was 503",
                           "others",    "2.000 us a request"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        ck_assert_msg(strstr(text, words[i]), "no '%s': %s", words[i], text);
    ck_assert_ptr_nonnull(strstr(text, strerror(ECONNRESET)));
    free(text);
}
END_TEST

Suite *suite_load_face(void)
{
    int lines = (int)(sizeof wrong_lines / sizeof *wrong_lines);
    Suite *s = suite_create("load_face");
    TCase *t = tcase_create("command line and report");
    tcase_add_loop_test(t, an_address_is_taken_apart, 0,
                        (int)(sizeof addresses / sizeof *addresses));
    tcase_add_loop_test(t, a_wrong_address_is_explained, 0, 18);
    tcase_add_test(t, an_address_that_is_too_long_is_refused);
    tcase_add_test(t, a_command_line_becomes_a_plan);
    tcase_add_loop_test(t, a_wrong_command_line_is_told_in_a_sentence, 0,
                        lines);
    tcase_add_test(t, json_is_well_formed);
    tcase_add_test(t, the_check_of_json_finds_what_is_wrong);
    tcase_add_test(t, the_text_names_every_figure);
    suite_add_tcase(s, t);
    return s;
}
