/* Random programs by family: nests, products, softmaxes, tile programs, and strange ones. */
#include <string.h>

#include "support/arena.h"
#include "testsuite/run/generate_internal.h"

enum { DEPTH = 3 };

uint32_t choose(struct choices *choices, uint32_t limit) {
    if (choices->bytes) {
        return choices->at < choices->count ? choices->bytes[choices->at++] % limit : 0;
    }
    choices->state += 0x9e3779b97f4a7c15u;
    uint64_t z = choices->state;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (uint32_t)((z ^ z >> 31) % limit);
}

/* ---- nests over elements ---- */

/* The axes of the output: its last two are rows and columns. */
static void open_output(struct maker *m) {
    static const char *const names[] = {"b", "i", "j"}, *const sizes[] = {"H", "M", "N"};
    static const uint8_t ranks[] = {2, 2, 2, 3, 1, 3};
    size_t rank = PICK(m, ranks);
    for (size_t i = rank == 3 ? 0 : 1; i < (rank == 1 ? 2u : 3u); i++) {
        const char *size = i > 0 ? axis_size(m, sizes[i]) : "3";
        scope_axis(m, names[i], size);
    }
}

static const char *loop_text(struct maker *m, size_t first, size_t count) {
    const char *text = "for ";
    for (size_t i = 0; i < count; i++) {
        text = arena_printf(m->arena, "%s%s%s in %s", text, i ? ", " : "", m->scope[first + i].name,
                            m->scope[first + i].size);
    }
    return text;
}

static const char *sizes_text(struct maker *m, size_t count, const struct axis *axes) {
    const char *text = "";
    for (size_t i = 0; i < count; i++) {
        text = arena_printf(m->arena, "%s%s%s", text, i ? ", " : "", axes[i].size);
    }
    return text;
}

static void make_nest(struct maker *m) {
    open_output(m);
    size_t rank = m->scope_count;
    text_printf(&m->body, "    %s {\n", loop_text(m, 0, rank));
    for (uint32_t lets = pick(m, 3); lets > 0; lets--) {
        const char *name = arena_printf(m->arena, "v%zu", m->names++);
        bool fold = m->program.family == FAMILY_REDUCTION && once_in(m, 2);
        const char *value = fold ? reduction_text(m, 2) : expression_text(m, 2);
        /* A let of whole numbers alone would be i32. */
        text_printf(&m->body, "        let %s = %s%s;\n", name, value, strchr(value, '[') ? "" : " + 0.5");
        m->values[m->value_count++] = name;
    }
    const char *value = expression_text(m, DEPTH);
    if (m->program.family == FAMILY_REDUCTION) {
        value = arena_printf(m->arena, "%s + %s", value, reduction_text(m, 2));
    }
    if (m->tensor_count == 0) {
        value = arena_printf(m->arena, "%s + %s", value, input_text(m, 0));
    }
    text_printf(&m->body, "        %s = %s;\n    }\n", access_text(m, "Y", rank, m->scope), value);
}

/* The operands of a product over k: each over its own axis and k, either way round; rank 1 for a product of
 * matrix and vector. */
static void matmul_operands(struct maker *m, const struct axis *batch, const char **a, const char **b) {
    const struct axis i = m->scope[m->scope_count - 2], j = m->scope[m->scope_count - 1],
                      k = {"k", declare_size(m, "K")};
    struct axis left[3] = {*batch, i, k}, right[3] = {*batch, k, j};
    if (once_in(m, 3)) {
        left[1] = k, left[2] = i;
    }
    if (once_in(m, 3)) {
        right[1] = j, right[2] = k;
    }
    bool batched = batch->name, shared = batched && once_in(m, 3);
    *a = batched ? input_at(m, 3, left) : input_at(m, 2, left + 1);
    *b = batched && !shared ? input_at(m, 3, right) : input_at(m, 2, right + 1);
}

