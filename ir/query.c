/* Answers to questions about a kernel: sizes, parameters, the tensor that is written, extents of axes. */
#include "ir/query.h"

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

/* ---- sizes ---- */

struct size_search {
    struct arena *arena;
    struct node *kernel;
    struct list_builder found;
};

static bool is_listed(const struct list_builder *list, const char *name) {
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(node_as(list->items[i], reference)->name, name) == 0)
            return true;
    return false;
}

static bool collect_size(struct node *node, void *context) {
    struct size_search *search = context;
    struct node_reference *size = node_as(node, reference);
    if (size && !find_parameter(search->kernel, size->name) && !is_listed(&search->found, size->name))
        builder_add(search->arena, &search->found, node);
    return node_each_child(node, collect_size, context);
}

struct node_list open_sizes(struct arena *arena, struct node *kernel) {
    struct size_search search = {.arena = arena, .kernel = kernel};
    struct node_list parameters = node_as(kernel, kernel)->parameters;
    for (size_t i = 0; i < parameters.count; i++) {
        struct node_list dimensions = node_as(parameters.items[i], parameter)->dimensions;
        for (size_t k = 0; k < dimensions.count; k++)
            collect_size(dimensions.items[k], &search);
    }
    return builder_list(&search.found);
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

struct launch_question {
    struct node *kernel;
    struct node_list sizes;
};

static bool is_launch_part(struct node *node, void *context) {
    struct launch_question *question = context;
    struct node_reference *reference = node_as(node, reference);
    if (reference) {
        struct node_parameter *parameter = find_parameter(question->kernel, reference->name);
        for (size_t i = 0; i < question->sizes.count; i++)
            if (strcmp(node_as(question->sizes.items[i], reference)->name, reference->name) == 0)
                return true;
        return parameter && !is_tensor(parameter);
    }
    if (node->kind != NODE_INTEGER && node->kind != NODE_BINARY && node->kind != NODE_UNARY &&
        node->kind != NODE_CALL)
        return false;
    struct node_call *call = node_as(node, call); /* lo and len are of the block at hand */
    if (call && (strcmp(call->function, "lo") == 0 || strcmp(call->function, "len") == 0))
        return false;
    return node_each_child(node, is_launch_part, context);
}

bool known_at_launch(struct arena *arena, struct node *kernel, struct node *expression) {
    struct launch_question question = {.kernel = kernel, .sizes = open_sizes(arena, kernel)};
    return is_launch_part(expression, &question);
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

bool may_be_negative(const struct node *kernel, const char *name) {
    const struct node_parameter *parameter = launch_parameter(kernel, name);
    if (!parameter || is_tensor(parameter) ||
        (parameter->dtype != DTYPE_INDEX && parameter->dtype != DTYPE_I32))
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

struct store_search {
    struct node *kernel;
    struct node_parameter *best;
};

static bool visit_store(struct node *node, void *context) {
    struct store_search *search = context;
    struct node_tile *tile = node_as(node, tile);
    if (tile && tile->operation == TILE_STORE && target_name(tile->target)) {
        struct node_parameter *tensor = find_parameter(search->kernel, target_name(tile->target));
        if (tensor && is_tensor(tensor) &&
            (!search->best || tensor->dimensions.count > search->best->dimensions.count))
            search->best = tensor;
    }
    return node_each_child(node, visit_store, context);
}

struct node_parameter *written_tensor(struct node *kernel) {
    struct store_search search = {.kernel = kernel};
    node_each_child(kernel, visit_store, &search);
    return search.best;
}

static bool has_no_exactness(struct node *node, void *context) {
    return !attribute_get(node, KEY_EXACT) && node_each_child(node, has_no_exactness, context);
}

bool asks_exactness(struct node *tree) {
    return !has_no_exactness(tree, NULL);
}

struct kind_search {
    enum node_kind kind;
    struct node *found;
};

static bool visit_kind(struct node *node, void *context) {
    struct kind_search *search = context;
    if (node->kind == search->kind) {
        search->found = node;
        return false;
    }
    return node_each_child(node, visit_kind, context);
}

struct node *find_kind(struct node *tree, enum node_kind kind) {
    struct kind_search search = {.kind = kind};
    visit_kind(tree, &search);
    return search.found;
}

/* ---- axes ---- */

static bool visit_place(struct node *node, void *context) {
    struct node **found = context;
    const struct node_call *call = node_as(node, call);
    if (call && (strcmp(call->function, "lo") == 0 || strcmp(call->function, "len") == 0))
        *found = node;
    return !*found && node_each_child(node, visit_place, context);
}

struct node *find_block_place(struct node *expression) {
    struct node *found = NULL;
    visit_place(expression, &found);
    return found;
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
