/* main.c: the load generator with the scenarios that come with it.
 *
 *     load [OPTIONS] tcp://127.0.0.1:7000
 *     load [OPTIONS] http://127.0.0.1:8080/path
 */
#include "load.h"

int main(int argc, char **argv)
{
    const struct load_scenario scenarios[] = {load_tcp_echo, load_http,
                                              {.scheme = NULL}};
    return load_main(argc, argv, scenarios);
}
