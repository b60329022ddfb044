/* A group of equations as a tile program.
 *
 *     grid <outer axes by block> {
 *         for <whole axes> {                          where there are any
 *             shared m[i]: bf16 = max(j: X[i, j])     an intermediate value, a fold over a whole axis
 *             fragment acc[i, j]: f32 = bias[j]       a reduction by panels
 *             for k in 0..K by 256 { acc[i, j] += sum(k: A[i, k] * B[k, j]) }
 *             C[i, j] = max(acc[i, j], 0)
 *
 * Rules for sizes: an output block fills a DST section; a panel has 8 tiles and less where the buffers would
 * fill L1; with fixed sizes no block is larger than the padded tensor.
 */
#include <math.h>
#include <string.h>

#include "ir/build.h"
#include "ir/query.h"
#include "ir/value_type.h"
#include "transforms/auto_tile_emit.h"
#include "transforms/auto_tile_views.h"

enum { REDUCTION_LIMIT = 16 };

/* ---- buffers ---- */

/* The axes of a buffer for a value: those in tiles, rows before columns as the tensors have them. Returns how
 * many; 0 after an error. */
static size_t buffer_axes(struct emitter *e, struct node *value, const char **axes) {
    struct tiler *t = e->t;
    size_t count = 0;
    for (size_t i = 0; i < e->equation->axis_count; i++) {
        const char *name = e->equation->axes[i].name;
        if (!is_tile_axis(t, name) || (value && !match_varies(value, name)))
            continue;
        if (count == 2) {
            if (tile_fail(t, e->equation->span,
                          "%s varies along more than two axes that the device cuts into tiles",
                          e->equation->unnamed ? "a fold in this statement" : e->equation->name))
                tile_help(t, "store it in a tensor, in a kernel of its own");
            return 0;
        }
        axes[count++] = name;
    }
    if (!count &&
        tile_fail(t, e->equation->span,
                  "a fold in this statement gives a single number, which the device has no place for"))
        tile_help(
            t,
            "compute it in a kernel of its own, which stores it in a tensor of two dimensions, S[o, p] with o and p in 1");
    if (count == 2 && !e->equation->store) {
        int order = 0;
        for (size_t i = 0; i < t->equation_count && !order; i++)
            order = match_order(value ? value : t->equations[i].value, axes[0], axes[1]);
        for (size_t i = 0; i < t->equation_count && !order; i++)
            if (t->equations[i].store)
                order = match_order(
                    access_of(t->arena, "target", t->equations[i].axis_count, t->equations[i].axes), axes[0],
                    axes[1]);
        if (order < 0) {
            const char *swapped = axes[0];
            axes[0] = axes[1];
            axes[1] = swapped;
        }
    }
    return count;
}

static struct node *named_access(struct emitter *e, const char *name, size_t count, const char *const *axes) {
    struct list_builder subscripts = {0};
    for (size_t i = 0; i < count; i++)
        builder_add(e->arena, &subscripts, make_reference(e->arena, axes[i]));
    return make_access(e->arena, name, builder_list(&subscripts));
}

static void emit_buffer(struct emitter *e, enum memory memory, const char *name, size_t count,
                        const char *const *axes, enum dtype dtype, struct node *value) {
    struct list_builder parts = {0};
    for (size_t i = 0; i < count; i++)
        builder_add(e->arena, &parts, make_axis(e->arena, axes[i], NULL, NULL, NULL));
    builder_add(e->arena, e->out,
                node_new(e->arena, buffer, BUFFER, e->equation->span, .memory = memory,
                         .name = arena_intern(e->arena, name), .axes = builder_list(&parts), .dtype = dtype,
                         .value = value));
}

enum dtype emitted_type(struct emitter *e, struct node *value) {
    struct value_types types = tiler_types(e->t);
    return value_type(&types, value);
}

static enum dtype value_dtype(struct emitter *e, struct node *value) {
    struct value_types types = tiler_types(e->t);
    return kept_type(&types, value);
}

/* ---- reductions by panels ---- */

