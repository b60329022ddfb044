/* plan.json: what tilec writes holds by the rules that `check` has, and prints again as it was read. */
#include <string.h>

#include "codegen/plan.h"
#include "codegen/plan_check.h"
#include "include/tilec.h"
#include "support/arena.h"
#include "support/diagnostic.h"
#include "support/text_buffer.h"
#include "testsuite/unit/unit.h"

static const char product[] =
    "kernel f(A: bf16[M, K] @layout(%s), B: bf16[K, N]) %s -> C: bf16[M, N] @layout(%s) {\n"
    "    for i in M, j in N { C[i, j] = sum(k in K: A[i, k] * B[k, j]); }\n"
    "}\n";
static const char matrices[] = "kernel f(A: bf16[B, M, N]%s)%s -> C: bf16[B, M, N]%s {\n"
                               "    for b in B, i in M, j in N { C[b, i, j] = A[b, i, j] * 2; }\n"
                               "}\n";
static const char vector[] = "kernel f(A: f32[N]%s)%s -> C: f32[N]%s { for i in N { C[i] = exp(A[i]); } }\n";

struct row {
    const char *text, *a, *schedule, *c;
    struct tilec_options options;
    int64_t blocks; /* that the plan lists; -1: sizes are open */
};

static const char exchange[] =
    "kernel f(A: bf16[M, K]%s, B: bf16[K, N]) %s -> C: bf16[M, N]%s {\n"
    "    grid i in M by 64, j in N by 64 {\n"
    "        fragment acc[i, j]: f32 = 0;\n"
    "        for k in K by 64 { shared a = A[i, k] @multicast; gemm(a, B[k, j], acc); }\n"
    "        C[i, j] = acc;\n    }\n}\n";

#define SIZES(...)                                                                                           \
    .defines = (const struct tilec_define[]){__VA_ARGS__},                                                   \
    .define_count = sizeof((struct tilec_define[]){__VA_ARGS__}) / sizeof(struct tilec_define)
#define DRAM "memory = dram"

static const struct row rows[] = {
    {product, DRAM, "", DRAM, {0}, -1},
    {product, DRAM, "", "height = 4", {.architecture = "blackhole"}, -1},
    {product, "memory = l1, height = 4", "", "memory = l1, height = 4", {0}, -1},
    {product,
     DRAM,
     "@schedule(cores = [3, 2])",
     "memory = l1",
     {SIZES({"M", 300}, {"K", 64}, {"N", 500})},
     40},
    {product,
     DRAM,
     "@schedule(order = column_major)",
     DRAM,
     {SIZES({"M", 64}, {"K", 1}, {"N", 64}), .architecture = "p150"},
     1},
    {product,
     "memory = l1, height = 4",
     "",
     "memory = l1, height = 4",
     {SIZES({"M", 256}, {"K", 64}, {"N", 96})},
     -2},
    {exchange, "", "", "", {0}, -1},
    {exchange, "", "@schedule(cores = [3, 5])", "", {.architecture = "blackhole"}, -1},
    {exchange, "", "", "", {SIZES({"M", 300}, {"K", 64}, {"N", 900})}, 75},
    {matrices, "", "", "", {SIZES({"B", 3}, {"M", 70}, {"N", 70})}, -2},
    {matrices,
     "",
     "",
     " @layout(memory = l1, nd_shard = {grid = [2, 1, 1]})",
     {SIZES({"B", 5}, {"M", 70}, {"N", 70})},
     -2},
    {matrices, "", " @schedule(cores = [1, 1])", "", {0}, -1},
    {vector, "", "", "", {SIZES({"N", 1000})}, -2},
};

static const char *plan_of(struct tilec_unit *unit) {
    for (size_t i = 0; i < tilec_file_count(unit); i++)
        if (strstr(tilec_file(unit, i).path, "plan.json"))
            return tilec_file(unit, i).text;
    ck_abort_msg("%s", tilec_diagnostics(unit));
    return "";
}

