/* What holds of lowering as a whole, over many kernels, sizes, grids and orders: testsuite/lowering.txt names
 * these tests. */
#include "include/tilec.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "driver/command_line.h"
#include "driver/compile.h"
#include "ir/attributes.h"
#include "ir/build.h"
#include "ir/launch.h"
#include "support/architecture.h"
#include "support/device_call.h"
#include "support/file.h"
#include "testsuite/unit/unit.h"

/* Kernels that lower to the device. */
static const char *const sources[] = {
    "examples/matmul/matmul.tl",
    "examples/matmul_loops/matmul_loops.tl",
    "examples/matmul_tiled/matmul_tiled.tl",
    "examples/elementwise/elementwise.tl",
    "examples/broadcast_add/broadcast_add.tl",
    "examples/softmax/softmax.tl",
    "examples/digits/digits.tl",
    "testsuite/kernels/matmul_f32.tl",
    "testsuite/kernels/owned_shards.tl",
    "testsuite/kernels/owned_shards_of_fixed_sizes.tl",
};
enum { SOURCE_COUNT = sizeof sources / sizeof *sources };

/* The kernels of a source behind a pass; freed with the arena. */
static struct node_list kernels_behind(struct arena *arena, const char *source, const char *last) {
    const char *error;
    size_t length;
    struct unit *unit = arena_allocate(arena, sizeof *unit);
    const char *text = file_read(arena, arena_printf(arena, "%s/%s", SOURCES, source), &length, &error);
    ck_assert_msg(text != NULL, "%s", error);
    *unit = (struct unit){.arena = arena,
                          .diagnostics = diagnostics_create(arena),
                          .options = {.architecture = architecture_find("wormhole_b0"), .last = last}};
    ck_assert_msg(unit_load(unit, source, text, length) && unit_compile(unit), "%s does not compile", source);
    struct list_builder kernels = {0};
    struct node_list items = node_as(unit->module, module)->items;
    for (size_t i = 0; i < items.count; i++)
        builder_add(arena, &kernels, items.items[i]->kind == NODE_KERNEL ? items.items[i] : NULL);
    ck_assert_uint_gt(kernels.count, 0);
    return builder_list(&kernels);
}

/* ---- device calls ---- */

static size_t count_calls(struct node *kernel) {
    size_t count = 0;
    for_each_node (node, kernel) {
        struct node_call *call = node_as(node, call);
        count += (call && device_call_find(call->function)) || node->kind == NODE_ACCESSOR ||
                 node->kind == NODE_FUNCTION;
    }
    return count;
}

/* Up to memory_space_lower_tt a kernel is one sequential program of tile operations, behind it a device
 * program. */
START_TEST(nothing_speaks_of_the_device_before_the_protocol) {
    for (size_t s = 0; s < SOURCE_COUNT; s++) {
        struct arena *arena = arena_create();
        bool device = false;
        for (size_t p = 0; p < pass_count; p++) {
            struct node_list kernels = kernels_behind(arena, sources[s], passes[p].name);
            device |= strcmp(passes[p].name, "insert_cb_protocol_tt") == 0;
            for (size_t k = 0; k < kernels.count; k++) {
                size_t calls = count_calls(kernels.items[k]);
                ck_assert_msg((calls > 0) == device, "%s behind %s has %zu device calls", sources[s],
                              passes[p].name, calls);
            }
        }
        arena_free(arena);
    }
}
END_TEST

/* ---- launch arguments ---- */

/* Kernels read by number what tt.runtime_args lists in order; host.py and the plan print the same list. */
START_TEST(arguments_are_numbered_once) {
    for (size_t s = 0; s < SOURCE_COUNT; s++) {
        struct arena *arena = arena_create();
        struct node_list kernels = kernels_behind(arena, sources[s], NULL);
        for (size_t k = 0; k < kernels.count; k++) {
            struct node_list arguments = launch_argument_list(kernels.items[k])->entries;
            size_t seen = 0;
            for_each (let, let, kernels.items[k]) {
                struct node_call *call = node_as(let->value, call);
                int64_t index;
                if (!call || strcmp(call->function, "get_arg_val") != 0)
                    continue;
                ck_assert(integer_value(call->arguments.items[1], &index) && index >= 0 &&
                          (size_t)index < arguments.count);
                ck_assert_msg(strcmp(node_as(arguments.items[index], attribute)->key, let->name) == 0,
                              "%s: argument %d is read as %s", sources[s], (int)index, let->name);
                seen++;
            }
            ck_assert_uint_gt(seen, 4);
        }
        arena_free(arena);
    }
}
END_TEST

