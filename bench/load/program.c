/* program.c: the load generator as a program, for any list of scenarios. */
#include "load.h"
#include "options.h"
#include "report.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

/* Descriptors besides those of the clients. */
#define OTHER_DESCRIPTORS 16

/* A plan and what came of it, for the main task. */
struct work {
    struct load_options options;
    struct load_result result;
};

/* Raise the limit of descriptors, as far as need and law go. */
static int allow_descriptors(unsigned clients)
{
    struct rlimit limit;
    rlim_t need = clients + OTHER_DESCRIPTORS;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= need)
        return 0;
    if (limit.rlim_max < need) {
        fprintf(stderr,
                "load: %u clients need %ju descriptors, and this process may "
                "have %ju; raise `ulimit -Hn`, or ask for fewer with -c\n",
                clients, (uintmax_t)need, (uintmax_t)limit.rlim_max);
        return -EMFILE;
    }
    limit.rlim_cur = need;
    return setrlimit(RLIMIT_NOFILE, &limit) < 0 ? -errno : 0;
}

/* Why there is no result. */
static void explain(const struct load_plan *plan, intptr_t rc)
{
    const char *more = "";
    if (rc == -EINVAL)
        more = "; the address must be numeric, as 127.0.0.1";
    else if (rc == -ECONNREFUSED || rc == -ENOENT)
        more = "; is the server running?";
    fprintf(stderr, "load: %s: %s%s\n", plan->target, strerror((int)-rc), more);
}

static intptr_t work(void *arg)
{
    struct work *w = arg;
    return load_run(&w->options.plan, &w->result);
}

/* The scenario has its say, and the kernel. */
static int prepare(struct load_plan *plan)
{
    const struct load_scenario *s = plan->scenario;
    plan->buffer_bytes = s->buffer_bytes;
    int rc = s->prepare ? s->prepare(plan) : 0;
    if (rc < 0) {
        fprintf(stderr, "load: %s: %s\n", plan->target, strerror(-rc));
        return rc;
    }
    return allow_descriptors(s->alone ? 0 : plan->clients);
}

static int report(const struct work *w)
{
    const struct load_result *r = &w->result;
    if (w->options.json)
        load_report_json(stdout, &w->options.plan, r);
    else
        load_report_text(stdout, &w->options.plan, r);
    if (fflush(stdout) != 0) {
        fprintf(stderr, "load: the report could not be written\n");
        return 1;
    }
    if (r->latency.count == 0)
        fprintf(stderr, "load: no request was answered\n");
    return r->failed > 0 || r->latency.count == 0;
}

int load_main(int argc, char **argv, const struct load_scenario *scenarios)
{
    static struct work w; /* the histogram is large for a stack */
    const struct bide_options exact = {.timer_slack = 1}; /* of open loops */
    int rc = load_options_read(&w.options, argc, argv, scenarios);
    if (rc <= 0)
        return rc < 0 ? 2 : 0;
    if (prepare(&w.options.plan) < 0)
        return 2;
    intptr_t ended = bide_run(work, &w, &exact);
    if (ended == 0)
        return report(&w);
    explain(&w.options.plan, ended);
    return 1;
}
