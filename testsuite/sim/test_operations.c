/* Operations of the compute kernel against plain C, bit for bit. Each row of tests is one kernel that moves
 * tiles of the inputs through DST once; a common reader and writer bring pages in and out.
 */
#include "harness.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define EDGE 32
typedef float matrix[EDGE][EDGE];

/* Reads page 0 of up to four tensors into buffers 0..3; writes buffer 16. Arguments: addresses, then their
 * number. */
static const char reader[] =
    HEADER "void kernel_main(void) {\n"
           "    const uint32_t count = get_arg_val(uint32_t, 5);\n"
           "    for (uint32_t i = 0; i < count; ++i) {\n"
           "        const TensorAccessor T = tensor_accessor(i, get_arg_val(uint32_t, i));\n"
           "        cb_reserve_back(i, 1);\n"
           "        noc_async_read_page(0, T, get_write_ptr(i));\n"
           "        noc_async_read_barrier();\n"
           "        cb_push_back(i, 1);\n"
           "    }\n"
           "}\n";
static const char writer[] =
    HEADER "void kernel_main(void) {\n"
           "    const TensorAccessor T = tensor_accessor(0, get_arg_val(uint32_t, 4));\n"
           "    cb_wait_front(16, 1);\n"
           "    noc_async_write_page(0, T, get_read_ptr(16));\n"
           "    noc_async_write_barrier();\n"
           "    cb_pop_front(16, 1);\n"
           "}\n";

struct input {
    enum data_format format;
    bool to_dest;
    float (*values)[EDGE];
};

/* Runs body between the wait for all inputs and the wait for DST; slot 0 is packed. */
static void run_body(const char *startup, const char *body, const char *after_pack,
                     const struct input *inputs, uint32_t count, enum data_format out_format, bool wide,
                     matrix out) {
    static const char *const names[] = {"p", "q", "r", "s"};
    struct harness h;
    char text[4096];
    uint32_t arguments[6] = {0};
    harness_begin(&h, "p150", 7);
    h.launch.fp32_dest_acc = wide;
    for (uint32_t i = 0; i < count; ++i) {
        struct device_tensor *tensor =
            harness_matrix(&h, names[i], inputs[i].format, &inputs[i].values[0][0], EDGE, EDGE);
        arguments[i] = device_tensor_address(tensor);
        harness_bind(&h, DEVICE_READER, tensor);
        harness_buffer(&h, i, names[i], inputs[i].format, 1);
        h.buffers[i].unpack_to_dest = inputs[i].to_dest;
    }
    struct device_tensor *result = harness_output(&h, "out", out_format, EDGE, EDGE);
    arguments[4] = device_tensor_address(result);
    arguments[5] = count;
    harness_bind(&h, DEVICE_WRITER, result);
    harness_buffer(&h, 16, "out", out_format, 1);
    harness_core(&h, 2, 3, arguments, 6);
    snprintf(
        text, sizeof text,
        HEADER
        "enum { p, q, r, s, out = 16 };\nvoid kernel_main(void) {\n%sfor (uint32_t i = 0; i < %u; ++i) { cb_wait_front(i, 1); }\n"
        "tile_regs_acquire();\n%s\ntile_regs_commit();\ncb_reserve_back(out, 1);\ntile_regs_wait();\n"
        "pack_tile(OUT_OF_ORDER, 0, out, 0);\n%s tile_regs_release();\ncb_push_back(out, 1);\n"
        "for (uint32_t i = 0; i < %u; ++i) { cb_pop_front(i, 1); }\n}\n",
        startup, (unsigned)count, body, after_pack, (unsigned)count);
    harness_kernels(&h, reader, text, writer);
    harness_run(&h);
    harness_read_matrix(result, out_format, &out[0][0], EDGE, EDGE);
    harness_end(&h);
}

#define REGULAR_START "compute_kernel_hw_startup(REGULAR, p, q, out);\n"
#define ONE_START "compute_kernel_hw_startup(REGULAR, p, p, out);\n"

static void fill(matrix m, unsigned seed) {
    harness_values(&m[0][0], EDGE * EDGE, seed);
}