struct panels {
    struct node_reduction *items[REDUCTION_LIMIT]; /* distinct, in program order */
    size_t count;
    bool overflow;
};

static bool is_panelled(const struct node_reduction *reduction) {
    for (size_t i = 0; i < reduction->axes.count; i++)
        if (node_as(reduction->axes.items[i], axis)->lower)
            return true;
    return false;
}

static struct panels panels_of(struct node *value) {
    struct panels panels = {.count = 0};
    for_each (reduction, reduction, value) {
        if (!is_panelled(reduction))
            continue;
        skip_below(reduction);
        size_t i = 0;
        while (i < panels.count && !node_equal(&panels.items[i]->base, &reduction->base))
            i++;
        if (i == REDUCTION_LIMIT)
            panels.overflow = true;
        else if (i == panels.count)
            panels.items[panels.count++] = reduction;
    }
    return panels;
}

static bool is_folded_by(const struct node_reduction *reduction, const char *name) {
    for (size_t i = 0; reduction && i < reduction->axes.count; i++)
        if (strcmp(node_as(reduction->axes.items[i], axis)->name, name) == 0)
            return true;
    return false;
}

/* Is every operand a vector or a number along the fragment's axes? A fold of a row or column that is held is one, as that
 * of a streamed one is: sums of products begin with the same. */
static bool is_of_vectors(const struct emitter *e, struct node *value, size_t count,
                          const char *const *axes) {
    for_each_node (node, value) {
        struct node_reduction *fold = node_as(node, reduction);
        if (fold && is_panelled(fold))
            return false;
        if (!fold && node->kind != NODE_ACCESS)
            continue;
        size_t covered = 0, varying = 0;
        for (size_t k = 0; k < count; k++)
            covered += match_varies(node, axes[k]);
        for (size_t k = 0; k < e->t->axis_count; k++) {
            const char *name = e->t->axis_names[k];
            varying += match_varies(node, name) && is_tile_axis(e->t, name) && !is_folded_by(fold, name);
        }
        if (covered > 1 || varying != covered)
            return false;
        skip_below(node);
    }
    return true;
}

/* The first sum of the reduction and something else, which is its addend; NULL when there is none. */
static struct node *find_addition(struct node *value, const struct node *reduction, struct node **addend) {
    for_each (binary, binary, value) {
        bool add = binary->op == BINARY_ADD, left = add && node_equal(binary->left, reduction),
             right = add && node_equal(binary->right, reduction);
        if (left != right) {
            *addend = left ? binary->right : binary->left;
            return &binary->base;
        }
    }
    return NULL;
}

bool folds_matrices(const struct emitter *e, const struct node_reduction *reduction) {
    for (size_t i = 0; i < reduction->axes.count; i++) {
        const char *axis = node_as(reduction->axes.items[i], axis)->name;
        if (is_tile_axis(e->t, axis) || !match_varies(reduction->body, axis))
            return false;
    }
    return true;
}

/* What an accumulator holds: f32, i32 or u32. */
static enum dtype gathered_type(struct emitter *e, struct node_reduction *reduction) {
    return fragment_type(emitted_type(e, &reduction->base));
}

/* Rows and columns of floats are folded to a minimum as the maximum of what is negated. */
static bool gathers_negated(struct emitter *e, struct node_reduction *reduction) {
    return reduction->op == REDUCTION_MIN && !folds_matrices(e, reduction) &&
           gathered_type(e, reduction) == DTYPE_F32;
}

/* What an accumulator begins with where nothing else is said. */
static struct node *neutral_of(struct emitter *e, struct node_reduction *reduction) {
    enum reduction_operator op = gathers_negated(e, reduction) ? REDUCTION_MAX : reduction->op;
    return neutral_of_fold(e->arena, op, emitted_type(e, reduction->body));
}

/* `sum + e` with e a vector or number: e is what the fragment starts from, and the addition vanishes from the
 * value. */
