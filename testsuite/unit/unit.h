/* The frame of a unit test program: UNIT_MAIN(name, test, ...) runs the tests and prints `unit name: N
 * passed, M failed`. */
#ifndef TILEC_TESTSUITE_UNIT_H
#define TILEC_TESTSUITE_UNIT_H

#include <check.h>
#include <stdio.h>

#define UNIT_MAIN(name, ...)                                                                                 \
    int main(void) {                                                                                         \
        const TTest *const tests[] = {__VA_ARGS__};                                                          \
        Suite *suite = suite_create(name);                                                                   \
        TCase *cases = tcase_create(name);                                                                   \
        tcase_set_timeout(cases, 120);                                                                       \
        for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)                                            \
            tcase_add_test(cases, tests[i]);                                                                 \
        suite_add_tcase(suite, cases);                                                                       \
        SRunner *runner = srunner_create(suite);                                                             \
        srunner_run_all(runner, CK_NORMAL);                                                                  \
        int failed = srunner_ntests_failed(runner), run = srunner_ntests_run(runner);                        \
        srunner_free(runner);                                                                                \
        printf("unit " name ": %d passed, %d failed\n", run - failed, failed);                               \
        return failed || !run ? 1 : 0;                                                                       \
    }

#endif