static void fill_fine(matrix m, unsigned seed) {
    uint32_t state = seed;
    for (int i = 0; i < EDGE * EDGE; ++i) {
        state = state * 1664525u + 1013904223u;
        (&m[0][0])[i] = (float)((double)(int32_t)state / 400000000.0);
    }
}

static float bf16(float value) {
    return f32_from_bf16(bf16_from_f32(value));
}

static void assert_equal(matrix result, matrix expected) {
    for (int i = 0; i < EDGE; ++i) {
        for (int j = 0; j < EDGE; ++j)
            ck_assert_msg(f32_bits(result[i][j]) == f32_bits(expected[i][j]), "[%d][%d]: %.9g, expected %.9g",
                          i, j, (double)result[i][j], (double)expected[i][j]);
    }
}

static matrix a, b, c, expected, result;

#define EACH(expression)                                                                                     \
    for (int i = 0; i < EDGE; ++i) {                                                                         \
        for (int j = 0; j < EDGE; ++j)                                                                       \
            expected[i][j] = (expression);                                                                   \
    }

/* f32 keeps its low bits on the way to DST at full width, and loses 13 of them through SrcA. */
START_TEST(f32_keeps_its_low_bits_at_full_width_alone) {
    fill_fine(a, 1);
    run_body(ONE_START, "copy_init(p); copy_tile(p, 0, 0);", "", &(struct input){FORMAT_F32, true, a}, 1,
             FORMAT_F32, true, result);
    assert_equal(result, a);
    run_body(ONE_START, "copy_init(p); copy_tile(p, 0, 0);", "", &(struct input){FORMAT_F32, false, a}, 1,
             FORMAT_F32, true, result);
    EACH(f32_from_bits(f32_bits(a[i][j]) & 0xffffe000u));
    assert_equal(result, expected);
    run_body(ONE_START, "copy_init(p); copy_tile(p, 0, 0);", "", &(struct input){FORMAT_F32, true, a}, 1,
             FORMAT_BF16, true, result);
    EACH(bf16(a[i][j]));
    assert_equal(result, expected);
}
END_TEST

START_TEST(a_dst_of_16_bits_holds_bf16) {
    fill_fine(a, 2);
    fill_fine(b, 3);
    struct input inputs[] = {{FORMAT_BF16, false, a}, {FORMAT_BF16, false, b}};
    run_body(REGULAR_START, "add_init(p, q); add_tiles(p, q, 0, 0, 0); square_tile_init(); square_tile(0);",
             "", inputs, 2, FORMAT_F32, false, result);
    EACH(bf16(bf16(bf16(a[i][j]) + bf16(b[i][j])) * bf16(bf16(a[i][j]) + bf16(b[i][j]))));
    assert_equal(result, expected);
}
END_TEST

START_TEST(the_matrix_unit_adds_subtracts_and_multiplies_with_broadcasts) {
    fill(a, 4);
    fill(b, 5);
    struct input inputs[] = {{FORMAT_BF16, false, a}, {FORMAT_BF16, false, b}};
    run_body(REGULAR_START, "add_init(p, q); add_tiles(p, q, 0, 0, 0);", "", inputs, 2, FORMAT_F32, true,
             result);
    EACH(a[i][j] + b[i][j]);
    assert_equal(result, expected);
    run_body(REGULAR_START, "sub_bcast_cols_init(p, q); sub_tiles_bcast_cols(p, q, 0, 0, 0);", "", inputs, 2,
             FORMAT_F32, true, result);
    EACH(a[i][j] - b[i][0]);
    assert_equal(result, expected);
    run_body(REGULAR_START, "mul_bcast_rows_init(p, q); mul_tiles_bcast_rows(p, q, 0, 0, 0);", "", inputs, 2,
             FORMAT_F32, true, result);
    EACH(0.0f + a[i][j] * b[0][j]);
    assert_equal(result, expected);
    run_body(REGULAR_START, "add_bcast_scalar_init(p, q); add_tiles_bcast_scalar(p, q, 0, 0, 0);", "", inputs,
             2, FORMAT_F32, true, result);
    EACH(a[i][j] + b[0][0]);
    assert_equal(result, expected);
}
END_TEST

