/* The library: compiled from memory, run on arrays, with messages instead of exits. */
#include "include/tilec.h"

#include <stdlib.h>
#include <string.h>

#include "testsuite/unit/unit.h"

static const char twice[] = "kernel twice(X: f32[M, N]) -> Y: f32[M, N] {\n"
                            "    for i in M, j in N {\n"
                            "        Y[i, j] = X[i, j] * 2;\n"
                            "    }\n"
                            "}\n";

static struct tilec_unit *compile(const char *text, const struct tilec_options *options) {
    return tilec_compile("test.tl", text, strlen(text), options);
}

START_TEST(a_kernel_runs_on_arrays) {
    float x[3 * 40], y[3 * 40];
    for (int i = 0; i < 120; i++) {
        x[i] = (float)i - 60.0f;
    }
    struct tilec_unit *unit = compile(twice, NULL);
    ck_assert_msg(tilec_status(unit) == TILEC_OK, "%s", tilec_diagnostics(unit));
    for (int evaluator = 0; evaluator < 2; evaluator++) {
        struct tilec_run_options options = {.evaluator = evaluator, .seed = 3};
        struct tilec_array arrays[] = {{.name = "Y"}, {"X", TILEC_F32, 2, {3, 40}, x}};
        ck_assert_msg(tilec_run(unit, arrays, 2, &options) == TILEC_OK, "%s", tilec_diagnostics(unit));
        ck_assert_int_eq(arrays[0].type, TILEC_F32);
        ck_assert_uint_eq(arrays[0].rank, 2);
        ck_assert_uint_eq(arrays[0].shape[1], 40);
        memcpy(y, arrays[0].data, sizeof y);
        for (int i = 0; i < 120; i++) {
            ck_assert_float_eq(x[i], (float)i - 60.0f);
            ck_assert_float_eq(y[i], 2 * x[i]);
        }
    }
    struct tilec_array own[] = {{"Y", TILEC_F32, 2, {3, 40}, y}, {"X", TILEC_F32, 2, {3, 40}, x}};
    memset(y, 0, sizeof y);
    ck_assert_int_eq(tilec_run(unit, own, 2, NULL), TILEC_OK);
    ck_assert_ptr_eq(own[0].data, y);
    ck_assert_float_eq(y[119], 118.0f);
    tilec_free(unit);
}
END_TEST

START_TEST(the_ir_of_a_unit_compiles_to_the_same_files) {
    struct tilec_unit *unit = compile(twice, NULL);
    const char *ir = tilec_ir(unit);
    ck_assert_ptr_nonnull(ir);
    struct tilec_unit *again = tilec_compile("test.ir", ir, strlen(ir), NULL);
    ck_assert_msg(tilec_status(again) == TILEC_OK, "%s", tilec_diagnostics(again));
    ck_assert_uint_gt(tilec_file_count(unit), 6);
    ck_assert_uint_eq(tilec_file_count(unit), tilec_file_count(again));
    for (size_t i = 0; i < tilec_file_count(unit); i++) {
        ck_assert_str_eq(tilec_file(unit, i).path, tilec_file(again, i).path);
        ck_assert_str_eq(tilec_file(unit, i).text, tilec_file(again, i).text);
    }
    ck_assert_ptr_null(tilec_file(unit, 1000).path);
    tilec_free(again);
    tilec_free(unit);
}
END_TEST

START_TEST(errors_are_text) {
    struct tilec_unit *unit =
        compile("kernel broken(X: f32[M]) -> Y: f32[M] { for i in M { Y[i] = Z[i]; } }", NULL);
    ck_assert_int_eq(tilec_status(unit), TILEC_ERROR);
    ck_assert_ptr_nonnull(strstr(tilec_diagnostics(unit), "test.tl:1:"));
    ck_assert_ptr_null(tilec_ir(unit));
    ck_assert_uint_eq(tilec_file_count(unit), 0);
    ck_assert_int_eq(tilec_run(unit, NULL, 0, NULL), TILEC_ERROR);
    tilec_free(unit);
    unit = tilec_compile(NULL, "kernel", 6, NULL);
    ck_assert_int_eq(tilec_status(unit), TILEC_ERROR);
    ck_assert_ptr_nonnull(strstr(tilec_diagnostics(unit), "source:1:"));
    tilec_free(unit);
    struct tilec_options options = {.architecture = "abacus"};
    unit = compile(twice, &options);
    ck_assert_int_eq(tilec_status(unit), TILEC_ERROR);
    ck_assert_ptr_nonnull(strstr(tilec_diagnostics(unit), "abacus"));
    tilec_free(unit);
}
END_TEST

