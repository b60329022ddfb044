/* Tile statements: each operation has its shape of target and value, by the table of docs/ir.md. */
#include <string.h>

#include "ir/attributes.h"
#include "ir/query.h"
#include "ir/verify_internal.h"

static const char *operation_name(const struct node_tile *tile) {
    return word_text(WORDS_tile_operation, (int)tile->operation);
}

static const struct scope_name *accessed(struct verifier *v, const struct node *node) {
    return node->kind == NODE_ACCESS ? scope_find(v, ((const struct node_access *)node)->name) : NULL;
}

static bool is_buffer(const struct scope_name *name) {
    return name && (name->kind == NAME_BUFFER || name->kind == NAME_CIRCULAR_BUFFER);
}

static bool is_buffer_access(struct verifier *v, const struct node *node) {
    return is_buffer(accessed(v, node));
}

static bool is_tensor_access(struct verifier *v, const struct node *node) {
    const struct scope_name *name = accessed(v, node);
    return name && name->kind == NAME_TENSOR;
}

/* The axis that a subscript names by itself, NULL when it is another expression. */
static const char *subscript_axis(const struct node_access *access, size_t index) {
    const struct node_reference *reference = node_as(access->subscripts.items[index], reference);
    return reference ? reference->name : NULL;
}

/* Buffers are subscripted by their axes: a different one for each dimension. */
static void check_axes(struct verifier *v, const struct node_access *access) {
    for (size_t i = 0; i < access->subscripts.count; i++) {
        const char *axis = subscript_axis(access, i);
        if (!axis) {
            verify_error(v, &access->base, "%s of a tile statement is subscripted by axes", access->name);
            return;
        }
        for (size_t j = 0; j < i; j++)
            if (strcmp(subscript_axis(access, j), axis) == 0)
                verify_error(v, &access->base, "axis %s stands twice in the subscripts of %s", axis,
                             access->name);
    }
}

static bool has_axis(const struct node_access *access, const char *name) {
    for (size_t i = 0; i < access->subscripts.count; i++) {
        const char *axis = subscript_axis(access, i);
        if (axis && strcmp(axis, name) == 0)
            return true;
    }
    return false;
}

/* ---- operations ---- */

static void check_load(struct verifier *v, const struct node_tile *tile) {
    if (!is_buffer_access(v, tile->target) || !is_tensor_access(v, tile->value) || tile->op != ASSIGN_SET)
        verify_error(v, &tile->base, "tile load is buffer[...] = tensor[...]");
}

static void check_store(struct verifier *v, const struct node_tile *tile) {
    if (!is_tensor_access(v, tile->target) || !is_buffer_access(v, tile->value) || tile->op != ASSIGN_SET)
        verify_error(v, &tile->base, "tile store is tensor[...] = buffer[...]");
}

static void check_map(struct verifier *v, const struct node_tile *tile) {
    if (!is_buffer_access(v, tile->target))
        verify_error(v, &tile->base, "tile map writes a buffer");
    for_each_node (node, tile->value) {
        if (node->kind == NODE_REDUCTION || node->kind == NODE_SCAN) {
            verify_error(v, node, "tile map has no reduction in it");
            skip_below(node);
        } else if (is_tensor_access(v, node)) {
            verify_error(v, node, "tile map reads buffers only, not tensor %s",
                         ((const struct node_access *)node)->name);
        } else if (is_buffer_access(v, node)) {
            check_axes(v, (const struct node_access *)node);
        }
    }
}

/* The axes of an operand are k and `other`; a vector has k alone, and then `other` must not be asked of it.
 */
static bool has_operand_axes(const struct node_access *operand, const char *k, const char *other) {
    size_t count = operand->subscripts.count;
    return has_axis(operand, k) &&
           (other ? count == 2 && strcmp(k, other) != 0 && has_axis(operand, other) : count == 1);
}