START_TEST(multiplication_adds_to_what_the_slot_holds) {
    fill(a, 6);
    fill(b, 7);
    struct input inputs[] = {{FORMAT_BF16, false, a}, {FORMAT_BF16, false, b}};
    run_body(REGULAR_START, "mul_init(p, q); mul_tiles(p, q, 0, 0, 0); mul_tiles(p, q, 0, 0, 0);", "", inputs,
             2, FORMAT_F32, true, result);
    EACH(0.0f + a[i][j] * b[i][j] + a[i][j] * b[i][j]);
    assert_equal(result, expected);
}
END_TEST

/* A bias row enters DST before the first product. */
START_TEST(a_product_adds_to_the_bias_in_its_slot) {
    fill(a, 8);
    fill(b, 9);
    fill(c, 10);
    struct input inputs[] = {{FORMAT_BF16, false, a}, {FORMAT_BF16, false, b}, {FORMAT_F32, true, c}};
    run_body("compute_kernel_hw_startup(REVERSE, p, q, out);\n",
             "reconfig_data_format(REGULAR, r, r);"
             "unary_bcast_init(ROW, r); unary_bcast(ROW, r, 0, 0); unary_bcast_uninit(ROW, r);"
             "reconfig_data_format(REVERSE, p, q);"
             "matmul_init(p, q, 0); matmul_tiles(p, q, 0, 0, 0);",
             "", inputs, 3, FORMAT_F32, true, result);
    EACH(c[0][j]);
    for (int i = 0; i < EDGE; ++i) {
        for (int j = 0; j < EDGE; ++j) {
            for (int k = 0; k < EDGE; ++k)
                expected[i][j] += a[i][k] * b[k][j];
        }
    }
    assert_equal(result, expected);
}
END_TEST

START_TEST(f32_operands_of_products_are_cut_to_tf32) {
    fill_fine(a, 11);
    fill_fine(b, 12);
    struct input inputs[] = {{FORMAT_F32, false, a}, {FORMAT_F32, false, b}};
    run_body("compute_kernel_hw_startup(REVERSE, p, q, out);\n",
             "matmul_block_init(p, q, 1, 1, 1, 1); matmul_block(p, q, 0, 0, 0, 1, 1, 1, 1);", "", inputs, 2,
             FORMAT_F32, true, result);
    EACH(0.0f);
    for (int i = 0; i < EDGE; ++i) {
        for (int j = 0; j < EDGE; ++j) {
            for (int k = 0; k < EDGE; ++k)
                expected[i][j] += tf32_from_f32(a[i][k]) * tf32_from_f32(b[j][k]);
        }
    }
    assert_equal(result, expected);
}
END_TEST

/* Products that f32 cannot hold are rounded before they are added: one that is denormal and above half a unit
 * of the sum, one that is infinite where the sum would not be. */
START_TEST(products_that_f32_cannot_hold_are_rounded_first) {
    static const struct {
        float a[2], b[2], sum;
        enum data_format format;
    } rows[] = {
        {{0x1p-60f, 0x1.02p-74f}, {0x1p-65f, 0x1.02p-75f}, 0x1p-125f, FORMAT_BF16},
        {{0x1p-60f, 0x1.004p-74f}, {0x1p-65f, 0x1.004p-75f}, 0x1p-125f, FORMAT_F32},
        {{-0x1.8p63f, 0x1p64f}, {0x1p64f, 0x1p64f}, INFINITY, FORMAT_BF16},
        {{-0x1.8p63f, 0x1p64f}, {0x1p64f, 0x1p64f}, INFINITY, FORMAT_F32},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; ++i) {
        matrix x = {{0}}, y = {{0}}, out;
        for (int k = 0; k < 2; ++k) {
            x[5][k] = rows[i].a[k];
            y[k][7] = rows[i].b[k];
        }
        struct input inputs[] = {{rows[i].format, false, x}, {rows[i].format, false, y}};
        run_body("compute_kernel_hw_startup(REVERSE, p, q, out);\n",
                 "matmul_init(p, q, 0); matmul_tiles(p, q, 0, 0, 0);", "", inputs, 2, FORMAT_F32, true, out);
        for (int row = 0; row < EDGE; ++row)
            for (int column = 0; column < EDGE; ++column)
                ck_assert_uint_eq(f32_bits(out[row][column]),
                                  row == 5 && column == 7 ? f32_bits(rows[i].sum) : 0);
    }
}
END_TEST

