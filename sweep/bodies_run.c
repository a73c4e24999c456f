/* bodies_run.c: x */
#include "body.h"
const struct body bodies_run[] = {{0}};
