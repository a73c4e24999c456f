/* test_load.c: the load generator's clients, under the virtual clock.
 *
 * The server of most tests is a few lines of a scenario that sleeps; so every
 * latency is known beforehand.
 */
#include "harness.h"

#include "../bench/load/load.h"

static struct load_result result;

/* From then to then, no answer is given; one that is due comes at the end. */
static bide_time stall_begin, stall_end;

static intptr_t answer_in_10_ms(struct load_client *c)
{
    (void)c;
    int rc = bide_sleep(BIDE_MS(10));
    return rc < 0 ? rc : 100;
}

static intptr_t answer_in_1_ms_but_for_a_stall(struct load_client *c)
{
    (void)c;
    bide_time now = bide_now();
    if (now >= stall_begin && now < stall_end)
        bide_sleep_until(stall_end);
    return bide_sleep(BIDE_MS(1));
}

static intptr_t answer_never(struct load_client *c)
{
    (void)c;
    return bide_sleep_until(BIDE_FOREVER);
}

/* Failures of 20 kinds by turns, and every tenth time an answer. */
static intptr_t answer_rarely(struct load_client *c)
{
    static unsigned turn;
    (void)c;
    int rc = bide_sleep(BIDE_MS(1));
    turn = (turn + 1) % 10;
    if (rc < 0 || turn == 0)
        return rc;
    return turn < 5 ? LOAD_REFUSED(503) : -EBADMSG;
}

static intptr_t fail_in_many_ways(struct load_client *c)
{
    static unsigned turn;
    (void)c;
    int rc = bide_sleep(BIDE_MS(1));
    return rc < 0 ? rc : LOAD_REFUSED(400 + turn++ % 20);
}

/* Carry out a plan with a scenario that connects to nothing. */
static int run_alone(intptr_t (*request)(struct load_client *),
                     struct load_plan plan)
{
    struct load_scenario s = {.request = request, .alone = true};
    plan.scenario = &s;
    return load_run(&plan, &result);
}

static uint64_t percentile_ms(unsigned parts)
{
    return load_histogram_at(&result.latency, parts) / 1000000;
}

VIRTUAL_TEST(closed_loop_asks_again_when_it_has_its_answer)
{
    struct load_plan plan = {.clients = 4, .span = BIDE_SEC(1)};
    ck_assert_int_eq(run_alone(answer_in_10_ms, plan), 0);
    ck_assert_uint_ge(result.latency.count, 4 * 99);
    ck_assert_uint_le(result.latency.count, 4 * 100);
    ck_assert_uint_eq(result.bytes, 100 * result.latency.count);
    ck_assert_uint_eq(result.latency.least, 10000000);
    ck_assert_uint_eq(result.latency.greatest, 10000000);
    ck_assert_uint_ge(result.fewest, 99);
    ck_assert_uint_le(result.most, 100);
    ck_assert_int_eq(result.span, BIDE_SEC(1));
    ck_assert_uint_eq(result.failed, 0);
    ck_assert(!result.interrupted);
    return 0;
}

VIRTUAL_TEST(the_warm_up_is_not_counted)
{
    struct load_plan plan = {.clients = 1, .span = BIDE_SEC(1),
                             .warmup = BIDE_MS(1500)};
    stall_begin = bide_now();
    stall_end = stall_begin + BIDE_SEC(1);
    ck_assert_int_eq(run_alone(answer_in_1_ms_but_for_a_stall, plan), 0);
    ck_assert_uint_ge(result.latency.count, 999);
    ck_assert_uint_le(result.latency.count, 1001);
    ck_assert_uint_eq(result.latency.greatest, 1000000);
    return 0;
}

/* 100 a second for five seconds; in the third one none is answered.  Those due
 * in it waited from 1,001 ms down to nothing: a uniform fifth of all. */
VIRTUAL_TEST(open_loop_counts_the_time_since_a_request_was_due)
{
    struct load_plan plan = {.clients = 5, .span = BIDE_SEC(5), .rate = 100};
    stall_begin = bide_now() + BIDE_SEC(2);
    stall_end = stall_begin + BIDE_SEC(1);
    ck_assert_int_eq(run_alone(answer_in_1_ms_but_for_a_stall, plan), 0);
    ck_assert_uint_eq(result.latency.count, 500);
    ck_assert_uint_eq(result.unanswered, 0);
    ck_assert_uint_eq(percentile_ms(7000), 1);
    ck_assert_uint_ge(percentile_ms(9000), 480);
    ck_assert_uint_le(percentile_ms(9000), 530);
    ck_assert_uint_ge(percentile_ms(9900), 940);
    ck_assert_uint_eq(result.latency.greatest / 1000000, 1001);
    return 0;
}

/* The same server in a closed loop: five requests of thousands see it stall. */
VIRTUAL_TEST(closed_loop_hides_a_stall)
{
    struct load_plan plan = {.clients = 5, .span = BIDE_SEC(5)};
    stall_begin = bide_now() + BIDE_SEC(2);
    stall_end = stall_begin + BIDE_SEC(1);
    ck_assert_int_eq(run_alone(answer_in_1_ms_but_for_a_stall, plan), 0);
    ck_assert_uint_eq(percentile_ms(9990), 1);
    ck_assert_uint_ge(result.latency.greatest, 1000000000);
    return 0;
}

