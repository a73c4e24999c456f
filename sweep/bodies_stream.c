/* bodies_stream.c: x */
#include "body.h"
const struct body bodies_stream[] = {{0}};
