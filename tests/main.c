/* main.c: the test program: every suite of tests/, one after the other.
 *
 *     suite           run all; the last line is `N passed, N failed`
 *     suite info      tell what the library uses on this machine, and why
 *     suite bug NAME  commit the bug NAME of tests/bugs.c, for a tool to find
 *
 * BIDE_TEST_ONLY=name runs the suite of tests/test_name.c alone.  Check runs
 * each test in a process of its own; CK_FORK=no keeps it here for a debugger,
 * CK_TIMEOUT_MULTIPLIER gives slow machines time.  BIDE_BACKEND and BIDE_GUARD
 * choose what is tested.
 *
 * suites.inc is made by the build from the names of the files: a new
 * tests/test_name.c with its `Suite *suite_name(void)` is told nowhere else.
 */
#include "bugs.h"

#include <bide.h>
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUITE(name) Suite *suite_##name(void);
#include "suites.inc"
#undef SUITE

static const struct entry {
    const char *name;
    Suite *(*make)(void);
} entries[] = {
#define SUITE(name) {#name, suite_##name},
#include "suites.inc"
#undef SUITE
};
static const size_t entry_count = sizeof entries / sizeof entries[0];

/* The first line is for tests/matrix, in the words of the environment. */
static int tell_info(void)
{
    struct bide_info info;
    bide_info(&info);
    bool uring = strcmp(info.backend, "io_uring") == 0;
    printf("using %s %s %s\n", uring ? "uring" : info.backend, info.guard,
           info.arch);
    printf("backend: %s\nguard: %s\n", info.backend_reason, info.guard_reason);
    return 0;
}

/* How many were added. */
static int add_suites(SRunner *runner, const char *only)
{
    int added = 0;
    for (size_t i = 0; i < entry_count; i++) {
        if (only && strcmp(only, entries[i].name) != 0)
            continue;
        srunner_add_suite(runner, entries[i].make());
        added++;
    }
    return added;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "info") == 0)
        return tell_info();
    if (argc == 3 && strcmp(argv[1], "bug") == 0)
        return commit_bug(argv[2]);

    /* Nothing is timed here: a limit only ends what hangs, and a machine may be
     * busy. */
    setenv("CK_DEFAULT_TIMEOUT", "30", 0);
    /* In memory, where leak checkers of a probe's child find it. */
    static SRunner *runner;
    runner = srunner_create(NULL);
    const char *only = getenv("BIDE_TEST_ONLY");
    if (!add_suites(runner, only)) {
        fprintf(stderr, "there is no tests/test_%s.c\n", only ? only : "*");
        return 2;
    }
    srunner_run_all(runner, CK_SILENT);
    int failed = srunner_ntests_failed(runner);
    if (failed)
        srunner_print(runner, CK_NORMAL);
    int passed = srunner_ntests_run(runner) - failed;
    printf("%d passed, %d failed\n", passed, failed);
    srunner_free(runner);
    return failed != 0;
}
