/* The spelling of statements and expressions in both languages, names, places, and what has no spelling. */
#include <string.h>

#include "codegen/emit.h"
#include "support/arena.h"
#include "support/file.h"
#include "support/text_buffer.h"
#include "testsuite/unit/unit.h"

static const char head[] =
    "source \"dir/k.tl\"\n\n"
    "kernel k(in A: bf16[M, N]) @{tt.core_grid = [2, 1], tt.core_ranges = [{start = [0, 0], extent = [2, 1]}], tt.grid_blocks = [4], tt.runtime_args = {start_id = start(), count = count()}} {\n"
    "    function helper twice(in n: u32) {\n        l1_store_u32(n, 2 * n)\n    }\n"
    "    function helper unused(in n: u32) {\n        l1_store_u32(n, 1)\n    }\n"
    "    function reader reader() {\n"
    "        let a: u32 = get_arg_val(uint32_t, 0)\n"
    "        let b: u32 = get_arg_val(uint32_t, 1)\n"
    "        let c: u32 = get_arg_val(uint32_t, 2)\n"
    "        accessor A at a tiles [a, b]\n";

static struct arena *arena;
static struct diagnostics *diagnostics;

static struct node *read_text(const char *text) {
    uint32_t source = diagnostics_add_source(diagnostics, "test.ir", text, strlen(text));
    return module_read(arena, diagnostics, source);
}

static bool emit(const char *statement, struct emission *emission) {
    arena = arena_create();
    diagnostics = diagnostics_create(arena);
    struct node *module = read_text(arena_printf(arena, "%s        %s\n    }\n}\n", head, statement));
    return module && module_emit(arena, diagnostics, module, emission);
}

static const char *messages(void) {
    struct text_buffer out = {0};
    diagnostics_print(diagnostics, SEVERITY_REMARK, false, &out);
    const char *text = arena_string(arena, text_string(&out));
    text_free(&out);
    return text;
}

/* What stands behind the blank line that ends the preamble. */
static const char *body_of(const char *text) {
    const char *main = strstr(text, "void kernel_main(");
    const char *blank = main ? strstr(main, "\n\n") : NULL;
    return blank ? blank + 2 : text;
}

struct spelling_row {
    const char *statement, *c, *cpp; /* cpp NULL: as C */
};

