/* trace.c: the course of a schedule.
 *
 * Two runs of one seed must take one course; that they did is seen from one
 * number.  It is made of what is the same in every process: ids, times and
 * words, no addresses.
 */
#include "trace.h"

#include <stdio.h>

#define BEGIN 0x62696465 /* any number but 0 */

void bi_trace_begin(struct bi_trace *trace, bool told)
{
    trace->hash = BEGIN;
    trace->steps = 0;
    trace->told = told;
    trace->last[0] = '\0';
}

/* Multiply and fold: cheap, and every bit of `word` reaches all of the hash in
 * two steps.  It is no secret. */
static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * 0x9e3779b97f4a7c15; /* 2^64 by the golden section */
    return hash ^ hash >> 32;
}

/* A short word in a number. */
static uint64_t packed(const char *word)
{
    uint64_t n = 0;
    while (*word)
        n = (n << 7 | n >> 57) ^ (unsigned char)*word++;
    return n;
}

static void tell(struct bi_trace *trace, const struct bi_task *next,
                 unsigned ready, const char *what)
{
    char buf[32];
    const char *name = bi_task_name(next, buf);
    long long us = next->run->now / BIDE_US(1);
    if (trace->last[0])
        bi_say("step %llu at %lld.%06lld s: '%s': %s; '%s' runs, of %u ready",
               (unsigned long long)trace->steps, us / 1000000, us % 1000000,
               trace->last, what, name, ready);
    else
        bi_say("step %llu at %lld.%06lld s: '%s' runs",
               (unsigned long long)trace->steps, us / 1000000, us % 1000000,
               name);
    snprintf(trace->last, sizeof trace->last, "%s", name);
}

void bi_trace_step(struct bi_trace *trace, const struct bi_task *next,
                   unsigned ready, const char *what)
{
    uint64_t hash = mix(trace->hash, next->id << 32 | ready);
    hash = mix(hash, (uint64_t)next->run->now);
    trace->hash = mix(hash, packed(what));
    trace->steps++;
    if (bi_unlikely(trace->told))
        tell(trace, next, ready, what);
}