static void open_matrix(struct maker *m, struct axis *batch) {
    *batch = (struct axis){0};
    if (once_in(m, 4)) {
        *batch = (struct axis){"b", once_in(m, 2) ? declare_size(m, "H") : "2"};
        if (strcmp(batch->size, "H") == 0) {
            for (size_t i = 0; i < m->program.size_count; i++) {
                struct define *size = &m->program.sizes[i];
                size->value = strcmp(size->name, "H") == 0 && size->value > 4 ? 3 : size->value;
            }
        }
        scope_axis(m, batch->name, batch->size);
    }
    scope_axis(m, "i", axis_size(m, "M"));
    scope_axis(m, "j", axis_size(m, "N"));
}

static const char *epilogue_text(struct maker *m, const char *product) {
    const char *function = once_in(m, 2) ? "silu" : "tanh";
    switch (pick(m, 6)) {
    case 0:
        return product;
    case 1:
        return arena_printf(m->arena, "%s + %s", product, input_text(m, (int)m->scope_count - 1));
    case 2:
        return arena_printf(m->arena, "max(%s + %s, 0)", product, input_text(m, -1));
    case 3:
        return arena_printf(m->arena, "%s * %s", product, scalar_text(m));
    case 4:
        return arena_printf(m->arena, "%s(%s) * %s", function, product, input_text(m, -1));
    default:
        return arena_printf(m->arena, "(%s - %s) * 0.5", input_text(m, -1), product);
    }
}

static const char *product_text(struct maker *m, const char *a, const char *b) {
    bool turn = once_in(m, 2);
    return arena_printf(m->arena, "%s * %s", turn ? b : a, turn ? a : b);
}

static void make_matmul(struct maker *m) {
    struct axis batch;
    const char *a, *b;
    open_matrix(m, &batch);
    matmul_operands(m, &batch, &a, &b);
    const char *product = arena_printf(m->arena, "sum(k in K: %s)", product_text(m, a, b));
    text_printf(&m->body, "    %s {\n        %s = %s;\n    }\n", loop_text(m, 0, m->scope_count),
                access_text(m, "Y", m->scope_count, m->scope), epilogue_text(m, product));
}

/* A product by hand-written loops in any order: an accumulator, or an output that is set and added to. */
static void make_loops(struct maker *m) {
    static const uint8_t orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    struct axis batch;
    const char *a, *b;
    open_matrix(m, &batch);
    matmul_operands(m, &batch, &a, &b);
    size_t rank = m->scope_count;
    const char *target = access_text(m, "Y", rank, m->scope), *loops = loop_text(m, 0, rank);
    const char *term = product_text(m, a, b);
    if (once_in(m, 2)) {
        const char *start = once_in(m, 4) ? input_text(m, (int)rank - 1) : "0";
        text_printf(
            &m->body,
            "    %s {\n        var acc: f32 = %s;\n        for k in K { acc += %s; }\n        %s = %s;\n    }\n",
            loops, start, term, target, epilogue_text(m, "acc"));
        return;
    }
    struct axis axes[3] = {m->scope[rank - 2], m->scope[rank - 1], {"k", "K"}};
    const uint8_t *order = PICK(m, orders);
    text_printf(&m->body, "    %s { %s = 0; }\n    for ", loops, target);
    if (batch.name) {
        text_printf(&m->body, "%s in %s, ", batch.name, batch.size);
    }
    for (size_t i = 0; i < 3; i++) {
        text_printf(&m->body, "%s%s in %s", i ? ", " : "", axes[order[i]].name, axes[order[i]].size);
    }
    text_printf(&m->body, " { %s %s; }\n", target,
                once_in(m, 2) ? arena_printf(m->arena, "+= %s", term)
                              : arena_printf(m->arena, "= %s + %s", term, target));
    if (once_in(m, 2)) {
        text_printf(&m->body, "    %s { %s = %s; }\n", loops, target, epilogue_text(m, target));
    }
}