START_TEST(transposition_and_broadcasts_move_elements_alone) {
    fill_fine(a, 13);
    struct input input = {FORMAT_F32, true, a};
    run_body(ONE_START, "transpose_init(p); transpose_tile(p, 0, 0);", "", &input, 1, FORMAT_F32, true,
             result);
    EACH(a[j][i]);
    assert_equal(result, expected);
    run_body(ONE_START, "unary_bcast_init(COL, p); unary_bcast(COL, p, 0, 0); unary_bcast_uninit(COL, p);",
             "", &input, 1, FORMAT_F32, true, result);
    EACH(a[i][0]);
    assert_equal(result, expected);
    run_body(ONE_START,
             "unary_bcast_init(SCALAR, p); unary_bcast(SCALAR, p, 0, 0); unary_bcast_uninit(SCALAR, p);", "",
             &input, 1, FORMAT_F32, true, result);
    EACH(a[0][0]);
    assert_equal(result, expected);
}
END_TEST

static void fill_scaler(matrix m, float value, int valid) {
    memset(m, 0, sizeof(matrix));
    for (int i = 0; i < EDGE; ++i) {
        m[0][i] = i < valid ? value : 0.0f;
        m[16][i] = i < valid ? value : 0.0f;
    }
}

/* One element after another; the packed tile is zero outside the result. */
START_TEST(reductions_fold_in_order_and_clear_the_rest) {
    fill(a, 14);
    fill_scaler(b, 1.0f, EDGE);
    struct input inputs[] = {{FORMAT_BF16, false, a}, {FORMAT_BF16, false, b}};
    run_body("compute_kernel_hw_startup(REGULAR, q, p, out);\n",
             "reduce_init(SUM, REDUCE_ROW, p, q, out); reduce_tile(SUM, REDUCE_ROW, p, q, 0, 0, 0);",
             "reduce_uninit(p);", inputs, 2, FORMAT_F32, true, result);
    EACH(0.0f);
    for (int i = 0; i < EDGE; ++i) {
        for (int j = 0; j < EDGE; ++j)
            expected[i][0] += a[i][j];
    }
    assert_equal(result, expected);
    run_body(REGULAR_START,
             "reduce_init(SUM, REDUCE_COL, p, q, out); reduce_tile(SUM, REDUCE_COL, p, q, 0, 0, 0);",
             "reduce_uninit(p);", inputs, 2, FORMAT_F32, true, result);
    EACH(0.0f);
    for (int i = 0; i < EDGE; ++i) {
        for (int j = 0; j < EDGE; ++j)
            expected[0][j] += a[i][j];
    }
    assert_equal(result, expected);
    for (int i = 0; i < EDGE; ++i) {
        for (int j = 0; j < EDGE; ++j)
            a[i][j] -= 10.0f;
    }
    run_body(REGULAR_START,
             "reduce_init(MAX, REDUCE_ROW, p, q, out); reduce_tile(MAX, REDUCE_ROW, p, q, 0, 0, 0);"
             "negative_tile_init(); negative_tile(0);",
             "reduce_uninit(p);", inputs, 2, FORMAT_F32, true, result);
    EACH(0.0f);
    for (int i = 0; i < EDGE; ++i) {
        float most = bf16(a[i][0]);
        for (int j = 1; j < EDGE; ++j)
            most = bf16(a[i][j]) > most ? bf16(a[i][j]) : most;
        expected[i][0] = -most;
    }
    assert_equal(result, expected);
}
END_TEST

START_TEST(a_scaler_with_fewer_entries_leaves_the_rest_out) {
    fill(a, 15);
    fill_scaler(b, 0.5f, 21);
    struct input inputs[] = {{FORMAT_BF16, false, a}, {FORMAT_BF16, false, b}};
    run_body("compute_kernel_hw_startup(REGULAR, q, p, out);\n",
             "reduce_init(SUM, REDUCE_ROW, p, q, out); reduce_tile(SUM, REDUCE_ROW, p, q, 0, 0, 0);",
             "reduce_uninit(p);", inputs, 2, FORMAT_F32, true, result);
    EACH(0.0f);
    for (int i = 0; i < EDGE; ++i) {
        for (int j = 0; j < 21; ++j)
            expected[i][0] += a[i][j] * 0.5f;
    }
    assert_equal(result, expected);
}
END_TEST

