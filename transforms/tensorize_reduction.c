/* Reductions as tile operations. A sum of products over one axis is a matmul when the factors fall into two
 * groups: those with the row axis of the result, and those with its column axis (a result with one axis: the
 * factors of the contracted axis alone). Everything else folds one buffer along its rows or columns.
 */
#include <math.h>
#include <string.h>

#include "analysis/match.h"
#include "ir/attributes.h"
#include "ir/build.h"
#include "ir/query.h"
#include "ir/value_type.h"
#include "transforms/tensorize.h"

#define FACTOR_LIMIT 16

struct factors {
    struct node *items[FACTOR_LIMIT];
    size_t count;
};

static bool collect_factors(struct node *node, struct factors *factors) {
    struct node_binary *binary = node_as(node, binary);
    if (binary && binary->op == BINARY_MULTIPLY)
        return collect_factors(binary->left, factors) && collect_factors(binary->right, factors);
    if (factors->count == FACTOR_LIMIT)
        return false;
    factors->items[factors->count++] = node;
    return true;
}

static struct node *times(struct tensorizer *t, struct node *product, struct node *factor) {
    return product ? make_binary(t->arena, BINARY_MULTIPLY, product, factor) : factor;
}

/* The operands of a matmul whose result has the axes row and column; one of them may be NULL. */
struct contraction {
    const char *row, *column, *inner;
    struct node *left, *right;
};

/* Does the body fall into two groups of factors over (row, inner) and (inner, column)? */
static bool match_contraction(struct tensorizer *t, struct node *body, struct contraction *c) {
    struct factors factors = {0};
    if (!collect_factors(body, &factors))
        return false;
    c->left = c->right = NULL;
    struct node *constant = NULL;
    for (size_t i = 0; i < factors.count; i++) {
        struct node *factor = factors.items[i];
        bool row = match_varies(factor, c->row), column = match_varies(factor, c->column);
        bool inner = match_varies(factor, c->inner);
        if (row && column)
            return false;
        if (row || (inner && !column && !c->row))
            c->left = times(t, c->left, factor);
        else if (column || (inner && !c->column))
            c->right = times(t, c->right, factor);
        else if (inner)
            c->left = times(t, c->left, factor);
        else
            constant = times(t, constant, factor);
    }
    if (!c->left || !c->right || !match_varies(c->left, c->inner) || !match_varies(c->right, c->inner))
        return false;
    c->left = constant ? times(t, c->left, constant) : c->left;
    return true;
}

enum orientation reduction_orientation(struct node_reduction *reduction, const char *axis) {
    int order = match_order(reduction->body, axis, node_as(reduction->axes.items[0], axis)->name);
    return order < 0 ? ORIENTATION_ROW : ORIENTATION_COLUMN;
}

static struct contraction contraction_of(struct node_reduction *reduction, size_t count,
                                         const char *const *axes) {
    struct contraction c = {.inner = node_as(reduction->axes.items[0], axis)->name};
    if (count == 2) {
        c.row = axes[0];
        c.column = axes[1];
    } else if (count == 1 && reduction_orientation(reduction, axes[0]) == ORIENTATION_COLUMN) {
        c.row = axes[0];
    } else if (count == 1) {
        c.column = axes[0];
    }
    return c;
}

/* A sum of products of whole numbers that has one axis is folded as any other. */
static bool is_contraction(struct tensorizer *t, struct node_reduction *reduction, size_t count,
                           const char *const *axes, struct contraction *c) {
    *c = contraction_of(reduction, count, axes);
    if (count == 1 && is_whole_type(value_type_of(t, reduction->body)))
        return false;
    return reduction->op == REDUCTION_SUM && count >= 1 && match_contraction(t, reduction->body, c);
}

bool is_sum_of_products(struct tensorizer *t, struct node_reduction *reduction, size_t count, const char *const *axes) {
    struct contraction c;
    return is_contraction(t, reduction, count, axes, &c);
}

/* What a contraction reads of f32 passes through the matrix unit. */
static void remark_cut(struct tensorizer *t, struct node *access) {
    if (storage_find(t, node_as(access, access)->name)->dtype != DTYPE_F32)
        return;
    report_remark(
        t->compilation->diagnostics, t->span,
        "this multiplies f32 values that are cut to TF32 first, to 10 bits of their fraction: a value far from 0 loses what it differs by");
}