/* Values of whole rows (or columns) that a later statement reads: normalisations in their many shapes. */
static void make_softmax(struct maker *m) {
    bool columns = once_in(m, 4), batched = once_in(m, 5), weights = once_in(m, 2);
    struct axis outer = {"i", axis_size(m, "M")}, inner = {"j", axis_size(m, "N")}, batch = {"b", "2"};
    struct axis output[3] = {batch, columns ? inner : outer, columns ? outer : inner};
    size_t skip = batched ? 0 : 1;
    uint32_t shape = pick(m, 4);
    m->narrow = shape == 0 || shape == 3; /* maxima are folded exactly in bf16 alone */
    const char *x = input_at(m, 3 - skip, output + skip), *y = access_text(m, "Y", 3 - skip, output + skip);
    const char *scale = weights ? arena_printf(m->arena, " * %s", input_at(m, 1, &inner)) : "";
    text_printf(&m->body, "    for %s%s in %s {\n", batched ? "b in 2, " : "", outer.name, outer.size);
    const char *n = inner.size;
    switch (shape) {
    case 0:
        text_printf(
            &m->body,
            "        let m = max(j in %s: %s);\n        let e[j in %s] = exp(%s - m);\n        let s = sum(j in %s: e[j]);\n"
            "        for j in %s { %s = e[j] / s%s; }\n",
            n, x, n, x, n, n, y, scale);
        break;
    case 1:
        text_printf(
            &m->body,
            "        let m = sum(j in %s: %s) / (%s + 1);\n        let d[j in %s] = %s - m;\n"
            "        let v = sum(j in %s: d[j] * d[j]) / (%s + 1);\n        for j in %s { %s = d[j] * rsqrt(v + 0.001)%s; }\n",
            n, x, n, n, x, n, n, n, y, scale);
        break;
    case 2:
        text_printf(
            &m->body,
            "        let r = sum(j in %s: square(%s));\n        for j in %s { %s = %s * rsqrt(r + 0.01)%s; }\n",
            n, x, n, y, x, scale);
        break;
    default:
        text_printf(
            &m->body,
            "        let m = max(j in %s: %s);\n        let l = log(sum(j in %s: exp(%s - m)) + 0.5) + m;\n"
            "        for j in %s { %s = %s - l%s; }\n",
            n, x, n, x, n, y, x, scale);
        break;
    }
    text_append(&m->body, "    }\n");
    for (size_t i = skip; i < 3; i++) {
        scope_axis(m, output[i].name, output[i].size);
    }
}

/* ---- tile programs ---- */

static const char *block_text(struct maker *m) {
    static const char *const blocks[] = {"32", "64", "32", "128", "96", "256"};
    return PICK(m, blocks);
}

static void open_grid(struct maker *m) {
    scope_axis(m, "i", axis_size(m, "M"));
    scope_axis(m, "j", axis_size(m, "N"));
    bool turn = once_in(m, 6);
    const char *first = arena_printf(m->arena, "i in %s by %s", m->scope[0].size, block_text(m));
    const char *second = arena_printf(m->arena, "j in %s by %s", m->scope[1].size, block_text(m));
    text_printf(&m->body, "    grid %s, %s {\n", turn ? second : first, turn ? first : second);
}

