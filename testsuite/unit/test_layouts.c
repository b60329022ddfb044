/* Results do not depend on where tensors lie: every kernel here runs with every placement of its inputs and
 * of its result, at sizes that are no multiple of anything, and gives bit for bit what it gives interleaved
 * in DRAM.
 */
#include "include/tilec.h"

#include <stdlib.h>
#include <string.h>

#include "testsuite/unit/unit.h"

/* The placements of a matrix, by name; of three dimensions in `deep`. */
struct placement {
    const char *name, *matrix, *deep;
};

#define SHARDED "@layout(layout = sharded, nd_shard = {"
static const struct placement placements[] = {
    {"DRAM interleaved", "", ""},
    {"DRAM interleaved, said", "@layout(memory = dram, layout = interleaved)", "@layout(memory = dram)"},
    {"DRAM height", "@layout(height = 3)", "@layout(height = 3)"},
    {"DRAM width", "@layout(width = 2)", "@layout(width = 2)"},
    {"DRAM block", "@layout(block = [2, 2])", "@layout(block = [2, 2])"},
    {"DRAM one shard", "@layout(height = 1)", "@layout(height = 1)"},
    {"DRAM, the last shard uneven", SHARDED "shard_shape_elems = [64, 96]})",
     SHARDED "axes = [B, M, N], shard_shape_elems = [2, 64, 96]})"},
    {"DRAM, more shards than banks", SHARDED "shard_shape_elems = [32, 32]})",
     SHARDED "axes = [B, M, N], shard_shape_elems = [1, 32, 32]})"},
    {"DRAM, shards padded to tiles", SHARDED "axes = [M, N], shard_shape_elems = [50, 33]})",
     SHARDED "shard_shape_elems = [1, 50, 33]})"},
    {"DRAM, by the grid in elements", SHARDED "grid = [2, 1], align_tiles = 0})",
     SHARDED "grid = [3, 2, 1], align_tiles = 0})"},
    {"DRAM, neighbouring shards in one bank",
     SHARDED "shard_shape_elems = [32, 32], distribution = contiguous_1d})",
     SHARDED "shard_shape_elems = [1, 32, 32], distribution = contiguous_1d})"},
    {"DRAM, a plane of shards", SHARDED "grid = [1, 4], distribution = grid_2d})",
     SHARDED "grid = [1, 1, 4], distribution = grid_2d})"},
    {"DRAM, banks by columns",
     SHARDED "grid = [3, 2], orientation = col_major, distribution = round_robin_1d})",
     SHARDED "grid = [1, 3, 2], orientation = col_major})"},
    {"L1 interleaved", "@layout(memory = l1)", "@layout(memory = l1)"},
};
enum { PLACEMENTS = sizeof placements / sizeof *placements };

/* %s: placements of the two inputs and of the result. */
struct kernel {
    const char *name, *text;
    size_t ranks[3]; /* of A, B and C */
};

static const struct kernel kernels[] = {
    {"matmul",
     "kernel f(A: bf16[M, K] %s, B: bf16[K, N] %s) -> C: f32[M, N] %s { for i in M, j in N { C[i, j] = sum(k in K: A[i, k] * B[k, j]); } }",
     {2, 2, 2}},
    {"elementwise",
     "kernel f(A: bf16[M, N] %s, B: bf16[M, N] %s) -> C: bf16[M, N] %s { for i in M, j in N { C[i, j] = max(A[i, j] * 3 - B[i, j], 0); } }",
     {2, 2, 2}},
    {"row reduction",
     "kernel f(A: bf16[M, N] %s, B: bf16[N] %s) -> C: f32[M, N] %s { for i in M { let s = sum(j in N: A[i, j]); for j in N { C[i, j] = A[i, j] + s * B[j]; } } }",
     {2, 1, 2}},
    {"three dimensions",
     "kernel f(A: bf16[L, M, N] %s, B: bf16[L, M, N] %s) -> C: bf16[L, M, N] %s { for l in L, i in M, j in N { C[l, i, j] = A[l, i, j] + B[l, i, j] * 2; } }",
     {3, 3, 3}},
};
enum { KERNELS = sizeof kernels / sizeof *kernels };

struct shapes {
    uint64_t a[3], b[3];
};

/* Extents of the inputs of every kernel. */
static const struct shapes sizes[KERNELS][3] = {
    {{{70, 45}, {45, 100}}, {{1, 33}, {33, 1}}, {{130, 64}, {64, 97}}},
    {{{70, 100}, {70, 100}}, {{1, 1}, {1, 1}}, {{161, 31}, {161, 31}}},
    {{{70, 100}, {100}}, {{3, 65}, {65}}, {{100, 32}, {32}}},
    {{{3, 70, 40}, {3, 70, 40}}, {{1, 1, 33}, {1, 1, 33}}, {{5, 33, 65}, {5, 33, 65}}},
};

static const char *text_of(const struct placement *placement, size_t rank) {
    return rank == 3 ? placement->deep : placement->matrix;
}

static uint64_t count_of(const struct tilec_array *array) {
    uint64_t count = 1;
    for (size_t i = 0; i < array->rank; i++)
        count *= array->shape[i];
    return count;
}

