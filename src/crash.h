/* crash.h: the seed as the last words of a program that a test stops. */
#ifndef BI_CRASH_H
#define BI_CRASH_H

/* From here to bi_crash_forget(), if a signal is about to end the process
 * because of this thread, `tell(arg)` is called in its handler.  0, or the
 * negated errno of what could not be installed. */
int bi_crash_watch(void (*tell)(const void *arg), const void *arg);

void bi_crash_forget(void);

#endif