/* A rate is kept also where it is no number of nanoseconds a request. */
VIRTUAL_TEST(the_rate_is_that_of_all_clients)
{
    struct load_plan plan = {.clients = 50, .span = BIDE_SEC(10), .rate = 333};
    ck_assert_int_eq(run_alone(answer_in_10_ms, plan), 0);
    ck_assert_uint_ge(result.latency.count, 3325);
    ck_assert_uint_le(result.latency.count, 3330);
    ck_assert_uint_eq(percentile_ms(9999), 10);
    return 0;
}

VIRTUAL_TEST(what_was_due_and_not_answered_is_told)
{
    struct load_plan plan = {.clients = 3, .span = BIDE_SEC(1), .rate = 100};
    ck_assert_int_eq(run_alone(answer_never, plan), 0);
    ck_assert_uint_eq(result.latency.count, 0);
    ck_assert_uint_eq(result.failed, 0);
    ck_assert_uint_ge(result.unanswered, 99);
    ck_assert_uint_le(result.unanswered, 101);
    return 0;
}

VIRTUAL_TEST(failures_are_counted_by_code)
{
    struct load_plan plan = {.clients = 1, .span = BIDE_MS(1000) + 1};
    ck_assert_int_eq(run_alone(answer_rarely, plan), 0);
    ck_assert_uint_eq(result.latency.count, 100);
    ck_assert_uint_eq(result.failed, 900);
    ck_assert_int_eq(result.errors[0].code, LOAD_REFUSED(503));
    ck_assert_uint_eq(result.errors[0].count, 400);
    ck_assert_int_eq(result.errors[1].code, -EBADMSG);
    ck_assert_uint_eq(result.errors[1].count, 500);
    ck_assert_uint_eq(result.errors[2].count, 0);
    return 0;
}

VIRTUAL_TEST(codes_beyond_the_table_are_counted_together)
{
    struct load_plan plan = {.clients = 1, .span = BIDE_MS(200) + 1};
    ck_assert_int_eq(run_alone(fail_in_many_ways, plan), 0);
    ck_assert_uint_eq(result.failed, 200);
    for (int i = 0; i < LOAD_ERRORS - 1; i++) {
        ck_assert_int_eq(result.errors[i].code, LOAD_REFUSED(400 + i));
        ck_assert_uint_eq(result.errors[i].count, 10);
    }
    ck_assert_int_eq(result.errors[LOAD_ERRORS - 1].code, 0);
    ck_assert_uint_eq(result.errors[LOAD_ERRORS - 1].count, 50);
    return 0;
}

static intptr_t run_for_long(void *arg)
{
    (void)arg;
    struct load_plan plan = {.clients = 2, .span = BIDE_SEC(100)};
    return run_alone(answer_in_10_ms, plan);
}

VIRTUAL_TEST(a_cancel_ends_it_early_with_what_was_seen)
{
    struct bide_scope s;
    bide_scope_open(&s, bide_after(BIDE_MS(2505)));
    ck_assert_int_eq(bide_scope_close(&s, run_for_long(NULL)), 0);
    ck_assert(result.interrupted);
    ck_assert_int_eq(result.span, BIDE_MS(2505));
    ck_assert_uint_eq(result.latency.count, 2 * 250);
    return 0;
}

VIRTUAL_TEST(a_line_of_progress_is_printed_each_second)
{
    char *text;
    size_t bytes, lines = 0;
    FILE *memory = open_memstream(&text, &bytes);
    struct load_plan plan = {.clients = 1, .span = BIDE_MS(2500),
                             .progress = memory};
    ck_assert_int_eq(run_alone(answer_in_10_ms, plan), 0);
    fclose(memory);
    for (char *line = text; (line = strchr(line, '\n')); line++)
        lines++;
    ck_assert_uint_eq(lines, 3);
    ck_assert_ptr_nonnull(strstr(text, " 100 answers/s  p50    10.0"));
    free(text);
    return 0;
}

VIRTUAL_TEST(a_plan_without_clients_or_time_is_refused)
{
    struct load_plan no_clients = {.span = 1}, no_time = {.clients = 1};
    ck_assert_int_eq(run_alone(answer_in_10_ms, no_clients), -EINVAL);
    ck_assert_int_eq(run_alone(answer_in_10_ms, no_time), -EINVAL);
    return 0;
}

Suite *suite_load(void)
{
    Suite *s = suite_create("load");
    TCase *t = tcase_create("clients");
    tcase_add_test(t, closed_loop_asks_again_when_it_has_its_answer);
    tcase_add_test(t, the_warm_up_is_not_counted);
    tcase_add_test(t, open_loop_counts_the_time_since_a_request_was_due);
    tcase_add_test(t, closed_loop_hides_a_stall);
    tcase_add_test(t, the_rate_is_that_of_all_clients);
    tcase_add_test(t, what_was_due_and_not_answered_is_told);
    tcase_add_test(t, failures_are_counted_by_code);
    tcase_add_test(t, codes_beyond_the_table_are_counted_together);
    tcase_add_test(t, a_cancel_ends_it_early_with_what_was_seen);
    tcase_add_test(t, a_line_of_progress_is_printed_each_second);
    tcase_add_test(t, a_plan_without_clients_or_time_is_refused);
    suite_add_tcase(s, t);
    return s;
}