static const struct spelling_row spellings[] = {
    {"let x: u32 = a + (b + c)", "const uint32_t x = a + b + c;", NULL},
    {"let x: u32 = a + (b - c)", "const uint32_t x = a + b - c;", NULL},
    {"let x: u32 = a - (b - c)", "const uint32_t x = a - (b - c);", NULL},
    {"let x: u32 = a - (b + c)", "const uint32_t x = a - (b + c);", NULL},
    {"let x: u32 = a * (b + c) % 7", "const uint32_t x = a * (b + c) % 7;", NULL},
    {"let x: u32 = a / (b * c)", "const uint32_t x = a / (b * c);", NULL},
    {"let x: u32 = a * b / c", "const uint32_t x = a * b / c;", NULL},
    {"let x: u32 = a + -2", "const uint32_t x = a - 2;", NULL},
    {"let x: u32 = 4294967295", "const uint32_t x = 4294967295u;", NULL},
    {"let x: u32 = ceildiv(a, 32)", "const uint32_t x = (a + 31) / 32;", NULL},
    {"let x: u32 = ceildiv(a, b) * c", "const uint32_t x = (a + b - 1) / b * c;", NULL},
    {"let x: u32 = c * ceildiv(a, b)", "const uint32_t x = c * ((a + b - 1) / b);", NULL},
    {"let x: u32 = min(a, max(b, c))", "const uint32_t x = min(a, max(b, c));",
     "const uint32_t x = std::min<uint32_t>(a, std::max<uint32_t>(b, c));"},
    {"var x: u32 = 0", "uint32_t x = 0;", NULL},
    {"b += a * c", "b += a * c;", NULL},
    {"constant cb_x = 3", "enum { cb_x = 3 };", "constexpr uint32_t cb_x = 3;"},
    {"fill_tile_bitcast(0, bits(1.5))", "fill_tile_bitcast(0, 0x3fc00000u /* 1.5 */);", NULL},
    {"fill_tile_bitcast(0, bits(-inf))", "fill_tile_bitcast(0, 0xff800000u /* -inf */);", NULL},
    {"fill_tile_bitcast(0, bits(0.1))", "fill_tile_bitcast(0, 0x3dcccccdu /* 0.1 */);", NULL},
    {"fill_tile_bitcast(0, bits(nan))", "fill_tile_bitcast(0, 0x7fc00000u /* nan */);", NULL},
    {"erf_tile_init(ACCURATE)", "erf_tile_init(ACCURATE);", "erf_tile_init<false>();"},
    {"erf_tile(ACCURATE, a)", "erf_tile(ACCURATE, a);", "erf_tile<false>(a);"},
    {"b += bits_bf16(-inf)", "b += 0xff80u /* -inf */;", NULL},
    {"b += bits_bf16(0.1)", "b += 0x3dcdu /* 0.1 */;", NULL},
    {"b += bits_bf16x2(1)", "b += 0x3f803f80u /* 1.0, 1.0 */;", NULL},
    {"noc_async_read_page(page(A, a, b + 1), A, c)", "noc_async_read_page(a * b + b + 1, A, c);", NULL},
    {"noc_async_read_page(page(A, 0, c), A, c)", "noc_async_read_page(c, A, c);", NULL},
    {"noc_async_read_page(page(A, a + 1, 0), A, c)", "noc_async_read_page((a + 1) * b, A, c);", NULL},
    {"l1_store_u16(a + 2, 7)", "l1_store_u16(a + 2, 7);",
     "*reinterpret_cast<volatile tt_l1_ptr uint16_t*>(a + 2) = 7;"},
    {"reduce_tile(MAX, REDUCE_COL, 0, 1, 2, 3, 4)", "reduce_tile(MAX, REDUCE_COL, 0, 1, 2, 3, 4);",
     "reduce_tile<PoolType::MAX, ReduceDim::REDUCE_COL>(0, 1, 2, 3, 4);"},
    {"compute_kernel_hw_startup(REGULAR, 0, 1, 2)", "compute_kernel_hw_startup(REGULAR, 0, 1, 2);",
     "compute_kernel_hw_startup(0, 1, 2);"},
    {"twice(a)", "twice(a);", NULL},
    {"let int: u32 = a", "const uint32_t int_ = a;", NULL},
    {"let EPS: u32 = a", "const uint32_t EPS_ = a;", NULL},
    {"let min: u32 = a", "const uint32_t min_ = a;", NULL},
    {"let count: u32 = a", "const uint32_t count = a;", NULL},
    {"delinearize i = a over [b]\n b += i", "const uint32_t i = a;\n    b += i;", NULL},
    {"delinearize i, j = a over [b, c]\n b += i + j",
     "const uint32_t i = a / c;\n    const uint32_t j = a % c;\n    b += i + j;", NULL},
    {"delinearize i, j, k = a over [9, b, c]\n b += i + j + k",
     "const uint32_t i = a / (b * c);\n    const uint32_t j = a / c % b;\n    const uint32_t k = a % c;\n    b += i + j + k;",
     NULL},
    {"delinearize _, j = a over [b, c]\n b += j", "const uint32_t j = a % c;\n    b += j;", NULL},
    {"for i in a..b {\n b += i\n}", "for (uint32_t i = a; i < b; ++i) {\n        b += i;\n    }", NULL},
    {"for i in 0..b by 2 {\n b += i\n}", "for (uint32_t i = 0; i < b; i += 2) {\n        b += i;\n    }",
     NULL},
    {"for i in 0..b, j in 0..i {\n b += i\n}",
     "for (uint32_t i = 0; i < b; ++i) {\n        for (uint32_t j = 0; j < i; ++j) {\n            b += i;\n        }\n    }",
     NULL},
    {"if a < b && (b < c || a == 0) && !(a >= 2) {\n b += 1\n}",
     "if (a < b && (b < c || a == 0) && !(a >= 2)) {\n        b += 1;\n    }", NULL},
    {"if a < b || b < c && a == 0 {\n b += 1\n} else {\n if a == 1 {\n b += 2\n} else {\n b += 3\n}\n}",
     "if (a < b || (b < c && a == 0)) {\n        b += 1;\n    } else if (a == 1) {\n        b += 2;\n    } else {\n        b += 3;\n    }",
     NULL},
    {"b += 1 loc(7:3-7:9)", "// k.tl:7\n    b += 1;", NULL},
    {"b += 1 loc(7:3-7:9)\n c += 1 loc(7:9-7:12)\n c += 2 loc(8:1-8:2)",
     "// k.tl:7\n    b += 1;\n    c += 1;\n    // k.tl:8\n    c += 2;", NULL},
};

