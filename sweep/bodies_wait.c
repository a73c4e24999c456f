/* bodies_wait.c: x */
#include "body.h"
const struct body bodies_wait[] = {{0}};
