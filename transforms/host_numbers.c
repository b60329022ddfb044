/* Whole numbers of values that the host works out, and hands to the kernel as launch arguments.
 *
 *     tile map C_out[i, j] = A_in[i, j] * max(N - 33, 2)        // N - 33 may be below 0, and max is of u32
 *
 * becomes A_in[i, j] * number, with tt.runtime_args = {..., number = max(N - 33, 2)}.
 */
#include "transforms/host_numbers.h"

#include <string.h>

#include "ir/build.h"
#include "ir/query.h"
#include "ir/size.h"

/* ---- which they are ---- */

static bool is_index(const struct node_access *target, const char *name) {
    for (size_t i = 0; target && i < target->subscripts.count; i++)
        if (mentions(target->subscripts.items[i], name))
            return true;
    return false;
}

bool is_whole_number(const struct node *kernel, const struct node_access *target, struct node *node) {
    struct node_reference *reference = node_as(node, reference);
    struct node_unary *unary = node_as(node, unary);
    struct node_binary *binary = node_as(node, binary);
    struct node_call *call = node_as(node, call);
    struct node_parameter *parameter = reference ? launch_parameter(kernel, reference->name) : NULL;
    if (unary)
        return is_whole_number(kernel, target, unary->operand);
    if (binary)
        return is_whole_number(kernel, target, binary->left) &&
               is_whole_number(kernel, target, binary->right);
    if (is_block_place(node))
        return true;
    if (call) {
        bool whole = size_function_of(node) != SIZE_FUNCTION_COUNT;
        for (size_t i = 0; whole && i < call->arguments.count; i++)
            whole = is_whole_number(kernel, target, call->arguments.items[i]);
        return whole;
    }
    return node->kind == NODE_INTEGER ||
           (reference && !is_index(target, reference->name) &&
            (!parameter || (parameter->dtype != DTYPE_F32 && parameter->dtype != DTYPE_BF16)));
}

/* A number that may be below 0, or a choice, which device form has no word for. */
static bool is_beyond_device(const struct node *kernel, struct node *node) {
    struct node_binary *binary = node_as(node, binary);
    struct node_integer *integer = node_as(node, integer);
    struct node_reference *reference = node_as(node, reference);
    enum size_function which = size_function_of(node);
    return (which != SIZE_FUNCTION_COUNT && !size_function_on_device(which)) ||
           (binary && binary->op == BINARY_SUBTRACT) || (integer && integer->value < 0) ||
           node->kind == NODE_UNARY || (reference && may_be_negative(kernel, reference->name));
}

/* Sums, differences and products wrap as u32 and are right as i32; nothing else may have operands below 0. */
bool device_counts(const struct node *kernel, struct node *node) {
    struct node_binary *binary = node_as(node, binary);
    struct node_unary *unary = node_as(node, unary);
    if (binary && binary->op <= BINARY_MULTIPLY)
        return device_counts(kernel, binary->left) && device_counts(kernel, binary->right);
    if (unary && unary->op == UNARY_NEGATE)
        return device_counts(kernel, unary->operand);
    if (node->kind == NODE_INTEGER || node->kind == NODE_REFERENCE)
        return true;
    for_each_node (part, node)
        if (is_beyond_device(kernel, part))
            return false;
    return true;
}

/* ---- names for them ---- */

struct naming {
    struct arena *arena;
    struct node *kernel;
    const struct node_access *target; /* of the statement at hand */
    struct name_table *names;
    struct list_builder *entries;
    size_t first; /* of our entries */
};

static struct node *name_of(struct naming *n, struct node *value) {
    for (size_t i = n->first; i < n->entries->count; i++) {
        struct node_attribute *entry = node_as(n->entries->items[i], attribute);
        if (node_equal(entry->value, value))
            return make_reference(n->arena, entry->key);
    }
    const char *name = name_fresh(n->names, "number");
    builder_add(n->arena, n->entries,
                node_new(n->arena, attribute, ATTRIBUTE, value->span, .key = name, .value = value));
    return make_reference(n->arena, name);
}

/* The largest part that is a whole number gets the name: less of it may be no number that the device counts.
 * Subscripts choose pages, of which the proofs must know what they are made of: they stay as they are. */
static struct node *map_value(struct node *node, void *context) {
    struct naming *n = context;
    if (node->kind == NODE_ACCESS)
        return node;
    if (!is_whole_number(n->kernel, n->target, node))
        return node_map_children(n->arena, node, map_value, n);
    bool counts = device_counts(n->kernel, node) || !known_at_launch(n->arena, n->kernel, node);
    return counts ? node : node_with_span(n->arena, name_of(n, node), node->span);
}

static struct node *map_statement(struct node *node, void *context) {
    struct naming *n = context;
    struct node_tile *tile = node_as(node, tile);
    if (!tile)
        return node_map_children(n->arena, node, map_statement, n);
    struct node_tile made = *tile;
    n->target = node_as(tile->target, access);
    made.value = map_value(tile->value, n);
    return made.value == tile->value ? node : arena_copy(n->arena, &made, sizeof made);
}

struct node *host_numbers_name(struct arena *arena, struct node *kernel, struct name_table *names,
                               struct list_builder *entries) {
    struct naming naming = {
        .arena = arena, .kernel = kernel, .names = names, .entries = entries, .first = entries->count};
    struct node_kernel made = *node_as(kernel, kernel);
    made.body = map_statement(made.body, &naming);
    return arena_copy(arena, &made, sizeof made);
}