static size_t position_of(const struct node_dictionary *arguments, const char *name) {
    size_t i = 0;
    while (i < arguments->entries.count &&
           strcmp(node_as(arguments->entries.items[i], attribute)->key, name) != 0)
        i++;
    return i;
}

/* Sm, Sn, Gy, Gx, sy, sx stand behind the extents of the grid where cores own shards, and nowhere else. */
START_TEST(shard_arguments_stand_where_cores_own_shards) {
    static const char *const names[] = {"Sm", "Sn", "Gy", "Gx", "sy", "sx"};
    for (size_t s = 0; s < SOURCE_COUNT; s++) {
        struct arena *arena = arena_create();
        bool owned = strstr(sources[s], "owned") != NULL;
        struct node_list kernels = kernels_behind(arena, sources[s], NULL);
        for (size_t k = 0; k < kernels.count; k++) {
            const struct node_dictionary *arguments = launch_argument_list(kernels.items[k]);
            for (size_t n = 0; n < sizeof names / sizeof *names; n++)
                ck_assert_uint_eq(position_of(arguments, names[n]),
                                  owned ? RUNTIME_OUTER + n : arguments->entries.count);
        }
        arena_free(arena);
    }
}
END_TEST

static void arguments_of(struct arena *arena, const char *text, uint32_t grid, uint32_t core,
                         uint32_t *words) {
    struct unit unit = {
        .arena = arena,
        .diagnostics = diagnostics_create(arena),
        .options = {.architecture = architecture_find("wormhole_b0"), .grid_x = grid, .grid_y = grid}};
    ck_assert(unit_load(&unit, "row.tl", text, strlen(text)) && unit_compile(&unit));
    struct environment sizes = {.arena = arena};
    struct launch launch = {.kernel = node_as(unit.module, module)->items.items[0],
                            .sizes = &sizes,
                            .addresses = (struct launch_word[]){{"A", 1}, {"B", 2}, {"C", 3}},
                            .address_count = 3};
    ck_assert(launch_prepare(unit.diagnostics, &launch));
    ck_assert(launch_arguments(unit.diagnostics, &launch, core, words));
}

/* 8 x 8 tiles and a contraction of 4 tiles on one core: {0, 64, 8, 4, 8}, then the blocks along the grid. */
START_TEST(golden_row_of_the_global_partition) {
    struct arena *arena = arena_create();
    uint32_t words[64];
    arguments_of(
        arena,
        "kernel f(A: bf16[256, 128], B: bf16[128, 256]) -> C: bf16[256, 256] { grid i in 256 by 32, j in 256 by 32 {\n"
        "    fragment acc[i, j]: f32 = 0; for k in 128 by 64 { gemm(A[i, k], B[k, j], acc); } C[i, j] = acc; } }",
        1, 0, words);
    static const uint32_t expected[] = {0, 64, 8, 4, 8, 8, 8, 1, 2, 3};
    ck_assert_mem_eq(words, expected, sizeof expected);
    arena_free(arena);
}
END_TEST

/* 4 x 4 tiles in 2 x 2 shards of 2 x 2: {0, 4, 4, 1, 4}, the blocks along the grid, {2, 2, 2, 2, sy, sx}. */
START_TEST(golden_row_of_a_shard) {
    for (uint32_t core = 0; core < 4; core++) {
        struct arena *arena = arena_create();
        uint32_t words[64];
        arguments_of(
            arena,
            "kernel f(A: bf16[128, 128], B: bf16[128, 128]) -> C: bf16[128, 128] @layout(memory = l1, block = [2, 2]) {\n"
            "    grid i in 128 by 32, j in 128 by 32 { C[i, j] = A[i, j] + B[i, j]; } }",
            8, core, words);
        const uint32_t expected[] = {0, 4, 4, 1, 4, 4, 4, 2, 2, 2, 2, core / 2, core % 2, 2, 2, 1, 2, 3};
        ck_assert_mem_eq(words, expected, sizeof expected);
        arena_free(arena);
    }
}
END_TEST

/* ---- shares ---- */

/* 64 tiles on 64 cores are one each; on 10 cores nine take 7 and the last one; 7 tiles leave 57 cores idle.
 */
START_TEST(remainders_and_idle_cores) {
    for (uint32_t core = 0; core < 64; core++) {
        struct launch_share one = launch_share(64, 64, core), few = launch_share(7, 64, core);
        ck_assert(one.start == core && one.count == 1);
        ck_assert_uint_eq(few.count, core < 7);
    }
    for (uint32_t core = 0; core < 10; core++)
        ck_assert_uint_eq(launch_share(64, 10, core).count, core < 9 ? 7 : 1);
}
END_TEST

