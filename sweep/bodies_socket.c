/* bodies_socket.c: x */
#include "body.h"
const struct body bodies_socket[] = {{0}};
