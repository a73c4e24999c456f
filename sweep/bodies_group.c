/* bodies_group.c: x */
#include "body.h"
const struct body bodies_group[] = {{0}};