/* ---- recovery of blocks ---- */

struct recovery {
    const char *layout, *schedule;
    uint32_t grid; /* cores along each direction; 0: those of the shards */
};

/* Every element is multiplied by itself in its own block: a block at another place, twice or never, would
 * show. */
static void run_recovery(const struct recovery *r, const char *block, uint64_t matrices, uint64_t rows,
                         uint64_t columns) {
    char text[1024];
    snprintf(text, sizeof text,
             "kernel f(A: f32[L, M, N]) %s -> C: f32[L, M, N] %s {\n"
             "    grid l in L, i in M by %s, j in N by %s { C[l, i, j] = A[l, i, j] * A[l, i, j]; }\n}\n",
             r->schedule, r->layout, block, block);
    struct tilec_options options = {.grid_x = r->grid, .grid_y = r->grid};
    struct tilec_unit *unit = tilec_compile("recovery.tl", text, strlen(text), &options);
    uint64_t count = matrices * rows * columns;
    float *a = malloc(count * sizeof *a);
    for (uint64_t i = 0; i < count; i++)
        a[i] = (float)(i % 4093);
    struct tilec_array arrays[] = {{"A", TILEC_F32, 3, {matrices, rows, columns}, a}, {.name = "C"}};
    ck_assert_msg(tilec_run(unit, arrays, 2, NULL) == TILEC_OK, "%s%s", text, tilec_diagnostics(unit));
    const float *c = arrays[1].data;
    for (uint64_t i = 0; i < count; i++)
        ck_assert_msg(c[i] == a[i] * a[i], "%s at %llu x %llu: element %llu", text, (unsigned long long)rows,
                      (unsigned long long)columns, (unsigned long long)i);
    tilec_free(unit);
    free(a);
}

/* In tiles: squares of powers of two, other shapes, more blocks than cores, fewer, ragged edges. */
START_TEST(blocks_are_recovered_at_every_grid) {
    static const struct recovery ways[] = {
        {"", "", 1},
        {"", "", 3},
        {"", "@schedule(order = column_major)", 3},
        {"@layout(height = 3)", "@schedule(order = column_major)", 2},
        {"@layout(memory = l1, block = [2, 2])", "", 0},
        {"@layout(memory = l1, block = [2, 2])", "@schedule(order = column_major)", 0},
        {"@layout(memory = l1, height = 3)", "@schedule(order = match_shard)", 0},
        {"@layout(memory = l1, nd_shard = {grid = [2, 1, 2]})", "", 0},
        {"@layout(memory = l1, nd_shard = {grid = [3, 1, 1], orientation = col_major})",
         "@schedule(order = column_major)", 0},
        {"@layout(memory = l1, nd_shard = {grid = [1, 2, 3], orientation = col_major})",
         "@schedule(order = column_major)", 0},
    };
    static const uint64_t sizes[][3] = {{1, 128, 128}, {1, 256, 256}, {1, 512, 512},
                                        {1, 32, 32},   {1, 96, 224},  {2, 70, 300},
                                        {3, 33, 1},    {1, 1, 200},   {5, 40, 40}};
    for (size_t w = 0; w < sizeof ways / sizeof *ways; w++)
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
            run_recovery(&ways[w], "32", sizes[s][0], sizes[s][1], sizes[s][2]);
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        run_recovery(&ways[2], "64", sizes[s][0], sizes[s][1], sizes[s][2]);
}
END_TEST

/* ---- what a compilation gives ---- */

START_TEST(two_compilations_are_equal) {
    for (size_t s = 0; s < SOURCE_COUNT; s++) {
        struct arena *arena = arena_create();
        const char *error;
        size_t length;
        const char *text =
            file_read(arena, arena_printf(arena, "%s/%s", SOURCES, sources[s]), &length, &error);
        struct tilec_unit *first = tilec_compile(sources[s], text, length, NULL),
                          *second = tilec_compile(sources[s], text, length, NULL);
        ck_assert_str_eq(tilec_ir(first), tilec_ir(second));
        ck_assert_uint_gt(tilec_file_count(first), 4);
        ck_assert_uint_eq(tilec_file_count(first), tilec_file_count(second));
        for (size_t i = 0; i < tilec_file_count(first); i++) {
            ck_assert_str_eq(tilec_file(first, i).path, tilec_file(second, i).path);
            ck_assert_str_eq(tilec_file(first, i).text, tilec_file(second, i).text);
        }
        tilec_free(first);
        tilec_free(second);
        arena_free(arena);
    }
}
END_TEST

