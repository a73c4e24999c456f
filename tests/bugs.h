/* bugs.h: faults in tasks that a tool is to find.
 *
 * Each is a program of its own, `suite bug NAME`, because its end is the
 * tool's report: tests/test_tools.c runs them and reads what is said.
 */
#ifndef BUGS_H
#define BUGS_H

/* Commit the bug `name`: the exit status of a program that got away with it,
 * 2 if there is none of that name. */
int commit_bug(const char *name);

#endif
