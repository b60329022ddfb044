/* Answers to questions about a kernel: sizes, parameters, the tensor that is written, extents of axes. */
#include "ir/query.h"

#include <math.h>
#include <string.h>

#include "ir/attributes.h"
#include "ir/build.h"
#include "ir/launch.h"

struct node_parameter *find_parameter(struct node *kernel, const char *name) {
    struct node_list parameters = node_as(kernel, kernel)->parameters;
    for (size_t i = 0; i < parameters.count; i++) {
        struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        if (strcmp(parameter->name, name) == 0)
            return parameter;
    }
    return NULL;
}

bool is_tensor(const struct node_parameter *parameter) {
    return parameter->dimensions.count > 0;
}

bool is_row_major(const struct node_parameter *parameter) {
    struct node *buffer = attribute_get(&parameter->base, KEY_TT_BUFFER);
    return strcmp(attribute_word(dictionary_get(buffer, KEY_FORMAT), ""), "row_major") == 0;
}

/* ---- sizes ---- */

static bool is_listed(const struct list_builder *list, const char *name) {
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(node_as(list->items[i], reference)->name, name) == 0)
            return true;
    return false;
}

static void add_sizes(struct arena *arena, const struct node *entry, struct list_builder *found,
                      struct node *expression) {
    for_each (reference, size, expression)
        if (!launch_parameter(entry, size->name) && !is_listed(found, size->name))
            builder_add(arena, found, &size->base);
}

static struct list_builder sizes_of_dimensions(struct arena *arena, const struct node *entry) {
    struct list_builder found = {0};
    struct node_list parameters = launch_parameters(entry);
    for (size_t i = 0; i < parameters.count; i++) {
        struct node_list dimensions = node_as(parameters.items[i], parameter)->dimensions;
        for (size_t k = 0; k < dimensions.count; k++)
            add_sizes(arena, entry, &found, dimensions.items[k]);
    }
    return found;
}

struct node_list open_sizes(struct arena *arena, struct node *kernel) {
    struct list_builder found = sizes_of_dimensions(arena, kernel);
    return builder_list(&found);
}

struct node_list entry_sizes(struct arena *arena, struct node *entry) {
    struct list_builder found = sizes_of_dimensions(arena, entry);
    struct node_list conditions = launch_conditions(entry);
    for (size_t i = 0; i < conditions.count; i++)
        add_sizes(arena, entry, &found, conditions.items[i]);
    return builder_list(&found);
}

bool size_counts_matrices(struct node *kernel, const char *name) {
    struct node_list parameters = launch_parameters(kernel);
    for (size_t i = 0; i < parameters.count; i++) {
        struct node_list dimensions = node_as(parameters.items[i], parameter)->dimensions;
        for (size_t j = 0; j + 2 < dimensions.count; j++)
            if (mentions(dimensions.items[j], name))
                return true;
    }
    return false;
}

static bool is_launch_number(struct node *kernel, const struct list_builder *sizes, const char *name) {
    const struct node_parameter *parameter = find_parameter(kernel, name);
    return is_listed(sizes, name) || (parameter && !is_tensor(parameter));
}

bool known_at_launch(struct arena *arena, struct node *kernel, struct node *expression) {
    struct node_list open = open_sizes(arena, kernel);
    struct list_builder sizes = {0};
    builder_add_all(arena, &sizes, open);
    for_each_node (part, expression) {
        struct node_reference *reference = node_as(part, reference);
        bool known = reference ? is_launch_number(kernel, &sizes, reference->name)
                               : part->kind == NODE_INTEGER || part->kind == NODE_BINARY ||
                                     part->kind == NODE_UNARY || part->kind == NODE_CALL;
        if (!known || is_block_place(part))
            return false;
    }
    return true;
}

/* Does `low <= high`, or strictly `low < high`, say that the name is at least 0? */
static bool says_not_negative(const struct node *low, const struct node *high, const char *name,
                              bool strict) {
    struct node_reference *reference = node_as((struct node *)high, reference);
    int64_t least;
    return reference && strcmp(reference->name, name) == 0 && integer_value(low, &least) && least >= -strict;
}

static bool condition_not_negative(const struct node *condition, const char *name) {
    struct node_binary *binary = node_as((struct node *)condition, binary);
    if (!binary)
        return false;
    switch (binary->op) {
    case BINARY_AND:
        return condition_not_negative(binary->left, name) || condition_not_negative(binary->right, name);
    case BINARY_EQUAL:
        return says_not_negative(binary->left, binary->right, name, false) ||
               says_not_negative(binary->right, binary->left, name, false);
    case BINARY_LESS:
    case BINARY_LESS_EQUAL:
        return says_not_negative(binary->left, binary->right, name, binary->op == BINARY_LESS);
    case BINARY_GREATER:
    case BINARY_GREATER_EQUAL:
        return says_not_negative(binary->right, binary->left, name, binary->op == BINARY_GREATER);
    default:
        return false;
    }
}