/* --dump-ir writes a file behind every pass, which reads back. */
START_TEST(every_pass_is_dumped) {
    struct arena *arena = arena_create();
    char directory[] = "/tmp/tilec-dump-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(directory));
    char *words[] = {arena_string(arena, "tilec"),
                     arena_string(arena, "check"),
                     arena_printf(arena, "%s/examples/matmul/matmul.tl", SOURCES),
                     arena_string(arena, "--dump-ir"),
                     directory,
                     NULL};
    ck_assert_int_eq(command_line(5, words), 0);
    for (size_t p = 0; p < pass_count; p++) {
        const char *path = arena_printf(arena, "%s/matmul/%02zu_%s.ir", directory, p + 1, passes[p].name),
                   *error;
        size_t length;
        const char *text = file_read(arena, path, &length, &error);
        ck_assert_msg(text != NULL, "%s", error);
        struct diagnostics *diagnostics = diagnostics_create(arena);
        ck_assert_ptr_nonnull(
            module_read(arena, diagnostics, diagnostics_add_source(diagnostics, path, text, length)));
        unlink(path);
    }
    rmdir(arena_printf(arena, "%s/matmul", directory));
    ck_assert_int_eq(rmdir(directory), 0);
    arena_free(arena);
}
END_TEST

/* The program that GPU compilers take as their first example, without a word of Tensix: buffers, clear, a
 * pipelined loop, copies, gemm. */
START_TEST(a_plain_tile_program_runs) {
    enum { EDGE = 256 };
    static const char text[] = "kernel gemm_256(A: bf16[M, K], B: bf16[K, N]) -> C: bf16[M, N] {\n"
                               "    grid i in M by 128, j in N by 128 {\n"
                               "        fragment c[i, j]: f32;\n"
                               "        clear(c);\n"
                               "        for k in K by 32 @pipeline(3) {\n"
                               "            shared a[i, k]: bf16, b[k, j]: bf16;\n"
                               "            copy(A[i, k], a);\n"
                               "            copy(B[k, j], b);\n"
                               "            gemm(a, b, c);\n"
                               "        }\n"
                               "        copy(c, C[i, j]);\n"
                               "    }\n"
                               "}\n";
    static float a[EDGE * EDGE], b[EDGE * EDGE];
    static uint16_t bits[2][EDGE * EDGE];
    for (int i = 0; i < EDGE * EDGE; i++) {
        a[i] = (float)(i * 7 % 5 - 2);
        b[i] = (float)(i * 11 % 3 - 1);
        for (int side = 0; side < 2; side++) {
            uint32_t word;
            memcpy(&word, side ? &b[i] : &a[i], sizeof word);
            bits[side][i] = (uint16_t)(word >> 16);
        }
    }
    struct tilec_unit *unit = tilec_compile("gemm.tl", text, sizeof text - 1, NULL);
    struct tilec_array arrays[] = {{"A", TILEC_BF16, 2, {EDGE, EDGE}, bits[0]},
                                   {"B", TILEC_BF16, 2, {EDGE, EDGE}, bits[1]},
                                   {.name = "C"}};
    ck_assert_msg(tilec_run(unit, arrays, 3, NULL) == TILEC_OK, "%s", tilec_diagnostics(unit));
    const uint16_t *c = arrays[2].data;
    for (int i = 0; i < EDGE; i++)
        for (int j = 0; j < EDGE; j++) {
            float sum = 0, found;
            for (int k = 0; k < EDGE; k++)
                sum += a[i * EDGE + k] * b[k * EDGE + j];
            uint32_t word = (uint32_t)c[i * EDGE + j] << 16;
            memcpy(&found, &word, sizeof found);
            ck_assert_msg(found == sum || (sum > 256 || sum < -256), "C[%d, %d] is %g, not %g", i, j, found,
                          sum);
        }
    tilec_free(unit);
}
END_TEST

UNIT_MAIN("lowering", nothing_speaks_of_the_device_before_the_protocol, arguments_are_numbered_once,
          shard_arguments_stand_where_cores_own_shards, golden_row_of_the_global_partition,
          golden_row_of_a_shard, remainders_and_idle_cores, blocks_are_recovered_at_every_grid,
          two_compilations_are_equal, every_pass_is_dumped, a_plain_tile_program_runs)
