/* A softmax written by hand, as kernels for the hardware write it, on the embedded device against plain C, bit for bit. What each
 * call means is judged by the vectors of testsuite/calls.
 */
#include "harness.h"

#include <math.h>

#define EDGE 32

static float bf16(float value) {
    return f32_from_bf16(bf16_from_f32(value));
}

/* Of a row of two tiles: maximum, exponentials, sum, quotient, each in a buffer of its own. */
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
    TCase *tests = tcase_create("softmax");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, a_softmax_by_hand_gives_that_of_plain_c);
    return harness_main("sim softmax", tests);
}