struct function_row {
    const char *body;
    float (*function)(float x, float y);
};

#define FUNCTION_ROW(name, expression)                                                                       \
    static float name(float x, float y) {                                                                    \
        (void)x, (void)y;                                                                                    \
        return expression;                                                                                   \
    }
FUNCTION_ROW(sum_of, x + y)
FUNCTION_ROW(difference_of, x - y)
FUNCTION_ROW(product_of, x *y)
FUNCTION_ROW(quotient_of, x / y)
FUNCTION_ROW(greater_of, x > y ? x : y)
FUNCTION_ROW(lesser_of, x < y ? x : y)
FUNCTION_ROW(is_equal, x == y ? 1.0f : 0.0f)
FUNCTION_ROW(is_other, x != y ? 1.0f : 0.0f)
FUNCTION_ROW(is_less, x < y ? 1.0f : 0.0f)
FUNCTION_ROW(is_at_most, x <= y ? 1.0f : 0.0f)
FUNCTION_ROW(is_greater, x > y ? 1.0f : 0.0f)
FUNCTION_ROW(is_at_least, x >= y ? 1.0f : 0.0f)
FUNCTION_ROW(choice, x > y ? y : x)
FUNCTION_ROW(plus_half, x + 0.5f)
FUNCTION_ROW(minus_half, x - 0.5f)
FUNCTION_ROW(times_half, x * 0.5f)
FUNCTION_ROW(half_minus, 0.5f - x)
FUNCTION_ROW(half, 0.5f)
FUNCTION_ROW(exponential, (float)exp((double)x))
FUNCTION_ROW(logarithm, (float)log(fabs((double)x)))
FUNCTION_ROW(root, (float)sqrt(fabs((double)x)))
FUNCTION_ROW(inverse_root, (float)(1.0 / sqrt(fabs((double)x))))
FUNCTION_ROW(inverse, (float)(1.0 / (double)x))
FUNCTION_ROW(logistic, (float)(1.0 / (1.0 + exp(-(double)x))))
FUNCTION_ROW(swish, (float)((double)x / (1.0 + exp(-(double)x))))
FUNCTION_ROW(hyperbolic, (float)tanh((double)x))
FUNCTION_ROW(rectified, x > 0.0f ? x : 0.0f)
FUNCTION_ROW(magnitude, fabsf(x))
FUNCTION_ROW(opposite, -x)
FUNCTION_ROW(squared, x *x)

static const struct function_row functions[] = {
    {"add_binary_tile_init(); add_binary_tile(0, 1, 0);", sum_of},
    {"sub_binary_tile_init(); sub_binary_tile(0, 1, 0);", difference_of},
    {"mul_binary_tile_init(); mul_binary_tile(0, 1, 0);", product_of},
    {"div_binary_tile_init(); div_binary_tile(0, 1, 0);", quotient_of},
    {"binary_max_tile_init(); binary_max_tile(0, 1, 0);", greater_of},
    {"binary_min_tile_init(); binary_min_tile(0, 1, 0);", lesser_of},
    {"eq_binary_tile_init(); eq_binary_tile(0, 1, 0);", is_equal},
    {"ne_binary_tile_init(); ne_binary_tile(0, 1, 0);", is_other},
    {"lt_binary_tile_init(); lt_binary_tile(0, 1, 0);", is_less},
    {"le_binary_tile_init(); le_binary_tile(0, 1, 0);", is_at_most},
    {"gt_binary_tile_init(); gt_binary_tile(0, 1, 0);", is_greater},
    {"ge_binary_tile_init(); ge_binary_tile(0, 1, 0);", is_at_least},
    {"gt_binary_tile_init(); gt_binary_tile(0, 1, 2); where_tile_init(); where_tile(Float32, 2, 1, 0, 0);",
     choice},
    {"binop_with_scalar_tile_init(); add_unary_tile(0, 0x3f000000);", plus_half},
    {"binop_with_scalar_tile_init(); sub_unary_tile(0, 0x3f000000);", minus_half},
    {"binop_with_scalar_tile_init(); mul_unary_tile(0, 0x3f000000);", times_half},
    {"binop_with_scalar_tile_init(); rsub_unary_tile(0, 0x3f000000);", half_minus},
    {"fill_tile_init(); fill_tile_bitcast(0, 0x3f000000);", half},
    {"exp_tile_init(); exp_tile(0);", exponential},
    {"abs_tile_init(); abs_tile(0); log_tile_init(); log_tile(0);", logarithm},
    {"abs_tile_init(); abs_tile(0); sqrt_tile_init(); sqrt_tile(0);", root},
    {"abs_tile_init(); abs_tile(0); rsqrt_tile_init(); rsqrt_tile(0);", inverse_root},
    {"recip_tile_init(); recip_tile(0);", inverse},
    {"sigmoid_tile_init(); sigmoid_tile(0);", logistic},
    {"silu_tile_init(); silu_tile(0);", swish},
    {"tanh_tile_init(); tanh_tile(0);", hyperbolic},
    {"relu_tile_init(); relu_tile(0);", rectified},
    {"abs_tile_init(); abs_tile(0);", magnitude},
    {"negative_tile_init(); negative_tile(0);", opposite},
    {"square_tile_init(); square_tile(0);", squared},
};