static void fail_as_folded_type(struct tensorizer *t, const struct storage *storage) {
    tensorize_fail(t, "this multiplies matrices of whole numbers (%s), and the matrix unit takes floats only",
                   word_text(WORDS_dtype, storage->dtype));
    tensorize_help(t, "write its literals as 1.0");
}

/* An operand over (outer, inner), or along the contracted axis, in a buffer. A vector is a row on the left; on the right a
 * column, or a row that the unpacker turns. */
static struct node *operand(struct tensorizer *t, struct node *value, const struct operand_shape *shape) {
    bool matrix = shape->first && shape->second;
    const char *axes[2] = {shape->first ? shape->first : shape->second, shape->second};
    bool turned = matrix && match_order(value, axes[0], axes[1]) < 0;
    const char *natural[2] = {turned ? axes[1] : axes[0], turned ? axes[0] : axes[1]};
    struct node *access = value_materialize(t, value, "operand", matrix ? 2 : 1, natural);
    if (t->failed)
        return value;
    struct storage *storage = storage_find(t, node_as(access, access)->name);
    if (!dtype_is_computed(storage->dtype) && !is_whole_type(storage->dtype))
        fail_as_folded_type(t, storage);
    if (!matrix && storage->orientation == ORIENTATION_NONE)
        storage->orientation = shape->may_turn ? ORIENTATION_COLUMN : ORIENTATION_ROW;
    return access;
}

/* The operand as the matrix unit takes it: as it lies, or turned; the right one may also lie as (column, inner) unless it
 * is f32, whose tiles the unpacker does not turn. */
struct node *operand_laid(struct tensorizer *t, struct node *access, const struct operand_shape *shape) {
    const struct storage *storage = storage_find(t, node_as(access, access)->name);
    bool natural = shape->first && shape->second
                       ? storage->axes[0] == shape->first
                       : storage->orientation == (shape->may_turn ? ORIENTATION_COLUMN : ORIENTATION_ROW);
    return natural || (shape->may_turn && storage->dtype == DTYPE_BF16) ? access : value_turned(t, access);
}

/* What i32(x) and u32(x) keep of a narrower whole number: all of it, and the fewer digits. */
static struct node *narrow_factor(struct tensorizer *t, struct node *factor) {
    struct node_call *call = node_as(factor, call);
    bool converts = call && (strcmp(call->function, "i32") == 0 || strcmp(call->function, "u32") == 0);
    enum dtype type = converts ? value_type_of(t, call->arguments.items[0]) : DTYPE_NONE;
    return type == DTYPE_BOOL || type == DTYPE_U8 || type == DTYPE_U16 ? call->arguments.items[0] : factor;
}

static struct factor_pair factors_in_buffers(struct tensorizer *t, const struct contraction *c) {
    struct factor_pair pair = {
        .left = {.shape = {c->row, c->inner, false}},
        .right = {.shape = {c->column ? c->inner : NULL, c->column ? c->column : c->inner, true}}};
    pair.left.access = operand(t, narrow_factor(t, c->left), &pair.left.shape);
    pair.right.access = t->failed ? NULL : operand(t, narrow_factor(t, c->right), &pair.right.shape);
    return pair;
}

void matmul_emit(struct tensorizer *t, const char *fragment, struct node_reduction *reduction,
                 struct node *left, struct node *right) {
    struct node *product = make_binary(t->arena, BINARY_MULTIPLY, left, right);
    struct node *sum = node_new(t->arena, reduction, REDUCTION, reduction->base.span, .op = REDUCTION_SUM,
                                .axes = reduction->axes, .body = product);
    tile_emit(t, TILE_MATMUL, buffer_access(t, fragment), ASSIGN_ADD, sum);
}

static enum orientation contraction_orientation(const struct contraction *c) {
    return c->row && c->column ? ORIENTATION_NONE : c->row ? ORIENTATION_COLUMN : ORIENTATION_ROW;
}