/* blocks -2: some number of them. */
static void check(const char *text, int64_t blocks, const char *what) {
    struct arena *arena = arena_create();
    struct diagnostics *diagnostics = diagnostics_create(arena);
    struct text_buffer messages = {0};
    struct plan_facts facts;
    uint32_t source = diagnostics_add_source(diagnostics, "plan.json", text, strlen(text));
    bool holds = plan_check(arena, diagnostics, source, &facts);
    diagnostics_print(diagnostics, SEVERITY_REMARK, false, &messages);
    ck_assert_msg(holds, "%s\n%s", what, text_string(&messages));
    ck_assert_msg(blocks == -2 ? facts.blocks > 0 : facts.blocks == blocks, "%s: %lld blocks", what,
                  (long long)facts.blocks);
    json_t *plan = json_loads(text, 0, NULL);
    ck_assert_uint_eq(json_object_size(json_object_get(plan, "bindings")), facts.tensors);
    ck_assert_str_eq(plan_text(arena, plan), text);
    json_decref(plan);
    text_free(&messages);
    arena_free(arena);
}

START_TEST(every_plan_holds_and_prints_as_it_was_read) {
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[1024];
        snprintf(text, sizeof text, rows[i].text, rows[i].a, rows[i].schedule, rows[i].c);
        struct tilec_unit *unit = tilec_compile("f.tl", text, strlen(text), &rows[i].options);
        check(plan_of(unit), rows[i].blocks, text);
        tilec_free(unit);
    }
}
END_TEST

/* 4 x 2 blocks in columns on two cores: the rows of the first column, then of the second. */
START_TEST(blocks_are_listed_as_the_kernel_counts_them) {
    static const char text[] =
        "kernel f(A: bf16[128, 64]) @schedule(order = column_major) -> C: bf16[128, 64] {\n"
        "    grid i in 128 by 32, j in 64 by 32 { C[i, j] = A[i, j] * 2; }\n"
        "}\n";
    struct tilec_options options = {.grid_x = 2, .grid_y = 1};
    struct tilec_unit *unit = tilec_compile("f.tl", text, sizeof text - 1, &options);
    const char *plan = plan_of(unit);
    for (int core = 0; core < 2; core++) {
        char line[256];
        snprintf(
            line, sizeof line,
            "\"(%d,0)\": [{\"io\": 0, \"jo\": %d}, {\"io\": 1, \"jo\": %d}, {\"io\": 2, \"jo\": %d}, {\"io\": 3, \"jo\": %d}]",
            core, core, core, core, core);
        ck_assert_msg(strstr(plan, line), "no %s in:\n%s", line, plan);
    }
    tilec_free(unit);
}
END_TEST

/* The byte of a plan that another tool changed is seen: no digit of the partition is free. */
START_TEST(a_changed_partition_is_refused) {
    char text[1024];
    snprintf(text, sizeof text, product, DRAM, "", DRAM);
    struct tilec_options options = {SIZES({"M", 256}, {"K", 32}, {"N", 256}), .grid_x = 2, .grid_y = 2};
    struct tilec_unit *unit = tilec_compile("f.tl", text, strlen(text), &options);
    const char *plan = plan_of(unit), *begin = strstr(plan, "\"work_partition\""),
               *end = strstr(plan, "\"layouts\"");
    int changed = 0;
    for (const char *at = begin; at < end; at++) {
        if (*at < '0' || *at > '9')
            continue;
        struct arena *arena = arena_create();
        struct diagnostics *diagnostics = diagnostics_create(arena);
        struct plan_facts facts;
        char *copy = arena_string(arena, plan);
        copy[at - plan] = *at == '9' ? '0' : (char)(*at + 1);
        uint32_t source = diagnostics_add_source(diagnostics, "plan.json", copy, strlen(copy));
        ck_assert_msg(!plan_check(arena, diagnostics, source, &facts), "byte %td of the plan is free",
                      at - plan);
        arena_free(arena);
        changed++;
    }
    ck_assert_int_ge(changed, 16);
    tilec_free(unit);
}
END_TEST

UNIT_MAIN("plan", every_plan_holds_and_prints_as_it_was_read, blocks_are_listed_as_the_kernel_counts_them,
          a_changed_partition_is_refused)