START_TEST(the_vector_unit_computes_what_scalars_do) {
    char body[512];
    fill_fine(a, 16 + (unsigned)_i);
    fill_fine(b, 60 + (unsigned)_i);
    for (int i = 0; i < EDGE; i += 3)
        b[i][i] = a[i][i];
    struct input inputs[] = {{FORMAT_F32, true, a}, {FORMAT_F32, true, b}};
    snprintf(body, sizeof body, "copy_init(p); copy_tile(p, 0, 0); copy_tile(q, 0, 1); %s",
             functions[_i].body);
    run_body(REGULAR_START, body, "", inputs, 2, FORMAT_F32, true, result);
    EACH(functions[_i].function(a[i][j], b[i][j]));
    assert_equal(result, expected);
}
END_TEST

/* Special values: denormals are +0, every NaN is the same one. */
START_TEST(denormals_are_zero_and_every_nan_is_one) {
    static const uint32_t specials[] = {0x00000001, 0x80000001, 0x007fffff, 0x807fffff,
                                        0x7fc12345, 0xffc00001, 0x7f800000, 0xff800000,
                                        0x00000000, 0x80000000, 0x00800000, 0x7f7fffff};
    memset(a, 0, sizeof a);
    for (size_t i = 0; i < sizeof specials / sizeof specials[0]; ++i)
        a[0][i] = f32_from_bits(specials[i]);
    static const uint32_t copied[] = {0,          0,          0, 0,          0x7fc00000, 0x7fc00000,
                                      0x7f800000, 0xff800000, 0, 0x80000000, 0x00800000, 0x7f7fffff};
    struct input input = {FORMAT_F32, true, a};
    run_body(ONE_START, "copy_init(p); copy_tile(p, 0, 0);", "", &input, 1, FORMAT_F32, true, result);
    for (size_t i = 0; i < sizeof copied / sizeof copied[0]; ++i)
        ck_assert_uint_eq(f32_bits(result[0][i]), copied[i]);
    static const uint32_t narrowed[] = {0,          0,          0, 0,          0x7fc00000, 0x7fc00000,
                                        0x7f800000, 0xff800000, 0, 0x80000000, 0x00800000, 0x7f800000};
    run_body(ONE_START, "copy_init(p); copy_tile(p, 0, 0);", "", &input, 1, FORMAT_BF16, true, result);
    for (size_t i = 0; i < sizeof narrowed / sizeof narrowed[0]; ++i)
        ck_assert_uint_eq(f32_bits(result[0][i]), narrowed[i]);
}
END_TEST

START_TEST(integers_pass_through_dst_bit_for_bit) {
    for (int i = 0; i < EDGE * EDGE; ++i)
        (&a[0][0])[i] = f32_from_bits(0x7fc00000u + (uint32_t)i * 77777u);
    run_body(ONE_START, "transpose_init(p); transpose_tile(p, 0, 0);", "",
             &(struct input){FORMAT_U32, false, a}, 1, FORMAT_U32, true, result);
    for (int i = 0; i < EDGE; ++i) {
        for (int j = 0; j < EDGE; ++j)
            ck_assert_uint_eq(f32_bits(result[i][j]), f32_bits(a[j][i]));
    }
}
END_TEST