static struct node *take_start(struct emitter *e, struct node **value, struct node_reduction *reduction,
                               size_t count, const char *const *axes) {
    bool sum = reduction->op == REDUCTION_SUM;
    struct node *addend, *addition = sum ? find_addition(*value, &reduction->base, &addend) : NULL;
    if (!addition || !is_of_vectors(e, addend, count, axes) ||
        count_equal(*value, addition) != count_equal(*value, &reduction->base))
        return neutral_of(e, reduction);
    *value = replace_equal(e->arena, *value, addition, &reduction->base);
    return addend;
}

/* Loops over the reduced axes: matrices one at a time, tiles by panels. The reduction inside folds the block
 * axis; without one (folded stays NULL) whole matrices are gathered. False after an error. */
static bool open_panels(struct emitter *e, struct node_reduction *reduction, struct list_builder *axes,
                        const char **folded) {
    struct tiler *t = e->t;
    struct node *panel = NULL;
    for (size_t i = 0; i < reduction->axes.count; i++) {
        struct node_axis *axis = node_as(reduction->axes.items[i], axis);
        const struct range *range = axis_named(t, axis->name);
        bool tiled = is_tile_axis(t, axis->name) || !match_varies(reduction->body, axis->name);
        if (!tiled) {
            builder_add(e->arena, axes, make_axis(e->arena, axis->name, range->lower, range->upper, NULL));
            continue;
        }
        if (panel || !axis->lower) {
            fail_as_rows_and_columns(t, e->equation, reduction, *folded ? *folded : axis->name, axis->name);
            return false;
        }
        if (!match_varies(reduction->body, axis->name)) {
            if (tile_fail(t, e->equation->span, "nothing that is folded over %s depends on it", axis->name))
                tile_help(t, "a sum of equal terms is a product: %s * ...",
                          node_text(t->arena, range->upper));
            return false;
        }
        int64_t tiles = panel_tiles(e, range, reduction->body);
        panel = make_axis(e->arena, axis->name, range->lower, range->upper,
                          make_integer(e->arena, tiles * TILE_EDGE));
        *folded = axis->name;
    }
    if (panel)
        builder_add(e->arena, axes, panel);
    return true;
}

static struct accumulator new_accumulator(struct emitter *e, struct node_reduction *reduction,
                                          struct node *start, size_t count, const char *const *axes) {
    const char *name = name_fresh(&e->t->names, "acc");
    emit_buffer(e, MEMORY_FRAGMENT, name, count, axes, gathered_type(e, reduction), start);
    return (struct accumulator){.reduction = reduction,
                                .access = named_access(e, name, count, axes),
                                .span = span_of_part(e->equation->span, reduction->base.span)};
}

bool accumulator_open(struct emitter *e, struct node_reduction *reduction, struct accumulator *accumulator) {
    const char *axes[2];
    size_t count = buffer_axes(e, &reduction->base, axes);
    if (count)
        *accumulator = new_accumulator(e, reduction, neutral_of(e, reduction), count, axes);
    return count > 0;
}

/* min(e) is -max(-e). */
struct node *accumulate(struct emitter *e, const struct accumulator *accumulator, const char *folded,
                        struct node *terms) {
    struct node_reduction *reduction = accumulator->reduction;
    bool negated = gathers_negated(e, reduction);
    enum reduction_operator op = negated ? REDUCTION_MAX : reduction->op;
    struct node *value = negated ? make_negation(e->arena, terms) : terms;
    if (folded)
        value = node_new(e->arena, reduction, REDUCTION, reduction->base.span, .op = op,
                         .axes = LIST(e->arena, make_axis(e->arena, folded, NULL, NULL, NULL)), .body = value);
    return node_new(e->arena, assign, ASSIGN, accumulator->span, .target = accumulator->access,
                    .op = update_of_fold(op), .value = value);
}

struct node *accumulated(struct emitter *e, const struct accumulator *accumulator) {
    bool negated = gathers_negated(e, accumulator->reduction);
    return negated ? make_negation(e->arena, accumulator->access) : accumulator->access;
}