/* Elementwise on blocks, with buffers between, and at times a fold of rows by panels. */
static void make_tiled(struct maker *m) {
    open_grid(m);
    for (uint32_t buffers = pick(m, 3); buffers > 0; buffers--) {
        const char *name = arena_printf(m->arena, "s%zu", m->names++);
        const char *type = once_in(m, 3) ? ": f32" : once_in(m, 3) ? ": bf16" : "";
        text_printf(&m->body, "        shared %s[i, j]%s = %s;\n", name, type, expression_text(m, 2));
        m->values[m->value_count++] = arena_printf(m->arena, "%s[i, j]", name);
    }
    if (once_in(m, 2)) {
        static const char *const folds[] = {"sum", "max"}, *const operators[] = {"+=", "max="},
                                 *const starts[] = {"0", "-inf"};
        size_t fold = pick(m, 2);
        bool row = once_in(m, 3);
        struct axis k = {"k", declare_size(m, "K")}, at[2] = {row ? k : m->scope[0], row ? m->scope[1] : k};
        const char *left = row ? "j" : "i", *type = once_in(m, 4) ? "f32" : "bf16";
        text_printf(&m->parameters, "%sP: %s[%s]", m->tensor_count ? ", " : "", type, sizes_text(m, 2, at));
        if (m->tensor_count == 0) {
            m->tensors[m->tensor_count++] = (struct tensor){.name = "P", .rank = 0};
        }
        text_printf(
            &m->body,
            "        fragment r[%s]: f32 = %s;\n        for k in K by %s { r %s %s(k: P[%s, %s]); }\n", left,
            starts[fold], block_text(m), operators[fold], folds[fold], at[0].name, at[1].name);
        m->values[m->value_count++] = arena_printf(m->arena, "r[%s]", left);
    }
    const char *value = expression_text(m, DEPTH);
    for (size_t i = 0; i < m->value_count; i++) {
        if (!strstr(value, m->values[i])) {
            value = arena_printf(m->arena, "%s + %s", value, m->values[i]);
        }
    }
    if (m->tensor_count == 0) {
        value = arena_printf(m->arena, "%s + %s", value, input_text(m, 0));
    }
    text_printf(&m->body, "        Y[i, j] = %s;\n    }\n", value);
}

static void make_tiled_matmul(struct maker *m) {
    static const char *const pipelines[] = {"", " @pipeline(2)", "", " @pipeline(3)"};
    struct axis none = {0};
    const char *a, *b;
    open_grid(m);
    matmul_operands(m, &none, &a, &b);
    const char *start = once_in(m, 4) ? input_text(m, 1) : "0";
    const char *pipeline = PICK(m, pipelines);
    text_printf(&m->body, "        fragment acc[i, j]: f32 = %s;\n        for k in K by %s%s {\n", start,
                block_text(m), pipeline);
    switch (pick(m, 4)) {
    case 0:
        text_printf(&m->body, "            acc += sum(k: %s * %s);\n", a, b);
        break;
    case 1:
        text_printf(&m->body, "            shared a = %s;\n            gemm(a, %s, acc);\n", a, b);
        break;
    default:
        text_printf(&m->body, "            shared a = %s, b = %s;\n            gemm(a, b, acc);\n", a, b);
        break;
    }
    text_printf(&m->body, "        }\n        Y[i, j] = %s;\n    }\n", epilogue_text(m, "acc[i, j]"));
}

/* ---- programs that break one rule ---- */

static void make_strange(struct maker *m) {
    static const char *const values[] = {"A[i + 1 else 0, j]",
                                         "A[i, i]",
                                         "A[i, j] + i",
                                         "product(k in K: A[i, k])",
                                         "sum(k in 0..i + 1: A[i, k])",
                                         "A[j, i, 0]",
                                         "sum(k in 3..N: A[i, k])",
                                         "A[2, j]",
                                         "A[i, 0]",
                                         "argmax(k in N: A[i, k])",
                                         "undeclared[i, j]",
                                         "select(i > j, A[i, j], 0)",
                                         "A[i, j + 1 else 0.5]",
                                         "sum(k in N: sum(l in N: A[k, l]))",
                                         "sum(k in N, l in N: A[i, k] * A[k, l])",
                                         "exp(",
                                         "A[i, j] % 2",
                                         "i32(A[i, j])",
                                         "A[i / 2, j]",
                                         "bf16(A[i, j]) * 3"};
    scope_axis(m, "i", declare_size(m, "N"));
    scope_axis(m, "j", "N");
    declare_tensor(m, 2, (const char *const[]){"N", "N"});
    const char *value = PICK(m, values);
    switch (pick(m, 4)) {
    case 0:
        text_printf(&m->body, "    for i in N, j in N { Y[i, j] = %s; }\n", value);
        break;
    case 1:
        text_printf(&m->body, "    for i in N, j in N { Y[j, i] = %s * A[i, j]; }\n", value);
        break;
    case 2:
        text_printf(&m->body, "    grid i in N by 32, j in N by 32 { Y[i, j] = %s; }\n", value);
        break;
    default:
        text_printf(&m->body, "    for i in N { for j in N { if i > 0 { Y[i, j] = %s; } } }\n", value);
        break;
    }
}