static void add_product(struct tensorizer *t, const char *fragment, struct node_reduction *reduction,
                        const struct contraction *c, const struct factor_pair *pair) {
    struct storage *target = storage_find(t, fragment);
    if (target->rank == 1)
        target->orientation = contraction_orientation(c);
    remark_cut(t, pair->left.access);
    remark_cut(t, pair->right.access);
    struct node *left = operand_laid(t, pair->left.access, &pair->left.shape);
    matmul_emit(t, fragment, reduction, left, operand_laid(t, pair->right.access, &pair->right.shape));
}

/* ---- folds ---- */

static bool check_reduction(struct tensorizer *t, struct node_reduction *reduction) {
    if (reduction->axes.count != 1) {
        const char *first = node_as(reduction->axes.items[0], axis)->name,
                   *second = node_as(reduction->axes.items[1], axis)->name,
                   *fold = word_text(WORDS_reduction_operator, reduction->op);
        tensorize_fail(t, "this folds a block along %zu axes at once", reduction->axes.count);
        tensorize_help(
            t,
            "fold along one, keep that in a shared or fragment block, and fold it along the other: %s(%s: ...), %s(%s: ...)",
            fold, first, fold, second);
        return false;
    }
    struct node_axis *axis = node_as(reduction->axes.items[0], axis);
    if (axis->lower) {
        tensorize_fail(t, "this fold opens axis %s itself, over elements", axis->name);
        tensorize_help(t, "open it as blocks around, `for %s in ... by ...`, and fold %s(%s: ...)",
                       axis->name, word_text(WORDS_reduction_operator, reduction->op), axis->name);
        return false;
    }
    if (reduction->op == REDUCTION_ARGMAX || reduction->op == REDUCTION_ARGMIN) {
        tensorize_fail(t, "%s over %s is no operation of the device: it folds by sum, product, max and min",
                       word_text(WORDS_reduction_operator, reduction->op), axis->name);
        tensorize_help(t, "there is no way to the index along %s in a tile program yet", axis->name);
        return false;
    }
    return true;
}

/* A vector of which nothing is left; blocks of two axes are taken element by element (tensorize_elements.c). */
static void fail_as_number(struct tensorizer *t, struct node_reduction *reduction) {
    tensorize_fail(t, "this folds a vector to a single number, and what the device folds are matrices");
    tensorize_help(t, "declare the vector as a matrix of one row, [o, %s] with o in 1: the data are the same",
                   node_as(reduction->axes.items[0], axis)->name);
}

static struct node *fold_value(struct tensorizer *t, struct node_reduction *reduction, struct node *access) {
    return node_new(t->arena, reduction, REDUCTION, reduction->base.span, .op = reduction->op,
                    .axes = reduction->axes, .body = access);
}

/* The matrix unit would cut f32 to TF32, and has no products and whole numbers: the vector unit folds these. */
static bool is_vector_fold(struct tensorizer *t, enum reduction_operator op, struct node *access) {
    return op == REDUCTION_PRODUCT || storage_find(t, node_as(access, access)->name)->dtype != DTYPE_BF16;
}

/* target op= fold of a buffer. */
static void emit_fold(struct tensorizer *t, struct node *target, enum assign_operator op,
                      struct node_reduction *reduction, struct node *access) {
    bool vector = is_vector_fold(t, reduction->op, access);
    if (reduction->op == REDUCTION_PRODUCT)
        report_remark(
            t->compilation->diagnostics, t->span,
            "the device folds no tile by products: each of its 32 lines is picked and multiplied, some 10000 operations for each tile of results");
    tile_emit(t, TILE_REDUCE, target, op, fold_value(t, reduction, access));
    struct node **last = &t->out->items[t->out->count - 1];
    if (vector)
        *last = attribute_set(t->arena, *last, KEY_TT_UNIT, make_reference(t->arena, "vector"));
}