bool binds_size(const struct node_parameter *parameter, const char *size) {
    for (size_t i = 0; i < parameter->dimensions.count; i++) {
        const struct node_reference *dimension = node_as(parameter->dimensions.items[i], reference);
        if (dimension && strcmp(dimension->name, size) == 0)
            return true;
    }
    return false;
}

/* A dimension of a tensor: no launch has a tensor of fewer than 0 elements. */
static bool is_dimension(const struct node *kernel, const char *name) {
    struct node_list parameters = launch_parameters((struct node *)(uintptr_t)kernel);
    for (size_t i = 0; i < parameters.count; i++)
        if (binds_size(node_as(parameters.items[i], parameter), name))
            return true;
    return false;
}

bool may_be_negative(const struct node *kernel, const char *name) {
    const struct node_parameter *parameter = launch_parameter(kernel, name);
    if (!parameter || is_tensor(parameter) ||
        (parameter->dtype != DTYPE_INDEX && parameter->dtype != DTYPE_I32) || is_dimension(kernel, name))
        return false;
    struct node_list conditions = ((const struct node_kernel *)kernel)->conditions;
    for (size_t i = 0; i < conditions.count; i++)
        if (condition_not_negative(conditions.items[i], name))
            return false;
    return true;
}

/* ---- data flow ---- */

const char *target_name(const struct node *target) {
    if (target->kind == NODE_ACCESS)
        return ((const struct node_access *)target)->name;
    return target->kind == NODE_REFERENCE ? ((const struct node_reference *)target)->name : NULL;
}

struct node_parameter *written_tensor(struct node *kernel) {
    struct node_parameter *best = NULL;
    for_each (tile, tile, kernel) {
        const char *name = tile->operation == TILE_STORE ? target_name(tile->target) : NULL;
        struct node_parameter *tensor = name ? find_parameter(kernel, name) : NULL;
        if (tensor && is_tensor(tensor) && (!best || tensor->dimensions.count > best->dimensions.count))
            best = tensor;
    }
    return best;
}

double reduction_neutral(enum reduction_operator op) {
    switch (op) {
    case REDUCTION_PRODUCT:
        return 1;
    case REDUCTION_MAX:
    case REDUCTION_ARGMAX:
        return -(double)INFINITY;
    case REDUCTION_MIN:
    case REDUCTION_ARGMIN:
        return (double)INFINITY;
    default:
        return 0;
    }
}

enum reduction_operator fold_of_update(enum assign_operator op) {
    return op == ASSIGN_MULTIPLY ? REDUCTION_PRODUCT
           : op == ASSIGN_MAX    ? REDUCTION_MAX
           : op == ASSIGN_MIN    ? REDUCTION_MIN
                                 : REDUCTION_SUM;
}

bool folds_by_parts(enum reduction_operator op) {
    return update_of_fold(op) != ASSIGN_SET;
}

enum assign_operator update_of_fold(enum reduction_operator op) {
    return op == REDUCTION_SUM       ? ASSIGN_ADD
           : op == REDUCTION_PRODUCT ? ASSIGN_MULTIPLY
           : op == REDUCTION_MAX     ? ASSIGN_MAX
           : op == REDUCTION_MIN     ? ASSIGN_MIN
                                     : ASSIGN_SET;
}

bool is_assigned(const struct node *body, const char *name) {
    for_each (assign, assign, body) {
        const char *target = target_name(assign->target);
        if (target && strcmp(target, name) == 0)
            return true;
    }
    return false;
}

bool folds_along_rows(const struct node_reduction *reduction) {
    const struct node_access *buffer = node_as(reduction->body, access);
    const struct node_axis *axis = node_as(reduction->axes.items[0], axis);
    return buffer && buffer->subscripts.count == 2 &&
           node_as(buffer->subscripts.items[1], reference)->name == axis->name;
}

bool folds_in_slots(const struct node_tile *reduce) {
    return strcmp(attribute_word(attribute_get(&reduce->base, KEY_TT_UNIT), ""), "vector") == 0;
}

const char *lane_axis(const struct node_tile *reduce) {
    const struct node_access *target = node_as(reduce->target, access);
    for (size_t i = 0; target && target->subscripts.count == 2 && i < 2; i++) {
        const struct node_reference *axis = node_as(target->subscripts.items[i], reference);
        if (axis && !mentions(reduce->value, axis->name))
            return axis->name;
    }
    return NULL;
}

bool asks_exactness(struct node *tree) {
    for_each_node (node, tree)
        if (attribute_get(node, KEY_EXACT))
            return true;
    return false;
}

