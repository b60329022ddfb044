/* Sizes from shapes, conditions, shares and launch arguments. */
#include "ir/launch.h"

#include "ir/build.h"
#include "testsuite/unit/evaluation.h"

static struct node *condition(struct bench *b, const char *expression) {
    struct node *kernel =
        bench_kernel(b, arena_printf(b->arena, "kernel k(out Y: f32[1]) where %s { }", expression));
    return node_as(kernel, kernel)->conditions.items[0];
}

static const struct {
    const char *expression;
    int64_t value;
    const char *message; /* NULL: it has the value */
} expressions[] = {
    {"7 / 2 + M", 8, NULL},
    {"-7 / 2", -4, NULL},
    {"-7 % 2", 1, NULL},
    {"7 % -2", -1, NULL},
    {"ceildiv(M, 3) * 10 + ceildiv(-M, 3)", 19, NULL},
    {"min(M, 3) + max(M, 3)", 8, NULL},
    {"select(M == 5, 2, 1 / 0) + select(M > 5, 1 / 0, 20)", 22, NULL},
    {"M == 5 && !(M > 6) || 1 / 0 == 1", 1, NULL},
    {"M != 5 && 1 / 0 == 1", 0, NULL},
    {"9223372036854775807 + 1", 0, "9223372036854775807 + 1 does not fit 64 bits"},
    {"4611686018427387904 * 2", 0, "4611686018427387904 * 2 does not fit 64 bits"},
    {"-9223372036854775807 - 2", 0, "-9223372036854775807 - 2 does not fit 64 bits"},
    {"M / (M - 5)", 0, "M / (M - 5) divides by zero"},
    {"M % 0", 0, "M % 0 divides by zero"},
    {"N + 1", 0, "the launch does not know the size N"},
    {"exp(M)", 0, "exp(M) is no function of sizes"},
    {"min(M)", 0, "min(M) is no function of sizes"},
    {"noc_x(0, 0)", 0, "noc_x(0, 0) is no function of sizes"},
    {"1.5", 0, "1.5 is no size"},
};

START_TEST(size_expressions_have_their_values) {
    for (size_t i = 0; i < sizeof expressions / sizeof *expressions; i++) {
        struct bench b = bench_open();
        int64_t value = 0;
        environment_set(&b.sizes, "M", 5);
        bool fine = size_evaluate(b.diagnostics, &b.sizes, condition(&b, expressions[i].expression), &value);
        ck_assert_msg(fine == !expressions[i].message, "%s", expressions[i].expression);
        if (fine)
            ck_assert_int_eq(value, expressions[i].value);
        else
            ck_assert_str_eq(bench_message(&b), expressions[i].message);
        bench_close(&b);
    }
}
END_TEST

static const char kernel_text[] =
    "kernel k(in A: f32[M, K], in B: f32[K, 2 * N], out Y: f32[M, N], in n: index = 7) where M >= K { }";

static const struct {
    uint64_t a[2], b[2], y[2];
    const char *message;
} bindings[] = {
    {{4, 3}, {3, 10}, {4, 5}, NULL},
    {{4, 3}, {2, 10}, {4, 5}, "size K is 2 in dimension 1 of B, but 3 in dimension 2 of A"},
    {{4, 3}, {3, 10}, {5, 5}, "size M is 5 in dimension 1 of Y, but 4 in dimension 1 of A"},
    {{4, 3}, {3, 11}, {4, 5}, "dimension 2 of B is 11, but 2 * N is 10"},
    {{2, 3}, {3, 10}, {2, 5}, "the condition M >= K does not hold"},
    {{4, 5000000000}, {3, 10}, {2, 5}, "dimension 2 of A is 5000000000, more than 2147483647"},
    {{0, 0}, {0, 0}, {0, 0}, NULL},
};

START_TEST(sizes_follow_from_shapes) {
    for (size_t i = 0; i < sizeof bindings / sizeof *bindings; i++) {
        struct bench b = bench_open();
        struct node *kernel = bench_kernel(&b, kernel_text);
        const struct tensor_shape shapes[] = {
            {"A", 2, bindings[i].a}, {"B", 2, bindings[i].b}, {"Y", 2, bindings[i].y}};
        bool fine = sizes_bind(b.diagnostics, &b.sizes, kernel, shapes, 3) &&
                    conditions_check(b.diagnostics, &b.sizes, kernel);
        ck_assert_int_eq(fine, !bindings[i].message);
        ck_assert_str_eq(bench_message(&b), bindings[i].message ? bindings[i].message : "");
        int64_t n = 0;
        ck_assert(!fine || (environment_get(&b.sizes, "n", &n) && n == 7));
        bench_close(&b);
    }
}
END_TEST