static void *values(const struct tilec_array *array, uint32_t seed) {
    uint64_t count = count_of(array);
    uint16_t *data = malloc(count * sizeof *data + 1);
    for (uint64_t i = 0; i < count; i++) {
        seed = seed * 1664525u + 1013904223u;
        data[i] = (uint16_t)(0x3f00 | (seed >> 24 & 0x7f) | (seed & 0x8000)); /* 0.5 to 2, and below 0 */
    }
    return data;
}

/* The result at one triple of sizes; freed by the caller. */
static void *result(struct tilec_unit *unit, const struct kernel *kernel, const struct shapes *shapes,
                    uint64_t seed, size_t *bytes, const char *where) {
    struct tilec_array arrays[3] = {{"A", TILEC_BF16, kernel->ranks[0], {0}, NULL},
                                    {"B", TILEC_BF16, kernel->ranks[1], {0}, NULL},
                                    {.name = "C"}};
    memcpy(arrays[0].shape, shapes->a, sizeof shapes->a);
    memcpy(arrays[1].shape, shapes->b, sizeof shapes->b);
    arrays[0].data = values(&arrays[0], 1);
    arrays[1].data = values(&arrays[1], 2);
    struct tilec_run_options options = {.seed = seed};
    ck_assert_msg(tilec_run(unit, arrays, 3, &options) == TILEC_OK, "%s, %s: %s", kernel->name, where,
                  tilec_diagnostics(unit));
    *bytes = (size_t)count_of(&arrays[2]) * (arrays[2].type == TILEC_F32 ? 4 : 2);
    void *copy = malloc(*bytes + 1);
    memcpy(copy, arrays[2].data, *bytes);
    free(arrays[0].data);
    free(arrays[1].data);
    return copy;
}

static struct tilec_unit *compile(const struct kernel *kernel, const struct placement *a,
                                  const struct placement *b, const struct placement *c) {
    char text[2048];
    snprintf(text, sizeof text, kernel->text, text_of(a, kernel->ranks[0]),
             kernel->ranks[1] == 1 ? "" : text_of(b, kernel->ranks[1]), text_of(c, kernel->ranks[2]));
    struct tilec_unit *unit = tilec_compile("layout.tl", text, strlen(text), NULL);
    ck_assert_msg(tilec_status(unit) == TILEC_OK, "%s: %s", text, tilec_diagnostics(unit));
    return unit;
}

/* One compile serves all sizes. Each placement for the first input alone, the second alone, the result alone,
 * all three, and mixed with the next. */
static void compare(const struct kernel *kernel, const struct shapes *shapes) {
    const struct placement *plain = &placements[0];
    struct tilec_unit *unit = compile(kernel, plain, plain, plain);
    void *expected[3];
    size_t bytes[3];
    for (int i = 0; i < 3; i++)
        expected[i] = result(unit, kernel, &shapes[i], 0, &bytes[i], plain->name);
    tilec_free(unit);
    for (int p = 1; p < PLACEMENTS; p++) {
        const struct placement *here = &placements[p], *next = &placements[1 + p % (PLACEMENTS - 1)];
        const struct placement *choices[5][3] = {{here, plain, plain},
                                                 {plain, here, plain},
                                                 {plain, plain, here},
                                                 {here, here, here},
                                                 {here, next, here}};
        for (int choice = 0; choice < 5; choice++) {
            unit = compile(kernel, choices[choice][0], choices[choice][1], choices[choice][2]);
            for (int i = 0; i < 3; i++) {
                size_t length;
                void *found =
                    result(unit, kernel, &shapes[i], (uint64_t)(p * 5 + choice), &length, here->name);
                ck_assert_uint_eq(length, bytes[i]);
                ck_assert_msg(memcmp(found, expected[i], length) == 0,
                              "%s, %s, choice %d, sizes %d: not the same result", kernel->name, here->name,
                              choice, i);
                free(found);
            }
            tilec_free(unit);
        }
    }
    for (int i = 0; i < 3; i++)
        free(expected[i]);
}

START_TEST(a_matmul_gives_the_same_everywhere) {
    compare(&kernels[0], sizes[0]);
}
END_TEST

START_TEST(an_elementwise_kernel_gives_the_same_everywhere) {
    compare(&kernels[1], sizes[1]);
}
END_TEST

START_TEST(a_row_reduction_gives_the_same_everywhere) {
    compare(&kernels[2], sizes[2]);
}
END_TEST

START_TEST(three_dimensions_give_the_same_everywhere) {
    compare(&kernels[3], sizes[3]);
}
END_TEST

/* What a launch refuses, with where and why. */
static void refuse(const char *text, uint64_t rows, uint64_t columns, const char *const *messages) {
    struct tilec_unit *unit = tilec_compile("layout.tl", text, strlen(text), NULL);
    ck_assert_msg(tilec_status(unit) == TILEC_OK, "%s", tilec_diagnostics(unit));
    uint16_t *x = calloc(rows * columns, sizeof *x);
    struct tilec_array arrays[] = {{"X", TILEC_BF16, 2, {rows, columns}, x}, {.name = "Y"}};
    ck_assert_int_eq(tilec_run(unit, arrays, 2, NULL), TILEC_ERROR);
    for (; *messages; messages++)
        ck_assert_msg(strstr(tilec_diagnostics(unit), *messages), "%s\nin:\n%s", *messages,
                      tilec_diagnostics(unit));
    tilec_free(unit);
    free(x);
}

