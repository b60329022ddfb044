/* Extents and block sizes of axes in tiles, and the clipping of the last block. */
#include "transforms/blocks.h"

#include <string.h>

#include "ir/attributes.h"
#include "ir/build.h"
#include "ir/query.h"
#include "ir/size.h"

bool axis_scope_push(struct axis_scope *scope, struct node_list axes) {
    for (size_t i = 0; i < axes.count; i++) {
        if (scope->count == sizeof scope->axes / sizeof *scope->axes)
            return false;
        scope->axes[scope->count++] = node_as(axes.items[i], axis);
    }
    return true;
}

struct node_axis *axis_scope_find(const struct axis_scope *scope, const char *name) {
    for (size_t i = scope->count; i-- > 0;)
        if (scope->axes[i]->name == name)
            return scope->axes[i];
    return NULL;
}

struct node *tiles_of(struct arena *arena, struct node *elements) {
    return make_ceildiv(arena, elements, make_integer(arena, TILE_EDGE));
}

struct node *block_tiles(struct arena *arena, const struct node_axis *axis) {
    return tiles_of(arena, axis->step);
}

bool block_shape(struct arena *arena, const struct axis_scope *scope, const struct node_buffer *buffer,
                 struct node **rows, struct node **columns) {
    struct node *one = make_integer(arena, 1), *tiles[2] = {one, one};
    for (size_t i = 0; i < buffer->axes.count; i++) {
        struct node_axis *axis = axis_scope_find(scope, node_as(buffer->axes.items[i], axis)->name);
        if (!axis || !axis->step)
            return false;
        tiles[i] = block_tiles(arena, axis);
        if (attribute_integer(tiles[i], 1) == 0)
            tiles[i] = one; /* of an axis without elements: a tile that nothing fills */
    }
    const char *orientation = attribute_word(attribute_get(&buffer->base, KEY_TT_ORIENTATION), "row");
    bool column = strcmp(orientation, "column") == 0;
    *rows = buffer->axes.count == 2 || column ? tiles[0] : one;
    *columns = buffer->axes.count == 2 ? tiles[1] : column ? one : tiles[0];
    return true;
}

struct node *shared_pages(struct arena *arena, const struct node_buffer *buffer, struct node *rows,
                          struct node *columns) {
    struct node *facts = attribute_get(&buffer->base, KEY_TT_CB);
    int64_t depth = attribute_integer(dictionary_get(facts, KEY_DEPTH), 1);
    return make_mul(arena, make_mul(arena, rows, columns), make_integer(arena, depth));
}

bool is_one_of_many(struct arena *arena, const struct node_axis *axis) {
    const struct node_call *min = size_call(axis->upper, SIZE_min);
    struct node *end = make_add(arena, axis->lower, axis->step ? axis->step : make_integer(arena, 1));
    int64_t known;
    if (integer_value(axis->lower, &known))
        return false;
    return node_equal(axis->upper, end) || (min && node_equal(min->arguments.items[1], end));
}

struct node *clipping_extent(struct arena *arena, const struct node_axis *axis) {
    int64_t lower, upper, step;
    if (is_one_of_many(arena, axis)) {
        const struct node_call *min = size_call(axis->upper, SIZE_min);
        return min ? min->arguments.items[0] : NULL;
    }
    if (!integer_value(axis->lower, &lower))
        return axis->upper;
    bool full = integer_value(simplify(arena, axis->upper), &upper) && integer_value(axis->step, &step) &&
                step > 0 && (upper - lower) % step == 0;
    return full ? NULL : axis->upper;
}

bool is_single_block(struct arena *arena, const struct node_axis *axis) {
    int64_t lower, upper, step;
    if (covers_whole_axis(axis) || is_one_of_many(arena, axis))
        return true;
    if (!integer_value(axis->lower, &lower))
        return false;
    return integer_value(simplify(arena, axis->upper), &upper) && integer_value(axis->step, &step) &&
           upper > lower && upper - lower <= step;
}

bool is_one_iteration(struct arena *arena, const struct node_for *loop) {
    for (size_t i = 0; i < loop->axes.count; i++) {
        struct node_axis *axis = node_as(loop->axes.items[i], axis);
        if (!axis->step || !is_single_block(arena, axis))
            return false;
    }
    return true;
}

static bool has_dimension(const struct node_parameter *parameter, const struct node *extent) {
    for (size_t i = 0; i < parameter->dimensions.count; i++)
        if (node_equal(parameter->dimensions.items[i], extent))
            return true;
    return false;
}

bool is_positive_extent(const struct node *kernel, const struct node *extent) {
    struct node_list parameters = ((const struct node_kernel *)kernel)->parameters;
    bool written = false, everywhere = true;
    for (size_t i = 0; i < parameters.count; i++) {
        const struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        if (parameter->direction == DIRECTION_IN)
            continue;
        written = true;
        everywhere &= has_dimension(parameter, extent);
    }
    return written && everywhere;
}

struct launch_search {
    struct arena *arena;
    struct node_list arguments;
};

static struct node *to_argument(struct node *node, void *context) {
    struct launch_search *search = context;
    for (size_t i = 0; node->kind == NODE_CALL && i < search->arguments.count; i++) {
        struct node_attribute *entry = node_as(search->arguments.items[i], attribute);
        if (node_equal(entry->value, node))
            return make_reference(search->arena, entry->key);
    }
    return node_map_children(search->arena, node, to_argument, search);
}

struct node *in_launch_arguments(struct arena *arena, struct node *kernel, struct node *expression) {
    struct node_dictionary *arguments = node_as(attribute_get(kernel, KEY_TT_RUNTIME_ARGS), dictionary);
    struct launch_search search = {arena, arguments ? arguments->entries : (struct node_list){0}};
    return to_argument(simplify(arena, expression), &search);
}

struct node *divide_by_tile(struct arena *arena, struct node *expression) {
    int64_t value;
    if (integer_value(expression, &value))
        return value % TILE_EDGE == 0 ? make_integer(arena, value / TILE_EDGE) : NULL;
    struct node_binary *binary = node_as(expression, binary);
    const struct node_call *least = size_call(expression, SIZE_min),
                           *call = least ? least : size_call(expression, SIZE_max);
    if (call) {
        struct node *a = divide_by_tile(arena, call->arguments.items[0]),
                    *b = divide_by_tile(arena, call->arguments.items[1]);
        return !a || !b ? NULL : least ? make_min(arena, a, b) : make_max(arena, a, b);
    }
    if (!binary)
        return NULL;
    if (binary->op == BINARY_MULTIPLY) {
        struct node *right = divide_by_tile(arena, binary->right);
        if (right)
            return make_mul(arena, binary->left, right);
        struct node *left = divide_by_tile(arena, binary->left);
        return left ? make_mul(arena, left, binary->right) : NULL;
    }
    if (binary->op == BINARY_ADD || binary->op == BINARY_SUBTRACT) {
        struct node *left = divide_by_tile(arena, binary->left),
                    *right = divide_by_tile(arena, binary->right);
        if (!left || !right)
            return NULL;
        return binary->op == BINARY_ADD ? make_add(arena, left, right) : make_sub(arena, left, right);
    }
    return NULL;
}
