/* options.c: a command line, read into a plan.
 *
 * What is wrong is told at once, with what would be right; a program that sends
 * the wrong load for an hour would be worse.
 */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: %s [OPTIONS] ADDRESS\n"
    "\n"
    "Put a server under load, and tell how long its answers take.\n"
    "\n"
    "  -c, --clients N    connections at once (10)\n"
    "  -t, --time SEC     how long answers are counted (10)\n"
    "  -w, --warmup SEC   how long they are not, before that (1)\n"
    "  -r, --rate N       requests a second, of all clients, sent whether or\n"
    "                     not the server keeps up; without it each client\n"
    "                     asks again as soon as it has its answer\n"
    "  -s, --size BYTES   of a message, where there is a choice (64)\n"
    "  -q, --quiet        no line a second on stderr\n"
    "      --json         the report as JSON\n"
    "  -h, --help         this text\n"
    "\n"
    "ADDRESS begins with one of:";

static const char address_help[] =
    "\n"
    "  and goes on with 127.0.0.1:8080, [::1]:8080 or unix:/path/of/socket;\n"
    "  behind that may come a path, as in http://127.0.0.1:8080/index.html or\n"
    "  http://unix:/run/server.sock:/index.html.\n";

static const struct option long_options[] = {
    {"clients", required_argument, NULL, 'c'},
    {"time", required_argument, NULL, 't'},
    {"warmup", required_argument, NULL, 'w'},
    {"rate", required_argument, NULL, 'r'},
    {"size", required_argument, NULL, 's'},
    {"quiet", no_argument, NULL, 'q'},
    {"json", no_argument, NULL, 'j'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static void print_help(const char *program,
                       const struct load_scenario *scenarios)
{
    printf(help, program);
    for (const struct load_scenario *s = scenarios; s->scheme; s++)
        printf(" %s://", s->scheme);
    fputs(address_help, stdout);
}

/* ---- Numbers ------------------------------------------------------------ */

/* What an option may be. */
struct range {
    const char *what;
    double least, most;
    bool whole;
};

static int read_number(const char *text, struct range r, double *out)
{
    char *end;
    double n = strtod(text, &end);
    bool good = end != text && *end == '\0' && n >= r.least && n <= r.most &&
                (!r.whole || n == (double)(int64_t)n);
    if (!good) {
        fprintf(stderr, "load: '%s' is no %s: that is a number from %.10g to "
                "%.10g\n", text, r.what, r.least, r.most);
        return -EINVAL;
    }
    *out = n;
    return 0;
}

static int read_count(const char *text, const char *what, double most,
                      size_t *out)
{
    double n = 0;
    int rc = read_number(text, (struct range){what, 1, most, true}, &n);
    *out = (size_t)n;
    return rc;
}

/* Up to a week. */
static int read_span(const char *text, const char *what, double least,
                     bide_time *out)
{
    double n = 0;
    int rc = read_number(text, (struct range){what, least, 604800, false}, &n);
    *out = (bide_time)(n * 1e9);
    return rc;
}

/* ---- The address -------------------------------------------------------- */

static const struct load_scenario *find(const struct load_scenario *scenarios,
                                        const char *text)
{
    for (const struct load_scenario *s = scenarios; s->scheme; s++) {
        size_t len = strlen(s->scheme);
        if (strncmp(text, s->scheme, len) == 0 &&
            strncmp(text + len, "://", 3) == 0)
            return s;
    }
    return NULL;
}

/* Copy `len` characters as a string.  False: there is no room. */
static bool copy(char *to, size_t room, const char *from, size_t len)
{
    if (len >= room)
        return false;
    memcpy(to, from, len);
    to[len] = '\0';
    return true;
}

/* unix:/path, or unix:/path:/more */
static const char *read_unix(struct load_plan *plan, const char *text)
{
    size_t len = 5 + strcspn(text + 5, ":");
    if (len == 5)
        return "has no path behind 'unix:'";
    if (!copy(plan->host, sizeof plan->host, text, len))
        return "has too long a path for a socket";
    plan->path = text[len] ? text + len + 1 : "";
    return NULL;
}

/* How long the port is at `text`, in digits; 0: there is none. */
static size_t port_length(const char *text)
{
    size_t n = strspn(text, "0123456789");
    bool good = n > 0 && n <= 5 && atol(text) <= 65535 &&
                (text[n] == '\0' || text[n] == '/');
    return good ? n : 0;
}

/* A numeric address, in brackets if it has colons; a port; a path */
static const char *read_inet(struct load_plan *plan, const char *text)
{
    bool v6 = *text == '[';
    const char *host = text + v6;
    size_t len = strcspn(host, v6 ? "]" : ":/");
    const char *rest = host + len;
    const char *service = plan->scenario->service;
    if (len == 0 || (v6 && *rest++ != ']'))
        return "names no server; write 127.0.0.1:8080, [::1]:8080 or "
               "unix:/path";
    if (!copy(plan->host, sizeof plan->host, host, len))
        return "is too long";
    size_t digits = 0;
    if (*rest == ':') {
        service = ++rest;
        digits = port_length(rest);
    } else if (service && (*rest == '\0' || *rest == '/')) {
        digits = strlen(service);
    }
    if (digits == 0)
        return "has no port from 0 to 65535; write 127.0.0.1:8080";
    copy(plan->service, sizeof plan->service, service, digits);
    plan->path = service == rest ? rest + digits : rest;
    return NULL;
}

const char *load_options_address(struct load_plan *plan, const char *text,
                                 const struct load_scenario *scenarios)
{
    plan->target = text;
    plan->scenario = find(scenarios, text);
    if (!plan->scenario)
        return "begins with no scheme that this program knows";
    text += strlen(plan->scenario->scheme) + 3;
    if (strpbrk(text, " \r\n\t"))
        return "holds a blank or a line's end";
    if (plan->scenario->alone) {
        plan->path = text;
        return NULL;
    }
    return strncmp(text, "unix:", 5) == 0 ? read_unix(plan, text)
                                          : read_inet(plan, text);
}

/* ---- All of it ---------------------------------------------------------- */

static int read_option(struct load_options *out, int option)
{
    struct load_plan *plan = &out->plan;
    size_t n;
    int rc;
    switch (option) {
    case 'c':
        rc = read_count(optarg, "number of clients", 100000, &n);
        plan->clients = (unsigned)n;
        return rc;
    case 's':
        return read_count(optarg, "size of a message", 65536, &plan->size);
    case 't':
        return read_span(optarg, "time in seconds", 0.001, &plan->span);
    case 'w':
        return read_span(optarg, "warm-up in seconds", 0, &plan->warmup);
    case 'r':
        return read_number(optarg,
                           (struct range){"rate a second", 0.001, 1e8, false},
                           &plan->rate);
    case 'q':
        plan->progress = NULL;
        return 0;
    case 'j':
        out->json = true;
        return 0;
    default: /* getopt() has said what is wrong */
        return -EINVAL;
    }
}

static int read_address(struct load_options *out, int argc, char **argv,
                        const struct load_scenario *scenarios)
{
    if (optind != argc - 1) {
        fprintf(stderr, "load: %s; `%s --help` tells how it is written\n",
                optind < argc ? "one address is enough"
                              : "the address of a server is missing",
                argv[0]);
        return -EINVAL;
    }
    const char *wrong = load_options_address(&out->plan, argv[optind],
                                             scenarios);
    if (wrong)
        fprintf(stderr, "load: '%s' %s; `%s --help` lists what there is\n",
                argv[optind], wrong, argv[0]);
    return wrong ? -EINVAL : 1;
}

int load_options_read(struct load_options *out, int argc, char **argv,
                      const struct load_scenario *scenarios)
{
    *out = (struct load_options){
        .plan = {.clients = 10, .span = BIDE_SEC(10), .warmup = BIDE_SEC(1),
                 .size = 64, .progress = stderr},
    };
    int option;
    optind = 1;
    while ((option = getopt_long(argc, argv, "c:t:w:r:s:qh", long_options,
                                 NULL)) != -1) {
        if (option == 'h') {
            print_help(argv[0], scenarios);
            return 0;
        }
        int rc = read_option(out, option);
        if (rc < 0)
            return rc;
    }
    return read_address(out, argc, argv, scenarios);
}