START_TEST(arrays_that_do_not_fit_are_errors) {
    float x[4] = {0};
    static const struct {
        struct tilec_array array;
        const char *message;
    } rows[] = {
        {{"X", TILEC_F32, 1, {4}, NULL}, "dimensions"},
        {{"X", TILEC_BF16, 2, {2, 2}, NULL}, "another type"},
        {{"Z", TILEC_F32, 2, {2, 2}, NULL}, "there is no tensor parameter 'Z'"},
        {{"X", TILEC_F32, 2, {(uint64_t)1 << 40, (uint64_t)1 << 40}, NULL}, "more elements than memory"},
        {{"X", TILEC_F32, 2, {2, (uint64_t)-3}, NULL}, "more elements than memory"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct tilec_unit *unit = compile(twice, NULL);
        struct tilec_array arrays[] = {rows[i].array, {.name = "Y"}};
        arrays[0].data = x;
        ck_assert_int_eq(tilec_run(unit, arrays, 2, NULL), TILEC_ERROR);
        ck_assert_msg(strstr(tilec_diagnostics(unit), rows[i].message), "%s", tilec_diagnostics(unit));
        tilec_free(unit);
    }
    struct tilec_unit *unit = compile(twice, NULL);
    struct tilec_array arrays[] = {
        {"X", TILEC_F32, 2, {2, 2}, x}, {"Y", TILEC_F32, 2, {4, 1}, x}, {"X", TILEC_F32, 2, {2, 2}, x}};
    ck_assert_int_eq(tilec_run(unit, arrays, 2, NULL), TILEC_ERROR);
    ck_assert_ptr_nonnull(strstr(tilec_diagnostics(unit), "another shape"));
    ck_assert_int_eq(tilec_run(unit, arrays, 3, NULL), TILEC_ERROR);
    ck_assert_ptr_nonnull(strstr(tilec_diagnostics(unit), "the array X was given twice"));
    ck_assert_int_eq(tilec_run(unit, arrays, 1, NULL), TILEC_ERROR);
    ck_assert_ptr_nonnull(strstr(tilec_diagnostics(unit), "Y: the array was not given"));
    arrays[0].data = NULL;
    ck_assert_int_eq(tilec_run(unit, arrays, 2, NULL), TILEC_ERROR);
    ck_assert_ptr_nonnull(strstr(tilec_diagnostics(unit), "the array given has no data"));
    tilec_free(unit);
}
END_TEST

/* What went wrong in one run is not told of the next. */
START_TEST(a_run_after_an_error_is_a_new_one) {
    float x[4] = {1, 2, 3, 4};
    struct tilec_unit *unit = compile(twice, NULL);
    for (int turn = 0; turn < 50; turn++) {
        struct tilec_array arrays[] = {{"X", TILEC_F32, 2, {2, 2}, x}, {.name = "Y"}};
        struct tilec_scalar none = {"t", "1"};
        struct tilec_run_options options = {.scalars = &none, .scalar_count = turn % 2};
        enum tilec_status status = tilec_run(unit, arrays, 2, &options);
        ck_assert_int_eq(status, turn % 2 ? TILEC_ERROR : TILEC_OK);
        ck_assert_int_eq(strstr(tilec_diagnostics(unit), "there is no scalar parameter 't'") != NULL,
                         turn % 2);
        ck_assert(turn % 2 || *tilec_diagnostics(unit) == 0);
    }
    tilec_free(unit);
}
END_TEST

START_TEST(parameters_are_told) {
    static const char sizes[] = "kernel f(X: bf16[M, N], t: f32 = 1) -> Y: bf16[M, N] {\n"
                                "    for i in M, j in N { Y[i, j] = X[i, j] * t; }\n"
                                "}\n";
    struct tilec_unit *unit = compile(sizes, NULL);
    ck_assert_uint_eq(tilec_parameter_count(unit), 3);
    ck_assert_str_eq(tilec_parameter(unit, 0).name, "X");
    ck_assert_str_eq(tilec_parameter(unit, 0).type, "bf16");
    ck_assert_uint_eq(tilec_parameter(unit, 0).rank, 2);
    ck_assert(tilec_parameter(unit, 1).rank == 0 && tilec_parameter(unit, 1).has_default);
    ck_assert_int_eq(tilec_parameter(unit, 2).direction, TILEC_OUT);
    ck_assert_ptr_null(tilec_parameter(unit, 3).name);
    tilec_free(unit);
}
END_TEST

/* A buffer of a whole row: its pages follow from N, so a launch may overrun L1. */
START_TEST(a_launch_beyond_l1_names_the_size) {
    static const char rows[] = "kernel rows(X: bf16[M, N]) -> Y: bf16[M, N] {\n"
                               "    grid i in M by 32 {\n"
                               "        for j in N by N {\n"
                               "            shared x = X[i, j];\n"
                               "            Y[i, j] = x[i, j] * 2;\n"
                               "        }\n"
                               "    }\n"
                               "}\n";
    enum { SMALL = 64, LARGE = 64000 };
    uint16_t *x = calloc(LARGE, sizeof *x);
    struct tilec_unit *unit = compile(rows, NULL);
    struct tilec_array small[] = {{"X", TILEC_BF16, 2, {1, SMALL}, x}, {.name = "Y"}};
    ck_assert_msg(tilec_run(unit, small, 2, NULL) == TILEC_OK, "%s", tilec_diagnostics(unit));
    struct tilec_array large[] = {{"X", TILEC_BF16, 2, {1, LARGE}, x}, {.name = "Y"}};
    ck_assert_int_eq(tilec_run(unit, large, 2, NULL), TILEC_ERROR);
    ck_assert_ptr_nonnull(strstr(tilec_diagnostics(unit), "test.tl:1:"));
    ck_assert_msg(strstr(tilec_diagnostics(unit), "N = 64000"), "%s", tilec_diagnostics(unit));
    tilec_free(unit);
    free(x);
}
END_TEST

UNIT_MAIN("library", a_kernel_runs_on_arrays, the_ir_of_a_unit_compiles_to_the_same_files, errors_are_text,
          arrays_that_do_not_fit_are_errors, a_run_after_an_error_is_a_new_one, parameters_are_told,
          a_launch_beyond_l1_names_the_size)
