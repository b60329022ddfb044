/* What tile form says in the numbers of the device: the steps of the matrix unit, what the FPU adds to zeros, what
 * comes to DST through SrcA. */
#include "testsuite/unit/evaluation.h"

/* Y[0, 0] where all of A is a, and all of B is b. */
struct tile_row {
    const char *dtype;
    int64_t length; /* K */
    const char *statements;
    double a, b, value;
};

static const char
    *const product = "fragment acc[i, j]: f32 tile map acc[i, j] = 0 "
                     "tile matmul acc[i, j] += sum(k: p[i, k] * q[k, j]) tile map y[i, j] = acc[i, j]",
           *const from_minus_zero =
               "fragment acc[i, j]: f32 tile map acc[i, j] = -0.0 "
               "tile matmul acc[i, j] += sum(k: p[i, k] * q[k, j]) tile map y[i, j] = acc[i, j]",
           *const row_sum = "shared s[i]: f32 @{tt.orientation = column} "
                            "tile reduce s[i] = sum(k: p[i, k]) tile map y[i, j] = s[i]";

static const struct tile_row rows[] = {
    /* Products of a step keep what is less than the least normal number; what a step leaves does not. */
    {"bf16", 32, product, 0x1p-70, 0x1p-61, 0x1p-126},
    {"bf16", 64, product, 0x1p-70, 0x1p-62, 0},
    /* A ragged step adds the zeros of its padding. */
    {"bf16", 32, from_minus_zero, -0.0, 1, -0.0},
    {"bf16", 31, from_minus_zero, -0.0, 1, 0},
    /* The matrix unit takes TF32. */
    {"f32", 2, product, 1 + 0x1p-11, 1, 2},
    {"f32", 2, row_sum, 1 + 0x1p-11, 0, 2},
    {"bf16", 33, row_sum, -0.0, 0, 0},
    /* The FPU adds products, and what it spreads, to zeros. */
    {"bf16", 32, "tile map y[i, j] = p[i, j] * q[i, j]", -0.0, 1, -0.0},
    {"bf16", 32, "tile map y[i, j] = fpu(p[i, j] * q[i, j])", -0.0, 1, 0},
    {"bf16", 32, "tile map y[i, j] = fpu(p[i, j] + q[i, j])", -0.0, -0.0, -0.0},
    {"bf16", 32, "tile map y[i, j] = fpu(p[i, j] - q[i, j])", 3, 1, 2},
    {"bf16", 32, "tile map y[i, j] = fpu(p[i, j])", -0.0, 1, 0},
};

/* p is loaded from A, and q from B; j and k are one axis for maps of both. */
static double result_of(const struct tile_row *row, const char *facts) {
    struct bench b = bench_open();
    bool map = strstr(row->statements, "[i, k]") == NULL;
    const char *inner = map ? "j" : "k";
    struct node *kernel = bench_kernel(
        &b,
        arena_printf(
            b.arena,
            "kernel k(in A: %s[1, %lld], in B: %s[%s], out Y: f32[1, 1]) { for i in 0..1 by 32, j in 0..1 by 32, k in 0..%lld by 64 { "
            "shared p[i, %s]: %s%s tile load p[i, %s] = A[i, %s] shared q[%s]: %s%s tile load q[%s] = B[%s] "
            "shared y[i, j]: f32 %s tile store Y[i, j] = y[i, j] } }",
            row->dtype, (long long)row->length, row->dtype, map ? "1, 32" : "64, 1", (long long)row->length,
            inner, row->dtype, facts, inner, inner, map ? "i, j" : "k, j", row->dtype, facts,
            map ? "i, j" : "k, j", map ? "i, j" : "k, j", row->statements));
    bench_fill(&b, kernel, FILL_REALS);
    for (size_t i = 0; i < 2; i++)
        for (uint64_t j = 0; j < tensor_elements(&b.inputs[i]); j++)
            b.inputs[i].values[j] = i ? row->b : row->a;
    double value = bench_run(&b, kernel, MODEL_DEVICE).outputs[0].values[0];
    bench_close(&b);
    return value;
}

START_TEST(tile_operations_compute_as_the_device_does) {
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double value = result_of(&rows[i], "");
        ck_assert_msg(f64_bits(value) == f64_bits(rows[i].value), "%s, K = %lld: %a and not %a",
                      rows[i].statements, (long long)rows[i].length, value, rows[i].value);
    }
}
END_TEST

/* What tt.cb does not unpack to DST passes SrcA, which holds TF32: for maps and transposes. */
START_TEST(f32_is_cut_where_its_buffer_is_not_unpacked_to_dst) {
    static const char *const facts[] = {
        " @{tt.cb = {page_size = 4096, depth = 2, data_format = Float32, unpack_to_dest = 0}} ",
        " @{tt.cb = {page_size = 4096, depth = 2, data_format = Float32, unpack_to_dest = 1}} "};
    static const char *const statements[] = {
        "tile map y[i, j] = p[i, j] + 1",
        "shared t[j, i]: f32 tile transpose t[j, i] = p[i, j] tile map y[i, j] = t[j, i] + 1"};
    for (size_t i = 0; i < 2; i++) {
        for (size_t wide = 0; wide < 2; wide++) {
            struct tile_row row = {"f32", 32, statements[i], 1 + 0x1p-11, 0, 0};
            ck_assert(result_of(&row, facts[wide]) == (wide ? 2 + 0x1p-11 : 2));
        }
    }
}
END_TEST

/* A fragment is held as DST holds it: 257 is no number of bf16. */
START_TEST(fragments_hold_what_dst_holds) {
    for (int wide = 0; wide < 2; wide++) {
        struct bench b = bench_open();
        struct node *kernel = bench_kernel(
            &b,
            arena_printf(
                b.arena,
                "kernel k(in A: bf16[1, 1], out Y: f32[1, 1]) %s { for i in 0..1 by 32, j in 0..1 by 32 { fragment acc[i, j]: bf16 tile map acc[i, j] = 257 shared y[i, j]: f32 tile map y[i, j] = acc[i, j] tile store Y[i, j] = y[i, j] } }",
                wide ? "@{tt.compute = {fp32_dest_acc_en = 1}}" : ""));
        bench_fill(&b, kernel, FILL_REALS);
        ck_assert(bench_run(&b, kernel, MODEL_DEVICE).outputs[0].values[0] == (wide ? 257 : 256));
        bench_close(&b);
    }
}
END_TEST

UNIT_MAIN("evaluate tiles", tile_operations_compute_as_the_device_does,
          f32_is_cut_where_its_buffer_is_not_unpacked_to_dst, fragments_hold_what_dst_holds)
