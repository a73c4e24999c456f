/* questions.h: what is asked of bide; each has a file of its own. */
#ifndef BENCH_QUESTIONS_H
#define BENCH_QUESTIONS_H

#include "bench.h"

#define QUESTIONS                                                        \
    QUESTION(pair) QUESTION(ring) QUESTION(yield) QUESTION(spawn)        \
    QUESTION(cold_spawn) QUESTION(memory) QUESTION(mappings)             \
    QUESTION(timers) QUESTION(scope) QUESTION(deadline) QUESTION(cancel) \
    QUESTION(chan) QUESTION(select) QUESTION(mutex) QUESTION(cached)     \
    QUESTION(direct) QUESTION(echo) QUESTION(http) QUESTION(thread)      \
    QUESTION(post) QUESTION(program) QUESTION(crowded)                   \
    QUESTION(process) QUESTION(process_pipe) QUESTION(process_copy)

#define QUESTION(word) double ask_##word(long n);
QUESTIONS
#undef QUESTION

#endif
