/* cpu_of.c: print what processor time a process has used, in nanoseconds.
 *
 *     cpu_of PID
 */
#include "bench.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    bench_check(argc == 2, "cpu_of PID");
    printf("%" PRId64 "\n", bench_cpu_of(atoi(argv[1])));
    return 0;
}