/* The buffer that a fold reads, over (rows, columns); NULL after an error. */
static struct node *fold_operand(struct tensorizer *t, struct node_reduction *reduction, size_t count,
                                 const char *const *axes) {
    const char *inner = node_as(reduction->axes.items[0], axis)->name;
    if (count != 1) {
        fail_as_number(t, reduction);
        return NULL;
    }
    bool column = reduction_orientation(reduction, axes[0]) == ORIENTATION_COLUMN;
    const char *shape[2] = {column ? axes[0] : inner, column ? inner : axes[0]};
    struct node *access = value_materialize(t, reduction->body, "operand", 2, shape);
    if (t->failed)
        return NULL;
    enum dtype stored = storage_find(t, node_as(access, access)->name)->dtype;
    if (is_block_type(stored) || is_narrow_whole(stored))
        access = value_widened(t, access);
    if (storage_find(t, node_as(access, access)->name)->rank != 2) {
        tensorize_fail(t, "this folds a vector along its only axis, to a single number");
        tensorize_help(t, "declare it as a matrix of one row, [o, %s] with o in 1: the data are the same",
                       inner);
        return NULL;
    }
    return access;
}

static enum orientation fold_orientation(struct tensorizer *t, struct node_reduction *reduction,
                                         struct node *access) {
    bool last = storage_find(t, node_as(access, access)->name)->axes[1] ==
                node_as(reduction->axes.items[0], axis)->name;
    return last ? ORIENTATION_COLUMN : ORIENTATION_ROW;
}

/* What the vector unit makes of the buffer's elements: f32, i32 or u32. */
static enum dtype folded_type(struct tensorizer *t, struct node *access) {
    return fragment_type(storage_find(t, node_as(access, access)->name)->dtype);
}

static void accumulate_contraction(struct tensorizer *t, const char *fragment, struct node_reduction *reduction,
                                   const struct contraction *c) {
    struct factor_pair pair = factors_in_buffers(t, c);
    if (t->failed)
        return;
    if (!is_split(t, &pair)) {
        add_product(t, fragment, reduction, c, &pair);
        return;
    }
    const struct storage *target = storage_find(t, fragment);
    struct node *held = buffer_access(t, fragment),
                *found = split_product(t, reduction, &pair, target->rank,
                                       arena_copy(t->arena, target->axes, sizeof target->axes),
                                       contraction_orientation(c));
    tensorize_assign(t, held, ASSIGN_SET, make_binary(t->arena, BINARY_ADD, held, found));
}

static void accumulate(struct tensorizer *t, const char *fragment, struct node_reduction *reduction) {
    struct storage *target = storage_find(t, fragment);
    const char *const *axes = arena_copy(t->arena, target->axes, sizeof target->axes);
    size_t count = target->rank;
    struct contraction c;
    if (!check_reduction(t, reduction))
        return;
    if (is_contraction(t, reduction, count, axes, &c)) {
        accumulate_contraction(t, fragment, reduction, &c);
        return;
    }
    struct node *access = fold_operand(t, reduction, count, axes);
    if (!access)
        return;
    enum orientation orientation = fold_orientation(t, reduction, access);
    storage_find(t, fragment)->orientation = orientation;
    emit_fold(t, buffer_access(t, fragment), update_of_fold(reduction->op), reduction, access);
}

void tensorize_accumulate(struct tensorizer *t, const char *fragment, struct node_reduction *reduction) {
    struct span whole = t->span;
    t->span = span_of_part(whole, reduction->base.span);
    accumulate(t, fragment, reduction);
    t->span = whole;
}

/* min(j: e) is -max(j: -e). */
static struct node *negated_max(struct tensorizer *t, struct node_reduction *reduction, size_t count,
                                const char *const *axes, const char *target) {
    struct node_reduction max = *reduction;
    max.op = REDUCTION_MAX;
    max.body = node_new(t->arena, unary, UNARY, reduction->base.span, .op = UNARY_NEGATE,
                        .operand = reduction->body);
    struct node *value = tensorize_reduction(t, arena_copy(t->arena, &max, sizeof max), count, axes, NULL);
    struct node *negated =
        node_new(t->arena, unary, UNARY, reduction->base.span, .op = UNARY_NEGATE, .operand = value);
    if (target && !t->failed)
        tensorize_assign(t, buffer_access(t, target), ASSIGN_SET, negated);
    return target ? buffer_access(t, target) : negated;
}