/* sum(k: a[row, k] * b[k, column]), or b[column, k]; a vector leaves row or column out, of the target too. */
static bool is_contraction(struct verifier *v, const struct node_access *target, const struct node *value) {
    const struct node_reduction *sum =
        value->kind == NODE_REDUCTION ? (const struct node_reduction *)value : NULL;
    const struct node_binary *product = sum ? node_as(sum->body, binary) : NULL;
    if (!product || sum->op != REDUCTION_SUM || sum->axes.count != 1 || product->op != BINARY_MULTIPLY ||
        !is_buffer_access(v, product->left) || !is_buffer_access(v, product->right))
        return false;
    const struct node_access *a = node_as(product->left, access), *b = node_as(product->right, access);
    const char *k = node_as(sum->axes.items[0], axis)->name, *first = subscript_axis(target, 0);
    if (target->subscripts.count == 2)
        return has_operand_axes(a, k, first) && subscript_axis(a, 1) &&
               strcmp(subscript_axis(a, 1), k) == 0 && has_operand_axes(b, k, subscript_axis(target, 1));
    return (has_operand_axes(a, k, NULL) && has_operand_axes(b, k, first)) ||
           (has_operand_axes(a, k, first) && has_operand_axes(b, k, NULL));
}

static void check_matmul(struct verifier *v, const struct node_tile *tile) {
    const struct scope_name *name = accessed(v, tile->target);
    const struct node_access *target = name ? (const struct node_access *)tile->target : NULL;
    if (!target || name->kind != NAME_BUFFER || !name->fragment || tile->op != ASSIGN_ADD)
        verify_error(v, &tile->base, "tile matmul is fragment[...] += sum(k: a * b)");
    else if (target->subscripts.count > 2 || !is_contraction(v, target, tile->value))
        verify_error(
            v, &tile->base,
            "tile matmul contracts a[row, k] and b[k, column] or b[column, k], or a vector in place of one, to %s",
            target->name);
}

static void check_reduce(struct verifier *v, const struct node_tile *tile) {
    const struct node_reduction *fold =
        tile->value->kind == NODE_REDUCTION ? (const struct node_reduction *)tile->value : NULL;
    bool sum = fold && fold->op == REDUCTION_SUM, vector = folds_in_slots(tile);
    bool folds = sum || (fold && (fold->op == REDUCTION_MAX ||
                                  (vector && (fold->op == REDUCTION_MIN || fold->op == REDUCTION_PRODUCT))));
    if (!is_buffer_access(v, tile->target) || !folds || fold->axes.count != 1 ||
        !is_buffer_access(v, fold->body)) {
        verify_error(
            v, &tile->base,
            "tile reduce is buffer[...] = sum(axis: buffer) or max(axis: buffer), or min or product of the vector unit");
        return;
    }
    if (vector && (tile->op != ASSIGN_SET) != (lane_axis(tile) != NULL))
        verify_error(v, &tile->base,
                     "a tile reduce of the vector unit goes with =, or by lanes: buffer[i, lane] += sum(j: buffer[i, j])");
    const struct node_access *operand = node_as(fold->body, access);
    const char *axis = node_as(fold->axes.items[0], axis)->name;
    if (tile->op != ASSIGN_SET && tile->op != update_of_fold(fold->op))
        verify_error(v, &tile->base, "tile reduce by %s goes with = or %s",
                     word_text(WORDS_reduction_operator, fold->op),
                     word_text(WORDS_assign_operator, update_of_fold(fold->op)));
    if (!has_axis(operand, axis))
        verify_error(v, &tile->base, "tile reduce folds %s, which %s has not", axis, operand->name);
    check_axes(v, operand);
}