/* Softmax of a row of two tiles, as kernels for the hardware write it: maximum, exponentials, sum, quotient,
 * each in a buffer of its own.
 */
START_TEST(a_softmax_by_hand_gives_that_of_plain_c) {
    enum { WIDTH = 64 };
    static float x[EDGE][WIDTH], y[EDGE][WIDTH];
    static const char compute[] = HEADER
        "enum { cx = 0, cs = 1, cm = 2, ce = 3, cr = 4, co = 16, W = 2 };\n"
        "void kernel_main(void) {\n"
        "compute_kernel_hw_startup(REGULAR, cx, cs, cm); cb_wait_front(cs, 1); cb_wait_front(cx, W);\n"
        "reconfig_data_format(REGULAR, cx, cs); pack_reconfig_data_format(cm);\n"
        "reduce_init(MAX, REDUCE_ROW, cx, cs, cm);\n"
        "tile_regs_acquire(); for (uint32_t i = 0; i < W; ++i) { reduce_tile(MAX, REDUCE_ROW, cx, cs, i, 0, 0); }\n"
        "tile_regs_commit(); cb_reserve_back(cm, 1); tile_regs_wait(); pack_tile(OUT_OF_ORDER, 0, cm, 0);\n"
        "tile_regs_release(); cb_push_back(cm, 1); reduce_uninit(cx);\n"
        "cb_wait_front(cm, 1); reconfig_data_format(REGULAR, cx, cm); pack_reconfig_data_format(ce);\n"
        "sub_bcast_cols_init(cx, cm); exp_tile_init(); cb_reserve_back(ce, W);\n"
        "tile_regs_acquire(); for (uint32_t i = 0; i < W; ++i) { sub_tiles_bcast_cols(cx, cm, i, 0, i); exp_tile(i); }\n"
        "tile_regs_commit(); tile_regs_wait();\n"
        "for (uint32_t i = 0; i < W; ++i) { pack_tile(OUT_OF_ORDER, i, ce, i); }\n"
        "tile_regs_release(); cb_push_back(ce, W); cb_pop_front(cx, W); cb_pop_front(cm, 1);\n"
        "cb_wait_front(ce, W); reconfig_data_format(REGULAR, cs, ce); pack_reconfig_data_format(cr);\n"
        "reduce_init(SUM, REDUCE_ROW, ce, cs, cr);\n"
        "tile_regs_acquire(); for (uint32_t i = 0; i < W; ++i) { reduce_tile(SUM, REDUCE_ROW, ce, cs, i, 0, 0); }\n"
        "recip_tile_init(); recip_tile(0); tile_regs_commit();\n"
        "cb_reserve_back(cr, 1); tile_regs_wait(); pack_tile(OUT_OF_ORDER, 0, cr, 0); tile_regs_release();\n"
        "cb_push_back(cr, 1); reduce_uninit(ce);\n"
        "cb_wait_front(cr, 1); reconfig_data_format(REGULAR, ce, cr); pack_reconfig_data_format(co);\n"
        "mul_bcast_cols_init(ce, cr); cb_reserve_back(co, W);\n"
        "tile_regs_acquire(); for (uint32_t i = 0; i < W; ++i) { mul_tiles_bcast_cols(ce, cr, i, 0, i); }\n"
        "tile_regs_commit(); tile_regs_wait();\n"
        "for (uint32_t i = 0; i < W; ++i) { pack_tile(OUT_OF_ORDER, i, co, i); }\n"
        "tile_regs_release(); cb_push_back(co, W); cb_pop_front(ce, W); cb_pop_front(cr, 1); cb_pop_front(cs, 1);\n"
        "}\n";
    /* The reader makes the scaler by its own stores. */
    static const char read[] = HEADER
        "static inline void make_scaler(uint32_t tile) {\n"
        "    for (uint32_t i = 0; i < 512; ++i) { l1_store_u32(tile + i * 4, i % 128 < 8 ? 0x3f803f80 : 0); }\n"
        "}\n"
        "void kernel_main(void) {\n"
        "const TensorAccessor X = tensor_accessor(0, get_arg_val(uint32_t, 0));\n"
        "cb_reserve_back(1, 1); make_scaler(get_write_ptr(1)); cb_push_back(1, 1);\n"
        "cb_reserve_back(0, 2); noc_async_read_page(0, X, get_write_ptr(0));\n"
        "noc_async_read_page(1, X, get_write_ptr(0) + 2048); noc_async_read_barrier(); cb_push_back(0, 2);\n"
        "}\n";
    static const char write[] = HEADER
        "void kernel_main(void) {\n"
        "const TensorAccessor Y = tensor_accessor(0, get_arg_val(uint32_t, 1));\n"
        "cb_wait_front(16, 2); noc_async_write_page(0, Y, get_read_ptr(16));\n"
        "noc_async_write_page(1, Y, get_read_ptr(16) + 2048); noc_async_write_barrier(); cb_pop_front(16, 2);\n"
        "}\n";
    struct harness h;
    harness_begin(&h, "wormhole_b0", 3);
    harness_values(&x[0][0], EDGE * WIDTH, 33);
    struct device_tensor *X = harness_matrix(&h, "X", FORMAT_BF16, &x[0][0], EDGE, WIDTH);
    struct device_tensor *Y = harness_output(&h, "Y", FORMAT_BF16, EDGE, WIDTH);
    uint32_t arguments[2] = {device_tensor_address(X), device_tensor_address(Y)};
    harness_bind(&h, DEVICE_READER, X);
    harness_bind(&h, DEVICE_WRITER, Y);
    harness_buffer(&h, 0, "x", FORMAT_BF16, 2);
    harness_buffer(&h, 1, "s", FORMAT_BF16, 1);
    harness_buffer(&h, 2, "m", FORMAT_BF16, 1);
    harness_buffer(&h, 3, "e", FORMAT_BF16, 2);
    harness_buffer(&h, 4, "r", FORMAT_BF16, 1);
    harness_buffer(&h, 16, "o", FORMAT_BF16, 2);
    harness_core(&h, 0, 0, arguments, 2);
    harness_kernels(&h, read, compute, write);
    harness_run(&h);
    harness_read_matrix(Y, FORMAT_BF16, &y[0][0], EDGE, WIDTH);
    for (int i = 0; i < EDGE; ++i) {
        float most = x[i][0], sum = 0.0f, e[WIDTH];
        for (int j = 0; j < WIDTH; ++j)
            most = x[i][j] > most ? x[i][j] : most;
        for (int j = 0; j < WIDTH; ++j)
            sum += e[j] = bf16((float)exp((double)(x[i][j] - most)));
        float inverse_sum = bf16((float)(1.0 / (double)sum));
        for (int j = 0; j < WIDTH; ++j)
            ck_assert_uint_eq(f32_bits(y[i][j]), f32_bits(bf16(e[j] * inverse_sum)));
    }
    harness_end(&h);
}
END_TEST