START_TEST(sizes_given_beforehand_must_agree) {
    struct bench b = bench_open();
    struct node *kernel = bench_kernel(&b, kernel_text);
    static const uint64_t shape[] = {4, 3};
    environment_set(&b.sizes, "M", 8);
    ck_assert(!sizes_bind(b.diagnostics, &b.sizes, kernel, &(struct tensor_shape){"A", 2, shape}, 1));
    ck_assert_str_eq(bench_message(&b), "size M is 4 in dimension 1 of A, but 8 as given");
    b.diagnostics = diagnostics_create(b.arena);
    ck_assert(!sizes_bind(b.diagnostics, &b.sizes, kernel, &(struct tensor_shape){"A", 1, shape}, 1));
    ck_assert_str_eq(bench_message(&b), "tensor A has 2 dimensions, but 1 were given");
    bench_close(&b);
}
END_TEST

/* Every block is somebody's, once, in order. */
START_TEST(shares_cover_the_blocks) {
    for (uint64_t blocks = 0; blocks < 70; blocks++) {
        for (uint32_t cores = 1; cores < 12; cores++) {
            uint64_t next = 0;
            for (uint32_t core = 0; core < cores; core++) {
                struct launch_share share = launch_share(blocks, cores, core);
                ck_assert(share.start == next && share.count <= (blocks + cores - 1) / cores);
                next += share.count;
            }
            ck_assert_uint_eq(next, blocks);
        }
    }
}
END_TEST

#define ARGUMENTS                                                                                            \
    "{start_id = start(), count = count(), Mt = ceildiv(M, 32), M = M, A_address = address(A), alpha = "     \
    "alpha}"

START_TEST(cores_get_their_arguments) {
    struct bench b = bench_open();
    struct node *kernel = bench_kernel(
        &b,
        "kernel k(in A: f32[M], in alpha: f32, out Y: f32[M]) @{tt.core_grid = [2, 2], tt.grid_blocks = [ceildiv(M, 32), 2], tt.runtime_args = " ARGUMENTS
        "} { }");
    environment_set(&b.sizes, "M", 70);
    struct launch launch = {.kernel = kernel,
                            .sizes = &b.sizes,
                            .addresses = &(struct launch_word){"A", 4096},
                            .address_count = 1,
                            .scalars = &(struct launch_word){"alpha", 0x3fc00000u},
                            .scalar_count = 1};
    ck_assert(launch_prepare(b.diagnostics, &launch));
    ck_assert(launch.blocks == 6 && launch.grid_x == 2 && launch.grid_y == 2);
    static const uint32_t shares[][2] = {{0, 2}, {2, 2}, {4, 2}, {6, 0}};
    for (uint32_t core = 0; core < 4; core++) {
        uint32_t words[6], expected[6] = {shares[core][0], shares[core][1], 3, 70, 4096, 0x3fc00000u};
        ck_assert(launch_arguments(b.diagnostics, &launch, core, words));
        ck_assert(memcmp(words, expected, sizeof words) == 0);
    }
    launch.address_count = 0;
    uint32_t words[6];
    ck_assert(!launch_arguments(b.diagnostics, &launch, 0, words));
    ck_assert_str_eq(bench_message(&b), "address(A): no tensor of the launch");
    bench_close(&b);
}
END_TEST