/* The innermost axis of which the fold takes one element after the other; NULL: there is none. */
static const char *single_axis(const struct tiler *t, const struct node_reduction *reduction) {
    const char *single = NULL;
    for (size_t i = 0; i < reduction->axes.count; i++) {
        const struct range *range = axis_named(t, node_as(reduction->axes.items[i], axis)->name);
        single = range->single ? range->name : single;
    }
    return single;
}

/* fragment acc = start; for k by panel { acc op= reduction(k: body) }; what stands for the reduction in the
 * value. */
static struct node *emit_panels(struct emitter *e, struct node **value, struct node_reduction *reduction,
                                bool last) {
    const char *axes[2], *folded = NULL;
    size_t count = buffer_axes(e, &reduction->base, axes);
    struct list_builder loops = {0}, body = {0};
    if (!count || !open_panels(e, reduction, &loops, &folded))
        return NULL;
    struct node *start = take_start(e, value, reduction, count, axes);
    struct accumulator accumulator = new_accumulator(e, reduction, start, count, axes);
    const char *streamed = folded ? folded : single_axis(e->t, reduction);
    struct node *terms = streamed ? emit_multicast(e, reduction->body, streamed, &body) : reduction->body;
    builder_add(e->arena, &body, accumulate(e, &accumulator, folded, terms));
    builder_add(e->arena, e->out,
                node_new(e->arena, for, FOR, accumulator.span, .axes = builder_list(&loops),
                         .body = make_block(e->arena, accumulator.span, builder_list(&body))));
    struct node *result = accumulated(e, &accumulator);
    if (last)
        return result;
    const char *kept = name_fresh(&e->t->names, "partial");
    emit_buffer(e, MEMORY_SHARED, kept, count, axes, gathered_type(e, reduction), result);
    return named_access(e, kept, count, axes);
}

/* ---- equations ---- */

/* Intermediate values are read at the axes of their buffers, which leave out axes that select matrices. */
static struct node *read_buffers(struct node *node, void *context) {
    struct emitter *e = context;
    struct node_access *access = node_as(node, access);
    const struct equation *let = access ? equation_named(e->t, access->name) : NULL;
    if (!let)
        return access ? node : node_map_children(e->arena, node, read_buffers, e);
    struct emitter other = *e;
    other.equation = let;
    const char *axes[2];
    size_t count = buffer_axes(&other, NULL, axes);
    return node_with_span(e->arena, named_access(e, let->name, count, axes), node->span);
}

/* Refuses what no tile operation does; values without a type get that of what they compute. */
static void settle_equations(struct emitter *e) {
    struct tiler *t = e->t;
    for (size_t i = 0; i < t->equation_count && !t->failed; i++) {
        struct equation *equation = &t->equations[i];
        e->equation = equation;
        check_equation(e);
        if (!t->failed && !equation->store && equation->dtype == DTYPE_NONE)
            equation->dtype = value_dtype(e, equation->value);
    }
}

void emit_statement(struct emitter *e, const struct equation *equation) {
    struct tiler *t = e->t;
    e->equation = equation;
    struct node *value = equation->value;
    struct panels panels = panels_of(value);
    if (panels.overflow)
        tile_fail(t, equation->span, "more than %d folds stand in one statement", REDUCTION_LIMIT);
    for (size_t i = 0; i < panels.count && !t->failed; i++) {
        struct node *result = emit_panels(e, &value, panels.items[i], i + 1 == panels.count);
        if (result)
            value = replace_equal(e->arena, value, &panels.items[i]->base, result);
    }
    const char *axes[2];
    size_t count = t->failed || equation->store ? 0 : buffer_axes(e, NULL, axes);
    if (t->failed)
        return;
    if (!equation->store) {
        emit_buffer(e, MEMORY_SHARED, equation->name, count, axes, equation->dtype, value);
        return;
    }
    struct node *target = access_of(e->arena, equation->name, equation->axis_count, equation->axes);
    builder_add(e->arena, e->out,
                node_new(e->arena, assign, ASSIGN, equation->span, .target = target, .op = ASSIGN_SET,
                         .value = value));
}