struct node_buffer *find_declaration(struct node *tree, const char *name) {
    for_each (buffer, buffer, tree)
        if (strcmp(buffer->name, name) == 0)
            return buffer;
    return NULL;
}

struct node *find_multicast(struct node *tree) {
    for_each (buffer, buffer, tree)
        if (attribute_get(&buffer->base, KEY_MULTICAST))
            return &buffer->base;
    return NULL;
}

bool calls(struct node *tree, const char *function) {
    for_each (call, call, tree)
        if (strcmp(call->function, function) == 0)
            return true;
    return false;
}

bool launches_kernel(struct node *program, const char *kernel) {
    for_each (launch, launch, program)
        if (strcmp(launch->kernel, kernel) == 0)
            return true;
    return false;
}

/* ---- axes ---- */

bool is_block_place(const struct node *node) {
    const struct node_call *call = node->kind == NODE_CALL ? (const struct node_call *)node : NULL;
    return call && (strcmp(call->function, "lo") == 0 || strcmp(call->function, "len") == 0);
}

struct node *find_block_place(struct node *expression) {
    for_each_node (node, expression)
        if (is_block_place(node))
            return node;
    return NULL;
}

struct node *axis_extent(struct arena *arena, const struct node_axis *axis) {
    struct node_binary *sum = node_as(axis->upper, binary);
    if (sum && sum->op == BINARY_ADD && node_equal(sum->left, axis->lower))
        return simplify(arena, sum->right);
    return simplify(arena, make_sub(arena, axis->upper, axis->lower));
}

struct node *axis_trips(struct arena *arena, const struct node_axis *axis) {
    struct node *extent = axis_extent(arena, axis);
    return axis->step ? make_ceildiv(arena, extent, simplify(arena, axis->step)) : extent;
}

bool covers_whole_axis(const struct node_axis *axis) {
    return axis->step && node_equal(axis->step, axis->upper);
}

/* ---- launch arguments ---- */

bool is_core_function(const char *name) {
    static const char *const functions[] = {"start", "count", "core_x", "core_y", "noc_x", "noc_y"};
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (strcmp(name, functions[i]) == 0)
            return true;
    return false;
}

bool depends_on_place(const struct node *value) {
    for_each (call, call, value)
        if (is_core_function(call->function) && strcmp(call->function, "start") != 0 &&
            strcmp(call->function, "count") != 0)
            return true;
    return false;
}

bool differs_between_cores(const struct node *value) {
    for_each (call, call, value)
        if (is_core_function(call->function))
            return true;
    return false;
}

const char *runtime_argument_name(const struct node *kernel, size_t position) {
    struct node_dictionary *arguments = node_as(attribute_get(kernel, KEY_TT_RUNTIME_ARGS), dictionary);
    if (!arguments || position >= arguments->entries.count)
        return NULL;
    return node_as(arguments->entries.items[position], attribute)->key;
}

struct name_table kernel_names(struct arena *arena, struct node *kernel) {
    struct name_table set = names_of(arena, kernel);
    struct node_dictionary *arguments = node_as(attribute_get(kernel, KEY_TT_RUNTIME_ARGS), dictionary);
    for (size_t i = 0; arguments && i < arguments->entries.count; i++)
        name_fresh(&set, node_as(arguments->entries.items[i], attribute)->key);
    return set;
}

bool is_declaration(const struct node *node) {
    return node->kind == NODE_CIRCULAR_BUFFER || node->kind == NODE_SEMAPHORE || node->kind == NODE_CONSTANT;
}

static void add_other_name(struct arena *arena, struct node_list *list, const struct node *tree) {
    static const char *const names[] = {"o", "p", "q", "r"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!mentions(tree, names[i])) {
            struct node *last = make_reference(arena, names[i]);
            if (!list->count || !node_equal(list->items[list->count - 1], last)) {
                *list = list_append(arena, *list, last);
                return;
            }
        }
}

struct node *access_in_matrices(struct arena *arena, const struct node_access *access) {
    struct node_list order = {0};
    size_t rank = access->subscripts.count, plain = 0, before = rank < 2 ? 0 : rank - 2;
    for (size_t i = 0; i < rank; i++)
        if (i < before || access->subscripts.items[i]->kind != NODE_REFERENCE)
            order = list_append(arena, order, access->subscripts.items[i]);
    for (size_t i = before; i < rank; i++)
        if (access->subscripts.items[i]->kind == NODE_REFERENCE) {
            order = list_append(arena, order, access->subscripts.items[i]);
            plain++;
        }
    for (; plain < 2; plain++)
        add_other_name(arena, &order, &access->base);
    return make_access(arena, access->name, order);
}