START_TEST(statements_are_spelled_in_both_languages) {
    for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++) {
        struct emission emission;
        const struct spelling_row *row = &spellings[i];
        const char *expected[TARGET_COUNT] = {row->c, row->cpp ? row->cpp : row->c};
        char statement[1024];
        snprintf(statement, sizeof statement, "b += 0\n %s", row->statement);
        ck_assert_msg(emit(statement, &emission), "%s: %s", row->statement, messages());
        for (enum target target = 0; target < TARGET_COUNT; target++) {
            const char *wanted = arena_printf(arena, "    b += 0;\n    %s\n}\n", expected[target]);
            ck_assert_str_eq(body_of(emission.kernels[0].functions[target][0].text), wanted);
        }
        arena_free(arena);
    }
}
END_TEST

/* erf has a polynomial for f32 and one for bf16, which a word of the preprocessor chooses. */
START_TEST(words_of_the_preprocessor_stand_before_the_headers) {
    static const char *const defined = "\n#define INP_FLOAT32 1\n#include";
    for (int wide = 0; wide < 2; wide++) {
        struct emission emission;
        arena = arena_create();
        diagnostics = diagnostics_create(arena);
        struct node *module = read_text(arena_printf(
            arena,
            "source \"k.tl\"\n\nkernel k(in A: bf16[M, N]) @{tt.compute = {fp32_dest_acc_en = %d}, tt.core_grid = [1, 1], tt.core_ranges = [{start = [0, 0], extent = [1, 1]}], tt.grid_blocks = [1], tt.runtime_args = {start_id = start()}} { function compute compute() { erf_tile(ACCURATE, 0) } }\n",
            wide));
        ck_assert_msg(module && module_emit(arena, diagnostics, module, &emission), "%s", messages());
        const char *c = emission.kernels[0].functions[TARGET_C][ROLE_COMPUTE].text,
                   *metalium = emission.kernels[0].functions[TARGET_METALIUM][ROLE_COMPUTE].text;
        ck_assert(!strstr(c, "INP_FLOAT32"));
        ck_assert((strstr(metalium, defined) != NULL) == (wide == 1));
        ck_assert((strstr(metalium, "INP_FLOAT32") != NULL) == (wide == 1));
        arena_free(arena);
    }
}
END_TEST

START_TEST(only_helpers_that_are_called_are_printed) {
    struct emission emission;
    ck_assert(emit("twice(a)", &emission));
    for (enum target target = 0; target < TARGET_COUNT; target++) {
        const char *text = emission.kernels[0].functions[target][0].text;
        ck_assert_ptr_nonnull(strstr(text, "static inline void twice(uint32_t n) {\n"));
        ck_assert_ptr_null(strstr(text, "unused"));
    }
    arena_free(arena);
}
END_TEST

START_TEST(what_has_no_spelling_is_an_internal_error) {
    static const char *const statements[] = {
        "frobnicate(1)",
        "cb_wait_front(1)",
        "cb_wait_front(1, 2, 3)",
        "reduce_tile(AVG, REDUCE_COL, 0, 1, 2, 3, 4)",
        "reduce_tile(a + 1, REDUCE_COL, 0, 1, 2, 3, 4)",
        "fill_tile_bitcast(0, bits(a))",
        "b += bits_bf16(a)",
        "b += bits_bf16x2()",
        "noc_async_read_page(page(B, 0, 0), A, c)",
        "noc_async_read_page(page(A, 0), A, c)",
        "let x: u32 = A[0, 1]",
        "let x: u32 = 1.5",
        "let x: u32 = 4294967296",
        "let x: u32 = sum(k in 0..4: a)",
        "b max= a",
        "A[0, 0] = 1",
        "role compute {\n b += 1\n}",
        "tile map x[i] = y[i]",
        "var x: u32",
    };
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) {
        struct emission emission;
        ck_assert_msg(!emit(statements[i], &emission), "%s has no spelling", statements[i]);
        ck_assert_msg(strstr(messages(), "internal error") != NULL, "%s: %s", statements[i], messages());
        arena_free(arena);
    }
}
END_TEST

/* The place of the first line that begins with the text; 0 when there is none, and for a line without a place
 * 0 as well. */
static uint32_t place_of(const struct emitted_function *function, const char *begin) {
    size_t line = 0;
    for (const char *at = function->text; *at; line++) {
        if (strncmp(at, begin, strlen(begin)) == 0)
            return function->lines[line].source.line;
        at += strcspn(at, "\n") + 1;
    }
    ck_abort_msg("no line begins with '%s'", begin);
    return 0;
}

