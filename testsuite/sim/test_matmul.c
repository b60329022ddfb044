/* Products on the device against plain C, bit for bit: accumulation in ascending k, separately rounded. */
#include "harness.h"
#include "kernels.h"

#include <stdlib.h>

static void reference(const float *a, const float *b, float *c, uint32_t rows, uint32_t inner,
                      uint32_t columns) {
    for (uint32_t i = 0; i < rows; ++i) {
        for (uint32_t j = 0; j < columns; ++j) {
            float sum = 0.0f;
            for (uint32_t k = 0; k < inner; ++k)
                sum += a[(size_t)i * inner + k] * b[(size_t)k * columns + j];
            c[(size_t)i * columns + j] = f32_from_bf16(bf16_from_f32(sum));
        }
    }
}

struct problem {
    uint32_t rows, inner, columns, block_rows, block_columns;
    uint32_t grid_x, grid_y;
    const char *reader, *compute, *writer;
};

static void run_problem(struct problem p, uint64_t seed, float *result,
                        struct device_statistics *statistics) {
    struct harness h;
    uint32_t arguments[64][8];
    float *a = malloc(sizeof *a * p.rows * p.inner), *b = malloc(sizeof *b * p.inner * p.columns);
    harness_begin(&h, "n150", seed);
    harness_values(a, (size_t)p.rows * p.inner, 1);
    harness_values(b, (size_t)p.inner * p.columns, 2);
    struct device_tensor *A = harness_matrix(&h, "A", FORMAT_BF16, a, p.rows, p.inner);
    struct device_tensor *B = harness_matrix(&h, "B", FORMAT_BF16, b, p.inner, p.columns);
    struct device_tensor *C = harness_output(&h, "C", FORMAT_BF16, p.rows, p.columns);
    harness_kernels(&h, p.reader, p.compute, p.writer);
    harness_bind(&h, DEVICE_READER, A);
    harness_bind(&h, DEVICE_READER, B);
    harness_bind(&h, DEVICE_WRITER, C);
    harness_buffer(&h, 0, "a", FORMAT_BF16, 16);
    harness_buffer(&h, 1, "b", FORMAT_BF16, 16);
    harness_buffer(&h, 16, "c", FORMAT_BF16, 8);
    uint32_t blocks = p.rows / 32 / p.block_rows * (p.columns / 32 / p.block_columns);
    uint32_t cores = p.grid_x * p.grid_y, each = (blocks + cores - 1) / cores;
    for (uint32_t i = 0; i < cores; ++i) {
        uint32_t start = i * each < blocks ? i * each : blocks;
        uint32_t count = start + each < blocks ? each : blocks - start;
        uint32_t values[8] = {start,
                              count,
                              p.rows / 32,
                              p.inner / 32,
                              p.columns / 32,
                              device_tensor_address(A),
                              device_tensor_address(B),
                              device_tensor_address(C)};
        memcpy(arguments[i], values, sizeof values);
        harness_core(&h, i % p.grid_x, i / p.grid_x, arguments[i], 8);
    }
    harness_run(&h);
    harness_read_matrix(C, FORMAT_BF16, result, p.rows, p.columns);
    *statistics = h.statistics;
    float *expected = malloc(sizeof *expected * p.rows * p.columns);
    reference(a, b, expected, p.rows, p.inner, p.columns);
    ck_assert_mem_eq(result, expected, sizeof *expected * p.rows * p.columns);
    free(expected);
    free(a);
    free(b);
    harness_end(&h);
}

START_TEST(one_tile) {
    static float result[32 * 32];
    struct device_statistics statistics;
    run_problem((struct problem){32, 32, 32, 1, 1, 1, 1, MATMUL_READER(1, 1, 1), MATMUL_COMPUTE(1, 1, 1),
                                 MATMUL_WRITER(1, 1)},
                0, result, &statistics);
    ck_assert_uint_eq(statistics.tile_products, 1);
    ck_assert_uint_eq(statistics.pages_read, 2);
    ck_assert_uint_eq(statistics.pages_written, 1);
    ck_assert_uint_eq(statistics.tiles_packed, 1);
}
END_TEST

/* Seeds change the order of threads, not the results and not the clock. */
START_TEST(blocked_on_many_cores) {
    static float first[256 * 256], other[256 * 256];
    struct device_statistics statistics, others;
    struct problem p = {
        256, 128, 256, 2, 2, 3, 4, MATMUL_READER(2, 2, 4), MATMUL_COMPUTE(2, 2, 4), MATMUL_WRITER(2, 2)};
    run_problem(p, 0, first, &statistics);
    for (uint64_t seed = 1; seed < 6; ++seed) {
        run_problem(p, seed, other, &others);
        ck_assert_mem_eq(first, other, sizeof first);
        ck_assert_uint_eq(statistics.cycles, others.cycles);
        ck_assert_uint_eq(statistics.tile_products, others.tile_products);
    }
}
END_TEST

int main(void) {
    TCase *tests = tcase_create("matmul");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, one_tile);
    tcase_add_test(tests, blocked_on_many_cores);
    return harness_main("sim matmul", tests);
}