bool has_own_panels(const struct tiler *t, const struct equation *equation) {
    for (size_t i = 0; i < equation->axis_count; i++)
        if (!is_outer(t, equation->axes[i].name) && !is_inner(t, equation->axes[i].name))
            return true;
    return false;
}

void emit_own_panels(struct emitter *e, const struct equation *equation, struct node_list body) {
    struct list_builder axes = {0};
    for (size_t i = 0; i < equation->axis_count; i++) {
        const struct range *range = &equation->axes[i];
        if (is_outer(e->t, range->name) || is_inner(e->t, range->name))
            continue;
        struct node *step = is_matrix_axis(e->t, range->name)
                                ? NULL
                                : make_integer(e->arena, clip_tiles(e->section, range) * TILE_EDGE);
        builder_add(e->arena, &axes, make_axis(e->arena, range->name, range->lower, range->upper, step));
    }
    builder_add(e->arena, e->out,
                node_new(e->arena, for, FOR, equation->span, .axes = builder_list(&axes),
                         .body = make_block(e->arena, equation->span, body)));
}

void emit_equation(struct emitter *e, const struct equation *equation) {
    struct list_builder body = {0}, *out = e->out;
    if (!has_own_panels(e->t, equation)) {
        emit_statement(e, equation);
        return;
    }
    e->out = &body;
    emit_statement(e, equation);
    e->out = out;
    emit_own_panels(e, equation, builder_list(&body));
}

/* One trip: the step is the range, in whole tiles where it is known and has some. */
static struct node *whole_axis(struct emitter *e, const struct range *range) {
    int64_t fixed = fixed_tiles(range), upper;
    bool empty = integer_value(range->upper, &upper) && upper == 0;
    struct node *step = fixed > 0 && !empty ? make_integer(e->arena, fixed * TILE_EDGE) : range->upper;
    return make_axis(e->arena, range->name, range->lower, range->upper, step);
}

/* Where loops over these axes come from: the statement that opens the first of them, else this one. */
static struct span loop_span(const struct range *ranges, size_t count, struct span statement) {
    return count && ranges[0].statement.line ? ranges[0].statement : statement;
}

struct node *tile_emit_program(struct tiler *t) {
    struct list_builder statements = {0};
    struct emitter e = new_emitter(t, &statements);
    struct span span = t->equations[t->equation_count - 1].span;
    choose_blocks(&e);
    settle_equations(&e);
    if (!t->failed)
        emit_group(&e);
    if (t->failed)
        return NULL;
    struct list_builder read = {0};
    for (size_t i = 0; i < statements.count; i++)
        builder_add(t->arena, &read, read_buffers(statements.items[i], &e));
    struct node_list body = buffers_distinct(t, views_written_out(t, builder_list(&read)));
    report_streamed(t, body);
    struct span inner_span = loop_span(t->group.inner, t->group.inner_count, span);
    struct list_builder inner = {0}, outer = {0};
    for (size_t i = 0; i < t->group.inner_count; i++)
        if (!t->group.streamed[i])
            builder_add(t->arena, &inner, whole_axis(&e, &t->group.inner[i]));
    if (inner.count)
        body = LIST(t->arena, node_new(t->arena, for, FOR, inner_span, .axes = builder_list(&inner),
                                       .body = make_block(t->arena, inner_span, body)));
    span = loop_span(t->group.outer, t->group.outer_count, span);
    for (size_t i = 0; i < t->group.outer_count; i++) {
        const struct range *range = &t->group.outer[i];
        struct node *step = e.outer_tiles[i] ? make_integer(t->arena, e.outer_tiles[i] * TILE_EDGE) : NULL;
        builder_add(t->arena, &outer, make_axis(t->arena, range->name, range->lower, range->upper, step));
    }
    struct node *grid = node_new(t->arena, grid, GRID, span, .axes = builder_list(&outer),
                                 .body = make_block(t->arena, span, body));
    return make_block(t->arena, t->kernel->body->span, LIST(t->arena, grid));
}