/* In local_shard a core gets what follows from where it stands, row by row over the core grid. */
START_TEST(owners_of_shards_get_their_blocks) {
    struct bench b = bench_open();
    struct node *kernel = bench_kernel(
        &b,
        "kernel k(in A: f32[M], out Y: f32[M]) @{tt.core_grid = [2, 3], tt.grid_blocks = [ceildiv(M, 32), 2], tt.runtime_args = {start_id = 0, count = max(min(2, ceildiv(M, 32) - core_y() * 2), 0), sy = core_y(), sx = core_x()}} { }");
    environment_set(&b.sizes, "M", 96);
    struct launch launch = {.kernel = kernel, .sizes = &b.sizes};
    ck_assert(launch_prepare(b.diagnostics, &launch));
    static const uint32_t expected[6][4] = {{0, 2, 0, 0}, {0, 2, 0, 1}, {0, 1, 1, 0},
                                            {0, 1, 1, 1}, {0, 0, 2, 0}, {0, 0, 2, 1}};
    for (uint32_t core = 0; core < 6; core++) {
        uint32_t words[4];
        ck_assert(launch_arguments(b.diagnostics, &launch, core, words));
        ck_assert(memcmp(words, expected[core], sizeof words) == 0);
    }
    int64_t value;
    struct node *call = make_call(b.arena, "core_x", (struct node_list){0});
    ck_assert(!size_evaluate(b.diagnostics, &b.sizes, call, &value));
    ck_assert_str_eq(bench_message(&b), "core_x() is no function of sizes");
    bench_close(&b);
}
END_TEST

/* The NoC finds a core where the core map says, wherever the asking core is. */
START_TEST(cores_find_each_other) {
    struct bench b = bench_open();
    struct node *kernel = bench_kernel(
        &b,
        "kernel k(in A: f32[M], out Y: f32[M]) @{tt.core_grid = [2, 2], tt.core_map = [[0, 0, 1, 2], [1, 0, 10, 2], [0, 1, 1, 3], [1, 1, 10, 3]], tt.grid_blocks = [4], tt.runtime_args = {first = noc_x(0, core_y()), last = noc_x(max(core_x(), 1), core_y()), row = noc_y(0, core_y()), beyond = noc_y(0, core_y() + 1)}} { }");
    struct launch launch = {.kernel = kernel, .sizes = &b.sizes};
    ck_assert(launch_prepare(b.diagnostics, &launch));
    uint32_t words[4], expected[4] = {1, 10, 2, 3};
    for (uint32_t core = 0; core < 2; core++) {
        ck_assert(launch_arguments(b.diagnostics, &launch, core, words));
        ck_assert(memcmp(words, expected, sizeof words) == 0);
    }
    ck_assert(!launch_arguments(b.diagnostics, &launch, 2, words));
    ck_assert_str_eq(bench_message(&b),
                     "noc_y(0, core_y() + 1): core (0, 2) is not in the kernel's tt.core_map");
    bench_close(&b);
}
END_TEST

static const struct {
    const char *attributes, *message;
} launches[] = {
    {"tt.core_grid = [2, 2]", "the kernel has no tt.grid_blocks: a launch needs it"},
    {"tt.grid_blocks = [2]", "the kernel has no tt.core_grid: a launch needs it"},
    {"tt.core_grid = [0, 2], tt.grid_blocks = [2]", "tt.core_grid must be [x, y], the cores of a launch"},
    {"tt.core_grid = [1], tt.grid_blocks = [2]", "tt.core_grid must be [x, y], the cores of a launch"},
    {"tt.core_grid = [1, 1], tt.grid_blocks = [100000, 100000]", "the grid has more than 2^32 blocks"},
    {"tt.core_grid = [1, 1], tt.grid_blocks = [4, -1]", "the grid has -1 blocks along axis 2"},
};

START_TEST(launches_that_cannot_be_are_refused) {
    for (size_t i = 0; i < sizeof launches / sizeof *launches; i++) {
        struct bench b = bench_open();
        struct node *kernel = bench_kernel(
            &b, arena_printf(b.arena, "kernel k(out Y: f32[1]) @{%s} { }", launches[i].attributes));
        struct launch launch = {.kernel = kernel, .sizes = &b.sizes};
        ck_assert(!launch_prepare(b.diagnostics, &launch));
        ck_assert_str_eq(bench_message(&b), launches[i].message);
        bench_close(&b);
    }
}
END_TEST

UNIT_MAIN("launch", size_expressions_have_their_values, sizes_follow_from_shapes,
          sizes_given_beforehand_must_agree, shares_cover_the_blocks, cores_get_their_arguments,
          owners_of_shards_get_their_blocks, cores_find_each_other, launches_that_cannot_be_are_refused)