static void check_transpose(struct verifier *v, const struct node_tile *tile) {
    const struct node_access *target =
        tile->target->kind == NODE_ACCESS ? (const struct node_access *)tile->target : NULL;
    const struct node_access *source =
        tile->value->kind == NODE_ACCESS ? (const struct node_access *)tile->value : NULL;
    if (!is_buffer_access(v, tile->target) || !is_buffer_access(v, tile->value) || tile->op != ASSIGN_SET ||
        target->subscripts.count != source->subscripts.count) {
        verify_error(v, &tile->base, "tile transpose is buffer[i, j] = buffer[j, i], or a vector that turns");
        return;
    }
    size_t count = target->subscripts.count;
    for (size_t i = 0; i < count; i++) {
        const char *axis = subscript_axis(target, i), *other = subscript_axis(source, count - 1 - i);
        if (!axis || !other || strcmp(axis, other) != 0) {
            verify_error(v, &tile->base, "tile transpose exchanges the axes of %s", source->name);
            return;
        }
    }
}

/* A vector along the second axis of the target, or nothing. */
static bool is_scan_start(struct verifier *v, const struct node_access *target, const struct node *start) {
    const struct node_access *access = start && is_buffer_access(v, start) ? (const struct node_access *)start : NULL;
    return !start || (access && access->subscripts.count == 1 &&
                      node_equal(access->subscripts.items[0], target->subscripts.items[1]));
}

static void check_scan(struct verifier *v, const struct node_tile *tile) {
    const struct node_scan *scan = tile->value->kind == NODE_SCAN ? (const struct node_scan *)tile->value : NULL;
    const struct node_access *target = is_buffer_access(v, tile->target) ? (const struct node_access *)tile->target : NULL;
    if (!scan || !target || tile->op != ASSIGN_SET || !is_buffer_access(v, scan->body) ||
        target->subscripts.count != 2 ||
        !list_equal(target->subscripts, ((const struct node_access *)scan->body)->subscripts) ||
        !node_equal(scan->axis, target->subscripts.items[0]) || !is_scan_start(v, target, scan->start))
        verify_error(v, &tile->base,
                     "tile scan is buffer[i, j] = scan(fold, i: buffer[i, j]), down the rows, or scan(fold, i: buffer[i, j], buffer[j])");
}

/* ---- device form: the axes' ranges ---- */

static void open_ranges(struct verifier *v, const struct node_tile *tile) {
    struct node_dictionary *ranges = node_as(attribute_get(&tile->base, KEY_TT_RANGES), dictionary);
    if (!v->inside_role || v->role != ROLE_COMPUTE)
        verify_error(v, &tile->base, "a tile statement of device form stands in role compute");
    if (tile->operation == TILE_LOAD || tile->operation == TILE_STORE)
        verify_error(v, &tile->base, "tile %s of device form: pages are moved by calls",
                     operation_name(tile));
    for (size_t i = 0; ranges && i < ranges->entries.count; i++) {
        const struct node_attribute *entry = node_as(ranges->entries.items[i], attribute);
        const struct node_sequence *triple = node_as(entry->value, sequence);
        if (!triple || triple->items.count != 3) {
            verify_error(v, &tile->base, "%s of axis %s must be [tiles, first, extent]", KEY_TT_RANGES,
                         entry->key);
            continue;
        }
        for (size_t j = 0; j < 3; j++)
            verify_number(v, triple->items.items[j], "a range");
        scope_add(v, NAME_RANGE, entry->key, &tile->base);
    }
}

void verify_tile(struct verifier *v, const struct node_tile *tile) {
    static void (*const checks[])(struct verifier *, const struct node_tile *) = {
        [TILE_LOAD] = check_load,     [TILE_STORE] = check_store,   [TILE_MAP] = check_map,
        [TILE_MATMUL] = check_matmul, [TILE_REDUCE] = check_reduce, [TILE_TRANSPOSE] = check_transpose,
        [TILE_SCAN] = check_scan,
    };
    size_t mark = v->count;
    if (v->form == FORM_DEVICE)
        open_ranges(v, tile);
    bool before = v->failed;
    v->failed = false;
    verify_assignment(v, &tile->base, tile->target, tile->value);
    if (!v->failed) {
        if (is_buffer_access(v, tile->target))
            check_axes(v, (const struct node_access *)tile->target);
        checks[tile->operation](v, tile);
    }
    v->failed |= before;
    v->count = mark;
}