START_TEST(lines_know_their_places) {
    struct emission emission;
    ck_assert(emit("b += 1 loc(7:3-7:9)\n for i in 0..b loc(8:1-9:4) {\n c += i loc(9:2-9:3)\n}", &emission));
    for (enum target target = 0; target < TARGET_COUNT; target++) {
        const struct emitted_function *reader = &emission.kernels[0].functions[target][0];
        size_t lines = 0;
        for (const char *at = reader->text; *at; at++)
            lines += *at == '\n';
        ck_assert_uint_eq(reader->line_count, lines);
        ck_assert_uint_eq(place_of(reader, "    b += 1;"), 7);
        ck_assert_uint_eq(place_of(reader, "    for"), 8);
        ck_assert_uint_eq(place_of(reader, "        c += i;"), 9);
        ck_assert_uint_eq(place_of(reader, "    }"), 8);
        ck_assert_uint_eq(place_of(reader, "void kernel_main"), 0);
    }
    arena_free(arena);
}
END_TEST

static void assert_equal(const struct emission *a, const struct emission *b) {
    ck_assert_uint_eq(a->kernel_count, b->kernel_count);
    ck_assert_uint_eq(a->host_count, b->host_count);
    for (size_t i = 0; i < a->host_count; i++) {
        ck_assert_str_eq(a->hosts[i].file, b->hosts[i].file);
        ck_assert_str_eq(a->hosts[i].text, b->hosts[i].text);
    }
    for (size_t i = 0; i < a->kernel_count; i++) {
        ck_assert_str_eq(a->kernels[i].host, b->kernels[i].host);
        ck_assert_str_eq(a->kernels[i].plan, b->kernels[i].plan);
        for (enum target target = 0; target < TARGET_COUNT; target++)
            for (size_t role = 0; role < EMITTED_ROLES; role++) {
                const char *text = a->kernels[i].functions[target][role].text;
                ck_assert_int_eq(text != NULL, b->kernels[i].functions[target][role].text != NULL);
                if (text)
                    ck_assert_str_eq(text, b->kernels[i].functions[target][role].text);
            }
    }
}

/* Codegen looks nothing up: the text of device form, read back, gives the same files. */
START_TEST(text_read_back_gives_the_same_files) {
    static const char *const modules[] = {"matmul", "softmax", "scale", "copy"};
    for (size_t i = 0; i < sizeof modules / sizeof *modules; i++) {
        arena = arena_create();
        diagnostics = diagnostics_create(arena);
        size_t length;
        const char *error;
        const char *text =
            file_read(arena, arena_printf(arena, "%s/%s.ir", MODULES, modules[i]), &length, &error);
        ck_assert_msg(text != NULL, "%s", error);
        struct emission first, second;
        struct node *module = read_text(text);
        ck_assert(module && module_emit(arena, diagnostics, module, &first));
        struct text_buffer printed = {0};
        node_print(module, PRINT_SPANS, &printed);
        struct node *again = read_text(arena_string(arena, text_string(&printed)));
        ck_assert_msg(again && module_emit(arena, diagnostics, again, &second), "%s", messages());
        assert_equal(&first, &second);
        text_free(&printed);
        arena_free(arena);
    }
}
END_TEST

START_TEST(one_target_alone_is_the_same_text) {
    struct emission emission;
    struct emitted_kernel alone;
    ck_assert(emit("twice(a)", &emission));
    struct node *module = read_text(arena_printf(arena, "%s        twice(a)\n    }\n}\n", head));
    ck_assert(kernel_emit_target(arena, diagnostics, module, node_as(module, module)->items.items[0],
                                 TARGET_C, &alone));
    ck_assert_str_eq(alone.functions[TARGET_C][0].text, emission.kernels[0].functions[TARGET_C][0].text);
    ck_assert_uint_eq(alone.accessors[0].count, 1);
    ck_assert_str_eq(alone.accessors[0].tensors[0], "A");
    arena_free(arena);
}
END_TEST

UNIT_MAIN("codegen", statements_are_spelled_in_both_languages,
          words_of_the_preprocessor_stand_before_the_headers, only_helpers_that_are_called_are_printed,
          what_has_no_spelling_is_an_internal_error, lines_know_their_places,
          text_read_back_gives_the_same_files, one_target_alone_is_the_same_text)