/* ---- the whole ---- */

/* The sizes of the output are those of inputs: what no other input mentions gets one that the kernel does not
 * read. */
static void bind_output_sizes(struct maker *m) {
    for (size_t i = 0; i < m->scope_count; i++) {
        const char *size = m->scope[i].size;
        bool bound = !strchr("HMNK", *size);
        for (size_t k = 0; k < m->tensor_count; k++) {
            for (size_t j = 0; j < m->tensors[k].rank; j++) {
                bound |= strcmp(m->tensors[k].sizes[j], size) == 0;
            }
        }
        if (!bound) {
            declare_tensor(m, 1, &size);
        }
    }
}

static void (*const makers[FAMILY_COUNT])(struct maker *m) = {[FAMILY_ELEMENTWISE] = make_nest,
                                                              [FAMILY_REDUCTION] = make_nest,
                                                              [FAMILY_MATMUL] = make_matmul,
                                                              [FAMILY_LOOPS] = make_loops,
                                                              [FAMILY_SOFTMAX] = make_softmax,
                                                              [FAMILY_TILED] = make_tiled,
                                                              [FAMILY_TILED_MATMUL] = make_tiled_matmul,
                                                              [FAMILY_STRANGE] = make_strange};

const char *family_name(enum family family) {
    static const char *const names[FAMILY_COUNT] = {[FAMILY_ELEMENTWISE] = "elementwise",
                                                    [FAMILY_REDUCTION] = "reduction",
                                                    [FAMILY_MATMUL] = "matmul",
                                                    [FAMILY_LOOPS] = "loops",
                                                    [FAMILY_SOFTMAX] = "softmax",
                                                    [FAMILY_TILED] = "tiled",
                                                    [FAMILY_TILED_MATMUL] = "tiled matmul",
                                                    [FAMILY_STRANGE] = "strange"};
    return names[family];
}

struct generated program_generate(struct arena *arena, struct choices *choices, enum family family) {
    static const uint8_t grids[][2] = {{1, 1}, {2, 1}, {3, 2}, {1, 4}, {8, 8}};
    struct maker m = {.arena = arena, .choices = choices};
    uint32_t any = choose(choices, FAMILY_COUNT);
    m.program.family = family == FAMILY_COUNT ? (enum family)any : family;
    const uint8_t *grid = PICK(&m, grids);
    m.program.grid_x = grid[0];
    m.program.grid_y = grid[1];
    makers[m.program.family](&m);
    bind_output_sizes(&m);
    for (size_t i = 0; i < m.program.scalar_count; i++) {
        text_printf(&m.parameters, "%s%s: f32", m.tensor_count + i ? ", " : "", m.program.scalars[i].name);
    }
    struct text_buffer text = {0};
    text_printf(&text, "kernel generated(%s) -> Y: %s[%s] {\n%s}\n", text_string(&m.parameters),
                element_type(&m), sizes_text(&m, m.scope_count, m.scope), text_string(&m.body));
    m.program.text = arena_string(arena, text_string(&text));
    text_free(&text);
    text_free(&m.parameters);
    text_free(&m.body);
    m.program.owed = m.program.family == FAMILY_MATMUL || m.program.family == FAMILY_LOOPS ||
                     m.program.family == FAMILY_SOFTMAX || m.program.family == FAMILY_TILED_MATMUL ||
                     m.program.family == FAMILY_ELEMENTWISE;
    return m.program;
}
