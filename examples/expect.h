/* expect.h: what the examples check themselves with.
 *
 * Each prints the sentences it has found to be true, and a sentence that is
 * not true ends the program with 1.
 */
#ifndef EXPECT_H
#define EXPECT_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static inline void expect(bool holds, const char *sentence)
{
    printf("%s%s\n", holds ? "  " : "NOT TRUE: ", sentence);
    if (!holds)
        exit(1);
}

#endif
