/* Products on the device against plain C, bit for bit: accumulation in ascending k, separately rounded. */
#include "harness.h"
#include "kernels.h"

#include <stdlib.h>

struct problem {
    uint32_t rows, inner, columns, block_rows, block_columns;
    uint32_t grid_x, grid_y;
    const char *reader, *compute, *writer;
    uint32_t pages;  /* of the buffers of a and b; 0: 16 */
    uint32_t passes; /* over the inner dimension; 0: one */
    bool one_left;   /* every product takes the first tile of a row of a */
};

static void reference(const struct problem *p, const float *a, const float *b, float *c) {
    uint32_t passes = p->passes ? p->passes : 1;
    for (uint32_t i = 0; i < p->rows; ++i) {
        for (uint32_t j = 0; j < p->columns; ++j) {
            float sum = 0.0f;
            for (uint32_t k = 0; k < passes * p->inner; ++k)
                sum += a[(size_t)i * p->inner + k % (p->one_left ? TILE_EDGE : p->inner)] *
                       b[(size_t)(k % p->inner) * p->columns + j];
            c[(size_t)i * p->columns + j] = f32_from_bf16(bf16_from_f32(sum));
        }
    }
}

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
    harness_buffer(&h, 0, "a", FORMAT_BF16, p.pages ? p.pages : 16);
    harness_buffer(&h, 1, "b", FORMAT_BF16, p.pages ? p.pages : 16);
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
    reference(&p, a, b, expected);
    ck_assert_mem_eq(result, expected, sizeof *expected * p.rows * p.columns);
    free(expected);
    free(a);
    free(b);
    harness_end(&h);
}

START_TEST(one_tile_is_one_product) {
    static float result[32 * 32];
    struct device_statistics statistics;
    run_problem((struct problem){32, 32, 32, 1, 1, 1, 1, MATMUL_READER(1, 1, 1), MATMUL_COMPUTE(1, 1, 1),
                                 MATMUL_WRITER(1, 1), 0, 0, false},
                0, result, &statistics);
    ck_assert_uint_eq(statistics.tile_products, 1);
    ck_assert_uint_eq(statistics.pages.read[DEVICE_AT_DRAM], 2);
    ck_assert_uint_eq(statistics.pages.written[DEVICE_AT_DRAM], 1);
    ck_assert_uint_eq(statistics.tiles_packed, 1);
}
END_TEST

/* Seeds change the order of threads, not the results and not the clock. */
START_TEST(seeds_change_neither_results_nor_the_clock) {
    static float first[256 * 256], other[256 * 256];
    struct device_statistics statistics, others;
    struct problem p = {
        256, 128, 256,  2, 2, 3, 4, MATMUL_READER(2, 2, 4), MATMUL_COMPUTE(2, 2, 4), MATMUL_WRITER(2, 2),
        0,   0,   false};
    run_problem(p, 0, first, &statistics);
    for (uint64_t seed = 1; seed < 6; ++seed) {
        run_problem(p, seed, other, &others);
        ck_assert_mem_eq(first, other, sizeof first);
        ck_assert_uint_eq(statistics.cycles, others.cycles);
        ck_assert_uint_eq(statistics.tile_products, others.tile_products);
    }
}
END_TEST

/* Windows of Kt tiles, read twice; left: which tile of a goes with tile k of b. */
#define TWICE_COMPUTE(left)                                                                                  \
    HEADER "enum { a = 0, b = 1, c = 16 };\n"                                                                \
           "void kernel_main(void)\n{\n" MATMUL_ARGUMENTS                                                    \
           "    compute_kernel_hw_startup(REVERSE, a, b, c);\n"                                              \
           "    matmul_init(a, b, 0);\n"                                                                     \
           "    for (uint32_t tid = start; tid < start + count; ++tid) {\n"                                  \
           "        tile_regs_acquire();\n"                                                                  \
           "        cb_wait_front(a, Kt);\n"                                                                 \
           "        cb_wait_front(b, Kt);\n"                                                                 \
           "        for (uint32_t i = 0; i < 2 * Kt; ++i) {\n"                                               \
           "            const uint32_t k = i % Kt;\n"                                                        \
           "            matmul_tiles(a, b, " left ", k, 0);\n"                                               \
           "        }\n"                                                                                     \
           "        cb_pop_front(a, Kt);\n"                                                                  \
           "        cb_pop_front(b, Kt);\n"                                                                  \
           "        tile_regs_commit();\n"                                                                   \
           "        cb_reserve_back(c, 1);\n"                                                                \
           "        tile_regs_wait();\n"                                                                     \
           "        pack_tile(OUT_OF_ORDER, 0, c, 0);\n"                                                     \
           "        tile_regs_release();\n"                                                                  \
           "        cb_push_back(c, 1);\n"                                                                   \
           "    }\n"                                                                                         \
           "    (void)Nt;\n"                                                                                 \
           "}\n"

/* Fewer and more tiles than the device keeps unpacked, each read twice; then others in the same pages. One
 * that is read all the time stays while others displace each other. */
START_TEST(tiles_that_are_kept_unpacked_follow_their_pages) {
    static const struct {
        uint32_t tiles;
        const char *reader;
    } rows[] = {{3, MATMUL_READER(1, 1, 3)},
                {20, MATMUL_READER(1, 1, 20)},
                {40, MATMUL_READER(1, 1, 40)},
                {80, MATMUL_READER(1, 1, 80)}};
    static float result[64 * 64];
    struct device_statistics statistics;
    for (size_t i = 0; i < 2 * sizeof rows / sizeof *rows; ++i) {
        struct problem p = {.rows = 64,
                            .inner = rows[i / 2].tiles * 32,
                            .columns = 64,
                            .block_rows = 1,
                            .block_columns = 1,
                            .grid_x = 2,
                            .grid_y = 1,
                            .reader = rows[i / 2].reader,
                            .compute = i % 2 ? TWICE_COMPUTE("0") : TWICE_COMPUTE("k"),
                            .writer = MATMUL_WRITER(1, 1),
                            .pages = rows[i / 2].tiles,
                            .passes = 2,
                            .one_left = i % 2};
        for (uint64_t seed = 0; seed < 3; ++seed) {
            run_problem(p, seed, result, &statistics);
            ck_assert_uint_eq(statistics.tiles_unpacked, 4 * 4 * rows[i / 2].tiles);
        }
    }
}
END_TEST

int main(void) {
    TCase *tests = tcase_create("matmul");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, one_tile_is_one_product);
    tcase_add_test(tests, seeds_change_neither_results_nor_the_clock);
    tcase_add_test(tests, tiles_that_are_kept_unpacked_follow_their_pages);
    return harness_main("sim matmul", tests);
}