START_TEST(shards_of_open_sizes_must_cover_them) {
    refuse(
        "kernel f(X: bf16[M, N] " SHARDED
        "grid = [2, 1], shard_shape_elems = [64, 128]})) -> Y: bf16[M, N] {\n"
        "    for i in M, j in N { Y[i, j] = X[i, j] * 2; }\n}\n",
        129, 100,
        (const char *const[]){
            "layout.tl:1:50: error: shards of X cover 4 of its 5 tiles in dimension 1: the grid has 2, of 2 tiles each",
            "help: leave shard_shape_elems out", NULL});
    refuse("kernel f(X: bf16[M, N] " SHARDED
           "grid = [2, 1], shard_shape_elems = [16, 128]})) -> Y: bf16[M, N] {\n"
           "    for i in M, j in N { Y[i, j] = X[i, j] * 2; }\n}\n",
           64, 100,
           (const char *const[]){"layout.tl:1:50: error: the condition M <= 32 does not hold", NULL});
}
END_TEST

START_TEST(tensors_beyond_l1_are_refused) {
    refuse(
        "kernel f(X: bf16[M, N] @layout(memory = l1)) -> Y: bf16[M, N] {\n    for i in M, j in N { Y[i, j] = X[i, j] * 2; }\n}\n",
        8192, 8192,
        (const char *const[]){
            "layout.tl:1:10: error: L1 has no room for X: it takes 2097152 bytes of each core, and 1393312 are free",
            "help: leave it in DRAM", NULL});
}
END_TEST

START_TEST(buffers_beside_tensors_must_fit) {
    refuse(
        "kernel f(X: bf16[M, N] @layout(memory = l1)) -> Y: bf16[M, N] {\n"
        "    grid i in M by 256, j in N by 256 { shared x = X[i, j]; Y[i, j] = x * 2; }\n}\n",
        8192, 5120,
        (const char *const[]){
            "error: kernel f needs ",
            " bytes of L1 for its blocks at these sizes, and a core of n150 has 82592 beside the tensors in L1",
            "note: X lies in L1: 1310720 bytes of each core", "help: leave some of the tensors in DRAM",
            NULL});
}
END_TEST

static const char chain[] =
    "kernel twice(X: f32[M, N]) -> Y: f32[M, N] @layout(%s) { for i in M, j in N { Y[i, j] = X[i, j] * 2; } }\n"
    "kernel next(X: f32[M, N] @layout(%s)) -> Y: f32[M, N] { for i in M, j in N { Y[i, j] = X[i, j] + 1; } }\n"
    "program p(X: f32[M, N]) -> Y: f32[M, N] { let H = twice(X); Y = next(H); }\n";

/* A tensor of a program lies where the kernel that makes it says; the kernels that read it must say the same.
 */
START_TEST(a_program_keeps_the_place_of_its_tensors) {
    static const char *const places[] = {"height = 2", "memory = l1", "memory = dram"};
    float x[40 * 70], y[40 * 70];
    for (int i = 0; i < 40 * 70; i++)
        x[i] = (float)(i % 97) - 40.0f;
    for (int first = 0; first < 3; first++) {
        for (int second = 0; second < 3; second++) {
            char text[1024];
            snprintf(text, sizeof text, chain, places[first], places[second]);
            struct tilec_unit *unit = tilec_compile("chain.tl", text, strlen(text), NULL);
            ck_assert_msg(tilec_status(unit) == TILEC_OK, "%s", tilec_diagnostics(unit));
            struct tilec_array arrays[] = {{"X", TILEC_F32, 2, {40, 70}, x},
                                           {"Y", TILEC_F32, 2, {40, 70}, y}};
            enum tilec_status status = tilec_run(unit, arrays, 2, NULL);
            ck_assert_msg(status == (first == second ? TILEC_OK : TILEC_ERROR), "%s",
                          tilec_diagnostics(unit));
            for (int i = 0; status == TILEC_OK && i < 40 * 70; i++)
                ck_assert_float_eq(y[i], 2 * x[i] + 1);
            if (status != TILEC_OK) {
                ck_assert_ptr_nonnull(strstr(tilec_diagnostics(unit), ", but X of kernel next is to be "));
                ck_assert_ptr_nonnull(strstr(tilec_diagnostics(unit), "note: it was placed for Y here"));
            }
            tilec_free(unit);
        }
    }
}
END_TEST

UNIT_MAIN("layouts", a_matmul_gives_the_same_everywhere, an_elementwise_kernel_gives_the_same_everywhere,
          a_row_reduction_gives_the_same_everywhere, three_dimensions_give_the_same_everywhere,
          shards_of_open_sizes_must_cover_them, tensors_beyond_l1_are_refused,
          buffers_beside_tensors_must_fit, a_program_keeps_the_place_of_its_tensors)
