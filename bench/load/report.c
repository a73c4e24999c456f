/* report.c: what came of a plan, for people and for programs.
 *
 * Times are milliseconds for people and nanoseconds in JSON, where every number
 * is an integer that can be recomputed from, but for the rates.
 */
#include "report.h"

#include <string.h>

static const struct {
    const char *name;
    unsigned parts; /* of 10,000 */
} percentiles[] = {
    {"p50", 5000},   {"p90", 9000},    {"p99", 9900},
    {"p99.9", 9990}, {"p99.99", 9999},
};
#define PERCENTILES (sizeof percentiles / sizeof *percentiles)

static double seconds(const struct load_result *r)
{
    return (double)r->span / 1e9;
}

/* `n` for each of `of`; nothing for none. */
static double each(double n, double of)
{
    return of > 0 ? n / of : 0;
}

static double cpu_ns(const struct load_result *r)
{
    return (double)(r->user_ns + r->system_ns);
}

static double requests(const struct load_result *r)
{
    return (double)(r->latency.count + r->failed);
}

/* What a scenario's code means. */
static void error_text(intptr_t code, char *text, size_t room)
{
    if (code == 0)
        snprintf(text, room, "others");
    else if (code <= LOAD_REFUSED(0))
        snprintf(text, room, "the answer was %d",
                 (int)(LOAD_REFUSED(0) - code));
    else
        snprintf(text, room, "%s", strerror((int)-code));
}

/* ---- For people --------------------------------------------------------- */

static void text_head(FILE *out, const struct load_plan *p,
                      const struct load_result *r)
{
    fprintf(out, "%s: %u clients for %.3g s%s, on %s\n", p->target, p->clients,
            seconds(r), r->interrupted ? " (interrupted)" : "", r->backend);
    if (p->rate > 0)
        fprintf(out, "open loop: %.10g requests a second were due, and times "
                "count from then\n", p->rate);
    else
        fprintf(out, "closed loop: each client asked again when it had its "
                "answer\n");
}

static void text_counts(FILE *out, const struct load_plan *p,
                        const struct load_result *r)
{
    fprintf(out, "  answers    %12ju  %12.1f /s\n",
            (uintmax_t)r->latency.count,
            each((double)r->latency.count, seconds(r)));
    fprintf(out, "  received   %12.1f  %12.1f /s, MB\n", (double)r->bytes / 1e6,
            each((double)r->bytes / 1e6, seconds(r)));
    fprintf(out, "  a client   %12ju  at least, %ju at most\n",
            (uintmax_t)r->fewest, (uintmax_t)r->most);
    if (p->rate > 0)
        fprintf(out, "  unanswered %12ju  were due before the end\n",
                (uintmax_t)r->unanswered);
    fprintf(out, "  failed     %12ju\n", (uintmax_t)r->failed);
    for (const struct load_error *e = r->errors;
         e < r->errors + LOAD_ERRORS && e->count > 0; e++) {
        char text[80];
        error_text(e->code, text, sizeof text);
        fprintf(out, "             %12ju  %s\n", (uintmax_t)e->count, text);
    }
}

static void text_latency(FILE *out, const struct load_histogram *h)
{
    for (size_t i = 0; i < PERCENTILES; i++)
        fprintf(out, "  %-10s %12.3f ms\n", percentiles[i].name,
                (double)load_histogram_at(h, percentiles[i].parts) / 1e6);
    fprintf(out, "  max        %12.3f ms\n", (double)h->greatest / 1e6);
    fprintf(out, "  mean       %12.3f ms\n", load_histogram_mean(h) / 1e6);
}

void load_report_text(FILE *out, const struct load_plan *plan,
                      const struct load_result *result)
{
    text_head(out, plan, result);
    text_counts(out, plan, result);
    if (result->latency.count > 0)
        text_latency(out, &result->latency);
    fprintf(out, "  own CPU    %12.3f us a request, %.2f of a core\n",
            each(cpu_ns(result) / 1e3, requests(result)),
            each(cpu_ns(result), (double)result->span));
}

/* ---- For programs ------------------------------------------------------- */

static void json_string(FILE *out, const char *text)
{
    fputc('"', out);
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (*c == '"' || *c == '\\')
            fprintf(out, "\\%c", *c);
        else if (*c < 32 || *c > 126)
            fprintf(out, "\\u%04x", *c);
        else
            fputc(*c, out);
    }
    fputc('"', out);
}

static void json_plan(FILE *out, const struct load_plan *p,
                      const struct load_result *r)
{
    fprintf(out, "  \"target\": ");
    json_string(out, p->target);
    fprintf(out,
            ",\n  \"clients\": %u,\n  \"rate\": %.10g,\n"
            "  \"warmup_ns\": %jd,\n  \"size\": %zu,\n  \"backend\": \"%s\",\n",
            p->clients, p->rate, (intmax_t)p->warmup, p->size, r->backend);
}

static void json_counts(FILE *out, const struct load_result *r)
{
    fprintf(out,
            "  \"span_ns\": %jd,\n  \"interrupted\": %s,\n"
            "  \"answers\": %ju,\n  \"answers_per_second\": %.1f,\n"
            "  \"bytes\": %ju,\n  \"unanswered\": %ju,\n  \"failed\": %ju,\n"
            "  \"client_answers\": {\"least\": %ju, \"most\": %ju},\n",
            (intmax_t)r->span, r->interrupted ? "true" : "false",
            (uintmax_t)r->latency.count,
            each((double)r->latency.count, seconds(r)), (uintmax_t)r->bytes,
            (uintmax_t)r->unanswered, (uintmax_t)r->failed,
            (uintmax_t)r->fewest, (uintmax_t)r->most);
}

/* The code of an answer is told as it came, a system's as a negated errno. */
static void json_errors(FILE *out, const struct load_result *r)
{
    const char *comma = "";
    fprintf(out, "  \"errors\": [");
    for (const struct load_error *e = r->errors;
         e < r->errors + LOAD_ERRORS && e->count > 0; e++) {
        char text[80];
        error_text(e->code, text, sizeof text);
        bool refused = e->code <= LOAD_REFUSED(0);
        intptr_t code = refused ? LOAD_REFUSED(0) - e->code : e->code;
        fprintf(out, "%s\n    {\"code\": %jd, \"count\": %ju, \"text\": ",
                comma, (intmax_t)code, (uintmax_t)e->count);
        json_string(out, text);
        fputc('}', out);
        comma = ",";
    }
    fprintf(out, "%s],\n", *comma ? "\n  " : "");
}

static void json_latency(FILE *out, const struct load_histogram *h)
{
    fprintf(out, "  \"latency_ns\": {");
    for (size_t i = 0; i < PERCENTILES; i++)
        fprintf(out, "\"%s\": %ju, ", percentiles[i].name,
                (uintmax_t)load_histogram_at(h, percentiles[i].parts));
    fprintf(out, "\"min\": %ju, \"max\": %ju, \"mean\": %.1f},\n",
            (uintmax_t)h->least, (uintmax_t)h->greatest,
            load_histogram_mean(h));
}

void load_report_json(FILE *out, const struct load_plan *plan,
                      const struct load_result *result)
{
    fprintf(out, "{\n");
    json_plan(out, plan, result);
    json_counts(out, result);
    json_errors(out, result);
    json_latency(out, &result->latency);
    fprintf(out,
            "  \"cpu\": {\"user_ns\": %jd, \"system_ns\": %jd, "
            "\"request_ns\": %.1f}\n}\n",
            (intmax_t)result->user_ns, (intmax_t)result->system_ns,
            each(cpu_ns(result), requests(result)));
}