int main(void) {
    TCase *tests = tcase_create("operations");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, f32_keeps_its_low_bits_at_full_width_alone);
    tcase_add_test(tests, a_dst_of_16_bits_holds_bf16);
    tcase_add_test(tests, the_matrix_unit_adds_subtracts_and_multiplies_with_broadcasts);
    tcase_add_test(tests, multiplication_adds_to_what_the_slot_holds);
    tcase_add_test(tests, a_product_adds_to_the_bias_in_its_slot);
    tcase_add_test(tests, f32_operands_of_products_are_cut_to_tf32);
    tcase_add_test(tests, products_that_f32_cannot_hold_are_rounded_first);
    tcase_add_test(tests, transposition_and_broadcasts_move_elements_alone);
    tcase_add_test(tests, reductions_fold_in_order_and_clear_the_rest);
    tcase_add_test(tests, a_scaler_with_fewer_entries_leaves_the_rest_out);
    tcase_add_loop_test(tests, the_vector_unit_computes_what_scalars_do, 0,
                        (int)(sizeof functions / sizeof functions[0]));
    tcase_add_test(tests, denormals_are_zero_and_every_nan_is_one);
    tcase_add_test(tests, integers_pass_through_dst_bit_for_bit);
    tcase_add_test(tests, a_softmax_by_hand_gives_that_of_plain_c);
    return harness_main("sim operations", tests);
}
