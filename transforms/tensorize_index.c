/* Expressions of indices in values. An index is a whole number: sums and differences of few are worked out in
 * f32, exactly as long as no size is greater than INDEX_LIMIT, which the launch checks; all others in i32, and
 * converted behind that.
 *
 *     C[i, j] = A[i, j] * (j - i) + j / 32   =>   tile map C_out[i, j] = A_in[i, j] * (j - i) + i32(j / 32)
 */
#include <string.h>

#include "ir/build.h"
#include "ir/query.h"
#include "ir/value_type.h"
#include "transforms/tensorize.h"

/* f32 holds every whole number up to 2^24: a sum of so many terms up to the limit. */
enum { INDEX_LIMIT = 1 << 22, TERM_LIMIT = 4 };

bool is_tile_index(struct tensorizer *t, const struct node *node) {
    const struct node_reference *reference =
        node->kind == NODE_REFERENCE ? (const struct node_reference *)node : NULL;
    struct node_axis *axis = reference ? axis_find(t, reference->name) : NULL;
    return axis && axis->step && attribute_integer(axis->step, 0) != 1;
}

static bool has_index(struct tensorizer *t, struct node *value) {
    for_each_node (node, value) {
        if (is_block_place(node))
            skip_below(node);
        else if (is_tile_index(t, node))
            return true;
    }
    return false;
}

/* ---- what f32 holds ---- */

/* A size or the end of an axis: a number that is small, or a condition on it. */
static bool is_small(struct tensorizer *t, struct node *size, struct list_builder *conditions) {
    int64_t value;
    if (integer_value(size, &value))
        return value >= -INDEX_LIMIT && value <= INDEX_LIMIT;
    if (!known_at_launch(t->arena, t->compilation->kernel, size))
        return false;
    for_each (reference, reference, size)
        if (launch_parameter(t->compilation->kernel, reference->name))
            return false; /* a scalar has no place where a size stands */
    builder_add(t->arena, conditions,
                make_binary(t->arena, BINARY_LESS_EQUAL, size, make_integer(t->arena, INDEX_LIMIT)));
    return true;
}

/* The terms of the value; more than TERM_LIMIT where it is no sum of what f32 holds. */
static size_t count_terms(struct tensorizer *t, struct node *value, struct list_builder *conditions) {
    struct node_unary *unary = node_as(value, unary);
    struct node_binary *binary = node_as(value, binary);
    struct node_call *call = node_as(value, call);
    struct node_reference *reference = node_as(value, reference);
    struct node_axis *axis = reference ? axis_find(t, reference->name) : NULL;
    if (unary)
        return count_terms(t, unary->operand, conditions);
    if (binary && (binary->op == BINARY_ADD || binary->op == BINARY_SUBTRACT))
        return count_terms(t, binary->left, conditions) + count_terms(t, binary->right, conditions);
    if (call && !is_block_place(value)) {
        size_t terms = 0, first = strcmp(call->function, "select") == 0;
        for (size_t i = first; i < call->arguments.count; i++)
            terms += count_terms(t, call->arguments.items[i], conditions);
        return function_keeps_values(call->function) || first ? terms : TERM_LIMIT + 1;
    }
    struct node *end = axis ? axis->upper : value;
    return binary || call || !is_small(t, end, conditions) ? TERM_LIMIT + 1 : 1;
}

static void add_condition(struct tensorizer *t, struct node *condition) {
    for (size_t i = 0; i < t->conditions.count; i++)
        if (node_equal(t->conditions.items[i], condition))
            return;
    builder_add(t->arena, &t->conditions, condition);
}

/* An expression of indices that becomes a float. */
static struct node *as_float(struct tensorizer *t, struct node *value) {
    struct list_builder conditions = {0};
    if (count_terms(t, value, &conditions) > TERM_LIMIT)
        return make_call(t->arena, "i32", LIST(t->arena, value));
    for (size_t i = 0; i < conditions.count; i++)
        add_condition(t, conditions.items[i]);
    return value;
}

/* ---- the largest expressions of indices ---- */

struct indexing {
    struct tensorizer *t;
    bool whole; /* what is at hand is worked out as i32 or u32 */
};

/* Are the operands of the node worked out as whole numbers? Those of a condition are what they are among
 * themselves, wherever it stands. */
static bool is_whole_context(struct tensorizer *t, struct node *node, bool whole) {
    struct node_binary *binary = node_as(node, binary);
    enum dtype type = value_type_of(t, node);
    bool condition = type == DTYPE_BOOL;
    if (binary && condition)
        type = joined_type(computed_type(value_type_of(t, binary->left)),
                           computed_type(value_type_of(t, binary->right)));
    return type == DTYPE_INDEX ? whole && !condition : is_whole_type(type) && type != DTYPE_BOOL;
}

static struct node *settle(struct node *node, void *context);

/* An expression of indices with what its conditions compare settled. */
static struct node *settle_conditions(struct node *node, void *context) {
    struct indexing *indexing = context, condition = {.t = indexing->t};
    struct node_call *call = node_as(node, call);
    struct node *mapped = node_map_children(indexing->t->arena, node, settle_conditions, context);
    if (!call || strcmp(call->function, "select") != 0)
        return mapped;
    struct node *const *arguments = node_as(mapped, call)->arguments.items;
    struct node *settled = settle(call->arguments.items[0], &condition);
    return make_call(indexing->t->arena, call->function,
                     LIST(indexing->t->arena, settled, arguments[1], arguments[2]));
}

static struct node *settle(struct node *node, void *context) {
    const struct indexing *outer = context;
    struct tensorizer *t = outer->t;
    if (node->kind == NODE_ACCESS || !has_index(t, node))
        return node;
    if (value_type_of(t, node) == DTYPE_INDEX) {
        struct node *settled = settle_conditions(node, context);
        return outer->whole ? settled : as_float(t, settled);
    }
    struct indexing inner = {t, is_whole_context(t, node, outer->whole)};
    return node_map_children(t->arena, node, settle, &inner);
}

struct node *index_values(struct tensorizer *t, struct node *value, enum dtype stored) {
    struct indexing indexing = {t, is_whole_type(stored) && stored != DTYPE_BOOL};
    return settle(value, &indexing);
}
