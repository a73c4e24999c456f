/* bodies_task.c: x */
#include "body.h"
const struct body bodies_task[] = {{0}};
