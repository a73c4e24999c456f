/* names.h: a resolver of the tests' own, in the place of the system's.
 *
 * It knows the names that the tests give it, and can be made to hang.
 */
#ifndef NAMES_H
#define NAMES_H

#include "harness.h"

/* Fixtures: take the place, and give it back. */
void names_begin(void);
void names_end(void);

/* Let `host` stand for numeric or Unix addresses, with blanks between them;
 * both strings stay.  "": none. */
void name_is(const char *host, const char *addresses);

/* Let a look-up of `host` fail. */
void name_fails(const char *host, int code);

/* Make look-ups hang from now on; let `n` of them go; wait until `n` have begun
 * or have ended since names_begin(), by bide_sleep(). */
void names_hang(void);
void names_let_go(unsigned n);
void until_begun(unsigned n);
void until_ended(unsigned n);

/* How many were begun, and the host of the last one that ended. */
unsigned names_asked(void);
const char *name_asked(void);

/* A listener at `host`, a numeric one, and its port. */
int listen_at(const char *host, char port[8]);

#endif