static struct node *contraction_value(struct tensorizer *t, struct node_reduction *reduction, size_t count,
                                      const char *const *axes, struct contraction *c, const char *target) {
    struct factor_pair pair = {0};
    struct node *value;
    bool parts = t->exact || is_whole_type(value_type_of(t, reduction->body));
    if (parts)
        pair = factors_in_buffers(t, c);
    if (!t->failed && parts && is_split(t, &pair)) {
        value = split_product(t, reduction, &pair, count, axes, contraction_orientation(c));
    } else {
        const char *fragment =
            buffer_declare(t, MEMORY_FRAGMENT, "acc", count, axes, DTYPE_F32, contraction_orientation(c));
        value = buffer_access(t, fragment);
        tile_emit(t, TILE_MAP, value, ASSIGN_SET, make_integer(t->arena, 0));
        if (!parts)
            pair = factors_in_buffers(t, c);
        if (!t->failed)
            add_product(t, fragment, reduction, c, &pair);
    }
    if (target && !t->failed)
        tensorize_assign(t, buffer_access(t, target), ASSIGN_SET, value);
    return target ? buffer_access(t, target) : value;
}

static const char *fold_buffer(struct tensorizer *t, struct node_reduction *reduction,
                               const char *const *axes, enum dtype dtype, enum orientation orientation) {
    const char *base = arena_printf(t->arena, "%s_%s", orientation == ORIENTATION_COLUMN ? "row" : "column",
                                    word_text(WORDS_reduction_operator, reduction->op));
    return buffer_declare(t, MEMORY_SHARED, base, 1, axes, dtype, orientation);
}

/* A fold of whole numbers that are not what the target holds: with 32 bits first. Of nothing it is the extreme of the
 * narrow type. */
static struct node *converted_fold(struct tensorizer *t, struct node_reduction *reduction,
                                   struct node *access, const char *const *axes, enum orientation orientation,
                                   const char *target) {
    const char *name = fold_buffer(t, reduction, axes, folded_type(t, access), orientation);
    struct node *value = buffer_access(t, name);
    enum dtype type = value_type_of(t, reduction->body);
    emit_fold(t, value, ASSIGN_SET, reduction, access);
    if (is_narrow_whole(type) && (reduction->op == REDUCTION_MAX || reduction->op == REDUCTION_MIN))
        value = make_update(t->arena, update_of_fold(reduction->op), value,
                            neutral_of_fold(t->arena, reduction->op, type));
    if (target && !t->failed)
        tensorize_assign(t, buffer_access(t, target), ASSIGN_SET, value);
    return target ? buffer_access(t, target) : value;
}

static struct node *reduce(struct tensorizer *t, struct node_reduction *reduction, size_t count,
                           const char *const *axes, const char *target) {
    struct contraction c;
    if (!check_reduction(t, reduction))
        return &reduction->base;
    if (reduction->op == REDUCTION_MIN && value_dtype(t, reduction->body) == DTYPE_BF16)
        return negated_max(t, reduction, count, axes, target);
    if (is_contraction(t, reduction, count, axes, &c))
        return contraction_value(t, reduction, count, axes, &c, target);
    struct node *access = fold_operand(t, reduction, count, axes);
    if (!access)
        return &reduction->base;
    enum orientation orientation = fold_orientation(t, reduction, access);
    struct storage *buffer = target ? storage_find(t, target) : NULL;
    enum dtype folded = folded_type(t, access);
    if (folded != DTYPE_F32 &&
        (is_narrow_whole(value_type_of(t, reduction->body)) || (buffer && buffer->dtype != folded)))
        return converted_fold(t, reduction, access, axes, orientation, target);
    bool turned = buffer && buffer->orientation != ORIENTATION_NONE && buffer->orientation != orientation;
    const char *name = target;
    if (!target || turned)
        name = fold_buffer(t, reduction, axes, buffer ? buffer->dtype : value_dtype(t, &reduction->base),
                           orientation);
    storage_find(t, name)->orientation = orientation;
    emit_fold(t, buffer_access(t, name), ASSIGN_SET, reduction, access);
    if (turned)
        tile_emit(t, TILE_TRANSPOSE, buffer_access(t, target), ASSIGN_SET, buffer_access(t, name));
    return buffer_access(t, target ? target : name);
}

struct node *tensorize_reduction(struct tensorizer *t, struct node_reduction *reduction, size_t count,
                                 const char *const *axes, const char *target) {
    struct span whole = t->span;
    t->span = span_of_part(whole, reduction->base.span);
    struct node *value = reduce(t, reduction, count, axes, target);
    t->span = whole;
    return value;
}
